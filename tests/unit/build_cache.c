/* SPDX-License-Identifier: Apache-2.0 */
/* The layer cache: nothing changed is all hits and the same image; each part of a key, changed alone, is a miss. */
#include "compose/build/statcache.h"
#include "tests/unit/build_help.h"

static struct bench b;

static const char base[] = "FROM scratch AS base\nCOPY a.txt /a\nENV E=1\nARG G=1\nARG UNUSED=1\nUSER 5\nWORKDIR /w\n"
	"RUN [\"append\", \"/log\", \"x\"]\nFROM base AS two\nCOPY --from=base /a /b\nRUN [\"write\", \"/c\", \"c\"]\n"
	"LABEL l=1\nCMD [\"x\"]\n";

static void settle(void)
{
	usleep(40000);
} /* the stat cache trusts a file only some time after its change */

static unsigned layers(void) { return 5; }              /* COPY WORKDIR RUN COPY RUN */

/* Replace one piece of the file. ret: kept until the next call */
static const char *with(const char *from, const char *to)
{
	static char text[2000];
	const char *at = strstr(base, from);

	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - base), base, to, at + strlen(from));
	return text;
}

static void hits(void)
{
	auto_free char *first = NULL;

	b_good(&b, base, "the first build");
	is_int((int)b.cached, 0, "has no hit");
	is_int((int)b.runs, 2, "and runs");
	first = xstrdup(b.id);
	b_good(&b, base, "the second");
	is_int((int)b.cached, (int)layers(), "is all hits");
	is_int((int)b.runs, 0, "runs nothing");
	is_str(b.id, first, "and is the same image");
	b.o.no_cache = true;
	b_good(&b, base, "with no_cache");
	is_int((int)b.cached, 0, "there is no hit");
	b.o.no_cache = false;
}

/* Build text: hits are expected. The base is put back into the state of "all hits" by its own records, which stay. */
static void expect(const char *text, int want, const char *what)
{
	b_good(&b, text, what);
	is_int((int)b.cached, want, "%s: hits", what);
}

static void misses(void)
{
	expect(with("ENV E=1", "ENV E=2"), 2, "ENV: from the next RUN on (the WORKDIR does not care)");
	expect(with("ARG G=1", "ARG G=2"), 2, "ARG in scope: the next RUN");
	expect(with("USER 5", "USER 6"), 1, "USER: WORKDIR and what follows");
	expect(with("WORKDIR /w", "WORKDIR /w2"), 1, "WORKDIR");
	expect(with("\"x\"]", "\"y\"]"), 2, "the command of a RUN");
	expect(with("\"c\"]", "\"d\"]"), 4, "the last RUN alone");
	expect(with("COPY a.txt /a", "COPY --chmod=600 a.txt /a"), 0, "the mode of a COPY");
	expect(with("COPY a.txt /a", "COPY --chown=1 a.txt /a"), 0, "the owner of a COPY");
	expect(with("/a /b", "/a /b2"), 3, "the destination of a COPY");
	expect(with("LABEL l=1", "LABEL l=2"), 5, "a LABEL: nothing");
	expect(with("CMD [\"x\"]", "CMD [\"y\"]"), 5, "a CMD: nothing");
	expect(with("RUN [\"write\"", "RUN --network=none [\"write\""), 4, "the network of a RUN");
}

static void build_args(void)
{
	static const struct build_kv g[] = { { "G", "9" } }, unknown[] = { { "NOBODY", "1" } },
				     proxy[] = { { "HTTP_PROXY", "http://p" } };

	b.o.n_args = 1;
	b.o.args = g;
	expect(base, 2, "a build argument in use");
	b.o.args = unknown;
	expect(base, 5, "one that nobody declared");
	b.o.args = proxy;
	expect(base, 5, "a proxy");
	b.o.n_args = 0;
}

static void contents(void)
{
	char path[200], to[200];
	struct timespec old[2] = { { 1, 0 }, { 1, 0 } };

	b_path(&b, "a.txt", path, sizeof(path));
	b_good(&b, base, "back to the start");
	ok(utimensat(AT_FDCWD, path, old, 0) == 0, "only its time is changed");
	expect(base, 5, "a file's time");
	b_path(&b, "moved", to, sizeof(to));
	ok(rename(path, to) == 0, "away and");
	b_file(&b, "a.txt", "AAAA");
	expect(base, 5, "another inode with the same content");
	ok(chmod(path, 0600) == 0, "another mode");
	expect(base, 0, "a file's mode");
	ok(chmod(path, 0644) == 0, "the mode back");
	expect(base, 5, "hits again");
	b_file(&b, "a.txt", "BBBB");
	expect(base, 0, "a file's content, same size");
	b_file(&b, "a.txt", "AAAA");
	expect(base, 5, "the old content hits the old records");
}

static void trees(void)
{
	static const char text[] = "FROM scratch\nCOPY . /t\n";

	b_file(&b, ".dockerignore", "*.tmp\n");
	b_file(&b, "d/x", "1");
	expect(text, 0, "a tree");
	expect(text, 1, "again");
	b_file(&b, "d/y.tmp", "new");
	b_file(&b, "z.tmp", "new");
	expect(text, 0, "a nested file that is not left out");
	b_file(&b, ".dockerignore", "**/*.tmp\n");
	expect(text, 0, "a change of .dockerignore, which is copied itself");
	b_file(&b, "d/q.tmp", "new");
	expect(text, 1, "a file that is left out");
	b_link(&b, "l", "one");
	expect(text, 0, "a new link");
	{
		char path[200];

		b_path(&b, "l", path, sizeof(path));
		ok(unlink(path) == 0 && symlink("two", path) == 0, "another target");
	}
	expect(text, 0, "a link's target");
	b_file(&b, "d/empty", "");
	expect(text, 0, "an empty file");
}

/* A rebuilt stage with the same content hits downstream. */
static void by_content(void)
{
	static const char one[] = "FROM scratch AS s\nRUN [\"x\"]\n",
			  two[] = "FROM scratch AS s\nCOPY a.txt /a\nRUN [\"write\", \"/r\", \"same\"]\n"
				  "FROM scratch\nCOPY --from=s /r /r\nRUN [\"append\", \"/r\", \"!\"]\n";

	b_bad(&b, one, "nothing that could run", "dockerfile_inline:2:1");
	expect(two, 1, "two stages (the first COPY is known)");
	{
		auto_free char *changed = xasprintf("%.*s /a\nRUN [\"write\", \"/other\", \"1\"]\n%s",
						    (int)(strstr(two, " /a") - two), two, strstr(two, "RUN"));

		expect(changed, 3, "another RUN before, the same file taken: its COPY and the RUN behind it hit");
	}
}

/* A layer that is gone makes its record a miss; a damaged record is a miss. */
static void damage(void)
{
	auto_image struct image *img = NULL;
	auto_free char *path = NULL, *cache = xasprintf("%s/build/cache", b.root);
	struct dirent *de;
	DIR *d;

	b_good(&b, base, "the base again");
	img = b_image(&b, b.id);
	path = store_layer_path(b.store, img->layers.v[2]);
	ok(fs_rm_rf(AT_FDCWD, path) == 0, "a layer is lost");
	b_good(&b, base, "the build goes on");
	is_int((int)b.runs, 2, "and runs that step again and what stood on it");
	d = opendir(cache);
	while ((de = readdir(d)))
		if (de->d_name[0] != '.') {
			auto_free char *file = xasprintf("%s/%s", cache, de->d_name);

			ok(truncate(file, 5) == 0, "a record is cut");
		}
	closedir(d);
	expect(base, 0, "damaged records");
}

/* What a collection must spare, and forgetting. */
static void used_layers(void)
{
	auto_strv struct strv used = {0}, none = {0};
	auto_image struct image *img = NULL;
	auto_err struct err e = {0};
	struct image_removed removed = {0};
	uint64_t freed;

	b_good(&b, base, "the base once more");
	img = b_image(&b, b.id);
	is_int(build_cache_used(b.root, BUILD_CACHE_AGE_S, &used, &e), 0, "the cache names its layers");
	ok(strv_has(&used, img->layers.v[0]) && strv_has(&used, img->layers.v[4]), "those of the image among them");
	ok(image_remove(b.store, b.id, true, &used, &removed, &e) == 0 && store_gc(b.store, &used, &freed, &e) == 0,
	   "the image is removed, the rest collected");
	image_removed_done(&removed);
	expect(base, 5, "with its layers named, a build still hits");
	is_int(build_cache_used(b.root, 0, &none, &e), 0, "forgetting all");
	is_int((int)none.n, 0, "names nothing");
	expect(base, 0, "and then nothing hits");
	is_int(build_cache_used("/nonexistent/ctbuild", 0, &none, &e), 0, "no cache is an empty one");
}

static bool cut(const char *dir)
{
	auto_free char *path = xasprintf("%s/cache", dir);

	return truncate(path, 40) == 0;
}

static void stat_cache(void)
{
	auto_free char *dir = xasprintf("%s/sc", b.dir), *path = xasprintf("%s/sc/f", b.dir);
	char h1[SHA256_HEX_SIZE], h2[SHA256_HEX_SIZE];
	auto_err struct err e = {0};
	struct statcache *c;
	struct stat st;
	int fd, d;

	ok(mkdir(dir, 0700) == 0, "a directory");
	d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ok(write(fd, "one", 3) == 3, "a file");
	c = statcache_open(d, "cache");
	is_int(statcache_digest(c, fd, "f", h1, &e), 0, "is read");
	ok(fstat(fd, &st) == 0 && !statcache_get(c, &st, h2), "a file that changed this moment is not remembered");
	settle();
	is_int(statcache_digest(c, fd, "f", h1, &e), 0, "read again later");
	ok(statcache_get(c, &st, h2) && str_eq(h1, h2), "it is");
	is_int(statcache_save(c, &e), 0, "saved");
	statcache_free(c);
	c = statcache_open(d, "cache");
	ok(statcache_get(c, &st, h2) && str_eq(h1, h2), "and known after opening anew");
	ok(pwrite(fd, "two", 3, 0) == 3 && fstat(fd, &st) == 0 && !statcache_get(c, &st, h2),
	   "a change of content is seen");
	ok(futimens(fd, (struct timespec[2]){ { 5, 0 }, { 5, 0 } }) == 0 && fstat(fd, &st) == 0 &&
		   !statcache_get(c, &st, h2),
	   "also with the time set back");
	statcache_free(c);
	ok(cut(dir), "a damaged cache file");
	c = statcache_open(d, "cache");
	ok(!statcache_get(c, &st, h2), "is an empty one");
	statcache_free(c);
	close(fd);
	close(d);
}

int main(void)
{
	b_need_root();
	b_init(&b);
	b_file(&b, "a.txt", "AAAA");
	hits();
	misses();
	build_args();
	contents();
	trees();
	by_content();
	damage();
	used_layers();
	stat_cache();
	b_done(&b);
	return done_testing();
}
