/* SPDX-License-Identifier: Apache-2.0 */
/* act.h - what commands that change something share: observe, plan, carry out, tell.
 * runs in: client.   layer: cmd. */
#pragma once
#include "compose/cmd/cmd.h"
#include "compose/engine/engine.h"
#include "graph/plan.h"

/* A volume that fits the file no more is made anew, and what is in it lost: never; if somebody says so; yes */
enum renew { RENEW_NEVER, RENEW_ASK, RENEW_YES };
struct act_opts {
	enum renew renew;
	bool quiet_pull, quiet_build, no_cache, pull_base, check_build;
	const struct strv *build_args, *build_ssh;
	bool say_unchanged;               /* name the containers that stay as they are */
};
/* Observe (afresh), plan g, run it; with --dry-run print the plan instead. Failures beyond the one in e go to c->errs.
 * ret_n (may be NULL): operations in the plan */
int act(struct ctx *c, const struct goal *g, const struct act_opts *o, size_t *ret_n, struct err *e) __attribute__((warn_unused_result));
/* Observe (afresh) and plan g, with what o->renew allows. */
int act_plan(struct ctx *c, const struct goal *g, const struct act_opts *o, struct plan **ret, struct err *e) __attribute__((warn_unused_result));
/* Between the images and the containers: services of providers come up, and what they give becomes the environment of those
 * that depend on them. */
int act_provide(struct ctx *c, const struct goal *g, const struct act_opts *o, struct err *e) __attribute__((warn_unused_result));
/* The command's view of a failure. A mistake in the command line needs none: it is told as it is. ret: always -1 */
int act_wrap(struct err *e, const char *what);
/* One line of what --dry-run tells. */
void act_would(const struct ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The engine for c, telling through c->ui. */
struct engine *act_engine(struct ctx *c, const struct act_opts *o);
/* Observe again into c->observed. */
int act_observe(struct ctx *c, struct err *e) __attribute__((warn_unused_result));
/* Refuse services that use what cannot be carried out yet: every key with its position, all at once. */
int act_check_supported(struct ctx *c, char *const *services, enum use use, struct err *e) __attribute__((warn_unused_result));
/* The container of a service. in: index: replica number, 0 = the lowest that runs, else the lowest
 * err: ERR_MISSING with a hint; with running: ERR_CONFLICT when it does not run */
const struct observed_ctr *act_ctr(struct ctx *c, const char *service, int64_t index, bool running, struct err *e);
/* Names given on the command line must exist, in the file or as containers. */
int act_check_names(struct ctx *c, char *const *services, struct err *e) __attribute__((warn_unused_result));
/* What failed is told, and that is all (--ignore-...-failures). ret: 0; -1, e untouched, for an interrupt */
int act_forgive(struct ctx *c, struct err *e) __attribute__((warn_unused_result));
/* Let go of the project's lock: other commands may act on it from now on. Nothing happens when it is not held. */
void act_unlock(struct ctx *c);
