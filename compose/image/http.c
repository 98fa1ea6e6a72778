/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/http.h"
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include "compose/base/coll.h"
#include "compose/base/dl.h"
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { ERROR_BODY_MAX = 64 << 10, HEADER_MAX = 16 << 10, REDIRECTS_MAX = 5, CONNECT_S = 20, STALL_S = 60,
	ATTEMPTS = 5, ATTEMPTS_UNREACHABLE = 2, BACKOFF_MS = 300, BACKOFF_MAX_MS = 15000, RETRY_AFTER_MAX_S = 60 };

static struct {
	CURLcode (*global_init)(long);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *), (*easy_reset)(CURL *);
	CURLcode (*setopt)(CURL *, CURLoption, ...), (*getinfo)(CURL *, CURLINFO, ...);
	const char *(*strerror)(CURLcode);
	struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
	void (*slist_free)(struct curl_slist *);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *), (*multi_add)(CURLM *, CURL *), (*multi_remove)(CURLM *, CURL *);
	CURLMcode (*multi_perform)(CURLM *, int *);
	CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd *, unsigned, int, int *);
	CURLMsg *(*multi_info)(CURLM *, int *);
} c;
static struct err load_error;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	const struct dl_sym syms[] = {
		{ "curl_global_init", &c.global_init }, { "curl_easy_init", &c.easy_init },
		{ "curl_easy_cleanup", &c.easy_cleanup }, { "curl_easy_reset", &c.easy_reset },
		{ "curl_easy_setopt", &c.setopt }, { "curl_easy_getinfo", &c.getinfo },
		{ "curl_easy_strerror", &c.strerror }, { "curl_slist_append", &c.slist_append },
		{ "curl_slist_free_all", &c.slist_free }, { "curl_multi_init", &c.multi_init },
		{ "curl_multi_cleanup", &c.multi_cleanup }, { "curl_multi_add_handle", &c.multi_add },
		{ "curl_multi_remove_handle", &c.multi_remove }, { "curl_multi_perform", &c.multi_perform },
		{ "curl_multi_poll", &c.multi_poll }, { "curl_multi_info_read", &c.multi_info }, { NULL, NULL },
	};

	if (dl_load("libcurl.so.4", "libcurl4", syms, &load_error) < 0)
		return;
	loaded = c.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	if (!loaded)
		err_set(&load_error, ERR_SYS, 0, "libcurl cannot start");
}

/* A connection cache with a handle on it; used by one thread at a time. */
struct line { CURL *easy; CURLM *multi; };

struct http {
	pthread_mutex_t mutex;
	VEC(struct line) idle;
	int stop;
};

int http_new(struct http **ret, struct err *e)
{
	struct http *h;

	(void)pthread_once(&once, load);
	if (!loaded) {
		err_set(e, load_error.kind, 0, "%s", load_error.frame[0]);
		return load_error.hint ? err_hint(e, "%s", load_error.hint) : -1;
	}
	h = xcalloc(1, sizeof(*h));
	(void)pthread_mutex_init(&h->mutex, NULL);
	*ret = h;
	return 0;
}

static void line_free(struct line l)
{
	if (l.easy)
		c.easy_cleanup(l.easy);
	if (l.multi)
		(void)c.multi_cleanup(l.multi);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->idle.n; i++)
		line_free(h->idle.v[i]);
	vec_done(&h->idle);
	(void)pthread_mutex_destroy(&h->mutex);
	free(h);
}

void http_stop(struct http *h)
{
	__atomic_store_n(&h->stop, 1, __ATOMIC_RELAXED);
}

static int take_line(struct http *h, struct line *ret, struct err *e)
{
	*ret = (struct line){0};
	(void)pthread_mutex_lock(&h->mutex);
	if (h->idle.n)
		*ret = h->idle.v[--h->idle.n];
	(void)pthread_mutex_unlock(&h->mutex);
	if (!ret->easy) {
		ret->easy = c.easy_init();
		ret->multi = c.multi_init();
	}
	if (ret->easy && ret->multi)
		return 0;
	line_free(*ret);
	return err_set(e, ERR_SYS, 0, "libcurl cannot make a connection");
}

static void give_line(struct http *h, struct line l)
{
	(void)pthread_mutex_lock(&h->mutex);
	vec_push(&h->idle, l);
	(void)pthread_mutex_unlock(&h->mutex);
}

void http_resp_done(struct http_resp *r)
{
	free(r->body);
	free(r->type);
	free(r->challenge);
	free(r->retry_after);
	free(r->location);
	free(r->range);
	free(r->modified);
	memset(r, 0, sizeof(*r));
}

/* -- one transfer -- */

struct transfer {
	struct http *h;
	const struct http_req *q;
	struct http_resp *r;
	CURL *easy;
	struct str body;
	uint64_t at;                 /* position of the next byte of the body in the whole */
	bool begun, too_large, bad_range;
	size_t header_bytes;
	uint64_t sent;               /* of q->body */
	char *range;                 /* Content-Range */
	char message[CURL_ERROR_SIZE];
};

static void set_header(char **to, const char *val, size_t len, bool join)
{
	char *text;

	if (*to && join)
		text = xasprintf("%s, %.*s", *to, (int)len, val);
	else
		text = xstrndup(val, len);
	free(*to);
	*to = text;
}

static bool header_is(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	return len > n && line[n] == ':' && !strncasecmp(line, name, n);
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct http_resp *r = t->r;
	const struct { const char *name; char **to; bool join; } wanted[] = {
		{ "content-type", &r->type, false }, { "www-authenticate", &r->challenge, true },
		{ "retry-after", &r->retry_after, false }, { "content-range", &t->range, false },
		{ "location", &r->location, false }, { "range", &r->range, false },
		{ "last-modified", &r->modified, false },
	};
	size_t len = size * n;

	t->header_bytes += len;
	if (t->header_bytes > HEADER_MAX * 4)
		return 0;
	if (len > 5 && !memcmp(line, "HTTP/", 5)) {      /* a new response: after a redirect, or 100 Continue */
		for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
			free(*wanted[i].to);
			*wanted[i].to = NULL;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		const char *val = line + strlen(wanted[i].name) + 1;
		size_t vlen;

		if (!header_is(line, len, wanted[i].name))
			continue;
		for (vlen = len - (size_t)(val - line); vlen && strchr(" \t", *val); vlen--)
			val++;
		while (vlen && strchr("\r\n \t", val[vlen - 1]))
			vlen--;
		set_header(wanted[i].to, val, vlen < HEADER_MAX ? vlen : HEADER_MAX, wanted[i].join);
	}
	return len;
}

/* First bytes of the body: where in the whole do they belong? */
static bool begin_body(struct transfer *t)
{
	uint64_t from = 0;

	t->begun = true;
	(void)c.getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->r->status);
	if (t->r->status != 206)
		return true;
	if (t->range && str_starts(t->range, "bytes ")) {
		auto_free char *digits = xstrndup(t->range + 6, strspn(t->range + 6, "0123456789"));

		if (str_to_u64(digits, &from) && from <= t->q->from) {
			t->at = from;
			return true;
		}
	}
	t->bad_range = true;
	return false;
}

static int to_sink(struct transfer *t, const char *buf, size_t len)
{
	uint64_t start = t->at;

	t->at += len;
	if (start < t->q->from) {                /* the server began earlier than asked */
		uint64_t skip = t->q->from - start;

		if (skip >= len)
			return 0;
		buf += skip;
		len -= skip;
	}
	if (t->q->sink(t->q->arg, buf, len) == 0)
		return 0;
	t->r->stopped = true;
	return -1;
}

static size_t on_body(char *buf, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * n;

	if (!t->begun && !begin_body(t))
		return 0;
	if (t->q->sink && (t->r->status == 200 || t->r->status == 206))
		return to_sink(t, buf, len) < 0 ? 0 : len;
	str_addn(&t->body, buf, len);
	if (!t->body.over)
		return len;
	t->too_large = true;
	return t->r->status >= 400 ? len : 0;    /* the beginning of an error text is enough */
}

/* The next piece of what is sent. */
static size_t on_read(char *buf, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	const struct http_body *b = t->q->body;
	uint64_t left = b ? b->len - t->sent : 0;
	size_t want = size * n < left ? size * n : (size_t)left;
	ssize_t got;

	if (!want)
		return 0;
	if (b->buf) {
		memcpy(buf, (const char *)b->buf + t->sent, want);
		got = (ssize_t)want;
	} else {
		got = pread(b->fd, buf, want, (off_t)(b->from + t->sent));
	}
	if (got <= 0)
		return CURL_READFUNC_ABORT;
	t->sent += (uint64_t)got;
	return (size_t)got;
}

static void set_method(struct transfer *t)
{
	const struct http_req *q = t->q;

	if (str_eq(q->method, "HEAD")) {
		(void)c.setopt(t->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	(void)c.setopt(t->easy, CURLOPT_UPLOAD, 1L);
	(void)c.setopt(t->easy, CURLOPT_CUSTOMREQUEST, q->method);
	(void)c.setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(q->body ? q->body->len : 0));
	(void)c.setopt(t->easy, CURLOPT_READFUNCTION, on_read);
	(void)c.setopt(t->easy, CURLOPT_READDATA, t);
	(void)c.setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
	(void)c.setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
}

static void set_options(struct transfer *t, struct curl_slist *headers)
{
	const struct http_req *q = t->q;
	CURL *h = t->easy;

	c.easy_reset(h);
	(void)c.setopt(h, CURLOPT_URL, q->url);
	(void)c.setopt(h, CURLOPT_NOSIGNAL, 1L);
	(void)c.setopt(h, CURLOPT_USERAGENT, "compose/" COMPOSE_VERSION);
	(void)c.setopt(h, CURLOPT_HTTPHEADER, headers);
	(void)c.setopt(h, CURLOPT_PROTOCOLS_STR, q->plain_ok ? "http,https" : "https");
	(void)c.setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, q->plain_ok ? "http,https" : "https");
	(void)c.setopt(h, CURLOPT_FOLLOWLOCATION, 1L);
	(void)c.setopt(h, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	(void)c.setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	(void)c.setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)c.setopt(h, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	(void)c.setopt(h, CURLOPT_BUFFERSIZE, 256L << 10);
	(void)c.setopt(h, CURLOPT_ERRORBUFFER, t->message);
	(void)c.setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	(void)c.setopt(h, CURLOPT_HEADERDATA, t);
	(void)c.setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	(void)c.setopt(h, CURLOPT_WRITEDATA, t);
	if (q->ca_file)
		(void)c.setopt(h, CURLOPT_CAINFO, q->ca_file);   /* the system's directory of certificates stays */
	if (q->post)
		(void)c.setopt(h, CURLOPT_POSTFIELDS, q->post);
	if (q->method)
		set_method(t);
	if (q->from) {                           /* not RESUME_FROM: that fails when the server sends the whole */
		char range[32];

		(void)snprintf(range, sizeof(range), "%llu-", (unsigned long long)q->from);
		(void)c.setopt(h, CURLOPT_RANGE, range);
	}
}

static struct curl_slist *headers_of(const struct http_req *q)
{
	struct curl_slist *l = NULL;
	auto_free char *accept = xasprintf("Accept: %s", q->accept ? q->accept : "*/*");
	auto_free char *auth = q->auth ? xasprintf("Authorization: %s", q->auth) : NULL;
	auto_free char *type = q->type ? xasprintf("Content-Type: %s", q->type) : NULL;
	auto_free char *range = q->range ? xasprintf("Content-Range: %s", q->range) : NULL;

	l = c.slist_append(l, accept);
	if (auth)
		l = c.slist_append(l, auth);
	if (type)
		l = c.slist_append(l, type);
	if (range)
		l = c.slist_append(l, range);
	if (q->method)
		l = c.slist_append(l, "Expect:");        /* waiting for 100 Continue only costs time */
	return l;
}

static int stopped(struct http *h, struct err *e)
{
	if (intr_check(e) < 0)
		return -1;
	if (__atomic_load_n(&h->stop, __ATOMIC_RELAXED))
		return err_set(e, ERR_INTR, 0, "stopped");
	return 0;
}

/* ret: 0 with the transfer's result, -1 when it was interrupted */
static int perform(struct transfer *t, CURLM *multi, CURLcode *ret, struct err *e)
{
	struct curl_waitfd intr = { .fd = intr_fd(), .events = CURL_WAIT_POLLIN };
	int running = 1, left, rc = 0;
	CURLMsg *msg;

	*ret = CURLE_FAILED_INIT;
	if (c.multi_add(multi, t->easy) != CURLM_OK)
		return 0;
	while (running && rc == 0) {
		if (c.multi_perform(multi, &running) != CURLM_OK)
			break;
		rc = stopped(t->h, e);
		if (running && rc == 0)
			(void)c.multi_poll(multi, &intr, intr.fd >= 0, 500, NULL);
	}
	while ((msg = c.multi_info(multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			*ret = msg->data.result;
	(void)c.multi_remove(multi, t->easy);
	return rc;
}

static int explain(const struct transfer *t, CURLcode code, struct err *e)
{
	const char *what = *t->message ? t->message : c.strerror(code);
	auto_free char *shown = str_printable(what);

	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		err_set(e, ERR_DENIED, 0, "%s", shown);
		return err_hint(
			e, "put the authority that signed the certificate into /etc/docker/certs.d/HOST/ca.crt, or "
			   "into the system's store");
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		err_set(e, ERR_NET, 0, "%s", shown);
		return err_hint(e, "check the name, the network and /etc/resolv.conf");
	case CURLE_COULDNT_CONNECT:
		err_set(e, ERR_NET, 0, "%s", shown);
		return err_hint(e, "check that the server runs and that no firewall is in the way");
	case CURLE_UNSUPPORTED_PROTOCOL:
		err_set(e, ERR_DENIED, 0, "%s", shown);
		return err_hint(e, "plain http is spoken to registries on this machine only");
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_URL_MALFORMAT:
		return err_set(e, ERR_SYS, 0, "%s", shown);
	default:
		return err_set(e, ERR_NET, 0, "%s", shown);
	}
}

static int finish(struct transfer *t, CURLcode code, struct err *e)
{
	(void)c.getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->r->status);
	if (t->r->stopped)
		return 0;
	if (t->bad_range)
		return err_set(e, ERR_SYS, 0, "the server sent another part than the one asked for");
	if (t->too_large && t->r->status < 400)
		return err_set(e, ERR_SYS, 0, "the answer is larger than the %zu bytes allowed", t->q->max);
	if (t->header_bytes > HEADER_MAX * 4)
		return err_set(e, ERR_SYS, 0, "the answer's headers are too large");
	t->r->unreachable = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
			    code == CURLE_COULDNT_RESOLVE_PROXY;
	if (code != CURLE_OK)
		return explain(t, code, e);
	return 0;
}

int http_do(struct http *h, const struct http_req *q, struct http_resp *r, struct err *e)
{
	struct transfer t = { .h = h, .q = q, .r = r, .body = { .max = q->sink ? ERROR_BODY_MAX : q->max } };
	struct curl_slist *headers;
	struct line l;
	CURLcode code;
	int rc;

	http_resp_done(r);
	if (stopped(h, e) < 0 || take_line(h, &l, e) < 0)
		return -1;
	t.easy = l.easy;
	headers = headers_of(q);
	set_options(&t, headers);
	rc = perform(&t, l.multi, &code, e);
	if (rc == 0)
		rc = finish(&t, code, e);
	c.easy_reset(l.easy);                    /* it must not point into this frame */
	c.slist_free(headers);
	give_line(h, l);
	free(t.range);
	r->len = t.body.len;
	r->body = str_take(&t.body);
	return rc;
}

/* -- patience -- */

bool http_transient(long status)
{
	return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

bool http_again(unsigned n, int rc, const struct http_resp *r, const struct err *e)
{
	if (rc < 0 && e->kind != ERR_NET)
		return false;
	return n + 1 < (r->unreachable ? ATTEMPTS_UNREACHABLE : ATTEMPTS);
}

int http_backoff(struct http *h, unsigned n, const char *retry_after, struct err *e)
{
	struct pollfd intr = { .fd = intr_fd(), .events = POLLIN };
	int64_t ms = n < 6 ? (int64_t)BACKOFF_MS << n : BACKOFF_MAX_MS;
	unsigned char dice = 128;
	uint64_t s;

	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	(void)!getrandom(&dice, sizeof(dice), 0);
	ms = ms / 2 + ms * dice / 256;
	if (retry_after && str_to_u64(retry_after, &s))
		ms = (int64_t)(s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * 1000 + dice;
	for (; ms > 0; ms -= 200) {
		if (stopped(h, e) < 0)
			return -1;
		(void)poll(&intr, 1, ms < 200 ? (int)ms : 200);
	}
	return stopped(h, e);
}
