/* SPDX-License-Identifier: Apache-2.0 */
/* write.h - a container's output into files, as it comes.
 * runs in: supervisor worker.   owns: struct log_writer the file being written.   layer: logs.
 * Bytes go from the container's pipe to the file inside the kernel (splice): they are in the one or in the other at every
 * moment, so a writer that is killed loses none and repeats none. The next log_writer_open() puts the last head right. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "compose/base/err.h"
#include "compose/logs/format.h"

struct log_writer;

/* Begin or continue the log in dir/log (made when absent). in: dir: the container's directory, stays the caller's;
 * max_bytes for each file, 0 = 10 MiB; max_files, 0 = 3 */
int  log_writer_open(struct log_writer **ret, int dir, int64_t max_bytes, int max_files, struct err *e)
	__attribute__((warn_unused_result));
/* From now on files that are full are compressed, by a process of its own (pack.h). */
void log_writer_pack(struct log_writer *w);
/* One that keeps nothing but what log_last() asks for (log driver "none"). */
struct log_writer *log_writer_none(void) __attribute__((returns_nonnull));
void log_writer_close(struct log_writer *w);

/* Say that the container starts. */
int log_mark(struct log_writer *w, struct err *e) __attribute__((warn_unused_result));
/* Move what pipe holds now, at most one record, into the log. stream: LOG_STDOUT or LOG_STDERR.
 * ret: bytes moved; 0 when the pipe is empty (whether it has ended, poll tells). When the disk is full or broken: the bytes
 * are thrown away and counted (a later record tells how many), e is set the first time, and they count as moved */
ssize_t log_splice(struct log_writer *w, int pipe, enum log_type stream, struct err *e)
	__attribute__((warn_unused_result));
/* The same for bytes in memory. ret: 0, or -1 with e; on failure nothing of it is in the log */
int log_put(struct log_writer *w, enum log_type stream, const void *buf, size_t len, struct err *e)
	__attribute__((warn_unused_result));
/* Read back what the last log_splice() of this process moved, from its byte off on. ret: bytes, 0 at its end, -1 with errno */
ssize_t log_last(const struct log_writer *w, size_t off, void *buf, size_t cap);
