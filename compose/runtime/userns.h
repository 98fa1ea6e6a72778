/* SPDX-License-Identifier: Apache-2.0 */
/* userns.h - user and group id maps of a new user namespace.
 * runs in: the maker of the container.   owns: nothing.   layer: runtime. */
#pragma once
#include <sys/types.h>
#include "compose/base/err.h"
#include "compose/runtime/spec.h"

/* Write the maps of s for process pid, which waits in its new user namespace. Without the right to do so directly the
 * maps are written by newuidmap and newgidmap, from the ranges of /etc/subuid.
 * err: ERR_MODEL no maps; ERR_DENIED with a hint; ERR_MISSING the helpers */
int userns_map(const struct spec *s, pid_t pid, struct err *e) __attribute__((warn_unused_result));
