/* SPDX-License-Identifier: Apache-2.0 */
/* relay_tcp.c - one TCP connection carried to another, inside the kernel: socket -> pipe -> socket.
 * A pipe is needed only while bytes are on the way, so all connections share one; a half whose receiver is slow keeps it
 * with what is in it, and another takes its place. An idle connection costs two descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include "compose/base/coll.h"
#include "compose/base/sys.h"
#include "compose/supervisor/relay.h"

enum { PIPE_BYTES = 256 * 1024, MOVE_BYTES = 1024 * 1024, ROUNDS = 8, AGAIN_NS = 20000000 };

struct side;
/* Bytes from one side to the other. */
struct half { int pipe[2]; size_t held; bool ended, done; };    /* ended: no more comes in; done: the end was passed on */
struct side { struct tcp *t; int fd; struct loop_src *src; uint32_t events; struct half in; };
struct tcp {
	struct side client, target;
	bool connecting;
	struct loop *loop;
	union target to;
	socklen_t to_len;
	int64_t patient_ns;
	struct loop_src *again;         /* timer of the next attempt */
};

static int spare[2] = { -1, -1 };

static int pipe_get(int ret[2])
{
	if (spare[0] >= 0) {
		ret[0] = take_fd(spare[0]);
		ret[1] = take_fd(spare[1]);
		return 0;
	}
	if (pipe2(ret, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	(void)fcntl(ret[0], F_SETPIPE_SZ, PIPE_BYTES);  /* as far as we may */
	return 0;
}

/* in: an empty pipe is kept for the next, one with bytes in it is of no use */
static void pipe_put(int p[2], bool empty)
{
	if (p[0] >= 0 && empty && spare[0] < 0) {
		spare[0] = take_fd(p[0]);
		spare[1] = take_fd(p[1]);
		return;
	}
	mem_closep(&p[0]);
	mem_closep(&p[1]);
	p[0] = p[1] = -1;
}

static void tcp_free(struct tcp *t)
{
	loop_del(t->again);
	for (struct side *s = &t->client; s; s = s == &t->client ? &t->target : NULL) {
		loop_del(s->src);
		mem_closep(&s->fd);
		pipe_put(s->in.pipe, s->in.held == 0);
	}
	free(t);
}

/* The other end is to see that this did not end well. */
static void reset(struct tcp *t)
{
	const struct linger now = { .l_onoff = 1 };

	(void)setsockopt(t->client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	tcp_free(t);
}

/* Move from s to other what can be moved. ret: false when the connection broke */
static bool move(struct side *s, struct side *other)
{
	struct half *h = &s->in;

	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = 0;

		if (!h->ended && !h->held) {
			if (h->pipe[0] < 0 && pipe_get(h->pipe) < 0)
				return false;
			n = splice(s->fd, NULL, h->pipe[1], NULL, MOVE_BYTES, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
			if (n < 0 && errno != EAGAIN)
				return false;
			h->ended = n == 0;
			h->held += n > 0 ? (size_t)n : 0;
		}
		if (!h->held)
			break;
		n = splice(h->pipe[0], NULL, other->fd, NULL, h->held, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n < 0 && errno != EAGAIN)
			return false;
		h->held -= n > 0 ? (size_t)n : 0;
		if (h->held)
			break;
	}
	if (!h->held)
		pipe_put(h->pipe, true);
	if (h->ended && !h->held && !h->done) {
		h->done = true;
		(void)shutdown(other->fd, SHUT_WR);
	}
	return true;
}

static void want(struct side *s, const struct side *other)
{
	uint32_t events = (!s->in.ended && !s->in.held ? EPOLLIN : 0) | (other->in.held ? EPOLLOUT : 0);

	if (events != s->events && s->src)
		loop_mod(s->src, events);
	s->events = events;
}

static void on_side(void *arg, uint32_t events);

static void tune(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

static bool dial(struct tcp *t)
{
	t->target.fd = socket(t->to.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->target.fd < 0)
		return false;
	tune(t->target.fd);
	if (connect(t->target.fd, &t->to.sa, t->to_len) < 0 && errno != EINPROGRESS)
		return false;
	t->target.events = EPOLLOUT;
	t->target.src = loop_add(t->loop, t->target.fd, EPOLLOUT, on_side, &t->target);
	return t->target.src != NULL;
}

static void on_again(void *arg)
{
	struct tcp *t = arg;

	t->again = NULL;
	if (!dial(t))
		reset(t);
}

/* The attempt has ended. ret: false when there is no connection, now at least: t is taken care of */
static bool connected(struct tcp *t)
{
	int sysno = 0;
	socklen_t n = sizeof(sysno);

	(void)getsockopt(t->target.fd, SOL_SOCKET, SO_ERROR, &sysno, &n);
	if (sysno == ECONNREFUSED && sys_mono_ns() < t->patient_ns) {
		loop_del(t->target.src);
		t->target.src = NULL;
		mem_closep(&t->target.fd);
		t->target.fd = -1;
		t->again = loop_at(t->loop, sys_mono_ns() + AGAIN_NS, on_again, t);
		return false;
	}
	if (sysno) {
		reset(t);
		return false;
	}
	t->connecting = false;
	return true;
}

static void on_side(void *arg, uint32_t events)
{
	struct side *s = arg;
	struct tcp *t = s->t;
	struct side *other = s == &t->client ? &t->target : &t->client;

	if (t->connecting) {
		if (s == &t->client) {          /* it gave up before we had anybody for it */
			if (events & (EPOLLERR | EPOLLHUP))
				tcp_free(t);
			return;
		}
		if (!connected(t))
			return;
	}
	if (!move(s, other) || !move(other, s)) {
		reset(t);
		return;
	}
	if ((s->in.done && other->in.done) || (events & EPOLLERR)) {
		tcp_free(t);
		return;
	}
	if (events & EPOLLHUP && s->in.ended && other->in.done) {
		loop_del(s->src);       /* nothing to be heard here any more, and that would be told without end */
		s->src = NULL;
	}
	want(s, other);
	want(other, s);
}

void tcp_carry(struct loop *l, int fd, const struct port *p)
{
	struct tcp *t = xcalloc(1, sizeof(*t));

	*t = (struct tcp){ .loop = l, .to = p->target, .to_len = p->target_len, .patient_ns = p->patient_ns, .connecting = true,
		.client = { .t = t, .fd = fd, .in = { .pipe = { -1, -1 } } }, .target = { .t = t, .fd = -1, .in = { .pipe = { -1, -1 } } } };
	tune(fd);
	t->client.src = loop_add(l, fd, 0, on_side, &t->client);
	if (!t->client.src || !dial(t))
		reset(t);
}
