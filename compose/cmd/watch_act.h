/* SPDX-License-Identifier: Apache-2.0 */
/* watch_act.h - what `watch` does about changed files.   runs in: client.   layer: cmd. */
#pragma once
#include "compose/cmd/watch_rules.h"

struct watch_opts { bool quiet, prune; };
/* Carry out what the rules' changes ask for: rebuild, sync, restart, exec. What fails is reported on standard error, and the
 * rest goes on. ret: 0; -1 with ERR_INTR in e */
int watch_act(struct ctx *c, const struct rules *r, const struct watch_opts *o, struct err *e) __attribute__((warn_unused_result));
/* Copy everything of the rules with initial_sync. */
int watch_first_sync(struct ctx *c, const struct rules *r, struct err *e) __attribute__((warn_unused_result));
/* One line of ours on standard output. */
void watch_say(const struct ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
