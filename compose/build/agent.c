/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/agent.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include "compose/base/mem.h"

/* Message numbers of the protocol. */
enum { MSG_FAILURE = 5, MSG_REQUEST_IDENTITIES = 11, MSG_SIGN_REQUEST = 13 };
enum { HEAD = 4, CONNECTIONS = 16, CONNECT_S = 5, PAUSE_MS = 50 };

struct loan_conn {
	pthread_t   thread;
	bool        used;
	atomic_bool ended;                /* the thread has nothing left to do */
	int         step, agent;          /* closed by the loan's thread, after the connection's has ended */
	int         wake_fd;
};
struct agent_loan {
	pthread_t   thread;
	int         listen_fd, wake_fd;   /* wake_fd: eventfd; a connection has ended, or the loan does */
	const char *agent;
	atomic_bool stop;
	struct loan_conn conn[CONNECTIONS];
};

/* -- the protocol -- */

static size_t length_of(const unsigned char *b)
{
	return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

enum agent_verdict agent_request(const void *buf, size_t len, size_t *ret_len)
{
	const unsigned char *b = buf;
	size_t n;

	*ret_len = 0;
	if (len < HEAD)
		return AGENT_MORE;
	n = length_of(b);
	if (n < 1 || n > AGENT_MESSAGE_MAX)
		return AGENT_BROKEN;
	if (len - HEAD < n)
		return AGENT_MORE;
	*ret_len = HEAD + n;
	return b[HEAD] == MSG_REQUEST_IDENTITIES || b[HEAD] == MSG_SIGN_REQUEST ? AGENT_PASS : AGENT_REFUSE;
}

/* -- one connection -- */

static int send_all(int fd, const unsigned char *b, size_t n)
{
	while (n) {
		ssize_t k = send(fd, b, n, MSG_NOSIGNAL);

		if (k < 0 && errno != EINTR)
			return -1;
		b += k > 0 ? k : 0;
		n -= k > 0 ? (size_t)k : 0;
	}
	return 0;
}

/* ret: how many bytes came, at least 1; -1 at the end */
static ssize_t receive(int fd, unsigned char *b, size_t n)
{
	ssize_t k;

	do
		k = recv(fd, b, n, 0);
	while (k < 0 && errno == EINTR);
	return k > 0 ? k : -1;
}

/* Carry one answer of the agent to the step, as it comes. */
static int carry_answer(const struct loan_conn *c)
{
	unsigned char b[4096];
	size_t have = 0, left;

	while (have < HEAD) {
		ssize_t k = receive(c->agent, b + have, HEAD - have);

		if (k < 0)
			return -1;
		have += (size_t)k;
	}
	left = length_of(b);
	if (left < 1 || left > AGENT_MESSAGE_MAX || send_all(c->step, b, HEAD) < 0)
		return -1;
	while (left) {
		ssize_t k = receive(c->agent, b, left < sizeof(b) ? left : sizeof(b));

		if (k < 0 || send_all(c->step, b, (size_t)k) < 0)
			return -1;
		left -= (size_t)k;
	}
	return 0;
}

static int answer(const struct loan_conn *c, const unsigned char *request, size_t n, bool pass)
{
	static const unsigned char failure[] = { 0, 0, 0, 1, MSG_FAILURE };

	if (!pass)
		return send_all(c->step, failure, sizeof(failure));
	return send_all(c->agent, request, n) < 0 ? -1 : carry_answer(c);
}

static void *connection(void *arg)
{
	struct loan_conn *c = arg;
	auto_free unsigned char *buf = xmalloc(HEAD + AGENT_MESSAGE_MAX);
	size_t len = 0;

	for (;;) {
		size_t n;
		ssize_t k;
		enum agent_verdict v = agent_request(buf, len, &n);

		if (v == AGENT_BROKEN)
			break;
		if (v != AGENT_MORE) {
			if (answer(c, buf, n, v == AGENT_PASS) < 0)
				break;
			len -= n;
			memmove(buf, buf + n, len);
			continue;
		}
		k = receive(c->step, buf + len, HEAD + AGENT_MESSAGE_MAX - len);
		if (k < 0)
			break;
		len += (size_t)k;
	}
	(void)shutdown(c->step, SHUT_RDWR);
	atomic_store(&c->ended, true);
	(void)eventfd_write(c->wake_fd, 1);
	return NULL;
}

/* -- all of them -- */

/* ret: a connected socket, or -1 with errno */
static int connect_agent(const char *path)
{
	const struct timeval patience = { .tv_sec = CONNECT_S }, forever = {0};
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path));
	/* The time limit is for connecting only: a signature may wait for a person. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof(forever)) < 0)
		return -1;
	return take_fd(fd);
}

static struct loan_conn *free_slot(struct agent_loan *l)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (!l->conn[i].used)
			return &l->conn[i];
	return NULL;
}

static void take_connection(struct agent_loan *l, struct loan_conn *c)
{
	auto_close int step = accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC), agent = -1;

	if (step < 0) {
		(void)poll(NULL, 0, PAUSE_MS);       /* out of descriptors, most likely */
		return;
	}
	agent = connect_agent(l->agent);
	if (agent < 0)
		return;                   /* the step sees the connection end, as when an agent has died */
	c->step = step;
	c->agent = agent;
	c->wake_fd = l->wake_fd;
	atomic_store(&c->ended, false);
	if (pthread_create(&c->thread, NULL, connection, c))
		return;
	c->used = true;
	(void)take_fd(step);
	(void)take_fd(agent);
}

/* Join connections that have ended; with all set, end and join every one. */
static void reap(struct agent_loan *l, bool all)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct loan_conn *c = &l->conn[i];

		if (!c->used || (!all && !atomic_load(&c->ended)))
			continue;
		(void)shutdown(c->step, SHUT_RDWR);
		(void)shutdown(c->agent, SHUT_RDWR);
		(void)pthread_join(c->thread, NULL);
		close(c->step);
		close(c->agent);
		c->used = false;
	}
}

static void *loan(void *arg)
{
	struct agent_loan *l = arg;
	eventfd_t n;

	while (!atomic_load(&l->stop)) {
		struct loan_conn *slot = free_slot(l);
		struct pollfd p[2] = { { .fd = l->wake_fd, .events = POLLIN },
				       { .fd = slot ? l->listen_fd : -1, .events = POLLIN } };

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents)
			(void)eventfd_read(l->wake_fd, &n);
		if (slot && p[1].revents)
			take_connection(l, slot);
		reap(l, false);
	}
	reap(l, true);
	return NULL;
}

/* The directory's path may be longer than an address can be; its descriptor's is not. */
static int make_socket(int dir, const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dir, name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(dir, name, mode, 0) < 0 ||
	    listen(fd, CONNECTIONS) < 0)
		return -1;
	return take_fd(fd);
}

int agent_lend(struct agent_loan **ret, int dir, const char *name, uid_t uid, gid_t gid, mode_t mode, const char *agent,
	       struct err *e)
{
	auto_close int probe = connect_agent(agent), listen_fd = -1, wake_fd = -1;
	struct agent_loan *l;
	int r;

	if (probe < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "connect to the agent at %s", agent);
	listen_fd = make_socket(dir, name, uid, gid, mode);
	wake_fd = eventfd(0, EFD_CLOEXEC);
	if (listen_fd < 0 || wake_fd < 0)
		return err_set(e, ERR_SYS, errno, "make the socket of an agent");
	l = xcalloc(1, sizeof(*l));
	l->listen_fd = listen_fd;
	l->wake_fd = wake_fd;
	l->agent = agent;
	r = pthread_create(&l->thread, NULL, loan, l);
	if (r) {
		free(l);
		return err_set(e, ERR_SYS, r, "start a thread");
	}
	(void)take_fd(listen_fd);
	(void)take_fd(wake_fd);
	*ret = l;
	return 0;
}

void agent_loan_end(struct agent_loan *l)
{
	if (!l)
		return;
	atomic_store(&l->stop, true);
	(void)eventfd_write(l->wake_fd, 1);
	(void)pthread_join(l->thread, NULL);
	close(l->listen_fd);
	close(l->wake_fd);
	free(l);
}
