/* SPDX-License-Identifier: Apache-2.0 */
/* overlay: detached mounts of many layers, each way that the kernel offers. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/overlay.h"
#include "tests/tap.h"

enum { LAYERS = FS_OVERLAY_LAYERS_MAX };

static int dir, lower[LAYERS];

static void touch(int at, const char *name, const char *text)
{
	int fd = openat(at, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	(void)!write(fd, text, strlen(text));
	close(fd);
}

static int make_dir(const char *name)
{
	(void)mkdirat(dir, name, 0755);
	return openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void layers(void)
{
	char name[64];

	for (int i = 0; i < LAYERS; i++) {
		int fd;

		(void)snprintf(name, sizeof(name), "a-layer-with-a-long-name-%d", i);
		lower[i] = make_dir(name);
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)snprintf(name, sizeof(name), "f%d", i);
		touch(fd, name, "x");
		(void)snprintf(name, sizeof(name), "%d", i);
		touch(fd, "which", name);
		close(fd);
	}
}

static char *text_of(int root, const char *path)
{
	static char buf[64];
	int fd = fs_open_in(root, path, O_RDONLY, 0);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static void mounts(const char *without)
{
	struct fs_overlay o = { .lower = lower, .n = LAYERS };
	struct err e = {0};
	int fd, file;

	(void)setenv("COMPOSE_WITHOUT", without, 1);
	(void)fs_rm_rf(dir, "upper");
	(void)fs_rm_rf(dir, "work");
	o.upper = make_dir("upper");
	o.work = make_dir("work");
	fd = fs_overlay(&o, &e);
	if (!ok(fd >= 0, "%d layers and an upper (without \"%s\")", LAYERS, without)) {
		err_report(&e, stdout);
		return;
	}
	is_str(text_of(fd, "which"), "0", "the first layer is the uppermost");
	is_str(text_of(fd, "f126"), "x", "the last one is there");
	file = fs_open_in(fd, "f126", O_WRONLY | O_TRUNC, 0);
	ok(file >= 0 && write(file, "new", 3) == 3, "written");
	close(file);
	ok(renameat(fd, "f3", fd, "f3-renamed") == 0, "a file is renamed");
	is_str(text_of(fd, "../../../../f126"), "new", "and read, resolution staying inside");
	close(fd);
	is_str(text_of(dir, "upper/f126"), "new", "the upper has it");
	is_str(text_of(dir, "a-layer-with-a-long-name-126/f126"), "x", "the layer has not changed");
	close(o.upper);
	close(o.work);
	o.upper = o.work = -1;
	fd = fs_overlay(&o, &e);
	ok(fd >= 0, "read-only");
	ok(fs_open_in(fd, "f1", O_WRONLY, 0) < 0 && errno == EROFS, "cannot be written");
	is_str(text_of(fd, "f126"), "x", "nor shows the upper");
	close(fd);
	o.n = 1;
	fd = fs_overlay(&o, &e);
	ok(fd >= 0 || e.n, "one layer alone mounts or says why not");
	close(fd);
	o.n = LAYERS + 1;
	ok(fs_overlay(&o, &e) < 0 && e.kind == ERR_USAGE, "one too many is refused");
	err_done(&e);
}

int main(void)
{
	char tmp[] = "/var/tmp/ut-ov.XXXXXX";

	if (geteuid() != 0 || !mkdtemp(tmp)) {
		skip("needs root");
		return done_testing();
	}
	dir = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	layers();
	mounts("");
	mounts("overlay-fd");
	mounts("overlay-fd,overlay-lowerdir+");
	close(dir);
	(void)fs_rm_rf(AT_FDCWD, tmp);
	return done_testing();
}
