/* SPDX-License-Identifier: Apache-2.0 */
/* manifest, config, change, auth: text in, structs out. */
#include <string.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/auth.h"
#include "compose/image/manifest.h"
#include "tests/tap.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void test_manifest(void)
{
	static const char good[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" TYPE_DOCKER_MANIFEST "\",\"config\":{\"digest\":\"" A
		"\",\"size\":10,\"mediaType\":\"x+json\"},\"layers\":[{\"digest\":\"" B
		"\",\"size\":20,\"mediaType\":\"gz\"},"
		"{\"digest\":\"" C "\",\"size\":30}]}";
	auto_manifest struct manifest m = {0};
	auto_err struct err e = {0};

	ok(manifest_parse(good, strlen(good), "x", &m, &e) == 0, "docker manifest");
	is_str(m.type, TYPE_DOCKER_MANIFEST, "its type");
	is_str(m.config.digest, A, "configuration");
	is_int(m.config.size, 10, "its size");
	is_int((int)m.layers.n, 2, "layers");
	is_str(m.layers.v[0].digest, B, "lowest first");
	is_str(m.layers.v[1].type, "", "no media type");
}

static void test_manifest_bad(void)
{
	static const struct { const char *text, *why; int rc;
	} t[] = {
		{"{\"schemaVersion\":2,\"manifests\":[]}", "", 1},
		{"{\"schemaVersion\":2,\"mediaType\":\"" TYPE_DOCKER_LIST "\"}", "", 1},
		{"", "not valid JSON", -1},
		{"[]", "not an image manifest", -1},
		{"{\"schemaVersion\":1}", "schema 1", -1},
		{"{\"schemaVersion\":2}", "configuration", -1},
		{"{\"schemaVersion\":2,\"mediaType\":\"x\\u001b[31m\"}", "unknown kind", -1},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"../../etc\",\"size\":1},\"layers\":[]}", "digest", -1},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha512:aa\",\"size\":1},\"layers\":[]}", "digest", -1},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"" A "\",\"size\":-1},\"layers\":[]}", "size", -1},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"" A "\",\"size\":1}}", "no layers", -1},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"" A "\",\"size\":1},\"layers\":[{}]}", "digest", -1},
		{"{\"schemaVersion\":2,\"config\":{\"digest\":\"" A "\",\"size\":1},\"layers\":[{\"digest\":\"" B
		 "\",\"size\":1,\"mediaType\":\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\",\"urls\":"
		 "[\"file:///etc/shadow\"]}]}",
		 "not distributed", -1},
		{"{\"schemaVersion\":2,\"schemaVersion\":2}", "not valid JSON", -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_manifest struct manifest m = {0};
		auto_err struct err e = {0};

		is_int(manifest_parse(t[i].text, strlen(t[i].text), "x", &m, &e), t[i].rc, "%.60s", t[i].text);
		if (t[i].rc < 0)
			ok(strstr(e.frame[0], t[i].why) && !strchr(e.frame[0], 27), "says: %s", e.frame[0]);
	}
}

static void test_pick(void)
{
#define ENTRY(d, os, arch, var)                                                                                        \
	"{\"digest\":\"" d "\",\"size\":1,\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"" var "}}"
	static const char index[] = "{\"schemaVersion\":2,\"manifests\":["
		ENTRY(A, "unknown", "unknown", "") "," ENTRY(A, "linux", "amd64", "") ","
		ENTRY(B, "linux", "arm", ",\"variant\":\"v6\"") "," ENTRY(C, "linux", "arm", ",\"variant\":\"v7\"") ","
		ENTRY(B, "linux", "arm64", ",\"variant\":\"v8\"") "," ENTRY(C, "windows", "amd64", "") "]}";
	static const struct { const char *platform, *digest;
	} t[] = {
		{"linux/amd64", A},	{"linux/x86_64", A},  {"amd64", A},	      {"linux/arm/v6", B},
		{"linux/arm/v7", C},	{"linux/arm/v8", C},  {"linux/arm64", B},     {"linux/arm64/v8", B},
		{"linux/aarch64", B},	{"windows/amd64", C}, {"linux/arm/v5", NULL}, {"linux/s390x", NULL},
		{"unknown/unknown", A},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct blob_desc d = {0};
		auto_err struct err e = {0};
		struct platform p;

		ok(platform_parse(&p, t[i].platform, &e) == 0, "platform %s", t[i].platform);
		if (manifest_pick(index, strlen(index), "img", &p, &d, &e) < 0) {
			ok(!t[i].digest && e.kind == ERR_MISSING && strstr(e.hint, "linux/arm/v7"),
			   "none for %s; it has: %s", t[i].platform, e.hint ? e.hint : "");
			continue;
		}
		is_str(d.digest, t[i].digest, "for %s", t[i].platform);
		blob_desc_done(&d);
	}
}

static void test_platform_bad(void)
{
	static const char *const t[] = {"linux/",      "/amd64",       "linux/amd64/", "a/b/c/d",
					"Linux/amd64", "linux/amd 64", "../x"};
	struct platform here;
	auto_err struct err e = {0};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_err struct err bad = {0};
		struct platform p;

		ok(platform_parse(&p, t[i], &bad) < 0 && bad.kind == ERR_USAGE, "refused: %s", t[i]);
	}
	ok(platform_parse(&here, NULL, &e) == 0 && !strcmp(here.os, "linux") && *here.arch, "this machine: %s",
	   here.arch);
}

static void test_config(void)
{
	static const char text[] =
		"{\"created\":\"2024-02-03T04:05:06.789Z\",\"architecture\":\"amd64\",\"os\":\"linux\","
		"\"config\":{\"User\":\"1000\",\"Env\":[\"A=1\",\"B=\"],\"Cmd\":[\"sh\"],\"Entrypoint\":null,"
		"\"WorkingDir\":\"\","
		"\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/"
		"data\":{}},\"Labels\":{\"k\":\"v\"},\"StopSignal\":\"SIGINT\","
		"\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":5000000000,\"Retries\":3}},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" A "\",\"" B "\"]},"
		"\"history\":[{\"created_by\":\"ADD\"},{\"created_by\":\"CMD\",\"empty_layer\":true}]}";
	auto_image struct image *i = xcalloc(1, sizeof(*i)), *again = xcalloc(1, sizeof(*again));
	auto_err struct err e = {0};
	auto_json json_t *j = NULL;
	auto_free char *back = NULL;

	ok(config_parse(text, strlen(text), "c", i, &e) == 0, "parsed");
	is_str(i->layers.v[1], &B[7], "diff ids as directory names");
	is_int(i->created_s, 1706933106, "created");
	is_str(i->conf.user, "1000", "user");
	ok(!i->conf.workdir, "an empty text is unset");
	is_int((int)i->conf.env.n, 2, "env");
	is_str(i->conf.ports.v[0], "80/tcp", "port");
	is_str(i->conf.volumes.v[0], "/data", "volume");
	is_str(i->conf.labels.v[0].val, "v", "label");
	is_int(i->conf.health->interval_ns, 5000000000, "health interval");
	ok(i->history.n == 2 && i->history.v[1].empty_layer, "history");
	j = image_to_json(i);
	back = json_dumps(j, JSON_COMPACT);
	ok(config_parse(back, strlen(back), "again", again, &e) == 0, "written and parsed again");
	is_str(again->conf.stop_signal, "SIGINT", "round trip: stop signal");
	is_str(again->conf.health->test.v[1], "x", "round trip: health test");
	is_int((int)again->layers.n, 2, "round trip: layers");
	is_str(again->created, "2024-02-03T04:05:06.789Z", "round trip: created");
}

static void test_config_bad(void)
{
	static const char *const t[] = {
		"{}", "[]", "{\"rootfs\":{\"diff_ids\":[\"../../../etc\"]}}", "{\"rootfs\":{\"diff_ids\":[1]}}",
		"{\"rootfs\":{\"diff_ids\":\"" A "\"}}",
	};
	auto_str struct str many = {0};
	auto_err struct err e = {0};
	auto_image struct image *i = xcalloc(1, sizeof(*i));

	for (size_t n = 0; n < ARRAY_LEN(t); n++) {
		auto_image struct image *bad = xcalloc(1, sizeof(*bad));
		auto_err struct err be = {0};

		ok(config_parse(t[n], strlen(t[n]), "c", bad, &be) < 0, "refused: %s", t[n]);
	}
	str_add(&many, "{\"rootfs\":{\"diff_ids\":[]},\"config\":{\"Env\":[\"A=1\"");
	for (int n = 0; n < 20000; n++)
		str_add(&many, ",\"A=1\"");
	str_add(&many, "]}}");
	ok(config_parse(many.s, many.len, "c", i, &e) < 0 && strstr(e.frame[0], "Env"), "20001 variables");
}

static void test_change(void)
{
	struct image_config c = {0};
	auto_err struct err e = {0};
	static const char *const t[] = {
		"CMD [\"a\", \"b c\"]",
		"entrypoint /x  --y ",
		"ENV A=1 B=\"two words\" C=es\\ caped",
		"ENV OLD some text",
		"EXPOSE 80 53/udp 8000-8002",
		"LABEL a.b='x y' c=",
		"USER 1:2",
		"WORKDIR /srv",
		"WORKDIR app",
		"VOLUME /v1 /v2",
		"VOLUME [\"/v3\"]",
		"STOPSIGNAL SIGQUIT",
		"ONBUILD RUN x",
		"HEALTHCHECK --interval=1m30s --timeout=500ms --retries=4 CMD curl -f x || exit 1",
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		ok(image_config_change(&c, t[i], &e) == 0, "%s", t[i]);
	ok(c.cmd.n == 2 && !strcmp(c.cmd.v[1], "b c"), "exec form");
	ok(c.entrypoint.n == 3 && !strcmp(c.entrypoint.v[2], "/x  --y"), "shell form");
	ok(c.env.n == 4 && !strcmp(c.env.v[1], "B=two words") && !strcmp(c.env.v[2], "C=es caped") &&
	   !strcmp(c.env.v[3], "OLD=some text"), "env");
	ok(c.ports.n == 5 && !strcmp(c.ports.v[1], "53/udp") && !strcmp(c.ports.v[4], "8002/tcp"), "ports");
	ok(c.labels.n == 2 && !strcmp(c.labels.v[0].val, "x y") && !strcmp(c.labels.v[1].val, ""), "labels");
	is_str(c.workdir, "/srv/app", "WORKDIR joins");
	is_int((int)c.volumes.n, 3, "volumes");
	is_int(c.health->interval_ns, 90000000000, "interval");
	is_int(c.health->timeout_ns, 500000000, "timeout");
	is_str(c.health->test.v[0], "CMD-SHELL", "shell test");
	ok(image_config_change(&c, "SHELL [\"/bin/bash\",\"-c\"]", &e) == 0 &&
		   image_config_change(&c, "CMD x y", &e) == 0 && !strcmp(c.cmd.v[0], "/bin/bash"),
	   "SHELL holds for what follows");
	ok(image_config_change(&c, "HEALTHCHECK NONE", &e) == 0 && !strcmp(c.health->test.v[0], "NONE"), "NONE");
	ok(image_config_change(&c, "ENV A=9", &e) == 0 && c.env.n == 4 && !strcmp(c.env.v[0], "A=9"),
	   "replaced in place");
	image_config_done(&c);
}

static void test_change_bad(void)
{
	static const char *const t[] = {
		"",
		"RUN x",
		"FROM y",
		"CMD",
		"ENV",
		"ENV =x",
		"ENV A=\"open",
		"EXPOSE 0",
		"EXPOSE 70000",
		"EXPOSE x",
		"EXPOSE 5-1",
		"EXPOSE 80/icmp",
		"SHELL x",
		"HEALTHCHECK",
		"HEALTHCHECK x",
		"HEALTHCHECK --interval=5 CMD x",
		"HEALTHCHECK --retries=-1 CMD x",
		"HEALTHCHECK --what=1 CMD x",
		"HEALTHCHECK CMD",
		"VOLUME [\"\"]",
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct image_config c = {0};
		auto_err struct err e = {0};

		ok(image_config_change(&c, t[i], &e) < 0 && e.kind == ERR_USAGE, "refused: %s", t[i]);
		image_config_done(&c);
	}
}

static void test_challenge(void)
{
	static const struct { const char *in; bool bearer, basic; const char *realm, *service, *scope;
	} t[] = {
		{"Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull\"", true, false, "https://a/t",
		 "s", "repository:x:pull"},
		{"bearer REALM=\"https://a\" , Service=s", true, false, "https://a", "s", NULL},
		{"Basic realm=\"x\"", false, true, NULL, NULL, NULL},
		{"Basic realm=\"x\", Bearer realm=\"https://y\"", true, true, "https://y", NULL, NULL},
		{"Bearer realm=\"a\\\"b,c\"", true, false, "a\"b,c", NULL, NULL},
		{"Negotiate, NTLM abc==", false, false, NULL, NULL, NULL},
		{"", false, false, NULL, NULL, NULL},
		{"Bearer realm=\"open", true, false, "open", NULL, NULL},
		{"===,,,\"\"", false, false, NULL, NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct challenge c;

		challenge_parse(t[i].in, &c);
		ok(c.bearer == t[i].bearer && c.basic == t[i].basic && str_eq(c.realm, t[i].realm) &&
		   str_eq(c.service, t[i].service) && str_eq(c.scope, t[i].scope), "challenge: %s", t[i].in);
		challenge_done(&c);
	}
}

static void test_coding(void)
{
	static const struct { const char *in, *out; } t[] = {
		{ "", "" }, { "YQ==", "a" }, { "YWI=", "ab" }, { "YWJj", "abc" }, { "YWJjZA", "abcd" },
		{ "Y", NULL }, { "Y!==", NULL }, { "YQ===", NULL }, { "YQ=x", NULL },
	};
	const struct creds c = { (char *)(uintptr_t)"user", (char *)(uintptr_t)"pass:word", NULL };
	auto_free char *esc = url_escape("a/b:c d~\xc3"), *basic = creds_basic(&c);

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		size_t n;
		auto_free char *got = base64_decode(t[i].in, &n);

		ok(str_eq(got, t[i].out), "base64 \"%s\"", t[i].in);
	}
	is_str(esc, "a%2Fb%3Ac%20d~%C3", "url_escape");
	is_str(basic, "Basic dXNlcjpwYXNzOndvcmQ=", "basic");
}

static void test_time(void)
{
	is_int(time_parse("1970-01-01T00:00:00Z"), 0, "zero");
	is_int(time_parse("2001-02-03T04:05:06+01:30"), 981167706, "offset");
	is_int(time_parse("2001-02-03T04:05:06.123456789Z"), 981173106, "fraction");
	is_int(time_parse("nonsense"), 0, "no time");
	is_int(time_parse("0001-01-01T00:00:00Z"), -62135596800, "Go's zero time");
}

int main(void)
{
	test_manifest();
	test_manifest_bad();
	test_pick();
	test_platform_bad();
	test_config();
	test_config_bad();
	test_change();
	test_change_bad();
	test_challenge();
	test_coding();
	test_time();
	return done_testing();
}
