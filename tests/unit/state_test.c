/* SPDX-License-Identifier: Apache-2.0 */
/* state_test.c - directories, records that survive a round trip and hostile files, locks that name their holder. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/state/lock.h"
#include "compose/state/paths.h"
#include "compose/state/record.h"
#include "tests/tap.h"

static struct err e;
static struct paths p;

static void fill(struct ctr_record *r)
{
	struct rec_net net = { .network = xstrdup("demo_default"), .ipv4 = xstrdup(""), .ipv6 = xstrdup(""),
		.mac = xstrdup("02:42:ac:11:00:02"), .ifname = xstrdup(""), .gw_priority = -3 };
	struct rec_port port = { .host_ip = xstrdup("::1"), .target = 80, .published = 65535, .proto = xstrdup("tcp"),
		.at = xstrdup("compose.yaml:3:4") };
	struct rec_kv kv = { xstrdup("a.b"), xstrdup("c\nd \"\xc3\xa4\"") };

	*r = (struct ctr_record){ .name = xstrdup("demo-web-1"), .project = xstrdup("demo"), .service = xstrdup("web"),
		.number = 7, .kind = KIND_ONEOFF, .created_ns = 1234567890123456789, .restart = POLICY_ON_FAILURE,
		.restart_max = 5, .stop_signal = 15, .stop_grace_ns = -1, .tty = true, .log_max_bytes = 1 << 20 };
	record_new_id(r->id);
	strv_add(&net.names, "web");
	vec_push(&r->nets, net);
	vec_push(&r->ports, port);
	vec_push(&r->labels, kv);
	strv_add(&r->layers, "0123abcd");
	r->health.set = true;
	r->health.interval_ns = 5000000000;
	strv_add(&r->health.test, "CMD");
}

static void test_round_trip(void)
{
	struct ctr_record r, got = {0};
	struct ctr_status s = { .state = CTR_RUNNING, .pid = 77, .pid_start = 1ULL << 40, .exit_code = 137, .oom = true,
		.health = HEALTH_UNHEALTHY, .health_output = xstrdup("bad \xff byte"), .restarts = 3 }, gs = {0};
	auto_close int dir = -1;

	fill(&r);
	dir = record_dir(&p, "demo", r.id, true);
	ok(dir >= 0, "directory of the container");
	ok(record_write(dir, &r, &e) == 0 && record_read(dir, &got, &e) == 0, "written and read");
	is_str(got.id, r.id, "id");
	is_str(got.name, "demo-web-1", "name");
	is_int(got.created_ns, r.created_ns, "time in nanoseconds");
	is_int(got.kind, KIND_ONEOFF, "kind");
	is_int(got.restart, POLICY_ON_FAILURE, "policy");
	is_int(got.nets.n, 1, "networks");
	is_str(got.nets.v[0].names.v[0], "web", "name on the network");
	is_int(got.nets.v[0].gw_priority, -3, "negative number");
	is_int(got.ports.v[0].published, 65535, "port");
	is_str(got.labels.v[0].val, "c\nd \"\xc3\xa4\"", "label");
	ok(got.health.set && got.health.interval_ns == 5000000000, "healthcheck");
	is_str(got.hostname, "", "text that was not set is empty, not NULL");
	ok(status_write(dir, &s, &e) == 0 && status_read(dir, &gs, &e) == 0, "status written and read");
	is_int(gs.pid_start, s.pid_start, "start time");
	is_int(gs.health, HEALTH_UNHEALTHY, "health");
	is_str(gs.health_output, "bad ? byte", "bytes that are no text are made printable");
	record_done(&got);
	status_done(&gs);
	status_done(&s);
	record_done(&r);
}

static void refuse(int dir, const char *text, const char *why)
{
	struct ctr_record r = {0};

	if (fs_write(dir, "record.json", text, strlen(text), 0600, false, &e) < 0)
		exit(1);
	ok(record_read(dir, &r, &e) < 0, "refused: %s", why);
	has_str(e.n ? e.frame[0] : "", why, "says why");
	err_done(&e);
	record_done(&r);
}

static void test_hostile(void)
{
	auto_close int dir = record_dir(&p, "hostile", "x", true);
	auto_free char *big = xmalloc(9 << 20);
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char text[512];

	memset(big, ' ', 9 << 20);
	big[(9 << 20) - 1] = '\0';
	refuse(dir, big, "larger than");
	refuse(dir, "", "is empty");
	refuse(dir, "{", "not valid JSON");
	refuse(dir, "[]", "not a record");
	refuse(dir, "{\"version\": 2}", "version 2");
	refuse(dir, "{\"version\": 1}", "id: missing");
	refuse(dir, "{\"version\": 1, \"id\": \"../../../etc\"}", "not an id");
	(void)snprintf(text, sizeof(text), "{\"version\":1,\"id\":\"%s\",\"project\":\"../x\"}", id);
	refuse(dir, text, "not a name");
	(void)snprintf(text, sizeof(text), "{\"version\":1,\"id\":\"%s\",\"layers\":[\"a/b\"]}", id);
	refuse(dir, text, "not a name");
	(void)snprintf(text, sizeof(text), "{\"version\":1,\"id\":\"%s\",\"kind\":\"king\"}", id);
	refuse(dir, text, "not a known word");
	(void)snprintf(text, sizeof(text), "{\"version\":1,\"id\":\"%s\",\"restart_max\":99999999999}", id);
	refuse(dir, text, "not a number in range");
	(void)snprintf(text, sizeof(text), "{\"version\":1,\"id\":\"%s\",\"ports\":[{\"target\":65536}]}", id);
	refuse(dir, text, "not a number in range");
	(void)snprintf(text, sizeof(text), "{\"version\":1,\"id\":\"%s\",\"name\":\"a\\u0000b\"}", id);
	refuse(dir, text, "not a text");
	(void)snprintf(text, sizeof(text), "{\"version\":1,\"id\":\"%s\",\"tty\":1}", id);
	refuse(dir, text, "neither true nor false");
	(void)unlinkat(dir, "record.json", 0);
	(void)mkfifoat(dir, "record.json", 0600);
	refuse(dir, "}", "not valid JSON");     /* by rename: the FIFO is replaced, never opened */
}

static int count(void *arg, int dir, struct ctr_record *r, struct ctr_status *s)
{
	(void)dir;
	*(unsigned *)arg += r->number * 100 + (unsigned)(s->state == CTR_CREATED);
	return 0;
}

static void test_each(void)
{
	struct ctr_record r;
	unsigned sum = 0;

	fill(&r);
	for (int i = 0; i < 3; i++) {
		auto_close int dir = -1;

		record_new_id(r.id);
		r.kind = i == 2 ? KIND_BUILD : KIND_SERVICE;
		dir = record_dir(&p, i ? "each" : "other", r.id, true);
		if (record_write(dir, &r, &e) < 0)
			err_report(&e, stdout);
	}
	is_int(record_each(&p, "each", count, &sum, &e), 0, "one project");
	is_int(sum, 701, "a service; the build step is left out");
	sum = 0;
	is_int(record_each(&p, NULL, count, &sum, &e), 0, "all projects");
	is_int(sum, 701 * 2 + 700, "three containers in all");
	has_str(e.n ? e.frame[e.n - 1] : "", "hostile/x", "the unreadable one is named");
	err_done(&e);
	is_int(record_each(&p, "../..", count, &sum, NULL), 0, "no climbing");
	record_done(&r);
}

static void test_named(void)
{
	struct net_record n = { .name = xstrdup("demo_default"), .subnet = xstrdup("10.1.0.0/16"), .internal = true, .mtu = 1400 };
	struct net_record got = {0};
	struct vol_record v = { .name = xstrdup("demo_data"), .anonymous = true }, gv = {0};

	is_int(net_record_read(&p, "demo_default", &got, &e), 1, "no network yet");
	ok(net_record_write(&p, &n, &e) == 0 && net_record_read(&p, "demo_default", &got, &e) == 0, "network");
	ok(got.internal && got.mtu == 1400 && str_eq(got.subnet, "10.1.0.0/16"), "the same");
	net_record_done(&got);
	is_int(net_record_remove(&p, "demo_default", &e), 0, "removed");
	is_int(net_record_read(&p, "demo_default", &got, &e), 1, "gone");
	ok(net_record_read(&p, "../projects", &got, &e) < 0, "no path as a name");
	err_done(&e);
	ok(vol_record_write(&p, &v, &e) == 0 && vol_record_read(&p, "demo_data", &gv, &e) == 0 && gv.anonymous, "volume");
	ok(vol_record_remove(&p, "demo_data", &e) == 0 && vol_record_read(&p, "demo_data", &gv, &e) == 1, "removed");
	vol_record_done(&gv);
	vol_record_done(&v);
	net_record_done(&n);
}

static void test_locks(void)
{
	int fd = -1, again = -1, status, sync[2];
	pid_t pid;

	if (pipe(sync) < 0)
		exit(1);
	ok(!lock_is_held(&p, "demo") && !lock_is_held(&p, "nosuch"), "no command is at work");
	is_int(lock_project(&p, "demo", "up -d", false, &fd, &e), 0, "project lock");
	ok(lock_is_held(&p, "demo"), "one is, and asking takes nothing from it");
	pid = fork();
	if (!pid) {
		bool right = lock_project(&p, "demo", "down", false, &again, &e) < 0 && e.kind == ERR_CONFLICT &&
			     strstr(e.frame[0], "compose up -d");

		_exit(right ? 0 : 1);
	}
	(void)waitpid(pid, &status, 0);
	is_int(status, 0, "another command is refused and told who holds it");
	pid = fork();
	if (!pid)
		_exit(close(fd) == 0 && write(sync[1], "x", 1) == 1 && lock_project(&p, "demo", "down", true, &again, &e) == 0 ? 0 : 1);
	(void)!read(sync[0], &status, 1);
	lock_project_release(&p, "demo", fd);
	(void)waitpid(pid, &status, 0);
	is_int(status, 0, "or waits until it is free");
	ok(!lock_is_held(&p, "demo"), "a command that died is at work no longer, though its file is there");

	ok(!lock_is_alive(&p, "demo") && !lock_is_alive(&p, "nosuch"), "nobody lives");
	is_int(lock_alive(&p, "demo", false, &fd, &e), 0, "proof of life");
	ok(lock_is_alive(&p, "demo"), "seen");
	pid = fork();
	if (!pid)
		_exit(lock_alive(&p, "demo", false, &again, &e) == 1 ? 0 : 1);
	(void)waitpid(pid, &status, 0);
	is_int(status, 0, "one at a time");
	close(fd);
	ok(!lock_is_alive(&p, "demo"), "gone with its descriptor");
	close(sync[0]);
	close(sync[1]);
}

static void test_paths(const char *top)
{
	struct paths q = {0};
	auto_free char *absent = xasprintf("%s/absent", top), *sub = xasprintf("%s/run", top);
	struct stat st;

	is_int(paths_open(&q, absent, false, &e), 1, "nothing was ever started here");
	paths_done(&q);
	is_str(p.run, sub, "RUN is below a ROOT that was moved");
	is_int(strlen(p.inst), 8, "mark of the installation");
	ok(stat(top, &st) == 0 && (st.st_mode & 07777) == 0700, "closed to others");
	ok(paths_dir(p.root_fd, "a/../..", true) < 0 && paths_dir(p.root_fd, "a//b", true) < 0, "no climbing");
}

int main(void)
{
	char top[] = "/tmp/compose-state-test.XXXXXX";

	if (!mkdtemp(top))
		return 1;
	if (paths_open(&p, top, true, &e) < 0)
		return err_report(&e, stdout);
	test_paths(top);
	test_round_trip();
	test_hostile();
	test_each();
	test_named();
	test_locks();
	paths_done(&p);
	(void)fs_rm_rf(AT_FDCWD, top);
	return done_testing();
}
