/* SPDX-License-Identifier: Apache-2.0 */
/* A layer being made: a fresh directory, seen through a detached overlay on top of the layers below. */
#include <errno.h>
#include <fcntl.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/overlay.h"
#include "compose/build/build_priv.h"

int scratch_open(struct scratch *s, struct build *b, struct err *e)
{
	s->fd = store_tmp_dir(b->store, &s->name, e);
	if (s->fd < 0)
		return -1;
	s->b = b;
	s->path = store_layer_path(b->store, s->name);
	return 0;
}

void scratch_done(struct scratch *s)
{
	if (s->name)
		(void)fs_rm_rf(store_layers_fd(s->b->store), s->name);   /* what stays is swept by the next build */
	mem_closep(&s->fd);
	free(s->name);
	free(s->path);
	*s = (struct scratch)SCRATCH_INIT;
}

/* Descriptors of layers, uppermost first. */
struct fds { int v[FS_OVERLAY_LAYERS_MAX]; size_t n; };

static void fds_done(struct fds *f)
{
	while (f->n)
		close(f->v[--f->n]);
}

static int open_layers(struct fds *f, struct build *b, const struct strv *layers, struct err *e)
{
	if (layers->n > FS_OVERLAY_LAYERS_MAX) {
		err_set(e, ERR_USAGE, 0, "more than %d layers", FS_OVERLAY_LAYERS_MAX);
		return err_hint(e, "join RUN instructions with `&&`");
	}
	for (size_t i = layers->n; i-- > 0;) {
		int fd = store_layer_fd(b->store, layers->v[i]);

		if (fd < 0)
			return err_set(e, ERR_MISSING, errno, "open layer %.12s", layers->v[i]);
		f->v[f->n++] = fd;
	}
	return 0;
}

static int overlay(struct build *b, const struct strv *layers, int upper, int work, struct err *e)
{
	__attribute__((cleanup(fds_done))) struct fds f = { .n = 0 };
	const struct fs_overlay o = { .lower = f.v, .n = layers->n, .upper = upper, .work = work, .ro = upper < 0,
				      .volatile_ = upper >= 0 };

	if (open_layers(&f, b, layers, e) < 0)
		return -1;
	return fs_overlay(&o, e);
}

int layer_open(struct layer *l, struct build *b, const struct strv *below, bool mount, struct err *e)
{
	if (scratch_open(&l->upper, b, e) < 0)
		return -1;
	if (below->n && scratch_open(&l->work, b, e) < 0)
		return -1;
	if (!mount)
		return 0;
	if (below->n)
		l->root = overlay(b, below, l->upper.fd, l->work.fd, e);
	else
		l->root = fcntl(l->upper.fd, F_DUPFD_CLOEXEC, 3);
	if (l->root < 0 && below->n)
		return err_wrap(e, "mount the image so far");
	return l->root < 0 ? err_set(e, ERR_SYS, errno, "open a layer") : 0;
}

int layer_commit(struct layer *l, const char *id, struct err *e)
{
	struct build *b = l->upper.b;

	mem_closep(&l->root);           /* the overlay goes before its upper becomes a layer */
	l->root = -1;
	if (store_layer_add_dir(b->store, store_layers_fd(b->store), l->upper.name, id, e) < 0)
		return -1;
	free(l->upper.name);
	l->upper.name = NULL;
	return 0;
}

void layer_done(struct layer *l)
{
	mem_closep(&l->root);
	l->root = -1;
	scratch_done(&l->upper);
	scratch_done(&l->work);
}

int layers_view(struct build *b, const struct strv *layers, struct err *e)
{
	if (layers->n == 1) {
		auto_free char *path = store_layer_path(b->store, layers->v[0]);
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		return fd < 0 ? err_set(e, ERR_MISSING, errno, "open layer %.12s", layers->v[0]) : fd;
	}
	if (layers->n > 1)
		return overlay(b, layers, -1, -1, e);
	auto_scratch struct scratch empty = SCRATCH_INIT;   /* stays usable through its descriptor */

	return scratch_open(&empty, b, e) < 0 ? -1 : fcntl(empty.fd, F_DUPFD_CLOEXEC, 3);
}
