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

static void test_failures(void)
{
	struct made m;
	struct ctr_status st;
	const char *id;

	made_new(&m, "nosuch", "");
	strv_done(&m.s.process.args);
	strv_add(&m.s.process.args, "/no/such/program");
	id = made_write(&m);
	ok(!call("start", id, NULL) && e.kind == ERR_NOTFOUND && err_status(&e) == 127, "command not found: 127");
	st = status_of(id);
	ok(st.exit_code == 127 && strstr(st.error, "/no/such/program"), "kept with its reason");
	status_done(&st);

	made_new(&m, "noexec", "");
	strv_done(&m.s.process.args);
	strv_add(&m.s.process.args, "/etc/passwd");
	id = made_write(&m);
	ok(!call("start", id, NULL) && err_status(&e) == 126, "not executable: 126");

	made_new(&m, "nolayer", "true");
	strv_add(&m.r.layers, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
	id = made_write(&m);
	ok(!call("start", id, NULL) && strstr(e.frame[0], "ffffffff"), "a missing layer is named");
	is_int(peek(id).state, CTR_CREATED, "never started");
	ok(!call("start", "../../etc", NULL) && e.kind == ERR_MISSING, "an id that is none");
	ok(!call("dance", id, NULL) && strstr(e.frame[0], "dance"), "an operation that is none");
	ok(!call("kill", id, NULL) && strstr(e.frame[0], "not running"), "kill of one that does not run");
	is_int(stop(id, -1), 128, "stop of one that does not run is fine");
}

static void test_stop(void)
{
	struct made m;
	const char *id = simple(&m, "trap", "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; done");
	int64_t t0;
	json_t *r;

	ok(start(id) && says(id, "ready"), "started");
	is_int(stop(id, -1), 3, "a handler ends it in its own way");
	ok(says(id, "bye"), "and was heard");
	ok(peek(id).stopped_by_user, "stopped by the user");

	id = simple(&m, "deaf", "echo ready; while :; do sleep 0.1; done");
	ok(start(id) && says(id, "ready"), "started");
	t0 = sys_mono_ns();
	r = call("stop", id, json_pack("{s:i}", "timeout_ns", -1));
	ok(r && json_int(r, "exit_code", 0) == 137 && json_flag(r, "no_handler", false), "no handler: killed, and said so");
	ok(sys_mono_ns() - t0 < 1000000000, "at once (%lld ms)", (long long)(sys_mono_ns() - t0) / 1000000);
	json_decref(r);

	id = simple(&m, "stubborn", "trap 'echo no' TERM; echo ready; while :; do sleep 0.1; done");
	ok(start(id) && says(id, "ready"), "started");
	t0 = sys_mono_ns();
	is_int(stop(id, 700000000), 137, "ignores the signal: killed after its grace");
	ok(sys_mono_ns() - t0 > 600000000, "which it got (%lld ms)", (long long)(sys_mono_ns() - t0) / 1000000);
	ok(says(id, "no\n"), "the signal had come");
}

static void test_pause(void)
{
	struct made m;
	const char *id = simple(&m, "pause", "i=0; while :; do echo $((i += 1)); sleep 0.02; done");
	auto_free char *a = NULL, *b = NULL, *c = NULL;
	json_t *r;

	ok(start(id) && says(id, "3\n"), "started");
	r = call("pause", id, NULL);
	ok(r && peek(id).state == CTR_PAUSED, "paused");
	json_decref(r);
	nap_ms(100);
	a = output(id);
	nap_ms(150);
	b = output(id);
	is_str(b, a, "silent");
	ok(!call("pause", id, NULL), "not twice");
	r = call("unpause", id, NULL);
	ok(r && peek(id).state == CTR_RUNNING, "goes on");
	json_decref(r);
	nap_ms(150);
	c = output(id);
	ok(strlen(c) > strlen(b), "speaks again");
	json_decref(call("pause", id, NULL));
	is_int(stop(id, -1), 137, "a paused one can be stopped");
}

static void test_attach(void)
{
	struct made m;
	int in[2], out[2], fds[2];
	auto_free char *got = xmalloc(3000001), *log = NULL;
	size_t len = 0;
	json_t *args;
	const char *id;
	ssize_t n;
	FILE *f;

	made_new(&m, "cat", "echo begin; cat; echo end");
	m.r.stdin_open = true;
	id = made_write(&m);
	ok(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipes");
	fds[0] = in[0];
	fds[1] = out[1];
	args = json_pack("{s:s,s:[s,s]}", "ctr", id, "attach", "stdin", "stdout");
	ok(sup_call(sup, "start", args, fds, 2, NULL, &e) == 0, "start with input and output attached");
	close(in[0]);
	close(out[1]);
	if (!fork()) {
		close(out[0]);
		f = fdopen(in[1], "w");
		for (int i = 0; i < 300000; i++)
			fprintf(f, "%08d\n", i);
		fclose(f);
		_exit(0);
	}
	close(in[1]);
	nap_ms(300);                    /* a slow client holds the container back; nothing is lost */
	while (len < 3000000 && (n = read(out[0], got + len, 3000000 - len)) > 0)
		len += (size_t)n;
	close(out[0]);
	is_int(len, 6 + 4 + 300000 * 9, "2.7 MB through stdin and stdout");
	ok(!memcmp(got, "begin\n00000000\n", 15) && !memcmp(got + len - 13, "00299999\nend\n", 13), "whole");
	is_int(wait_exit(id), 0, "end of input ends it");
	log = output(id);
	ok(strlen(log) == len && !memcmp(log, got, len), "the log has the same");
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void test_terminal(void)
{
	struct made m;
	int in[2], out[2], fds[2];
	struct str got = {0};
	char buf[1000];
	const char *id;
	json_t *args, *r;
	ssize_t n;

	made_new(&m, "tty", "stty size; read x; echo got $x; stty size; tty");
	m.r.stdin_open = m.r.tty = true;
	id = made_write(&m);
	ok(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipes");
	fds[0] = in[0];
	fds[1] = out[1];
	args = json_pack("{s:s,s:[s,s],s:i,s:i}", "ctr", id, "attach", "stdin", "stdout", "rows", 33, "cols", 101);
	ok(sup_call(sup, "start", args, fds, 2, NULL, &e) == 0, "start with a terminal");
	close(in[0]);
	close(out[1]);
	ok(says(id, "33 101"), "its size");
	r = call("resize", id, json_pack("{s:i,s:i}", "rows", 44, "cols", 55));
	ok(r != NULL, "resize");
	json_decref(r);
	ok(write(in[1], "hello\n", 6) == 6, "type");
	while ((n = read(out[0], buf, sizeof(buf))) > 0)
		str_addn(&got, buf, (size_t)n);
	has_str(str_cstr(&got), "got hello\r\n44 55\r\n/dev/", "typed, resized, a terminal");
	close(in[1]);
	close(out[0]);
	is_int(wait_exit(id), 0, "ended");
	str_done(&got);
}

static void test_restart(void)
{
	struct made m;
	const char *id;
	auto_free char *out = NULL;
	struct ctr_status st;

	made_new(&m, "onfail", "echo x; exit 4");
	m.r.restart = POLICY_ON_FAILURE;
	m.r.restart_max = 2;
	id = made_write(&m);
	ok(start(id), "start");
	is_int(wait_exit(id), 4, "gave up");
	out = output(id);
	is_str(out, "x\nx\nx\n", "three lives");
	is_int(peek(id).restarts, 2, "two restarts");

	made_new(&m, "always", "echo x; sleep 0.05");
	m.r.restart = POLICY_ALWAYS;
	id = made_write(&m);
	ok(start(id), "start");
	for (int i = 0; i < 300 && peek(id).restarts < 2; i++)
		nap_ms(10);
	ok(peek(id).restarts >= 2, "comes back though it ended well");
	ok(stop(id, 0) >= 0, "stop");
	nap_ms(300);
	st = peek(id);
	ok(st.state == CTR_EXITED && st.stopped_by_user, "a stop is the end of it");

	made_new(&m, "killed", "while :; do sleep 0.1; done");
	m.r.restart = POLICY_ALWAYS;
	id = made_write(&m);
	ok(start(id), "start");
	json_decref(call("kill", id, json_pack("{s:i}", "signal", SIGKILL)));
	is_int(wait_exit(id), 137, "kill cancels the policy too");
	is_int(peek(id).state, CTR_EXITED, "it stays down");
}

static bool health_gets(const char *id, enum ctr_health want)
{
	for (int i = 0; i < 400; i++) {
		if (peek(id).health == want)
			return true;
		nap_ms(10);
	}
	return false;
}

static void test_health(void)
{
	struct made m;
	struct ctr_status st;
	const char *id;
	json_t *r;

	made_new(&m, "health", "trap 'touch /ok' USR1; while :; do sleep 0.1; done");
	m.r.health.set = true;
	strv_add(&m.r.health.test, "CMD-SHELL");
	strv_add(&m.r.health.test, "echo probing; test -f /ok");
	m.r.health.interval_ns = 100000000;
	m.r.health.retries = 3;
	id = made_write(&m);
	ok(start(id), "start");
	is_int(peek(id).health, HEALTH_STARTING, "starting");
	ok(!call("wait", id, json_pack("{s:s}", "for", "healthy")), "waiting for healthy fails when it turns unhealthy");
	has_str(e.frame[0], "is unhealthy", "and says so");
	has_str(e.hint, "probing", "with the probe's words");
	st = status_of(id);
	ok(st.health == HEALTH_UNHEALTHY && st.health_fails >= 3, "after three failures");
	has_str(st.health_output, "probing", "the last output is kept");
	status_done(&st);
	json_decref(call("kill", id, json_pack("{s:i}", "signal", SIGUSR1)));
	ok(health_gets(id, HEALTH_HEALTHY), "one success makes it healthy");
	r = call("wait", id, json_pack("{s:s}", "for", "healthy"));
	ok(r != NULL, "waiting for healthy");
	json_decref(r);
	ok(stop(id, 0) == 137, "stop");

	made_new(&m, "slow", "while :; do sleep 0.1; done");
	m.r.health.set = true;
	strv_add(&m.r.health.test, "CMD");
	strv_add(&m.r.health.test, "/bin/sh");
	strv_add(&m.r.health.test, "-c");
	strv_add(&m.r.health.test, "echo begun; sleep 77; true");
	m.r.health.interval_ns = 50000000;
	m.r.health.timeout_ns = 200000000;
	m.r.health.retries = 1;
	m.r.health.start_period_ns = 700000000;
	m.r.health.start_interval_ns = 50000000;
	id = made_write(&m);
	ok(start(id), "start");
	nap_ms(500);
	is_int(peek(id).health, HEALTH_STARTING, "failures in the start period do not count");
	ok(health_gets(id, HEALTH_UNHEALTHY), "then they do");
	st = status_of(id);
	has_str(st.health_output, "no answer within 200 ms: begun", "a probe that takes too long");
	status_done(&st);
	/* the next one may be there already, those before are not */
	is_int(host("test $(pgrep -xcf 'sleep 77') -le 1"), 0, "is killed with its children");
	ok(stop(id, 0) == 137, "stop");
}

/* The pages keep answering, so to say: the worker is killed at random moments while a container counts. */
static void test_kill_worker(void)
{
	struct made m, m2;
	const char *id, *id2;
	struct str want = {0};
	auto_free char *out = NULL;
	pid_t pid, ctr;
	int kills = 0;

	id = simple(&m, "count", "i=0; while [ $i -lt 60000 ]; do echo $((i += 1)); [ $((i % 40)) != 0 ] || usleep 500; done; exit 9");
	id2 = simple(&m2, "sleeper", "sleep 0.7; exit 5");
	ok(start(id) && start(id2), "start");
	ctr = peek(id).pid;
	sup_close(sup);
	for (int i = 0; i < 25; i++) {
		nap_ms(20 + 7 * (i % 11));
		pid = role_pid("worker");
		if (pid && kill(pid, SIGKILL) == 0)
			kills++;
	}
	help_connect();
	is_int(wait_exit(id), 9, "its exit code is kept");
	is_int(wait_exit(id2), 5, "that of one that ended meanwhile too");
	is_int(peek(id).restarts, 0, "nothing was restarted");
	ok(ctr > 0, "it was the same process all the time");
	for (int i = 1; i <= 60000; i++)
		str_addf(&want, "%d\n", i);
	out = output(id);
	ok(!strcmp(out, str_cstr(&want)), "60000 lines without a gap, the worker killed %d times", kills);
	ok(kills >= 5, "it was");
	str_done(&want);
}

static void test_kill_keeper(void)
{
	struct made m;
	const char *id = simple(&m, "orphan", "trap 'exit 6' TERM; i=0; while :; do echo $((i += 1)); sleep 0.01; done");
	auto_free char *log = NULL, *text = NULL;
	pid_t old = role_pid("keeper"), new;

	ok(start(id) && says(id, "5\n"), "start");
	ok(old > 0 && kill(old, SIGKILL) == 0, "kill -9 of the keeper");
	sup_close(sup);
	nap_ms(300);
	help_connect();
	new = role_pid("keeper");
	ok(new > 0 && new != old, "another keeper");
	is_int(peek(id).state, CTR_RUNNING, "the container runs on");
	is_int(stop(id, -1), 6, "and its exit code is known");
	log = xasprintf("f=%s/run/projects/" PROJECT "/supervisor.log; cat $f; : >$f", top);
	text = host_out(log);
	is_str(text, "worker: the keeper died, a new one takes over\n", "it was noted");
}

/* The same hand-over lets another executable take over. */
static void test_renew(void)
{
	struct made m;
	const char *id = simple(&m, "renew", "trap 'exit 8' TERM; i=0; while :; do echo $((i += 1)); sleep 0.01; done");
	auto_free char *copy = xasprintf("%s/newer", top), *cmd = xasprintf("cp /proc/%d/exe %s", (int)getpid(), copy);
	pid_t keeper = role_pid("keeper"), ctr;
	int fd;

	ok(start(id) && says(id, "5\n"), "start");
	ctr = peek(id).pid;
	ok(host(cmd) == 0, "a newer program");
	fd = open(copy, O_RDONLY | O_CLOEXEC);
	ok(sup_call(sup, "renew", NULL, &fd, 1, NULL, &e) == 0, "take over");
	close(fd);
	(void)unlink(copy);
	sup_close(sup);
	nap_ms(300);
	help_connect();
	is_int(role_pid("keeper"), keeper, "the keeper is the same process");
	is_int(peek(id).pid, ctr, "the container too");
	is_int(stop(id, -1), 8, "its exit code arrives");
}

static void test_many_starts(void)
{
	struct made m;
	const char *id = simple(&m, "many", "exit 0");
	auto_free char *before = NULL, *after = NULL, *cmd = NULL;
	int bad = 0;

	for (int i = 0; i < 20; i++)
		bad += !start(id) || wait_exit(id) != 0;
	cmd = xasprintf("ls /proc/%d/fd /proc/%d/fd | grep -c .; awk '/^Pss:/{s+=$2} END {print (s < 0)}' /proc/%d/smaps_rollup",
			(int)role_pid("worker"), (int)role_pid("keeper"), (int)role_pid("worker"));
	nap_ms(100);
	before = host_out(cmd);
	for (int i = 0; i < 200; i++)
		bad += !start(id) || wait_exit(id) != 0;
	nap_ms(100);
	after = host_out(cmd);
	is_int(bad, 0, "220 starts and ends");
	is_str(after, before, "no descriptor more in worker and keeper");
}

/* Starts, ends and stops while the worker is killed all the time: every code arrives, nothing runs twice, nothing hangs. */
static void test_chaos(void)
{
	struct made m[4], s;
	auto_free char *out = NULL;
	int code, bad_start = 0, bad_code = 0, bad_stop = 0, runs = 40;
	pid_t evil;
	const char *id;

	made_new(&s, "sleeper", "trap 'exit 11' TERM; echo ready; while :; do sleep 0.05; done");
	id = made_write(&s);
	for (int i = 0; i < 4; i++) {
		auto_free char *script = xasprintf("echo run; exit %d", 20 + i);

		(void)simple(&m[i], "short", script);
	}
	evil = killer(getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : 5, 250);
	for (int i = 0; i < runs; i++) {
		auto_json json_t *r = call("start", m[i % 4].id, NULL);

		bad_start += r == NULL;
		if (!r)
			err_report(&e, stdout);
		code = wait_exit(m[i % 4].id);
		bad_code += code != 20 + i % 4;
		if (code != 20 + i % 4)
			diag("round %d: exit code %d", i, code);
		if (i % 4)
			continue;
		bad_start += !start(id) || !says(id, "ready");
		code = stop(id, -1);
		bad_stop += code != 11;
		if (code != 11)
			diag("round %d: stop gave %d %s", i, code, e.n ? e.frame[0] : "");
	}
	kill(evil, SIGKILL);
	(void)waitpid(evil, NULL, 0);
	is_int(bad_start, 0, "starts");
	is_int(bad_code, 0, "exit codes");
	is_int(bad_stop, 0, "stops");
	out = output(m[0].id);
	is_int(strlen(out), 4 * (size_t)runs / 4, "each ran as often as it was started");
}

static void test_events(void)
{
	struct made m;
	const char *id = simple(&m, "events", "sleep 0.1; exit 2");
	struct sup *listener = NULL;
	struct str got = {0};

	ok(sup_open(&listener, &paths, PROJECT, false, &e) == 0, "second client");
	ok(sup_call(listener, "subscribe", NULL, NULL, 0, NULL, &e) == 0, "subscribe");
	ok(start(id) && wait_exit(id) == 2, "a life");
	for (int i = 0; i < 2; i++) {
		struct pollfd p = { .fd = sup_fd(listener), .events = POLLIN };
		json_t *ev = NULL;
		int64_t n = -1;

		(void)poll(&p, 1, 2000);
		if (sup_recv(listener, &n, &ev, &e) == 1 && n == 0)
			str_addf(&got, "%s %d ", json_str(ev, "event", "?"), (int)json_int(ev, "exit_code", -1));
		json_decref(ev);
	}
	is_str(str_cstr(&got), "start -1 die 2 ", "told of it");
	str_done(&got);
	sup_close(listener);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*fn)(void); } tests[] = {
		{ "exit_codes", test_exit_codes }, { "failures", test_failures }, { "stop", test_stop }, { "pause", test_pause },
		{ "attach", test_attach }, { "terminal", test_terminal }, { "restart", test_restart }, { "health", test_health },
		{ "events", test_events }, { "kill_worker", test_kill_worker }, { "kill_keeper", test_kill_keeper },
		{ "renew", test_renew }, { "chaos", test_chaos }, { "many_starts", test_many_starts },
	};

	help_role(argc, argv);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!help_open())
		return done_testing();
	help_connect();
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		if (argc < 2 || !strcmp(argv[1], tests[i].name))
			tests[i].fn();
	help_close();
	return done_testing();
}
