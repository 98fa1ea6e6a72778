/* SPDX-License-Identifier: Apache-2.0 */
/* registryd.h - a small image registry on a loopback port that can misbehave, as threads of a test.
 * It serves what regd_add() put in, asks for tokens or passwords, fails, cuts, lies, as its flags say. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "compose/base/coll.h"
#include "compose/base/mem.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"

struct regd_object { char *path, *type, *body; size_t len; };

struct regd {
	int listener;
	unsigned port;
	pthread_t thread;
	pthread_mutex_t mutex;
	VEC(struct regd_object) objects;
	VEC(pthread_t) threads;
	VEC(int) sockets;
	bool stopping;
	/* behaviour */
	const char *auth;            /* "bearer", "basic", NULL */
	const char *password;        /* "Basic ..." that is wanted; NULL: anyone gets a token */
	const char *realm;           /* NULL: our own /token */
	unsigned token_serial;       /* part of the token that is valid now; raise it to expire tokens */
	int  fail_status, fail_times;        /* answer so to the next blob requests */
	const char *retry_after;
	size_t cut_at; int cut_times;        /* close after that many bytes of a blob's body */
	bool no_range;               /* answer 200 with the whole */
	bool bad_range;              /* 206, but from 0 while saying otherwise */
	const char *corrupt;         /* flip a byte in what has this in its path */
	const char *redirect;        /* send blob requests elsewhere */
	size_t endless;              /* manifests are followed by that many spaces */
	/* what was seen; under mutex */
	unsigned requests, blobs, ranges, tokens, unauthorized;
	size_t blob_bytes;
	char last_auth[300], last_token_query[500];
};

static inline void regd_add(struct regd *r, const char *type, const void *body, size_t len, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static inline void regd_add(struct regd *r, const char *type, const void *body, size_t len, const char *fmt, ...)
{
	struct regd_object o = { .type = xstrdup(type), .body = xmemdup(body, len ? len : 1), .len = len };
	va_list ap;

	va_start(ap, fmt);
	o.path = xvasprintf(fmt, ap);
	va_end(ap);
	vec_push(&r->objects, o);
}

/* Add a blob to a repository; ret: its digest's digits in hex */
static inline void regd_blob(struct regd *r, const char *repo, const void *body, size_t len, char hex[65])
{
	sha256_hex(body, len, hex);
	regd_add(r, "application/octet-stream", body, len, "/v2/%s/blobs/sha256:%s", repo, hex);
}

/* Send all; ret: false when the peer is gone */
static inline bool regd_send(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static inline bool regd_answer(int fd, int status, const char *headers, const char *body)
{
	auto_free char *text =
		xasprintf("HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), headers, body);

	return regd_send(fd, text, strlen(text));
}

/* Value of a request header, or ""; valid until the next call of the thread. */
static inline const char *regd_header(const char *head, const char *name)
{
	static _Thread_local char value[1000];
	size_t n = strlen(name);

	value[0] = '\0';
	for (const char *l = strstr(head, "\r\n"); l; l = strstr(l + 2, "\r\n"))
		if (!strncasecmp(l + 2, name, n) && l[2 + n] == ':') {
			const char *v = l + 3 + n + strspn(l + 3 + n, " ");

			(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(v, "\r"), v);
		}
	return value;
}

static inline bool regd_token(struct regd *r, int fd, const char *head, const char *query)
{
	char body[100];
	bool good;

	(void)pthread_mutex_lock(&r->mutex);
	r->tokens++;
	(void)snprintf(r->last_token_query, sizeof(r->last_token_query), "%.*s", (int)strcspn(query, " "), query);
	(void)snprintf(r->last_auth, sizeof(r->last_auth), "%.*s", (int)sizeof(r->last_auth) - 1,
		       regd_header(head, "Authorization"));
	good = !r->password || !strcmp(r->last_auth, r->password);
	(void)snprintf(body, sizeof(body), "{\"token\":\"tok%u\",\"expires_in\":300}", r->token_serial);
	(void)pthread_mutex_unlock(&r->mutex);
	return regd_answer(fd, good ? 200 : 401, "", good ? body : "{\"details\":\"incorrect username or password\"}");
}

/* ret: 1 go on, 0 answered, -1 the peer is gone */
static inline int regd_check_auth(struct regd *r, int fd, const char *head)
{
	char want[300], headers[600];

	if (!r->auth)
		return 1;
	if (!strcmp(r->auth, "basic"))
		(void)snprintf(want, sizeof(want), "%s", r->password);
	else
		(void)snprintf(want, sizeof(want), "Bearer tok%u", r->token_serial);
	if (!strcmp(regd_header(head, "Authorization"), want))
		return 1;
	(void)pthread_mutex_lock(&r->mutex);
	r->unauthorized++;
	(void)pthread_mutex_unlock(&r->mutex);
	if (!strcmp(r->auth, "basic"))
		(void)snprintf(headers, sizeof(headers), "WWW-Authenticate: Basic realm=\"x\"\r\n");
	else if (r->realm)
		(void)snprintf(headers, sizeof(headers), "WWW-Authenticate: Bearer realm=\"%s\",service=\"test\"\r\n",
			       r->realm);
	else
		(void)snprintf(headers, sizeof(headers), "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/token\","
			       "service=\"test\",scope=\"repository:demo/app:pull\"\r\n", r->port);
	return regd_answer(fd, 401, headers,
			   "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}")
		       ? 0
		       : -1;
}

static inline bool regd_object_answer(struct regd *r, int fd, const char *head, const struct regd_object *o)
{
	const bool blob = strstr(o->path, "/blobs/") != NULL;
	const char *range = regd_header(head, "Range");
	auto_free char *body = xmemdup(o->body, o->len ? o->len : 1), *header = NULL;
	size_t from = 0, len, cut = (size_t)-1;
	unsigned long long at;
	int fail = 0;

	if (sscanf(range, "bytes=%llu-", &at) == 1)
		from = at;
	(void)pthread_mutex_lock(&r->mutex);
	r->blobs += blob;
	r->ranges += from > 0;
	if (blob && r->fail_times > 0) {
		r->fail_times--;
		fail = r->fail_status;
	} else if (blob && r->cut_times > 0 && o->len > r->cut_at) {
		r->cut_times--;
		cut = r->cut_at;
	}
	(void)pthread_mutex_unlock(&r->mutex);
	if (fail) {
		header = xasprintf("%s%s%s", r->retry_after ? "Retry-After: " : "",
				   r->retry_after ? r->retry_after : "", r->retry_after ? "\r\n" : "");
		return regd_answer(fd, fail, header,
				   "{\"errors\":[{\"code\":\"X\",\"message\":\"go\\u001b[31maway\"}]}");
	}
	if (blob && r->redirect) {
		header = xasprintf("Location: %s\r\n", r->redirect);
		return regd_answer(fd, 307, header, "");
	}
	if (r->corrupt && strstr(o->path, r->corrupt) && o->len)
		body[o->len / 2] ^= 1;
	if (r->no_range || from >= o->len)
		from = 0;
	len = o->len - from;
	if (from)
		header = xasprintf("HTTP/1.1 206 Partial\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
				   "Content-Range: bytes %zu-%zu/%zu\r\n\r\n",
				   o->type, len, r->bad_range ? from + 5 : from, o->len - 1, o->len);
	else
		header = xasprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", o->type,
				   len + (blob ? 0 : r->endless));
	if (!regd_send(fd, header, strlen(header)) || !regd_send(fd, body + from, len < cut ? len : cut) || len > cut)
		return false;
	(void)pthread_mutex_lock(&r->mutex);
	r->blob_bytes += blob ? len : 0;
	(void)pthread_mutex_unlock(&r->mutex);
	for (size_t n = blob ? 0 : r->endless; n >= 1024; n -= 1024)
		if (!regd_send(fd, memset((char[1024]){0}, ' ', 1024), 1024))
			return false;
	return true;
}

static inline bool regd_request(struct regd *r, int fd, const char *head)
{
	char path[1000];
	int rc;

	(void)pthread_mutex_lock(&r->mutex);
	r->requests++;
	(void)pthread_mutex_unlock(&r->mutex);
	if (sscanf(head, "%*s %999s", path) != 1)
		return false;
	if (!strncmp(path, "/token", 6))
		return regd_token(r, fd, head, path + 6);
	rc = regd_check_auth(r, fd, head);
	if (rc <= 0)
		return rc == 0;
	if (!strcmp(path, "/v2/"))
		return regd_answer(fd, 200, "Docker-Distribution-Api-Version: registry/2.0\r\n", "{}");
	for (size_t i = 0; i < r->objects.n; i++)
		if (!strcmp(r->objects.v[i].path, path))
			return regd_object_answer(r, fd, head, &r->objects.v[i]);
	return regd_answer(fd, 404, "",
			   "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}");
}

struct regd_conn { struct regd *r; int fd; };

static inline void *regd_serve(void *arg)
{
	struct regd_conn *c = arg;
	char head[8192];
	size_t n = 0;

	for (;;) {
		ssize_t got = recv(c->fd, head + n, sizeof(head) - 1 - n, 0);
		char *end;

		if (got <= 0)
			break;
		n += (size_t)got;
		head[n] = '\0';
		end = strstr(head, "\r\n\r\n");
		if (!end)
			continue;
		if (!strncmp(head, "POST", 4))           /* its small body comes along */
			end = head + n - 4;
		if (!regd_request(c->r, c->fd, head))
			break;
		n = 0;
	}
	(void)shutdown(c->fd, SHUT_RDWR);
	free(c);
	return NULL;
}

static inline void *regd_accept(void *arg)
{
	struct regd *r = arg;

	for (;;) {
		int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
		struct regd_conn *c;
		pthread_t t;

		if (fd < 0)
			return NULL;
		c = xmalloc(sizeof(*c));
		*c = (struct regd_conn){ r, fd };
		(void)pthread_mutex_lock(&r->mutex);
		vec_push(&r->sockets, fd);
		if (pthread_create(&t, NULL, regd_serve, c) == 0)
			vec_push(&r->threads, t);
		(void)pthread_mutex_unlock(&r->mutex);
	}
}

static inline void regd_start(struct regd *r)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	memset(r, 0, sizeof(*r));
	(void)pthread_mutex_init(&r->mutex, NULL);
	r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(r->listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(r->listener, 64) < 0 ||
	    getsockname(r->listener, (struct sockaddr *)&a, &len) < 0)
		abort();
	r->port = ntohs(a.sin_port);
	if (pthread_create(&r->thread, NULL, regd_accept, r))
		abort();
}

static inline void regd_stop(struct regd *r)
{
	(void)shutdown(r->listener, SHUT_RDWR);
	(void)pthread_join(r->thread, NULL);
	for (size_t i = 0; i < r->sockets.n; i++)
		(void)shutdown(r->sockets.v[i], SHUT_RDWR);
	for (size_t i = 0; i < r->threads.n; i++)
		(void)pthread_join(r->threads.v[i], NULL);
	for (size_t i = 0; i < r->sockets.n; i++)
		(void)close(r->sockets.v[i]);
	(void)close(r->listener);
	for (size_t i = 0; i < r->objects.n; i++) {
		free(r->objects.v[i].path);
		free(r->objects.v[i].type);
		free(r->objects.v[i].body);
	}
	vec_done(&r->objects);
	vec_done(&r->threads);
	vec_done(&r->sockets);
}
