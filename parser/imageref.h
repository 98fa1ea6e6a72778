/* SPDX-License-Identifier: Apache-2.0 */
/* imageref.h - image references: [HOST[:PORT]/]PATH[:TAG][@DIGEST], with docker's rules and defaults.
 * runs in: client.   owns: imageref_done frees the texts.   layer: parser, pure.
 * spec: the grammar of the distribution project's reference package; docker.io/library and :latest as defaults. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"

struct imageref {
	char *host;       /* "docker.io", "localhost:5000", "[::1]:5000" */
	char *path;       /* "library/redis" */
	char *tag;        /* "alpine"; NULL when the reference has only a digest */
	char *digest;     /* "sha256:64 hex digits", or NULL */
};
#define auto_imageref __attribute__((cleanup(imageref_done)))

/* Split text and fill in the defaults.
 * ret: 0; -1 with ERR_USAGE naming the part that is wrong (case, length, character, tag, digest, 64 hex digits) */
int  imageref_parse(struct imageref *ret, const char *text, struct err *e) __attribute__((warn_unused_result));
void imageref_done(struct imageref *r);
/* ret: "docker.io/library/redis:alpine", with "@sha256:..." when it has a digest; caller frees */
char *imageref_canonical(const struct imageref *r);
/* ret: what people write, "redis:alpine"; caller frees */
char *imageref_familiar(const struct imageref *r);
/* ret: "docker.io/library/redis", or familiar "redis"; caller frees */
char *imageref_name(const struct imageref *r, bool familiar);
/* ret: whether s is "sha256:" and 64 lower-case hex digits */
bool imageref_is_digest(const char *s);
