/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers on v1, one hierarchy each; beside them perhaps an empty v2 hierarchy (hybrid).
 * Each hierarchy a process joins costs about 50 us, so a container joins only those that do something for it: memory
 * (limit, OOM count), pids, devices; cpu, cpuacct and cpuset, without which JVMs do not see the memory limit either;
 * freezer only when v2 cannot freeze; blkio only with a limit; name=systemd only when there is no v2 to be tracked
 * by. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/runtime/cgroup_impl.h"

int cg_v1_fd(const struct cgroup_host *h, unsigned ctrl)
{
	for (int i = 0; i < h->n; i++)
		if (h->v1[i].ctrl & ctrl)
			return h->v1[i].fd;
	return -1;
}

bool cg_v1_wanted(const struct cgroup_host *h, const struct cg_hier *x, const struct spec_resources *r)
{
	unsigned want = CG_MEMORY | CG_PIDS | CG_DEVICES | CG_CPU | CG_CPUACCT | CG_CPUSET;

	if (!h->freeze)
		want |= CG_FREEZER;
	if (h->v2 < 0)
		want |= CG_SYSTEMD;
	if (cg_has_weight(r) || cg_has_throttle(r))
		want |= CG_BLKIO;
	return x->ctrl & want;
}

/* A new cpuset group has no processors and admits nobody: copy the parent's. */
static int inherit_cpuset(int root, const char *path, void *arg)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	auto_free char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	char buf[4096];

	(void)arg;
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (cg_read(root, path, files[i], buf, sizeof(buf)) < 0)
			return -1;
		if (buf[0] && buf[0] != '\n')
			continue;
		if (cg_read(root, slash ? parent : ".", files[i], buf, sizeof(buf)) < 0 ||
		    cg_write(root, path, files[i], buf) < 0)
			return -1;
	}
	return 0;
}

static int make_one(int root, const char *name, bool cpuset, const char *path, struct err *e)
{
	char procs[32];
	bool is_new;

	if (cg_mkdir_p(root, path, cpuset ? inherit_cpuset : NULL, NULL, &is_new) < 0)
		return err_set(e, errno == EACCES || errno == EPERM || errno == EROFS ? ERR_DENIED : ERR_SYS, errno,
			       "make the %s group", name);
	if (!is_new && cg_read(root, path, "cgroup.procs", procs, sizeof(procs)) > 0)
		return err_set(e, ERR_CONFLICT, 0, "the group has processes already (%.*s)", (int)strcspn(procs, "\n"),
			       procs);
	return 0;
}

static int v1_create(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e)
{
	for (int i = 0; i < h->n; i++)
		if (cg_v1_wanted(h, &h->v1[i], r) &&
		    make_one(h->v1[i].fd, h->v1[i].name, h->v1[i].ctrl & CG_CPUSET, path, e) < 0)
			return -1;
	return h->v2 >= 0 ? make_one(h->v2, "unified", false, path, e) : 0;
}

struct num { const char *file; int64_t value; bool set; };

static int write_nums(int root, const char *path, const char *what, const struct num *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].set && cg_writef(root, path, v[i].file, "%lld", (long long)v[i].value) < 0)
			return cg_fail(e, v[i].file, what);
	return 0;
}

static int limit_memory(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	/* a kernel that does not count swap (swapaccount=0) limits memory alone; so does Docker there */
	bool swap = r->memory_swap_bytes && cg_read_num(root, path, "memory.memsw.limit_in_bytes") >= 0;
	bool both = r->memory_bytes && swap;
	const struct num v[] = {
		/* memory <= memory + swap at any time: which to write first depends on the direction */
		{ "memory.memsw.limit_in_bytes", r->memory_swap_bytes,
		  both && cg_read_num(root, path, "memory.memsw.limit_in_bytes") < r->memory_bytes },
		{ "memory.limit_in_bytes", r->memory_bytes, r->memory_bytes != 0 },
		{ "memory.memsw.limit_in_bytes", r->memory_swap_bytes, swap },
		{ "memory.soft_limit_in_bytes", r->memory_reservation_bytes, r->memory_reservation_bytes != 0 },
		{ "memory.swappiness", r->swappiness, r->swappiness >= 0 },
		{ "memory.oom_control", 1, r->oom_kill_disable },
	};

	if (write_nums(root, path, "limit memory", v, ARRAY_LEN(v), e) == 0)
		return 0;
	if (e->sysno == EBUSY)
		return err_hint(e, "the container already uses more than that");
	return -1;
}

/* Realtime time of a group is taken out of its parent's: give those above what the groups below them have together.
 * Amounts are for a period of 1 s, the kernel's own. */
static void grant_rt(int root, const char *path, int64_t more_us)
{
	auto_free char *p = xstrdup(path);

	for (char *slash = strchr(p, '/'); slash; slash = strchr(slash + 1, '/')) {
		int64_t has;

		*slash = '\0';
		has = cg_read_num(root, p, "cpu.rt_runtime_us");
		if (has >= 0)
			(void)cg_writef(root, p, "cpu.rt_runtime_us", "%lld", (long long)has + more_us);
		*slash = '/';
	}
}

static int limit_rt(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	int64_t period = r->cpu_rt_period_us ? (int64_t)r->cpu_rt_period_us : 1000000, runtime = r->cpu_rt_runtime_us;

	if (r->cpu_rt_period_us && cg_writef(root, path, "cpu.rt_period_us", "%lld", (long long)period) < 0)
		return cg_fail(e, "cpu.rt_period_us", "set the period of realtime processor time");
	if (!runtime)
		return 0;
	if (cg_writef(root, path, "cpu.rt_runtime_us", "%lld", (long long)runtime) == 0)
		return 0;
	if (runtime > 0 && runtime <= period)
		grant_rt(root, path, (runtime * 1000000 + period - 1) / period);
	if (cg_writef(root, path, "cpu.rt_runtime_us", "%lld", (long long)runtime) == 0)
		return 0;
	cg_fail(e, "cpu.rt_runtime_us", "give realtime processor time");
	return err_hint(e, "all groups together get at most what /proc/sys/kernel/sched_rt_runtime_us says");
}

static int limit_cpu(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	const struct num v[] = {
		{ "cpu.shares", (int64_t)r->cpu_shares, r->cpu_shares != 0 },
		{ "cpu.cfs_period_us", (int64_t)r->cpu_period_us, r->cpu_period_us != 0 },
		{ "cpu.cfs_quota_us", r->cpu_quota_us, r->cpu_quota_us != 0 },
	};

	return write_nums(root, path, "limit processor time", v, ARRAY_LEN(v), e) < 0 ? -1 : limit_rt(root, path, r, e);
}

static int limit_cpuset(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	if (r->cpus && *r->cpus && cg_write(root, path, "cpuset.cpus", r->cpus) < 0)
		return cg_fail(e, "cpuset.cpus", "choose processors");
	if (r->mems && *r->mems && cg_write(root, path, "cpuset.mems", r->mems) < 0)
		return cg_fail(e, "cpuset.mems", "choose memory nodes");
	return 0;
}

static int limit_pids(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	int w = 0;

	if (r->pids)
		w = r->pids < 0 ? cg_write(root, path, "pids.max", "max") :
				  cg_writef(root, path, "pids.max", "%lld", (long long)r->pids);
	return w < 0 ? cg_fail(e, "pids.max", "limit processes") : 0;
}

static int write_rule(int root, const char *path, const struct spec_dev_rule *d)
{
	char major[24] = "*", minor[24] = "*";

	if (d->type == 'a')
		return cg_write(root, path, d->allow ? "devices.allow" : "devices.deny", "a");
	if (d->major >= 0)
		(void)snprintf(major, sizeof(major), "%lld", (long long)d->major);
	if (d->minor >= 0)
		(void)snprintf(minor, sizeof(minor), "%lld", (long long)d->minor);
	return cg_writef(root, path, d->allow ? "devices.allow" : "devices.deny", "%c %s:%s %s", d->type, major, minor,
			 d->access);
}

static int limit_devices(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	for (size_t i = 0; i < r->devices.n; i++)
		if (write_rule(root, path, &r->devices.v[i]) < 0)
			return cg_fail(e, "devices.allow", "set device rules");
	return 0;
}

#define THROTTLE(file, list) do { \
	for (size_t i_ = 0; i_ < (list).n; i_++) \
		if (cg_write_blk(root, path, (file), &(list).v[i_]) < 0) \
			return cg_fail(e, (file), "limit block I/O"); \
} while (0)

static int limit_blkio(int root, const char *path, const struct spec_resources *r, struct err *e)
{
	if (r->blkio_weight && cg_writef(root, path, "blkio.weight", "%u", r->blkio_weight) < 0 &&
	    cg_writef(root, path, "blkio.bfq.weight", "%u", r->blkio_weight) < 0)
		return cg_fail(e, "blkio.weight", "weigh block I/O");
	for (size_t i = 0; i < r->weight_device.n; i++)
		if (cg_write_blk(root, path, "blkio.weight_device", &r->weight_device.v[i]) < 0 &&
		    cg_write_blk(root, path, "blkio.bfq.weight_device", &r->weight_device.v[i]) < 0)
			return cg_weight_fail(e, "blkio.bfq.weight_device", &r->weight_device.v[i]);
	THROTTLE("blkio.throttle.read_bps_device", r->read_bps);
	THROTTLE("blkio.throttle.write_bps_device", r->write_bps);
	THROTTLE("blkio.throttle.read_iops_device", r->read_iops);
	THROTTLE("blkio.throttle.write_iops_device", r->write_iops);
	return 0;
}

static int v1_limit(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e)
{
	static const struct {
		unsigned ctrl;
		int (*limit)(int root, const char *path, const struct spec_resources *r, struct err *e);
	} all[] = {
		{ CG_MEMORY, limit_memory }, { CG_CPU, limit_cpu }, { CG_CPUSET, limit_cpuset },
		{ CG_PIDS, limit_pids }, { CG_DEVICES, limit_devices }, { CG_BLKIO, limit_blkio },
	};

	if (r->unified.n)
		return err_set(e, ERR_MODEL, 0, "%s: this host has its cgroup controllers on v1", r->unified.v[0]);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		int root = cg_v1_fd(h, all[i].ctrl);

		errno = ENOENT;
		if (root >= 0 && all[i].limit(root, path, r, e) < 0)
			return -1;
		if (root < 0 &&
		    ((all[i].ctrl == CG_MEMORY && r->memory_bytes > 0) || (all[i].ctrl == CG_PIDS && r->pids > 0) ||
		     (all[i].ctrl == CG_CPU && (r->cpu_quota_us > 0 || r->cpu_shares))))
			return err_set(e, ERR_MODEL, 0, "this host has no %s controller",
				       all[i].ctrl == CG_MEMORY ? "memory" : all[i].ctrl == CG_PIDS ? "pids" : "cpu");
	}
	return 0;
}

static bool has_file(int root, const char *file)
{
	return root >= 0 && faccessat(root, file, F_OK, 0) == 0;
}

static unsigned v1_lacks(struct cgroup_host *h, const struct spec_resources *r)
{
	static const char *const weights[] = { "blkio.weight", "blkio.bfq.weight", NULL };
	int memory = cg_v1_fd(h, CG_MEMORY), cpu = cg_v1_fd(h, CG_CPU), blkio = cg_v1_fd(h, CG_BLKIO);

	return (r->swappiness >= 0 && !has_file(memory, "memory.swappiness") ? CGROUP_SWAPPINESS : 0U) |
	       (r->oom_kill_disable && !has_file(memory, "memory.oom_control") ? CGROUP_OOM : 0U) |
	       ((r->cpu_rt_period_us || r->cpu_rt_runtime_us) && !has_file(cpu, "cpu.rt_runtime_us") ? CGROUP_RT : 0U) |
	       (cg_has_weight(r) && (blkio < 0 || !cg_probe(blkio, weights)) ? CGROUP_WEIGHT : 0U) |
	       (cg_has_throttle(r) && !has_file(blkio, "blkio.throttle.read_bps_device") ? CGROUP_THROTTLE : 0U);
}

static int64_t v1_oom_kills(struct cgroup_host *h, const char *path)
{
	return cg_read_key(cg_v1_fd(h, CG_MEMORY), path, "memory.oom_control", "oom_kill");
}

static void v1_stats(struct cgroup_host *h, const char *path, struct cgroup_stats *ret)
{
	int mem = cg_v1_fd(h, CG_MEMORY), pids = cg_v1_fd(h, CG_PIDS);

	ret->memory_bytes = cg_read_num(mem, path, "memory.usage_in_bytes");
	ret->memory_cache_bytes = cg_read_key(mem, path, "memory.stat", "total_inactive_file");
	ret->memory_limit_bytes = cg_read_num(mem, path, "memory.limit_in_bytes");
	if (ret->memory_limit_bytes > INT64_MAX / 2)
		ret->memory_limit_bytes = -1;
	ret->cpu_ns = cg_read_num(cg_v1_fd(h, CG_CPUACCT), path, "cpuacct.usage");
	ret->pids = cg_read_num(pids, path, "pids.current");
	ret->pids_limit = cg_read_num(pids, path, "pids.max");
}

const struct cg_ops cg_v1_ops = { v1_create, v1_limit, v1_lacks, v1_oom_kills, v1_stats };
