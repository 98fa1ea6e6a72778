/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/cause.h"
#include <signal.h>
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/engine/ctr_root.h"
#include "compose/engine/exec_why.h"
#include "compose/engine/port_owner.h"
#include "compose/engine/signals.h"
#include "compose/state/lock.h"

struct asked { struct ctx *c; const struct list *all; const struct listed *l; const char *tail; struct cause *k; };

static bool say(struct cause *k, char *text, char *hint)
{
	k->text = text;
	k->hint = hint;
	return true;
}

static bool runs(const struct listed *l)
{
	return l->s.state == CTR_RUNNING || l->s.state == CTR_PAUSED;
}

/* ---- it never ran ---------------------------------------------------------------------------- */

/* "... exec PATH: why". ret: PATH, caller frees; NULL when it is none that begins with / */
static char *path_in(const char *error)
{
	const char *s = strstr(error, "exec /");
	const char *end = s ? strstr(s, ": ") : NULL;

	return end ? xstrndup(s + 5, (size_t)(end - s - 5)) : NULL;
}

/* A look at the file itself; not when another command is at work on the project. */
static char *why_not_run(struct asked *a)
{
	auto_free char *path = path_in(a->l->s.error);
	auto_ctr_root struct ctr_root root = CTR_ROOT_INIT;
	auto_err struct err ignored = {0};
	char *why = NULL;
	int lock = -1;

	if (!path || (a->c->lock_fd < 0 && lock_project(&a->c->paths, a->c->name, "why", false, &lock, &ignored) < 0))
		return NULL;
	if (ctr_root_find(&root, &a->c->paths, a->c->name, a->l->r.id, &ignored) == 0 &&
	    ctr_root_open(&root, &a->c->paths, false, &ignored) == 0)
		why = exec_why(&root, path);
	ctr_root_done(&root);
	if (lock >= 0)
		lock_project_release(&a->c->paths, a->c->name, lock);
	return why;
}

static char *taken_by(const struct listed *l)
{
	for (size_t i = 0; i < l->r.ports.n; i++) {
		const struct rec_port *p = &l->r.ports.v[i];

		for (unsigned n = p->published; n && n <= (p->published_end ? p->published_end : p->published); n++) {
			auto_free char *owner = port_owner((uint16_t)n, str_eq(p->proto, "udp"));

			if (owner)
				return xasprintf("port %u/%s is held by %s", n, p->proto, owner);
		}
	}
	return NULL;
}

static bool start_failed(struct asked *a)
{
	const char *error = a->l->s.error;
	char *more = NULL;

	if (!error || !*error || runs(a->l))
		return false;
	if (strstr(error, "exec "))
		more = why_not_run(a);
	else if (strstr(error, "in use"))
		more = taken_by(a->l);
	a->k->no_start = true;
	a->k->found = more;
	return say(a->k, more ? xasprintf("it could not be started: %s (%s)", more, error)
			      : xasprintf("it could not be started: %s", error),
		   strstr(error, "in use by container") ? xstrdup("give it another address, or none: a free one is found") :
		   strstr(error, "in use") ? xstrdup("end what holds the port, or publish another one") : NULL);
}

static const char *missing(const struct listed *l, enum dep_condition want)
{
	if (want == DEP_COMPLETED)
		return l->s.state != CTR_EXITED ? "has not ended yet" : l->s.exit_code ? "failed" : NULL;
	if (!runs(l))
		return "does not run";
	if (want == DEP_HEALTHY && !l->r.health.set)
		return "has no healthcheck that could tell";
	return want == DEP_HEALTHY && l->s.health != HEALTH_HEALTHY
		       ? l->s.health == HEALTH_UNHEALTHY ? "is unhealthy" : "is not healthy yet"
		       : NULL;
}

/* The dependency that stands in the way: its own cause is the cause. */
static bool dep_blocks(struct asked *a, const struct dep *d)
{
	struct cause k = {0};
	const char *how = "has no container";
	bool found = false;

	for (size_t i = 0; i < a->all->n && !found; i++) {
		const struct listed *l = a->all->v[i];

		if (!str_eq(l->r.service, d->service) || l->r.kind != KIND_SERVICE)
			continue;
		how = missing(l, d->condition);
		if (!how)
			return false;
		if (!runs(l) || l->s.health_fails)
			cause_of(a->c, a->all, l, "", &k);
		found = true;
	}
	(void)say(a->k,
		  xasprintf("it waits for %s, which %s%s%s", d->service, how, k.text ? ": " : "", k.text ? k.text : ""),
		  xasprintf("`compose why %s` tells more", d->service));
	cause_done(&k);
	return true;
}

static bool waits(struct asked *a, const char *service)
{
	const struct service *s = a->c->project ? project_service(a->c->project, service) : NULL;

	for (size_t i = 0; s && i < s->n_deps; i++)
		if (s->deps[i].required && dep_blocks(a, &s->deps[i]))
			return true;
	return false;
}

/* A container of pre_start that failed was kept. */
static bool pre_start_failed(struct asked *a)
{
	for (size_t i = 0; i < a->all->n; i++) {
		const struct listed *h = a->all->v[i];

		if (h->r.kind == KIND_HOOK && str_eq(h->r.service, a->l->r.service) && !runs(h) && h->s.exit_code)
			return say(a->k, xasprintf("its pre_start hook, container %s, ended with code %d: the service was not started",
						   h->r.name, h->s.exit_code),
				   xasprintf("`compose up -d %s` tells what it printed, and tries again", a->l->r.service));
	}
	return false;
}

static bool never_started(struct asked *a)
{
	if (a->l->s.state != CTR_CREATED)
		return false;
	return waits(a, a->l->r.service) || pre_start_failed(a) || say(a->k, xstrdup("it was created and not started"),
						xasprintf("`compose start %s` starts it", a->l->r.service));
}

/* ---- it ended -------------------------------------------------------------------------------- */

static char *memory_limit(struct asked *a)
{
	auto_ctr_root struct ctr_root root = CTR_ROOT_INIT;
	auto_err struct err ignored = {0};

	if (ctr_root_find(&root, &a->c->paths, a->c->name, a->l->r.id, &ignored) < 0 ||
	    root.spec.resources.memory_bytes <= 0)
		return xstrdup("");
	return xasprintf(" at its limit of %lld MiB", (long long)root.spec.resources.memory_bytes >> 20);
}

static bool out_of_memory(struct asked *a)
{
	auto_free char *limit = NULL;

	if (!a->l->s.oom)
		return false;
	limit = memory_limit(a);
	if (runs(a->l))
		return say(
			a->k,
			xasprintf("out of memory%s: the kernel killed a process in it, the container goes on", limit),
			xstrdup("raise mem_limit; `compose stats` shows what is used"));
	return say(a->k, xasprintf("out of memory%s: the kernel killed it", limit),
		   xstrdup("raise mem_limit, or make the program use less"));
}

static bool stopped_by_us(struct asked *a)
{
	const struct listed *l = a->l;
	const char *sig = signal_name(l->r.stop_signal);

	if (!l->s.stopped_by_user || runs(l))
		return false;
	a->k->fine = true;
	if (l->s.exit_code == 128 + SIGKILL)
		return say(a->k,
			   xasprintf("compose killed it (stop, kill or down)%s%s",
				     sig ? ": with `stop`, it had not ended after " : "", sig ? sig : ""),
			   xasprintf("stop_grace_period is %lld s; a program that is PID 1 needs a handler for the "
				     "signal, or `init: true`",
				     (long long)(l->r.stop_grace_ns / 1000000000)));
	return say(a->k, xasprintf("compose stopped it (stop or down), and it ended with code %d", l->s.exit_code),
		   NULL);
}

static bool supervisor_gone(struct asked *a)
{
	if (a->l->s.exit_code != 137 || a->l->s.finished_ns)
		return false;
	return say(a->k,
		   xstrdup("the project's supervisor was killed, or the machine went down, and the container with it"),
		   xasprintf("`compose up -d %s` starts it again", a->l->r.service));
}

static bool missing_library(struct asked *a)
{
	static const char key[] = "error while loading shared libraries: ";
	const char *s = strstr(a->tail, key);
	auto_free char *name = s ? xstrndup(s + strlen(key), strcspn(s + strlen(key), ":\n")) : NULL;

	if (a->l->s.exit_code != 127 || !name)
		return false;
	return say(a->k, xasprintf("the library %s is missing in its image", name),
		   xstrdup("install the package that has it in the Dockerfile"));
}

static bool by_signal(struct asked *a)
{
	int sig = a->l->s.exit_code - 128;
	const char *name = sig > 0 && sig < NSIG ? signal_name(sig) : NULL, *what = strsignal(sig > 0 ? sig : 0);

	if (!name)
		return false;
	if (sig == SIGKILL)
		return say(a->k, xstrdup("SIGKILL ended it, and compose did not send it"),
			   xstrdup("somebody killed it, or the kernel for lack of memory in the whole machine: `dmesg` "
				   "tells"));
	if (sig == SIGSEGV || sig == SIGABRT || sig == SIGBUS || sig == SIGFPE || sig == SIGILL)
		return say(a->k, xasprintf("its program crashed: %s (%s)", name, what), sig == SIGILL ?
			   xstrdup("it may have been built for a newer processor") : NULL);
	return say(a->k, xasprintf("%s ended it (%s), and compose did not send it", name, what), NULL);
}

static bool by_code(struct asked *a)
{
	int code = a->l->s.exit_code;

	if (code == 127)
		return say(a->k, xstrdup("its program ended with code 127: a command was not found"),
			   xstrdup("the last output names it"));
	if (code == 126)
		return say(a->k, xstrdup("its program ended with code 126: a command could not be executed"), NULL);
	if (code)
		return say(a->k, xasprintf("its program ended by itself with code %d", code),
			   xstrdup("the last output may tell why"));
	a->k->fine = true;
	return say(a->k, xstrdup("its program has done its work and ended with code 0"), NULL);
}

static bool ended(struct asked *a)
{
	return !runs(a->l) && (supervisor_gone(a) || missing_library(a) || by_signal(a) || by_code(a));
}

/* ---- it runs --------------------------------------------------------------------------------- */

/* The probe as a command line; one that a shell would read in another way is not spelt out. */
static char *how_to_probe(const struct ctr_record *r)
{
	const struct strv *t = &r->health.test;
	auto_str struct str b = {0};

	if (t->n < 2 || strchr(t->v[t->n - 1], '\''))
		return xasprintf("try it: `compose exec %s COMMAND`", r->service);
	if (str_eq(t->v[0], "CMD-SHELL"))
		return xasprintf("try it: `compose exec %s sh -c '%s'`", r->service, t->v[1]);
	for (size_t i = 1; i < t->n; i++)
		str_addf(&b, strpbrk(t->v[i], " $;&|<>*?\"\\") ? " '%s'" : " %s", t->v[i]);
	return xasprintf("try it: `compose exec %s%s`", r->service, str_cstr(&b));
}

static bool unhealthy(struct asked *a)
{
	const struct listed *l = a->l;
	const char *said = l->s.health_output && *l->s.health_output ? l->s.health_output : "nothing";

	if (!runs(l) || l->s.health == HEALTH_NONE || l->s.health == HEALTH_HEALTHY || !l->s.health_fails)
		return false;
	return say(a->k,
		   xasprintf("its healthcheck failed %u times in a row; the last one said: %.*s", l->s.health_fails,
			     (int)strcspn(said, "\n"), said),
		   how_to_probe(&l->r));
}

static bool without_hooks(struct asked *a)
{
	const struct listed *l = a->l;

	if (!runs(l) || l->s.hook == HOOKS_NONE)
		return false;
	if (l->s.hook == HOOKS_RUN)
		return say(a->k, xstrdup("it runs, and its post_start hooks are not over"), NULL);
	return say(a->k, xasprintf("it runs, but: %s", l->s.hook_error),
		   xasprintf("`compose up -d %s` starts it again with its hooks", l->r.service));
}

static bool well(struct asked *a)
{
	a->k->fine = true;
	if (a->l->s.state == CTR_PAUSED)
		return say(a->k, xstrdup("it is paused"),
			   xasprintf("`compose unpause %s` lets it go on", a->l->r.service));
	return say(a->k,
		   xstrdup(a->l->s.health == HEALTH_STARTING ? "it runs, and its first healthcheck is not over"
							     : "nothing is wrong: it runs"),
		   NULL);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void facts(const struct listed *l, struct cause *k)
{
	static const char *const policies[] = {[POLICY_NO] = "no",
					       [POLICY_ALWAYS] = "always",
					       [POLICY_ON_FAILURE] = "on-failure",
					       [POLICY_UNLESS_STOPPED] = "unless-stopped"};

	if (l->s.restarts)
		strv_take(&k->more,
			  xasprintf("restarted %u times (restart: %s)", l->s.restarts, policies[l->r.restart]));
	if (l->s.started_ns && l->s.finished_ns > l->s.started_ns && !runs(l))
		strv_take(&k->more,
			  xasprintf("it had run for %.1f s", (double)(l->s.finished_ns - l->s.started_ns) / 1e9));
}

/* The first that applies is the cause. */
void cause_of(struct ctx *c, const struct list *all, const struct listed *l, const char *tail, struct cause *ret)
{
	struct asked a = { c, all, l, tail, ret };
	bool (*const rules[])(struct asked *) = {start_failed, never_started, out_of_memory, stopped_by_us,
						 ended,	       unhealthy,     without_hooks,   well};

	for (size_t i = 0; i < ARRAY_LEN(rules) && !rules[i](&a); i++)
		;
	facts(l, ret);
}

void cause_of_none(struct ctx *c, const struct list *all, const char *service, struct cause *ret)
{
	struct asked a = { c, all, NULL, "", ret };

	if (!waits(&a, service))
		(void)say(ret, xstrdup("it has no container"),
			  xasprintf("`compose up -d %s` makes and starts it", service));
}

void cause_done(struct cause *k)
{
	free(k->text);
	free(k->hint);
	free(k->found);
	strv_done(&k->more);
	*k = (struct cause){0};
}
