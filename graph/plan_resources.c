/* SPDX-License-Identifier: Apache-2.0 */
/* plan_resources.c - networks and volumes of up, create and run: made, made anew, given other labels, or left alone.
 * What is made anew is stood on by containers: those that run stop before and start after it. Volumes are made anew only where
 * the goal names them: what is in them is lost.
 * spec: compose-spec 06-networks, 07-volumes; docker compose's "diverged" networks and volumes. */
#include "compose/base/str.h"
#include "graph/diff.h"
#include "graph/plan_build.h"

static bool in(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

static bool on(const struct observed_ctr *c, const struct resource *r)
{
	return r->is_volume ? in(c->volumes, c->n_volumes, r->name) : in(c->networks, c->n_networks, r->name);
}

static bool wants_network(const struct service *s, const char *key)
{
	for (size_t i = 0; i < s->n_networks; i++)
		if (str_eq(s->networks[i].network, key))
			return true;
	return false;
}

static bool wants_volume(const struct service *s, const char *key)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].kind == MOUNT_VOLUME && str_eq(s->mounts[i].source, key))
			return true;
	return false;
}

static bool wants(const struct service *s, const struct resource *r)
{
	return r->is_volume ? wants_volume(s, r->key) : wants_network(s, r->key);
}

/* ---- who is in the way ------------------------------------------------------------------------------------------- */

/* A container on r that is not ours to stop: another project's, or what somebody is in the midst of with `run`. A volume is
 * somebody's also while he does not run. ret: "container X of project Y", *ret_hint what to do; NULL when there is none */
static const char *stranger(struct builder *b, const struct resource *r, const struct observed_users *users, const char **ret_hint)
{
	struct arena *a = &b->plan->arena;

	for (size_t i = 0; i < users->n; i++) {
		const struct observed_user *u = &users->v[i];

		if (!u->runs && !r->is_volume)
			continue;
		*ret_hint = arena_printf(a, "stop service %s of project %s first", u->service, u->project);
		return arena_printf(a, "container %s of project %s", u->ctr, u->project);
	}
	for (size_t i = 0; i < b->have->n_ctrs; i++) {
		const struct observed_ctr *c = &b->have->ctrs[i];

		if (!c->oneoff || c->hook || !plan_runs(c) || !on(c, r))
			continue;
		*ret_hint = "let that command end first";
		return arena_printf(a, "container %s of a `run`", c->name);
	}
	return NULL;
}

/* ---- networks ---------------------------------------------------------------------------------------------------- */

static const struct observed_net *have_net(const struct observed *o, const char *name)
{
	for (size_t i = 0; i < o->n_nets; i++)
		if (str_eq(o->nets[i].name, name))
			return &o->nets[i];
	return NULL;
}

static struct op *add_net(struct builder *b, enum op_kind k, const struct network *n, const char *cause)
{
	struct op *op = plan_add(b, k, n->name, cause);

	op->network = n;
	return op;
}

/* The file asks for another network than the one that is there. */
static int remake_network(struct builder *b, struct resource *r, const struct network *n, const struct observed_net *have,
			  const struct drift *d, struct err *e)
{
	const char *hint, *who;

	if (d->in_place) {
		(void)add_net(b, OP_NET_UPDATE, n, d->cause);
		return 0;
	}
	who = stranger(b, r, &have->users, &hint);
	if (who) {
		err_set(e, ERR_CONFLICT, 0, "network %s has to be made anew (%s), but %s is on it", n->name, d->cause, who);
		err_at(e, d->at, n->key);
		return err_hint(e, "%s", hint);
	}
	r->op = add_net(b, OP_NET_REMAKE, n, d->cause);
	r->remade = true;
	return 0;
}

static int want_network(struct builder *b, const struct network *n, struct err *e)
{
	const struct observed_net *have = have_net(b->have, n->name);
	struct resource *r = &b->res[b->n_res++];
	struct drift d;

	*r = (struct resource){ .name = n->name, .key = n->key };
	if (n->external && !have) {
		err_set(e, ERR_MISSING, 0, "network %s declared as external, but could not be found", n->name);
		err_at(e, n->pos, n->key);
		return err_hint(e, "bring up the project that makes it first, or remove `external: true`");
	}
	if (have && !have->ours && !n->external)
		plan_warn(b, "network %s exists but was made by another project; set `external: true` to use it on purpose", n->name);
	if (!have)
		r->op = add_net(b, OP_NET_CREATE, n, "not present");
	if (!have || !have->ours || n->external)
		return 0;
	d = diff_net(&b->plan->arena, n, have);
	return d.cause ? remake_network(b, r, n, have, &d, e) : 0;
}

/* ---- volumes ----------------------------------------------------------------------------------------------------- */

static const struct observed_vol *have_vol(const struct observed *o, const char *name)
{
	for (size_t i = 0; i < o->n_vols; i++)
		if (str_eq(o->vols[i].name, name))
			return &o->vols[i];
	return NULL;
}

static struct op *add_vol(struct builder *b, enum op_kind k, const struct volume *v, const char *cause)
{
	struct op *op = plan_add(b, k, v->name, cause);

	op->volume = v;
	return op;
}

static bool may_renew(const struct goal *g, const char *name)
{
	for (size_t i = 0; i < g->n_renew_volumes; i++)
		if (str_eq(g->renew_volumes[i], name))
			return true;
	return false;
}

static void note_stale(struct builder *b, const char *name)
{
	struct plan *p = b->plan;
	const char **v = arena_alloc(&p->arena, (p->n_stale_volumes + 1) * sizeof(*v));

	if (p->n_stale_volumes)
		memcpy(v, p->stale_volumes, p->n_stale_volumes * sizeof(*v));
	v[p->n_stale_volumes++] = name;
	p->stale_volumes = v;
}

static void remake_volume(struct builder *b, struct resource *r, const struct volume *v, const struct observed_vol *have,
			  const struct drift *d)
{
	const char *hint, *who;

	if (d->in_place) {
		(void)add_vol(b, OP_VOL_UPDATE, v, d->cause);
		return;
	}
	who = stranger(b, r, &have->users, &hint);
	if (who) {
		plan_warn(b, "volume %s is used as it is although the file asks for another (%s): %s has it too", v->name, d->cause, who);
		return;
	}
	if (!may_renew(b->goal, v->name)) {
		note_stale(b, v->name);
		plan_warn(b, "volume %s is used as it is although the file asks for another (%s); "
			  "`compose up -y` makes it anew, and what is in it is lost", v->name, d->cause);
		return;
	}
	r->op = add_vol(b, OP_VOL_REMAKE, v, d->cause);
	r->remade = true;
}

static int want_volume(struct builder *b, const struct volume *v, struct err *e)
{
	const struct observed_vol *have = have_vol(b->have, v->name);
	struct resource *r = &b->res[b->n_res++];
	struct drift d;

	*r = (struct resource){ .name = v->name, .key = v->key, .is_volume = true };
	if (v->external && !have) {
		err_set(e, ERR_MISSING, 0, "external volume \"%s\" not found", v->name);
		err_at(e, v->pos, v->key);
		return err_hint(e, "bring up the project that makes it first, or remove `external: true`");
	}
	if (have && !have->ours && !v->external)
		plan_warn(b, "volume %s exists but was made by another project; set `external: true` to use it on purpose", v->name);
	if (!have)
		r->op = add_vol(b, OP_VOL_CREATE, v, "not present");
	if (!have || !have->ours || v->external)
		return 0;
	d = diff_vol(&b->plan->arena, v, have);
	if (d.cause)
		remake_volume(b, r, v, have, &d);
	return 0;
}

/* ---- all of them, and the containers on them --------------------------------------------------------------------- */

static bool wanted(const struct builder *b, bool (*uses)(const struct service *, const char *), const char *key)
{
	for (size_t k = 0; k < b->want->n_services; k++)
		if (b->sel[k] && uses(&b->want->services[k], key))
			return true;
	return false;
}

int plan_resources(struct builder *b, struct err *e)
{
	const struct project *p = b->want;

	b->res = arena_alloc(&b->plan->arena, (p->n_networks + p->n_volumes + 1) * sizeof(*b->res));
	for (size_t i = 0; i < p->n_networks; i++)
		if (wanted(b, wants_network, p->networks[i].key) && want_network(b, &p->networks[i], e) < 0)
			return -1;
	for (size_t i = 0; i < p->n_volumes; i++)
		if (wanted(b, wants_volume, p->volumes[i].key) && want_volume(b, &p->volumes[i], e) < 0)
			return -1;
	return 0;
}

void plan_after_resources(struct builder *b, const struct service *s, struct op *op)
{
	for (size_t i = 0; i < b->n_res; i++)
		if (wants(s, &b->res[i]) && (b->res[i].is_volume || !b->res[i].remade))
			plan_after(b, op, b->res[i].op);
}

const char *plan_remade(struct builder *b, const struct observed_ctr *c, bool volumes)
{
	for (size_t i = 0; i < b->n_res; i++) {
		const struct resource *r = &b->res[i];

		if (r->remade && r->is_volume == volumes && on(c, r))
			return arena_printf(&b->plan->arena, "%s %s is made anew", volumes ? "volume" : "network", r->name);
	}
	return NULL;
}

static bool is_on(const struct op *op, const struct resource *r)
{
	const struct service *s = op->ctr_op ? op->ctr_op->service : op->service;

	return op->ctr ? on(op->ctr, r) : s && wants(s, r);
}

/* Starts; and a container that is replaced is not removed before, for until then it can be started again. */
static bool comes_after(const struct builder *b, const struct op *op, const struct resource *r)
{
	if (op->kind == OP_CTR_REMOVE)
		return !r->is_volume && on(op->ctr, r) && plan_service(b, op->ctr->service) != SIZE_MAX;
	return (op->kind == OP_CTR_START || op->kind == OP_HOOK) && is_on(op, r);
}

static bool needs(const struct service *s, const struct service *on)
{
	for (size_t i = 0; s && on && i < s->n_deps; i++)
		if (str_eq(s->deps[i].service, on->name))
			return true;
	return false;
}

/* Dependents stop first. Only among stops that wait for nothing else: so no circle can come of it. */
static void order_stops(struct builder *b)
{
	struct op **free_ops = arena_alloc(&b->plan->arena, (b->plan->n_ops + 1) * sizeof(*free_ops));
	size_t n = 0;

	for (size_t i = 0; i < b->plan->n_ops; i++)
		if (b->plan->ops[i]->kind == OP_CTR_STOP && !b->plan->ops[i]->n_after)
			free_ops[n++] = b->plan->ops[i];
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if (needs(free_ops[k]->service, free_ops[i]->service))
				plan_after(b, free_ops[i], free_ops[k]);
}

void plan_around_remade(struct builder *b)
{
	bool any = false;

	for (size_t i = 0; i < b->n_res; i++)
		any = any || b->res[i].remade;
	if (any)
		order_stops(b);
	for (size_t i = 0; i < b->n_res; i++) {
		const struct resource *r = &b->res[i];

		for (size_t k = 0; r->remade && k < b->plan->n_ops; k++) {
			struct op *op = b->plan->ops[k];

			if (op->kind == OP_CTR_STOP && on(op->ctr, r))
				plan_after(b, r->op, op);
			else if (comes_after(b, op, r))
				plan_after(b, op, r->op);
		}
	}
}
