/* SPDX-License-Identifier: Apache-2.0 */
/* base_fs.c - resolution inside a root that is hostile, whole files, atomic writes, removal of trees that are hostile.
 */
#include "compose/base/fs.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "compose/base/mem.h"
#include "tests/tap.h"

static char top[] = "/tmp/ct-fs-XXXXXX";
static int top_fd; /* holds: root/ (the foreign root), out/ (the host, which must stay as it is) */

static void put(int dirfd, const char *path, const char *text)
{
	auto_close int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0)
		diag("cannot write %s", path);
}

static void point(const char *target, int dirfd, const char *path)
{
	if (symlinkat(target, dirfd, path) < 0)
		diag("cannot make the link %s", path);
}

static char *slurp(int dirfd, const char *path)
{
	auto_err struct err e = {0};
	char *text = NULL;

	return fs_read(dirfd, path, 1 << 20, &text, NULL, &e) == 0 ? text : NULL;
}

/* What opening path inside the root gives: its text, or NULL. */
static char *inside(int root, const char *path)
{
	auto_err struct err e = {0};
	auto_close int fd = fs_open_in(root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	char *text = NULL;

	return fd >= 0 && fs_read_fd(fd, path, 1 << 20, &text, NULL, &e) == 0 ? text : NULL;
}

static void resolution(int root)
{
	static const struct {
		const char *path, *text;
	} table[] = {
		{"etc/passwd", "inner"},
		{"/etc/passwd", "inner"},
		{"../../../../etc/passwd", "inner"},
		{"/etc/../../etc/passwd", "inner"},
		{"abs", "inner"},
		{"up", "inner"},
		{"dir/up", "inner"},
		{"abs-dir/passwd", "inner"},
		{"chain", "inner"},
		{"outer", NULL},
		{"loop", NULL},
		{"etc/passwd/x", NULL},
		{"dangling", NULL},
		{"proc-link", NULL},
	};

	mkdirat(root, "etc", 0755);
	mkdirat(root, "dir", 0755);
	put(root, "etc/passwd", "inner");
	point("/etc/passwd", root, "abs");
	point("../../../../../../etc/passwd", root, "up");
	point("../../../../../../etc/passwd", root, "dir/up");
	point("/etc", root, "abs-dir");
	point("dir/../abs-dir/../up", root, "chain");
	point("../out/secret", root, "outer");
	point("loop", root, "loop");
	point("/nowhere/at/all", root, "dangling");
	point("/proc/self/root/etc/passwd", root, "proc-link");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		auto_free char *got = inside(root, table[i].path);

		is_str(got, table[i].text, "%s inside a root", table[i].path);
	}
}

static void magic(void)
{
	auto_close int host = open("/", O_PATH | O_DIRECTORY);
	auto_close int fd = fs_open_in(host, "/proc/self/root", O_PATH | O_DIRECTORY, 0);
	int why = errno;

	ok(fd < 0 && why == ELOOP, "a link of /proc is not followed, even where there is one");
}

static void made_inside(int root)
{
	auto_close int a = fs_mkdir_p_in(root, "/var/lib/x/../y", 0750);
	struct stat st;

	ok(a >= 0, "missing directories are made");
	ok(fstatat(root, "var/lib/y", &st, 0) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0750,
	   "with the mode asked for");
	ok(fstatat(root, "var/lib/x", &st, 0) == 0, "each component in turn");
	point("../../../../out/made", root, "escape");
	mkdirat(top_fd, "out/made-not", 0755);
	auto_close int f = fs_mkdir_p_in(root, "escape/deep", 0755);
	ok(f >= 0 && fstatat(root, "out/made/deep", &st, 0) == 0, "where a dangling link leads, seen from inside");
	ok(fstatat(top_fd, "out/made", &st, 0) < 0, "not outside");
	point("ring-b/x", root, "ring-a");
	point("ring-a/x", root, "ring-b");
	ok(fs_mkdir_p_in(root, "ring-a/deep", 0755) < 0 && errno == ELOOP, "links in a ring end");
	point("/var", root, "to-var");
	auto_close int b = fs_mkdir_p_in(root, "to-var/new", 0755);
	ok(b >= 0 && fstatat(root, "var/new", &st, 0) == 0, "a link that stays inside is followed");
	put(root, "file", "x");
	ok(fs_mkdir_p_in(root, "file/sub", 0755) < 0 && errno == ENOTDIR, "a file in the way");
	auto_close int c = fs_mkdir_p_in(root, "/", 0755), d = fs_mkdir_p_in(root, "", 0755);
	ok(c >= 0 && d >= 0, "the root itself");
	auto_close int e = fs_mkdir_p_in(root, "../../climb", 0755);
	ok(e >= 0 && fstatat(root, "climb", &st, 0) == 0, "climbing ends at the root");
}

static void parents(int root)
{
	char *name = NULL;
	auto_close int a = fs_open_parent_in(root, "new/place/file.txt", true, &name);

	ok(a >= 0, "the holder of a path that is not there yet");
	is_str(name, "file.txt", "and its last component");
	free(name);
	name = NULL;
	ok(fs_open_parent_in(root, "absent/file", false, &name) < 0 && errno == ENOENT, "not made unless asked for");
	ok(fs_open_parent_in(root, "etc/..", false, &name) < 0 && errno == EINVAL, "no parent of ..");
	auto_close int b = fs_open_parent_in(root, "/", false, &name);
	is_str(name, "", "the root has no name");
	free(name);
	name = NULL;
	auto_close int c = fs_open_parent_in(root, "etc/passwd///", false, &name);
	is_str(name, "passwd", "slashes at the end do not count");
	ok(b >= 0 && c >= 0, "both open");
	free(name);
}

static void reading(void)
{
	auto_err struct err e = {0};
	char *text = NULL;
	size_t len;

	put(top_fd, "twenty", "12345678901234567890");
	is_int(fs_read(top_fd, "twenty", 20, &text, &len, &e), 0, "exactly the cap");
	is_int(len, 20, "all of it");
	free(take_ptr(text));
	is_int(fs_read(top_fd, "twenty", 19, &text, &len, &e), -1, "a byte more than the cap");
	has_str(e.frame[0], "larger than the 19 bytes", "is said");
	ok(!text, "nothing comes back");
	is_int(fs_read(top_fd, "absent", 20, &text, NULL, &e), -1, "absent");
	is_int(e.kind, ERR_MISSING, "has its own kind");
	mkfifoat(top_fd, "fifo", 0644);
	is_int(fs_read(top_fd, "fifo", 20, &text, NULL, &e), -1, "a FIFO does not hang");
	is_int(fs_read(AT_FDCWD, "/dev/zero", 20, &text, NULL, &e), -1, "a device does not fill the memory");
	is_int(fs_read(top_fd, ".", 20, &text, NULL, &e), -1, "a directory");
	is_int(fs_read(AT_FDCWD, "/proc/self/status", 1 << 16, &text, &len, &e), 0, "a file that says it has no size");
	ok(len > 100, "is read to its end");
	free(text);
}

static size_t entries(const char *dir)
{
	char cmd[200];
	size_t n = 0;
	struct stat st;

	for (int i = 0; i < 64; i++) { /* names that fs_write may have used */
		snprintf(cmd, sizeof(cmd), "%s.%d.%d.tmp", dir, (int)getpid(), i);
		n += fstatat(top_fd, cmd, &st, 0) == 0;
	}
	return n;
}

static void writing(void)
{
	auto_err struct err e = {0};
	auto_free char *got = NULL, *kept = NULL;
	struct stat st;

	put(top_fd, "out/target", "must stay");
	point("out/target", top_fd, "link");
	is_int(fs_write(top_fd, "link", "new", 3, 0640, true, &e), 0, "written over a link");
	got = slurp(top_fd, "link");
	kept = slurp(top_fd, "out/target");
	is_str(got, "new", "the link is replaced");
	is_str(kept, "must stay", "not what it points to");
	ok(fstatat(top_fd, "link", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		   (st.st_mode & 07777) == 0640,
	   "mode as asked for, whatever the umask");
	mkdirat(top_fd, "full", 0755);
	put(top_fd, "full/x", "");
	is_int(fs_write(top_fd, "full", "new", 3, 0640, false, &e), -1, "a directory is not replaced");
	is_int(entries("full"), 0, "and no temporary file stays");
	is_int(fs_write(top_fd, "absent/file", "new", 3, 0640, false, &e), -1, "no such directory");
}

static void removing(void)
{
	struct stat st;
	auto_free char *kept = NULL;

	is_int(fs_rm_rf(top_fd, "never-there"), 0, "absent is fine");
	is_int(fs_rm_rf(top_fd, "never/there"), 0, "below an absent directory too");
	put(top_fd, "out/precious", "precious");
	mkdirat(top_fd, "tree", 0755);
	mkdirat(top_fd, "tree/sub", 0000);
	point("../out", top_fd, "tree/to-out");
	point("/", top_fd, "tree/sub/to-host");
	put(top_fd, "tree/file", "x");
	mkfifoat(top_fd, "tree/sub/fifo", 0600);
	is_int(fs_rm_rf(top_fd, "tree"), 0, "a tree goes");
	ok(fstatat(top_fd, "tree", &st, 0) < 0 && errno == ENOENT, "as a whole");
	kept = slurp(top_fd, "out/precious");
	is_str(kept, "precious", "links are not followed");
	point("out", top_fd, "link-to-out");
	is_int(fs_rm_rf(top_fd, "link-to-out"), 0, "a link at the top");
	ok(fstatat(top_fd, "link-to-out", &st, AT_SYMLINK_NOFOLLOW) < 0 && fstatat(top_fd, "out/precious", &st, 0) == 0,
	   "only the link goes");
	mkdirat(top_fd, "a", 0755);
	mkdirat(top_fd, "a/b", 0755);
	put(top_fd, "a/b/c", "");
	is_int(fs_rm_rf(top_fd, "a/b"), 0, "a name with a slash");
	ok(fstatat(top_fd, "a", &st, 0) == 0 && fstatat(top_fd, "a/b", &st, 0) < 0, "removes its last component");
}

/* A container can make directories deeper than there are descriptors. */
static void deep(void)
{
	auto_close int fd = -1;
	struct stat st;
	int n = 0;

	mkdirat(top_fd, "deep", 0755);
	mkdirat(top_fd, "deep/.deep-1", 0755); /* a name that the removal might want for itself */
	put(top_fd, "deep/.deep-1/x", "");
	fd = openat(top_fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (; n < 3000; n++) {
		int next;

		if (mkdirat(fd, "d", 0755) < 0)
			break;
		put(fd, "f", "");
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(take_fd(fd));
		fd = next;
	}
	is_int(n, 3000, "three thousand directories, one in the other");
	is_int(fs_rm_rf(top_fd, "deep"), 0, "are removed");
	ok(fstatat(top_fd, "deep", &st, 0) < 0, "to the last");
}

/* ret: 0 when a bind mount of the same file system inside the tree was left alone, 77 where that cannot be tried */
static int mounted_child(void)
{
	char to[64], from[64];
	struct stat st;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	mkdirat(top_fd, "m", 0755);
	mkdirat(top_fd, "m/point", 0755);
	put(top_fd, "m/file", "");
	snprintf(from, sizeof(from), "%s/out", top);
	snprintf(to, sizeof(to), "%s/m/point", top);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return 77;
	if (fs_rm_rf(top_fd, "m") == 0)
		return 1;
	if (fstatat(top_fd, "out/precious", &st, 0) < 0)
		return 2;
	if (fstatat(top_fd, "m/file", &st, 0) == 0)
		return 3;
	return fs_rm_rf(top_fd, "m/point") < 0 && fstatat(top_fd, "out/precious", &st, 0) == 0 ? 0 : 4;
}

static void mounted(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(mounted_child());
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("no mounts can be made here");
	else
		is_int(status, 0, "what is mounted inside a tree stays, the rest of the tree goes");
}

static void sizes(void)
{
	mkdirat(top_fd, "sized", 0755);
	mkdirat(top_fd, "sized/sub", 0755);
	put(top_fd, "sized/sub/ten", "1234567890");
	point("../out", top_fd, "sized/link");
	ok(fs_du_bytes(top_fd, "sized") < 100 && fs_du_bytes(top_fd, "sized") >= 10,
	   "sizes are added up, links not followed");
	is_int(fs_du_bytes(top_fd, "absent"), 0, "nothing is nothing");
}

int main(void)
{
	char path[64];

	umask(022);
	if (!mkdtemp(top))
		return 1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(top_fd, "root", 0755);
	mkdirat(top_fd, "out", 0755);
	put(top_fd, "out/secret", "secret");
	auto_close int root = openat(top_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	resolution(root);
	magic();
	made_inside(root);
	parents(root);
	reading();
	writing();
	removing();
	deep();
	mounted();
	sizes();
	snprintf(path, sizeof(path), "%s/p/q/r", top);
	is_int(fs_mkdir_p(path, 0700), 0, "a path of our own");
	is_int(fs_mkdir_p(path, 0700), 0, "again");
	is_int(fs_rm_rf(AT_FDCWD, top), 0, "all is removed");
	return done_testing();
}
