/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/ctl.h"
#include "compose/supervisor/ctr.h"
#include "compose/supervisor/io.h"
#include "compose/supervisor/supervisor.h"

#define AWAIT_FIRST_NS 10000000000
#define AWAIT_AGAIN_NS 1000000000

/* ---- what is told ------------------------------------------------------------------------------------------------ */

void worker_note(struct err *e, const char *fmt, ...)
{
	struct str b = {0};
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&b, fmt, ap);
	va_end(ap);
	for (unsigned i = e->n; i-- > 0;)
		str_addf(&b, ": %s", e->frame[i]);
	dprintf(STDERR_FILENO, "worker: %s\n", str_cstr(&b));
	str_done(&b);
	err_done(e);
}

/* The client that started us waits for "+", or "-" and an error. */
static void tell_ready(struct worker *w, const struct err *e)
{
	int fd = hold_fd(w, "ready");
	auto_free char *text = NULL;
	size_t n = 0;

	if (fd < 0)
		return;
	if (e) {
		text = err_encode(e, &n);
		(void)!write(fd, "-", 1);
		(void)!write(fd, text, n);
	} else {
		(void)!write(fd, "+", 1);
		hold_drop(w, "ready");
	}
	close(fd);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static const int64_t first_client_ns = 5LL * 1000000000;

static void on_idle(void *arg)
{
	struct worker *w = arg;

	w->idle = NULL;
	if (!w->served && !w->ending && sys_mono_ns() < w->born_ns + first_client_ns) {      /* who started us is on the way */
		w->idle = loop_at(w->loop, w->born_ns + first_client_ns, on_idle, w);
		return;
	}
	if (ctr_sweep(w) || io_pending() || ship_pending() || (ctl_connections(w) && !w->ending))
		return;
	(void)keep_tell(w->keep, KEEP_QUIT, 0, 0);
	loop_stop(w->loop);
}

static void on_awaited(void *arg)
{
	struct worker *w = arg;

	w->awaited = NULL;
	worker_check_idle(w);
}

void worker_greeted(struct worker *w)
{
	loop_del(w->awaited);
	w->awaited = NULL;
}

void worker_check_idle(struct worker *w)
{
	if (w->idle && !w->served && !w->ending)
		return;
	loop_del(w->idle);
	w->idle = loop_at(w->loop, 0, on_idle, w);
}

static void on_signal(void *arg, uint32_t events)
{
	struct worker *w = arg;
	static const struct ctr_ask nobody = { .timeout_ns = -1 };

	struct signalfd_siginfo si;

	(void)events;
	(void)!read(w->signals, &si, sizeof(si));
	w->ending = true;               /* the machine goes down, or somebody ends us: end the containers well */
	for (size_t i = w->ctrs.n; i-- > 0;) {
		struct ctr *c = w->ctrs.v[i];
		bool by_user = c->st.stopped_by_user;

		ctr_event(c, EV_STOP, &nobody);
		c->st.stopped_by_user = by_user;
	}
	worker_check_idle(w);
}

/* ---- the keeper -------------------------------------------------------------------------------------------------- */

static void on_exit_told(struct worker *w, pid_t pid, int status)
{
	for (size_t i = 0; i < w->ctrs.n; i++)
		if (w->ctrs.v[i]->rt.pid == pid && !w->ctrs.v[i]->orphan) {
			ctr_exited(w->ctrs.v[i], status);
			return;
		}
	(void)keep_tell(w->keep, KEEP_ACK, pid, 0);
}

static void on_keeper(void *arg, uint32_t events)
{
	struct worker *w = arg;
	struct keep_msg m;
	int fd, n = keep_recv(w->keep, &m, &fd);

	(void)events;
	mem_closep(&fd);
	if (n == 1 && m.op == KEEP_EXIT)
		on_exit_told(w, m.pid, m.status);
	else if (n <= 0)
		hold_new_keeper(w);
}

/* ---- the start --------------------------------------------------------------------------------------------------- */

static const int *end_of(const struct held_exits *exits, pid_t pid)
{
	for (size_t i = 0; i < exits->n; i++)
		if (exits->v[i].pid == pid)
			return &exits->v[i].status;
	return NULL;
}

/* Entries of a container that has no "run" entry: its start was cut before there was a process, or its end after that. */
static void drop_garbage(struct worker *w)
{
	static const char *const kinds[] = { "sync.", "out.", "err.", "in.", "tty.", "outw.", "dnsu.", "dnst.", "pid.", "port." };

	for (size_t i = w->held.n; i-- > 0;)
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			const char *key = w->held.v[i]->key, *id = key + strlen(kinds[k]);
			int fd = w->held.v[i]->fd;

			if (!str_starts(key, kinds[k]) || hold_find(w, "run.%.64s", id))
				continue;
			if (str_starts(key, "port.") && fd >= 0)
				ports_let_go(take_fd(fd));
			hold_drop(w, "%s", key);
			mem_closep(&fd);
			break;
		}
}

static void adopt_all(struct worker *w, const struct held_exits *exits)
{
	auto_strv struct strv run = {0};
	struct err e = {0};

	drop_garbage(w);
	for (size_t i = 0; i < w->held.n; i++)
		if (str_starts(w->held.v[i]->key, "run."))
			strv_add(&run, w->held.v[i]->key);
	for (size_t i = 0; i < run.n; i++) {
		const char *id = run.v[i] + 4;
		struct run_entry r = { .listeners = -1 };

		if (sscanf(hold_find(w, "%s", run.v[i])->text, "%d %d %d %d", &r.pid, &r.parent, &r.phase, &r.listeners) < 3 ||
		    ctr_adopt(w, id, &r, end_of(exits, r.pid), &e) < 0) {
			worker_note(&e, "take over container %.12s", id);
			hold_drop(w, "%s", run.v[i]);
		}
	}
	drop_garbage(w);
	ports_check_relay(w);
	for (size_t i = 0; i < exits->n; i++)           /* what concerned us is on disk now */
		(void)keep_tell(w->keep, KEEP_ACK, exits->v[i].pid, 0);
}

static int open_parts(struct worker *w, struct err *e)
{
	sigset_t term;
	int fd;

	if (loop_new(&w->loop, e) < 0 || paths_open(&w->paths, NULL, true, e) < 0 || rt_open(&w->rt, e) < 0 ||
	    net_open(&w->net, w->paths.run, w->paths.inst, e) < 0)
		return -1;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	w->signals = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0 || !loop_add(w->loop, w->signals, EPOLLIN, on_signal, w) || !loop_add(w->loop, w->keep, EPOLLIN, on_keeper, w))
		return err_set(e, ERR_SYS, errno, "watch signals and the keeper");
	fd = hold_fd(w, "ctl");
	if (fd < 0)
		return err_set(e, ERR_BUG, 0, "the keeper gave no control socket");
	return ctl_open(w, fd, e);
}

static void limits(void)
{
	struct rlimit r;
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {                  /* the keeper's protection is not for us, much less for containers */
		(void)!write(fd, "0", 1);
		close(fd);
	}
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	(void)umask(022);
}

int worker_main(int argc, char **argv)
{
	static struct worker w = { .keep = KEEP_SOCK };
	struct held_exits exits = {0};
	struct err e = {0};
	bool fresh;

	w.born_ns = sys_mono_ns();
	w.project = xstrdup(argc > 2 ? argv[2] : "");
	(void)fcntl(KEEP_SOCK, F_SETFD, FD_CLOEXEC);
	limits();
	if (hold_take_over(&w, &exits) < 0)
		return WORKER_GIVES_UP;
	fresh = hold_find(&w, "ready");
	if (open_parts(&w, &e) < 0) {
		tell_ready(&w, &e);
		worker_note(&e, "cannot start");
		return WORKER_GIVES_UP;
	}
	adopt_all(&w, &exits);
	vec_done(&exits);
	w.served = !fresh;
	if (fresh)
		ctr_clean_stale(&w, hold_find(&w, "crashed"));
	else
		ctr_clean_rest(&w);
	hold_drop(&w, "crashed");
	/* whoever started us, or was connected to the worker before us, needs a moment to come */
	w.awaited = loop_at(w.loop, sys_mono_ns() + (fresh ? AWAIT_FIRST_NS : AWAIT_AGAIN_NS), on_awaited, &w);
	tell_ready(&w, NULL);
	if (loop_run(w.loop, &e) < 0) {
		worker_note(&e, "the event loop");
		return 1;
	}
	return 0;
}
