/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/keep.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; };

int keep_send(int sock, const struct keep_msg *m, int fd)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m) };
	union control ctl = { .room = { 0 } };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		h.msg_control = &ctl;
		h.msg_controllen = sizeof(ctl);
		ctl.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&ctl.head), &fd, sizeof(int));
	}
	do {
		n = sendmsg(sock, &h, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int keep_recv(int sock, struct keep_msg *m, int *ret_fd)
{
	struct iovec iov = { .iov_base = m, .iov_len = sizeof(*m) };
	union control ctl;
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c;
	ssize_t n;

	*ret_fd = -1;
	do {
		n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	if (n != sizeof(*m)) {
		if (*ret_fd >= 0)
			close(*ret_fd);
		errno = EPROTO;
		return -1;
	}
	m->key[KEEP_KEY_MAX - 1] = m->text[KEEP_TEXT_MAX - 1] = '\0';
	return 1;
}

int keep_put(int sock, const char *key, const char *text, int fd)
{
	struct keep_msg m = { .op = KEEP_PUT };

	(void)snprintf(m.key, sizeof(m.key), "%s", key);
	(void)snprintf(m.text, sizeof(m.text), "%s", text ? text : "");
	return keep_send(sock, &m, fd);
}

int keep_drop(int sock, const char *key)
{
	struct keep_msg m = { .op = KEEP_DROP };

	(void)snprintf(m.key, sizeof(m.key), "%s", key);
	return keep_send(sock, &m, -1);
}

int keep_tell(int sock, enum keep_op op, pid_t pid, int status)
{
	struct keep_msg m = { .op = op, .pid = pid, .status = status };

	return keep_send(sock, &m, -1);
}
