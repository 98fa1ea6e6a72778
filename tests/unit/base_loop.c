/* SPDX-License-Identifier: Apache-2.0 */
/* base_loop.c - timers in order, sources that come and go while others are served. */
#include "compose/base/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "tests/tap.h"

static struct loop *l;
static char order[200];
static struct loop_src *timer[50], *src[4];
static int pipes[4][2];

static void note(void *arg)
{
	size_t n = strlen(order);

	order[n] = *(const char *)arg;
	order[n + 1] = '\0';
}

static void stop(void *arg)
{
	(void)arg;
	loop_stop(l);
}

static void run(void)
{
	auto_err struct err e = {0};

	is_int(loop_run(l, &e), 0, "runs and stops");
}

static void timers(void)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyz";
	int64_t now = sys_mono_ns();
	size_t n = strlen(letters);

	order[0] = '\0';
	for (size_t i = 0; i < n; i++) { /* set in a scrambled order */
		size_t k = i * 7 % n;

		timer[k] = loop_at(l, now + (int64_t)k * 1000, note, (void *)(uintptr_t)&letters[k]);
	}
	loop_del(timer[2]);
	loop_del(timer[0]);
	loop_del(timer[25]);
	loop_del(timer[13]);
	(void)loop_at(l, now + 30000000, stop, NULL);
	run();
	is_str(order, "bdefghijklmopqrstuvwxy", "in the order of their times, without those that were forgotten");
	ok(sys_mono_ns() - now >= 30000000, "never early");
}

static void again(void *arg)
{
	note(arg);
	if (strlen(order) < 5)
		(void)loop_at(l, sys_mono_ns() + 1000000, again, arg);
	else
		loop_stop(l);
}

static void forget_others(void *arg)
{
	note(arg);
	loop_del(timer[1]);
	timer[1] = NULL;
	loop_del(timer[1]);
}

static void from_callbacks(void)
{
	static const char x = 'x', y = 'y';
	int64_t now = sys_mono_ns();

	order[0] = '\0';
	(void)loop_at(l, now, again, (void *)(uintptr_t)&x);
	run();
	is_str(order, "xxxxx", "a timer may set itself again");
	order[0] = '\0';
	timer[0] = loop_at(l, now, forget_others, (void *)(uintptr_t)&x);
	timer[1] = loop_at(l, now + 1, note, (void *)(uintptr_t)&y);
	(void)loop_at(l, now + 2, stop, NULL);
	run();
	is_str(order, "x", "a timer may forget another that is due as well");
}

/* The first that is served forgets all, itself included. */
static void readable(void *arg, uint32_t events)
{
	ok(events & EPOLLIN, "readable");
	note(arg);
	for (int i = 0; i < 4; i++) {
		loop_del(src[i]);
		src[i] = NULL;
	}
	(void)loop_at(l, 0, stop, NULL);
}

static void drained(void *arg, uint32_t events)
{
	char c;

	(void)arg;
	(void)events;
	if (read(pipes[0][0], &c, 1) == 1)
		note(&c);
	if (strlen(order) == 3)
		loop_mod(src[0], 0); /* asked for nothing more */
}

static void descriptors(void)
{
	static const char x = 'x';

	for (int i = 0; i < 4; i++) {
		ok(pipe2(pipes[i], O_CLOEXEC | O_NONBLOCK) == 0 && write(pipes[i][1], "12345", 5) == 5, "pipe %d", i);
		src[i] = loop_add(l, pipes[i][0], EPOLLIN, readable, (void *)(uintptr_t)&x);
	}
	ok(!loop_add(l, pipes[0][0], EPOLLIN, readable, NULL) && errno == EEXIST,
	   "the same descriptor twice is refused");
	order[0] = '\0';
	run();
	is_str(order, "x", "sources forgotten in a callback are not served in the same round");
	order[0] = '\0';
	src[0] = loop_add(l, pipes[0][0], EPOLLIN, drained, NULL);
	(void)loop_at(l, sys_mono_ns() + 20000000, stop, NULL);
	run();
	is_str(order, "123", "served as long as it is readable and wanted");
}

int main(void)
{
	auto_err struct err e = {0};

	if (loop_new(&l, &e) < 0)
		return 1;
	timers();
	from_callbacks();
	descriptors();
	(void)loop_at(l, INT64_MAX, stop, NULL);
	loop_free(l); /* with a timer and a source still there: the sanitizer looks */
	loop_free(NULL);
	return done_testing();
}
