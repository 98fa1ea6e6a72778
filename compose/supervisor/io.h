/* SPDX-License-Identifier: Apache-2.0 */
/* io.h - a container's output into its log and to those attached; input to it. Private to compose/supervisor.
 * runs in: supervisor worker.   owns: struct io its descriptors, and taps given to it.   layer: supervisor.
 * A tap is a pipe of a client that wants the output too. Output waits for a slow tap (back-pressure): nothing is lost. */
#pragma once
#include <stdbool.h>
#include "compose/supervisor/ctr.h"

/* Make pipes for a start. ret: 0; stdio: what the container gets, the caller's to close (-1: /dev/null) */
int  io_new(struct ctr *c, int stdio[3], struct err *e) __attribute__((warn_unused_result));
/* With a terminal: its master end, once it exists (taken). */
int  io_terminal(struct ctr *c, int master, struct err *e) __attribute__((warn_unused_result));
/* Take up the pipes that a worker before us left with the keeper. */
void io_adopt(struct ctr *c);
/* Begin to move. */
void io_run(struct ctr *c);
/* Attach a client's pipe ends (-1: not that one), taken in any case. once: end of its input is the end of the container's */
void io_attach(struct ctr *c, int in, int out, int err, bool once);
int  io_resize(struct ctr *c, unsigned short rows, unsigned short cols, struct err *e) __attribute__((warn_unused_result));
/* The system's logger takes more again. */
void io_resume(struct ctr *c);
/* The container ended: move what is left; c->io is NULL after, the rest goes by itself. */
void io_end(struct ctr *c);
void io_free(struct io *io);
/* ret: how many clients still have output of ended containers to take */
size_t io_pending(void);
