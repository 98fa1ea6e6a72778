/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/tty.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"

int tty_open(int root, unsigned short rows, unsigned short cols, int *ret_master, int *ret_slave, struct err *e)
{
	auto_close int master = fs_open_in(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, 0), slave = -1;
	const struct winsize size = { .ws_row = rows, .ws_col = cols };
	struct statfs f;
	struct stat st;
	int unlock = 0;

	if (master < 0)
		return err_set(e, ERR_SYS, errno, "open the container's /dev/pts/ptmx");
	if (fstatfs(master, &f) < 0 || f.f_type != DEVPTS_SUPER_MAGIC || fstat(master, &st) < 0 ||
	    !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return err_set(e, ERR_DENIED, 0, "the container's /dev/pts/ptmx is not a terminal multiplexer");
	if (fcntl(master, F_SETFL, O_RDWR) < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 ||
	    (slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		return err_set(e, ERR_SYS, errno, "open a terminal in the container");
	if (rows && cols && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_set(e, ERR_SYS, errno, "set the terminal's size");
	*ret_master = take_fd(master);
	*ret_slave = take_fd(slave);
	return 0;
}

int tty_console(int root, int slave, struct err *e)
{
	auto_close int dev = fs_open_in(root, "/dev", O_PATH | O_DIRECTORY, 0), place = -1, tree = -1;

	if (dev < 0)
		return err_set(e, ERR_SYS, errno, "open the container's /dev");
	place = openat(dev, "console", O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (place < 0 && errno == EEXIST)
		place = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	tree = open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (place < 0 || tree < 0 ||
	    move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, ERR_SYS, errno, "mount the terminal on /dev/console");
	return 0;
}
