/* SPDX-License-Identifier: Apache-2.0 */
/* registry_push.c - blobs and manifests on their way to a registry.   spec: OCI distribution-spec push */
#include <string.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/registry_priv.h"

enum { PIECE = 16 << 20, URL_MAX = 8192 };

int registry_has(struct registry *r, const struct blob_desc *d, struct err *e)
{
	auto_free char *url = xasprintf("%s/blobs/%s", r->base, d->digest);
	auto_resp struct http_resp resp = {0};
	struct http_req q = { .url = url, .method = "HEAD", .max = 4096 };

	for (unsigned n = 0;; n++) {
		int rc = registry_ask(r, &q, &resp, e);

		if (rc == 0 && resp.status == 200)
			return 1;
		/* a registry may answer that way for a repository that the first push makes */
		if (rc == 0 && (resp.status == 404 || resp.status == 401 || resp.status == 403))
			return 0;
		if (rc == 0 && !http_transient(resp.status))
			return registry_refused(r, &resp, "such blob", e);
		if (!http_again(n, rc, &resp, e))
			return rc < 0 ? -1 : registry_refused(r, &resp, "such blob", e);
		err_done(e);
		if (http_backoff(r->http, n, resp.retry_after, e) < 0)
			return -1;
	}
}

/* ---- where to send it ------------------------------------------------------------------------ */

/* "https://host:port" of a URL that begins so. ret: its length, 0: no such URL */
static size_t origin_len(const char *url)
{
	size_t scheme = str_starts(url, "https://") ? 8 : str_starts(url, "http://") ? 7 : 0;

	return scheme ? scheme + strcspn(url + scheme, "/?#") : 0;
}

static bool same_origin(const struct registry *r, const char *url)
{
	size_t n = origin_len(r->base);

	return origin_len(url) == n && !strncmp(must(url), must(r->base), n);
}

/* The registry says where a blob is to go: a path of its own, or a URL. Plain http only to this machine. */
static char *place_of(const struct registry *r, const char *location)
{
	const char *host;

	if (!location || !*location || strlen(location) > URL_MAX)
		return NULL;
	if (*location == '/')
		return xasprintf("%.*s%s", (int)origin_len(r->base), r->base, location);
	if (str_starts(location, "https://"))
		return xstrdup(location);
	host = str_starts(location, "http://") ? location + 7 : NULL;
	if (host && r->plain) {
		auto_free char *name = xstrndup(host, strcspn(host, "/?#"));

		return registry_is_loopback(name) ? xstrdup(location) : NULL;
	}
	return NULL;
}

/* One request to such a place; elsewhere than at the registry itself nobody is told who we are. */
static int ask_place(struct registry *r, struct http_req *q, struct http_resp *resp, struct err *e)
{
	if (same_origin(r, q->url))
		return registry_ask(r, q, resp, e);
	q->auth = NULL;
	q->plain_ok = r->plain;
	q->ca_file = r->ca_file;
	return http_do(r->http, q, resp, e);
}

static int next_place(const struct registry *r, const struct http_resp *resp, char **place, struct err *e)
{
	char *to = place_of(r, resp->location);

	if (!to)
		return err_set(e, ERR_SYS, 0, "the registry does not say where the blob is to go");
	free(*place);
	*place = to;
	return 0;
}

static int begin(struct registry *r, char **place, struct err *e)
{
	auto_free char *url = xasprintf("%s/blobs/uploads/", r->base);
	auto_resp struct http_resp resp = {0};
	struct http_req q = { .url = url, .method = "POST", .max = 64 << 10 };

	if (registry_ask_for(r, &q, &resp, 202, 202, "place for a blob", e) < 0)
		return -1;
	return next_place(r, &resp, place, e);
}

int registry_mount(struct registry *r, const struct blob_desc *d, const char *from, struct err *e)
{
	auto_free char *repo = url_escape(from), *url = xasprintf("%s/blobs/uploads/?mount=%s&from=%s", r->base, d->digest, repo);
	auto_resp struct http_resp resp = {0};
	struct http_req q = { .url = url, .method = "POST", .max = 64 << 10 };

	if (registry_ask(r, &q, &resp, e) < 0)
		return -1;
	if (resp.status == 202) {                 /* it has begun an upload instead, which nobody wants */
		auto_free char *place = place_of(r, resp.location);
		struct http_req del = { .url = place, .method = "DELETE", .max = 4096 };
		auto_resp struct http_resp ignored = {0};
		auto_err struct err why = {0};

		if (place && ask_place(r, &del, &ignored, &why) < 0)
			err_done(&why);
	}
	return resp.status == 201;
}

/* ---- sending --------------------------------------------------------------------------------- */

struct sending { struct registry *r; const struct blob_desc *d; const struct blob_src *src; const struct fetch_watch *w; char *place; };

static struct http_body part(const struct sending *s, uint64_t from, uint64_t len)
{
	const char *buf = s->src->buf;

	return (struct http_body){ .buf = buf ? buf + from : NULL, .fd = s->src->fd, .from = from, .len = len };
}

/* The last request: what is left of the blob, and its digest. */
static int close_upload(struct sending *s, uint64_t from, struct err *e)
{
	auto_free char *url = xasprintf("%s%cdigest=%s", s->place, strchr(must(s->place), '?') ? '&' : '?', s->d->digest);
	const struct http_body body = part(s, from, (uint64_t)s->d->size - from);
	auto_resp struct http_resp resp = {0};
	struct http_req q = { .url = url, .method = "PUT", .body = &body, .type = "application/octet-stream", .max = 64 << 10 };

	if (ask_place(s->r, &q, &resp, e) < 0)
		return -1;
	if (resp.status == 201 || resp.status == 204)
		return 0;
	return registry_refused(s->r, &resp, "place for a blob", e);
}

static int send_piece(struct sending *s, uint64_t from, uint64_t len, struct err *e)
{
	const struct http_body body = part(s, from, len);
	auto_free char *range = xasprintf("%llu-%llu", (unsigned long long)from, (unsigned long long)(from + len - 1));
	auto_resp struct http_resp resp = {0};
	struct http_req q = { .url = s->place, .method = "PATCH", .body = &body, .type = "application/octet-stream",
			      .range = range, .max = 64 << 10 };

	if (ask_place(s->r, &q, &resp, e) < 0)
		return -1;
	if (resp.status != 202 && resp.status != 201 && resp.status != 204)
		return registry_refused(s->r, &resp, "place for a blob", e);
	return next_place(s->r, &resp, &s->place, e);
}

static int send_all(struct sending *s, struct err *e)
{
	uint64_t size = (uint64_t)s->d->size, at = 0;

	if (begin(s->r, &s->place, e) < 0)
		return -1;
	for (; size - at > PIECE; at += PIECE) {
		if (send_piece(s, at, PIECE, e) < 0)
			return -1;
		if (s->w->bytes)
			s->w->bytes(s->w->arg, at + PIECE);
	}
	return close_upload(s, at, e);
}

int registry_send(struct registry *r, const struct blob_desc *d, const struct blob_src *src, const struct fetch_watch *w,
		  struct err *e)
{
	struct sending s = { .r = r, .d = d, .src = src, .w = w };
	int rc;

	for (unsigned n = 0;; n++) {
		static const struct http_resp none;

		rc = send_all(&s, e);
		if (rc == 0 || e->kind != ERR_NET || !http_again(n, rc, &none, e))
			break;
		if (w->retry)
			w->retry(w->arg, e->frame[0]);
		err_done(e);
		rc = http_backoff(r->http, n, NULL, e);
		if (rc < 0)
			break;
	}
	free(s.place);
	if (rc == 0 && w->bytes)
		w->bytes(w->arg, (uint64_t)d->size);
	return rc < 0 ? err_wrap(e, "send %.19s to %s", d->digest, r->ref.host) : 0;
}

int registry_put_manifest(struct registry *r, const char *tag, const char *type, const char *text, size_t len, struct err *e)
{
	auto_free char *url = xasprintf("%s/manifests/%s", r->base, tag);
	const struct http_body body = { .buf = text, .fd = -1, .len = len };
	auto_resp struct http_resp resp = {0};
	struct http_req q = { .url = url, .method = "PUT", .body = &body, .type = type, .max = 64 << 10 };

	if (registry_ask_for(r, &q, &resp, 201, 200, "place for the manifest", e) < 0)
		return err_wrap(e, "put the manifest to %s", r->ref.host);
	return 0;
}
