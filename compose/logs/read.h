/* SPDX-License-Identifier: Apache-2.0 */
/* read.h - the output of one or many containers, line by line, in order of time; and what comes from now on.
 * runs in: client.   owns: struct log_reader its files and buffers.   layer: logs.
 * Files are untrusted: broken ones yield less, never an overrun; sizes are capped by the format. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/err.h"
#include "compose/logs/format.h"

enum { LOG_PIECE_MAX = 64 * 1024 };        /* a longer line comes in pieces */

struct log_want {
	int64_t since_ns, until_ns;            /* wall clock; 0 = no limit */
	int64_t tail;                          /* last N lines of each container; -1 = all */
	bool    follow;
};

struct log_line {
	void          *tag;                    /* from log_reader_add() */
	int64_t        time_ns;                /* when its end (or this piece of it) came */
	enum log_type  stream;                 /* LOG_STDOUT, LOG_STDERR; LOG_LOST: *data* is a sentence for people */
	const char    *data;                   /* any bytes, without the newline; valid until the next call */
	size_t         len;
	bool           newline;                /* false: the line goes on in a later piece, or ended without one */
	bool           cont;                   /* continues the stream's last piece, which had no newline */
};

struct log_reader;
int  log_reader_new(struct log_reader **ret, const struct log_want *w, struct err *e) __attribute__((warn_unused_result));
void log_reader_free(struct log_reader *r);
static inline void log_reader_freep(struct log_reader **r) { log_reader_free(*r); }
#define auto_log_reader __attribute__((cleanup(log_reader_freep)))

/* Add a container. in: dir: its directory, stays the caller's; tag: comes back in its lines. Also while following. ret: 0; 1 when it has no log yet and none is awaited (not following) */
int  log_reader_add(struct log_reader *r, int dir, void *tag, struct err *e) __attribute__((warn_unused_result));
/* Those that are added from now on are new: want.tail does not cut what they have. */
void log_reader_tail_done(struct log_reader *r);
/* Forget it when what is there has been read: its container was removed. */
void log_reader_end(struct log_reader *r, void *tag);
/* The next line. ret: 1; 0 when there is none now: finished, or when following: wait for log_reader_fd() */
int  log_reader_next(struct log_reader *r, struct log_line *ret, struct err *e) __attribute__((warn_unused_result));
/* Following: readable when log_reader_next() is worth a call. -1 when not following */
int  log_reader_fd(const struct log_reader *r);
/* When following, half a line waits for its end. Give out those now (the container has exited, or follow ends). */
void log_reader_flush(struct log_reader *r, void *tag);
