/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/artefact.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include "compose/base/fs.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"
#include "compose/image/registry.h"
#include "compose/image/store.h"

#define TYPE_PROJECT "application/vnd.docker.compose.project"
#define TYPE_EMPTY_CONFIG "application/vnd.docker.compose.config.empty.v1+json"
#define TYPE_YAML "application/vnd.docker.compose.file+yaml"
#define TYPE_OCI_EMPTY "application/vnd.oci.empty.v1+json"
#define TYPE_ENV "application/vnd.docker.compose.envfile"

void artefact_done(struct artefact *a)
{
	for (size_t i = 0; i < a->files.n; i++) {
		free(a->files.v[i].name);
		blob_desc_done(&a->files.v[i].blob);
	}
	vec_done(&a->files);
}

/* One component, nothing that a shell, a terminal or a file system would take for more. */
static bool plain_name(const char *s)
{
	size_t n = strlen(s);

	return n && n < NAME_MAX && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && *s != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") == n;
}

static const struct artefact_file *find(const struct artefact *a, const char *name)
{
	for (size_t i = 0; i < a->files.n; i++)
		if (!strcmp(a->files.v[i].name, name))
			return &a->files.v[i];
	return NULL;
}

static int read_blob(const json_t *layer, const char *name, struct blob_desc *ret, struct err *e)
{
	const char *digest = json_str(layer, "digest", "");
	int64_t size = json_int(layer, "size", -1);

	if (!imageref_is_digest(digest) || size < 0 || size > ARTEFACT_BYTES_MAX)
		return err_set(e, ERR_MODEL, 0, "%s: a layer without digest or with an impossible size", name);
	*ret = (struct blob_desc){xstrdup(json_str(layer, "mediaType", "")), xstrdup(digest), size};
	return 0;
}

/* Layers of other types (digests of images, signatures) are no files of the project. */
static int add_layer(struct artefact *a, const json_t *layer, const char *name, struct err *e)
{
	const char *type = json_str(layer, "mediaType", "");
	const json_t *notes = json_object_get(layer, "annotations");
	bool yaml = str_eq(type, TYPE_YAML), env = str_eq(type, TYPE_ENV);
	const json_t *named = json_object_get(notes, env ? "com.docker.compose.envfile" : "com.docker.compose.file");
	const char *file = json_string_value(named);
	struct artefact_file f = {.joins = yaml && !json_object_get(notes, "com.docker.compose.extends")};

	if (!yaml && !env)
		return 0;
	if (f.joins)
		file = "compose.yaml";
	if (!file || !plain_name(file) || (!f.joins && strlen(file) != json_string_length(named))) {
		auto_free char *shown = str_printable(file ? file : "");

		return err_set(e, ERR_MODEL, 0, "%s: a layer names a file that is none of its own: \"%.200s\"", name,
			       shown);
	}
	if (find(a, file) && !(f.joins && find(a, file)->joins))
		return err_set(e, ERR_MODEL, 0, "%s: two layers are named %s", name, file);
	if (a->files.n >= ARTEFACT_FILES_MAX)
		return err_set(e, ERR_MODEL, 0, "%s has more than %d files", name, ARTEFACT_FILES_MAX);
	if (read_blob(layer, name, &f.blob, e) < 0)
		return -1;
	f.name = xstrdup(file);
	vec_push(&a->files, f);
	return 0;
}

int artefact_parse(const char *text, size_t len, const char *name, struct artefact *ret, struct err *e)
{
	auto_json json_t *j = NULL;
	auto_artefact struct artefact a = {0};
	const json_t *layers;
	int64_t total = 0;

	if (json_parse(text, len, name, &j, e) < 0)
		return -1;
	layers = json_object_get(j, "layers");
	if (!str_eq(json_str(j, "artifactType", ""), TYPE_PROJECT) &&
	    !str_eq(json_str(json_object_get(j, "config"), "mediaType", ""), TYPE_EMPTY_CONFIG))
		return err_set(e, ERR_MODEL, 0, "%s is no compose project, but another kind of artefact", name);
	for (size_t i = 0; i < json_array_size(layers); i++)
		if (add_layer(&a, json_array_get(layers, i), name, e) < 0)
			return -1;
	for (size_t i = 0; i < a.files.n; i++)
		total += a.files.v[i].blob.size;
	if (total > ARTEFACT_BYTES_MAX)
		return err_set(e, ERR_MODEL, 0, "%s holds more than %d MiB", name, ARTEFACT_BYTES_MAX >> 20);
	if (!find(&a, "compose.yaml"))
		return err_set(e, ERR_MODEL, 0, "%s has no compose file", name);
	*ret = a;
	a = (struct artefact){0};
	return 0;
}

static int write_file(int dir, const char *name, const char *text, size_t len, struct err *e)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fs_write_all(fd, text, len) < 0)
		return err_set(e, ERR_SYS, errno, "write %s", name);
	return 0;
}

int artefact_fetch(const struct artefact *a, struct registry *reg, int dir, struct err *e)
{
	auto_str struct str compose = STR_MAX(ARTEFACT_BYTES_MAX + 5 * ARTEFACT_FILES_MAX);

	for (size_t i = 0; i < a->files.n; i++) {
		const struct artefact_file *f = &a->files.v[i];
		auto_free char *text = NULL;
		size_t len = 0;

		if (registry_blob(reg, &f->blob, (size_t)f->blob.size + 1, &text, &len, e) < 0)
			return err_wrap(e, "fetch the file %s", f->name);
		if (f->joins) {
			str_add(&compose, compose.len ? "\n---\n" : "");
			str_addn(&compose, text, len);
		} else if (write_file(dir, f->name, text, len, e) < 0) {
			return -1;
		}
	}
	return write_file(dir, "compose.yaml", str_cstr(&compose), compose.len, e);
}

/* ---- publishing ------------------------------------------------------------------------------ */

static void digest_of(const char *text, size_t len, char ret[DIGEST_SIZE])
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(text, len, hex);
	(void)snprintf(ret, DIGEST_SIZE, "sha256:%s", hex);
}

/* ret: the descriptor, a new reference; NULL with e */
static json_t *put_text(struct registry *reg, const char *type, const char *text, size_t len, struct err *e)
{
	static const struct fetch_watch quiet;
	const struct blob_src src = { .buf = text, .fd = -1 };
	char digest[DIGEST_SIZE];
	struct blob_desc d = { (char *)(uintptr_t)type, digest, (int64_t)len };
	int r;

	digest_of(text, len, digest);
	r = registry_has(reg, &d, e);
	if (r < 0 || (r == 0 && registry_send(reg, &d, &src, &quiet, e) < 0))
		return NULL;
	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size", (json_int_t)len);
}

static json_t *put_layers(struct registry *reg, const struct artefact_text *v, size_t n, struct err *e)
{
	json_t *layers = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *d = put_text(reg, v[i].env ? TYPE_ENV : TYPE_YAML, v[i].text, v[i].len, e);

		if (!d) {
			json_decref(layers);
			return NULL;
		}
		(void)json_object_set_new(d, "annotations",
					  json_pack("{s:s, s:s}", "com.docker.compose.version", COMPOSE_VERSION,
						    v[i].env ? "com.docker.compose.envfile" : "com.docker.compose.file", v[i].name));
		(void)json_array_append_new(layers, d);
	}
	return layers;
}

int artefact_put(struct registry *reg, const char *tag, const struct artefact_text *v, size_t n, bool old, char ret_digest[72],
		 struct err *e)
{
	auto_json json_t *j = json_object();
	auto_free char *text = NULL;
	json_t *layers = put_layers(reg, v, n, e), *config;

	if (!layers)
		return -1;
	config = put_text(reg, old ? TYPE_EMPTY_CONFIG : TYPE_OCI_EMPTY, "{}", 2, e);
	(void)json_object_set_new(j, "schemaVersion", json_integer(2));
	json_put(j, "mediaType", TYPE_OCI_MANIFEST);
	if (!old)
		json_put(j, "artifactType", TYPE_PROJECT);
	(void)json_object_set_new(j, "config", config);
	(void)json_object_set_new(j, "layers", layers);
	if (!config)
		return -1;
	text = json_dumps(j, JSON_COMPACT);
	digest_of(text, strlen(text), ret_digest);
	return registry_put_manifest(reg, tag, TYPE_OCI_MANIFEST, text, strlen(text), e);
}
