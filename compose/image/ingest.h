/* SPDX-License-Identifier: Apache-2.0 */
/* ingest.h - a layer on its way in: bytes -> digest -> decompress -> diff id -> unpack, each in a thread of its own.
 * runs in: client.   owns: its threads, its temporary directory, its partial blob.   layer: image.
 * The feeding thread digests the compressed bytes and writes them to images/part/HEX. What a cut left there is fed
 * first by ingest_begin(), so that a download goes on from ingest_offset(). The caller holds a pin (store_pin). */
#pragma once
#include <stdint.h>
#include "compose/image/store.h"

struct ingest_opts {
	const char *digest;          /* "sha256:HEX" that the bytes must have, or NULL */
	int64_t     size;            /* length they must have, or -1 */
	const char *diff_id;         /* 64 hex digits that the tar must have, or NULL */
	const char *blob_type;       /* keep the bytes as a blob of this media type; NULL: keep the layer only */
	bool        is_blob;         /* the bytes are read from the store's own blob: record it, keep no second one */
	bool        import;          /* a root file system, no layer: ".wh." names are files */
};
struct ingest_result { char diff_id[65]; uint64_t blob_size; };
struct ingest;

/* ret: 0; 1 when the layer (diff_id) is there already, also when another process brought it just now; -1 */
int  ingest_begin(struct ingest **ret, struct store *s, const struct ingest_opts *o, struct err *e)
	__attribute__((warn_unused_result));
/* ret: how many bytes it has so far */
uint64_t ingest_offset(const struct ingest *g);
/* ret: 0, or -1 when the pipeline wants no more: ingest_end() tells why */
int  ingest_feed(struct ingest *g, const void *buf, size_t len) __attribute__((warn_unused_result));
/* All bytes are in: wait, check the digests, put blob and layer in place. Frees g in any case. */
int  ingest_end(struct ingest *g, struct ingest_result *ret, struct err *e) __attribute__((warn_unused_result));
/* Feed everything from an open file. ret: 0, also when the pipeline wants no more; -1: reading failed, ERR_INTR */
int  ingest_file(struct ingest *g, int fd, const char *name, struct err *e) __attribute__((warn_unused_result));
/* The source failed: stop and free g; the bytes so far stay for the next attempt. */
void ingest_abort(struct ingest *g);
