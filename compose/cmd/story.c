/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/story.h"
#include "compose/base/str.h"
#include "compose/cmd/cause.h"
#include "compose/logs/read.h"

enum { TAIL_BYTES_MAX = 256 << 10 };

/* Its last lines, each with a newline; "" when there are none. */
static int last_output(struct ctx *c, const struct listed *l, int64_t lines, struct str *out, struct err *e)
{
	const struct log_want want = { .tail = lines };
	auto_close int dir = record_dir(&c->paths, c->name, l->r.id, false);
	auto_log_reader struct log_reader *r = NULL;
	struct log_line line;
	int got;

	if (dir < 0 || log_reader_new(&r, &want, e) < 0 || log_reader_add(r, dir, NULL, e) < 0)
		return dir < 0 ? 0 : -1;
	while ((got = log_reader_next(r, &line, e)) > 0) {
		if (!line.cont && out->len && out->s[out->len - 1] != '\n')
			str_addc(out, '\n');
		str_addn(out, line.data, line.len);
		if (line.newline)
			str_addc(out, '\n');
	}
	return got;
}

/* What a file or a container has said may be in any of them. */
static void print_line(FILE *f, const char *label, const char *text)
{
	auto_free char *clean = str_printable(text);

	fprintf(f, "%s: %s\n", label, clean);
}

static void print_cause(FILE *f, const char *name, const char *status, const struct cause *k)
{
	print_line(f, name, status);
	print_line(f, "  because", k->text);
	for (size_t i = 0; i < k->more.n; i++)
		print_line(f, "     also", k->more.v[i]);
	if (k->hint)
		print_line(f, "     hint", k->hint);
}

static void print_output(FILE *f, const char *text)
{
	auto_free char *clean = str_printable(text);
	char *line = clean, *end;

	if (!*clean)
		return;
	fputs("   output:\n", f);
	for (; *line; line = end + 1) {
		end = strchr(line, '\n');
		fprintf(f, "    | %.*s\n", (int)(end ? (size_t)(end - line) : strlen(line)), line);
		if (!end)
			break;
	}
}

static bool names(const struct err *e, const char *name)
{
	for (unsigned i = 0; i < e->n; i++)
		if (strstr(e->frame[i], name))
			return true;
	return false;
}

/* Its start failed, and one of the failures that will be told names it. */
static bool is_told(const struct ctx *c, const struct listed *l, const struct story_opts *o, const struct cause *k)
{
	bool told = o->told && k->no_start && names(o->told, l->r.name);

	for (size_t i = 0; o->told && k->no_start && !told && i < c->errs.n; i++)
		told = names(&c->errs.v[i], l->r.name);
	return told;
}

int story_tell(struct ctx *c, const struct list *all, const struct listed *l, const struct story_opts *o, struct err *e)
{
	auto_str struct str tail = STR_MAX(TAIL_BYTES_MAX);
	auto_free char *status = list_status(l);
	struct cause k = {0};

	if (last_output(c, l, o->tail, &tail, e) < 0)
		return err_wrap(e, "read the output of %s", l->r.name);
	cause_of(c, all, l, str_cstr(&tail), &k);
	if (is_told(c, l, o, &k)) {
		if (k.found) {
			print_line(o->f, l->r.name, "could not be started");
			print_line(o->f, "  because", k.found);
		}
	} else if (o->fine_too || !k.fine) {
		print_cause(o->f, l->r.name, status, &k);
		if (!k.fine && !o->no_output)
			print_output(o->f, str_cstr(&tail));
	}
	cause_done(&k);
	return 0;
}

void story_of_none(struct ctx *c, const struct list *all, const char *service, FILE *f)
{
	struct cause k = {0};

	cause_of_none(c, all, service, &k);
	print_cause(f, service, "not there", &k);
	cause_done(&k);
}

/* Not well by itself: what only waits for others is told with those. */
static bool failed(const struct listed *l, int64_t since_ns)
{
	if (l->s.state == CTR_RUNNING || l->s.state == CTR_PAUSED)
		return l->s.health == HEALTH_UNHEALTHY;
	if (l->s.error && *l->s.error)
		return true;
	return l->s.state != CTR_CREATED && l->s.finished_ns >= since_ns && (l->s.exit_code || l->s.oom);
}

void story_of_failures(struct ctx *c, char *const *services, int64_t since_ns, const struct story_opts *o)
{
	auto_list struct list all = {0};
	auto_err struct err ignored = {0};

	if (list_read(c, &all, &ignored) < 0)
		return;
	for (size_t i = 0; i < all.n; i++) {
		auto_err struct err each = {0};

		if (all.v[i]->r.kind == KIND_SERVICE && failed(all.v[i], since_ns) &&
		    (list_named(services, all.v[i]->r.service) || all.v[i]->s.finished_ns >= since_ns))
			(void)!story_tell(c, &all, all.v[i], o, &each);
	}
	fflush(o->f);
}
