/* SPDX-License-Identifier: Apache-2.0 */
/* format.h - how a container's output lies on disk. Private to compose/logs.
 * runs in: client (reads), supervisor worker (writes).   layer: logs.
 *
 * DIR/log/ holds files named by a growing number, 6 digits or more; the largest is written, the smallest are removed when
 * there are too many. All but the largest may be compressed (pack.h). A file is a row of records. A record is 16 bytes of head and the bytes as they were read from the
 * container, of one stream, whatever they are: lines are found by the reader. So a line costs no byte of its own, and
 * 64 KiB of short lines are one record with one time.
 * No record crosses a multiple of LOG_BLOCK: a reader can start at each of them, for --tail from the end and for --since
 * by bisection. Too little room for a record before it is skipped.
 * A record begins at a multiple of LOG_HEAD: its head then lies in one page and is written whole or not at all, even by a
 * writer that is killed meanwhile.
 * The bytes are written first and the head last: a head of zeros with bytes behind it, at the end of the file, is a record
 * whose writer was killed in between; its length is what the file has. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LOG_BLOCK = 128 * 1024, LOG_HEAD = 16, LOG_NAME_MAX = 24 };
/* LOG_MARK: the container starts here, or a file does at a line's beginning; what is half a line stays so. LOG_LOST: 8 bytes, how many could not be stored. */
enum log_type { LOG_NONE, LOG_STDOUT, LOG_STDERR, LOG_MARK, LOG_LOST };

struct log_head { uint32_t len; enum log_type type; int64_t time_ns; };

/* ret: where the record after one at off begins */
static inline int64_t log_after(int64_t off, uint32_t len)
{
	return (off + LOG_HEAD + len + LOG_HEAD - 1) / LOG_HEAD * LOG_HEAD;
}

/* FNV-1a over the other 12 bytes: tells a head that is being written from one that is there. */
static inline uint32_t log_check(const uint8_t raw[LOG_HEAD])
{
	uint32_t h = 2166136261U;

	for (int i = 0; i < LOG_HEAD; i++)
		if (i < 4 || i >= 8)
			h = (h ^ raw[i]) * 16777619U;
	return h;
}

static inline void log_head_put(const struct log_head *h, uint8_t raw[LOG_HEAD])
{
	uint32_t check;

	for (int i = 0; i < 3; i++)
		raw[i] = (uint8_t)(h->len >> (8 * i));
	raw[3] = (uint8_t)h->type;
	for (int i = 0; i < 8; i++)
		raw[8 + i] = (uint8_t)((uint64_t)h->time_ns >> (8 * i));
	check = log_check(raw);
	for (int i = 0; i < 4; i++)
		raw[4 + i] = (uint8_t)(check >> (8 * i));
}

/* room: bytes to the end of the block. ret: false when no whole head is there */
static inline bool log_head_get(struct log_head *h, const uint8_t raw[LOG_HEAD], uint32_t room)
{
	uint32_t check = 0;
	uint64_t t = 0;

	h->len = (uint32_t)raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16;
	h->type = (enum log_type)raw[3];
	for (int i = 0; i < 4; i++)
		check |= (uint32_t)raw[4 + i] << (8 * i);
	for (int i = 0; i < 8; i++)
		t |= (uint64_t)raw[8 + i] << (8 * i);
	h->time_ns = (int64_t)t;
	return h->type != LOG_NONE && h->type <= LOG_LOST && check == log_check(raw) && LOG_HEAD + h->len <= room;
}
