/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/devs.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"

static const struct { const char *name; uint32_t major, minor; } standard[] = {
	{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct { const char *name, *target; } links[] = {
	{ "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" }, { "core", "/proc/kcore" },
};

static mode_t type_bits(char type)
{
	return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

static bool is_device(int fd, const struct spec_device *d)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type_bits(d->type) &&
	       (d->type == 'p' || st.st_rdev == makedev(d->major, d->minor));
}

/* Mount the host's node of the same path over an empty file. */
static int bind_node(int dir, const char *name, const struct spec_device *d, struct err *e)
{
	auto_close int host = open(d->path, O_PATH | O_CLOEXEC), place = -1, tree = -1;

	if (host < 0 || !is_device(host, d))
		return err_set(e, ERR_DENIED, 0, "the host's %s is not device %u:%u", d->path, d->major, d->minor);
	place = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
	tree = open_tree(host, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (place < 0 || tree < 0 ||
	    move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, ERR_SYS, errno, "mount the host's %s", d->path);
	return 0;
}

static int make_node(int dir, const char *name, const struct spec_device *d, struct err *e)
{
	auto_close int fd = -1;

	if (mknodat(dir, name, type_bits(d->type) | d->mode, makedev(d->major, d->minor)) < 0) {
		if (errno == EPERM)
			return bind_node(dir, name, d, e);
		if (errno != EEXIST)
			return err_set(e, ERR_SYS, errno, "make device %s", d->path);
		/* in the image, or mounted: must be what it claims */
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		return fd >= 0 && is_device(fd, d) ? 0 :
		       err_set(e, ERR_CONFLICT, 0, "%s exists and is not device %u:%u", d->path, d->major, d->minor);
	}
	if ((d->uid || d->gid) && fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ERR_SYS, errno, "give device %s to %u:%u", d->path, d->uid, d->gid);
	return 0;
}

static int make_device(int root, const struct spec_device *d, struct err *e)
{
	auto_free char *name = NULL;
	auto_close int dir = fs_open_parent_in(root, d->path, true, &name);

	if (dir < 0 || !*name)
		return err_set(e, ERR_SYS, dir < 0 ? errno : EINVAL, "make device %s", d->path);
	return make_node(dir, name, d, e);
}

int devs_make(const struct spec *s, int root, struct err *e)
{
	auto_close int dev = fs_mkdir_p_in(root, "/dev", 0755);
	mode_t old = umask(0);
	int r = 0;

	if (dev < 0)
		r = err_set(e, ERR_SYS, errno, "open the container's /dev");
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(standard); i++) {
		auto_free char *path = xasprintf("/dev/%s", standard[i].name);
		const struct spec_device d = { path, 'c', standard[i].major, standard[i].minor, 0666, 0, 0 };

		r = make_node(dev, standard[i].name, &d, e);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
			r = err_set(e, ERR_SYS, errno, "make /dev/%s", links[i].name);
	for (size_t i = 0; r == 0 && i < s->devices.n; i++)
		if (strcmp(s->devices.v[i].path, "/dev/ptmx") != 0)        /* the host's; ours is a link to the container's */
			r = make_device(root, &s->devices.v[i], e);
	(void)umask(old);
	return r;
}

int devs_null(struct err *e)
{
	const struct spec_device null = { NULL, 'c', 1, 3, 0, 0, 0 };
	auto_close int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || !is_device(fd, &null))
		return err_set(e, ERR_DENIED, fd < 0 ? errno : 0, "the host's /dev/null is not the null device");
	return take_fd(fd);
}
