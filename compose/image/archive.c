/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/archive.h"
#include <locale.h>
#include <pthread.h>
#include "compose/base/dl.h"

static struct libarchive la;
static struct err load_error;
static int loaded;
static locale_t utf8;        /* for the life of the process */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	const struct dl_sym syms[] = {
		{ "archive_read_new", &la.read_new }, { "archive_read_free", &la.read_free },
		{ "archive_read_support_filter_gzip", &la.filter_gzip },
		{ "archive_read_support_filter_bzip2", &la.filter_bzip2 },
		{ "archive_read_support_filter_xz", &la.filter_xz },
		{ "archive_read_support_filter_zstd", &la.filter_zstd },
		{ "archive_read_support_filter_none", &la.filter_none },
		{ "archive_read_support_format_raw", &la.format_raw },
		{ "archive_read_support_format_empty", &la.format_empty },
		{ "archive_read_support_format_tar", &la.format_tar },
		{ "archive_read_open", &la.read_open }, { "archive_read_next_header", &la.next_header },
		{ "archive_read_data_block", &la.data_block }, { "archive_error_string", &la.error_string },
		{ "archive_entry_pathname", &la.pathname }, { "archive_entry_hardlink", &la.hardlink },
		{ "archive_entry_symlink", &la.symlink }, { "archive_entry_filetype", &la.filetype },
		{ "archive_entry_perm", &la.perm }, { "archive_entry_uid", &la.uid }, { "archive_entry_gid", &la.gid },
		{ "archive_entry_size", &la.size }, { "archive_entry_mtime", &la.mtime },
		{ "archive_entry_mtime_nsec", &la.mtime_nsec }, { "archive_entry_rdevmajor", &la.rdevmajor },
		{ "archive_entry_rdevminor", &la.rdevminor }, { "archive_entry_xattr_reset", &la.xattr_reset },
		{ "archive_entry_xattr_next", &la.xattr_next }, { NULL, NULL },
	};

	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	loaded = dl_load("libarchive.so.13", "libarchive13", syms, &load_error) == 0;
}

const struct libarchive *libarchive_load(struct err *e)
{
	(void)pthread_once(&once, load);
	if (loaded)
		return &la;
	err_set(e, ERR_MISSING, 0, "%s", load_error.frame[0]);
	if (load_error.hint)
		err_hint(e, "%s", load_error.hint);
	return NULL;
}

int archive_filters(const struct libarchive *l, struct archive *a, struct err *e)
{
	/* ARCHIVE_WARN: built without, would run a program found by PATH */
	if (a && l->filter_none(a) == ARCHIVE_OK && l->filter_gzip(a) == ARCHIVE_OK &&
	    l->filter_bzip2(a) == ARCHIVE_OK && l->filter_xz(a) == ARCHIVE_OK && l->filter_zstd(a) == ARCHIVE_OK)
		return 0;
	return err_set(e, ERR_SYS, 0, "libarchive lacks gzip, bzip2, xz or zstd");
}

void *archive_names_begin(void)
{
	return utf8 ? uselocale(utf8) : NULL;
}

void archive_names_end(void *old)
{
	if (old)
		(void)uselocale(old);
}
