/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/runtime/caps.h"
#include "compose/runtime/limits.h"
#include "compose/runtime/spec.h"

static void put(json_t *j, const char *key, json_t *v)
{
	(void)json_object_set_new(j, key, v);
}

static void put_int(json_t *j, const char *key, int64_t v)
{
	put(j, key, json_integer(v));
}

/* Unset numbers stay out. */
static void put_set(json_t *j, const char *key, int64_t v)
{
	if (v)
		put_int(j, key, v);
}

static void put_true(json_t *j, const char *key, bool v)
{
	if (v)
		put(j, key, json_true());
}

static void put_list(json_t *j, const char *key, const struct strv *v)
{
	if (v->n)
		put(j, key, json_from_strv(v->v, v->n));
}

/* Empty objects and lists stay out. */
static void put_full(json_t *j, const char *key, json_t *v)
{
	if (json_object_size(v) || json_array_size(v))
		put(j, key, v);
	else
		json_decref(v);
}

/* JSON numbers of ours end at 2^63 - 1, which stands for "unlimited" (see rd_u64). */
static json_t *u64(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static json_t *cap_names(uint64_t set)
{
	json_t *a = json_array();

	for (unsigned n = 0; n < 64; n++)
		if (set >> n & 1) {
			auto_free char *name = caps_name(n);

			(void)json_array_append_new(a, json_string(name));
		}
	return a;
}

static json_t *write_user(const struct spec_user *u)
{
	json_t *j = json_object(), *groups = json_array();

	put_int(j, "uid", u->uid);
	put_int(j, "gid", u->gid);
	for (size_t i = 0; i < u->groups.n; i++)
		(void)json_array_append_new(groups, json_integer(u->groups.v[i]));
	put_full(j, "additionalGids", groups);
	if (u->umask >= 0)
		put_int(j, "umask", u->umask);
	return j;
}

static json_t *write_process(const struct spec_process *p)
{
	json_t *j = json_object(), *caps = json_object(), *limits = json_array();

	put_true(j, "terminal", p->terminal);
	if (p->rows && p->cols)
		put(j, "consoleSize", json_pack("{s:i,s:i}", "height", (int)p->rows, "width", (int)p->cols));
	put(j, "user", write_user(&p->user));
	put(j, "args", json_from_strv(p->args.v, p->args.n));
	put_list(j, "env", &p->env);
	json_put(j, "cwd", p->cwd);
	put_full(caps, "bounding", cap_names(p->caps.bounding));
	put_full(caps, "effective", cap_names(p->caps.effective));
	put_full(caps, "permitted", cap_names(p->caps.permitted));
	put_full(caps, "inheritable", cap_names(p->caps.inheritable));
	put_full(caps, "ambient", cap_names(p->caps.ambient));
	put_full(j, "capabilities", caps);
	for (size_t i = 0; i < p->rlimits.n; i++) {
		const struct spec_rlimit *l = &p->rlimits.v[i];

		(void)json_array_append_new(limits, json_pack("{s:s,s:o,s:o}", "type", limits_name(l->resource),
							      "hard", u64(l->hard), "soft", u64(l->soft)));
	}
	put_full(j, "rlimits", limits);
	put_true(j, "noNewPrivileges", p->no_new_privs);
	json_put(j, "apparmorProfile", p->apparmor);
	if (p->has_oom_score_adj)
		put_int(j, "oomScoreAdj", p->oom_score_adj);
	return j;
}

static json_t *write_mounts(const struct spec *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->mounts.n; i++) {
		const struct spec_mount *m = &s->mounts.v[i];
		json_t *j = json_object();

		json_put(j, "destination", m->dest);
		json_put(j, "type", m->type);
		json_put(j, "source", m->source);
		put_list(j, "options", &m->options);
		(void)json_array_append_new(a, j);
	}
	return a;
}

static json_t *write_namespaces(const struct spec *s)
{
	static const char *const words[SPEC_NS_N] = { "user", "mount", "pid", "network", "ipc", "uts", "cgroup" };
	json_t *a = json_array();

	for (int i = 0; i < SPEC_NS_N; i++)
		if (s->ns[i].on) {
			json_t *j = json_pack("{s:s}", "type", words[i]);

			json_put(j, "path", s->ns[i].path);
			(void)json_array_append_new(a, j);
		}
	return a;
}

static json_t *write_map(const struct spec_id_map *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(a, json_pack("{s:I,s:I,s:I}", "containerID", (json_int_t)v[i].inside,
			"hostID", (json_int_t)v[i].outside, "size", (json_int_t)v[i].size));
	return a;
}

static json_t *write_devices(const struct spec *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->devices.n; i++) {
		const struct spec_device *d = &s->devices.v[i];

		(void)json_array_append_new(a, json_pack("{s:s,s:s#,s:i,s:i,s:i,s:i,s:i}", "path", d->path,
			"type", &d->type, 1, "major", (int)d->major, "minor", (int)d->minor,
			"fileMode", (int)d->mode, "uid", (int)d->uid, "gid", (int)d->gid));
	}
	return a;
}

static json_t *write_rules(const struct spec_resources *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->devices.n; i++) {
		const struct spec_dev_rule *d = &r->devices.v[i];
		json_t *j = json_pack("{s:b,s:s#,s:s}", "allow", (int)d->allow, "type", &d->type, 1,
				      "access", d->access);

		if (d->major >= 0)
			put_int(j, "major", d->major);
		if (d->minor >= 0)
			put_int(j, "minor", d->minor);
		(void)json_array_append_new(a, j);
	}
	return a;
}

static json_t *write_blk(const struct spec_blk *v, size_t n, const char *value)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(a, json_pack("{s:i,s:i,s:o}", "major", (int)v[i].major,
							 "minor", (int)v[i].minor, value, u64(v[i].value)));
	return a;
}

static json_t *write_block_io(const struct spec_resources *r)
{
	json_t *j = json_object();

	put_set(j, "weight", r->blkio_weight);
	put_full(j, "weightDevice", write_blk(r->weight_device.v, r->weight_device.n, "weight"));
	put_full(j, "throttleReadBpsDevice", write_blk(r->read_bps.v, r->read_bps.n, "rate"));
	put_full(j, "throttleWriteBpsDevice", write_blk(r->write_bps.v, r->write_bps.n, "rate"));
	put_full(j, "throttleReadIOPSDevice", write_blk(r->read_iops.v, r->read_iops.n, "rate"));
	put_full(j, "throttleWriteIOPSDevice", write_blk(r->write_iops.v, r->write_iops.n, "rate"));
	return j;
}

static json_t *write_resources(const struct spec_resources *r)
{
	json_t *j = json_object(), *m = json_object(), *c = json_object(), *u = json_object();

	put_set(m, "limit", r->memory_bytes);
	put_set(m, "swap", r->memory_swap_bytes);
	put_set(m, "reservation", r->memory_reservation_bytes);
	if (r->swappiness >= 0)
		put_int(m, "swappiness", r->swappiness);
	put_true(m, "disableOOMKiller", r->oom_kill_disable);
	put_set(c, "shares", (int64_t)r->cpu_shares);
	put_set(c, "quota", r->cpu_quota_us);
	put_set(c, "period", (int64_t)r->cpu_period_us);
	put_set(c, "realtimeRuntime", r->cpu_rt_runtime_us);
	put_set(c, "realtimePeriod", (int64_t)r->cpu_rt_period_us);
	json_put(c, "cpus", r->cpus);
	json_put(c, "mems", r->mems);
	put_full(j, "devices", write_rules(r));
	put_full(j, "memory", m);
	put_full(j, "cpu", c);
	if (r->pids)
		put(j, "pids", json_pack("{s:I}", "limit", (json_int_t)r->pids));
	put_full(j, "blockIO", write_block_io(r));
	for (size_t i = 0; i + 1 < r->unified.n; i += 2)
		json_put(u, r->unified.v[i], r->unified.v[i + 1]);
	put_full(j, "unified", u);
	return j;
}

static json_t *write_linux(const struct spec *s)
{
	json_t *j = json_object(), *sysctl = json_object();

	put(j, "namespaces", write_namespaces(s));
	put_full(j, "uidMappings", write_map(s->uid_map.v, s->uid_map.n));
	put_full(j, "gidMappings", write_map(s->gid_map.v, s->gid_map.n));
	put_full(j, "devices", write_devices(s));
	json_put(j, "cgroupsPath", s->cgroup_path);
	put_full(j, "resources", write_resources(&s->resources));
	for (size_t i = 0; i + 1 < s->sysctl.n; i += 2)
		json_put(sysctl, s->sysctl.v[i], s->sysctl.v[i + 1]);
	put_full(j, "sysctl", sysctl);
	put_list(j, "maskedPaths", &s->masked);
	put_list(j, "readonlyPaths", &s->readonly);
	json_put(j, "rootfsPropagation", s->root_propagation);
	if (s->seccomp == SPEC_SECCOMP_PROFILE)
		(void)json_object_set(j, "seccomp", s->seccomp_profile);
	return j;
}

static json_t *write_hooks(const struct spec *s)
{
	static const char *const words[SPEC_HOOK_N] = {
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
	};
	json_t *j = json_object();

	for (int k = 0; k < SPEC_HOOK_N; k++) {
		json_t *a = json_array();

		for (size_t i = 0; i < s->hooks.of[k].n; i++) {
			const struct spec_hook *h = &s->hooks.of[k].v[i];
			json_t *hook = json_pack("{s:s}", "path", h->path);

			put_list(hook, "args", &h->args);
			put_list(hook, "env", &h->env);
			put_set(hook, "timeout", h->timeout_s);
			(void)json_array_append_new(a, hook);
		}
		put_full(j, words[k], a);
	}
	return j;
}

static json_t *write_annotations(const struct spec *s)
{
	const struct spec_user *u = &s->process.user;
	auto_str struct str groups = {0};
	json_t *j = json_object();

	for (size_t i = 0; i < s->annotations.n; i++)
		json_put(j, s->annotations.v[i].key, s->annotations.v[i].value);
	if (s->seccomp == SPEC_SECCOMP_DEFAULT)
		json_put(j, "org.compose.seccomp", "default");
	if (s->init)
		json_put(j, "org.compose.init", "true");
	json_put(j, "org.compose.user", u->name);
	for (size_t i = 0; i < u->group_names.n; i++)
		str_addf(&groups, "%s%s", i ? "," : "", u->group_names.v[i]);
	if (groups.len)
		json_put(j, "org.compose.groups", str_cstr(&groups));
	return j;
}

/* JSON carries UTF-8 only; an argument must not vanish because it is something else. */
static bool all_utf8(const struct strv *v)
{
	bool ok = true;

	for (size_t i = 0; i < v->n; i++) {
		auto_json json_t *j = json_string(v->v[i]);

		ok &= j != NULL;
	}
	return ok;
}

json_t *spec_to_json(const struct spec *s)
{
	json_t *j, *root;

	if (!all_utf8(&s->process.args) || !all_utf8(&s->process.env))
		return NULL;
	root = json_object();
	j = json_pack("{s:s}", "ociVersion", "1.0.2");
	json_put(root, "path", s->root_path ? s->root_path : "rootfs");
	put_true(root, "readonly", s->root_readonly);
	put(j, "root", root);
	put(j, "process", write_process(&s->process));
	json_put(j, "hostname", s->hostname);
	json_put(j, "domainname", s->domainname);
	put_full(j, "mounts", write_mounts(s));
	put_full(j, "hooks", write_hooks(s));
	put_full(j, "annotations", write_annotations(s));
	put(j, "linux", write_linux(s));
	return j;
}
