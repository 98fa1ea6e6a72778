/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/hooks.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/runtime/caps.h"
#include "compose/supervisor/aside.h"

enum { LINE_MAX_BYTES = 8192, TAIL_MAX_BYTES = 2048, TAIL_LINES = 10, PATIENCE_NS = 500000000 };

struct hooks {
	struct ctr *c;
	const struct rec_hook *v;       /* in c->rec */
	size_t n, i;
	bool   stop;                    /* pre_stop */
	int64_t timeout_ns;             /* of the stop */
	struct aside *run;              /* v[i]; NULL: none */
	struct str line, tail;          /* what it says: the line that is not whole yet, and its last lines */
	struct err why;                 /* why v[i] failed */
	struct loop_src *timer;         /* until that is believed */
};

static const char *kind(const struct hooks *h)
{
	return h->stop ? "pre_stop" : "post_start";
}

static struct hooks *hooks_new(struct ctr *c, bool stop)
{
	struct hooks *h = xcalloc(1, sizeof(*h));

	*h = (struct hooks){ .c = c, .stop = stop, .v = stop ? c->rec.pre_stop.v : c->rec.post_start.v,
		.n = stop ? c->rec.pre_stop.n : c->rec.post_start.n, .line = STR_MAX(LINE_MAX_BYTES) };
	c->hooks = h;
	return h;
}

static void hooks_free(struct hooks *h)
{
	h->c->hooks = NULL;
	aside_abandon(h->run);
	loop_del(h->timer);
	err_done(&h->why);
	str_done(&h->line);
	str_done(&h->tail);
	free(h);
}

/* ---- what they say ----------------------------------------------------------------------------------------------- */

static void keep_tail(struct str *tail, const char *line)
{
	size_t cut = 0, lines = 0;

	str_addf(tail, "%s\n", line);
	for (size_t i = tail->len; i-- > 0 && !cut;)
		if (tail->s[i] == '\n' && (lines++ == TAIL_LINES || tail->len - i > TAIL_MAX_BYTES))
			cut = i + 1;
	if (!cut && tail->len > TAIL_MAX_BYTES)
		cut = tail->len - TAIL_MAX_BYTES;
	if (cut) {
		memmove(tail->s, tail->s + cut, tail->len - cut);
		str_cut(tail, tail->len - cut);
	}
}

static void end_line(struct hooks *h)
{
	auto_free char *text = xasprintf("%s -> %s\n", kind(h), str_cstr(&h->line));
	struct err e = {0};

	if (h->c->log && log_put(h->c->log, LOG_STDOUT, text, strlen(text), &e) < 0)
		worker_note(&e, "container %s: output of a hook is lost", h->c->rec.name);
	if (h->c->ship)
		ship_write(h->c->ship, LOG_STDOUT, h->c->st.pid, text, strlen(text));
	keep_tail(&h->tail, str_cstr(&h->line));
	str_clear(&h->line);
}

static void on_output(void *arg, const char *p, size_t n)
{
	struct hooks *h = arg;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n' && p[i] != '\r' && p[i])
			str_addc(&h->line, p[i]);
		if (p[i] == '\n' || h->line.len >= LINE_MAX_BYTES - 1)
			end_line(h);
	}
}

/* The last lines as one, for an error. ret: caller frees */
static char *last_words(const struct hooks *h)
{
	auto_free char *text = str_printable(str_cstr(&h->tail));
	struct str b = {0};

	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			break;
		*end = '\0';
		str_addf(&b, "%s%s", b.len ? " | " : ": ", line);
	}
	return str_take(&b);
}

/* ---- one after the other ----------------------------------------------------------------------------------------- */

static void note_failure(struct ctr *c, const struct err *e)
{
	struct str b = {0};

	for (unsigned i = e->n; i-- > 0;)
		str_addf(&b, "%s%s", b.len ? ": " : "", e->frame[i]);
	c->st.hook = HOOKS_FAILED;
	free(c->st.hook_error);
	c->st.hook_error = str_take(&b);
	ctr_save(c);
}

static void fail(struct hooks *h)
{
	const struct rec_hook *k = &h->v[h->i];
	struct ctr *c = h->c;
	bool stop = h->stop;
	struct err own = {0}, *e = &own;

	err_move(e, &h->why);
	e->kind = ERR_SYS;              /* a command that is not found is no end of ours with 127 */
	if (k->at && *k->at && !e->at)
		e->at = xstrdup(k->at);
	if (stop)
		err_hint(e, "it runs on; `compose kill %s` ends it without its hooks", c->rec.service);
	err_wrap(e, "%s of container %s (%s)", kind(h), c->rec.name, k->command.n ? k->command.v[0] : "");
	hooks_free(h);
	if (stop) {
		ctr_answer(c, WAIT_STOPPED, e);
		ctr_event(c, EV_SPARED, NULL);
	} else {
		note_failure(c, e);
		ctr_answer(c, WAIT_STARTED, e);
	}
	err_done(e);
}

static void on_patience(void *arg)
{
	struct hooks *h = arg;

	h->timer = NULL;
	fail(h);
}

/* PID 1 that ends takes its hooks along before anybody hears of its own end; then that is what counts: see hooks_drop(). */
static void fail_unless_over(struct hooks *h)
{
	h->timer = loop_at(h->c->w->loop, sys_mono_ns() + PATIENCE_NS, on_patience, h);
}

static void describe(const struct rec_hook *k, struct spec *s)
{
	struct spec_process *p = &s->process;

	strv_done(&p->args);
	for (size_t i = 0; i < k->command.n; i++)
		strv_add(&p->args, k->command.v[i]);
	for (size_t i = 0; i < k->env.n; i++)
		spec_set_env(&p->env, k->env.v[i]);
	if (*k->user)
		p->user.name = arena_strdup(&s->arena, k->user);
	if (*k->working_dir)
		p->cwd = arena_strdup(&s->arena, k->working_dir);
	p->terminal = false;
	if (k->privileged) {
		uint64_t all = caps_all();

		p->caps = (struct spec_caps){ .bounding = all, .effective = all, .permitted = all };
		s->seccomp = SPEC_SECCOMP_OFF;
	}
}

static void on_end(void *arg, int status);

static void run_next(struct hooks *h)
{
	static const struct aside_calls calls = { on_output, on_end };
	auto_spec struct spec s = {0};
	struct ctr *c = h->c;

	if (h->i < h->n) {
		if (spec_read(&s, c->dir, &h->why) == 0) {
			describe(&h->v[h->i], &s);
			(void)!aside_start(&h->run, c, &s, &calls, h, &h->why);
		}
		if (h->why.n)
			fail_unless_over(h);
		return;
	}
	if (h->stop) {
		int64_t timeout_ns = h->timeout_ns;

		hooks_free(h);
		ctr_stop_now(c, timeout_ns);
		return;
	}
	hooks_free(h);
	c->st.hook = HOOKS_NONE;
	ctr_save(c);
	ctr_answer(c, WAIT_STARTED, NULL);
}

static void on_end(void *arg, int status)
{
	struct hooks *h = arg;

	h->run = NULL;
	if (h->line.len)
		end_line(h);
	if (status) {
		auto_free char *said = last_words(h);

		err_set(&h->why, ERR_SYS, 0, "hook exited with status %d%s", status, said);
		if (status > 128)
			fail_unless_over(h);
		else
			fail(h);
		return;
	}
	str_clear(&h->tail);
	h->i++;
	run_next(h);
}

void hooks_post_start(struct ctr *c)
{
	run_next(hooks_new(c, false));
}

bool hooks_pre_stop(struct ctr *c, int64_t timeout_ns)
{
	struct hooks *h;

	if (!c->rec.pre_stop.n)
		return false;
	h = hooks_new(c, true);
	h->timeout_ns = timeout_ns;
	run_next(h);
	return true;
}

void hooks_drop(struct ctr *c, const char *why)
{
	struct err e = {0};

	if (c->hooks)
		hooks_free(c->hooks);
	if (c->st.hook != HOOKS_RUN)
		return;
	err_set(&e, ERR_CONFLICT, 0, "%s before its post_start hooks had come to their end", why);
	note_failure(c, &e);
	ctr_answer(c, WAIT_STARTED, &e);
	err_done(&e);
}

void hooks_adopt(struct ctr *c)
{
	if (c->st.hook == HOOKS_RUN)
		hooks_drop(c, "its supervisor was killed");
}
