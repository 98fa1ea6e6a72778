/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - a canonical, normalised tree becomes struct project.
 * runs in: client.   owns: everything goes to the project's arena.   layer: parser, inside only.
 * Every value was checked on the way here: what does not fit (a text left as written by --no-interpolate) is taken as unset. */
#pragma once
#include "parser/node.h"
#include "parser/project.h"

/* Fill p's services, networks, volumes, secrets and configs from p->tree. off: services whose profiles are off */
void model_fill(struct project *p, const struct node *off);
/* One service; its name and position are set already. */
void model_service(struct project *p, struct service *s, const struct node *tree);

/* Values of nodes in the forms of the model. */
struct pstrs model_texts(struct arena *a, const struct node *list);
struct pkvs  model_pairs(struct arena *a, const struct node *map);
const char  *model_text(const struct node *map, const char *key);              /* "" when absent */
int64_t      model_int(const struct node *map, const char *key, int64_t dflt); /* also of texts of digits */
bool         model_flag(const struct node *map, const char *key, bool dflt);
int64_t      model_duration(const struct node *map, const char *key);          /* -1 when absent */
