/* SPDX-License-Identifier: Apache-2.0 */
/* add_url.h - ADD from an http(s) address: the file, fetched into a directory of its own, from which it is copied.
 * runs in: client, the builder's threads.   owns: struct url_file its directory.   layer: build.
 * TLS is verified; an https address is not left for a plain one. spec: Dockerfile reference "ADD" */
#pragma once
#include "compose/build/build_priv.h"

#define URL_FILE_INIT { .dir = SCRATCH_INIT }
struct url_file {
	struct scratch dir;
	struct source  s;                 /* it alone, mode 0600, time as the server says or 1970 */
	char          *name;
};
/* What the address calls its file: the last part of the path; "__unnamed__" without one. ret: caller frees */
char *url_file_name(const char *url);
/* in: checksum: "sha256:HEX" that the content must have, or NULL; stop: asked for while it comes
 * err: ERR_MISSING (404), ERR_NET, ERR_DENIED, ERR_INTR; ERR_CONFLICT: another content */
int  url_file_get(struct url_file *f, struct build *b, const char *url, const char *checksum, struct err *e)
	__attribute__((warn_unused_result));
void url_file_done(struct url_file *f);
