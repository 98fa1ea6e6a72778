/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/auth.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/helper.h"

enum { CONFIG_MAX = 1 << 20 };
#define HUB_KEY "https://index.docker.io/v1/"

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void creds_done(struct creds *c)
{
	wipe(c->user);
	wipe(c->secret);
	wipe(c->identity);
	memset(c, 0, sizeof(*c));
}

/* -- text -- */

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64_encode(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = strlen(text);
	char *out = xmalloc((n + 2) / 3 * 4 + 1), *o = out;

	for (; n; p += n < 3 ? n : 3, n -= n < 3 ? n : 3) {
		unsigned v = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

		*o++ = b64[v >> 18];
		*o++ = b64[v >> 12 & 63];
		*o++ = n > 1 ? b64[v >> 6 & 63] : '=';
		*o++ = n > 2 ? b64[v & 63] : '=';
	}
	*o = '\0';
	return out;
}

char *base64_decode(const char *text, size_t *ret_len)
{
	auto_free char *out = xmalloc(strlen(text) / 4 * 3 + 4);
	size_t n = 0, digits = 0;
	unsigned v = 0;

	for (; *text && *text != '='; text++) {
		const char *at = strchr(b64, *text);

		if (!at)
			return NULL;
		v = v << 6 | (unsigned)(at - b64);
		if (++digits % 4 == 0) {
			out[n++] = (char)(v >> 16);
			out[n++] = (char)(v >> 8);
			out[n++] = (char)v;
		}
	}
	if (digits % 4 == 1 || strspn(text, "=") != strlen(text) || strlen(text) > 2)
		return NULL;
	if (digits % 4 == 2)
		out[n++] = (char)(v >> 4);
	if (digits % 4 == 3) {
		out[n++] = (char)(v >> 10);
		out[n++] = (char)(v >> 2);
	}
	out[n] = '\0';
	*ret_len = n;
	return take_ptr(out);
}

char *url_escape(const char *text)
{
	struct str out = {0};

	for (; *text; text++) {
		const unsigned char ch = (unsigned char)*text;

		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
		    strchr("-._~", ch))
			str_addc(&out, (char)ch);
		else
			str_addf(&out, "%%%02X", ch);
	}
	return str_take(&out);
}

char *creds_basic(const struct creds *c)
{
	auto_free char *pair = NULL, *coded = NULL;

	if (!c->user)
		return NULL;
	pair = xasprintf("%s:%s", c->user, c->secret ? c->secret : "");
	coded = base64_encode(pair);
	explicit_bzero(pair, strlen(pair));
	return xasprintf("Basic %s", coded);
}

/* -- challenges -- */

void challenge_done(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	memset(c, 0, sizeof(*c));
}

static bool token_char(char ch)
{
	return ch > ' ' && ch < 127 && !strchr("()<>@,;:\\\"/[]?={}", ch);
}

/* A token, or a quoted string. ret: the text, caller frees, and *p behind it; NULL when there is none */
static char *value(const char **p)
{
	struct str out = STR_MAX(8192);

	if (**p != '"') {
		while (**p && **p != ',' && **p != ' ' && **p != '\t')
			str_addc(&out, *(*p)++);
		return str_take(&out);
	}
	for ((*p)++; **p && **p != '"'; (*p)++) {
		if (**p == '\\' && (*p)[1])
			(*p)++;
		str_addc(&out, **p);
	}
	if (**p == '"')
		(*p)++;
	return str_take(&out);
}

static void take_param(struct challenge *c, const char *key, char *val)
{
	const struct { const char *key; char **to; } wanted[] = {
		{ "realm", &c->realm }, { "service", &c->service }, { "scope", &c->scope },
	};

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!strcasecmp(key, wanted[i].key) && !*wanted[i].to)
			*wanted[i].to = take_ptr(val);
	free(val);
}

void challenge_parse(const char *header, struct challenge *ret)
{
	const char *p = header;
	bool in_bearer = false;

	memset(ret, 0, sizeof(*ret));
	while (*p) {
		auto_free char *word = NULL;
		const char *start;

		p += strspn(p, " \t,");
		for (start = p; token_char(*p); p++)
			;
		if (p == start) {                        /* no header that we know looks so */
			p += *p != '\0';
			continue;
		}
		word = xstrndup(start, (size_t)(p - start));
		p += strspn(p, " \t");
		if (*p == '=') {
			char *val;

			p++;
			p += strspn(p, " \t");
			val = value(&p);
			if (in_bearer)
				take_param(ret, word, val);
			else
				free(val);
			continue;
		}
		in_bearer = !strcasecmp(word, "bearer");
		ret->bearer |= in_bearer;
		ret->basic |= !strcasecmp(word, "basic");
	}
}

/* -- config.json -- */

/* Docker Hub's entry has a URL for a name; others are hosts, sometimes with scheme and path around them. */
static bool is_host(const char *key, const char *host)
{
	size_t n;

	if (!strcmp(host, "docker.io"))
		return !strcmp(key, HUB_KEY) || !strcmp(key, "docker.io") || !strcmp(key, "index.docker.io") ||
		       !strcmp(key, "https://index.docker.io/v1");
	if (str_starts(key, "https://"))
		key += strlen("https://");
	else if (str_starts(key, "http://"))
		key += strlen("http://");
	n = strcspn(key, "/");
	return n == strlen(host) && !strncmp(key, host, n);
}

static const json_t *member_for(const json_t *map, const char *host)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)map, key, v)
		if (is_host(key, host))
			return v;
	return NULL;
}

static int from_auths(const json_t *auths, const char *host, struct creds *ret, struct err *e)
{
	const json_t *a = member_for(auths, host);
	const char *coded = json_str(a, "auth", NULL), *token = json_str(a, "identitytoken", NULL);
	auto_free char *pair = NULL;
	char *colon;
	size_t n;

	if (token && *token)
		ret->identity = xstrdup(token);
	if (json_str(a, "username", NULL) && !coded) {
		ret->user = xstrdup(json_str(a, "username", NULL));
		ret->secret = xstrdup(json_str(a, "password", ""));
		return 0;
	}
	if (!coded || !*coded)
		return 0;
	pair = base64_decode(coded, &n);
	colon = pair && strlen(pair) == n ? strchr(pair, ':') : NULL;
	if (!colon)
		return err_set(e, ERR_SYS, 0, "the entry for %s is not base64 of user:password", host);
	*colon = '\0';
	ret->user = xstrdup(pair);
	ret->secret = xstrdup(colon + 1);
	explicit_bzero(pair, n);
	return 0;
}

static int from_helper(const char *name, const char *host, struct creds *ret, struct err *e)
{
	auto_free char *user = NULL, *secret = NULL;
	int rc = helper_get(name, strcmp(host, "docker.io") ? host : HUB_KEY, &user, &secret, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (!strcmp(user, "<token>")) {
		ret->identity = take_ptr(secret);
	} else {
		ret->user = take_ptr(user);
		ret->secret = take_ptr(secret);
	}
	return 0;
}

static char *config_path(const char *dir)
{
	const char *home;

	if (!dir)
		dir = getenv("DOCKER_CONFIG");
	if (dir && *dir)
		return xasprintf("%s/config.json", dir);
	home = getenv("HOME");
	return home && *home ? xasprintf("%s/.docker/config.json", home) : NULL;
}

int creds_find(struct creds *ret, const char *host, const char *config_dir, struct err *e)
{
	auto_free char *path = config_path(config_dir);
	auto_creds struct creds found = {0};
	auto_json json_t *j = NULL;
	const char *helper;
	int rc;

	memset(ret, 0, sizeof(*ret));
	if (!path)
		return 0;
	if (json_read(AT_FDCWD, path, CONFIG_MAX, &j, e) < 0) {
		if (e->kind != ERR_MISSING)
			return err_wrap(e, "read the registry credentials");
		err_done(e);
		return 0;
	}
	helper = json_string_value(member_for(json_object_get(j, "credHelpers"), host));
	if (!helper)
		helper = json_str(j, "credsStore", NULL);
	rc = helper && *helper ? from_helper(helper, host, &found, e) : 0;
	if (rc == 0 && !found.user && !found.identity)
		rc = from_auths(json_object_get(j, "auths"), host, &found, e);
	if (rc < 0)
		return err_wrap(e, "credentials for %s from %s", host, path);
	*ret = found;
	memset(&found, 0, sizeof(found));
	return 0;
}
