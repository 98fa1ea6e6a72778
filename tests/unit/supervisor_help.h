/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_help.h - an installation of its own with a busybox layer, containers made by hand, and calls to their supervisor,
 * for tests that start real processes. The test program is its own supervisor: main() must call help_role() first. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/logs/read.h"
#include "compose/runtime/spec.h"
#include "compose/state/lock.h"
#include "compose/state/paths.h"
#include "compose/state/record.h"
#include "compose/supervisor/client.h"
#include "compose/supervisor/supervisor.h"
#include "tests/tap.h"

#define UNUSED __attribute__((unused))
#define LAYER "00000000000000000000000000000000000000000000000000000000000b0b0b"
#define PROJECT "suptest"

static char top[] = "/tmp/compose-sup-test.XXXXXX";
static struct paths paths;
static struct sup *sup;
static struct err e;

static inline void help_role(int argc, char **argv)
{
	if (argc > 2 && str_starts(argv[1], "__"))
		exit(supervisor_main(argc, argv));
}

UNUSED static void die_of(const char *what)
{
	diag("%s", what);
	err_report(&e, stdout);
	exit(1);
}

/* Run a command of the host. ret: its exit status */
UNUSED static int host(const char *cmd)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Its output, at most 64 KiB; caller frees. */
UNUSED static char *host_out(const char *cmd)
{
	struct str out = STR_MAX(65536);
	char buf[4096];
	int fd[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		exit(1);
	pid = fork();
	if (!pid) {
		dup2(fd[1], 1);
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	while ((n = read(fd[0], buf, sizeof(buf))) > 0)
		str_addn(&out, buf, (size_t)n);
	close(fd[0]);
	(void)waitpid(pid, NULL, 0);
	return str_take(&out);
}

UNUSED static void nap_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	(void)nanosleep(&t, NULL);
}

/* ret: false when it cannot be run here */
UNUSED static bool help_open(void)
{
	auto_free char *cmd = NULL;

	if (geteuid() != 0) {
		skip("needs root");
		return false;
	}
	if (!mkdtemp(top) || paths_open(&paths, top, true, &e) < 0)
		die_of("make a place for the test");
	cmd = xasprintf("set -e; t=$(tests/tools/mkbusybox.sh | tail -1); mkdir -p %s/layers/%s; tar -xf $t -C %s/layers/%s",
			top, LAYER, top, LAYER);
	if (host(cmd) != 0) {
		skip("no busybox image");
		return false;
	}
	return true;
}

UNUSED static void help_connect(void)
{
	if (sup_open(&sup, &paths, PROJECT, true, &e) != 0)
		die_of("start a supervisor");
}

UNUSED static void help_close(void)
{
	sup_close(sup);
	sup = NULL;
	for (int i = 0; i < 300 && lock_is_alive(&paths, PROJECT); i++)
		nap_ms(10);
	ok(!lock_is_alive(&paths, PROJECT), "the supervisor goes when nothing is left to do");
	{
		auto_free char *log = xasprintf("cat %s/run/projects/" PROJECT "/supervisor.log 2>/dev/null", top), *text = host_out(log);

		is_str(text, "", "and had nothing to complain of");
	}
	paths_done(&paths);
	if (!getenv("TEST_KEEP"))
		(void)fs_rm_rf(AT_FDCWD, top);
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

struct made { char id[ID_SIZE]; struct ctr_record r; struct spec s; };

/* Begin one that runs `sh -c SCRIPT`; change r and s, then made_write(). */
UNUSED static void made_new(struct made *m, const char *name, const char *script)
{
	static const char *const files[] = { "hosts", "hostname", "resolv.conf" };

	*m = (struct made){ .id = "" };
	record_new_id(m->id);
	memcpy(m->r.id, m->id, ID_SIZE);
	m->r.name = xasprintf(PROJECT "-%s-1", name);
	m->r.project = xstrdup(PROJECT);
	m->r.service = xstrdup(name);
	m->r.number = 1;
	strv_add(&m->r.layers, LAYER);
	m->r.stop_grace_ns = 10000000000;
	m->r.stop_signal = SIGTERM;
	spec_default(&m->s);
	strv_add(&m->s.process.args, "/bin/sh");
	strv_add(&m->s.process.args, "-c");
	strv_add(&m->s.process.args, script);
	strv_add(&m->s.process.env, "PATH=/bin:/sbin");
	m->s.process.cwd = arena_strdup(&m->s.arena, "/");
	m->s.hostname = arena_strndup(&m->s.arena, m->id, 12);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		auto_free char *src = xasprintf("%s/projects/" PROJECT "/%s/etc/%s", top, m->id, files[i]);
		auto_free char *dst = xasprintf("/etc/%s", files[i]);

		(void)spec_add_mount(&m->s, dst, "bind", src, "bind,rprivate,rw");
	}
}

UNUSED static void made_net(struct made *m, const char *network, const char *alias)
{
	struct rec_net n = { .network = xstrdup(network) };

	strv_add(&n.names, m->r.service);
	strv_add(&n.names, alias);
	vec_push(&m->r.nets, n);
}

UNUSED static void made_port(struct made *m, const char *ip, unsigned published, unsigned target, const char *proto)
{
	struct rec_port p = { .host_ip = xstrdup(ip), .published = (uint16_t)published, .target = (uint16_t)target,
		.proto = xstrdup(proto), .at = xstrdup("compose.yaml:7:9 services.x.ports[0]") };

	vec_push(&m->r.ports, p);
}

/* ret: its id, valid until m is made again */
UNUSED static const char *made_write(struct made *m)
{
	static const char *const dirs[] = { "fs", "fs/upper", "fs/work", "etc" };
	static const char *const files[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf" };
	auto_close int dir = record_dir(&paths, PROJECT, m->id, true);
	auto_json json_t *j = spec_to_json(&m->s);
	const struct ctr_status st = { .state = CTR_CREATED };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		(void)mkdirat(dir, dirs[i], 0755);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		close(openat(dir, files[i], O_CREAT | O_WRONLY, 0644));
	if (record_write(dir, &m->r, &e) < 0 || status_write(dir, &st, &e) < 0 ||
	    json_write(dir, "config.json", j, 0600, false, &e) < 0)
		die_of("write a container");
	record_done(&m->r);
	spec_done(&m->s);
	return m->id;
}

UNUSED static const char *simple(struct made *m, const char *name, const char *script)
{
	made_new(m, name, script);
	return made_write(m);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* Call with {"ctr": id} and what fmt packs beside it. ret: reply (caller drops), or NULL with e */
UNUSED static json_t *call(const char *op, const char *id, json_t *more)
{
	json_t *args = json_pack("{s:s}", "ctr", id), *reply = NULL;

	err_done(&e);
	if (more)
		(void)json_object_update(args, more);
	json_decref(more);
	return sup_call(sup, op, args, NULL, 0, &reply, &e) == 0 ? reply : NULL;
}

UNUSED static bool start(const char *id)
{
	auto_json json_t *r = call("start", id, NULL);

	if (!r)
		err_report(&e, stdout);
	return r != NULL;
}

/* ret: exit code, -1 when it failed */
UNUSED static int wait_exit(const char *id)
{
	auto_json json_t *r = call("wait", id, json_pack("{s:s}", "for", "exited"));

	return r ? (int)json_int(r, "exit_code", -1) : -1;
}

UNUSED static int stop(const char *id, int64_t timeout_ns)
{
	auto_json json_t *r = call("stop", id, json_pack("{s:I}", "timeout_ns", (json_int_t)timeout_ns));

	return r ? (int)json_int(r, "exit_code", -1) : -1;
}

UNUSED static struct ctr_status status_of(const char *id)
{
	struct ctr_status s = {0};
	auto_close int dir = record_dir(&paths, PROJECT, id, false);

	if (status_read(dir, &s, &e) < 0)
		die_of("read a status");
	return s;
}

/* Number fields only; the texts are freed. */
UNUSED static struct ctr_status peek(const char *id)
{
	struct ctr_status s = status_of(id), copy = s;

	status_done(&s);
	copy.health_output = copy.error = NULL;
	copy.endpoints.v = NULL;
	copy.bound.v = NULL;
	return copy;
}

/* Its whole output so far; caller frees. */
UNUSED static char *output(const char *id)
{
	auto_close int dir = record_dir(&paths, PROJECT, id, false);
	auto_log_reader struct log_reader *r = NULL;
	const struct log_want want = { .tail = -1 };
	struct str out = {0};
	struct log_line l;

	if (log_reader_new(&r, &want, &e) < 0 || log_reader_add(r, dir, NULL, &e) != 0)
		return xstrdup("NO LOG");
	while (log_reader_next(r, &l, &e) == 1) {
		str_addn(&out, l.data, l.len);
		if (l.newline)
			str_addc(&out, '\n');
	}
	return str_take(&out);
}

/* Wait until the output has text. */
UNUSED static bool says(const char *id, const char *text)
{
	for (int i = 0; i < 500; i++) {
		auto_free char *out = output(id);

		if (strstr(out, text))
			return true;
		nap_ms(10);
	}
	return false;
}

/* pid of one of our supervisor's processes, found by its title; 0: none */
UNUSED static pid_t role_pid(const char *role)
{
	auto_free char *cmd = xasprintf("pgrep -xf 'compose: %s " PROJECT "' | while read p; do "
		"tr '\\0' '\\n' </proc/$p/environ | grep -qx COMPOSE_ROOT=%s && echo $p; done", role, top);
	auto_free char *out = host_out(cmd);

	out[strcspn(out, "\n")] = '\0';
	return *out ? (pid_t)strtoll(out, NULL, 10) : 0;
}

/* kill -9 the worker again and again from a process of its own, with pauses of up to max_ms. ret: pid of the killer */
UNUSED static pid_t killer(unsigned seed, unsigned max_ms)
{
	auto_free char *list = NULL;
	pid_t keeper = role_pid("keeper"), pid = fork();

	if (pid)
		return pid;
	list = xasprintf("/proc/%d/task/%d/children", (int)keeper, (int)keeper);
	for (;;) {
		char text[4096], comm[64], name[40];
		FILE *f = fopen(list, "re");
		size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

		if (f)
			fclose(f);
		text[n] = '\0';
		for (char *p = text, *end; *p; p = end) {
			long child = strtol(p, &end, 10);

			if (end == p || child <= 0)
				break;
			(void)snprintf(name, sizeof(name), "/proc/%ld/comm", child);
			f = fopen(name, "re");
			if (f && fgets(comm, sizeof(comm), f) && str_starts(comm, "compose-worker"))
				(void)kill((pid_t)child, SIGKILL);
			if (f)
				fclose(f);
		}
		seed = seed * 1103515245 + 12345;
		nap_ms(1 + (int)(seed >> 16) % (int)max_ms);
	}
}
