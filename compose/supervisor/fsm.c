/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/fsm.h"

#define TO(action, next) { ACT_##action, FSM_##next }

static const struct fsm_cell table[FSM_STATE_N][EV_N] = {
	[FSM_IDLE] = {
		[EV_START] = TO(CREATE, CREATING), [EV_CREATED] = TO(NOTHING, IDLE), [EV_STARTED] = TO(NOTHING, IDLE),
		[EV_FAILED] = TO(NOTHING, IDLE), [EV_FAILED_AGAIN] = TO(NOTHING, IDLE), [EV_EXIT] = TO(NOTHING, IDLE),
		[EV_EXIT_AGAIN] = TO(NOTHING, IDLE), [EV_STOP] = TO(DONE, IDLE), [EV_KILL] = TO(REFUSE, IDLE),
		[EV_PAUSE] = TO(REFUSE, IDLE), [EV_UNPAUSE] = TO(REFUSE, IDLE), [EV_GRACE] = TO(NOTHING, IDLE),
		[EV_DELAY] = TO(NOTHING, IDLE),
		[EV_SPARED] = TO(NOTHING, IDLE),
	},
	[FSM_CREATING] = {
		[EV_START] = TO(WAIT, CREATING), [EV_CREATED] = TO(EXEC, STARTING), [EV_STARTED] = TO(NOTHING, CREATING),
		[EV_FAILED] = TO(FAIL, IDLE), [EV_FAILED_AGAIN] = TO(FAIL_DELAY, BACKOFF),
		/* the process is gone, and what it had to say is about to be read */
		[EV_EXIT] = TO(NOTHING, CREATING), [EV_EXIT_AGAIN] = TO(NOTHING, CREATING),
		[EV_STOP] = TO(ABORT, CREATING), [EV_KILL] = TO(REFUSE, CREATING), [EV_PAUSE] = TO(REFUSE, CREATING),
		[EV_UNPAUSE] = TO(REFUSE, CREATING), [EV_GRACE] = TO(NOTHING, CREATING), [EV_DELAY] = TO(NOTHING, CREATING),
		[EV_SPARED] = TO(NOTHING, CREATING),
	},
	[FSM_STARTING] = {
		[EV_START] = TO(WAIT, STARTING), [EV_CREATED] = TO(NOTHING, STARTING), [EV_STARTED] = TO(RUN, RUNNING),
		[EV_FAILED] = TO(FAIL, IDLE), [EV_FAILED_AGAIN] = TO(FAIL_DELAY, BACKOFF),
		/* a short command can end before its exec was heard of: hear of it first */
		[EV_EXIT] = TO(SETTLE, STARTING), [EV_EXIT_AGAIN] = TO(SETTLE, STARTING),
		[EV_STOP] = TO(ABORT, STARTING), [EV_KILL] = TO(REFUSE, STARTING), [EV_PAUSE] = TO(REFUSE, STARTING),
		[EV_UNPAUSE] = TO(REFUSE, STARTING), [EV_GRACE] = TO(NOTHING, STARTING), [EV_DELAY] = TO(NOTHING, STARTING),
		[EV_SPARED] = TO(NOTHING, STARTING),
	},
	[FSM_RUNNING] = {
		[EV_START] = TO(DONE, RUNNING), [EV_CREATED] = TO(NOTHING, RUNNING), [EV_STARTED] = TO(NOTHING, RUNNING),
		[EV_FAILED] = TO(NOTHING, RUNNING), [EV_FAILED_AGAIN] = TO(NOTHING, RUNNING), [EV_EXIT] = TO(END, IDLE),
		[EV_EXIT_AGAIN] = TO(END_DELAY, BACKOFF), [EV_STOP] = TO(STOP, STOPPING), [EV_KILL] = TO(SIGNAL, RUNNING),
		[EV_PAUSE] = TO(FREEZE, PAUSED), [EV_UNPAUSE] = TO(REFUSE, RUNNING), [EV_GRACE] = TO(NOTHING, RUNNING),
		[EV_DELAY] = TO(NOTHING, RUNNING),
		[EV_SPARED] = TO(NOTHING, RUNNING),
	},
	[FSM_PAUSED] = {
		[EV_START] = TO(REFUSE, PAUSED), [EV_CREATED] = TO(NOTHING, PAUSED), [EV_STARTED] = TO(NOTHING, PAUSED),
		[EV_FAILED] = TO(NOTHING, PAUSED), [EV_FAILED_AGAIN] = TO(NOTHING, PAUSED), [EV_EXIT] = TO(END, IDLE),
		[EV_EXIT_AGAIN] = TO(END_DELAY, BACKOFF), [EV_STOP] = TO(THAW_STOP, STOPPING), [EV_KILL] = TO(SIGNAL, PAUSED),
		[EV_PAUSE] = TO(REFUSE, PAUSED), [EV_UNPAUSE] = TO(THAW, RUNNING), [EV_GRACE] = TO(NOTHING, PAUSED),
		[EV_DELAY] = TO(NOTHING, PAUSED),
		[EV_SPARED] = TO(NOTHING, PAUSED),
	},
	[FSM_STOPPING] = {
		[EV_START] = TO(AGAIN, STOPPING), [EV_CREATED] = TO(NOTHING, STOPPING), [EV_STARTED] = TO(NOTHING, STOPPING),
		[EV_FAILED] = TO(NOTHING, STOPPING), [EV_FAILED_AGAIN] = TO(NOTHING, STOPPING), [EV_EXIT] = TO(END, IDLE),
		[EV_EXIT_AGAIN] = TO(END, IDLE), [EV_STOP] = TO(STOP_SOONER, STOPPING), [EV_KILL] = TO(SIGNAL, STOPPING),
		[EV_PAUSE] = TO(REFUSE, STOPPING), [EV_UNPAUSE] = TO(REFUSE, STOPPING), [EV_GRACE] = TO(KILL_ALL, STOPPING),
		[EV_DELAY] = TO(NOTHING, STOPPING),
		[EV_SPARED] = TO(SPARE, RUNNING),
	},
	[FSM_BACKOFF] = {
		[EV_START] = TO(CREATE, CREATING), [EV_CREATED] = TO(NOTHING, BACKOFF), [EV_STARTED] = TO(NOTHING, BACKOFF),
		[EV_FAILED] = TO(NOTHING, BACKOFF), [EV_FAILED_AGAIN] = TO(NOTHING, BACKOFF), [EV_EXIT] = TO(NOTHING, BACKOFF),
		[EV_EXIT_AGAIN] = TO(NOTHING, BACKOFF), [EV_STOP] = TO(CANCEL, IDLE), [EV_KILL] = TO(CANCEL, IDLE),
		[EV_PAUSE] = TO(REFUSE, BACKOFF), [EV_UNPAUSE] = TO(REFUSE, BACKOFF), [EV_GRACE] = TO(NOTHING, BACKOFF),
		[EV_DELAY] = TO(CREATE, CREATING),
		[EV_SPARED] = TO(NOTHING, BACKOFF),
	},
};

struct fsm_cell fsm(enum fsm_state s, enum fsm_event ev)
{
	return table[s][ev];
}

const char *fsm_state_name(enum fsm_state s)
{
	static const char *const names[FSM_STATE_N] = { "not running", "being created", "being started", "running", "paused",
		"being stopped", "waiting to be restarted" };

	return names[s];
}

const char *fsm_event_name(enum fsm_event ev)
{
	static const char *const names[EV_N] = { "start", "created", "started", "failed", "failed", "exit", "exit", "stop", "kill",
		"pause", "unpause", "failed hook", "end of grace", "end of delay" };

	return names[ev];
}

bool fsm_wants_back(const struct ctr_record *r, const struct ctr_status *s)
{
	if (s->stopped_by_user)
		return false;
	switch (r->restart) {
	case POLICY_ALWAYS:
	case POLICY_UNLESS_STOPPED:
		return true;
	case POLICY_ON_FAILURE:
		return s->exit_code != 0 && (r->restart_max <= 0 || s->restarts < (unsigned)r->restart_max);
	case POLICY_NO:
		break;
	}
	return false;
}

bool fsm_is_done(const struct ctr_record *r, const struct ctr_status *s)
{
	return s->finished_ns && !s->exit_code && !s->oom && !s->stopped_by_user && !r->health.set && !fsm_wants_back(r, s);
}

int64_t fsm_delay_ms(int64_t last_ms, int64_t lived_ns)
{
	if (!last_ms || lived_ns >= FSM_SETTLED_S * 1000000000LL)
		return FSM_DELAY_MIN_MS;
	return last_ms * 2 > FSM_DELAY_MAX_MS ? FSM_DELAY_MAX_MS : last_ms * 2;
}
