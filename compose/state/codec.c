/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/state/codec.h"
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include "compose/base/coll.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { ELEMENTS_MAX = 65536, ID_DIGITS = 64 };

/* Every VEC() has the layout of this one. */
struct any_vec { char *v; size_t n, cap; };

static void *member(const struct field *f, const void *obj)
{
	return (char *)(uintptr_t)obj + f->off;
}

bool codec_is_name(const char *s)
{
	size_t n = strnlen(s, NAME_MAX + 1);

	if (!n || n > NAME_MAX || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	for (; *s; s++)
		if (*s == '/' || (unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static bool is_id(const char *s)
{
	return strlen(s) == ID_DIGITS && strspn(s, "0123456789abcdef") == ID_DIGITS;
}

/* jansson refuses text that is not UTF-8; a probe's output or a label may be anything. */
static json_t *text(const char *s)
{
	json_t *j = s ? json_string(s) : NULL;
	auto_free char *clean = j || !s ? NULL : str_printable(s);

	return clean ? json_string(clean) : j;
}

static json_t *encode_strv(const struct strv *a)
{
	json_t *j = json_array();

	for (size_t i = 0; i < a->n; i++)
		(void)json_array_append_new(j, text(a->v[i]));
	return j;
}

static json_t *encode_vec(const struct field *f, const struct any_vec *a)
{
	json_t *j = json_array();

	for (size_t i = 0; i < a->n; i++)
		(void)json_array_append_new(j, codec_encode(f->extra, a->v + i * f->elem));
	return j;
}

static json_t *encode_one(const struct field *f, const void *p)
{
	switch (f->type) {
	case FT_STR:
	case FT_NAME: return text(*(char *const *)p);
	case FT_ID: return text(p);
	case FT_BOOL: return json_boolean(*(const bool *)p);
	case FT_INT: return json_integer(*(const int *)p);
	case FT_UINT: return json_integer(*(const unsigned *)p);
	case FT_U16: return json_integer(*(const uint16_t *)p);
	case FT_I64: return json_integer(*(const int64_t *)p);
	case FT_U64: return json_integer((json_int_t)*(const uint64_t *)p);
	case FT_ENUM: return json_string(((const char *const *)f->extra)[*(const unsigned *)p]);
	case FT_STRV:
	case FT_NAMES: return encode_strv(p);
	case FT_VEC: return encode_vec(f, p);
	case FT_END: break;
	}
	return NULL;
}

/* What codec_decode makes of a member that is not there. */
static bool is_default(const struct field *f, const void *p)
{
	switch (f->type) {
	case FT_STR:
	case FT_NAME: return !*(char *const *)p || !**(char *const *)p;
	case FT_BOOL: return !*(const bool *)p;
	case FT_INT: return !*(const int *)p;
	case FT_UINT:
	case FT_ENUM: return !*(const unsigned *)p;
	case FT_U16: return !*(const uint16_t *)p;
	case FT_I64: return !*(const int64_t *)p;
	case FT_U64: return !*(const uint64_t *)p;
	case FT_STRV:
	case FT_NAMES: return !((const struct strv *)p)->n;
	case FT_VEC: return !((const struct any_vec *)p)->n;
	default: return false;
	}
}

json_t *codec_encode(const struct field *f, const void *obj)
{
	json_t *j = json_object(), *v;

	for (; f->key; f++) {
		const void *p = member(f, obj);

		v = is_default(f, p) ? NULL : encode_one(f, p);
		if (v)
			(void)json_object_set_new(j, f->key, v);
	}
	return j;
}

static int wrong(const struct field *f, const char *path, const char *what, struct err *e)
{
	return err_set(e, ERR_SYS, 0, "%s: %s: %s", path, f->key, what);
}

/* ret: the text, or NULL with e when it is none, holds a NUL, or is not what the field asks */
static const char *checked_text(const struct field *f, const json_t *j, const char *path, struct err *e)
{
	const char *s = json_string_value(j);
	bool name = f->type == FT_NAME || f->type == FT_NAMES;

	if (!s || strlen(s) != json_string_length(j))
		wrong(f, path, "not a text", e);
	else if (name && *s && !codec_is_name(s))
		wrong(f, path, "not a name", e);
	else if (f->type == FT_ID && !is_id(s))
		wrong(f, path, "not an id", e);
	else
		return s;
	return NULL;
}

static int decode_number(const struct field *f, const json_t *j, const char *path, void *p, struct err *e)
{
	int64_t v = json_integer_value(j);
	bool fits = json_is_integer(j);

	switch (f->type) {
	case FT_INT: fits = fits && v >= INT_MIN && v <= INT_MAX; break;
	case FT_UINT: fits = fits && v >= 0 && v <= UINT_MAX; break;
	case FT_U16: fits = fits && v >= 0 && v <= UINT16_MAX; break;
	case FT_U64: fits = fits && v >= 0; break;
	default: break;
	}
	if (!fits)
		return wrong(f, path, "not a number in range", e);
	switch (f->type) {
	case FT_INT: *(int *)p = (int)v; break;
	case FT_UINT: *(unsigned *)p = (unsigned)v; break;
	case FT_U16: *(uint16_t *)p = (uint16_t)v; break;
	case FT_U64: *(uint64_t *)p = (uint64_t)v; break;
	default: *(int64_t *)p = v; break;
	}
	return 0;
}

static int decode_enum(const struct field *f, const json_t *j, const char *path, void *p, struct err *e)
{
	const char *const *names = f->extra;

	for (unsigned i = 0; names[i]; i++) {
		if (!str_eq(json_string_value(j), names[i]))
			continue;
		*(unsigned *)p = i;
		return 0;
	}
	return wrong(f, path, "not a known word", e);
}

static int decode_strv(const struct field *f, const json_t *j, const char *path, struct strv *a, struct err *e)
{
	const json_t *v;
	size_t i;

	if (!json_is_array(j) || json_array_size(j) > ELEMENTS_MAX)
		return wrong(f, path, "not a list", e);
	json_array_foreach(j, i, v) {
		const char *s = checked_text(f, v, path, e);

		if (!s)
			return -1;
		strv_add(a, s);
	}
	return 0;
}

static int decode_vec(const struct field *f, const json_t *j, const char *path, struct any_vec *a, struct err *e)
{
	size_t n = json_array_size(j);

	if (!json_is_array(j) || n > ELEMENTS_MAX)
		return wrong(f, path, "not a list", e);
	a->v = n ? xcalloc(n, f->elem) : NULL;
	a->cap = n;
	for (; a->n < n; a->n++)
		if (codec_decode(f->extra, json_array_get(j, a->n), path, a->v + a->n * f->elem, e) < 0)
			return err_wrap(e, "%s: element %zu of %s", path, a->n, f->key);
	return 0;
}

static int decode_one(const struct field *f, const json_t *j, const char *path, void *p, struct err *e)
{
	const char *s;

	switch (f->type) {
	case FT_STR:
	case FT_NAME:
	case FT_ID:
		s = checked_text(f, j, path, e);
		if (!s)
			return -1;
		if (f->type == FT_ID)
			memcpy(p, s, ID_DIGITS + 1);
		else
			*(char **)p = xstrdup(s);
		return 0;
	case FT_BOOL:
		if (!json_is_boolean(j))
			return wrong(f, path, "neither true nor false", e);
		*(bool *)p = json_is_true(j);
		return 0;
	case FT_ENUM: return decode_enum(f, j, path, p, e);
	case FT_STRV:
	case FT_NAMES: return decode_strv(f, j, path, p, e);
	case FT_VEC: return decode_vec(f, j, path, p, e);
	default: return decode_number(f, j, path, p, e);
	}
}

static int decode_absent(const struct field *f, const char *path, void *p, struct err *e)
{
	if (f->type == FT_ID)
		return wrong(f, path, "missing", e);
	if (f->type == FT_STR || f->type == FT_NAME)
		*(char **)p = xstrdup("");
	return 0;
}

int codec_decode(const struct field *f, const json_t *j, const char *path, void *obj, struct err *e)
{
	if (!json_is_object(j))
		return err_set(e, ERR_SYS, 0, "%s: not an object", path);
	for (const struct field *i = f; i->key; i++) {
		const json_t *v = json_object_get(j, i->key);
		int r = v ? decode_one(i, v, path, member(i, obj), e) : decode_absent(i, path, member(i, obj), e);

		if (r < 0) {
			codec_free(f, obj);
			return -1;
		}
	}
	return 0;
}

void codec_free(const struct field *f, void *obj)
{
	for (; f->key; f++) {
		void *p = member(f, obj);
		struct any_vec *a = p;

		switch (f->type) {
		case FT_STR:
		case FT_NAME:
			free(*(char **)p);
			*(char **)p = NULL;
			break;
		case FT_STRV:
		case FT_NAMES:
			strv_done(p);
			break;
		case FT_VEC:
			for (size_t i = 0; i < a->n; i++)
				codec_free(f->extra, a->v + i * f->elem);
			vec_done(a);
			break;
		case FT_ID:
			memset(p, 0, ID_DIGITS + 1);
			break;
		default:
			break;
		}
	}
}
