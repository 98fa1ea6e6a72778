/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h - who we are to a registry: docker's config.json, credential helpers, challenges.
 * runs in: client.   owns: creds_done frees (and wipes).   layer: image.
 * spec: docker config.json (auths, credsStore, credHelpers), credential helper protocol, distribution token auth.
 * A credential helper is run without a shell, from fixed directories or by an absolute path, never by PATH. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/err.h"

struct creds { char *user, *secret, *identity; };       /* all NULL: anonymous; identity: a token to refresh with */
#define auto_creds __attribute__((cleanup(creds_done)))
void creds_done(struct creds *c);
/* Look up the credentials for a registry host ("docker.io", "localhost:5000").
 * in: config_dir: NULL: DOCKER_CONFIG, else ~/.docker
 * ret: 0 (also when there are none); -1 when the file or the helper is broken */
int  creds_find(struct creds *ret, const char *host, const char *config_dir, struct err *e)
	__attribute__((warn_unused_result));
/* ret: "Basic ...", caller frees; NULL without user */
char *creds_basic(const struct creds *c);

struct challenge { bool bearer, basic; char *realm, *service, *scope; };
/* Read WWW-Authenticate; pure. Unknown schemes are passed over. */
void challenge_parse(const char *header, struct challenge *ret);
void challenge_done(struct challenge *c);

/* ret: text with everything but letters, digits and -._~ as %XX; caller frees */
char *url_escape(const char *text);
/* ret: decoded bytes, NUL-terminated, or NULL when text is no base64; caller frees */
char *base64_decode(const char *text, size_t *ret_len);
