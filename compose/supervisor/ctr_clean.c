/* SPDX-License-Identifier: Apache-2.0 */
/* ctr_clean.c - what nobody took over: a supervisor died with all it had, or a worker in the middle of something. */
#include <dirent.h>
#include <fcntl.h>
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/ctr.h"

enum { EMPTY_MS = 2000 };

/* End all that is in a control group and below, and the group. It may be half made: without its part that tells of its
 * processes. */
static int end_group(struct worker *w, const char *path, struct err *e)
{
	struct cgroup_host *h = rt_cgroups(w->rt, e);

	if (!h || (cgroup_exists(h, path) && (cgroup_freeze(h, path, false, e) < 0 || cgroup_kill(h, path, e) < 0 ||
					       cgroup_wait_empty(h, path, EMPTY_MS, e) < 0)))
		return -1;
	return cgroup_remove(h, path, e);
}

static void remove_empty_parents(struct worker *w, const char *path, int levels)
{
	struct err ignored = {0};
	struct cgroup_host *h = rt_cgroups(w->rt, &ignored);

	err_done(&ignored);
	if (h)
		cgroup_remove_parents(h, path, levels);
}

void ctr_clean_kernel(struct ctr *c)
{
	char *const ids[] = { c->rec.id };
	struct err e = {0};

	if (end_group(c->w, c->cgroup, &e) < 0)
		worker_note(&e, "clean up after container %s", c->rec.name);
	remove_empty_parents(c->w, c->cgroup, 2);
	if (c->rec.nets.n && net_detach(&c->w->net, NULL, ids, 1, true, &e) < 0)
		worker_note(&e, "clean up after container %s", c->rec.name);
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

static void note_killed(struct ctr *c)
{
	struct err e = {0};

	if (vols_hold(c, true, &e) < 0)
		err_done(&e);
	vols_let_go(c);
	c->st.state = CTR_EXITED;
	c->st.exit_code = 137;
	c->st.pid = 0;
	c->st.pid_start = 0;
	c->st.health = HEALTH_NONE;
	c->st.finished_ns = sys_now_ns();
	free(c->st.error);
	c->st.error = xstrdup("its supervisor was killed, or the machine went down");
	ctr_save(c);
}

/* in: crashed: a start may have been cut short that no file tells of */
static void clean_one(struct worker *w, const char *id, bool crashed)
{
	struct err e = {0};
	struct ctr *c = ctr_known(w, id) ? NULL : ctr_load(w, id, &e);
	bool stale = c && (c->st.state == CTR_RUNNING || c->st.state == CTR_PAUSED || c->st.state == CTR_RESTARTING);

	if (c && (crashed || stale))
		ctr_clean_kernel(c);
	if (stale)
		note_killed(c);
	err_done(&e);                   /* no container, or one that is being made or removed */
	if (c)
		ctr_free(c);
}

static void clean_containers(struct worker *w, bool crashed)
{
	auto_free char *rel = xasprintf("projects/%s", w->project);
	int fd = paths_dir(w->paths.root_fd, rel, false);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (strlen(de->d_name) == ID_SIZE - 1)
			clean_one(w, de->d_name, crashed);
	if (d)
		closedir(d);
	else
		mem_closep(&fd);
}

/* ---- what no container's directory tells of ---------------------------------------------------------------------- */

/* ret: whether a directory below projects/NAME begins with id */
static bool has_container(int projects, const char *name, const char *id)
{
	int fd = openat(projects, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	bool found = false;

	while (d && !found && (de = readdir(d)))
		found = str_starts(de->d_name, id);
	if (d)
		closedir(d);
	else
		mem_closep(&fd);
	return found;
}

/* Of other projects whatever exists counts: their own supervisors know better. in: id: 12 digits at least */
static bool is_alive(void *arg, const char *id)
{
	struct worker *w = arg;
	int fd = paths_dir(w->paths.root_fd, "projects", false);
	DIR *d;
	struct dirent *de;
	bool found = false;

	for (size_t i = 0; i < w->ctrs.n; i++)
		if (w->ctrs.v[i]->state != FSM_IDLE && !strncmp(w->ctrs.v[i]->rec.id, id, strlen(id)))
			found = true;
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		mem_closep(&fd);
		return found;
	}
	while (!found && (de = readdir(d)))
		found = de->d_name[0] != '.' && strcmp(de->d_name, w->project) != 0 && has_container(dirfd(d), de->d_name, id);
	closedir(d);
	return found;
}

void ctr_clean_rest(struct worker *w)
{
	struct err e = {0};

	if (net_gc(&w->net, is_alive, w, &e) < 0)
		worker_note(&e, "clean up after a crash");
	ctr_net_drop_shared(w);
}

void ctr_clean_stale(struct worker *w, bool crashed)
{
	auto_free char *group = xasprintf("compose-%s/%s", w->paths.inst, w->project);
	struct err e = {0};

	clean_containers(w, crashed);
	if (!crashed)
		return;
	if (end_group(w, group, &e) < 0)
		worker_note(&e, "clean up after a crash");
	remove_empty_parents(w, group, 1);
	ctr_clean_rest(w);
}
