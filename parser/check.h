/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - what must fit together across a whole model: references, exclusive attributes, limits given twice, cycles.
 * runs in: client.   owns: nothing.   layer: parser, inside only.   spec: compose-spec 05-services; the reference loader's checks */
#pragma once
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "parser/diag.h"
#include "parser/node.h"

/* in: a normalised tree with the services that take part; off: the ones that do not (a mapping)
 * ret: 0, or -1 when errs grew */
int check_project(struct arena *a, const struct node *root, const struct node *off, struct errs *errs, struct warns *warns)
	__attribute__((warn_unused_result));
/* The same port of the host asked for by two: a warning, as one of them may never run. Part of check_project. */
void check_ports(struct arena *a, const struct node *services, struct warns *warns);
/* Addresses of networks, and of services on them. Part of check_project. */
int check_nets(struct arena *a, const struct node *nets, const struct node *services, struct errs *errs) __attribute__((warn_unused_result));
/* depends_on and build contexts of other services in a circle. Part of check_project. */
int check_cycles(const struct node *services, struct errs *errs) __attribute__((warn_unused_result));
