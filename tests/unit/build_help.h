/* SPDX-License-Identifier: Apache-2.0 */
/* build_help.h - a builder under test: a store of its own, a context, and a runner that plays containers.
 * The runner knows a few commands, done through the overlay's descriptor:
 *	print TEXT...   write PATH TEXT   append PATH TEXT   rm PATH   exit N   env (to /env)   cat PATH   sh -c TEXT
 *(to /sh) mounts (to /mounts: kind, target, ro and what is in the source)   put PATH-IN-FIRST-MOUNT TEXT */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/overlay.h"
#include "compose/base/str.h"
#include "compose/build/build.h"
#include "compose/image/image.h"
#include "tests/tap.h"

struct bench {
	char dir[64], root[80], ctx[80];
	struct store *store;
	struct build_opts o;
	struct build_env env;
	/* of the last build */
	char *id;
	struct errs errs;
	struct str log;               /* one line an event: "step NAME", "out TEXT", "cached NAME", "warn TEXT" */
	unsigned runs, cached, steps;
};

__attribute__((unused)) static void b_path(const struct bench *b, const char *rel, char *ret, size_t n)
{
	snprintf(ret, n, "%s/%s", b->ctx, rel);
}

/* Write a file of the context, making its directories. */
__attribute__((unused)) static void b_file(const struct bench *b, const char *rel, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", b->ctx, rel), *dir = xstrdup(path);
	int fd;

	*strrchr(dir, '/') = '\0';
	if (fs_mkdir_p(dir, 0755) < 0)
		diag("mkdir %s: %s", dir, strerror(errno));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0)
		diag("write %s: %s", path, strerror(errno));
	mem_closep(&fd);
}

__attribute__((unused)) static void b_link(const struct bench *b, const char *rel, const char *target)
{
	char path[256];

	b_path(b, rel, path, sizeof(path));
	if (symlink(target, path) < 0)
		diag("symlink %s: %s", path, strerror(errno));
}

/* The root of a built image, read-only; -1 when there is none. */
static int b_view_layers(const struct bench *b, char *const *layers, size_t n)
{
	int fds[64];
	struct fs_overlay o = { .lower = fds, .upper = -1, .work = -1 };
	auto_err struct err e = {0};
	int fd;

	for (size_t i = n; i-- > 0 && o.n < 64;)
		fds[o.n++] = store_layer_fd(b->store, layers[i]);
	if (n == 1) {
		fd = openat(fds[0], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} else {
		fd = fs_overlay(&o, &e);
		if (fd < 0)
			err_report(&e, stderr);
	}
	for (size_t i = 0; i < o.n; i++)
		close(fds[i]);
	return fd;
}

__attribute__((unused)) static struct image *b_image(const struct bench *b, const char *ref)
{
	auto_err struct err e = {0};
	struct image *i = NULL;

	if (image_open(b->store, ref, &i, &e) != 0)
		return NULL;
	return i;
}

__attribute__((unused)) static int b_view(const struct bench *b)
{
	auto_image struct image *i = b->id ? b_image(b, b->id) : NULL;

	return i && i->layers.n ? b_view_layers(b, i->layers.v, i->layers.n) : -1;
}

/* ret: content of a file of the image, "(none)" when it is not there; good until the next eight calls */
__attribute__((unused)) static const char *b_text(const struct bench *b, const char *path)
{
	auto_close int root = b_view(b), fd = root < 0 ? -1 : fs_open_in(root, path, O_RDONLY | O_CLOEXEC, 0);
	auto_err struct err e = {0};
	static char *kept[8];
	static int turn;
	char **text = &kept[turn++ % 8];

	free(*text);
	*text = NULL;
	return fd < 0 || fs_read_fd(fd, path, 1 << 20, text, NULL, &e) < 0 ? "(none)" : *text;
}

/* "TYPE MODE UID:GID", such as "f 644 0:0"; "none"; a link as "l TARGET" */
__attribute__((unused)) static const char *b_stat(const struct bench *b, const char *path)
{
	auto_close int root = b_view(b),
		       fd = root < 0 ? -1 : fs_open_in(root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	static char out[4][300];
	static int turn;
	char *s = out[turn++ % 4], target[256];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return "none";
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(fd, "", target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		snprintf(s, 300, "l %s", target);
	} else {
		snprintf(s, 300, "%c %o %u:%u",
			 S_ISDIR(st.st_mode)   ? 'd'
			 : S_ISREG(st.st_mode) ? 'f'
					       : '?',
			 (unsigned)st.st_mode & 07777, st.st_uid, st.st_gid);
	}
	return s;
}

/* -- the runner -- */

static int run_file(int root, const char *path, int flags, const char *text)
{
	auto_close int fd = fs_open_in(root, path, O_WRONLY | O_CREAT | flags | O_CLOEXEC, 0644);

	return fd < 0 || fs_write_all(fd, text, strlen(text)) < 0 ? 1 : 0;
}

static void list_mounts(const struct run_step *s, struct str *out)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct build_mount *m = &s->mounts[i];
		struct stat st;
		struct dirent *de;
		DIR *d;

		str_addf(out, "%s %s %s", m->kind == BUILD_MOUNT_TMPFS ? "tmpfs" : "bind", m->target,
			 m->ro ? "ro" : "rw");
		if (m->source && stat(m->source, &st) == 0 && S_ISREG(st.st_mode)) {
			auto_err struct err e = {0};
			auto_free char *text = NULL;

			if (fs_read(AT_FDCWD, m->source, 1 << 16, &text, NULL, &e) == 0)
				str_addf(out, " {%s} %o %u", text, (unsigned)st.st_mode & 07777, st.st_uid);
		}
		d = m->source ? opendir(m->source) : NULL;
		while (d && (de = readdir(d)))
			if (de->d_name[0] != '.')
				str_addf(out, " %s", de->d_name);
		if (d)
			closedir(d);
		str_addc(out, '\n');
	}
}

static int play(const struct run_step *s, int root, int out)
{
	const char *cmd = s->args[0], *a = cmd ? s->args[1] : NULL, *v = a ? s->args[2] : NULL;
	auto_str struct str text = {0};

	if (str_eq(cmd, "print")) {
		for (size_t i = 1; s->args[i]; i++)
			dprintf(out, "%s\n", s->args[i]);
		return 0;
	}
	if (str_eq(cmd, "write"))
		return run_file(root, a, O_TRUNC, v);
	if (str_eq(cmd, "append"))
		return run_file(root, a, O_APPEND, v);
	if (str_eq(cmd, "exit"))
		return dprintf(out, "about to fail\nwith %s\n", a), (int)strtol(a, NULL, 10);
	if (str_eq(cmd, "env")) {
		for (char *const *e = s->env; *e; e++)
			str_addf(&text, "%s\n", *e);
		str_addf(&text, "cwd %s user %s network %s\n", s->cwd, s->user, s->network);
		return run_file(root, "/env", O_TRUNC, str_cstr(&text));
	}
	if (str_eq(cmd, "mounts")) {
		list_mounts(s, &text);
		return run_file(root, "/mounts", O_TRUNC, str_cstr(&text));
	}
	if (str_eq(cmd, "put")) {
		auto_free char *path = xasprintf("%s/%s", s->mounts[0].source, a);

		auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		return fd < 0 || fs_write_all(fd, v, strlen(v)) < 0;
	}
	if (str_eq(cmd, "rm")) {
		auto_free char *name = NULL;
		auto_close int dir = fs_open_parent_in(root, a, false, &name);

		return dir < 0 || unlinkat(dir, name, 0) < 0 ? 1 : 0;
	}
	if (str_eq(cmd, "stubs")) {           /* what a runtime makes in the root before it starts the command */
		auto_close int etc = fs_mkdir_p_in(root, "/etc", 0755), dev = fs_mkdir_p_in(root, "/dev", 0755);

		for (size_t i = 0; i < s->n_mounts; i++) {
			auto_close int m = fs_mkdir_p_in(root, s->mounts[i].target, 0755);

			(void)m;
		}
		if (etc < 0 || dev < 0)
			return 1;
		return run_file(root, "/etc/hosts", 0, "") || run_file(root, "/etc/kept", 0, "");
	}
	for (size_t i = 0; s->args[i]; i++)
		str_addf(&text, "%s%s", i ? "|" : "", s->args[i]);
	return run_file(root, "/sh", O_TRUNC, str_cstr(&text));
}

static int b_run(void *ctx, const struct run_step *s, int out_fd, int err_fd, int *ret_exit, struct err *e)
{
	struct bench *b = ctx;
	int fds[64];
	auto_close int upper = open(s->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		       work = open(s->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC), root = -1;
	struct fs_overlay o = { .lower = fds, .upper = upper, .work = work, .volatile_ = true };

	(void)err_fd;
	__atomic_add_fetch(&b->runs, 1, __ATOMIC_RELAXED);
	for (size_t i = s->n_layers; i-- > 0 && o.n < 64;)
		fds[o.n++] = store_layer_fd(b->store, s->layers[i]);
	root = fs_overlay(&o, e);
	for (size_t i = 0; i < o.n; i++)
		close(fds[i]);
	if (root < 0)
		return -1;
	*ret_exit = play(s, root, out_fd);
	return 0;
}

static int b_base(void *ctx, const char *ref, bool pull, char **ret_id, struct err *e)
{
	struct bench *b = ctx;
	auto_image struct image *i = NULL;
	int r = image_open(b->store, ref, &i, e);

	(void)pull;
	if (r == 1)
		return err_set(e, ERR_MISSING, 0, "no image %s", ref);
	if (r == 0)
		*ret_id = xstrdup(i->id);
	return r;
}

static void b_event(void *arg, const struct build_event *ev)
{
	static const char *const names[] = { "step", "out", "cached", "done", "warn" };
	struct bench *b = arg;

	b->steps += ev->kind == BUILD_STEP;
	b->cached += ev->kind == BUILD_CACHED;
	if (ev->kind != BUILD_DONE)
		str_addf(&b->log, "%s %s\n", names[ev->kind], ev->text ? ev->text : ev->name);
}

/* -- the bench -- */

__attribute__((unused)) static void b_init(struct bench *b)
{
	auto_err struct err e = {0};

	*b = (struct bench){0};
	snprintf(b->dir, sizeof(b->dir), "/tmp/ctbuild.XXXXXX");
	if (!mkdtemp(b->dir)) {
		printf("Bail out! cannot make %s\n", b->dir);
		exit(1);
	}
	snprintf(b->root, sizeof(b->root), "%s/r", b->dir);
	snprintf(b->ctx, sizeof(b->ctx), "%s/ctx", b->dir);
	if (mkdir(b->ctx, 0700) < 0 || store_open(&b->store, b->root, &e) < 0) {
		printf("Bail out! cannot open a store\n");
		exit(1);
	}
	b->env = (struct build_env){ .ctx = b, .run = b_run, .image = b_base };
	b->o = (struct build_opts){ .context = b->ctx, .progress = b_event, .progress_arg = b };
}

static void b_forget(struct bench *b)
{
	free(b->id);
	b->id = NULL;
	errs_done(&b->errs);
	str_done(&b->log);
	b->runs = b->cached = b->steps = 0;
}

/* Build text, or with NULL the context's Dockerfile. */
__attribute__((unused)) static int b_build(struct bench *b, const char *text)
{
	b_forget(b);
	b->o.dockerfile_inline = text;
	return build_image(b->store, b->root, &b->o, &b->env, &b->id, &b->errs);
}

/* Must succeed. */
__attribute__((unused)) static void b_good(struct bench *b, const char *text, const char *what)
{
	if (!ok(b_build(b, text) == 0, "%s", what))
		for (size_t i = 0; i < b->errs.n; i++) {
			for (unsigned k = b->errs.v[i].n; k-- > 0;)
				diag("%s", b->errs.v[i].frame[k]);
			diag("at %s", b->errs.v[i].at ? b->errs.v[i].at : "-");
		}
}

/* Must fail with this in one of the first error's frames. */
__attribute__((unused)) static void b_bad(struct bench *b, const char *text, const char *why, const char *at)
{
	bool found = false;

	if (!ok(b_build(b, text) < 0, "refused: %s", why))
		return;
	for (unsigned k = 0; b->errs.n && k < b->errs.v[0].n; k++)
		found |= strstr(b->errs.v[0].frame[k], why) != NULL;
	if (!ok(found, "it says so: %s", why))
		for (unsigned k = 0; b->errs.n && k < b->errs.v[0].n; k++)
			diag("%s", b->errs.v[0].frame[k]);
	if (at)
		is_str(b->errs.n ? b->errs.v[0].at : NULL, at, "with its place");
}

/* ret: number of names in ROOT/layers that are work in progress */
__attribute__((unused)) static int b_leftovers(const struct bench *b)
{
	auto_free char *path = xasprintf("%s/layers", b->root);
	DIR *d = opendir(path);
	struct dirent *de;
	int n = 0;

	while (d && (de = readdir(d)))
		n += str_starts(de->d_name, "tmp");
	if (d)
		closedir(d);
	return n;
}

__attribute__((unused)) static void b_done(struct bench *b)
{
	b_forget(b);
	store_free(b->store);
	if (fs_rm_rf(AT_FDCWD, b->dir) < 0)
		diag("cannot remove %s", b->dir);
}

/* Overlays need root. */
__attribute__((unused)) static void b_need_root(void)
{
	if (geteuid() == 0)
		return;
	printf("1..0 # SKIP needs root\n");
	exit(0);
}
