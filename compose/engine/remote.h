/* SPDX-License-Identifier: Apache-2.0 */
/* remote.h - compose files that are elsewhere: git repositories and OCI artefacts, fetched into a cache.
 * runs in: client.   owns: nothing between calls.   layer: engine.
 * spec: docker compose's remote resources (-f, include, extends.file): git URLs, oci://REFERENCE.
 *
 *   ROOT/remote/lock                       held by whoever fetches
 *   ROOT/remote/tmp-XXXXXX/                what is being fetched; left over only by a killed process, then swept
 *   ROOT/remote/HEX/NAME/                  the files of one commit or one artefact; HEX: digest of where and which
 * Whatever a repository or registry says becomes a file below its own directory, or is refused. */
#pragma once
#include "compose/state/paths.h"
#include "parser/io.h"

struct remote {
	const char *root;
}; /* --root, or NULL */
/* The directory of a build context that is in a git repository, fetched as remote compose files are; a link is not
 * followed on the way to it. in: p: the open installation
 * ret: 0 with its absolute path and how to call it, without secrets (the caller frees both); -1 with e */
int remote_context(const struct paths *p, const char *url, char **ret_dir, char **ret_shown, struct err *e)
	__attribute__((warn_unused_result));
/* Files of this host, and remote ones. owns: r must outlive the result */
struct load_io remote_io(struct remote *r);
