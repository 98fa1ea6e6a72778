/* SPDX-License-Identifier: Apache-2.0 */
/* dry.h - give up the rights to change anything, for good.
 * runs in: client, --dry-run.   owns: nothing.   layer: engine. */
#pragma once
#include "compose/base/err.h"

/* From here on this process reads and prints: every mount is read only in a namespace of its own, there is no network, of
 * root's capabilities only the one to read stays, and nobody is signalled, connected to or started.
 * in: no descriptor that leads to a directory is open yet: those opened before would still be written through
 * kernel: mount_setattr 5.12, seccomp filters */
int dry_lock(struct err *e) __attribute__((warn_unused_result));
