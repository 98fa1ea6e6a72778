/* SPDX-License-Identifier: Apache-2.0 */
/* normal.h - what a canonical tree means without saying so: default network, real names, implied dependencies, build defaults.
 * runs in: client.   owns: nothing; nodes go to the arena given.   layer: parser, inside only.
 * spec: compose-spec 05-services, 06-networks, build; the order is that of the reference loader. */
#pragma once
#include "compose/base/coll.h"
#include "compose/base/mem.h"
#include "parser/node.h"

struct normal {
	struct arena     *arena;
	const struct map *env;         /* variable -> const char * */
	const char       *project;     /* name */
};

/* in: a settled tree (canon_defaults). Lasting effect only on what is not given. */
void normal_apply(const struct normal *c, struct node *root);
