/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/overlay.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

/* Renames of lower directories must fail (EXDEV, and programs then copy): an upper becomes an image layer, and a layer
 * cannot say "renamed". index and xino would tie an upper to one set of lowers. */
static const struct { const char *key, *value; } fixed[] = {
	{ "index", "off" }, { "redirect_dir", "off" }, { "metacopy", "off" }, { "xino", "off" },
};

/* The kernel explains a refused mount in the context's own log. */
static void add_log(int ctx, struct err *e)
{
	char buf[512];
	ssize_t n = read(ctx, buf, sizeof(buf) - 1);

	if (n > 2) {
		buf[n] = '\0';
		err_hint(e, "the kernel says: %s", buf + 2);
	}
}

/* ret: 0, or -1 with errno; EINVAL when this kernel takes the key neither as a descriptor (6.13) nor as a path */
static int set_dir(int ctx, const char *key, int fd)
{
	char path[40];

	if (!sys_without("overlay-fd") && fsconfig(ctx, FSCONFIG_SET_FD, key, NULL, fd) == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fsconfig(ctx, FSCONFIG_SET_STRING, key, path, 0);
}

static int set_options(int ctx, const struct fs_overlay *o)
{
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (fsconfig(ctx, FSCONFIG_SET_STRING, fixed[i].key, fixed[i].value, 0) < 0)
			return -1;
	if (o->userxattr && fsconfig(ctx, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
		return -1;
	if (o->upper < 0)
		return 0;
	if (o->volatile_ && fsconfig(ctx, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		return -1;
	return set_dir(ctx, "upperdir", o->upper) < 0 || set_dir(ctx, "workdir", o->work) < 0 ? -1 : 0;
}

/* An overlay that does not look at options one by one (before 6.5) collects any words and complains only later. */
static bool takes_any_word(void)
{
	auto_close int ctx = fsopen("overlay", FSOPEN_CLOEXEC);

	return ctx >= 0 && fsconfig(ctx, FSCONFIG_SET_FLAG, "no-such-option", NULL, 0) == 0;
}

/* kernel: 6.8. ret: the mount, -1 failed, -2 when the kernel has no "lowerdir+" */
static int by_context(const struct fs_overlay *o, struct err *e)
{
	auto_close int ctx = -1;
	int fd;

	if (sys_without("overlay-lowerdir+") || takes_any_word())
		return -2;
	ctx = fsopen("overlay", FSOPEN_CLOEXEC);
	if (ctx < 0)
		return err_set(e, errno == EPERM ? ERR_DENIED : ERR_SYS, errno, "open the overlay file system");
	for (size_t i = 0; i < o->n; i++) {
		if (set_dir(ctx, "lowerdir+", o->lower[i]) == 0)
			continue;
		if (i == 0 && errno == EINVAL)
			return -2;
		err_set(e, ERR_SYS, errno, "overlay layer %zu of %zu", i + 1, o->n);
		add_log(ctx, e);
		return -1;
	}
	if (set_options(ctx, o) < 0 || fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		err_set(e, ERR_SYS, errno, "mount an overlay of %zu layers", o->n);
		add_log(ctx, e);
		return -1;
	}
	fd = fsmount(ctx, FSMOUNT_CLOEXEC, o->ro || o->upper < 0 ? MOUNT_ATTR_RDONLY : 0);
	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "mount an overlay of %zu layers", o->n);
	return fd;
}

/* FIXME(kernel 6.1): mount(2) takes up to a page of options, fsconfig(2) only 256 bytes. It has to attach the mount
 * somewhere, so that is done in a mount namespace made for it, by a process that shares descriptors and memory with its
 * suspended parent. Directories must be of that namespace, so each is opened again by its path and compared. */
struct attach {
	const struct fs_overlay *o;
	int    dir[FS_OVERLAY_LAYERS_MAX + 2];    /* the layers, upper, work as opened there; -1 else */
	int    fd, sysno;
};

/* With the working directory in /proc/self/fd a layer's name is a few digits. ret: 0, or -1 with errno */
static int attach(struct attach *a)
{
	auto_str struct str data = STR_MAX(4000);
	const struct fs_overlay *o = a->o;

	for (size_t i = 0; i < o->n; i++) {
		a->dir[i] = fs_open_again(o->lower[i]);
		if (a->dir[i] < 0)
			return -1;
		str_addf(&data, "%s%d", i ? ":" : "lowerdir=", a->dir[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		str_addf(&data, ",%s=%s", fixed[i].key, fixed[i].value);
	if (o->upper >= 0) {
		a->dir[o->n] = fs_open_again(o->upper);
		a->dir[o->n + 1] = fs_open_again(o->work);
		if (a->dir[o->n] < 0 || a->dir[o->n + 1] < 0)
			return -1;
		str_addf(&data, ",upperdir=%d,workdir=%d%s", a->dir[o->n], a->dir[o->n + 1],
			 o->volatile_ ? ",volatile" : "");
	}
	str_add(&data, o->userxattr ? ",userxattr" : "");
	if (chdir("/proc/self/fd") < 0 ||
	    mount("overlay", "/proc", "overlay", o->ro || o->upper < 0 ? MS_RDONLY : 0, str_cstr(&data)) < 0)
		return -1;
	a->fd = open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return a->fd < 0 ? -1 : 0;
}

static int attach_child(void *arg)
{
	struct attach *a = arg;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || attach(a) < 0)
		a->sysno = errno;
	_exit(0);
}

static int by_mount(const struct fs_overlay *o, struct err *e)
{
	enum { STACK = 64 << 10 };
	auto_free char *stack = xmalloc(STACK);
	struct attach a = { .o = o, .fd = -1 };
	pid_t pid;

	memset(a.dir, -1, sizeof(a.dir));
	/* no exit signal: the caller's own SIGCHLD handling does not see it */
	pid = clone(attach_child, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNS, &a);
	if (pid < 0)
		return err_set(e, errno == EPERM ? ERR_DENIED : ERR_SYS, errno,
			       "make a mount namespace for an overlay");
	while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < ARRAY_LEN(a.dir); i++)
		mem_closep(&a.dir[i]);
	if (a.fd < 0)
		return err_set(e, ERR_SYS, a.sysno, "mount an overlay of %zu layers", o->n);
	return a.fd;
}

/* Overlay wants two layers at least where nothing is above them: a single one is shown as it is. */
static int single(const struct fs_overlay *o, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd = open_tree(o->lower[0], "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "show a layer");
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0) {
		err_set(e, ERR_SYS, errno, "show a layer read-only");
		close(fd);
		return -1;
	}
	return fd;
}

int fs_overlay(const struct fs_overlay *o, struct err *e)
{
	int fd;

	if (o->n < 1 || o->n > FS_OVERLAY_LAYERS_MAX)
		return err_set(e, ERR_USAGE, 0, "an image of %zu layers: 1 to %d can be mounted", o->n,
			       FS_OVERLAY_LAYERS_MAX);
	if (o->n == 1 && o->upper < 0)
		return single(o, e);
	fd = by_context(o, e);
	return fd == -2 ? by_mount(o, e) : fd;
}
