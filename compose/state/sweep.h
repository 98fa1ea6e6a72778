/* SPDX-License-Identifier: Apache-2.0 */
/* sweep.h - what killed processes have left of a project: half-removed containers, directories of build steps.
 * runs in: client, with the project's lock.   layer: state. */
#pragma once
#include "compose/base/err.h"
#include "compose/state/paths.h"

/* Remove directories without a record, and those of build steps, when no supervisor lives; then the project's directory
 * when it is empty. */
int sweep_project(const struct paths *p, const char *project, struct err *e) __attribute__((warn_unused_result));
