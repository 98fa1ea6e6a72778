/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h - structs to JSON and back, by a table of their members. Private to compose/state.
 * runs in: client, supervisor.   owns: nothing.   layer: state. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/err.h"

enum field_type { FT_END, FT_STR, FT_NAME, FT_ID, FT_BOOL, FT_INT, FT_UINT, FT_U16, FT_I64, FT_U64, FT_ENUM, FT_STRV,
	FT_NAMES, FT_VEC };

struct field {
	const char *key;
	enum field_type type;
	size_t off;
	const void *extra;          /* FT_ENUM: NULL-terminated names; FT_VEC: the elements' table */
	size_t elem;                /* FT_VEC: size of an element */
};

/* The member m of T, which the file defines before each table. */
#define F_OF(m, t) { #m, t, offsetof(T, m), NULL, 0 }
#define F_STR(m)   F_OF(m, FT_STR)
#define F_NAME(m)  F_OF(m, FT_NAME)       /* "" or codec_is_name */
#define F_ID(m)    F_OF(m, FT_ID)         /* char[ID_SIZE], 64 hex digits */
#define F_BOOL(m)  F_OF(m, FT_BOOL)
#define F_INT(m)   F_OF(m, FT_INT)
#define F_UINT(m)  F_OF(m, FT_UINT)
#define F_U16(m)   F_OF(m, FT_U16)
#define F_I64(m)   F_OF(m, FT_I64)
#define F_U64(m)   F_OF(m, FT_U64)        /* at most INT64_MAX */
#define F_STRV(m)  F_OF(m, FT_STRV)
#define F_NAMES(m) F_OF(m, FT_NAMES)      /* struct strv of names */
#define F_ENUM(m, names) { #m, FT_ENUM, offsetof(T, m), names, 0 }
#define F_VEC(m, sub)    { #m, FT_VEC, offsetof(T, m), sub, sizeof(*((T *)0)->m.v) }
#define F_END      { NULL, FT_END, 0, NULL, 0 }

/* ret: a new object without what is empty or zero; text that is not UTF-8 is made printable */
json_t *codec_encode(const struct field *f, const void *obj);
/* Fill obj (zeroed by the caller). A missing member keeps its zero, text becomes "". On failure obj is zeroed again.
 * in: j is untrusted: types, ranges, enum names, ids and names are checked. path: for messages */
int  codec_decode(const struct field *f, const json_t *j, const char *path, void *obj, struct err *e)
	__attribute__((warn_unused_result));
/* Free what the members own and zero them. */
void codec_free(const struct field *f, void *obj);
/* ret: true for a text that can be a file's name: not empty, at most 255 bytes, no '/', no control byte, not "." or ".." */
bool codec_is_name(const char *s);
