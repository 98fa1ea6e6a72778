/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the store's inside: blobs, index, layer records. For compose/image only; others use image.h.
 * runs in: client.   owns: descriptors of the store's directories.   layer: image.
 * Kill -9 at any moment leaves a whole store: files appear by rename, index.json changes last, a directory that is
 * being made or removed is called tmp.*. Two locks: images/lock (an index change, short) and images/pin
 * (shared by who fills the store, exclusive for who collects). */
#pragma once
#include <pthread.h>
#include "compose/image/image.h"

enum {
	MANIFEST_MAX = 4 << 20,      /* bytes; what registries accept at most */
	CONFIG_MAX = 4 << 20,
	INDEX_MAX = 64 << 20,
	LAYERS_MAX = 500,            /* overlay's own limit of lower directories */
	DIGEST_SIZE = 72,            /* "sha256:", 64 digits, NUL */
};

#define NOTE_NAME "io.containerd.image.name"
#define NOTE_REF "org.opencontainers.image.ref.name"
#define NOTE_REPO "vnd.compose.repo.digest"     /* "docker.io/library/redis@sha256:..." as the registry gave it */
#define NOTE_TAGGED "vnd.compose.tagged"        /* seconds since 1970: when it got this name, or a pull found it unchanged */

struct store {
	char *root;                  /* absolute */
	int images, blobs, layers, part;
	pthread_mutex_t mutex;       /* pins */
	unsigned pins;
	int pin_fd;
};

/* Exclusive lock for a change of index.json. ret: descriptor to close, or -1 with e */
int store_lock(struct store *s, struct err *e);

/* -- blobs; digest is "sha256:HEX", checked by the caller -- */
bool blob_exists(struct store *s, const char *digest);
int  blob_open(struct store *s, const char *digest);                   /* O_RDONLY; -1 with errno */
int  blob_read(struct store *s, const char *digest, size_t max, char **ret, size_t *ret_len, struct err *e)
	__attribute__((warn_unused_result));
/* Store a small blob. ret: its digest */
int  blob_put(struct store *s, const void *buf, size_t len, char ret[DIGEST_SIZE], struct err *e)
	__attribute__((warn_unused_result));

/* -- index.json -- */
/* ret: the array of descriptors (new reference), empty when there is no index yet. Elements without a sha256
 * digest are left out. */
int  index_load(struct store *s, json_t **ret, struct err *e) __attribute__((warn_unused_result));
int  index_save(struct store *s, json_t *entries, struct err *e) __attribute__((warn_unused_result));
const char *index_note(const json_t *entry, const char *key);          /* annotation, or NULL */
char *index_name(const json_t *entry);                                 /* canonical name, or NULL; caller frees */
/* Name the manifest: add or move canonical name (NULL: keep as dangling), note repo (name@digest, may be NULL).
 * The caller holds the lock. ret: whether anything changed */
bool index_set(json_t *entries, const char *manifest, size_t size, const char *media_type, const char *name,
	       const char *repo);
/* Lock, load, index_set(), save. ret: 1 when nothing had to change */
int  store_name(struct store *s, const char *manifest, size_t size, const char *media_type, const char *name,
		const char *repo, struct err *e) __attribute__((warn_unused_result));

/* -- layer records -- */
/* blob: where it came from, NULL: no tar. made: the gzip'ed tar that a push made of the directory, with the diff id that
 * it has (64 hex digits); NULL: none yet. The tars themselves need not be there any more. */
struct layer_info { uint64_t size_bytes; int64_t blob_size, made_size; char *blob_type, *blob, *made, *made_diff; };
int  layer_info_read(struct store *s, const char *id, struct layer_info *ret);  /* -1 when absent or damaged */
int  layer_info_write(struct store *s, const char *id, const struct layer_info *i, struct err *e)
	__attribute__((warn_unused_result));
void layer_info_done(struct layer_info *i);
/* Put the finished directory tmp (below s->layers) in its place; one that is there already wins. */
int  layer_publish(struct store *s, int dirfd, const char *tmp, const char *id, const struct layer_info *info,
		   struct err *e) __attribute__((warn_unused_result));
bool is_hex64(const char *s);

/* Remove tmp.* directories and old partial blobs. The caller holds images/pin exclusively. */
void store_sweep_tmp(struct store *s);

/* Read the image of an index entry (or of a manifest digest), without tags. name is for messages. */
int  image_load_manifest(struct store *s, const char *manifest, struct image **ret, struct err *e)
	__attribute__((warn_unused_result));
