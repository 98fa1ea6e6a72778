/* SPDX-License-Identifier: Apache-2.0 */
/* ctr_adopt.c - containers that were there before this worker. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/ctr.h"
#include "compose/supervisor/hooks.h"
#include "compose/supervisor/io.h"

/* kernel: 6.15 tells through a pidfd how a process ended that is not our child. The header of Debian 12 has it not. */
struct end_info { uint64_t mask, cgroup; uint32_t ids[11]; int32_t exit_code; };
#define END_INFO_GET _IOWR(0xFF, 11, struct end_info)
enum { END_INFO_EXIT = 1 << 3, CODE_UNKNOWN = 255, PATIENCE_NS = 1000000000 };

/* As long as its parent has not taken it from the process table, the table has how it ended: field 52 of its stat file.
 * ret: true with *ret_status */
static bool end_of_zombie(pid_t pid, int *ret_status)
{
	struct err ignored = {0};
	auto_free char *text = NULL;
	char path[40], *p;
	int64_t v;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fs_read(AT_FDCWD, path, 4096, &text, NULL, &ignored) < 0) {
		err_done(&ignored);
		return false;
	}
	p = strrchr(text, ')');
	if (!p || strncmp(p, ") Z ", 4) != 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	p = strrchr(text, ' ');
	if (!str_to_i64(p + 1, &v))
		return false;
	*ret_status = (int)v;
	return true;
}

/* ret: 1 with *ret_status; 0 when it will be known soon; -1 when the kernel cannot tell */
static int end_of(const struct ctr *c, int *ret_status)
{
	struct end_info info;
	int r = 0;

	for (int i = 0; i < 2; i++) {           /* twice: it may be taken from the table between the two looks */
		info = (struct end_info){ .mask = END_INFO_EXIT };
		r = ioctl(c->rt.pidfd, END_INFO_GET, &info);
		if (r == 0 && info.mask & END_INFO_EXIT)
			*ret_status = info.exit_code;
		else if (!end_of_zombie(c->rt.pid, ret_status))
			continue;
		return 1;
	}
	return r;
}

static void on_patience(void *arg)
{
	struct ctr *c = arg;

	c->patience = NULL;
	ctr_exited(c, CODE_UNKNOWN << 8);
}

static void on_end(void *arg, uint32_t events)
{
	struct ctr *c = arg;
	int status = CODE_UNKNOWN << 8, r = end_of(c, &status);

	(void)events;
	if (r) {
		ctr_exited(c, status);
		return;
	}
	loop_mod(c->on_pidfd, 0);               /* EPOLLHUP will tell */
	loop_del(c->patience);
	c->patience = loop_at(c->w->loop, sys_mono_ns() + PATIENCE_NS, on_patience, c);
}

/* The keeper has the descriptor too: without one nobody could tell of the end of what is nobody's child. */
static void watch_orphan(struct ctr *c)
{
	if (hold_fd(c->w, "pid.%s", c->rec.id) < 0)
		hold_put(c->w, "", c->rt.pidfd, "pid.%s", c->rec.id);
	c->on_pidfd = loop_add(c->w->loop, c->rt.pidfd, EPOLLIN, on_end, c);
}

/* ret: whether the container's process is there still, with c->rt filled */
static bool find_process(struct ctr *c, pid_t pid)
{
	int fd = hold_fd(c->w, "pid.%s", c->rec.id);

	c->rt.pid = pid;
	if (fd >= 0) {                          /* from now on the container's; the keeper has its own */
		c->rt.pidfd = fd;
		return true;
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return false;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (c->st.pid == pid && c->st.pid_start && c->st.pid_start != sys_start_time(pid)) {
		close(fd);
		return false;
	}
	c->rt.pidfd = fd;
	return true;
}

static void drop_held(struct ctr *c, const char *kind)
{
	int fd = hold_fd(c->w, "%s.%s", kind, c->rec.id);

	if (fd < 0)
		return;
	hold_drop(c->w, "%s.%s", kind, c->rec.id);
	close(fd);
}

/* Its files, pipes, ports and names. */
static void take_up(struct ctr *c, const struct run_entry *r)
{
	struct err e = {0};

	if (ctr_log_open(c, &e) < 0)
		worker_note(&e, "container %s", c->rec.name);
	io_adopt(c);
	ports_adopt(c, r->listeners);
	if (vols_hold(c, true, &e) < 0)
		worker_note(&e, "container %s", c->rec.name);
	if (ctr_net_adopt(c, &e) < 0)
		worker_note(&e, "container %s", c->rec.name);
}

/* It was not told to run: away with what there is of it. Who asked for it asks again; a restart policy does so here. */
static void begin_again(struct ctr *c, const struct run_entry *r)
{
	bool again = c->st.state == CTR_RESTARTING || (c->st.state == CTR_RUNNING && c->st.restarts > 0);

	take_up(c, r);
	io_end(c);
	ctr_log_close(c);
	ctr_net_unserve(c);
	ctr_clean_kernel(c);
	rt_ctr_done(&c->rt);
	drop_held(c, "sync");
	if (again) {
		c->state = FSM_BACKOFF;
		c->by_policy = true;
		ctr_event(c, EV_DELAY, NULL);
		return;
	}
	ports_close(c);
	if (c->st.state == CTR_RUNNING) {       /* noted too early */
		c->st.state = CTR_CREATED;
		c->st.pid = 0;
		c->st.started_ns = 0;
		c->st.health = HEALTH_NONE;
		c->st.hook = HOOKS_NONE;
		ctr_save(c);
	}
	hold_drop(c->w, "run.%s", c->rec.id);
}

/* It was told to run, or is to be now: a second word is one too many for a process that has heard the first. */
static void go_on(struct ctr *c, const struct run_entry *r)
{
	struct err ignored = {0};

	take_up(c, r);
	c->state = FSM_STARTING;
	c->rt.sync_fd = hold_fd(c->w, "sync.%s", c->rec.id);
	c->by_policy = c->st.restarts > 0;
	if (rt_start_begin(&c->rt, &ignored) < 0)
		err_done(&ignored);
	ctr_watch_exec(c);
}

/* All that act_run() does, for the worker before us may not have come to the end of it. */
static void resume(struct ctr *c, const struct run_entry *r)
{
	take_up(c, r);
	drop_held(c, "sync");
	c->state = c->st.state == CTR_PAUSED ? FSM_PAUSED : FSM_RUNNING;
	c->run_ns = sys_mono_ns();
	io_run(c);
	ports_point(c, ctr_net_target(c));
	hooks_adopt(c);
	health_start(c);
}

/* Its end is on disk already, and is not to be told a second time: nothing is left to do but to forget it. */
static bool is_over(const struct ctr *c, const struct run_entry *r)
{
	return r->phase >= PHASE_EXEC && c->st.state != CTR_RUNNING && c->st.state != CTR_PAUSED && c->st.state != CTR_RESTARTING;
}

int ctr_adopt(struct worker *w, const char *id, const struct run_entry *r, const int *wait_status, struct err *e)
{
	struct ctr *c = ctr_load(w, id, e);
	static const struct ctr_ask nobody = { .timeout_ns = -1 };
	bool there;

	if (!c)
		return -1;
	if (is_over(c, r)) {
		if (vols_hold(c, true, e) < 0)  /* the last one to hold them may have died before it let go */
			err_done(e);
		vols_let_go(c);
		hold_drop(w, "run.%s", id);
		ctr_remove_files(c);
		return 0;
	}
	if (r->phase == PHASE_WAITS) {
		ports_adopt(c, r->listeners);
		if (vols_hold(c, true, e) < 0)
			worker_note(e, "container %s", c->rec.name);
		c->state = FSM_BACKOFF;
		c->by_policy = true;
		c->st.restarts++;
		ctr_event(c, EV_DELAY, NULL);
		return 0;
	}
	if (r->phase == PHASE_MAKING || r->phase == PHASE_MADE) {
		begin_again(c, r);
		return 0;
	}
	c->parent = r->parent;
	c->orphan = c->parent != getppid();
	there = find_process(c, r->pid);
	if (r->phase == PHASE_EXEC)
		go_on(c, r);
	else
		resume(c, r);
	if (wait_status || (!there && c->orphan))
		ctr_exited(c, wait_status ? *wait_status : CODE_UNKNOWN << 8);
	else if (c->orphan)
		watch_orphan(c);
	if (c->state != FSM_IDLE && c->st.stopped_by_user)      /* somebody was stopping it */
		ctr_event(c, EV_STOP, &nobody);
	return 0;
}
