/* SPDX-License-Identifier: Apache-2.0 */
/* import.h - shared by the ways in: import, load, pull. For compose/image only.
 * runs in: client.   owns: nothing.   layer: image. */
#pragma once
#include "compose/image/manifest.h"
#include "compose/image/store.h"
#include "parser/imageref.h"

/* ret: now as RFC 3339 in UTC with nanoseconds; caller frees */
char *time_now(void);
/* Open a file that the user names, "-" for standard input. ret: descriptor, or -1 with e */
int open_source(const char *path, struct err *e);
/* Unpack a layer from its blob in the store. The caller holds a pin. */
int unpack_blob(struct store *s, const struct blob_desc *d, const char *diff_id, struct err *e)
	__attribute__((warn_unused_result));
/* Build and store a manifest for a configuration that is in the store already (digest, length), from its layers.
 * ret: the manifest's digest and length */
int manifest_commit(struct store *s, const char *config_digest, size_t config_len, const struct strv *layers,
		    char ret[DIGEST_SIZE], size_t *ret_len, struct err *e) __attribute__((warn_unused_result));
