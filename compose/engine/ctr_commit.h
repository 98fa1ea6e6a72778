/* SPDX-License-Identifier: Apache-2.0 */
/* ctr_commit.h - a container becomes an image: its writable layer as one more layer, its configuration as the image's.
 * runs in: client.   owns: nothing.   layer: engine.   spec: docker's commit. */
#pragma once
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/engine/ctr_root.h"
#include "compose/image/image.h"

struct ctr_commit_opts {
	const char *ref;            /* its name; NULL: none */
	const char *author, *message;       /* or NULL */
	const struct strv *changes; /* image_config_change() */
};
/* What is mounted in the container is no part of the image. in: found, need not be open; a running one should be paused
 * ret: the image in *ret. err: ERR_USAGE for a change or name that is none, ERR_SYS */
int ctr_commit(struct image **ret, struct store *s, const struct ctr_root *c, const struct ctr_commit_opts *o, struct err *e)
	__attribute__((warn_unused_result));
