/* SPDX-License-Identifier: Apache-2.0 */
/* observe.h - read once, before deciding, what exists: the directories of a project, its networks and volumes, image ids.
 * runs in: client.   owns: the result is the caller's (observed_free).   layer: engine. */
#pragma once
#include "compose/base/err.h"
#include "compose/state/paths.h"
#include "graph/observed.h"
#include "parser/project.h"

struct store;

/* in: project: the model, or NULL when only its name is known; store: to look up image ids, or NULL when
 * containers are only found, not compared with the model; ask: whether a living supervisor is asked which containers are on
 * their way, which no file tells. It is asked before the files are read: what comes to its end meanwhile is seen there.
 * A container whose status says "running" while no supervisor lives counts as exited: its supervisor was killed with it. */
int observe(struct observed **ret, const struct paths *paths, const struct project *project, const char *name,
	    struct store *store, bool ask, struct err *e) __attribute__((warn_unused_result));
/* Name of the image of s: image, or PROJECT-SERVICE. ret: caller frees */
char *image_name_of(const struct project *p, const struct service *s);
