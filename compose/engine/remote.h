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
#include "parser/io.h"

struct remote {
	const char *root;
}; /* --root, or NULL */
/* Files of this host, and remote ones. owns: r must outlive the result */
struct load_io remote_io(struct remote *r);
