/* SPDX-License-Identifier: Apache-2.0 */
/* op_hook.c - one pre_start hook: a container like the service's own, with another command, that must end with 0.
 * spec: compose-spec 05-services pre_start. One that failed stays, to be looked at; the next start removes it. */
#include <errno.h>
#include <signal.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/engine/engine_priv.h"
#include "compose/engine/observe.h"
#include "compose/logs/read.h"

enum { TAIL_LINES = 10, LINES_SHOWN = 1000 };

static int at_hook(const struct op *op, struct err *e)
{
	auto_free char *key = xasprintf("services.%s.pre_start[%zu]", op->service->name, (size_t)(op->hook - op->service->pre_start));

	return err_at(e, op->hook->pos, key);
}

/* ---- what it is --------------------------------------------------------------------------------------------------- */

/* The hook's variables over the service's. */
static void environment(struct arena *a, const struct hook *h, struct service *s)
{
	struct pkv *v = arena_alloc(a, (s->environment.n + h->environment.n + 1) * sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < s->environment.n; i++)
		v[n++] = s->environment.v[i];
	for (size_t i = 0; i < h->environment.n; i++)       /* behind: of two with one name the last one counts */
		v[n++] = h->environment.v[i];
	s->environment = (struct pkvs){ v, n };
}

/* All volumes and binds come from the container that will start; its tmpfs it cannot share. */
static void mounts(struct arena *a, const char *of, struct service *s)
{
	struct mount *v = arena_alloc(a, (s->n_mounts + 1) * sizeof(*v));
	char **from = arena_alloc(a, 2 * sizeof(*from));
	size_t n = 0;

	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].kind == MOUNT_TMPFS)
			v[n++] = s->mounts[i];
	s->mounts = v;
	s->n_mounts = n;
	from[0] = arena_printf(a, "container:%s", of);
	s->volumes_from = (struct pstrs){ from, 1 };
}

static struct service describe(struct arena *a, const struct op *op, const char *of)
{
	const struct hook *h = op->hook;
	struct service s = *op->service;

	if (*h->image && !str_eq(h->image, s.image)) {
		s.image = h->image;
		s.has_entrypoint = false;
		s.build = NULL;
	}
	s.has_command = h->command.n > 0;
	s.command = h->command;
	if (!s.has_command)             /* the image's own, not the service's */
		s.has_entrypoint = false;
	if (*h->user)
		s.user = h->user;
	if (*h->working_dir)
		s.working_dir = h->working_dir;
	s.privileged = h->privileged;
	environment(a, h, &s);
	mounts(a, of, &s);
	s.n_ports = s.n_post_start = s.n_pre_stop = 0;
	s.health.disable = true;
	s.tty = s.stdin_open = false;
	return s;
}

int op_hook(struct engine *en, struct op *op, struct err *e)
{
	struct arena arena = {0};
	struct service s = describe(&arena, op, op_ctr_id(en, op));
	auto_free char *ref = image_name_of(en->o.project, &s);
	struct ctr_want w = { .s = &s, .id = en->ids[op->i], .name = op->object, .image_ref = ref, .number = 1, .kind = KIND_HOOK };
	struct sup *sup;
	int r = -1;

	record_new_id(en->ids[op->i]);
	if (engine_image(en, ref, &w.image, e) == 0 && engine_sup(en, &sup, e) == 0 && ctr_make(en, &w, e) == 0 &&
	    engine_mount_volumes(en, w.id, e) == 0)
		r = sup_send(sup, "start", json_pack("{s:s}", "ctr", w.id), NULL, 0, e) < 0 ? -1 : 0;
	arena_done(&arena);
	if (r < 0)
		return at_hook(op, e);
	/* its end says it all, a start that failed too */
	return ask(en, op, "wait", json_pack("{s:s,s:s}", "ctr", en->ids[op->i], "for", "exited"), e);
}

/* ---- what came of it ---------------------------------------------------------------------------------------------- */

static bool show(struct engine *en, const struct op *op, const struct log_line *l, struct strv *tail)
{
	auto_free char *text = xstrndup(l->data, l->len), *clean = str_printable(text);

	if (en->o.events.line) {
		auto_free char *line = xasprintf("%s  | %s", op->object, clean);

		en->o.events.line(en->o.events.arg, line);
	}
	if (tail->n == TAIL_LINES) {
		free(tail->v[0]);
		vec_remove(tail, 0);
	}
	strv_add(tail, clean);
	return true;
}

/* Tell what it printed; the last lines are kept. */
static void output(struct engine *en, const struct op *op, int dir, struct strv *tail)
{
	const struct log_want all = { .tail = LINES_SHOWN };
	auto_log_reader struct log_reader *r = NULL;
	auto_err struct err ignored = {0};
	struct log_line l;

	if (log_reader_new(&r, &all, &ignored) < 0 || log_reader_add(r, dir, NULL, &ignored) != 0)
		return;
	while (log_reader_next(r, &l, &ignored) == 1)
		(void)show(en, op, &l, tail);
}

static int failure(const struct op *op, int code, const struct strv *tail, struct err *e)
{
	auto_str struct str said = {0};

	for (size_t i = 0; i < tail->n; i++)
		str_addf(&said, "%s%s", i ? " | " : ": ", tail->v[i]);
	err_set(e, ERR_SYS, 0, "pre_start hook exited with status %d%.2048s", code, str_cstr(&said));
	at_hook(op, e);
	return err_hint(e, "container %s was kept to be looked at; the next start or `compose down` removes it", op->object);
}

int hook_end(struct engine *en, const struct op *op, int code, struct err *e)
{
	const char *id = en->ids[op->i];
	auto_close int dir = record_dir(en->o.paths, en->o.name, id, false);
	auto_strv struct strv tail = {0};
	auto_err struct err ignored = {0};
	struct ctr_status st = {0};
	bool keep = false;

	if (dir >= 0)
		output(en, op, dir, &tail);
	if (en->interrupted) {
		err_set(e, ERR_INTR, 0, "interrupted");
	} else if (dir >= 0 && status_read(dir, &st, &ignored) == 0 && *st.error) {
		err_set(e, ERR_SYS, 0, "%s", st.error);
		at_hook(op, e);
	} else if (code) {
		keep = true;
		failure(op, code, &tail, e);
	}
	status_done(&st);
	if (!keep && engine_remove_ctr(en, id, true, &ignored) < 0)
		engine_warn(en, "container %s stays: %s", op->object, ignored.frame[0]);
	return e->n ? -1 : 0;
}

void hook_kill(struct engine *en, const struct op *op)
{
	auto_err struct err ignored = {0};

	if (en->sup)
		(void)!sup_send(en->sup, "kill", json_pack("{s:s,s:i}", "ctr", en->ids[op->i], "signal", SIGKILL), NULL, 0, &ignored);
}
