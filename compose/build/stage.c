/* SPDX-License-Identifier: Apache-2.0 */
/* One stage, in a thread of its own: its base, the triggers that come with it, its instructions. */
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/build/build_priv.h"
#include "compose/build/cache.h"

enum { TRIGGERS_MAX = 1000 };

/* -- results of steps -- */

void stage_history(struct stage *st, char *by, const char *created, const char *layer)
{
	vec_push(&st->history, (struct image_history){ .created = xstrdup(created ? created : st->created),
		 .created_by = by, .comment = xstrdup("compose"), .empty_layer = !layer });
}

static void on_top(struct stage *st, const char *layer, const char *created, const char *what)
{
	if (*layer) {
		strv_add(&st->layers, layer);
		free(st->created);
		st->created = xstrdup(created);
	}
	stage_history(st, xstrdup(what), NULL, *layer ? layer : NULL);
}

/* Whether every step is to be carried out. */
static bool fresh(const struct stage *st)
{
	const struct build_opts *o = st->b->o;

	for (size_t i = 0; st->df->name && i < o->n_no_cache_stages; i++)
		if (!strcasecmp(o->no_cache_stages[i], st->df->name))
			return true;
	return o->no_cache;
}

bool stage_cached(struct stage *st, const char *key, const char *what)
{
	struct cached c;

	if (fresh(st) || !cache_get(st->b->cache, st->b->store, key, &c))
		return false;
	on_top(st, c.layer, c.created, what);
	stage_step_end(st, true);
	return true;
}

/* Now, or what SOURCE_DATE_EPOCH says. */
static void time_text(const struct build *b, char ret[40])
{
	const char *epoch = build_arg(b, "SOURCE_DATE_EPOCH");
	int64_t ns = sys_now_ns(), s;
	struct tm tm;
	time_t t;

	if (epoch && str_to_i64(epoch, &s) && s >= 0 && s < ns / 1000000000)
		ns = s * 1000000000;
	t = (time_t)(ns / 1000000000);
	(void)gmtime_r(&t, &tm);
	(void)strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret + strlen(ret), 40 - strlen(ret), ".%09dZ", (int)(ns % 1000000000));
}

int stage_made(struct stage *st, const char *layer, const char *key, const char *key2, const char *what, struct err *e)
{
	const char *keys[] = { key, key2 };
	struct cached c = {0};

	(void)snprintf(c.layer, sizeof(c.layer), "%s", layer);
	time_text(st->b, c.created);
	for (size_t i = 0; key && i < ARRAY_LEN(keys); i++)
		if (keys[i] && *keys[i] && cache_put(st->b->cache, keys[i], &c, what, e) < 0)
			return -1;
	on_top(st, layer, c.created, what);
	stage_step_end(st, false);
	return 0;
}

/* -- the base -- */

/* "linux/amd64[/v1]" as this machine's own platform is called. */
static bool own_platform(const struct build *b, const char *platform)
{
	const char *own = scope_get(&b->globals, "TARGETPLATFORM");
	size_t n = strlen(own);

	return str_eq(platform, own) || (!strncmp(platform, own, n) && platform[n] == '/');
}

static int check_platform(const struct build *b, const char *platform, struct err *e)
{
	if (!platform || !*platform || own_platform(b, platform))
		return 0;
	return err_set(e, ERR_MODEL, 0, "`--platform=%s`: images of another platform than %s are not supported yet", platform,
		       scope_get(&b->globals, "TARGETPLATFORM"));
}

static int open_id(struct build *b, const char *id, const char *ref, struct image **ret, struct err *e)
{
	int r = image_open(b->store, id, ret, e);

	if (r == 1)
		err_set(e, ERR_MISSING, 0, "image %s is not in the store", ref);
	if (r)
		return err_wrap(e, "open image %s", ref);
	if (image_ensure(b->store, *ret, e) < 0) {
		image_free(*ret);
		*ret = NULL;
		return err_wrap(e, "open image %s", ref);
	}
	return 0;
}

int base_open(struct build *b, const char *ref, const char *platform, struct image **ret, struct err *e)
{
	auto_free char *id = NULL;

	if (check_platform(b, platform, e) < 0)
		return -1;
	if (b->env->image(b->env->ctx, ref, b->o->pull, &id, e) < 0)
		return err_wrap(e, "get image %s", ref);
	return open_id(b, id, ref, ret, e);
}

int base_named(struct build *b, const struct named *n, const char *platform, struct image **ret, struct err *e)
{
	if (n->c->dir) {
		err_set(e, ERR_MODEL, 0, "the additional context `%s` is a directory, not an image", n->c->name);
		return err_hint(e, "COPY --from=%s takes files from it", n->c->name);
	}
	if (n->c->image)
		return base_open(b, n->c->image, platform, ret, e);
	return check_platform(b, platform, e) < 0 ? -1 : open_id(b, n->c->image_id, n->c->name, ret, e);
}

static void set_text(char **slot, const char *text)
{
	free(*slot);
	*slot = xstrdup(text);
}

static void copy_history(struct stage *st, const struct image_history *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vec_push(&st->history, (struct image_history){ .created = xstrdup(v[i].created),
							       .created_by = xstrdup(v[i].created_by),
							       .comment = xstrdup(v[i].comment),
							       .empty_layer = v[i].empty_layer });
}

static void copy_layers(struct stage *st, const struct strv *layers)
{
	for (size_t i = 0; i < layers->n; i++)
		strv_add(&st->layers, layers->v[i]);
}

static int base_stage(struct stage *st, size_t i, struct err *e)
{
	const struct stage *from = &st->b->stages[i];

	if (stage_wait(st->b, i, e) < 0)
		return -1;
	image_config_copy(&st->conf, &from->conf);
	copy_layers(st, &from->layers);
	copy_history(st, from->history.v, from->history.n);
	scope_copy(&st->scope, &from->scope);
	set_text(&st->author, from->author);
	set_text(&st->created, from->created);
	return 0;
}

static int base_image(struct stage *st, const char *ref, const char *platform, struct err *e)
{
	const struct named *n = named_find(st->b, ref);
	auto_image struct image *img = NULL;

	if ((n ? base_named(st->b, n, platform, &img, e) : base_open(st->b, ref, platform, &img, e)) < 0)
		return -1;
	img = must(img);
	if (img->arch && *img->arch && !str_eq(img->arch, scope_get(&st->b->globals, "TARGETARCH")))
		build_warn(st->b, st->df->from->pos, "image %s is made for %s, this machine is %s", ref, img->arch,
		     scope_get(&st->b->globals, "TARGETARCH"));
	image_config_copy(&st->conf, &img->conf);
	copy_layers(st, &img->layers);
	copy_history(st, img->history.v, img->history.n);
	set_text(&st->author, img->author);
	set_text(&st->created, img->created && *img->created ? img->created : BUILD_EPOCH);
	return 0;
}

static int expand_global(struct stage *st, const char *text, char **ret, struct err *e)
{
	struct df_scope sc = scope_view(&st->b->globals, st->b->df->escape);
	int r;

	(void)pthread_mutex_lock(&st->b->mutex);     /* the scope notes undefined names */
	r = df_expand(&sc, text, ret, e);
	(void)pthread_mutex_unlock(&st->b->mutex);
	return r;
}

/* ret: the number of the earlier stage that name means, -1 when none: numbers are no names here */
int stage_by_name(const struct build *b, size_t before, const char *name)
{
	int i = df_stage_find(b->df, before, name);

	return i >= 0 && !strcasecmp(b->df->stages[i].name, name) ? i : -1;
}

static int open_base(struct stage *st, struct err *e)
{
	auto_free char *ref = NULL, *platform = NULL;
	int i;

	if (expand_global(st, st->df->base, &ref, e) < 0 ||
	    (st->df->platform && expand_global(st, st->df->platform, &platform, e) < 0))
		return -1;
	if (!*ref)
		return err_set(e, ERR_MODEL, 0, "base name `%s` is empty after expansion", st->df->base);
	i = named_find(st->b, ref) ? -1 : stage_by_name(st->b, st->index, ref);
	set_text(&st->created, BUILD_EPOCH);
	if (i >= 0)
		return base_stage(st, (size_t)i, e);
	if (!str_eq(ref, "scratch") || named_find(st->b, ref))
		return base_image(st, ref, platform, e);
	st->conf.workdir = xstrdup("/");
	return 0;
}

/* -- instructions -- */

struct todo { VEC(struct df_instr *) v; };

static int add_triggers(struct stage *st, struct todo *todo, struct errs *errs)
{
	auto_strv struct strv triggers = st->conf.onbuild;

	st->conf.onbuild = (struct strv){0};
	for (size_t i = 0; i < triggers.n; i++) {
		struct df_instr *in;
		int r = -1;

		if (i < TRIGGERS_MAX) {
			(void)pthread_mutex_lock(&st->b->mutex);     /* the arena is shared */
			r = dockerfile_trigger(st->b->df, triggers.v[i], st->df->from->pos, &in, errs);
			(void)pthread_mutex_unlock(&st->b->mutex);
		}
		if (r < 0)
			return -1;
		vec_push(&todo->v, in);
	}
	return 0;
}

static int run_one(struct stage *st, const struct df_instr *in, struct err *e)
{
	instr_fn *fn = in->kind == DF_RUN ? instr_run : in->kind == DF_WORKDIR ? instr_workdir :
		       in->kind == DF_COPY || in->kind == DF_ADD ? instr_copy : instr_meta(in->kind);

	if (build_check(st->b, e) < 0)
		return -1;
	if (instr_makes_layer(in->kind))
		stage_step_begin(st, in->original);
	if (fn(st, in, e) < 0) {
		err_wrap(e, "%.200s", in->original);
		return err_at(e, in->pos, NULL);
	}
	for (size_t i = 0; i < st->scope.undefined.n; i++)
		build_warn(st->b, in->pos, "variable `%s` is not defined", st->scope.undefined.v[i]);
	strv_done(&st->scope.undefined);
	return 0;
}

static int run_stage(struct stage *st, struct errs *errs, struct err *e)
{
	struct todo todo = {0};
	int r;

	st->n_steps = 1;
	for (size_t i = 0; i < st->df->n_instr; i++)
		st->n_steps += instr_makes_layer(st->df->instr[i]->kind);
	stage_step_begin(st, st->df->from->original);
	if (open_base(st, e) < 0) {
		err_wrap(e, "%.200s", st->df->from->original);
		return err_at(e, st->df->from->pos, NULL);
	}
	stage_step_end(st, false);
	if (!env_value(&st->conf.env, "PATH"))
		image_config_env(&st->conf, "PATH", BUILD_PATH);
	r = add_triggers(st, &todo, errs);
	for (size_t i = 0; i < todo.v.n; i++)
		st->n_steps += instr_makes_layer(todo.v.v[i]->kind);
	for (size_t i = 0; i < st->df->n_instr; i++)
		vec_push(&todo.v, st->df->instr[i]);
	for (size_t i = 0; i < todo.v.n && r == 0; i++)
		r = run_one(st, todo.v.v[i], e);
	vec_done(&todo.v);
	return r;
}

void *stage_main(void *arg)
{
	struct stage *st = arg;
	struct build *b = st->b;
	struct errs errs = {0};
	auto_err struct err e = {0};
	int r = run_stage(st, &errs, &e);

	(void)pthread_mutex_lock(&b->mutex);
	st->state = r == 0 ? STAGE_DONE : STAGE_FAILED;
	if (r < 0) {
		/* what only stopped because another one failed has nothing to add */
		if (e.n && (!b->stop || e.kind != ERR_INTR))
			errs_add(b->errs, &e);
		for (size_t i = 0; i < errs.n; i++)
			errs_add(b->errs, &errs.v[i]);
	}
	(void)pthread_mutex_unlock(&b->mutex);
	errs_done(&errs);
	stage_ended(st);
	return NULL;
}

void stage_done(struct stage *st)
{
	image_config_done(&st->conf);
	strv_done(&st->layers);
	for (size_t i = 0; i < st->history.n; i++) {
		free(st->history.v[i].created);
		free(st->history.v[i].created_by);
		free(st->history.v[i].comment);
	}
	vec_done(&st->history);
	scope_done(&st->scope);
	free(st->author);
	free(st->created);
	free(st->name);
}
