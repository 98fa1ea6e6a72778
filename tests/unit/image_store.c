/* SPDX-License-Identifier: Apache-2.0 */
/* store, image, gc, import, load: images in a scratch directory. Runs as root (unpacking sets owners). */
#include <errno.h>
#include <sys/file.h>
#include <sys/wait.h>
#include "compose/image/image.h"
#include "compose/image/ingest.h"
#include "compose/image/store.h"
#include "tests/tap.h"
#include "tests/unit/image_tar.h"

static char *root;
static struct store *s;

static void begin(void)
{
	auto_err struct err e = {0};

	root = scratch_dir();
	if (store_open(&s, root, &e) < 0)
		abort();
}

static void end(void)
{
	store_free(s);
	scratch_rm(root);
}

static bool exists(const char *rel)
{
	auto_free char *p = xasprintf("%s/%s", root, rel);

	return access(p, F_OK) == 0;
}

static size_t count(const char *rel)
{
	auto_free char *p = xasprintf("%s/%s", root, rel);
	struct dirent **list;
	int n = scandir(p, &list, NULL, NULL);

	for (int i = 0; i < n; i++)
		free(list[i]);
	if (n >= 0)
		free(list);
	return n < 2 ? 0 : (size_t)n - 2;
}

/* A layer with one file; ret: its id, caller frees */
static char *add_layer(const struct strv *parents, const char *name, const char *text)
{
	auto_err struct err e = {0};
	auto_free char *tmp = NULL;
	char *id = xmalloc(65);
	int fd = store_tmp_dir(s, &tmp, &e);

	if (fs_write(fd, name, text, strlen(text), 0644, false, &e) < 0)
		abort();
	close(fd);
	store_layer_new_id(parents, name, NULL, id);
	ok(store_layer_add_dir(s, store_layers_fd(s), tmp, id, &e) == 0, "layer %s adopted", name);
	return id;
}

static struct image *commit(const char *ref, const char *created, const char *l1, const char *l2)
{
	auto_image struct image *spec = xcalloc(1, sizeof(*spec));
	auto_err struct err e = {0};
	struct image *i = NULL;

	spec->os = xstrdup("linux");
	spec->arch = xstrdup("amd64");
	spec->created = xstrdup(created);
	if (l1)
		strv_add(&spec->layers, l1);
	if (l2)
		strv_add(&spec->layers, l2);
	image_config_env(&spec->conf, "A", "1");
	ok(image_commit(s, spec, ref, &i, &e) == 0, "commit %s: %s", ref ? ref : "(none)", e.n ? e.frame[0] : "ok");
	return i;
}

static void test_layout(void)
{
	struct stat st;

	begin();
	ok(exists("images/oci-layout") && exists("images/blobs/sha256") && exists("layers"), "layout");
	{
		auto_free char *p = xasprintf("%s/images", root), *l = xasprintf("%s/layers", root);

		ok(stat(p, &st) == 0 && (st.st_mode & 0777) == 0700, "images/ is 0700");
		ok(stat(l, &st) == 0 && (st.st_mode & 0777) == 0700, "layers/ is 0700");
	}
	end();
}

static void test_layer_ids(void)
{
	struct strv none = {0}, one = {0};
	char a[65], b[65], c[65];

	strv_add(&one, "x");
	store_layer_new_id(&none, "COPY a b", "d1", a);
	store_layer_new_id(&none, "COPY a b", "d1", b);
	is_str(a, b, "the same inputs, the same id");
	store_layer_new_id(&none, "COPY a b", "d2", b);
	store_layer_new_id(&one, "COPY a b", "d1", c);
	ok(strcmp(a, b) && strcmp(a, c) && strcmp(b, c), "other content or parents, another id");
	store_layer_new_id(&none, "RUN x", NULL, a);
	store_layer_new_id(&none, "RUN x", NULL, b);
	ok(strcmp(a, b), "two runs are two layers");
	strv_done(&one);
}

static void test_commit_open(void)
{
	auto_free char *l1 = NULL, *l2 = NULL, *prefix = NULL;
	auto_image struct image *a = NULL, *b = NULL, *c = NULL, *d = NULL;
	auto_err struct err e = {0};
	struct strv none = {0};
	int *fds = NULL;
	size_t n = 0;

	begin();
	l1 = add_layer(&none, "one", "1");
	l2 = add_layer(&none, "two", "22");
	a = commit("demo/web:1", "2024-01-01T00:00:00Z", l1, l2);
	ok(str_starts(a->id, "sha256:") && strlen(a->id) == 71, "id");
	ok(a->tags.n == 1 && !strcmp(a->tags.v[0], "docker.io/demo/web:1"), "canonical name");
	is_int(image_open(s, "demo/web:1", &b, &e), 0, "opened by name");
	is_str(b->id, a->id, "the same");
	is_str(b->conf.env.v[0], "A=1", "configuration");
	is_str(b->layers.v[1], l2, "layers");
	prefix = xstrndup(a->id + 7, 12);
	is_int(image_open(s, prefix, &c, &e), 0, "opened by 12 digits");
	is_int(image_open(s, a->id, &d, &e), 0, "opened by id");
	is_str(d->tags.v[0], "docker.io/demo/web:1", "with its name");
	{
		auto_image struct image *x = NULL;

		is_int(image_open(s, "demo/web:2", &x, &e), 1, "no such tag");
		is_int(image_open(s, "0000000000", &x, &e), 1, "no such id");
		is_int(image_open(s, "UPPER", &x, &e), -1, "broken reference");
		err_done(&e);
	}
	is_int(image_layer_fds(s, a, &fds, &n, &e), 0, "descriptors");
	is_int((int)n, 2, "two");
	ok(n == 2 && faccessat(fds[0], "one", F_OK, 0) == 0 && faccessat(fds[1], "two", F_OK, 0) == 0, "lowest first");
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
	ok(image_size(s, a) == 3, "size");
	end();
}

static void test_not_utf8(void)
{
	auto_image struct image *spec = xcalloc(1, sizeof(*spec));
	auto_err struct err e = {0};

	begin();
	image_config_env(&spec->conf, "A", "b\xff");
	ok(image_commit(s, spec, "x", NULL, &e) < 0 && e.kind == ERR_USAGE,
	   "a variable that JSON cannot hold is refused");
	end();
}

static void test_scratch(void)
{
	auto_image struct image *a = NULL;
	auto_err struct err e = {0};
	int *fds = NULL;
	size_t n = 0;

	begin();
	a = commit("empty", "", NULL, NULL);
	is_int(image_layer_fds(s, a, &fds, &n, &e), 0, "an image of no layers");
	is_int((int)n, 1, "has one empty directory");
	if (n)
		close(fds[0]);
	free(fds);
	end();
}

static void test_tag_list(void)
{
	auto_free char *l1 = NULL, *l2 = NULL;
	auto_image struct image *a = NULL, *b = NULL, *x = NULL;
	auto_images struct images l = {0};
	auto_err struct err e = {0};
	struct strv none = {0};

	begin();
	l1 = add_layer(&none, "one", "1");
	l2 = add_layer(&none, "two", "2");
	a = commit("old", "2024-01-01T00:00:00Z", l1, NULL);
	b = commit("new", "2024-02-01T00:00:00Z", l2, NULL);
	ok(image_tag(s, "old", "localhost:5000/x:y", &e) == 0, "another name");
	ok(image_tag(s, "nothing", "z", &e) < 0 && e.kind == ERR_MISSING, "no such image");
	err_done(&e);
	ok(image_list(s, &l, NULL, &e) == 0 && l.n == 2, "two images");
	is_str(l.v[0]->id, b->id, "newest first");
	is_int((int)l.v[1]->tags.n, 2, "two names");
	images_done(&l);
	ok(image_tag(s, "new", "old", &e) == 0, "a name moves");
	is_int(image_open(s, "old", &x, &e), 0, "it is there");
	is_str(x->id, b->id, "and means the other image");
	ok(image_list(s, &l, NULL, &e) == 0 && l.n == 2, "still two");
	ok(image_tag(s, b->id, "localhost:5000/x:y", &e) == 0, "tag by id");
	images_done(&l);
	ok(image_list(s, &l, NULL, &e) == 0 && l.n == 2 && l.v[1]->tags.n == 0, "the old one is dangling, not gone");
	is_str(l.v[1]->id, a->id, "it is the old one");
	end();
}

static void test_remove(void)
{
	auto_free char *base = NULL, *top = NULL, *used_layer = NULL, *other = NULL;
	auto_image struct image *a = NULL, *b = NULL, *c = NULL;
	struct image_removed r = {0};
	auto_err struct err e = {0};
	struct strv none = {0}, used = {0};

	begin();
	base = add_layer(&none, "base", "b");
	top = add_layer(&none, "top", "t");
	used_layer = add_layer(&none, "used", "u");
	other = add_layer(&none, "other", "o");
	strv_add(&used, used_layer);
	a = commit("a", "", base, NULL);
	b = commit("b", "", base, top);
	c = commit("c", "", base, used_layer);
	(void)other;
	ok(image_tag(s, "b", "b2", &e) == 0, "b has two names");
	ok(image_remove(s, b->id, false, &used, &r, &e) < 0 && e.kind == ERR_CONFLICT, "by id with two names: refused");
	err_done(&e);
	ok(image_remove(s, "b", false, &used, &r, &e) == 0 && r.untagged.n == 1 && !r.deleted.n, "untagged only");
	ok(store_layer_exists(s, top), "its layer stays");
	ok(!store_layer_exists(s, other), "a layer that nothing uses goes");
	image_removed_done(&r);
	ok(image_remove(s, "b2", false, &used, &r, &e) == 0 && r.deleted.n == 1, "deleted with the last name");
	ok(!store_layer_exists(s, top) && store_layer_exists(s, base), "its own layer goes, the shared one stays");
	ok(r.freed_bytes > 0, "bytes freed");
	image_removed_done(&r);
	ok(image_remove(s, "c", false, &used, &r, &e) == 0, "c removed");
	ok(store_layer_exists(s, used_layer), "a layer in use stays");
	image_removed_done(&r);
	ok(image_remove(s, "c", false, &used, &r, &e) < 0 && e.kind == ERR_MISSING, "again: no such image");
	err_done(&e);
	is_int((int)count("images/blobs/sha256"), 2, "blobs of one image are left");
	ok(image_remove(s, "a", false, NULL, &r, &e) == 0, "a removed");
	is_int((int)count("images/blobs/sha256"), 0, "no blobs");
	is_int((int)count("layers"), 0, "no layers");
	image_removed_done(&r);
	strv_done(&used);
	end();
}

/* An unreadable image must cost no other image its layers, and must itself be removable. */
static void test_damaged(void)
{
	auto_free char *l1 = NULL, *path = NULL;
	auto_image struct image *a = NULL, *b = NULL, *x = NULL;
	auto_images struct images l = {0};
	struct image_removed r = {0};
	auto_err struct err e = {0};
	struct errs warn = {0};
	struct strv none = {0};

	begin();
	l1 = add_layer(&none, "one", "1");
	a = commit("a", "2024-01-01T00:00:00Z", l1, NULL);
	b = commit("b", "2024-01-02T00:00:00Z", l1, NULL);
	path = xasprintf("%s/images/blobs/sha256/%s", root, b->manifest + 7);
	ok(truncate(path, 10) == 0, "damage b");
	ok(image_list(s, &l, &warn, &e) == 0 && l.n == 1 && warn.n == 1, "the other is listed, with a warning");
	ok(image_open(s, "b", &x, &e) < 0 && e.hint, "open fails with a hint");
	err_done(&e);
	ok(store_gc(s, NULL, NULL, &e) < 0 && strstr(e.frame[e.n - 1], "nothing was collected"), "no collection");
	err_done(&e);
	ok(store_layer_exists(s, l1), "nothing is lost");
	ok(image_remove(s, "b", false, NULL, &r, &e) == 0, "b can be removed: %s", e.n ? e.frame[0] : "");
	ok(store_gc(s, NULL, NULL, &e) == 0 && store_layer_exists(s, l1), "then it collects again");
	image_removed_done(&r);
	errs_done(&warn);
	end();
}

static void test_gc_waits(void)
{
	auto_free char *l1 = NULL;
	auto_err struct err e = {0};
	struct store *other = NULL;
	struct strv none = {0};

	begin();
	ok(store_open(&other, root, &e) == 0 && store_pin(other, &e) == 0, "another one fills the store");
	l1 = add_layer(&none, "one", "1");
	is_int(store_gc(s, NULL, NULL, &e), 1, "the collector leaves it alone");
	ok(store_layer_exists(s, l1), "nothing removed");
	store_unpin(other);
	is_int(store_gc(s, NULL, NULL, &e), 0, "afterwards it collects");
	ok(!store_layer_exists(s, l1), "an unused layer goes");
	store_free(other);
	end();
}

/* A process that dies in the middle leaves nothing that looks whole, and the next one clears it away. */
static void test_killed(void)
{
	auto_err struct err e = {0};
	int status;
	pid_t pid;

	begin();
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		auto_free char *name = NULL;
		const struct ingest_opts o = { .size = -1 };
		struct ingest *g;

		if (store_pin(s, &e) < 0 || store_tmp_dir(s, &name, &e) < 0 || ingest_begin(&g, s, &o, &e) < 0)
			_exit(1);
		(void)raise(SIGKILL);
	}
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "killed");
	is_int((int)count("layers"), 2, "its directories are left");
	ok(store_pin(s, &e) == 0, "the next one in");
	is_int((int)count("layers"), 0, "clears them away");
	store_unpin(s);
	end();
}

/* -- import -- */

static void make_rootfs(struct str *t)
{
	tar_add(t, (struct tar_entry){ .type = '5', .name = "bin" });
	tar_add(t, (struct tar_entry){ .type = '0', .name = "bin/sh", .data = "#!", .mode = 0755 });
	tar_add(t, (struct tar_entry){ .type = '3', .name = "dev/null", .major = 1, .minor = 3 });
	tar_end(t);
}

static void write_file(const char *name, const struct str *data)
{
	auto_err struct err e = {0};
	auto_free char *p = xasprintf("%s/%s", root, name);

	if (fs_write(AT_FDCWD, p, data->s, data->len, 0600, false, &e) < 0)
		abort();
}

static struct image *import(const char *file, const char *ref, const struct strv *changes, struct err *e)
{
	auto_free char *p = xasprintf("%s/%s", root, file);
	const struct import_opts o = { .path = p, .changes = changes };
	struct image *i = NULL;

	return image_import(s, &o, ref, &i, e) == 0 ? i : NULL;
}

static void test_import(void)
{
	static const char *const filters[] = { NULL, "gzip", "zstd", "xz", "bzip2" };
	auto_str struct str tar = {0};
	char hex[65], first[80] = "";

	make_rootfs(&tar);
	sha256_hex(tar.s, tar.len, hex);
	for (size_t n = 0; n < ARRAY_LEN(filters); n++) {
		auto_str struct str packed = {0};
		auto_image struct image *i = NULL;
		auto_err struct err e = {0};
		struct strv changes = {0};
		bool blob = filters[n] && (!strcmp(filters[n], "gzip") || !strcmp(filters[n], "zstd"));

		begin();
		if (filters[n] && tar_compress(filters[n], tar.s, tar.len, 0, &packed) < 0)
			abort();
		write_file("in.tar", filters[n] ? &packed : &tar);
		strv_add(&changes, "CMD [\"/bin/sh\"]");
		strv_add(&changes, "ENV X=1");
		i = import("in.tar", "base:1", &changes, &e);
		ok(i != NULL, "%s: imported: %s", filters[n] ? filters[n] : "plain", e.n ? e.frame[0] : "ok");
		if (i) {
			is_str(i->layers.v[0], hex, "diff id is the tar's digest");
			is_str(i->conf.cmd.v[0], "/bin/sh", "changed");
			ok(i->history.n == 1 && i->created_s > 1600000000, "history, time");
			is_int((int)count("images/blobs/sha256"), blob ? 3 : 2, "blob %s", blob ? "kept" : "not kept");
			(void)snprintf(first, sizeof(first), "layers/%s/bin/sh", hex);
			ok(exists(first), "unpacked");
		}
		is_int((int)count("images/part"), 0, "nothing partial left");
		strv_done(&changes);
		end();
	}
}

static void test_import_bad(void)
{
	auto_str struct str tar = {0}, evil = {0}, cut = {0}, packed = {0};
	auto_err struct err e = {0};
	struct strv changes = {0};

	begin();
	make_rootfs(&tar);
	write_file("good.tar", &tar);
	tar_add(&evil, (struct tar_entry){ .type = '0', .name = "ok", .data = "x" });
	tar_add(&evil, (struct tar_entry){ .type = '0', .name = "../../evil", .data = "x" });
	tar_end(&evil);
	write_file("evil.tar", &evil);
	ok(!import("evil.tar", "x", NULL, &e) && strstr(e.frame[0], ".."), "hostile: %s", e.n ? e.frame[0] : "");
	err_done(&e);
	if (tar_compress("gzip", tar.s, tar.len, 0, &packed) < 0)
		abort();
	str_addn(&cut, packed.s, packed.len / 2);
	write_file("cut.tar.gz", &cut);
	ok(!import("cut.tar.gz", "x", NULL, &e), "truncated: %s", e.n ? e.frame[0] : "");
	err_done(&e);
	packed.s[packed.len / 2] ^= 0x55;
	write_file("bits.tar.gz", &packed);
	ok(!import("bits.tar.gz", "x", NULL, &e), "flipped bits: %s", e.n ? e.frame[0] : "");
	err_done(&e);
	ok(!import("absent.tar", "x", NULL, &e) && e.kind == ERR_MISSING, "absent");
	err_done(&e);
	strv_add(&changes, "RUN x");
	ok(!import("good.tar", "x", &changes, &e) && e.kind == ERR_USAGE, "bad change");
	err_done(&e);
	ok(!import("good.tar", "Bad Name", NULL, &e) && e.kind == ERR_USAGE, "bad name");
	err_done(&e);
	store_unpin(s);
	ok(!exists("evil") && !exists("../evil") && !exists("layers/evil"), "nothing outside");
	ok(store_gc(s, NULL, NULL, &e) == 0, "collect");
	is_int((int)count("layers"), 0, "no layers left");
	is_int((int)count("images/part"), 0, "nothing partial left");
	is_int((int)count("images/blobs/sha256"), 0, "no blobs left");
	strv_done(&changes);
	end();
}

static void test_bomb(void)
{
	auto_str struct str head = {0}, packed = {0};
	auto_err struct err e = {0};
	auto_image struct image *i = NULL;

	begin();
	/* a file of 3 GB of zeros: 3 MB of gzip */
	tar_header(&head, &(struct tar_entry){ .type = '0', .name = "zeros" }, 3UL << 30);
	if (tar_compress("gzip", head.s, head.len, 3UL << 30, &packed) < 0)
		abort();
	write_file("bomb.tar.gz", &packed);
	i = import("bomb.tar.gz", "bomb", NULL, &e);
	ok(!i && strstr(e.frame[0], "from each byte"), "gzip bomb: %s", e.n ? e.frame[0] : "accepted");
	is_int((int)count("layers"), 0, "nothing left of it");
	end();
}

/* -- load -- */

static void blob_entry(struct str *t, const struct str *data, char hex[65])
{
	auto_free char *name = NULL;

	sha256_hex(data->s, data->len, hex);
	name = xasprintf("blobs/sha256/%s", hex);
	tar_add(t, (struct tar_entry){ .type = '0', .name = name, .data = data->s, .size = data->len });
}

/* An archive in both layouts of today's docker save; wrong: a layer with other bytes than its name. */
static void make_archive(struct str *t, bool oci, bool docker, bool wrong)
{
	auto_str struct str layer = {0}, config = {0}, manifest = {0}, index = {0}, old = {0};
	char l[65], c[65], m[65];

	make_rootfs(&layer);
	blob_entry(t, &layer, l);
	if (wrong)
		tar_add(t, (struct tar_entry){ .type = '0', .name = "blobs/sha256/x", .data = "y" });
	str_addf(&config,
		 "{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Cmd\":[\"x\"]},\"rootfs\":{\"type\":"
		 "\"layers\","
		 "\"diff_ids\":[\"sha256:%s\"]}}",
		 l);
	blob_entry(t, &config, c);
	str_addf(&manifest,
		 "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
		 "\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":[{\"mediaType\":\"application/"
		 "vnd.oci.image.layer.v1.tar\","
		 "\"digest\":\"sha256:%s\",\"size\":%zu}]}",
		 c, config.len, l, wrong ? layer.len - 1 : layer.len);
	blob_entry(t, &manifest, m);
	str_addf(&index, "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:%s\",\"size\":%zu,\"annotations\":{"
		 "\"io.containerd.image.name\":\"docker.io/library/loaded:1\"}}]}", m, manifest.len);
	str_addf(&old,
		 "[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":[\"loaded:1\",\"loaded:2\"],\"Layers\":[\"blobs/sha256/"
		 "%s\"]}]",
		 c, l);
	if (oci)
		tar_add(t, (struct tar_entry){ .type = '0', .name = "index.json", .data = index.s });
	if (docker)
		tar_add(t, (struct tar_entry){ .type = '0', .name = "manifest.json", .data = old.s });
	tar_end(t);
}

static void test_load(void)
{
	for (int kind = 1; kind <= 3; kind++) {
		auto_str struct str t = {0};
		auto_free char *p = NULL;
		auto_err struct err e = {0};
		auto_image struct image *i = NULL;
		struct strv loaded = {0};

		begin();
		p = xasprintf("%s/a.tar", root);
		make_archive(&t, kind & 1, kind & 2, false);
		write_file("a.tar", &t);
		ok(image_load(s, p, &loaded, &e) == 0, "load kind %d: %s", kind, e.n ? e.frame[0] : "ok");
		is_int((int)loaded.n, kind & 2 ? 2 : 1, "names");
		is_int(image_open(s, "loaded:1", &i, &e), 0, "opened");
		ok(i && store_layer_exists(s, i->layers.v[0]), "unpacked");
		is_int((int)count("layers"), 2, "one layer and its record, no temporary directory");
		strv_done(&loaded);
		end();
	}
}

static void test_load_bad(void)
{
	static const char *const bad_manifest[] = {
		"[{\"Config\":\"../../../../etc/passwd\",\"RepoTags\":[],\"Layers\":[]}]",
		"[{\"Config\":\"/etc/passwd\",\"RepoTags\":[],\"Layers\":[]}]",
		"[{\"Config\":\"fifo\",\"RepoTags\":[],\"Layers\":[]}]",
		"[{\"Config\":\"link\",\"RepoTags\":[],\"Layers\":[]}]", "[]", "{}", "[1]",
	};
	auto_str struct str t = {0};
	auto_free char *p = NULL;
	auto_err struct err e = {0};
	struct strv loaded = {0};

	begin();
	p = xasprintf("%s/a.tar", root);
	make_archive(&t, true, false, true);
	write_file("a.tar", &t);
	ok(image_load(s, p, &loaded, &e) < 0, "a layer of another size: %s", e.n ? e.frame[0] : "");
	err_done(&e);
	for (size_t n = 0; n < ARRAY_LEN(bad_manifest); n++) {
		auto_str struct str b = {0};

		tar_add(&b, (struct tar_entry){ .type = '6', .name = "fifo" });
		tar_add(&b, (struct tar_entry){ .type = '2', .name = "link", .link = "/etc/passwd" });
		tar_add(&b, (struct tar_entry){ .type = '0', .name = "manifest.json", .data = bad_manifest[n] });
		tar_end(&b);
		write_file("a.tar", &b);
		ok(image_load(s, p, &loaded, &e) < 0, "refused: %s: %s", bad_manifest[n], e.n ? e.frame[0] : "");
		err_done(&e);
	}
	is_int((int)loaded.n, 0, "nothing loaded");
	is_int((int)count("layers"), 0, "nothing left");
	strv_done(&loaded);
	end();
}

static void test_inspect(void)
{
	auto_free char *l1 = NULL;
	auto_image struct image *a = NULL;
	auto_json json_t *j = NULL;
	struct strv none = {0};

	begin();
	l1 = add_layer(&none, "one", "1");
	a = commit("web", "2024-01-01T00:00:00Z", l1, NULL);
	j = image_inspect(s, a);
	is_str(json_str(j, "Id", ""), a->id, "Id");
	is_str(json_string_value(json_array_get(json_object_get(j, "RepoTags"), 0)), "web:latest", "RepoTags");
	is_str(json_str(j, "Os", ""), "linux", "Os");
	is_int(json_int(j, "Size", 0), 1, "Size");
	ok(json_object_get(json_object_get(j, "Config"), "Env") != NULL, "Config.Env");
	ok(str_ends(json_string_value(json_array_get(json_object_get(json_object_get(j, "RootFS"), "Layers"), 0)), l1),
	   "RootFS");
	end();
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	test_layout();
	test_layer_ids();
	test_commit_open();
	test_not_utf8();
	test_scratch();
	test_tag_list();
	test_remove();
	test_damaged();
	test_gc_waits();
	test_killed();
	test_import();
	test_import_bad();
	test_bomb();
	test_load();
	test_load_bad();
	test_inspect();
	return done_testing();
}
