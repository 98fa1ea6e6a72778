/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.h - YAML text -> trees of nodes.
 * runs in: client.   owns: nothing; nodes live in the arena given.   layer: parser, pure.
 * spec: YAML 1.2 core scalars; anchors, aliases and merge keys (<<) are resolved here, so that later phases see
 * plain trees and every use of an alias is its own copy. Keys are texts; a key twice in a mapping is a mistake. Tags
 * !reset and !override are kept on the node, other tags are ignored. */
#pragma once
#include <stddef.h>
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "parser/diag.h"
#include "parser/node.h"

enum {
	YAML_FILE_MAX   = 64 << 20,       /* bytes of one file */
	YAML_DEPTH_MAX  = 256,            /* nested mappings and lists */
	YAML_ALIAS_MAX  = 100 * 1000,     /* nodes made by aliases, plus YAML_ALIAS_RATIO for each node written */
	YAML_ALIAS_RATIO = 10,
};

/* vec_done() frees the list, not the nodes. tagged: some node carries !reset or !override */
struct yaml_docs { struct node **v; size_t n, cap; bool tagged; };

/* Parse every document of src. in: src->name is what positions refer to, and must outlive the nodes
 * ret: 0, or -1 when mistakes were added to errs (the documents before them are in *ret all the same) */
int yaml_parse(struct arena *a, const struct source *src, struct yaml_docs *ret, struct errs *errs)
	__attribute__((warn_unused_result));
