/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup: paths, life of a group on this host, limits as v2 writes them, the device program as the kernel runs it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/sys.h"
#include "compose/runtime/cgroup.h"
#include "compose/runtime/cgroup_impl.h"
#include "tests/tap.h"

static struct cgroup_host *host;
static char top[64], path[96];

static void paths(void)
{
	static const char *const bad[] = { "", "/", "..", "a/..", "../a", "a/../b", "a/./b", "a//b", "./a", "a/.." };
	struct spec_resources r = { .swappiness = -1 };
	struct err e = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ok(cgroup_create(host, bad[i], &r, &e) < 0 && e.kind == ERR_MODEL, "\"%s\" is no group", bad[i]);
		ok(cgroup_remove(host, bad[i], &e) < 0, "nor to be removed");
	}
	err_done(&e);
}

/* A process in the group that waits for a signal. */
static pid_t member(void)
{
	struct cgroup_join j;
	struct err e = {0};
	int pipefd[2];
	char c;
	pid_t pid;

	if (cgroup_join_open(host, path, &j, &e) < 0 || pipe(pipefd) < 0)
		return err_report(&e, stderr), -1;
	{
		struct clone_args a = { .flags = j.into_fd >= 0 ? CLONE_INTO_CGROUP : 0, .exit_signal = SIGCHLD,
					.cgroup = j.into_fd >= 0 ? (uint64_t)j.into_fd : 0 };
		pid = sys_clone3(&a);
	}
	if (pid == 0) {
		if (cgroup_join_self(&j, &e) < 0)
			_exit(99);
		(void)!write(pipefd[1], "x", 1);
		for (;;)
			pause();
	}
	cgroup_join_done(&j);
	ok(read(pipefd[0], &c, 1) == 1, "a process joins");
	close(pipefd[0]);
	close(pipefd[1]);
	return pid;
}

static void life(void)
{
	struct spec_resources r = { .swappiness = -1, .memory_bytes = 64 << 20, .pids = 50, .cpu_shares = 512 };
	struct cgroup_pids pids = {0};
	struct cgroup_stats st;
	struct err e = {0};
	int status = 0;
	pid_t pid;

	is_int(cgroup_create(host, path, &r, &e), 0, "create");
	ok(cgroup_exists(host, path) && !cgroup_exists(host, "compose-none/x"), "exists");
	is_int(cgroup_create(host, path, &r, &e), 0, "an empty one is taken over");
	pid = member();
	is_int(cgroup_create(host, path, &r, &e), -1, "one in use is not");
	is_int(e.kind, ERR_CONFLICT, "which is a conflict");
	is_int(cgroup_remove(host, path, &e), -1, "nor is it removed");
	is_int(cgroup_pids(host, path, &pids, &e), 0, "its processes");
	ok(pids.n == 1 && pids.v[0] == pid, "are the one");
	vec_done(&pids);
	cgroup_stats(host, path, &st);
	is_int(st.memory_limit_bytes, 64 << 20, "memory limit");
	is_int(st.pids_limit, 50, "process limit");
	is_int(st.pids, 1, "one process");
	is_int(cgroup_oom_kills(host, path), 0, "nothing was killed for memory");
	r = (struct spec_resources){ .swappiness = -1, .pids = 60 };
	is_int(cgroup_update(host, path, &r, &e), 0, "update");
	cgroup_stats(host, path, &st);
	ok(st.pids_limit == 60 && st.memory_limit_bytes == 64 << 20, "changes what is given only");
	is_int(cgroup_freeze(host, path, true, &e), 0, "freeze");
	ok(cgroup_is_frozen(host, path), "frozen");
	is_int(cgroup_freeze(host, path, false, &e), 0, "thaw");
	ok(!cgroup_is_frozen(host, path), "thawed");
	is_int(cgroup_wait_empty(host, path, 1, &e), 0, "not empty");
	is_int(cgroup_kill(host, path, &e), 0, "kill");
	is_int(cgroup_wait_empty(host, path, 5000, &e), 1, "empty");
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "by SIGKILL");
	is_int(cgroup_remove(host, path, &e), 0, "remove");
	ok(!cgroup_exists(host, path), "gone");
	is_int(cgroup_remove(host, path, &e), 0, "absent is fine");
	is_int(cgroup_kill(host, path, &e), 0, "to kill, too");
	err_done(&e);
}

static void impossible(void)
{
	struct spec_resources r = { .swappiness = -1, .cpus = (char *)(uintptr_t)"0-9999" };
	struct err e = {0};

	is_int(cgroup_create(host, path, &r, &e), -1, "processors that are not there");
	ok(!cgroup_exists(host, path), "leave no group");
	err_done(&e);
}

/* ---- v2's files, on a directory that looks like a group
 * ------------------------------------------------------------ */

static int fake = -1;

static void file(const char *name)
{
	char p[96];

	(void)snprintf(p, sizeof(p), "g/%s", name);
	close(openat(fake, p, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644));
}

static void holds(const char *name, const char *want)
{
	char buf[256] = "";

	(void)cg_read(fake, "g", name, buf, sizeof(buf));
	is_str(buf, want, "%s", name);
}

static void v2_limits(void)
{
	static const char *const files[] = {
		"memory.max", "memory.swap.max", "memory.low", "cpu.weight",  "cpu.max",
		"pids.max",   "io.max",		 "io.weight",  "cpuset.cpus", "memory.high"
	};
	struct cgroup_host h = { .ops = &cg_v2_ops };
	struct spec_resources r = { .swappiness = -1,
				    .memory_bytes = 100,
				    .memory_swap_bytes = 150,
				    .memory_reservation_bytes = 50,
				    .cpu_shares = 1024,
				    .cpu_quota_us = 50000,
				    .cpu_period_us = 100000,
				    .pids = -1,
				    .blkio_weight = 500,
				    .cpus = (char *)(uintptr_t) "0" };
	char dir[] = "/tmp/ut-cg.XXXXXX";
	struct err e = {0};

	if (!mkdtemp(dir))
		return;
	h.v2 = fake = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)mkdirat(fake, "g", 0755);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		file(files[i]);
	vec_push(&r.write_bps, (struct spec_blk){ 8, 16, 1000 });
	strv_add(&r.unified, "memory.high");
	strv_add(&r.unified, "77");
	is_int(cg_v2_ops.limit(&h, "g", &r, &e), 0, "v2 limits");
	holds("memory.max", "100");
	holds("memory.swap.max", "50");
	holds("memory.low", "50");
	holds("cpu.weight", "39");
	holds("cpu.max", "50000 100000");
	holds("pids.max", "max");
	holds("io.max", "8:16 wbps=1000");
	holds("io.weight", "4950");
	holds("cpuset.cpus", "0");
	holds("memory.high", "77");
	r.memory_swap_bytes = 50;
	is_int(cg_v2_ops.limit(&h, "g", &r, &e), -1, "memory and swap less than memory");
	r.memory_swap_bytes = 0;
	r.swappiness = 10;
	is_int(cg_v2_ops.limit(&h, "g", &r, &e), -1, "swappiness is of v1");
	has_str(e.frame[0], "v1", "and said so");
	vec_done(&r.write_bps);
	strv_done(&r.unified);
	close(fake);
	(void)fs_rm_rf(AT_FDCWD, dir);
	err_done(&e);
}

/* ---- the device program
 * ---------------------------------------------------------------------------------------------- */

static int opens(int group, const char *dev, int flags)
{
	struct clone_args a = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group };
	int status = 0;
	pid_t pid = sys_clone3(&a);

	if (pid == 0) {
		int fd = open(dev, flags | O_CLOEXEC);

		_exit(fd >= 0 ? 0 : errno);
	}
	(void)waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void devices(void)
{
	struct spec_resources r = {0};
	struct err e = {0};
	int group;

	if (host->v2 < 0 || mkdirat(host->v2, top, 0755) < 0) {
		skip("no v2 hierarchy");
		return;
	}
	group = openat(host->v2, top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	vec_push(&r.devices, (struct spec_dev_rule){ true, 'c', 1, 3, "rwm" });       /* undone by the next */
	vec_push(&r.devices, (struct spec_dev_rule){ false, 'a', -1, -1, "rwm" });
	vec_push(&r.devices, (struct spec_dev_rule){ true, 'c', 1, 5, "r" });
	vec_push(&r.devices, (struct spec_dev_rule){ true, 'c', 1, -1, "w" });
	vec_push(&r.devices, (struct spec_dev_rule){ true, 'c', 1, 7, "rw" });
	vec_push(&r.devices, (struct spec_dev_rule){ true, 'c', 1, 9, "rw" });
	vec_push(&r.devices, (struct spec_dev_rule){ false, 'c', 1, 9, "w" });
	is_int(cg_dev_attach(group, &r, &e), 0, "attach");
	if (e.n)
		err_report(&e, stderr);
	is_int(opens(group, "/dev/null", O_RDONLY), EPERM, "null: reading was taken back");
	is_int(opens(group, "/dev/null", O_WRONLY), 0, "null: writing by a rule for all of major 1");
	is_int(opens(group, "/dev/zero", O_RDONLY), 0, "zero: reading");
	is_int(opens(group, "/dev/full", O_RDWR), 0, "full: both");
	is_int(opens(group, "/dev/urandom", O_RDONLY), 0, "urandom: reading");
	is_int(opens(group, "/dev/urandom", O_RDWR), EPERM, "urandom: a later rule denies writing");
	is_int(opens(group, "/dev/ptmx", O_RDWR), EPERM, "ptmx: not listed");
	r.devices.n = 0;
	vec_push(&r.devices, (struct spec_dev_rule){ true, 'a', -1, -1, "rwm" });
	is_int(cg_dev_attach(group, &r, &e), 0, "replace");
	is_int(opens(group, "/dev/null", O_RDWR), 0, "all are open");
	vec_done(&r.devices);
	close(group);
	(void)unlinkat(host->v2, top, AT_REMOVEDIR);
	err_done(&e);
}

int main(void)
{
	struct err e = {0};

	v2_limits();
	if (geteuid() != 0 || cgroup_host_open(&host, &e) < 0) {
		skip("needs root and control groups");
		return done_testing();
	}
	(void)snprintf(top, sizeof(top), "compose-ut%d", (int)getpid());
	(void)snprintf(path, sizeof(path), "%s/project/ctr", top);
	paths();
	life();
	impossible();
	cgroup_remove_parents(host, path, 2);
	devices();
	ok(!cgroup_exists(host, top), "nothing is left");
	cgroup_host_close(host);
	return done_testing();
}
