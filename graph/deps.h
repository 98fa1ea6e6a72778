/* SPDX-License-Identifier: Apache-2.0 */
/* deps.h - services as a directed graph: who needs whom, what to select, in which order, where it runs in a circle.
 * runs in: client.   owns: its arrays (deps_done).   layer: graph, pure.
 * spec: compose-spec 05-services depends_on, links, network_mode; 15-profiles. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/err.h"
#include "parser/project.h"

struct deps {
	const struct project *project;
	size_t   n;                  /* services; a service is named by its place in project->services */
	size_t **on; size_t *n_on;   /* on[i][k]: the service that i needs */
	size_t **by; size_t *n_by;   /* by[i][k]: a service that needs i */
	size_t  *order;              /* all services, each after those it needs; equal ones by name */
};

/* in: a dependency on a service that is not in the project (required: false) is left out
 * err: ERR_MODEL "dependency cycle detected: a -> b -> a" with the position of the edge that closes it */
int  deps_make(struct deps *d, const struct project *p, struct err *e) __attribute__((warn_unused_result));
void deps_done(struct deps *d);
/* Mark in sel[n] (zeroed by the caller) the named services, or all when names is empty; with their dependencies unless no_deps.
 * in: names may hold globs (web*).   err: ERR_USAGE "no such service: x" with a suggestion */
int  deps_select(const struct deps *d, char *const *names, bool no_deps, bool *sel, struct err *e)
	__attribute__((warn_unused_result));
