/* SPDX-License-Identifier: Apache-2.0 */
/* locate.h - which files make the project, in which directory, with which variables, under which name.
 * runs in: client.   owns: what it finds goes to the load_result.   layer: parser, private to load.
 * spec: docker compose's rules: -f, COMPOSE_FILE, default names up to the root; .env; -p, COMPOSE_PROJECT_NAME,
 * name:, directory. */
#pragma once
#include "parser/level.h"

/* Fill ret->files, dir, env and env_files. ret: 0, or -1 when errs grew */
int locate_files(struct loading *l) __attribute__((warn_unused_result));
/* Fill ret->name and set COMPOSE_PROJECT_NAME. files: parsed, not yet interpolated. ret: as above */
int locate_name(struct loading *l, const struct compose_file *files, size_t n) __attribute__((warn_unused_result));
