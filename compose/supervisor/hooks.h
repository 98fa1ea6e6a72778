/* SPDX-License-Identifier: Apache-2.0 */
/* hooks.h - post_start and pre_stop: commands in the container, one after the other. Private to compose/supervisor.
 * runs in: supervisor worker.   owns: struct hooks (ctr->hooks).   layer: supervisor.
 * spec: compose-spec 05-services post_start, pre_stop.
 * The worker runs them, not the client: a client that is killed in between leaves nothing half done. What post_start has
 * come to is in status.json (hook), so that `up` can tell a container that runs from one that runs without its hooks.
 * What they say goes into the container's log; the end of it into the error when one fails. */
#pragma once
#include "compose/supervisor/ctr.h"

/* It has come to run and st.hook is HOOKS_RUN: begin. WAIT_STARTED is answered when the last has ended, or one failed. */
void hooks_post_start(struct ctr *c);
/* Begin what comes before the stop signal; then ctr_stop_now(), or EV_SPARED when one fails.
 * ret: false when there is none to run */
bool hooks_pre_stop(struct ctr *c, int64_t timeout_ns);
/* Whatever runs is killed: the container ends. post_start that has not come to its end has failed. */
void hooks_drop(struct ctr *c, const char *why);
/* The worker before us had begun with post_start: nobody knows what came of it. */
void hooks_adopt(struct ctr *c);
