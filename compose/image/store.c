/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"

#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

bool is_hex64(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* ret: descriptor of root/rel, made when missing; -1 with e */
static int open_dir(const char *root, const char *rel, struct err *e)
{
	auto_free char *path = xasprintf("%s/%s", root, rel);
	int fd = -1;

	if (fs_mkdir_p(path, 0700) == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		err_set(e, errno == EACCES ? ERR_DENIED : ERR_SYS, errno, "open the image store %s", path);
	return fd;
}

static int write_layout(struct store *s, struct err *e)
{
	if (faccessat(s->images, "oci-layout", F_OK, 0) == 0)
		return 0;
	return fs_write(s->images, "oci-layout", LAYOUT, strlen(LAYOUT), 0600, false, e);
}

int store_open(struct store **ret, const char *root, struct err *e)
{
	auto_store struct store *s = xcalloc(1, sizeof(*s));

	s->root = xstrdup(root);
	s->blobs = s->layers = s->part = s->pin_fd = -1;
	(void)pthread_mutex_init(&s->mutex, NULL);
	s->images = open_dir(root, "images", e);
	if (s->images < 0 || (s->blobs = open_dir(root, "images/blobs/sha256", e)) < 0 ||
	    (s->part = open_dir(root, "images/part", e)) < 0 || (s->layers = open_dir(root, "layers", e)) < 0)
		return -1;
	if (write_layout(s, e) < 0)
		return -1;
	*ret = take_ptr(s);
	return 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	mem_closep(&s->images);
	mem_closep(&s->blobs);
	mem_closep(&s->layers);
	mem_closep(&s->part);
	mem_closep(&s->pin_fd);
	(void)pthread_mutex_destroy(&s->mutex);
	free(s->root);
	free(s);
}

/* -- locks -- */

/* Wait for the lock; a signal that intr counts ends the wait. */
static int wait_lock(int fd, int how, struct err *e)
{
	while (flock(fd, how) < 0) {
		if (errno != EINTR)
			return err_set(e, ERR_SYS, errno, "lock the image store");
		if (intr_check(e) < 0)
			return -1;
	}
	return 0;
}

int store_lock(struct store *s, struct err *e)
{
	auto_close int fd = openat(s->images, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "open the image store's lock");
	if (wait_lock(fd, LOCK_EX, e) < 0)
		return -1;
	return take_fd(fd);
}

/* The first one in, alone for a moment, clears away what killed processes left. */
static int take_pin(struct store *s, struct err *e)
{
	auto_close int fd = openat(s->images, "pin", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "open the image store's pin");
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		store_sweep_tmp(s);
	if (wait_lock(fd, LOCK_SH, e) < 0)
		return -1;
	s->pin_fd = take_fd(fd);
	return 0;
}

int store_pin(struct store *s, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&s->mutex);
	if (!s->pins)
		rc = take_pin(s, e);
	if (rc == 0)
		s->pins++;
	(void)pthread_mutex_unlock(&s->mutex);
	return rc;
}

void store_unpin(struct store *s)
{
	(void)pthread_mutex_lock(&s->mutex);
	if (s->pins && --s->pins == 0) {
		mem_closep(&s->pin_fd);
		s->pin_fd = -1;
	}
	(void)pthread_mutex_unlock(&s->mutex);
}

/* -- blobs -- */

static const char *hex_of(const char *digest)
{
	return digest + strlen("sha256:");
}

bool blob_exists(struct store *s, const char *digest)
{
	struct stat st;

	return fstatat(s->blobs, hex_of(digest), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

int blob_open(struct store *s, const char *digest)
{
	return openat(s->blobs, hex_of(digest), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

int blob_read(struct store *s, const char *digest, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	if (fs_read(s->blobs, hex_of(digest), max, ret, ret_len, e) < 0)
		return err_wrap(e, "read blob %.19s of the image store", digest);
	return 0;
}

int blob_put(struct store *s, const void *buf, size_t len, char ret[DIGEST_SIZE], struct err *e)
{
	char hex[SHA256_HEX_SIZE];
	struct stat st;

	sha256_hex(buf, len, hex);
	(void)snprintf(ret, DIGEST_SIZE, "sha256:%s", hex);
	if (fstatat(s->blobs, hex, &st, AT_SYMLINK_NOFOLLOW) == 0 && (size_t)st.st_size == len)
		return 0;
	return fs_write(s->blobs, hex, buf, len, 0600, true, e);
}

/* -- layers -- */

static void add_field(struct sha256 *h, const char *text)
{
	sha256_add(h, text, strlen(text) + 1);       /* the NUL keeps fields apart */
}

void store_layer_new_id(const struct strv *parents, const char *instruction, const char *content, char ret[65])
{
	struct sha256 h;
	unsigned char nonce[16];

	sha256_init(&h);
	add_field(&h, "compose layer 1");
	for (size_t i = 0; i < parents->n; i++)
		add_field(&h, parents->v[i]);
	add_field(&h, "");
	add_field(&h, instruction);
	if (content) {
		add_field(&h, content);
	} else {
		while (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce))
			;
		sha256_add(&h, nonce, sizeof(nonce));
	}
	sha256_end(&h, ret);
}

bool store_layer_exists(struct store *s, const char *id)
{
	struct stat st;

	return is_hex64(id) && fstatat(s->layers, id, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int store_layer_fd(struct store *s, const char *id)
{
	if (!is_hex64(id)) {
		errno = EINVAL;
		return -1;
	}
	return openat(s->layers, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

char *store_layer_path(struct store *s, const char *id)
{
	return xasprintf("%s/layers/%s", s->root, id);
}

int store_layers_fd(const struct store *s)
{
	return s->layers;
}

int store_tmp_dir(struct store *s, char **ret_name, struct err *e)
{
	static unsigned serial;
	auto_free char *name =
		xasprintf("tmp.%d.%u.%llx", (int)getpid(), __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED),
			  (unsigned long long)time(NULL));
	int fd;

	if (mkdirat(s->layers, name, 0755) < 0)
		return err_set(e, ERR_SYS, errno, "make a directory for a layer in %s/layers", s->root);
	fd = openat(s->layers, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0755) < 0) {        /* whatever the umask: it is the image's "/" */
		err_set(e, ERR_SYS, errno, "open %s/layers/%s", s->root, name);
		mem_closep(&fd);
		(void)unlinkat(s->layers, name, AT_REMOVEDIR);
		return -1;
	}
	*ret_name = take_ptr(name);
	return fd;
}

static void info_name(const char *id, char ret[80])
{
	(void)snprintf(ret, 80, "%.64s.json", id);
}

int layer_info_read(struct store *s, const char *id, struct layer_info *ret)
{
	auto_err struct err e = {0};
	auto_json json_t *j = NULL;
	const char *blob;
	char name[80];

	info_name(id, name);
	if (json_read(s->layers, name, 64 << 10, &j, &e) < 0)
		return -1;
	memset(ret, 0, sizeof(*ret));
	ret->size_bytes = (uint64_t)json_int(j, "size", 0);
	blob = json_str(j, "blob", NULL);
	if (blob && str_starts(blob, "sha256:") && is_hex64(hex_of(blob))) {
		ret->blob = xstrdup(blob);
		ret->blob_type = xstrdup(json_str(j, "blobType", ""));
		ret->blob_size = json_int(j, "blobSize", 0);
	}
	blob = json_str(j, "made", NULL);
	if (blob && str_starts(blob, "sha256:") && is_hex64(hex_of(blob)) && is_hex64(json_str(j, "madeDiff", ""))) {
		ret->made = xstrdup(blob);
		ret->made_diff = xstrdup(json_str(j, "madeDiff", ""));
		ret->made_size = json_int(j, "madeSize", 0);
	}
	return 0;
}

int layer_info_write(struct store *s, const char *id, const struct layer_info *i, struct err *e)
{
	auto_json json_t *j = json_pack("{s:I}", "size", (json_int_t)i->size_bytes);
	char name[80];

	if (i->blob) {
		json_put(j, "blob", i->blob);
		json_put(j, "blobType", i->blob_type);
		(void)json_object_set_new(j, "blobSize", json_integer(i->blob_size));
	}
	if (i->made) {
		json_put(j, "made", i->made);
		json_put(j, "madeDiff", i->made_diff);
		(void)json_object_set_new(j, "madeSize", json_integer(i->made_size));
	}
	info_name(id, name);
	return json_write(s->layers, name, j, 0600, false, e);
}

void layer_info_done(struct layer_info *i)
{
	free(i->blob);
	free(i->blob_type);
	free(i->made);
	free(i->made_diff);
	memset(i, 0, sizeof(*i));
}

int layer_publish(struct store *s, int dirfd, const char *tmp, const char *id, const struct layer_info *info,
		  struct err *e)
{
	if (store_layer_exists(s, id)) {
		if (fs_rm_rf(dirfd, tmp) < 0)
			return err_set(e, ERR_SYS, errno, "remove %s", tmp);
		return 0;
	}
	if (layer_info_write(s, id, info, e) < 0)
		return -1;
	if (renameat(dirfd, tmp, s->layers, id) == 0)
		return 0;
	if (errno == EEXIST || errno == ENOTEMPTY) {     /* another process was faster */
		(void)fs_rm_rf(dirfd, tmp);
		return 0;
	}
	return err_set(e, ERR_SYS, errno, "put layer %.12s in its place", id);
}

int store_layer_add_dir(struct store *s, int dirfd, const char *name, const char *id, struct err *e)
{
	struct layer_info info = {0};

	if (!is_hex64(id))
		return err_set(e, ERR_BUG, 0, "\"%s\" is not a layer id", id);
	if (!store_layer_exists(s, id))
		info.size_bytes = fs_du_bytes(dirfd, name);
	return layer_publish(s, dirfd, name, id, &info, e);
}
