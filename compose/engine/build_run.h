/* SPDX-License-Identifier: Apache-2.0 */
/* build_run.h - a RUN step as a transient container of the project's supervisor.
 * runs in: client, any thread (each step has a connection of its own).   layer: engine. */
#pragma once
#include "compose/build/build.h"
#include "compose/engine/engine_priv.h"

/* As struct build_env's run: see there. Nothing of the container is left, whatever happens. */
int build_run(struct engine *en, const struct run_step *s, int out_fd, int err_fd, int *ret_exit, struct err *e)
	__attribute__((warn_unused_result));
