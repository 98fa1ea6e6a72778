/* SPDX-License-Identifier: Apache-2.0 */
/* diag.h - what is told to the user about the files: source texts, warnings (each once), errors with the line and a
 * caret.
 * runs in: client.   owns: see each struct.   layer: parser, pure (prints only in *_report). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/mem.h"

/* Text of every file that was read, for caret lines. Zero-initialise. text is borrowed. */
/* line[i]: where line i+1 is; own: text that sources_done() is to free */
struct source { const char *name, *text; char *own; size_t len; uint32_t *line; size_t nlines; };
struct sources { struct source **v; size_t n, cap; };
/* Register a file under the name that messages use. ret: the source; its name is what srcpos.file of its nodes
 * points to */
struct source *source_add(struct sources *s, struct arena *a, const char *name, const char *text, size_t len);
/* ret: the source of that name, or NULL */
const struct source *source_find(const struct sources *s, const char *name);
/* Position of the (nth+1)-th '$' at or after p in its file; p itself when there is none within max lines. */
struct srcpos source_dollar(const struct sources *s, struct srcpos p, size_t nth, unsigned max_lines);
/* ret: the byte offset of p in s, or s->len when p lies outside */
size_t source_offset(const struct source *s, struct srcpos p);
void sources_done(struct sources *s);

/* Warnings of one run, each once, in the order they came up. Zero-initialise. */
struct warn  { char *text; struct srcpos pos; };
struct warns { struct warn *v; size_t n, cap; struct map seen; size_t told; };
#define auto_warns __attribute__((cleanup(warns_done)))
/* in: p may be {0} (no position). A text that is there already is dropped. */
void warns_add(struct warns *w, struct srcpos p, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Print those that have not been printed yet. */
void warns_report(struct warns *w, FILE *f, bool colour);
/* For --strict: move every warning to errs as an ERR_MODEL. */
void warns_to_errs(struct warns *w, struct errs *errs);
void warns_done(struct warns *w);

/* Collect one mistake: an ERR_MODEL with its position, the path of the key (or NULL) and a hint (or NULL). ret:
 * always -1 */
int errs_model(struct errs *l, struct srcpos p, const char *key, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Print all errors sorted by position, each once, with the source line and a caret where src knows the file.
 * in: src may be NULL. ret: the largest exit status */
int diag_report(struct errs *errs, const struct sources *src, FILE *f, bool colour);
