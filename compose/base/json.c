/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/json.h"
#include "compose/base/fs.h"
#include "compose/base/mem.h"

enum { FRAMES_TAKEN_MAX = 64 };        /* of another process's report */

int json_parse(const char *text, size_t len, const char *name, json_t **ret, struct err *e)
{
	json_error_t je;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);

	if (!j)
		return err_set(e, ERR_SYS, 0, "%s:%d:%d: not valid JSON: %s", name, je.line, je.column, je.text);
	*ret = j;
	return 0;
}

int json_read(int dirfd, const char *path, size_t max, json_t **ret, struct err *e)
{
	auto_free char *buf = NULL;
	size_t len;

	if (fs_read(dirfd, path, max, &buf, &len, e) < 0)
		return -1;
	return json_parse(buf, len, path, ret, e);
}

int json_write(int dirfd, const char *path, const json_t *j, mode_t mode, bool sync, struct err *e)
{
	auto_free char *text = json_dumps(j, JSON_COMPACT);

	if (!text)
		return err_set(e, ERR_BUG, 0, "write %s: text that is not UTF-8", path);
	return fs_write(dirfd, path, text, strlen(text), mode, sync, e);
}

const char *json_str(const json_t *j, const char *key, const char *dflt)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : dflt;
}

int64_t json_int(const json_t *j, const char *key, int64_t dflt)
{
	const json_t *v = json_object_get(j, key);

	return json_is_integer(v) ? json_integer_value(v) : dflt;
}

bool json_flag(const json_t *j, const char *key, bool dflt)
{
	const json_t *v = json_object_get(j, key);

	return json_is_boolean(v) ? json_is_true(v) : dflt;
}

void json_strv(const json_t *j, const char *key, struct strv *out)
{
	const json_t *a = json_object_get(j, key), *v;
	size_t i;

	json_array_foreach(a, i, v)
		if (json_is_string(v))
			strv_add(out, json_string_value(v));
}

json_t *json_from_strv(char *const *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; v && i < n && (n != (size_t)-1 || v[i]); i++)
		(void)json_array_append_new(a, json_string(v[i]));
	return a;
}

void json_put(json_t *j, const char *key, const char *s)
{
	if (s)
		(void)json_object_set_new(j, key, json_string(s));
}

json_t *err_to_json(const struct err *e)
{
	json_t *j = json_pack("{s:i,s:i}", "kind", (int)e->kind, "sysno", e->sysno);

	json_put(j, "at", e->at);
	json_put(j, "hint", e->hint);
	(void)json_object_set_new(j, "frames", json_from_strv(e->frame, e->n));
	return j;
}

void err_from_json(struct err *e, const json_t *j)
{
	const json_t *frames = json_object_get(j, "frames"), *v;
	int64_t kind = json_int(j, "kind", ERR_BUG), sysno = json_int(j, "sysno", 0);
	size_t i;

	err_done(e);
	json_array_foreach(frames, i, v) {
		const char *s = json_string_value(v) ? json_string_value(v) : "?";

		if (i == FRAMES_TAKEN_MAX)
			break;
		if (i == 0)
			err_set(e, kind > ERR_NONE && kind <= ERR_NOEXEC ? (enum err_kind)kind : ERR_BUG, 0, "%s", s);
		else
			err_wrap(e, "%s", s);
	}
	if (!e->n)
		err_set(e, ERR_BUG, 0, "a failure without a reason");
	e->sysno = sysno > 0 && sysno <= 4095 ? (int)sysno : 0;
	e->at = xstrdup(json_str(j, "at", NULL));
	e->hint = xstrdup(json_str(j, "hint", NULL));
}
