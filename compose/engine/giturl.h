/* SPDX-License-Identifier: Apache-2.0 */
/* giturl.h - where in which repository: https://host/team/app.git#ref:dir, git@host:team/app.git, github.com/team/app.
 * runs in: client.   owns: giturl_done frees (and wipes).   layer: engine, pure text.
 * spec: docker's git references, as compose files and build contexts name them. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"

struct giturl {
	char *url;    /* for git itself: may hold a password or token */
	char *shown;  /* for people, files and keys: without one */
	char *secret; /* what url has and shown has not, "user:token@"; or NULL */
	char *ref;    /* branch, tag or commit; "HEAD" when none is named */
	char *subdir; /* relative, clean, inside the repository; "" = its top */
	char *name;   /* last part of the path without .git: fit for the name of a directory */
};
#define auto_giturl __attribute__((cleanup(giturl_done)))

/* err: ERR_USAGE: no repository (https without .git), a host, ref or directory that could mean something else */
int giturl_parse(struct giturl *ret, const char *text, struct err *e) __attribute__((warn_unused_result));
void giturl_done(struct giturl *u);
/* Is text an address rather than a directory of this host? */
bool giturl_is_address(const char *text);
/* Is ref a whole commit id? */
bool giturl_is_commit(const char *ref);
