/* SPDX-License-Identifier: Apache-2.0 */
/* template.h - `--format` of ps, stats and volumes: a table, JSON, or a template in the small part of Go's
 * text/template that people write there: {{.Field}}, {{function argument ...}}, {{a | b}}, ( ), "texts", numbers, {{-
 * trim -}}. Functions: json split join title lower upper pad truncate; .Label "key". Conditions and loops are refused
 * by name. runs in: client.   owns: struct rows.   layer: cli.   spec: docker's formatting of command output. */
#pragma once
#include <jansson.h>
#include <stdio.h>
#include "compose/base/err.h"
#include "compose/base/str.h"

/* Expand text with the members of row and append to out; "\t" and "\n" in text are tab and newline.
 * in: labels: object for .Label, or NULL. err: ERR_USAGE with the place in text */
int template_run(const char *text, const json_t *row, const json_t *labels, struct str *out, struct err *e)
	__attribute__((warn_unused_result));

/* Rows in whatever form --format asks for. */
struct rows;
struct rows_opts {
	const char *format;         /* "", "table", "json" (an object a line), "table TEMPLATE", "TEMPLATE" */
	const char *columns;        /* TEMPLATE of the plain table */
	const json_t *headers;      /* every field's heading: what a row looks like, and the table's first line */
};
/* Check the template and begin. o stays the caller's and must outlive the rows. err: ERR_USAGE */
int  rows_new(struct rows **ret, const struct rows_opts *o, struct err *e) __attribute__((warn_unused_result));
/* Whether rows are wanted as JSON. */
bool rows_json(const struct rows *r);
/* Add a row; borrowed. */
int rows_add(struct rows *r, const json_t *row, const json_t *labels, struct err *e)
	__attribute__((warn_unused_result));
/* Print and forget the rows so far; a table has its first line again. */
void rows_print(struct rows *r, FILE *f);
void rows_free(struct rows *r);
static inline void rows_freep(struct rows **r) { rows_free(*r); }
#define auto_rows __attribute__((cleanup(rows_freep)))
