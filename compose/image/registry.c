/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/registry_priv.h"
#include <fcntl.h>
#include <string.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"

enum { CUTS_MAX = 100, TOKEN_MAX = 1 << 20, URL_MAX = 4096 };
#define ACCEPT TYPE_OCI_INDEX ", " TYPE_OCI_MANIFEST ", " TYPE_DOCKER_LIST ", " TYPE_DOCKER_MANIFEST

/* -- opening -- */

bool registry_is_loopback(const char *host)
{
	size_t n = strcspn(host, ":");
	unsigned a[4];
	int used = 0;
	auto_free char *name = xstrndup(host, n);

	if (str_starts(host, "[::1]"))
		return host[5] == '\0' || host[5] == ':';
	if (!strcmp(name, "localhost"))
		return true;
	return sscanf(name, "%3u.%3u.%3u.%3u%n", &a[0], &a[1], &a[2], &a[3], &used) == 4 && (size_t)used == n &&
	       a[0] == 127 && a[1] < 256 && a[2] < 256 && a[3] < 256;
}

static char *ca_file_of(const char *host)
{
	static const char *const dirs[] = { "/etc/docker/certs.d", "/etc/containers/certs.d" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		auto_free char *path = xasprintf("%s/%s/ca.crt", dirs[i], host);

		if (access(path, R_OK) == 0)
			return take_ptr(path);
	}
	return NULL;
}

/* A registry on this machine may speak http: ask which. A TLS server answers plain text with 400 at most. */
static int probe_plain(struct registry *r, const char *host, struct err *e)
{
	auto_free char *url = xasprintf("http://%s/v2/", host);
	const struct http_req q = { .url = url, .plain_ok = true, .max = 64 << 10 };
	auto_resp struct http_resp resp = {0};
	auto_err struct err why = {0};

	r->plain = http_do(r->http, &q, &resp, &why) == 0 && (resp.status == 200 || resp.status == 401 ||
							      http_transient(resp.status));
	if (why.kind == ERR_INTR) {
		err_move(e, &why);
		return -1;
	}
	return 0;
}

int registry_open(struct registry **ret, const struct imageref *ref, struct err *e)
{
	const char *host = str_eq(ref->host, "docker.io") ? "registry-1.docker.io" : ref->host;
	struct registry *r = xcalloc(1, sizeof(*r));

	(void)pthread_mutex_init(&r->mutex, NULL);
	r->ref.host = xstrdup(ref->host);
	r->ref.path = xstrdup(ref->path);
	r->ca_file = ca_file_of(ref->host);
	if (http_new(&r->http, e) < 0 || (registry_is_loopback(host) && probe_plain(r, host, e) < 0)) {
		registry_free(r);
		return -1;
	}
	r->base = xasprintf("%s://%s/v2/%s", r->plain ? "http" : "https", host, ref->path);
	*ret = r;
	return 0;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	http_free(r->http);
	imageref_done(&r->ref);
	creds_done(&r->creds);
	(void)pthread_mutex_destroy(&r->mutex);
	free(r->base);
	free(r->ca_file);
	free(r->auth);
	free(r);
}

void registry_stop(struct registry *r)
{
	http_stop(r->http);
}

/* -- authentication; all with the mutex held -- */

/* The server's own words, if its error has any. ret: " (...)" or ""; caller frees */
static char *server_words(const struct http_resp *r)
{
	auto_err struct err ignored = {0};
	auto_json json_t *j = NULL;
	auto_free char *shown = NULL;
	const json_t *first;
	const char *text;

	if (!r->len || json_parse(r->body, r->len, "answer", &j, &ignored) < 0)
		return xstrdup("");
	first = json_array_get(json_object_get(j, "errors"), 0);
	text = json_str(first, "message", json_str(first, "code", json_str(j, "details", "")));
	if (!*text)
		return xstrdup("");
	shown = str_printable(text);
	return xasprintf(" (%.200s)", shown);
}

static int denied(const struct registry *r, const struct http_resp *resp, struct err *e)
{
	auto_free char *words = server_words(resp), *name = imageref_name(&r->ref, true);

	err_set(e, ERR_DENIED, 0, "the registry denies access to %s%s, or there is no such repository", name, words);
	if (r->creds.user || r->creds.identity)
		return err_hint(e, "check the name, and the credentials for %s in ~/.docker/config.json", r->ref.host);
	return err_hint(e, "check the name; if it is private, put credentials for %s into ~/.docker/config.json",
			r->ref.host);
}

static int read_creds(struct registry *r, struct err *e)
{
	if (r->creds_read)
		return 0;
	if (creds_find(&r->creds, r->ref.host, NULL, e) < 0)
		return -1;
	r->creds_read = true;
	return 0;
}

static char *token_query(const struct registry *r, const struct challenge *ch)
{
	auto_free char *service = url_escape(ch->service ? ch->service : "");
	auto_free char *own = ch->scope ? NULL : xasprintf("repository:%s:pull", r->ref.path);
	auto_free char *scope = url_escape(own ? own : ch->scope);

	return xasprintf("service=%s&scope=%s", service, scope);
}

static int keep_token(struct registry *r, const struct http_resp *resp, struct err *e)
{
	auto_json json_t *j = NULL;
	const char *token;

	if (json_parse(resp->body, resp->len, "the token server's answer", &j, e) < 0)
		return -1;
	token = json_str(j, "token", NULL);
	if (!token || !*token)
		token = json_str(j, "access_token", "");
	if (!*token || strpbrk(token, "\r\n"))
		return err_set(e, ERR_SYS, 0, "the token server's answer has no token");
	free(r->auth);
	r->auth = xasprintf("Bearer %s", token);
	return 0;
}

/* Only over TLS, but for a token server beside a registry on this machine. */
static bool realm_ok(const struct registry *r, const char *realm)
{
	if (!realm || strlen(realm) > URL_MAX)
		return false;
	if (str_starts(realm, "https://"))
		return true;
	if (r->plain && str_starts(realm, "http://")) {
		const char *host = realm + strlen("http://");
		auto_free char *name = xstrndup(host, strcspn(host, "/?#"));

		return registry_is_loopback(name);
	}
	return false;
}

/* Ask the token server that the registry names, who we are when it is known, for the right to pull. */
static int fetch_token(struct registry *r, const struct challenge *ch, struct err *e)
{
	auto_free char *query = token_query(r, ch), *url = NULL, *post = NULL;
	auto_free char *basic = r->creds.identity ? NULL : creds_basic(&r->creds);
	auto_resp struct http_resp resp = {0};
	struct http_req q = { .auth = basic, .ca_file = r->ca_file, .plain_ok = r->plain, .max = TOKEN_MAX };

	if (!realm_ok(r, ch->realm))
		return err_set(e, ERR_SYS, 0, "the registry names no usable token server");
	if (r->creds.identity) {
		auto_free char *token = url_escape(r->creds.identity);

		url = xstrdup(ch->realm);
		post = xasprintf("grant_type=refresh_token&client_id=compose&%s&refresh_token=%s", query, token);
	} else {
		url = xasprintf("%s%c%s", ch->realm, strchr(ch->realm, '?') ? '&' : '?', query);
	}
	q.url = url;
	q.post = post;
	for (unsigned n = 0;; n++) {
		int rc = http_do(r->http, &q, &resp, e);

		if (rc == 0 && !http_transient(resp.status))
			break;
		if (!http_again(n, rc, &resp, e))
			return rc < 0 ? err_wrap(e, "ask the token server") :
			       err_set(e, ERR_NET, 0, "the token server answers %ld", resp.status);
		err_done(e);
		if (http_backoff(r->http, n, resp.retry_after, e) < 0)
			return -1;
	}
	if (resp.status == 200)
		return keep_token(r, &resp, e);
	if (resp.status == 401 || resp.status == 403)
		return denied(r, &resp, e);
	return err_set(e, ERR_SYS, 0, "the token server answers %ld", resp.status);
}

static int answer_challenge(struct registry *r, const struct http_resp *resp, struct err *e)
{
	struct challenge ch;
	int rc;

	challenge_parse(resp->challenge ? resp->challenge : "", &ch);
	rc = read_creds(r, e);
	if (rc == 0 && ch.bearer) {
		rc = fetch_token(r, &ch, e);
	} else if (rc == 0) {
		free(r->auth);
		r->auth = ch.basic ? creds_basic(&r->creds) : NULL;
		rc = r->auth ? 0 : denied(r, resp, e);
	}
	challenge_done(&ch);
	return rc;
}

static char *auth_now(struct registry *r)
{
	char *copy;

	(void)pthread_mutex_lock(&r->mutex);
	copy = xstrdup(r->auth);
	(void)pthread_mutex_unlock(&r->mutex);
	return copy;
}

/* Get a new Authorization after a 401; the first of several threads does it for all.
 * in: used: the refused one, or NULL */
static int renew_auth(struct registry *r, const char *used, const struct http_resp *resp, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&r->mutex);
	if (str_eq(r->auth, used))
		rc = answer_challenge(r, resp, e);
	(void)pthread_mutex_unlock(&r->mutex);
	return rc;
}

/* -- requests -- */

int registry_ask(struct registry *r, struct http_req *q, struct http_resp *resp, struct err *e)
{
	for (int tries = 0; tries < 2; tries++) {
		auto_free char *auth = auth_now(r);
		int rc;

		q->auth = auth;
		q->plain_ok = r->plain;
		q->ca_file = r->ca_file;
		rc = http_do(r->http, q, resp, e);
		q->auth = NULL;
		if (rc < 0 || resp->status != 401 || tries)
			return rc;
		if (renew_auth(r, auth, resp, e) < 0)
			return -1;
	}
	return -1;
}

int registry_refused(const struct registry *r, const struct http_resp *resp, const char *what, struct err *e)
{
	auto_free char *words = server_words(resp);

	if (resp->status == 404)
		return err_set(e, ERR_MISSING, 0, "the registry has no %s%s", what, words);
	if (resp->status == 401 || resp->status == 403)
		return denied(r, resp, e);
	if (resp->status == 429) {
		err_set(e, ERR_NET, 0, "the registry allows no more requests for now%s", words);
		return err_hint(e, "wait a while, or log in for a higher limit");
	}
	return err_set(e, http_transient(resp->status) ? ERR_NET : ERR_SYS, 0,
		       "the registry answers %ld%s to the request for %s", resp->status, words, what);
}

int registry_ask_for(struct registry *r, struct http_req *q, struct http_resp *resp, long want, long or_want, const char *what,
		     struct err *e)
{
	for (unsigned n = 0;; n++) {
		int rc = registry_ask(r, q, resp, e);

		if (rc == 0 && (resp->status == want || resp->status == or_want))
			return 0;
		if (rc == 0 && !http_transient(resp->status))
			return registry_refused(r, resp, what, e);
		if (!http_again(n, rc, resp, e))
			return rc < 0 ? -1 : registry_refused(r, resp, what, e);
		err_done(e);
		if (http_backoff(r->http, n, resp->retry_after, e) < 0)
			return -1;
	}
}

static int take_body(struct http_resp *resp, const char *want, char digest[DIGEST_SIZE], char **ret, size_t *ret_len,
		     struct err *e)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(resp->body, resp->len, hex);
	(void)snprintf(digest, DIGEST_SIZE, "sha256:%s", hex);
	if (want && strcmp(want, digest) != 0) {
		err_set(e, ERR_SYS, 0, "the digest is %s, not %s", digest, want);
		return err_hint(e, "try again; if it stays, the registry or what is between is at fault");
	}
	*ret = take_ptr(resp->body);
	*ret_len = resp->len;
	return 0;
}

int registry_manifest(struct registry *r, const char *tag_or_digest, char **ret, size_t *ret_len,
		      char digest[DIGEST_SIZE], struct err *e)
{
	auto_free char *url = xasprintf("%s/manifests/%s", r->base, tag_or_digest);
	auto_free char *what =
		xasprintf("%s %.80s", imageref_is_digest(tag_or_digest) ? "manifest" : "tag", tag_or_digest);
	auto_resp struct http_resp resp = {0};
	struct http_req q = { .url = url, .accept = ACCEPT, .max = MANIFEST_MAX };

	if (registry_ask_for(r, &q, &resp, 200, 200, what, e) < 0 ||
	    take_body(&resp, imageref_is_digest(tag_or_digest) ? tag_or_digest : NULL, digest, ret, ret_len, e) < 0)
		return err_wrap(e, "fetch the manifest from %s", r->ref.host);
	return 0;
}

int registry_blob(struct registry *r, const struct blob_desc *d, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	auto_free char *url = xasprintf("%s/blobs/%s", r->base, d->digest);
	auto_resp struct http_resp resp = {0};
	struct http_req q = { .url = url, .max = max };
	char digest[DIGEST_SIZE];

	if (registry_ask_for(r, &q, &resp, 200, 200, "such blob", e) < 0 || take_body(&resp, d->digest, digest, ret, ret_len, e) < 0)
		return err_wrap(e, "fetch %.19s from %s", d->digest, r->ref.host);
	return 0;
}

/* -- layers -- */

struct layer_sink { struct ingest *g; const struct fetch_watch *w; };

static int sink_layer(void *arg, const void *buf, size_t len)
{
	struct layer_sink *s = arg;

	if (ingest_feed(s->g, buf, len) < 0)
		return -1;
	if (s->w->bytes)
		s->w->bytes(s->w->arg, ingest_offset(s->g));
	return 0;
}

static void tell_retry(const struct fetch_watch *w, const struct err *e, long status)
{
	auto_free char *why = e->n ? xstrdup(e->frame[0]) : status == 200 || status == 206 ?
		xstrdup("the connection was cut") : xasprintf("the registry answers %ld", status);

	if (w->retry)
		w->retry(w->arg, why);
}

int registry_layer(struct registry *r, const struct blob_desc *d, struct ingest *g, const struct fetch_watch *w,
		   struct err *e)
{
	auto_free char *url = xasprintf("%s/blobs/%s", r->base, d->digest);
	struct layer_sink sink = { g, w };
	unsigned cuts = 0;

	for (unsigned n = 0; ingest_offset(g) < (uint64_t)d->size; n++) {
		struct http_req q = {
			.url = url, .from = ingest_offset(g), .max = 64 << 10, .sink = sink_layer, .arg = &sink};
		auto_resp struct http_resp resp = {0};
		int rc = registry_ask(r, &q, &resp, e);
		const bool body = resp.status == 200 || resp.status == 206;

		if (resp.stopped || (rc == 0 && body && ingest_offset(g) >= (uint64_t)d->size))
			return 0;
		if (ingest_offset(g) > q.from)
			n = 0;                           /* it gets on: patience begins anew */
		if (!http_again(n, rc, &resp, e) || ++cuts > CUTS_MAX)
			return rc < 0 ? -1 : body ? err_set(e, ERR_NET, 0, "the connection is cut again and again") :
			       registry_refused(r, &resp, "such layer", e);
		if (rc == 0 && !body && !http_transient(resp.status))
			return registry_refused(r, &resp, "such layer", e);
		tell_retry(w, e, resp.status);
		err_done(e);
		if (http_backoff(r->http, n, resp.retry_after, e) < 0)
			return -1;
	}
	return 0;
}
