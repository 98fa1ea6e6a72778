/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_fsm.c - the table of a container's life has no hole and no dead end; restart policies and their pauses. */
#include "compose/supervisor/fsm.h"
#include "tests/tap.h"

static void test_table(void)
{
	bool left[FSM_STATE_N] = { false }, reached[FSM_STATE_N] = { false };

	for (int s = 0; s < FSM_STATE_N; s++)
		for (int ev = 0; ev < EV_N; ev++) {
			struct fsm_cell c = fsm((enum fsm_state)s, (enum fsm_event)ev);
			bool still = c.action == ACT_NOTHING || c.action == ACT_REFUSE || c.action == ACT_DONE || c.action == ACT_WAIT;

			ok(c.action != ACT_HOLE && c.action < ACT_N && c.next < FSM_STATE_N, "%s, %s: decided",
			   fsm_state_name((enum fsm_state)s), fsm_event_name((enum fsm_event)ev));
			ok(!still || (int)c.next == s, "... and what does nothing changes nothing");
			left[s] = left[s] || (int)c.next != s;
			reached[c.next] = reached[c.next] || (int)c.next != s;
		}
	for (int s = 0; s < FSM_STATE_N; s++)
		ok(left[s] && reached[s], "%s can be reached and left", fsm_state_name((enum fsm_state)s));
}

/* Run events through the table. ret: the last action, *s moves */
static enum fsm_action run(enum fsm_state *s, const enum fsm_event *ev, size_t n)
{
	struct fsm_cell c = { ACT_HOLE, *s };

	for (size_t i = 0; i < n; i++) {
		c = fsm(*s, ev[i]);
		*s = c.next;
	}
	return c.action;
}

static void test_lives(void)
{
	static const enum fsm_event normal[] = { EV_START, EV_CREATED, EV_STARTED, EV_STOP, EV_EXIT };
	static const enum fsm_event crash[] = { EV_START, EV_CREATED, EV_STARTED, EV_EXIT_AGAIN, EV_DELAY, EV_CREATED, EV_STARTED };
	static const enum fsm_event stop_in_delay[] = { EV_START, EV_CREATED, EV_STARTED, EV_EXIT_AGAIN, EV_STOP, EV_DELAY };
	static const enum fsm_event stop_wins[] = { EV_START, EV_CREATED, EV_STARTED, EV_STOP, EV_GRACE, EV_EXIT_AGAIN };
	static const enum fsm_event again[] = { EV_START, EV_CREATED, EV_STARTED, EV_STOP, EV_START };
	static const enum fsm_event ended[] = { EV_EXIT, EV_START };
	enum fsm_state s = FSM_IDLE;

	is_int(run(&s, again, 5), ACT_AGAIN, "a start while it is being stopped is for later");
	is_int(s, FSM_STOPPING, "... it goes on ending");
	is_int(run(&s, ended, 2), ACT_CREATE, "... and is started then");
	s = FSM_IDLE;
	run(&s, normal, 5);
	is_int(s, FSM_IDLE, "start and stop");
	run(&s, crash, 7);
	is_int(s, FSM_RUNNING, "crash and restart");
	s = FSM_IDLE;
	is_int(run(&s, stop_in_delay, 6), ACT_NOTHING, "a delay that was cancelled does nothing");
	is_int(s, FSM_IDLE, "stopped while waiting to be restarted");
	run(&s, stop_wins, 6);
	is_int(s, FSM_IDLE, "a stop wins over the restart policy");
}

static void test_policy(void)
{
	static const struct {
		enum restart_policy policy; int max, code; unsigned restarts; bool stopped, want;
	} cases[] = {
		{ POLICY_NO, 0, 1, 0, false, false }, { POLICY_ALWAYS, 0, 0, 99, false, true },
		{ POLICY_ALWAYS, 0, 1, 0, true, false }, { POLICY_UNLESS_STOPPED, 0, 0, 0, false, true },
		{ POLICY_UNLESS_STOPPED, 0, 0, 0, true, false }, { POLICY_ON_FAILURE, 0, 0, 0, false, false },
		{ POLICY_ON_FAILURE, 0, 1, 50, false, true }, { POLICY_ON_FAILURE, 2, 1, 1, false, true },
		{ POLICY_ON_FAILURE, 2, 137, 2, false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctr_record r = { .restart = cases[i].policy, .restart_max = cases[i].max };
		struct ctr_status s = { .exit_code = cases[i].code, .restarts = cases[i].restarts, .stopped_by_user = cases[i].stopped };

		is_int(fsm_wants_back(&r, &s), cases[i].want, "restart policy, case %zu", i);
	}
}

static void test_delay(void)
{
	int64_t d = 0, sum = 0;
	static const int64_t want[] = { 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000 };

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		d = fsm_delay_ms(d, 1000000);
		is_int(d, want[i], "pause %zu", i + 1);
		sum += d;
	}
	is_int(fsm_delay_ms(d, 10000000000), 100, "a life of ten seconds begins anew");
	is_int(fsm_delay_ms(d, 9999999999), 60000, "a shorter one does not");
	(void)sum;
}

int main(void)
{
	test_table();
	test_lives();
	test_policy();
	test_delay();
	return done_testing();
}
