/* SPDX-License-Identifier: Apache-2.0 */
/* registry_priv.h - what fetching (registry.c) and pushing (registry_push.c) share.   layer: image, inside only. */
#pragma once
#include <pthread.h>
#include "compose/image/auth.h"
#include "compose/image/http.h"
#include "compose/image/registry.h"

struct registry {
	struct http *http;
	struct imageref ref;
	char *base;                  /* "https://registry-1.docker.io/v2/library/redis" */
	char *ca_file;
	bool  plain;                 /* http: a registry on this machine */
	pthread_mutex_t mutex;       /* of what follows */
	char *auth;                  /* value of Authorization, or NULL */
	bool  creds_read;
	struct creds creds;
};

bool registry_is_loopback(const char *host);
/* One request, with authentication as it turns out to be needed. */
int registry_ask(struct registry *r, struct http_req *q, struct http_resp *resp, struct err *e);
/* As registry_ask(), patiently, until the status is one of two. ret: 0 or -1 */
int registry_ask_for(struct registry *r, struct http_req *q, struct http_resp *resp, long want, long or_want, const char *what,
		     struct err *e);
/* Say what a status other than the wanted one means. ret: -1 */
int registry_refused(const struct registry *r, const struct http_resp *resp, const char *what, struct err *e);
