/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - `compose events`: what happens to the project's containers from now on, until Ctrl-C; and what has happened, as
 * far as it is remembered: the last few hundred events of a supervisor that lives, and what the containers' files tell.
 * The supervisor tells of their lives; that they are made and removed is seen by their directories. A supervisor is
 * started when none lives, and stays as long as this command listens. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include "compose/base/intr.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"
#include "compose/cmd/when.h"
#include "compose/supervisor/client.h"

struct events_args { bool json; const char *since, *until; char **services; };

static const struct opt events_opts[] = {
	OPT_FLAG(0, "json", struct events_args, json, "an object a line"),
	OPT_STR(0, "since", struct events_args, since, "TIME", "also events since then, as far as they are remembered"),
	OPT_STR(0, "until", struct events_args, until, "TIME", "end at that time"),
	OPT_REST(struct events_args, services, "SERVICE", "services (default: all)"),
	OPT_END
};

/* A container that was seen: what is told of it when its files are gone. */
struct seen { char id[ID_SIZE]; char *service; json_t *attributes; bool told, there; };
struct late { int64_t ns; size_t order; char *line; };      /* told when all of the past has come */
struct events {
	struct ctx *c;
	const struct events_args *a;
	struct sup *sup;
	int notify, watch;                /* inotify: the project's directory */
	char *dir;
	VEC(struct seen *) seen;
	int64_t since_ns, until_ns;
	bool replaying;
	VEC(struct late) late;
	struct err *e;
};

/* ---- one line -------------------------------------------------------------------------------- */

static char *json_line(const struct seen *s, const char *action, const char *at, const json_t *attributes)
{
	auto_json json_t *j = json_object();

	json_put(j, "time", at);
	json_put(j, "type", "container");
	json_put(j, "action", action);
	json_put(j, "id", s->id);
	json_put(j, "service", s->service);
	(void)json_object_set(j, "attributes", (json_t *)(uintptr_t)attributes);
	return json_dumps(j, JSON_COMPACT);
}

static char *text_line(const struct seen *s, const char *action, const char *at, const json_t *attributes)
{
	auto_str struct str b = {0};
	auto_free char *clean = NULL, *what = str_printable(action);
	const char *key;
	json_t *val;

	json_object_foreach((json_t *)(uintptr_t)attributes, key, val)
		str_addf(&b, "%s%s=%s", b.len ? ", " : "", key, json_string_value(val));
	clean = str_printable(str_cstr(&b));
	return xasprintf("%s container %s %s (%s)", at, what, s->id, clean);
}

static char *time_text(int64_t ns, bool json)
{
	time_t secs = ns / 1000000000;
	char day[32] = "", zone[8] = "";
	struct tm tm;

	if (!localtime_r(&secs, &tm))
		return xstrdup("");
	(void)strftime(day, sizeof(day), json ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	(void)strftime(zone, sizeof(zone), "%z", &tm);
	if (!json)
		return xasprintf("%s.%06lld", day, (long long)(ns % 1000000000 / 1000));
	return xasprintf("%s.%06lld%.3s:%s", day, (long long)(ns % 1000000000 / 1000), zone, zone + 3);
}

static int by_time(const void *a, const void *b)
{
	const struct late *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns ? 1 : x->order < y->order ? -1 : x->order > y->order;
}

/* What lies in the past has come from several places: now that all of it is there, it is told in order. */
static void end_replay(struct events *ev)
{
	ev->replaying = false;
	if (ev->late.n)
		qsort(ev->late.v, ev->late.n, sizeof(*ev->late.v), by_time);
	for (size_t i = 0; i < ev->late.n; i++) {
		puts(ev->late.v[i].line);
		free(ev->late.v[i].line);
	}
	vec_done(&ev->late);
}

/* in: code: exit code, or -1; more: further attributes, or NULL */
static void tell(struct events *ev, const struct seen *s, const char *action, int64_t ns, int64_t code, const json_t *more)
{
	auto_free char *at = time_text(ns, ev->a->json), *line = NULL;
	auto_json json_t *attributes = json_copy(s->attributes);

	if (!s->told || !list_named(ev->a->services, s->service) || ns < ev->since_ns || (ev->until_ns && ns > ev->until_ns))
		return;
	(void)json_object_update(attributes, (json_t *)(uintptr_t)more);
	if (code >= 0)
		(void)json_object_set_new(attributes, "exitCode", json_sprintf("%lld", (long long)code));
	line = ev->a->json ? json_line(s, action, at, attributes) : text_line(s, action, at, attributes);
	if (!line)
		return;
	if (ev->replaying)
		vec_push(&ev->late, (struct late){ ns, ev->late.n, take_ptr(line) });
	else
		puts(line);
}

/* ---- containers come and go ------------------------------------------------------------------ */

static struct seen *find(struct events *ev, const char *id)
{
	for (size_t i = 0; i < ev->seen.n; i++)
		if (!strcmp(ev->seen.v[i]->id, id))
			return ev->seen.v[i];
	return NULL;
}

static void seen_free(struct seen *s)
{
	free(s->service);
	json_decref(s->attributes);
	free(s);
}

static struct seen *remember(struct events *ev, const struct ctr_record *r)
{
	struct seen *s = xcalloc(1, sizeof(*s));

	memcpy(s->id, r->id, ID_SIZE);
	s->service = xstrdup(r->service);
	s->told = r->kind == KIND_SERVICE;        /* docker compose keeps silent about one-offs */
	s->attributes = json_object();
	json_put(s->attributes, "image", r->image);
	json_put(s->attributes, "name", r->name);
	for (size_t i = 0; i < r->labels.n; i++)
		if (!str_starts(r->labels.v[i].key, "com.docker.compose."))
			json_put(s->attributes, r->labels.v[i].key, r->labels.v[i].val);
	vec_push(&ev->seen, s);
	return s;
}

struct look { struct events *ev; bool tell; };

static int look_at(void *arg, int dir, struct ctr_record *r, struct ctr_status *st)
{
	struct look *l = arg;
	struct seen *s = find(l->ev, r->id);

	(void)dir;
	(void)st;
	if (!s) {
		s = remember(l->ev, r);
		if (l->tell)
			tell(l->ev, s, "create", r->created_ns, -1, NULL);
	}
	s->there = true;
	return 0;
}

static int on_sup(struct events *ev);

/* Containers that are gone; what their supervisor has said of them before comes first. */
static int tell_gone(struct events *ev)
{
	bool gone = false;

	for (size_t i = 0; i < ev->seen.n; i++)
		gone |= !ev->seen.v[i]->there;
	if (gone && ev->sup && on_sup(ev) < 0)
		return -1;
	for (size_t i = ev->seen.n; i-- > 0;) {
		struct seen *s = ev->seen.v[i];

		if (s->there)
			continue;
		tell(ev, s, "destroy", sys_now_ns(), -1, NULL);
		vec_remove(&ev->seen, i);
		seen_free(s);
	}
	return 0;
}

/* Compare what there is with what was seen. */
static int look(struct events *ev, bool tell_of_it)
{
	struct look l = { ev, tell_of_it };
	auto_err struct err unreadable = {0};     /* a record that is being removed */

	for (size_t i = 0; i < ev->seen.n; i++)
		ev->seen.v[i]->there = false;
	if (record_each(&ev->c->paths, ev->c->name, look_at, &l, &unreadable) < 0)
		return err_set(ev->e, ERR_SYS, 0, "look at the project's containers");
	return tell_gone(ev);
}

/* The project's directory goes with the last container, and comes back with the next one. */
static int watch_project(struct events *ev)
{
	auto_free char *rel = xasprintf("projects/%s", ev->c->name);
	auto_close int fd = paths_dir(ev->c->paths.root_fd, rel, true);

	ev->watch =
		fd < 0 ? -1 : inotify_add_watch(ev->notify, ev->dir, IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_ONLYDIR);
	return ev->watch < 0 ? err_set(ev->e, ERR_SYS, errno, "watch %s", ev->dir) : 0;
}

static void watch_ctr(struct events *ev, const char *id)
{
	auto_free char *path = xasprintf("%s/%s", ev->dir, id);

	(void)!inotify_add_watch(ev->notify, path, IN_MOVED_TO | IN_ONLYDIR);    /* gone again: look() will see */
}

static int on_notify(struct events *ev)
{
	char buf[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(ev->notify, buf, sizeof(buf));

	for (char *p = buf; n > 0 && p < buf + n;) {
		const struct inotify_event *i = (const struct inotify_event *)(const void *)p;

		p += sizeof(*i) + i->len;
		if (i->wd == ev->watch && i->mask & IN_CREATE)
			watch_ctr(ev, i->name);
		if (i->wd == ev->watch && i->mask & IN_IGNORED && watch_project(ev) < 0)
			return -1;
	}
	return look(ev, true);
}

/* ---- lives ----------------------------------------------------------------------------------- */

static int connect_sup(struct events *ev)
{
	json_t *args = ev->replaying ? json_pack("{s:I}", "replay_ns", (json_int_t)ev->since_ns) : NULL;

	if (sup_open(&ev->sup, &ev->c->paths, ev->c->name, true, ev->e) < 0) {
		json_decref(args);
		return -1;
	}
	return sup_call(ev->sup, "subscribe", args, NULL, 0, NULL, ev->e);
}

/* One that is gone by now: what the event says of it. */
static void tell_of_gone(struct events *ev, const json_t *j, const char *action)
{
	struct seen gone = { .service = xstrdup(json_str(j, "service", "")), .attributes = json_object(),
			     .told = !json_flag(j, "oneoff", false) };

	(void)snprintf(gone.id, sizeof(gone.id), "%s", json_str(j, "ctr", ""));
	json_put(gone.attributes, "image", json_str(j, "image", ""));
	json_put(gone.attributes, "name", json_str(j, "name", ""));
	tell(ev, &gone, action, json_int(j, "time_ns", 0), json_int(j, "exit_code", -1), json_object_get(j, "attributes"));
	free(gone.service);
	json_decref(gone.attributes);
}

static void on_event(struct events *ev, const json_t *j)
{
	const char *what = json_str(j, "event", ""), *health = json_str(j, "health", NULL);
	auto_free char *action = health ? xasprintf("%s: %s", what, health) : xstrdup(what);
	const struct seen *s = find(ev, json_str(j, "ctr", ""));

	if (str_eq(what, "replayed"))
		end_replay(ev);
	else if (s)
		tell(ev, s, action, json_int(j, "time_ns", 0), json_int(j, "exit_code", -1), json_object_get(j, "attributes"));
	else if (ev->replaying)
		tell_of_gone(ev, j, action);
}

static int on_sup(struct events *ev)
{
	for (;;) {
		auto_json json_t *j = NULL;
		int64_t id;
		int r = sup_recv(ev->sup, &id, &j, ev->e);

		if (r < 0) {                      /* killed, or renewed: go on with the next one */
			err_done(ev->e);
			sup_close(ev->sup);
			ev->sup = NULL;
			return connect_sup(ev);
		}
		if (r == 0)
			return 0;
		on_event(ev, j);
	}
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int remaining_ms(const struct events *ev)
{
	int64_t left = (ev->until_ns - sys_now_ns()) / 1000000 + 1;

	return !ev->until_ns ? -1 : left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static int listen_on(struct events *ev)
{
	for (;;) {
		struct pollfd p[3] = {{.fd = ev->notify, .events = POLLIN},
				      {.fd = sup_fd(ev->sup), .events = POLLIN},
				      {.fd = intr_fd(), .events = POLLIN}};

		if (fflush(stdout) != 0 || (!ev->replaying && ev->until_ns && sys_now_ns() >= ev->until_ns))
			return 0;
		if (poll(p, 3, ev->replaying ? -1 : remaining_ms(ev)) < 0 && errno != EINTR)
			return err_set(ev->e, ERR_SYS, errno, "wait for events");
		if (intr_check(ev->e) < 0)
			return -1;
		if (p[0].revents && on_notify(ev) < 0)     /* first: a container is made before it starts */
			return -1;
		if (p[1].revents && on_sup(ev) < 0)
			return -1;
	}
}

static int check(struct events *ev)
{
	if (when_parse(ev->a->since, "--since", &ev->since_ns, ev->e) < 0)
		return -1;
	ev->replaying = ev->a->since;
	return when_parse(ev->a->until, "--until", &ev->until_ns, ev->e);
}

static int begin(struct events *ev)
{
	auto_list struct list l = {0};

	if (check(ev) < 0 || list_read(ev->c, &l, ev->e) < 0 || list_check_names(ev->c, &l, ev->a->services, ev->e) < 0)
		return -1;
	if (!ev->replaying && ev->until_ns && ev->until_ns <= sys_now_ns())
		return 1;
	ev->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (ev->notify < 0)
		return err_set(ev->e, ERR_SYS, errno, "watch files");
	return watch_project(ev) < 0 || look(ev, ev->replaying) < 0 || connect_sup(ev) < 0 ? -1 : 0;
}

static int events_run(struct ctx *c, const void *args, struct err *e)
{
	auto_free char *dir = xasprintf("%s/projects/%s", c->paths.root, c->name),
		       *rel = xasprintf("projects/%s", c->name);
	struct events ev = { .c = c, .a = args, .notify = -1, .dir = dir, .e = e };
	int r = begin(&ev);

	if (r == 0)
		r = listen_on(&ev);
	end_replay(&ev);
	sup_close(ev.sup);
	mem_closep(&ev.notify);
	while (ev.seen.n)
		seen_free(ev.seen.v[--ev.seen.n]);
	vec_done(&ev.seen);
	(void)unlinkat(c->paths.root_fd, rel, AT_REMOVEDIR);     /* stays while containers are in it */
	if (r < 0 && e->kind == ERR_INTR) {
		err_done(e);
		c->status = 130;
		r = 0;
	}
	return r < 0 ? act_wrap(e, "cannot show events") : 0;
}

const struct cmd cmd_events = {.name = "events",
			       .usage = "[OPTION...] [SERVICE...]",
			       .summary = "Show what happens to containers",
			       .opts = events_opts,
			       .args_size = sizeof(struct events_args),
			       .services_off = offsetof(struct events_args, services),
			       .needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | ALL_PROFILES,
			       .run = events_run};
