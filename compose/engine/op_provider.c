/* SPDX-License-Identifier: Apache-2.0 */
/* op_provider.c - services of a provider: its program is asked in a thread; the variables that it gives are handed on when
 * the operation has ended well. */
#include "compose/base/str.h"
#include "compose/engine/engine_priv.h"
#include "compose/engine/provider.h"

struct asking { struct engine *en; struct op *op; };

static void on_info(void *arg, const char *text)
{
	const struct asking *a = arg;
	auto_free char *first = xstrndup(text, strcspn(text, "\n"));

	tell(a->en, "Provider", a->op->object, first, ENGINE_WORK, false);
}

static void on_line(void *arg, const char *text)
{
	const struct asking *a = arg;
	auto_free char *line = xasprintf("%s  | %s", a->op->object, text);

	if (a->en->o.events.line)
		a->en->o.events.line(a->en->o.events.arg, line);
}

static void on_give(void *arg, const char *key, const char *val, bool raw)
{
	const struct asking *a = arg;

	(void)pthread_mutex_lock(&a->en->mutex);
	vec_push(&a->en->given, (struct given){ a->op->service, xstrdup(key), xstrdup(val), raw });
	(void)pthread_mutex_unlock(&a->en->mutex);
}

static int ask_it(struct engine *en, struct op *op, struct err *e)
{
	struct asking a = { en, op };
	const struct provider_calls calls = { on_info, on_line, on_give, &a };
	const char *verb = op->kind == OP_PROVIDER_UP ? "up" : op->kind == OP_PROVIDER_STOP ? "stop" : "down";

	return provider_ask(en->o.project, op->service, verb, &calls, e) < 0 ? -1 : 0;
}

int op_provider(struct engine *en, struct op *op, struct err *e)
{
	return job_start(en, op, ask_it, e);
}

void providers_give(struct engine *en)
{
	for (size_t i = 0; i < en->given.n; i++) {
		struct given *g = &en->given.v[i];

		if (en->o.events.give)
			en->o.events.give(en->o.events.arg, g->by, g->key, g->val, g->raw);
		free(g->key);
		free(g->val);
	}
	vec_done(&en->given);
}
