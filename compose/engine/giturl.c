/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/giturl.h"
#include <string.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { URL_MAX = 2000, REF_MAX = 250 };
static const char *const schemes[] = {"https://", "http://", "ssh://", "git://"};

/* "git@host:path": a user, a host, a colon, and no slash before it. */
static bool is_scp(const char *s)
{
	const char *at = strchr(s, '@'), *colon = at ? strchr(at, ':') : NULL;

	return colon && !strstr(s, "://") && colon > at + 1 && (size_t)(colon - s) < strcspn(s, "/");
}

static const char *scheme_of(const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_starts(s, schemes[i]))
			return schemes[i];
	return NULL;
}

bool giturl_is_address(const char *text)
{
	return strstr(text, "://") || is_scp(text) || str_starts(text, "github.com/");
}

bool giturl_is_commit(const char *ref)
{
	size_t n = strspn(ref, "0123456789abcdef");

	return !ref[n] && (n == 40 || n == 64);
}

void giturl_done(struct giturl *u)
{
	if (u->url)
		explicit_bzero(u->url, strlen(u->url));
	if (u->secret)
		explicit_bzero(u->secret, strlen(u->secret));
	free(u->url);
	free(u->shown);
	free(u->secret);
	free(u->ref);
	free(u->subdir);
	free(u->name);
	*u = (struct giturl){0};
}

static bool has_odd_byte(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '\\')
			return true;
	return false;
}

/* git's own rules for names of refs, and nothing that reads as an option. */
static bool ref_ok(const char *s)
{
	return *s && *s != '-' && *s != '/' && strlen(s) <= REF_MAX && !has_odd_byte(s) && !strpbrk(s, "~^:?*[") &&
	       !strstr(s, "..") && !strstr(s, "@{") && !str_ends(s, "/") && !str_ends(s, ".lock");
}

static bool is_part(const char *s, size_t n, const char *part)
{
	return n == strlen(part) && !strncasecmp(s, part, n);
}

/* ret: the path without "." parts and double slashes, or NULL when it could leave the repository */
static char *clean_subdir(const char *s)
{
	auto_str struct str out = {0};

	if (*s == '/')
		return NULL;
	for (; *s; s += strcspn(s, "/"), s += *s == '/') {
		size_t n = strcspn(s, "/");

		if (is_part(s, n, "..") || is_part(s, n, ".git"))
			return NULL;
		if (n && !is_part(s, n, "."))
			str_addf(&out, "%s%.*s", out.len ? "/" : "", (int)n, s);
	}
	return str_take(&out);
}

static int parse_fragment(struct giturl *u, const char *frag, struct err *e)
{
	size_t n = strcspn(frag, ":");

	u->ref = n ? xstrndup(frag, n) : xstrdup("HEAD");
	u->subdir = frag[n] ? clean_subdir(frag + n + 1) : xstrdup("");
	if (!ref_ok(u->ref))
		return err_set(e, ERR_USAGE, 0, "%s: what follows # is no branch, tag or commit", u->shown);
	if (!u->subdir || has_odd_byte(u->subdir))
		return err_set(e, ERR_USAGE, 0, "%s: the directory must be one inside the repository", u->shown);
	return 0;
}

static char *name_of(const char *shown)
{
	size_t n = strlen(shown), from;
	char *name;

	while (n && shown[n - 1] == '/')
		n--;
	if (n > 4 && !strncmp(shown + n - 4, ".git", 4))
		n -= 4;
	for (from = n; from && shown[from - 1] != '/' && shown[from - 1] != ':'; from--)
		;
	name = xstrndup(shown + from, n - from > 100 ? 100 : n - from);
	for (char *c = name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", *c))
			*c = '-';
	if (!*name || *name == '.' || *name == '-') {
		free(name);
		return xstrdup("remote");
	}
	return name;
}

/* The user of ssh is no secret; anything before the host of another scheme may be one. */
static void split_secret(struct giturl *u, const char *scheme)
{
	const char *host = u->url + strlen(scheme), *at = memrchr(host, '@', strcspn(host, "/"));
	const char *pass = at ? memchr(host, ':', (size_t)(at - host)) : NULL;

	if (!at || (str_eq(scheme, "ssh://") && !pass)) {
		u->shown = xstrdup(u->url);
		return;
	}
	u->secret = xstrndup(host, (size_t)(at + 1 - host));
	u->shown = xasprintf("%s%s", scheme, at + 1);
}

static int check_place(const struct giturl *u, const char *scheme, struct err *e)
{
	const char *host = scheme ? u->shown + strlen(scheme) : strchr(u->shown, '@') + 1;
	size_t n = strcspn(host, scheme ? "/" : ":");

	if (!n || *host == '-' || *u->shown == '-' || !host[n] || !host[n + 1] || host[n + 1] == '-')
		return err_set(e, ERR_USAGE, 0, "%s names no host and repository", u->shown);
	if (scheme && *scheme == 'h' && !str_ends(u->shown, ".git")) {
		err_set(e, ERR_USAGE, 0, "%s names no git repository", u->shown);
		return err_hint(e, "end the address of a repository with .git, or fetch the file yourself");
	}
	return 0;
}

int giturl_parse(struct giturl *ret, const char *text, struct err *e)
{
	auto_giturl struct giturl u = {0};
	const char *frag = strchrnul(text, '#'), *scheme = scheme_of(text);

	if (strlen(text) > URL_MAX || has_odd_byte(text))
		return err_set(e, ERR_USAGE, 0, "the address of a repository holds odd characters, or is too long");
	u.url = xstrndup(text, (size_t)(frag - text));
	if (str_starts(text, "github.com/")) {
		char *whole = xasprintf("https://%s%s", u.url, str_ends(u.url, ".git") ? "" : ".git");

		free(u.url);
		u.url = whole;
		scheme = schemes[0];
	} else if (!scheme && !is_scp(u.url)) {
		return err_set(e, ERR_USAGE, 0, "%s is not the address of a repository", u.url);
	}
	if (scheme)
		split_secret(&u, scheme);
	else
		u.shown = xstrdup(u.url);
	if (check_place(&u, scheme, e) < 0 || parse_fragment(&u, *frag ? frag + 1 : "", e) < 0)
		return -1;
	u.name = name_of(u.shown);
	*ret = u;
	u = (struct giturl){0};
	return 0;
}
