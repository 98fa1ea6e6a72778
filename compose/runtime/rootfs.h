/* SPDX-License-Identifier: Apache-2.0 */
/* rootfs.h - the container's view of the file system: root, mounts, devices, masked and read-only paths, pivot.
 * runs in: the container's process, in its own mount namespace, the host's root still being "/".
 * owns: nothing.   layer: runtime.
 * Every destination is resolved below the new root by openat2(RESOLVE_IN_ROOT) and used as a descriptor; file systems
 * are made detached and moved there. No path inside the container is ever given to a call that resolves it on the host.
 * kernel: fsopen 5.2, openat2 5.6, mount_setattr 5.12.   CVE-2019-5736, CVE-2025-31133, CVE-2025-52565,
 * CVE-2025-52881, CVE-2021-30465, CVE-2023-28642, CVE-2025-24965. */
#pragma once
#include "compose/base/err.h"
#include "compose/runtime/child.h"

/* Attach the root and build all of the mounts below it. ret: fills c->root and c->procfs */
int rootfs_build(struct child *c, struct err *e) __attribute__((warn_unused_result));
/* Mask and protect paths, make the root read-only if it is to be; after devices and the console. */
int rootfs_protect(struct child *c, struct err *e) __attribute__((warn_unused_result));
/* Make the root "/" and let go of the host's. */
int rootfs_pivot(struct child *c, struct err *e) __attribute__((warn_unused_result));
