/* SPDX-License-Identifier: Apache-2.0 */
/* steps: what each side hears when the other speaks, fails, or dies. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/runtime/steps.h"
#include "tests/tap.h"

static void pair(int p[2])
{
	struct err e = {0};

	if (step_socketpair(p, &e) < 0)
		exit(1);
}

static void speak(void)
{
	struct err e = {0};
	int p[2], fd = -1, null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	pair(p);
	is_int(step_send(p[1], STEP_READY, null, &e), 0, "send with a descriptor");
	is_int(step_wait(p[0], STEP_READY, &fd, &e), 0, "wait");
	ok(fd >= 0 && fd != null && fcntl(fd, F_GETFD) == FD_CLOEXEC, "the descriptor came, to be closed by an exec");
	close(fd);
	is_int(step_send(p[1], STEP_SPACES, -1, &e), 0, "send another");
	is_int(step_wait_either(p[0], STEP_READY, STEP_SPACES, &fd, &e), STEP_SPACES, "either of two");
	is_int(fd, -1, "without one");
	is_int(step_send(p[1], STEP_MAPPED, -1, &e), 0, "a wrong one");
	is_int(step_wait(p[0], STEP_READY, NULL, &e), -1, "is not taken");
	is_int(e.kind, ERR_BUG, "but is a mistake of ours");
	err_done(&e);
	close(p[0]);
	close(p[1]);
	close(null);
}

static void fail(void)
{
	struct err e = {0}, got = {0};
	int p[2];

	pair(p);
	err_set(&e, ERR_NOTFOUND, 2, "exec \"x\"");
	err_wrap(&e, "run the command");
	err_hint(&e, "look for it");
	step_fail(p[1], &e);
	is_int(step_wait(p[0], STEP_READY, NULL, &got), -1, "a failure comes instead of a step");
	is_int(got.kind, ERR_NOTFOUND, "of its kind");
	is_int(got.n, 2, "with its whole chain");
	is_str(got.hint, "look for it", "and hint");
	step_fail(p[1], &e);
	is_int(step_wait_exec(p[0], &got), -1, "and instead of the exec");
	is_int(step_wait_exec(p[0], &got), -1, "where it stays for whoever else has the socket");
	is_int(step_wait(p[0], STEP_READY, NULL, &got), -1, "until it is taken");
	close(p[1]);
	is_int(step_wait(p[0], STEP_READY, NULL, &got), -1, "end of file before a step");
	has_str(got.frame[0], "died before", "is a death");
	is_int(step_wait_exec(p[0], &got), 0, "behind the last it is success");
	close(p[0]);
	err_done(&e);
	err_done(&got);
}

static void rubbish(void)
{
	struct err e = {0};
	int p[2];

	pair(p);
	(void)!write(p[1], "x", 1);
	is_int(step_wait(p[0], STEP_READY, NULL, &e), -1, "one byte");
	(void)!write(p[1], "\xff\xff\xff\xff", 4);
	is_int(step_wait(p[0], STEP_READY, NULL, &e), -1, "no step");
	(void)!write(p[1], "\x00\x01\x00\x00", 4);
	is_int(step_wait(p[0], STEP_READY, NULL, &e), -1, "an error without a text");
	ok(e.n > 0, "still says something");
	for (int s = 0; s < STEP_N; s++)
		ok(strlen(step_text((enum step)s)) > 8, "step %d: %s", s, step_text((enum step)s));
	close(p[0]);
	close(p[1]);
	err_done(&e);
}

int main(void)
{
	speak();
	fail();
	rubbish();
	return done_testing();
}
