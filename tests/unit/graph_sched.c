/* SPDX-License-Identifier: Apache-2.0 */
/* graph_sched.c - what may start: edges, the limit, failures, Ctrl-C. */
#include "graph/sched.h"
#include "compose/base/str.h"
#include "tests/tap.h"

enum { OPS_MAX = 16 };

static struct op ops[OPS_MAX], *list[OPS_MAX], *after[OPS_MAX][OPS_MAX], *next[OPS_MAX][OPS_MAX];
static struct plan plan = {.ops = list};
static struct sched s;

static void make(unsigned n)
{
	plan.n_ops = n;
	for (unsigned i = 0; i < n; i++) {
		ops[i] = (struct op){.i = i, .kind = OP_CTR_START, .after = after[i], .next = next[i]};
		list[i] = &ops[i];
	}
}

/* b waits for a */
static void edge(unsigned a, unsigned b)
{
	ops[b].after[ops[b].n_after++] = &ops[a];
	ops[a].next[ops[a].n_next++] = &ops[b];
}

/* Start all that may start now. ret: their numbers; caller frees */
static char *started(void)
{
	struct str b = {0};
	struct op *op;

	while ((op = sched_next(&s)))
		str_addf(&b, "%s%u", b.len ? " " : "", op->i);
	return str_take(&b);
}

static void starts(const char *want, const char *what)
{
	auto_free char *got = started();

	is_str(got, want, "%s", what);
}

static void done(unsigned i, bool good)
{
	sched_end(&s, &ops[i], good);
}

static void diamond(void)
{
	make(4);
	edge(0, 1);
	edge(0, 2);
	edge(1, 3);
	edge(2, 3);
	sched_init(&s, &plan, 0);
	starts("0", "only the first may start");
	ok(!sched_idle(&s), "not idle");
	done(0, true);
	starts("1 2", "then both in the middle");
	done(2, true);
	starts("", "the last waits for both");
	done(1, true);
	starts("3", "and starts when both are done");
	done(3, true);
	ok(sched_idle(&s), "idle at the end");
	sched_done(&s);
}

static void limited(void)
{
	make(6);
	ops[1].kind = OP_WAIT;
	ops[4].kind = OP_WAIT;
	sched_init(&s, &plan, 2);
	starts("0 1 2 4", "two at a time; waiting does not count");
	is_int(s.active, 2, "two are active");
	done(1, true);
	starts("", "the end of a wait makes no room");
	done(0, true);
	starts("3", "the end of another does, in order");
	done(2, true);
	starts("5", "the last");
	done(3, true);
	done(4, true);
	done(5, true);
	ok(sched_idle(&s) && s.active == 0, "idle");
	sched_done(&s);
}

static void failure(void)
{
	make(7);
	edge(0, 1); /* 0 -> 1 -> 2; 3 -> 4; 1 and 3 -> 5; 6 alone */
	edge(1, 2);
	edge(3, 4);
	edge(1, 5);
	edge(3, 5);
	sched_init(&s, &plan, 0);
	starts("0 3 6", "three roots");
	done(0, false);
	ok(s.state[1] == OPS_SKIPPED && s.state[2] == OPS_SKIPPED && s.state[5] == OPS_SKIPPED,
	   "all that needs the failed one is skipped");
	done(3, true);
	starts("4", "what does not need it goes on, what needs both does not");
	done(4, true);
	ok(!sched_idle(&s), "one is still active");
	done(6, true);
	ok(sched_idle(&s), "idle");
	ok(s.state[0] == OPS_FAILED && s.state[4] == OPS_OK && s.state[5] == OPS_SKIPPED, "states at the end");
	sched_done(&s);
}

static void twice_failed(void)
{
	make(3);
	edge(0, 2);
	edge(1, 2);
	sched_init(&s, &plan, 0);
	starts("0 1", "two roots");
	done(0, false);
	done(1, false);
	ok(sched_idle(&s), "skipped once, counted once");
	sched_done(&s);
}

static void stopped(void)
{
	make(5);
	edge(0, 3);
	sched_init(&s, &plan, 2);
	starts("0 1", "two started");
	sched_stop(&s);
	starts("", "nothing new after a stop");
	ok(!sched_idle(&s) && s.state[2] == OPS_SKIPPED && s.state[3] == OPS_SKIPPED,
	   "the rest is skipped, the active are waited for");
	done(0, true);
	starts("", "not even what became ready");
	done(1, false);
	ok(sched_idle(&s), "idle");
	sched_done(&s);
	make(0);
	sched_init(&s, &plan, 1);
	ok(sched_idle(&s) && !sched_next(&s), "an empty plan is done");
	sched_done(&s);
}

/* Many in a row behind one that fails. */
static void long_chain(void)
{
	enum { LONG = 100000 };
	struct op *many = xcalloc(LONG, sizeof(*many)), **v = xcalloc(LONG, sizeof(*v));
	struct plan p = {.ops = v, .n_ops = LONG};

	for (unsigned i = 0; i < LONG; i++) {
		v[i] = &many[i];
		many[i] = (struct op){.i = i,
				      .kind = OP_CTR_START,
				      .after = i ? &v[i - 1] : NULL,
				      .n_after = i > 0,
				      .next = i + 1 < LONG ? &v[i + 1] : NULL,
				      .n_next = i + 1 < LONG};
	}
	sched_init(&s, &p, 0);
	ok(sched_next(&s) == v[0], "the first of many");
	sched_end(&s, v[0], false);
	ok(sched_idle(&s), "fails, and all behind it are skipped");
	sched_done(&s);
	free(many);
	free(v);
}

int main(void)
{
	diamond();
	limited();
	failure();
	twice_failed();
	stopped();
	long_chain();
	return done_testing();
}
