/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/quota.h"
#include <errno.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PRJQUOTA
#define PRJQUOTA 2
#endif
#define SET_LIMIT ((Q_SETQUOTA << SUBCMDSHIFT) | (PRJQUOTA & SUBCMDMASK))

/* Projects of ours have this bit and 29 of the seed's: an administrator's own are small numbers. */
static const uint32_t ours = 1U << 30;

static uint32_t project_of(const char *seed)
{
	uint32_t h = 2166136261U;

	for (; *seed; seed++)
		h = (h ^ (unsigned char)*seed) * 16777619U;
	return ours | (h & (ours / 2 - 1));
}

/* kernel: blocks of 1 KiB. ret: 0, or -1 with errno */
static int set_limit(int dir, uint32_t project, int64_t bytes)
{
	struct if_dqblk q;

	memset(&q, 0, sizeof(q));
	q.dqb_bhardlimit = q.dqb_bsoftlimit = (uint64_t)(bytes + 1023) / 1024;
	q.dqb_valid = QIF_BLIMITS;
	return (int)syscall(SYS_quotactl_fd, dir, SET_LIMIT, project, &q);
}

static int cannot(struct err *e)
{
	int sysno = errno;

	err_set(e, ERR_MODEL, 0, "the file system of the containers has no project quotas that are on (%s)", strerror(sysno));
	return err_hint(e, "mount it with prjquota (ext4 with the features quota and project) or pquota (XFS), or leave the size out");
}

int quota_limit(int dir, const char *seed, int64_t bytes, struct err *e)
{
	uint32_t project = project_of(seed);
	struct fsxattr x;

	if (set_limit(dir, project, bytes) < 0 || ioctl(dir, FS_IOC_FSGETXATTR, &x) < 0)
		return cannot(e);
	x.fsx_projid = project;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(dir, FS_IOC_FSSETXATTR, &x) < 0 ? cannot(e) : 0;
}

void quota_forget(int dir)
{
	struct fsxattr x;

	if (ioctl(dir, FS_IOC_FSGETXATTR, &x) == 0 && x.fsx_projid & ours)
		(void)set_limit(dir, x.fsx_projid, 0);
}
