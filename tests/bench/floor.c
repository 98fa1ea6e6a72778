/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c - what the kernel alone takes for the work of a container runtime: the bare system calls, no file of state, no
 * check, no message.
 *
 * usage: floor start                  nothing: the start of a C program that is linked to libc alone
 *        floor up ROOT SCRATCH N      N containers with an interface in one bridge; prints the milliseconds until all
 *                                     have executed their command
 *        floor down ROOT SCRATCH N    the same, and prints the milliseconds that killing and reaping takes
 *        floor run ROOT SCRATCH       one container that ends at once, with an interface
 *        floor bare ROOT SCRATCH      the same without network
 *
 * A container: clone3 with mount, pid, net, uts, ipc and cgroup namespaces, an overlay on ROOT as its root, pivot_root,
 * /proc, a tmpfs on /dev, a veth pair in the bridge with an address and a route, exec. SCRATCH is an empty directory.
 * Bridge and mounts are in namespaces of its own. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { N_MAX = 2000, SUBNET = 0x0ac80000 };    /* 10.200.0.0/16 */

struct job { const char *root, *scratch; bool net; char *const *command; };

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* -- rtnetlink -- */

struct msg { struct nlmsghdr h; char body[1024]; };

static void *tail(struct msg *m) { return (char *)m + NLMSG_ALIGN(m->h.nlmsg_len); }

static void *begin(struct msg *m, int type, int flags, const void *head, size_t n)
{
	memset(m, 0, sizeof(*m));
	m->h = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(n), .nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags) };
	return memcpy(NLMSG_DATA(&m->h), head, n);
}

static struct rtattr *attr(struct msg *m, int type, const void *data, size_t n)
{
	struct rtattr *a = tail(m);

	*a = (struct rtattr){ .rta_len = (uint16_t)RTA_LENGTH(n), .rta_type = (uint16_t)type };
	if (n)
		memcpy(RTA_DATA(a), data, n);
	m->h.nlmsg_len = NLMSG_ALIGN(m->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static void end(struct msg *m, struct rtattr *nest) { nest->rta_len = (uint16_t)((char *)tail(m) - (char *)nest); }

static int nl_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		err(1, "netlink");
	return fd;
}

static void nl_do(int fd, struct msg *m, const char *what)
{
	struct { struct nlmsghdr h; struct nlmsgerr e; char rest[1024]; } answer;

	if (send(fd, m, m->h.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		err(1, "%s", what);
	if (answer.h.nlmsg_type != NLMSG_ERROR || answer.e.error) {
		errno = -answer.e.error;
		err(1, "%s", what);
	}
}

static void link_up(int fd, const char *name, unsigned master)
{
	const struct ifinfomsg i = { .ifi_index = (int)if_nametoindex(name), .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct msg m;

	begin(&m, RTM_NEWLINK, 0, &i, sizeof(i));
	if (master)
		attr(&m, IFLA_MASTER, &master, sizeof(master));
	nl_do(fd, &m, "link up");
}

static void add_bridge(int fd)
{
	const struct ifinfomsg i = { 0 };
	struct msg m;
	struct rtattr *info;

	begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	attr(&m, IFLA_IFNAME, "floor0", 7);
	info = attr(&m, IFLA_LINKINFO, NULL, 0);
	attr(&m, IFLA_INFO_KIND, "bridge", 6);
	end(&m, info);
	nl_do(fd, &m, "bridge");
	link_up(fd, "floor0", 0);
}

static void add_veth(int fd, unsigned bridge, int k, pid_t pid)
{
	const struct ifinfomsg i = { 0 };
	struct msg m;
	struct rtattr *info, *data, *peer;
	char name[16];
	uint32_t ns = (uint32_t)pid;

	(void)snprintf(name, sizeof(name), "v%d", k);
	begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	attr(&m, IFLA_IFNAME, name, strlen(name) + 1);
	info = attr(&m, IFLA_LINKINFO, NULL, 0);
	attr(&m, IFLA_INFO_KIND, "veth", 4);
	data = attr(&m, IFLA_INFO_DATA, NULL, 0);
	peer = attr(&m, VETH_INFO_PEER, &i, sizeof(i));
	attr(&m, IFLA_IFNAME, "eth0", 5);
	attr(&m, IFLA_NET_NS_PID, &ns, sizeof(ns));
	end(&m, peer);
	end(&m, data);
	end(&m, info);
	nl_do(fd, &m, "veth");
	link_up(fd, name, bridge);
}

static void own_address(int k)
{
	const int fd = nl_open();
	const uint32_t addr = htonl((uint32_t)SUBNET + 2 + (uint32_t)k), gateway = htonl((uint32_t)SUBNET + 1);
	const struct ifaddrmsg a = { .ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = if_nametoindex("eth0") };
	const struct rtmsg r = { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST };
	struct msg m;

	begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &a, sizeof(a));
	attr(&m, IFA_LOCAL, &addr, sizeof(addr));
	attr(&m, IFA_ADDRESS, &addr, sizeof(addr));
	nl_do(fd, &m, "address");
	link_up(fd, "lo", 0);
	link_up(fd, "eth0", 0);
	begin(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &r, sizeof(r));
	attr(&m, RTA_GATEWAY, &gateway, sizeof(gateway));
	nl_do(fd, &m, "route");
	close(fd);
}

/* -- containers -- */

static void own_root(const struct job *j, int k)
{
	char dir[3][256], opts[1024];
	static const char *const part[] = { "up", "work", "root" };

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(dir[i], sizeof(dir[i]), "%s/%d.%s", j->scratch, k, part[i]);
		if (mkdir(dir[i], 0755) < 0 && errno != EEXIST)
			err(1, "%s", dir[i]);
	}
	(void)snprintf(opts, sizeof(opts), "lowerdir=%s,upperdir=%s,workdir=%s", j->root, dir[0], dir[1]);
	if (mount("overlay", dir[2], "overlay", 0, opts) < 0 || chdir(dir[2]) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ||
	    mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k") < 0)
		err(1, "root");
}

static pid_t start(const struct job *j, int k, int nl, unsigned bridge, int *ret_running)
{
	struct clone_args a = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP,
		.exit_signal = SIGCHLD };
	int go[2], running[2];
	char c;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(running, O_CLOEXEC) < 0)
		err(1, "pipe");
	pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (pid < 0)
		err(1, "clone3");
	if (pid == 0) {
		own_root(j, k);
		if (j->net && read(go[0], &c, 1) == 1)
			own_address(k);
		execv(j->command[0], j->command);
		err(1, "%s", j->command[0]);
	}
	if (j->net) {
		add_veth(nl, bridge, k, pid);
		if (write(go[1], "", 1) != 1)
			err(1, "pipe");
	}
	close(go[0]);
	close(go[1]);
	close(running[1]);
	*ret_running = running[0];          /* its end of file is the exec */
	return pid;
}

static void await_exec(int running)
{
	char c;

	if (read(running, &c, 1) != 0)
		err(1, "exec");
	close(running);
}

static void many(const struct job *j, int n, bool tell_down)
{
	static pid_t pids[N_MAX];
	static int running[N_MAX];
	const int nl = j->net ? nl_open() : -1;
	double began = now_ms();
	unsigned bridge = 0;

	if (j->net) {
		add_bridge(nl);
		bridge = if_nametoindex("floor0");
	}
	for (int k = 0; k < n; k++)
		pids[k] = start(j, k, nl, bridge, &running[k]);
	for (int k = 0; k < n; k++)
		await_exec(running[k]);
	if (!tell_down)
		printf("%.3f\n", now_ms() - began);
	began = now_ms();
	for (int k = 0; k < n; k++)
		(void)kill(pids[k], SIGKILL);
	for (int k = 0; k < n; k++)
		(void)waitpid(pids[k], NULL, 0);
	if (tell_down)
		printf("%.3f\n", now_ms() - began);
}

static int once(const struct job *j)
{
	const int nl = j->net ? nl_open() : -1;
	int running, status;
	pid_t pid;

	if (j->net)
		add_bridge(nl);
	pid = start(j, 0, nl, j->net ? if_nametoindex("floor0") : 0, &running);
	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	static char true_[] = "/bin/true", sleep_[] = "/bin/sleep", long_[] = "1000";
	char *const end[] = { true_, NULL }, *const stay[] = { sleep_, long_, NULL };
	const char *mode = argc > 1 ? argv[1] : "";
	int n = argc == 5 ? (int)strtol(argv[4], NULL, 10) : 0;

	if (!strcmp(mode, "start"))
		return 0;
	if (argc < 4 || n < 0 || n > N_MAX)
		errx(2, "usage: floor start | up ROOT SCRATCH N | down ROOT SCRATCH N | run ROOT SCRATCH | bare ROOT SCRATCH");
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		err(1, "unshare");
	if (n) {
		many(&(struct job){ argv[2], argv[3], true, stay }, n, !strcmp(mode, "down"));
		return 0;
	}
	return once(&(struct job){ argv[2], argv[3], !strcmp(mode, "run"), end });
}
