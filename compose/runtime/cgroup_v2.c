/* SPDX-License-Identifier: Apache-2.0 */
/* All controllers in one hierarchy. Every group on the way down must hand them on (cgroup.subtree_control). */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/runtime/cgroup_impl.h"

static const char *const wanted[] = { "cpu", "cpuset", "io", "memory", "pids" };

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(list, word); p; p = strstr(p + n, word))
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\n' || !p[n]))
			return true;
	return false;
}

/* Hand on what the group has and does not hand on yet. */
static int hand_on(int root, const char *path)
{
	char have[256], on[256];
	auto_str struct str want = {0};

	if (cg_read(root, path, "cgroup.controllers", have, sizeof(have)) < 0 ||
	    cg_read(root, path, "cgroup.subtree_control", on, sizeof(on)) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (has_word(have, wanted[i]) && !has_word(on, wanted[i]))
			str_addf(&want, "%s+%s", want.len ? " " : "", wanted[i]);
	return want.len ? cg_write(root, path, "cgroup.subtree_control", str_cstr(&want)) : 0;
}

static int each_parent(int root, const char *path, void *arg)
{
	return strcmp(path, arg) ? hand_on(root, path) : 0;
}

static int v2_create(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e)
{
	auto_free char *leaf = xstrdup(path);
	char procs[32];
	bool is_new;

	(void)r;
	if (hand_on(h->v2, ".") < 0 || cg_mkdir_p(h->v2, path, each_parent, leaf, &is_new) < 0) {
		err_set(e, errno == EACCES || errno == EPERM || errno == EROFS ? ERR_DENIED : ERR_SYS, errno,
			"make the group");
		return errno == EBUSY ? err_hint(e, "a group above it has processes of its own") : -1;
	}
	if (!is_new && cg_read(h->v2, path, "cgroup.procs", procs, sizeof(procs)) > 0)
		return err_set(e, ERR_CONFLICT, 0, "the group has processes already (%.*s)", (int)strcspn(procs, "\n"),
			       procs);
	return 0;
}

/* ret: 0 or -1 with errno; -1 is the kernel's "max" */
static int write_max(int root, const char *path, const char *file, int64_t v)
{
	return v < 0 ? cg_write(root, path, file, "max") : cg_writef(root, path, file, "%lld", (long long)v);
}

static int limit_memory(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	/* OCI counts memory and swap together, v2 swap alone */
	int64_t swap =
		r->memory_swap_bytes < 0 ? -1 : r->memory_swap_bytes - (r->memory_bytes > 0 ? r->memory_bytes : 0);

	if (r->swappiness >= 0 || r->oom_kill_disable)
		return err_set(e, ERR_MODEL, 0, "%s: only cgroup v1 has it",
			       r->oom_kill_disable ? "oom_kill_disable" : "swappiness");
	if (r->memory_swap_bytes > 0 && swap < 0)
		return err_set(e, ERR_MODEL, 0, "memory and swap together (%lld) are less than memory (%lld)",
			       (long long)r->memory_swap_bytes, (long long)r->memory_bytes);
	/* a kernel that does not count swap limits memory alone; so does Docker there */
	if (r->memory_swap_bytes && write_max(root, path, "memory.swap.max", swap) < 0 && errno != ENOENT)
		return cg_fail(e, "memory.swap.max", "limit swap");
	if (r->memory_bytes && write_max(root, path, "memory.max", r->memory_bytes) < 0)
		return cg_fail(e, "memory.max", "limit memory");
	if (r->memory_reservation_bytes && write_max(root, path, "memory.low", r->memory_reservation_bytes) < 0)
		return cg_fail(e, "memory.low", "reserve memory");
	return 0;
}

static int limit_cpu(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	/* shares 2 .. 262144 onto weight 1 .. 10000, as the OCI spec's readers agree */
	uint64_t shares = r->cpu_shares < 2 ? 2 : r->cpu_shares > 262144 ? 262144 : r->cpu_shares;
	unsigned long long period = r->cpu_period_us ? r->cpu_period_us : 100000;
	int w = 0;

	if (r->cpu_rt_period_us || r->cpu_rt_runtime_us)
		return err_set(e, ERR_MODEL, 0, "realtime processor time: only cgroup v1 has it");
	if (r->cpu_shares &&
	    cg_writef(root, path, "cpu.weight", "%llu", 1 + (unsigned long long)(shares - 2) * 9999 / 262142) < 0)
		return cg_fail(e, "cpu.weight", "weigh processor time");
	if (r->cpu_quota_us > 0)
		w = cg_writef(root, path, "cpu.max", "%lld %llu", (long long)r->cpu_quota_us, period);
	else if (r->cpu_quota_us < 0 || r->cpu_period_us)
		w = cg_writef(root, path, "cpu.max", "max %llu", period);
	if (w < 0)
		return cg_fail(e, "cpu.max", "limit processor time");
	if (r->cpus && *r->cpus && cg_write(root, path, "cpuset.cpus", r->cpus) < 0)
		return cg_fail(e, "cpuset.cpus", "choose processors");
	if (r->mems && *r->mems && cg_write(root, path, "cpuset.mems", r->mems) < 0)
		return cg_fail(e, "cpuset.mems", "choose memory nodes");
	return 0;
}

#define IO_MAX(key, list) do { \
	for (size_t i_ = 0; i_ < (list).n; i_++) \
		if (cg_writef(root, path, "io.max", "%u:%u %s=%llu", (list).v[i_].major, (list).v[i_].minor, (key), \
			      (unsigned long long)(list).v[i_].value) < 0) \
			return cg_fail(e, "io.max", "limit block I/O"); \
} while (0)

/* 10 .. 1000 onto 1 .. 10000 */
static unsigned io_weight(unsigned weight)
{
	return weight < 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

static int limit_io(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	if (r->blkio_weight && cg_writef(root, path, "io.bfq.weight", "%u", r->blkio_weight) < 0 &&
	    cg_writef(root, path, "io.weight", "%u", io_weight(r->blkio_weight)) < 0)
		return cg_fail(e, "io.weight", "weigh block I/O");
	for (size_t i = 0; i < r->weight_device.n; i++) {
		struct spec_blk b = r->weight_device.v[i], wide = b;

		wide.value = io_weight((unsigned)b.value);
		if (cg_write_blk(root, path, "io.bfq.weight", &b) < 0 && cg_write_blk(root, path, "io.weight", &wide) < 0)
			return cg_weight_fail(e, "io.weight", &b);
	}
	IO_MAX("rbps", r->read_bps);
	IO_MAX("wbps", r->write_bps);
	IO_MAX("riops", r->read_iops);
	IO_MAX("wiops", r->write_iops);
	return 0;
}

static int limit_unified(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	for (size_t i = 0; i + 1 < r->unified.n; i += 2) {
		const char *file = r->unified.v[i];

		if (strchr(file, '/') || !strchr(file, '.') || str_starts(file, "cgroup."))
			return err_set(e, ERR_MODEL, 0, "unified: %s is not a controller's file", file);
		if (cg_write(root, path, file, r->unified.v[i + 1]) < 0)
			return cg_fail(e, file, "unified");
	}
	return 0;
}

static int v2_limit(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e)
{
	auto_close int group = -1;

	if (limit_memory(h->v2, path, r, e) < 0 || limit_cpu(h->v2, path, r, e) < 0 || limit_io(h->v2, path, r, e) < 0)
		return -1;
	if (r->pids && write_max(h->v2, path, "pids.max", r->pids) < 0)
		return cg_fail(e, "pids.max", "limit processes");
	if (limit_unified(h->v2, path, r, e) < 0)
		return -1;
	if (!r->devices.n)
		return 0;
	group = openat(h->v2, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		return err_set(e, ERR_SYS, errno, "open the group");
	return cg_dev_attach(group, r, e);
}

static unsigned v2_lacks(struct cgroup_host *h, const struct spec_resources *r)
{
	static const char *const weights[] = { "io.bfq.weight", "io.weight", NULL }, *const max[] = { "io.max", NULL };

	(void)!hand_on(h->v2, ".");                   /* what is not handed on is found to lack */
	return (r->swappiness >= 0 ? CGROUP_SWAPPINESS : 0U) | (r->oom_kill_disable ? CGROUP_OOM : 0U) |
	       (r->cpu_rt_period_us || r->cpu_rt_runtime_us ? CGROUP_RT : 0U) |
	       (cg_has_weight(r) && !cg_probe(h->v2, weights) ? CGROUP_WEIGHT : 0U) |
	       (cg_has_throttle(r) && !cg_probe(h->v2, max) ? CGROUP_THROTTLE : 0U);
}

static int64_t v2_oom_kills(struct cgroup_host *h, const char *path)
{
	return cg_read_key(h->v2, path, "memory.events", "oom_kill");
}

/* Sum of the values of key ("rbytes=") over all devices of io.stat. */
static int64_t io_sum(const char *text, const char *key)
{
	int64_t sum = 0, v;
	char num[24];

	while ((text = strstr(text, key))) {
		text += strlen(key);
		(void)snprintf(num, sizeof(num), "%.*s", (int)strspn(text, "0123456789"), text);
		if (str_to_i64(num, &v))
			sum += v;
	}
	return sum;
}

static void v2_stats(struct cgroup_host *h, const char *path, struct cgroup_stats *ret)
{
	char io[8192];
	int64_t us = cg_read_key(h->v2, path, "cpu.stat", "usage_usec");

	ret->memory_bytes = cg_read_num(h->v2, path, "memory.current");
	ret->memory_cache_bytes = cg_read_key(h->v2, path, "memory.stat", "inactive_file");
	ret->memory_limit_bytes = cg_read_num(h->v2, path, "memory.max");
	ret->cpu_ns = us < 0 ? -1 : us * 1000;
	ret->pids = cg_read_num(h->v2, path, "pids.current");
	ret->pids_limit = cg_read_num(h->v2, path, "pids.max");
	if (cg_read(h->v2, path, "io.stat", io, sizeof(io)) >= 0) {
		ret->blk_read_bytes = io_sum(io, "rbytes=");
		ret->blk_write_bytes = io_sum(io, "wbytes=");
	}
}

const struct cg_ops cg_v2_ops = { v2_create, v2_limit, v2_lacks, v2_oom_kills, v2_stats };
