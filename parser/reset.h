/* SPDX-License-Identifier: Apache-2.0 */
/* reset.h - the tags !reset and !override: what a later document takes out of the ones before it.
 * runs in: client.   owns: its lists (resets_done).   layer: parser, pure.   spec: compose-spec 13-merge. */
#pragma once
#include <stddef.h>
#include "compose/base/mem.h"
#include "parser/node.h"

struct reset  { const char **key; size_t n; };
struct resets { struct reset *v; size_t n, cap; };

/* Note the paths of doc that carry a tag, and take the !reset values out of it; tags are cleared. Paths live in the
 * arena. */
void resets_collect(struct resets *r, struct arena *a, struct node *doc);
/* Remove the noted paths from root. section, name: root stands for that entry (services, web); NULL: for the
 * document. */
void resets_apply(const struct resets *r, struct node *root, const char *section, const char *name);
void resets_done(struct resets *r);
