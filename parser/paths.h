/* SPDX-License-Identifier: Apache-2.0 */
/* paths.h - relative paths of a canonical tree are put onto a base directory; path texts without a disk.
 * runs in: client.   owns: nothing.   layer: parser, pure.   spec: the relative path rule of each attribute
 * (rules.c). */
#pragma once
#include <stdbool.h>
#include "compose/base/mem.h"
#include "parser/io.h"
#include "parser/node.h"

/* base: absolute, or relative itself (then the result is, and a later call ends it); home: for ~, or NULL; io: for
 * watched paths, whose links are resolved, or NULL */
struct rebase { struct arena *arena; const char *base, *home; const struct load_io *io; };
/* Put every path-like attribute of a document onto base, in place. */
void paths_rebase(const struct rebase *r, struct node *root);

/* base/path with ".", ".." and double slashes gone; path alone, cleaned, when it is absolute. ret: arena's, never "" */
char *path_join(struct arena *a, const char *base, const char *path);
char *path_dir(struct arena *a, const char *path);       /* without its last component; "." when there is none */
const char *path_base(const char *path);                 /* last component; "/" for the root. in: a clean path */
/* to as seen from the directory from; both absolute and clean. */
char *path_relative(struct arena *a, const char *from, const char *to);
bool  path_is_remote(const char *path);                  /* a file that is fetched first: git or OCI reference */
