/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - the COMPOSE_ variables: which ones mean something here, and a word about each that does not.
 * runs in: client.   owns: nothing.   layer: parser, pure.   spec: docker compose's environment variables */
#pragma once
#include "parser/load.h"

/* One warning for each COMPOSE_ variable that is set without effect; those that the files use are the user's own. */
void settings_check(struct load_result *r);
/* Call set with each setting of the env files that the whole program honours (COMPOSE_PROGRESS ...) and that the
 * process's environment leaves open. Mistakes in the files are left to project_load(). */
void settings_from_files(const struct load_opts *o, void (*set)(const char *name, const char *val));
