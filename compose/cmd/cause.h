/* SPDX-License-Identifier: Apache-2.0 */
/* cause.h - what made a container be as it is: the one cause, and what to do about it.
 * runs in: client.   owns: struct cause its texts.   layer: cmd. */
#pragma once
#include "compose/cmd/list.h"

struct cause {
	bool  fine;                 /* nothing is wrong */
	char *text;                 /* "out of memory: ..." */
	char *hint;                 /* or NULL */
	char *found;                /* or NULL: the part of text that a look at the host or the image has shown */
	bool  no_start;             /* text is why it could not be started, as who wanted to start it was told */
	struct strv more;           /* facts beside it */
};

/* in: l: the container; all: those of the project, for what it depends on; tail: its last output, or "" */
void cause_of(struct ctx *c, const struct list *all, const struct listed *l, const char *tail, struct cause *ret);
/* The same for a service that has no container. */
void cause_of_none(struct ctx *c, const struct list *all, const char *service, struct cause *ret);
void cause_done(struct cause *k);
