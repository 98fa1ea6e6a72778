/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/logs/source.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/logs/pack.h"

static int open_number(const struct log_source *s, uint64_t number)
{
	char name[24];
	int fd;

	log_dir_name(number, name);
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? log_unpack(s->dir, number) : fd;
}

static void seek_to(struct log_source *s, uint64_t number, int64_t off)
{
	if (number != s->number) {
		mem_closep(&s->fd);
		s->fd = open_number(s, number);
		s->number = number;
	}
	s->off = off;
	s->buf_len = 0;
	s->head.type = LOG_NONE;
}

static int64_t size_of(const struct log_source *s)
{
	struct stat st;

	return s->fd >= 0 && fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
}

static int64_t block_end(int64_t off)
{
	return off - off % LOG_BLOCK + LOG_BLOCK;
}

/* Have [off, off+len) in the buffer. ret: where it is, NULL when the file does not reach so far */
static const char *bytes_at(struct log_source *s, int64_t off, size_t len)
{
	ssize_t n;

	if (off < s->buf_off || off + (int64_t)len > s->buf_off + (int64_t)s->buf_len) {
		if (!s->buf)
			s->buf = xmalloc(LOG_BLOCK);
		n = s->fd < 0 ? -1 : pread(s->fd, s->buf, (size_t)(block_end(off) - off), off);
		s->buf_off = off;
		s->buf_len = n > 0 ? (size_t)n : 0;
		if (s->buf_len < len)
			return NULL;
	}
	return s->buf + (off - s->buf_off);
}

/* A record that its writer could not finish: its bytes go to the end of the file. */
static bool take_unfinished(struct log_source *s, const uint8_t *raw)
{
	uint8_t inverted[LOG_HEAD];
	int64_t end = size_of(s);

	memcpy(inverted, raw, LOG_HEAD);
	for (int i = 4; i < 8; i++)
		inverted[i] = (uint8_t)~inverted[i];
	if (end > block_end(s->off) || !log_head_get(&s->head, inverted, LOG_BLOCK)) {
		s->head.type = LOG_NONE;
		return false;
	}
	s->head.len = (uint32_t)(end - s->off - LOG_HEAD);
	return true;
}

/* Find the record at off in the current file. final: nothing is written to it any more. */
static bool record_here(struct log_source *s, bool final)
{
	for (;;) {
		int64_t room = block_end(s->off) - s->off;
		const char *p = room >= LOG_HEAD ? bytes_at(s, s->off, LOG_HEAD) : NULL;

		if (p && (log_head_get(&s->head, (const uint8_t *)p, (uint32_t)room) ||
			  (final && take_unfinished(s, (const uint8_t *)p)))) {
			p = bytes_at(s, s->off, LOG_HEAD + s->head.len);
			if (!p)
				break;
			s->p = p + LOG_HEAD;
			s->end = s->p + s->head.len;
			s->off = log_after(s->off, s->head.len);
			return true;
		}
		if (size_of(s) <= block_end(s->off))
			break;
		s->off = block_end(s->off);     /* the end of a block is left free, and a broken one is passed over */
	}
	s->head.type = LOG_NONE;
	s->buf_len = 0;
	return false;
}

/* ret: number of the file after the current one, 0 when there is none */
static uint64_t next_number(const struct log_source *s)
{
	struct log_numbers all = {0};
	uint64_t found = 0;

	if (log_dir_list(s->dir, &all) == 0)
		for (size_t i = 0; i < all.n && !found; i++)
			if (all.v[i] > s->number)
				found = all.v[i];
	vec_done(&all);
	return found;
}

/* What comes first is the end of a line whose beginning was removed, unless a mark says otherwise. */
static void behead(struct log_source *s)
{
	for (int i = 0; i < 2; i++) {
		str_clear(&s->half[i].text);
		s->half[i].cont = false;
		s->half[i].headless = true;
	}
	s->beheaded = true;
}

static bool next_record(struct log_source *s)
{
	uint64_t next;

	while (!record_here(s, false)) {
		next = next_number(s);
		/* once a next file is there, nothing more comes into this one; what came before it did is read first */
		if (s->number && (next || !s->live) && record_here(s, true))
			return true;
		if (!next)
			return false;
		if (next != s->number + 1)      /* those between were removed, or those before the first */
			behead(s);
		seek_to(s, next, 0);
	}
	return true;
}

bool log_source_peek(struct log_source *s)
{
	if (s->head.type != LOG_NONE)
		return true;
	if (s->done || (s->live && !s->dirty && !s->ending))
		return false;
	if (next_record(s)) {
		if (!s->want->until_ns || s->head.time_ns <= s->want->until_ns)
			return true;
		s->head.type = LOG_NONE;
		s->done = s->flush = true;
		return false;
	}
	s->dirty = false;
	if (!s->live || s->ending)
		s->done = s->flush = true;
	return false;
}

/* Decide on a piece: --tail and --since drop some, and what has no beginning is no line. ends: the line is complete. ret: true when it is to be given out */
static bool wanted(struct log_source *s, struct log_half *h, bool ends)
{
	bool gone = h->headless && s->beheaded, drop = s->skip > 0;

	if (ends && drop && !gone)
		s->skip--;
	if (ends && h->headless)
		s->headless_end = s->skip;
	h->cont = !ends;
	h->headless = h->headless && !ends;
	return !drop && !gone && (!s->want->since_ns || s->head.time_ns >= s->want->since_ns);
}

static void fill(const struct log_source *s, struct log_line *ret, int i, const char *data, size_t len)
{
	*ret = (struct log_line){ .tag = s->tag, .time_ns = s->head.time_ns, .stream = i ? LOG_STDERR : LOG_STDOUT,
		.data = data, .len = len, .cont = s->half[i].cont };
}

static void empty_given(struct log_source *s)
{
	if (s->give_back >= 0)
		str_clear(&s->half[s->give_back].text);
	s->give_back = -1;
}

/* Give out what half i holds; the text stays until the next call. ret: true with *ret */
static bool give_half(struct log_source *s, int i, bool newline, bool ends, struct log_line *ret)
{
	struct log_half *h = &s->half[i];

	fill(s, ret, i, str_cstr(&h->text), h->text.len);
	ret->newline = newline;
	s->give_back = i;
	return wanted(s, h, ends);
}

/* No more comes of these lines. ret: true with one of them; false when none is left */
static bool end_of_run(struct log_source *s, struct log_line *ret)
{
	empty_given(s);
	for (int i = 0; i < 2; i++) {
		bool out = s->half[i].text.len && give_half(s, i, false, true, ret);

		s->half[i].cont = s->half[i].headless = false;
		if (out)
			return true;
		empty_given(s);
	}
	return false;
}

static bool lost(struct log_source *s, struct log_line *ret)
{
	uint64_t n = 0;

	for (int i = 0; i < 8 && s->p + i < s->end; i++)
		n |= (uint64_t)(uint8_t)s->p[i] << (8 * i);
	s->p = s->end;
	fill(s, ret, 0, s->sentence, (size_t)snprintf(s->sentence, sizeof(s->sentence),
		"%" PRIu64 " bytes of output are missing: the disk took none", n));
	ret->stream = LOG_LOST;
	ret->newline = true;
	ret->cont = false;
	return !s->want->since_ns || s->head.time_ns >= s->want->since_ns;
}

/* One line, or the piece of it that the record has. ret: true when it is to be given out */
static bool cut_line(struct log_source *s, int i, struct log_line *ret)
{
	struct log_half *h = &s->half[i];
	const char *nl = memchr(s->p, '\n', (size_t)(s->end - s->p)), *to = nl ? nl : s->end;
	size_t len = (size_t)(to - s->p);
	const char *from = s->p;

	if (h->text.len + len > LOG_PIECE_MAX) {
		len = LOG_PIECE_MAX - h->text.len;
		to = from + len;
		nl = NULL;
	} else if (!nl) {               /* wait for the rest of it */
		str_addn(&h->text, from, len);
		s->p = to;
		return false;
	}
	s->p = nl ? to + 1 : to;
	if (h->text.len) {
		str_addn(&h->text, from, len);
		return give_half(s, i, nl != NULL, nl != NULL, ret);
	}
	fill(s, ret, i, from, len);
	ret->newline = nl != NULL;
	return wanted(s, h, nl != NULL);
}

bool log_source_line(struct log_source *s, struct log_line *ret)
{
	if (s->head.type == LOG_MARK) {
		if (end_of_run(s, ret))
			return true;
		s->head.type = LOG_NONE;
		return false;
	}
	empty_given(s);
	while (s->p < s->end) {
		if (s->head.type == LOG_LOST ? lost(s, ret) : cut_line(s, s->head.type == LOG_STDERR, ret))
			return true;
		empty_given(s);
	}
	s->head.type = LOG_NONE;
	return false;
}

bool log_source_rest(struct log_source *s, struct log_line *ret)
{
	if (!s->flush || s->head.type != LOG_NONE)
		return false;
	if (end_of_run(s, ret))
		return true;
	s->flush = false;
	return false;
}

/* Read on from a block's start. inside: what comes first may be the end of a line. */
static void restart(struct log_source *s, uint64_t number, int64_t off, bool inside)
{
	seek_to(s, number, off);
	for (int i = 0; i < 2; i++) {
		str_clear(&s->half[i].text);
		s->half[i].cont = false;
		s->half[i].headless = inside;
	}
	s->give_back = -1;
	s->skip = 0;
	s->headless_end = INT64_MAX;
	s->done = s->flush = false;
	s->dirty = true;
	s->beheaded = false;
	if (!inside && number > 1)
		behead(s);
}

/* Lines from here to the end. *ret_known: how many of the last ones have certainly their beginning in here */
static int64_t count(struct log_source *s, int64_t *ret_known)
{
	struct log_line line;

	s->skip = INT64_MAX;
	while (log_source_peek(s))
		(void)log_source_line(s, &line);
	(void)log_source_rest(s, &line);
	*ret_known = s->headless_end == INT64_MAX ? INT64_MAX - s->skip : s->headless_end - s->skip;
	return INT64_MAX - s->skip;
}

/* Go n blocks back from the end of the log. ret: true when the beginning was reached */
static bool step_back(struct log_source *s, const struct log_numbers *all, int64_t n, size_t *ret_file, int64_t *ret_off)
{
	for (size_t i = all->n; i-- > 0;) {
		int64_t blocks;

		seek_to(s, all->v[i], 0);
		blocks = (size_of(s) + LOG_BLOCK - 1) / LOG_BLOCK;
		*ret_file = i;
		*ret_off = n < blocks ? (blocks - n) * LOG_BLOCK : 0;
		if (n < blocks)
			return false;
		n -= blocks;
	}
	return true;
}

/* Position so that exactly the last want->tail lines follow: try ever larger ends of the log. */
static void seek_tail(struct log_source *s, const struct log_numbers *all)
{
	int64_t total, known, off = 0;
	bool whole;
	size_t file = 0;

	for (int64_t blocks = 1;; blocks *= 4) {
		whole = step_back(s, all, blocks, &file, &off);
		restart(s, all->v[file], off, !whole);
		total = count(s, &known);
		if (whole || known >= s->want->tail)
			break;
	}
	restart(s, all->v[file], off, !whole);
	s->skip = total > s->want->tail ? total - s->want->tail : 0;
}

/* ret: time of the first record of the block at off, or the far future when there is none */
static int64_t block_time(struct log_source *s, int64_t off)
{
	struct log_head h;
	const char *p = bytes_at(s, off, LOG_HEAD);

	return p && log_head_get(&h, (const uint8_t *)p, LOG_BLOCK) ? h.time_ns : INT64_MAX;
}

/* Position at the last block that begins before since, by bisection. */
static void seek_since(struct log_source *s, const struct log_numbers *all)
{
	size_t file = all->n;
	int64_t lo = 0, hi;

	do {
		seek_to(s, all->v[--file], 0);
	} while (file && block_time(s, 0) >= s->want->since_ns);
	hi = (size_of(s) + LOG_BLOCK - 1) / LOG_BLOCK;
	while (lo + 1 < hi) {
		int64_t mid = lo + (hi - lo) / 2;

		if (block_time(s, mid * LOG_BLOCK) < s->want->since_ns)
			lo = mid;
		else
			hi = mid;
	}
	restart(s, all->v[file], lo * LOG_BLOCK, file || lo);
}

void log_source_init(struct log_source *s, int dir, void *tag, const struct log_want *want)
{
	struct log_numbers all = {0};

	*s = (struct log_source){ .tag = tag, .dir = dir, .fd = -1, .wd = -1, .give_back = -1, .want = want,
		.live = want->follow, .dirty = true, .headless_end = INT64_MAX };
	if (log_dir_list(dir, &all) == 0 && all.n) {
		if (want->tail >= 0)
			seek_tail(s, &all);
		else if (want->since_ns)
			seek_since(s, &all);
	}
	vec_done(&all);
}

void log_source_done(struct log_source *s)
{
	mem_closep(&s->fd);
	mem_closep(&s->dir);
	free(s->buf);
	str_done(&s->half[0].text);
	str_done(&s->half[1].text);
}
