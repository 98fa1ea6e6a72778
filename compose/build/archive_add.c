/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/archive_add.h"
#include <errno.h>
#include <string.h>
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/archive.h"
#include "compose/image/layer.h"

enum { BLOCK = 512, PIECE = 128 << 10 };

/* A reader of decompressed bytes; the first piece is looked at, then handed out again. */
struct unpack {
	const struct libarchive *la;
	struct archive *a;
	int         fd;
	off_t       at;
	char       *name;
	const void *first;
	size_t      first_len;
	struct err  failed;           /* why the source failed, told after the unpacking */
	char        buf[PIECE];
};

static la_ssize_t feed(struct archive *a, void *arg, const void **buf)
{
	struct unpack *u = arg;
	ssize_t n;

	(void)a;
	if (intr_check(&u->failed) < 0)
		return -1;
	do
		n = pread(u->fd, u->buf, sizeof(u->buf), u->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(&u->failed, ERR_SYS, errno, "read %s", u->name);
	u->at += n;
	*buf = u->buf;
	return n;
}

static long next_piece(void *arg, const void **buf)
{
	struct unpack *u = arg;
	la_int64_t offset;
	size_t n = 0;
	int r;

	if (u->first) {
		*buf = u->first;
		u->first = NULL;
		return (long)u->first_len;
	}
	do
		r = u->la->data_block(u->a, buf, &n, &offset);
	while (r == ARCHIVE_OK && !n);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		return (long)n;
	if (!u->failed.n)
		err_set(&u->failed, ERR_SYS, 0, "decompress %s: %s", u->name, u->la->error_string(u->a));
	return -1;
}

/* ret: whether a block is a tar header: its checksum fits */
static bool tar_header(const unsigned char *b, size_t n)
{
	unsigned sum = 0, want = 0;

	if (n < BLOCK)
		return false;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : b[i];
	for (size_t i = 148; i < 156; i++)
		if (b[i] >= '0' && b[i] <= '7')
			want = want * 8 + (unsigned)(b[i] - '0');
		else if (b[i] != ' ' && b[i])
			return false;
	return b[0] && sum == want;
}

static bool compressed(const unsigned char *b, size_t n)
{
	static const struct { const char *magic; size_t n; } known[] = {
		{ "\x1f\x8b", 2 }, { "BZh", 3 }, { "\xfd" "7zXZ", 6 }, { "\x28\xb5\x2f\xfd", 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (n >= known[i].n && !memcmp(b, known[i].magic, known[i].n))
			return true;
	return false;
}

static int start(struct unpack *u, struct err *e)
{
	struct archive_entry *entry;
	const struct libarchive *la = libarchive_load(e);

	if (!la)
		return -1;
	u->la = la;
	u->a = la->read_new();
	if (!u->a || la->filter_gzip(u->a) < ARCHIVE_WARN || la->filter_bzip2(u->a) < ARCHIVE_WARN ||
	    la->filter_xz(u->a) < ARCHIVE_WARN || la->filter_zstd(u->a) < ARCHIVE_WARN ||
	    la->filter_none(u->a) < ARCHIVE_WARN || la->format_raw(u->a) < ARCHIVE_WARN)
		return err_set(e, ERR_SYS, 0, "libarchive cannot read compressed archives");
	if (la->read_open(u->a, u, NULL, feed, NULL) != ARCHIVE_OK || la->next_header(u->a, &entry) != ARCHIVE_OK)
		return u->failed.n ? (err_move(e, &u->failed), -1) : 0;
	return 1;
}

int unpack_open(struct unpack **ret, int fd, const char *name, struct err *e)
{
	unsigned char head[BLOCK];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	struct unpack *u;
	long len;
	int r;

	if (n < 0)
		return err_set(e, ERR_SYS, errno, "read %s", name);
	if (!tar_header(head, (size_t)n) && !compressed(head, (size_t)n))
		return 0;
	u = xcalloc(1, sizeof(*u));
	u->fd = fd;
	u->name = xstrdup(name);
	r = start(u, e);
	if (r == 1) {
		const void *piece;

		len = next_piece(u, &piece);
		r = len > 0 && tar_header(piece, (size_t)len);
		u->first = piece;
		u->first_len = len > 0 ? (size_t)len : 0;
	}
	if (r == 1)
		*ret = u;
	else
		unpack_free(u);
	return r;
}

int unpack_into(struct unpack *u, int dst, struct err *e)
{
	const struct layer_opts o = { .whiteouts = false };
	struct layer_stats stats;

	if (layer_untar(dst, next_piece, u, &o, &stats, e) < 0) {
		if (u->failed.n)
			err_move(e, &u->failed);
		return err_wrap(e, "unpack %s", u->name);
	}
	return 0;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	if (u->a)
		(void)u->la->read_free(u->a);
	err_done(&u->failed);
	free(u->name);
	free(u);
}
