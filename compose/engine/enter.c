/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/enter.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/runtime/caps.h"
#include "compose/runtime/runtime.h"
#include "compose/state/record.h"

struct enter { struct rt *rt; struct rt_ctr ctr; };

/* "K" without a value: the caller's */
static void env_set(struct strv *env, const char *kv)
{
	const char *val = strchr(kv, '=') ? NULL : getenv(kv);
	auto_free char *text = val ? xasprintf("%s=%s", kv, val) : xstrdup(kv);

	if (strchr(text, '='))
		spec_set_env(env, text);
}

/* The container's own process description, with another command. HOME belongs to the user, so another user gets another. */
static void describe(struct spec *s, const struct enter_want *w)
{
	struct spec_process *p = &s->process;

	strv_done(&p->args);
	for (char *const *a = w->args; *a; a++)
		strv_add(&p->args, *a);
	for (size_t i = 0; w->env && i < w->env->n; i++)
		env_set(&p->env, w->env->v[i]);
	if (w->tty)
		env_set(&p->env, "TERM=xterm");
	if (w->user)
		p->user.name = arena_strdup(&s->arena, w->user);
	if (w->workdir)
		p->cwd = arena_strdup(&s->arena, w->workdir);
	p->terminal = w->tty;
	p->rows = w->rows;
	p->cols = w->cols;
	if (w->privileged) {
		uint64_t all = caps_all();

		p->caps = (struct spec_caps){ .bounding = all, .effective = all, .permitted = all };
		s->seccomp = SPEC_SECCOMP_OFF;
	}
}

/* ret: descriptor of the container's first process, proven by its start time */
static int open_process(int dir, struct err *e)
{
	struct ctr_status st = {0};
	int fd = -1;

	if (status_read(dir, &st, e) < 0)
		return -1;
	if (st.pid > 0)
		fd = pidfd_open(st.pid, 0);
	if (fd < 0 || sys_start_time(st.pid) != st.pid_start) {
		if (fd >= 0)
			close(fd);
		fd = err_set(e, ERR_CONFLICT, 0, "the container does not run any more");
	}
	status_done(&st);
	return fd;
}

int enter_start(struct enter **ret, const struct paths *p, const char *project, const char *id, const struct enter_want *w, struct err *e)
{
	auto_close int dir = record_dir(p, project, id, false), pidfd = -1;
	auto_spec struct spec s = {0};
	struct enter *en;
	struct rt_exec_args a = RT_EXEC_ARGS_INIT;

	if (dir < 0)
		return err_set(e, ERR_MISSING, errno, "open container %.12s", id);
	pidfd = open_process(dir, e);
	if (pidfd < 0 || spec_read(&s, dir, e) < 0)
		return -1;
	describe(&s, w);
	en = xcalloc(1, sizeof(*en));
	en->ctr = (struct rt_ctr)RT_CTR_INIT;
	a.id = id;
	a.pidfd = pidfd;
	a.cgroup_path = s.cgroup_path;
	for (int i = 0; i < 3 && !w->tty; i++)
		a.stdio[i] = w->stdio[i];
	if (rt_open(&en->rt, e) < 0 || rt_exec(en->rt, &en->ctr, &s, &s.process, &a, e) < 0) {
		enter_free(en);
		return -1;
	}
	*ret = en;
	return 0;
}

int enter_pidfd(const struct enter *en)
{
	return en->ctr.pidfd;
}

int enter_master(const struct enter *en)
{
	return en->ctr.master_fd;
}

int enter_wait(struct enter *en, struct err *e)
{
	return rt_wait(&en->ctr, e);
}

void enter_free(struct enter *en)
{
	if (!en)
		return;
	rt_ctr_done(&en->ctr);
	rt_close(en->rt);
	free(en);
}

int enter_protect(char *const argv[], struct err *e)
{
	return rt_reexec_protected(argv, e);
}
