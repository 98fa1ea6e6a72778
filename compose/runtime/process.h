/* SPDX-License-Identifier: Apache-2.0 */
/* process.h - the last stretch that a container's first process and an exec'ed one share: from root inside the
 * container's namespaces to the command with exactly the rights of the spec.
 * runs in: the container's process.   owns: struct process.   layer: runtime.
 * CVE-2024-21626 (working directory), CVE-2016-9962 (not dumpable until exec), CVE-2022-24769 (empty inheritable set),
 * CVE-2022-36109 (groups), CVE-2024-40635 (numbers of users). */
#pragma once
#include "compose/base/err.h"
#include "compose/runtime/seccomp.h"
#include "compose/runtime/spec.h"

struct process {
	const struct spec_process *p;
	const struct seccomp_filter *filter;
	int    sync;                /* closed by the exec; carries its failure */
	int    stdio[3];            /* -1: /dev/null */
	int    tty;                 /* terminal that becomes 0, 1, 2 and the controlling one; -1: none */
	bool   init;
	bool   enters;              /* a container that runs: a working directory that is not there is no reason to make it */
	/* set by process_prepare() */
	struct spec_user user;      /* resolved */
	char  *path;                /* the command's file */
};

/* Through the host's /proc, so before the root or the namespaces change: OOM score of this process, AppArmor label of its
 * exec (CVE-2025-52881, CVE-2023-28642: a container's /proc is not to be trusted with it). */
int process_label(const struct spec_process *p, struct err *e) __attribute__((warn_unused_result));
/* Look up the user, go to the working directory (made if missing), find the command. in: the container's root is "/"
 * err: ERR_NOTFOUND, ERR_NOEXEC, ERR_MODEL */
int process_prepare(struct process *x, struct err *e) __attribute__((warn_unused_result));
/* Give up rights and exec. ret: only on failure, -1 with e: ERR_NOTFOUND, ERR_NOEXEC or another */
int process_exec(struct process *x, struct err *e) __attribute__((warn_unused_result));
/* Give up rights, then clone a sibling that execs: where the caller's children are born in a container's pid namespace,
 * nothing is ever seen there that has more rights than the command will have, or the host's root, or a descriptor.
 * ret: 0 in the caller, *ret_pidfd the sibling's (its parent is the caller's); -1 with e in the caller, or in the
 * sibling when its exec failed. Either way x->sync is the socket. */
int process_bear(struct process *x, int *ret_pidfd, struct err *e) __attribute__((warn_unused_result));
