/* SPDX-License-Identifier: Apache-2.0 */
/* to_limits.c - what a service may use: memory, processors, processes, block I/O, devices.
 * spec: compose-spec 05-services; OCI runtime-spec config-linux "resources", "devices". */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "compose/base/str.h"
#include "compose/engine/to_spec.h"
#include "compose/runtime/cgroup.h"
#include "compose/runtime/limits.h"
#include "parser/cdi.h"
#include "parser/value.h"

enum { CPU_PERIOD_US = 100000, DEVICE_DEPTH_MAX = 16, DEVICES_MAX = 4096 };

static int rlimits(const struct ctr_want *w, struct spec *s, struct err *e)
{
	for (size_t i = 0; i < w->s->n_ulimits; i++) {
		const struct ulimit *u = &w->s->ulimits[i];
		int r;

		if (!limits_from_name(u->name, &r))
			return refuse(w, (struct srcpos){0}, "ulimits", e, "\"%s\" is no resource limit", u->name);
		vec_push(&s->process.rlimits, (struct spec_rlimit){ r, u->soft < 0 ? UINT64_MAX : (uint64_t)u->soft,
			u->hard < 0 ? UINT64_MAX : (uint64_t)u->hard });
	}
	return 0;
}

static int memory(const struct ctr_want *w, struct spec_resources *r, struct err *e)
{
	const struct service *v = w->s;

	if (v->mem_limit_bytes > 0)
		r->memory_bytes = v->mem_limit_bytes;
	if (v->mem_reservation_bytes > 0)
		r->memory_reservation_bytes = v->mem_reservation_bytes;
	if (v->memswap_limit_bytes == -2)
		r->memory_swap_bytes = -1;
	else if (v->memswap_limit_bytes > 0)
		r->memory_swap_bytes = v->memswap_limit_bytes;
	else if (v->mem_limit_bytes > 0)                 /* docker: as much swap again as memory */
		r->memory_swap_bytes = 2 * v->mem_limit_bytes;
	r->oom_kill_disable = v->oom_kill_disable;
	if (v->mem_swappiness > 100)
		return refuse(w, (struct srcpos){0}, "mem_swappiness", e, "%lld is not within 0-100", (long long)v->mem_swappiness);
	if (v->mem_swappiness >= 0)
		r->swappiness = (int)v->mem_swappiness;
	return 0;
}

static void processors(const struct service *v, struct spec *s)
{
	struct spec_resources *r = &s->resources;

	if (v->cpus > 0) {
		r->cpu_period_us = CPU_PERIOD_US;
		r->cpu_quota_us = (int64_t)(v->cpus * CPU_PERIOD_US + 0.5);
	}
	if (v->cpu_quota_us)
		r->cpu_quota_us = v->cpu_quota_us;
	if (v->cpu_period_us)
		r->cpu_period_us = (uint64_t)v->cpu_period_us;
	if (v->cpu_shares > 0)
		r->cpu_shares = (uint64_t)v->cpu_shares;
	if (v->cpu_rt_period_us > 0)
		r->cpu_rt_period_us = (uint64_t)v->cpu_rt_period_us;
	if (v->cpu_rt_runtime_us > 0)
		r->cpu_rt_runtime_us = v->cpu_rt_runtime_us;
	if (*v->cpuset)
		r->cpus = arena_strdup(&s->arena, v->cpuset);
}

static int block_io(const struct ctr_want *w, struct spec_resources *r, struct err *e)
{
	r->blkio_weight = (uint16_t)w->s->blkio_weight;
	for (size_t i = 0; i < w->s->n_blk_limits; i++) {
		const struct blk_limit *l = &w->s->blk_limits[i];
		struct spec_blk b = { .value = (uint64_t)l->value };
		struct stat st;

		if (stat(l->path, &st) < 0 || !S_ISBLK(st.st_mode))
			return refuse(w, l->pos, "blkio_config", e, "%s is not a block device of this host", l->path);
		b.major = major(st.st_rdev);
		b.minor = minor(st.st_rdev);
		switch (l->kind) {
		case BLK_WEIGHT: vec_push(&r->weight_device, b); break;
		case BLK_READ_BPS: vec_push(&r->read_bps, b); break;
		case BLK_WRITE_BPS: vec_push(&r->write_bps, b); break;
		case BLK_READ_IOPS: vec_push(&r->read_iops, b); break;
		case BLK_WRITE_IOPS: vec_push(&r->write_iops, b); break;
		}
	}
	return 0;
}

/* What this host's kernel cannot do. As docker has it: hints to the kernel are left out with a warning; a promise that
 * cannot be kept is refused. */
static int host_limits(struct engine *en, const struct ctr_want *w, struct spec_resources *r, struct err *e)
{
	struct cgroup_host *h = NULL;
	unsigned lacks;

	if (r->swappiness < 0 && !r->oom_kill_disable && !r->cpu_rt_period_us && !r->cpu_rt_runtime_us && !r->blkio_weight &&
	    !w->s->n_blk_limits)
		return 0;
	if (cgroup_host_open(&h, e) < 0)
		return -1;
	lacks = cgroup_lacks(h, r);
	cgroup_host_close(h);
	if (lacks & CGROUP_RT)
		return refuse(w, (struct srcpos){0}, w->s->cpu_rt_runtime_us ? "cpu_rt_runtime" : "cpu_rt_period", e,
			      "this host's kernel gives no groups realtime processor time (only cgroup v1 with RT_GROUP_SCHED does)");
	if (lacks & CGROUP_THROTTLE)
		return refuse(w, (struct srcpos){0}, "blkio_config", e, "this host's kernel cannot limit block I/O");
	if (lacks & CGROUP_WEIGHT) {
		service_warn(en, w->s, "blkio_config", "this host's kernel has no weights for block I/O: left out");
		r->blkio_weight = 0;
		r->weight_device.n = 0;
	}
	if (lacks & CGROUP_SWAPPINESS) {
		service_warn(en, w->s, "mem_swappiness", "only cgroup v1 has it: left out");
		r->swappiness = -1;
	}
	if (lacks & CGROUP_OOM) {
		service_warn(en, w->s, "oom_kill_disable", "only cgroup v1 has it: left out");
		r->oom_kill_disable = false;
	}
	return 0;
}

/* ---- devices ----------------------------------------------------------------------------------------------------- */

void add_device_node(struct spec *s, const char *path, const struct stat *st, const char *access)
{
	struct spec_dev_rule rule = { .allow = true, .type = S_ISCHR(st->st_mode) ? 'c' : 'b', .major = major(st->st_rdev),
		.minor = minor(st->st_rdev) };

	(void)snprintf(rule.access, sizeof(rule.access), "%s", access);
	vec_push(&s->resources.devices, rule);
	vec_push(&s->devices, (struct spec_device){ .path = arena_strdup(&s->arena, path), .type = rule.type,
		.major = major(st->st_rdev), .minor = minor(st->st_rdev), .mode = st->st_mode & 0777, .uid = st->st_uid,
		.gid = st->st_gid });
}

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

/* Every device below a directory, at the same place below target. Links are left out: they would lead out of it. fd: consumed
 * skip: names at the top that are left out, NULL-terminated, or NULL. */
static void add_below(struct spec *s, int fd, const char *target, const char *access, const char *const *skip, int depth)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (d && (de = readdir(d)) && s->devices.n < DEVICES_MAX) {
		auto_free char *path = xasprintf("%s/%s", target, de->d_name);
		const char *const *left_out = skip;
		struct stat st;

		while (left_out && *left_out && !str_eq(*left_out, de->d_name))
			left_out++;
		if (*de->d_name == '.' || (left_out && *left_out) || fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (is_device(&st))
			add_device_node(s, path, &st, access);
		else if (S_ISDIR(st.st_mode) && depth < DEVICE_DEPTH_MAX)
			add_below(s, openat(fd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path, access, NULL,
				  depth + 1);
	}
	if (d)
		closedir(d);
}

int add_device(const struct ctr_want *w, struct spec *s, const char *source, const char *target, const char *access,
	       struct srcpos pos, struct err *e)
{
	struct stat st;

	if (!*access || strlen(access) > 3 || strspn(access, "rwm") != strlen(access))
		return refuse(w, pos, "devices", e, "\"%s\" is no access to a device: letters of rwm expected", access);
	if (stat(source, &st) == 0 && S_ISDIR(st.st_mode)) {
		size_t before = s->devices.n;

		add_below(s, open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC), target, access, NULL, 0);
		return s->devices.n > before ? 0 : refuse(w, pos, "devices", e, "no device of this host is below %s", source);
	}
	if (stat(source, &st) < 0 || !is_device(&st)) {
		err_set(e, ERR_MISSING, errno == ENOENT ? ENOENT : 0, "%s is not a device of this host", source);
		return err_at(e, pos.line ? pos : service_pos(w->s, "devices"), "devices");
	}
	add_device_node(s, target, &st, access);
	return 0;
}

static int devices(const struct ctr_want *w, struct spec *s, struct err *e)
{
	for (size_t i = 0; i < w->s->n_devices; i++) {
		const struct device *d = &w->s->devices[i];

		if (cdi_is_name(d->source))
			continue;
		if (add_device(w, s, d->source, *d->target ? d->target : d->source, *d->permissions ? d->permissions : "rwm",
			       d->pos, e) < 0)
			return -1;
	}
	return 0;
}

static void device_rules(const struct ctr_want *w, struct spec *s)
{
	for (size_t i = 0; i < w->s->device_cgroup_rules.n; i++) {
		struct spec_dev_rule rule = { .allow = true };

		if (value_device_rule(w->s->device_cgroup_rules.v[i], &rule.type, &rule.major, &rule.minor, rule.access))
			vec_push(&s->resources.devices, rule);
	}
}

/* All of the host's, but for what a container has of its own. */
static void all_devices(struct spec *s)
{
	static const char *const own[] = { "console", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "tty",
		"urandom", "zero", NULL };

	add_below(s, open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "/dev", "rwm", own, 0);
	s->resources.devices.n = 0;
	vec_push(&s->resources.devices, (struct spec_dev_rule){ .allow = true, .type = 'a', .major = -1, .minor = -1, .access = "rwm" });
}

int to_limits(struct engine *en, const struct ctr_want *w, struct spec *s, struct err *e)
{
	processors(w->s, s);
	if (w->s->pids_limit > 0)
		s->resources.pids = w->s->pids_limit;
	if (memory(w, &s->resources, e) < 0 || rlimits(w, s, e) < 0 || block_io(w, &s->resources, e) < 0 || host_limits(en, w, &s->resources, e) < 0 ||
	    devices(w, s, e) < 0 || to_cdi(w, s, e) < 0)
		return -1;
	device_rules(w, s);
	if (w->s->privileged)
		all_devices(s);
	return 0;
}
