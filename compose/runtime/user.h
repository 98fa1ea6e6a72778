/* SPDX-License-Identifier: Apache-2.0 */
/* user.h - "USER[:GROUP]" looked up in a root file system's own /etc/passwd and /etc/group, which are hostile: resolved
 * inside the root, regular files only, never blocking, capped; no NSS.
 * runs in: the container's process.   owns: nothing.   layer: runtime.   spec: docker's USER rules; CVE-2022-36109,
 * CVE-2024-40635, CVE-2024-9676, CVE-2026-47262 */
#pragma once
#include "compose/base/err.h"
#include "compose/runtime/spec.h"

/* Fill uid, gid and groups of u from u->name and u->group_names; group_names is emptied. name "" is uid 0 with the
 * groups it is a member of, as an image without USER runs; name NULL leaves the numbers as they are.
 * ret: 0; *ret_home the home directory ("/" when unknown), caller frees
 * err: ERR_MODEL unknown name, number out of range; ERR_SYS unreadable or too large file */
int user_resolve(int root, struct spec_user *u, char **ret_home, struct err *e) __attribute__((warn_unused_result));
/* in: decimal digits without a leading zero. ret: true and *ret, 0 .. 2^31-1 */
bool user_number(const char *s, uint32_t *ret);
