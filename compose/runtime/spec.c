/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/spec.h"
#include "compose/base/str.h"
#include "compose/runtime/caps.h"

static void default_mounts(struct spec *s)
{
	static const struct { const char *dest, *type, *options; } all[] = {
		{ "/proc", "proc", "nosuid,noexec,nodev" },
		{ "/dev", "tmpfs", "nosuid,strictatime,mode=755,size=65536k" },
		{ "/dev/pts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
		{ "/sys", "sysfs", "nosuid,noexec,nodev,ro" },
		{ "/sys/fs/cgroup", "cgroup", "ro,nosuid,noexec,nodev" },
		{ "/dev/mqueue", "mqueue", "nosuid,noexec,nodev" },
		{ "/dev/shm", "tmpfs", "nosuid,noexec,nodev,mode=1777,size=65536k" },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		(void)spec_add_mount(s, all[i].dest, all[i].type, all[i].type, all[i].options);
}

static void default_paths(struct spec *s)
{
	static const char *const masked[] = { "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore",
		"/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
		"/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap" };
	static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
		"/proc/sysrq-trigger" };

	for (size_t i = 0; i < ARRAY_LEN(masked); i++)
		strv_add(&s->masked, masked[i]);
	for (size_t i = 0; i < ARRAY_LEN(readonly); i++)
		strv_add(&s->readonly, readonly[i]);
}

void spec_allow_standard_devices(struct spec *s)
{
	static const struct spec_dev_rule all[] = {
		/* null zero full, random urandom, tty console ptmx, pts */
		{ true, 'c', 1, 3, "rwm" }, { true, 'c', 1, 5, "rwm" }, { true, 'c', 1, 7, "rwm" },
		{ true, 'c', 1, 8, "rwm" }, { true, 'c', 1, 9, "rwm" },
		{ true, 'c', 5, 0, "rwm" }, { true, 'c', 5, 1, "rwm" }, { true, 'c', 5, 2, "rwm" },
		{ true, 'c', 136, -1, "rwm" },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		vec_push(&s->resources.devices, all[i]);
}

/* Nodes may be made of any kind (that is CAP_MKNOD's matter), used only if they are standard ones. */
static void default_devices(struct spec *s)
{
	static const struct spec_dev_rule all[] = {
		{ false, 'a', -1, -1, "rwm" }, { true, 'c', -1, -1, "m" }, { true, 'b', -1, -1, "m" },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		vec_push(&s->resources.devices, all[i]);
	spec_allow_standard_devices(s);
}

void spec_default(struct spec *s)
{
	uint64_t caps = caps_default();

	for (int i = 0; i < SPEC_NS_N; i++)
		s->ns[i].on = i != SPEC_NS_USER;
	default_mounts(s);
	default_paths(s);
	default_devices(s);
	s->process.caps = (struct spec_caps){ .bounding = caps, .effective = caps, .permitted = caps };
	s->process.cwd = arena_strdup(&s->arena, "/");
	s->process.user.umask = -1;
	s->process.user.name = arena_strdup(&s->arena, "");
	s->resources.swappiness = -1;
	s->seccomp = SPEC_SECCOMP_DEFAULT;
}

struct spec_mount *spec_add_mount(struct spec *s, const char *dest, const char *type, const char *source,
				  const char *options)
{
	struct spec_mount m = { arena_strdup(&s->arena, dest), arena_strdup(&s->arena, type),
				arena_strdup(&s->arena, source), {0} };

	while (options && *options) {
		size_t n = strcspn(options, ",");

		strv_take(&m.options, xstrndup(options, n));
		options += n + (options[n] == ',');
	}
	vec_push(&s->mounts, m);
	return &s->mounts.v[s->mounts.n - 1];
}

bool spec_del_mount(struct spec *s, const char *dest)
{
	for (size_t i = 0; i < s->mounts.n; i++)
		if (!strcmp(s->mounts.v[i].dest, dest)) {
			strv_done(&s->mounts.v[i].options);
			vec_remove(&s->mounts, i);
			return true;
		}
	return false;
}

void spec_set_env(struct strv *env, const char *kv)
{
	size_t len = strcspn(kv, "=");

	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], kv, len) && env->v[i][len] == '=') {
			free(env->v[i]);
			env->v[i] = xstrdup(kv);
			return;
		}
	strv_add(env, kv);
}

void spec_add_annotation(struct spec *s, const char *key, const char *value)
{
	vec_push(&s->annotations,
		 (struct spec_annotation){ arena_strdup(&s->arena, key), arena_strdup(&s->arena, value) });
}

void spec_process_done(struct spec_process *p)
{
	strv_done(&p->args);
	strv_done(&p->env);
	strv_done(&p->user.group_names);
	vec_done(&p->user.groups);
	vec_done(&p->rlimits);
}

static void resources_done(struct spec_resources *r)
{
	vec_done(&r->weight_device);
	vec_done(&r->read_bps);
	vec_done(&r->write_bps);
	vec_done(&r->read_iops);
	vec_done(&r->write_iops);
	vec_done(&r->devices);
	strv_done(&r->unified);
}

void spec_done(struct spec *s)
{
	spec_process_done(&s->process);
	for (size_t i = 0; i < s->mounts.n; i++)
		strv_done(&s->mounts.v[i].options);
	vec_done(&s->mounts);
	vec_done(&s->uid_map);
	vec_done(&s->gid_map);
	vec_done(&s->devices);
	resources_done(&s->resources);
	strv_done(&s->sysctl);
	strv_done(&s->masked);
	strv_done(&s->readonly);
	json_decref(s->seccomp_profile);
	for (int k = 0; k < SPEC_HOOK_N; k++) {
		for (size_t i = 0; i < s->hooks.of[k].n; i++) {
			strv_done(&s->hooks.of[k].v[i].args);
			strv_done(&s->hooks.of[k].v[i].env);
		}
		vec_done(&s->hooks.of[k]);
	}
	vec_done(&s->annotations);
	arena_done(&s->arena);
	*s = (struct spec){0};
}
