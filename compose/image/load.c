/* SPDX-License-Identifier: Apache-2.0 */
/* `image load`: an archive of images, as `docker save` or an OCI tool writes it. It is unpacked into a temporary
 * directory first; every path in it is then resolved inside that directory only, every digest is checked. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"
#include "compose/image/archive.h"
#include "compose/image/import.h"
#include "compose/image/ingest.h"
#include "compose/image/layer.h"

enum { IMAGES_MAX = 1000, NEST_MAX = 4 };

#define ARCHIVE_MAX (64ULL << 30)

struct load { struct store *s; int dir; struct strv *loaded; };

/* -- the archive itself -- */

struct file_source { int fd; char buf[256 << 10]; };

static long read_file(void *arg, const void **buf)
{
	struct file_source *f = arg;
	ssize_t n;

	do
		n = read(f->fd, f->buf, sizeof(f->buf));
	while (n < 0 && errno == EINTR);
	*buf = f->buf;
	return n;
}

static int unpack_archive(const char *path, int dir, struct err *e)
{
	const struct layer_opts o = {
		.no_devices = true, .compressed = true, .max_entries = 100000, .max_bytes = ARCHIVE_MAX};
	struct file_source *f = xcalloc(1, sizeof(*f));
	struct layer_stats st;
	int rc;

	f->fd = open_source(path, e);
	rc = f->fd < 0 ? -1 : layer_untar(dir, read_file, f, &o, &st, e);
	mem_closep(&f->fd);
	free(f);
	return rc;
}

/* Read a small file of the archive. */
static int read_inside(struct load *l, const char *name, size_t max, char **ret, size_t *len, struct err *e)
{
	auto_close int fd = fs_open_in(l->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	auto_free char *shown = str_printable(name);

	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "open %.200s in the archive", shown);
	return fs_read_fd(fd, shown, max, ret, len, e);
}

static int read_digest(struct load *l, const char *digest, size_t max, char **ret, size_t *len, struct err *e)
{
	auto_free char *name = xasprintf("blobs/sha256/%s", digest + strlen("sha256:"));
	char hex[SHA256_HEX_SIZE];

	if (read_inside(l, name, max, ret, len, e) < 0)
		return -1;
	sha256_hex(*ret, *len, hex);
	if (!strcmp(hex, digest + strlen("sha256:")))
		return 0;
	free(take_ptr(*ret));
	return err_set(e, ERR_SYS, 0, "%s in the archive has other bytes than its name says", name);
}

/* -- layers -- */

static int load_layer(struct load *l, const char *name, const struct ingest_opts *o, struct err *e)
{
	auto_close int fd = fs_open_in(l->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	struct ingest *g;
	int rc;

	if (store_layer_exists(l->s, o->diff_id))
		return 0;
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "open layer %.12s in the archive",
			       o->diff_id);
	rc = ingest_begin(&g, l->s, o, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	/* a partial blob may be in already: go on behind it */
	if (lseek(fd, (off_t)ingest_offset(g), SEEK_SET) < 0) {
		ingest_abort(g);
		return err_set(e, ERR_SYS, errno, "layer %.12s", o->diff_id);
	}
	if (ingest_file(g, fd, "the archive", e) < 0) {
		ingest_abort(g);
		return -1;
	}
	return ingest_end(g, NULL, e) < 0 ? err_wrap(e, "layer %.12s", o->diff_id) : 0;
}

static void note_loaded(struct load *l, const char *name, const char *id)
{
	strv_add(l->loaded, name ? name : id);
}

/* -- OCI layout -- */

static int load_manifest(struct load *l, const char *text, size_t len, const char *digest, struct manifest *m,
			 const char *name, struct err *e)
{
	auto_image struct image *i = xcalloc(1, sizeof(*i));
	auto_free char *config = NULL;
	char put[DIGEST_SIZE];
	size_t config_len = 0;

	if (read_digest(l, m->config.digest, CONFIG_MAX, &config, &config_len, e) < 0 ||
	    config_parse(config, config_len, "configuration", i, e) < 0)
		return -1;
	if (i->layers.n != m->layers.n)
		return err_set(e, ERR_SYS, 0, "the manifest has %zu layers and the configuration %zu", m->layers.n,
			       i->layers.n);
	for (size_t n = 0; n < m->layers.n; n++) {
		const struct blob_desc *d = &m->layers.v[n];
		const struct ingest_opts o = { .digest = d->digest, .size = d->size, .diff_id = i->layers.v[n],
					       .blob_type = d->type };
		auto_free char *file = xasprintf("blobs/sha256/%s", d->digest + strlen("sha256:"));

		if (load_layer(l, file, &o, e) < 0)
			return -1;
	}
	if (blob_put(l->s, config, config_len, put, e) < 0 || blob_put(l->s, text, len, put, e) < 0 ||
	    store_name(l->s, digest, len, m->type, name, NULL, e) < 0)
		return -1;
	note_loaded(l, name, m->config.digest);
	return 0;
}

static int load_digest(struct load *l, const char *digest, const char *name, int depth, struct err *e)
{
	auto_manifest struct manifest m = {0};
	auto_free char *text = NULL;
	struct blob_desc child = {0};
	struct platform here;
	size_t len = 0;
	int rc;

	if (read_digest(l, digest, MANIFEST_MAX, &text, &len, e) < 0)
		return -1;
	rc = manifest_parse(text, len, digest, &m, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return load_manifest(l, text, len, digest, &m, name, e);
	if (depth >= NEST_MAX)
		return err_set(e, ERR_SYS, 0, "indexes within indexes");
	if (platform_parse(&here, NULL, e) < 0 || manifest_pick(text, len, name ? name : digest, &here, &child, e) < 0)
		return -1;
	rc = load_digest(l, child.digest, name, depth + 1, e);
	blob_desc_done(&child);
	return rc;
}

static int load_oci(struct load *l, const json_t *index, struct err *e)
{
	const json_t *entry, *list = json_object_get(index, "manifests");
	size_t n;

	if (!json_array_size(list) || json_array_size(list) > IMAGES_MAX)
		return err_set(e, ERR_SYS, 0, "index.json of the archive names no images, or too many");
	json_array_foreach(list, n, entry) {
		const char *digest = json_str(entry, "digest", "");
		auto_free char *name = index_name(entry);

		if (!imageref_is_digest(digest))
			return err_set(e, ERR_SYS, 0, "index.json of the archive has an entry without a sha256 digest");
		if (load_digest(l, digest, name, 0, e) < 0)
			return err_wrap(e, "image %s", name ? name : digest);
	}
	return 0;
}

/* -- docker save, before it wrote an OCI layout as well -- */

static int name_all(struct load *l, const json_t *entry, const char *manifest, size_t len, const char *id,
		    struct err *e)
{
	const json_t *tags = json_object_get(entry, "RepoTags"), *tag;
	size_t n, named = 0;

	json_array_foreach(tags, n, tag) {
		auto_imageref struct imageref r = {0};
		auto_free char *name = NULL;

		if (!json_is_string(tag))
			continue;
		if (imageref_parse(&r, json_string_value(tag), e) < 0)
			return -1;
		name = imageref_canonical(&r);
		if (store_name(l->s, manifest, len, TYPE_OCI_MANIFEST, name, NULL, e) < 0)
			return -1;
		note_loaded(l, name, id);
		named++;
	}
	if (named)
		return 0;
	note_loaded(l, NULL, id);
	return store_name(l->s, manifest, len, TYPE_OCI_MANIFEST, NULL, NULL, e) < 0 ? -1 : 0;
}

static int load_docker_image(struct load *l, const json_t *entry, struct err *e)
{
	const json_t *files = json_object_get(entry, "Layers"), *file;
	auto_image struct image *i = xcalloc(1, sizeof(*i));
	char config_digest[DIGEST_SIZE], digest[DIGEST_SIZE];
	auto_free char *config = NULL;
	size_t len = 0, manifest_len = 0, n;

	if (read_inside(l, json_str(entry, "Config", ""), CONFIG_MAX, &config, &len, e) < 0 ||
	    config_parse(config, len, "configuration", i, e) < 0)
		return -1;
	if (json_array_size(files) != i->layers.n)
		return err_set(e, ERR_SYS, 0, "manifest.json of the archive has %zu layers and the configuration %zu",
			       json_array_size(files), i->layers.n);
	json_array_foreach(files, n, file) {
		const struct ingest_opts o = { .size = -1, .diff_id = i->layers.v[n] };

		if (!json_is_string(file))
			return err_set(e, ERR_SYS, 0, "manifest.json of the archive names a layer by no text");
		if (load_layer(l, json_string_value(file), &o, e) < 0)
			return -1;
	}
	if (blob_put(l->s, config, len, config_digest, e) < 0 ||
	    manifest_commit(l->s, config_digest, len, &i->layers, digest, &manifest_len, e) < 0)
		return -1;
	return name_all(l, entry, digest, manifest_len, config_digest, e);
}

static int load_docker(struct load *l, const json_t *list, struct err *e)
{
	const json_t *entry;
	size_t n;

	if (!json_array_size(list) || json_array_size(list) > IMAGES_MAX)
		return err_set(e, ERR_SYS, 0, "manifest.json of the archive names no images, or too many");
	json_array_foreach(list, n, entry)
		if (load_docker_image(l, entry, e) < 0)
			return -1;
	return 0;
}

/* -- both -- */

static int load_dir(struct load *l, struct err *e)
{
	auto_json json_t *j = NULL;
	auto_free char *text = NULL;
	size_t len = 0;

	/* the older file names all tags of an image; blobs of newer archives fit both */
	if (read_inside(l, "manifest.json", MANIFEST_MAX, &text, &len, e) == 0)
		return json_parse(text, len, "manifest.json", &j, e) < 0 ? -1 : load_docker(l, j, e);
	if (e->kind != ERR_MISSING)
		return -1;
	err_done(e);
	if (read_inside(l, "index.json", MANIFEST_MAX, &text, &len, e) == 0)
		return json_parse(text, len, "index.json", &j, e) < 0 ? -1 : load_oci(l, j, e);
	if (e->kind == ERR_MISSING) {
		err_done(e);
		err_set(e, ERR_USAGE, 0, "it has neither manifest.json nor index.json");
		return err_hint(e, "a root file system is taken in by `image import FILE NAME`");
	}
	return -1;
}

static int load(struct store *s, const char *path, struct strv *loaded, struct err *e)
{
	auto_free char *tmp = NULL;
	auto_close int dir = store_tmp_dir(s, &tmp, e);
	struct load l = { s, dir, loaded };
	int rc;

	if (dir < 0)
		return -1;
	rc = unpack_archive(path, dir, e);
	if (rc == 0)
		rc = load_dir(&l, e);
	(void)fs_rm_rf(s->layers, tmp);
	return rc;
}

int image_load(struct store *s, const char *path, struct strv *loaded, struct err *e)
{
	int rc;

	if (store_pin(s, e) < 0)
		return -1;
	rc = load(s, path, loaded, e);
	store_unpin(s);
	return rc < 0 ? err_wrap(e, "load %s", path) : 0;
}
