/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/sys.h"
#include "compose/supervisor/keep.h"
#include "compose/supervisor/supervisor.h"

enum { HELD_MAX = 16384, DEAD_MAX = 4096, PATIENCE_MS = 10000, TITLE_MAX = 128, FREE_TRIES = 5,
	SETTLED_NS = 1000000000, RETRY_NS = 200000000 };

struct held { char key[KEEP_KEY_MAX], text[KEEP_TEXT_MAX]; int fd; };
struct dead { pid_t pid; int status; bool told; };
struct role {
	const char *word, *title;
	pid_t pid;                  /* 0: not running */
	int sock;
	int64_t born_ns, retry_ns;  /* monotonic */
	int failures;               /* short lives in a row */
};

static struct held held[HELD_MAX];      /* pages that are never used cost nothing */
static struct dead dead[DEAD_MAX];      /* when full, the dead wait as zombies: the kernel keeps their codes */
static size_t n_held, n_dead;
static struct role worker = { .word = SUP_WORD_WORKER, .title = "worker", .sock = -1 };
static struct role relay = { .word = SUP_WORD_RELAY, .title = "relay", .sock = -1 };
static bool want_relay, quitting;
static const char *project;
static int renew_fd = -1;

/* in: key "" finds a free place. ret: NULL when there is none such */
static struct held *find(const char *key)
{
	for (size_t i = 0; i < n_held; i++)
		if (!strcmp(held[i].key, key))
			return &held[i];
	return !*key && n_held < HELD_MAX ? &held[n_held++] : NULL;
}

void keeper_hold(const char *key, const char *text, int fd)
{
	struct held *h = find(key);
	bool known = h != NULL;

	if (!known)
		h = find("");
	if (!h) {
		dprintf(STDERR_FILENO, "keeper: the table is full, cannot hold %s\n", key);
		if (fd >= 0)
			close(fd);
		return;
	}
	if (known && fd >= 0 && h->fd >= 0)
		close(h->fd);
	if (!known || fd >= 0)
		h->fd = fd;
	(void)snprintf(h->key, sizeof(h->key), "%s", key);
	(void)snprintf(h->text, sizeof(h->text), "%s", text);
}

static void let_go(const char *key)
{
	struct held *h = *key ? find(key) : NULL;

	if (!h)
		return;
	if (h->fd >= 0)
		close(h->fd);
	h->key[0] = '\0';
}

/* Send to a role and wait for room, but not for ever: one that hangs is killed and started again. */
static bool send_wait(struct role *r, const struct keep_msg *m, int fd)
{
	struct pollfd p = { .fd = r->sock, .events = POLLOUT };

	while (r->sock >= 0 && keep_send(r->sock, m, fd) < 0) {
		if (errno == EAGAIN && poll(&p, 1, PATIENCE_MS) > 0 && !(p.revents & (POLLHUP | POLLERR)))
			continue;
		kill(r->pid, SIGKILL);
		return false;
	}
	return r->sock >= 0;
}

static bool for_relay(const char *key)
{
	return !strncmp(key, "port.", 5) || !strcmp(key, "router");
}

static void hand_over(struct role *r)
{
	struct keep_msg m = { .op = KEEP_PUT };

	for (size_t i = 0; i < n_held; i++) {
		if (!held[i].key[0] || (r == &relay && !for_relay(held[i].key)))
			continue;
		memcpy(m.key, held[i].key, sizeof(m.key));
		memcpy(m.text, held[i].text, sizeof(m.text));
		if (!send_wait(r, &m, held[i].fd))
			return;
	}
	for (size_t i = 0; r == &worker && i < n_dead; i++) {
		m = (struct keep_msg){ .op = KEEP_EXIT, .pid = dead[i].pid, .status = dead[i].status };
		dead[i].told = send_wait(r, &m, -1);
	}
	m = (struct keep_msg){ .op = KEEP_READY };
	(void)send_wait(r, &m, -1);
}

static void become(const struct role *r, int sock)
{
	char title[TITLE_MAX];
	char *argv[] = { title, (char *)(uintptr_t)r->word, (char *)(uintptr_t)project, NULL };
	sigset_t none;

	(void)snprintf(title, sizeof(title), "compose: %s %s", r->title, project);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (sock == KEEP_SOCK ? fcntl(sock, F_SETFD, 0) == 0 : dup2(sock, KEEP_SOCK) == KEEP_SOCK)
		execv("/proc/self/exe", argv);
	dprintf(STDERR_FILENO, "keeper: start the %s: %s\n", r->title, strerror(errno));
	_exit(WORKER_GIVES_UP);
}

static void start(struct role *r)
{
	int pair[2];

	r->born_ns = sys_mono_ns();
	r->retry_ns = r->born_ns + 100000000;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	r->pid = fork();
	if (!r->pid)
		become(r, pair[1]);
	close(pair[1]);
	if (r->pid < 0) {
		r->pid = 0;
		close(pair[0]);
		return;
	}
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	r->sock = pair[0];
	hand_over(r);
}

static void on_message(const struct keep_msg *m, int fd)
{
	switch (m->op) {
	case KEEP_PUT:
		keeper_hold(m->key, m->text, fd);
		break;
	case KEEP_DROP:
		let_go(m->key);
		break;
	case KEEP_ACK:
		for (size_t i = 0; i < n_dead; i++)
			if (dead[i].pid == m->pid) {
				dead[i] = dead[--n_dead];
				break;
			}
		return;
	case KEEP_RELAY:
		want_relay = m->status;
		if (!want_relay && relay.pid)
			kill(relay.pid, SIGKILL);
		return;
	case KEEP_QUIT:
		quitting = true;
		return;
	case KEEP_RENEW:
		renew_fd = fd;
		return;
	default:
		return;
	}
	if (relay.sock >= 0 && for_relay(m->key))
		(void)send_wait(&relay, m, m->op == KEEP_PUT ? fd : -1);
}

/* ret: false when the role's end is closed */
static bool receive(struct role *r)
{
	struct keep_msg m;
	int fd, n;

	while ((n = keep_recv(r->sock, &m, &fd)) == 1)
		if (r == &worker)
			on_message(&m, fd);
		else if (fd >= 0)
			close(fd);
	return n < 0 && errno == EAGAIN;
}

/* What the dead role sent last is taken before its place is given away. */
static void bury_role(struct role *r, int status)
{
	int64_t now = sys_mono_ns();

	if (r->sock >= 0) {
		(void)receive(r);
		close(r->sock);
	}
	r->sock = -1;
	r->pid = 0;
	r->failures = now - r->born_ns > SETTLED_NS ? 0 : r->failures + 1;
	r->retry_ns = r->failures < FREE_TRIES ? now : now + RETRY_NS;
	if (r == &worker && WIFEXITED(status) && WEXITSTATUS(status) == WORKER_GIVES_UP && find("ready"))
		quitting = true;        /* the very first start failed and has told why: no use in another */
}

static void reap(void)
{
	pid_t pid;
	int status;

	while (n_dead < DEAD_MAX && (pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == worker.pid)
			bury_role(&worker, status);
		else if (pid == relay.pid)
			bury_role(&relay, status);
		else
			dead[n_dead++] = (struct dead){ pid, status, false };
}

static void tell_dead(void)
{
	for (size_t i = 0; worker.sock >= 0 && i < n_dead; i++)
		if (!dead[i].told)
			dead[i].told = keep_tell(worker.sock, KEEP_EXIT, dead[i].pid, dead[i].status) == 0;
}

/* Become a newer program without losing a child: same process, table in a file, descriptors as they are. */
static void renew(void)
{
	char title[TITLE_MAX], number[16];
	char *argv[] = { title, (char *)(uintptr_t)SUP_WORD_KEEPER, (char *)(uintptr_t)project, number, NULL };
	extern char **environ;
	int fd = memfd_create("compose-keeper", 0);
	int exe = renew_fd;

	renew_fd = -1;
	if (worker.pid)
		kill(worker.pid, SIGKILL);
	if (relay.pid)
		kill(relay.pid, SIGKILL);
	for (struct role *r = &worker; r; r = r == &worker ? &relay : NULL)
		if (r->sock >= 0)
			(void)receive(r);
	for (size_t i = 0; fd >= 0 && i < n_held; i++) {
		struct keep_msg m = { .op = KEEP_PUT, .pid = held[i].fd };

		memcpy(m.key, held[i].key, sizeof(m.key));
		memcpy(m.text, held[i].text, sizeof(m.text));
		if (m.key[0] && write(fd, &m, sizeof(m)) == sizeof(m) && held[i].fd >= 0)
			(void)fcntl(held[i].fd, F_SETFD, 0);
	}
	for (size_t i = 0; fd >= 0 && i < n_dead; i++)
		(void)!write(fd, &(struct keep_msg){ .op = KEEP_EXIT, .pid = dead[i].pid, .status = dead[i].status },
			     sizeof(struct keep_msg));
	(void)!write(fd, &(struct keep_msg){ .op = KEEP_RELAY, .status = want_relay }, sizeof(struct keep_msg));
	(void)snprintf(title, sizeof(title), "compose: keeper %s", project);
	(void)snprintf(number, sizeof(number), "%d", fd);
	(void)fexecve(exe, argv, environ);
	dprintf(STDERR_FILENO, "keeper: hand over to another program: %s\n", strerror(errno));
	for (size_t i = 0; i < n_held; i++)
		if (held[i].key[0] && held[i].fd >= 0)
			(void)fcntl(held[i].fd, F_SETFD, FD_CLOEXEC);
	close(exe);
	close(fd);
}

int keeper_adopt(int fd)
{
	struct keep_msg m;
	off_t at = 0;

	for (; pread(fd, &m, sizeof(m), at) == sizeof(m); at += (off_t)sizeof(m)) {
		if (m.op == KEEP_PUT && (m.pid < 0 || fcntl(m.pid, F_SETFD, FD_CLOEXEC) == 0))
			keeper_hold(m.key, m.text, m.pid);
		else if (m.op == KEEP_EXIT && n_dead < DEAD_MAX)
			dead[n_dead++] = (struct dead){ m.pid, m.status, false };
		else if (m.op == KEEP_RELAY)
			want_relay = m.status;
	}
	close(fd);
	return at ? 0 : -1;
}

/* ret: milliseconds until a role is to be started, -1 for none; starts those that are due */
static int start_due(void)
{
	int64_t now = sys_mono_ns(), next = INT64_MAX;

	for (struct role *r = &worker; r; r = r == &worker ? &relay : NULL) {
		if (r->pid || quitting || (r == &relay && !want_relay))
			continue;
		if (r->retry_ns <= now)
			start(r);
		if (!r->pid && r->retry_ns < next)
			next = r->retry_ns;
	}
	return next == INT64_MAX ? -1 : next <= now ? 1 : (int)((next - now) / 1000000) + 1;
}

static int open_signals(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int keeper_run(const char *name)
{
	struct signalfd_siginfo si;
	struct pollfd p[3] = { { .fd = open_signals(), .events = POLLIN }, { .events = POLLIN }, { .events = POLLIN } };

	project = name;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	while (!(quitting && !worker.pid)) {
		int wait_ms = start_due();

		p[1].fd = worker.sock;
		p[2].fd = relay.sock;
		if (poll(p, 3, wait_ms) < 0 && errno != EINTR)
			return 1;
		while (read(p[0].fd, &si, sizeof(si)) == sizeof(si))
			if (si.ssi_signo == SIGTERM && worker.pid)
				kill(worker.pid, SIGTERM);
		if (worker.sock >= 0 && !receive(&worker))
			kill(worker.pid, SIGKILL);
		if (relay.sock >= 0 && !receive(&relay))
			kill(relay.pid, SIGKILL);
		reap();
		tell_dead();
		if (renew_fd >= 0)
			renew();
	}
	if (relay.pid) {
		kill(relay.pid, SIGKILL);
		(void)waitpid(relay.pid, NULL, 0);
	}
	return 0;
}
