/* SPDX-License-Identifier: Apache-2.0 */
/* phases.h - the phases that load.c runs on the merged tree and that live in schema.c and canon.c.
 * runs in: client.   owns: nothing; nodes they make go to the arena given.   layer: parser, pure.
 * spec: compose-spec loader order: per document interpolate, include, reset, extends, merge, unique -> schema_check
 * -> canon_apply -> unique; and once per model (the project, and each include in itself): canon_defaults, then
 * relative paths. All three leave a node alone whose `deferred` is set. Each mistake goes to errs; ret: 0, or -1
 * when at least one was added. */
#pragma once
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "parser/diag.h"
#include "parser/node.h"

/* Known keys, types, required keys, ranges and patterns of the merged tree, short forms still in it. */
int schema_check(const struct node *root, struct errs *errs, struct warns *w) __attribute__((warn_unused_result));
/* Short to long forms in place, and casts of typed keys. Applying it to a canonical tree changes nothing. */
int canon_apply(struct arena *a, struct node *root, struct errs *errs) __attribute__((warn_unused_result));
/* Defaults that later phases rely on (build.context ".", dockerfile, secret targets, port mode and protocol, bind's
 * create_host_path, device counts) and the checks that need no other part of the model. */
int canon_defaults(struct arena *a, struct node *root, struct errs *errs) __attribute__((warn_unused_result));
