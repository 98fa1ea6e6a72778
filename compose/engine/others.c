/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/others.h"
#include "compose/base/str.h"

enum { ID_SHORT = 12 };

static void set(struct other *o, const struct engine *en, const char *id)
{
	(void)snprintf(o->id, sizeof(o->id), "%s", id);
	o->project = xstrdup(en->o.name);
}

int other_of_service(const struct engine *en, const char *service, struct other *ret, struct err *e)
{
	for (size_t i = 0; en->plan && i < en->plan->n_ops; i++) {
		const struct op *op = en->plan->ops[i];

		if (op->kind == OP_CTR_CREATE && str_eq(op->service->name, service)) {
			set(ret, en, en->ids[op->i]);
			ret->name = xstrdup(op->object);
			return 0;
		}
	}
	for (size_t i = 0; en->o.have && i < en->o.have->n_ctrs; i++)
		if (str_eq(en->o.have->ctrs[i].service, service) && !en->o.have->ctrs[i].oneoff) {
			set(ret, en, en->o.have->ctrs[i].id);
			ret->name = xstrdup(en->o.have->ctrs[i].name);
			return 0;
		}
	err_set(e, ERR_MISSING, 0, "service %s has no container whose namespaces or volumes could be shared", service);
	return err_hint(e, "`compose up -d %s` makes it", service);
}

struct search { const char *name; struct other *o; };

static int matches(void *arg, int dir, struct ctr_record *r, struct ctr_status *s)
{
	struct search *f = arg;

	(void)dir;
	(void)s;
	if (!str_eq(r->name, f->name) && (strlen(f->name) < ID_SHORT || !str_starts(r->id, f->name)))
		return 0;
	(void)snprintf(f->o->id, sizeof(f->o->id), "%s", r->id);
	f->o->project = xstrdup(r->project);
	f->o->name = xstrdup(r->name);
	for (size_t i = 0; i < r->nets.n; i++)
		strv_add(&f->o->networks, r->nets.v[i].network);
	return 1;
}

int other_named(const struct engine *en, const char *name, struct other *ret, struct err *e)
{
	struct search f = { name, ret };

	if (record_each(en->o.paths, NULL, matches, &f, NULL) == 1)
		return 0;
	err_set(e, ERR_MISSING, 0, "there is no container %s", name);
	return err_hint(e, "`compose ls` shows the projects, `compose -p PROJECT ps -a` their containers");
}

void other_done(struct other *o)
{
	free(o->project);
	free(o->name);
	strv_done(&o->networks);
	*o = (struct other){0};
}
