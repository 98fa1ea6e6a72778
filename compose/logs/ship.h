/* SPDX-License-Identifier: Apache-2.0 */
/* ship.h - a container's output, line by line, to the system's logger: syslog or journald. The log on disk stays the record.
 * runs in: supervisor worker.   owns: struct ship its socket, its queue, copies of what it was given.   layer: logs.
 * spec: RFC 3164, RFC 5424, RFC 6587 3.4.2 (a newline ends a message on a stream); journald's native protocol.
 * A logger that is away is tried again every second; meanwhile what does not fit the queue is dropped and counted. A line of
 * more than SHIP_LINE_MAX bytes goes in parts. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "compose/base/err.h"
#include "compose/base/loop.h"
#include "compose/logs/format.h"

enum { SHIP_LINE_MAX = 16 * 1024, SHIP_BUFFER_BYTES = 1024 * 1024 };
/* SHIP_LOCAL: what syslog(3) writes to /dev/log, without a host name */
enum ship_format { SHIP_LOCAL, SHIP_RFC3164, SHIP_RFC5424, SHIP_RFC5424_MICRO, SHIP_JOURNAL };

struct ship_to {
	const char *address;        /* unix:///PATH, unixgram:///PATH, udp://IP:PORT, tcp://IP:PORT; IPv6 in brackets */
	enum ship_format format;
	int         facility;       /* 0-23 */
	const char *host, *tag;
	const char *name;           /* of the container, for messages */
	const char *fields;         /* SHIP_JOURNAL: lines "KEY=value\n" */
	bool        drop;           /* when the queue is full, rather than hold the container up */
	size_t      buffer_bytes;   /* of the queue; 0: SHIP_BUFFER_BYTES */
};

struct ship;
/* room: ship_full() has become false; not called after ship_end(). note: what the user should know, emptied by it.
 * over: one that had ended is gone */
struct ship_calls { void (*room)(void *arg); void *arg; void (*note)(void *owner, struct err *e); void (*over)(void *owner); void *owner; };

/* Begin; does not wait for the connection. */
struct ship *ship_new(struct loop *l, const struct ship_to *to, const struct ship_calls *calls) __attribute__((returns_nonnull));
/* Send bytes of a stream (LOG_STDOUT, LOG_STDERR); pid: of the container. */
void ship_write(struct ship *s, enum log_type stream, pid_t pid, const char *buf, size_t n);
/* ret: whether the container should wait before it gives more */
bool ship_full(const struct ship *s);
/* The container has ended: what is left goes as long as the logger takes some of it every 2 s (30 s at most), then s frees itself. NULL is fine. */
void ship_end(struct ship *s);
/* ret: how many of those there are */
size_t ship_pending(void);

/* One message. partial: more of the line follows. ret: caller frees, *ret_len bytes without a terminator of its own */
char *ship_text(const struct ship_to *to, enum log_type stream, pid_t pid, int64_t now_ns, const char *line, size_t n, bool partial,
		size_t *ret_len) __attribute__((returns_nonnull));
/* An address as in struct ship_to to a socket's. ret: its size, 0 when it is none */
struct sockaddr_storage;
size_t ship_address(const char *text, struct sockaddr_storage *ret, bool *ret_stream);
