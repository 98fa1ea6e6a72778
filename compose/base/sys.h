/* SPDX-License-Identifier: Apache-2.0 */
/* sys.h - system calls that glibc 2.36 does not wrap, and small wrappers about processes.
 * runs in: every process.   owns: nothing.   layer: base.
 * kernel: openat2 5.6, clone3 5.3, close_range 5.9 (glibc wraps that one). */
#pragma once
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* All: ret >= 0, or -1 with errno. */
int   sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
pid_t sys_clone3(struct clone_args *a);
int   sys_pivot_root(const char *new_root, const char *put_old);
int   sys_pidfd_send_signal(int pidfd, int sig);
/* Start time of a process, in clock ticks since boot (field 22 of /proc/PID/stat). ret: 0 when there is none */
uint64_t sys_start_time(pid_t pid);
/* Clocks in nanoseconds. */
int64_t sys_now_ns(void);         /* CLOCK_REALTIME */
int64_t sys_mono_ns(void);        /* CLOCK_MONOTONIC */
/* Is this kernel feature switched off for a test? ret: true when the comma-separated list COMPOSE_WITHOUT names it */
bool  sys_without(const char *feature);

struct str;
/* Add to out what a program writes, to its end, or to the end of a line when line is set. No copy of it is left in memory.
 * ret: 0, or -1 when it takes longer than patience_ms, becomes longer than out may, or cannot be read */
int   sys_hear(int fd, int patience_ms, bool line, struct str *out);

/* What `ps` shows for this process: remember where its arguments lie (first thing in main), then overwrite them. A longer
 * text is cut. Children that do not exec inherit the place. */
void sys_title_init(int argc, char **argv);
void sys_title(const char *text);
