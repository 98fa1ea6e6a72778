/* SPDX-License-Identifier: Apache-2.0 */
/* runtime_impl.h - what spawn.c and enter.c share.
 * runs in: the maker.   owns: as runtime.h.   layer: runtime, private. */
#pragma once
#include "compose/runtime/runtime.h"
#include "compose/runtime/seccomp.h"

struct rt {
	struct cgroup_host   *cgroups;    /* opened at first use */
	struct seccomp_cache *filters;
};

/* Open the groups to join; path NULL: none. */
int rt_open_join(struct rt *rt, const char *path, struct cgroup_join *ret, struct err *e)
	__attribute__((warn_unused_result));

struct rt_clone {
	unsigned long flags;        /* CLONE_NEW* */
	int   pid_ns;               /* pid namespace to be born in, -1: the caller's (or a new one by flags) */
	int   into_cgroup;          /* v2 group, -1 */
	bool  sibling;
};
/* clone3 with the caller's pid-for-children namespace switched meanwhile. The child is not dumpable from its birth.
 * ret: pid (0 in the child), *ret_pidfd; -1 with e */
pid_t rt_clone(const struct rt_clone *c, int *ret_pidfd, struct err *e) __attribute__((warn_unused_result));
/* Kill a child that failed or is not wanted, and reap it unless the caller's parent does. */
void  rt_discard(struct rt_ctr *c, bool sibling);
