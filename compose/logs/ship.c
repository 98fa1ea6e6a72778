/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/logs/ship.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

static const int64_t retry_ns = 1000000000, last_words_ns = 2000000000;

enum { PATIENCE = 15 };         /* looks at the queue of one that has ended */

struct message { struct message *next; size_t len, off; char text[]; };
struct line { char *buf; size_t n; pid_t pid; };    /* buf: SHIP_LINE_MAX bytes, made with the first half line */

enum ship_state { SHIP_AWAY, SHIP_CONNECTING, SHIP_UP };

struct ship {
	struct loop *loop;
	struct ship_calls calls;
	struct ship_to to;
	enum ship_state state;
	int      fd;
	bool     stream;              /* messages end with a newline */
	bool     told;                /* that it is away; until it is back */
	bool     held_up;             /* full() was true since the last room() */
	bool     ended;
	struct loop_src *src, *retry, *deadline;
	struct message *head, **tail;
	size_t   bytes, left;         /* in the queue; there at the last look, once ended */
	int      patience;
	uint64_t lost;
	struct line out, err;
};

static size_t pending;

static void note(struct ship *s, struct err *e)
{
	err_wrap(e, "logging of container %s", s->to.name);
	s->calls.note(s->calls.owner, e);
	err_done(e);
}

static void tell_lost(struct ship *s)
{
	struct err e = {0};

	if (!s->lost)
		return;
	err_set(&e, ERR_NET, 0, "%llu messages for the logger at %s were dropped", (unsigned long long)s->lost, s->to.address);
	note(s, &e);
	s->lost = 0;
}

static void ship_free(struct ship *s)
{
	const struct ship_calls calls = s->calls;
	bool was_pending = s->ended;
	struct message *next;

	loop_del(s->src);
	loop_del(s->retry);
	loop_del(s->deadline);
	mem_closep(&s->fd);
	for (struct message *m = s->head; m; m = next) {
		next = m->next;
		s->lost++;
		free(m);
	}
	tell_lost(s);
	free(s->out.buf);
	free(s->err.buf);
	free((char *)(uintptr_t)s->to.address);
	free((char *)(uintptr_t)s->to.host);
	free((char *)(uintptr_t)s->to.tag);
	free((char *)(uintptr_t)s->to.fields);
	free((char *)(uintptr_t)s->to.name);
	pending -= was_pending;
	free(s);
	if (was_pending)
		calls.over(calls.owner);
}

static void tell_room(struct ship *s)
{
	if (!s->held_up || ship_full(s))
		return;
	s->held_up = false;
	if (s->calls.room)
		s->calls.room(s->calls.arg);
}

static void pop(struct ship *s)
{
	struct message *m = s->head;

	s->head = m->next;
	if (!s->head)
		s->tail = &s->head;
	s->bytes -= m->len;
	free(m);
}

/* ---- connection -------------------------------------------------------------------------------------------------- */

static void connect_now(struct ship *s);

static void on_retry(void *arg)
{
	struct ship *s = arg;

	s->retry = NULL;
	connect_now(s);
}

static bool is_udp(const struct ship *s)
{
	return str_starts(s->to.address, "udp://");
}

/* Somebody who does not listen to datagrams is told once; they are sent all the same. */
static void refused(struct ship *s)
{
	struct err e = {0};

	if (s->told)
		return;
	s->told = true;
	err_set(&e, ERR_NET, 0, "nobody listens at %s", s->to.address);
	note(s, &e);
}

/* It is away: once told, then tried again and again. */
static void lost_it(struct ship *s, int sysno)
{
	struct err e = {0};

	loop_del(s->src);
	s->src = NULL;
	mem_closep(&s->fd);
	s->fd = -1;
	s->state = SHIP_AWAY;
	if (s->head)
		s->head->off = 0;             /* the whole message again */
	if (!s->told) {
		err_set(&e, ERR_NET, sysno, "the logger at %s takes nothing", s->to.address);
		note(s, &e);
	}
	s->told = true;
	if (!s->retry && !s->ended)
		s->retry = loop_at(s->loop, sys_mono_ns() + retry_ns, on_retry, s);
	tell_room(s);
}

/* ret: false when it is over with the connection for now, or with s */
static bool send_head(struct ship *s)
{
	struct message *m = s->head;
	ssize_t n = send(s->fd, m->text + m->off, m->len - m->off, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
		loop_mod(s->src, EPOLLOUT | EPOLLRDHUP);
		return false;
	}
	if (n < 0 && errno == ECONNREFUSED && is_udp(s)) {        /* of a datagram before */
		refused(s);
		return true;
	}
	if (n < 0 && errno == EMSGSIZE) {             /* a datagram of that size cannot be */
		s->lost++;
		pop(s);
		return true;
	}
	if (n < 0) {
		lost_it(s, errno);
		return false;
	}
	m->off += (size_t)n;
	if (m->off == m->len)
		pop(s);
	return true;
}

static void flush(struct ship *s)
{
	bool some = s->head != NULL;

	while (s->state == SHIP_UP && s->head && send_head(s))
		;
	if (s->state == SHIP_UP && !s->head) {
		loop_mod(s->src, EPOLLRDHUP);
		if (some) {
			s->told = s->told && is_udp(s);
			tell_lost(s);
		}
	}
	tell_room(s);
	if (s->ended && !s->head)
		ship_free(s);
}

static void on_socket(void *arg, uint32_t events)
{
	struct ship *s = arg;
	int sysno = 0;
	socklen_t n = sizeof(sysno);

	(void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &sysno, &n);
	if (sysno && is_udp(s)) {
		refused(s);
		sysno = 0;
	} else if (sysno || events & (EPOLLHUP | EPOLLRDHUP)) {
		lost_it(s, sysno ? sysno : ECONNRESET);
		return;
	}
	s->state = SHIP_UP;
	flush(s);
}

/* A path of the file system may be a socket of either kind. */
static int connect_to(struct ship *s)
{
	struct sockaddr_storage a;
	socklen_t n = (socklen_t)ship_address(s->to.address, &a, &s->stream);
	int kind = s->stream ? SOCK_STREAM : SOCK_DGRAM, r;

	if (!n) {
		errno = EINVAL;
		return -1;
	}
	s->fd = socket(a.ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = s->fd < 0 ? -1 : connect(s->fd, (const struct sockaddr *)&a, n);
	if (r < 0 && errno == EPROTOTYPE && str_starts(s->to.address, "unix://")) {
		mem_closep(&s->fd);
		s->stream = true;
		s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = s->fd < 0 ? -1 : connect(s->fd, (const struct sockaddr *)&a, n);
	}
	return r < 0 && errno == EINPROGRESS ? 1 : r;
}

static void connect_now(struct ship *s)
{
	int r = connect_to(s);

	if (r >= 0)
		s->src = loop_add(s->loop, s->fd, EPOLLOUT | EPOLLRDHUP, on_socket, s);
	if (r < 0 || !s->src) {
		lost_it(s, errno);
		return;
	}
	s->state = r ? SHIP_CONNECTING : SHIP_UP;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static size_t capacity(const struct ship *s)
{
	return s->to.buffer_bytes ? s->to.buffer_bytes : SHIP_BUFFER_BYTES;
}

bool ship_full(const struct ship *s)
{
	return !s->to.drop && s->state == SHIP_UP && s->bytes >= capacity(s);
}

/* A container that waits overshoots by what its pipes hold; nothing else may be more than the queue takes. */
static bool has_room(const struct ship *s, size_t n)
{
	return (!s->to.drop && s->state == SHIP_UP) || s->bytes + n <= capacity(s);
}

static void put(struct ship *s, enum log_type stream, pid_t pid, const char *line, size_t n, bool partial)
{
	auto_free char *text = NULL;
	struct message *m;
	size_t len;

	if (n && line[n - 1] == '\r' && !partial)
		n--;
	text = ship_text(&s->to, stream, pid, sys_now_ns(), line, n, partial, &len);
	if (!has_room(s, len + 1)) {
		s->lost++;
		return;
	}
	m = xmalloc(sizeof(*m) + len + 1);
	*m = (struct message){ .len = len + s->stream };
	memcpy(m->text, text, len);
	m->text[len] = '\n';
	*s->tail = m;
	s->tail = &m->next;
	s->bytes += m->len;
}

static void half_line(struct line *l, const char *p, size_t n, pid_t pid)
{
	if (!l->buf)
		l->buf = xmalloc(SHIP_LINE_MAX);
	memcpy(l->buf + l->n, p, n);
	l->n += n;
	l->pid = pid;
}

void ship_write(struct ship *s, enum log_type stream, pid_t pid, const char *buf, size_t n)
{
	struct line *l = stream == LOG_STDERR ? &s->err : &s->out;

	while (n) {
		const char *end = memchr(buf, '\n', n);
		size_t len = end ? (size_t)(end - buf) : n, room = SHIP_LINE_MAX - l->n;
		bool whole = end && len <= room;

		if (len > room)
			len = room;
		if (whole && !l->n) {
			put(s, stream, pid, buf, len, false);
		} else {
			half_line(l, buf, len, pid);
			if (whole || l->n == SHIP_LINE_MAX) {
				put(s, stream, pid, l->buf, l->n, !whole);
				l->n = 0;
			}
		}
		buf += len + whole;
		n -= len + whole;
	}
	s->held_up |= ship_full(s);
	if (s->state == SHIP_UP)
		flush(s);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

struct ship *ship_new(struct loop *l, const struct ship_to *to, const struct ship_calls *calls)
{
	struct ship *s = xcalloc(1, sizeof(*s));

	*s = (struct ship){ .loop = l, .calls = *calls, .to = *to, .fd = -1, .tail = &s->head };
	s->to.address = xstrdup(to->address);
	s->to.host = xstrdup(to->host);
	s->to.tag = xstrdup(to->tag);
	s->to.fields = xstrdup(to->fields);
	s->to.name = xstrdup(to->name);
	connect_now(s);
	return s;
}

static void on_deadline(void *arg)
{
	struct ship *s = arg;

	s->deadline = NULL;
	if (s->bytes < s->left && ++s->patience < PATIENCE) {       /* it is slow, but takes them */
		s->left = s->bytes;
		s->deadline = loop_at(s->loop, sys_mono_ns() + last_words_ns, on_deadline, s);
		return;
	}
	ship_free(s);
}

void ship_end(struct ship *s)
{
	if (!s)
		return;
	s->calls.room = NULL;
	s->ended = true;
	pending++;
	if (s->out.n)
		put(s, LOG_STDOUT, s->out.pid, s->out.buf, s->out.n, false);
	if (s->err.n)
		put(s, LOG_STDERR, s->err.pid, s->err.buf, s->err.n, false);
	s->out.n = s->err.n = 0;
	if (s->state == SHIP_AWAY) {
		ship_free(s);
		return;
	}
	s->left = s->bytes;
	s->deadline = loop_at(s->loop, sys_mono_ns() + last_words_ns, on_deadline, s);
	flush(s);
}

size_t ship_pending(void)
{
	return pending;
}
