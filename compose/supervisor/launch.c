/* SPDX-License-Identifier: Apache-2.0 */
/* launch.c - the first steps of each of the supervisor's processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/runtime/runtime.h"
#include "compose/state/lock.h"
#include "compose/state/paths.h"
#include "compose/supervisor/keep.h"
#include "compose/supervisor/keeper.h"
#include "compose/supervisor/relay.h"
#include "compose/supervisor/supervisor.h"
#include "compose/supervisor/worker.h"

enum { BACKLOG = 128, LOCK_PATIENCE_S = 10 };

static void set_title(int argc, char **argv, const char *role, const char *project)
{
	auto_free char *title = xasprintf("compose: %s %s", role, project), *comm = xasprintf("compose-%s", role);

	sys_title_init(argc, argv);
	sys_title(title);
	(void)prctl(PR_SET_NAME, comm, 0, 0, 0);
}

/* Listening socket RUN/projects/PROJECT/ctl, made by a short name: a socket's path has 107 bytes at most. */
static int open_ctl(int dir, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/ctl", dir);
	if (unlinkat(dir, "ctl", 0) == 0)       /* one that ends well takes it away */
		keeper_hold("crashed", "", -1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0)
		return err_set(e, ERR_SYS, errno, "open the control socket");
	return take_fd(fd);
}

/* Errors that come later have nobody to go to: they are kept beside the socket. */
static int open_stdio(int dir, struct err *e)
{
	auto_close int log = openat(dir, "supervisor.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
		return err_set(e, ERR_SYS, errno, "open supervisor.log");
	return 0;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* The supervisor before us may be in its last breath: wait for it, not for ever. */
static int take_alive(const struct paths *p, const char *project, int *ret_fd, struct err *e)
{
	const struct sigaction act = { .sa_handler = on_alarm };
	int r;

	(void)sigaction(SIGALRM, &act, NULL);
	alarm(LOCK_PATIENCE_S);
	r = lock_alive(p, project, true, ret_fd, e);
	alarm(0);
	return r == 1 ? err_set(e, ERR_CONFLICT, 0, "another supervisor of project %s lives but does not answer", project) : r;
}

static void protect(void)
{
	struct rlimit r;
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, "-900", 4);    /* where we may; it is no condition */
		close(fd);
	}
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int prepare_keeper(struct paths *p, const char *project, int *ret_dir, struct err *e)
{
	auto_free char *rel = xasprintf("projects/%s", project);
	auto_close int dir = -1;
	int alive = -1, ctl;

	if (paths_open(p, NULL, true, e) < 0 || take_alive(p, project, &alive, e) < 0)
		return -1;
	keeper_hold("alive", "", alive);
	dir = paths_dir(p->run_fd, rel, true);
	if (dir < 0)
		return err_set(e, ERR_SYS, errno, "open %s/%s", p->run, rel);
	ctl = open_ctl(dir, e);
	if (ctl < 0 || open_stdio(dir, e) < 0)
		return -1;
	keeper_hold("ctl", "", ctl);
	*ret_dir = take_fd(dir);
	return 0;
}

static void refuse(int ready, const struct err *e)
{
	size_t n;
	auto_free char *text = err_encode(e, &n);

	(void)!write(ready, "-", 1);
	(void)!write(ready, text, n);
}

/* Leave nothing behind but a log that says something. The lock goes last, with the process. */
static void clear_away(const struct paths *p, const char *project, int dir)
{
	auto_free char *rel = xasprintf("projects/%s", project);
	struct stat st;

	(void)unlinkat(dir, "ctl", 0);
	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
		(void)unlinkat(dir, "supervisor.log", 0);
	(void)unlinkat(dir, "alive", 0);
	(void)unlinkat(p->run_fd, rel, AT_REMOVEDIR);
}

/* A keeper of its own, or what an older one hands over in table. ret: its exit status */
static int keep(struct paths *p, const char *project, const char *table)
{
	auto_free char *rel = xasprintf("projects/%s", project);
	auto_err struct err e = {0};
	auto_close int dir = -1;
	uint64_t fd = 0;
	int status;

	if (table) {
		if (!str_to_u64(table, &fd) || fd > INT32_MAX || keeper_adopt((int)fd) < 0 || paths_open(p, NULL, true, &e) < 0)
			return 1;
		dir = paths_dir(p->run_fd, rel, true);
	} else {
		(void)fcntl(KEEP_SOCK, F_SETFD, FD_CLOEXEC);
		keeper_hold("ready", "", KEEP_SOCK);
		if (prepare_keeper(p, project, &dir, &e) < 0) {
			refuse(KEEP_SOCK, &e);
			return 1;
		}
	}
	status = keeper_run(project);
	clear_away(p, project, dir);
	return status;
}

static int keeper_main(const char *project, const char *table)
{
	struct paths p = { .root_fd = -1, .run_fd = -1 };
	int status;

	protect();
	status = keep(&p, project, table);
	paths_done(&p);
	return status;
}

int supervisor_main(int argc, char **argv)
{
	struct err e = {0};
	auto_free char *word = xstrdup(argc > 1 ? argv[1] : ""), *project = xstrdup(argc > 2 ? argv[2] : "");
	auto_free char *more = xstrdup(argc > 3 ? argv[3] : NULL);
	char *copy[] = { argv[0], word, project, NULL };

	if (!*project || strchr(project, '/')) {
		fputs("compose: this is a command of compose's own processes, not for people\n", stderr);
		return 2;
	}
	if (str_eq(word, SUP_WORD_RELAY)) {
		set_title(argc, argv, "relay", project);
		return relay_main();
	}
	if (rt_reexec_protected(argv, &e) < 0) {
		refuse(str_eq(word, SUP_WORD_KEEPER) && !more ? KEEP_SOCK : STDERR_FILENO, &e);
		return 1;
	}
	set_title(argc, argv, str_eq(word, SUP_WORD_WORKER) ? "worker" : "keeper", project);
	return str_eq(word, SUP_WORD_WORKER) ? worker_main(3, copy) : keeper_main(project, more);
}
