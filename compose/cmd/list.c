/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/list.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/ui.h"
#include "compose/state/lock.h"

struct walk { struct list *out; bool alive; };

static int add(void *arg, int dir, struct ctr_record *r, struct ctr_status *s)
{
	struct walk *w = arg;
	struct listed *l = xcalloc(1, sizeof(*l));

	(void)dir;
	*l = (struct listed){ .r = *r, .s = *s };
	*r = (struct ctr_record){0};
	*s = (struct ctr_status){0};
	if (!w->alive && (l->s.state == CTR_RUNNING || l->s.state == CTR_PAUSED || l->s.state == CTR_RESTARTING)) {
		l->s.state = CTR_EXITED;
		l->s.health = HEALTH_NONE;
		l->s.exit_code = 137;
	}
	vec_push(w->out, l);
	return 0;
}

static int by_name(const void *x, const void *y)
{
	const struct listed *const *a = x, *const *b = y;

	return strverscmp((*a)->r.name, (*b)->r.name);
}

int list_read(struct ctx *c, struct list *ret, struct err *e)
{
	struct walk w = { .out = ret, .alive = lock_is_alive(&c->paths, c->name) };

	if (record_each(&c->paths, c->name, add, &w, e) < 0)
		return -1;
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

void list_done(struct list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		record_done(&l->v[i]->r);
		status_done(&l->v[i]->s);
		free(l->v[i]);
	}
	vec_done(l);
}

char *list_status(const struct listed *l)
{
	const struct ctr_status *s = &l->s;
	int64_t now = sys_now_ns();
	auto_free char *up = ui_ago((now - s->started_ns) / 1000000000), *ago = ui_ago((now - s->finished_ns) / 1000000000);

	switch (s->state) {
	case CTR_RUNNING:
		if (s->health == HEALTH_NONE)
			return xasprintf("Up %s", up);
		return xasprintf("Up %s (%s%s)", up, s->health == HEALTH_STARTING ? "health: " : "", ctr_health_name(s->health));
	case CTR_PAUSED: return xasprintf("Up %s (Paused)", up);
	case CTR_RESTARTING: return xasprintf("Restarting (%d) %s ago", s->exit_code, ago);
	case CTR_EXITED:
		if (!s->finished_ns)
			return xasprintf("Exited (%d)", s->exit_code);
		return xasprintf("Exited (%d) %s ago%s", s->exit_code, ago, s->oom ? " (OOM)" : "");
	case CTR_DEAD: return xstrdup("Dead");
	default: return s->error && *s->error ? xasprintf("Created (%s)", s->error) : xstrdup("Created");
	}
}

/* spec: docker joins ports that follow each other where host and container have the same */
static bool continues(const struct port_span *s, const struct port_span *p)
{
	return str_eq(s->ip, p->ip) && str_eq(s->proto, p->proto) && p->target == s->target + s->n &&
	       (s->host ? s->host == s->target && p->host == p->target : !p->host);
}

static void add_span(struct port_spans *v, const struct port_span *p)
{
	for (size_t i = 0; i < v->n; i++)
		if (continues(&v->v[i], p)) {
			v->v[i].n += p->n;
			return;
		}
	vec_push(v, *p);
}

static bool is_bound(const struct listed *l, unsigned target, const char *proto)
{
	for (size_t i = 0; i < l->s.bound.n; i++)
		if (l->s.bound.v[i].target == target && str_eq(l->s.bound.v[i].proto, proto))
			return true;
	return false;
}

static bool is_listed(const struct port_spans *v, unsigned target, const char *proto)
{
	for (size_t i = 0; i < v->n; i++)
		if (target >= v->v[i].target && target < v->v[i].target + v->v[i].n && str_eq(v->v[i].proto, proto))
			return true;
	return false;
}

struct port_spans list_spans(const struct listed *l)
{
	struct port_spans v = {0};

	if (l->s.state != CTR_RUNNING && l->s.state != CTR_PAUSED)
		return v;
	for (size_t i = 0; i < l->s.bound.n; i++) {
		const struct rec_bound *b = &l->s.bound.v[i];

		add_span(&v, &(struct port_span){ b->host_ip, b->proto, b->host_port, b->target, 1 });
	}
	for (size_t i = 0; i < l->r.exposed.n; i++) {
		const struct rec_exposed *x = &l->r.exposed.v[i];

		for (unsigned p = x->first; p <= x->last; p++)
			if (!is_bound(l, p, x->proto) && !is_listed(&v, p, x->proto))
				add_span(&v, &(struct port_span){ "", x->proto, 0, p, 1 });
	}
	return v;
}

static void add_range(struct str *b, unsigned first, unsigned n)
{
	str_addf(b, "%u", first);
	if (n > 1)
		str_addf(b, "-%u", first + n - 1);
}

char *list_ports(const struct listed *l)
{
	struct port_spans v = list_spans(l);
	auto_str struct str b = {0};

	for (size_t i = 0; i < v.n; i++) {
		const struct port_span *p = &v.v[i];
		bool v6 = strchr(p->ip, ':');

		str_add(&b, i ? ", " : "");
		if (p->host) {
			str_addf(&b, "%s%s%s:", v6 ? "[" : "", p->ip, v6 ? "]" : "");
			add_range(&b, p->host, p->n);
			str_add(&b, "->");
		}
		add_range(&b, p->target, p->n);
		str_addf(&b, "/%s", p->proto);
	}
	vec_done(&v);
	return str_take(&b);
}

int list_check_names(const struct ctx *c, const struct list *l, char *const *services, struct err *e)
{
	for (; services && *services; services++) {
		bool known = c->project && project_service(c->project, *services);

		for (size_t i = 0; !known && i < l->n; i++)
			known = str_eq(l->v[i]->r.service, *services);
		if (!known)
			return project_no_service(c->project, *services, e);
	}
	return 0;
}

bool list_named(char *const *services, const char *service)
{
	if (!services || !*services)
		return true;
	for (; *services; services++)
		if (str_eq(*services, service))
			return true;
	return false;
}
