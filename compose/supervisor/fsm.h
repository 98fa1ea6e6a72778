/* SPDX-License-Identifier: Apache-2.0 */
/* fsm.h - the life of a container: one table [state][event], and when to start it again. Pure.
 * runs in: supervisor worker.   owns: nothing.   layer: supervisor.   spec: compose-spec 05-services "restart". */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "compose/state/record.h"

#define FSM_STATES(X) \
	X(IDLE)         /* created or exited */ \
	X(CREATING)     /* namespaces, mounts, network are being made */ \
	X(STARTING)     /* its command is being exec'ed */ \
	X(RUNNING) \
	X(PAUSED) \
	X(STOPPING)     /* asked to end, grace period */ \
	X(BACKOFF)      /* ended, will be started again */
#define FSM_EVENTS(X) \
	X(START)        /* somebody wants it to run */ \
	X(CREATED)      /* all is made, the process waits for its exec */ \
	X(STARTED)      /* exec succeeded */ \
	X(FAILED)       /* could not be made or exec'ed, and that is all */ \
	X(FAILED_AGAIN) /* the same when the restart policy will try again */ \
	X(EXIT)         /* its first process ended, for good */ \
	X(EXIT_AGAIN)   /* the same when the restart policy wants it back */ \
	X(STOP) \
	X(KILL)         /* a signal is to be sent */ \
	X(PAUSE) \
	X(UNPAUSE) \
	X(SPARED)       /* a pre_stop hook failed: it is not stopped after all */ \
	X(GRACE)        /* the grace period is over */ \
	X(DELAY)        /* the back-off is over */
#define FSM_ACTIONS(X) \
	X(NOTHING)      /* comes too late to matter */ \
	X(REFUSE)       /* tell who asked that it cannot be now */ \
	X(DONE)         /* tell who asked that it is so already */ \
	X(WAIT)         /* who asked will hear when it comes about */ \
	X(AGAIN)        /* the same, and it is started when it has ended */ \
	X(CREATE) X(EXEC) X(RUN) X(FAIL) X(FAIL_DELAY) X(SETTLE) X(ABORT) \
	X(END) X(END_DELAY) X(STOP) X(THAW_STOP) X(STOP_SOONER) X(SPARE) X(SIGNAL) X(KILL_ALL) X(FREEZE) X(THAW) X(CANCEL)

#define FSM_NAME(n) FSM_##n,
#define EV_NAME(n) EV_##n,
#define ACT_NAME(n) ACT_##n,
enum fsm_state { FSM_STATES(FSM_NAME) FSM_STATE_N };
enum fsm_event { FSM_EVENTS(EV_NAME) EV_N };
enum fsm_action { ACT_HOLE, FSM_ACTIONS(ACT_NAME) ACT_N };   /* ACT_HOLE: nobody thought of this pair (a test looks for it) */

struct fsm_cell { enum fsm_action action; enum fsm_state next; };
/* What to do, and the state after it. */
struct fsm_cell fsm(enum fsm_state s, enum fsm_event ev);
const char *fsm_state_name(enum fsm_state s);     /* for people: "running" */
const char *fsm_event_name(enum fsm_event ev);

enum { FSM_DELAY_MIN_MS = 100, FSM_DELAY_MAX_MS = 60000, FSM_SETTLED_S = 10 };

/* Whether the restart policy wants it back. in: tries so far in a row that count for on-failure:N */
bool fsm_wants_back(const struct ctr_record *r, const struct ctr_status *s);
/* in: one that does not run. ret: whether it ended as a program that has something to do once: with 0, by itself, for good; one
 * with a healthcheck is meant to stay */
bool fsm_is_done(const struct ctr_record *r, const struct ctr_status *s);
/* The next pause before a start: doubles from 100 ms to 1 min, from the beginning after a life of 10 s.
 * in: last_ms: the pause before the life that ended, 0 for none */
int64_t fsm_delay_ms(int64_t last_ms, int64_t lived_ns);
