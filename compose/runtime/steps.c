/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/steps.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "compose/base/mem.h"

enum { WAIT_MAX_S = 60, MESSAGE_MAX = 16 << 10, IS_ERROR = 0x100 };

#define STEP_NAME(id, who, text) [id] = who ": " text,
static const char *const names[] = { STEPS(STEP_NAME) };

const char *step_text(enum step s)
{
	return s < STEP_N ? names[s] : "?";
}

int step_socketpair(int ret[2], struct err *e)
{
	const struct timeval limit = { WAIT_MAX_S, 0 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return err_set(e, ERR_SYS, errno, "make a socket pair");
	/* the parent must not hang with the child; the child may wait long to be started */
	(void)setsockopt(ret[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return 0;
}

static ssize_t send_all(int sock, uint32_t head, const void *buf, size_t n, int fd)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof(int))]; } c = {0};
	struct iovec io[2] = { { &head, sizeof(head) }, { (void *)(uintptr_t)buf, n } };
	struct msghdr m = { .msg_iov = io, .msg_iovlen = n ? 2 : 1 };
	ssize_t r;

	if (fd >= 0) {
		m.msg_control = &c;
		m.msg_controllen = sizeof(c);
		c.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					 .cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	}
	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r;
}

int step_send(int sock, enum step s, int pass_fd, struct err *e)
{
	if (send_all(sock, (uint32_t)s, NULL, 0, pass_fd) < 0)
		return err_set(e, ERR_SYS, errno, "tell \"%s\"", step_text(s));
	return 0;
}

void step_fail(int sock, const struct err *e)
{
	size_t n;
	auto_free char *buf = err_encode(e, &n);

	(void)send_all(sock, IS_ERROR, buf, n > MESSAGE_MAX - 8 ? MESSAGE_MAX - 8 : n, -1);
}

/* ret: bytes of one message, 0 at the end, -1 with errno; *ret_fd: descriptor that came along */
static ssize_t receive(int sock, char *buf, size_t size, int flags, int *ret_fd)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof(int))]; } c = {0};
	struct iovec io = { buf, size };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && m.msg_controllen >= CMSG_LEN(sizeof(int)) && c.h.cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(&c.h), sizeof(*ret_fd));
	return n;
}

/* ret: the step that came, -1 with e; STEP_N at the end of file */
static int next(int sock, enum step awaited, int flags, int *ret_fd, struct err *e)
{
	auto_free char *buf = xmalloc(MESSAGE_MAX);
	ssize_t n = receive(sock, buf, MESSAGE_MAX, flags, ret_fd);
	uint32_t head;

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return STEP_N;
	if (n < 0)
		return err_set(e, ERR_SYS, errno == EAGAIN ? ETIMEDOUT : errno, "wait for \"%s\"", step_text(awaited));
	if ((size_t)n < sizeof(head))
		return err_set(e, ERR_BUG, 0, "a message of %zd bytes while waiting for \"%s\"", n, step_text(awaited));
	memcpy(&head, buf, sizeof(head));
	if (head != IS_ERROR)
		return head < STEP_N ? (int)head : err_set(e, ERR_BUG, 0, "unknown step %u", head);
	err_decode(e, buf + sizeof(head), (size_t)n - sizeof(head));
	return -1;
}

int step_wait_either(int sock, enum step a, enum step b, int *ret_fd, struct err *e)
{
	int fd, got = next(sock, a, 0, &fd, e);

	if (got == (int)a || got == (int)b) {
		if (ret_fd)
			*ret_fd = fd;
		else
			mem_closep(&fd);
		return got;
	}
	mem_closep(&fd);
	if (got == STEP_N)
		return err_set(e, ERR_SYS, 0, "the other process died before \"%s\"", step_text(a));
	if (got >= 0)
		return err_set(e, ERR_BUG, 0, "\"%s\" came instead of \"%s\"", step_text((enum step)got), step_text(a));
	return -1;
}

int step_wait(int sock, enum step s, int *ret_fd, struct err *e)
{
	return step_wait_either(sock, s, s, ret_fd, e) < 0 ? -1 : 0;
}

int step_wait_exec(int sock, struct err *e)
{
	int fd, got = next(sock, STEP_EXEC, MSG_PEEK, &fd, e);  /* whoever else has the socket can read it again */

	mem_closep(&fd);
	if (got == STEP_N)
		return 0;
	return got < 0 ? -1 : err_set(e, ERR_BUG, 0, "\"%s\" came after the start", step_text((enum step)got));
}
