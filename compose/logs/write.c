/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/logs/write.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/logs/dir.h"
#include "compose/logs/pack.h"

enum { MAX_BYTES_DEFAULT = 10 * 1024 * 1024, MAX_FILES_DEFAULT = 3, FILE_MIN_BYTES = 512, PIECE_MIN = 128,
	SCRATCH_BYTES = 64 * 1024 };

struct log_writer {
	int      dir, fd;
	uint64_t number;
	int64_t  off, max_bytes;
	int      max_files;
	bool     pack;
	struct { int64_t last; bool whole; } tail[2];   /* stdout, stderr: the last byte in this file, -1 none; whether the
					     * one before ended a line, for all that is known */
	uint64_t lost;                      /* bytes thrown away and not yet told in the log */
	bool     failing;
	struct { int64_t off; size_t len; bool in_memory; } last;
};

/* Bytes that could not be stored pass through here on their way to an attached terminal. One process, one thread. */
static char scratch[SCRATCH_BYTES];

static int open_file(struct log_writer *w, uint64_t number, struct err *e)
{
	char name[24];
	int fd;

	log_dir_name(number, name);
	fd = openat(w->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "open the log file %s", name);
	mem_closep(&w->fd);
	w->fd = fd;
	w->number = number;
	w->off = 0;
	return 0;
}

/* Remove the oldest files so that max_files stay. Failing to is no reason to lose output: the next rotation tries again. */
static void prune(struct log_writer *w)
{
	struct log_numbers all = {0};
	char name[24], packed[LOG_PACKED_NAME];

	if (log_dir_list(w->dir, &all) < 0)
		return;
	for (size_t i = 0; i + (size_t)w->max_files < all.n; i++) {
		log_dir_name(all.v[i], name);
		log_packed_name(all.v[i], packed);
		(void)unlinkat(w->dir, name, 0);
		(void)unlinkat(w->dir, packed, 0);
	}
	vec_done(&all);
}

/* ret: 0, or -1 with errno: a short write is a full disk */
static int write_at(struct log_writer *w, const void *buf, size_t len, int64_t off)
{
	ssize_t n = pwrite(w->fd, buf, len, off);

	if (n >= 0 && n != (ssize_t)len)
		errno = ENOSPC;
	return n == (ssize_t)len ? 0 : -1;
}

static int put_head(struct log_writer *w, const struct log_head *h, bool final)
{
	uint8_t raw[LOG_HEAD];

	log_head_put(h, raw);
	for (int i = 4; i < 8 && !final; i++)
		raw[i] = (uint8_t)~raw[i];
	return write_at(w, raw, LOG_HEAD, w->off);
}

/* The head at off of a record that was cut: its stream and time are there, its length is what the file has. */
static bool is_unfinished(uint8_t raw[LOG_HEAD], struct log_head *h)
{
	for (int i = 4; i < 8; i++)
		raw[i] = (uint8_t)~raw[i];
	return log_head_get(h, raw, LOG_BLOCK);
}

/* Find the end of the last record, walking the last block that has bytes only. A cut record is completed with the bytes it has; what no
 * head of ours explains (the machine crashed) is dropped. */
static int recover(struct log_writer *w, struct err *e)
{
	struct stat st;
	int64_t end;

	if (fstat(w->fd, &st) < 0)
		return err_set(e, ERR_SYS, errno, "look at the log file");
	w->off = st.st_size ? (st.st_size - 1) / LOG_BLOCK * LOG_BLOCK : 0;
	end = w->off + LOG_BLOCK;
	while (w->off + LOG_HEAD <= end && w->off + LOG_HEAD <= st.st_size) {
		uint8_t raw[LOG_HEAD];
		struct log_head h;

		if (pread(w->fd, raw, LOG_HEAD, w->off) != LOG_HEAD)
			break;
		if (!log_head_get(&h, raw, (uint32_t)(end - w->off))) {
			if (!is_unfinished(raw, &h))
				break;
			h.len = (uint32_t)(st.st_size - w->off - LOG_HEAD);
			if (put_head(w, &h, true) < 0)
				return err_set(e, ERR_SYS, errno, "repair the log file");
		}
		if (w->off + LOG_HEAD + h.len > st.st_size)
			break;
		w->off = log_after(w->off, h.len);
	}
	if (w->off < st.st_size && ftruncate(w->fd, w->off) < 0)
		return err_set(e, ERR_SYS, errno, "repair the log file");
	return 0;
}

static void set_tails(struct log_writer *w, bool whole)
{
	for (int i = 0; i < 2; i++) {
		w->tail[i].last = -1;
		w->tail[i].whole = whole;
	}
}

int log_writer_open(struct log_writer **ret, int dir, int64_t max_bytes, int max_files, struct err *e)
{
	struct log_writer *w = xcalloc(1, sizeof(*w));
	struct log_numbers all = {0};
	int r;

	*w = (struct log_writer){ .fd = -1, .max_bytes = max_bytes > 0 ? max_bytes : MAX_BYTES_DEFAULT,
		.max_files = max_files > 0 ? max_files : MAX_FILES_DEFAULT };
	if (w->max_bytes < FILE_MIN_BYTES)
		w->max_bytes = FILE_MIN_BYTES;
	if (mkdirat(dir, "log", 0700) < 0 && errno != EEXIST) {
		free(w);
		return err_set(e, ERR_SYS, errno, "make the log directory");
	}
	w->dir = openat(dir, "log", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w->dir < 0 || log_dir_list(w->dir, &all) < 0)
		r = err_set(e, ERR_SYS, errno, "open the log directory");
	else if (open_file(w, all.n ? all.v[all.n - 1] : 1, e) < 0)
		r = -1;
	else
		r = recover(w, e);
	set_tails(w, w->number == 1 && w->off == 0);
	vec_done(&all);
	if (r < 0)
		log_writer_close(w);
	else
		*ret = w;
	return r;
}

void log_writer_pack(struct log_writer *w)
{
	w->pack = true;
}

struct log_writer *log_writer_none(void)
{
	struct log_writer *w = xcalloc(1, sizeof(*w));

	w->dir = w->fd = -1;
	return w;
}

void log_writer_close(struct log_writer *w)
{
	if (!w)
		return;
	mem_closep(&w->fd);
	mem_closep(&w->dir);
	free(w);
}

/* Does the next byte of either stream begin a line? */
static bool at_line(struct log_writer *w)
{
	for (int i = 0; i < 2; i++) {
		char c;

		if (w->tail[i].last >= 0)
			w->tail[i].whole = pread(w->fd, &c, 1, w->tail[i].last) == 1 && c == '\n';
		w->tail[i].last = -1;
	}
	return w->tail[0].whole && w->tail[1].whole;
}

/* Write one record of bytes in memory; all or nothing. ret: 0, or -1 with e */
static int put_record(struct log_writer *w, enum log_type type, const void *buf, size_t len, struct err *e)
{
	struct log_head h = { .len = (uint32_t)len, .type = type, .time_ns = sys_now_ns() };

	if (write_at(w, buf, len, w->off + LOG_HEAD) == 0 && put_head(w, &h, true) == 0) {
		w->off = log_after(w->off, h.len);
		return 0;
	}
	err_set(e, ERR_SYS, errno, "write the log");
	(void)!ftruncate(w->fd, w->off);
	return -1;
}

/* The next file. When the ones before it are gone, its reader must know whether it begins with a line: a mark says so. */
static int rotate(struct log_writer *w, struct err *e)
{
	bool whole = at_line(w);

	if (open_file(w, w->number + 1, e) < 0 || (whole && put_record(w, LOG_MARK, "", 0, e) < 0))
		return -1;
	prune(w);
	if (w->pack)
		log_pack_beside(w->dir);
	return 0;
}

/* Make room for a record with at most want bytes. ret: how many fit, > 0 (0 for want 0), or -1 with e */
static ssize_t reserve(struct log_writer *w, size_t want, struct err *e)
{
	int64_t block_left = LOG_BLOCK - w->off % LOG_BLOCK, file_left;
	int64_t least = want < PIECE_MIN ? (int64_t)want : PIECE_MIN;

	if (block_left < LOG_HEAD + least) {
		w->off += block_left;
		block_left = LOG_BLOCK;
	}
	if (w->off && w->max_bytes - w->off < LOG_HEAD + least && rotate(w, e) < 0)
		return -1;
	file_left = w->max_bytes - w->off;
	if (file_left < block_left)
		block_left = file_left;
	block_left -= LOG_HEAD;
	return (int64_t)want < block_left ? (ssize_t)want : (ssize_t)block_left;
}

/* Once writing works again, say how much is missing. ret: 0, or -1 (e set) when it still does not */
static int tell_lost(struct log_writer *w, struct err *e)
{
	uint8_t count[8];

	if (!w->lost)
		return 0;
	for (int i = 0; i < 8; i++)
		count[i] = (uint8_t)(w->lost >> (8 * i));
	if (reserve(w, sizeof(count), e) < 0 || put_record(w, LOG_LOST, count, sizeof(count), e) < 0)
		return -1;
	w->lost = 0;
	w->failing = false;
	return 0;
}

int log_mark(struct log_writer *w, struct err *e)
{
	if (w->fd < 0)
		return 0;
	if (reserve(w, 0, e) < 0 || put_record(w, LOG_MARK, "", 0, e) < 0)
		return -1;
	set_tails(w, true);
	return 0;
}

int log_put(struct log_writer *w, enum log_type stream, const void *buf, size_t len, struct err *e)
{
	const char *p = buf;

	while (len && w->fd >= 0) {
		ssize_t n = reserve(w, len, e);
		int64_t last = w->off + LOG_HEAD + n - 1;

		if (n < 0 || put_record(w, stream, p, (size_t)n, e) < 0)
			return -1;
		w->tail[stream == LOG_STDERR].last = last;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* ret: bytes taken out of the pipe into scratch, 0 for none */
static ssize_t to_memory(struct log_writer *w, int pipe)
{
	ssize_t n = read(pipe, scratch, sizeof(scratch));

	if (n <= 0)
		return 0;
	w->last.in_memory = true;
	w->last.len = (size_t)n;
	return n;
}

/* The disk takes nothing: keep the container running, count what goes. why: told the first time */
static ssize_t throw_away(struct log_writer *w, int pipe, struct err *why, struct err *e)
{
	ssize_t n = to_memory(w, pipe);

	if (!w->failing)
		err_move(e, why);
	err_done(why);
	w->failing = true;
	w->lost += (uint64_t)n;
	return n;
}

static ssize_t try_splice(struct log_writer *w, int pipe, enum log_type stream, size_t avail, struct err *e)
{
	struct log_head h = { .type = stream, .time_ns = sys_now_ns() };
	ssize_t n;
	loff_t to;

	if (tell_lost(w, e) < 0)
		return -1;
	n = reserve(w, avail, e);
	if (n < 0)
		return -1;
	if (put_head(w, &h, false) < 0)
		return err_set(e, ERR_SYS, errno, "write the log");
	to = w->off + LOG_HEAD;
	do {
		n = splice(pipe, NULL, w->fd, &to, (size_t)n, SPLICE_F_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	if (n <= 0) {
		err_set(e, ERR_SYS, errno, "write the log");
		(void)!ftruncate(w->fd, w->off);
		return -1;
	}
	h.len = (uint32_t)n;
	if (put_head(w, &h, true) < 0) {
		w->lost += (uint64_t)n;
		return err_set(e, ERR_SYS, errno, "write the log");
	}
	w->last.in_memory = false;
	w->last.off = w->off + LOG_HEAD;
	w->last.len = (size_t)n;
	w->tail[stream == LOG_STDERR].last = w->off + LOG_HEAD + n - 1;
	w->off = log_after(w->off, h.len);
	return n;
}

ssize_t log_splice(struct log_writer *w, int pipe, enum log_type stream, struct err *e)
{
	struct err why = {0};
	int avail = 0;
	ssize_t n;

	w->last.len = 0;
	if (ioctl(pipe, FIONREAD, &avail) < 0 || avail <= 0)
		return 0;
	if (w->fd < 0)
		return to_memory(w, pipe);
	n = try_splice(w, pipe, stream, (size_t)avail, &why);
	return n > 0 ? n : throw_away(w, pipe, &why, e);
}

ssize_t log_last(const struct log_writer *w, size_t off, void *buf, size_t cap)
{
	size_t n = w->last.len > off ? w->last.len - off : 0;

	if (n > cap)
		n = cap;
	if (!n)
		return 0;
	if (!w->last.in_memory)
		return pread(w->fd, buf, n, w->last.off + (off_t)off);
	memcpy(buf, scratch + off, n);
	return (ssize_t)n;
}
