/* SPDX-License-Identifier: Apache-2.0 */
/* ui.h - what a person sees: progress on standard error, colours, tables.
 * runs in: client, any thread.   owns: its lines.   layer: cli.
 * Progress: "tty" redraws a block of lines in place, "plain" prints a line per change, "json" an object per change, "quiet" none. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/str.h"

enum ui_mode { UI_TTY, UI_PLAIN, UI_JSON, UI_QUIET };
struct ui;

/* in: progress: "", auto, tty, plain, json, quiet; ansi: "", auto, always, never (NO_COLOR is honoured); to_stdout: progress goes
 * to standard output (COMPOSE_STATUS_STDOUT). Warnings and errors go to standard error */
struct ui *ui_new(const char *progress, const char *ansi, bool to_stdout);
void ui_free(struct ui *u);
enum ui_mode ui_mode(const struct ui *u);
bool ui_colour(const struct ui *u);            /* colour on standard output? */
bool ui_colour_err(const struct ui *u);        /* colour on standard error? */
void ui_set_quiet(struct ui *u);
void ui_set_plain(struct ui *u);               /* lines instead of a block, unless quiet or json: other output is coming */

/* One object ("Container demo-web-1") changes: kind and name identify its line, status is one word or a few ("Starting",
 * "Started", "Error", "Waiting for healthy"). done: the line is final and its time stops. */
enum ui_tone { UI_WORK, UI_OK, UI_WARN, UI_FAIL };
void ui_status(struct ui *u, const char *kind, const char *name, const char *status, enum ui_tone tone, bool done);
/* Time goes on: draw the block again, if there is one. */
void ui_tick(struct ui *u);
/* A line of text above the block (build output, warnings); made printable. */
void ui_line(struct ui *u, const char *text);
void ui_warn(struct ui *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Tell failures as errs_report() does; with json an object each: error, message, and at and hint where known. ret: as there */
int ui_errors(struct ui *u, struct errs *l) __attribute__((warn_unused_result));
/* Finish the block: what follows is printed below it. */
void ui_flush(struct ui *u);

/* Columns padded to the widest cell plus three blanks, no trailing blanks. Zero-initialise; cells row by row. */
struct table { size_t n_cols; struct strv cells; };
void table_row(struct table *t, ...) __attribute__((sentinel));    /* const char * ..., NULL: sets n_cols on the first call */
void table_print(struct table *t, FILE *f);
void table_done(struct table *t);

/* "5 minutes ago", "About an hour" as docker says. ret: caller frees */
char *ui_ago(int64_t span_s);
/* "12.3MB": decimal units, three digits. ret: caller frees */
char *ui_size(uint64_t bytes);
/* Ask a yes/no question on the terminal. piped: the answer may also come from what else standard input is (`yes | ...`)
 * ret: dflt when nobody answers */
bool ui_confirm(const char *question, bool dflt, bool piped);
/* ANSI colour number for the i-th service's prefix: cyan, yellow, green, magenta, blue ... as docker compose cycles. */
const char *ui_prefix_colour(unsigned i);
