/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/ctl.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "compose/base/coll.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/ctr.h"

enum { CONNS_MAX = 256, QUEUE_MAX_BYTES = 4 * 1024 * 1024, BUF_MAX = CTL_MSG_MAX, PAST_MAX = 256, REQUESTS_AT_ONCE = 256 };

struct conn {
	struct worker *w;
	int  fd;
	struct loop_src *src;
	bool subscribed, broken;
	struct strv queue;              /* messages that the client has no room for yet */
	size_t queued_bytes;
};
struct ctl {
	int listener;
	struct loop_src *src;
	VEC(struct conn *) conns;
	struct { char *text; int64_t time_ns; } past[PAST_MAX];     /* the last events, a ring; as text, which is small */
	size_t n_past;                  /* ever put there */
	int64_t since_ns;               /* nothing before is remembered */
};

static char buf[BUF_MAX];

/* ---- out --------------------------------------------------------------------------------------------------------- */

static void on_conn(void *arg, uint32_t events);

static void flush(struct conn *c)
{
	while (c->queue.n) {
		char *text = c->queue.v[0];

		if (send(c->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			c->broken = c->broken || (errno != EAGAIN && errno != EINTR);
			break;
		}
		c->queued_bytes -= strlen(text);
		free(text);
		vec_remove(&c->queue, 0);
	}
	loop_mod(c->src, EPOLLIN | (c->queue.n ? EPOLLOUT : 0));
}

/* j is consumed. A client that does not read what it asked for is cut off. */
static void post(struct conn *c, json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	json_decref(j);
	if (!text || c->broken) {
		free(text);
		return;
	}
	c->queued_bytes += strlen(text);
	strv_take(&c->queue, text);
	if (c->queued_bytes > QUEUE_MAX_BYTES)
		c->broken = true;
	flush(c);
	if (c->broken)                  /* the loop sees the end of it and cleans up */
		(void)shutdown(c->fd, SHUT_RDWR);
}

void ctl_reply(struct conn *c, int64_t id, json_t *j)
{
	json_t *all = j ? j : json_object();

	if (!c) {
		json_decref(all);
		return;
	}
	(void)json_object_set_new(all, "id", json_integer(id));
	(void)json_object_set_new(all, "ok", json_true());
	post(c, all);
}

void ctl_fail(struct conn *c, int64_t id, const struct err *e)
{
	json_t *j;

	if (!c)
		return;
	j = json_pack("{s:I}", "id", (json_int_t)id);
	(void)json_object_set_new(j, "err", err_to_json(e));
	post(c, j);
}

void ctl_send(struct conn *c, json_t *j)
{
	post(c, j);
}

static void remember(struct ctl *ctl, json_t *j)
{
	size_t i = ctl->n_past++ % PAST_MAX;

	if (ctl->past[i].text)
		ctl->since_ns = ctl->past[i].time_ns + 1;
	free(ctl->past[i].text);
	ctl->past[i].text = json_dumps(j, JSON_COMPACT);
	ctl->past[i].time_ns = json_int(j, "time_ns", 0);
}

void ctl_event(struct worker *w, json_t *j)
{
	for (size_t i = 0; w->ctl && i < w->ctl->conns.n; i++)
		if (w->ctl->conns.v[i]->subscribed)
			post(w->ctl->conns.v[i], json_incref(j));
	if (w->ctl)
		remember(w->ctl, j);
	json_decref(j);
}

int64_t ctl_remembers_since(const struct worker *w)
{
	return w->ctl->since_ns;
}

void ctl_replay(struct conn *c, int64_t since_ns)
{
	const struct ctl *ctl = c->w->ctl;

	for (size_t i = ctl->n_past > PAST_MAX ? ctl->n_past - PAST_MAX : 0; i < ctl->n_past; i++) {
		json_t *j = ctl->past[i % PAST_MAX].time_ns >= since_ns ? json_loads(ctl->past[i % PAST_MAX].text, 0, NULL) : NULL;

		if (j)
			post(c, j);
	}
	post(c, json_pack("{s:i,s:s}", "id", 0, "event", "replayed"));
}

void ctl_subscribe(struct conn *c)
{
	c->subscribed = true;
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

static void conn_free(struct conn *c)
{
	struct ctl *ctl = c->w->ctl;

	ctr_forget_conn(c->w, c);
	ops_forget_conn(c);
	for (size_t i = 0; i < ctl->conns.n; i++)
		if (ctl->conns.v[i] == c) {
			vec_remove(&ctl->conns, i);
			break;
		}
	loop_del(c->src);
	close(c->fd);
	strv_done(&c->queue);
	worker_check_idle(c->w);
	free(c);
}

static void take_fds(struct msghdr *h, struct request *r)
{
	for (struct cmsghdr *m = CMSG_FIRSTHDR(h); m; m = CMSG_NXTHDR(h, m)) {
		size_t n = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(m) + i * sizeof(int), sizeof(int));
			if (r->n_fds < CTL_FDS_MAX)
				r->fds[r->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

static void close_fds(struct request *r)
{
	for (size_t i = 0; i < r->n_fds; i++)
		mem_closep(&r->fds[i]);
}

static void bad_request(struct request *r, struct err *e)
{
	err_wrap(e, "the supervisor did not understand a request");
	ctl_fail(r->conn, r->id, e);
	err_done(e);
}

/* ret: 1 a request, 0 none for now, -1 the connection is at its end */
static int receive(struct conn *c)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(CTL_FDS_MAX * sizeof(int))]; } room;
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof(room) };
	struct request r = { .conn = c };
	ssize_t n = recvmsg(c->fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct err e = {0};
	json_t *j = NULL;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	take_fds(&h, &r);
	if (h.msg_flags & MSG_TRUNC)
		err_set(&e, ERR_USAGE, 0, "it is longer than %d bytes", BUF_MAX);
	else if (json_parse(buf, (size_t)n, "request", &j, &e) == 0 && !json_is_object(j))
		err_set(&e, ERR_USAGE, 0, "it is no object");
	r.id = json_int(j, "id", 0);
	r.args = j;
	if (e.n)
		bad_request(&r, &e);
	else
		ops_run(c->w, &r);
	close_fds(&r);
	json_decref(j);
	return 1;
}

/* What was asked for on one connection before something was asked on another comes first: all that waits is taken. */
static void on_conn(void *arg, uint32_t events)
{
	struct conn *c = arg;
	int got = 1;

	if (events & EPOLLOUT)
		flush(c);
	for (int i = 0; i < REQUESTS_AT_ONCE && got > 0 && !c->broken && events & (EPOLLIN | EPOLLHUP | EPOLLERR); i++)
		got = receive(c);
	if (c->broken || got < 0)
		conn_free(c);
}

static bool may_connect(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (who.uid == 0 || who.uid == geteuid());
}

static void on_listener(void *arg, uint32_t events)
{
	struct worker *w = arg;
	int fd = accept4(w->ctl->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c;

	(void)events;
	if (fd < 0)
		return;
	if (w->ctl->conns.n >= CONNS_MAX || !may_connect(fd)) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct conn){ .w = w, .fd = fd };
	c->src = loop_add(w->loop, fd, EPOLLIN, on_conn, c);
	if (!c->src) {
		close(fd);
		free(c);
		return;
	}
	vec_push(&w->ctl->conns, c);
	w->served = true;
	worker_greeted(w);
}

size_t ctl_connections(struct worker *w)
{
	on_listener(w, EPOLLIN);
	return w->ctl->conns.n;
}

int ctl_open(struct worker *w, int listener, struct err *e)
{
	w->ctl = xcalloc(1, sizeof(*w->ctl));
	w->ctl->listener = listener;
	w->ctl->since_ns = sys_now_ns();
	w->ctl->src = loop_add(w->loop, listener, EPOLLIN, on_listener, w);
	return w->ctl->src ? 0 : err_set(e, ERR_SYS, errno, "watch the control socket");
}
