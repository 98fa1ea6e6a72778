/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - one HTTP request, by libcurl; any number of threads, connections are kept for the next request.
 * runs in: client only: a process that has loaded libcurl makes and joins no namespace.   owns: its connections.
 * layer: image.   TLS is always verified. Proxies come from the usual environment variables. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/err.h"

struct http;
int  http_new(struct http **ret, struct err *e) __attribute__((warn_unused_result));
void http_free(struct http *h);
/* Make requests of all threads fail soon (ERR_INTR). */
void http_stop(struct http *h);

/* What is sent: bytes in memory, or a part of a file. */
struct http_body {
	const void *buf;             /* NULL: from fd */
	int      fd;
	uint64_t from, len;
};

struct http_req {
	const char *url;             /* https://; http:// only with plain_ok */
	const char *accept;          /* header values, or NULL */
	const char *auth;            /* sent to the host of url only, not after a redirect to another */
	const char *post;            /* form body; NULL: GET */
	const char *method;          /* HEAD, POST, PUT, PATCH; NULL: GET, or POST of a form */
	const struct http_body *body;/* with POST, PUT, PATCH; NULL: empty. Redirects are not followed then */
	const char *type;            /* Content-Type of body, or NULL */
	const char *range;           /* Content-Range of body, or NULL */
	const char *ca_file;         /* further certificates to trust, or NULL */
	bool     plain_ok;
	uint64_t from;               /* ask for the bytes from here on; the sink never sees earlier ones */
	size_t   max;                /* cap of a collected body, bytes */
	/* Takes the body of a 200 or 206; ret: -1 to stop. NULL: the body is collected. */
	int    (*sink)(void *arg, const void *buf, size_t len);
	void    *arg;
};
struct http_resp {                   /* zero-initialise */
	long  status;
	char *body;                  /* collected, NUL-terminated; of an error status at most 64 KiB; never NULL */
	size_t len;
	char *type, *challenge, *retry_after;    /* headers, or NULL; challenge: all WWW-Authenticate, joined by ", " */
	char *location, *range;      /* Location; Range of an upload that has begun ("0-1023") */
	char *modified;              /* Last-Modified */
	bool  stopped;               /* the sink wanted no more */
	bool  unreachable;           /* no such host, or nobody listens: many attempts would only make the user wait */
};
#define auto_resp __attribute__((cleanup(http_resp_done)))
void http_resp_done(struct http_resp *r);
/* ret: 0 whenever a response came, whatever its status; else -1
 * err: ERR_NET worth another try; ERR_DENIED certificate; ERR_INTR; ERR_SYS too large or not HTTP */
int  http_do(struct http *h, const struct http_req *q, struct http_resp *r, struct err *e)
	__attribute__((warn_unused_result));
/* Wait before attempt n + 2 (n from 0): doubling, with jitter, or as Retry-After says (at most a minute).
 * ret: 0, or -1 with ERR_INTR */
int  http_backoff(struct http *h, unsigned n, const char *retry_after, struct err *e)
	__attribute__((warn_unused_result));
/* May attempt n (from 0) be followed by another, after that answer or (rc < 0) that error? */
bool http_again(unsigned n, int rc, const struct http_resp *r, const struct err *e);
/* Is the status one that may pass by itself (408, 429, 5xx)? */
bool http_transient(long status);
