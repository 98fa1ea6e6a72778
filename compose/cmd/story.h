/* SPDX-License-Identifier: Apache-2.0 */
/* story.h - a container's cause, what can be done, and its last output, for people: `why`, and an `up` that failed.
 * runs in: client.   owns: nothing.   layer: cmd. */
#pragma once
#include <stdio.h>
#include "compose/cmd/list.h"

struct story_opts {
	FILE   *f;
	int64_t tail;               /* lines of the last output; -1: all */
	bool    no_output, fine_too;
	const struct err *told;     /* or NULL: a failure that is told anyway; of a start that it names only what it lacks is told */
};
/* Tell of l, unless it is well and fine_too is not set. in: all: the project's containers */
int story_tell(struct ctx *c, const struct list *all, const struct listed *l, const struct story_opts *o, struct err *e)
	__attribute__((warn_unused_result));
/* Of a service that has no container. */
void story_of_none(struct ctx *c, const struct list *all, const char *service, FILE *f);
/* Of the containers that could not be started, are unhealthy, or ended badly since then (wall clock). What cannot be read is
 * left out: it comes beside an error that is told anyway. */
void story_of_failures(struct ctx *c, char *const *services, int64_t since_ns, const struct story_opts *o);
