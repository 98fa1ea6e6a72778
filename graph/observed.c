/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/observed.h"

static const char *const state_names[] = {
	[CTR_CREATED] = "created", [CTR_RUNNING] = "running", [CTR_PAUSED] = "paused", [CTR_RESTARTING] = "restarting",
	[CTR_EXITED] = "exited", [CTR_DEAD] = "dead",
};
static const char *const health_names[] = {
	[HEALTH_NONE] = "", [HEALTH_STARTING] = "starting", [HEALTH_HEALTHY] = "healthy", [HEALTH_UNHEALTHY] = "unhealthy",
};

void observed_free(struct observed *o)
{
	if (!o)
		return;
	arena_done(&o->arena);
	free(o);
}

const char *ctr_state_name(enum ctr_state s)
{
	return state_names[s];
}

const char *ctr_health_name(enum ctr_health h)
{
	return health_names[h];
}
