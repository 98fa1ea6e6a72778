/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/spec_read.h"

enum { LIST_MAX = 4096 };

void rd_at(struct rd *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r->where, sizeof(r->where), fmt, ap);
	va_end(ap);
}

void rd_fail(struct rd *r, const char *key, const char *fmt, ...)
{
	auto_free char *msg = NULL;
	va_list ap;

	if (r->failed)
		return;
	va_start(ap, fmt);
	msg = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(r->e, ERR_MODEL, 0, "%s%s: %s", r->where, key, msg);
	r->failed = true;
}

/* ret: the member when it has the type wanted (by its word), NULL when it is absent */
static const json_t *member(struct rd *r, const json_t *j, const char *key, bool ok_type(const json_t *),
			    const char *word)
{
	const json_t *v = json_object_get(j, key);

	if (r->failed || !v || json_is_null(v))
		return NULL;
	if (ok_type(v))
		return v;
	rd_fail(r, key, "%s expected", word);
	return NULL;
}

static bool is_object(const json_t *v) { return json_is_object(v); }
static bool is_array(const json_t *v) { return json_is_array(v); }
static bool is_string(const json_t *v) { return json_is_string(v); }
static bool is_bool(const json_t *v) { return json_is_boolean(v); }
static bool is_number(const json_t *v) { return json_is_number(v); }

const json_t *rd_obj(struct rd *r, const json_t *j, const char *key)
{
	return member(r, j, key, is_object, "an object");
}

const json_t *rd_arr(struct rd *r, const json_t *j, const char *key)
{
	const json_t *v = member(r, j, key, is_array, "a list");

	if (v && json_array_size(v) > LIST_MAX) {
		rd_fail(r, key, "more than %d elements", LIST_MAX);
		return NULL;
	}
	return v;
}

char *rd_str(struct rd *r, const json_t *j, const char *key)
{
	return arena_strdup(r->a, json_string_value(member(r, j, key, is_string, "a text")));
}

bool rd_bool(struct rd *r, const json_t *j, const char *key)
{
	return json_is_true(member(r, j, key, is_bool, "true or false"));
}

int64_t rd_int(struct rd *r, const json_t *j, const char *key, int64_t min, int64_t max, int64_t dflt)
{
	const json_t *v = member(r, j, key, is_number, "a number");
	double d = json_number_value(v);
	int64_t n;

	if (!v)
		return dflt;
	/* jansson gives no infinities */
	if (json_is_integer(v))
		n = json_integer_value(v);
	else
		n = d >= 0x1p63 ? INT64_MAX : d <= -0x1p63 ? INT64_MIN : (int64_t)d;
	if (json_is_real(v) && d > -0x1p63 && d < 0x1p63 && d != (double)n) {
		rd_fail(r, key, "a whole number expected");
		return dflt;
	}
	if (n >= min && n <= max)
		return n;
	rd_fail(r, key, "%lld is outside of %lld to %lld", (long long)n, (long long)min, (long long)max);
	return dflt;
}

uint64_t rd_u64(struct rd *r, const json_t *j, const char *key, uint64_t dflt)
{
	int64_t n;

	if (!json_object_get(j, key))
		return dflt;
	n = rd_int(r, j, key, 0, INT64_MAX, 0);
	return n == INT64_MAX ? UINT64_MAX : (uint64_t)n;
}

void rd_strv(struct rd *r, const json_t *j, const char *key, struct strv *out)
{
	const json_t *a = rd_arr(r, j, key), *v;
	size_t i;

	json_array_foreach(a, i, v) {
		if (json_is_string(v))
			strv_add(out, json_string_value(v));
		else
			rd_fail(r, key, "texts expected");
	}
}

void rd_refuse(struct rd *r, const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);

	if (v && !json_is_null(v) && !(json_is_string(v) && !*json_string_value(v)) &&
	    !(json_is_array(v) && !json_array_size(v)) && !(json_is_object(v) && !json_object_size(v)))
		rd_fail(r, key, "not supported");
}

int rd_parse(const char *text, size_t len, const char *name, json_t **ret, struct err *e)
{
	json_error_t je;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);

	if (!j && json_error_code(&je) == json_error_numeric_overflow)
		j = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &je);
	if (!j)
		return err_set(e, ERR_MODEL, 0, "%s:%d:%d: not valid JSON: %s", name, je.line, je.column, je.text);
	*ret = j;
	return 0;
}
