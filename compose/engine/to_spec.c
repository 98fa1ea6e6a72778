/* SPDX-License-Identifier: Apache-2.0 */
/* to_spec.c - a service becomes the OCI bundle of one of its containers.
 * spec: compose-spec 05-services; OCI runtime-spec config-linux. Docker's defaults come from spec_default(). */
#include <fcntl.h>
#include <stdarg.h>
#include <strings.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/engine/to_spec.h"
#include "compose/runtime/caps.h"

enum { PROFILE_MAX_BYTES = 1 << 20 };

static const char default_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

int refuse(const struct ctr_want *w, struct srcpos at, const char *key, struct err *e, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(e, ERR_MODEL, 0, "%s", text);
	return err_at(e, at.line ? at : service_pos(w->s, key), key);
}

void service_warn(struct engine *en, const struct service *s, const char *key, const char *text)
{
	struct srcpos at = service_pos(s, key);
	auto_free char *path = xasprintf("services.%s.%s", s->name, key);

	if (map_has(&en->warned, path))
		return;
	map_set(&en->warned, path, NULL);
	if (at.line)
		engine_warn(en, "%s:%u:%u: %s: %s", at.file, at.line, at.col, path, text);
	else
		engine_warn(en, "%s: %s", path, text);
}

/* ---- process --------------------------------------------------------------------------------------------------- */

void spec_env(struct strv *env, const char *key, const char *val)
{
	auto_free char *kv = xasprintf("%s=%s", key, val);

	spec_set_env(env, kv);
}

/* behaviours 34, 35, 61: the image's, then the service's; PATH and HOSTNAME where nobody sets them. HOME is the runtime's:
 * it knows the user database. */
static void environment(const struct ctr_want *w, const struct ctr_record *r, struct strv *env)
{
	strv_add(env, default_path);
	spec_env(env, "HOSTNAME", r->hostname);
	if (r->tty)
		spec_env(env, "TERM", "xterm");
	for (size_t i = 0; i < w->image->conf.env.n; i++) {
		const char *kv = w->image->conf.env.v[i], *eq = strchr(kv, '=');
		auto_free char *key = xstrndup(kv, eq ? (size_t)(eq - kv) : strlen(kv));

		spec_env(env, key, eq ? eq + 1 : "");
	}
	for (size_t i = 0; i < w->s->environment.n; i++)
		spec_env(env, w->s->environment.v[i].key, w->s->environment.v[i].val ? w->s->environment.v[i].val : "");
}

static void add_all(struct strv *to, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strv_add(to, v[i]);
}

/* A non-empty entrypoint drops the image's CMD; an empty one runs CMD directly. */
static int command(const struct ctr_want *w, struct strv *args, struct err *e)
{
	const struct service *s = w->s;
	const struct image_config *im = &w->image->conf;

	if (s->has_entrypoint)
		add_all(args, s->entrypoint.v, s->entrypoint.n);
	else
		add_all(args, im->entrypoint.v, im->entrypoint.n);
	if (s->has_command && s->command.n)
		add_all(args, s->command.v, s->command.n);
	else if (!(s->has_entrypoint && s->entrypoint.n))
		add_all(args, im->cmd.v, im->cmd.n);
	if (args->n)
		return 0;
	err_set(e, ERR_MODEL, 0, "service %s has no command: neither the image %s nor the file gives one", s->name, w->image_ref);
	err_at(e, s->pos, s->name);
	return err_hint(e, "add `command:` to the service");
}

static int process(const struct ctr_want *w, const struct ctr_record *r, struct spec *s, struct err *e)
{
	const struct service *v = w->s;
	const char *user = *v->user ? v->user : w->image->conf.user, *cwd = *v->working_dir ? v->working_dir : w->image->conf.workdir;
	struct spec_process *p = &s->process;

	if (command(w, &p->args, e) < 0)
		return -1;
	environment(w, r, &p->env);
	if (cwd && *cwd && *cwd != '/')
		return refuse(w, (struct srcpos){0}, "working_dir", e, "working_dir \"%s\" is not absolute", cwd);
	p->cwd = arena_strdup(&s->arena, cwd && *cwd ? cwd : "/");
	if (user && *user)
		p->user.name = arena_strdup(&s->arena, user);
	for (size_t i = 0; i < v->group_add.n; i++)
		strv_add(&p->user.group_names, v->group_add.v[i]);
	p->terminal = r->tty;
	if (v->oom_score_adj) {
		p->has_oom_score_adj = true;
		p->oom_score_adj = (int)v->oom_score_adj;
	}
	s->init = v->init;
	if (!*r->uts_mode) {                       /* elsewhere the names belong to whoever made the namespace */
		s->hostname = arena_strdup(&s->arena, r->hostname);
		s->domainname = *r->domainname ? arena_strdup(&s->arena, r->domainname) : NULL;
	}
	return 0;
}

/* ---- rights ---------------------------------------------------------------------------------------------------- */

static int cap_mask(const struct ctr_want *w, const struct pstrs *names, const char *key, uint64_t all, uint64_t *ret, struct err *e)
{
	*ret = 0;
	for (size_t i = 0; i < names->n; i++) {
		uint64_t bit;

		if (!strcasecmp(names->v[i], "ALL")) {
			bit = all;
		} else if (!caps_from_name(names->v[i], &bit)) {
			(void)refuse(w, (struct srcpos){0}, key, e, "\"%s\" is no capability", names->v[i]);
			return err_hint(e, "capabilities(7) has their names: NET_ADMIN, SYS_PTRACE ...");
		}
		*ret |= bit;
	}
	return 0;
}

static int capabilities(const struct ctr_want *w, struct spec *s, struct err *e)
{
	uint64_t all = caps_all(), add, drop, set = s->process.caps.bounding;

	if (cap_mask(w, &w->s->cap_add, "cap_add", all, &add, e) < 0 || cap_mask(w, &w->s->cap_drop, "cap_drop", all, &drop, e) < 0)
		return -1;
	set = w->s->privileged ? all : add == all ? all & ~drop : (set & ~drop) | add;
	s->process.caps = (struct spec_caps){ .bounding = set, .effective = set, .permitted = set };
	return 0;
}

static int seccomp_option(const struct engine *en, const struct ctr_want *w, const char *val, struct spec *s, struct err *e)
{
	static const char key[] = "security_opt";
	auto_free char *path = NULL;

	if (str_eq(val, "unconfined")) {
		s->seccomp = SPEC_SECCOMP_OFF;
		return 0;
	}
	if (!*val)
		return refuse(w, (struct srcpos){0}, key, e, "seccomp=: name a profile's file, or \"unconfined\"");
	path = *val == '/' ? xstrdup(val) : xasprintf("%s/%s", en->o.project->working_dir, val);
	if (json_read(AT_FDCWD, path, PROFILE_MAX_BYTES, &s->seccomp_profile, e) < 0) {
		err_wrap(e, "read the seccomp profile of service %s", w->s->name);
		return err_at(e, service_pos(w->s, key), key);
	}
	s->seccomp = SPEC_SECCOMP_PROFILE;
	return 0;
}

static bool opt_is(const char *o, size_t len, const char *name)
{
	return len == strlen(name) && !strncmp(o, name, len);
}

/* Written name=value or name:value. */
static int security_option(struct engine *en, const struct ctr_want *w, const char *o, struct spec *s, struct err *e)
{
	size_t len = strcspn(o, "=:");
	const char *val = o[len] ? o + len + 1 : "";

	if (opt_is(o, len, "seccomp"))
		return seccomp_option(en, w, val, s, e);
	if (opt_is(o, len, "no-new-privileges")) {
		s->process.no_new_privs = !str_eq(val, "false");
	} else if (opt_is(o, len, "apparmor")) {
		if (!str_eq(val, "unconfined"))
			s->process.apparmor = arena_strdup(&s->arena, val);
	} else if (opt_is(o, len, "label")) {            /* nothing is labelled here, which is what `disable` asks for */
		if (!str_eq(val, "disable"))
			service_warn(en, w->s, "security_opt", "label has no effect: SELinux labels are not set");
	} else if (opt_is(o, len, "systempaths") && str_eq(val, "unconfined")) {
		strv_done(&s->masked);
		strv_done(&s->readonly);
	} else {
		return refuse(w, (struct srcpos){0}, "security_opt", e, "security_opt \"%s\" is not supported", o);
	}
	return 0;
}

static int security(struct engine *en, const struct ctr_want *w, struct spec *s, struct err *e)
{
	for (size_t i = 0; i < w->s->security_opt.n; i++)
		if (security_option(en, w, w->s->security_opt.v[i], s, e) < 0)
			return -1;
	return 0;
}

static void make_writable(struct spec *s, const char *dest)
{
	for (size_t i = 0; i < s->mounts.n; i++)
		if (str_eq(s->mounts.v[i].dest, dest))
			for (size_t k = 0; k < s->mounts.v[i].options.n; k++)
				if (str_eq(s->mounts.v[i].options.v[k], "ro")) {
					free(s->mounts.v[i].options.v[k]);
					s->mounts.v[i].options.v[k] = xstrdup("rw");
				}
}

static void privileged(struct spec *s)
{
	s->seccomp = SPEC_SECCOMP_OFF;
	strv_done(&s->masked);
	strv_done(&s->readonly);
	make_writable(s, "/sys");
	make_writable(s, "/sys/fs/cgroup");
}

/* ---- namespaces ------------------------------------------------------------------------------------------------- */

/* "container:ID" namespaces are joined by the supervisor, which knows the process; here only what is shared with the host. */
static void namespaces(const struct ctr_record *r, const struct ctr_want *w, struct spec *s)
{
	const struct { enum spec_ns_kind kind; const char *mode; } modes[] = {
		{ SPEC_NS_NET, r->network_mode }, { SPEC_NS_PID, r->pid_mode }, { SPEC_NS_IPC, r->ipc_mode }, { SPEC_NS_UTS, r->uts_mode },
		{ SPEC_NS_CGROUP, w->s->cgroup },
	};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_eq(modes[i].mode, "host"))
			s->ns[modes[i].kind] = (struct spec_ns){0};
}

/* The first value stays: what the service asks for is told before the defaults. */
static void sysctl(struct spec *s, const char *key, const char *val)
{
	for (size_t i = 0; i < s->sysctl.n; i += 2)
		if (str_eq(s->sysctl.v[i], key))
			return;
	strv_add(&s->sysctl, key);
	strv_add(&s->sysctl, val);
}

static int sysctls(const struct ctr_want *w, const struct ctr_record *r, struct spec *s, struct err *e)
{
	for (size_t i = 0; i < w->s->sysctls.n; i++) {
		const struct pkv *kv = &w->s->sysctls.v[i];
		bool net = str_starts(kv->key, "net.");

		if (!net && !str_starts(kv->key, "kernel.msg") && !str_starts(kv->key, "kernel.shm") && !str_eq(kv->key, "kernel.sem") &&
		    !str_starts(kv->key, "fs.mqueue."))
			return refuse(w, kv->pos, "sysctls", e, "sysctl %s is not in a namespace of its own: it would change the host", kv->key);
		if (net && str_eq(r->network_mode, "host"))
			return refuse(w, kv->pos, "sysctls", e, "sysctl %s would change the host with network_mode: host", kv->key);
		sysctl(s, kv->key, kv->val ? kv->val : "");
	}
	if (!str_eq(r->network_mode, "host") && !str_starts(r->network_mode, "container:")) {   /* behaviours 49, as docker does */
		sysctl(s, "net.ipv4.ip_unprivileged_port_start", "0");
		sysctl(s, "net.ipv4.ping_group_range", "0 2147483647");
	}
	return 0;
}

int to_spec(struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct spec *s, struct err *e)
{
	auto_free char *group = record_cgroup(en->o.paths, r);

	s->root_readonly = w->s->read_only;
	s->cgroup_path = arena_strdup(&s->arena, group);
	for (size_t i = 0; i < w->s->annotations.n; i++)
		spec_add_annotation(s, w->s->annotations.v[i].key, w->s->annotations.v[i].val ? w->s->annotations.v[i].val : "");
	namespaces(r, w, s);
	if (process(w, r, s, e) < 0 || capabilities(w, s, e) < 0 || security(en, w, s, e) < 0 ||
	    to_limits(en, w, s, e) < 0 || sysctls(w, r, s, e) < 0 || to_mounts(en, w, r, s, e) < 0)
		return err_wrap(e, "describe container %s", w->name);
	if (w->s->privileged)
		privileged(s);
	return 0;
}
