/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/ingest.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"
#include "compose/image/archive.h"
#include "compose/image/flow.h"
#include "compose/image/layer.h"

enum { WORKERS = 3 };
/* A bomb: more than this from one byte, once it is large. Deflate itself ends at 1032, real layers stay below 100. */
#define RATIO_MAX 300
#define RATIO_FROM (1ULL << 30)

struct ingest {
	struct store *s;
	struct ingest_opts o;
	char  *digest, *diff_id, *blob_type;     /* copies of o's texts */
	int    part;                 /* partial blob, locked; -1: none is kept */
	char  *part_name, *tmp_name;
	int    tmp;
	uint64_t in, out;            /* bytes so far: compressed (feeding thread), uncompressed */
	struct sha256 blob_hash;
	char   blob_hex[SHA256_HEX_SIZE], diff_hex[SHA256_HEX_SIZE];
	struct flow packed, tar, tar_hash;
	struct flow_out feed;
	pthread_t thread[WORKERS];
	unsigned n_threads;
	struct layer_stats stats;
	struct err feed_err, unpack_err, untar_err;
};

/* -- the threads -- */

static long read_flow(void *arg, const void **buf)
{
	return flow_read(arg, buf);
}

static la_ssize_t read_packed(struct archive *a, void *arg, const void **buf)
{
	(void)a;
	return flow_read(arg, buf);
}

static int open_filters(const struct libarchive *la, struct archive *a, struct flow_in *in, struct err *e)
{
	const char *why;

	if (archive_filters(la, a, e) < 0)
		return -1;
	if (la->format_raw(a) == ARCHIVE_OK && la->format_empty(a) == ARCHIVE_OK &&
	    la->read_open(a, in, NULL, read_packed, NULL) == ARCHIVE_OK)
		return 0;
	why = la->error_string(a);
	return err_set(e, ERR_SYS, 0, "decompress: %s", why ? why : "cannot begin");
}

static int decompress_all(struct ingest *g, const struct libarchive *la, struct archive *a, struct flow_out *out,
			  struct err *e)
{
	struct archive_entry *ae;
	const char *why;
	const void *buf;
	size_t len;
	int64_t at;
	int rc = la->next_header(a, &ae);

	if (rc == ARCHIVE_EOF)
		return 0;
	while (rc == ARCHIVE_OK && (rc = la->data_block(a, &buf, &len, &at)) == ARCHIVE_OK) {
		g->out += len;
		if (g->out > RATIO_FROM && g->out / RATIO_MAX > __atomic_load_n(&g->in, __ATOMIC_RELAXED))
			return err_set(e, ERR_SYS, 0, "decompress: more than %d bytes from each byte", RATIO_MAX);
		if (flow_write(out, buf, len) < 0)
			return -1;                       /* the reader has said why */
	}
	if (rc == ARCHIVE_EOF)
		return 0;
	why = la->error_string(a);
	return err_set(e, ERR_SYS, 0, "decompress: %s", why ? why : "the data ends too early");
}

/* Read what nobody asked for, so that the writer comes to its end. ret: 0, or -1 when the writer failed */
static int drain(struct flow_in *in)
{
	const void *buf;
	long n;

	while ((n = flow_read(in, &buf)) > 0)
		;
	return (int)n;
}

static void *decompress_thread(void *arg)
{
	struct ingest *g = arg;
	struct flow_in in = { .from = &g->packed };
	struct flow_out out = { .to = { &g->tar, &g->tar_hash } };
	const struct libarchive *la = libarchive_load(&g->unpack_err);
	struct archive *a = la ? la->read_new() : NULL;
	int rc = -1;

	if (la && open_filters(la, a, &in, &g->unpack_err) == 0)
		rc = decompress_all(g, la, a, &out, &g->unpack_err);
	if (rc == 0)
		rc = drain(&in);
	if (a)
		(void)la->read_free(a);
	flow_in_done(&in);
	flow_close(&g->packed);
	flow_out_end(&out, rc == 0);
	return NULL;
}

static void *hash_thread(void *arg)
{
	struct ingest *g = arg;
	struct flow_in in = { .from = &g->tar_hash };
	struct sha256 h;
	const void *buf;
	long n;

	sha256_init(&h);
	while ((n = flow_read(&in, &buf)) > 0)
		sha256_add(&h, buf, (size_t)n);
	sha256_end(&h, g->diff_hex);
	return NULL;
}

static void *untar_thread(void *arg)
{
	struct ingest *g = arg;
	struct flow_in in = { .from = &g->tar };
	const struct layer_opts o = { .whiteouts = !g->o.import };

	if (layer_untar(g->tmp, read_flow, &in, &o, &g->stats, &g->untar_err) == 0)
		(void)drain(&in);
	flow_in_done(&in);
	flow_close(&g->tar);
	return NULL;
}

static int start_threads(struct ingest *g, struct err *e)
{
	void *(*const body[WORKERS])(void *) = { decompress_thread, hash_thread, untar_thread };
	sigset_t all, old;
	int rc = 0;

	(void)sigfillset(&all);                  /* signals are the main thread's */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; g->n_threads < WORKERS && !rc; g->n_threads += !rc)
		rc = pthread_create(&g->thread[g->n_threads], NULL, body[g->n_threads], g);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc ? err_set(e, ERR_SYS, rc, "start a thread") : 0;
}

/* End of the input, or (whole false) give up: every reader and writer comes to its end. */
static void join(struct ingest *g, bool whole)
{
	flow_out_end(&g->feed, whole);
	if (g->n_threads < WORKERS) {            /* a stage is missing: nobody would empty its queue */
		flow_close(&g->packed);
		flow_close(&g->tar);
		flow_close(&g->tar_hash);
		flow_end(&g->tar, false);
		flow_end(&g->tar_hash, false);
	}
	while (g->n_threads)
		(void)pthread_join(g->thread[--g->n_threads], NULL);
}

/* -- the partial blob -- */

/* Open and lock it. ret: 0, 1 when whoever held it has finished the layer, -1 */
static int lock_part(struct ingest *g, struct err *e)
{
	for (;;) {
		auto_close int fd = openat(g->s->part, g->part_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat a, b;

		if (fd < 0)
			return err_set(e, ERR_SYS, errno, "open %s/images/part/%s", g->s->root, g->part_name);
		while (flock(fd, LOCK_EX) < 0) {
			if (errno != EINTR)
				return err_set(e, ERR_SYS, errno, "lock a partial blob");
			if (intr_check(e) < 0)
				return -1;
		}
		if (g->diff_id && store_layer_exists(g->s, g->diff_id))
			return 1;
		/* renamed away while we waited: then it is no longer the partial blob */
		if (fstat(fd, &a) == 0 && fstatat(g->s->part, g->part_name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
		    a.st_ino == b.st_ino && a.st_dev == b.st_dev) {
			g->part = take_fd(fd);
			return 0;
		}
	}
}

static int feed_bytes(struct ingest *g, const void *buf, size_t len)
{
	sha256_add(&g->blob_hash, buf, len);
	__atomic_store_n(&g->in, g->in + len, __ATOMIC_RELAXED);
	return flow_write(&g->feed, buf, len);
}

/* Feed what an earlier attempt left. */
static int feed_part(struct ingest *g, struct err *e)
{
	auto_free char *buf = xmalloc(CHUNK_SIZE);
	ssize_t n;

	while ((n = read(g->part, buf, CHUNK_SIZE)) > 0) {
		if (g->o.size >= 0 && g->in + (uint64_t)n > (uint64_t)g->o.size) {
			/* not ours: begin again from nothing is simplest, and only this process has the lock */
			return ftruncate(g->part, 0) < 0 ? err_set(e, ERR_SYS, errno, "empty a partial blob") : 1;
		}
		if (feed_bytes(g, buf, (size_t)n) < 0 || intr_check(e) < 0)
			return -1;
	}
	return n < 0 ? err_set(e, ERR_SYS, errno, "read a partial blob") : 0;
}

/* -- life -- */

static void ingest_free(struct ingest *g)
{
	if (g->tmp_name)
		(void)fs_rm_rf(g->s->layers, g->tmp_name);
	mem_closep(&g->tmp);
	mem_closep(&g->part);
	flow_done(&g->packed);
	flow_done(&g->tar);
	flow_done(&g->tar_hash);
	err_done(&g->feed_err);
	err_done(&g->unpack_err);
	err_done(&g->untar_err);
	free(g->part_name);
	free(g->tmp_name);
	free(g->digest);
	free(g->diff_id);
	free(g->blob_type);
	free(g);
}

static struct ingest *ingest_new(struct store *s, const struct ingest_opts *o)
{
	static unsigned serial;
	struct ingest *g = xcalloc(1, sizeof(*g));

	g->s = s;
	g->o = *o;
	g->digest = xstrdup(o->digest);
	g->diff_id = xstrdup(o->diff_id);
	g->blob_type = xstrdup(o->blob_type);
	g->part = g->tmp = -1;
	g->feed.to[0] = &g->packed;
	flow_init(&g->packed);
	flow_init(&g->tar);
	flow_init(&g->tar_hash);
	sha256_init(&g->blob_hash);
	if (o->blob_type && !o->is_blob)
		g->part_name = o->digest ? xstrdup(o->digest + strlen("sha256:")) :
			xasprintf("import.%d.%u", (int)getpid(), __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
	return g;
}

static int begin(struct ingest *g, struct err *e)
{
	int rc;

	if (g->part_name && (rc = lock_part(g, e)) != 0)
		return rc;
	g->tmp = store_tmp_dir(g->s, &g->tmp_name, e);
	if (g->tmp < 0 || start_threads(g, e) < 0)
		return -1;
	return g->part >= 0 ? feed_part(g, e) : 0;
}

int ingest_begin(struct ingest **ret, struct store *s, const struct ingest_opts *o, struct err *e)
{
	for (int tries = 0; tries < 2; tries++) {
		struct ingest *g;
		int rc;

		if (o->diff_id && store_layer_exists(s, o->diff_id))
			return 1;
		g = ingest_new(s, o);
		rc = begin(g, e);
		if (rc == 0) {
			*ret = g;
			return 0;
		}
		if (rc < 0 && e->kind == ERR_NONE) { /* what was left is no layer: ingest_end() tells and removes it */
			*ret = g;
			return 0;
		}
		ingest_abort(g);
		if (rc < 0)
			return -1;
	}
	return o->diff_id && store_layer_exists(s, o->diff_id) ? 1 :
	       err_set(e, ERR_SYS, 0, "the partial blob is larger than the layer");
}

uint64_t ingest_offset(const struct ingest *g)
{
	return g->in;
}

int ingest_feed(struct ingest *g, const void *buf, size_t len)
{
	if (g->o.size >= 0 && g->in + len > (uint64_t)g->o.size)
		return err_set(&g->feed_err, ERR_SYS, 0, "more than the %lld bytes announced", (long long)g->o.size);
	if (g->part >= 0 && fs_write_all(g->part, buf, len) < 0)
		return err_set(&g->feed_err, ERR_SYS, errno, "write %s/images/part/%s", g->s->root, g->part_name);
	return feed_bytes(g, buf, len);
}

int ingest_file(struct ingest *g, int fd, const char *name, struct err *e)
{
	auto_free char *buf = xmalloc(CHUNK_SIZE);

	for (;;) {
		ssize_t n = read(fd, buf, CHUNK_SIZE);

		if (intr_check(e) < 0)
			return -1;
		if (n < 0 && errno != EINTR)
			return err_set(e, ERR_SYS, errno, "read %s", name);
		if (n == 0 || (n > 0 && ingest_feed(g, buf, (size_t)n) < 0))
			return 0;
	}
}

void ingest_abort(struct ingest *g)
{
	join(g, false);
	if (g->part >= 0 && !g->digest)
		(void)unlinkat(g->s->part, g->part_name, 0);
	ingest_free(g);
}

/* The innermost stage knows best: a broken archive also makes the stages before it fail. */
static int check(struct ingest *g, struct err *e)
{
	if (g->feed_err.n) {
		err_move(e, &g->feed_err);
		return -1;
	}
	/* bytes that are not what was announced explain whatever the later stages say */
	if (g->digest && strcmp(g->digest + strlen("sha256:"), g->blob_hex) != 0 &&
	    (g->o.size < 0 || g->in == (uint64_t)g->o.size)) {
		err_set(e, ERR_SYS, 0, "the digest is sha256:%s, not %s", g->blob_hex, g->digest);
		return err_hint(e, "try again; if it stays, the registry or what is between is at fault");
	}
	if (g->untar_err.n || g->unpack_err.n) {
		/* a failed decompression looks like a short archive to the one behind it */
		err_move(e, g->unpack_err.n ? &g->unpack_err : &g->untar_err);
		return -1;
	}
	if (g->o.size >= 0 && g->in != (uint64_t)g->o.size)
		return err_set(e, ERR_SYS, 0, "%llu bytes instead of the %lld announced", (unsigned long long)g->in,
			       (long long)g->o.size);
	if (g->diff_id && strcmp(g->diff_id, g->diff_hex) != 0)
		return err_set(e, ERR_SYS, 0, "the diff id is sha256:%s, not sha256:%s", g->diff_hex, g->diff_id);
	return 0;
}

/* Blob first: the layer's record names it. */
static int publish(struct ingest *g, struct err *e)
{
	auto_free char *digest = xasprintf("sha256:%s", g->blob_hex);
	struct layer_info info = { .size_bytes = g->stats.bytes };

	if (g->part >= 0 && renameat(g->s->part, g->part_name, g->s->blobs, g->blob_hex) < 0)
		return err_set(e, ERR_SYS, errno, "put blob %.12s in its place", g->blob_hex);
	if (g->blob_type) {
		info.blob = digest;
		info.blob_type = g->blob_type;
		info.blob_size = (int64_t)g->in;
	}
	if (layer_publish(g->s, g->s->layers, g->tmp_name, g->diff_hex, &info, e) < 0)
		return -1;
	free(take_ptr(g->tmp_name));
	return 0;
}

int ingest_end(struct ingest *g, struct ingest_result *ret, struct err *e)
{
	int rc;

	join(g, !g->feed_err.n);
	sha256_end(&g->blob_hash, g->blob_hex);
	rc = check(g, e);
	if (rc == 0)
		rc = publish(g, e);
	else if (g->part >= 0)
		(void)unlinkat(g->s->part, g->part_name, 0);     /* wrong bytes are of no use to a later attempt */
	if (rc == 0 && ret) {
		memcpy(ret->diff_id, g->diff_hex, sizeof(ret->diff_id));
		ret->blob_size = g->in;
	}
	ingest_free(g);
	return rc;
}
