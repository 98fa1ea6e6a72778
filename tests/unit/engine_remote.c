/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of repositories and manifests of artefacts, taken apart; what could mean something else is refused. */
#include "compose/engine/artefact.h"
#include "compose/engine/giturl.h"
#include "compose/base/str.h"
#include "tests/tap.h"

static void good(const char *text, const char *url, const char *shown, const char *ref, const char *subdir,
		 const char *name)
{
	auto_giturl struct giturl u = {0};
	auto_err struct err e = {0};

	ok(giturl_parse(&u, text, &e) == 0, "taken: %s", text);
	is_str(u.url, url, "url of %s", text);
	is_str(u.shown, shown, "shown of %s", text);
	is_str(u.ref, ref, "ref of %s", text);
	is_str(u.subdir, subdir, "directory of %s", text);
	is_str(u.name, name, "name of %s", text);
}

static void bad(const char *text)
{
	auto_giturl struct giturl u = {0};
	auto_err struct err e = {0};

	ok(giturl_parse(&u, text, &e) < 0 && e.kind == ERR_USAGE, "refused: %s", text);
	ok(!u.url && !u.shown && !u.ref, "nothing is left of %s", text);
}

static void addresses(void)
{
	static const char *const refused[] = {
		"https://h/app",
		"https://h/x.yaml",
		"http:///app.git",
		"https://h",
		"https://h/",
		"file:///srv/app.git",
		"/srv/app.git",
		"ext::sh -c x",
		"ssh://-oProxyCommand=x/app",
		"-u@h:app",
		"git@-h:app",
		"git@h:",
		"git@h:-x",
		"git://h/a b",
		"git://h/a\nb",
		"git://h/a\\b",
		"https://h/app.git#-x",
		"https://h/app.git#a..b",
		"https://h/app.git#a:..",
		"https://h/app.git#a:b/../..",
		"https://h/app.git#:/etc",
		"https://h/app.git#:.git/config",
		"https://h/app.git#:x/.GIT",
		"https://h/app.git#a~1",
		"https://h/app.git#a^{x}",
		"https://h/app.git#a@{1}",
		"https://h/app.git#x.lock",
		"https://h/app.git#/x",
		"https://h/app.git#x/",
	};

	good("https://h/t/app.git", "https://h/t/app.git", "https://h/t/app.git", "HEAD", "", "app");
	good("https://h/t/app.git#v1", "https://h/t/app.git", "https://h/t/app.git", "v1", "", "app");
	good("https://h/app.git#v1:a/./b//c/", "https://h/app.git", "https://h/app.git", "v1", "a/b/c", "app");
	good("https://h/app.git#:a", "https://h/app.git", "https://h/app.git", "HEAD", "a", "app");
	good("https://u:p@h/app.git", "https://u:p@h/app.git", "https://h/app.git", "HEAD", "", "app");
	good("https://u:p@q@h/app.git", "https://u:p@q@h/app.git", "https://h/app.git", "HEAD", "", "app");
	good("https://token@h:8/app.git", "https://token@h:8/app.git", "https://h:8/app.git", "HEAD", "", "app");
	good("ssh://git@h/app", "ssh://git@h/app", "ssh://git@h/app", "HEAD", "", "app");
	good("ssh://git:pw@h/app", "ssh://git:pw@h/app", "ssh://h/app", "HEAD", "", "app");
	good("git@h:t/app.git#x", "git@h:t/app.git", "git@h:t/app.git", "x", "", "app");
	good("git://h/.hidden", "git://h/.hidden", "git://h/.hidden", "HEAD", "", "remote");
	good("github.com/t/app", "https://github.com/t/app.git", "https://github.com/t/app.git", "HEAD", "", "app");
	good("github.com/t/app.git#b/c", "https://github.com/t/app.git", "https://github.com/t/app.git", "b/c", "",
	     "app");
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		bad(refused[i]);
	ok(giturl_is_commit("0123456789012345678901234567890123456789"), "a commit");
	ok(!giturl_is_commit("012345678901234567890123456789012345678") && !giturl_is_commit("HEAD"), "no commit");
}

#define DIGEST "sha256:0123456789012345678901234567890123456789012345678901234567890123"
#define TYPE "application/vnd.docker.compose."
#define MANIFEST(type, layers) "{\"schemaVersion\":2,\"artifactType\":\"" type "\",\"layers\":[" layers "]}"
#define LAYER(type, size, notes)                                                                                       \
	"{\"mediaType\":\"" TYPE type "\",\"digest\":\"" DIGEST "\",\"size\":" size ",\"annotations\":{" notes "}}"
#define YAML LAYER("file+yaml", "1", "\"com.docker.compose.file\":\"whatever\"")
#define ENV(name) LAYER("envfile", "1", "\"com.docker.compose.envfile\":\"" name "\"")
#define BASE(name)                                                                                                     \
	LAYER("file+yaml", "1", "\"com.docker.compose.extends\":\"true\",\"com.docker.compose.file\":\"" name "\"")

static int parse(const char *text, struct artefact *a, struct err *e)
{
	return artefact_parse(text, strlen(text), "oci://h/x", a, e);
}

static void artefacts(void)
{
	static const char *const refused[] = {
		"",
		"[]",
		"{}",
		MANIFEST("other", YAML),
		MANIFEST(TYPE "project", ""),
		MANIFEST(TYPE "project", ENV("a.env")),
		MANIFEST(TYPE "project", YAML "," ENV("../a")),
		MANIFEST(TYPE "project", YAML "," ENV("/a")),
		MANIFEST(TYPE "project", YAML "," ENV("a\\u0000b")),
		MANIFEST(TYPE "project", YAML "," ENV("a\\n")),
		MANIFEST(TYPE "project", YAML "," ENV("..")),
		MANIFEST(TYPE "project", YAML "," ENV("")),
		MANIFEST(TYPE "project", YAML "," ENV("compose.yaml")),
		MANIFEST(TYPE "project", YAML "," BASE("a") "," ENV("a")),
		MANIFEST(TYPE "project", LAYER("file+yaml", "-1", "")),
		MANIFEST(TYPE "project", LAYER("file+yaml", "99999999999", "")),
		MANIFEST(TYPE "project", LAYER("file+yaml", "60000000", "") "," LAYER("file+yaml", "60000000", "")),
		MANIFEST(TYPE "project",
			 "{\"mediaType\":\"" TYPE "file+yaml\",\"digest\":\"sha256:../../x\",\"size\":1}"),
	};
	auto_artefact struct artefact a = {0};
	auto_err struct err e = {0};

	ok(parse(MANIFEST(TYPE "project", YAML "," YAML "," ENV(".env") "," BASE("b.yaml")), &a, &e) == 0,
	   "an artefact");
	is_int((long)a.files.n, 4, "its files");
	is_str(a.files.v[1].name, "compose.yaml", "a further document");
	ok(a.files.v[1].joins && !a.files.v[3].joins, "which of them join");
	is_str(a.files.v[3].name, "b.yaml", "a base");
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		auto_artefact struct artefact none = {0};
		auto_err struct err why = {0};

		ok(parse(refused[i], &none, &why) < 0 && why.n && !none.files.n, "refused: %.200s", refused[i]);
	}
}

int main(void)
{
	addresses();
	artefacts();
	done_testing();
}
