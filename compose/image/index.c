/* SPDX-License-Identifier: Apache-2.0 */
/* index.json: which name means which manifest. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/manifest.h"
#include "compose/image/store.h"
#include "parser/imageref.h"

int index_load(struct store *s, json_t **ret, struct err *e)
{
	auto_json json_t *j = NULL;
	json_t *out, *entry;
	size_t i;

	*ret = NULL;
	if (json_read(s->images, "index.json", INDEX_MAX, &j, e) < 0) {
		if (e->kind != ERR_MISSING) {
			err_hint(e, "move %s/images/index.json away and pull or build the images again", s->root);
			return err_wrap(e, "read the image store's index");
		}
		err_done(e);
	}
	out = json_array();
	json_array_foreach(json_object_get(j, "manifests"), i, entry)
		if (imageref_is_digest(json_str(entry, "digest", "")))
			(void)json_array_append(out, entry);
	*ret = out;
	return 0;
}

int index_save(struct store *s, json_t *entries, struct err *e)
{
	auto_json json_t *j = json_pack("{s:i, s:s, s:O}", "schemaVersion", 2, "mediaType", TYPE_OCI_INDEX,
					"manifests", entries);

	if (json_write(s->images, "index.json", j, 0600, true, e) < 0)
		return err_wrap(e, "write the image store's index");
	return 0;
}

const char *index_note(const json_t *entry, const char *key)
{
	return json_str(json_object_get(entry, "annotations"), key, NULL);
}

char *index_name(const json_t *entry)
{
	auto_imageref struct imageref r = {0};
	auto_err struct err e = {0};
	const char *name = index_note(entry, NOTE_NAME);

	if (!name)
		name = index_note(entry, NOTE_REF);      /* written by another tool */
	if (!name || imageref_parse(&r, name, &e) < 0)
		return NULL;
	return imageref_canonical(&r);
}

static void set_note(json_t *entry, const char *key, const char *val)
{
	json_t *notes = json_object_get(entry, "annotations");

	if (!json_is_object(notes)) {
		notes = json_object();
		(void)json_object_set_new(entry, "annotations", notes);
	}
	if (val)
		json_put(notes, key, val);
	else
		(void)json_object_del(notes, key);
}

static void set_name(json_t *entry, const char *name)
{
	set_note(entry, NOTE_NAME, name);
	set_note(entry, NOTE_REF, name);
}

static bool is_manifest(const json_t *entry, const char *manifest)
{
	return str_eq(json_str(entry, "digest", NULL), manifest);
}

static size_t count(json_t *entries, const char *manifest)
{
	size_t i, n = 0;
	json_t *entry;

	json_array_foreach(entries, i, entry)
		n += is_manifest(entry, manifest);
	return n;
}

/* Take name away from other manifests; one that loses its last name stays as a dangling image. */
static bool take_name(json_t *entries, const char *name, const char *but)
{
	bool changed = false;

	for (size_t i = json_array_size(entries); i-- > 0;) {
		json_t *entry = json_array_get(entries, i);
		auto_free char *has = index_name(entry);

		if (!str_eq(has, name) || is_manifest(entry, but))
			continue;
		if (count(entries, json_str(entry, "digest", "")) > 1)
			(void)json_array_remove(entries, i);
		else
			set_name(entry, NULL);
		changed = true;
	}
	return changed;
}

/* ret: the entry that already says so, or one without a name that can say it, or NULL */
static json_t *find_place(json_t *entries, const char *manifest, const char *name, const char *repo)
{
	json_t *entry, *spare = NULL;
	size_t i;

	json_array_foreach(entries, i, entry) {
		const char *note = index_note(entry, NOTE_REPO);
		const bool repo_fits = !repo || !note || !strcmp(note, repo);
		auto_free char *has = NULL;

		if (!is_manifest(entry, manifest))
			continue;
		has = index_name(entry);
		if (name ? str_eq(has, name) : !repo || str_eq(note, repo))
			return entry;
		if (!has && repo_fits)
			spare = entry;
	}
	return spare;
}

bool index_set(json_t *entries, const char *manifest, size_t size, const char *media_type, const char *name,
	       const char *repo)
{
	bool changed = name && take_name(entries, name, manifest);
	json_t *entry = find_place(entries, manifest, name, repo);
	auto_free char *has = NULL;

	if (!entry) {
		entry = json_pack("{s:s, s:s, s:I}", "mediaType", media_type, "digest", manifest, "size",
				  (json_int_t)size);
		(void)json_array_append_new(entries, entry);
		changed = true;
	}
	has = index_name(entry);
	if (name && !str_eq(has, name)) {
		set_name(entry, name);
		changed = true;
	}
	if (repo && !str_eq(index_note(entry, NOTE_REPO), repo)) {
		set_note(entry, NOTE_REPO, repo);
		changed = true;
	}
	if (changed || repo) {                          /* repo: a pull, which counts even when it found nothing newer */
		auto_free char *now = xasprintf("%lld", (long long)time(NULL));

		set_note(entry, NOTE_TAGGED, now);
	}
	return changed;
}

int store_name(struct store *s, const char *manifest, size_t size, const char *media_type, const char *name,
	       const char *repo, struct err *e)
{
	auto_close int lock = store_lock(s, e);
	auto_json json_t *entries = NULL;
	bool changed;

	if (lock < 0 || index_load(s, &entries, e) < 0)
		return -1;
	changed = index_set(entries, manifest, size, media_type, name, repo);
	if ((changed || repo) && index_save(s, entries, e) < 0)
		return -1;
	return !changed;
}
