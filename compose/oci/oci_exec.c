/* SPDX-License-Identifier: Apache-2.0 */
/* oci_exec.c - exec; and what needs no container: spec, features. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/oci/oci_priv.h"
#include "compose/runtime/caps.h"
#include "compose/runtime/user.h"

struct exec_args {
	const char *process, *pid_file, *console, *cwd, *user, *apparmor, *label;
	bool tty, detach, no_new_privs, ignore_paused;
	struct strv env, caps, groups;
	int64_t preserve;
	char **rest;
};

static const struct opt exec_opts[] = {
	OPT_STR('p', "process", struct exec_args, process, "FILE", "JSON of the process, instead of a command"),
	OPT_STR(0, "pid-file", struct exec_args, pid_file, "FILE", "write the process's pid there"),
	OPT_STR(0, "console-socket", struct exec_args, console, "SOCKET", "where the terminal's master is sent"),
	OPT_STR(0, "cwd", struct exec_args, cwd, "DIR", "working directory"),
	OPT_STR('u', "user", struct exec_args, user, "USER[:GROUP]", "run as this user"),
	OPT_STRS('g', "additional-gids", struct exec_args, groups, "GID", "supplementary group; repeatable"),
	OPT_STRS('e', "env", struct exec_args, env, "KEY=VALUE", "environment variable; repeatable"),
	OPT_STRS('c', "cap", struct exec_args, caps, "NAME", "add a capability; repeatable"),
	OPT_STR(0, "apparmor", struct exec_args, apparmor, "PROFILE", "AppArmor profile"),
	{ .type = OPT_T_STR,
	  .name = "process-label",
	  .off = offsetof(struct exec_args, label),
	  .arg = "",
	  .help = "",
	  .flags = OPT_HIDDEN },
	OPT_FLAG('t', "tty", struct exec_args, tty, "with a terminal"),
	OPT_FLAG('d', "detach", struct exec_args, detach, "do not wait for its end"),
	OPT_FLAG(0, "no-new-privs", struct exec_args, no_new_privs, "set no_new_privs"),
	OPT_FLAGX(0, "ignore-paused", struct exec_args, ignore_paused, OPT_HIDDEN, ""),
	{ .type = OPT_T_INT,
	  .name = "preserve-fds",
	  .off = offsetof(struct exec_args, preserve),
	  .arg = "N",
	  .help = "",
	  .flags = OPT_HIDDEN },
	OPT_RESTX(struct exec_args, rest, "ID [COMMAND...]", OPT_NEED, "container and command"),
	OPT_END
};

/* Start from the container's own process; change what the options say. */
static int from_options(const struct exec_args *a, struct spec *s, struct err *e)
{
	struct spec_process *p = &s->process;
	uint64_t bit;

	strv_done(&p->args);
	for (char **v = a->rest + 1; *v; v++)
		strv_add(&p->args, *v);
	if (!p->args.n)
		return err_set(e, ERR_USAGE, 0, "no command given");
	for (size_t i = 0; i < a->env.n; i++)
		strv_add(&p->env, a->env.v[i]);
	for (size_t i = 0; i < a->groups.n; i++)
		strv_add(&p->user.group_names, a->groups.v[i]);
	p->cwd = a->cwd ? arena_strdup(&s->arena, a->cwd) : p->cwd;
	p->user.name = a->user ? arena_strdup(&s->arena, a->user) : p->user.name;
	p->apparmor = a->apparmor ? arena_strdup(&s->arena, a->apparmor) : p->apparmor;
	p->no_new_privs |= a->no_new_privs;
	p->terminal = a->tty;
	for (size_t i = 0; i < a->caps.n; i++) {
		if (!caps_from_name(a->caps.v[i], &bit))
			return err_set(e, ERR_USAGE, 0, "%s is no capability", a->caps.v[i]);
		p->caps.bounding |= bit;
		p->caps.permitted |= bit;
		p->caps.effective |= bit;
	}
	return 0;
}

static int load_process(const struct exec_args *a, struct spec *s, struct err *e)
{
	auto_json json_t *j = NULL;

	if (!a->process)
		return from_options(a, s, e);
	if (json_read(AT_FDCWD, a->process, 4 << 20, &j, e) < 0)
		return -1;
	spec_process_done(&s->process);
	s->process = (struct spec_process){0};
	return spec_process_from_json(&s->process, &s->arena, j, e) < 0 ? err_wrap(e, "%s", a->process) : 0;
}

static int enter(struct oci *o, const struct octr *c, const struct spec *s, const struct exec_args *a,
		 struct rt_ctr *rc, struct err *e)
{
	struct rt_exec_args x = RT_EXEC_ARGS_INIT;

	x.id = c->id;
	x.pidfd = c->pidfd;
	x.cgroup_path = octr_cgroup(c);
	for (int i = 0; i < 3; i++)
		x.stdio[i] = i;
	if (rt_exec(o->rt, rc, s, &s->process, &x, e) < 0)
		return -1;
	if (a->console && rc->master_fd >= 0 && oci_send_console(a->console, rc->master_fd, e) < 0)
		return -1;
	return a->pid_file ? oci_write_pid(a->pid_file, rc->pid, e) : 0;
}

static int exec_run(struct oci *o, void *args, struct err *e)
{
	const struct exec_args *a = args;
	auto_octr struct octr c = OCTR_INIT;
	auto_spec struct spec s = {0};
	struct rt_ctr rc = RT_CTR_INIT;
	int r;

	if (a->preserve || (a->label && *a->label))
		return err_set(e, ERR_USAGE, 0, "--%s is not supported",
			       a->preserve ? "preserve-fds" : "process-label");
	if (octr_open(o, a->rest[0], &c, e) < 0)
		return -1;
	if (c.status != OCTR_RUNNING && c.status != OCTR_CREATED)
		return err_set(e, ERR_CONFLICT, 0, "cannot exec in a container that is %s", octr_status_word(c.status));
	if (octr_spec(&c, &s, e) < 0 || load_process(a, &s, e) < 0)
		return -1;
	if (s.process.terminal && a->detach && !a->console)
		return err_set(e, ERR_USAGE, 0, "a detached terminal needs --console-socket");
	r = enter(o, &c, &s, a, &rc, e);
	if (r == 0 && !a->detach)
		r = oci_attend(&rc, e);
	rt_ctr_done(&rc);
	return r < 0 ? err_wrap(e, "exec in container %s", c.id) : r;
}

const struct oci_cmd oci_exec = { .name = "exec",
				  .usage = "[OPTION...] ID COMMAND [ARGUMENT...]",
				  .summary = "Run one more process in a container",
				  .opts = exec_opts,
				  .args_size = sizeof(struct exec_args),
				  .mode = OPT_STOP,
				  .makes = true,
				  .run = exec_run };

struct spec_args { const char *bundle; bool rootless; char **rest; };
static const struct opt spec_opts[] = {
	OPT_STR('b', "bundle", struct spec_args, bundle, "DIR", "where to write (default: the current directory)"),
	OPT_REST(struct spec_args, rest, "", ""), OPT_END
};

static int spec_run(struct oci *o, void *args, struct err *e)
{
	const struct spec_args *a = args;
	auto_free char *path = xasprintf("%s/config.json", a->bundle ? a->bundle : "."), *text = NULL;
	auto_spec struct spec s = {0};
	auto_json json_t *j = NULL;

	(void)o;
	if (access(path, F_OK) == 0)
		return err_set(e, ERR_CONFLICT, 0, "%s exists", path);
	spec_default(&s);
	strv_add(&s.process.args, "sh");
	strv_add(&s.process.env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	s.hostname = arena_strdup(&s.arena, "compose");
	j = spec_to_json(&s);
	text = json_dumps(j, JSON_INDENT(2));
	return fs_write(AT_FDCWD, path, text, strlen(text), 0644, false, e);
}

const struct oci_cmd oci_spec = { .name = "spec",
				  .usage = "[--bundle DIR]",
				  .summary = "Write a config.json to start from",
				  .opts = spec_opts,
				  .args_size = sizeof(struct spec_args),
				  .run = spec_run };

static const struct opt features_opts[] = { OPT_REST(struct spec_args, rest, "", ""), OPT_END };

static int features_run(struct oci *o, void *args, struct err *e)
{
	auto_json json_t *j =
		json_pack("{s:s,s:s,s:[s,s,s,s,s,s],s:{s:[s,s,s,s,s,s,s],s:{s:b,s:b,s:b},s:{s:b},s:{s:b},s:{s:b}}}",
			  "ociVersionMin", "1.0.0", "ociVersionMax", "1.0.2", "hooks", "prestart", "createRuntime",
			  "createContainer", "startContainer", "poststart", "poststop", "linux", "namespaces", "cgroup",
			  "ipc", "mount", "network", "pid", "user", "uts", "cgroup", "v1", 1, "v2", 1, "systemd", 0,
			  "seccomp", "enabled", 1, "apparmor", "enabled", 1, "selinux", "enabled", 0);
	auto_free char *text = json_dumps(j, JSON_INDENT(2));

	(void)o;
	(void)args;
	if (!text)
		return err_set(e, ERR_BUG, 0, "cannot write the features");
	puts(text);
	return 0;
}

const struct oci_cmd oci_features = { .name = "features",
				      .usage = "",
				      .summary = "Print what this runtime can do, as JSON",
				      .opts = features_opts,
				      .args_size = sizeof(struct spec_args),
				      .run = features_run };
