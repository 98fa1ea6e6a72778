/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - jansson with defaults, caps, and paths in errors.
 * runs in: every process.   owns: auto_json drops one reference.   layer: base. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"

#define auto_json __attribute__((cleanup(json_dropp)))
static inline void json_dropp(json_t **j) { json_decref(*j); }

/* Read and parse a file of at most max bytes. err: ERR_MISSING when absent; a syntax error names file, line and column */
int json_read(int dirfd, const char *path, size_t max, json_t **ret, struct err *e) __attribute__((warn_unused_result));
/* Parse text; name is for messages. Duplicate keys are refused. */
int json_parse(const char *text, size_t len, const char *name, json_t **ret, struct err *e)
	__attribute__((warn_unused_result));
/* Write compactly, by rename. */
int json_write(int dirfd, const char *path, const json_t *j, mode_t mode, bool sync, struct err *e)
	__attribute__((warn_unused_result));

/* Member of an object, or the default when absent or of another type. Strings are borrowed from j. j may be NULL. */
const char *json_str(const json_t *j, const char *key, const char *dflt);
int64_t     json_int(const json_t *j, const char *key, int64_t dflt);
bool        json_flag(const json_t *j, const char *key, bool dflt);
/* Append the string elements of array j[key] to out. */
void        json_strv(const json_t *j, const char *key, struct strv *out);
/* New array of strings; new reference. v ends with NULL or n counts (n == (size_t)-1: NULL-terminated). v may be NULL. */
json_t     *json_from_strv(char *const *v, size_t n);
/* Set j[key] to a string unless s is NULL. */
void        json_put(json_t *j, const char *key, const char *s);
/* An error chain as JSON and back (control socket). */
json_t *err_to_json(const struct err *e);
void    err_from_json(struct err *e, const json_t *j);
