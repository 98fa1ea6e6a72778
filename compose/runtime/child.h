/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - what a container's first process does between clone and exec, as a list of named stages.
 * runs in: the container's process.   owns: nothing that outlives the exec.   layer: runtime, private to spawn.c. */
#pragma once
#include "compose/runtime/cgroup.h"
#include "compose/runtime/process.h"
#include "compose/runtime/runtime.h"

struct child {
	const struct spec    *s;
	const struct rt_args *a;
	struct process        proc;
	struct cgroup_join    join;
	int  sync;                     /* to the maker */
	int  ns_fd[SPEC_NS_N];         /* to join, -1: made by clone or shared with the host */
	bool made[SPEC_NS_N];
	bool hooks;                    /* the maker runs hooks at STEP_SPACES */
	int  root_fd;                  /* as given: directory or detached mount */
	/* found on the way */
	int  root;                     /* the container's root mount */
	int  procfs;                   /* a procfs of the new pid namespace that nobody else has reached */
	int  master;                   /* terminal, -1: none */
};

/* Run all stages. Returns never: it ends in the exec, or _exit with the failure told to the maker. */
_Noreturn void child_run(struct child *c);
