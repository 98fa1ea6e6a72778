/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/loop.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "compose/base/coll.h"
#include "compose/base/sys.h"

struct loop_src {
	struct loop   *loop;
	int            fd;                  /* -1: a timer */
	int64_t        at_ns;
	size_t         i;                   /* place in the heap of timers, or in fds */
	loop_fd_fn    *on_fd;
	loop_timer_fn *on_timer;
	void          *arg;
	bool           dead;
};

struct loop {
	int  ep;
	bool stop;
	VEC(struct loop_src *) fds;
	VEC(struct loop_src *) timers;      /* binary heap, soonest first */
	VEC(struct loop_src *) dead;        /* freed after the round that killed them */
};

int loop_new(struct loop **ret, struct err *e)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct loop *l;

	if (ep < 0)
		return err_set(e, ERR_SYS, errno, "make an event loop");
	l = xcalloc(1, sizeof(*l));
	l->ep = ep;
	*ret = l;
	return 0;
}

static void bury(struct loop *l)
{
	for (size_t i = 0; i < l->dead.n; i++)
		free(l->dead.v[i]);
	l->dead.n = 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->timers.n; i++)
		free(l->timers.v[i]);
	for (size_t i = 0; i < l->fds.n; i++)
		free(l->fds.v[i]);
	bury(l);
	vec_done(&l->timers);
	vec_done(&l->fds);
	vec_done(&l->dead);
	close(l->ep);
	free(l);
}

struct loop_src *loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg)
{
	struct loop_src *s = xcalloc(1, sizeof(*s));
	struct epoll_event ev = { .events = events, .data.ptr = s };

	*s = (struct loop_src){ .loop = l, .fd = fd, .on_fd = fn, .arg = arg };
	if (epoll_ctl(l->ep, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(s);
		return NULL;
	}
	s->i = l->fds.n;
	vec_push(&l->fds, s);
	return s;
}

void loop_mod(struct loop_src *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	(void)epoll_ctl(s->loop->ep, EPOLL_CTL_MOD, s->fd, &ev);
}

static void place(struct loop *l, size_t i, struct loop_src *s)
{
	l->timers.v[i] = s;
	s->i = i;
}

static void sift(struct loop *l, size_t i)
{
	struct loop_src *s = l->timers.v[i];

	while (i && l->timers.v[(i - 1) / 2]->at_ns > s->at_ns) {
		place(l, i, l->timers.v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		size_t c = 2 * i + 1;

		if (c + 1 < l->timers.n && l->timers.v[c + 1]->at_ns < l->timers.v[c]->at_ns)
			c++;
		if (c >= l->timers.n || l->timers.v[c]->at_ns >= s->at_ns)
			break;
		place(l, i, l->timers.v[c]);
		i = c;
	}
	place(l, i, s);
}

struct loop_src *loop_at(struct loop *l, int64_t at_ns, loop_timer_fn *fn, void *arg)
{
	struct loop_src *s = xcalloc(1, sizeof(*s));

	*s = (struct loop_src){ .loop = l, .fd = -1, .at_ns = at_ns, .on_timer = fn, .arg = arg };
	vec_push(&l->timers, s);
	sift(l, l->timers.n - 1);
	return s;
}

static void heap_remove(struct loop *l, struct loop_src *s)
{
	size_t i = s->i;
	struct loop_src *last = l->timers.v[--l->timers.n];

	if (last != s) {
		place(l, i, last);
		sift(l, i);
	}
}

static void unwatch(struct loop *l, struct loop_src *s)
{
	struct loop_src *last = l->fds.v[--l->fds.n];

	(void)epoll_ctl(l->ep, EPOLL_CTL_DEL, s->fd, NULL);
	l->fds.v[s->i] = last;
	last->i = s->i;
}

void loop_del(struct loop_src *s)
{
	if (!s || s->dead)
		return;
	s->dead = true;
	if (s->fd >= 0)
		unwatch(s->loop, s);
	else
		heap_remove(s->loop, s);
	vec_push(&s->loop->dead, s);
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

static void fire_timers(struct loop *l)
{
	int64_t now = sys_mono_ns();

	while (!l->stop && l->timers.n && l->timers.v[0]->at_ns <= now) {
		struct loop_src *s = l->timers.v[0];

		loop_del(s);
		s->on_timer(s->arg);
	}
}

static int wait_ms(const struct loop *l)
{
	int64_t left;

	if (!l->timers.n)
		return -1;
	left = l->timers.v[0]->at_ns - sys_mono_ns();
	if (left <= 0)
		return 0;
	left = (left + 999999) / 1000000;
	return left > 60000 ? 60000 : (int)left;
}

int loop_run(struct loop *l, struct err *e)
{
	struct epoll_event ev[64];

	l->stop = false;
	while (!l->stop) {
		int n = epoll_wait(l->ep, ev, ARRAY_LEN(ev), wait_ms(l));

		if (n < 0 && errno != EINTR)
			return err_set(e, ERR_SYS, errno, "wait for events");
		for (int i = 0; i < n && !l->stop; i++) {
			struct loop_src *s = ev[i].data.ptr;

			if (!s->dead)
				s->on_fd(s->arg, ev[i].events);
		}
		fire_timers(l);
		bury(l);
	}
	return 0;
}
