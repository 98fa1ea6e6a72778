/* SPDX-License-Identifier: Apache-2.0 */
/* push.c - an image of the store goes to its registry: layers, configuration, manifest, in that order. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/gzip_out.h"
#include "compose/image/registry.h"
#include "compose/image/store.h"
#include "compose/image/tar_out.h"

/* What a layer is in the registry. */
struct sent { struct blob_desc d; char *diff; };
struct push {
	struct store *s;
	const struct push_opts *o;
	struct imageref ref;
	struct registry *reg;
	struct image *image;
	VEC(struct sent) sent;
	bool changed;                        /* some layer has another diff id than the configuration says */
	size_t at;                           /* the layer being sent */
	uint64_t size;                       /* its bytes, compressed */
};

static void tell(const struct push *p, enum push_state state, uint64_t done, uint64_t total, const char *note)
{
	auto_free char *id = p->at < p->image->layers.n ? xstrndup(p->image->layers.v[p->at], 12) : xstrdup("");
	const struct push_progress pr = { .state = state, .layer = id, .index = p->at, .n_layers = p->image->layers.n,
					  .done_bytes = done, .total_bytes = total, .note = note };

	if (p->o->progress)
		p->o->progress(p->o->arg, &pr);
}

/* ---- packing --------------------------------------------------------------------------------- */

struct pack { struct gzip_out *gz; struct sha256 diff; struct err *e; };

static int on_tar(void *arg, const void *buf, size_t len)
{
	struct pack *k = arg;

	sha256_add(&k->diff, buf, len);
	return gzip_out_write(k->gz, buf, len, k->e);
}

static int write_tar(struct pack *k, int dir, struct err *e)
{
	const struct tar_out_opts o = { .whiteouts = true, .one_mount = true };
	auto_err struct err why = {0};
	auto_tar_out struct tar_out *t = NULL;

	if (tar_out_new_fn(&t, on_tar, k, e) < 0)
		return -1;
	if (tar_out_tree(t, dir, "", "", &o, &why) == 0 && tar_out_end(t, &why) == 0)
		return 0;
	if (k->e->n)                              /* the writer knows better than libarchive */
		return -1;
	err_move(e, &why);
	return -1;
}

/* Make the tar of the layer's directory. ret: its file, unlinked, with what it is in *info (made ...); -1 with e */
static int pack_layer(struct push *p, const char *id, struct layer_info *info, struct err *e)
{
	auto_close int dir = store_layer_fd(p->s, id);
	auto_close int fd = openat(p->s->part, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	auto_gzip_out struct gzip_out *gz = NULL;
	char hex[SHA256_HEX_SIZE];
	struct pack k = { .e = e };
	uint64_t len;

	if (dir < 0 || fd < 0)
		return err_set(e, ERR_SYS, errno, "open layer %.12s", id);
	tell(p, PUSH_PACK, 0, 0, "");
	if (gzip_out_new(&gz, fd, e) < 0)
		return -1;
	k.gz = gz;
	sha256_init(&k.diff);
	if (write_tar(&k, dir, e) < 0 || gzip_out_end(gz, hex, &len, e) < 0)
		return err_wrap(e, "pack layer %.12s", id);
	free(info->made);
	free(info->made_diff);
	info->made = xasprintf("sha256:%s", hex);
	info->made_size = (int64_t)len;
	sha256_end(&k.diff, hex);
	info->made_diff = xstrdup(hex);
	return take_fd(fd);
}

/* ---- one layer ------------------------------------------------------------------------------- */

static struct blob_desc desc(const char *type, const char *digest, int64_t size)
{
	return (struct blob_desc){ (char *)(uintptr_t)type, (char *)(uintptr_t)digest, size };
}

static void on_bytes(void *arg, uint64_t done)
{
	const struct push *p = arg;

	tell(p, PUSH_SEND, done, p->size, "");
}

static void on_retry(void *arg, const char *why)
{
	tell(arg, PUSH_RETRY, 0, 0, why);
}

/* The repositories of this registry that the image came from may lend their layers. ret: 1, 0, -1 */
static int borrow(struct push *p, const struct blob_desc *d, struct err *e)
{
	for (size_t i = 0; i < p->image->digests.n; i++) {
		auto_imageref struct imageref from = {0};
		auto_err struct err ignored = {0};
		int r;

		if (imageref_parse(&from, p->image->digests.v[i], &ignored) < 0 || strcmp(from.host, p->ref.host) != 0 ||
		    !strcmp(from.path, p->ref.path))
			continue;
		r = registry_mount(p->reg, d, from.path, e);
		if (r)
			return r;
	}
	return 0;
}

static void keep(struct push *p, const struct blob_desc *d, const char *diff)
{
	const char *type = strstr(d->type, "zstd") ? TYPE_OCI_LAYER "+zstd" : strstr(d->type, "gzip") ? TYPE_OCI_LAYER "+gzip" :
		TYPE_OCI_LAYER;
	struct sent s = { { xstrdup(type), xstrdup(d->digest), d->size }, xstrdup(diff) };

	p->changed |= strcmp(diff, p->image->layers.v[p->at]) != 0;
	vec_push(&p->sent, s);
}

/* Does the registry have it, or can it get it without our sending? ret: 1 (kept), 0, -1 */
static int there(struct push *p, const struct blob_desc *d, const char *diff, struct err *e)
{
	int r = registry_has(p->reg, d, e);
	enum push_state state = PUSH_EXISTS;

	if (r == 0) {
		r = borrow(p, d, e);
		state = PUSH_MOUNTED;
	}
	if (r > 0) {
		tell(p, state, (uint64_t)d->size, (uint64_t)d->size, "");
		keep(p, d, diff);
	}
	return r;
}

static int send_file(struct push *p, const struct blob_desc *d, int fd, const char *diff, struct err *e)
{
	const struct fetch_watch w = { on_bytes, on_retry, p };
	const struct blob_src src = { .fd = fd };

	p->size = (uint64_t)d->size;
	tell(p, PUSH_SEND, 0, p->size, "");
	if (registry_send(p->reg, d, &src, &w, e) < 0)
		return -1;
	tell(p, PUSH_DONE, (uint64_t)d->size, (uint64_t)d->size, "");
	keep(p, d, diff);
	return 0;
}

static int send_packed(struct push *p, const char *id, struct layer_info *info, struct err *e)
{
	auto_close int fd = pack_layer(p, id, info, e);
	struct blob_desc d;
	int r;

	if (fd < 0)
		return -1;
	d = desc(TYPE_OCI_LAYER "+gzip", info->made, info->made_size);
	if (layer_info_write(p->s, id, info, e) < 0)
		return -1;
	r = there(p, &d, info->made_diff, e);
	return r ? (r < 0 ? -1 : 0) : send_file(p, &d, fd, info->made_diff, e);
}

/* ret: 1 when a form that is known already was enough, 0, -1 */
static int send_known(struct push *p, const char *id, const struct layer_info *info, struct err *e)
{
	int r = 0;

	if (info->blob) {
		const struct blob_desc d = desc(info->blob_type, info->blob, info->blob_size);

		r = there(p, &d, id, e);
		if (r == 0 && blob_exists(p->s, info->blob)) {
			auto_close int fd = blob_open(p->s, info->blob);

			r = fd < 0 ? err_set(e, ERR_SYS, errno, "open %s", info->blob) : send_file(p, &d, fd, id, e) < 0 ? -1 : 1;
		}
	}
	if (r == 0 && info->made) {
		const struct blob_desc d = desc(TYPE_OCI_LAYER "+gzip", info->made, info->made_size);

		r = there(p, &d, info->made_diff, e);
	}
	return r;
}

static int send_layer(struct push *p, const char *id, struct err *e)
{
	struct layer_info info = {0};
	int r;

	tell(p, PUSH_WAIT, 0, 0, "");
	if (layer_info_read(p->s, id, &info) < 0)
		return err_set(e, ERR_SYS, 0, "layer %.12s has no record", id);
	r = send_known(p, id, &info, e);
	if (r == 0)
		r = send_packed(p, id, &info, e);
	layer_info_done(&info);
	return r < 0 ? -1 : 0;
}

/* ---- configuration and manifest -------------------------------------------------------------- */

/* The configuration as it is stored, with the diff ids that the layers have now. */
static int config_text(struct push *p, char **ret, size_t *ret_len, struct err *e)
{
	auto_free char *text = NULL;
	auto_json json_t *j = NULL;
	json_t *ids = json_array();
	size_t len;

	if (blob_read(p->s, p->image->id, CONFIG_MAX, &text, &len, e) < 0 || (p->changed && json_parse(text, len, "configuration", &j, e) < 0)) {
		json_decref(ids);
		return -1;
	}
	for (size_t i = 0; i < p->sent.n; i++)
		(void)json_array_append_new(ids, json_sprintf("sha256:%s", p->sent.v[i].diff));
	if (!p->changed) {
		json_decref(ids);
		*ret_len = len;
		*ret = take_ptr(text);
		return 0;
	}
	(void)json_object_set_new(j, "rootfs", json_pack("{s:s, s:o}", "type", "layers", "diff_ids", ids));
	*ret = json_dumps(j, JSON_COMPACT);
	*ret_len = strlen(*ret);
	return 0;
}

static int send_text(struct push *p, const char *text, size_t len, char digest[DIGEST_SIZE], struct err *e)
{
	static const struct fetch_watch quiet;
	const struct blob_src src = { .buf = text, .fd = -1 };
	char hex[SHA256_HEX_SIZE];
	struct blob_desc d = desc(TYPE_OCI_CONFIG, digest, (int64_t)len);
	int r;

	sha256_hex(text, len, hex);
	(void)snprintf(digest, DIGEST_SIZE, "sha256:%s", hex);
	r = registry_has(p->reg, &d, e);
	return r ? (r < 0 ? -1 : 0) : registry_send(p->reg, &d, &src, &quiet, e);
}

static char *manifest_text(const struct push *p, const char *config, size_t config_len)
{
	auto_json json_t *j = NULL;
	json_t *layers = json_array();

	for (size_t i = 0; i < p->sent.n; i++)
		(void)json_array_append_new(layers, json_pack("{s:s, s:s, s:I}", "mediaType", p->sent.v[i].d.type, "digest",
							      p->sent.v[i].d.digest, "size", (json_int_t)p->sent.v[i].d.size));
	j = json_pack("{s:i, s:s, s:{s:s, s:s, s:I}, s:o}", "schemaVersion", 2, "mediaType", TYPE_OCI_MANIFEST, "config",
		      "mediaType", TYPE_OCI_CONFIG, "digest", config, "size", (json_int_t)config_len, "layers", layers);
	return json_dumps(j, JSON_COMPACT);
}

/* An image that a registry gave us goes back with the very manifest it had, so that its digest stays. */
static bool same_manifest(struct push *p, char **ret, char **ret_type, size_t *ret_len)
{
	auto_manifest struct manifest m = {0};
	auto_err struct err ignored = {0};
	auto_free char *text = NULL;
	size_t len;

	if (p->changed || blob_read(p->s, p->image->manifest, MANIFEST_MAX, &text, &len, &ignored) < 0 ||
	    manifest_parse(text, len, "manifest", &m, &ignored) != 0 || m.layers.n != p->sent.n)
		return false;
	for (size_t i = 0; i < m.layers.n; i++)
		if (strcmp(m.layers.v[i].digest, p->sent.v[i].d.digest) != 0 || str_eq(m.layers.v[i].type, LAYER_DIR_TYPE))
			return false;
	*ret = take_ptr(text);
	*ret_len = len;
	*ret_type = xstrdup(*m.type ? m.type : TYPE_OCI_MANIFEST);
	return true;
}

static int finish(struct push *p, char **ret_digest, struct err *e)
{
	auto_free char *config = NULL, *manifest = NULL, *type = NULL;
	char digest[DIGEST_SIZE], hex[SHA256_HEX_SIZE];
	size_t config_len, len;

	p->at = p->image->layers.n;
	if (config_text(p, &config, &config_len, e) < 0 || send_text(p, config, config_len, digest, e) < 0)
		return -1;
	if (!same_manifest(p, &manifest, &type, &len)) {
		manifest = manifest_text(p, digest, config_len);
		len = strlen(manifest);
		type = xstrdup(TYPE_OCI_MANIFEST);
	}
	if (registry_put_manifest(p->reg, p->ref.tag, type, manifest, len, e) < 0)
		return -1;
	tell(p, PUSH_DONE, 0, 0, "");
	sha256_hex(manifest, len, hex);
	if (ret_digest)
		*ret_digest = xasprintf("sha256:%s", hex);
	return 0;
}

static int push(struct push *p, const char *ref, char **ret_digest, struct err *e)
{
	int r;

	if (imageref_parse(&p->ref, ref, e) < 0)
		return -1;
	if (!p->ref.tag)
		return err_set(e, ERR_USAGE, 0, "%s: an image is pushed by a tag, not by a digest", ref);
	r = image_open(p->s, ref, &p->image, e);
	if (r < 0)
		return -1;
	if (r > 0) {
		err_set(e, ERR_MISSING, 0, "no such image: %s", ref);
		return err_hint(e, "`compose build` makes those of services with a build section");
	}
	if (image_ensure(p->s, p->image, e) < 0 || registry_open(&p->reg, &p->ref, e) < 0)
		return -1;
	for (p->at = 0; p->at < p->image->layers.n; p->at++)
		if (send_layer(p, p->image->layers.v[p->at], e) < 0)
			return -1;
	return finish(p, ret_digest, e);
}

int image_push(struct store *s, const char *ref, const struct push_opts *o, char **ret_digest, struct err *e)
{
	struct push p = { .s = s, .o = o };
	int r;

	if (store_pin(s, e) < 0)
		return -1;
	r = push(&p, ref, ret_digest, e);
	store_unpin(s);
	registry_free(p.reg);
	for (size_t i = 0; i < p.sent.n; i++) {
		blob_desc_done(&p.sent.v[i].d);
		free(p.sent.v[i].diff);
	}
	vec_done(&p.sent);
	imageref_done(&p.ref);
	image_free(p.image);
	return r < 0 ? -1 : 0;
}
