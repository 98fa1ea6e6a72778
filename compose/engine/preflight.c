/* SPDX-License-Identifier: Apache-2.0 */
/* preflight.c - what the file names of this host, looked for before a plan begins: devices of CDI specs, containers by name.
 * What is missing is told for all services at once, and nothing has been made. */
#include "compose/base/str.h"
#include "compose/engine/others.h"
#include "compose/engine/to_spec.h"

static bool made_here(const struct plan *p, const char *ctr)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i]->kind == OP_CTR_CREATE && str_eq(p->ops[i]->object, ctr))
			return true;
	return false;
}

/* in: text: "container:NAME[...]", or anything else */
static int named(const struct engine *en, const struct plan *p, const struct service *s, const char *key, const char *text, struct err *e)
{
	const char *name = str_starts(text, "container:") ? text + strlen("container:") : "";
	auto_free char *plain = xstrndup(name, strcspn(name, ":"));
	auto_other struct other o = {0};

	if (!*plain || made_here(p, plain) || other_named(en, plain, &o, e) == 0)
		return 0;
	return err_at(e, service_pos(s, key), key);
}

static int devices(const struct service *s, struct err *e)
{
	const struct ctr_want w = { .s = s, .name = s->name };
	auto_spec struct spec ignored = {0};

	spec_default(&ignored);
	return to_cdi(&w, &ignored, e);
}

static int service(const struct engine *en, const struct plan *p, const struct service *s, struct errs *errs)
{
	const struct { const char *key, *text; } modes[] = {
		{ "network_mode", s->network_mode }, { "pid", s->pid }, { "ipc", s->ipc }, { "uts", s->uts },
	};
	struct err e = {0};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (named(en, p, s, modes[i].key, modes[i].text, &e) < 0)
			r = errs_add(errs, &e);
	for (size_t i = 0; i < s->volumes_from.n; i++)
		if (named(en, p, s, "volumes_from", s->volumes_from.v[i], &e) < 0)
			r = errs_add(errs, &e);
	if (devices(s, &e) < 0)
		r = errs_add(errs, &e);
	return r;
}

/* Of whom a container will be made: also the one that `run` makes after the plan, whose marker waits for no container. */
static const struct service *maker(const struct op *op)
{
	return op->kind == OP_CTR_CREATE || (op->kind == OP_WAIT && !op->ctr && !op->ctr_op) ? op->service : NULL;
}

int preflight(const struct engine *en, const struct plan *p, struct errs *errs)
{
	const struct service *last = NULL;
	int r = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		const struct service *s = maker(p->ops[i]);

		if (s && s != last && service(en, p, s, errs) < 0)
			r = -1;
		last = s ? s : last;
	}
	return r;
}
