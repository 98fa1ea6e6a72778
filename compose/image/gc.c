/* SPDX-License-Identifier: Apache-2.0 */
/* Removing images, and collecting what nothing needs any more: mark from index.json, sweep blobs and layers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/manifest.h"
#include "compose/image/store.h"
#include "parser/imageref.h"

enum { PART_KEEP_S = 24 * 3600, NEST_MAX = 4 };

typedef void each_fn(struct store *s, int dir, const char *name, void *arg);

static int each_name(struct store *s, int dirfd_, each_fn *fn, void *arg)
{
	int fd = openat(dirfd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		mem_closep(&fd);
		return -1;
	}
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			fn(s, dirfd_, de->d_name, arg);
	closedir(d);
	return 0;
}

static void sweep_tmp_layer(struct store *s, int dir, const char *name, void *arg)
{
	(void)s;
	(void)arg;
	if (str_starts(name, "tmp."))
		(void)fs_rm_rf(dir, name);
}

static void sweep_part(struct store *s, int dir, const char *name, void *arg)
{
	struct stat st;

	(void)s;
	(void)arg;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime + PART_KEEP_S < time(NULL))
		(void)unlinkat(dir, name, 0);
}

void store_sweep_tmp(struct store *s)
{
	(void)each_name(s, s->layers, sweep_tmp_layer, NULL);
	(void)each_name(s, s->part, sweep_part, NULL);
}

/* -- mark -- */

struct marks { struct map blobs, layers; };      /* keys: hex digits */

static void marks_done(struct marks *m)
{
	map_done(&m->blobs);
	map_done(&m->layers);
}

static void mark_blob(struct marks *m, const char *digest)
{
	(void)map_set(&m->blobs, digest + strlen("sha256:"), m);
}

static int mark_config(struct store *s, const char *digest, struct marks *m, struct err *e)
{
	auto_image struct image *i = xcalloc(1, sizeof(*i));
	auto_free char *text = NULL;
	size_t len;

	if (blob_read(s, digest, CONFIG_MAX, &text, &len, e) < 0 || config_parse(text, len, digest, i, e) < 0)
		return -1;
	for (size_t n = 0; n < i->layers.n; n++)
		(void)map_set(&m->layers, i->layers.v[n], m);
	return 0;
}

static int mark(struct store *s, const char *digest, int depth, struct marks *m, struct err *e);

/* Other platforms' manifests of an index need not be here. */
static int mark_index(struct store *s, const char *text, size_t len, const char *digest, int depth, struct marks *m,
		      struct err *e)
{
	auto_strv struct strv children = {0};
	auto_json json_t *j = NULL;

	if (depth >= NEST_MAX)
		return err_set(e, ERR_SYS, 0, "%s: indexes within indexes", digest);
	if (json_parse(text, len, digest, &j, e) < 0)
		return -1;
	manifest_children(j, &children);
	for (size_t i = 0; i < children.n; i++)
		if (blob_exists(s, children.v[i]) && mark(s, children.v[i], depth + 1, m, e) < 0)
			return -1;
	return 0;
}

static int mark(struct store *s, const char *digest, int depth, struct marks *m, struct err *e)
{
	auto_manifest struct manifest mf = {0};
	auto_free char *text = NULL;
	size_t len;
	int rc;

	mark_blob(m, digest);
	if (blob_read(s, digest, MANIFEST_MAX, &text, &len, e) < 0)
		return -1;
	rc = manifest_parse(text, len, digest, &mf, e);
	if (rc < 0)
		return -1;
	if (rc > 0)
		return mark_index(s, text, len, digest, depth, m, e);
	mark_blob(m, mf.config.digest);
	for (size_t i = 0; i < mf.layers.n; i++)
		mark_blob(m, mf.layers.v[i].digest);
	return mark_config(s, mf.config.digest, m, e);
}

/* An image that cannot be read must not lose its layers to the collector: nothing is collected then. */
static int mark_all(struct store *s, const struct strv *used, struct marks *m, struct err *e)
{
	auto_json json_t *entries = NULL;
	const json_t *entry;
	size_t n;

	if (index_load(s, &entries, e) < 0)
		return -1;
	json_array_foreach(entries, n, entry) {
		const char *digest = json_str(entry, "digest", "");

		if (mark(s, digest, 0, m, e) < 0) {
			auto_free char *name = index_name(entry);

			err_hint(e, "remove the image %s and pull or build it again", name ? name : digest);
			return err_wrap(e, "nothing was collected: image %s is damaged", name ? name : digest);
		}
	}
	for (size_t i = 0; used && i < used->n; i++)
		(void)map_set(&m->layers, used->v[i], m);
	return 0;
}

/* -- sweep -- */

struct sweep { struct marks m; uint64_t freed; int failed; };

static void sweep_blob(struct store *s, int dir, const char *name, void *arg)
{
	struct sweep *w = arg;
	struct stat st;

	(void)s;
	if (map_has(&w->m.blobs, name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return;
	if (unlinkat(dir, name, 0) == 0)
		w->freed += (uint64_t)st.st_size;
	else
		w->failed = errno;
}

/* Out of sight first, by rename: a layer that is half removed must never look like a layer. */
static void sweep_layer(struct store *s, int dir, const char *name, void *arg)
{
	auto_free char *tmp = xasprintf("tmp.gc.%.64s", name), *info = xasprintf("%.64s.json", name);
	struct sweep *w = arg;
	struct layer_info li = {0};

	if (!is_hex64(name) || map_has(&w->m.layers, name))
		return;
	if (layer_info_read(s, name, &li) == 0)
		w->freed += li.size_bytes;
	layer_info_done(&li);
	if (renameat(dir, name, dir, tmp) < 0 || fs_rm_rf(dir, tmp) < 0 || unlinkat(dir, info, 0) < 0)
		w->failed = errno;
}

static void sweep_info(struct store *s, int dir, const char *name, void *arg)
{
	auto_free char *id = xstrndup(name, 64);

	(void)arg;
	if (strlen(name) == 69 && !strcmp(name + 64, ".json") && is_hex64(id) && !store_layer_exists(s, id))
		(void)unlinkat(dir, name, 0);
}

static int collect(struct store *s, const struct strv *used, uint64_t *freed, struct err *e)
{
	struct sweep w = {0};
	auto_close int lock = store_lock(s, e);
	int rc;

	if (lock < 0)
		return -1;
	rc = mark_all(s, used, &w.m, e);
	if (rc == 0 && (each_name(s, s->blobs, sweep_blob, &w) < 0 || each_name(s, s->layers, sweep_layer, &w) < 0 ||
			each_name(s, s->layers, sweep_info, &w) < 0))
		rc = err_set(e, ERR_SYS, errno, "read the image store");
	if (rc == 0 && w.failed && w.failed != ENOENT)
		rc = err_set(e, ERR_SYS, w.failed, "remove unused parts of the image store");
	marks_done(&w.m);
	*freed = w.freed;
	return rc;
}

int store_gc(struct store *s, const struct strv *used, uint64_t *ret_freed_bytes, struct err *e)
{
	auto_close int pin = openat(s->images, "pin", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	uint64_t freed = 0;

	if (pin < 0)
		return err_set(e, ERR_SYS, errno, "open the image store's pin");
	if (flock(pin, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return 1;
		return err_set(e, ERR_SYS, errno, "lock the image store");
	}
	store_sweep_tmp(s);
	if (collect(s, used, &freed, e) < 0)
		return -1;
	if (ret_freed_bytes)
		*ret_freed_bytes = freed;
	return 0;
}

/* -- remove -- */

void image_removed_done(struct image_removed *r)
{
	strv_done(&r->untagged);
	strv_done(&r->deleted);
	r->freed_bytes = 0;
}

/* Is ref one of the image's names, and not its id? ret: the canonical name, or NULL; caller frees */
static char *name_of(const struct image *i, const char *ref)
{
	auto_imageref struct imageref r = {0};
	auto_err struct err e = {0};
	auto_free char *name = NULL;

	if (imageref_parse(&r, ref, &e) < 0 || r.digest)
		return NULL;
	name = imageref_canonical(&r);
	return strv_has(&i->tags, name) ? take_ptr(name) : NULL;
}

/* Remove the entries with that name, or (name NULL) all of the image's. */
static void drop_entries(struct store *s, json_t *entries, const struct image *i, const char *name,
			 struct image_removed *r)
{
	for (size_t n = json_array_size(entries); n-- > 0;) {
		const json_t *entry = json_array_get(entries, n);
		auto_free char *has = index_name(entry);
		auto_image struct image *of = NULL;
		auto_err struct err e = {0};

		if (name ? !str_eq(has, name) :
		    !str_eq(json_str(entry, "digest", NULL), must(i)->manifest) &&
		    (image_load_manifest(s, json_str(entry, "digest", ""), &of, &e) < 0 || strcmp(of->id, i->id) != 0))
			continue;
		if (has)
			strv_add(&r->untagged, has);
		(void)json_array_remove(entries, n);
	}
}

static int unlist(struct store *s, const struct image *i, const char *name, struct image_removed *r, struct err *e)
{
	auto_close int lock = store_lock(s, e);
	auto_json json_t *entries = NULL;

	if (lock < 0 || index_load(s, &entries, e) < 0)
		return -1;
	drop_entries(s, entries, i, name, r);
	return index_save(s, entries, e);
}

/* A damaged image can still be removed by its name. ret: 0, 1 when there is no such name */
static int remove_damaged(struct store *s, const char *ref, struct image_removed *r, struct err *e)
{
	auto_imageref struct imageref p = {0};
	auto_err struct err ignored = {0};
	auto_free char *name = NULL;

	if (imageref_parse(&p, ref, &ignored) < 0)
		return 1;
	name = imageref_canonical(&p);
	if (unlist(s, NULL, name, r, e) < 0)
		return -1;
	return r->untagged.n ? 0 : 1;
}

static int remove_good(struct store *s, const struct image *i, const char *ref, bool force, struct image_removed *r,
		       struct err *e)
{
	auto_free char *name = name_of(i, ref);
	const bool whole = !name || i->tags.n <= 1;      /* with its last name the image goes */

	if (!name && i->tags.n > 1 && !force) {
		err_set(e, ERR_CONFLICT, 0, "image %.19s has %zu names", i->id, i->tags.n);
		return err_hint(e, "remove it by name, or use --force");
	}
	if (unlist(s, i, whole ? NULL : name, r, e) < 0)
		return -1;
	if (whole)
		strv_add(&r->deleted, i->id);
	return 0;
}

int image_remove(struct store *s, const char *ref, bool force, const struct strv *used, struct image_removed *ret,
		 struct err *e)
{
	auto_image struct image *i = NULL;
	auto_err struct err why = {0};
	int rc = image_open(s, ref, &i, &why);

	if (rc > 0)
		return err_set(e, ERR_MISSING, 0, "no such image: %s", ref);
	if (rc < 0) {
		if (why.kind == ERR_USAGE || remove_damaged(s, ref, ret, e) != 0) {
			err_done(e);
			err_move(e, &why);
			return -1;
		}
	} else if (remove_good(s, i, ref, force, ret, e) < 0) {
		return -1;
	}
	return store_gc(s, used, &ret->freed_bytes, e) < 0 ? -1 : 0;
}
