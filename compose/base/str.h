/* SPDX-License-Identifier: Apache-2.0 */
/* str.h - growing text with a ceiling, and small text predicates.
 * runs in: every process.   owns: its buffer.   layer: base. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise, or STR_MAX(n) to cap the length at n bytes (0 = 1 GiB). s is NULL or NUL-terminated. */
struct str {
	char  *s;
	size_t len, cap, max;
	bool   over;              /* an addition was refused because of max: the text is cut */
};
#define STR_MAX(n) ((struct str){ .max = (n) })
#define auto_str __attribute__((cleanup(str_done)))

void  str_addn(struct str *b, const char *s, size_t n);
void  str_add(struct str *b, const char *s);
void  str_addc(struct str *b, char c);
void  str_addf(struct str *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void  str_vaddf(struct str *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Cut to n bytes (n <= len). */
void  str_cut(struct str *b, size_t n);
void  str_clear(struct str *b);
/* ret: the text, now the caller's to free; never NULL. b is empty again. */
char *str_take(struct str *b) __attribute__((returns_nonnull));
/* ret: the text, never NULL, owned by b */
const char *str_cstr(const struct str *b) __attribute__((returns_nonnull));
void  str_done(struct str *b);

bool  str_eq(const char *a, const char *b);              /* NULL-safe; NULL equals NULL */
bool  str_starts(const char *s, const char *prefix);
bool  str_ends(const char *s, const char *suffix);
/* Decimal number, whole text, no sign or space. ret: true and *out set; false leaves *out alone */
bool  str_to_u64(const char *s, uint64_t *out);
bool  str_to_i64(const char *s, int64_t *out);           /* as above, with an optional '-' */
/* "1", "true", "t", "0", "false", "f", also in capitals, as environment variables say it. ret: as above */
bool  str_to_bool(const char *s, bool *out);
/* Edit distance (insert, delete, replace, swap of neighbours) for "did you mean". in: each <= 64 bytes, else large. */
unsigned str_distance(const char *a, const char *b);
/* ret: the candidate nearest to s within a third of its length, or NULL. names ends with NULL; borrowed. */
const char *str_nearest(const char *s, const char *const *names);
/* Copy s with control bytes other than \n and \t, and bytes that break UTF-8, replaced by '?', for a terminal. ret: caller frees */
char *str_printable(const char *s);
