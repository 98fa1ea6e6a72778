/* SPDX-License-Identifier: Apache-2.0 */
/* mountopt.h - mount(8) option words -> what the mount system calls take.
 * runs in: the container's process; whoever checks a spec.   owns: data.   layer: runtime.   spec: OCI config
 * "mounts" */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"

struct mount_opts {
	uint64_t set, clr;              /* MOUNT_ATTR_* of the mount */
	uint64_t rset, rclr;            /* the same for it and all below ("rro") */
	uint64_t prop, rprop;           /* MS_PRIVATE ..., MS_SHARED; 0: as it is */
	bool     bind, recursive;
	bool     copy_up;               /* tmpfs: fill with what the image has there */
	const char *subpath;            /* "x-compose.subpath=PATH": only what is there below the source; borrowed; or NULL */
	struct strv data;               /* the file system's own: "size=64m", "sync" */
};

/* in: ret is zeroed. ret: 0; owns: mount_opts_done() in any case. err: ERR_MODEL for a bind mount's unknown option */
int  mount_opts_parse(struct mount_opts *ret, const char *type, const struct strv *words, struct err *e)
	__attribute__((warn_unused_result));
void mount_opts_done(struct mount_opts *o);
/* ret: the value of a data option such as "mode", NULL if it is not given; borrowed */
const char *mount_opts_value(const struct mount_opts *o, const char *key);
