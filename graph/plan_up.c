/* SPDX-License-Identifier: Apache-2.0 */
/* plan_up.c - up, create and run: networks, volumes, containers to make, replace, start or leave alone.
 * spec: compose-spec 05-services depends_on, scale, deploy.replicas; recreate rules as docker compose has them. */
#include "compose/base/str.h"
#include "graph/diff.h"
#include "graph/hash.h"
#include "graph/plan_build.h"

static const char *image_id(const struct observed *o, const char *service)
{
	for (size_t i = 0; i < o->n_images; i++)
		if (!strcmp(o->images[i].service, service))
			return o->images[i].image_id;
	return "";
}

/* ---- orphans ---------------------------------------------------------------------------------------------------- */

static bool is_inactive(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->inactive.n; i++)
		if (str_eq(p->inactive.v[i], name))
			return true;
	return false;
}

/* Before everything else, as docker has it: a service that was renamed gets the port of the old one. */
static void orphans(struct builder *b)
{
	auto_str struct str names = {0};

	for (size_t i = 0; i < b->have->n_ctrs; i++) {
		const struct observed_ctr *c = &b->have->ctrs[i];

		if (c->oneoff || plan_service(b, c->service) != SIZE_MAX || is_inactive(b->want, c->service))
			continue;
		if (b->goal->remove_orphans)
			plan_list_add(b, &b->cleared, plan_remove_ctr(b, c, "no service of that name any more", false,
				      plan_stop_ctr(b, c, NULL, "no service of that name any more")));
		else
			str_addf(&names, "%s%s", names.len ? ", " : "", c->name);
	}
	if (names.len && !b->goal->ignore_orphans)
		plan_warn(b, "found orphan containers (%s) of services that are not in the file any more; "
			  "--remove-orphans removes them", str_cstr(&names));
}

/* ---- containers ------------------------------------------------------------------------------------------------- */

/* Does s live in namespaces of that service (network_mode, pid, ipc ...), or take its volumes? */
static bool shares_with(const struct service *s, const char *of)
{
	const char *const modes[] = { s->network_mode, s->pid, s->ipc, s->uts, s->cgroup };
	size_t len = strlen(of);

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_starts(modes[i], "service:") && str_eq(modes[i] + 8, of))
			return true;
	for (size_t i = 0; i < s->volumes_from.n; i++)
		if (str_starts(s->volumes_from.v[i], of) && (!s->volumes_from.v[i][len] || s->volumes_from.v[i][len] == ':'))
			return true;
	return false;
}

/* Does s share something of the container of that name, by that name? */
static bool names_ctr(const struct service *s, const char *name)
{
	const char *const modes[] = { s->network_mode, s->pid, s->ipc, s->uts };
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_starts(modes[i], "container:") && str_eq(modes[i] + 10, name))
			return true;
	for (size_t i = 0; i < s->volumes_from.n; i++)
		if (str_starts(s->volumes_from.v[i], "container:") && strncmp(s->volumes_from.v[i] + 10, name, len) == 0 &&
		    (!s->volumes_from.v[i][10 + len] || s->volumes_from.v[i][10 + len] == ':'))
			return true;
	return false;
}

/* Why containers of a service that fit are made anew, or restarted, all the same. */
struct fate { const char *recreate, *restart; };

static struct fate fate_from_deps(struct builder *b, const struct service *s)
{
	struct arena *a = &b->plan->arena;
	struct fate f = {0};

	for (size_t i = 0; i < s->n_deps; i++) {
		size_t d = plan_service(b, s->deps[i].service);
		const char *name = s->deps[i].service;
		enum touched t = d == SIZE_MAX ? LEFT_ALONE : b->touched[d];
		bool shares = t != LEFT_ALONE && shares_with(s, name);

		if (shares && t == REMADE)
			f.recreate = arena_printf(a, "it shares what belongs to %s, which is made anew", name);
		else if (shares)
			f.restart = arena_printf(a, "it shares what belongs to %s, which is started", name);
		else if (s->deps[i].restart && t >= RESTARTED)
			f.restart = arena_printf(a, "depends_on %s has restart: true, and %s is %s", name, name,
						 t == REMADE ? "made anew" : "restarted");
	}
	return f;
}

static void touch(struct builder *b, size_t i, enum touched t)
{
	if (b->touched[i] < t)
		b->touched[i] = t;
}

static struct op *create_op(struct builder *b, const struct service *s, unsigned number,
			    const char *cause, const struct observed_ctr *replaces)
{
	struct op *op = plan_add(b, OP_CTR_CREATE, plan_ctr_name(b, s, number), cause);

	op->service = s;
	op->number = number;
	op->replaces = replaces;
	plan_after_resources(b, s, op);
	for (struct op **rm = b->cleared; rm && *rm; rm++)
		if (str_eq((*rm)->object, op->object))   /* a container_name that went to another service */
			plan_after(b, op, *rm);
	for (size_t i = 0; i < op->i; i++) {     /* a namespace that is joined is named by the other container's id: that one must exist */
		struct op *other = b->plan->ops[i];

		if (other->kind == OP_CTR_CREATE && ((other->number == 1 && shares_with(s, other->service->name)) || names_ctr(s, other->object)))
			plan_after(b, op, other);
	}
	return op;
}

static struct op *start_op(struct builder *b, const struct service *s, const char *object, const char *cause,
			   const struct observed_ctr *c, struct op *created)
{
	struct op *op = plan_add(b, OP_CTR_START, object, cause);

	op->service = s;
	op->ctr = c;
	op->ctr_op = created;
	plan_after(b, op, created);
	for (struct op **rm = b->cleared; rm && *rm; rm++)
		plan_after(b, op, *rm);
	return op;
}

static void make_new(struct builder *b, size_t i, unsigned number)
{
	const struct service *s = &b->want->services[i];
	struct op *created = create_op(b, s, number, "not present", NULL), *start;

	if (b->goal->verb == GOAL_CREATE)
		return;
	start = start_op(b, s, created->object, "created", NULL, created);
	plan_wait_deps(b, i, start);
	plan_list_add(b, &b->ready[i], start);
}

/* Create beside the old one first, so that what cannot be made leaves the old one running. Not where a volume is made anew: that
 * one is filled when the container is created, and the old container must have let go of it by then. */
static void make_anew(struct builder *b, size_t i, const struct observed_ctr *c, const char *cause)
{
	const struct service *s = &b->want->services[i];
	const char *why = arena_printf(&b->plan->arena, "recreate %s: %s", s->name, cause);
	struct op *created = create_op(b, s, c->number, why, b->goal->renew_anon_volumes ? NULL : c), *stop, *rm, *start;
	bool beside = !plan_remade(b, c, true);

	touch(b, i, REMADE);
	stop = plan_stop_ctr(b, c, s, why);
	if (stop && beside)
		plan_after(b, stop, created);
	rm = plan_remove_ctr(b, c, why, b->goal->renew_anon_volumes, stop && beside ? stop : created);
	if (b->goal->verb == GOAL_CREATE)
		return;
	start = start_op(b, s, created->object, why, NULL, created);
	plan_after(b, start, rm);
	plan_wait_deps(b, i, start);
	plan_list_add(b, &b->ready[i], start);
}

struct op *plan_wait_ready(struct builder *b, const struct service *s, const struct observed_ctr *c)
{
	struct op *wait;

	if (!b->goal->wait_healthy)
		return NULL;
	wait = plan_add(b, OP_WAIT, c->name, "--wait");
	wait->service = s;
	wait->wait = WAIT_RUNNING;
	wait->ctr = c;
	return wait;
}

static void stays(struct builder *b, const struct service *s, const struct observed_ctr *c)
{
	struct plan *p = b->plan;
	const char **u = arena_alloc(&p->arena, (p->n_unchanged + 1) * sizeof(*u));

	if (p->n_unchanged)
		memcpy(u, p->unchanged, p->n_unchanged * sizeof(*u));
	u[p->n_unchanged++] = c->name;
	p->unchanged = u;
	(void)plan_wait_ready(b, s, c);
}

/* Stop now, start later; the containers that are made meanwhile must be there first: what cannot be made stops nothing. */
static struct op *stop_for_restart(struct builder *b, const struct service *s, const struct observed_ctr *c, const char *cause)
{
	struct op *stop = plan_stop_ctr(b, c, s, cause);

	for (size_t i = 0; stop && i < stop->i; i++) {
		struct op *op = b->plan->ops[i];
		bool ours = false;

		for (size_t k = 0; op->service && k < s->n_deps; k++)
			ours = ours || str_eq(op->service->name, s->deps[k].service);
		if (ours && op->kind == OP_CTR_CREATE)
			plan_after(b, stop, op);
		for (size_t k = 0; ours && op->kind == OP_CTR_STOP && k < op->n_after; k++)
			plan_after(b, stop, op->after[k]);
	}
	return stop;
}

/* It runs, but post_start never came to its end: those who start it say so again. */
static bool hooks_lack(const struct observed_ctr *c, enum hook_state how)
{
	return plan_runs(c) && c->hooks == how;
}

/* Nothing is left to be done for it to run on. */
static bool is_steady(const struct observed_ctr *c)
{
	return plan_runs(c) && c->state != CTR_PAUSED && !c->stopping && !hooks_lack(c, HOOKS_RUN);
}

static const char *start_cause(const struct observed_ctr *c)
{
	return c->stopping ? "being stopped" : hooks_lack(c, HOOKS_RUN) ? "its post_start hooks have not ended" : ctr_state_name(c->state);
}

static void keep(struct builder *b, size_t i, const struct observed_ctr *c, const char *restart_cause)
{
	const struct service *s = &b->want->services[i];
	const char *remade = plan_runs(c) ? plan_remade(b, c, false) : NULL;
	struct op *stop = NULL, *start;

	if (!restart_cause && hooks_lack(c, HOOKS_FAILED))
		restart_cause = "its post_start hook failed";
	if (!restart_cause && c->share_newer && plan_runs(c))
		restart_cause = arena_printf(&b->plan->arena, "container %s, whose namespaces it shares, has begun anew since", c->share_newer);
	if (remade)
		restart_cause = remade;
	else if (b->goal->verb == GOAL_CREATE || (is_steady(c) && !restart_cause)) {
		stays(b, s, c);
		return;
	}
	if (c->state == CTR_PAUSED && !c->stopping && !restart_cause) {
		start = plan_add(b, OP_CTR_UNPAUSE, c->name, "paused");
		start->ctr = c;
		start->service = s;
	} else {
		touch(b, i, restart_cause ? RESTARTED : hooks_lack(c, HOOKS_RUN) && !c->stopping ? LEFT_ALONE : STARTED);
		if (restart_cause)
			stop = stop_for_restart(b, s, c, restart_cause);
		start = start_op(b, s, c->name, restart_cause ? restart_cause : start_cause(c), c, NULL);
		plan_after(b, start, stop);
		plan_wait_deps(b, i, start);
	}
	plan_list_add(b, &b->ready[i], start);
}

static unsigned scale_of(const struct builder *b, const struct service *s)
{
	for (size_t i = 0; i < b->goal->n_scale; i++)
		if (str_eq(b->goal->scale[i].service, s->name))
			return b->goal->scale[i].n;
	return (unsigned)s->scale;
}

/* An image that c mounts means another one today. */
static const char *stale_mount(const struct builder *b, const struct observed_ctr *c)
{
	for (size_t i = 0; i < c->n_mounted; i++)
		for (size_t k = 0; k < b->have->n_refs; k++) {
			const struct observed_ref *r = &b->have->refs[k];

			if (str_eq(r->ref, c->mounted[i].ref) && *r->image_id && !str_eq(r->image_id, c->mounted[i].image_id))
				return arena_printf(&b->plan->arena, "image %s, which it mounts, changed", r->ref);
		}
	return NULL;
}

static const char *ctr_cause(struct builder *b, size_t i, const struct observed_ctr *c, const char *hash)
{
	const struct service *s = &b->want->services[i];
	enum recreate how = b->goal->recreate;
	const char *cause;

	if (how == RECREATE_FORCE && !b->named[i] && !b->goal->always_recreate_deps)
		how = RECREATE_DIVERGED;
	cause = diff_ctr(&b->plan->arena, b->want, s, c, hash, image_id(b->have, s->name), how);
	if (!cause && how != RECREATE_NEVER)
		cause = stale_mount(b, c);
	return cause || !c->share_gone ? cause : "the container whose namespaces it shares is gone";
}

/* Which of n containers, of which `count` are left, go when only `want` may stay: those to be made anew first, then the
 * highest numbers. */
static void mark_surplus(size_t n, size_t count, unsigned want, const char *const *cause, bool *goes)
{
	size_t over = count > want ? count - want : 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t k = n; over && k-- > 0;)
			if (!goes[k] && (pass || cause[k])) {
				goes[k] = true;
				over--;
			}
}

/* Two containers with one number: a recreation came no further than to make the new one. That one never ran; it goes, and
 * the other is looked at as if it were alone. Its anonymous volumes stay: it has them from the other. */
static bool is_leftover(const struct observed_ctr *c, size_t n, const char *const *cause, size_t k)
{
	for (size_t j = 0; j < n; j++) {
		if (j == k || c[j].number != c[k].number || c[k].state != CTR_CREATED)
			continue;
		if (c[j].state != CTR_CREATED || (!cause[j] != !cause[k] ? !cause[j] : j < k))
			return true;
	}
	return false;
}

static void scale_away(struct builder *b, const struct service *s, const struct observed_ctr *c, unsigned want)
{
	const char *why = arena_printf(&b->plan->arena, "scale %s to %u", s->name, want);

	plan_remove_ctr(b, c, why, true, plan_stop_ctr(b, c, s, why));
}

static void up_service(struct builder *b, size_t i)
{
	const struct service *s = &b->want->services[i];
	unsigned want = scale_of(b, s), max = 0, stay = 0;
	size_t n;
	const struct observed_ctr *c = plan_ctrs(b->have, s->name, &n);
	const char **cause = arena_alloc(&b->plan->arena, (n + 1) * sizeof(*cause));
	bool *goes = arena_alloc(&b->plan->arena, n + 1), *left = arena_alloc(&b->plan->arena, n + 1);
	size_t n_left = 0;
	struct fate fate = fate_from_deps(b, s);
	char hash[65];

	service_hash(s, hash);
	for (size_t k = 0; k < n; k++) {
		cause[k] = fate.recreate ? fate.recreate : ctr_cause(b, i, &c[k], hash);
		if (!cause[k])
			cause[k] = plan_remade(b, &c[k], true);
	}
	for (size_t k = 0; k < n; k++) {
		goes[k] = left[k] = is_leftover(c, n, cause, k);
		n_left += left[k];
	}
	mark_surplus(n, n - n_left, want, cause, goes);
	for (size_t k = 0; k < n; k++) {
		if (c[k].number > max)
			max = c[k].number;
		stay += !goes[k];
		if (left[k])
			plan_remove_ctr(b, &c[k], "left by a recreation that was cut short", false, NULL);
		else if (goes[k])
			scale_away(b, s, &c[k], want);
		else if (cause[k])
			make_anew(b, i, &c[k], cause[k]);
		else
			keep(b, i, &c[k], fate.restart);
	}
	while (stay++ < want)
		make_new(b, i, ++max);
	plan_pre_start(b, i);
}

/* A service that nobody asked for, but whose running containers cannot go on as they are beside what this plan does. */
static void follow(struct builder *b, size_t i, struct fate fate)
{
	const struct service *s = &b->want->services[i];
	size_t n;
	const struct observed_ctr *c = plan_ctrs(b->have, s->name, &n);

	for (size_t k = 0; k < n; k++) {
		const char *anew = fate.recreate ? fate.recreate : plan_remade(b, &c[k], true);

		if (!plan_runs(&c[k]) || (!anew && !fate.restart && !plan_remade(b, &c[k], false)))
			continue;
		b->sel[i] = true;
		if (anew)
			make_anew(b, i, &c[k], anew);
		else
			keep(b, i, &c[k], fate.restart);
	}
	plan_pre_start(b, i);
}

/* Containers of services that the file does not have now (orphans, inactive profiles) that are on what is made anew. */
static void bounce_others(struct builder *b)
{
	for (size_t i = 0; i < b->have->n_ctrs; i++) {
		const struct observed_ctr *c = &b->have->ctrs[i];
		const char *net = plan_remade(b, c, false), *why = net ? net : plan_remade(b, c, true);

		if (why && plan_runs(c) && !c->oneoff && !b->leaves[i] && plan_service(b, c->service) == SIZE_MAX) {
			struct op *stop = plan_stop_ctr(b, c, NULL, why);

			plan_after(b, start_op(b, NULL, c->name, why, c, NULL), stop);
		}
	}
}

/* A wait for one container of a dependency. ret: NULL when what was observed already satisfies it */
static struct op *wait_op(struct builder *b, const struct dep *d, const struct service *on, const char *object,
			  const struct observed_ctr *c, struct op *start)
{
	static const enum wait_for waits[] = { [DEP_STARTED] = WAIT_RUNNING, [DEP_HEALTHY] = WAIT_HEALTHY, [DEP_COMPLETED] = WAIT_COMPLETED };
	struct op *op;

	if (d->condition == DEP_STARTED)
		return start;
	if (!start && c && d->condition == DEP_HEALTHY && c->state == CTR_RUNNING && c->health == HEALTH_HEALTHY)
		return NULL;
	for (size_t i = 0; i < b->plan->n_ops; i++) {
		op = b->plan->ops[i];
		if (op->kind == OP_WAIT && op->wait == waits[d->condition] && op->optional == !d->required && str_eq(op->object, object))
			return op;
	}
	op = plan_add(b, OP_WAIT, object, arena_printf(&b->plan->arena, "condition %s", d->condition == DEP_HEALTHY ?
						      "service_healthy" : "service_completed_successfully"));
	op->service = on;
	op->wait = waits[d->condition];
	op->optional = !d->required;
	op->ctr = c;
	op->ctr_op = start ? start->ctr_op : NULL;
	plan_after(b, op, start);
	return op;
}

void plan_wait_deps(struct builder *b, size_t i, struct op *op)
{
	const struct service *s = &b->want->services[i];

	for (size_t k = 0; k < s->n_deps; k++) {
		size_t d = plan_service(b, s->deps[k].service), n;
		const struct observed_ctr *c;

		if (d == SIZE_MAX || !b->sel[d])
			continue;
		for (struct op **start = b->ready[d]; start && *start; start++)
			plan_after(b, op, wait_op(b, &s->deps[k], &b->want->services[d], (*start)->object, (*start)->ctr, *start));
		c = plan_ctrs(b->have, s->deps[k].service, &n);
		for (size_t j = 0; j < n; j++) {                 /* those that this plan leaves running */
			bool started = false;

			for (struct op **start = b->ready[d]; start && *start; start++)
				started = started || str_eq((*start)->object, c[j].name);
			if (!started && plan_runs(&c[j]) && !b->leaves[&c[j] - b->have->ctrs])
				plan_after(b, op, wait_op(b, &s->deps[k], &b->want->services[d], c[j].name, &c[j], NULL));
		}
	}
}

static bool must_end(const struct builder *b, const char *object)
{
	for (size_t i = 0; i < b->plan->n_ops; i++)
		if (b->plan->ops[i]->kind == OP_WAIT && b->plan->ops[i]->wait == WAIT_COMPLETED && str_eq(b->plan->ops[i]->object, object))
			return true;
	return false;
}

void plan_wait_all(struct builder *b)
{
	for (size_t i = 0; b->goal->wait_healthy && i < b->deps.n; i++)
		for (struct op **start = b->ready[i]; start && *start; start++) {
			struct op *op;

			if (must_end(b, (*start)->object))
				continue;
			op = plan_add(b, OP_WAIT, (*start)->object, "--wait");
			op->service = &b->want->services[i];
			op->wait = WAIT_RUNNING;         /* the engine waits for health where the container has a check */
			op->ctr = (*start)->ctr;
			op->ctr_op = (*start)->ctr_op;
			plan_after(b, op, *start);
		}
}

int plan_up(struct builder *b, struct err *e)
{
	size_t target = SIZE_MAX;

	if (deps_select(&b->deps, b->goal->services, true, b->named, e) < 0 ||
	    deps_select(&b->deps, b->goal->services, b->goal->no_deps, b->sel, e) < 0 ||
	    plan_resources(b, e) < 0)
		return -1;
	if (b->goal->verb == GOAL_RUN)
		target = plan_service(b, b->goal->services[0]);
	orphans(b);
	for (size_t k = 0; k < b->deps.n; k++) {
		size_t i = b->deps.order[k];

		if (b->want->services[i].provider)
			continue;
		if (b->sel[i] && i != target)
			up_service(b, i);
		else
			follow(b, i, b->goal->no_deps || b->goal->verb != GOAL_UP ? (struct fate){0} : fate_from_deps(b, &b->want->services[i]));
	}
	bounce_others(b);
	if (target != SIZE_MAX) {                                /* the one-off's own waits hang on a marker operation */
		const struct service *s = &b->want->services[target];
		struct op *op = plan_add(b, OP_WAIT, s->name, "dependencies");

		op->service = s;
		op->wait = WAIT_RUNNING;
		plan_wait_deps(b, target, op);
	}
	plan_around_remade(b);
	plan_wait_all(b);
	return 0;
}
