/* SPDX-License-Identifier: Apache-2.0 */
/* watch_rules.h - the triggers of develop.watch at work: which files count, and which of them have changed.
 * runs in: client.   owns: struct rules.   layer: cmd.
 * spec: compose-spec develop: ignore and include are relative to path; .dockerignore of the service's build counts too;
 * version control and what editors leave about is never looked at. */
#pragma once
#include "compose/base/fswatch.h"
#include "compose/cmd/cmd.h"

struct rule {
	const struct service *service;
	const struct trigger *trigger;
	char *path;                      /* without slashes at the end */
	struct fswatch *watch;
	struct fsw_changes changes;      /* found by rules_collect() */
	struct rule_ignore *ignore;
};
struct rules { struct rule **v; size_t n, cap; };
#define auto_rules __attribute__((cleanup(rules_done)))

/* Begin to watch for the named services (none: all).
 * err: ERR_MISSING when none of them has a trigger; ERR_MODEL for one that cannot work, with its position */
int  rules_open(struct rules *ret, struct ctx *c, char *const *services, struct err *e) __attribute__((warn_unused_result));
void rules_done(struct rules *r);
/* ret: whether any of the services has a trigger */
bool rules_any(const struct project *p, char *const *services);
/* The same, and that they exist. err: ERR_USAGE, ERR_MISSING */
int  rules_check(const struct project *p, char *const *services, struct err *e) __attribute__((warn_unused_result));
/* Fill changes of each rule. */
int  rules_collect(struct rules *r, struct err *e) __attribute__((warn_unused_result));
/* Forget them: they have been answered. */
void rules_clear(struct rules *r);
