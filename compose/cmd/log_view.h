/* SPDX-License-Identifier: Apache-2.0 */
/* log_view.h - lines of containers on standard output: padded, coloured prefixes, time stamps.
 * runs in: client.   owns: its views.   layer: cmd. */
#pragma once
#include <stdbool.h>
#include "compose/logs/read.h"
#include "compose/state/record.h"

struct log_view_opts { bool no_prefix, timestamps, colour; };
struct log_view;

struct log_view *log_view_new(const struct log_view_opts *o, struct log_reader *reader);
void log_view_free(struct log_view *v);
/* Show a container. in: dir: its directory, stays the caller's. ret: 0; 1 when it has no log */
int  log_view_add(struct log_view *v, int dir, const struct ctr_record *r, struct err *e) __attribute__((warn_unused_result));
/* ret: whether id was added */
bool log_view_has(const struct log_view *v, const char *id);
/* Its process has ended: give out what waits for the rest of a line. */
void log_view_exited(struct log_view *v, const char *id);
/* None of them prints any more: the same for all. */
void log_view_end(struct log_view *v);
/* Print what there is now. ret: 0; 1 when standard output is closed (EPIPE); -1 with e */
int  log_view_print(struct log_view *v, struct err *e) __attribute__((warn_unused_result));
/* A line of ours in the same columns: "web-1 exited with code 0". */
void log_view_note(struct log_view *v, const char *id, const char *text);
/* "web-1", or a container_name as it is. ret: caller frees */
char *log_view_name(const char *project, const char *service, const char *name);
/* This one will come: the columns are as wide as its name from the first line on. */
void log_view_expect(struct log_view *v, const char *project, const char *service, const char *name);
