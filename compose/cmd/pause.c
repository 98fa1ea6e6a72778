/* SPDX-License-Identifier: Apache-2.0 */
/* pause.c - `compose pause` and `compose unpause`: freeze and thaw containers. */
#include "compose/cmd/act.h"

struct pause_args { char **services; };

static const struct opt pause_opts[] = { OPT_REST(struct pause_args, services, "SERVICE", "services (default: all)"), OPT_END };

static int pause_run(struct ctx *c, const void *args, struct err *e)
{
	const struct goal g = { .verb = GOAL_PAUSE, .services = ((const struct pause_args *)args)->services, .timeout_ns = -1 };

	return act(c, &g, NULL, NULL, e) < 0 ? act_wrap(e, "cannot pause") : 0;
}

static int unpause_run(struct ctx *c, const void *args, struct err *e)
{
	const struct goal g = { .verb = GOAL_UNPAUSE, .services = ((const struct pause_args *)args)->services, .timeout_ns = -1 };

	return act(c, &g, NULL, NULL, e) < 0 ? act_wrap(e, "cannot unpause") : 0;
}

const struct cmd cmd_pause = { .name = "pause", .usage = "[SERVICE...]", .summary = "Freeze containers",
	.opts = pause_opts, .args_size = sizeof(struct pause_args), .services_off = offsetof(struct pause_args, services),
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_LOCK, .run = pause_run };
const struct cmd cmd_unpause = { .name = "unpause", .usage = "[SERVICE...]", .summary = "Thaw paused containers",
	.opts = pause_opts, .args_size = sizeof(struct pause_args), .services_off = offsetof(struct pause_args, services),
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_LOCK, .run = unpause_run };
