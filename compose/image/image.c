/* SPDX-License-Identifier: Apache-2.0 */
/* Images as the index, the manifests and the configurations say: find, list, tag, commit. */
#include "compose/image/image.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/import.h"
#include "compose/image/manifest.h"
#include "compose/image/store.h"
#include "parser/imageref.h"

enum { NEST_MAX = 4 };

/* Read a manifest; of an index, the one for this machine. ret: *ret_digest is the manifest's own, caller frees */
static int read_manifest(struct store *s, const char *digest, int depth, struct manifest *ret, char **ret_digest,
			 struct err *e)
{
	struct blob_desc next = {0};
	auto_free char *text = NULL;
	struct platform here;
	size_t len;
	int rc;

	if (blob_read(s, digest, MANIFEST_MAX, &text, &len, e) < 0)
		return -1;
	rc = manifest_parse(text, len, digest, ret, e);
	if (rc == 0)
		*ret_digest = xstrdup(digest);
	if (rc <= 0)
		return rc;
	if (depth >= NEST_MAX)
		return err_set(e, ERR_SYS, 0, "%s: indexes within indexes", digest);
	if (platform_parse(&here, NULL, e) < 0 || manifest_pick(text, len, digest, &here, &next, e) < 0)
		return -1;
	rc = read_manifest(s, next.digest, depth + 1, ret, ret_digest, e);
	blob_desc_done(&next);
	return rc;
}

bool image_fits(const struct image *i, const char *platform)
{
	auto_err struct err ignored = {0};
	struct platform want;

	if (!*platform || !*i->arch || platform_parse(&want, platform, &ignored) < 0)
		return true;
	return str_eq(i->os, want.os) && str_eq(i->arch, want.arch) &&
	       (!*want.variant || !*i->variant || str_eq(i->variant, want.variant));
}

static int load_image(struct store *s, const char *digest, struct image **ret, struct err *e)
{
	auto_image struct image *i = xcalloc(1, sizeof(*i));
	auto_manifest struct manifest m = {0};
	auto_free char *text = NULL;
	size_t len;

	if (read_manifest(s, digest, 0, &m, &i->manifest, e) < 0 ||
	    blob_read(s, m.config.digest, CONFIG_MAX, &text, &len, e) < 0 ||
	    config_parse(text, len, m.config.digest, i, e) < 0)
		return -1;
	if (m.layers.n != i->layers.n)
		return err_set(e, ERR_SYS, 0, "the manifest has %zu layers and the configuration %zu", m.layers.n,
			       i->layers.n);
	i->id = xstrdup(m.config.digest);
	*ret = take_ptr(i);
	return 0;
}

int image_load_manifest(struct store *s, const char *manifest, struct image **ret, struct err *e)
{
	if (load_image(s, manifest, ret, e) == 0)
		return 0;
	err_hint(e, "remove the image and pull, import or build it again");
	return err_wrap(e, "image with manifest %.19s is damaged", manifest);
}

/* Add what the entry says about the image. */
static void add_names(struct image *i, const json_t *entry)
{
	const char *repo = index_note(entry, NOTE_REPO);
	auto_free char *name = index_name(entry);

	if (name && !strv_has(&i->tags, name))
		strv_take(&i->tags, take_ptr(name));
	if (repo && !strv_has(&i->digests, repo))
		strv_add(&i->digests, repo);
}

static void add_all_names(struct image *i, const json_t *entries, const char *digest)
{
	const json_t *entry;
	size_t n;

	json_array_foreach(entries, n, entry)
		if (str_eq(json_str(entry, "digest", NULL), digest))
			add_names(i, entry);
}

/* -- list -- */

static struct image *find_id(const struct images *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i]->id, id))
			return l->v[i];
	return NULL;
}

static int newest_first(const void *a, const void *b)
{
	const struct image *x = *(struct image *const *)a, *y = *(struct image *const *)b;

	if (x->created_s != y->created_s)
		return x->created_s < y->created_s ? 1 : -1;
	return strcmp(x->id, y->id);
}

uint64_t image_size(struct store *s, const struct image *i)
{
	uint64_t sum = 0;

	for (size_t n = 0; n < i->layers.n; n++) {
		struct layer_info info = {0};

		if (layer_info_read(s, i->layers.v[n], &info) == 0)
			sum += info.size_bytes;
		layer_info_done(&info);
	}
	return sum;
}

static int list_images(struct store *s, const json_t *entries, struct images *ret, struct errs *warn)
{
	auto_map struct map seen = {0};          /* manifest -> image: one that has many names is read once */
	const json_t *entry;
	size_t n;

	json_array_foreach(entries, n, entry) {
		const char *digest = json_str(entry, "digest", "");
		struct image *i = map_get(&seen, digest), *same;
		struct err e = {0};

		if (!i && !map_has(&seen, digest)) {
			if (image_load_manifest(s, digest, &i, &e) < 0) {
				if (warn)
					(void)errs_add(warn, &e);
				err_done(&e);
			} else if ((same = find_id(ret, must(i)->id))) {
				image_free(i);
				i = same;
			} else {
				vec_push(ret, i);
			}
			(void)map_set(&seen, digest, i);
		}
		if (i)
			add_names(i, entry);
	}
	return 0;
}

int image_list(struct store *s, struct images *ret, struct errs *warn, struct err *e)
{
	auto_images struct images l = {0};
	auto_json json_t *entries = NULL;

	if (index_load(s, &entries, e) < 0 || list_images(s, entries, &l, warn) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		l.v[i]->size_bytes = image_size(s, l.v[i]);
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), newest_first);
	*ret = l;
	memset(&l, 0, sizeof(l));
	return 0;
}

/* -- find -- */

/* Does the entry carry the name, or, for a reference with a digest, that digest of that repository (or manifest)? */
static bool entry_matches(const json_t *entry, const struct imageref *r, const char *canonical, const char *repo)
{
	auto_free char *name = NULL, *base = NULL;

	if (!r->digest) {
		name = index_name(entry);
		return str_eq(name, canonical);
	}
	if (str_eq(index_note(entry, NOTE_REPO), repo))
		return true;
	if (!str_eq(json_str(entry, "digest", NULL), r->digest))
		return false;
	name = index_name(entry);
	base = imageref_name(r, false);
	return name && str_starts(name, base) && name[strlen(base)] == ':';
}

static const json_t *find_name(const json_t *entries, const struct imageref *r)
{
	auto_free char *canonical = imageref_canonical(r), *base = imageref_name(r, false);
	auto_free char *repo = xasprintf("%s@%s", base, r->digest ? r->digest : "");
	const json_t *entry;
	size_t n;

	json_array_foreach(entries, n, entry)
		if (entry_matches(entry, r, canonical, repo))
			return entry;
	return NULL;
}

/* "sha256:0123ab" or "0123ab". ret: the digits, or NULL when ref cannot be an id */
static const char *id_digits(const char *ref)
{
	size_t n;

	if (str_starts(ref, "sha256:"))
		ref += strlen("sha256:");
	n = strlen(ref);
	return n >= 2 && n <= 64 && strspn(ref, "0123456789abcdef") == n ? ref : NULL;
}

static int find_by_id(struct store *s, const json_t *entries, const char *ref, struct image **ret, struct err *e)
{
	auto_images struct images l = {0};
	const char *digits = id_digits(ref);
	size_t found = 0, at = 0;

	if (!digits)
		return 1;
	(void)list_images(s, entries, &l, NULL);
	for (size_t i = 0; i < l.n; i++)
		if (str_starts(l.v[i]->id + strlen("sha256:"), digits)) {
			at = i;
			found++;
		}
	if (!found)
		return 1;
	if (found > 1)
		return err_set(e, ERR_USAGE, 0, "image id \"%s\" is ambiguous: %zu images begin with it", ref, found);
	*ret = l.v[at];
	vec_remove(&l, at);
	return 0;
}

int image_open(struct store *s, const char *ref, struct image **ret, struct err *e)
{
	auto_imageref struct imageref r = {0};
	auto_json json_t *entries = NULL;
	const json_t *entry = NULL;
	struct image *i = NULL;
	const char *digest, *tagged;

	if (index_load(s, &entries, e) < 0)
		return -1;
	if (!str_starts(ref, "sha256:") && !is_hex64(ref)) {
		if (imageref_parse(&r, ref, e) < 0)
			return -1;
		entry = find_name(entries, &r);
	}
	if (!entry)
		return find_by_id(s, entries, ref, ret, e);
	digest = json_str(entry, "digest", "");
	tagged = index_note(entry, NOTE_TAGGED);
	if (image_load_manifest(s, digest, &i, e) < 0)
		return err_wrap(e, "open image %s", ref);
	i = must(i);
	add_all_names(i, entries, digest);
	if (tagged && str_to_i64(tagged, &i->tagged_s) && i->tagged_s < 0)
		i->tagged_s = 0;
	*ret = i;
	return 0;
}

/* -- tag -- */

int image_tag(struct store *s, const char *ref, const char *new_ref, struct err *e)
{
	auto_imageref struct imageref r = {0};
	auto_image struct image *i = NULL;
	auto_free char *name = NULL;
	auto_close int fd = -1;
	struct stat st;
	int rc;

	if (imageref_parse(&r, new_ref, e) < 0)
		return -1;
	if (r.digest)
		return err_set(e, ERR_USAGE, 0, "\"%s\": a new name cannot have a digest", new_ref);
	rc = image_open(s, ref, &i, e);
	if (rc < 0)
		return -1;
	if (rc > 0)
		return err_set(e, ERR_MISSING, 0, "no such image: %s", ref);
	name = imageref_canonical(&r);
	fd = blob_open(s, must(i)->manifest);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, ERR_SYS, errno, "open the manifest of %s", ref);
	rc = store_name(s, i->manifest, (size_t)st.st_size, TYPE_OCI_MANIFEST, name, NULL, e);
	return rc < 0 ? -1 : 0;
}

/* -- commit -- */

/* Descriptor of a layer: of its blob where one is known, else of the directory itself. */
static json_t *layer_desc(struct store *s, const char *id)
{
	struct layer_info info = {0};
	json_t *j;

	if (layer_info_read(s, id, &info) == 0 && info.blob && blob_exists(s, info.blob)) {
		j = json_pack("{s:s, s:s, s:I}", "mediaType", info.blob_type, "digest", info.blob, "size",
			      (json_int_t)info.blob_size);
	} else {
		j = json_pack("{s:s, s:I}", "mediaType", LAYER_DIR_TYPE, "size", (json_int_t)0);
		(void)json_object_set_new(j, "digest", json_sprintf("sha256:%s", id));
	}
	layer_info_done(&info);
	return j;
}

static int put_json(struct store *s, const json_t *j, char ret[DIGEST_SIZE], size_t *ret_len, struct err *e)
{
	auto_free char *text = json_dumps(j, JSON_COMPACT);

	if (!text)
		return err_set(e, ERR_USAGE, 0, "the image's configuration has text that is not UTF-8");
	*ret_len = strlen(text);
	return blob_put(s, text, *ret_len, ret, e);
}

int manifest_commit(struct store *s, const char *config_digest, size_t config_len, const struct strv *layers,
		    char ret[DIGEST_SIZE], size_t *ret_len, struct err *e)
{
	auto_json json_t *manifest = NULL;
	json_t *descs = json_array();

	for (size_t n = 0; n < layers->n; n++)
		(void)json_array_append_new(descs, layer_desc(s, layers->v[n]));
	manifest = json_pack("{s:i, s:s, s:{s:s, s:s, s:I}, s:o}", "schemaVersion", 2, "mediaType", TYPE_OCI_MANIFEST,
			     "config", "mediaType", TYPE_OCI_CONFIG, "digest", config_digest, "size",
			     (json_int_t)config_len, "layers", descs);
	return put_json(s, manifest, ret, ret_len, e);
}

static int check_layers(struct store *s, const struct image *spec, struct err *e)
{
	if (spec->layers.n > LAYERS_MAX)
		return err_set(e, ERR_USAGE, 0, "an image cannot have more than %d layers", LAYERS_MAX);
	for (size_t n = 0; n < spec->layers.n; n++)
		if (!store_layer_exists(s, spec->layers.v[n]))
			return err_set(e, ERR_MISSING, 0, "layer %.12s is not in the image store", spec->layers.v[n]);
	return 0;
}

/* JSON leaves out what is not UTF-8: a variable that is lost must not go unnoticed. */
static int check_text(const struct image_config *c, const json_t *config, struct err *e)
{
	struct image_config back = {0};
	bool lost;

	config_from_json(json_object_get(config, "config"), &back);
	lost = back.env.n != c->env.n || back.cmd.n != c->cmd.n || back.entrypoint.n != c->entrypoint.n ||
	       back.labels.n != c->labels.n || back.shell.n != c->shell.n || back.onbuild.n != c->onbuild.n ||
	       !back.user != !(c->user && *c->user) || !back.workdir != !(c->workdir && *c->workdir);
	image_config_done(&back);
	return lost ? err_set(e, ERR_USAGE, 0, "the image's configuration has text that is not UTF-8") : 0;
}

static int commit(struct store *s, const struct image *spec, const char *ref, struct image **ret, struct err *e)
{
	auto_imageref struct imageref r = {0};
	auto_json json_t *config = NULL;
	auto_free char *name = NULL;
	char digest[DIGEST_SIZE];
	size_t len = 0;

	if (ref) {
		if (imageref_parse(&r, ref, e) < 0)
			return -1;
		if (r.digest)
			return err_set(e, ERR_USAGE, 0,
				       "\"%s\": an image that is made here cannot be named by a digest", ref);
		name = imageref_canonical(&r);
	}
	config = image_to_json(spec);
	if (check_layers(s, spec, e) < 0 || check_text(&spec->conf, config, e) < 0 ||
	    put_json(s, config, digest, &len, e) < 0 ||
	    manifest_commit(s, digest, len, &spec->layers, digest, &len, e) < 0 ||
	    store_name(s, digest, len, TYPE_OCI_MANIFEST, name, NULL, e) < 0)
		return -1;
	if (!ret)
		return 0;
	if (image_load_manifest(s, digest, ret, e) < 0)
		return -1;
	if (name)
		strv_add(&(*ret)->tags, name);
	return 0;
}

int image_commit(struct store *s, const struct image *spec, const char *ref, struct image **ret, struct err *e)
{
	int rc;

	if (store_pin(s, e) < 0)
		return -1;
	rc = commit(s, spec, ref, ret, e);
	store_unpin(s);
	return rc;
}

/* -- layers for the runtime -- */

static int empty_layer(struct store *s)
{
	if (mkdirat(s->layers, "empty", 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(s->layers, "empty", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int image_layer_fds(struct store *s, const struct image *i, int **ret, size_t *ret_n, struct err *e)
{
	size_t n = i->layers.n ? i->layers.n : 1;
	auto_free int *fds = NULL;

	if (image_ensure(s, i, e) < 0)
		return -1;
	fds = xcalloc(n, sizeof(*fds));
	for (size_t k = 0; k < n; k++) {
		fds[k] = i->layers.n ? store_layer_fd(s, i->layers.v[k]) : empty_layer(s);
		if (fds[k] < 0) {
			err_set(e, ERR_SYS, errno, "open layer %.12s", i->layers.n ? i->layers.v[k] : "empty");
			while (k--)
				(void)close(fds[k]);
			return -1;
		}
	}
	*ret = take_ptr(fds);
	*ret_n = n;
	return 0;
}
