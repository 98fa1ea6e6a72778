/* SPDX-License-Identifier: Apache-2.0 */
/* others.h - containers that a service of this project names: replica 1 of another service, or any container by its name.
 * runs in: client.   owns: other_done frees.   layer: engine, private. */
#pragma once
#include "compose/engine/engine_priv.h"

struct other {
	char id[ID_SIZE];
	char *project, *name;
	struct strv networks;             /* real names of those it is on */
};
#define auto_other __attribute__((cleanup(other_done)))

/* The first container of a service, made by this plan or standing. err: ERR_MISSING */
int  other_of_service(const struct engine *en, const char *service, struct other *ret, struct err *e)
	__attribute__((warn_unused_result));
/* A container of any project of this installation. in: name or id (12 digits or more). err: ERR_MISSING */
int  other_named(const struct engine *en, const char *name, struct other *ret, struct err *e) __attribute__((warn_unused_result));
void other_done(struct other *o);
