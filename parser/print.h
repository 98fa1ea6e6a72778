/* SPDX-License-Identifier: Apache-2.0 */
/* print.h - a canonical tree as YAML and JSON, as `docker compose config` prints it; lists of what a project holds.
 * runs in: client.   owns: nothing; text is appended to out.   layer: parser, pure.
 * Keys are sorted, but for the sections of the document. YAML output loads again to the same model. */
#pragma once
#include <stdbool.h>
#include "compose/base/str.h"
#include "parser/node.h"
#include "parser/project.h"

struct print_opts {
	bool json;
	bool keep_dollar;              /* --no-interpolate: "$" stays; otherwise it is doubled, so that it reads back as itself */
};
/* The whole document. */
void print_tree(struct str *out, const struct node *root, const struct print_opts *o);
/* Any node, as a document of its own. */
void print_node(struct str *out, const struct node *n, const struct print_opts *o);

/* One name a line. What: the services (dependencies before dependents), and the keys of the sections in use. */
void print_services(struct str *out, const struct project *p);
void print_volumes(struct str *out, const struct project *p);
void print_networks(struct str *out, const struct project *p);
void print_models(struct str *out, const struct project *p);
void print_images(struct str *out, const struct project *p);
void print_profiles(struct str *out, const struct project *p);         /* every profile that some service names */
void print_environment(struct str *out, const struct project *p);      /* KEY=VALUE, sorted */
void print_variables(struct str *out, const struct project *p, bool json);

/* Text of a JSON string with its quotes. */
void print_json_text(struct str *out, const char *s, bool double_dollar);
