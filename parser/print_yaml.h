/* SPDX-License-Identifier: Apache-2.0 */
/* print_yaml.h - the YAML writer, and what both writers share.
 * runs in: client.   owns: nothing.   layer: parser, inside only (print*.c). */
#pragma once
#include "parser/print.h"

/* The pairs of a mapping in the order of their keys, on the stack where they are few. */
enum { SORTED_FEW = 24 };
struct sorted { const struct node_pair **v, *few[SORTED_FEW]; };
/* ret: s->v, map->n pairs. print_sort_done(s) */
const struct node_pair **print_sort(const struct node *map, struct sorted *s);
void print_sort_done(struct sorted *s);
void print_indent(struct str *out, size_t depth);      /* two blanks a level */
/* Line and paragraph separators and NEL break lines in some YAML readers, and the byte order mark. ret: the code point, 0 for
 * anything else */
unsigned print_odd_break(const char *s);
/* Whether the keys below this key are the user's names, so that x-* is no extension there. */
bool print_user_names(const char *key);
/* json: without what JSON numbers lack. */
void print_float(struct str *out, const struct node *n, bool json);
void print_yaml_pair(struct str *out, const struct node_pair *p, const struct print_opts *o);
void print_yaml_node(struct str *out, const struct node *n, const struct print_opts *o);
