/* SPDX-License-Identifier: Apache-2.0 */
/* sched.h - which operation of a plan may start now: those whose predecessors have succeeded, a limited number at a time.
 * runs in: client.   owns: its arrays (sched_done).   layer: graph, pure: no clock, no processes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "graph/plan.h"

enum op_state { OPS_BLOCKED, OPS_READY, OPS_ACTIVE, OPS_OK, OPS_FAILED, OPS_SKIPPED };

struct sched {
	const struct plan *plan;
	enum op_state *state;        /* by op->i */
	size_t *waits;               /* predecessors that have not succeeded yet */
	struct op **ready; size_t head, tail;
	size_t active, limit;        /* limit 0 = none; waiting operations (OP_WAIT) do not count */
	size_t left;                 /* operations neither finished nor skipped */
	bool stopping;               /* nothing new is started */
};

void sched_init(struct sched *s, const struct plan *p, size_t limit);
void sched_done(struct sched *s);
/* ret: an operation to start now, marked active; NULL when none may start at the moment */
struct op *sched_next(struct sched *s);
/* Tell how an active operation ended. A failure skips everything that needs it. */
void sched_end(struct sched *s, const struct op *op, bool ok);
/* Skip all that has not started (Ctrl-C). */
void sched_stop(struct sched *s);
/* ret: nothing active and nothing left to start */
bool sched_idle(const struct sched *s);
