/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/aside.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/sys.h"

enum { CHUNK = 4096, CHUNKS_AT_END = 256, LOOK_AGAIN_NS = 1000000000 };

struct aside {
	struct worker *w;
	struct rt_ctr proc;
	int    out;
	struct loop_src *on_end, *on_output;
	struct aside_calls calls;
	void  *arg;
};

static void aside_free(struct aside *a)
{
	loop_del(a->on_end);
	loop_del(a->on_output);
	mem_closep(&a->out);
	rt_ctr_done(&a->proc);
	free(a);
}

void aside_kill(struct aside *a)
{
	/* it leads a session of its own: its children go with it */
	if (a->proc.pid > 0)
		(void)kill(-a->proc.pid, SIGKILL);
	(void)sys_pidfd_send_signal(a->proc.pidfd, SIGKILL);
}

/* ---- those that nobody asks any more: taken from the process table when that can be done --------------------------- */

struct corpse { struct loop *loop; int pidfd; struct loop_src *src; };

static void on_corpse(void *arg, uint32_t events);

static void look_again(void *arg)
{
	struct corpse *k = arg;

	k->src = NULL;
	on_corpse(k, 0);
}

static void on_corpse(void *arg, uint32_t events)
{
	struct corpse *k = arg;
	siginfo_t info = {0};

	(void)events;
	loop_del(k->src);
	k->src = NULL;
	/* dead, but a tracer holds it: it cannot be taken, and its pidfd stays readable */
	if (waitid(P_PIDFD, (id_t)k->pidfd, &info, WEXITED | WNOHANG) == 0 && !info.si_pid)
		k->src = loop_at(k->loop, sys_mono_ns() + LOOK_AGAIN_NS, look_again, k);
	if (k->src)
		return;
	close(k->pidfd);
	free(k);
}

void aside_abandon(struct aside *a)
{
	struct corpse *k;

	if (!a)
		return;
	aside_kill(a);
	k = xcalloc(1, sizeof(*k));
	loop_del(a->on_end);
	a->on_end = NULL;
	*k = (struct corpse){ .loop = a->w->loop, .pidfd = take_fd(a->proc.pidfd) };
	k->src = loop_add(k->loop, k->pidfd, EPOLLIN, on_corpse, k);
	if (!k->src) {
		close(k->pidfd);
		free(k);
	}
	aside_free(a);
}

/* ---- running ------------------------------------------------------------------------------------------------------- */

/* in: chunks: at most so many, for a child of it may write on for ever. ret: whether there may be more */
static bool read_output(struct aside *a, int chunks)
{
	char buf[CHUNK];
	ssize_t n = 1;

	for (; chunks > 0 && n > 0; chunks--) {
		n = read(a->out, buf, sizeof(buf));
		if (n > 0)
			a->calls.output(a->arg, buf, (size_t)n);
	}
	return n > 0;
}

static void on_output(void *arg, uint32_t events)
{
	struct aside *a = arg;

	if (read_output(a, 1) || !(events & EPOLLHUP))
		return;
	loop_del(a->on_output);
	a->on_output = NULL;
}

static void on_end(void *arg, uint32_t events)
{
	struct aside *a = arg;
	static const char held[] = "(it has ended, but how is not told: is it traced?)";
	struct aside_calls calls = a->calls;
	siginfo_t info = {0};

	(void)events;
	if (waitid(P_PIDFD, (id_t)a->proc.pidfd, &info, WEXITED | WNOHANG) < 0 && errno == EINTR)
		return;
	(void)read_output(a, CHUNKS_AT_END);
	arg = a->arg;
	if (!info.si_pid) {
		calls.output(arg, held, sizeof(held) - 1);
		aside_abandon(a);
		calls.end(arg, ASIDE_UNTOLD);
		return;
	}
	aside_free(a);
	calls.end(arg, info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status);
}

int aside_start(struct aside **ret, struct ctr *c, const struct spec *s, const struct aside_calls *calls, void *arg, struct err *e)
{
	struct rt_exec_args args = RT_EXEC_ARGS_INIT;
	struct aside *a;
	int fd[2], r;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	a = xcalloc(1, sizeof(*a));
	*a = (struct aside){ .w = c->w, .proc = RT_CTR_INIT, .out = fd[0], .calls = *calls, .arg = arg };
	args.id = c->rec.name;
	args.pidfd = c->rt.pidfd;
	args.stdio[1] = args.stdio[2] = fd[1];
	args.cgroup_path = c->cgroup;
	r = rt_exec(c->w->rt, &a->proc, s, &s->process, &args, e);
	close(fd[1]);
	if (r < 0) {
		aside_free(a);
		return -1;
	}
	a->on_output = loop_add(c->w->loop, a->out, EPOLLIN, on_output, a);
	a->on_end = loop_add(c->w->loop, a->proc.pidfd, EPOLLIN, on_end, a);
	if (!a->on_end) {
		err_set(e, ERR_SYS, errno, "watch a process");
		aside_abandon(a);
		return -1;
	}
	*ret = a;
	return 0;
}

