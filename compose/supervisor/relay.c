/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/relay.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/keep.h"

#define PATIENCE_NS 2000000000      /* a service that has just been started may not listen yet */
enum { NOBODY = 65534, ACCEPTS = 64, FULL_PAUSE_MS = 100 };

static struct { struct loop *loop; VEC(struct port *) ports; int router; bool running; } relay = { .router = -1 };

/* ---- rights ------------------------------------------------------------------------------------------------------ */

/* What carrying bytes takes; all else is refused. */
static int filter(struct err *e)
{
	static const int calls[] = {
		SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),
		SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(accept4), SCMP_SYS(socket),
		SCMP_SYS(connect), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(shutdown), SCMP_SYS(splice), SCMP_SYS(pipe2),
		SCMP_SYS(fcntl), SCMP_SYS(ioctl), SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
		SCMP_SYS(clock_gettime), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
		SCMP_SYS(futex), SCMP_SYS(getrandom),
	};
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = f ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_LEN(calls) && r == 0; i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	return r == 0 ? 0 : err_set(e, ERR_SYS, -r, "set up the system call filter");
}

static int drop_rights(struct err *e)
{
	cap_t none;
	int r;

	for (int i = 0; geteuid() == 0 && i < 64; i++)
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			break;          /* the last one there is */
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return err_set(e, ERR_SYS, errno, "become nobody");
	none = cap_init();
	r = none ? cap_set_proc(none) : -1;
	(void)cap_free(none);
	if (r < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, ERR_SYS, errno, "drop all capabilities");
	return filter(e);
}

/* ---- ports ------------------------------------------------------------------------------------------------------- */

static void on_accept(void *arg, uint32_t events);

static void watch(void *arg)
{
	struct port *p = arg;

	p->src = NULL;
	if (p->has_target)
		p->src = loop_add(relay.loop, p->fd, EPOLLIN, on_accept, p);
}

static void on_accept(void *arg, uint32_t events)
{
	struct port *p = arg;

	(void)events;
	if (p->udp) {
		udp_receive(relay.loop, p);
		return;
	}
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			tcp_carry(relay.loop, fd, p);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			loop_del(p->src);       /* others wait in the kernel's queue until some have ended */
			p->src = loop_at(relay.loop, sys_mono_ns() + FULL_PAUSE_MS * 1000000LL, watch, p);
			return;
		} else {
			return;
		}
	}
}

static size_t find(const char *key)
{
	size_t i = 0;

	while (i < relay.ports.n && strcmp(relay.ports.v[i]->key, key) != 0)
		i++;
	return i;
}

static void forget(const char *key)
{
	size_t i = find(key);
	struct port *p;

	if (i == relay.ports.n)
		return;
	p = relay.ports.v[i];
	vec_remove(&relay.ports, i);
	loop_del(p->src);
	udp_forget(p);
	mem_closep(&p->fd);
	free(p->key);
	free(p);
}

/* ret: whether ip is an address */
static bool set_target(struct port *p, const char *ip, uint16_t number)
{
	p->target = (union target){ .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(number) } };
	p->target_len = sizeof(p->target.v6);
	if (inet_pton(AF_INET6, ip, &p->target.v6.sin6_addr) == 1)
		return true;
	p->target = (union target){ .v4 = { .sin_family = AF_INET, .sin_port = htons(number) } };
	p->target_len = sizeof(p->target.v4);
	return inet_pton(AF_INET, ip, &p->target.v4.sin_addr) == 1;
}

/* "tcp 10.0.0.2 80", "udp fd00::2 53"; an address that is none: nowhere for now */
static void parse(struct port *p, char *text)
{
	char *ip = strchr(text, ' '), *number = ip ? strchr(ip + 1, ' ') : NULL;
	uint64_t v = 0;

	p->has_target = false;
	if (!number)
		return;
	*ip++ = '\0';
	*number++ = '\0';
	p->udp = str_eq(text, "udp");
	p->has_target = str_to_u64(number, &v) && v > 0 && v <= UINT16_MAX && set_target(p, ip, (uint16_t)v);
	p->patient_ns = sys_mono_ns() + PATIENCE_NS;
}

/* fd is taken. */
static void set_port(const char *key, char *text, int fd)
{
	size_t i = find(key);
	struct port *p;

	if (i == relay.ports.n) {
		if (fd < 0)
			return;
		p = xcalloc(1, sizeof(*p));
		*p = (struct port){ .key = xstrdup(key), .fd = fd };
		vec_push(&relay.ports, p);
	} else {
		p = relay.ports.v[i];
		mem_closep(&fd);        /* the same listener again; only the target is new */
	}
	loop_del(p->src);
	p->src = NULL;
	udp_forget(p);
	parse(p, text);
	if (relay.running)
		watch(p);
}

static void on_message(struct keep_msg *m, int fd)
{
	if (!strcmp(m->key, "router")) {
		if (relay.running)
			_exit(0);       /* another namespace: begin again there */
		mem_closep(&relay.router);
		relay.router = fd;
	} else if (m->op == KEEP_PUT) {
		set_port(m->key, m->text, fd);
	} else {
		mem_closep(&fd);
		if (m->op == KEEP_DROP)
			forget(m->key);
	}
}

static void on_keeper(void *arg, uint32_t events)
{
	struct keep_msg m;
	int fd;

	(void)arg;
	(void)events;
	if (keep_recv(KEEP_SOCK, &m, &fd) != 1)
		_exit(0);
	on_message(&m, fd);
}

static int enter(struct err *e)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	if (relay.router < 0 || setns(relay.router, CLONE_NEWNET) < 0)
		return err_set(e, ERR_SYS, relay.router < 0 ? 0 : errno, "enter the router's network namespace");
	mem_closep(&relay.router);
	relay.router = -1;
	if (!loop_add(relay.loop, KEEP_SOCK, EPOLLIN, on_keeper, NULL))
		return err_set(e, ERR_SYS, errno, "watch the keeper");
	return drop_rights(e);
}

int relay_main(void)
{
	struct err e = {0};
	struct keep_msg m;
	int fd;

	(void)fcntl(KEEP_SOCK, F_SETFD, FD_CLOEXEC);
	(void)signal(SIGPIPE, SIG_IGN);
	while (keep_recv(KEEP_SOCK, &m, &fd) == 1 && m.op != KEEP_READY)
		on_message(&m, fd);
	if (loop_new(&relay.loop, &e) < 0 || enter(&e) < 0) {
		dprintf(STDERR_FILENO, "relay: %s\n", e.frame[0]);
		return 1;
	}
	relay.running = true;
	for (size_t i = 0; i < relay.ports.n; i++)
		watch(relay.ports.v[i]);
	return loop_run(relay.loop, &e) < 0;
}
