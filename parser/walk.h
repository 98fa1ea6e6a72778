/* SPDX-License-Identifier: Apache-2.0 */
/* walk.h - what the hooks of the schema table have in common.
 * runs in: client.   owns: nothing; nodes go to the walk's arena.   layer: parser, inside only (canon*.c, settle*.c). */
#pragma once
#include "parser/schema.h"

/* Add a mistake: "services.web.ports[0]: TEXT". ret: always -1 */
int walk_fault(const struct walk *w, struct srcpos pos, const struct where *at, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
struct node *walk_map(const struct walk *w, struct srcpos pos);
/* The key lives as long as the arena: it is not copied. */
void walk_put(const struct walk *w, struct node *map, const char *key, struct node *val);      /* at val's position */
void walk_put_text(const struct walk *w, struct node *map, const char *key, const char *text, struct srcpos pos);
void walk_put_bool(const struct walk *w, struct node *map, const char *key, bool v, struct srcpos pos);
/* A list of K=V becomes a mapping; an item without "=" has the value null. Lists with variables left as written stay. */
int walk_pairs(const struct walk *w, struct node **n, const struct where *at) __attribute__((warn_unused_result));
