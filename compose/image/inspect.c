/* SPDX-License-Identifier: Apache-2.0 */
/* What `docker image inspect` prints. */
#include <string.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/manifest.h"
#include "compose/image/store.h"
#include "parser/imageref.h"

static json_t *familiar_names(const struct strv *names)
{
	json_t *a = json_array();

	for (size_t n = 0; n < names->n; n++) {
		auto_imageref struct imageref r = {0};
		auto_err struct err e = {0};
		auto_free char *shown = NULL;

		if (imageref_parse(&r, names->v[n], &e) < 0)
			continue;                        /* another tool's idea of a name */
		shown = imageref_familiar(&r);
		(void)json_array_append_new(a, json_string(shown));
	}
	return a;
}

/* The members that Docker prints even when they are not set. */
static json_t *full_config(const struct image_config *c)
{
	json_t *j = config_to_json(c);
	const char *const texts[] = { "Hostname", "Domainname", "User", "Image", "WorkingDir" };
	const char *const nulls[] = { "Env", "Cmd", "Entrypoint", "Volumes", "OnBuild", "Labels" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!json_object_get(j, texts[i]))
			json_put(j, texts[i], "");
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		if (!json_object_get(j, nulls[i]))
			(void)json_object_set_new(j, nulls[i], json_null());
	return j;
}

/* Overlay's directories as Docker orders them: the top one is the "upper". */
static json_t *graph_driver(struct store *s, const struct image *i)
{
	json_t *data = json_object();
	auto_str struct str lower = {0};

	for (size_t n = i->layers.n; n-- > 0;) {
		auto_free char *path = store_layer_path(s, i->layers.v[n]);

		if (n == i->layers.n - 1)
			json_put(data, "UpperDir", path);
		else
			str_addf(&lower, "%s%s", lower.len ? ":" : "", path);
	}
	if (lower.len)
		json_put(data, "LowerDir", str_cstr(&lower));
	return json_pack("{s:o, s:s}", "Data", data, "Name", "overlay2");
}

static json_t *root_fs(const struct image *i)
{
	json_t *ids = json_array();

	for (size_t n = 0; n < i->layers.n; n++)
		(void)json_array_append_new(ids, json_sprintf("sha256:%s", i->layers.v[n]));
	return json_pack("{s:s, s:o}", "Type", "layers", "Layers", ids);
}

json_t *image_inspect(struct store *s, const struct image *i)
{
	json_t *j = json_object();
	uint64_t size = image_size(s, i);

	json_put(j, "Id", i->id);
	(void)json_object_set_new(j, "RepoTags", familiar_names(&i->tags));
	(void)json_object_set_new(j, "RepoDigests", familiar_names(&i->digests));
	json_put(j, "Parent", "");
	json_put(j, "Comment", i->comment);
	json_put(j, "Created", *i->created ? i->created : "0001-01-01T00:00:00Z");
	json_put(j, "DockerVersion", "");
	json_put(j, "Author", i->author);
	(void)json_object_set_new(j, "Config", full_config(&i->conf));
	json_put(j, "Architecture", i->arch);
	if (*i->variant)
		json_put(j, "Variant", i->variant);
	json_put(j, "Os", i->os);
	(void)json_object_set_new(j, "Size", json_integer((json_int_t)size));
	(void)json_object_set_new(j, "VirtualSize", json_integer((json_int_t)size));
	(void)json_object_set_new(j, "GraphDriver", graph_driver(s, i));
	(void)json_object_set_new(j, "RootFS", root_fs(i));
	return j;
}
