/* SPDX-License-Identifier: Apache-2.0 */
/* helper.h - run docker-credential-NAME to get a secret.
 * runs in: client.   owns: the child, until it has ended.   layer: image.
 * spec: docker-credential-helpers protocol. */
#pragma once
#include "compose/base/err.h"

/* in: name: "pass" (looked for in /usr/local/bin, /usr/bin, /bin, and their libexec), or an absolute path
 * ret: 0 with user and secret (caller frees); 1 when the helper has none for this server; -1 */
int helper_get(const char *name, const char *server, char **ret_user, char **ret_secret, struct err *e)
	__attribute__((warn_unused_result));
