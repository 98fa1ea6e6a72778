/* SPDX-License-Identifier: Apache-2.0 */
/* plan_stop.c - start, stop, restart, kill, pause, rm and down: verbs that act on containers that exist.
 * They work from what exists alone when there is no file (-p NAME): then nothing is known about order.
 * spec: stop order is the reverse of depends_on. */
#include "compose/base/str.h"
#include "graph/plan_build.h"

/* Select containers: all, or those of the named services (b->sel). Without a file, names are compared as they are. */
static bool wanted(const struct builder *b, const struct observed_ctr *c)
{
	char *const *names = b->goal->services;

	if (b->want) {
		size_t i = plan_service(b, c->service);

		return i != SIZE_MAX && b->sel[i];
	}
	if (!names || !*names)
		return true;
	for (; *names; names++)
		if (str_eq(*names, c->service))
			return true;
	return false;
}

static bool is_inactive(const struct builder *b, const char *name)
{
	for (size_t i = 0; b->want && i < b->want->inactive.n; i++)
		if (str_eq(b->want->inactive.v[i], name))
			return true;
	return false;
}

static bool is_orphan(const struct builder *b, const struct observed_ctr *c)
{
	return b->want && ((c->oneoff && !c->hook) || (plan_service(b, c->service) == SIZE_MAX && !is_inactive(b, c->service)));
}

/* op on a container of service i waits for the stops of everything that needs i */
static void after_dependents(struct builder *b, size_t i, struct op *op)
{
	for (size_t k = 0; k < b->deps.n_by[i]; k++)
		for (struct op **g = b->gone[b->deps.by[i][k]]; g && *g; g++)
			plan_after(b, op, *g);
}

/* A service without a container to stop hands the order through: what needs it must be gone before what it needs. */
static void pass_through(struct builder *b, size_t i)
{
	for (size_t k = 0; k < b->deps.n_by[i]; k++)
		for (struct op **g = b->gone[b->deps.by[i][k]]; g && *g; g++)
			plan_list_add(b, &b->gone[i], *g);
}

static struct op *ctr_op(struct builder *b, enum op_kind k, const struct observed_ctr *c, const struct service *s, const char *cause)
{
	struct op *op = plan_add(b, k, c->name, cause);

	op->ctr = c;
	op->service = s;
	return op;
}

/* Stop all selected containers, dependents first; fills gone. ret: per observed container its stop, in the arena */
static struct op **stop_all(struct builder *b, const char *cause)
{
	struct op **stops = arena_alloc(&b->plan->arena, (b->have->n_ctrs + 1) * sizeof(*stops));

	for (size_t k = b->deps.n; k-- > 0;) {           /* reverse order: dependents come first */
		size_t i = b->deps.order[k], n;
		const struct observed_ctr *c = plan_ctrs(b->have, must(b->want)->services[i].name, &n);

		for (size_t j = 0; b->sel[i] && j < n; j++) {
			struct op *op = plan_stop_ctr(b, &c[j], &b->want->services[i], cause);

			if (!op)
				continue;
			after_dependents(b, i, op);
			plan_list_add(b, &b->gone[i], op);
			stops[c + j - b->have->ctrs] = op;
		}
		if (b->sel[i] && b->want->services[i].provider && (b->goal->verb == GOAL_STOP || b->goal->verb == GOAL_DOWN)) {
			struct op *op = plan_unprovide(b, i, cause);

			after_dependents(b, i, op);
			plan_list_add(b, &b->gone[i], op);
		}
		if (!b->gone[i])
			pass_through(b, i);
	}
	for (size_t i = 0; !b->want && i < b->have->n_ctrs; i++)
		if (!b->have->ctrs[i].oneoff && wanted(b, &b->have->ctrs[i]))
			stops[i] = plan_stop_ctr(b, &b->have->ctrs[i], NULL, cause);
	return stops;
}

static struct op *start_again(struct builder *b, size_t i, const struct observed_ctr *c, const char *cause, struct op *stop)
{
	struct op *op = ctr_op(b, OP_CTR_START, c, b->want ? &b->want->services[i] : NULL, cause);

	plan_after(b, op, stop);
	if (b->want) {
		plan_wait_deps(b, i, op);
		plan_list_add(b, &b->ready[i], op);
	}
	return op;
}

int plan_start(struct builder *b, struct err *e)
{
	if (b->want && deps_select(&b->deps, b->goal->services, false, b->sel, e) < 0)
		return -1;
	for (size_t k = 0; k < b->deps.n; k++) {
		size_t i = b->deps.order[k], n;
		const struct service *s = &must(b->want)->services[i];
		const struct observed_ctr *c = plan_ctrs(b->have, s->name, &n);

		if (!b->sel[i])
			continue;
		if (!n && s->scale && !s->provider) {
			err_set(e, ERR_MISSING, 0, "service \"%s\" has no container to start", s->name);
			return err_hint(e, "`compose up -d %s` creates it", s->name);
		}
		for (size_t j = 0; j < n; j++)
			if (!plan_runs(&c[j]) || c[j].stopping)
				start_again(b, i, &c[j], c[j].stopping ? "being stopped" : ctr_state_name(c[j].state), NULL);
			else
				(void)plan_wait_ready(b, s, &c[j]);
		plan_pre_start(b, i);
	}
	plan_wait_all(b);
	for (size_t i = 0; !b->want && i < b->have->n_ctrs; i++) {
		const struct observed_ctr *c = &b->have->ctrs[i];
		struct op *start, *wait;

		if (c->oneoff || !wanted(b, c))
			continue;
		start = plan_runs(c) ? NULL : start_again(b, 0, c, "asked for", NULL);
		wait = plan_wait_ready(b, NULL, c);
		if (wait)
			plan_after(b, wait, start);
	}
	return 0;
}

/* restart: also what depends on a restarted service with restart: true, unless --no-deps */
static void select_restart_dependents(struct builder *b)
{
	for (size_t k = 0; k < b->deps.n; k++) {
		size_t i = b->deps.order[k];
		const struct service *s = &b->want->services[i];

		for (size_t j = 0; j < s->n_deps && !b->sel[i]; j++) {
			size_t d = plan_service(b, s->deps[j].service), n;

			(void)plan_ctrs(b->have, s->name, &n);
			b->sel[i] = s->deps[j].restart && d != SIZE_MAX && b->sel[d] && n;
		}
	}
}

static void plan_restart(struct builder *b)
{
	struct op **stops;

	if (b->want && !b->goal->no_deps)
		select_restart_dependents(b);
	stops = stop_all(b, "restart");
	for (size_t k = 0; k < b->deps.n; k++) {
		size_t i = b->deps.order[k], n;
		const struct observed_ctr *c = plan_ctrs(b->have, must(b->want)->services[i].name, &n);

		for (size_t j = 0; b->sel[i] && j < n; j++)
			start_again(b, i, &c[j], "restart", stops[c + j - b->have->ctrs]);
	}
	for (size_t i = 0; !b->want && i < b->have->n_ctrs; i++)
		if (!b->have->ctrs[i].oneoff && wanted(b, &b->have->ctrs[i]))
			start_again(b, 0, &b->have->ctrs[i], "restart", stops[i]);
}

/* kill, pause, unpause: one operation per container in the right state, no order */
static void each_ctr(struct builder *b, enum op_kind k, const char *cause)
{
	for (size_t i = 0; i < b->have->n_ctrs; i++) {
		const struct observed_ctr *c = &b->have->ctrs[i];
		size_t s = b->want ? plan_service(b, c->service) : SIZE_MAX;
		struct op *op;

		if (c->oneoff || !(wanted(b, c) || (b->goal->remove_orphans && is_orphan(b, c))))
			continue;
		if (k == OP_CTR_UNPAUSE ? c->state != CTR_PAUSED : k == OP_CTR_PAUSE ? c->state != CTR_RUNNING : !plan_runs(c))
			continue;
		op = ctr_op(b, k, c, s == SIZE_MAX ? NULL : &b->want->services[s], cause);
		op->signal = b->goal->signal ? b->goal->signal : "";
	}
}

static void plan_rm(struct builder *b)
{
	struct op **stops = b->goal->stop_first ? stop_all(b, "rm --stop") : NULL;

	for (size_t i = 0; i < b->have->n_ctrs; i++) {
		const struct observed_ctr *c = &b->have->ctrs[i];

		if (wanted(b, c) && (!plan_runs(c) || (stops && stops[i])))
			plan_remove_ctr(b, c, "asked for", b->goal->volumes || c->oneoff, stops ? stops[i] : NULL);
	}
}

static bool in(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

static bool uses(const struct observed_ctr *c, enum op_kind k, const char *name)
{
	return k == OP_NET_REMOVE ? in(c->networks, c->n_networks, name) : in(c->volumes, c->n_volumes, name);
}

/* What the file calls external is another's, even where this project once made it. */
static bool is_external(const struct builder *b, enum op_kind k, const char *name)
{
	for (size_t i = 0; b->want && k == OP_NET_REMOVE && i < b->want->n_networks; i++)
		if (b->want->networks[i].external && str_eq(b->want->networks[i].name, name))
			return true;
	for (size_t i = 0; b->want && k == OP_VOL_REMOVE && i < b->want->n_volumes; i++)
		if (b->want->volumes[i].external && str_eq(b->want->volumes[i].name, name))
			return true;
	return false;
}

/* How `down` would take c away too. */
static const char *way_to_remove(const struct builder *b, const struct observed_ctr *c)
{
	if (is_orphan(b, c))
		return "; --remove-orphans removes that too";
	return b->want && is_inactive(b, c->service) ? "; its service has a profile, which --profile enables" : "";
}

/* Remove a network or volume after the containers that used it, unless one of them stays. */
static void remove_resource(struct builder *b, enum op_kind k, const char *name, const char *cause)
{
	size_t n_ctr_ops = b->plan->n_ops;
	struct op *op;

	if (is_external(b, k, name))
		return;
	for (size_t i = 0; i < b->have->n_ctrs; i++) {
		const struct observed_ctr *c = &b->have->ctrs[i];

		if (b->leaves[i] || !uses(c, k, name))
			continue;
		plan_warn(b, "%s %s stays: container %s still uses it%s", k == OP_NET_REMOVE ? "network" : "volume", name, c->name,
			  way_to_remove(b, c));
		return;
	}
	op = plan_add(b, k, name, cause);
	for (size_t i = 0; i < n_ctr_ops; i++)
		if (b->plan->ops[i]->kind == OP_CTR_REMOVE && uses(b->plan->ops[i]->ctr, k, name))
			plan_after(b, op, b->plan->ops[i]);
}

/* An anonymous volume goes or stays with its container; one that a container left behind belongs to none. */
static bool goes_along(const struct builder *b, const char *name)
{
	for (size_t i = 0; i < b->have->n_ctrs; i++)
		if (uses(&b->have->ctrs[i], OP_VOL_REMOVE, name))
			return true;
	return false;
}

/* Services may share an image. */
static bool image_goes(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i]->kind == OP_IMAGE_REMOVE && str_eq(p->ops[i]->object, name))
			return true;
	return false;
}

static void remove_images(struct builder *b)
{
	bool all = str_eq(b->goal->rmi, "all");
	size_t n_ops = b->plan->n_ops;

	for (size_t i = 0; i < b->deps.n; i++) {
		const struct service *s = &b->want->services[i];
		const char *name = *s->image ? s->image : arena_printf(&b->plan->arena, "%s%c%s", b->want->name, project_sep(b->want), s->name);
		struct op *op;

		if (!b->sel[i] || s->provider || (!all && (!s->build || *s->image)) || image_goes(b->plan, name))
			continue;
		op = plan_add(b, OP_IMAGE_REMOVE, name, all ? "down --rmi all" : "down --rmi local");
		op->service = s;
		for (size_t k = 0; k < n_ops; k++)
			if (b->plan->ops[k]->kind == OP_CTR_REMOVE)
				plan_after(b, op, b->plan->ops[k]);
	}
}

static void plan_down(struct builder *b)
{
	bool whole = !b->goal->services || !*b->goal->services;
	struct op **stops = stop_all(b, "down");

	for (size_t i = 0; i < b->have->n_ctrs; i++) {
		const struct observed_ctr *c = &b->have->ctrs[i];
		bool orphan = is_orphan(b, c) || (!b->want && c->oneoff && !c->hook);

		if (orphan ? !b->goal->remove_orphans || !whole : !wanted(b, c))
			continue;
		plan_remove_ctr(b, c, "down", b->goal->volumes || c->oneoff, orphan || c->hook ? plan_stop_ctr(b, c, NULL, orphan ? "orphan" : "down") : stops[i]);
	}
	for (size_t i = 0; whole && i < b->have->n_nets; i++)
		if (b->have->nets[i].ours)
			remove_resource(b, OP_NET_REMOVE, b->have->nets[i].name, "down");
	for (size_t i = 0; whole && b->goal->volumes && i < b->have->n_vols; i++)
		if (b->have->vols[i].ours && !(b->have->vols[i].anonymous && goes_along(b, b->have->vols[i].name)))
			remove_resource(b, OP_VOL_REMOVE, b->have->vols[i].name, "down --volumes");
	if (whole && b->goal->rmi && *b->goal->rmi && b->want)
		remove_images(b);
}

int plan_stop(struct builder *b, struct err *e)
{
	if (b->want && deps_select(&b->deps, b->goal->services, true, b->sel, e) < 0)
		return -1;
	switch (b->goal->verb) {
	case GOAL_STOP: (void)stop_all(b, "asked for"); break;
	case GOAL_RESTART: plan_restart(b); break;
	case GOAL_KILL: each_ctr(b, OP_CTR_KILL, "asked for"); break;
	case GOAL_PAUSE: each_ctr(b, OP_CTR_PAUSE, "asked for"); break;
	case GOAL_UNPAUSE: each_ctr(b, OP_CTR_UNPAUSE, "asked for"); break;
	case GOAL_REMOVE: plan_rm(b); break;
	case GOAL_DOWN: plan_down(b); break;
	default: return err_set(e, ERR_BUG, 0, "verb %d has no plan", (int)b->goal->verb);
	}
	return 0;
}
