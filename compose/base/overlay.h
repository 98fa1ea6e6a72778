/* SPDX-License-Identifier: Apache-2.0 */
/* overlay.h - a layered directory as a detached mount: seen through its descriptor, attached nowhere.
 * runs in: client (image builder), supervisor.   owns: nothing.   layer: base.
 * kernel: fsopen 5.2; overlay "lowerdir+" 6.5 (else relative names from lower_dir, else /proc/self/fd). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/err.h"

enum { FS_OVERLAY_LAYERS_MAX = 127 };

struct fs_overlay {
	const int *lower;       /* directory descriptors (O_PATH is enough), uppermost first */
	size_t     n;           /* 1 .. FS_OVERLAY_LAYERS_MAX */
	int        upper, work; /* directories on one file system, work empty; both -1: read-only */
	bool       ro;          /* mount read-only although there is an upper */
	bool       volatile_;   /* no sync: the upper is thrown away when the machine crashes */
	bool       userxattr;   /* for a user namespace's own mounts */
};

/* Make the mount. ret: descriptor of its root (O_CLOEXEC); openat2(RESOLVE_IN_ROOT) below it works without a namespace;
 * move_mount() attaches it; the last close of it and its copies takes it away. err: ERR_USAGE too many layers,
 * ERR_SYS */
int fs_overlay(const struct fs_overlay *o, struct err *e) __attribute__((warn_unused_result));
