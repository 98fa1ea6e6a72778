/* SPDX-License-Identifier: Apache-2.0 */
/* An image from the tar of a root file system; layers that are there only as blobs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/import.h"
#include "compose/image/ingest.h"
#include "compose/image/manifest.h"

char *time_now(void)
{
	struct timespec ts;
	struct tm tm;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	return xasprintf("%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			 tm.tm_hour, tm.tm_min, tm.tm_sec, ts.tv_nsec);
}

int open_source(const char *path, struct err *e)
{
	struct stat st;
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : fcntl(0, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : errno == EACCES ? ERR_DENIED : ERR_SYS, errno,
			       "open %s", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_USAGE, EISDIR, "open %s", path);
	}
	return fd;
}

/* Which blob an archive that begins so can be kept as; NULL: as none (a plain tar would take its space twice). */
static const char *blob_type_of(const unsigned char *p, size_t n)
{
	if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return TYPE_OCI_LAYER "+gzip";
	if (n >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd)
		return TYPE_OCI_LAYER "+zstd";
	return NULL;
}

static int read_head(int fd, unsigned char *buf, size_t max, size_t *ret, const char *name, struct err *e)
{
	*ret = 0;
	while (*ret < max) {
		ssize_t n = read(fd, buf + *ret, max - *ret);

		if (n < 0 && errno != EINTR)
			return err_set(e, ERR_SYS, errno, "read %s", name);
		if (n == 0)
			break;
		*ret += n > 0 ? (size_t)n : 0;
	}
	if (*ret == 0)
		return err_set(e, ERR_USAGE, 0, "%s is empty", name);
	return 0;
}

/* The tar becomes a layer. */
static int import_layer(struct store *s, const struct import_opts *o, char ret[65], struct err *e)
{
	auto_close int fd = open_source(o->path, e);
	struct ingest_opts in = { .size = -1, .import = true };
	struct ingest_result res;
	unsigned char head[512];
	struct ingest *g;
	size_t n;

	if (fd < 0 || read_head(fd, head, sizeof(head), &n, o->path, e) < 0)
		return -1;
	in.blob_type = blob_type_of(head, n);
	if (ingest_begin(&g, s, &in, e) < 0)
		return -1;
	if (ingest_feed(g, head, n) == 0 && ingest_file(g, fd, o->path, e) < 0) {
		ingest_abort(g);
		return -1;
	}
	if (ingest_end(g, &res, e) < 0)
		return -1;
	memcpy(ret, res.diff_id, sizeof(res.diff_id));
	return 0;
}

static int import_config(struct image *i, const struct import_opts *o, struct err *e)
{
	struct platform p;

	if (platform_parse(&p, o->platform, e) < 0)
		return -1;
	i->os = xstrdup(p.os);
	i->arch = xstrdup(p.arch);
	i->variant = xstrdup(p.variant);
	i->created = time_now();
	i->comment = xstrdup(o->message ? o->message : "Imported from -");
	for (size_t n = 0; o->changes && n < o->changes->n; n++)
		if (image_config_change(&i->conf, o->changes->v[n], e) < 0)
			return -1;
	vec_push(&i->history, (struct image_history){ xstrdup(i->created), xstrdup(""), xstrdup(i->comment), false });
	return 0;
}

static int import(struct store *s, const struct import_opts *o, const char *ref, struct image **ret, struct err *e)
{
	auto_image struct image *i = xcalloc(1, sizeof(*i));
	auto_imageref struct imageref r = {0};
	char id[65];

	/* the cheap checks first: a slip in --change or in the name must not cost the unpacking */
	if ((ref && imageref_parse(&r, ref, e) < 0) || import_config(i, o, e) < 0 || import_layer(s, o, id, e) < 0)
		return -1;
	strv_add(&i->layers, id);
	return image_commit(s, i, ref, ret, e);
}

int image_import(struct store *s, const struct import_opts *o, const char *ref, struct image **ret, struct err *e)
{
	int rc;

	if (store_pin(s, e) < 0)
		return -1;
	rc = import(s, o, ref, ret, e);
	store_unpin(s);
	return rc < 0 ? err_wrap(e, "import %s", o->path) : 0;
}

/* -- layers that another tool left as blobs only -- */

int unpack_blob(struct store *s, const struct blob_desc *d, const char *diff_id, struct err *e)
{
	const struct ingest_opts o = { .digest = d->digest, .size = d->size, .diff_id = diff_id, .blob_type = d->type,
				       .is_blob = true };
	auto_close int fd = blob_open(s, d->digest);
	struct ingest *g;
	int rc;

	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "open blob %.19s", d->digest);
	rc = ingest_begin(&g, s, &o, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (ingest_file(g, fd, d->digest, e) < 0) {
		ingest_abort(g);
		return -1;
	}
	return ingest_end(g, NULL, e);
}

static int ensure(struct store *s, const struct image *i, struct err *e)
{
	auto_manifest struct manifest m = {0};
	auto_free char *text = NULL;
	size_t len;

	if (blob_read(s, i->manifest, MANIFEST_MAX, &text, &len, e) < 0 ||
	    manifest_parse(text, len, i->manifest, &m, e) != 0)
		return -1;
	for (size_t n = 0; n < i->layers.n && n < m.layers.n; n++) {
		if (store_layer_exists(s, i->layers.v[n]))
			continue;
		if (!blob_exists(s, m.layers.v[n].digest)) {
			err_set(e, ERR_MISSING, 0, "layer %.12s is not in the image store", i->layers.v[n]);
			return err_hint(e, "pull, import or build the image again");
		}
		if (unpack_blob(s, &m.layers.v[n], i->layers.v[n], e) < 0)
			return err_wrap(e, "unpack layer %.12s", i->layers.v[n]);
	}
	return 0;
}

int image_ensure(struct store *s, const struct image *i, struct err *e)
{
	size_t n = 0;
	int rc;

	while (n < i->layers.n && store_layer_exists(s, i->layers.v[n]))
		n++;
	if (n == i->layers.n)
		return 0;
	if (store_pin(s, e) < 0)
		return -1;
	rc = ensure(s, i, e);
	store_unpin(s);
	return rc < 0 ? err_wrap(e, "image %.19s is not complete", i->id) : 0;
}
