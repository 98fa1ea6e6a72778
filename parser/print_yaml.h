/* SPDX-License-Identifier: Apache-2.0 */
/* print_yaml.h - the YAML writer, and what both writers share.
 * runs in: client.   owns: nothing.   layer: parser, inside only (print*.c). */
#pragma once
#include "parser/print.h"

const struct node_pair **print_sorted(const struct node *map);
/* Whether the keys below this key are the user's names, so that x-* is no extension there. */
bool print_user_names(const char *key);
/* json: without what JSON numbers lack. */
void print_float(struct str *out, const struct node *n, bool json);
void print_yaml_pair(struct str *out, const struct node_pair *p, const struct print_opts *o);
void print_yaml_node(struct str *out, const struct node *n, const struct print_opts *o);
