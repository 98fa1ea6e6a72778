/* SPDX-License-Identifier: Apache-2.0 */
/* spec: defaults, reading back what was written, hostile configurations. */
#include <jansson.h>
#include <string.h>
#include "compose/base/json.h"
#include "compose/runtime/caps.h"
#include "compose/runtime/spec.h"
#include "compose/runtime/spec_read.h"
#include "tests/tap.h"

static int parse(struct spec *s, const char *text, struct err *e)
{
	auto_json json_t *j = NULL;

	if (rd_parse(text, strlen(text), "config.json", &j, e) < 0)
		return -1;
	return spec_from_json(s, j, e);
}

static void refused(const char *text, const char *part)
{
	struct spec s = {0};
	struct err e = {0};
	int r = parse(&s, text, &e);

	ok(r < 0 && e.kind == ERR_MODEL, "refused: %.60s", text);
	has_str(e.n ? e.frame[0] : "", part, "names %s", part);
	spec_done(&s);
	err_done(&e);
}

static void defaults(void)
{
	struct spec s = {0};

	spec_default(&s);
	is_int((intmax_t)s.process.caps.bounding, 0xa80425fb, "14 capabilities");
	is_int((intmax_t)(s.process.caps.inheritable | s.process.caps.ambient), 0, "none inheritable or ambient");
	ok(!s.ns[SPEC_NS_USER].on && s.ns[SPEC_NS_MNT].on && s.ns[SPEC_NS_NET].on && s.ns[SPEC_NS_CGROUP].on,
	   "namespaces");
	is_int(s.seccomp, SPEC_SECCOMP_DEFAULT, "a filter");
	is_int(s.mounts.n, 7, "seven mounts");
	ok(strv_has(&s.masked, "/proc/kcore") && strv_has(&s.readonly, "/proc/sys"), "paths");
	ok(spec_del_mount(&s, "/dev/shm") && !spec_del_mount(&s, "/dev/shm"), "a mount is taken out once");
	spec_done(&s);
}

static void fill(struct spec *s)
{
	struct spec_resources *r = &s->resources;

	spec_default(s);
	strv_add(&s->process.args, "sh");
	strv_add(&s->process.env, "A=ü");
	s->hostname = arena_strdup(&s->arena, "h");
	s->process.user.name = arena_strdup(&s->arena, "app:tty");
	strv_add(&s->process.user.group_names, "adm");
	strv_add(&s->process.user.group_names, "7");
	vec_push(&s->process.rlimits, (struct spec_rlimit){ 7, 1024, UINT64_MAX });
	s->process.has_oom_score_adj = true;
	s->init = true;
	r->memory_bytes = 1 << 20;
	r->pids = -1;
	r->cpus = arena_strdup(&s->arena, "0-1");
	vec_push(&r->read_bps, (struct spec_blk){ 8, 0, 4096 });
	strv_add(&s->sysctl, "net.core.somaxconn");
	strv_add(&s->sysctl, "9");
	vec_push(&s->devices, (struct spec_device){ arena_strdup(&s->arena, "/dev/fuse"), 'c', 10, 229, 0660, 0, 5 });
	spec_add_annotation(s, "k", "v");
	(void)spec_add_mount(s, "/data", "bind", "/src", "rbind,ro");
	vec_push(&s->uid_map, (struct spec_id_map){ 0, 100000, 65536 });
	s->ns[SPEC_NS_NET].path = arena_strdup(&s->arena, "/proc/1/ns/net");
}

static void round_trip(void)
{
	struct spec a = {0}, b = {0};
	auto_json json_t *one = NULL, *two = NULL;
	struct err e = {0};

	fill(&a);
	one = spec_to_json(&a);
	ok(one != NULL, "written");
	is_int(spec_from_json(&b, one, &e), 0, "read");
	two = spec_to_json(&b);
	ok(json_equal(one, two), "what is read is what was written");
	ok(b.init && b.seccomp == SPEC_SECCOMP_DEFAULT, "our annotations");
	is_str(b.process.user.name, "app:tty", "user");
	is_int(b.process.user.group_names.n, 2, "groups");
	ok(b.process.rlimits.v[0].hard == UINT64_MAX, "unlimited stays unlimited");
	is_int(b.process.user.umask, -1, "no umask stays none");
	is_int(b.resources.swappiness, -1, "no swappiness stays none");
	is_int(b.mounts.n, a.mounts.n, "mounts");
	ok(b.annotations.n == 1 && !strcmp(b.annotations.v[0].key, "k") && !strcmp(b.annotations.v[0].value, "v"),
	   "other annotations");
	spec_done(&b);
	strv_add(&a.process.env, "B=\xff");
	ok(spec_to_json(&a) == NULL, "what JSON cannot carry is not dropped silently");
	spec_done(&a);
}

static void large_numbers(void)
{
	struct spec s = {0};
	struct err e = {0};

	is_int(parse(&s,
		     "{\"ociVersion\":\"1.0.2\",\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
		     "\"soft\":1024,\"hard\":18446744073709551615}]},\"linux\":{\"resources\":{\"memory\":{\"limit\":"
		     "67108864}}}}",
		     &e),
	       0, "a number above 2^63 is read");
	ok(s.process.rlimits.v[0].hard == UINT64_MAX && s.process.rlimits.v[0].soft == 1024, "as unlimited");
	is_int(s.resources.memory_bytes, 67108864, "the others stay exact");
	spec_done(&s);
	err_done(&e);
}

#define P(x) "{\"ociVersion\":\"1.0.2\",\"process\":{" x "}}"
#define L(x) "{\"ociVersion\":\"1.0.2\",\"linux\":{" x "}}"

int main(void)
{
	defaults();
	round_trip();
	large_numbers();
	refused("[]", "object expected");
	refused("{", "config.json:1");
	refused("{}", "ociVersion");
	refused("{\"ociVersion\":\"9.9\"}", "9.9");
	refused("{\"ociVersion\":\"1.0.2\",\"ociVersion\":\"1.0.2\"}", "config.json:1");
	refused(P("\"args\":7"), "process.args");
	refused(P("\"args\":[7]"), "process.args");
	refused(P("\"env\":{}"), "process.env");
	refused(P("\"cwd\":\"x\""), "process.cwd");
	refused(P("\"cwd\":\"/\\u0000x\""), "config.json:1");
	refused(P("\"user\":{\"uid\":-1}"), "process.user.uid");
	refused(P("\"user\":{\"uid\":2147483648}"), "process.user.uid");
	refused(P("\"user\":{\"uid\":4294967296}"), "process.user.uid");
	refused(P("\"user\":{\"uid\":18446744073709551616}"), "process.user.uid");
	refused(P("\"user\":{\"uid\":0.5}"), "whole number");
	refused(P("\"user\":{\"additionalGids\":[-1]}"), "additionalGids");
	refused(P("\"user\":{\"umask\":99999}"), "umask");
	refused(P("\"oomScoreAdj\":1001"), "oomScoreAdj");
	refused(P("\"capabilities\":{\"effective\":[\"CAP_NONE\"]}"), "CAP_NONE");
	refused(P("\"rlimits\":[{\"type\":\"RLIMIT_NONE\"}]"), "RLIMIT_NONE");
	refused(P("\"selinuxLabel\":\"x\""), "not supported");
	refused(L("\"namespaces\":[{\"type\":\"time\"}]"), "time");
	refused(L("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]"), "twice");
	refused(L("\"devices\":[{\"path\":\"x\",\"type\":\"c\"}]"), "devices");
	refused(L("\"devices\":[{\"path\":\"/x\",\"type\":\"q\"}]"), "devices");
	refused(L("\"resources\":{\"devices\":[{\"access\":\"rwx\"}]}"), "devices");
	refused(L("\"resources\":{\"pids\":{\"limit\":-2}}"), "limit");
	refused(L("\"resources\":{\"unified\":{\"../x\":\"1\"}}"), "unified");
	refused(L("\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]"), "size");
	refused(L("\"sysctl\":{\"a\":1}"), "sysctl");
	refused(L("\"intelRdt\":{\"closID\":\"x\"}"), "not supported");
	refused("{\"ociVersion\":\"1.0.2\",\"mounts\":[{\"type\":\"tmpfs\"}]}", "mounts[0].destination");
	refused("{\"ociVersion\":\"1.0.2\",\"hooks\":{\"prestart\":[{\"path\":\"x\"}]}}", "hooks.prestart[0].path");
	return done_testing();
}
