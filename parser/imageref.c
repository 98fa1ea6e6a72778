/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/imageref.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { NAME_MAX_LEN = 255, TAG_MAX_LEN = 128, HEX_LEN = 64 };

#define DEFAULT_HOST "docker.io"
#define LIBRARY "library/"

/* The C locale's classes, whatever the process has set. */
static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool is_hex_digits(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n;
}

bool imageref_is_digest(const char *s)
{
	return str_starts(s, "sha256:") && strlen(s + 7) == HEX_LEN && is_hex_digits(s + 7, HEX_LEN);
}

static bool port_ok(const char *s)
{
	uint64_t n;

	return strlen(s) <= 5 && str_to_u64(s, &n) && n <= 65535;
}

/* "a.b-c", "localhost", "[::1]", each with an optional ":port" */
static bool host_ok(const char *host)
{
	const char *p = host;

	if (*p == '[') {
		p += 1 + strspn(p + 1, "0123456789abcdefABCDEF:.");
		if (*p++ != ']')
			return false;
		return !*p || (*p == ':' && port_ok(p + 1));
	}
	for (;;) {
		size_t n = 0;

		while (is_alnum(p[n]) || p[n] == '-')
			n++;
		if (!n || p[0] == '-' || p[n - 1] == '-')
			return false;
		p += n;
		if (*p != '.')
			break;
		p++;
	}
	return !*p || (*p == ':' && port_ok(p + 1));
}

/* Length of a separator between letters and digits: one of ".", "_", "__" or any run of "-"; 0 when there is none. */
static size_t separator(const char *p)
{
	if (*p == '_')
		return p[1] == '_' ? 2 : 1;
	return *p == '.' ? 1 : strspn(p, "-");
}

static bool path_ok(const char *p)
{
	for (;;) {
		size_t n = 0, sep;

		while (is_lower_alnum(p[n]))
			n++;
		if (!n)
			return false;
		p += n;
		if (!*p)
			return true;
		sep = *p == '/' ? 1 : separator(p);
		if (!sep)
			return false;
		p += sep;
	}
}

static bool tag_ok(const char *t)
{
	size_t n = 0;

	while (is_alnum(t[n]) || t[n] == '_' || (n && (t[n] == '.' || t[n] == '-')))
		n++;
	return n && n <= TAG_MAX_LEN && !t[n];
}

/* Is what stands before the first slash a registry, or the first part of a path on Docker Hub? */
static bool looks_like_host(const char *s, size_t n)
{
	if (n == 9 && !memcmp(s, "localhost", 9))
		return true;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || (s[i] >= 'A' && s[i] <= 'Z'))
			return true;
	return false;
}

static void split_host(struct imageref *r, const char *name)
{
	const char *slash = strchr(name, '/');

	if (slash && looks_like_host(name, (size_t)(slash - name))) {
		r->host = xstrndup(name, (size_t)(slash - name));
		name = slash + 1;
		if (str_eq(r->host, "index.docker.io")) {
			free(r->host);
			r->host = xstrdup(DEFAULT_HOST);
		}
	} else {
		r->host = xstrdup(DEFAULT_HOST);
	}
	if (str_eq(r->host, DEFAULT_HOST) && !strchr(name, '/'))
		r->path = xasprintf(LIBRARY "%s", name);
	else
		r->path = xstrdup(name);
}

static int bad(struct err *e, const char *text, const char *why)
{
	auto_free char *shown = str_printable(text);

	if (strlen(shown) > 100)
		memcpy(shown + 97, "...", 4);
	return err_set(e, ERR_USAGE, 0, "image reference \"%s\": %s", shown, why);
}

static int check_name(const struct imageref *r, const char *text, struct err *e)
{
	const char *upper = r->path;

	while (*upper && !(*upper >= 'A' && *upper <= 'Z'))
		upper++;
	if (*upper) {
		bad(e, text, "the repository name has upper-case letters");
		return err_hint(e, "write the name in lower case");
	}
	if (!host_ok(r->host))
		return bad(e, text, "the registry's host name is not valid");
	if (!path_ok(r->path))
		return bad(e, text, "the repository name may only have a-z, 0-9 and single separators . _ __ - /");
	if (strlen(r->host) + 1 + strlen(r->path) > NAME_MAX_LEN)
		return bad(e, text, "the name is longer than 255 characters");
	return 0;
}

int imageref_parse(struct imageref *ret, const char *text, struct err *e)
{
	auto_imageref struct imageref r = {0};
	auto_free char *copy = NULL;
	char *at, *colon, *slash;

	if (!*text)
		return bad(e, text, "it is empty");
	if (strlen(text) > 1024)
		return bad(e, text, "it is too long");
	copy = xstrdup(text);
	at = strchr(copy, '@');
	if (at) {
		*at++ = '\0';
		if (!imageref_is_digest(at))
			return bad(e, text, "the digest must be sha256: and 64 hexadecimal digits");
		r.digest = xstrdup(at);
	}
	slash = strrchr(copy, '/');
	colon = strrchr(copy, ':');
	if (colon && (!slash || colon > slash)) {
		*colon++ = '\0';
		if (!tag_ok(colon))
			return bad(e, text, "the tag may only have letters, digits, _ . - and 128 characters");
		r.tag = xstrdup(colon);
	}
	if (!at && !colon && !slash && strlen(copy) == HEX_LEN && is_hex_digits(copy, HEX_LEN))
		return bad(e, text, "64 hexadecimal digits are an image id, not a name");
	split_host(&r, copy);
	if (check_name(&r, text, e) < 0)
		return -1;
	if (!r.tag && !r.digest)
		r.tag = xstrdup("latest");
	*ret = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

void imageref_done(struct imageref *r)
{
	free(r->host);
	free(r->path);
	free(r->tag);
	free(r->digest);
	memset(r, 0, sizeof(*r));
}

char *imageref_name(const struct imageref *r, bool familiar)
{
	const char *slash = strchr(r->path, '/');

	/* "docker.io/a.b/c" without its host would mean the registry a.b */
	if (!familiar || !str_eq(r->host, DEFAULT_HOST) ||
	    (slash && looks_like_host(r->path, (size_t)(slash - r->path))))
		return xasprintf("%s/%s", r->host, r->path);
	if (str_starts(r->path, LIBRARY) && !strchr(r->path + strlen(LIBRARY), '/'))
		return xstrdup(r->path + strlen(LIBRARY));
	return xstrdup(r->path);
}

static char *whole(const struct imageref *r, bool familiar)
{
	auto_free char *name = imageref_name(r, familiar);

	return xasprintf("%s%s%s%s%s", name, r->tag ? ":" : "", r->tag ? r->tag : "", r->digest ? "@" : "",
			 r->digest ? r->digest : "");
}

char *imageref_canonical(const struct imageref *r)
{
	return whole(r, false);
}

char *imageref_familiar(const struct imageref *r)
{
	return whole(r, true);
}
