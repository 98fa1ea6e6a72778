/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/fswatch.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { ENTRIES_MAX = 2000000, DEPTH_MAX = 500 };
#define EVENTS (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_EXCL_UNLINK)

/* What was seen of a file or directory. */
struct node {
	char *name;
	struct node *parent;
	VEC(struct node *) kids;             /* sorted by name */
	struct stat st;
	int  wd;                             /* of a directory; -1: none */
	bool dirty, touched, seen;           /* look into it; it was written to; it is still there */
};

struct fswatch {
	const char *path;
	char *parent, *base;                 /* of path: the top may go and come back */
	int  fd, parent_wd;
	struct node *top;                    /* NULL while there is none */
	struct map dirs;                     /* watch -> node */
	size_t n_nodes;
	bool top_dirty, all_dirty;
	fsw_filter *filter;
	void *arg;
};

void fsw_changes_done(struct fsw_changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].path);
	vec_done(c);
}

static void note(struct fsw_changes *out, const char *path, bool removed, bool is_dir)
{
	vec_push(out, (struct fsw_change){ xstrdup(path), removed, is_dir });
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void wd_key(int wd, char key[16])
{
	(void)snprintf(key, 16, "%d", wd);
}

static void node_free(struct fswatch *w, struct node *n)
{
	char key[16];

	if (!n)
		return;
	for (size_t i = 0; i < n->kids.n; i++)
		node_free(w, n->kids.v[i]);
	vec_done(&n->kids);
	if (n->wd >= 0) {
		wd_key(n->wd, key);
		if (map_get(&w->dirs, key) == n)
			(void)map_del(&w->dirs, key);
		(void)inotify_rm_watch(w->fd, n->wd);     /* a directory that is gone has lost it already */
	}
	free(n->name);
	free(n);
	w->n_nodes--;
}

/* ret: the place of name among the children, which is where it belongs when *found is false */
static size_t place(const struct node *n, const char *name, bool *found)
{
	size_t lo = 0, hi = n->kids.n;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(n->kids.v[mid]->name, name);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct node *node_new(struct fswatch *w, struct node *parent, const char *name, const struct stat *st)
{
	struct node *n = xcalloc(1, sizeof(*n));

	*n = (struct node){ .name = xstrdup(name), .parent = parent, .st = *st, .wd = -1, .seen = true };
	w->n_nodes++;
	return n;
}

static struct node *kid_add(struct fswatch *w, struct node *parent, size_t at, const char *name, const struct stat *st)
{
	struct node *n = node_new(w, parent, name, st);

	vec_push(&parent->kids, n);
	memmove(parent->kids.v + at + 1, parent->kids.v + at, (parent->kids.n - 1 - at) * sizeof(n));
	parent->kids.v[at] = n;
	return n;
}

static bool differs(const struct stat *a, const struct stat *b)
{
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid)
		return true;
	if (S_ISDIR(a->st_mode))
		return false;                     /* its children speak for themselves */
	return a->st_ino != b->st_ino || a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* ---- looking --------------------------------------------------------------------------------- */

struct look { struct fswatch *w; struct fsw_changes *out; struct str path; struct err *e; int depth; };

static int watch_dir(struct look *l, struct node *n, const char *full)
{
	char key[16];
	int wd = inotify_add_watch(l->w->fd, full, EVENTS | IN_ONLYDIR);

	if (wd < 0 && errno == ENOSPC) {
		err_set(l->e, ERR_SYS, 0, "the kernel watches no more directories than it does");
		return err_hint(l->e, "leave some out with `ignore:`, or raise it: `sysctl fs.inotify.max_user_watches=524288`");
	}
	if (wd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 1 : err_set(l->e, ERR_SYS, errno, "watch %s", full);
	n->wd = wd;
	wd_key(wd, key);
	(void)map_set(&l->w->dirs, key, n);
	return 0;
}

static int look_into(struct look *l, struct node *n);

static bool same_thing(const struct node *n, const struct stat *st)
{
	return (n->st.st_mode & S_IFMT) == (st->st_mode & S_IFMT) && (!S_ISDIR(st->st_mode) || n->st.st_ino == st->st_ino);
}

/* One entry of n, whose path is in l->path. */
static int entry(struct look *l, struct node *n, const char *name, const struct stat *st, enum copy_want want)
{
	bool found, is_dir = S_ISDIR(st->st_mode);
	size_t at = place(n, name, &found);
	struct node *kid = found ? n->kids.v[at] : NULL;

	if (kid && !same_thing(kid, st)) {       /* another thing of the same name */
		note(l->out, str_cstr(&l->path), true, S_ISDIR(kid->st.st_mode));
		vec_remove(&n->kids, at);
		node_free(l->w, kid);
		kid = NULL;
	}
	if (!kid || kid->touched || differs(&kid->st, st))
		if (want == COPY_TAKE)
			note(l->out, str_cstr(&l->path), false, is_dir);
	if (kid) {
		kid->st = *st;
		kid->touched = false;
		kid->seen = true;
		return is_dir && (kid->dirty || l->w->all_dirty) ? look_into(l, kid) : 0;
	}
	if (l->w->n_nodes >= ENTRIES_MAX)
		return err_set(l->e, ERR_SYS, 0, "there are more than %d files below %s", ENTRIES_MAX, l->w->path);
	kid = kid_add(l->w, n, at, name, st);
	return is_dir ? look_into(l, kid) : 0;
}

static void drop_unseen(struct look *l, struct node *n)
{
	const size_t len = l->path.len;

	for (size_t i = n->kids.n; i-- > 0;) {
		struct node *kid = n->kids.v[i];
		bool is_dir = S_ISDIR(kid->st.st_mode);

		if (kid->seen)
			continue;
		str_addf(&l->path, "%s%s", len ? "/" : "", kid->name);
		if (!l->w->filter || l->w->filter(l->w->arg, str_cstr(&l->path), is_dir) == COPY_TAKE)
			note(l->out, str_cstr(&l->path), true, is_dir);
		str_cut(&l->path, len);
		vec_remove(&n->kids, i);
		node_free(l->w, kid);
	}
}

static int read_entries(struct look *l, struct node *n, DIR *d)
{
	const size_t len = l->path.len;
	struct dirent *de;
	struct stat st;
	int r = 0;

	while (r == 0 && (de = readdir(d))) {
		enum copy_want want = COPY_TAKE;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") || fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		str_addf(&l->path, "%s%s", len ? "/" : "", de->d_name);
		if (l->w->filter)
			want = l->w->filter(l->w->arg, str_cstr(&l->path), S_ISDIR(st.st_mode));
		if (want == COPY_TAKE || (want == COPY_DESCEND && S_ISDIR(st.st_mode)))
			r = entry(l, n, de->d_name, &st, want);
		str_cut(&l->path, len);
	}
	return r;
}

/* The watch first, then the reading: nothing falls between. */
static int look_into(struct look *l, struct node *n)
{
	auto_free char *full = xasprintf("%s%s%s", l->w->path, l->path.len ? "/" : "", str_cstr(&l->path));
	DIR *d;
	int r = 0, fd;

	n->dirty = false;
	if (++l->depth > DEPTH_MAX)
		return err_set(l->e, ERR_SYS, ELOOP, "look into %s", full);
	if (n->wd < 0)
		r = watch_dir(l, n, full);
	fd = r ? -1 : open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (n->parent ? O_NOFOLLOW : 0));
	d = fd < 0 ? NULL : fdopendir(fd);
	for (size_t i = 0; i < n->kids.n; i++)
		n->kids.v[i]->seen = false;
	if (d) {
		r = read_entries(l, n, d);
		closedir(d);
	} else {
		mem_closep(&fd);
	}
	if (r >= 0)
		drop_unseen(l, n);
	l->depth--;
	return r < 0 ? -1 : 0;
}

/* The top itself: it may have gone, come, or become another thing. */
static int look_at_top(struct look *l)
{
	struct fswatch *w = l->w;
	struct stat st;
	bool there = stat(w->path, &st) == 0;

	if (w->top && (!there || !same_thing(w->top, &st))) {
		note(l->out, "", true, S_ISDIR(w->top->st.st_mode));
		node_free(w, w->top);
		w->top = NULL;
	}
	if (!there)
		return 0;
	if (!w->top || w->top->touched || differs(&w->top->st, &st))
		note(l->out, "", false, S_ISDIR(st.st_mode));
	if (w->top) {
		w->top->st = st;
		w->top->touched = false;
		return 0;
	}
	w->top = node_new(w, NULL, "", &st);
	return S_ISDIR(st.st_mode) ? look_into(l, w->top) : 0;
}

/* Directories that are known, and that something was told of. */
static int look_at_dirty(struct look *l, struct node *n)
{
	const size_t len = l->path.len;

	if ((n->dirty || l->w->all_dirty) && S_ISDIR(n->st.st_mode))
		if (look_into(l, n) < 0)
			return -1;
	for (size_t i = 0; i < n->kids.n; i++) {
		struct node *kid = n->kids.v[i];
		int r;

		if (!S_ISDIR(kid->st.st_mode))
			continue;
		str_addf(&l->path, "%s%s", len ? "/" : "", kid->name);
		r = look_at_dirty(l, kid);
		str_cut(&l->path, len);
		if (r < 0)
			return -1;
	}
	return 0;
}

int fswatch_changes(struct fswatch *w, struct fsw_changes *out, struct err *e)
{
	struct look l = { .w = w, .out = out, .e = e };
	int r = 0;

	if (w->top_dirty || w->all_dirty)
		r = look_at_top(&l);
	if (r == 0 && w->top)
		r = look_at_dirty(&l, w->top);
	w->top_dirty = w->all_dirty = false;
	str_done(&l.path);
	return r;
}

static void add_all(const struct fswatch *w, const struct node *n, struct str *path, struct fsw_changes *out)
{
	const size_t len = path->len;
	bool is_dir = S_ISDIR(n->st.st_mode);

	if (!n->parent || !w->filter || w->filter(w->arg, str_cstr(path), is_dir) == COPY_TAKE)
		note(out, str_cstr(path), false, is_dir);
	for (size_t i = 0; i < n->kids.n; i++) {
		str_addf(path, "%s%s", len ? "/" : "", n->kids.v[i]->name);
		add_all(w, n->kids.v[i], path, out);
		str_cut(path, len);
	}
}

void fswatch_all(const struct fswatch *w, struct fsw_changes *out)
{
	auto_str struct str path = {0};

	if (w->top)
		add_all(w, w->top, &path, out);
}

/* ---- the kernel's word ----------------------------------------------------------------------- */

static void take(struct fswatch *w, const struct inotify_event *i)
{
	const char *name = i->len ? i->name : "";
	bool wrote = i->mask & (IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO), found;
	struct node *n;
	char key[16];

	if (i->mask & IN_Q_OVERFLOW) {
		w->all_dirty = true;
		return;
	}
	if (i->wd == w->parent_wd && !strcmp(name, w->base)) {
		w->top_dirty = true;
		if (w->top && wrote)
			w->top->touched = true;
	}
	wd_key(i->wd, key);
	n = map_get(&w->dirs, key);
	if (!n)
		return;
	n->dirty = true;
	if (i->mask & IN_IGNORED)
		n->wd = -1;
	if (wrote && *name) {
		size_t at = place(n, name, &found);

		if (found && !S_ISDIR(n->kids.v[at]->st.st_mode))
			n->kids.v[at]->touched = true;
	}
}

bool fswatch_read(struct fswatch *w)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;
	ssize_t n;

	while ((n = read(w->fd, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *i = (const struct inotify_event *)(const void *)p;

			p += sizeof(*i) + i->len;
			take(w, i);
			any = true;
		}
	return any;
}

int fswatch_fd(const struct fswatch *w)
{
	return w->fd;
}

static int start(struct fswatch *w, struct err *e)
{
	auto_fsw_changes struct fsw_changes first = {0};

	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0) {
		err_set(e, ERR_SYS, errno, "watch files");
		return errno == EMFILE ? err_hint(e, "raise it: `sysctl fs.inotify.max_user_instances=512`") : -1;
	}
	w->parent_wd = inotify_add_watch(w->fd, w->parent, EVENTS | IN_ONLYDIR);
	w->top_dirty = true;
	if (w->parent_wd < 0 && errno != EACCES)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "watch %s", w->parent);
	return fswatch_changes(w, &first, e);
}

int fswatch_new(struct fswatch **ret, const char *path, fsw_filter *filter, void *arg, struct err *e)
{
	struct fswatch *w = xcalloc(1, sizeof(*w));
	const char *slash = strrchr(path, '/');

	*w = (struct fswatch){ .path = path, .fd = -1, .parent_wd = -1, .filter = filter, .arg = arg };
	w->parent = !slash ? xstrdup(".") : slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
	w->base = xstrdup(slash ? slash + 1 : path);
	if (start(w, e) < 0) {
		fswatch_free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

void fswatch_free(struct fswatch *w)
{
	if (!w)
		return;
	node_free(w, w->top);
	map_done(&w->dirs);
	mem_closep(&w->fd);
	free(w->parent);
	free(w->base);
	free(w);
}
