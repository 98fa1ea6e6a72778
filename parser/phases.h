/* SPDX-License-Identifier: Apache-2.0 */
/* phases.h - the steps between YAML text and struct project, in the order in which they run.
 * runs in: client.   owns: nothing; every node lives in the arena of the load.   layer: parser, inside only.
 *
 *   for the project, and for each included one with its own directory and environment:
 *     for each file, for each document:
 *       yaml -> interp -> include -> !reset -> extends -> merge      (load.c, merge.c ...)
 *       phase_schema -> phase_canon                                   (schema.c, canon.c) on the accumulated tree
 *     phase_settle                                                    defaults, semantic checks, absolute paths
 *   then once, on the whole: normal, profiles, cross checks, model    (load_project.c)
 *
 * A phase reports every fault it finds into errs and goes on as far as that makes sense. */
#pragma once
#include <stdbool.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "parser/node.h"

struct warns;                           /* parser/diag.h */

/* What the phases of one (sub-)project share. */
struct phases {
	struct arena     *arena;
	const struct map *env;          /* variable -> char *; the environment this (sub-)project is resolved with */
	const char       *home;         /* for "~"; NULL: "~" stays, with a warning */
	struct errs      *errs;
	struct warns     *warns;
	bool              lenient;      /* --no-interpolate: a text with "$" may stand where a number or bool is wanted */
	bool              keep_paths;   /* --no-path-resolution */
};

/* schema.c: every key known, every value of an accepted type; scalars cast to the type that the attribute has
 * ("8" -> 8 for scale, "yes" -> true with a warning). Drops `version` with a warning.
 * ret: 0, or -1 when errs grew (then the tree must not go to phase_canon) */
int phase_schema(const struct phases *p, struct node *tree) __attribute__((warn_unused_result));
/* canon.c: short forms become long ones, in place. Idempotent: long forms pass unchanged.
 * in: a tree that passed phase_schema, or (extends from another file) one that did not: then a wrong type is left as it is */
int phase_canon(const struct phases *p, struct node *tree) __attribute__((warn_unused_result));
/* paths.c: relative host paths become absolute below dir. in: canonical tree. For phase_settle and for extends.file. */
int phase_paths(const struct phases *p, struct node *tree, const char *dir) __attribute__((warn_unused_result));
/* settle.c: after the last file of one (sub-)project: default values, checks within one element, phase_paths
 * unless keep_paths, secrets and configs read from the environment. */
int phase_settle(const struct phases *p, struct node *tree, const char *dir) __attribute__((warn_unused_result));
