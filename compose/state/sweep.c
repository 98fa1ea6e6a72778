/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/state/sweep.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/state/record.h"

/* ret: a container that people know about lives in name */
static bool is_container(int projects, const char *name)
{
	auto_close int dir = openat(projects, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_err struct err e = {0};
	struct ctr_record r = {0};
	bool is;

	if (dir < 0)
		return false;
	is = record_read(dir, &r, &e) < 0 ? e.kind != ERR_MISSING : r.kind != KIND_BUILD;
	record_done(&r);
	return is;
}

/* What the supervisor had to tell was there to be read until now; itself it takes only an empty log away. */
static void sweep_log(const struct paths *p, const char *project)
{
	auto_free char *dir = xasprintf("projects/%s", project), *log = xasprintf("%s/supervisor.log", dir);

	(void)unlinkat(p->run_fd, log, 0);
	(void)unlinkat(p->run_fd, dir, AT_REMOVEDIR);     /* stays while a lock is in it, which then takes it along */
}

int sweep_project(const struct paths *p, const char *project, struct err *e)
{
	auto_free char *rel = xasprintf("projects/%s", project);
	int fd, first = 0;
	struct dirent *de;
	DIR *d;

	sweep_log(p, project);
	fd = openat(p->root_fd, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_SYS, errno, "open %s/%s", p->root, rel);
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_set(e, ERR_SYS, errno, "read %s/%s", p->root, rel);
	}
	while ((de = readdir(d)))
		if (de->d_name[0] != '.' && !is_container(dirfd(d), de->d_name) && fs_rm_rf(dirfd(d), de->d_name) < 0 && !first)
			first = errno;
	closedir(d);
	if (first)
		return err_set(e, ERR_SYS, first, "remove leftovers below %s/%s", p->root, rel);
	(void)unlinkat(p->root_fd, rel, AT_REMOVEDIR);    /* stays while containers are in it */
	return 0;
}
