/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/log_view.h"
#include <errno.h>
#include <time.h>
#include "compose/base/str.h"
#include "compose/cli/ui.h"

struct shown { char *id, *name; unsigned colour; struct log_view *view; };
struct log_view {
	struct log_view_opts o;
	struct log_reader *reader;
	VEC(struct shown *) ctrs;
	size_t width;
	const struct shown *open;         /* whose line on the screen has no newline yet */
};

struct log_view *log_view_new(const struct log_view_opts *o, struct log_reader *reader)
{
	struct log_view *v = xcalloc(1, sizeof(*v));

	v->o = *o;
	v->reader = reader;
	return v;
}

void log_view_free(struct log_view *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->ctrs.n; i++) {
		free(v->ctrs.v[i]->id);
		free(v->ctrs.v[i]->name);
		free(v->ctrs.v[i]);
	}
	vec_done(&v->ctrs);
	free(v);
}

/* Names that we made lose the project: "demo-web-1" is "web-1"; a container_name is printed whole. */
char *log_view_name(const char *project, const char *service, const char *name)
{
	auto_free char *prefix = xasprintf("%s-%s-", project, service), *old = xasprintf("%s_%s_", project, service);

	return xstrdup(str_starts(name, prefix) || str_starts(name, old) ? name + strlen(project) + 1 : name);
}

void log_view_expect(struct log_view *v, const char *project, const char *service, const char *name)
{
	auto_free char *label = log_view_name(project, service, name);

	if (strlen(label) > v->width)
		v->width = strlen(label);
}

static struct shown *find(const struct log_view *v, const char *id)
{
	for (size_t i = 0; i < v->ctrs.n; i++)
		if (str_eq(v->ctrs.v[i]->id, id))
			return v->ctrs.v[i];
	return NULL;
}

bool log_view_has(const struct log_view *v, const char *id)
{
	return find(v, id);
}

/* One that takes the place of another has its name, and so its colour. */
static unsigned colour_of(const struct log_view *v, const char *name)
{
	unsigned next = 0;

	for (size_t i = 0; i < v->ctrs.n; i++) {
		if (str_eq(v->ctrs.v[i]->name, name))
			return v->ctrs.v[i]->colour;
		if (v->ctrs.v[i]->colour >= next)
			next = v->ctrs.v[i]->colour + 1;
	}
	return next;
}

int log_view_add(struct log_view *v, int dir, const struct ctr_record *r, struct err *e)
{
	struct shown *s;
	int ret;

	if (find(v, r->id))
		return 0;
	s = xcalloc(1, sizeof(*s));
	*s = (struct shown){ .id = xstrdup(r->id), .name = log_view_name(r->project, r->service, r->name), .view = v };
	s->colour = colour_of(v, s->name);
	ret = log_reader_add(v->reader, dir, s, e);
	if (ret < 0) {
		free(s->id);
		free(s->name);
		free(s);
		return -1;
	}
	vec_push(&v->ctrs, s);
	if (strlen(s->name) > v->width)
		v->width = strlen(s->name);
	return ret;
}

void log_view_exited(struct log_view *v, const char *id)
{
	struct shown *s = find(v, id);

	if (s)
		log_reader_flush(v->reader, s);
}

void log_view_end(struct log_view *v)
{
	for (size_t i = 0; i < v->ctrs.n; i++)
		log_reader_flush(v->reader, v->ctrs.v[i]);
}

static void put_prefix(const struct log_view *v, const struct shown *s, int64_t time_ns)
{
	if (!v->o.no_prefix) {
		if (v->o.colour)
			fputs_unlocked(ui_prefix_colour(s->colour), stdout);
		fputs_unlocked(s->name, stdout);
		for (size_t n = strlen(s->name); n < v->width; n++)
			putchar_unlocked(' ');
		fputs_unlocked("  | ", stdout);
		if (v->o.colour)
			fputs_unlocked("\033[0m", stdout);
	}
	if (v->o.timestamps && time_ns) {
		time_t t = time_ns / 1000000000;
		char buf[40];
		struct tm tm;

		if (gmtime_r(&t, &tm) && strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm))
			printf("%s.%09dZ ", buf, (int)(time_ns % 1000000000));
	}
}

static void put_line(struct log_view *v, const struct log_line *l)
{
	const struct shown *s = l->tag;
	bool goes_on = l->cont && v->open == s;

	if (v->open && !goes_on)
		putchar_unlocked('\n');
	if (!goes_on)
		put_prefix(v, s, l->time_ns);
	(void)!fwrite_unlocked(l->data, 1, l->len, stdout);
	if (l->newline)
		putchar_unlocked('\n');
	v->open = l->newline ? NULL : s;
}

int log_view_print(struct log_view *v, struct err *e)
{
	struct log_line l;
	int r;

	while ((r = log_reader_next(v->reader, &l, e)) > 0) {
		put_line(v, &l);
		if (ferror_unlocked(stdout))
			return 1;
	}
	if (v->open && log_reader_fd(v->reader) < 0) {   /* not following: the output ended without a newline, and so do we */
		v->open = NULL;
		if (!v->o.no_prefix)
			putchar_unlocked('\n');
	}
	if (fflush(stdout) == EOF)
		return errno == EPIPE ? 1 : err_set(e, ERR_SYS, errno, "write to standard output");
	return r;
}

void log_view_note(struct log_view *v, const char *id, const char *text)
{
	const struct shown *s = find(v, id);

	if (!s)
		return;
	if (v->open)
		putchar('\n');
	v->open = NULL;
	if (v->o.colour)
		fputs(ui_prefix_colour(s->colour), stdout);
	printf("%s %s", s->name, text);
	if (v->o.colour)
		fputs("\033[0m", stdout);
	putchar('\n');
	(void)fflush(stdout);
}
