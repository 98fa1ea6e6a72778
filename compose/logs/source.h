/* SPDX-License-Identifier: Apache-2.0 */
/* source.h - one container's log as a row of lines. Private to compose/logs (read.c merges several).
 * runs in: client.   owns: struct log_source its files and buffers.   layer: logs. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/err.h"
#include "compose/base/str.h"
#include "compose/logs/dir.h"
#include "compose/logs/format.h"
#include "compose/logs/read.h"

/* What stands of a stream's last line. */
struct log_half {
	struct str text;
	bool cont;              /* text continues a piece already given out */
	bool headless;          /* reading may have begun inside this line */
};

struct log_source {
	void    *tag;
	int      dir, fd, wd;   /* wd: inotify watch, -1 none */
	uint64_t number;        /* file being read; 0: none yet */
	int64_t  off;           /* of the next record */
	char    *buf;           /* LOG_BLOCK bytes of the file from buf_off on */
	int64_t  buf_off;
	size_t   buf_len;
	struct log_head head;   /* the current record; type LOG_NONE: none */
	const char *p, *end;    /* what is left of it */
	struct log_half half[2];/* stdout, stderr */
	int      give_back;     /* half[i].text was given out by the last call: empty it first; -1 none */
	int64_t  skip;          /* lines still to drop (--tail) */
	int64_t  headless_end;  /* skip when the last headless line ended */
	bool     live;          /* half lines and cut records wait for their end */
	bool     dirty;         /* worth looking at again */
	bool     beheaded;      /* headless lines have their beginning in a file that was removed */
	bool     ending, flush, done;
	const struct log_want *want;
	char     sentence[64];
};

/* dir: the log directory; the source's to close from now on. Positions at what want asks for. */
void log_source_init(struct log_source *s, int dir, void *tag, const struct log_want *want);
void log_source_done(struct log_source *s);
/* Have a current record. ret: true; false when there is none now (s->done: and never will be) */
bool log_source_peek(struct log_source *s);
/* The next line of the current record. ret: true; false when the record is used up */
bool log_source_line(struct log_source *s, struct log_line *ret);
/* A half line that waits, when it is to wait no longer. ret: true with *ret */
bool log_source_rest(struct log_source *s, struct log_line *ret);
