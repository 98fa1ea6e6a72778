/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/gzip_out.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include "compose/base/dl.h"
#include "compose/base/fs.h"
#include "compose/base/mem.h"

static struct {
	struct archive *(*write_new)(void);
	int (*write_free)(struct archive *), (*write_close)(struct archive *);
	int (*format_raw)(struct archive *), (*filter_gzip)(struct archive *);
	int (*option)(struct archive *, const char *, const char *, const char *);
	int (*per_block)(struct archive *, int), (*last_block)(struct archive *, int);
	int (*open)(struct archive *, void *, archive_open_callback *, archive_write_callback *, archive_close_callback *);
	int (*header)(struct archive *, struct archive_entry *);
	la_ssize_t (*data)(struct archive *, const void *, size_t);
	const char *(*error)(struct archive *);
	struct archive_entry *(*entry_new)(void);
	void (*entry_free)(struct archive_entry *);
	void (*filetype)(struct archive_entry *, unsigned);
	void (*pathname)(struct archive_entry *, const char *);
} la;
static struct err load_error;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	const struct dl_sym syms[] = {
		{ "archive_write_new", &la.write_new }, { "archive_write_free", &la.write_free },
		{ "archive_write_close", &la.write_close }, { "archive_write_set_format_raw", &la.format_raw },
		{ "archive_write_add_filter_gzip", &la.filter_gzip },
		{ "archive_write_set_filter_option", &la.option },
		{ "archive_write_set_bytes_per_block", &la.per_block },
		{ "archive_write_set_bytes_in_last_block", &la.last_block },
		{ "archive_write_open", &la.open }, { "archive_write_header", &la.header },
		{ "archive_write_data", &la.data }, { "archive_error_string", &la.error },
		{ "archive_entry_new", &la.entry_new }, { "archive_entry_free", &la.entry_free },
		{ "archive_entry_set_filetype", &la.filetype }, { "archive_entry_copy_pathname", &la.pathname },
		{ NULL, NULL },
	};

	loaded = dl_load("libarchive.so.13", "libarchive13", syms, &load_error) == 0;
}

struct gzip_out { struct archive *a; int fd, sysno; struct sha256 sum; uint64_t len; };

static la_ssize_t on_write(struct archive *a, void *arg, const void *buf, size_t len)
{
	struct gzip_out *g = arg;

	(void)a;
	if (fs_write_all(g->fd, buf, len) < 0) {
		g->sysno = errno;
		return -1;
	}
	sha256_add(&g->sum, buf, len);
	g->len += len;
	return (la_ssize_t)len;
}

static int fail(const struct gzip_out *g, struct err *e)
{
	if (g->sysno)
		return err_set(e, ERR_SYS, g->sysno, "write a compressed layer");
	return err_set(e, ERR_SYS, 0, "compress a layer: %s", la.error(g->a) ? la.error(g->a) : "libarchive does not say why");
}

/* Anything but ARCHIVE_OK of the filter would mean a program found by PATH. */
static bool begin(struct gzip_out *g)
{
	struct archive_entry *en;
	bool fine = la.format_raw(g->a) == ARCHIVE_OK && la.filter_gzip(g->a) == ARCHIVE_OK &&
		    la.option(g->a, "gzip", "timestamp", NULL) == ARCHIVE_OK && la.per_block(g->a, 64 << 10) == ARCHIVE_OK &&
		    la.last_block(g->a, 1) == ARCHIVE_OK && la.open(g->a, g, NULL, on_write, NULL) == ARCHIVE_OK;

	if (!fine)
		return false;
	en = la.entry_new();
	la.filetype(en, S_IFREG);
	la.pathname(en, "layer");
	fine = la.header(g->a, en) == ARCHIVE_OK;
	la.entry_free(en);
	return fine;
}

int gzip_out_new(struct gzip_out **ret, int fd, struct err *e)
{
	struct gzip_out *g;

	(void)pthread_once(&once, load);
	if (!loaded) {
		err_set(e, ERR_MISSING, 0, "%s", load_error.frame[0]);
		return load_error.hint ? err_hint(e, "%s", load_error.hint) : -1;
	}
	g = xcalloc(1, sizeof(*g));
	g->a = la.write_new();
	g->fd = fd;
	sha256_init(&g->sum);
	if (!begin(g)) {
		(void)fail(g, e);
		gzip_out_free(g);
		return -1;
	}
	*ret = g;
	return 0;
}

int gzip_out_write(struct gzip_out *g, const void *buf, size_t len, struct err *e)
{
	return la.data(g->a, buf, len) == (la_ssize_t)len ? 0 : fail(g, e);
}

int gzip_out_end(struct gzip_out *g, char ret_hex[SHA256_HEX_SIZE], uint64_t *ret_len, struct err *e)
{
	if (la.write_close(g->a) != ARCHIVE_OK)
		return fail(g, e);
	sha256_end(&g->sum, ret_hex);
	*ret_len = g->len;
	return 0;
}

void gzip_out_free(struct gzip_out *g)
{
	if (!g)
		return;
	(void)la.write_free(g->a);
	free(g);
}
