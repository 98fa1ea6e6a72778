/* SPDX-License-Identifier: Apache-2.0 */
/* op_image.c - pulls, builds and removals of images; pulls and builds run in a thread each. */
#include <errno.h>
#include <fcntl.h>
#include "compose/base/str.h"
#include "compose/build/build.h"
#include "compose/engine/build_run.h"
#include "compose/engine/engine_priv.h"
#include "compose/engine/to_build.h"
#include "compose/engine/used.h"

/* ---- pull ----------------------------------------------------------------------------------------------------------- */

struct pull { struct engine *en; const char *ref; uint64_t *done, *total; size_t n; };

static void pull_progress(void *arg, const struct pull_progress *p)
{
	struct pull *u = arg;
	uint64_t done = 0, total = 0;
	auto_free char *text = NULL;

	if (p->state == PULL_RETRY)
		engine_warn(u->en, "%s: %s: trying again", u->ref, p->note);
	if (!u->en->o.events.detail || !p->n_layers || p->index >= p->n_layers)
		return;
	if (u->n < p->n_layers) {
		u->done = xrealloc(u->done, p->n_layers * sizeof(*u->done));
		u->total = xrealloc(u->total, p->n_layers * sizeof(*u->total));
		memset(u->done + u->n, 0, (p->n_layers - u->n) * sizeof(*u->done));
		memset(u->total + u->n, 0, (p->n_layers - u->n) * sizeof(*u->total));
		u->n = p->n_layers;
	}
	u->done[p->index] = p->done_bytes;
	u->total[p->index] = p->total_bytes;
	for (size_t i = 0; i < u->n; i++) {
		done += u->done[i];
		total += u->total[i];
	}
	text = xasprintf("Pulling %.1f of %.1f MB", (double)done / 1e6, (double)total / 1e6);
	tell(u->en, "Image", u->ref, text, ENGINE_WORK, false);
}

static int pull(struct engine *en, const char *ref, const char *platform, enum pull_policy policy, struct image **ret, struct err *e)
{
	struct pull u = { .en = en, .ref = ref };
	const struct pull_opts o = { .policy = policy, .platform = platform && *platform ? platform : NULL,
		.progress = en->o.quiet_pull ? NULL : pull_progress, .arg = &u };
	int r = image_pull(en->o.store, ref, &o, ret, e);

	free(u.done);
	free(u.total);
	return r < 0 ? -1 : 0;
}

/* There is one of that name, and why it will not do. */
static void tell_other_platform(struct engine *en, const struct op *op, struct err *e)
{
	auto_image struct image *img = NULL;
	auto_err struct err ignored = {0};

	if (image_open(en->o.store, op->object, &img, &ignored) == 0 && !image_fits(img, op->service->platform))
		err_wrap(e, "the one that is here is for %s/%s, not %s", img->os, img->arch, op->service->platform);
}

static int pull_job(struct engine *en, struct op *op, struct err *e)
{
	auto_free char *key = NULL;

	if (pull(en, op->object, op->service->platform, PULL_ALWAYS, NULL, e) == 0)
		return 0;
	key = xasprintf("services.%s.image", op->service->name);
	tell_other_platform(en, op, e);
	return err_at(e, service_pos(op->service, "image"), key);
}

int op_pull(struct engine *en, struct op *op, struct err *e)
{
	return job_start(en, op, pull_job, e);
}

/* ---- push ----------------------------------------------------------------------------------------------------------- */

struct push { struct engine *en; const char *ref; };

static void push_progress(void *arg, const struct push_progress *p)
{
	const struct push *u = arg;
	auto_free char *text = NULL;

	if (p->state == PUSH_RETRY)
		engine_warn(u->en, "%s: %s: trying again", u->ref, p->note);
	if (!u->en->o.events.detail || p->index >= p->n_layers)
		return;
	if (p->state == PUSH_PACK)
		text = xasprintf("Packing layer %zu of %zu", p->index + 1, p->n_layers);
	else
		text = xasprintf("Pushing layer %zu of %zu, %.1f of %.1f MB", p->index + 1, p->n_layers, (double)p->done_bytes / 1e6,
				 (double)p->total_bytes / 1e6);
	tell(u->en, "Image", u->ref, text, ENGINE_WORK, false);
}

static int push_job(struct engine *en, struct op *op, struct err *e)
{
	struct push u = { en, op->object };
	const struct push_opts o = { .progress = en->o.quiet_pull ? NULL : push_progress, .arg = &u };

	if (image_push(en->o.store, op->object, &o, NULL, e) < 0) {
		auto_free char *key = xasprintf("services.%s.image", op->service->name);

		return err_at(e, op->service->pos, key);
	}
	return 0;
}

int op_push(struct engine *en, struct op *op, struct err *e)
{
	return job_start(en, op, push_job, e);
}

/* ---- build ---------------------------------------------------------------------------------------------------------- */

struct build_job { struct engine *en; struct op *op; };
enum { STEP_SHOWN = 40 };        /* characters of a step in front of a line of its output */

static void build_progress(void *arg, const struct build_event *ev)
{
	const struct build_job *b = arg;
	struct engine *en = b->en;
	auto_free char *text = NULL;

	if (ev->kind == BUILD_WARN) {
		engine_warn(en, "%s:%u: %s", ev->pos.file ? ev->pos.file : "Dockerfile", ev->pos.line, ev->text);
		return;
	}
	if (en->o.events.detail) {
		switch (ev->kind) {
		case BUILD_STEP: text = xasprintf("Building %s", ev->name); break;
		case BUILD_CACHED: text = xasprintf("Building %s (cached)", ev->name); break;
		case BUILD_OUTPUT: text = xasprintf("Building %.*s  %s", STEP_SHOWN, ev->name, ev->text); break;
		default: return;
		}
		tell(en, "Image", b->op->object, text, ENGINE_WORK, false);
		return;
	}
	if (!en->o.events.line)
		return;
	switch (ev->kind) {
	case BUILD_STEP: text = xasprintf("%s #%u %s", b->op->service->name, ev->step, ev->name); break;
	case BUILD_OUTPUT: text = xasprintf("%s #%u %s", b->op->service->name, ev->step, ev->text); break;
	case BUILD_CACHED: text = xasprintf("%s #%u CACHED", b->op->service->name, ev->step); break;
	default: text = xasprintf("%s #%u DONE %.1fs", b->op->service->name, ev->step, (double)ev->ms / 1000); break;
	}
	en->o.events.line(en->o.events.arg, text);
}

static int base_image(void *arg, const char *ref, bool pull_again, char **ret_id, struct err *e)
{
	const struct build_job *b = arg;
	auto_image struct image *img = NULL;

	if (pull(b->en, ref, b->op->service->platform, pull_again || b->en->o.pull_base ? PULL_ALWAYS : PULL_MISSING, &img, e) < 0)
		return err_wrap(e, "get base image %s", ref);
	*ret_id = xstrdup(img->id);
	return 0;
}

static int run_step(void *arg, const struct run_step *s, int out_fd, int err_fd, int *ret_exit, struct err *e)
{
	const struct build_job *b = arg;

	return build_run(b->en, s, out_fd, err_fd, ret_exit, e);
}

/* Several mistakes of one Dockerfile arrive together; the operation's own error says which build it was. */
static int report(struct engine *en, struct errs *errs, const struct service *s, struct err *e)
{
	(void)pthread_mutex_lock(&en->mutex);
	for (size_t i = 0; i + 1 < errs->n; i++) {
		err_wrap(&errs->v[i], "build service %s", s->name);
		errs_add(en->errs, &errs->v[i]);
	}
	(void)pthread_mutex_unlock(&en->mutex);
	if (errs->n)
		err_move(e, &errs->v[errs->n - 1]);
	else
		err_set(e, ERR_BUG, 0, "the build failed without a reason");
	return -1;
}

static int build_one(struct engine *en, struct op *op, struct err *e)
{
	const struct service *s = op->service;
	struct build_job job = { en, op };
	const struct build_env env = { .ctx = &job, .run = run_step, .image = base_image };
	auto_to_build struct to_build t = {0};
	auto_errs struct errs errs = {0};
	auto_free char *id = NULL;

	if (to_build(&t, en, op, e) < 0)
		return -1;
	t.o.progress = en->o.quiet_build ? NULL : build_progress;
	t.o.progress_arg = &job;
	if (build_image(en->o.store, en->o.paths->root, &t.o, &env, &id, &errs) < 0) {
		auto_free char *key = xasprintf("services.%s.build", s->name);

		(void)report(en, &errs, s, e);
		return err_at(e, s->build->pos, key);     /* counts where no line of the Dockerfile is to blame */
	}
	return 0;
}

int op_build(struct engine *en, struct op *op, struct err *e)
{
	return job_start(en, op, build_one, e);
}

/* ---- remove --------------------------------------------------------------------------------------------------------- */

int op_image_remove(struct engine *en, struct op *op, struct err *e)
{
	auto_strv struct strv used = {0};
	struct image_removed removed = {0};
	int r;

	if (used_layers(en->o.paths, &used, e) < 0)
		return -1;
	r = image_remove(en->o.store, op->object, false, &used, &removed, e);
	image_removed_done(&removed);
	if (r < 0 && e->kind == ERR_MISSING) {
		err_done(e);
		return 0;
	}
	return r;
}
