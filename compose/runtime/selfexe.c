/* SPDX-License-Identifier: Apache-2.0 */
/* selfexe.c - see rt_reexec_protected(): what a container can reach as /proc/PID/exe must not be writable. */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/copy.h"
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/runtime/runtime.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

/* A copy that nobody can change, or a file seen through a read-only mount. */
static bool is_protected(int exe)
{
	int seals = fcntl(exe, F_GET_SEALS);
	struct statvfs v;

	if (seals >= 0 && (seals & SEALS) == SEALS)
		return true;
	return fstatvfs(exe, &v) == 0 && v.f_flag & ST_RDONLY;
}

/* ret: the executable on a detached read-only mount, which nobody can remount; -1 when the kernel does not let us */
static int readonly_view(void)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_close int tree = -1;

	if (sys_without("selfexe-mount"))
		return -1;
	tree = open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &ro, sizeof(ro)) < 0)
		return -1;
	return take_fd(tree);
}

static int sealed_copy(int exe)
{
	auto_close int fd = (int)syscall(SYS_memfd_create, "compose", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)               /* kernel before 6.3: executable anyway */
		fd = (int)syscall(SYS_memfd_create, "compose", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fs_copy_data(exe, fd) < 0 || fchmod(fd, 0500) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -1;
	return take_fd(fd);
}

/* ret: 1 when the program that runs is protected already, 0 with *ret_fd, -1 with e */
static int protected_view(int *ret_fd, struct err *e)
{
	auto_close int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = -1;

	if (exe < 0)
		return err_set(e, ERR_SYS, errno, "open /proc/self/exe");
	if (is_protected(exe)) {
		*ret_fd = take_fd(exe);
		return 1;
	}
	fd = readonly_view();
	if (fd < 0)
		fd = sealed_copy(exe);
	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "make a protected copy of the program");
	*ret_fd = take_fd(fd);
	return 0;
}

int rt_protected_exe(struct err *e)
{
	int fd = -1;

	return protected_view(&fd, e) < 0 ? -1 : fd;
}

int rt_reexec_protected(char *const argv[], struct err *e)
{
	const char *slash = argv[0] ? strrchr(argv[0], '/') : NULL;
	auto_close int fd = -1;
	int r = protected_view(&fd, e);

	if (r < 0)
		return -1;
	if (r == 1) {
		/* the kernel has named us after a descriptor's number */
		(void)prctl(PR_SET_NAME, slash ? slash + 1 : argv[0] ? argv[0] : "compose", 0, 0, 0);
		return 0;
	}
	(void)execveat(fd, "", argv, environ, AT_EMPTY_PATH);
	return err_set(e, ERR_SYS, errno, "run the protected copy of the program");
}
