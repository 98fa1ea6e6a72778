/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup.h - one container's control groups, on v2, v1 and hybrid hosts alike.
 * runs in: supervisor worker, `compose oci`, `compose exec`.   owns: struct cgroup_host keeps one descriptor for each
 * hierarchy; a container's group is only a name: a relative path such as "compose-INST/PROJECT/ID".   layer: runtime.
 * A hybrid host has its controllers on v1 and an empty v2 hierarchy: the group is made in both; v2 kills and freezes.
 * kernel: cgroup.kill 5.14 (before: freeze and kill). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/runtime/spec.h"

struct cgroup_host;

/* Find the hierarchies (reads /proc/self/mountinfo once). err: ERR_MISSING when the host has none that is writable */
int  cgroup_host_open(struct cgroup_host **ret, struct err *e) __attribute__((warn_unused_result));
void cgroup_host_close(struct cgroup_host *h);

/* Make the group path (with its parents) and set the limits of r. A group that exists is taken over only when empty.
 * err: ERR_MODEL for a limit this host cannot enforce (with the reason), ERR_CONFLICT when it is in use; nothing
 * stays */
int cgroup_create(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e)
	__attribute__((warn_unused_result));
/* Change the limits of an existing group; what is unset in r stays. */
int cgroup_update(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e)
	__attribute__((warn_unused_result));
/* What limits of r this host's kernel has no means for (bits); some of these a group is made and removed to see. */
enum cgroup_lack { CGROUP_SWAPPINESS = 1, CGROUP_OOM = 2, CGROUP_RT = 4, CGROUP_WEIGHT = 8, CGROUP_THROTTLE = 16 };
unsigned cgroup_lacks(struct cgroup_host *h, const struct spec_resources *r);
/* Remove the group and the groups below it, when empty; absent is fine. err: ERR_CONFLICT while processes are in it */
int cgroup_remove(struct cgroup_host *h, const char *path, struct err *e) __attribute__((warn_unused_result));
/* Remove the group and those above it that are empty then, at most levels of them. Never fails: the others may be
 * in use. */
void cgroup_remove_parents(struct cgroup_host *h, const char *path, int levels);
bool cgroup_exists(struct cgroup_host *h, const char *path);

/* Kill everything in the group and below, at once. Absent is fine. */
int cgroup_kill(struct cgroup_host *h, const char *path, struct err *e) __attribute__((warn_unused_result));
int cgroup_signal(struct cgroup_host *h, const char *path, int sig, struct err *e) __attribute__((warn_unused_result));
/* Stop or continue all processes of the group. */
int cgroup_freeze(struct cgroup_host *h, const char *path, bool on, struct err *e) __attribute__((warn_unused_result));
bool cgroup_is_frozen(struct cgroup_host *h, const char *path);
/* ret: 1 empty (or absent), 0 within timeout_ms still populated, -1 failed. Waits for the kernel's notice, no
 * polling */
int cgroup_wait_empty(struct cgroup_host *h, const char *path, int timeout_ms, struct err *e)
	__attribute__((warn_unused_result));

/* Processes in the group and below, as pids of the caller's pid namespace; appended to ret. */
struct cgroup_pids { pid_t *v; size_t n, cap; };
int cgroup_pids(struct cgroup_host *h, const char *path, struct cgroup_pids *ret, struct err *e)
	__attribute__((warn_unused_result));
/* ret: how many processes the kernel killed in it for lack of memory, -1 when that cannot be known */
int64_t cgroup_oom_kills(struct cgroup_host *h, const char *path);

/* What cannot be read is -1. limit: -1 also when there is none. */
struct cgroup_stats { int64_t memory_bytes, memory_cache_bytes, memory_limit_bytes, cpu_ns, pids, pids_limit,
	blk_read_bytes, blk_write_bytes; };
void cgroup_stats(struct cgroup_host *h, const char *path, struct cgroup_stats *ret);

/* For spawn and enter. Open the files through which a process joins (kept small: v1 hierarchies and none on v2).
 * into_fd: v2 directory for CLONE_INTO_CGROUP, or -1. owns: cgroup_join_done() */
enum { CGROUP_HIER_MAX = 16 };
struct cgroup_join { int into_fd; int n; int tasks_fd[CGROUP_HIER_MAX]; int dir_fd[CGROUP_HIER_MAX];
	char name[CGROUP_HIER_MAX][32]; };
int  cgroup_join_open(struct cgroup_host *h, const char *path, struct cgroup_join *ret, struct err *e)
	__attribute__((warn_unused_result));
/* Move the calling, single-threaded process in: "0" to `tasks`, which spares the kernel its global lock and an RCU
 * wait. */
int  cgroup_join_self(const struct cgroup_join *j, struct err *e) __attribute__((warn_unused_result));
void cgroup_join_done(struct cgroup_join *j);
