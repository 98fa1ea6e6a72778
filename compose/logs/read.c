/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/logs/read.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/coll.h"
#include "compose/base/mem.h"
#include "compose/logs/source.h"

struct log_reader {
	struct log_want want;
	int inotify;
	VEC(struct log_source *) sources;
	struct log_source *current;         /* its record is being given out */
};

int log_reader_new(struct log_reader **ret, const struct log_want *w, struct err *e)
{
	struct log_reader *r;
	int fd = -1;

	if (w->follow) {
		fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (fd < 0)
			return err_set(e, ERR_SYS, errno, "watch for new output");
	}
	r = xcalloc(1, sizeof(*r));
	r->want = *w;
	r->inotify = fd;
	*ret = r;
	return 0;
}

static void drop(struct log_reader *r, size_t i)
{
	struct log_source *s = r->sources.v[i];

	if (r->inotify >= 0 && s->wd >= 0)
		(void)inotify_rm_watch(r->inotify, s->wd);
	log_source_done(s);
	free(s);
	vec_remove(&r->sources, i);
}

void log_reader_free(struct log_reader *r)
{
	if (!r)
		return;
	while (r->sources.n)
		drop(r, r->sources.n - 1);
	vec_done(&r->sources);
	mem_closep(&r->inotify);
	free(r);
}

/* The watch is set before the first look, so nothing falls in between. */
static int watch(struct log_reader *r, int dir, int *ret_wd, struct err *e)
{
	char path[40];

	*ret_wd = -1;
	if (r->inotify < 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	*ret_wd = inotify_add_watch(r->inotify, path, IN_MODIFY | IN_CREATE | IN_DELETE_SELF | IN_ONLYDIR);
	if (*ret_wd < 0) {
		err_set(e, ERR_SYS, errno, "watch for new output");
		if (errno == ENOSPC)
			err_hint(e, "raise fs.inotify.max_user_watches");
		return -1;
	}
	return 0;
}

int log_reader_add(struct log_reader *r, int dir, void *tag, struct err *e)
{
	auto_close int log = -1;
	struct log_source *s;
	int wd;

	if (r->want.follow && mkdirat(dir, "log", 0700) < 0 && errno != EEXIST && errno != ENOENT)
		return err_set(e, ERR_SYS, errno, "make the log directory");
	log = openat(dir, "log", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (log < 0)
		return errno == ENOENT ? 1 : err_set(e, ERR_SYS, errno, "open the log directory");
	if (watch(r, log, &wd, e) < 0)
		return -1;
	s = xmalloc(sizeof(*s));
	log_source_init(s, take_fd(log), tag, &r->want);
	s->wd = wd;
	vec_push(&r->sources, s);
	return 0;
}

static struct log_source *find(struct log_reader *r, const void *tag)
{
	for (size_t i = 0; i < r->sources.n; i++)
		if (r->sources.v[i]->tag == tag)
			return r->sources.v[i];
	return NULL;
}

void log_reader_tail_done(struct log_reader *r)
{
	r->want.tail = -1;
}

void log_reader_end(struct log_reader *r, void *tag)
{
	struct log_source *s = find(r, tag);

	if (s)
		s->ending = true;
}

void log_reader_flush(struct log_reader *r, void *tag)
{
	struct log_source *s = find(r, tag);

	if (s)
		s->flush = s->dirty = true;     /* what has come and was not looked at yet goes first */
}

int log_reader_fd(const struct log_reader *r)
{
	return r->inotify;
}

static void mark_dirty(struct log_reader *r, int wd, bool all)
{
	for (size_t i = 0; i < r->sources.n; i++)
		if (all || r->sources.v[i]->wd == wd)
			r->sources.v[i]->dirty = true;
}

static void drain_inotify(struct log_reader *r)
{
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n;

	while (r->inotify >= 0 && (n = read(r->inotify, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *ev = (const void *)p;

			mark_dirty(r, ev->wd, ev->mask & IN_Q_OVERFLOW);
			p += sizeof(*ev) + ev->len;
		}
}

/* The source whose record is oldest; equal times in the order of adding. NULL: none has one now. */
static struct log_source *oldest(struct log_reader *r)
{
	struct log_source *best = NULL;

	for (size_t i = 0; i < r->sources.n; i++) {
		struct log_source *s = r->sources.v[i];

		if (log_source_peek(s) && (!best || s->head.time_ns < best->head.time_ns))
			best = s;
	}
	return best;
}

/* Half lines whose time has come; sources that are finished go. ret: true with *ret */
static bool rest(struct log_reader *r, struct log_line *ret)
{
	for (size_t i = 0; i < r->sources.n;) {
		struct log_source *s = r->sources.v[i];

		/* drop() takes it off the list */
		if (log_source_rest(s, ret)) /* NOLINT(clang-analyzer-unix.Malloc) */
			return true;
		if (s->done)
			drop(r, i);
		else
			i++;
	}
	return false;
}

int log_reader_next(struct log_reader *r, struct log_line *ret, struct err *e)
{
	bool looked = false;

	(void)e;
	for (;;) {
		struct log_source *next;

		/* one that has a record is not done: rest() has not dropped it */
		if (r->current && log_source_line(r->current, ret)) /* NOLINT(clang-analyzer-unix.Malloc) */
			return 1;
		r->current = NULL;
		next = oldest(r);
		if (rest(r, ret))       /* a source that ended was the oldest until now: its last line is due */
			return 1;
		r->current = next;
		if (next)
			continue;
		if (looked || r->inotify < 0)
			return 0;
		drain_inotify(r);
		looked = true;
	}
}
