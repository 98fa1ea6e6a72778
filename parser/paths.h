/* SPDX-License-Identifier: Apache-2.0 */
/* paths.h - relative paths in a canonical tree are put onto a base directory; path texts without a disk.
 * runs in: client.   owns: nothing.   layer: parser, pure.   spec: compose-spec, "relative paths" of each attribute. */
#pragma once
#include <stdbool.h>
#include "compose/base/mem.h"
#include "parser/node.h"

/* Prefix every path-like attribute below root (rules.c) with base, in place. ~ becomes home. base may be relative itself. */
void paths_rebase(struct arena *a, struct node *root, const char *base, const char *home);
/* The same for one service. */
void paths_rebase_service(struct arena *a, struct node *service, const char *base, const char *home);

/* base/path with ".", ".." and double slashes gone; path alone when it is absolute. ret: arena's, never "" */
char *path_join(struct arena *a, const char *base, const char *path);
char *path_dir(struct arena *a, const char *path);                 /* without its last component; "." when there is none */
const char *path_base(const char *path);                           /* last component; "/" for the root */
/* to as seen from the directory from; both absolute and clean. */
char *path_relative(struct arena *a, const char *from, const char *to);
bool  path_is_remote(const char *path);                            /* git or OCI reference, http(s) URL */
