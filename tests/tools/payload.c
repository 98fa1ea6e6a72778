/* SPDX-License-Identifier: Apache-2.0 */
/* payload.c - what the tests run inside a container: one static program, a subcommand each.
 * Made into the image busybox:latest as /bin/payload by mkbusybox.sh; called as `getent` it
 * answers `getent hosts NAME`.  Output is one fact a line, so that a test can grep it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/tools/payload.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void fail(const char *fmt, ...)
{
	va_list ap;
	int err = errno;

	va_start(ap, fmt);
	fputs("payload: ", stderr);
	vfprintf(stderr, fmt, ap);
	if (err != 0)
		fprintf(stderr, ": %s", strerrorname_np(err));
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

long number(const char *s)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 0);
	if (errno != 0 || end == s || *end != '\0') {
		errno = 0;
		fail("%s is not a number", s);
	}
	return v;
}

static void sleep_ms(long ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* ---- what a process sees of itself ---- */

/* The open descriptors, without the one that lists them. */
static int cmd_fds(char **argv)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	(void)argv;
	if (d == NULL)
		fail("/proc/self/fd");
	while ((e = readdir(d)) != NULL) {
		char target[4096];
		ssize_t n;

		if (e->d_name[0] == '.' || number(e->d_name) == dirfd(d))
			continue;
		n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("%s %s\n", e->d_name, target);
	}
	closedir(d);
	return 0;
}

/* The lines of /proc/self/status that start with one of the prefixes. */
static void print_status(const char *const *prefixes)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[4096];

	if (f == NULL)
		fail("/proc/self/status");
	while (fgets(line, sizeof(line), f) != NULL)
		for (const char *const *p = prefixes; *p != NULL; p++)
			if (strncmp(line, *p, strlen(*p)) == 0)
				fputs(line, stdout);
	fclose(f);
}

static int cmd_caps(char **argv)
{
	static const char *const lines[] = {"Cap", "NoNewPrivs", "Seccomp:", NULL};

	(void)argv;
	print_status(lines);
	return 0;
}

static void print_namespaces(void)
{
	static const char *const names[] = {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user", "time"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64], target[64];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("ns %s %s\n", names[i], target);
	}
}

static void print_limits(void)
{
	static const struct {
		const char *name;
		int what;
	} limits[] = {
		{"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},	{"core", RLIMIT_CORE},
		{"stack", RLIMIT_STACK},   {"memlock", RLIMIT_MEMLOCK},
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit r;

		if (getrlimit(limits[i].what, &r) == 0)
			printf("limit %s %lld %lld\n", limits[i].name, (long long)r.rlim_cur, (long long)r.rlim_max);
	}
}

static int cmd_sysinfo(char **argv)
{
	static const char *const lines[] = {"Cap", "NoNewPrivs", "Seccomp:", "Groups", "Umask", NULL};
	char cwd[4096];
	struct utsname u;
	struct if_nameindex *ifs = if_nameindex();

	(void)argv;
	uname(&u);
	printf("pid %d\nppid %d\nuid %d\ngid %d\n", getpid(), getppid(), getuid(), getgid());
	printf("hostname %s\ndomainname %s\n", u.nodename, u.domainname);
	printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) != NULL ? cwd : "?");
	printf("tty %d%d%d\n", isatty(0), isatty(1), isatty(2));
	print_status(lines);
	print_namespaces();
	print_limits();
	for (struct if_nameindex *i = ifs; i != NULL && i->if_name != NULL; i++)
		printf("if %s\n", i->if_name);
	if_freenameindex(ifs);
	return 0;
}

/* ---- system calls that a container must not have ---- */

struct attempt {
	const char *name;
	long nr;
	long args[6];
};

static struct timespec some_time;
static char empty[256];

#define ADDR(p) ((long)(uintptr_t)(p))

/* Arguments are such that the call does no harm where it is allowed, and reaches the permission check. */
static const struct attempt attempts[] = {
	{"mount", SYS_mount, {ADDR("none"), ADDR("/mnt"), ADDR("tmpfs"), 0, 0}},
	{"umount2", SYS_umount2, {ADDR("/proc"), MNT_DETACH}},
	{"remount", SYS_mount, {ADDR("none"), ADDR("/proc/sys"), 0, MS_REMOUNT | MS_BIND, 0}},
	{"pivot_root", SYS_pivot_root, {ADDR("/mnt"), ADDR("/mnt")}},
	{"fsopen", SYS_fsopen, {ADDR("tmpfs"), 0}},
	{"open_tree", SYS_open_tree, {AT_FDCWD, ADDR("/"), 1}},
	{"move_mount", SYS_move_mount, {-1, ADDR(""), AT_FDCWD, ADDR("/mnt"), 4}},
	{"mount_setattr", SYS_mount_setattr, {AT_FDCWD, ADDR("/"), 0, ADDR(empty), 32}},
	{"unshare-user", SYS_unshare, {CLONE_NEWUSER}},
	{"unshare-mnt", SYS_unshare, {CLONE_NEWNS}},
	{"unshare-net", SYS_unshare, {CLONE_NEWNET}},
	{"clone-user", SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0}},
	{"clone3", SYS_clone3, {0, 0}},
	{"setns", SYS_setns, {-1, CLONE_NEWNS}},
	{"keyctl", SYS_keyctl, {KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0}},
	{"add_key", SYS_add_key, {ADDR("user"), ADDR("k"), ADDR("v"), 1, KEY_SPEC_PROCESS_KEYRING}},
	{"request_key", SYS_request_key, {ADDR("user"), ADDR("k"), 0, 0}},
	{"bpf", SYS_bpf, {0, ADDR(empty), 0}},
	{"perf_event_open", SYS_perf_event_open, {ADDR(empty), 0, -1, -1, 0}},
	{"userfaultfd", SYS_userfaultfd, {0}},
	{"io_uring_setup", SYS_io_uring_setup, {1, ADDR(empty)}},
	{"open_by_handle_at", SYS_open_by_handle_at, {AT_FDCWD, ADDR(empty), O_RDONLY}},
	{"name_to_handle_at", SYS_name_to_handle_at, {AT_FDCWD, ADDR("/"), ADDR(empty), ADDR(empty + 128), 0}},
	{"init_module", SYS_init_module, {ADDR(empty), 0, ADDR("")}},
	{"finit_module", SYS_finit_module, {-1, ADDR(""), 0}},
	{"delete_module", SYS_delete_module, {ADDR("nosuch"), O_NONBLOCK}},
	{"kexec_load", SYS_kexec_load, {0, 0, 0, 0xff}},
	{"reboot", SYS_reboot, {0, 0, 0, 0}},
	{"swapon", SYS_swapon, {ADDR("/nosuch"), 0}},
	{"acct", SYS_acct, {ADDR("/nosuch")}},
	{"syslog", SYS_syslog, {3, ADDR(empty), 16}},
	{"sethostname", SYS_sethostname, {ADDR("x"), -1}}, /* EINVAL where allowed */
	{"clock_settime", SYS_clock_settime, {CLOCK_REALTIME, ADDR(&some_time)}},
	{"ptrace", SYS_ptrace, {0x4206, 1, 0, 0}},
	{"process_vm_readv", SYS_process_vm_readv, {1, ADDR(empty), 0, ADDR(empty), 0, 0}},
	{"kcmp", SYS_kcmp, {1, 1, 0, 0, 0}},
	{"quotactl", SYS_quotactl, {0x800007 << 8, ADDR("/nosuch"), 0, 0}},
	{"mbind", SYS_mbind, {0, 0, 0, 0, 0, 0}},
	{"personality", SYS_personality, {0x0040000}},
	{"chroot", SYS_chroot, {ADDR("/")}},
	{"mknod-char", SYS_mknodat, {AT_FDCWD, ADDR("/tmp/.c"), S_IFCHR | 0600, 0x105}},
	{"mknod-disk", SYS_mknodat, {AT_FDCWD, ADDR("/tmp/.b"), S_IFBLK | 0600, 0x700}},
	{"open-disk", SYS_openat, {AT_FDCWD, ADDR("/tmp/.b"), O_RDONLY, 0}},
	{"vhangup", SYS_vhangup, {0}},
};

static void try_call(const struct attempt *a)
{
	long r;

	clock_gettime(CLOCK_REALTIME, &some_time);
	errno = 0;
	r = syscall(a->nr, a->args[0], a->args[1], a->args[2], a->args[3], a->args[4], a->args[5]);
	if (a->nr == SYS_clone && r == 0)
		_exit(0);
	printf("%s %s\n", a->name, r < 0 ? strerrorname_np(errno) : "OK");
	fflush(stdout);
}

/* Try one call, or each of them in a child of its own. */
static int cmd_syscall(char **argv)
{
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		pid_t pid;

		if (strcmp(argv[0], "all") != 0 && strcmp(argv[0], attempts[i].name) != 0)
			continue;
		found = true;
		fflush(stdout);
		pid = fork();
		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			try_call(&attempts[i]);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	if (!found)
		fail("no system call %s in the list", argv[0]);
	return 0;
}

/* ---- limits ---- */

/* Fork children that wait until the kernel refuses or argv[0] (2000) of them are there. */
static int cmd_forkbomb(char **argv)
{
	long cap = argv[0] != NULL ? number(argv[0]) : 2000, n;
	int err = 0, gate[2];
	char c;

	if (pipe(gate) < 0)
		fail("pipe");
	for (n = 0; n < cap; n++) {
		pid_t pid = fork();

		if (pid < 0) {
			err = errno;
			break;
		}
		if (pid == 0) {
			close(gate[1]);
			_exit(read(gate[0], &c, 1) < 0); /* until the parent closes its end */
		}
	}
	printf("forked %ld, then %s\n", n, err != 0 ? strerrorname_np(err) : "stopped by itself");
	fflush(stdout);
	close(gate[1]);
	while (wait(NULL) > 0)
		;
	return err != 0 ? 0 : 3;
}

static int cmd_memhog(char **argv)
{
	long mb = number(argv[0]);

	for (long i = 0; i < mb; i++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			fail("mmap after %ld MB", i);
		memset(p, 1, 1 << 20);
	}
	printf("touched %ld MB\n", mb);
	fflush(stdout);
	if (argv[1] != NULL)
		sleep_ms(number(argv[1]) * 1000);
	return 0;
}

static int cmd_burn(char **argv)
{
	struct rusage r;
	time_t end = time(NULL) + number(argv[0]);

	while (time(NULL) < end)
		;
	getrusage(RUSAGE_SELF, &r);
	printf("cpu_ms %ld\n", r.ru_utime.tv_sec * 1000 + r.ru_utime.tv_usec / 1000 + r.ru_stime.tv_sec * 1000 +
				       r.ru_stime.tv_usec / 1000);
	return 0;
}

/* ---- processes and signals ---- */

static int cmd_sleep(char **argv)
{
	sleep_ms(argv[0] != NULL ? number(argv[0]) * 1000 : 1000000000);
	return 0;
}

static int cmd_exit(char **argv)
{
	return (int)number(argv[0]);
}

static void all_signals(sigset_t *set)
{
	sigfillset(set);
	sigprocmask(SIG_BLOCK, set, NULL);
}

/* Print each signal's name; end with argv[0] (0) at SIGTERM, SIGINT or SIGQUIT. */
static int cmd_signal_report(char **argv)
{
	sigset_t set;
	int code = argv[0] != NULL ? (int)number(argv[0]) : 0;

	all_signals(&set);
	puts("ready");
	for (;;) {
		int sig;

		fflush(stdout);
		if (sigwait(&set, &sig) != 0)
			continue;
		if (sig < SIGRTMIN)
			printf("got SIG%s\n", sigabbrev_np(sig));
		else
			printf("got SIGRTMIN+%d\n", sig - SIGRTMIN);
		if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT)
			break;
	}
	fflush(stdout);
	return code;
}

/* The terminal's size now and after each SIGWINCH. */
static int cmd_winsize(char **argv)
{
	sigset_t set;
	int sig;

	(void)argv;
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	do {
		struct winsize w;

		if (ioctl(0, TIOCGWINSZ, &w) < 0)
			fail("no terminal");
		printf("size %d %d\n", w.ws_row, w.ws_col);
		fflush(stdout);
	} while (sigwait(&set, &sig) == 0);
	return 0;
}

static bool is_zombie(pid_t pid)
{
	char path[64], line[512];
	FILE *f;
	const char *state;
	bool zombie;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	state = fgets(line, sizeof(line), f) != NULL ? strrchr(line, ')') : NULL;
	zombie = state != NULL && state[1] == ' ' && state[2] == 'Z';
	fclose(f);
	return zombie;
}

/* Leave an orphan that ends, and say whether process 1 has reaped it: "reaped" or "zombie". */
static int cmd_orphan(char **argv)
{
	int pipefd[2];
	pid_t child, orphan;

	(void)argv;
	if (pipe(pipefd) < 0 || (child = fork()) < 0)
		fail("fork");
	if (child == 0) {
		orphan = fork();
		if (orphan == 0) {
			sleep_ms(100);
			_exit(0);
		}
		_exit(write(pipefd[1], &orphan, sizeof(orphan)) == sizeof(orphan) ? 0 : 1);
	}
	waitpid(child, NULL, 0);
	if (read(pipefd[0], &orphan, sizeof(orphan)) != sizeof(orphan))
		fail("no orphan");
	sleep_ms(500);
	puts(is_zombie(orphan) ? "zombie" : "reaped");
	return 0;
}

/* ---- output ---- */

/* A tracer that never waits: the parent cannot take the process from the table. */
static int cmd_seize(char **argv)
{
	if (ptrace(PTRACE_SEIZE, (pid_t)number(argv[0]), NULL, NULL) < 0)
		fail("seize %s", argv[0]);
	puts("seized");
	fflush(stdout);
	for (;;)
		pause();
}

static int cmd_spew(char **argv)
{
	long n = number(argv[0]);

	for (long i = 1; i <= n; i++)
		printf("line %ld\n", i);
	return 0;
}

/* "out K" on stdout and "err K" on stderr, in turn. */
static int cmd_spew_both(char **argv)
{
	long n = number(argv[0]);

	for (long i = 1; i <= n; i++) {
		dprintf(1, "out %ld\n", i);
		dprintf(2, "err %ld\n", i);
	}
	return 0;
}

static int cmd_spew_bytes(char **argv)
{
	for (long n = number(argv[0]); n > 0; n--)
		putchar('x');
	putchar('\n');
	return 0;
}

/* "tick K" every argv[0] milliseconds, argv[1] times (for ever): a gap in the log shows as a missing number. */
static int cmd_ticks(char **argv)
{
	long ms = number(argv[0]), n = argv[1] != NULL ? number(argv[1]) : -1;

	for (long i = 1; n < 0 || i <= n; i++) {
		dprintf(1, "tick %ld\n", i);
		sleep_ms(ms);
	}
	return 0;
}

/* ---- the list ---- */

static const struct {
	const char *name;
	int (*run)(char **argv);
	int args; /* at least */
	const char *usage;
} commands[] = {
	{"fds", cmd_fds, 0, "list the open descriptors"},
	{"caps", cmd_caps, 0, "capability sets, seccomp mode"},
	{"sysinfo", cmd_sysinfo, 0, "ids, names, namespaces, limits, interfaces"},
	{"syscall", cmd_syscall, 1, "NAME|all: try a system call, print OK or the error's name"},
	{"forkbomb", cmd_forkbomb, 0, "[MAX]: fork until refused"},
	{"memhog", cmd_memhog, 1, "MB [SECONDS]: touch memory, then hold it"},
	{"burn", cmd_burn, 1, "SECONDS: use the processor, print how much was had"},
	{"sleep", cmd_sleep, 0, "[SECONDS]: sleep, with no signal handler"},
	{"exit", cmd_exit, 1, "CODE"},
	{"signal-report", cmd_signal_report, 0, "[CODE]: print signals, end with CODE at SIGTERM"},
	{"winsize", cmd_winsize, 0, "the terminal's size, again at each change"},
	{"orphan", cmd_orphan, 0, "is an orphan reaped by process 1?"},
	{"seize", cmd_seize, 1, "PID: trace a process, and keep it when it has ended"},
	{"spew", cmd_spew, 1, "N: N lines"},
	{"spew-both", cmd_spew_both, 1, "N: N lines on stdout and stderr, in turn"},
	{"spew-bytes", cmd_spew_bytes, 1, "N: one line of N bytes"},
	{"ticks", cmd_ticks, 1, "MS [N]: a numbered line every MS milliseconds"},
	{"dns", cmd_dns, 1, "NAME [a|aaaa|ptr [SERVER]]: ask, print the answers and the code"},
	{"getent", cmd_getent, 1, "hosts NAME"},
	{"tcp-echo", cmd_tcp_echo, 1, "PORT"},
	{"udp-echo", cmd_udp_echo, 1, "PORT"},
	{"http", cmd_http, 1, "PORT [TEXT]: answer every request with TEXT"},
	{"http-who", cmd_http_who, 1, "PORT: answer with the host name and the client's address"},
	{"tcp", cmd_tcp, 1, "HOST PORT TEXT: send, print the answer"},
	{"udp", cmd_udp, 1, "HOST PORT TEXT: send, print the answer"},
	{"agent", cmd_agent, 1, "list|sign TEXT|hold N|ask TYPE [BYTES]: speak to the ssh agent of SSH_AUTH_SOCK"},
	{"ping", cmd_ping, 1, "ADDRESS: an ICMP echo, without rights"},
};

static int run_command(const char *name, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		for (int n = 0; n < commands[i].args; n++)
			if (argv[n] == NULL) {
				errno = 0;
				fail("usage: payload %s %s", name, commands[i].usage);
			}
		return commands[i].run(argv);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stderr, "payload %s %s\n", commands[i].name, commands[i].usage);
	return 2;
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 && strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];

	if (name != NULL && strcmp(name, "getent") == 0)
		return run_command(name, argv + 1);
	return run_command(argc > 1 ? argv[1] : "", argc > 1 ? argv + 2 : argv + argc);
}
