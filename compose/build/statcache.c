/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/statcache.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include "compose/base/fs.h"
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/sys.h"

enum { FILES_MAX = 1 << 20, SETTLE_NS = 20 * 1000 * 1000, READ_SIZE = 128 << 10 };
#define MAGIC "compose stat 1\n"

/* Also the form on disk: the cache is of this machine only. */
struct entry { uint64_t dev, ino; int64_t size, mtime_ns, ctime_ns; char hex[64]; };

struct statcache {
	int             dir;
	char           *name;
	pthread_mutex_t mutex;
	struct entry   *e;        /* open addressing, power of two; ino 0 = free */
	size_t          n, slots;
	bool            dirty;
};

static size_t slot_of(const struct statcache *c, uint64_t dev, uint64_t ino)
{
	size_t i = (size_t)((ino ^ (dev << 7)) * 0x9e3779b97f4a7c15ULL >> 20) & (c->slots - 1);

	while (c->e[i].ino && (c->e[i].ino != ino || c->e[i].dev != dev))
		i = (i + 1) & (c->slots - 1);
	return i;
}

static void grow(struct statcache *c, size_t want)
{
	struct entry *old = c->e;
	size_t n = c->slots;

	if (want * 2 <= c->slots)
		return;
	if (!c->slots)
		c->slots = 256;
	while (c->slots < want * 2)
		c->slots *= 2;
	c->e = xcalloc(c->slots, sizeof(*c->e));
	for (size_t i = 0; i < n; i++)
		if (old[i].ino)
			c->e[slot_of(c, old[i].dev, old[i].ino)] = old[i];
	free(old);
}

static void put(struct statcache *c, const struct entry *e)
{
	size_t i;

	grow(c, c->n + 1);
	i = slot_of(c, e->dev, e->ino);
	c->n += !c->e[i].ino;
	c->e[i] = *e;
}

static void load(struct statcache *c)
{
	auto_err struct err e = {0};
	auto_free char *buf = NULL;
	const size_t head = sizeof(MAGIC) - 1;
	size_t len;

	if (fs_read(c->dir, c->name, head + (size_t)FILES_MAX * sizeof(struct entry), &buf, &len, &e) < 0)
		return;
	if (len < head || memcmp(buf, MAGIC, head) != 0 || (len - head) % sizeof(struct entry))
		return;
	grow(c, (len - head) / sizeof(struct entry) + 1);
	for (size_t at = head; at < len; at += sizeof(struct entry)) {
		struct entry one;

		memcpy(&one, buf + at, sizeof(one));
		if (one.ino)
			put(c, &one);
	}
}

struct statcache *statcache_open(int dir, const char *name)
{
	struct statcache *c = xcalloc(1, sizeof(*c));

	c->dir = dir;
	c->name = xstrdup(name);
	(void)pthread_mutex_init(&c->mutex, NULL);
	load(c);
	grow(c, c->n + 1);
	return c;
}

static int64_t ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct entry entry_of(const struct stat *st)
{
	return (struct entry){ .dev = st->st_dev, .ino = st->st_ino, .size = st->st_size, .mtime_ns = ns(st->st_mtim),
		.ctime_ns = ns(st->st_ctim) };
}

static bool same(const struct entry *a, const struct entry *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

bool statcache_get(struct statcache *c, const struct stat *st, char ret[SHA256_HEX_SIZE])
{
	struct entry want = entry_of(st), *have;
	bool hit;

	(void)pthread_mutex_lock(&c->mutex);
	have = &c->e[slot_of(c, want.dev, want.ino)];
	hit = have->ino && same(have, &want);
	if (hit)
		memcpy(ret, have->hex, sizeof(have->hex));
	(void)pthread_mutex_unlock(&c->mutex);
	ret[64] = '\0';
	return hit;
}

static int hash_fd(int fd, const char *name, char ret[SHA256_HEX_SIZE], struct err *e)
{
	auto_free char *buf = xmalloc(READ_SIZE);
	struct sha256 h;
	off_t at = 0;

	sha256_init(&h);
	for (;;) {
		ssize_t n = pread(fd, buf, READ_SIZE, at);

		if (intr_check(e) < 0)
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_SYS, errno, "read %s", name);
		if (!n)
			break;
		sha256_add(&h, buf, (size_t)n);
		at += n;
		if (n < READ_SIZE && at >= INT64_MAX - READ_SIZE)
			return err_set(e, ERR_SYS, EFBIG, "read %s", name);
	}
	sha256_end(&h, ret);
	return 0;
}

int statcache_digest(struct statcache *c, int fd, const char *name, char ret[SHA256_HEX_SIZE], struct err *e)
{
	int64_t now = sys_now_ns();
	struct entry before, after;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_SYS, errno, "read %s", name);
	before = entry_of(&st);
	if (hash_fd(fd, name, ret, e) < 0)
		return -1;
	if (!c)
		return 0;
	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_SYS, errno, "read %s", name);
	after = entry_of(&st);
	(void)pthread_mutex_lock(&c->mutex);
	if (same(&before, &after) && before.ctime_ns < now - SETTLE_NS && c->n < FILES_MAX) {
		memcpy(before.hex, ret, sizeof(before.hex));
		put(c, &before);
		c->dirty = true;
	}
	(void)pthread_mutex_unlock(&c->mutex);
	return 0;
}

int statcache_save(struct statcache *c, struct err *e)
{
	const size_t head = sizeof(MAGIC) - 1;
	auto_free char *buf = NULL;
	size_t at = head;

	if (!c->dirty)
		return 0;
	buf = xmalloc(head + c->n * sizeof(struct entry));
	memcpy(buf, MAGIC, head);
	for (size_t i = 0; i < c->slots; i++) {
		if (!c->e[i].ino)
			continue;
		memcpy(buf + at, &c->e[i], sizeof(struct entry));
		at += sizeof(struct entry);
	}
	c->dirty = false;
	return fs_write(c->dir, c->name, buf, at, 0600, false, e);
}

void statcache_free(struct statcache *c)
{
	if (!c)
		return;
	(void)pthread_mutex_destroy(&c->mutex);
	free(c->name);
	free(c->e);
	free(c);
}
