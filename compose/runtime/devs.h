/* SPDX-License-Identifier: Apache-2.0 */
/* devs.h - device nodes and the usual links in a container's /dev.
 * runs in: as rootfs.h.   owns: nothing.   layer: runtime.   CVE-2025-31133, CVE-2026-41579 */
#pragma once
#include "compose/base/err.h"
#include "compose/runtime/spec.h"

/* The standard nodes (null zero full random urandom tty), those of the spec, and the links (fd stdin ... ptmx). Where
 * mknod is not allowed (user namespace) the host's nodes are mounted instead. */
int devs_make(const struct spec *s, int root, struct err *e) __attribute__((warn_unused_result));
/* ret: an O_PATH descriptor of the host's /dev/null, proven to be device 1:3; -1 with e */
int devs_null(struct err *e) __attribute__((warn_unused_result));
