/* SPDX-License-Identifier: Apache-2.0 */
/* image_tar.h - make tar archives byte by byte, hostile ones too; compress them; make scratch stores. For unit tests.
 */
#pragma once
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/dl.h"
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"

struct tar_entry {
	char type; /* '0' file, '1' hard link, '2' symlink, '3' char, '4' block, '5' directory, '6' FIFO */
	const char *name, *link, *data;
	unsigned mode;               /* 0: 0644, or 0755 of a directory */
	unsigned long uid, gid;
	unsigned major, minor;
	const char *xattr, *xattr_val;       /* one, in a pax header */
	const char *pax_path;        /* name in a pax header instead */
	long mtime;
	size_t size;                 /* of data when it has NUL bytes; 0: strlen */
};

static inline void tar_octal(char *to, size_t n, unsigned long v)
{
	to[--n] = '\0';
	for (; n--; v >>= 3)
		to[n] = (char)('0' + (v & 7));
}

static inline void tar_header(struct str *out, const struct tar_entry *t, size_t size)
{
	char h[512] = {0};
	unsigned sum = 0;

	(void)snprintf(h, 100, "%s", t->name);
	tar_octal(h + 100, 8, t->mode ? t->mode : t->type == '5' ? 0755 : 0644);
	tar_octal(h + 108, 8, t->uid & 07777777);
	tar_octal(h + 116, 8, t->gid & 07777777);
	tar_octal(h + 124, 12, size);
	tar_octal(h + 136, 12, (unsigned long)t->mtime);
	h[156] = t->type;
	if (t->link)
		(void)snprintf(h + 157, 100, "%s", t->link);
	memcpy(h + 257, "ustar\00000", 8);
	tar_octal(h + 329, 8, t->major);
	tar_octal(h + 337, 8, t->minor);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	(void)snprintf(h + 148, 8, "%06o", sum);
	str_addn(out, h, sizeof(h));
}

static inline void tar_body(struct str *out, const char *data, size_t n)
{
	static const char zero[512];

	str_addn(out, data, n);
	str_addn(out, zero, (512 - n % 512) % 512);
}

static inline void pax_record(struct str *out, const char *key, const char *val)
{
	size_t body = strlen(key) + strlen(val) + 3, n = body;

	while (1) {
		size_t len = body + (size_t)snprintf(NULL, 0, "%zu", n);

		if (len == n)
			break;
		n = len;
	}
	str_addf(out, "%zu %s=%s\n", n, key, val);
}

static inline void tar_add(struct str *out, struct tar_entry t)
{
	size_t n = t.size ? t.size : t.data ? strlen(t.data) : 0;
	struct str pax = {0};

	if (t.xattr) {
		auto_free char *key = xasprintf("SCHILY.xattr.%s", t.xattr);

		pax_record(&pax, key, t.xattr_val);
	}
	if (t.pax_path)
		pax_record(&pax, "path", t.pax_path);
	if (t.uid > 07777777) {
		char num[32];

		(void)snprintf(num, sizeof(num), "%lu", t.uid);
		pax_record(&pax, "uid", num);
	}
	if (pax.len) {
		tar_header(out, &(struct tar_entry){ .type = 'x', .name = "pax" }, pax.len);
		tar_body(out, pax.s, pax.len);
	}
	str_done(&pax);
	tar_header(out, &t, n);
	tar_body(out, t.data ? t.data : "", n);
}

static inline void tar_end(struct str *out)
{
	static const char zero[1024];

	str_addn(out, zero, sizeof(zero));
}

/* A source for layer_untar() and the like. */
struct tar_source { const char *p; size_t left, step; };

static inline long tar_read(void *arg, const void **buf)
{
	struct tar_source *s = arg;
	size_t n = s->left < s->step ? s->left : s->step;

	*buf = s->p;
	s->p += n;
	s->left -= n;
	return (long)n;
}

/* Compress with libarchive; filter: gzip, xz, zstd, bzip2. zeros: that many zero bytes behind (or instead of) data. */
static inline int tar_compress(const char *filter, const char *data, size_t len, size_t zeros, struct str *out)
{
	struct archive *(*w_new)(void);
	int (*w_raw)(struct archive *), (*w_filter)(struct archive *, const char *);
	int (*w_open)(struct archive *, void *, size_t, size_t *),
		(*w_header)(struct archive *, struct archive_entry *);
	la_ssize_t (*w_data)(struct archive *, const void *, size_t);
	int (*w_close)(struct archive *), (*w_free)(struct archive *);
	struct archive_entry *(*e_new)(void);
	void (*e_type)(struct archive_entry *, unsigned), (*e_free)(struct archive_entry *),
		(*e_path)(struct archive_entry *, const char *);
	const struct dl_sym syms[] = {
		{ "archive_write_new", &w_new }, { "archive_write_set_format_raw", &w_raw },
		{ "archive_write_add_filter_by_name", &w_filter }, { "archive_write_open_memory", &w_open },
		{ "archive_write_header", &w_header }, { "archive_write_data", &w_data },
		{ "archive_write_close", &w_close }, { "archive_write_free", &w_free },
		{ "archive_entry_new", &e_new }, { "archive_entry_set_filetype", &e_type },
		{ "archive_entry_free", &e_free }, { "archive_entry_set_pathname", &e_path }, { NULL, NULL },
	};
	auto_err struct err e = {0};
	static const char zero[1 << 20];
	size_t cap = len + zeros / 500 + (1 << 20), used = 0;
	auto_free char *buf = xmalloc(cap);
	struct archive_entry *ae;
	struct archive *a;

	if (dl_load("libarchive.so.13", "libarchive13", syms, &e) < 0)
		return -1;
	a = w_new();
	ae = e_new();
	e_type(ae, AE_IFREG);
	e_path(ae, "x");
	(void)w_raw(a);
	if (w_filter(a, filter) != ARCHIVE_OK || w_open(a, buf, cap, &used) != ARCHIVE_OK ||
	    w_header(a, ae) != ARCHIVE_OK || w_data(a, data, len) != (la_ssize_t)len)
		return -1;
	for (size_t n; zeros; zeros -= n) {
		n = zeros < sizeof(zero) ? zeros : sizeof(zero);
		if (w_data(a, zero, n) != (la_ssize_t)n)
			return -1;
	}
	if (w_close(a) != ARCHIVE_OK)
		return -1;
	str_addn(out, buf, used);
	e_free(ae);
	(void)w_free(a);
	return 0;
}

/* -- scratch directories -- */

/* A new directory below TMPDIR; ret: its path, caller frees and removes. */
static inline char *scratch_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/compose-unit-XXXXXX", tmp ? tmp : "/tmp");

	if (!mkdtemp(path))
		abort();
	return path;
}

static inline void scratch_rm(char *path)
{
	(void)fs_rm_rf(AT_FDCWD, path);
	free(path);
}

static inline int scratch_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* -- everything about a tree in one text: what a canary is compared by -- */

static inline int name_order(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static inline void tree_text(int dirfd_, const char *name, const char *shown, struct str *out)
{
	struct dirent **list = NULL;
	struct stat st;
	int fd, n;

	if (fstatat(dirfd_, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	str_addf(out, "%s %o %u:%u %lld %lld.%09ld %llx %u\n", shown, st.st_mode, st.st_uid, st.st_gid,
		 (long long)(S_ISREG(st.st_mode) ? st.st_size : 0), (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		 (unsigned long long)st.st_rdev, S_ISREG(st.st_mode) ? (unsigned)st.st_nlink : 0);
	if (S_ISREG(st.st_mode)) {
		auto_err struct err e = {0};
		auto_free char *text = NULL;
		char hex[SHA256_HEX_SIZE];
		size_t len;

		if (fs_read(dirfd_, name, 1 << 30, &text, &len, &e) == 0) {
			sha256_hex(text, len, hex);
			str_addf(out, "\t%s\n", hex);
		}
	}
	if (!S_ISDIR(st.st_mode))
		return;
	fd = openat(dirfd_, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	n = scandirat(fd, ".", &list, NULL, name_order);
	for (int i = 0; i < n; i++) {
		if (strcmp(list[i]->d_name, ".") && strcmp(list[i]->d_name, "..")) {
			auto_free char *sub = xasprintf("%s/%s", shown, list[i]->d_name);

			tree_text(fd, list[i]->d_name, sub, out);
		}
		free(list[i]);
	}
	free(list);
	close(fd);
}
