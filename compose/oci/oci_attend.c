/* SPDX-License-Identifier: Apache-2.0 */
/* oci_attend.c - be in the foreground for a container: signals in, terminal bytes both ways, exit status out; and the
 * small deliveries that callers want (pid file, console socket). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/oci/oci_priv.h"

int oci_write_pid(const char *path, pid_t pid, struct err *e)
{
	char text[16];
	size_t n = (size_t)snprintf(text, sizeof(text), "%d", (int)pid);

	return fs_write(AT_FDCWD, path, text, n, 0644, false, e);
}

int oci_send_console(const char *path, int master, struct err *e)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof(int))]; } c = {0};
	char name[] = "/dev/pts/ptmx";
	struct iovec io = { name, sizeof(name) - 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(e, ERR_USAGE, ENAMETOOLONG, "console socket %s", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	c.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&c.h), &master, sizeof(master));
	if (s < 0 || connect(s, (const struct sockaddr *)&a, sizeof(a)) < 0 || sendmsg(s, &m, MSG_NOSIGNAL) < 0)
		return err_set(e, ERR_SYS, errno, "send the terminal to %s", path);
	return 0;
}

int oci_signal_from(const char *s)
{
	uint64_t n;

	if (str_to_u64(s, &n))
		return n > 0 && n < NSIG ? (int)n : -1;
	s += strncasecmp(s, "SIG", 3) ? 0 : 3;
	for (int i = 1; i < 32; i++)
		if (sigabbrev_np(i) && !strcasecmp(sigabbrev_np(i), s))
			return i;
	if (!strncasecmp(s, "RTMIN", 5) && (!s[5] || (s[5] == '+' && str_to_u64(s + 6, &n))))
		return SIGRTMIN + (s[5] && n <= (uint64_t)(SIGRTMAX - SIGRTMIN) ? (int)n : 0);
	return -1;
}

struct front { struct rt_ctr *c; int sig; bool raw; struct termios old; bool in_open; };

static void copy_size(int master)
{
	struct winsize w;

	if (ioctl(0, TIOCGWINSZ, &w) == 0)
		(void)ioctl(master, TIOCSWINSZ, &w);
}

static void take_signal(struct front *f)
{
	struct signalfd_siginfo s;

	if (read(f->sig, &s, sizeof(s)) != (ssize_t)sizeof(s))
		return;
	if (s.ssi_signo == SIGWINCH && f->c->master_fd >= 0)
		copy_size(f->c->master_fd);
	else
		(void)sys_pidfd_send_signal(f->c->pidfd, (int)s.ssi_signo);
}

/* ret: false at the end of from */
static bool carry(int from, int to)
{
	char buf[4096];
	ssize_t n = read(from, buf, sizeof(buf));

	return n > 0 ? fs_write_all(to, buf, (size_t)n) == 0 : n < 0 && errno == EINTR;
}

/* Until the process has ended and, with a terminal, its last bytes are through. */
static void serve(struct front *f)
{
	struct pollfd p[4] = { { f->c->pidfd, POLLIN, 0 }, { f->sig, POLLIN, 0 }, { f->c->master_fd, POLLIN, 0 },
			       { f->c->master_fd >= 0 ? 0 : -1, POLLIN, 0 } };

	for (;;) {
		if (poll(p, 4, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			take_signal(f);
		if (p[2].revents && !carry(f->c->master_fd, 1))
			p[2].fd = -1;
		if (p[3].fd >= 0 && p[3].revents && !carry(0, f->c->master_fd)) {
			const char eot = 4;

			p[3].fd = -1;
			(void)!write(f->c->master_fd, &eot, 1);
		}
		if (p[0].revents && !(p[2].fd >= 0 && p[2].revents & POLLIN))
			return;
	}
}

int oci_attend(struct rt_ctr *c, struct err *e)
{
	struct front f = { .c = c };
	struct termios raw;
	sigset_t set;
	int r;

	sigfillset(&set);
	for (size_t i = 0; i < 6; i++)
		sigdelset(&set, (int[]){ SIGCHLD, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTSTP }[i]);
	f.sig = signalfd(-1, &set, SFD_CLOEXEC);
	if (f.sig < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_set(e, ERR_SYS, errno, "take signals");
	if (c->master_fd >= 0) {
		copy_size(c->master_fd);
		f.raw = tcgetattr(0, &f.old) == 0;
		raw = f.old;
		cfmakeraw(&raw);
		if (f.raw)
			(void)tcsetattr(0, TCSANOW, &raw);
	}
	serve(&f);
	if (f.raw)
		(void)tcsetattr(0, TCSANOW, &f.old);
	r = rt_wait(c, e);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(f.sig);
	return r;
}
