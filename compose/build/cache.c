/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/cache.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/build/build.h"
#include "compose/image/image.h"

enum { RECORD_MAX = 16 << 10 };

static void field(struct key *k, const char *text)
{
	char len[24];
	int n = snprintf(len, sizeof(len), text ? "%zu:" : "-:", text ? strlen(text) : (size_t)0);

	sha256_add(&k->h, len, (size_t)n);
	if (text)
		sha256_add(&k->h, text, strlen(text));
}

void key_add(struct key *k, const char *label, const char *text)
{
	field(k, label);
	field(k, text);
}

void key_strv(struct key *k, const char *label, const struct strv *list)
{
	char n[24];

	(void)snprintf(n, sizeof(n), "%zu", list->n);
	key_add(k, label, n);
	for (size_t i = 0; i < list->n; i++)
		field(k, list->v[i]);
}

void key_begin(struct key *k, const char *kind, const struct strv *layers)
{
	sha256_init(&k->h);
	key_add(k, "compose build 1", kind);
	key_strv(k, "layers", layers);
}

void key_end(struct key *k, char ret[SHA256_HEX_SIZE])
{
	sha256_end(&k->h, ret);
}

bool cache_get(int dir, struct store *s, const char *key, struct cached *ret)
{
	auto_err struct err e = {0};
	auto_json json_t *j = NULL;
	const char *layer, *created;

	if (json_read(dir, key, RECORD_MAX, &j, &e) < 0)
		return false;                 /* absent, or damaged: the step runs and writes it anew */
	layer = json_str(j, "layer", "-");
	created = json_str(j, "created", "");
	if (strlen(created) >= sizeof(ret->created) || (*layer && !store_layer_exists(s, layer)))
		return false;
	(void)utimensat(dir, key, NULL, 0);   /* its age counts from the last use */
	(void)snprintf(ret->layer, sizeof(ret->layer), "%s", layer);
	(void)snprintf(ret->created, sizeof(ret->created), "%s", created);
	return true;
}

int cache_put(int dir, const char *key, const struct cached *c, const char *what, struct err *e)
{
	auto_json json_t *j = json_object();

	json_put(j, "layer", c->layer);
	json_put(j, "created", c->created);
	json_put(j, "what", what);
	if (json_write(dir, key, j, 0600, false, e) < 0)
		return err_wrap(e, "write the build cache");
	return 0;
}

/* One record: forgotten when it is too old or damaged, else its layer is named. */
static void use_record(int dir, const char *name, time_t oldest, struct strv *used)
{
	auto_err struct err e = {0};
	auto_json json_t *j = NULL;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (st.st_mtime <= oldest || json_read(dir, name, RECORD_MAX, &j, &e) < 0) {
		(void)unlinkat(dir, name, 0);
		return;
	}
	if (*json_str(j, "layer", ""))
		strv_add(used, json_str(j, "layer", ""));
}

int build_cache_used(const char *root, int64_t max_age_s, struct strv *used, struct err *e)
{
	auto_free char *path = xasprintf("%s/build/cache", root);
	time_t oldest = time(NULL) - (time_t)max_age_s;
	struct dirent *de;
	DIR *d = opendir(path);

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, ERR_SYS, errno, "open %s", path);
	for (errno = 0; (de = readdir(d)); errno = 0)
		if (de->d_name[0] != '.')
			use_record(dirfd(d), de->d_name, oldest, used);
	if (errno) {
		err_set(e, ERR_SYS, errno, "read %s", path);
		closedir(d);
		return -1;
	}
	closedir(d);
	return 0;
}
