/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/netns.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sched.h>
#include <sys/socket.h>
#include "compose/base/mem.h"

static int here(struct err *e)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_set(e, ERR_SYS, errno, "open /proc/self/ns/net") : fd;
}

int netns_enter(int fd, int *ret_back, struct err *e)
{
	auto_close int back = here(e);

	if (back < 0)
		return -1;
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_set(e, ERR_SYS, errno, "enter a network namespace");
	*ret_back = take_fd(back);
	return 0;
}

int netns_enter_new(int *ret_back, struct err *e)
{
	auto_close int back = here(e);

	if (back < 0)
		return -1;
	if (unshare(CLONE_NEWNET) < 0)
		return err_set(e, errno == EPERM ? ERR_DENIED : ERR_SYS, errno, "make a network namespace");
	*ret_back = take_fd(back);
	return 0;
}

void netns_leave(int back)
{
	if (setns(back, CLONE_NEWNET) < 0)
		abort();
	close(back);
}

int netns_sysctl(const char *path, const char *value)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(value);

	if (fd < 0)
		return -1;
	return write(fd, value, len) == (ssize_t)len ? 0 : -1;
}

char netns_sysctl_digit(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char v;

	return fd >= 0 && read(fd, &v, 1) == 1 ? v : '?';
}

int netns_no_ipv6(struct err *e)
{
	err_set(e, ERR_SYS, 0, "this kernel has no IPv6");
	return err_hint(e, "boot without ipv6.disable=1, or leave enable_ipv6 out");
}

int netns_ipv6(const char *ifname, bool on, struct err *e)
{
	static const char *const deaf[] = { "accept_ra", "autoconf", "accept_redirects", "accept_dad" };
	char path[128];

	for (size_t i = 0; on && i < ARRAY_LEN(deaf); i++) {
		(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", ifname, deaf[i]);
		if (netns_sysctl(path, "0") < 0 && errno != ENOENT)
			return err_set(e, ERR_SYS, errno, "set %s", path);
	}
	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", ifname);
	if (netns_sysctl(path, on ? "0" : "1") == 0 || (!on && errno == ENOENT))
		return 0;
	return errno == ENOENT ? netns_no_ipv6(e) : err_set(e, ERR_SYS, errno, "set %s", path);
}

int netns_socket(int fd, int family, int type, int protocol, struct err *e)
{
	int back = -1, s, saved;

	if (fd >= 0 && netns_enter(fd, &back, e) < 0)
		return -1;
	s = socket(family, type | SOCK_CLOEXEC, protocol);
	saved = errno;
	if (fd >= 0)
		netns_leave(back);
	return s < 0 ? err_set(e, ERR_SYS, saved, "make a socket") : s;
}
