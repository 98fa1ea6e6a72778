/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_live.c - real containers under a real supervisor: life and end, output, input, restart, health, kill -9. */
#include "tests/unit/supervisor_help.h"

static void test_exit_codes(void)
{
	struct made m;
	const char *id = simple(&m, "code", "echo out; echo err >&2; exit 7");
	auto_free char *out = NULL;

	ok(start(id), "start");
	is_int(wait_exit(id), 7, "exit code");
	out = output(id);
	ok(!strcmp(out, "out\nerr\n") || !strcmp(out, "err\nout\n"), "output");
	is_int(peek(id).state, CTR_EXITED, "exited");
	is_int(peek(id).exit_code, 7, "exit code on disk");
	ok(start(id), "start again");
	is_int(wait_exit(id), 7, "again");
	free(out);
	out = output(id);
	is_int(strlen(out), 16, "output of both lives");
	id = simple(&m, "sig", "kill -9 $$; sleep 5");
	ok(start(id) && stop(id, 0) == 137, "killed: 137");
}

int main(int argc, char **argv)
{
	help_role(argc, argv);
	if (!help_open())
		return done_testing();
	help_connect();
	test_exit_codes();
	help_close();
	return done_testing();
}
