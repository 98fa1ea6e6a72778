/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cli/ui.h"
#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include "compose/base/mem.h"
#include "compose/base/sys.h"

struct line {
	char *kind, *name, *status;
	enum ui_tone tone;
	bool done;
	int64_t begin_ns, end_ns;
};

struct ui {
	enum ui_mode mode;
	bool colour_out, colour_err;
	FILE *out;                   /* of the progress */
	pthread_mutex_t mutex;
	VEC(struct line) lines;
	unsigned drawn;              /* lines of the block on the screen */
};

static const char *const tone_colour[] = { [UI_WORK] = "\033[34m", [UI_OK] = "\033[32m", [UI_WARN] = "\033[33m", [UI_FAIL] = "\033[31m" };

static bool want_colour(const char *ansi, int fd)
{
	const char *no = getenv("NO_COLOR");

	if (ansi && !strcmp(ansi, "always"))
		return true;
	if (ansi && !strcmp(ansi, "never"))
		return false;
	return isatty(fd) && !(no && *no) && !str_eq(getenv("TERM"), "dumb");
}

static enum ui_mode pick_mode(const char *progress, const char *ansi, int fd)
{
	if (progress && *progress && strcmp(progress, "auto") != 0) {
		if (!strcmp(progress, "tty"))
			return UI_TTY;
		return !strcmp(progress, "json") ? UI_JSON : !strcmp(progress, "quiet") ? UI_QUIET : UI_PLAIN;
	}
	if (ansi && !strcmp(ansi, "never"))
		return UI_PLAIN;
	return isatty(fd) && !str_eq(getenv("TERM"), "dumb") ? UI_TTY : UI_PLAIN;
}

struct ui *ui_new(const char *progress, const char *ansi, bool to_stdout)
{
	struct ui *u = xcalloc(1, sizeof(*u));

	u->out = to_stdout ? stdout : stderr;
	u->mode = pick_mode(progress, ansi, fileno(u->out));
	u->colour_out = want_colour(ansi, STDOUT_FILENO);
	u->colour_err = want_colour(ansi, STDERR_FILENO);
	(void)pthread_mutex_init(&u->mutex, NULL);
	return u;
}

void ui_free(struct ui *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->lines.n; i++) {
		free(u->lines.v[i].kind);
		free(u->lines.v[i].name);
		free(u->lines.v[i].status);
	}
	vec_done(&u->lines);
	(void)pthread_mutex_destroy(&u->mutex);
	free(u);
}

enum ui_mode ui_mode(const struct ui *u) { return u->mode; }
bool ui_colour(const struct ui *u) { return u->colour_out; }
bool ui_colour_err(const struct ui *u) { return u->colour_err; }
void ui_set_quiet(struct ui *u) { u->mode = UI_QUIET; }

void ui_set_plain(struct ui *u)
{
	ui_flush(u);
	if (u->mode == UI_TTY)
		u->mode = UI_PLAIN;
}

static unsigned short screen_rows(const struct ui *u, unsigned short *ret_cols)
{
	struct winsize w = {0};

	if (ioctl(fileno(u->out), TIOCGWINSZ, &w) < 0 || !w.ws_row || !w.ws_col)
		w = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	*ret_cols = w.ws_col;
	return w.ws_row;
}

static void draw_line(const struct ui *u, const struct line *l, unsigned cols, size_t width, struct str *out)
{
	double s = (double)((l->done ? l->end_ns : sys_mono_ns()) - l->begin_ns) / 1e9;
	size_t start = out->len;

	str_addf(out, " %s %s %-*s  %s", l->tone == UI_FAIL ? "x" : l->done ? "*" : "-", l->kind,
		 (int)(width - strlen(l->kind)), l->name, l->status);
	if (out->len - start > cols - 9 && cols > 20)
		str_cut(out, start + cols - 9);
	str_addf(out, " %5.1fs", s);
	if (u->out == stdout ? u->colour_out : u->colour_err) {
		auto_free char *text = xstrdup(out->s + start);

		str_cut(out, start);
		str_addf(out, "%s%s\033[0m", tone_colour[l->tone], text);
	}
	str_add(out, "\033[K\n");
}

static void erase(struct ui *u, struct str *out)
{
	if (u->drawn)
		str_addf(out, "\033[%uA\r\033[J", u->drawn);
	u->drawn = 0;
}

/* Below the lines that fit: how many do not, and how far it all is. */
static void draw_rest(struct ui *u, size_t hidden, struct str *out)
{
	size_t done = 0;

	for (size_t i = 0; i < u->lines.n; i++)
		done += u->lines.v[i].done;
	str_addf(out, " ... %zu more; %zu of %zu done\033[K\n", hidden, done, u->lines.n);
	u->drawn++;
}

/* The last lines that fit on the screen; those at work come first when there are more. */
static void draw(struct ui *u, struct str *out)
{
	unsigned short cols, rows = screen_rows(u, &cols);
	size_t room = rows > 2 ? rows - 2U : 1, width = 0, skip = 0, hidden = 0;

	for (size_t i = 0; i < u->lines.n; i++)
		if (strlen(u->lines.v[i].kind) + strlen(u->lines.v[i].name) > width)
			width = strlen(u->lines.v[i].kind) + strlen(u->lines.v[i].name);
	if (u->lines.n > room) {
		room = room > 1 ? room - 1 : room;
		skip = hidden = u->lines.n - room;
	}
	for (size_t i = 0; i < u->lines.n; i++) {
		if (skip && u->lines.v[i].done) {
			skip--;
			continue;
		}
		if (u->drawn == room)
			break;
		draw_line(u, &u->lines.v[i], cols, width, out);
		u->drawn++;
	}
	if (hidden && rows > 3)
		draw_rest(u, hidden, out);
}

static void put(const struct str *out, FILE *f)
{
	(void)!fwrite(str_cstr(out), 1, out->len, f);
	(void)fflush(f);
}

static struct line *line_of(struct ui *u, const char *kind, const char *name)
{
	for (size_t i = u->lines.n; i-- > 0;)
		if (!strcmp(u->lines.v[i].kind, kind) && !strcmp(u->lines.v[i].name, name))
			return &u->lines.v[i];
	vec_push(&u->lines, (struct line){ .kind = xstrdup(kind), .name = str_printable(name), .begin_ns = sys_mono_ns() });
	return &u->lines.v[u->lines.n - 1];
}

/* in: j: a new reference, or NULL for what is no text */
static void put_object(json_t *j, FILE *f)
{
	auto_free char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	if (text)
		fprintf(f, "%s\n", text);
	json_decref(j);
}

static void put_json(const struct line *l, FILE *f)
{
	static const char *const tones[] = { "Working", "Done", "Warning", "Error" };

	put_object(json_pack("{s:o,s:s,s:s}", "id", json_sprintf("%s %s", l->kind, l->name), "status", tones[l->tone], "text", l->status), f);
}

void ui_status(struct ui *u, const char *kind, const char *name, const char *status, enum ui_tone tone, bool done)
{
	auto_str struct str out = {0};
	struct line *l;

	if (u->mode == UI_QUIET)
		return;
	(void)pthread_mutex_lock(&u->mutex);
	l = line_of(u, kind, name);
	free(l->status);
	l->status = str_printable(status);
	l->tone = tone;
	if (l->done && !done)
		l->begin_ns = sys_mono_ns();
	l->done = done;
	l->end_ns = sys_mono_ns();
	if (u->mode == UI_TTY) {
		erase(u, &out);
		draw(u, &out);
		put(&out, u->out);
	} else if (u->mode == UI_JSON) {
		put_json(l, u->out);
	} else {
		fprintf(u->out, " %s %s %s\n", l->kind, l->name, l->status);
	}
	(void)pthread_mutex_unlock(&u->mutex);
}

void ui_tick(struct ui *u)
{
	auto_str struct str out = {0};

	(void)pthread_mutex_lock(&u->mutex);
	if (u->mode == UI_TTY && u->drawn) {
		erase(u, &out);
		draw(u, &out);
		put(&out, u->out);
	}
	(void)pthread_mutex_unlock(&u->mutex);
}

void ui_line(struct ui *u, const char *text)
{
	auto_free char *safe = NULL;
	auto_str struct str out = {0};

	if (u->mode == UI_QUIET)
		return;
	safe = str_printable(text);
	(void)pthread_mutex_lock(&u->mutex);
	if (u->mode == UI_TTY)
		erase(u, &out);
	if (u->mode == UI_JSON) {
		json_t *j = json_pack("{s:s}", "text", safe);
		auto_free char *t = json_dumps(j, JSON_COMPACT);

		str_addf(&out, "%s\n", t ? t : "{}");
		json_decref(j);
	} else {
		str_addf(&out, "%s\n", safe);
	}
	if (u->mode == UI_TTY)
		draw(u, &out);
	put(&out, u->out);
	(void)pthread_mutex_unlock(&u->mutex);
}

void ui_warn(struct ui *u, const char *fmt, ...)
{
	auto_free char *text = NULL, *safe = NULL;
	auto_str struct str out = {0};
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	safe = str_printable(text);
	(void)pthread_mutex_lock(&u->mutex);
	if (u->mode == UI_TTY) {
		erase(u, &out);
		put(&out, u->out);
		str_clear(&out);
	}
	if (u->mode == UI_JSON)
		put_object(json_pack("{s:s,s:s}", "status", "Warning", "text", safe), stderr);
	else
		fprintf(stderr, "%scompose: warning:%s %s\n", u->colour_err ? "\033[33m" : "", u->colour_err ? "\033[0m" : "", safe);
	if (u->mode == UI_TTY) {
		draw(u, &out);
		put(&out, u->out);
	}
	(void)pthread_mutex_unlock(&u->mutex);
}

static void put_error(const struct err *e)
{
	auto_str struct str b = {0};
	json_t *j;

	for (unsigned i = e->n; i-- > 0;)
		str_addf(&b, "%s%s", e->frame[i], i ? ": " : "");
	j = json_pack("{s:b,s:s}", "error", 1, "message", str_cstr(&b));
	if (e->at)
		(void)json_object_set_new(j, "at", json_string(e->at));
	if (e->hint)
		(void)json_object_set_new(j, "hint", json_string(e->hint));
	put_object(j, stderr);
}

int ui_errors(struct ui *u, struct errs *l)
{
	int status = 0;

	if (u->mode != UI_JSON)
		return errs_report(l, stderr);
	for (size_t i = 0; i < l->n; i++) {
		int s = err_status(&l->v[i]);

		put_error(&l->v[i]);
		status = s > status ? s : status;
	}
	return status;
}

void ui_flush(struct ui *u)
{
	(void)pthread_mutex_lock(&u->mutex);
	u->drawn = 0;
	for (size_t i = 0; i < u->lines.n; i++) {
		free(u->lines.v[i].kind);
		free(u->lines.v[i].name);
		free(u->lines.v[i].status);
	}
	u->lines.n = 0;
	(void)fflush(u->out);
	(void)pthread_mutex_unlock(&u->mutex);
}

void table_row(struct table *t, ...)
{
	va_list ap;
	const char *s;
	size_t n = 0;

	va_start(ap, t);
	while ((s = va_arg(ap, const char *))) {
		strv_take(&t->cells, str_printable(s));
		n++;
	}
	va_end(ap);
	if (!t->n_cols)
		t->n_cols = n;
}

/* Characters, not bytes: what shortens a command with "…" must not move the next column. */
static size_t columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_print(struct table *t, FILE *f)
{
	auto_free size_t *width = xcalloc(t->n_cols, sizeof(*width));

	for (size_t i = 0; i < t->cells.n; i++)
		if (columns(t->cells.v[i]) > width[i % t->n_cols])
			width[i % t->n_cols] = columns(t->cells.v[i]);
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t col = i % t->n_cols, last = col + 1;

		while (last < t->n_cols && !*t->cells.v[i - col + last])
			last++;
		if (last == t->n_cols) {                 /* nothing but empty cells follow */
			fprintf(f, "%s\n", t->cells.v[i]);
			i += t->n_cols - 1 - col;
		} else {
			fprintf(f, "%s%*s   ", t->cells.v[i], (int)(width[col] - columns(t->cells.v[i])), "");
		}
	}
}

void table_done(struct table *t)
{
	strv_done(&t->cells);
	t->n_cols = 0;
}

char *ui_ago(int64_t s)
{
	if (s < 1)
		return xstrdup("Less than a second");
	if (s < 60)
		return xasprintf("%d second%s", (int)s, s == 1 ? "" : "s");
	if (s < 120)
		return xstrdup("About a minute");
	if (s < 3600)
		return xasprintf("%d minutes", (int)(s / 60));
	if (s < 7200)
		return xstrdup("About an hour");
	if (s < 48 * 3600)
		return xasprintf("%d hours", (int)(s / 3600));
	if (s < 14 * 86400)
		return xasprintf("%d days", (int)(s / 86400));
	if (s < 60 * 86400)
		return xasprintf("%d weeks", (int)(s / (7 * 86400)));
	if (s < 2 * 365 * 86400)
		return xasprintf("%d months", (int)(s / (30 * 86400)));
	return xasprintf("%d years", (int)(s / (365 * 86400)));
}

char *ui_size(uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1000 && u + 1 < ARRAY_LEN(units)) {
		v /= 1000;
		u++;
	}
	return xasprintf("%.3g%s", v, units[u]);
}

bool ui_confirm(const char *question, bool dflt, bool piped)
{
	bool tty = isatty(STDIN_FILENO);
	char buf[16] = "";

	if (!tty && !piped)
		return dflt;
	fprintf(stderr, "%s [%s] ", question, dflt ? "Y/n" : "y/N");
	if (!fgets(buf, sizeof(buf), stdin)) {
		fputc('\n', stderr);
		return !tty && dflt;
	}
	return *buf == '\n' ? dflt : *buf == 'y' || *buf == 'Y';
}

const char *ui_prefix_colour(unsigned i)
{
	static const char *const colours[] = { "\033[36m", "\033[33m", "\033[32m", "\033[35m", "\033[34m",
		"\033[96m", "\033[93m", "\033[92m", "\033[95m", "\033[94m" };

	return colours[i % ARRAY_LEN(colours)];
}
