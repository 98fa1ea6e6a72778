/* SPDX-License-Identifier: Apache-2.0 */
/* copy: trees with everything in them, links that lead out, things in the way. Runs as root. */
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include "compose/base/copy.h"
#include "tests/tap.h"
#include "tests/unit/image_tar.h"

static char *top;
static int fd;

static void put(const char *path, const char *text, mode_t mode)
{
	int f = openat(fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (f < 0 || write(f, text, strlen(text)) < 0 || fchmod(f, mode) < 0)
		abort();
	close(f);
}

static char *get(const char *path)
{
	auto_err struct err e = {0};
	char *text = NULL;

	return fs_read(fd, path, 1 << 20, &text, NULL, &e) == 0 ? text : xstrdup("(none)");
}

static void is_file(const char *path, const char *want)
{
	auto_free char *got = get(path);

	is_str(got, want, "%s", path);
}

static bool look(const char *path, struct stat *st)
{
	return fstatat(fd, path, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void begin(void)
{
	const struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };
	auto_free char *p = NULL;
	int f;

	top = scratch_dir();
	fd = scratch_open(top);
	(void)mkdirat(fd, "src", 0750);
	(void)mkdirat(fd, "src/d", 0711);
	(void)!fchmodat(fd, "src/d", 02711, 0);
	(void)mkdirat(fd, "canary", 0700);
	put("canary/file", "secret", 0600);
	put("src/f", "content", 04755);
	put("src/d/g", "deep", 0640);
	(void)!fchownat(fd, "src/d/g", 12, 34, 0);
	(void)!symlinkat("../canary", fd, "src/out");
	(void)!linkat(fd, "src/f", fd, "src/d/hard", 0);
	(void)mkfifoat(fd, "src/fifo", 0622);
	(void)mknodat(fd, "src/null", S_IFCHR | 0666, makedev(1, 3));
	p = xasprintf("%s/src/d/g", top);
	(void)setxattr(p, "user.note", "hi", 2, 0);
	f = openat(fd, "src/sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (pwrite(f, "x", 1, 4 << 20) != 1 || ftruncate(f, 8 << 20) < 0)
		abort();
	close(f);
	(void)utimensat(fd, "src/d/g", t, 0);
	(void)utimensat(fd, "src/out", t, AT_SYMLINK_NOFOLLOW);
	(void)utimensat(fd, "src/d", t, 0);
	(void)utimensat(fd, "src", t, 0);
}

static void end(void)
{
	close(fd);
	scratch_rm(top);
}

static void test_faithful(void)
{
	auto_str struct str a = {0}, b = {0};
	auto_err struct err e = {0};
	auto_free char *p = NULL;
	struct stat s1, s2;
	char val[8];

	begin();
	ok(fs_copy_tree(fd, "src", fd, "dst", NULL, &e) == 0, "copied: %s", e.n ? e.frame[0] : "ok");
	tree_text(fd, "src", "x", &a);
	tree_text(fd, "dst", "x", &b);
	is_str(b.s, a.s, "the copy is the same in type, mode, owner, size, time, links and content");
	ok(look("dst/f", &s1) && look("dst/d/hard", &s2) && s1.st_ino == s2.st_ino, "hard links stay together");
	ok(look("src/f", &s2) && s1.st_ino != s2.st_ino, "but are no links to the source");
	ok(look("dst/sparse", &s1) && s1.st_blocks * 512 < 1 << 20, "holes stay holes");
	p = xasprintf("%s/dst/d/g", top);
	ok(getxattr(p, "user.note", val, sizeof(val)) == 2, "extended attribute");
	is_file("canary/file", "secret");
	end();
}

static mode_t only_owner(const void *arg, mode_t old, bool is_dir)
{
	return old & *(const mode_t *)arg & (is_dir ? 0700 : 0600);
}

static void test_overrides(void)
{
	static const mode_t mask = 0700;
	const struct copy_opts o = {.set_owner = true,
				    .uid = 77,
				    .gid = 88,
				    .mode = only_owner,
				    .mode_arg = &mask,
				    .set_mtime = true,
				    .mtime_s = 5000,
				    .no_xattrs = true,
				    .split_links = true};
	auto_err struct err e = {0};
	auto_free char *p = NULL;
	struct stat s1, s2;

	begin();
	ok(fs_copy_tree(fd, "src", fd, "dst", &o, &e) == 0, "copied");
	ok(look("dst/d/g", &s1) && s1.st_uid == 77 && s1.st_gid == 88 && (s1.st_mode & 07777) == 0600 &&
		   s1.st_mtime == 5000,
	   "owner, mode, time of a file");
	ok(look("dst/d", &s1) && s1.st_uid == 77 && (s1.st_mode & 07777) == 0700 && s1.st_mtime == 5000,
	   "of a directory");
	ok(look("dst/out", &s1) && s1.st_uid == 77 && s1.st_mtime == 5000, "of a link");
	ok(look("dst/f", &s1) && look("dst/d/hard", &s2) && s1.st_ino != s2.st_ino, "links are split");
	p = xasprintf("%s/dst/d/g", top);
	ok(getxattr(p, "user.note", NULL, 0) < 0, "no attributes");
	ok(look("canary", &s1) && s1.st_uid == 0, "the link's target keeps its owner");
	end();
}

static void test_merge(void)
{
	const struct copy_opts o = { .keep_dirs = true };
	auto_err struct err e = {0};
	struct stat st;

	begin();
	(void)mkdirat(fd, "dst", 0701);
	(void)mkdirat(fd, "dst/d", 0701);
	put("dst/stays", "mine", 0600);
	put("dst/d/g", "old", 0600);
	(void)!symlinkat("../canary/file", fd, "dst/f");
	ok(fs_copy_tree(fd, "src", fd, "dst", &o, &e) == 0, "merged: %s", e.n ? e.frame[0] : "ok");
	is_file("dst/stays", "mine");
	is_file("dst/d/g", "deep");
	is_file("canary/file", "secret");
	ok(look("dst/f", &st) && S_ISREG(st.st_mode), "a link in the place of a file is replaced, not written through");
	ok(look("dst", &st) && (st.st_mode & 07777) == 0701, "a directory keeps its mode");
	end();
	begin();
	(void)mkdirat(fd, "dst", 0701);
	ok(fs_copy_tree(fd, "src", fd, "dst", NULL, &e) == 0 && look("dst", &st) && (st.st_mode & 07777) == 0750,
	   "or takes the source's");
	end();
}

static void test_conflicts(void)
{
	auto_err struct err e = {0};

	begin();
	(void)mkdirat(fd, "dst", 0700);
	(void)mkdirat(fd, "dst/f", 0700);
	ok(fs_copy_tree(fd, "src", fd, "dst", NULL, &e) < 0 && e.kind == ERR_CONFLICT,
	   "a directory in the place of a file: %s", e.n ? e.frame[0] : "");
	err_done(&e);
	end();
	begin();
	(void)mkdirat(fd, "dst", 0700);
	(void)!symlinkat("../canary", fd, "dst/d");
	ok(fs_copy_tree(fd, "src", fd, "dst", NULL, &e) < 0 && e.kind == ERR_CONFLICT,
	   "a link in the place of a directory");
	ok(faccessat(fd, "canary/g", F_OK, 0) < 0, "nothing was written through it");
	err_done(&e);
	end();
	begin();
	ok(fs_copy_tree(fd, "src", fd, "dst", &(struct copy_opts){ .no_special = true }, &e) < 0, "devices refused");
	end();
}

static void test_whole(void)
{
	auto_err struct err e = {0};
	int src, dst;

	begin();
	(void)mkdirat(fd, "dst", 0700);
	src = openat(fd, "src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dst = openat(fd, "dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(fs_copy_tree(src, "", dst, "", NULL, &e) == 0, "the content of one into another: %s",
	   e.n ? e.frame[0] : "ok");
	is_file("dst/d/g", "deep");
	is_file("dst/d/hard", "content");
	ok(fs_copy_tree(src, "f", dst, "renamed", NULL, &e) == 0, "one file");
	is_file("dst/renamed", "content");
	ok(fs_copy_tree(src, "absent", dst, "x", NULL, &e) < 0 && strstr(e.frame[0], "No such file"), "absent");
	close(src);
	close(dst);
	end();
}

static enum copy_want only_g(void *arg, const char *path, bool is_dir)
{
	unsigned *asked = arg;

	(*asked)++;
	if (!strcmp(path, "d/g"))
		return COPY_TAKE;
	return is_dir ? COPY_DESCEND : COPY_SKIP;
}

static enum copy_want nothing(void *arg, const char *path, bool is_dir)
{
	(void)arg;
	(void)path;
	return is_dir ? COPY_DESCEND : COPY_SKIP;
}

static void test_filter(void)
{
	auto_err struct err e = {0};
	unsigned asked = 0;
	struct stat st;

	begin();
	ok(fs_copy_tree(fd, "src", fd, "dst", &(struct copy_opts){.filter = only_g, .arg = &asked}, &e) == 0,
	   "filtered: %s", e.n ? e.frame[0] : "ok");
	is_file("dst/d/g", "deep");
	ok(!look("dst/f", &st) && !look("dst/out", &st), "nothing else");
	ok(look("dst/d", &st) && (st.st_mode & 07777) == 02711, "directories on the way have their attributes");
	is_int(asked, 9, "each entry asked about once");
	ok(fs_copy_tree(fd, "src", fd, "none", &(struct copy_opts){ .filter = nothing }, &e) == 0 && !look("none", &st),
	   "where nothing is taken no directory is made");
	end();
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	(void)umask(022);
	test_faithful();
	test_overrides();
	test_merge();
	test_conflicts();
	test_whole();
	test_filter();
	return done_testing();
}
