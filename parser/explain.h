/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h - where a value of the finished tree came from: file, variable or default, and every value it replaced.
 * runs in: client.   owns: nothing.   layer: parser, pure. */
#pragma once
#include "compose/base/str.h"
#include "parser/node.h"

/* Append what is known about key ("services.web.ports[0].published"), or about every value below it.
 * in: root: loaded with project_opts.explain, so that defaults can be told apart
 * err: ERR_USAGE: no such key; the hint names a near one */
int explain(struct str *out, const struct node *root, const char *key, struct err *e)
	__attribute__((warn_unused_result));
/* Everything below root was written by somebody: what is added later is a default. */
void explain_mark(struct node *root);
