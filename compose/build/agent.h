/* SPDX-License-Identifier: Apache-2.0 */
/* agent.h - the user's ssh agent, lent to one RUN step: a socket of its own, behind which two kinds of requests are
 * passed on, "which keys are there" and "sign this". All others (add, remove, lock, extensions) are refused here and
 * never reach the agent.
 * runs in: client, the builder's threads; a thread per loan and per connection.   owns: struct agent_loan.   layer: build.
 * spec: the ssh agent protocol, draft-ietf-sshm-ssh-agent; Dockerfile reference "RUN --mount=type=ssh" */
#pragma once
#include <stddef.h>
#include <sys/types.h>
#include "compose/base/err.h"

enum { AGENT_MESSAGE_MAX = 256 << 10 };      /* OpenSSH's own limit, in bytes without the length in front */
enum agent_verdict {
	AGENT_MORE,                          /* the request is not complete yet */
	AGENT_PASS,
	AGENT_REFUSE,                        /* answer with a failure */
	AGENT_BROKEN,                        /* no request can be this: end the connection */
};
/* Judge the request at the start of buf. Pure. in: len bytes from the step, hostile.
 * ret: with AGENT_PASS and AGENT_REFUSE *ret_len is the length of the request, at most len; else it is 0 */
enum agent_verdict agent_request(const void *buf, size_t len, size_t *ret_len);

struct agent_loan;
/* Make the socket `name` in the directory dir, with this owner and mode, and answer on it until the loan ends.
 * in:  agent: path of the agent's socket; borrowed until then
 * err: ERR_MISSING, ERR_SYS when nobody answers at agent */
int  agent_lend(struct agent_loan **ret, int dir, const char *name, uid_t uid, gid_t gid, mode_t mode, const char *agent,
		struct err *e) __attribute__((warn_unused_result));
/* Connections are cut, the threads end. The socket's file stays the caller's. */
void agent_loan_end(struct agent_loan *l);
