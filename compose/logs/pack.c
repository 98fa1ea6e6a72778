/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/logs/pack.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "compose/base/dl.h"
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/logs/dir.h"

/* Larger files stay as they are: a reader has to hold one in memory. */
#define PACK_MAX ((int64_t)1 << 30)
enum { CHUNK = 64 << 10, NICE = 10 };

static struct {
	struct archive *(*read_new)(void), *(*write_new)(void);
	int (*read_free)(struct archive *), (*write_free)(struct archive *), (*write_close)(struct archive *);
	int (*read_gzip)(struct archive *), (*read_raw)(struct archive *), (*write_gzip)(struct archive *), (*write_raw)(struct archive *);
	int (*read_open)(struct archive *, int, size_t), (*write_open)(struct archive *, int);
	int (*next)(struct archive *, struct archive_entry **), (*header)(struct archive *, struct archive_entry *);
	la_ssize_t (*read_data)(struct archive *, void *, size_t), (*write_data)(struct archive *, const void *, size_t);
	struct archive_entry *(*entry_new)(void);
	void (*entry_free)(struct archive_entry *), (*filetype)(struct archive_entry *, unsigned),
		(*pathname)(struct archive_entry *, const char *);
} la;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	const struct dl_sym syms[] = {
		{ "archive_read_new", &la.read_new }, { "archive_write_new", &la.write_new },
		{ "archive_read_free", &la.read_free }, { "archive_write_free", &la.write_free },
		{ "archive_write_close", &la.write_close },
		{ "archive_read_support_filter_gzip", &la.read_gzip }, { "archive_read_support_format_raw", &la.read_raw },
		{ "archive_write_add_filter_gzip", &la.write_gzip }, { "archive_write_set_format_raw", &la.write_raw },
		{ "archive_read_open_fd", &la.read_open }, { "archive_write_open_fd", &la.write_open },
		{ "archive_read_next_header", &la.next }, { "archive_write_header", &la.header },
		{ "archive_read_data", &la.read_data }, { "archive_write_data", &la.write_data },
		{ "archive_entry_new", &la.entry_new }, { "archive_entry_free", &la.entry_free },
		{ "archive_entry_set_filetype", &la.filetype }, { "archive_entry_copy_pathname", &la.pathname },
		{ NULL, NULL },
	};
	auto_err struct err e = {0};

	loaded = dl_load("libarchive.so.13", "libarchive13", syms, &e) == 0;
}

static bool have_library(void)
{
	return pthread_once(&once, load) == 0 && loaded;
}

void log_packed_name(uint64_t number, char ret[LOG_PACKED_NAME])
{
	(void)snprintf(ret, LOG_PACKED_NAME, "%06" PRIu64 ".gz", number);
}

/* ---- packing ---- */

/* Anything but ARCHIVE_OK of the filter would mean a program found by PATH. */
static bool begin(struct archive *a, int to)
{
	struct archive_entry *en;
	bool fine = la.write_raw(a) == ARCHIVE_OK && la.write_gzip(a) == ARCHIVE_OK && la.write_open(a, to) == ARCHIVE_OK;

	if (!fine)
		return false;
	en = la.entry_new();
	la.filetype(en, S_IFREG);
	la.pathname(en, "log");
	fine = la.header(a, en) == ARCHIVE_OK;
	la.entry_free(en);
	return fine;
}

static bool squeeze(int from, int to)
{
	struct archive *a = la.write_new();
	bool fine = a && begin(a, to);
	char buf[CHUNK];
	ssize_t n = 0;

	while (fine && (n = read(from, buf, sizeof(buf))) > 0)
		fine = la.write_data(a, buf, (size_t)n) == n;
	fine = fine && n == 0 && la.write_close(a) == ARCHIVE_OK && fsync(to) == 0;
	if (a)
		(void)la.write_free(a);
	return fine;
}

static void pack_one(int dir, uint64_t number)
{
	char plain[24], packed[LOG_PACKED_NAME], proc[32];
	auto_close int from = -1, to = -1;
	struct stat st;

	log_dir_name(number, plain);
	log_packed_name(number, packed);
	from = openat(dir, plain, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > PACK_MAX)
		return;
	if (faccessat(dir, packed, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {      /* one before us was killed between the two */
		(void)unlinkat(dir, plain, 0);
		return;
	}
	to = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (to < 0 || !squeeze(from, to))
		return;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", to);
	/* gone meanwhile: the log has rotated on, or the container was removed */
	if (fstat(from, &st) == 0 && st.st_nlink && linkat(AT_FDCWD, proc, dir, packed, AT_SYMLINK_FOLLOW) == 0)
		(void)unlinkat(dir, plain, 0);
}

/* ret: the oldest plain file above `after` that is not the newest of all, 0 when there is none */
static uint64_t next_plain(int dir, uint64_t after)
{
	struct log_numbers all = {0};
	uint64_t found = 0;
	char plain[24];

	if (log_dir_list(dir, &all) == 0)
		for (size_t i = 0; i + 1 < all.n && !found; i++) {
			log_dir_name(all.v[i], plain);
			if (all.v[i] > after && faccessat(dir, plain, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
				found = all.v[i];
		}
	vec_done(&all);
	return found;
}

void log_pack(int dir)
{
	auto_close int lock = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t number = 0;

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0 || !have_library())
		return;
	while ((number = next_plain(dir, number)))
		pack_one(dir, number);
}

void log_pack_beside(int dir)
{
	struct clone_args a = { .flags = CLONE_PARENT };
	pid_t pid = sys_clone3(&a);

	if (pid)                          /* it did not come about: the next rotation tries again */
		return;
	sys_title("compose: log");
	(void)signal(SIGPIPE, SIG_DFL);
	(void)!nice(NICE);
	if (dup2(dir, 3) == 3 && close_range(4, ~0U, 0) == 0)
		log_pack(3);
	_exit(0);
}

/* ---- reading ---- */

/* What is there until something is wrong. */
static void expand(struct archive *a, int to)
{
	struct archive_entry *en;
	char buf[CHUNK];
	int64_t sum = 0;
	la_ssize_t n;

	if (la.next(a, &en) != ARCHIVE_OK)
		return;
	while ((n = la.read_data(a, buf, sizeof(buf))) > 0 && (sum += n) <= PACK_MAX)
		if (fs_write_all(to, buf, (size_t)n) < 0)
			return;
}

int log_unpack(int dir, uint64_t number)
{
	char name[LOG_PACKED_NAME];
	auto_close int from = -1, to = -1;
	struct archive *a;

	log_packed_name(number, name);
	from = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (from < 0 || !have_library())
		return -1;
	to = memfd_create("compose-log", MFD_CLOEXEC);
	a = la.read_new();
	if (to >= 0 && a && la.read_gzip(a) == ARCHIVE_OK && la.read_raw(a) == ARCHIVE_OK &&
	    la.read_open(a, from, CHUNK) == ARCHIVE_OK)
		expand(a, to);
	if (a)
		(void)la.read_free(a);
	return take_fd(to);
}
