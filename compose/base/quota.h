/* SPDX-License-Identifier: Apache-2.0 */
/* quota.h - how much a directory and all below it may hold, by the file system's project quotas.
 * runs in: client, supervisor.   owns: nothing; a limit stays until it is taken away.   layer: base.
 * kernel: quotactl_fd 5.14; ext4 mounted with prjquota, XFS with pquota. */
#pragma once
#include <stdint.h>
#include "compose/base/err.h"

/* Give the empty directory dir, and what will be made in it, a project of its own with a limit of bytes.
 * in: seed: any text that is unlike others', such as a container's id. err: ERR_MODEL when the file system cannot */
int  quota_limit(int dir, const char *seed, int64_t bytes, struct err *e) __attribute__((warn_unused_result));
/* Take the limit of dir away, before dir itself goes; what was never limited is fine. */
void quota_forget(int dir);
