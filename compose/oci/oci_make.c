/* SPDX-License-Identifier: Apache-2.0 */
/* oci_make.c - create, start, run. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/oci/oci_priv.h"
#include "compose/runtime/hook.h"

struct make_args {
	const char *bundle, *console, *pid_file;
	bool no_pivot, no_keyring, detach, keep, no_subreaper;
	int64_t preserve;
	char **rest;
};

#define MAKE_OPTS \
	OPT_STR('b', "bundle", struct make_args, bundle, "DIR", "directory of config.json (default: here)"), \
	OPT_STR(0, "console-socket", struct make_args, console, "SOCKET", "where the terminal's master is sent"), \
	OPT_STR(0, "pid-file", struct make_args, pid_file, "FILE", "write the process's pid there"), \
	OPT_FLAGX(0, "no-pivot", struct make_args, no_pivot, OPT_HIDDEN, ""), \
	OPT_FLAGX(0, "no-new-keyring", struct make_args, no_keyring, OPT_HIDDEN, ""), \
	{ .type = OPT_T_INT, .name = "preserve-fds", .off = offsetof(struct make_args, preserve), .arg = "N", \
	  .help = "", .flags = OPT_HIDDEN }, \
	OPT_RESTX(struct make_args, rest, "ID", OPT_NEED, "name of the container")

static const struct opt create_opts[] = { MAKE_OPTS, OPT_END };
static const struct opt run_opts[] = {
	OPT_FLAG('d', "detach", struct make_args, detach, "do not wait for its end"),
	OPT_FLAG(0, "keep", struct make_args, keep, "do not delete it at its end"),
	OPT_FLAGX(0, "no-subreaper", struct make_args, no_subreaper, OPT_HIDDEN, ""),
	MAKE_OPTS, OPT_END
};

/* A container that is being made. */
struct making {
	struct octr c;
	struct spec s;
	struct rt_ctr rc;
	int   bundle_fd;
	char *bundle, *cgroup, *state;
};

static void making_done(struct making *m)
{
	octr_done(&m->c);
	spec_done(&m->s);
	rt_ctr_done(&m->rc);
	mem_closep(&m->bundle_fd);
	free(m->bundle);
	free(m->cgroup);
	free(m->state);
}

static int check_args(const struct make_args *a, struct err *e)
{
	if (octr_check_id(a->rest[0], e) < 0)
		return -1;
	if (a->rest[1])
		return err_set(e, ERR_USAGE, 0, "one container id expected");
	if (a->no_pivot)
		return err_set(e, ERR_USAGE, 0, "--no-pivot is not supported: a container needs its own root mount");
	if (a->preserve)
		return err_set(e, ERR_USAGE, 0, "--preserve-fds is not supported: only 0, 1 and 2 reach a container");
	return 0;
}

/* "SLICE:PREFIX:NAME" is the path that systemd would give it; no systemd is asked. */
static char *cgroup_path(const struct oci *o, const struct spec *s, const char *id)
{
	const char *p = s->cgroup_path, *a, *b;

	if (!p || !*p)
		return xasprintf("compose-oci-%s", id);
	a = strchr(p, ':');
	b = a ? strchr(a + 1, ':') : NULL;
	if (!o->systemd_cgroup || !b)
		return xstrdup(p);
	return xasprintf("%.*s/%.*s%s%s.scope", a == p ? 12 : (int)(a - p), a == p ? "system.slice" : p,
			 (int)(b - a - 1), a + 1, b - a > 1 ? "-" : "", b + 1);
}

static int copy_config(struct making *m, struct err *e)
{
	auto_free char *text = NULL;
	size_t n;

	return fs_read(m->bundle_fd, "config.json", 4 << 20, &text, &n, e) < 0 ||
	       fs_write(m->c.dir, "config.json", text, n, 0600, false, e) < 0 ? -1 : 0;
}

static int open_bundle(struct making *m, const struct make_args *a, struct err *e)
{
	m->bundle = realpath(a->bundle ? a->bundle : ".", NULL);
	m->bundle_fd = m->bundle ? open(m->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (m->bundle_fd < 0)
		return err_set(e, ERR_MISSING, errno, "open the bundle %s", a->bundle ? a->bundle : ".");
	if (spec_read(&m->s, m->bundle_fd, e) < 0)
		return -1;
	spec_allow_standard_devices(&m->s);
	return 0;
}

static int prepare(struct oci *o, struct making *m, const struct make_args *a, struct err *e)
{
	if (open_bundle(m, a, e) < 0 || octr_make(o, a->rest[0], &m->c, e) < 0)
		return -1;
	m->cgroup = cgroup_path(o, &m->s, m->c.id);
	m->c.status = OCTR_CREATED;
	m->c.state = json_pack("{s:s}", "bundle", m->bundle);
	m->state = octr_state_text(&m->c);
	return copy_config(m, e);
}

/* in: listening socket when another process will start it, -1 when this one does */
static int create(struct oci *o, struct making *m, const struct make_args *a, int start_fd, struct err *e)
{
	struct rt_args args = RT_ARGS_INIT;

	args.id = m->c.id;
	args.bundle_fd = m->bundle_fd;
	for (int i = 0; i < 3; i++)
		args.stdio[i] = i;
	args.cgroup_path = m->cgroup;
	args.start_fd = start_fd;
	args.state_json = m->state;
	if (m->s.process.terminal && start_fd >= 0 && !a->console)
		return err_set(e, ERR_USAGE, 0, "a container with a terminal needs --console-socket");
	if (rt_create(o->rt, &m->rc, &m->s, &args, e) < 0)
		return -1;
	if (a->console && m->rc.master_fd >= 0 && oci_send_console(a->console, m->rc.master_fd, e) < 0)
		return -1;
	if (octr_save(&m->c, m->bundle, m->cgroup, &m->s, m->rc.pid, e) < 0)
		return -1;
	return a->pid_file ? oci_write_pid(a->pid_file, m->rc.pid, e) : 0;
}

/* Leave nothing of a container whose creation failed. */
static void undo(struct oci *o, struct making *m)
{
	struct err ignored = {0};
	struct cgroup_host *h;

	if (!m->c.id)
		return;
	if (m->rc.pidfd >= 0) {
		(void)sys_pidfd_send_signal(m->rc.pidfd, SIGKILL);
		h = rt_wait(&m->rc, &ignored) >= 0 && m->cgroup ? rt_cgroups(o->rt, &ignored) : NULL;
		if (h && cgroup_remove(h, m->cgroup, &ignored) < 0)
			err_done(&ignored);              /* what failed before is what is told */
	}
	err_done(&ignored);
	octr_remove(o, m->c.id);
}

static int create_run(struct oci *o, void *args, struct err *e)
{
	struct making m = { .c = OCTR_INIT, .rc = RT_CTR_INIT, .bundle_fd = -1 };
	const struct make_args *a = args;
	auto_close int start = -1;
	int r = check_args(a, e);

	if (r == 0)
		r = prepare(o, &m, a, e);
	if (r == 0)
		r = (start = octr_listen(&m.c, e)) < 0 ? -1 : create(o, &m, a, start, e);
	if (r < 0) {
		undo(o, &m);
		err_wrap(e, "create container %s", a->rest[0]);
	}
	making_done(&m);
	return r;
}

const struct oci_cmd oci_create = { .name = "create",
				    .usage = "[OPTION...] ID",
				    .summary = "Make a container that waits to be started",
				    .opts = create_opts,
				    .args_size = sizeof(struct make_args),
				    .makes = true,
				    .run = create_run };

struct id_args { char **rest; };
static const struct opt start_opts[] = { OPT_RESTX(struct id_args, rest, "ID", OPT_NEED, "name of the container"),
					 OPT_END };

static int start_run(struct oci *o, void *args, struct err *e)
{
	const struct id_args *a = args;
	auto_octr struct octr c = OCTR_INIT;

	if (octr_open(o, a->rest[0], &c, e) < 0)
		return -1;
	if (c.status != OCTR_CREATED)
		return err_set(e, ERR_CONFLICT, 0, "cannot start a container that is %s", octr_status_word(c.status));
	return octr_start(o, &c, e) < 0 ? err_wrap(e, "start container %s", c.id) : 0;
}

const struct oci_cmd oci_start = { .name = "start", .usage = "ID", .summary = "Let a created container run its command",
	.opts = start_opts, .args_size = sizeof(struct id_args), .run = start_run };

/* ret: exit status, or -1 */
static int run_and_wait(struct oci *o, struct making *m, const struct make_args *a, struct err *e)
{
	auto_octr struct octr done = OCTR_INIT;
	int status;
	auto_free char *state = NULL;

	if (rt_start(&m->rc, e) < 0)
		return -1;
	m->c.status = OCTR_RUNNING;
	state = octr_state_text(&m->c);
	if (hook_run(&m->s.hooks, SPEC_HOOK_POSTSTART, state, e) < 0)
		return -1;
	if (a->detach)
		return 0;
	status = oci_attend(&m->rc, e);
	if (status < 0 || a->keep)
		return status;
	return octr_open(o, m->c.id, &done, e) < 0 || octr_delete(o, &done, e) < 0 ? -1 : status;
}

static int run_run(struct oci *o, void *args, struct err *e)
{
	struct making m = { .c = OCTR_INIT, .rc = RT_CTR_INIT, .bundle_fd = -1 };
	const struct make_args *a = args;
	int r = check_args(a, e);

	if (r == 0)
		r = prepare(o, &m, a, e);
	if (r == 0)
		r = create(o, &m, a, -1, e);
	if (r == 0)
		r = run_and_wait(o, &m, a, e);
	if (r < 0) {
		undo(o, &m);
		err_wrap(e, "run container %s", a->rest[0]);
	}
	making_done(&m);
	return r;
}

const struct oci_cmd oci_run = { .name = "run", .usage = "[OPTION...] ID", .summary = "Create, start, wait and delete",
	.opts = run_opts, .args_size = sizeof(struct make_args), .makes = true, .run = run_run };
