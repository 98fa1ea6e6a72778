/* SPDX-License-Identifier: Apache-2.0 */
/* layer: unpacking, whiteouts, attributes; and archives that try to get out. Runs as root (devices, owners, trusted.*).
 */
#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include "compose/image/layer.h"
#include "tests/tap.h"
#include "tests/unit/image_tar.h"

static char *top;                    /* scratch: canary/ and, for each case, dir/ */
static int top_fd;

static int unpack_opts(const struct str *tar, const struct layer_opts *o, struct layer_stats *st, struct err *e)
{
	struct tar_source src = { tar->s, tar->len, 700 };       /* odd steps: headers cross them */
	int fd, rc;

	(void)fs_rm_rf(top_fd, "dir");
	if (mkdirat(top_fd, "dir", 0755) < 0)
		abort();
	fd = openat(top_fd, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = layer_untar(fd, tar_read, &src, o, st, e);
	close(fd);
	return rc;
}

static int unpack(const struct str *tar, struct err *e)
{
	const struct layer_opts o = { .whiteouts = true };
	struct layer_stats st;

	return unpack_opts(tar, &o, &st, e);
}

static bool look(const char *path, struct stat *st)
{
	auto_free char *p = xasprintf("dir/%s", path);

	return fstatat(top_fd, p, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static char *content(const char *path)
{
	auto_err struct err e = {0};
	auto_free char *p = xasprintf("dir/%s", path);
	char *text = NULL;

	return fs_read(top_fd, p, 1 << 20, &text, NULL, &e) == 0 ? text : xstrdup("(none)");
}

static void is_content(const char *path, const char *want)
{
	auto_free char *got = content(path);

	is_str(got, want, "content of %s", path);
}

static bool has_xattr(const char *path, const char *name, const char *want)
{
	auto_free char *p = xasprintf("%s/dir/%s", top, path);
	char val[256];
	ssize_t n = lgetxattr(p, name, val, sizeof(val));

	return want ? n == (ssize_t)strlen(want) && !memcmp(val, want, (size_t)n) : n >= 0;
}

/* -- what must work -- */

static void test_plain(void)
{
	auto_str struct str t = {0};
	auto_err struct err e = {0};
	struct stat st, st2;

	tar_add(&t, (struct tar_entry){ .type = '5', .name = "./", .mode = 0751, .mtime = 1000 });
	tar_add(&t, (struct tar_entry){ .type = '5', .name = "./a/", .mode = 02775, .gid = 50, .mtime = 2000 });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "./a/f", .data = "hello", .mode = 04755, .mtime = 3000 });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "a/plain", .data = "x", .mode = 0666 });
	tar_add(&t, (struct tar_entry){ .type = '5', .name = "a/sub" });
	tar_add(&t,
		(struct tar_entry){.type = '0', .name = "a/own", .data = "x", .uid = 1000, .gid = 2000, .mode = 06711});
	tar_add(&t, (struct tar_entry){ .type = '1', .name = "a/hard", .link = "./a/f" });
	tar_add(&t, (struct tar_entry){ .type = '2', .name = "a/sym", .link = "/etc/passwd", .mtime = 4000 });
	tar_add(&t, (struct tar_entry){ .type = '6', .name = "a/fifo", .mode = 0622 });
	tar_add(&t, (struct tar_entry){ .type = '3', .name = "a/null", .mode = 0666, .major = 1, .minor = 3 });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "deep/er/est", .data = "parents are made" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "empty" });
	tar_add(&t, (struct tar_entry){
			    .type = '0', .name = "short", .pax_path = "n\xc3\xa4me \xe2\x82\xac", .data = "utf8"});
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "latin\xe9", .data = "bytes" });
	tar_end(&t);
	ok(unpack(&t, &e) == 0, "unpacked: %s", e.n ? e.frame[0] : "");
	ok(look("", &st) && (st.st_mode & 07777) == 0751 && st.st_mtime == 1000, "the root's mode and time");
	ok(look("a", &st) && (st.st_mode & 07777) == 02775 && st.st_gid == 50, "set-gid directory");
	is_int(st.st_mtime, 2000, "a directory's time is set last");
	ok(look("a/f", &st) && (st.st_mode & 07777) == 04755 && st.st_mtime == 3000 && st.st_uid == 0 && st.st_gid == 0,
	   "set-uid file, time, owner (not the set-gid parent's group)");
	ok(look("a/plain", &st) && (st.st_mode & 07777) == 0666, "the umask does not matter");
	ok(look("a/sub", &st) && (st.st_mode & 07777) == 0755 && st.st_gid == 0, "no set-gid bit from the parent");
	ok(look("a/own", &st) && st.st_uid == 1000 && st.st_gid == 2000 && (st.st_mode & 07777) == 06711,
	   "owner, and set-id bits kept behind it");
	ok(look("a/f", &st) && look("a/hard", &st2) && st.st_ino == st2.st_ino && st.st_nlink == 2, "hard link");
	ok(look("a/sym", &st) && S_ISLNK(st.st_mode) && st.st_mtime == 4000, "symbolic link and its time");
	ok(look("a/fifo", &st) && S_ISFIFO(st.st_mode) && (st.st_mode & 07777) == 0622, "FIFO");
	ok(look("a/null", &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3), "device");
	is_content("a/f", "hello");
	is_content("deep/er/est", "parents are made");
	ok(look("deep/er", &st) && (st.st_mode & 07777) == 0755, "a missing parent is 0755");
	ok(look("empty", &st) && st.st_size == 0, "empty file");
	is_content("n\xc3\xa4me \xe2\x82\xac", "utf8");
	is_content("latin\xe9", "bytes");
	ok(umask(022) == 022, "the umask is what it was");
}

static void test_replace(void)
{
	auto_str struct str t = {0};
	auto_err struct err e = {0};
	struct stat st;

	tar_add(&t, (struct tar_entry){ .type = '0', .name = "f", .data = "old" });
	tar_add(&t, (struct tar_entry){ .type = '1', .name = "other", .link = "f" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "f", .data = "new" });
	tar_add(&t, (struct tar_entry){ .type = '5', .name = "d" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "d/in", .data = "x" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "d", .data = "now a file" });
	tar_add(&t, (struct tar_entry){ .type = '5', .name = "e", .mode = 0700 });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "e/in", .data = "stays" });
	tar_add(&t, (struct tar_entry){ .type = '5', .name = "e", .mode = 0711, .uid = 7 });
	tar_add(&t, (struct tar_entry){ .type = '2', .name = "l", .link = "e" });
	tar_add(&t, (struct tar_entry){ .type = '5', .name = "l" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "l/in", .data = "own" });
	tar_end(&t);
	ok(unpack(&t, &e) == 0, "unpacked: %s", e.n ? e.frame[0] : "");
	is_content("f", "new");
	is_content("other", "old");
	is_content("d", "now a file");
	is_content("e/in", "stays");
	ok(look("e", &st) && (st.st_mode & 07777) == 0711 && st.st_uid == 7, "a directory again: new attributes");
	ok(look("l", &st) && S_ISDIR(st.st_mode), "a directory replaces a link");
	is_content("l/in", "own");
}

static bool whiteout(const char *path)
{
	struct stat st;

	return look(path, &st) && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

static void test_whiteouts(void)
{
	auto_str struct str t = {0};
	auto_err struct err e = {0};
	struct stat st;

	tar_add(&t, (struct tar_entry){ .type = '0', .name = "a/.wh.gone" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = ".wh.top" });
	tar_add(&t, (struct tar_entry){ .type = '5', .name = "o" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "o/.wh..wh..opq" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "o/stays", .data = "x" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = ".wh.dir" });
	tar_add(&t, (struct tar_entry){ .type = '5', .name = "dir" });
	tar_add(&t, (struct tar_entry){ .type = '5', .name = "dir2" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = ".wh.dir2" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = ".wh.file" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "file", .data = "new" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "file2", .data = "new" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = ".wh.file2" });
	tar_add(&t, (struct tar_entry){ .type = '0', .name = ".wh..wh.plnk" });
	tar_end(&t);
	ok(unpack(&t, &e) == 0, "unpacked: %s", e.n ? e.frame[0] : "");
	ok(whiteout("a/gone") && whiteout("top"), "whiteouts are 0:0 devices");
	ok(!look("a/.wh.gone", &st) && !look("o/.wh..wh..opq", &st) && !look(".wh..wh.plnk", &st), "no marker files");
	ok(has_xattr("o", "trusted.overlay.opaque", "y"), "opaque directory");
	is_content("o/stays", "x");
	ok(look("dir", &st) && S_ISDIR(st.st_mode) && has_xattr("dir", "trusted.overlay.opaque", "y"),
	   "whiteout, then a directory: opaque");
	ok(has_xattr("dir2", "trusted.overlay.opaque", "y"), "a directory, then its whiteout: opaque");
	is_content("file", "new");
	is_content("file2", "new");
}

static void test_import_keeps_wh(void)
{
	auto_str struct str t = {0};
	auto_err struct err e = {0};
	const struct layer_opts o = {0};
	struct layer_stats ls;

	tar_add(&t, (struct tar_entry){ .type = '0', .name = ".wh.file", .data = "a file" });
	tar_end(&t);
	ok(unpack_opts(&t, &o, &ls, &e) == 0, "unpacked");
	is_content(".wh.file", "a file");
	is_int((long long)ls.entries, 1, "entries counted");
	is_int((long long)ls.bytes, 6, "bytes counted");
}

static void test_xattrs(void)
{
	static const struct { const char *name; bool kept; } t[] = {
		{ "user.note", true }, { "security.ima", false }, { "security.selinux", false },
		{ "trusted.overlay.redirect", false }, { "trusted.x", false }, { "user.overlay.opaque", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_str struct str tar = {0};
		auto_err struct err e = {0};

		tar_add(&tar, (struct tar_entry){ .type = '5', .name = "d", .xattr = t[i].name, .xattr_val = "/etc" });
		tar_end(&tar);
		ok(unpack(&tar, &e) == 0, "unpacked %s", t[i].name);
		ok(has_xattr("d", t[i].name, NULL) == t[i].kept, "%s is %s", t[i].name, t[i].kept ? "kept" : "dropped");
	}
}

static void test_capability(void)
{
	/* VFS_CAP_REVISION_2, cap_net_bind_service; a pax value may have NUL bytes */
	static const char cap[20] = { 1, 0, 0, 2, 0, 4, 0, 0 };
	auto_str struct str t = {0}, pax = {0};
	auto_err struct err e = {0};
	auto_free char *p = xasprintf("%s/dir/f", top);
	char got[32];

	str_addf(&pax,
		 "%d SCHILY.xattr.security.capability=", 3 + (int)strlen("SCHILY.xattr.security.capability=") + 20 + 1);
	str_addn(&pax, cap, sizeof(cap));
	str_addc(&pax, '\n');
	tar_header(&t, &(struct tar_entry){ .type = 'x', .name = "pax" }, pax.len);
	tar_body(&t, pax.s, pax.len);
	tar_add(&t, (struct tar_entry){ .type = '0', .name = "f", .data = "x", .mode = 0755, .uid = 5 });
	tar_end(&t);
	ok(unpack(&t, &e) == 0, "unpacked: %s", e.n ? e.frame[0] : "");
	is_int(lgetxattr(p, "security.capability", got, sizeof(got)), 20, "security.capability is kept, behind chown");
}

static void test_sparse(void)
{
	auto_str struct str t = {0};
	auto_err struct err e = {0};
	struct stat st;
	char *h;
	unsigned sum = 0;

	/* old GNU sparse: 4 bytes at 1 MiB of a 2 MiB file */
	tar_header(&t, &(struct tar_entry){ .type = 'S', .name = "sparse" }, 4);
	h = t.s;
	memcpy(h + 257, "ustar  \0", 8);
	tar_octal(h + 386, 12, 1 << 20);
	tar_octal(h + 398, 12, 4);
	tar_octal(h + 483, 12, 2 << 20);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	(void)snprintf(h + 148, 8, "%06o", sum);
	tar_body(&t, "data", 4);
	tar_end(&t);
	ok(unpack(&t, &e) == 0, "unpacked: %s", e.n ? e.frame[0] : "");
	ok(look("sparse", &st) && st.st_size == 2 << 20, "whole size");
	ok(st.st_blocks * 512 < 1 << 20, "holes stay holes");
}

/* -- what must not -- */

static char *canary(void)
{
	struct str out = {0};

	tree_text(top_fd, "canary", "canary", &out);
	return str_take(&out);
}

static void make_canary(void)
{
	int fd, file;

	(void)mkdirat(top_fd, "canary", 0755);
	fd = openat(top_fd, "canary", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)mkdirat(fd, "dir", 0750);
	file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)!write(file, "secret", 6);
	close(file);
	file = openat(fd, "dir/suid", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	(void)fchmod(file, 04755);
	close(file);
	(void)mkfifoat(fd, "fifo", 0600);
	(void)mknodat(fd, "dev", S_IFCHR | 0600, makedev(1, 3));
	(void)!symlinkat("file", fd, "link");
	close(fd);
}

/* Unpack what is meant to get out; nothing outside may change. ret: what unpacking said */
static int attack(const char *what, const struct tar_entry *v, size_t n, bool must_fail)
{
	auto_str struct str t = {0};
	auto_err struct err e = {0};
	auto_free char *before = canary(), *after = NULL;
	int rc;

	for (size_t i = 0; i < n; i++)
		tar_add(&t, v[i]);
	tar_end(&t);
	rc = unpack(&t, &e);
	after = canary();
	is_str(after, before, "%s: canary unchanged", what);
	if (must_fail)
		ok(rc < 0, "%s: refused (%s)", what, rc < 0 ? e.frame[0] : "it was not");
	return rc;
}
#define ATTACK(what, must_fail, ...) \
	attack(what, (const struct tar_entry[]){ __VA_ARGS__ }, \
	       sizeof((const struct tar_entry[]){ __VA_ARGS__ }) / sizeof(struct tar_entry), must_fail)

static void test_escape_names(void)
{
	ATTACK("..", true, { .type = '0', .name = "../canary/file", .data = "evil" });
	ATTACK("hidden ..", true, { .type = '0', .name = "a/../../canary/file", .data = "evil" });
	ATTACK("trailing ..", true, { .type = '5', .name = "a/..", .mode = 0777 });
	ATTACK("just ..", true, { .type = '5', .name = "..", .mode = 0777 });
	ATTACK("pax ..", true, { .type = '0', .name = "x", .pax_path = "../canary/file", .data = "evil" });
	ATTACK("whiteout of ..", true, { .type = '0', .name = "a/.wh..." });
	ATTACK("whiteout of .", true, { .type = '0', .name = "a/.wh.." });
	ATTACK("whiteout of nothing", true, { .type = '0', .name = "a/.wh." });
	ATTACK("root as a file", true, { .type = '0', .name = "./", .data = "evil" });
	ATTACK("root as a link", true, { .type = '2', .name = "/", .link = "../canary" });
}

static void test_escape_absolute(void)
{
	auto_free char *abs = xasprintf("%s/canary/file", top);
	auto_free char *inside = xasprintf("dir%s", abs);
	auto_err struct err e = {0};
	auto_free char *text = NULL;

	ATTACK("absolute name", false, { .type = '0', .name = abs, .data = "evil" });
	ok(fs_read(top_fd, inside, 100, &text, NULL, &e) == 0 && str_eq(text, "evil"), "it lands inside");
}

static void test_escape_links(void)
{
	auto_free char *abs = xasprintf("%s/canary", top), *abs_file = xasprintf("%s/canary/file", top);
	auto_free char *fd_link = xasprintf("/proc/self/fd/%d", top_fd), *in_file = xasprintf("%s/canary/file", top);

	ATTACK("link, then write through it", false, { .type = '2', .name = "l", .link = "../canary" },
	       { .type = '0', .name = "l/file", .data = "evil" });
	ATTACK("absolute link, then write through it", false, { .type = '2', .name = "l", .link = abs },
	       { .type = '0', .name = "l/file", .data = "evil" });
	ATTACK("link as last component", false, { .type = '2', .name = "l", .link = abs_file },
	       { .type = '0', .name = "l", .data = "evil" });
	ATTACK("directory over link", false, { .type = '2', .name = "l", .link = abs },
	       { .type = '5', .name = "l", .mode = 0777, .uid = 99 });
	ATTACK("chain of links", false, { .type = '2', .name = "a", .link = "b/../.." },
	       { .type = '5', .name = "b" }, { .type = '2', .name = "c", .link = "a/canary" },
	       { .type = '0', .name = "c/file", .data = "evil" });
	ATTACK("magic link", false, { .type = '2', .name = "l", .link = fd_link },
	       { .type = '0', .name = "l/canary/file", .data = "evil" });
	ATTACK("loop", true, { .type = '2', .name = "l", .link = "l" }, { .type = '0', .name = "l/x", .data = "evil" });
	ATTACK("whiteout through a link", false, { .type = '2', .name = "l", .link = "../canary" },
	       { .type = '0', .name = "l/.wh.file" });
	ATTACK("opaque through a link", false, { .type = '2', .name = "l", .link = "../canary" },
	       { .type = '0', .name = "l/.wh..wh..opq" });
	ATTACK("whiteout over a link", false, { .type = '2', .name = "l", .link = abs_file },
	       { .type = '0', .name = ".wh.l" });
	ATTACK("mkdir through a dangling link", false, { .type = '2', .name = "l", .link = "../canary/new" },
	       { .type = '0', .name = "l/x", .data = "evil" });
	is_content("canary/new/x", "evil");      /* inside, where the link leads when the layer is "/" */
	ATTACK("device through a link", false, { .type = '2', .name = "l", .link = "../canary" },
	       { .type = '3', .name = "l/dev2", .major = 1, .minor = 3 });
	ATTACK("swap: directory becomes a link", false, { .type = '5', .name = "d" },
	       { .type = '0', .name = "d/one", .data = "1" }, { .type = '2', .name = "d", .link = "../canary" },
	       { .type = '0', .name = "d/file", .data = "evil" });
	ATTACK("directory times through a link", false, { .type = '5', .name = "d/e", .mtime = 5 },
	       { .type = '2', .name = "d", .link = "../canary" });
	ATTACK("xattr on a link", false,
	       {.type = '2', .name = "l", .link = in_file, .xattr = "user.evil", .xattr_val = "1"});
	ok(getxattr(in_file, "user.evil", NULL, 0) < 0, "no attribute outside");
}

static void test_escape_hardlinks(void)
{
	auto_free char *abs = xasprintf("%s/canary/file", top);

	ATTACK("hard link to ..", true, { .type = '1', .name = "h", .link = "../canary/file" });
	ATTACK("hard link to an absolute name", true, { .type = '1', .name = "h", .link = abs });
	ATTACK("hard link through a link", true, { .type = '2', .name = "l", .link = "../canary" },
	       { .type = '1', .name = "h", .link = "l/file" });
	ATTACK("hard link to a link, then write", false, { .type = '2', .name = "l", .link = abs },
	       { .type = '1', .name = "h", .link = "l" }, { .type = '0', .name = "h", .data = "evil" });
	ATTACK("hard link to a directory", true, {.type = '5', .name = "d"}, {.type = '1', .name = "h", .link = "d"});
	ATTACK("hard link to itself", true, { .type = '1', .name = "h", .link = "h" });
	ATTACK("hard link to the root", true, { .type = '1', .name = "h", .link = "/" });
}

static void test_bad_values(void)
{
	auto_free char *deep = xmalloc(2000);

	ATTACK("owner 4294967295", true, { .type = '0', .name = "f", .uid = 4294967295UL, .mode = 04755 });
	ATTACK("owner 2^32", true, { .type = '0', .name = "f", .uid = 4294967296UL, .mode = 04755 });
	ATTACK("owner 2^31", false, { .type = '0', .name = "f", .uid = 2147483648UL });
	for (size_t i = 0; i < 999; i++)
		memcpy(deep + 2 * i, "d/", 2);
	deep[1997] = '\0';
	ATTACK("deep", true, { .type = '0', .name = "x", .pax_path = deep });
	memset(deep, 'n', 300);
	deep[300] = '\0';
	ATTACK("long component", true, { .type = '0', .name = "x", .pax_path = deep });
	ATTACK("parent is a file", true, { .type = '0', .name = "f" }, { .type = '0', .name = "f/x" });
	ATTACK("bad UTF-8 in pax", false, { .type = '0', .name = "x", .pax_path = "bad\xff\xfename" });
}

static void test_limits(void)
{
	const struct layer_opts few = { .max_entries = 10 }, small = { .max_bytes = 100 };
	auto_str struct str t = {0}, big = {0};
	auto_err struct err e = {0};
	struct layer_stats st;

	for (int i = 0; i < 11; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%d", i);
		tar_add(&t, (struct tar_entry){ .type = '0', .name = name });
	}
	tar_end(&t);
	ok(unpack_opts(&t, &few, &st, &e) < 0 && strstr(e.frame[0], "more than 10"), "entries are counted");
	err_done(&e);
	tar_add(&big, (struct tar_entry){ .type = '0', .name = "a", .data = "x", .size = 0 });
	tar_header(&big, &(struct tar_entry){ .type = '0', .name = "b" }, 1UL << 30);
	ok(unpack_opts(&big, &small, &st, &e) < 0 && strstr(e.frame[0], "larger"), "announced sizes are summed up");
	err_done(&e);
	str_cut(&t, 0);
	tar_header(&t, &(struct tar_entry){ .type = '0', .name = "cut" }, 1000);
	str_add(&t, "only this");
	ok(unpack(&t, &e) < 0, "truncated in a file: %s", e.n ? e.frame[0] : "");
	err_done(&e);
	str_cut(&t, 0);
	str_add(&t, "this is not a tar archive at all, but it is longer than a few bytes");
	ok(unpack(&t, &e) < 0, "garbage: %s", e.n ? e.frame[0] : "");
}

static void test_no_devices(void)
{
	const struct layer_opts o = { .no_devices = true };
	auto_str struct str t = {0};
	auto_err struct err e = {0};
	struct layer_stats ls;
	struct stat st;

	tar_add(&t, (struct tar_entry){ .type = '4', .name = "sda", .major = 8 });
	tar_add(&t, (struct tar_entry){ .type = '6', .name = "fifo" });
	tar_end(&t);
	ok(unpack_opts(&t, &o, &ls, &e) == 0, "unpacked");
	ok(!look("sda", &st) && ls.devices_left_out == 1, "the device is left out, and counted");
	ok(look("fifo", &st), "a FIFO is no device");
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	(void)umask(022);
	top = scratch_dir();
	top_fd = scratch_open(top);
	make_canary();
	test_plain();
	test_replace();
	test_whiteouts();
	test_import_keeps_wh();
	test_xattrs();
	test_capability();
	test_sparse();
	test_escape_names();
	test_escape_absolute();
	test_escape_links();
	test_escape_hardlinks();
	test_bad_values();
	test_limits();
	test_no_devices();
	close(top_fd);
	scratch_rm(top);
	return done_testing();
}
