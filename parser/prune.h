/* SPDX-License-Identifier: Apache-2.0 */
/* prune.h - networks, volumes, secrets, configs and models that no service of the tree uses are taken out.
 * runs in: client.   owns: nothing; nodes go to the arena given.   layer: parser, inside only. */
#pragma once
#include "compose/base/mem.h"
#include "parser/node.h"

void prune_unused(struct arena *a, struct node *root);
