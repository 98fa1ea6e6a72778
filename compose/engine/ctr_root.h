/* SPDX-License-Identifier: Apache-2.0 */
/* ctr_root.h - a container's root file system as a descriptor, for cp, export and commit.
 * runs in: client.   owns: struct ctr_root.   layer: engine.
 * A running container is seen as its first process sees it, volumes included: below /proc/PID/root, which is proven to
 * be that process's by its start time. One that does not run is seen through a detached overlay of its layers, which no
 * path leads to: the caller holds the project's lock meanwhile, so that nobody starts it. All below it is hostile: only
 * fs_open_in() and the like, names never resolved twice (CVE-2018-15664, CVE-2023-0778). */
#pragma once
#include <stdbool.h>
#include "compose/base/coll.h"
#include "compose/base/copy.h"
#include "compose/base/err.h"
#include "compose/runtime/spec.h"
#include "compose/state/record.h"

struct ctr_root {
	int  fd;                    /* O_PATH */
	int  dir;                   /* the container's directory in ROOT */
	bool live;                  /* of a running container */
	struct ctr_record r;
	struct spec spec;
};
#define CTR_ROOT_INIT { .fd = -1, .dir = -1 }
#define auto_ctr_root __attribute__((cleanup(ctr_root_done)))

/* Read what it is; nothing is opened or mounted yet (fd stays -1). in: *ret is CTR_ROOT_INIT
 * ret: 0 with live set; err: ERR_MISSING, ERR_CONFLICT while its restart is under way */
int  ctr_root_find(struct ctr_root *ret, const struct paths *p, const char *project, const char *id, struct err *e)
	__attribute__((warn_unused_result));
/* in: found; when not live the caller holds the project's lock. write: it will be written to */
int ctr_root_open(struct ctr_root *c, const struct paths *p, bool write, struct err *e)
	__attribute__((warn_unused_result));
void ctr_root_done(struct ctr_root *c);

/* Where the directory fd, found below c->fd, is from the container's view. ret: caller frees; NULL with errno */
char *ctr_root_path(int fd);
/* What is mounted at path or above it in a container that does not run, so that path would be found beside it: a
 * volume, a directory of the host. ret: NULL when there is none; borrowed */
const struct spec_mount *ctr_root_hidden(const struct ctr_root *c, const char *path);
/* A path in a volume, or in a directory of the host, of a container that does not run: the directory itself, and what is left
 * of the path below it ("/" and on). Only by the path's own words: links that lead there are left to ctr_root_hidden().
 * ret: 1 with *ret_fd (O_PATH, the caller closes) and *ret_rest (in path), 0 when it is in no such mount, -1 with e
 * err: ERR_DENIED to write where the mount is read only */
int ctr_root_volume(const struct ctr_root *c, const char *path, bool write, int *ret_fd, const char **ret_rest, struct err *e)
	__attribute__((warn_unused_result));
/* Filter for copies of whole trees: leaves out the kernel's own file systems (/proc, /sys, /dev). in: arg as below */
struct ctr_root_filter {
	const struct ctr_root *c;
	const char *top;
}; /* top: what ctr_root_path() says of the source */
enum copy_want ctr_root_no_kernel(void *arg, const char *path, bool is_dir);
