/* SPDX-License-Identifier: Apache-2.0 */
/* ctr_start.c - from a container's files to its running process, without waiting: the loop calls when the process has
 * something to say. Whatever fails on the way ends as EV_FAILED with the chain in c->why. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/overlay.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/ctr.h"
#include "compose/supervisor/io.h"

void ctr_making_free(struct ctr *c)
{
	if (!c->making)
		return;
	for (int i = 0; i < SPEC_NS_N; i++)
		mem_closep(&c->making->args.ns_fd[i]);
	mem_closep(&c->making->args.shm_fd);
	spec_done(&c->making->spec);
	free(c->making);
	c->making = NULL;
}

static void failed(struct ctr *c)
{
	ctr_event(c, !c->st.stopped_by_user && c->by_policy ? EV_FAILED_AGAIN : EV_FAILED, NULL);
}

/* ---- its root ---------------------------------------------------------------------------------------------------- */

/* A directory of the writable layer: below the container's own, or where a build step has it. */
static int open_part(const struct ctr *c, const char *given, const char *dflt, struct err *e)
{
	const char *path = *given ? given : dflt;
	int fd = openat(c->dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : err_set(e, ERR_SYS, errno, "open %s of container %s", path, c->rec.name);
}

/* An image FROM scratch has no layer, and an overlay needs one. */
static int open_empty(const struct ctr *c, struct err *e)
{
	int fd;

	if ((mkdirat(c->dir, "fs", 0700) < 0 && errno != EEXIST) || (mkdirat(c->dir, "fs/empty", 0755) < 0 && errno != EEXIST))
		return err_set(e, ERR_SYS, errno, "make an empty layer for container %s", c->rec.name);
	fd = openat(c->dir, "fs/empty", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, ERR_SYS, errno, "open an empty layer for container %s", c->rec.name);
}

/* ret: how many are open in fd, uppermost first; -1 with e */
static int open_layers(const struct ctr *c, int fd[FS_OVERLAY_LAYERS_MAX], struct err *e)
{
	int n = 0;

	if (c->rec.layers.n > FS_OVERLAY_LAYERS_MAX)
		return err_set(e, ERR_MODEL, 0, "image %s has more than %d layers", c->rec.image, FS_OVERLAY_LAYERS_MAX);
	for (size_t i = c->rec.layers.n; i-- > 0; n++) {
		auto_free char *rel = xasprintf("layers/%s", c->rec.layers.v[i]);

		fd[n] = openat(c->w->paths.root_fd, rel, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd[n] < 0) {
			err_set(e, ERR_MISSING, errno, "open layer %s of image %s", c->rec.layers.v[i], c->rec.image);
			while (n-- > 0)
				close(fd[n]);
			return -1;
		}
	}
	if (!n)
		fd[n++] = open_empty(c, e);
	return fd[0] < 0 ? -1 : n;
}

/* ret: the root as a detached mount, -1 with e */
static int make_root(const struct ctr *c, struct err *e)
{
	auto_close int upper = open_part(c, c->rec.upper, "fs/upper", e);
	auto_close int work = upper < 0 ? -1 : open_part(c, c->rec.work, "fs/work", e);
	int lower[FS_OVERLAY_LAYERS_MAX], n, root;
	struct fs_overlay o = { .lower = lower, .upper = upper, .work = work };

	if (work < 0)
		return -1;
	n = open_layers(c, lower, e);
	if (n < 0)
		return -1;
	o.n = (size_t)n;
	root = fs_overlay(&o, e);
	while (n-- > 0)
		close(lower[n]);
	return root;
}

/* ---- create ------------------------------------------------------------------------------------------------------ */

static void on_created(void *arg, uint32_t events)
{
	struct ctr *c = arg;
	int r;

	(void)events;
	loop_del(c->on_sync);
	c->on_sync = NULL;
	r = rt_create_end(c->w->rt, &c->rt, &c->why);
	ctr_making_free(c);
	if (r == 0 && c->rt.master_fd >= 0)
		r = io_terminal(c, take_fd(c->rt.master_fd), &c->why);
	if (r == 0)
		r = ctr_net_up(c, &c->why);
	if (r < 0)
		failed(c);
	else
		ctr_event(c, EV_CREATED, NULL);
}

static int spawn(struct ctr *c, struct err *e)
{
	struct rt_args *a = &c->making->args;
	auto_close int root = make_root(c, e);
	int r;

	if (root < 0 || ctr_log_open(c, e) < 0 || log_mark(c->log, e) < 0)
		return -1;
	a->root_fd = root;
	c->parent = getppid();
	ctr_phase(c, PHASE_MAKING);
	r = io_new(c, a->stdio, e);
	if (r == 0)
		r = rt_create_begin(c->w->rt, &c->rt, &c->making->spec, a, e);
	for (int i = 0; i < 3; i++)
		mem_closep(&a->stdio[i]);
	if (r < 0)
		return -1;
	hold_put(c->w, "", c->rt.sync_fd, "sync.%s", c->rec.id);
	ctr_phase(c, PHASE_MADE);
	return 0;
}

static int begin(struct ctr *c, struct err *e)
{
	struct making *m = xcalloc(1, sizeof(*m));

	c->making = m;
	m->args = (struct rt_args)RT_ARGS_INIT;
	if (spec_read(&m->spec, c->dir, e) < 0)
		return -1;
	m->args.id = c->rec.name;
	m->args.sibling = true;
	m->args.cgroup_path = c->cgroup;
	m->spec.process.terminal = c->rec.tty;
	if (c->rows)
		m->spec.process.rows = c->rows;
	if (c->cols)
		m->spec.process.cols = c->cols;
	if (ctr_join(c, e) < 0 || vols_hold(c, false, e) < 0 || ports_open(c, e) < 0 || spawn(c, e) < 0)
		return -1;
	c->on_sync = loop_add(c->w->loop, c->rt.sync_fd, EPOLLIN, on_created, c);
	return c->on_sync ? 0 : err_set(e, ERR_SYS, errno, "wait for the new process");
}

void ctr_create(struct ctr *c)
{
	err_done(&c->why);
	c->reaped = c->escalated = c->st.oom = false;
	c->ran_before = c->st.started_ns != 0;
	c->st.health = HEALTH_NONE;
	if (begin(c, &c->why) < 0)
		failed(c);
}

/* ---- exec -------------------------------------------------------------------------------------------------------- */

static void on_started(void *arg, uint32_t events)
{
	(void)events;
	ctr_settle(arg);
}

void ctr_settle(struct ctr *c)
{
	int sysno;
	socklen_t n = sizeof(sysno);

	/* after a take-over the process may have been told to go twice; that it did not read the second word is no failure */
	(void)getsockopt(c->rt.sync_fd, SOL_SOCKET, SO_ERROR, &sysno, &n);
	loop_del(c->on_sync);
	c->on_sync = NULL;
	if (rt_start_end(&c->rt, &c->why) < 0)
		failed(c);
	else
		ctr_event(c, EV_STARTED, NULL);
}

void ctr_watch_exec(struct ctr *c)
{
	c->on_sync = loop_add(c->w->loop, c->rt.sync_fd, EPOLLIN, on_started, c);
	if (c->on_sync)
		return;
	err_set(&c->why, ERR_SYS, errno, "wait for the new process");
	failed(c);
}

/* All that is known goes to disk before the exec, so that nothing is lost with this worker once the command runs. */
static void note_start(struct ctr *c)
{
	c->st.state = CTR_RUNNING;
	c->st.pid = c->rt.pid;
	c->st.pid_start = sys_start_time(c->rt.pid);
	c->st.started_ns = sys_now_ns();
	c->st.exit_code = 0;
	c->st.health = c->rec.health.set ? HEALTH_STARTING : HEALTH_NONE;
	c->st.health_fails = 0;
	if (!c->by_policy) {            /* what post_start came to counts until somebody starts it again */
		c->st.hook = c->rec.post_start.n ? HOOKS_RUN : HOOKS_NONE;
		free(c->st.hook_error);
		c->st.hook_error = xstrdup("");
	}
	free(c->st.error);
	c->st.error = xstrdup("");
	ctr_save(c);
}

void ctr_exec(struct ctr *c)
{
	note_start(c);
	ctr_phase(c, PHASE_EXEC);
	if (rt_start_begin(&c->rt, &c->why) < 0)
		failed(c);
	else
		ctr_watch_exec(c);
}
