/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/sched.h"

static void make_ready(struct sched *s, struct op *op)
{
	s->state[op->i] = OPS_READY;
	s->ready[s->tail++] = op;
}

void sched_init(struct sched *s, const struct plan *p, size_t limit)
{
	*s = (struct sched){ .plan = p, .limit = limit, .left = p->n_ops };
	s->state = xcalloc(p->n_ops, sizeof(*s->state));
	s->waits = xcalloc(p->n_ops, sizeof(*s->waits));
	s->ready = xcalloc(p->n_ops, sizeof(struct op *));
	for (size_t i = 0; i < p->n_ops; i++) {
		s->waits[i] = p->ops[i]->n_after;
		if (!s->waits[i])
			make_ready(s, p->ops[i]);
	}
}

void sched_done(struct sched *s)
{
	free(s->state);
	free(s->waits);
	free(s->ready);
	*s = (struct sched){0};
}

static bool counts(const struct op *op)
{
	return op->kind != OP_WAIT;
}

struct op *sched_next(struct sched *s)
{
	for (size_t i = s->head; i < s->tail; i++) {
		struct op *op = s->ready[i];

		if (counts(op) && s->limit && s->active >= s->limit)
			continue;
		for (size_t k = i; k > s->head; k--)         /* keep the order of those that must wait */
			s->ready[k] = s->ready[k - 1];
		s->head++;
		s->state[op->i] = OPS_ACTIVE;
		s->active += counts(op);
		return op;
	}
	return NULL;
}

/* Skip everything that needs op, directly or not; without recursion, as chains may be long. */
static void skip(struct sched *s, const struct op *op)
{
	auto_free const struct op **todo = xcalloc(s->left + 1, sizeof(*todo));
	size_t n = 0;

	todo[n++] = op;
	while (n) {
		op = todo[--n];
		for (size_t i = 0; i < op->n_next; i++) {
			struct op *next = op->next[i];

			if (s->state[next->i] != OPS_BLOCKED)
				continue;
			s->state[next->i] = OPS_SKIPPED;
			s->left--;
			todo[n++] = next;
		}
	}
}

void sched_end(struct sched *s, const struct op *op, bool ok)
{
	s->state[op->i] = ok ? OPS_OK : OPS_FAILED;
	s->active -= counts(op);
	s->left--;
	if (!ok) {
		skip(s, op);
		return;
	}
	for (size_t i = 0; i < op->n_next && !s->stopping; i++)
		if (--s->waits[op->next[i]->i] == 0 && s->state[op->next[i]->i] == OPS_BLOCKED)
			make_ready(s, op->next[i]);
}

void sched_stop(struct sched *s)
{
	s->stopping = true;
	s->head = s->tail = 0;
	for (size_t i = 0; i < s->plan->n_ops; i++)
		if (s->state[i] == OPS_BLOCKED || s->state[i] == OPS_READY) {
			s->state[i] = OPS_SKIPPED;
			s->left--;
		}
}

bool sched_idle(const struct sched *s)
{
	return s->left == 0;
}
