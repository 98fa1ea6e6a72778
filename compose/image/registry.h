/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - one repository of a registry, v2 protocol.
 * runs in: client, several threads at once.   owns: its connections and tokens.   layer: image.
 * spec: OCI distribution-spec; distribution token authentication. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"
#include "compose/image/ingest.h"
#include "compose/image/manifest.h"
#include "parser/imageref.h"

struct registry;
int  registry_open(struct registry **ret, const struct imageref *ref, struct err *e)
	__attribute__((warn_unused_result));
void registry_free(struct registry *r);
/* Make the requests of all threads fail soon. */
void registry_stop(struct registry *r);

/* Fetch a manifest or index by tag or digest. ret: its text, caller frees, and its digest
 * err: ERR_MISSING, ERR_DENIED, ERR_NET; ERR_SYS when a digest was asked for and the bytes are others */
int  registry_manifest(struct registry *r, const char *tag_or_digest, char **ret, size_t *ret_len,
		       char digest[DIGEST_SIZE], struct err *e) __attribute__((warn_unused_result));
/* Fetch a small blob (a configuration), digest checked. */
int  registry_blob(struct registry *r, const struct blob_desc *d, size_t max, char **ret, size_t *ret_len,
		   struct err *e) __attribute__((warn_unused_result));

struct fetch_watch {                 /* what happens during registry_layer(); all may be NULL */
	void (*bytes)(void *arg, uint64_t done);
	void (*retry)(void *arg, const char *why);
	void *arg;
};
/* Feed a layer from where g is to its end, over as many connections as it takes.
 * ret: 0 also when the pipeline wanted no more; -1 when the source failed for good */
int  registry_layer(struct registry *r, const struct blob_desc *d, struct ingest *g, const struct fetch_watch *w,
		    struct err *e) __attribute__((warn_unused_result));

/* -- pushing -- */

/* A blob to send: in memory, or the whole of an open file. */
struct blob_src { const void *buf; int fd; };
/* Does the repository have that blob? ret: 1, 0, or -1 */
int  registry_has(struct registry *r, const struct blob_desc *d, struct err *e) __attribute__((warn_unused_result));
/* Let the repository have a blob that another one of the same registry has. ret: 1, 0 when it does not do that, or -1 */
int  registry_mount(struct registry *r, const struct blob_desc *d, const char *from, struct err *e)
	__attribute__((warn_unused_result));
/* Send a blob; a large one in pieces. A cut connection begins it anew. */
int  registry_send(struct registry *r, const struct blob_desc *d, const struct blob_src *src, const struct fetch_watch *w,
		   struct err *e) __attribute__((warn_unused_result));
/* Name a manifest. in: tag or digest */
int  registry_put_manifest(struct registry *r, const char *tag, const char *type, const char *text, size_t len,
			   struct err *e) __attribute__((warn_unused_result));
