/* SPDX-License-Identifier: Apache-2.0 */
/* oci_control.c - state, kill, delete, pause, resume, update, ps, list. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/oci/oci_priv.h"

struct ctl_args { bool all, force, quiet; const char *format, *resources; char **rest; };
#define ID_OPT OPT_RESTX(struct ctl_args, rest, "ID", OPT_NEED, "name of the container")

static const struct opt id_opts[] = { ID_OPT, OPT_END };

static int state_run(struct oci *o, void *args, struct err *e)
{
	auto_octr struct octr c = OCTR_INIT;
	auto_free char *text = NULL;

	if (octr_open(o, ((struct ctl_args *)args)->rest[0], &c, e) < 0)
		return -1;
	text = octr_state_text(&c);
	puts(text);
	return 0;
}

const struct oci_cmd oci_state = { .name = "state", .usage = "ID", .summary = "Print a container's state as JSON",
	.opts = id_opts, .args_size = sizeof(struct ctl_args), .run = state_run };

static const struct opt kill_opts[] = {
	OPT_FLAG('a', "all", struct ctl_args, all, "signal all of its processes"), ID_OPT, OPT_END
};

static int kill_all(struct oci *o, const struct octr *c, int sig, struct err *e)
{
	struct cgroup_host *h = rt_cgroups(o->rt, e);

	if (!h)
		return -1;
	return sig == SIGKILL ? cgroup_kill(h, octr_cgroup(c), e) : cgroup_signal(h, octr_cgroup(c), sig, e);
}

static int kill_run(struct oci *o, void *args, struct err *e)
{
	const struct ctl_args *a = args;
	auto_octr struct octr c = OCTR_INIT;
	int sig = a->rest[1] ? oci_signal_from(a->rest[1]) : SIGTERM;

	if (sig < 0)
		return err_set(e, ERR_USAGE, 0, "%s is no signal", a->rest[1]);
	if (octr_open(o, a->rest[0], &c, e) < 0)
		return -1;
	if (a->all && octr_cgroup(&c))
		return kill_all(o, &c, sig, e);
	if (c.status == OCTR_STOPPED)
		return err_set(e, ERR_CONFLICT, 0, "container not running");
	if (sys_pidfd_send_signal(c.pidfd, sig) < 0)
		return errno == ESRCH ? err_set(e, ERR_CONFLICT, 0, "container not running") :
					err_set(e, ERR_SYS, errno, "signal container %s", c.id);
	return 0;
}

const struct oci_cmd oci_kill = { .name = "kill",
				  .usage = "[--all] ID [SIGNAL]",
				  .summary = "Send a signal (default TERM)",
				  .opts = kill_opts,
				  .args_size = sizeof(struct ctl_args),
				  .run = kill_run };

static const struct opt delete_opts[] = { OPT_FLAG('f', "force", struct ctl_args, force,
						   "kill it if it runs; one that is not there is fine"),
					  ID_OPT, OPT_END };

static int delete_run(struct oci *o, void *args, struct err *e)
{
	const struct ctl_args *a = args;
	auto_octr struct octr c = OCTR_INIT;

	if (octr_open(o, a->rest[0], &c, e) < 0) {
		if (!a->force || e->kind != ERR_MISSING)
			return -1;
		octr_remove(o, a->rest[0]);                /* what a create that was killed left */
		return 0;
	}
	if (!a->force && (c.status == OCTR_RUNNING || c.status == OCTR_PAUSED)) {
		err_set(e, ERR_CONFLICT, 0, "container %s is %s", c.id, octr_status_word(c.status));
		return err_hint(e, "kill it first, or use --force");
	}
	return octr_delete(o, &c, e) < 0 ? err_wrap(e, "delete container %s", a->rest[0]) : 0;
}

const struct oci_cmd oci_delete = { .name = "delete",
				    .usage = "[--force] ID",
				    .summary = "Remove a container that has ended",
				    .opts = delete_opts,
				    .args_size = sizeof(struct ctl_args),
				    .run = delete_run };

static int freeze(struct oci *o, const struct ctl_args *a, bool on, struct err *e)
{
	auto_octr struct octr c = OCTR_INIT;
	struct cgroup_host *h;

	if (octr_open(o, a->rest[0], &c, e) < 0)
		return -1;
	if (c.status != (on ? OCTR_RUNNING : OCTR_PAUSED))
		return err_set(e, ERR_CONFLICT, 0, "container %s is %s", c.id, octr_status_word(c.status));
	h = rt_cgroups(o->rt, e);
	return h ? cgroup_freeze(h, octr_cgroup(&c), on, e) : -1;
}

static int pause_run(struct oci *o, void *args, struct err *e) { return freeze(o, args, true, e); }
static int resume_run(struct oci *o, void *args, struct err *e) { return freeze(o, args, false, e); }

const struct oci_cmd oci_pause = { .name = "pause",
				   .usage = "ID",
				   .summary = "Stop all processes of a container where they are",
				   .opts = id_opts,
				   .args_size = sizeof(struct ctl_args),
				   .run = pause_run };
const struct oci_cmd oci_resume = { .name = "resume", .usage = "ID", .summary = "Let a paused container go on",
	.opts = id_opts, .args_size = sizeof(struct ctl_args), .run = resume_run };

static const struct opt update_opts[] = {
	OPT_STR('r', "resources", struct ctl_args, resources, "FILE", "JSON of linux.resources, - is standard input"),
	ID_OPT, OPT_END
};

/* Only the resources of a whole configuration are looked at. */
static int read_resources(const char *path, struct spec *s, struct err *e)
{
	auto_json json_t *j = NULL, *whole = NULL;
	json_error_t je;

	if (!path)
		return err_set(e, ERR_USAGE, 0, "--resources is needed");
	j = !strcmp(path, "-") ? json_loadf(stdin, 0, &je) : json_load_file(path, 0, &je);
	if (!j)
		return err_set(e, ERR_USAGE, 0, "%s: %s", path, je.text);
	whole = json_pack("{s:s,s:{s:O}}", "ociVersion", "1.0.2", "linux", "resources", j);
	return spec_from_json(s, whole, e);
}

static int update_run(struct oci *o, void *args, struct err *e)
{
	const struct ctl_args *a = args;
	auto_octr struct octr c = OCTR_INIT;
	auto_spec struct spec s = {0};
	struct cgroup_host *h;

	if (octr_open(o, a->rest[0], &c, e) < 0 || read_resources(a->resources, &s, e) < 0)
		return -1;
	h = rt_cgroups(o->rt, e);
	return h ? cgroup_update(h, octr_cgroup(&c), &s.resources, e) : -1;
}

const struct oci_cmd oci_update = { .name = "update",
				    .usage = "--resources FILE ID",
				    .summary = "Change a container's limits",
				    .opts = update_opts,
				    .args_size = sizeof(struct ctl_args),
				    .run = update_run };

static const struct opt ps_opts[] = {
	OPT_CHOICE('f', "format", struct ctl_args, format, "table json", "form of the list"), ID_OPT, OPT_END
};

static void print_process(pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/comm", (int)pid), *name = NULL, *shown = NULL;
	struct err ignored = {0};

	if (fs_read(AT_FDCWD, path, 4096, &name, NULL, &ignored) < 0)
		err_done(&ignored);
	if (name)
		name[strcspn(name, "\n")] = '\0';
	shown = str_printable(name ? name : "?");
	printf("%-8d %s\n", (int)pid, shown);
}

static int ps_run(struct oci *o, void *args, struct err *e)
{
	const struct ctl_args *a = args;
	auto_octr struct octr c = OCTR_INIT;
	struct cgroup_pids pids = {0};
	struct cgroup_host *h;

	if (octr_open(o, a->rest[0], &c, e) < 0)
		return -1;
	h = rt_cgroups(o->rt, e);
	if (!h || cgroup_pids(h, octr_cgroup(&c), &pids, e) < 0)
		return -1;
	if (str_eq(a->format, "json")) {
		for (size_t i = 0; i < pids.n; i++)
			printf("%s%d", i ? "," : "[", (int)pids.v[i]);
		puts(pids.n ? "]" : "[]");
	} else {
		puts("PID      COMMAND");
		for (size_t i = 0; i < pids.n; i++)
			print_process(pids.v[i]);
	}
	vec_done(&pids);
	return 0;
}

const struct oci_cmd oci_ps = { .name = "ps", .usage = "[--format json] ID", .summary = "List a container's processes",
	.opts = ps_opts, .args_size = sizeof(struct ctl_args), .mode = OPT_STOP, .run = ps_run };

static const struct opt list_opts[] = {
	OPT_CHOICE('f', "format", struct ctl_args, format, "table json", "form of the list"),
	OPT_FLAG('q', "quiet", struct ctl_args, quiet, "names only"),
	OPT_REST(struct ctl_args, rest, "", ""), OPT_END
};

static void list_one(struct oci *o, const char *id, const struct ctl_args *a, json_t *all)
{
	auto_octr struct octr c = OCTR_INIT;
	auto_free char *text = NULL;
	struct err ignored = {0};

	if (octr_open(o, id, &c, &ignored) < 0) {            /* gone meanwhile, or not there yet */
		err_done(&ignored);
		return;
	}
	text = octr_state_text(&c);
	if (a->quiet)
		puts(id);
	else if (str_eq(a->format, "json"))
		(void)json_array_append_new(all, json_loads(text, 0, NULL));
	else
		printf("%-24s %-8d %-9s %s\n", id, c.status == OCTR_STOPPED ? 0 : (int)c.pid,
		       octr_status_word(c.status), json_str(c.state, "bundle", ""));
}

static int list_run(struct oci *o, void *args, struct err *e)
{
	const struct ctl_args *a = args;
	auto_json json_t *all = json_array();
	auto_free char *text = NULL;
	DIR *d = opendir(o->root);
	struct dirent *de;

	if (!d && errno != ENOENT)
		return err_set(e, ERR_SYS, errno, "open %s", o->root);
	if (!a->quiet && !str_eq(a->format, "json"))
		printf("%-24s %-8s %-9s %s\n", "ID", "PID", "STATUS", "BUNDLE");
	while (d && (de = readdir(d)))
		if (de->d_name[0] != '.')
			list_one(o, de->d_name, a, all);
	if (d)
		closedir(d);
	if (!a->quiet && str_eq(a->format, "json")) {
		text = json_dumps(all, JSON_COMPACT);
		puts(text);
	}
	return 0;
}

const struct oci_cmd oci_list = { .name = "list", .usage = "[--quiet] [--format json]", .summary = "List containers",
	.opts = list_opts, .args_size = sizeof(struct ctl_args), .run = list_run };
