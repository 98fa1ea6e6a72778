/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/build.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include "compose/base/fs.h"
#include "compose/base/intr.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/build/build_priv.h"
#include "parser/dockerfile_value.h"

enum { INTR_MS = 1000 };

/* -- progress -- */

static void event(struct build *b, const struct build_event *ev)
{
	if (!b->o->progress)
		return;
	(void)pthread_mutex_lock(&b->mutex);
	b->o->progress(b->o->progress_arg, ev);
	(void)pthread_mutex_unlock(&b->mutex);
}

void stage_tell(struct stage *st, enum build_event_kind k, const char *text, int64_t ms)
{
	event(st->b, &(struct build_event){ .kind = k, .step = st->number, .name = st->name, .text = text, .ms = ms });
}

void build_warn(struct build *b, struct srcpos pos, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	event(b, &(struct build_event){ .kind = BUILD_WARN, .name = "", .text = text, .pos = pos });
}

/* ret: "build " of "[build 2/5]"; "" when there is one stage only */
static char *stage_label(const struct stage *st)
{
	if (*st->df->name)
		return xasprintf("%s ", st->df->name);
	return st->b->df->n_stages > 1 ? xasprintf("stage-%zu ", st->index) : xstrdup("");
}

void stage_step_begin(struct stage *st, const char *text)
{
	auto_free char *label = stage_label(st);
	size_t n = strcspn(text, "\n");

	st->step++;
	st->began_ns = sys_mono_ns();
	free(st->name);
	st->name = xasprintf("[%s%u/%u] %.*s", label, st->step, st->n_steps, (int)(n < 500 ? n : 500), text);
	st->number = __atomic_add_fetch(&st->b->steps, 1, __ATOMIC_RELAXED);
	stage_tell(st, BUILD_STEP, NULL, 0);
}

void stage_step_end(struct stage *st, bool cached)
{
	stage_tell(st, cached ? BUILD_CACHED : BUILD_DONE, NULL, (sys_mono_ns() - st->began_ns) / 1000000);
}

/* -- waiting and stopping -- */

static void stop(struct build *b)
{
	(void)pthread_mutex_lock(&b->mutex);
	b->stop = true;
	(void)eventfd_write(b->cancel_fd, 1);
	(void)pthread_cond_broadcast(&b->changed);
	(void)pthread_mutex_unlock(&b->mutex);
}

int build_check(struct build *b, struct err *e)
{
	bool stopped;

	if (intr_check(e) < 0)
		return -1;
	(void)pthread_mutex_lock(&b->mutex);
	stopped = b->stop;
	(void)pthread_mutex_unlock(&b->mutex);
	return stopped ? err_set(e, ERR_INTR, 0, "another stage failed") : 0;
}

int stage_wait(struct build *b, size_t i, struct err *e)
{
	enum stage_state state;

	(void)pthread_mutex_lock(&b->mutex);
	while (b->stages[i].state == STAGE_WAITING && !b->stop)
		(void)pthread_cond_wait(&b->changed, &b->mutex);
	state = b->stages[i].state;
	(void)pthread_mutex_unlock(&b->mutex);
	if (state == STAGE_DONE)
		return 0;
	if (state == STAGE_UNUSED)
		return err_set(e, ERR_MODEL, 0, "stage `%s` is used only by an ONBUILD trigger: not supported yet",
			       b->df->stages[i].name);
	return err_set(e, ERR_INTR, 0, "another stage failed");
}

void stage_ended(struct stage *st)
{
	struct build *b = st->b;

	if (st->state == STAGE_FAILED)
		stop(b);
	(void)pthread_mutex_lock(&b->mutex);
	b->running--;
	(void)pthread_cond_broadcast(&b->changed);
	(void)eventfd_write(b->wake_fd, 1);
	(void)pthread_mutex_unlock(&b->mutex);
}

static bool all_ended(struct build *b)
{
	bool r;

	(void)pthread_mutex_lock(&b->mutex);
	r = !b->running;
	(void)pthread_mutex_unlock(&b->mutex);
	return r;
}

/* Wait for the stages' threads; Ctrl-C stops them. intr_fd may be emptied by another reader, hence the time limit. */
static void wait_stages(struct build *b)
{
	bool told = false;

	while (!all_ended(b)) {
		struct pollfd p[2] = { { .fd = b->wake_fd, .events = POLLIN },
				       { .fd = told ? -1 : intr_fd(), .events = POLLIN } };
		eventfd_t n;

		(void)poll(p, 2, INTR_MS);
		if (p[0].revents)
			(void)eventfd_read(b->wake_fd, &n);
		if (intr_count() && !told) {
			told = true;
			stop(b);
		}
	}
}

/* -- what goes in -- */

const char *build_arg(const struct build *b, const char *name)
{
	for (size_t i = b->o->n_args; i-- > 0;)
		if (str_eq(b->o->args[i].key, name))
			return b->o->args[i].val;
	return NULL;
}

static int fail(struct build *b, struct err *e)
{
	return errs_add(b->errs, e);
}

static int open_dirs(struct build *b, const char *root, struct err *e)
{
	static const char *const names[] = { "build/cache", "build/stat", "build/mounts" };
	int fd[3] = { -1, -1, -1 };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *path = xasprintf("%s/%s", root, names[i]);

		if (fs_mkdir_p(path, 0700) == 0)
			fd[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd[i] < 0)
			err_set(e, errno == EACCES ? ERR_DENIED : ERR_SYS, errno, "open %s", path);
	}
	b->cache = fd[0];
	b->stat_dir = fd[1];
	b->mounts = fd[2];
	b->mounts_path = xasprintf("%s/build/mounts", root);
	return b->cache < 0 || b->stat_dir < 0 || b->mounts < 0 ? -1 : 0;
}

/* <Dockerfile>.dockerignore beside it comes before .dockerignore of the context. */
static int open_context(struct build *b, struct err *e)
{
	auto_free char *own = xasprintf("%s.dockerignore", b->o->dockerfile ? b->o->dockerfile : "Dockerfile");
	const char *const names[] = { b->o->dockerfile_inline ? ".dockerignore" : own, ".dockerignore", NULL };

	return local_open(&b->context, b, "the build context", names, e);
}

static int read_dockerfile(struct build *b, char **ret, size_t *ret_len, struct err *e)
{
	const char *file = b->o->dockerfile ? b->o->dockerfile : "Dockerfile";

	if (b->o->dockerfile_inline) {
		b->file = xstrdup("dockerfile_inline");
		*ret = xstrdup(b->o->dockerfile_inline);
		*ret_len = strlen(*ret);
		return 0;
	}
	if (local_read(&b->context, file, DF_TEXT_MAX, ret, ret_len, e) < 0 && e->kind == ERR_MISSING && !b->o->dockerfile) {
		err_done(e);
		file = "dockerfile";
		if (local_read(&b->context, file, DF_TEXT_MAX, ret, ret_len, e) < 0 && e->kind == ERR_MISSING)
			file = "Dockerfile";
	}
	b->file = local_name(&b->context, file);
	if (e->kind == ERR_MISSING && e->n) {
		err_done(e);
		err_set(e, ERR_MODEL, 0, "the Dockerfile %s does not exist", b->file);
		return err_hint(e, "write it, or name another one with `dockerfile:` below `build:`");
	}
	return e->n ? err_wrap(e, "read the Dockerfile %s", b->file) : 0;
}

static int check_texts(const struct build_kv *v, size_t n, const char *what, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		auto_json json_t *key = json_string(v[i].key), *val = v[i].val ? json_string(v[i].val) : NULL;

		if (!key || (v[i].val && !val))
			return err_set(e, ERR_USAGE, 0, "%s %s is not UTF-8 text", what, v[i].key);
	}
	return 0;
}

/* -- global ARGs -- */

static void platform_args(struct build *b)
{
	static const struct { const char *machine, *arch, *variant; } known[] = {
		{ "x86_64", "amd64", "" },    { "aarch64", "arm64", "" },   { "armv7l", "arm", "v7" },
		{ "riscv64", "riscv64", "" }, { "ppc64le", "ppc64le", "" }, { "s390x", "s390x", "" },
		{ "i686", "386", "" },
	};
	static const char *const sides[] = { "BUILD", "TARGET" };
	const char *arch, *variant = "";
	struct utsname u;

	(void)uname(&u);
	arch = u.machine;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (str_eq(u.machine, known[i].machine)) {
			arch = known[i].arch;
			variant = known[i].variant;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		auto_free char *platform = xasprintf("linux/%s%s%s", arch, *variant ? "/" : "", variant);
		const struct { const char *name, *val; } vars[] = {
			{ "PLATFORM", platform }, { "OS", "linux" },	  { "OSVERSION", "" },
			{ "ARCH", arch },	  { "VARIANT", variant },
		};

		for (size_t k = 0; k < ARRAY_LEN(vars); k++) {
			auto_free char *name = xasprintf("%s%s", sides[i], vars[k].name);

			scope_arg(&b->globals, name, vars[k].val);
		}
	}
	scope_arg(&b->globals, "TARGETSTAGE", b->o->target && *b->o->target ? b->o->target : "default");
}

static int global_args(struct build *b, struct err *e)
{
	platform_args(b);
	for (size_t i = 0; i < b->df->n_globals; i++) {
		const struct df_instr *in = b->df->globals[i];

		for (size_t k = 0; k < in->n_kvs; k++) {
			struct df_scope sc = scope_view(&b->globals, b->df->escape);
			const char *given = build_arg(b, in->kvs[k].key);
			auto_free char *val = given ? xstrdup(given) : NULL;

			if (!given && in->kvs[k].val && df_expand(&sc, in->kvs[k].val, &val, e) < 0)
				return err_at(e, in->pos, "ARG");
			if (val || !scope_get(&b->globals, in->kvs[k].key))
				scope_arg(&b->globals, in->kvs[k].key, val);
		}
	}
	return 0;
}

/* -- which stages -- */

static void need(struct build *b, size_t i);

static void need_named(struct build *b, size_t before, const char *name, bool by_number)
{
	int i = by_number ? df_stage_find(b->df, before, name) : stage_by_name(b, before, name);

	if (i >= 0 && !named_find(b, name))
		need(b, (size_t)i);
}

static void need_mounts(struct build *b, size_t i, const struct df_instr *in)
{
	for (size_t f = 0; f < in->n_flags; f++) {
		auto_err struct err ignored = {0};
		struct df_mount m;
		const char *from = str_eq(in->flags[f].name, "mount") ? strstr(in->flags[f].val, "from=") : NULL;
		auto_free char *name = from ? xstrndup(from + 5, strcspn(from + 5, ",")) : NULL;

		if (name && df_mount(in->flags[f].val, &m, &ignored) == 0) {
			free(take_ptr(name));
			name = xstrdup(m.from);
			df_mount_done(&m);
		}
		if (name)
			need_named(b, i, name, true);
	}
}

/* Mark stage i and what it is made from. */
static void need(struct build *b, size_t i)
{
	const struct df_stage *s = &b->df->stages[i];
	struct df_scope sc = scope_view(&b->globals, b->df->escape);
	auto_err struct err ignored = {0};       /* told when the stage runs */
	auto_free char *base = NULL;

	if (b->stages[i].state != STAGE_UNUSED)
		return;
	b->stages[i].state = STAGE_WAITING;
	if (df_expand(&sc, s->base, &base, &ignored) == 0)
		need_named(b, i, base, false);
	for (size_t k = 0; k < s->n_instr; k++) {
		const struct df_instr *in = s->instr[k];

		if (in->kind == DF_COPY && df_flag(in, "from"))
			need_named(b, i, df_flag(in, "from"), true);
		if (in->kind == DF_RUN)
			need_mounts(b, i, in);
	}
}

static int find_target(struct build *b, size_t *ret, struct err *e)
{
	const char *target = b->o->target, *names[65] = { NULL }, *near;
	int i;

	*ret = b->df->n_stages - 1;
	if (!target || !*target)
		return 0;
	i = df_stage_find(b->df, b->df->n_stages, target);
	if (i >= 0) {
		*ret = (size_t)i;
		return 0;
	}
	for (size_t k = 0; k < b->df->n_stages && k < 64; k++)
		names[k] = b->df->stages[k].name;
	err_set(e, ERR_MODEL, 0, "target stage `%s` could not be found in %s", target, b->file);
	near = str_nearest(target, names);
	return near ? err_hint(e, "did you mean `%s`?", near) : -1;
}

static void init_stages(struct build *b)
{
	b->stages = xcalloc(b->df->n_stages, sizeof(*b->stages));
	for (size_t i = 0; i < b->df->n_stages; i++) {
		struct stage *st = &b->stages[i];

		st->b = b;
		st->df = &b->df->stages[i];
		st->index = i;
		st->scope.env = &st->conf.env;
	}
}

static void run_stages(struct build *b)
{
	size_t started = 0;

	for (size_t i = 0; i < b->df->n_stages; i++)
		b->running += b->stages[i].state == STAGE_WAITING;
	for (size_t i = 0; i < b->df->n_stages; i++) {
		struct stage *st = &b->stages[i];
		int r;

		if (st->state == STAGE_UNUSED)
			continue;
		r = pthread_create(&st->thread, NULL, stage_main, st);
		if (r) {
			auto_err struct err e = {0};

			err_set(&e, ERR_SYS, r, "start a thread");
			(void)pthread_mutex_lock(&b->mutex);
			errs_add(b->errs, &e);
			st->state = STAGE_FAILED;
			(void)pthread_mutex_unlock(&b->mutex);
			st->thread = 0;
			stage_ended(st);
			continue;
		}
		started++;
	}
	wait_stages(b);
	for (size_t i = 0; i < b->df->n_stages && started; i++)
		if (b->stages[i].thread)
			(void)pthread_join(b->stages[i].thread, NULL);
}

/* -- the result -- */

static int commit(struct build *b, struct stage *st, char **ret_id, struct err *e)
{
	struct image spec = { .conf = st->conf,
			      .layers = st->layers,
			      .os = (char *)"linux",
			      .arch = (char *)scope_get(&b->globals, "TARGETARCH"),
			      .variant = (char *)scope_get(&b->globals, "TARGETVARIANT"),
			      .author = st->author ? st->author : (char *)"",
			      .comment = (char *)"",
			      .created = st->created };
	auto_image struct image *img = NULL;

	spec.history.v = st->history.v;
	spec.history.n = st->history.n;
	if (image_commit(b->store, &spec, b->o->n_tags ? b->o->tags[0] : NULL, &img, e) < 0)
		return err_wrap(e, "store the image");
	for (size_t i = 1; i < b->o->n_tags; i++)
		if (image_tag(b->store, img->id, b->o->tags[i], e) < 0)
			return err_wrap(e, "tag the image");
	*ret_id = xstrdup(img->id);
	return 0;
}

static void save_digests(struct build *b, struct local *l)
{
	auto_err struct err e = {0};

	if (local_save(l, &e) < 0)
		build_warn(b, (struct srcpos){0}, "the digests of the context's files could not be kept: %s", e.frame[0]);
}

static int finish(struct build *b, size_t target, char **ret_id, struct err *e)
{
	struct stage *st = &b->stages[target];

	for (size_t i = 0; i < b->o->n_labels; i++)
		image_config_label(&st->conf, b->o->labels[i].key, b->o->labels[i].val ? b->o->labels[i].val : "");
	save_digests(b, &b->context);
	for (size_t i = 0; i < b->o->n_contexts; i++)
		save_digests(b, &b->named[i].local);
	return commit(b, st, ret_id, e);
}

static int prepare(struct build *b, const char *root, struct err *e)
{
	if (check_texts(b->o->args, b->o->n_args, "build argument", e) < 0 ||
	    check_texts(b->o->labels, b->o->n_labels, "label", e) < 0)
		return -1;
	b->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->cancel_fd < 0 || b->wake_fd < 0)
		return err_set(e, ERR_SYS, errno, "make an event descriptor");
	return open_dirs(b, root, e) < 0 || open_context(b, e) < 0 || named_open(b, e) < 0 ? -1 : 0;
}

static int build_all(struct build *b, const char *root, char **ret_id)
{
	auto_err struct err e = {0};
	auto_free char *text = NULL;
	size_t len = 0, target;

	if (prepare(b, root, &e) < 0 || read_dockerfile(b, &text, &len, &e) < 0)
		return fail(b, &e);
	if (dockerfile_parse(&b->df, b->file, text, len, b->errs) < 0)
		return -1;
	for (size_t i = 0; i < b->df->n_notes; i++)
		build_warn(b, b->df->notes[i].pos, "%s", b->df->notes[i].text);
	if (global_args(b, &e) < 0 || find_target(b, &target, &e) < 0)
		return fail(b, &e);
	if (b->o->check)
		return b->errs->n ? -1 : 0;
	init_stages(b);
	need(b, target);
	run_stages(b);
	if (intr_check(&e) < 0 && !b->errs->n)
		return fail(b, &e);
	err_done(&e);
	if (b->errs->n || b->stages[target].state != STAGE_DONE)
		return -1;
	return finish(b, target, ret_id, &e) < 0 ? fail(b, &e) : 0;
}

static void build_done(struct build *b)
{
	int *const fds[] = { &b->stat_dir, &b->cache, &b->mounts, &b->cancel_fd, &b->wake_fd };

	for (size_t i = 0; b->stages && i < b->df->n_stages; i++)
		stage_done(&b->stages[i]);
	free(b->stages);
	scope_done(&b->globals);
	local_done(&b->context);
	named_done(b);
	dockerfile_free(b->df);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		mem_closep(fds[i]);
	free(b->file);
	free(b->mounts_path);
	(void)pthread_mutex_destroy(&b->mutex);
	(void)pthread_cond_destroy(&b->changed);
}

int build_image(struct store *s, const char *root, const struct build_opts *o, const struct build_env *env,
		char **ret_image_id, struct errs *errs)
{
	struct build b = { .store = s,
			   .o = o,
			   .env = env,
			   .stat_dir = -1,
			   .cache = -1,
			   .mounts = -1,
			   .context = { .s = { .root = -1 }, .dir = o->context, .fetched = o->fetched },
			   .cancel_fd = -1,
			   .wake_fd = -1,
			   .mutex = PTHREAD_MUTEX_INITIALIZER,
			   .changed = PTHREAD_COND_INITIALIZER };
	struct errs mine = {0};
	auto_err struct err e = {0};
	int r;

	b.errs = &mine;
	if (store_pin(s, &e) < 0)
		return errs_add(errs, &e);
	r = build_all(&b, root, ret_image_id);
	for (size_t i = 0; i < mine.n; i++)
		errs_add(errs, &mine.v[i]);
	errs_done(&mine);
	build_done(&b);
	store_unpin(s);
	return r;
}
