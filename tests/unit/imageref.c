/* SPDX-License-Identifier: Apache-2.0 */
/* imageref: accepted and refused references, canonical and familiar forms. */
#include <string.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "parser/imageref.h"
#include "tests/tap.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIG "sha256:" HEX

static const struct { const char *in, *canonical, *familiar; } good[] = {
	{ "redis", "docker.io/library/redis:latest", "redis:latest" },
	{ "redis:alpine", "docker.io/library/redis:alpine", "redis:alpine" },
	{ "library/redis", "docker.io/library/redis:latest", "redis:latest" },
	{ "docker.io/redis", "docker.io/library/redis:latest", "redis:latest" },
	{ "index.docker.io/redis:7", "docker.io/library/redis:7", "redis:7" },
	{ "index.docker.io/library/redis:7", "docker.io/library/redis:7", "redis:7" },
	{ "bitnami/redis:7.2", "docker.io/bitnami/redis:7.2", "bitnami/redis:7.2" },
	{ "a/b/c", "docker.io/a/b/c:latest", "a/b/c:latest" },
	{ "library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest" },
	{ "localhost/x", "localhost/x:latest", "localhost/x:latest" },
	{ "localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest" },
	{ "localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y" },
	{ "localhost:5000", "docker.io/library/localhost:5000", "localhost:5000" },
	{ "127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b:1" },
	{ "[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest" },
	{ "ghcr.io/owner/app@" DIG, "ghcr.io/owner/app@" DIG, "ghcr.io/owner/app@" DIG },
	{ "redis@" DIG, "docker.io/library/redis@" DIG, "redis@" DIG },
	{ "redis:7@" DIG, "docker.io/library/redis:7@" DIG, "redis:7@" DIG },
	{ "Host/x", "Host/x:latest", "Host/x:latest" },
	{ "EXAMPLE.com/x", "EXAMPLE.com/x:latest", "EXAMPLE.com/x:latest" },
	{ "a--b", "docker.io/library/a--b:latest", "a--b:latest" },
	{ "a---b/c__d.e_f", "docker.io/a---b/c__d.e_f:latest", "a---b/c__d.e_f:latest" },
	{ "x:_1.2-3", "docker.io/library/x:_1.2-3", "x:_1.2-3" },
	{ "x:V1", "docker.io/library/x:V1", "x:V1" },
	{ HEX "0", "docker.io/library/" HEX "0:latest", HEX "0:latest" },
	{ HEX ":1", "docker.io/library/" HEX ":1", HEX ":1" },
	{ "docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest" },
	{ "localhost/" HEX, "localhost/" HEX ":latest", "localhost/" HEX ":latest" },
};

static const struct { const char *in, *why; } wrong[] = {
	{ "", "empty" },
	{ "Redis", "upper-case" },
	{ "a/Redis", "upper-case" },
	{ HEX, "image id" },
	{ "-a", "separators" },
	{ "a-", "separators" },
	{ "a..b", "separators" },
	{ "a___b", "separators" },
	{ "a._b", "separators" },
	{ "a//b", "separators" },
	{ "/a", "separators" },
	{ "a/", "separators" },
	{ "a b", "separators" },
	{ "a\nb", "separators" },
	{ "../a", "" },
	{ "a:", "tag" },
	{ "a:.x", "tag" },
	{ "a:-x", "tag" },
	{ "a:x y", "tag" },
	{ "a:x/../y", "host" },
	{ "a@sha256:12", "digest" },
	{ "a@" DIG "0", "digest" },
	{ "a@sha512:" HEX HEX, "digest" },
	{ "a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "digest" },
	{ "a@", "digest" },
	{ "@" DIG, "separators" },
	{ "-h.x/a", "host" },
	{ "h-.x/a", "host" },
	{ "h..x/a", "host" },
	{ "h:x/a", "host" },
	{ "h:70000/a", "host" },
	{ "[::1/a", "host" },
	{ "http://h/a", "host" },
	{ "user@host.x/a", "digest" },
	{ "\xc3\xa9.x/a", "host" },
};

static void test_good(void)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		auto_imageref struct imageref r = {0}, again = {0};
		auto_free char *c = NULL, *f = NULL, *back = NULL;
		auto_err struct err e = {0};

		if (imageref_parse(&r, good[i].in, &e) < 0) {
			ok(0, "%s is refused: %s", good[i].in, e.frame[0]);
			continue;
		}
		c = imageref_canonical(&r);
		f = imageref_familiar(&r);
		is_str(c, good[i].canonical, "canonical %s", good[i].in);
		is_str(f, good[i].familiar, "familiar %s", good[i].in);
		ok(imageref_parse(&again, c, &e) == 0, "canonical form of %s parses", good[i].in);
		back = imageref_canonical(&again);
		is_str(back, c, "canonical form of %s is stable", good[i].in);
	}
}

static void test_wrong(void)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct imageref r = {0};
		auto_err struct err e = {0};
		int rc = imageref_parse(&r, wrong[i].in, &e);

		ok(rc < 0 && e.kind == ERR_USAGE && strstr(e.frame[0], wrong[i].why), "refused (%s): %s -> %s",
		   wrong[i].why, wrong[i].in, rc < 0 ? e.frame[0] : "accepted");
		ok(!r.host && !r.path && !r.tag && !r.digest, "output untouched");
	}
}

static void test_lengths(void)
{
	auto_err struct err e = {0};
	char text[400], tag[200];
	struct imageref r = {0};

	memset(text, 'a', sizeof(text));
	text[237] = '\0';               /* docker.io/library/ is 18 */
	ok(imageref_parse(&r, text, &e) == 0, "255 characters");
	imageref_done(&r);
	memset(text, 'a', sizeof(text));
	text[238] = '\0';
	ok(imageref_parse(&r, text, &e) < 0 && strstr(e.frame[0], "255"), "256 characters");
	err_done(&e);
	memset(tag, 't', sizeof(tag));
	memcpy(tag, "x:", 2);
	tag[2 + 128] = '\0';
	ok(imageref_parse(&r, tag, &e) == 0, "tag of 128");
	imageref_done(&r);
	tag[2 + 128] = 't';
	tag[2 + 129] = '\0';
	ok(imageref_parse(&r, tag, &e) < 0 && strstr(e.frame[0], "tag"), "tag of 129");
}

int main(void)
{
	test_good();
	test_wrong();
	test_lengths();
	return done_testing();
}
