/* SPDX-License-Identifier: Apache-2.0 */
/* COPY, ADD and WORKDIR: file steps on a detached overlay.   spec: Dockerfile reference "COPY", "ADD", "WORKDIR" */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/build/add_url.h"
#include "compose/build/archive_add.h"
#include "compose/build/build_priv.h"
#include "compose/build/cache.h"
#include "compose/build/rootfs.h"
#include "parser/dockerfile_value.h"

char *image_path(const struct stage *st, const char *path)
{
	auto_free char *joined = NULL;

	if (*path == '/')
		return path_clean(path);
	joined = xasprintf("%s/%s", st->conf.workdir ? st->conf.workdir : "", path);
	return path_clean(joined);
}

/* -- where files come from -- */

static int layers_of(struct stage *st, const char *from, struct strv *ret, struct err *e)
{
	const struct named *n = named_find(st->b, from);
	int i = n ? -1 : df_stage_find(st->b->df, st->index, from);
	auto_image struct image *img = NULL;

	if (i >= 0 && stage_wait(st->b, (size_t)i, e) < 0)
		return -1;
	if (i < 0 && (n ? base_named(st->b, n, NULL, &img, e) : base_open(st->b, from, NULL, &img, e)) < 0)
		return -1;
	const struct strv *layers = img ? &img->layers : &st->b->stages[i].layers;

	for (size_t k = 0; k < layers->n; k++)
		strv_add(ret, layers->v[k]);
	return 0;
}

int from_find(struct stage *st, const char *from, struct from *ret, struct err *e)
{
	const struct named *n = from ? named_find(st->b, from) : NULL;
	char hex[SHA256_HEX_SIZE];
	struct key k;

	if (!from || (n && n->c->dir)) {
		ret->s = n ? n->local.s : st->b->context.s;
		return 0;
	}
	if (layers_of(st, from, &ret->layers, e) < 0)
		return -1;
	key_begin(&k, "from", &ret->layers);
	key_end(&k, hex);
	ret->identity = xstrdup(hex);
	return 0;
}

int from_view(struct stage *st, struct from *f, struct err *e)
{
	if (!f->identity || f->own_root)
		return 0;
	f->s = (struct source){ .root = layers_view(st->b, &f->layers, e), .keep = true };
	f->own_root = f->s.root >= 0;
	return f->own_root ? 0 : -1;
}

void from_close(struct from *f)
{
	if (f->own_root)
		close(f->s.root);
	strv_done(&f->layers);
	free(f->identity);
	*f = (struct from){0};
}

int pick_is_dir(const struct pick *p, struct err *e)
{
	auto_close int fd = pick_open(p, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, ERR_SYS, errno, "open %s", *p->rel ? p->rel : "the context");
	return S_ISDIR(st.st_mode);
}

/* -- copying one pick -- */

static int restore(int dst, const struct stat *st)
{
	const struct timespec t[2] = { st->st_atim, st->st_mtim };

	return fchown(dst, st->st_uid, st->st_gid) < 0 || fchmod(dst, st->st_mode & 07777) < 0 ? -1 : futimens(dst, t);
}

/* A directory's content goes into dst, which keeps its own owner, mode and times when it was there before. The root of
 * a context has no mode worth keeping: it is whatever directory the user's files lie in. */
static int copy_dir(const struct pick *p, int dst, bool dst_made, struct copy_opts *o, struct err *e)
{
	auto_close int src = pick_open(p, O_RDONLY | O_DIRECTORY);
	struct stat before;

	if (src < 0 || fstat(dst, &before) < 0)
		return err_set(e, ERR_SYS, errno, "open %s", *p->rel ? p->rel : "the context");
	if (fs_copy_tree(src, "", dst, "", o, e) < 0)
		return -1;
	if (dst_made && (*p->rel || p->s->keep))
		return 0;
	if (restore(dst, &before) < 0)
		return err_set(e, ERR_SYS, errno, "set the attributes of the destination");
	return 0;
}

int pick_copy(const struct pick *p, int dst, bool dst_made, const char *name, const struct copy_opts *opts,
	      struct err *e)
{
	struct copy_opts o = *opts;
	auto_free char *src_name = NULL;
	auto_close int dir = -1;
	int is_dir = pick_is_dir(p, e);

	if (is_dir < 0)
		return -1;
	o.filter = pick_filter;
	o.arg = (void *)p;
	if (!p->s->keep) {
		o.no_xattrs = true;
		o.set_owner = true;           /* 0:0 unless the caller says otherwise */
	}
	if (is_dir)
		return copy_dir(p, dst, dst_made, &o, e);
	dir = pick_open_parent(p, &src_name);
	if (dir < 0)
		return err_set(e, ERR_SYS, errno, "open %s", p->rel);
	return fs_copy_tree(dir, src_name, dst, name, &o, e);
}

/* -- the instruction, read and expanded -- */

struct copy {
	struct stage *st;
	const struct df_instr *in;
	struct strv   patterns, found, excludes, docs;      /* docs: expanded bodies, in the order of in->docs */
	char         *dest, *chown, *chmod_text;    /* dest: from the image's root; chown NULL without the flag */
	bool          dest_dir;                     /* dest is written as a directory */
	struct df_chmod chmod;
	struct ignore *exclude;
	struct from   from;
	struct owner  owner;                        /* of what is made new */
	bool          unpack, unpack_urls;
	bool          parents;                      /* --parents; then of each of found: */
	VEC(size_t)   skip;                         /* so many bytes of its path are not kept */
	struct strv   urls;                         /* of ADD: fetched by get_urls() */
	char         *checksum;                     /* of the one address; or NULL */
	VEC(struct url_file) files;
};

static void copy_done(struct copy *c)
{
	strv_done(&c->patterns);
	strv_done(&c->found);
	strv_done(&c->excludes);
	strv_done(&c->docs);
	strv_done(&c->urls);
	vec_done(&c->skip);
	free(c->checksum);
	for (size_t i = 0; i < c->files.n; i++)
		url_file_done(&c->files.v[i]);
	vec_done(&c->files);
	free(c->dest);
	free(c->chown);
	free(c->chmod_text);
	ignore_free(c->exclude);
	from_close(&c->from);
}

static int read_flags(struct copy *c, struct df_scope *sc, struct err *e)
{
	const char *chown_ = df_flag(c->in, "chown"), *mode = df_flag(c->in, "chmod"),
		   *unpack = df_flag(c->in, "unpack"), *checksum = df_flag(c->in, "checksum"), *parents = df_flag(c->in, "parents");

	if (chown_ && df_expand(sc, chown_, &c->chown, e) < 0)
		return -1;
	if (mode && (df_expand(sc, mode, &c->chmod_text, e) < 0 || df_chmod(c->chmod_text, &c->chmod, e) < 0))
		return -1;
	if (parents && df_bool(parents, &c->parents, e) < 0)
		return -1;
	c->unpack = c->in->kind == DF_ADD;
	if (unpack && df_bool(unpack, &c->unpack, e) < 0)
		return -1;
	c->unpack_urls = unpack && c->unpack;
	if (checksum && df_expand(sc, checksum, &c->checksum, e) < 0)
		return -1;
	for (size_t i = 0; i < c->in->n_flags; i++) {
		char *pattern;

		if (!str_eq(c->in->flags[i].name, "exclude"))
			continue;
		if (df_expand(sc, c->in->flags[i].val, &pattern, e) < 0)
			return -1;
		strv_take(&c->excludes, pattern);
		if (ignore_add(&c->exclude, pattern, e) < 0)
			return -1;
	}
	return 0;
}

static bool names_dir(const char *path)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;

	return !*last || str_eq(last, ".") || str_eq(last, "..");
}

static int read_words(struct copy *c, struct df_scope *sc, struct err *e)
{
	auto_free char *dest = NULL;

	for (size_t i = 0; i + 1 < c->in->n_words; i++) {
		enum df_remote r;
		char *word;

		if (df_expand(sc, c->in->words[i], &word, e) < 0)
			return -1;
		r = df_remote(word);
		strv_take(r == DF_HTTP ? &c->urls : &c->patterns, word);
		if (r != DF_LOCAL && (r == DF_GIT || c->in->kind == DF_COPY))      /* a variable brought it */
			return err_set(e, ERR_MODEL, 0, "`%s` can't be a source of %s", word, df_kind_name(c->in->kind));
	}
	for (size_t i = 0; i < c->in->n_docs; i++) {
		char *body;

		if (!c->in->docs[i].expand)
			body = xstrdup(c->in->docs[i].body);
		else if (df_expand_body(sc, c->in->docs[i].body, &body, e) < 0)
			return -1;
		strv_take(&c->docs, body);
	}
	if (df_expand(sc, c->in->words[c->in->n_words - 1], &dest, e) < 0)
		return -1;
	c->dest = image_path(c->st, dest);
	c->dest_dir = names_dir(dest) || !*c->dest || c->parents;
	return 0;
}

static int read_copy(struct copy *c, struct err *e)
{
	struct df_scope sc = scope_view(&c->st->scope, c->st->b->df->escape);

	if (read_flags(c, &sc, e) < 0 || read_words(c, &sc, e) < 0)
		return -1;
	if (c->checksum && (c->urls.n != 1 || !df_is_sha256(c->checksum)))
		return err_set(e, ERR_MODEL, 0, "`--checksum=%s`: it is sha256:HEX, of one http source", c->checksum);
	return from_find(c->st, c->in->kind == DF_COPY ? df_flag(c->in, "from") : NULL, &c->from, e);
}

/* Everything but the contents. */
static void key_words(struct copy *c, struct key *k)
{
	key_add(k, "dest", c->dest);
	key_add(k, "dir", c->dest_dir ? "1" : "0");
	key_add(k, "chown", c->chown);
	key_add(k, "chmod", c->chmod_text);
	key_add(k, "unpack", c->unpack ? "1" : "0");
	key_add(k, "parents", c->parents ? "1" : NULL);
	key_strv(k, "exclude", &c->excludes);
	for (size_t i = 0; i < c->docs.n; i++) {
		key_add(k, "doc", c->in->docs[i].name);
		key_add(k, "body", c->docs.v[i]);
	}
}

/* A stage or image is known by its layers, what an address gives by its checksum: when it is the same, no file needs to be
 * read. */
static void key_of_source(struct copy *c, char ret[SHA256_HEX_SIZE])
{
	struct key k;

	key_begin(&k, c->checksum ? "ADD --checksum" : "COPY --from", &c->st->layers);
	key_words(c, &k);
	key_add(&k, "identity", c->checksum ? c->checksum : c->from.identity);
	key_strv(&k, "urls", &c->urls);
	key_strv(&k, "patterns", &c->patterns);
	key_end(&k, ret);
}

/* What is copied: files of the context, then those from elsewhere. */
static struct pick pick_at(const struct copy *c, size_t i)
{
	const struct url_file *f = i < c->found.n ? NULL : &c->files.v[i - c->found.n];

	return f ? (struct pick){ &f->s, f->name, NULL } : (struct pick){ &c->from.s, c->found.v[i], c->exclude };
}

static int key_of_content(struct copy *c, char ret[SHA256_HEX_SIZE], struct err *e)
{
	struct key k;

	key_begin(&k, df_kind_name(c->in->kind), &c->st->layers);
	key_words(c, &k);
	key_add(&k, "keep", c->from.identity ? "1" : "0");
	for (size_t i = 0; i < c->found.n + c->files.n; i++) {
		const struct pick p = pick_at(c, i);
		const char *slash = strrchr(p.rel, '/');

		key_add(&k, "source", c->parents ? p.rel + c->skip.v[i] : *p.rel ? slash ? slash + 1 : p.rel : "/");
		if (pick_digest(&p, &k.h, e) < 0)
			return -1;
	}
	key_end(&k, ret);
	return 0;
}

/* Where what is kept of path begins, for a pattern a/./b: behind as many components as a has. */
static size_t kept_from(const char *pattern, const char *path)
{
	const char *pivot = strstr(pattern, "/./");
	auto_free char *before = pivot ? xstrndup(pattern, (size_t)(pivot - pattern)) : xstrdup(""), *clean = path_clean(before);
	size_t at = 0;

	for (const char *s = clean; *s; s += strcspn(s, "/"), s += *s == '/')
		at += strcspn(path + at, "/") + (path[at + strcspn(path + at, "/")] == '/');
	return at;
}

static int find_sources(struct copy *c, struct err *e)
{
	for (size_t i = 0; i < c->patterns.n; i++) {
		size_t before = c->found.n;
		bool ignored;
		int r = context_find(&c->from.s, c->patterns.v[i], c->parents ? GLOB_DEEP : GLOB_FLAT, &c->found, &ignored, e);

		if (r < 0)
			return -1;
		if (r == 1) {
			err_set(e, ERR_MISSING, 0, "`%s`: not found in %s", c->patterns.v[i],
				c->in->kind == DF_COPY && df_flag(c->in, "from") ? df_flag(c->in, "from") : "the build context");
			return ignored ? err_hint(e, "it is there, but .dockerignore leaves it out") : -1;
		}
		for (size_t k = before; k < c->found.n; k++)
			vec_push(&c->skip, kept_from(c->patterns.v[i], c->found.v[k]));
		if (c->found.n == before)
			build_warn(c->st->b, c->in->pos, "`%s` matches nothing", c->patterns.v[i]);
	}
	return 0;
}

static int get_urls(struct copy *c, struct err *e)
{
	for (size_t i = 0; i < c->urls.n; i++) {
		vec_push(&c->files, (struct url_file)URL_FILE_INIT);
		if (url_file_get(&c->files.v[i], c->st->b, c->urls.v[i], c->checksum, e) < 0)
			return -1;
	}
	return 0;
}

/* -- doing it -- */

/* Unpack into dst; with --chown by way of a directory of its own. */
static int add_archive(struct copy *c, struct unpack *u, int dst, struct err *e)
{
	auto_scratch struct scratch s = SCRATCH_INIT;
	const struct copy_opts o = { .set_owner = true, .uid = c->owner.uid, .gid = c->owner.gid };
	struct stat before;

	if (!c->chown)
		return unpack_into(u, dst, e);
	if (fstat(dst, &before) < 0)
		return err_set(e, ERR_SYS, errno, "open the destination");
	if (scratch_open(&s, c->st->b, e) < 0 || unpack_into(u, s.fd, e) < 0 ||
	    fs_copy_tree(s.fd, "", dst, "", &o, e) < 0)
		return -1;
	return restore(dst, &before) < 0 ? err_set(e, ERR_SYS, errno, "set the attributes of the destination") : 0;
}

static mode_t new_dir_mode(const struct copy *c)
{
	return c->chmod.set ? df_chmod_apply(&c->chmod, 0755, true) : 0755;
}

/* ret: 1 when p was an archive and is unpacked now */
static int try_archive(struct copy *c, int root, const struct pick *p, struct err *e)
{
	auto_close int fd = -1, dst = -1;
	struct unpack *u = NULL;
	bool made;
	int r = pick_is_dir(p, e);

	if (r)
		return r < 0 ? -1 : 0;
	fd = pick_open(p, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;                     /* no plain file: it is copied as what it is */
	r = unpack_open(&u, fd, p->rel, e);
	if (r != 1)
		return r;
	dst = rootfs_mkdir(root, c->dest, c->owner, new_dir_mode(c), &made, e);
	r = dst < 0 ? -1 : add_archive(c, u, dst, e);
	unpack_free(u);
	return r < 0 ? -1 : 1;
}

static mode_t chmod_entry(const void *arg, mode_t old, bool is_dir)
{
	return df_chmod_apply(arg, old, is_dir);
}

static struct copy_opts opts_of(const struct copy *c)
{
	return (struct copy_opts){ .set_owner = c->chown != NULL, .uid = c->owner.uid, .gid = c->owner.gid,
		.mode = c->chmod.set ? chmod_entry : NULL, .mode_arg = &c->chmod };
}

/* Where the one file called name goes: into dest, or as dest. ret: the directory, *ret_name */
static int file_place(struct copy *c, int root, bool dir, const char *name, char **ret_name, struct err *e)
{
	mode_t mode = new_dir_mode(c);
	bool made;
	int fd;

	if (!dir)
		return rootfs_target(root, c->dest, c->owner, mode, ret_name, e);
	fd = rootfs_mkdir(root, c->dest, c->owner, mode, &made, e);
	if (fd >= 0)
		*ret_name = xstrdup(name);
	return fd;
}

static int copy_one(struct copy *c, int root, bool dir, const struct pick *p, struct err *e)
{
	const struct copy_opts o = opts_of(c);
	const char *slash = strrchr(p->rel, '/');
	auto_free char *name = NULL;
	auto_close int dst = -1;
	bool made = false;
	int r = pick_is_dir(p, e);

	if (r < 0)
		return -1;
	if (r)
		dst = rootfs_mkdir(root, c->dest, c->owner, new_dir_mode(c), &made, e);
	else
		dst = file_place(c, root, dir, slash ? slash + 1 : p->rel, &name, e);
	return dst < 0 ? -1 : pick_copy(p, dst, made, name, &o, e);
}

/* Make the directories of rel, from its byte `from` on, below dest as they are in the source. ret: the last one, or -1 */
static int make_parents(struct copy *c, int root, const struct pick *p, size_t from, size_t end, struct err *e)
{
	bool made;
	int dir = rootfs_mkdir(root, c->dest, c->owner, new_dir_mode(c), &made, e);

	for (size_t n = from; dir >= 0 && n < end; n++) {
		n += strcspn(p->rel + n, "/");
		auto_free char *rel = xstrndup(p->rel, n), *path = xasprintf("%s/%s", c->dest, rel + from);
		const struct pick here = { p->s, rel, NULL };
		auto_close int src = pick_open(&here, O_PATH);
		struct stat st;
		mode_t mode;

		close(dir);
		dir = rootfs_mkdir(root, path, c->owner, 0755, &made, e);
		if (dir < 0 || !made)
			continue;
		if (src < 0 || fstat(src, &st) < 0) {
			err_set(e, ERR_SYS, errno, "look at %s", rel);
			close(dir);
			return -1;
		}
		mode = c->chmod.set ? df_chmod_apply(&c->chmod, st.st_mode & 07777, true) : st.st_mode & 07777;
		if ((p->s->keep && !c->chown && fchown(dir, st.st_uid, st.st_gid) < 0) || fchmod(dir, mode) < 0) {
			err_set(e, ERR_SYS, errno, "set the attributes of %s", path);
			close(dir);
			return -1;
		}
	}
	return dir;
}

/* --parents: p goes below dest under its own path. spec: Dockerfile reference "COPY --parents" */
static int copy_under_parents(struct copy *c, int root, const struct pick *p, size_t skip, struct err *e)
{
	const struct copy_opts o = opts_of(c);
	const char *slash = strrchr(p->rel + skip, '/'), *name = slash ? slash + 1 : p->rel + skip;
	int is_dir = pick_is_dir(p, e);
	size_t end = is_dir ? strlen(p->rel) : (size_t)(name - p->rel);
	auto_close int dst = is_dir < 0 ? -1 : make_parents(c, root, p, skip, end, e);

	return dst < 0 ? -1 : pick_copy(p, dst, is_dir, is_dir ? NULL : name, &o, e);
}

static int write_docs(struct copy *c, int root, bool dir, struct err *e)
{
	for (size_t i = 0; i < c->docs.n; i++) {
		auto_free char *name = NULL;
		auto_close int fd = -1;

		if (strchr(c->in->docs[i].name, '/') || names_dir(c->in->docs[i].name))
			return err_set(e, ERR_MODEL, 0, "`<<%s` is no file name", c->in->docs[i].name);
		fd = file_place(c, root, dir, c->in->docs[i].name, &name, e);
		if (fd < 0 ||
		    rootfs_write(fd, name, c->docs.v[i], c->owner, c->chmod.set ? df_chmod_apply(&c->chmod, 0644, false) : 0644, e) < 0)
			return -1;
	}
	return 0;
}

static int resolve_owner(struct copy *c, int root, struct err *e)
{
	auto_free char *unknown = NULL;
	int r;

	if (!c->chown)
		return 0;
	r = rootfs_owner(root, c->chown, &c->owner, &unknown, e);
	if (r == 1)
		build_warn(c->st->b, c->in->pos, "--chown=%s: the image has no `%s`, so 0 is taken", c->chown, unknown);
	return r < 0 ? -1 : 0;
}

static int copy_all(struct copy *c, int root, struct err *e)
{
	bool dir;

	if (resolve_owner(c, root, e) < 0)
		return -1;
	dir = c->dest_dir || rootfs_is_dir(root, c->dest);
	if (!dir && c->found.n + c->files.n + c->docs.n > 1)
		return err_set(e, ERR_USAGE, 0,
			       "with several sources the destination must be a directory and end with a /");
	for (size_t i = 0; i < c->found.n + c->files.n; i++) {
		const struct pick p = pick_at(c, i);
		int r = (i < c->found.n ? c->unpack : c->unpack_urls) ? try_archive(c, root, &p, e) : 0;

		if (r == 0)
			r = c->parents ? copy_under_parents(c, root, &p, c->skip.v[i], e) : copy_one(c, root, dir, &p, e);
		if (r < 0)
			return -1;
	}
	return write_docs(c, root, dir, e);
}

/* Make the layer. key: digest of what goes in; *ret_changed: the context did not hold still, so nothing may be
 * remembered */
static int make_layer(struct copy *c, const char *key, char id[65], bool *ret_changed, struct err *e)
{
	auto_layer struct layer l = LAYER_INIT;
	char again[SHA256_HEX_SIZE];

	if (layer_open(&l, c->st->b, &c->st->layers, true, e) < 0 || copy_all(c, l.root, e) < 0)
		return -1;
	*ret_changed = false;
	if (!c->from.identity) {
		if (key_of_content(c, again, e) < 0)
			return -1;
		*ret_changed = !str_eq(again, key);
	}
	if (*ret_changed)
		build_warn(c->st->b, c->in->pos,
			   "files changed while they were copied: the step is not kept in the cache");
	store_layer_new_id(&c->st->layers, c->in->original, *ret_changed ? NULL : key, id);
	return layer_commit(&l, id, e);
}

static int copy_run(struct copy *c, struct err *e)
{
	char by_source[SHA256_HEX_SIZE] = "", key[SHA256_HEX_SIZE], id[65];
	bool changed;

	if (read_copy(c, e) < 0)
		return -1;
	if (c->from.identity || c->checksum) {
		key_of_source(c, by_source);
		if (stage_cached(c->st, by_source, c->in->original))
			return 0;
	}
	if (from_view(c->st, &c->from, e) < 0 || find_sources(c, e) < 0 || get_urls(c, e) < 0 ||
	    key_of_content(c, key, e) < 0)
		return -1;
	if (stage_cached(c->st, key, c->in->original))
		return 0;
	if (make_layer(c, key, id, &changed, e) < 0)
		return -1;
	return stage_made(c->st, id, changed ? NULL : key, by_source, c->in->original, e);
}

int instr_copy(struct stage *st, const struct df_instr *in, struct err *e)
{
	struct copy c = { .st = st, .in = in };
	int r = copy_run(&c, e);

	copy_done(&c);
	return r;
}

/* -- WORKDIR -- */

/* The directory belongs to the current USER where it can be told. ret: id in id, "" when it was there already */
static int make_workdir(struct stage *st, const struct df_instr *in, const char *path, const char *key,
			char id[65], struct err *e)
{
	auto_layer struct layer l = LAYER_INIT;
	auto_free char *unknown = NULL;
	auto_close int fd = -1;
	struct owner o = { 0, 0 };
	bool made;

	id[0] = '\0';
	if (layer_open(&l, st->b, &st->layers, true, e) < 0)
		return -1;
	if (rootfs_is_dir(l.root, path))
		return 0;
	if (st->conf.user && *st->conf.user && rootfs_owner(l.root, st->conf.user, &o, &unknown, e) < 0)
		return -1;
	fd = rootfs_mkdir(l.root, path, o, 0755, &made, e);
	if (fd < 0)
		return -1;
	close(take_fd(fd));
	store_layer_new_id(&st->layers, in->original, key, id);
	return layer_commit(&l, id, e);
}

int instr_workdir(struct stage *st, const struct df_instr *in, struct err *e)
{
	struct df_scope sc = scope_view(&st->scope, st->b->df->escape);
	auto_free char *text = NULL, *path = NULL, *what = NULL;
	char key[SHA256_HEX_SIZE], id[65];
	struct key k;

	if (df_expand(&sc, in->text, &text, e) < 0)
		return -1;
	if (!*text)
		return err_set(e, ERR_MODEL, 0, "WORKDIR `%s` is empty after expansion", in->text);
	path = image_path(st, text);
	free(st->conf.workdir);
	st->conf.workdir = xasprintf("/%s", path);
	what = xasprintf("WORKDIR %s", st->conf.workdir);
	key_begin(&k, "WORKDIR", &st->layers);
	key_add(&k, "path", path);
	key_add(&k, "user", st->conf.user);
	key_end(&k, key);
	if (stage_cached(st, key, what))
		return 0;
	if (make_workdir(st, in, path, key, id, e) < 0)
		return -1;
	return stage_made(st, id, key, NULL, what, e);
}
