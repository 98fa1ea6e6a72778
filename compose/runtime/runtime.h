/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.h - make, start and enter containers: what the supervisor, `compose exec` and `compose oci` call.
 * runs in: a single-threaded process (a second thread makes setns and CLONE_NEWUSER fail).
 * owns: struct rt for the life of the process; struct rt_ctr its descriptors.   layer: runtime.
 * spec: opencontainers/runtime-spec "lifecycle".
 * A failure inside the new process arrives here as its whole error chain. A command that is missing is ERR_NOTFOUND
 * (127), one that cannot be executed ERR_NOEXEC (126); either may come from rt_create() or rt_start(). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "compose/base/err.h"
#include "compose/runtime/cgroup.h"
#include "compose/runtime/spec.h"

/* Host facts found once: cgroup hierarchies, compiled seccomp filters. */
struct rt;
int  rt_open(struct rt **ret, struct err *e) __attribute__((warn_unused_result));
void rt_close(struct rt *rt);
/* ret: borrowed, for the cgroup_*() calls; found at the first call. NULL with e: the host has none */
struct cgroup_host *rt_cgroups(struct rt *rt, struct err *e);

/* First call of a process that will make or enter containers: runs the same command again from a read-only view of its
 * own executable (a sealed copy in memory where the kernel cannot make one), so that a container that gets hold of
 * /proc/PID/exe cannot write to the program (CVE-2019-5736). Returns at once when that is already so, which is
 * judged by the executable itself, not by the environment. */
int rt_reexec_protected(char *const argv[], struct err *e) __attribute__((warn_unused_result));
/* The same for a process that is yet to be: ret: descriptor for its execveat(fd, "", ..., AT_EMPTY_PATH), close-on-exec and
 * the caller's to close; -1 with e */
int rt_protected_exe(struct err *e) __attribute__((warn_unused_result));

struct rt_args {
	const char *id;             /* the container's name, for those who read the arguments in a debugger or a log */
	int   bundle_fd;            /* for a relative root.path; -1: none */
	int   root_fd;              /* directory or detached mount for the root, stays the caller's; -1: by spec */
	int   stdio[3];             /* -1: /dev/null. Not used with a terminal. Stay the caller's */
	int   ns_fd[SPEC_NS_N];     /* namespaces to join, over what the spec says; -1: by spec */
	int   shm_fd;               /* detached mount that takes the place of the spec's tmpfs on /dev/shm; -1: none. The caller's */
	const char *cgroup_path;    /* NULL: stay in the caller's group (and no limits) */
	bool  cgroup_exists;        /* the caller has made it */
	bool  sibling;              /* the caller's parent reaps it (CLONE_PARENT) */
	int   start_fd;             /* listening socket on which the child itself awaits the start; -1: by rt_start() */
	const char *state_json;     /* for hooks: called with pid and status filled in by hook.h; NULL: no hooks run */
};
#define RT_ARGS_INIT { .bundle_fd = -1, .root_fd = -1, .stdio = { -1, -1, -1 }, \
	.ns_fd = { -1, -1, -1, -1, -1, -1, -1 }, .shm_fd = -1, .start_fd = -1 }

struct rt_ctr {
	pid_t pid;
	int   pidfd;
	int   sync_fd;              /* readable: rt_create_end() or rt_start_end() will not block; -1 when started */
	int   master_fd;            /* terminal, -1: none */
	const struct rt_args *making;   /* between begin and end */
	const struct spec    *spec;
};
#define RT_CTR_INIT { .pid = -1, .pidfd = -1, .sync_fd = -1, .master_fd = -1, .making = NULL, .spec = NULL }

/* Make namespaces, cgroup, mounts, root: everything but the exec. The process waits; its network namespace is there to
 * be furnished (rt_netns). ret: fill *ret; owns: rt_ctr_done(). On failure nothing is left (a cgroup made here
 * neither), and the process is dead; with .sibling its exit status goes to the parent all the same.
 * err: ERR_NOTFOUND, ERR_NOEXEC, ERR_MODEL, ERR_SYS */
int rt_create(struct rt *rt, struct rt_ctr *ret, const struct spec *s, const struct rt_args *a, struct err *e)
	__attribute__((warn_unused_result));
/* The same in two halves, so that one event loop can make several at once: begin returns when the process exists; end
 * takes its answer. in: s and a live until the end; root_fd and stdio may be closed after begin. */
int rt_create_begin(struct rt *rt, struct rt_ctr *ret, const struct spec *s, const struct rt_args *a, struct err *e)
	__attribute__((warn_unused_result));
int rt_create_end(struct rt *rt, struct rt_ctr *c, struct err *e) __attribute__((warn_unused_result));

/* Let the command run. ret: 0 when its exec succeeded. On failure the process is dead. */
int rt_start(struct rt_ctr *c, struct err *e) __attribute__((warn_unused_result));
int rt_start_begin(struct rt_ctr *c, struct err *e) __attribute__((warn_unused_result));
int rt_start_end(struct rt_ctr *c, struct err *e) __attribute__((warn_unused_result));

/* ret: a descriptor of its network namespace (O_CLOEXEC, the caller's), -1 with e */
int rt_netns(const struct rt_ctr *c, struct err *e) __attribute__((warn_unused_result));
/* Close the descriptors; the process is not touched (one that still waits to be started ends by itself). */
void rt_ctr_done(struct rt_ctr *c);

struct rt_exec_args {
	const char *id;
	int   pidfd;                /* the container's first process; from rt_ctr or pidfd_open. Stays the caller's */
	int   stdio[3];             /* as in rt_args */
	const char *cgroup_path;    /* the container's; NULL: stay in the caller's */
	bool  sibling;
};
#define RT_EXEC_ARGS_INIT { .pidfd = -1, .stdio = { -1, -1, -1 } }

/* Run p in a container: its namespaces, cgroup, capabilities, seccomp list and user database. s: the container's spec
 * (namespaces, seccomp and init flag are taken from it, all else from p).
 * ret: 0 when the exec succeeded; fill *ret (pid, pidfd, master_fd). err: as rt_create */
int rt_exec(struct rt *rt, struct rt_ctr *ret, const struct spec *s, const struct spec_process *p,
	    const struct rt_exec_args *a, struct err *e) __attribute__((warn_unused_result));

/* Wait for a child of the caller (not a .sibling). ret: exit status, 128 + signal when killed by one; -1 with e */
int rt_wait(struct rt_ctr *c, struct err *e) __attribute__((warn_unused_result));
