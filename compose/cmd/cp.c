/* SPDX-License-Identifier: Apache-2.0 */
/* cp.c - `compose cp`: files between this host and containers, running or not; "-" is a tar.
 * Without -a what arrives in a container is root's, what arrives on the host belongs to who asked. Devices and FIFOs of
 * a container do not come to the host. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "compose/base/copy.h"
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/place.h"
#include "compose/engine/ctr_root.h"
#include "compose/image/layer.h"
#include "compose/image/tar_out.h"
#include "compose/state/lock.h"

enum { CHUNK = 64 << 10 };

struct cp_args { bool all, archive, follow; int64_t index; const char *src; char **rest; };

static const struct opt cp_opts[] = {
	OPT_FLAG(0, "all", struct cp_args, all, "to a service: also to its one-off containers"),
	OPT_FLAG('a', "archive", struct cp_args, archive, "keep owners"),
	OPT_FLAG('L', "follow-link", struct cp_args, follow, "copy what the source links to"),
	OPT_INT(0, "index", struct cp_args, index, "N", "replica number (default: from the first, to all)"),
	OPT_HEAD(struct cp_args, src, "SOURCE", ""),
	OPT_RESTX(struct cp_args, rest, "TARGET", OPT_NEED, ""),
	OPT_END
};

struct cp {
	struct ctx *c;
	const struct cp_args *a;
	const char *src, *dst;
	char *service;
	bool to_ctr;
	int spool;
	struct err *e;
};

/* "SERVICE:PATH". ret: the service, caller frees; NULL for a path of this host */
static char *service_of(const char *arg, const char **path)
{
	const char *colon = strchr(arg, ':');

	if (!colon || colon == arg || *arg == '.' || memchr(arg, '/', (size_t)(colon - arg)))
		return NULL;
	*path = colon[1] ? colon + 1 : "/";
	return xstrndup(arg, (size_t)(colon - arg));
}

static int read_args(struct cp *w)
{
	auto_free char *from = service_of(w->a->src, &w->src), *to = service_of(w->a->rest[0], &w->dst);

	if (w->a->rest[1])
		return err_set(w->e, ERR_USAGE, 0, "unexpected argument \"%s\"", w->a->rest[1]);
	if (from && to) {
		err_set(w->e, ERR_USAGE, 0, "copying between services is not supported");
		return err_hint(w->e, "pipe it: `compose cp %s:%s - | compose cp - %s:DIRECTORY`", from, w->src, to);
	}
	if (!from && !to) {
		err_set(w->e, ERR_USAGE, 0, "neither source nor target is in a service");
		return err_hint(w->e, "name one of them SERVICE:PATH");
	}
	w->to_ctr = to;
	if (to)
		w->src = w->a->src;
	else
		w->dst = w->a->rest[0];
	w->service = to ? take_ptr(to) : take_ptr(from);
	return 0;
}

/* ---- a container ----------------------------------------------------------------------------- */

/* in: path: as it is from the container, links resolved */
static int refuse_hidden(struct cp *w, const struct ctr_root *root, int dir, const char *name)
{
	auto_free char *at = ctr_root_path(dir), *path = NULL;
	const struct spec_mount *m;

	if (!at)
		return err_set(w->e, ERR_SYS, errno, "find out where %s is", name);
	path = xasprintf("%s/%s", str_eq(at, "/") ? "" : at, name);
	m = ctr_root_hidden(root, path);
	if (!m)
		return 0;
	err_set(w->e, ERR_CONFLICT, 0, "%s belongs to what is mounted at %s, and that is only while container %s runs",
		path, m->dest, root->r.name);
	return err_hint(w->e, "start it first: `compose start %s`", root->r.service);
}

/* Where a path of the container begins: its root, or the volume that it is in while the container does not run. */
struct start { int root, volume; const char *path; char *absolute; };

static int find_start(struct cp *w, const struct ctr_root *root, const char *path, struct start *s)
{
	*s = (struct start){ root->fd, -1, path, *must(path) == '/' ? xstrdup(path) : xasprintf("/%s", path) };
	if (ctr_root_volume(root, s->absolute, w->to_ctr, &s->volume, &s->path, w->e) < 0)
		return -1;
	if (s->volume >= 0)
		s->root = s->volume;
	return 0;
}

static void start_done(struct start *s)
{
	mem_closep(&s->volume);
	free(s->absolute);
}

static void warn_hidden(struct cp *w, const struct ctr_root *root, const char *top)
{
	for (size_t i = 0; !root->live && i < root->r.volumes.n; i++)
		ui_warn(w->c->ui, "container %s does not run: volume %s is not part of what is copied from %s",
			root->r.name, root->r.volumes.v[i], top);
}

static int open_root(struct cp *w, const char *id, struct ctr_root *root, bool write)
{
	if (ctr_root_find(root, &w->c->paths, w->c->name, id, w->e) < 0)
		return -1;
	if (!root->live && w->c->lock_fd < 0) {
		if (lock_project(&w->c->paths, w->c->name, "cp", true, &w->c->lock_fd, w->e) < 0)
			return -1;
		ctr_root_done(root);              /* it may have been started while we waited */
		return open_root(w, id, root, write);
	}
	return ctr_root_open(root, &w->c->paths, write, w->e);
}

/* ---- tar ------------------------------------------------------------------------------------- */

/* Of name in the directory top, as the container sees it. */
static char *path_of(const char *top, const char *name)
{
	if (!top || !*name)
		return xstrdup(top ? top : "");
	return xasprintf("%s/%s", str_eq(top, "/") ? "" : top, name);
}

static int to_stdout(struct cp *w, const struct ctr_root *root, const struct place_src *src)
{
	auto_free char *top = ctr_root_path(src->dir);
	const char *as = *src->base ? src->base : src->is_dir ? "." : "";
	struct ctr_root_filter f = { root, NULL };
	const struct tar_out_opts o = { .filter = ctr_root_no_kernel, .arg = &f };
	auto_free char *below = path_of(top, src->name);
	auto_tar_out struct tar_out *t = NULL;

	f.top = below;
	if (isatty(STDOUT_FILENO)) {
		err_set(w->e, ERR_USAGE, 0, "a tar would be written to the terminal");
		return err_hint(w->e, "redirect the output, or name a target");
	}
	return tar_out_new(&t, STDOUT_FILENO, w->e) < 0 || tar_out_tree(t, src->dir, src->name, as, &o, w->e) < 0 ||
	       tar_out_end(t, w->e) < 0 ? -1 : 0;
}

struct feed { int fd; char *buf; };

static long feed_read(void *arg, const void **buf)
{
	struct feed *f = arg;
	ssize_t n;

	do {
		n = read(f->fd, f->buf, CHUNK);
	} while (n < 0 && errno == EINTR);
	*buf = f->buf;
	return n;
}

static int unpack(struct cp *w, const struct ctr_root *root, const struct start *s)
{
	const struct place p = { s->root, s->path };
	const struct layer_opts o = { .compressed = true };
	auto_free char *buf = xmalloc(CHUNK);
	struct feed f = { w->spool >= 0 ? w->spool : STDIN_FILENO, buf };
	auto_close int dir = place_dir(&p, w->e);
	struct layer_stats st;

	if (dir < 0 || (s->volume < 0 && refuse_hidden(w, root, dir, "") < 0))
		return -1;
	if (w->spool >= 0 && lseek(w->spool, 0, SEEK_SET) < 0)
		return err_set(w->e, ERR_SYS, errno, "read the archive again");
	return layer_untar(dir, feed_read, &f, &o, &st, w->e);
}

static int from_stdin(struct cp *w, const struct ctr_root *root)
{
	struct start s;
	int r = find_start(w, root, w->dst, &s);

	if (r == 0)
		r = unpack(w, root, &s);
	start_done(&s);
	return r;
}

/* Standard input can be read once, and there are several replicas. */
static int spool_stdin(struct cp *w)
{
	auto_free char *buf = xmalloc(CHUNK);
	struct feed f = { STDIN_FILENO, buf };
	const void *p;
	long n;

	w->spool = openat(w->c->paths.root_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (w->spool < 0)
		return err_set(w->e, ERR_SYS, errno, "make a temporary file in %s", w->c->paths.root);
	while ((n = feed_read(&f, &p)) > 0)
		for (long done = 0; done < n;) {
			ssize_t put = write(w->spool, buf + done, (size_t)(n - done));

			if (put < 0 && errno != EINTR)
				return err_set(w->e, ERR_SYS, errno, "keep the archive in a temporary file");
			done += put > 0 ? put : 0;
		}
	return n < 0 ? err_set(w->e, ERR_SYS, errno, "read standard input") : 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int copy(struct cp *w, const struct ctr_root *root, const struct place_src *src, const struct place_dst *dst)
{
	auto_free char *top = ctr_root_path(src->dir), *below = NULL;
	struct ctr_root_filter f = { root, NULL };
	struct copy_opts o = { .set_owner = !w->a->archive, .keep_dirs = true, .no_special = !w->to_ctr };

	if (!w->to_ctr) {
		o.uid = geteuid();
		o.gid = getegid();
		below = path_of(top, src->name);
		f.top = below;
		o.filter = ctr_root_no_kernel;
		o.arg = &f;
	}
	return fs_copy_tree(src->dir, src->name, dst->dir, dst->name, &o, w->e);
}

static int into_ctr(struct cp *w, const struct ctr_root *root)
{
	const struct place from = { -1, w->src };
	struct place_src src = { .dir = -1 };
	struct place_dst dst = { .dir = -1 };
	struct start s;
	int r = find_start(w, root, w->dst, &s);

	if (r == 0)
		r = place_source(&src, &from, w->a->follow, w->e);
	if (r == 0)
		r = place_target(&dst, &(struct place){ s.root, s.path }, &src, w->e);
	if (r == 0 && s.volume < 0)
		r = refuse_hidden(w, root, dst.dir, dst.name);
	if (r == 0)
		r = copy(w, root, &src, &dst);
	start_done(&s);
	place_src_done(&src);
	place_dst_done(&dst);
	return r;
}

/* A volume's own directory is called as the container calls it. */
static void name_volume(const struct start *s, struct place_src *src)
{
	size_t n = strlen(s->absolute);
	const char *slash;

	if (s->volume < 0 || !str_eq(s->path, "/"))
		return;
	while (n > 1 && s->absolute[n - 1] == '/')
		n--;
	s->absolute[n] = '\0';
	slash = strrchr(s->absolute, '/');
	free(src->base);
	src->base = xstrdup(slash ? slash + 1 : s->absolute);
}

static int out_of_ctr(struct cp *w, const struct ctr_root *root)
{
	const struct place to = { -1, w->dst };
	struct place_src src = { .dir = -1 };
	struct place_dst dst = { .dir = -1 };
	struct start s;
	int r = find_start(w, root, w->src, &s);

	if (r == 0)
		r = place_source(&src, &(struct place){ s.root, s.path }, w->a->follow, w->e);
	if (r == 0)
		name_volume(&s, &src);
	if (r == 0 && s.volume < 0)
		r = refuse_hidden(w, root, src.dir, src.name);
	if (r == 0 && src.is_dir && s.volume < 0)
		warn_hidden(w, root, w->src);
	if (r == 0 && str_eq(w->dst, "-"))
		r = to_stdout(w, root, &src);
	else if (r == 0 && (r = place_target(&dst, &to, &src, w->e)) == 0)
		r = copy(w, root, &src, &dst);
	start_done(&s);
	place_src_done(&src);
	place_dst_done(&dst);
	return r;
}

static int one(struct cp *w, const struct observed_ctr *o)
{
	auto_ctr_root struct ctr_root root = CTR_ROOT_INIT;
	auto_free char *what = w->to_ctr ? xasprintf("copy %s to %s:%s", w->src, o->name, w->dst) :
		xasprintf("copy %s:%s to %s", o->name, w->src, w->dst);
	int r;

	if (w->c->g->dry_run) {
		act_would(w->c, "%s", what);
		return 0;
	}
	r = open_root(w, o->id, &root, w->to_ctr);
	if (r == 0)
		r = !w->to_ctr ? out_of_ctr(w, &root) : str_eq(w->src, "-") ? from_stdin(w, &root) : into_ctr(w, &root);
	return r < 0 ? err_wrap(w->e, "cannot %s", what) : 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool wanted(const struct cp *w, const struct observed_ctr *o)
{
	return str_eq(o->service, w->service) && (!o->oneoff || w->a->all) &&
	       (!w->a->index || o->number == w->a->index);
}

static int to_all(struct cp *w)
{
	const struct observed *have = w->c->observed;
	size_t n = 0;

	for (size_t i = 0; i < have->n_ctrs; i++)
		n += wanted(w, &have->ctrs[i]);
	if (n > 1 && str_eq(w->src, "-") && !w->c->g->dry_run && spool_stdin(w) < 0)
		return -1;
	for (size_t i = 0; i < have->n_ctrs; i++)
		if (wanted(w, &have->ctrs[i]) && one(w, &have->ctrs[i]) < 0)
			return -1;
	return 0;
}

static int cp_run(struct ctx *c, const void *args, struct err *e)
{
	struct cp w = { .c = c, .a = args, .spool = -1, .e = e };
	const struct observed_ctr *first;
	int r = read_args(&w);

	first = r == 0 ? act_ctr(c, w.service, w.a->index, false, e) : NULL;
	if (first)
		r = w.to_ctr ? to_all(&w) : one(&w, first);
	mem_closep(&w.spool);
	free(w.service);
	return first ? r : -1;
}

const struct cmd cmd_cp = {.name = "cp",
			   .usage =
				   "[OPTION...] SERVICE:PATH PATH|-\n       compose cp [OPTION...] PATH|- SERVICE:PATH",
			   .summary = "Copy files between this host and containers",
			   .opts = cp_opts,
			   .args_size = sizeof(struct cp_args),
			   .needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | ALL_PROFILES,
			   .run = cp_run};
