/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/sysmacros.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/runtime/caps.h"
#include "compose/runtime/limits.h"
#include "compose/runtime/spec.h"
#include "compose/runtime/spec_read.h"

enum { CONFIG_MAX_BYTES = 4 << 20, ID_MAX = 0x7fffffff };

static uint64_t cap_set(struct rd *r, const json_t *j, const char *key)
{
	auto_strv struct strv names = {0};
	uint64_t set = 0, bit;

	rd_strv(r, j, key, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (caps_from_name(names.v[i], &bit))
			set |= bit;
		else
			rd_fail(r, key, "%s is no capability", names.v[i]);
	}
	return set;
}

static void read_caps(struct rd *r, const json_t *process, struct spec_caps *c)
{
	const json_t *j = rd_obj(r, process, "capabilities");

	rd_at(r, "process.capabilities.");
	c->bounding = cap_set(r, j, "bounding");
	c->effective = cap_set(r, j, "effective");
	c->permitted = cap_set(r, j, "permitted");
	c->inheritable = cap_set(r, j, "inheritable");
	c->ambient = cap_set(r, j, "ambient");
}

static void read_user(struct rd *r, const json_t *process, struct spec_user *u)
{
	const json_t *j = rd_obj(r, process, "user"), *v;
	size_t i;

	rd_at(r, "process.user.");
	u->uid = (uint32_t)rd_int(r, j, "uid", 0, ID_MAX, 0);
	u->gid = (uint32_t)rd_int(r, j, "gid", 0, ID_MAX, 0);
	u->umask = (int)rd_int(r, j, "umask", 0, 0777, -1);
	json_array_foreach(rd_arr(r, j, "additionalGids"), i, v) {
		json_int_t n = json_is_real(v) ? (json_int_t)json_real_value(v) : json_integer_value(v);

		if (!json_is_number(v) || n < 0 || n > ID_MAX)
			rd_fail(r, "additionalGids", "numbers from 0 to %d expected", ID_MAX);
		else
			vec_push(&u->groups, (uint32_t)n);
	}
}

static void read_rlimits(struct rd *r, const json_t *process, struct spec_process *p)
{
	const json_t *v;
	size_t i;

	json_array_foreach(rd_arr(r, process, "rlimits"), i, v) {
		struct spec_rlimit l = { .soft = rd_u64(r, v, "soft", 0), .hard = rd_u64(r, v, "hard", 0) };
		const char *type = rd_str(r, v, "type");

		if (!type || !limits_from_name(type, &l.resource))
			rd_fail(r, "rlimits", "%s is no resource limit", type ? type : "(no type)");
		vec_push(&p->rlimits, l);
	}
}

static void read_process(struct rd *r, const json_t *j, struct spec_process *p)
{
	const json_t *size = rd_obj(r, j, "consoleSize");

	rd_at(r, "process.");
	p->terminal = rd_bool(r, j, "terminal");
	p->rows = (unsigned short)rd_int(r, size, "height", 0, 0xffff, 0);
	p->cols = (unsigned short)rd_int(r, size, "width", 0, 0xffff, 0);
	p->cwd = rd_str(r, j, "cwd");
	rd_strv(r, j, "args", &p->args);
	rd_strv(r, j, "env", &p->env);
	p->no_new_privs = rd_bool(r, j, "noNewPrivileges");
	p->apparmor = rd_str(r, j, "apparmorProfile");
	p->has_oom_score_adj = json_is_number(json_object_get(j, "oomScoreAdj"));
	p->oom_score_adj = (int)rd_int(r, j, "oomScoreAdj", -1000, 1000, 0);
	rd_refuse(r, j, "selinuxLabel");
	rd_refuse(r, j, "scheduler");
	rd_refuse(r, j, "ioPriority");
	rd_refuse(r, j, "execCPUAffinity");
	if (p->cwd && *p->cwd != '/')
		rd_fail(r, "cwd", "an absolute path expected");
	read_rlimits(r, j, p);
	read_user(r, j, &p->user);
	read_caps(r, j, &p->caps);
	rd_at(r, "%s", "");
}

static void read_mounts(struct rd *r, const json_t *j, struct spec *s)
{
	const json_t *v;
	size_t i;

	json_array_foreach(rd_arr(r, j, "mounts"), i, v) {
		struct spec_mount *m;
		char *dest;

		rd_at(r, "mounts[%zu].", i);
		dest = rd_str(r, v, "destination");
		if (!dest || !*dest) {
			rd_fail(r, "destination", "missing");
			return;
		}
		if (*dest != '/')
			dest = arena_printf(&s->arena, "/%s", dest);
		m = spec_add_mount(s, dest, rd_str(r, v, "type"), rd_str(r, v, "source"), NULL);
		rd_strv(r, v, "options", &m->options);
		rd_refuse(r, v, "uidMappings");
		rd_refuse(r, v, "gidMappings");
	}
	rd_at(r, "%s", "");
}

static void read_namespaces(struct rd *r, const json_t *linux_, struct spec *s)
{
	static const char *const words[SPEC_NS_N] = { "user", "mount", "pid", "network", "ipc", "uts", "cgroup" };
	const json_t *v;
	size_t i;

	json_array_foreach(rd_arr(r, linux_, "namespaces"), i, v) {
		const char *type = rd_str(r, v, "type");
		int k = 0;

		while (k < SPEC_NS_N && !str_eq(words[k], type))
			k++;
		if (k == SPEC_NS_N) {
			rd_fail(r, "namespaces", "%s is not supported", type ? type : "(no type)");
			return;
		}
		if (s->ns[k].on)
			rd_fail(r, "namespaces", "%s appears twice", type);
		s->ns[k].on = true;
		s->ns[k].path = rd_str(r, v, "path");
		if (s->ns[k].path && !*s->ns[k].path)
			s->ns[k].path = NULL;
	}
}

#define READ_MAP(r, j, key, out) do { \
	const json_t *v_; \
	size_t i_; \
	json_array_foreach(rd_arr((r), (j), (key)), i_, v_) { \
		struct spec_id_map m_ = { (uint32_t)rd_int((r), v_, "containerID", 0, UINT32_MAX - 1, 0), \
			(uint32_t)rd_int((r), v_, "hostID", 0, UINT32_MAX - 1, 0), \
			(uint32_t)rd_int((r), v_, "size", 1, UINT32_MAX, 1) }; \
		vec_push((out), m_); \
	} \
} while (0)

static void read_devices(struct rd *r, const json_t *linux_, struct spec *s)
{
	const json_t *v;
	size_t i;

	json_array_foreach(rd_arr(r, linux_, "devices"), i, v) {
		const char *type = rd_str(r, v, "type");
		struct spec_device d = { .path = rd_str(r, v, "path"), .type = type ? type[0] : 0 };

		if (d.type == 'u')                           /* an old word for c */
			d.type = 'c';
		d.major = (uint32_t)rd_int(r, v, "major", 0, 0xfff, 0);
		d.minor = (uint32_t)rd_int(r, v, "minor", 0, 0xfffff, 0);
		d.mode = (uint32_t)rd_int(r, v, "fileMode", 0, 0177777, 0666) & 07777;
		d.uid = (uint32_t)rd_int(r, v, "uid", 0, ID_MAX, 0);
		d.gid = (uint32_t)rd_int(r, v, "gid", 0, ID_MAX, 0);
		if (!d.path || *d.path != '/' || !type || !d.type || !strchr("cbp", d.type) || strlen(type) != 1)
			rd_fail(r, "devices", "element %zu: an absolute path and a type c, b, u or p expected", i);
		vec_push(&s->devices, d);
	}
}

static void read_device_rules(struct rd *r, const json_t *res, struct spec_resources *out)
{
	const json_t *v;
	size_t i;

	json_array_foreach(rd_arr(r, res, "devices"), i, v) {
		struct spec_dev_rule d = { .allow = rd_bool(r, v, "allow") };
		const char *type = rd_str(r, v, "type"), *access = rd_str(r, v, "access");

		d.type = type && *type ? type[0] : 'a';
		d.major = rd_int(r, v, "major", -1, 0xfff, -1);
		d.minor = rd_int(r, v, "minor", -1, 0xfffff, -1);
		access = access && *access ? access : "rwm";
		if (!strchr("abc", d.type) || strspn(access, "rwm") != strlen(access) || strlen(access) > 3)
			rd_fail(r, "resources.devices", "element %zu: a type a, b or c and access of rwm expected", i);
		else
			memcpy(d.access, access, strlen(access) + 1);
		vec_push(&out->devices, d);
	}
}

#define READ_BLK(r, j, key, value, out) do { \
	const json_t *v_; \
	size_t i_; \
	json_array_foreach(rd_arr((r), (j), (key)), i_, v_) { \
		struct spec_blk b_ = { (uint32_t)rd_int((r), v_, "major", 0, 0xfff, 0), \
			(uint32_t)rd_int((r), v_, "minor", 0, 0xfffff, 0), rd_u64((r), v_, (value), 0) }; \
		vec_push((out), b_); \
	} \
} while (0)

static void read_block_io(struct rd *r, const json_t *res, struct spec_resources *out)
{
	const json_t *j = rd_obj(r, res, "blockIO");

	out->blkio_weight = (uint16_t)rd_int(r, j, "weight", 0, 1000, 0);
	READ_BLK(r, j, "weightDevice", "weight", &out->weight_device);
	READ_BLK(r, j, "throttleReadBpsDevice", "rate", &out->read_bps);
	READ_BLK(r, j, "throttleWriteBpsDevice", "rate", &out->write_bps);
	READ_BLK(r, j, "throttleReadIOPSDevice", "rate", &out->read_iops);
	READ_BLK(r, j, "throttleWriteIOPSDevice", "rate", &out->write_iops);
}

static void read_cpu_memory(struct rd *r, const json_t *res, struct spec_resources *out)
{
	const json_t *m = rd_obj(r, res, "memory"), *c = rd_obj(r, res, "cpu"), *p = rd_obj(r, res, "pids");

	out->memory_bytes = rd_int(r, m, "limit", -1, INT64_MAX, 0);
	out->memory_swap_bytes = rd_int(r, m, "swap", -1, INT64_MAX, 0);
	out->memory_reservation_bytes = rd_int(r, m, "reservation", -1, INT64_MAX, 0);
	out->swappiness = (int)rd_int(r, m, "swappiness", -1, 100, -1);
	out->oom_kill_disable = rd_bool(r, m, "disableOOMKiller");
	out->cpu_shares = rd_u64(r, c, "shares", 0);
	out->cpu_quota_us = rd_int(r, c, "quota", -1, INT64_MAX, 0);
	out->cpu_period_us = rd_u64(r, c, "period", 0);
	out->cpu_rt_runtime_us = rd_int(r, c, "realtimeRuntime", -1, INT64_MAX, 0);
	out->cpu_rt_period_us = rd_u64(r, c, "realtimePeriod", 0);
	out->cpus = rd_str(r, c, "cpus");
	out->mems = rd_str(r, c, "mems");
	out->pids = rd_int(r, p, "limit", -1, INT64_MAX, 0);
}

static void read_resources(struct rd *r, const json_t *linux_, struct spec_resources *out)
{
	const json_t *res = rd_obj(r, linux_, "resources"), *v;
	const char *key;

	rd_at(r, "linux.resources.");
	read_cpu_memory(r, res, out);
	rd_refuse(r, res, "hugepageLimits");
	rd_refuse(r, res, "network");
	rd_refuse(r, res, "rdma");
	read_block_io(r, res, out);
	read_device_rules(r, res, out);
	json_object_foreach((json_t *)rd_obj(r, res, "unified"), key, v) {
		if (!json_is_string(v) || !*key || strchr(key, '/'))
			rd_fail(r, "unified", "file names with text values expected");
		else {
			strv_add(&out->unified, key);
			strv_add(&out->unified, json_string_value(v));
		}
	}
	rd_at(r, "linux.");
}

static void read_sysctls(struct rd *r, const json_t *linux_, struct spec *s)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)rd_obj(r, linux_, "sysctl"), key, v) {
		if (!json_is_string(v)) {
			rd_fail(r, "sysctl", "%s: a text expected", key);
			return;
		}
		strv_add(&s->sysctl, key);
		strv_add(&s->sysctl, json_string_value(v));
	}
}

static void read_linux(struct rd *r, const json_t *j, struct spec *s)
{
	const json_t *l = rd_obj(r, j, "linux"), *seccomp;

	rd_at(r, "linux.");
	read_namespaces(r, l, s);
	READ_MAP(r, l, "uidMappings", &s->uid_map);
	READ_MAP(r, l, "gidMappings", &s->gid_map);
	read_devices(r, l, s);
	read_resources(r, l, &s->resources);
	read_sysctls(r, l, s);
	s->cgroup_path = rd_str(r, l, "cgroupsPath");
	s->root_propagation = rd_str(r, l, "rootfsPropagation");
	rd_strv(r, l, "maskedPaths", &s->masked);
	rd_strv(r, l, "readonlyPaths", &s->readonly);
	seccomp = rd_obj(r, l, "seccomp");
	if (seccomp) {
		s->seccomp = SPEC_SECCOMP_PROFILE;
		s->seccomp_profile = json_incref((json_t *)seccomp);
	}
	rd_refuse(r, l, "intelRdt");
	rd_refuse(r, l, "timeOffsets");
	rd_refuse(r, l, "mountLabel");
	rd_refuse(r, l, "personality");
	rd_at(r, "%s", "");
}

static void read_hook(struct rd *r, const json_t *v, struct spec_hook *h)
{
	h->path = rd_str(r, v, "path");
	rd_strv(r, v, "args", &h->args);
	rd_strv(r, v, "env", &h->env);
	h->timeout_s = (int)rd_int(r, v, "timeout", 0, 24 * 3600, 0);
	if (!h->path || *h->path != '/')
		rd_fail(r, "path", "an absolute path expected");
}

static void read_hooks(struct rd *r, const json_t *j, struct spec *s)
{
	static const char *const words[SPEC_HOOK_N] = {
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
	};
	const json_t *hooks = rd_obj(r, j, "hooks"), *v;
	size_t i;

	for (int k = 0; k < SPEC_HOOK_N; k++) {
		json_array_foreach(rd_arr(r, hooks, words[k]), i, v) {
			struct spec_hook h = {0};

			rd_at(r, "hooks.%s[%zu].", words[k], i);
			read_hook(r, v, &h);
			vec_push(&s->hooks.of[k], h);
		}
	}
	rd_at(r, "%s", "");
}

static void split_names(struct strv *out, const char *list)
{
	for (size_t n; *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		if (n)
			strv_take(out, xstrndup(list, n));
	}
}

static void read_annotations(struct rd *r, const json_t *j, struct spec *s)
{
	const char *key, *text;
	json_t *v;

	json_object_foreach((json_t *)rd_obj(r, j, "annotations"), key, v) {
		text = json_string_value(v);
		if (!text) {
			rd_fail(r, "annotations", "%s: a text expected", key);
			return;
		}
		if (!strcmp(key, "org.compose.init"))
			s->init = !strcmp(text, "true");
		else if (!strcmp(key, "org.compose.user"))
			s->process.user.name = arena_strdup(&s->arena, text);
		else if (!strcmp(key, "org.compose.groups"))
			split_names(&s->process.user.group_names, text);
		else if (strcmp(key, "org.compose.seccomp") != 0)
			spec_add_annotation(s, key, text);
		else if (s->seccomp == SPEC_SECCOMP_OFF && !strcmp(text, "default"))
			s->seccomp = SPEC_SECCOMP_DEFAULT;
	}
}

int spec_from_json(struct spec *s, const json_t *j, struct err *e)
{
	struct rd r = { .a = &s->arena, .e = e };
	const json_t *root, *process;

	s->resources.swappiness = -1;
	s->process.user.umask = -1;
	if (!json_is_object(j))
		return err_set(e, ERR_MODEL, 0, "config.json: an object expected");
	if (!str_starts(json_str(j, "ociVersion", "?"), "1."))
		return err_set(e, ERR_MODEL, 0, "ociVersion: %s is not supported", json_str(j, "ociVersion", "(none)"));
	root = rd_obj(&r, j, "root");
	rd_at(&r, "root.");
	s->root_path = rd_str(&r, root, "path");
	s->root_readonly = rd_bool(&r, root, "readonly");
	rd_at(&r, "%s", "");
	s->hostname = rd_str(&r, j, "hostname");
	s->domainname = rd_str(&r, j, "domainname");
	process = rd_obj(&r, j, "process");
	if (process)
		read_process(&r, process, &s->process);
	read_mounts(&r, j, s);
	read_linux(&r, j, s);
	read_hooks(&r, j, s);
	read_annotations(&r, j, s);
	return r.failed ? err_wrap(e, "the container's configuration is not valid") : 0;
}

int spec_process_from_json(struct spec_process *p, struct arena *a, const json_t *j, struct err *e)
{
	struct rd r = { .a = a, .e = e };

	p->user.umask = -1;
	if (!json_is_object(j))
		return err_set(e, ERR_MODEL, 0, "process: an object expected");
	read_process(&r, j, p);
	return r.failed ? -1 : 0;
}

int spec_read(struct spec *s, int bundle_fd, struct err *e)
{
	auto_free char *text = NULL;
	auto_json json_t *j = NULL;
	size_t len;

	if (fs_read(bundle_fd, "config.json", CONFIG_MAX_BYTES, &text, &len, e) < 0 ||
	    rd_parse(text, len, "config.json", &j, e) < 0)
		return -1;
	return spec_from_json(s, j, e);
}
