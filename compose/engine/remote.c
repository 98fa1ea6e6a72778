/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/remote.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/engine/artefact.h"
#include "compose/engine/git.h"
#include "compose/image/registry.h"
#include "compose/state/paths.h"

/* The cache directory, locked as long as it is open. */
struct cache {
	char *path;
	int dir, lock;
};

/* One thing that is fetched: what tells it from others, and the directory of its files. */
struct entry {
	char key[SHA256_HEX_SIZE], tmp[24];
	const char *name;
};

static int cannot(struct err *e, const char *what, const char *name)
{
	return err_set(e, ERR_SYS, errno, "%s %s in the cache of remote files", what, name);
}

/* What killed processes left; nobody else is at work while we hold the lock. */
static void sweep(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;

	if (!d)
		mem_closep(&fd);
	while (d && (de = readdir(d)))
		if (str_starts(de->d_name, "tmp-"))
			(void)fs_rm_rf(dir, de->d_name);
	if (d)
		(void)closedir(d);
}

static void cache_done(struct cache *c)
{
	mem_closep(&c->lock);
	mem_closep(&c->dir);
	free(c->path);
}

static int cache_open(struct cache *c, const struct paths *p, struct err *e)
{
	*c = (struct cache){.dir = -1, .lock = -1};
	if (mkdirat(p->root_fd, "remote", 0700) < 0 && errno != EEXIST)
		return cannot(e, "make", "the directory");
	c->dir = openat(p->root_fd, "remote", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir < 0)
		return cannot(e, "open", "the directory");
	c->lock = openat(c->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (c->lock < 0)
		return cannot(e, "open", "the lock");
	while (flock(c->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return cannot(e, "take", "the lock");
	c->path = xasprintf("%s/remote", p->root);
	sweep(c->dir);
	return 0;
}

/* ---- one entry */

static void entry_init(struct entry *en, const char *where, const char *which, const char *name)
{
	auto_free char *text = xasprintf("%s\n%s", where, which);

	*en = (struct entry){.name = name};
	sha256_hex(text, strlen(text), en->key);
}

static bool cached(const struct cache *c, const struct entry *en)
{
	struct stat st = {0};

	return fstatat(c->dir, en->key, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* ret: a descriptor of the new tmp/NAME, or -1 */
static int entry_begin(const struct cache *c, struct entry *en, struct err *e)
{
	unsigned char rnd[8];
	auto_free char *files = NULL;
	int fd;

	if (getrandom(rnd, sizeof(rnd), 0) != sizeof(rnd))
		return cannot(e, "name", "a directory");
	(void)snprintf(en->tmp, sizeof(en->tmp), "tmp-%02x%02x%02x%02x%02x%02x%02x%02x", rnd[0], rnd[1], rnd[2], rnd[3],
		       rnd[4], rnd[5], rnd[6], rnd[7]);
	files = xasprintf("%s/%s", en->tmp, en->name);
	if (mkdirat(c->dir, en->tmp, 0700) < 0 || mkdirat(c->dir, files, 0700) < 0)
		return cannot(e, "make", en->tmp);
	fd = openat(c->dir, files, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? cannot(e, "open", files) : fd;
}

static int entry_end(const struct cache *c, const struct entry *en, int rc, struct err *e)
{
	if (rc == 0 && renameat(c->dir, en->tmp, c->dir, en->key) < 0)
		rc = cannot(e, "keep", en->name);
	if (rc < 0)
		(void)fs_rm_rf(c->dir, en->tmp);
	return rc;
}

/* What subdir names below the entry; no link leads there. ret: descriptor (O_PATH) or -1 with e; *ret_st */
static int entry_at(const struct cache *c, const char *top, const char *subdir, const char *shown, struct stat *ret_st, struct err *e)
{
	auto_close int dir = openat(c->dir, top, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int at = dir < 0 ? -1
				    : sys_openat2(dir, *subdir ? subdir : ".", O_PATH | O_CLOEXEC, 0,
						  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);

	if (at < 0 && (errno == ELOOP || errno == EXDEV))
		return err_set(e, ERR_MODEL, 0, "%s: a symbolic link is on the way to %s", shown, subdir);
	if (at < 0 || fstat(at, ret_st) < 0)
		return err_set(e, ERR_MISSING, 0, "%s has no %s", shown, *subdir ? subdir : "files");
	return take_fd(at);
}

/* Find the compose file below the entry: subdir names it, or the directory that holds it. It is one of the entry's own. */
static int entry_file(const struct cache *c, const struct entry *en, const char *subdir, const char *shown, char **ret,
		      struct err *e)
{
	static const char *const names[] = {"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"};
	auto_free char *top = xasprintf("%s/%s", en->key, en->name);
	auto_close int dir = openat(c->dir, top, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st = {0};
	auto_close int at = entry_at(c, top, subdir, shown, &st, e);

	if (at < 0)
		return -1;
	if (S_ISREG(st.st_mode)) {
		*ret = xasprintf("%s/%s/%s", c->path, top, subdir);
		return 0;
	}
	for (size_t i = 0; S_ISDIR(st.st_mode) && i < ARRAY_LEN(names); i++) {
		auto_free char *rel = xasprintf("%s%s%s", subdir, *subdir ? "/" : "", names[i]);
		auto_close int fd =
			sys_openat2(dir, rel, O_PATH | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);

		if (fd < 0 && errno == EXDEV)
			return err_set(e, ERR_MODEL, 0, "%s: %s is a symbolic link that leads out of it", shown, rel);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
			*ret = xasprintf("%s/%s/%s", c->path, top, rel);
			return 0;
		}
	}
	return err_set(e, ERR_MISSING, 0, "%s has no compose file%s%s", shown, *subdir ? " in " : "", subdir);
}

/* ---- git */

static int fetch_git(const struct cache *c, const struct giturl *u, struct entry *en, struct err *e)
{
	char commit[COMMIT_SIZE];

	if (git_resolve(u, commit, e) < 0)
		return -1;
	entry_init(en, u->shown, commit, u->name);
	if (!cached(c, en)) {
		auto_close int fd = entry_begin(c, en, e);
		auto_free char *work = xasprintf("%s/%s/%s", c->path, en->tmp, en->name);
		auto_free char *git_dir = xasprintf("%s/%s/.git", c->path, en->tmp);
		auto_free char *git_name = xasprintf("%s/.git", en->tmp);
		int rc = fd < 0 ? -1 : git_checkout(u, commit, git_dir, work, e);

		if (rc == 0 && fs_rm_rf(c->dir, git_name) < 0) /* the files alone stay */
			rc = cannot(e, "remove", git_name);
		if (entry_end(c, en, rc, e) < 0)
			return -1;
	}
	return 0;
}

static int remote_git(const struct cache *c, const char *url, char **ret_path, char **ret_top, struct err *e)
{
	auto_giturl struct giturl u = {0};
	struct entry en;

	if (giturl_parse(&u, url, e) < 0)
		return -1;
	if (fetch_git(c, &u, &en, e) < 0 || entry_file(c, &en, u.subdir, u.shown, ret_path, e) < 0)
		return err_wrap(e, "cannot use the compose file of %s", u.shown);
	*ret_top = xasprintf("%s/%s/%s", c->path, en.key, en.name);
	return 0;
}

static int context_dir(const struct cache *c, const struct giturl *u, char **ret, struct err *e)
{
	auto_close int at = -1;
	auto_free char *top = NULL;
	struct entry en;
	struct stat st = {0};

	if (fetch_git(c, u, &en, e) < 0)
		return -1;
	top = xasprintf("%s/%s", en.key, en.name);
	at = entry_at(c, top, u->subdir, u->shown, &st, e);
	if (at < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_MODEL, 0, "%s: %s is not a directory", u->shown, u->subdir);
	*ret = xasprintf("%s/%s%s%s", c->path, top, *u->subdir ? "/" : "", u->subdir);
	return 0;
}

int remote_context(const struct paths *p, const char *url, char **ret_dir, char **ret_shown, struct err *e)
{
	auto_giturl struct giturl u = {0};
	struct cache c;
	int rc;

	if (giturl_parse(&u, url, e) < 0)
		return -1;
	rc = cache_open(&c, p, e);
	if (rc == 0)
		rc = context_dir(&c, &u, ret_dir, e);
	cache_done(&c);
	if (rc < 0)
		return err_wrap(e, "cannot use the build context %s", u.shown);
	*ret_shown = *u.subdir ? xasprintf("%s#%s:%s", u.shown, u.ref, u.subdir) : xstrdup(u.shown);
	return 0;
}

/* ---- OCI */

static int artefact_into(const struct cache *c, struct entry *en, const struct artefact *a, struct registry *reg,
			 struct err *e)
{
	auto_close int fd = entry_begin(c, en, e);
	int rc = fd < 0 ? -1 : artefact_fetch(a, reg, fd, e);

	return entry_end(c, en, rc, e);
}

static int fetch_oci(const struct cache *c, struct registry *reg, const struct imageref *ref, char **ret_path,
		     char **ret_top, struct err *e)
{
	auto_artefact struct artefact a = {0};
	auto_free char *text = NULL, *shown = imageref_canonical(ref), *where = imageref_name(ref, false);
	const char *slash = strrchr(ref->path, '/');
	char digest[DIGEST_SIZE];
	struct entry en;
	size_t len;

	if (registry_manifest(reg, ref->digest ? ref->digest : ref->tag, &text, &len, digest, e) < 0)
		return -1;
	entry_init(&en, where, digest, slash ? slash + 1 : ref->path);
	if (!cached(c, &en) && (artefact_parse(text, len, shown, &a, e) < 0 || artefact_into(c, &en, &a, reg, e) < 0))
		return -1;
	*ret_top = xasprintf("%s/%s/%s", c->path, en.key, en.name);
	return entry_file(c, &en, "", shown, ret_path, e);
}

static int remote_oci(const struct cache *c, const char *text, char **ret_path, char **ret_top, struct err *e)
{
	auto_imageref struct imageref ref = {0};
	struct registry *reg = NULL;
	int rc;

	if (imageref_parse(&ref, text, e) < 0 || registry_open(&reg, &ref, e) < 0)
		return -1;
	rc = fetch_oci(c, reg, &ref, ret_path, ret_top, e);
	registry_free(reg);
	return rc < 0 ? err_wrap(e, "cannot use the compose file of oci://%s", text) : 0;
}

/* ---- */

static int fetch(void *ctx, const char *url, char **ret_path, char **ret_top, struct err *e)
{
	const struct remote *r = ctx;
	auto_free char *path = NULL, *top = NULL;
	struct paths paths;
	struct cache c;
	int rc;

	if (paths_open(&paths, r->root, true, e) < 0)
		return -1;
	rc = cache_open(&c, &paths, e);
	if (rc == 0 && str_starts(url, "oci://"))
		rc = remote_oci(&c, url + strlen("oci://"), &path, &top, e);
	else if (rc == 0)
		rc = remote_git(&c, url, &path, &top, e);
	cache_done(&c);
	paths_done(&paths);
	if (rc < 0)
		return -1;
	*ret_path = take_ptr(path);
	*ret_top = take_ptr(top);
	return 0;
}

struct load_io remote_io(struct remote *r)
{
	struct load_io io = load_io_host;

	io.ctx = r;
	io.remote = fetch;
	return io;
}
