/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/act.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <strings.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/engine/observe.h"
#include "compose/state/lock.h"
#include "compose/supervisor/client.h"
#include "graph/plan_text.h"

static void on_status(void *arg, const char *kind, const char *name, const char *status, enum engine_tone tone, bool done)
{
	static const enum ui_tone tones[] = { [ENGINE_WORK] = UI_WORK, [ENGINE_OK] = UI_OK, [ENGINE_WARN] = UI_WARN, [ENGINE_FAIL] = UI_FAIL };
	struct ctx *c = arg;

	ui_status(c->ui, kind, name, status, tones[tone], done);
}

static void on_line(void *arg, const char *text)
{
	struct ctx *c = arg;

	ui_line(c->ui, text);
}

static void on_warn(void *arg, const char *text)
{
	struct ctx *c = arg;

	ui_warn(c->ui, "%s", text);
}

static void on_tick(void *arg)
{
	struct ctx *c = arg;

	ui_tick(c->ui);
}

/* "NAME_KEY", as docker compose makes it; raw: the key as it is. */
static void on_give(void *arg, const struct service *by, const char *key, const char *val, bool raw)
{
	struct ctx *c = arg;
	auto_free char *name = raw ? xstrdup(key) : xasprintf("%s_%s", by->name, key);

	for (char *p = name; !raw && p < name + strlen(by->name); p++)
		*p = (char)toupper((unsigned char)*p);
	for (size_t i = 0; i < c->project->n_services; i++) {
		struct service *s = &c->project->services[i];

		for (size_t k = 0; k < s->n_deps; k++) {
			if (!str_eq(s->deps[k].service, by->name))
				continue;
			for (size_t j = 0; raw && j < s->environment.n; j++)
				if (str_eq(s->environment.v[j].key, name) && !str_eq(s->environment.v[j].val, val))
					ui_warn(c->ui, "provider %s overrides the variable %s of service %s", by->name, name, s->name);
			project_give_env(c->project, s, name, val);
		}
	}
}

/* Nobody is asked in a dry run: what their dependents were given before stands for the answer. */
static void give_again(struct ctx *c)
{
	for (size_t i = 0; i < c->observed->n_ctrs; i++) {
		const struct observed_ctr *o = &c->observed->ctrs[i];
		auto_json json_t *was = o->config ? json_loads(o->config, JSON_ALLOW_NUL, NULL) : NULL;
		const struct service *s = project_service(c->project, o->service);
		const char *key;
		json_t *val;

		json_object_foreach(json_object_get(was, "environment"), key, val)
			for (size_t k = 0; s && k < s->n_deps; k++) {
				const struct service *by = project_service(c->project, s->deps[k].service);
				size_t n = by && by->provider ? strlen(by->name) : 0;

				if (n && strncasecmp(key, by->name, n) == 0 && key[n] == '_')
					on_give(c, by, key + n + 1, json_string_value(val), false);
			}
	}
}

int act_wrap(struct err *e, const char *what)
{
	return e->kind == ERR_USAGE ? -1 : err_wrap(e, "%s", what);
}

int act_provide(struct ctx *c, const struct goal *g, const struct act_opts *o, struct err *e)
{
	struct goal own = *g;
	bool any = false;

	for (size_t i = 0; i < c->project->n_services; i++)
		any = any || c->project->services[i].provider;
	own.verb = GOAL_PROVIDE;
	if (any && c->g->dry_run && act_observe(c, e) == 0)
		give_again(c);
	own.no_deps = false;            /* their answer is part of the configuration, whoever is named */
	return any && act(c, &own, o, NULL, e) < 0 ? err_wrap(e, "cannot get what providers provide") : 0;
}

struct engine *act_engine(struct ctx *c, const struct act_opts *o)
{
	static const struct act_opts none;
	struct engine_opts eo = { .paths = &c->paths, .project = c->project, .name = c->name, .have = c->observed, .store = c->store,
		.events = { .status = on_status, .line = on_line, .warn = on_warn, .give = on_give, .arg = c, .detail = ui_mode(c->ui) == UI_TTY },
		.parallel = c->g->parallel, .wait_deadline_ns = c->wait_deadline_ns };

	if (eo.events.detail)
		eo.events.tick = on_tick;
	if (!o)
		o = &none;
	eo.quiet_pull = o->quiet_pull;
	eo.quiet_build = o->quiet_build;
	eo.no_cache = o->no_cache;
	eo.pull_base = o->pull_base;
	eo.check_build = o->check_build;
	eo.build_args = o->build_args;
	eo.build_ssh = o->build_ssh;
	return engine_new(&eo);
}

int act_observe(struct ctx *c, struct err *e)
{
	struct observed *now = NULL;

	observed_free(c->observed);
	c->observed = NULL;
	if (observe(&now, &c->paths, c->project, c->name, c->store, !c->g->dry_run, e) < 0)
		return -1;
	c->observed = must(now);
	return 0;
}

static int print_plan(const struct plan *p, FILE *f)
{
	auto_str struct str text = {0};

	plan_text(p, &text);
	fputs(str_cstr(&text), f);
	return 0;
}

void act_would(const struct ctx *c, const char *fmt, ...)
{
	auto_free char *text = NULL, *clean = NULL;
	va_list ap;

	(void)c;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	clean = str_printable(text);
	printf(" DRY-RUN MODE - %s\n", clean);
}

static int tell_plan(const struct ctx *c, const struct plan *p)
{
	auto_str struct str text = {0};

	plan_text(p, &text);
	for (const char *s = str_cstr(&text); *s;) {
		size_t n = strcspn(s, "\n");
		auto_free char *line = xstrndup(s, n);

		act_would(c, "%s", line);
		s += n + (s[n] == '\n');
	}
	return 0;
}

static void say_unchanged(struct ctx *c, const char *name)
{
	auto_free char *text = NULL;
	const char *state = "running";

	for (size_t i = 0; i < c->observed->n_ctrs; i++)
		if (str_eq(c->observed->ctrs[i].name, name))
			state = ctr_state_name(c->observed->ctrs[i].state);
	text = xasprintf("%c%s, unchanged", toupper((unsigned char)*state), state + 1);
	ui_status(c->ui, "Container", name, text, UI_OK, true);
}

/* `up` with nothing to do lets a supervisor of an older version hand over all the same. */
static int meet_supervisor(struct ctx *c, struct err *e)
{
	auto_sup struct sup *s = NULL;

	return lock_is_alive(&c->paths, c->name) ? sup_open(&s, &c->paths, c->name, true, e) : 0;
}

static bool may_renew(struct ctx *c, enum renew how, const char *volume)
{
	auto_free char *q = xasprintf("Volume \"%s\" exists but doesn't match configuration in compose file. Recreate (data will be lost)?",
				      volume);

	if (how == RENEW_YES || c->g->dry_run)
		return how == RENEW_YES;
	ui_flush(c->ui);
	return ui_confirm(q, false, false);
}

int act_plan(struct ctx *c, const struct goal *g, const struct act_opts *o, struct plan **ret, struct err *e)
{
	auto_plan struct plan *p = NULL;
	auto_free const char **names = NULL;
	struct goal again = *g;

	if (act_observe(c, e) < 0 || plan_make(&p, c->project, c->observed, g, e) < 0)
		return -1;
	names = xcalloc(p->n_stale_volumes + 1, sizeof(*names));
	for (size_t i = 0; o && o->renew != RENEW_NEVER && i < p->n_stale_volumes; i++)
		if (may_renew(c, o->renew, p->stale_volumes[i]))
			names[again.n_renew_volumes++] = p->stale_volumes[i];
	if (!again.n_renew_volumes) {
		*ret = take_ptr(p);
		return 0;
	}
	again.renew_volumes = names;
	return plan_make(ret, c->project, c->observed, &again, e);
}

int act(struct ctx *c, const struct goal *g, const struct act_opts *o, size_t *ret_n, struct err *e)
{
	auto_plan struct plan *p = NULL;
	auto_engine struct engine *en = NULL;

	if (act_plan(c, g, o, &p, e) < 0)
		return -1;
	if (ret_n)
		*ret_n = p->n_ops;
	if (c->g->dry_run)
		return tell_plan(c, p);
	if (c->g->verbose && p->n_ops)
		(void)print_plan(p, stderr);
	for (size_t i = 0; o && o->say_unchanged && i < p->n_unchanged; i++)
		say_unchanged(c, p->unchanged[i]);
	if (!p->n_ops && !p->n_warnings)
		return g->verb == GOAL_UP && c->observed->n_ctrs ? meet_supervisor(c, e) : 0;
	en = act_engine(c, o);
	if (engine_run(en, p, &c->errs) == 0)
		return 0;
	err_move(e, &c->errs.v[--c->errs.n]);
	return -1;
}

void act_unlock(struct ctx *c)
{
	lock_project_release(&c->paths, c->name, c->lock_fd);
	c->lock_fd = -1;
}

int act_check_supported(struct ctx *c, char *const *services, enum use use, struct err *e)
{
	auto_errs struct errs none = {0};
	int r = project_unsupported(c->project, (const char *const *)services, use, &c->errs);

	(void)project_report(c->project, &none, stderr, ui_colour_err(c->ui));
	if (r == 0)
		return 0;
	err_move(e, &c->errs.v[--c->errs.n]);
	return -1;
}

const struct observed_ctr *act_ctr(struct ctx *c, const char *service, int64_t index, bool running, struct err *e)
{
	const struct observed_ctr *hit = NULL;

	for (size_t i = 0; i < c->observed->n_ctrs; i++) {
		const struct observed_ctr *o = &c->observed->ctrs[i];
		bool runs = o->state == CTR_RUNNING || o->state == CTR_PAUSED;

		if (!str_eq(o->service, service) || o->oneoff || (index && o->number != index))
			continue;
		if (!hit || (runs && hit->state != CTR_RUNNING && hit->state != CTR_PAUSED))
			hit = o;
	}
	if (!hit && c->project && !project_service(c->project, service)) {
		(void)project_no_service(c->project, service, e);
		return NULL;
	}
	if (!hit) {
		err_set(e, ERR_MISSING, 0, index ? "service \"%s\" has no container %d" : "service \"%s\" has no container", service, (int)index);
		err_hint(e, "`compose up -d %s` starts it", service);
		return NULL;
	}
	if (running && hit->state != CTR_RUNNING) {
		err_set(e, ERR_CONFLICT, 0, "service \"%s\" is not running: container %s is %s", service, hit->name, ctr_state_name(hit->state));
		if (hit->state == CTR_PAUSED)
			err_hint(e, "`compose unpause %s` lets it go on", service);
		else
			err_hint(e, "`compose up -d %s` starts it; `compose logs %s` tells why it ended", service, service);
		return NULL;
	}
	return hit;
}

int act_check_names(struct ctx *c, char *const *services, struct err *e)
{
	for (; services && *services; services++) {
		bool known = c->project && project_service(c->project, *services);

		for (size_t i = 0; !known && i < c->observed->n_ctrs; i++)
			known = str_eq(c->observed->ctrs[i].service, *services);
		if (!known)
			return project_no_service(c->project, *services, e);
	}
	return 0;
}

int act_forgive(struct ctx *c, struct err *e)
{
	if (e->kind == ERR_INTR)
		return -1;
	ui_flush(c->ui);
	errs_add(&c->errs, e);
	(void)errs_report(&c->errs, stderr);
	errs_done(&c->errs);
	return 0;
}
