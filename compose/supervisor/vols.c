/* SPDX-License-Identifier: Apache-2.0 */
/* vols.c - volumes that carry a mount of their own while a container uses them (state/vol_use.h). The client mounts, for that
 * may take long; from the start of a container to its end for good we hold them, through every restart. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "compose/base/sys.h"
#include "compose/state/vol_use.h"
#include "compose/supervisor/ctr.h"

static int hold(struct ctr *c, const char *name, bool started, struct err *e)
{
	struct vol_record r = {0};
	int got = vol_record_read(&c->w->paths, name, &r, e), fd = -1;
	bool mounts = got == 0 && vol_mounts(&r);

	vol_record_done(&r);
	if (got < 0 || !mounts)
		return got < 0 ? -1 : 0;
	fd = vol_hold(&c->w->paths, name, e);
	if (fd < 0)
		return -1;
	vec_push(&c->vols, (struct ctr_vol){ name, fd });
	if (started || vol_mounted(&c->w->paths, name))
		return 0;
	err_set(e, ERR_CONFLICT, 0, "volume %s is not mounted", name);
	return err_hint(e, "`compose up -d %s` mounts it", c->rec.service);
}

int vols_hold(struct ctr *c, bool started, struct err *e)
{
	if (c->vols.n)                  /* since before a restart */
		return 0;
	for (size_t i = 0; i < c->rec.volumes.n; i++)
		if (hold(c, c->rec.volumes.v[i], started, e) < 0)
			return -1;
	return 0;
}

/* Taking a mount away may wait for a server: a process of its own does that, with nothing of ours but the root directory. */
static void let_go_beside(struct ctr *c)
{
	struct clone_args a = { .flags = CLONE_PARENT };
	struct paths p = c->w->paths;
	pid_t pid = sys_clone3(&a);
	struct err e = {0};

	if (pid < 0)
		worker_note(&e, "container %s: its volumes stay mounted", c->rec.name);
	if (pid)
		return;
	if (dup2(p.root_fd, 3) == 3 && close_range(4, ~0U, 0) == 0) {
		p.root_fd = 3;
		for (size_t i = 0; i < c->vols.n; i++)
			vol_let_go(&p, c->vols.v[i].name, -1);
	}
	_exit(0);
}

void vols_let_go(struct ctr *c)
{
	if (!c->vols.n)
		return;
	for (size_t i = 0; i < c->vols.n; i++)
		mem_closep(&c->vols.v[i].fd);
	let_go_beside(c);
	vec_done(&c->vols);
}
