/* SPDX-License-Identifier: Apache-2.0 */
/* logs_test.c - what goes into a log comes out of it: any bytes, any size, cut short, rotated, merged, followed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/logs/dir.h"
#include "compose/logs/pack.h"
#include "compose/logs/read.h"
#include "compose/logs/write.h"
#include "tests/tap.h"

static struct err e;
static char top[64];
static int top_fd;

static int fresh_dir(const char *name)
{
	(void)fs_rm_rf(top_fd, name);
	(void)mkdirat(top_fd, name, 0700);
	return openat(top_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Everything a reader gives: data, and what ended it ("\n", or "|" for a line without one), each with 'e' before for stderr. */
static char *read_all(int dir, const struct log_want *want)
{
	auto_log_reader struct log_reader *r = NULL;
	struct log_line l;
	struct str out = {0};

	if (log_reader_new(&r, want, &e) < 0 || log_reader_add(r, dir, NULL, &e) < 0)
		return xstrdup("FAILED");
	while (log_reader_next(r, &l, &e) == 1) {
		if (l.stream == LOG_STDERR && !l.cont)
			str_addc(&out, '!');
		str_addn(&out, l.data, l.len);
		str_addc(&out, l.newline ? '\n' : '|');
	}
	return str_take(&out);
}

static const struct log_want everything = { .tail = -1 };

static struct log_writer *writer(int dir, int64_t max_bytes, int max_files)
{
	struct log_writer *w = NULL;

	if (log_writer_open(&w, dir, max_bytes, max_files, &e) < 0) {
		err_report(&e, stdout);
		exit(1);
	}
	return w;
}

static void put(struct log_writer *w, enum log_type t, const char *s)
{
	if (log_put(w, t, s, strlen(s), &e) < 0)
		err_report(&e, stdout);
}

static void test_lines(void)
{
	auto_close int dir = fresh_dir("lines");
	struct log_writer *w = writer(dir, 0, 0);
	auto_free char *got = NULL;

	ok(log_mark(w, &e) == 0, "mark");
	put(w, LOG_STDOUT, "one\ntw");
	put(w, LOG_STDERR, "bad\nhal");
	put(w, LOG_STDOUT, "o\n\nend");
	ok(log_mark(w, &e) == 0, "second run");
	put(w, LOG_STDERR, "again\n");
	log_writer_close(w);
	got = read_all(dir, &everything);
	is_str(got, "one\n!bad\ntwo\n\nend|!hal|!again\n", "lines of two streams, rejoined; a new run does not join the old one's half line");
}

static void test_binary_and_long(void)
{
	auto_close int dir = fresh_dir("binary");
	struct log_writer *w = writer(dir, 0, 0);
	auto_log_reader struct log_reader *r = NULL;
	size_t len = 1000000, n = 0;
	auto_free char *in = xmalloc(len), *out = xmalloc(len + 1);
	struct log_line l;
	unsigned seed = 7, pieces = 0;

	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245 + 12345;
		in[i] = (char)(seed >> 16);
		if (i > 300000 && i < 700000 && in[i] == '\n')
			in[i] = 'x';
	}
	ok(log_put(w, LOG_STDOUT, in, len, &e) == 0, "a million random bytes");
	log_writer_close(w);
	ok(log_reader_new(&r, &everything, &e) == 0 && log_reader_add(r, dir, NULL, &e) == 0, "reader");
	while (log_reader_next(r, &l, &e) == 1 && n + l.len + l.newline <= len) {
		memcpy(out + n, l.data, l.len);
		n += l.len;
		if (l.newline)
			out[n++] = '\n';
		if (l.len > LOG_PIECE_MAX)
			pieces = 1000;
		pieces += l.cont;
	}
	is_int(n, len, "all of them come back");
	ok(!memcmp(in, out, len), "the same bytes");
	ok(pieces >= 6 && pieces < 100, "a line of 400 kB comes in pieces (%u)", pieces);
}

static void test_tail(void)
{
	auto_close int dir = fresh_dir("tail");
	struct log_writer *w = writer(dir, 0, 0);
	char line[32];
	static const int64_t wants[] = { 0, 1, 2, 5000, 99999 };

	put(w, LOG_STDERR, "first error, far back\nsecond ");
	for (int i = 0; i < 99998; i++) {
		(void)snprintf(line, sizeof(line), "line %d\n", i);
		put(w, LOG_STDOUT, line);
	}
	put(w, LOG_STDERR, "error\n");
	log_writer_close(w);
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		struct log_want want = { .tail = wants[i] };
		auto_free char *got = read_all(dir, &want);
		int64_t n = 0;

		for (char *p = got; *p; p++)
			n += *p == '\n';
		is_int(n, wants[i], "tail %lld", (long long)wants[i]);
		if (wants[i])
			ok(str_ends(got, "!second error\n"), "its last line has its beginning, 100000 lines back");
		if (wants[i] == 2)
			is_str(got, "line 99997\n!second error\n", "tail 2");
	}
}

static void test_since_until(void)
{
	auto_close int dir = fresh_dir("since");
	struct log_writer *w = writer(dir, 300000, 10);
	struct log_want want = { .tail = -1 };
	auto_free char *a = NULL, *b = NULL, *c = NULL, *fill = xmalloc(2000001);
	struct timespec ms = { .tv_nsec = 3000000 };

	for (int i = 0; i < 2000000; i++)
		fill[i] = i % 100 ? 'f' : '\n';
	fill[2000000] = '\0';
	put(w, LOG_STDOUT, "early\n");
	put(w, LOG_STDOUT, fill);
	nanosleep(&ms, NULL);
	want.since_ns = sys_now_ns();
	nanosleep(&ms, NULL);
	put(w, LOG_STDOUT, "\nmiddle\n");
	nanosleep(&ms, NULL);
	want.until_ns = sys_now_ns();
	nanosleep(&ms, NULL);
	put(w, LOG_STDOUT, "late\n");
	log_writer_close(w);
	a = read_all(dir, &want);
	ok(str_ends(a, "\nmiddle\n") && strlen(a) < 200, "since and until");
	want.until_ns = 0;
	b = read_all(dir, &want);
	ok(str_ends(b, "\nmiddle\nlate\n") && strlen(b) < 200, "since");
	want = (struct log_want){ .tail = 1, .until_ns = want.since_ns };
	c = read_all(dir, &want);
	ok(str_starts(c, "fff") && strlen(c) < 101, "tail counts up to until");
}

static void test_rotation(void)
{
	auto_close int dir = fresh_dir("rotate"), log = -1;
	struct log_writer *w = writer(dir, 1000, 3);
	struct log_numbers all = {0};
	auto_free char *got = NULL;
	char line[32];
	struct stat st;

	for (int i = 0; i < 5000; i++) {
		(void)snprintf(line, sizeof(line), "%d\n", i);
		put(w, LOG_STDOUT, line);
	}
	log_writer_close(w);
	log = openat(dir, "log", O_RDONLY | O_DIRECTORY);
	is_int(log_dir_list(log, &all), 0, "list");
	is_int(all.n, 3, "three files stay");
	for (size_t i = 0; i < all.n; i++) {
		log_dir_name(all.v[i], line);
		ok(fstatat(log, line, &st, 0) == 0 && st.st_size <= 1000, "none larger than allowed");
	}
	vec_done(&all);
	got = read_all(dir, &everything);
	ok(str_ends(got, "4998\n4999\n") && strlen(got) < 3000, "the end is there, the beginning is gone");
	w = writer(dir, 1000, 3);
	put(w, LOG_STDOUT, "more\n");
	log_writer_close(w);
	free(got);
	got = read_all(dir, &everything);
	ok(str_ends(got, "4999\nmore\n"), "a new writer continues");
}

/* How many files of the log end in .gz, and how many do not. */
static void count_files(int log, int *ret_packed, int *ret_plain)
{
	struct log_numbers all = {0};
	char plain[24], packed[LOG_PACKED_NAME];

	*ret_packed = *ret_plain = 0;
	(void)log_dir_list(log, &all);
	for (size_t i = 0; i < all.n; i++) {
		log_dir_name(all.v[i], plain);
		log_packed_name(all.v[i], packed);
		*ret_plain += faccessat(log, plain, F_OK, 0) == 0;
		*ret_packed += faccessat(log, packed, F_OK, 0) == 0;
	}
	vec_done(&all);
}

static void test_packed(void)
{
	const struct log_want last = { .tail = 300 };
	auto_close int dir = fresh_dir("packed"), log = -1, fd = -1;
	struct log_writer *w = writer(dir, 100000, 5);
	auto_free char *before = NULL, *after = NULL, *tail = NULL, *tail_before = NULL, *torn = NULL, *rest = NULL;
	struct log_numbers all = {0};
	int packed, plain;
	char line[64], second[24];
	struct stat st;

	for (int i = 0; i < 20000; i++) {
		(void)snprintf(line, sizeof(line), "line %d of this log\n", i);
		put(w, i % 3 ? LOG_STDOUT : LOG_STDERR, line);
	}
	log_writer_close(w);
	log = openat(dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	before = read_all(dir, &everything);
	tail_before = read_all(dir, &last);
	(void)log_dir_list(log, &all);
	log_dir_name(all.n > 1 ? all.v[1] : 0, second);
	vec_done(&all);
	ok(linkat(log, second, log, "kept", 0) == 0, "a file is set aside");
	log_pack(log);
	count_files(log, &packed, &plain);
	ok(packed == 4 && plain == 1, "all but the newest are packed (%d, %d)", packed, plain);
	after = read_all(dir, &everything);
	is_str(after, before, "what is read is the same");
	tail = read_all(dir, &last);
	is_str(tail, tail_before, "and its end");
	ok(renameat(log, "kept", log, second) == 0, "a packer that was killed has left one plain, too");
	free(after);
	after = read_all(dir, &everything);
	is_str(after, before, "it is not read twice");
	log_pack(log);
	count_files(log, &packed, &plain);
	ok(packed == 4 && plain == 1, "the next packer takes it away (%d, %d)", packed, plain);
	fd = log_unpack(log, 12345);
	is_int(fd, -1, "a number that is not there");
	w = writer(dir, 100000, 5);
	put(w, LOG_STDOUT, "more\n");
	log_writer_close(w);
	rest = read_all(dir, &everything);
	ok(str_ends(rest, "\nmore\n") && strlen(rest) == strlen(before) + 5, "a writer goes on in the newest");
	w = writer(dir, 100000, 2);
	for (int i = 0; i < 6000; i++)
		put(w, LOG_STDOUT, "fill the files that there may be\n");
	log_writer_close(w);
	count_files(log, &packed, &plain);
	ok(packed == 0 && plain == 2, "old ones go, packed or not");
	log_pack(log);
	(void)log_dir_list(log, &all);
	log_packed_name(all.v[0], line);
	vec_done(&all);
	fd = openat(log, line, O_RDWR | O_CLOEXEC);
	ok(fd >= 0 && fstat(fd, &st) == 0 && ftruncate(fd, st.st_size / 2) == 0, "one of them is cut");
	torn = read_all(dir, &everything);
	ok(str_ends(torn, "fill the files that there may be\n"), "the rest is read");
	ok(ftruncate(fd, 0) == 0, "one of them is empty");
	free(torn);
	torn = read_all(dir, &everything);
	ok(str_ends(torn, "fill the files that there may be\n"), "the rest is read");
}

/* Is text a row of the numbers up to last, one a line, each whole? */
static bool whole_numbers(const char *text, int last)
{
	int n = -1, seen;

	for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
		seen = (int)strtoll(p, NULL, 10);
		if (strcspn(p, "\n") != 100 || (n >= 0 && seen != n + 1))
			return false;
		n = seen;
	}
	return n == last;
}

static char *numbers_left(int each, int max_files, const struct log_want *want)
{
	auto_close int dir = fresh_dir("fragment");
	struct log_writer *w = writer(dir, 1000, max_files);
	char line[128];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(line, sizeof(line), "%0100d\n", i);
		for (size_t at = 0; at < 101; at += (size_t)each) {
			auto_free char *part = xstrndup(line + at, (size_t)each);

			put(w, LOG_STDOUT, part);
		}
	}
	log_writer_close(w);
	return read_all(dir, want);
}

/* Files end inside lines, whose beginnings go with the files before. */
static void test_fragments(void)
{
	const struct log_want last = { .tail = 3 }, many = { .tail = 50 };
	auto_free char *pieces = numbers_left(40, 2, &everything), *at_lines = numbers_left(101, 2, &everything);
	auto_free char *tail = numbers_left(40, 2, &last), *more = numbers_left(40, 2, &many);
	const size_t per_file = (1000 - LOG_HEAD) / (size_t)log_after(0, 101), left = per_file + 100 % per_file;

	ok(whole_numbers(pieces, 99), "no half line at the beginning");
	ok(whole_numbers(at_lines, 99) && strlen(at_lines) == left * 101, "no whole line is taken for one");
	ok(whole_numbers(tail, 99) && strlen(tail) == 303, "the last three");
	is_str(more, pieces, "more than there are");
}

static void test_merge(void)
{
	auto_close int a = fresh_dir("ma"), b = fresh_dir("mb");
	struct log_writer *wa = writer(a, 0, 0), *wb = writer(b, 0, 0);
	auto_log_reader struct log_reader *r = NULL;
	auto_str struct str out = {0};
	struct log_line l;
	int64_t last = 0;
	bool sorted = true;
	char tag[2] = { 'a', 'b' };

	put(wa, LOG_STDOUT, "1\n");
	put(wb, LOG_STDOUT, "2\n");
	put(wb, LOG_STDOUT, "3\n");
	put(wa, LOG_STDOUT, "4\nhalf");
	put(wb, LOG_STDOUT, "5\n");
	log_writer_close(wa);
	log_writer_close(wb);
	ok(log_reader_new(&r, &everything, &e) == 0, "reader");
	ok(log_reader_add(r, a, &tag[0], &e) == 0 && log_reader_add(r, b, &tag[1], &e) == 0, "two logs");
	while (log_reader_next(r, &l, &e) == 1) {
		str_addf(&out, "%c%.*s ", *(char *)l.tag, (int)l.len, l.data);
		sorted = sorted && l.time_ns >= last;
		last = l.time_ns;
	}
	is_str(str_cstr(&out), "a1 b2 b3 a4 ahalf b5 ", "in order of time");
	ok(sorted, "times do not go back");
}

static void test_follow(void)
{
	auto_close int dir = fresh_dir("follow");
	struct log_want want = { .tail = 1, .follow = true };
	struct log_writer *w = writer(dir, 2000, 2);
	auto_log_reader struct log_reader *r = NULL;
	struct pollfd p = { .events = POLLIN };
	struct log_line l;
	char line[32];
	int n = 0, bad = 0;

	put(w, LOG_STDOUT, "old\nlast\nhal");
	ok(log_reader_new(&r, &want, &e) == 0 && log_reader_add(r, dir, NULL, &e) == 0, "follow");
	ok(log_reader_next(r, &l, &e) == 1 && l.len == 4 && !memcmp(l.data, "last", 4), "the last line");
	is_int(log_reader_next(r, &l, &e), 0, "half a line waits");
	p.fd = log_reader_fd(r);
	is_int(poll(&p, 1, 0), 0, "nothing to do");
	put(w, LOG_STDOUT, "f\n");
	is_int(poll(&p, 1, 1000), 1, "woken");
	ok(log_reader_next(r, &l, &e) == 1 && l.len == 4 && !memcmp(l.data, "half", 4), "its end came");
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(line, sizeof(line), "line %d\n", i);
		put(w, LOG_STDOUT, line);
		if (i % 7)
			continue;
		while (log_reader_next(r, &l, &e) == 1) {
			(void)snprintf(line, sizeof(line), "line %d", n++);
			bad += strlen(line) != l.len || memcmp(line, l.data, l.len) != 0;
		}
	}
	while (log_reader_next(r, &l, &e) == 1)
		n++;
	ok(n == 1000 && !bad, "a thousand lines across rotations (%d, %d wrong)", n, bad);
	put(w, LOG_STDOUT, "prompt> ");
	is_int(log_reader_next(r, &l, &e), 0, "a prompt waits");
	log_reader_flush(r, NULL);
	ok(log_reader_next(r, &l, &e) == 1 && !l.newline && l.len == 8, "until it is asked for");
	log_writer_close(w);
	log_reader_end(r, NULL);
	is_int(log_reader_next(r, &l, &e), 0, "ended");
}

static void show_difference(const char *got, const char *want)
{
	size_t at = 0;

	while (got[at] && got[at] == want[at])
		at++;
	printf("# byte %zu of %zu (want %zu): got %.40s\n# want %.40s\n", at, strlen(got), strlen(want), got + at, want + at);
}

/* A writer that is killed: what the pipe gave is in the log or still in the pipe. */
static void test_killed_writer(void)
{
	auto_close int dir = fresh_dir("killed");
	auto_str struct str want = {0};
	auto_free char *got = NULL;
	int fd[2], kills = 0;
	pid_t source;

	ok(pipe(fd) == 0, "pipe");
	source = fork();
	if (!source) {
		close(fd[0]);
		for (int i = 0; i < 400000; i++)
			dprintf(fd[1], "%d\n", i);
		_exit(0);
	}
	close(fd[1]);
	for (bool eof = false; !eof;) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			struct pollfd p = { .fd = fd[0], .events = POLLIN };
			struct log_writer *w = writer(dir, 700000, 100);

			for (;;) {
				(void)poll(&p, 1, -1);
				if (log_splice(w, fd[0], LOG_STDOUT, &e) == 0 && (p.revents & POLLHUP))
					_exit(0);
			}
		}
		usleep((useconds_t)(1500 + 137 * (kills % 40)));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		eof = WIFEXITED(status);
		kills += !eof;
	}
	waitpid(source, NULL, 0);
	close(fd[0]);
	for (int i = 0; i < 400000; i++)
		str_addf(&want, "%d\n", i);
	got = read_all(dir, &everything);
	if (!ok(!strcmp(got, str_cstr(&want)), "400000 lines, writer killed %d times: none lost, none twice", kills))
		show_difference(got, str_cstr(&want));
	ok(kills > 3, "it was killed while there was work");
}

static void test_torn(void)
{
	auto_close int dir = fresh_dir("torn"), fd = -1;
	struct log_writer *w = writer(dir, 0, 0);
	uint8_t raw[LOG_HEAD];
	struct log_head h = { .len = 77, .type = LOG_STDERR, .time_ns = 5 };
	auto_free char *a = NULL, *b = NULL, *c = NULL;

	put(w, LOG_STDOUT, "whole\n");
	log_writer_close(w);
	fd = openat(dir, "log/000001", O_RDWR | O_APPEND);
	ok(ftruncate(fd, log_after(0, 6)) == 0, "where the next record begins");
	log_head_put(&h, raw);
	for (int i = 4; i < 8; i++)
		raw[i] = (uint8_t)~raw[i];
	ok(write(fd, raw, LOG_HEAD) == LOG_HEAD && write(fd, "cut", 3) == 3, "a record without its final head");
	a = read_all(dir, &everything);
	is_str(a, "whole\n!cut|", "a reader finds its bytes");
	w = writer(dir, 0, 0);
	put(w, LOG_STDERR, " line\n");
	log_writer_close(w);
	b = read_all(dir, &everything);
	is_str(b, "whole\n!cut line\n", "a writer completes it");
	ok(write(fd, "garbage that no head explains", 29) == 29, "a crash of the machine");
	w = writer(dir, 0, 0);
	put(w, LOG_STDOUT, "new\n");
	log_writer_close(w);
	c = read_all(dir, &everything);
	is_str(c, "whole\n!cut line\nnew\n", "is dropped");
}

/* A record that ends with its block, its final head missing. */
static void test_torn_block(void)
{
	static char text[LOG_BLOCK - LOG_HEAD];
	auto_close int dir = fresh_dir("tornblock"), fd = -1;
	struct log_writer *w = writer(dir, 0, 0);
	auto_free char *got = NULL;
	uint8_t raw[LOG_HEAD];
	struct log_head h = { .type = LOG_STDOUT, .time_ns = 5 };

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 16 == 15 ? '\n' : 'x';
	ok(log_put(w, LOG_STDOUT, text, sizeof(text), &e) == 0, "a record of a whole block");
	log_writer_close(w);
	fd = openat(dir, "log/000001", O_RDWR);
	is_int(lseek(fd, 0, SEEK_END), LOG_BLOCK, "ends with it");
	log_head_put(&h, raw);
	for (int i = 4; i < 8; i++)
		raw[i] = (uint8_t)~raw[i];
	ok(pwrite(fd, raw, LOG_HEAD, 0) == LOG_HEAD, "as if cut");
	w = writer(dir, 0, 0);
	put(w, LOG_STDOUT, "next\n");
	log_writer_close(w);
	got = read_all(dir, &everything);
	ok(strlen(got) == sizeof(text) + 5 && !strcmp(got + sizeof(text), "next\n"), "is completed");
}

static void test_hostile(void)
{
	auto_close int dir = fresh_dir("hostile"), fd = -1;
	unsigned seed = 1;
	char buf[4096];
	static const struct log_want wants[] = { { .tail = -1 }, { .tail = 10 }, { .tail = -1, .since_ns = 99 } };

	(void)mkdirat(dir, "log", 0700);
	(void)mkdirat(dir, "log/000003", 0700);
	(void)mkfifoat(dir, "log/000002", 0600);
	fd = openat(dir, "log/000001", O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 100; i++) {
		for (size_t k = 0; k < sizeof(buf); k++) {
			seed = seed * 1103515245 + 12345;
			buf[k] = (char)(seed >> 16);
		}
		(void)!write(fd, buf, sizeof(buf));
	}
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		auto_free char *got = read_all(dir, &wants[i]);

		is_str(got, "", "random bytes, a directory and a FIFO as log files give nothing");
	}
}

static void test_speed(void)
{
	auto_close int dir = fresh_dir("speed");
	struct log_writer *w = writer(dir, 100 << 20, 3);
	auto_log_reader struct log_reader *r = NULL;
	struct log_line l;
	int fd[2], n = 0;
	int64_t t0, t1, t2;
	pid_t pid;

	ok(pipe(fd) == 0, "pipe");
	t0 = sys_mono_ns();
	pid = fork();
	if (!pid) {
		dup2(fd[1], 1);
		close(fd[0]);
		close(fd[1]);
		execlp("seq", "seq", "2000000", (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	for (struct pollfd p = { .fd = fd[0], .events = POLLIN };;) {
		(void)poll(&p, 1, -1);
		if (log_splice(w, fd[0], LOG_STDOUT, &e) == 0 && (p.revents & POLLHUP))
			break;
	}
	waitpid(pid, NULL, 0);
	close(fd[0]);
	log_writer_close(w);
	t1 = sys_mono_ns();
	ok(log_reader_new(&r, &everything, &e) == 0 && log_reader_add(r, dir, NULL, &e) == 0, "reader");
	while (log_reader_next(r, &l, &e) == 1)
		n++;
	t2 = sys_mono_ns();
	is_int(n, 2000000, "two million lines");
	diag("written in %.3f s, read in %.3f s", (double)(t1 - t0) / 1e9, (double)(t2 - t1) / 1e9);
}

int main(void)
{
	(void)snprintf(top, sizeof(top), "/tmp/compose-logs-test.XXXXXX");
	if (!mkdtemp(top))
		return 1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_lines();
	test_binary_and_long();
	test_tail();
	test_since_until();
	test_rotation();
	test_packed();
	test_fragments();
	test_merge();
	test_follow();
	test_torn();
	test_torn_block();
	test_hostile();
	test_killed_writer();
	test_speed();
	close(top_fd);
	(void)fs_rm_rf(AT_FDCWD, top);
	return done_testing();
}
