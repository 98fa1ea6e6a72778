/* SPDX-License-Identifier: Apache-2.0 */
/* steps.h - the points at which a container's process and its maker wait for each other: one list, one socket.
 * runs in: both sides.   owns: nothing.   layer: runtime.
 * A message is a step, an error chain, or a descriptor for a step. End of file before a step means that the peer died;
 * only behind STEP_GO it means success: the exec has closed the socket. */
#pragma once
#include <stddef.h>
#include "compose/base/err.h"

/*       step        who says it   meaning */
#define STEPS(X) \
	X(STEP_MAPPED,  "parent", "user id maps are written") \
	X(STEP_SPACES,  "child",  "namespaces exist, hooks may run") \
	X(STEP_HOOKED,  "parent", "hooks have run") \
	X(STEP_READY,   "child",  "all is set up but the exec") \
	X(STEP_GO,      "parent", "run the command") \
	X(STEP_BORN,    "child",  "the process in the container exists") \
	X(STEP_EXEC,    "child",  "the command runs (told by end of file)")
#define STEP_ENUM(id, who, text) id,
enum step { STEPS(STEP_ENUM) STEP_N };

/* ret: "ready: all is set up but the exec" */
const char *step_text(enum step s);
/* in: pass_fd goes along, -1: none */
int step_send(int sock, enum step s, int pass_fd, struct err *e) __attribute__((warn_unused_result));
/* Wait for a step. ret: 0; *ret_fd (may be NULL) a descriptor that came along, else -1
 * err: the peer's own chain; "died before STEP"; ERR_BUG for another step; ERR_SYS when nothing comes for a minute */
int step_wait(int sock, enum step s, int *ret_fd, struct err *e) __attribute__((warn_unused_result));
/* Wait for whichever of two comes. ret: it */
int step_wait_either(int sock, enum step a, enum step b, int *ret_fd, struct err *e)
	__attribute__((warn_unused_result));
/* Child: send the chain; the peer's step_wait() fails with it. */
void step_fail(int sock, const struct err *e);
/* Parent: wait until end of file. ret: 0 the exec succeeded, -1 with the child's chain */
int step_wait_exec(int sock, struct err *e) __attribute__((warn_unused_result));
/* Child that was told nothing more by its peer's end of file. */
int step_socketpair(int ret[2], struct err *e) __attribute__((warn_unused_result));
