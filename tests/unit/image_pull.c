/* SPDX-License-Identifier: Apache-2.0 */
/* pull: against a registry of our own on a loopback port that asks for tokens, fails, cuts and lies. Runs as root. */
#include "compose/base/intr.h"
#include "compose/base/sys.h"
#include "compose/image/image.h"
#include "compose/image/manifest.h"
#include "compose/image/store.h"
#include "tests/tap.h"
#include "tests/tools/registryd.h"
#include "tests/unit/image_tar.h"

static char *root;
static struct store *s;
static struct regd reg;
static char layer_hex[3][65], diff_hex[3][65], config_hex[65], manifest_hex[65];
static size_t layer_len[3];

static void mkdir_or_die(const char *path)
{
	if (fs_mkdir_p(path, 0700) < 0)
		abort();
}

static void set_config(const char *text)
{
	auto_err struct err e = {0};
	auto_free char *dir = xasprintf("%s/docker", root), *path = xasprintf("%s/docker/config.json", root);

	mkdir_or_die(dir);
	(void)setenv("DOCKER_CONFIG", dir, 1);
	if (fs_write(AT_FDCWD, path, text, strlen(text), 0600, false, &e) < 0)
		abort();
}

static void open_store(void)
{
	auto_err struct err e = {0};

	root = scratch_dir();
	if (store_open(&s, root, &e) < 0)
		abort();
	set_config("{}");
}

/* Content that does not shrink, so that a layer has many bytes on the wire. */
static void add_noise(struct str *tar, const char *name, size_t len, unsigned seed)
{
	auto_free char *noise = xmalloc(len);

	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245 + 12345;
		noise[i] = (char)(seed >> 16 | 1);
	}
	tar_add(tar, (struct tar_entry){ .type = '0', .name = name, .data = noise, .size = len });
}

static void add_layer(unsigned n, size_t len, const char *wrong_diff)
{
	auto_str struct str tar = {0}, packed = {0};
	char name[20];

	(void)snprintf(name, sizeof(name), "file%u", n);
	add_noise(&tar, name, len, n + 1);
	tar_end(&tar);
	sha256_hex(tar.s, tar.len, diff_hex[n]);
	if (wrong_diff)
		(void)snprintf(diff_hex[n], 65, "%s", wrong_diff);
	if (tar_compress(n == 1 ? "zstd" : "gzip", tar.s, tar.len, 0, &packed) < 0)
		abort();
	layer_len[n] = packed.len;
	regd_blob(&reg, "demo/app", packed.s, packed.len, layer_hex[n]);
}

static void add_manifest(const char *config_extra)
{
	auto_str struct str config = {0}, m = {0}, index = {0};

	str_addf(
		&config,
		"{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Cmd\":[\"x\"]%s},\"rootfs\":{\"diff_ids\":["
		"\"sha256:%s\",\"sha256:%s\",\"sha256:%s\"]}}",
		config_extra, diff_hex[0], diff_hex[1], diff_hex[2]);
	regd_blob(&reg, "demo/app", config.s, config.len, config_hex);
	str_addf(&m,
		 "{\"schemaVersion\":2,\"mediaType\":\"" TYPE_OCI_MANIFEST
		 "\",\"config\":{\"mediaType\":\"" TYPE_OCI_CONFIG
		 "\",\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":[",
		 config_hex, config.len);
	for (int i = 0; i < 3; i++)
		str_addf(&m,
			 "%s{\"mediaType\":\"application/"
			 "vnd.oci.image.layer.v1.tar+%s\",\"digest\":\"sha256:%s\",\"size\":%zu}",
			 i ? "," : "", i == 1 ? "zstd" : "gzip", layer_hex[i], layer_len[i]);
	str_add(&m, "]}");
	sha256_hex(m.s, m.len, manifest_hex);
	regd_add(&reg, TYPE_OCI_MANIFEST, m.s, m.len, "/v2/demo/app/manifests/latest");
	regd_add(&reg, TYPE_OCI_MANIFEST, m.s, m.len, "/v2/demo/app/manifests/sha256:%s", manifest_hex);
	str_addf(&index,
		 "{\"schemaVersion\":2,\"mediaType\":\"" TYPE_OCI_INDEX "\",\"manifests\":[{\"digest\":\"sha256:%s\","
		 "\"size\":%zu,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}",
		 manifest_hex, m.len);
	regd_add(&reg, TYPE_OCI_INDEX, index.s, index.len, "/v2/demo/app/manifests/multi");
}

static void begin(void)
{
	open_store();
	regd_start(&reg);
	add_layer(0, 300000, NULL);
	add_layer(1, 200000, NULL);
	add_layer(2, 1000, NULL);
	add_manifest("");
}

static void end(void)
{
	regd_stop(&reg);
	store_free(s);
	scratch_rm(root);
}

struct seen { unsigned fetch, retry, exists, done; char note[200]; };

static void on_progress(void *arg, const struct pull_progress *p)
{
	struct seen *seen = arg;

	seen->fetch += p->state == PULL_FETCH;
	seen->exists += p->state == PULL_EXISTS;
	seen->done += p->state == PULL_DONE;
	if (p->state == PULL_RETRY) {
		seen->retry++;
		(void)snprintf(seen->note, sizeof(seen->note), "%s", p->note);
	}
}

static struct seen seen;

static int pull_with(const char *tag, enum pull_policy policy, const char *platform, struct image **i, struct err *e)
{
	const struct pull_opts o = { .policy = policy, .platform = platform, .progress = on_progress, .arg = &seen };
	auto_free char *ref = xasprintf("127.0.0.1:%u/demo/app%s", reg.port, tag);

	memset(&seen, 0, sizeof(seen));
	return image_pull(s, ref, &o, i, e);
}

static int pull(const char *tag, enum pull_policy policy, struct image **i, struct err *e)
{
	return pull_with(tag, policy, NULL, i, e);
}

/* A failed pull must leave no image, no layer that looks whole and wrong, no temporary directory. */
static void is_clean(void)
{
	auto_images struct images l = {0};
	auto_err struct err e = {0};
	struct dirent **list;
	int n = scandirat(store_layers_fd(s), ".", &list, NULL, NULL), tmp = 0;

	for (int i = 0; i < n; i++) {
		tmp += str_starts(list[i]->d_name, "tmp.");
		free(list[i]);
	}
	free(list);
	is_int(tmp, 0, "no temporary directory");
	ok(image_list(s, &l, NULL, &e) == 0 && l.n == 0, "no image");
}

static void expect_failure(const char *what, enum err_kind kind, const char *words, struct err *e, int rc)
{
	auto_str struct str chain = {0};

	for (unsigned i = 0; i < e->n; i++)
		str_addf(&chain, "%s%s", i ? " <- " : "", e->frame[i]);
	ok(rc < 0 && e->kind == kind && strstr(str_cstr(&chain), words), "%s: %s (hint: %s)", what, str_cstr(&chain),
	   e->hint ? e->hint : "none");
	is_clean();
}

static void test_pull(void)
{
	auto_image struct image *i = NULL, *again = NULL, *third = NULL, *by_digest = NULL;
	auto_err struct err e = {0};
	auto_free char *path = NULL, *digest = NULL;
	struct stat st;
	unsigned before;

	begin();
	is_int(pull("", PULL_MISSING, &i, &e), 0, "pulled: %s", e.n ? e.frame[0] : "");
	ok(i && !strcmp(i->id + 7, config_hex), "id");
	ok(i && i->layers.n == 3 && !strcmp(i->layers.v[0], diff_hex[0]), "layers");
	path = xasprintf("%s/layers/%s/file0", root, diff_hex[0]);
	ok(stat(path, &st) == 0 && st.st_size == 300000, "unpacked");
	is_int(seen.done, 4, "three layers and the image are done");
	digest = xasprintf("127.0.0.1:%u/demo/app@sha256:%s", reg.port, manifest_hex);
	ok(i && i->digests.n == 1 && !strcmp(i->digests.v[0], digest), "digest of the repository");
	before = reg.requests;
	is_int(pull("", PULL_MISSING, &again, &e), 1, "there already");
	is_int(reg.requests, before, "without asking");
	is_int(pull("", PULL_ALWAYS, &third, &e), 1, "always: up to date");
	ok(reg.requests > before && seen.exists == 3, "asked, nothing fetched");
	is_int(reg.blobs, 4, "each blob was fetched once");
	{
		auto_free char *tag = xasprintf("@sha256:%s", manifest_hex);

		is_int(pull(tag, PULL_MISSING, &by_digest, &e), 1, "by digest: there already");
	}
	end();
}

static void test_index(void)
{
	auto_image struct image *i = NULL, *none = NULL;
	auto_err struct err e = {0};

	begin();
	is_int(pull_with(":multi", PULL_MISSING, "linux/amd64", &i, &e), 0, "from an index");
	ok(i && i->tags.n == 1 && str_ends(i->tags.v[0], ":multi"), "named");
	ok(pull_with(":multi", PULL_ALWAYS, "linux/s390x", &none, &e) < 0 && e.kind == ERR_MISSING &&
		   strstr(e.hint, "amd64"),
	   "no such platform: %s", e.hint ? e.hint : "");
	end();
}

static void test_by_digest_only(void)
{
	auto_image struct image *i = NULL, *again = NULL;
	auto_free char *tag = NULL;
	auto_err struct err e = {0};

	begin();
	tag = xasprintf(":anything@sha256:%s", manifest_hex);
	is_int(pull(tag, PULL_MISSING, &i, &e), 0, "tag and digest: the digest counts: %s", e.n ? e.frame[0] : "");
	ok(i && i->tags.n == 0 && i->digests.n == 1, "no tag, as docker");
	is_int(pull(tag, PULL_NEVER, &again, &e), 1, "found again by the digest");
	end();
}

static void test_missing(void)
{
	auto_err struct err e = {0};
	int rc;

	begin();
	rc = pull(":nope", PULL_MISSING, NULL, &e);
	expect_failure("no such tag", ERR_MISSING, "manifest unknown", &e, rc);
	err_done(&e);
	rc = pull(":nope", PULL_NEVER, NULL, &e);
	expect_failure("never", ERR_MISSING, "no such image", &e, rc);
	end();
}

static void test_token(void)
{
	auto_image struct image *i = NULL;
	auto_err struct err e = {0};

	begin();
	reg.auth = "bearer";
	is_int(pull("", PULL_MISSING, &i, &e), 0, "anonymous token: %s", e.n ? e.frame[0] : "");
	is_int(reg.tokens, 1, "one token for all requests");
	ok(strstr(reg.last_token_query, "service=test") &&
		   strstr(reg.last_token_query, "scope=repository%3Ademo%2Fapp%3Apull"),
	   "its query: %s", reg.last_token_query);
	is_str(reg.last_auth, "", "anonymous");
	end();
}

static void test_token_with_password(void)
{
	auto_image struct image *i = NULL;
	auto_err struct err e = {0};
	auto_free char *config = NULL;
	int rc;

	begin();
	reg.auth = "bearer";
	reg.password = "Basic dXNlcjpwYXNz";
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("token refused", ERR_DENIED, "denies access", &e, rc);
	err_done(&e);
	config = xasprintf("{\"auths\":{\"127.0.0.1:%u\":{\"auth\":\"dXNlcjpwYXNz\"}}}", reg.port);
	set_config(config);
	is_int(pull("", PULL_MISSING, &i, &e), 0, "with credentials: %s", e.n ? e.frame[0] : "");
	end();
}

static void test_basic(void)
{
	auto_image struct image *i = NULL;
	auto_err struct err e = {0};
	auto_free char *config = NULL;
	int rc;

	begin();
	reg.auth = "basic";
	reg.password = "Basic dXNlcjpwYXNz";
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("basic, anonymous", ERR_DENIED, "denies access", &e, rc);
	err_done(&e);
	config = xasprintf("{\"auths\":{\"https://127.0.0.1:%u/v2/\":{\"auth\":\"dXNlcjpwYXNz\"}}}", reg.port);
	set_config(config);
	is_int(pull("", PULL_MISSING, &i, &e), 0, "basic: %s", e.n ? e.frame[0] : "");
	end();
}

static void test_bad_config(void)
{
	auto_err struct err e = {0};
	auto_free char *config = NULL;
	int rc;

	begin();
	reg.auth = "basic";
	reg.password = "x";
	config = xasprintf("{\"auths\":{\"127.0.0.1:%u\":{\"auth\":\"!!!\"}}}", reg.port);
	set_config(config);
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("broken credentials", ERR_SYS, "base64", &e, rc);
	err_done(&e);
	set_config("{\"credsStore\":\"../../tmp/evil\"}");
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("helper with a path", ERR_MISSING, "credential helper", &e, rc);
	err_done(&e);
	set_config("{ not json");
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("broken file", ERR_SYS, "not valid JSON", &e, rc);
	end();
}

/* A helper is run by an absolute path when it is trusted; one that others may write is not. */
static void test_helper(void)
{
	static const char script[] = "#!/bin/sh\nread -r s\nprintf "
				     "'{\"ServerURL\":\"%s\",\"Username\":\"user\",\"Secret\":\"pass\"}' \"$s\"\n";
	auto_image struct image *i = NULL;
	auto_err struct err e = {0};
	auto_free char *path = NULL, *config = NULL;
	int rc;

	begin();
	reg.auth = "basic";
	reg.password = "Basic dXNlcjpwYXNz";
	path = xasprintf("%s/helper", root);
	config = xasprintf("{\"credsStore\":\"%s\"}", path);
	set_config(config);
	if (fs_write(AT_FDCWD, path, script, strlen(script), 0777, false, &e) < 0)
		abort();
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("a helper others may write", ERR_MISSING, "credential helper", &e, rc);
	err_done(&e);
	(void)chmod(path, 0755);
	is_int(pull("", PULL_MISSING, &i, &e), 0, "by a helper: %s", e.n ? e.frame[0] : "");
	end();
}

static void test_foreign_realm(void)
{
	auto_err struct err e = {0};
	int rc;

	begin();
	reg.auth = "bearer";
	reg.realm = "http://192.0.2.1/token";
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("token server in plain text elsewhere", ERR_SYS, "token server", &e, rc);
	err_done(&e);
	reg.realm = "file:///etc/passwd";
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("token server that is a file", ERR_SYS, "token server", &e, rc);
	end();
}

static void test_retry(void)
{
	auto_image struct image *i = NULL;
	auto_err struct err e = {0};
	int64_t start;

	begin();
	reg.fail_status = 503;
	reg.fail_times = 3;
	is_int(pull("", PULL_MISSING, &i, &e), 0, "through 503s: %s", e.n ? e.frame[0] : "");
	end();
	begin();
	reg.fail_status = 429;
	reg.fail_times = 1;
	reg.retry_after = "2";
	start = sys_mono_ns();
	is_int(pull("", PULL_ALWAYS, NULL, &e), 0, "through a 429");
	ok(sys_mono_ns() - start >= 1900000000LL, "Retry-After is heeded");
	end();
}

static void test_gives_up(void)
{
	auto_err struct err e = {0};
	int rc;

	begin();
	reg.fail_status = 500;
	reg.fail_times = 1000;
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("only 500s", ERR_NET, "answers 500 (go?[31maway)", &e, rc);
	err_done(&e);
	reg.fail_status = 403;
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("403", ERR_DENIED, "denies access", &e, rc);
	end();
}

static void test_resume(void)
{
	auto_image struct image *i = NULL;
	auto_err struct err e = {0};

	begin();
	reg.cut_at = 100000;
	reg.cut_times = 2;
	is_int(pull("", PULL_MISSING, &i, &e), 0, "cut connections: %s", e.n ? e.frame[0] : "");
	ok(reg.ranges >= 2, "went on by Range (%u times)", reg.ranges);
	ok(seen.retry >= 2 && *seen.note, "and said so: %s", seen.note);
	ok(reg.blob_bytes < layer_len[0] + layer_len[1] + layer_len[2] + 100000, "not from the beginning");
	end();
	begin();
	reg.cut_at = 100000;
	reg.cut_times = 2;
	reg.no_range = true;
	is_int(pull("", PULL_ALWAYS, NULL, &e), 0, "a server without Range: %s", e.n ? e.frame[0] : "");
	end();
}

static void test_resume_later(void)
{
	auto_image struct image *i = NULL;
	auto_err struct err e = {0};
	size_t bytes;
	int rc;

	begin();
	reg.cut_at = 100000;
	reg.cut_times = 1;
	reg.fail_status = 404;
	rc = pull("", PULL_MISSING, NULL, &e);
	(void)rc;
	err_done(&e);
	end();

	begin();
	{       /* a partial blob of an earlier process */
		auto_free char *part = xasprintf("%s/images/part/%s", root, layer_hex[0]);
		const struct regd_object *o = &reg.objects.v[0];

		if (fs_write(AT_FDCWD, part, o->body, 150000, 0600, false, &e) < 0)
			abort();
	}
	is_int(pull("", PULL_MISSING, &i, &e), 0, "with a part there: %s", e.n ? e.frame[0] : "");
	bytes = layer_len[0] + layer_len[1] + layer_len[2] - 150000;
	ok(reg.ranges == 1 && reg.blob_bytes < bytes + 1000, "only the rest was fetched");
	end();

	begin();
	{       /* a part with other bytes: the digest shows it */
		auto_free char *part = xasprintf("%s/images/part/%s", root, layer_hex[0]);

		if (fs_write(AT_FDCWD, part, "garbage", 7, 0600, false, &e) < 0)
			abort();
	}
	rc = pull("", PULL_ALWAYS, NULL, &e);
	ok(rc < 0, "with garbage there: %s", rc < 0 ? e.frame[0] : "accepted");
	err_done(&e);
	is_int(pull("", PULL_ALWAYS, NULL, &e), 0, "the next attempt begins anew: %s", e.n ? e.frame[0] : "");
	end();
}

static void test_lies(void)
{
	auto_err struct err e = {0};
	int rc;

	begin();
	reg.corrupt = layer_hex[2];
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("a byte of a layer", ERR_SYS, "layer", &e, rc);
	err_done(&e);
	reg.corrupt = config_hex;
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("a byte of the configuration", ERR_SYS, "the digest is", &e, rc);
	err_done(&e);
	reg.corrupt = "manifests/sha256";
	rc = pull(":multi", PULL_MISSING, NULL, &e);
	expect_failure("a byte of the manifest", ERR_SYS, "the digest is", &e, rc);
	err_done(&e);
	reg.corrupt = NULL;
	reg.endless = 6 << 20;
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("a manifest of 6 MiB", ERR_SYS, "larger", &e, rc);
	end();
}

static void test_wrong_range(void)
{
	auto_err struct err e = {0};
	int rc;

	begin();
	reg.cut_at = 100000;
	reg.cut_times = 1;
	reg.bad_range = true;
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("another range", ERR_SYS, "another part", &e, rc);
	end();
}

static void test_wrong_diff_id(void)
{
	auto_err struct err e = {0};
	int rc;

	open_store();
	regd_start(&reg);
	add_layer(0, 1000, "00000000000000000000000000000000000000000000000000000000000000aa");
	add_layer(1, 1000, NULL);
	add_layer(2, 1000, NULL);
	add_manifest("");
	rc = pull("", PULL_MISSING, NULL, &e);
	expect_failure("wrong diff id", ERR_SYS, "the diff id is", &e, rc);
	ok(!store_layer_exists(s, diff_hex[0]), "no layer under that id");
	end();
}

static void test_redirect(void)
{
	auto_err struct err e = {0};
	int rc;

	begin();
	reg.redirect = "file:///etc/passwd";
	rc = pull("", PULL_MISSING, NULL, &e);
	ok(rc < 0, "redirect to a file: %s", rc < 0 ? e.frame[0] : "followed");
	err_done(&e);
	reg.redirect = "/v2/demo/app/blobs/loop";
	rc = pull("", PULL_MISSING, NULL, &e);
	ok(rc < 0, "redirect to nowhere: %s", rc < 0 ? e.frame[0] : "followed");
	is_clean();
	end();
}

static void test_no_registry(void)
{
	auto_err struct err e = {0};
	const struct pull_opts o = { .policy = PULL_MISSING };
	auto_free char *ref = NULL;
	int rc;

	begin();
	regd_stop(&reg);
	ref = xasprintf("127.0.0.1:%u/demo/app", reg.port);
	rc = image_pull(s, ref, &o, NULL, &e);
	expect_failure("nothing listens", ERR_NET, "", &e, rc);
	ok(e.hint != NULL, "hint: %s", e.hint ? e.hint : "");
	store_free(s);
	scratch_rm(root);
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	(void)unsetenv("http_proxy");
	(void)unsetenv("https_proxy");
	(void)unsetenv("all_proxy");
	(void)unsetenv("ALL_PROXY");
	(void)unsetenv("HTTPS_PROXY");
	test_pull();
	test_index();
	test_by_digest_only();
	test_missing();
	test_token();
	test_token_with_password();
	test_basic();
	test_bad_config();
	test_helper();
	test_foreign_realm();
	test_retry();
	test_gives_up();
	test_resume();
	test_resume_later();
	test_lies();
	test_wrong_range();
	test_wrong_diff_id();
	test_redirect();
	test_no_registry();
	return done_testing();
}
