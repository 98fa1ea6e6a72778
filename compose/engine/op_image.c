/* SPDX-License-Identifier: Apache-2.0 */
/* op_image.c - pulls, builds and removals of images; pulls and builds run in a thread each. */
#include <errno.h>
#include <fcntl.h>
#include "compose/base/str.h"
#include "compose/build/build.h"
#include "compose/engine/build_run.h"
#include "compose/engine/build_ssh.h"
#include "compose/engine/engine_priv.h"
#include "compose/engine/observe.h"
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

static int pull_job(struct engine *en, struct op *op, struct err *e)
{
	if (pull(en, op->object, op->service->platform, PULL_ALWAYS, NULL, e) < 0) {
		auto_free char *key = xasprintf("services.%s.image", op->service->name);

		return err_at(e, op->service->pos, key);
	}
	return 0;
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

/* Build arguments: the file's, then --build-arg; a bare key takes the environment's value. Texts live in keep. */
static void build_args(struct engine *en, const struct build *bu, struct build_kv **ret, size_t *ret_n, struct strv *keep)
{
	const struct strv *more = en->o.build_args;
	struct build_kv *v = xcalloc(bu->args.n + (more ? more->n : 0), sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < bu->args.n; i++)
		if (bu->args.v[i].val)
			v[n++] = (struct build_kv){ bu->args.v[i].key, bu->args.v[i].val };
	for (size_t i = 0; more && i < more->n; i++) {
		const char *eq = strchr(more->v[i], '='), *val = eq ? eq + 1 : getenv(more->v[i]);
		char *key = xstrndup(more->v[i], eq ? (size_t)(eq - more->v[i]) : strlen(more->v[i]));
		size_t k = 0;

		strv_take(keep, key);
		if (!val)
			continue;
		while (k < n && !str_eq(v[k].key, key))
			k++;
		v[k] = (struct build_kv){ key, val };
		n = k == n ? n + 1 : n;
	}
	*ret = v;
	*ret_n = n;
}

static void labels_of(struct engine *en, const struct service *s, struct build_kv **ret, size_t *ret_n)
{
	struct build_kv *v = xcalloc(s->build->labels.n + 3, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < s->build->labels.n; i++)
		v[n++] = (struct build_kv){ s->build->labels.v[i].key, s->build->labels.v[i].val ? s->build->labels.v[i].val : "" };
	v[n++] = (struct build_kv){ "com.docker.compose.project", en->o.name };
	v[n++] = (struct build_kv){ "com.docker.compose.service", s->name };
	v[n++] = (struct build_kv){ "com.docker.compose.version", COMPOSE_VERSION };
	*ret = v;
	*ret_n = n;
}

static int secrets_of(struct engine *en, const struct build *bu, struct build_secret **ret, size_t *ret_n, struct err *e)
{
	const struct project *p = en->o.project;

	*ret = xcalloc(bu->n_secrets, sizeof(**ret));
	for (size_t i = 0; i < bu->n_secrets; i++)
		for (size_t k = 0; k < p->n_secrets; k++) {
			const struct filesource *f = &p->secrets[k];
			const struct fileref *ref = &bu->secrets[i];

			if (!str_eq(f->key, ref->source))
				continue;
			if (f->environment && !f->value) {
				err_set(e, ERR_MODEL, 0, "the environment variable \"%s\" of build secret \"%s\" is not set", f->environment, f->key);
				return err_at(e, ref->pos, "build.secrets");
			}
			if (f->file || f->value)
				(*ret)[(*ret_n)++] = (struct build_secret){ *ref->target ? ref->target : ref->source, f->file, f->value };
		}
	return 0;
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
	const struct build *bu = s->build;
	struct build_job job = { en, op };
	const struct build_env env = { .ctx = &job, .run = run_step, .image = base_image };
	auto_errs struct errs errs = {0};
	auto_strv struct strv keep = {0}, tags = {0};
	auto_free struct build_kv *args = NULL, *labels = NULL, *hosts = xcalloc(bu->n_extra_hosts, sizeof(*hosts));
	auto_free struct build_secret *secrets = NULL;
	auto_build_agents struct build_agents agents = {0};
	auto_free char *id = NULL;
	struct build_opts o = { .context = bu->context, .dockerfile = bu->dockerfile && *bu->dockerfile ? bu->dockerfile : NULL,
		.dockerfile_inline = bu->dockerfile_inline, .target = bu->target, .network = *bu->network ? bu->network : NULL,
		.shm_size_bytes = bu->shm_size_bytes, .no_cache = bu->no_cache || en->o.no_cache, .pull = bu->pull || en->o.pull_base,
		.progress = en->o.quiet_build ? NULL : build_progress, .progress_arg = &job, .extra_hosts = hosts,
		.n_extra_hosts = bu->n_extra_hosts, .check = en->o.check_build };

	for (size_t i = 0; i < bu->n_extra_hosts; i++)
		hosts[i] = (struct build_kv){ bu->extra_hosts[i].host, bu->extra_hosts[i].ip };
	build_args(en, bu, &args, &o.n_args, &keep);
	labels_of(en, s, &labels, &o.n_labels);
	if (secrets_of(en, bu, &secrets, &o.n_secrets, e) < 0 || (!o.check && build_agents_open(&agents, en, bu, e) < 0))
		return -1;
	strv_add(&tags, op->object);
	for (size_t i = 0; i < bu->tags.n; i++)
		strv_add(&tags, bu->tags.v[i]);
	o.args = args;
	o.labels = labels;
	o.secrets = secrets;
	o.ssh = agents.v.v;
	o.n_ssh = agents.v.n;
	o.tags = (const char *const *)strv_null(&tags);
	o.n_tags = tags.n;
	if (build_image(en->o.store, en->o.paths->root, &o, &env, &id, &errs) < 0) {
		auto_free char *key = xasprintf("services.%s.build", s->name);

		(void)report(en, &errs, s, e);
		return err_at(e, bu->pos, key);     /* counts where no line of the Dockerfile is to blame */
	}
	return 0;
}

static int refuse_unsupported(const struct op *op, struct err *e)
{
	const struct build *bu = op->service->build;

	if (strstr(bu->context, "://") || str_starts(bu->context, "git@")) {
		err_set(e, ERR_MODEL, 0, "build context %s: remote contexts are not supported yet", bu->context);
		err_at(e, bu->pos, "build.context");
		return err_hint(e, "clone it and give the directory");
	}
	return 0;
}

int op_build(struct engine *en, struct op *op, struct err *e)
{
	if (refuse_unsupported(op, e) < 0)
		return -1;
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
