/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_impl.h - what the two kinds of hierarchy share and where they differ.
 * runs in: as cgroup.h.   owns: nothing.   layer: runtime, private to cgroup*.c. */
#pragma once
#include <stdbool.h>
#include "compose/runtime/cgroup.h"

/* Controllers, as bits. */
enum { CG_CPU = 1, CG_CPUACCT = 2, CG_CPUSET = 4, CG_MEMORY = 8, CG_DEVICES = 16, CG_FREEZER = 32, CG_BLKIO = 64,
	CG_PIDS = 128, CG_SYSTEMD = 256, CG_OTHER = 512 };

/* A mounted hierarchy of v1. name: directory below /sys/fs/cgroup, "cpu,cpuacct" */
struct cg_hier { int fd; unsigned ctrl; char name[32]; };

struct cgroup_host {
	const struct cg_ops *ops;
	struct cg_hier v1[CGROUP_HIER_MAX];
	int  n;
	int  v2;                 /* the v2 hierarchy's root: with controllers, or beside v1 (hybrid); -1: none */
	bool kill, freeze;       /* v2 has cgroup.kill, cgroup.freeze */
};

struct cg_ops {
	int     (*create)(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e);
	int     (*limit)(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e);
	unsigned (*lacks)(struct cgroup_host *h, const struct spec_resources *r);
	int64_t (*oom_kills)(struct cgroup_host *h, const char *path);
	void    (*stats)(struct cgroup_host *h, const char *path, struct cgroup_stats *ret);
};
extern const struct cg_ops cg_v1_ops, cg_v2_ops;

/* ret: the hierarchy's descriptor for a v1 controller, -1 if it is not mounted */
int cg_v1_fd(const struct cgroup_host *h, unsigned ctrl);
/* Should a container with limits r have a group in this hierarchy? */
bool cg_v1_wanted(const struct cgroup_host *h, const struct cg_hier *x, const struct spec_resources *r);

/* File access below a group: root is a hierarchy's descriptor. ret: 0 or -1 with errno */
int  cg_write(int root, const char *path, const char *file, const char *value);
int  cg_writef(int root, const char *path, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* ret: bytes read, -1 with errno; buf is NUL-terminated */
long cg_read(int root, const char *path, const char *file, char *buf, size_t size);
/* ret: the number the file holds, -1 when absent or "max" */
int64_t cg_read_num(int root, const char *path, const char *file);
/* ret: the number behind key in a file of "key value" lines, -1 when absent */
int64_t cg_read_key(int root, const char *path, const char *file, const char *key);
/* Make path below root, calling each(arg) on every directory on the way. *ret_new: the last one was not there.
 * ret: 0 or -1 with errno */
int  cg_mkdir_p(int root, const char *path, int each(int root, const char *path, void *arg), void *arg, bool *ret_new);
/* Which of the files (NULL-terminated) groups have that are not the root: makes one for a moment.
 * ret: whether it has one of them */
bool cg_probe(int root, const char *const *files);
/* "MAJOR:MINOR VALUE" */
int  cg_write_blk(int root, const char *path, const char *file, const struct spec_blk *b);
/* As cg_fail(); a device's scheduler may know no weights. */
int  cg_weight_fail(struct err *e, const char *file, const struct spec_blk *b);
bool cg_has_weight(const struct spec_resources *r);
bool cg_has_throttle(const struct spec_resources *r);
/* Say why value could not be written. ret: -1 */
int  cg_fail(struct err *e, const char *file, const char *what);

/* Device rules -> v2 program, attached to the group (it stays with the group). */
int  cg_dev_attach(int group_fd, const struct spec_resources *r, struct err *e) __attribute__((warn_unused_result));
