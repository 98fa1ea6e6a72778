/* SPDX-License-Identifier: Apache-2.0 */
/* sync.h - changed files of this host into a running container (develop.watch).
 * runs in: client.   owns: nothing.   layer: engine.
 * All of the container is hostile: what is written is found through descriptors below its root, as `cp` does, and its links
 * are followed inside it only. What arrives belongs to the user that the container's first process runs as. */
#pragma once
#include "compose/base/fswatch.h"
#include "compose/engine/ctr_root.h"

/* in: root: opened, live; host: what the changes' paths begin at; target: where that is in the container
 * err: the first that failed, with its path; the others are carried out all the same */
int sync_into(const struct ctr_root *root, const char *host, const char *target, const struct fsw_changes *changes, struct err *e)
	__attribute__((warn_unused_result));
