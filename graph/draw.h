/* SPDX-License-Identifier: Apache-2.0 */
/* draw.h - the dependency graph for people: as a tree, DOT, Mermaid or SVG, conditions on the edges.
 * runs in: client.   layer: graph, pure. */
#pragma once
#include "compose/base/str.h"
#include "graph/deps.h"

enum draw_form { DRAW_TREE, DRAW_DOT, DRAW_MERMAID, DRAW_SVG };
struct draw_opts { bool networks, ports, image; unsigned indent; bool spaces; };   /* DOT: what nodes show; indent of lines */

/* in: sel: which services to draw (an edge needs both ends) */
void draw(const struct deps *d, const bool *sel, enum draw_form form, const struct draw_opts *o, struct str *out);
