/* SPDX-License-Identifier: Apache-2.0 */
/* image.h - the image store: what is in it, and how images get in and out.
 * runs in: client.   owns: struct image owns its texts (image_free).   layer: image.
 * spec: OCI image-layout, image-spec config; docker's rules for names, `image inspect` and `import --change`.
 *
 *   ROOT/images/oci-layout, index.json     an OCI image layout; one index entry per name, names in the annotations
 *   ROOT/images/blobs/sha256/HEX           manifests, configurations, compressed layers where there are any
 *   ROOT/images/part/                      blobs on their way in (a cut download goes on from here)
 *   ROOT/layers/HEX/                       a layer unpacked, once, by diff id: an overlay lower directory
 *   ROOT/layers/HEX.json                   its size, and the blob it came from
 *
 * The configuration's diff ids are the truth about an image. A layer that was made here (RUN, COPY) has no tar, so no
 * digest of one: its id is store_layer_new_id(), and the manifest names it with the media type LAYER_DIR_TYPE and
 * size 0. Saving or pushing such an image makes the tar, the real diff id, and with it another image id. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/json.h"

#define LAYER_DIR_TYPE "application/vnd.compose.layer.v1.dir"

struct store;
#define auto_store __attribute__((cleanup(store_freep)))

/* Open the store below root, making what is missing (mode 0700). */
int  store_open(struct store **ret, const char *root, struct err *e) __attribute__((warn_unused_result));
void store_free(struct store *s);
static inline void store_freep(struct store **s) { store_free(*s); }

/* Keep everything in the store from being collected until store_unpin() or the process ends; counted. A build holds it
 * from its first layer to image_commit(); pull and import take it themselves. Waits while one is collected. */
int  store_pin(struct store *s, struct err *e) __attribute__((warn_unused_result));
void store_unpin(struct store *s);

/* -- layers: 64 hex digits, which is also the directory's name below ROOT/layers -- */

/* Choose the id of a layer made here: sha256 over the parent chain (layers below, lowest first), the instruction, and
 * what went in. in: content: the digest of the inputs (COPY), or NULL for a result that nothing but running it tells
 * (RUN): then 128 random bits, so that two runs never share an id */
void store_layer_new_id(const struct strv *parents, const char *instruction, const char *content, char ret[65]);
bool store_layer_exists(struct store *s, const char *id);
/* Adopt the finished directory name below dirfd as layer id, by rename; same file system as the store. When the layer
 * is there already, the directory is removed instead. */
int  store_layer_add_dir(struct store *s, int dirfd, const char *name, const char *id, struct err *e)
	__attribute__((warn_unused_result));
/* ret: absolute path of the layer's directory; caller frees */
char *store_layer_path(struct store *s, const char *id);
/* ret: O_PATH|O_DIRECTORY descriptor, or -1 with errno */
int  store_layer_fd(struct store *s, const char *id);
/* A new empty directory beside the layers, for a layer that is being made. ret: its descriptor, *ret_name below
 * store_layers_fd(); caller removes or adopts it. What a killed process leaves is removed by the next store_pin(). */
int  store_tmp_dir(struct store *s, char **ret_name, struct err *e) __attribute__((warn_unused_result));
int  store_layers_fd(const struct store *s);           /* borrowed */

/* -- images -- */

struct image_label { char *key, *val; };
struct image_health { struct strv test; int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns, retries; };
struct image_config {                /* zero-initialise; image_config_done */
	struct strv env, entrypoint, cmd, shell, onbuild;
	struct strv ports;           /* "80/tcp" */
	struct strv volumes;         /* absolute paths; from outside: resolve inside the root only */
	VEC(struct image_label) labels;
	char *user, *workdir, *stop_signal;   /* NULL when unset */
	struct image_health *health;          /* NULL when unset */
};
struct image_history { char *created, *created_by, *comment; bool empty_layer; };
struct image {
	char *id;                    /* "sha256:HEX" of the configuration */
	char *manifest;              /* "sha256:HEX" of the manifest */
	struct strv tags;            /* canonical names, "docker.io/library/redis:alpine"; none: dangling */
	struct strv digests;         /* "docker.io/library/redis@sha256:..." as the registry gave it */
	struct strv layers;          /* diff ids as 64 hex digits, lowest first */
	struct image_config conf;
	VEC(struct image_history) history;    /* oldest first */
	char *os, *arch, *variant, *author, *comment;   /* "" when unset */
	char *created;               /* RFC 3339, as in the configuration; "" when unset */
	int64_t created_s;           /* the same, seconds since 1970; 0 when unset */
	int64_t tagged_s;            /* when the name it was opened by was given or last pulled, likewise; image_open() only */
	uint64_t size_bytes;         /* of its layers, unpacked; filled by image_list() only, see image_size() */
};
struct images { struct image **v; size_t n, cap; };
#define auto_image  __attribute__((cleanup(image_freep)))
#define auto_images __attribute__((cleanup(images_done)))
void image_free(struct image *i);
static inline void image_freep(struct image **i) { image_free(*i); }
void images_done(struct images *l);
void image_config_done(struct image_config *c);
void image_config_copy(struct image_config *dst, const struct image_config *src);     /* deep; dst is overwritten */
/* Set KEY=VALUE, replacing an earlier one in place. */
void image_config_env(struct image_config *c, const char *key, const char *val);
void image_config_label(struct image_config *c, const char *key, const char *val);
/* Apply one Dockerfile-like instruction: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL,
 * USER, VOLUME, WORKDIR. No variables are expanded. err: ERR_USAGE */
int  image_config_change(struct image_config *c, const char *instruction, struct err *e)
	__attribute__((warn_unused_result));

/* Find an image by reference, or by id or its prefix ("sha256:..." or at least 2 hex digits).
 * ret: 0; 1 when there is none; -1 with e (ERR_USAGE for an ambiguous prefix or a broken reference) */
int  image_open(struct store *s, const char *ref, struct image **ret, struct err *e)
	__attribute__((warn_unused_result));
/* Is it for that platform ("os/arch[/variant]")? One that does not say what it is for fits all, "" takes all. */
bool image_fits(const struct image *i, const char *platform);
/* Sum of the sizes of its layers, unpacked. */
uint64_t image_size(struct store *s, const struct image *i);
/* All images, each once, newest first. An image whose files are damaged goes to warn (may be NULL) and is left out. */
int  image_list(struct store *s, struct images *ret, struct errs *warn, struct err *e)
	__attribute__((warn_unused_result));
/* Give an image another name; a name that meant another image moves. err: ERR_MISSING */
int  image_tag(struct store *s, const char *ref, const char *new_ref, struct err *e)
	__attribute__((warn_unused_result));

struct image_removed { struct strv untagged, deleted; uint64_t freed_bytes; };
void image_removed_done(struct image_removed *r);
/* Take a name away; with the last name (or by id) the image, and the blobs and layers that nothing else uses.
 * in: used: layers that containers or the build cache need (64 hex digits), which stay. force: by id with several names
 * err: ERR_MISSING; ERR_CONFLICT when an id has several names and force is not set */
int  image_remove(struct store *s, const char *ref, bool force, const struct strv *used, struct image_removed *ret,
		  struct err *e) __attribute__((warn_unused_result));
/* Remove blobs and layers that no image and nobody in used needs, and what killed processes left.
 * ret: 0; 1 when another process is filling the store: then nothing was done */
int  store_gc(struct store *s, const struct strv *used, uint64_t *ret_freed_bytes, struct err *e)
	__attribute__((warn_unused_result));

/* Store a new image of layers that are in the store. in: spec: conf, layers, history, os, arch, variant, author,
 * comment, created (NULL or "": empty); the rest is ignored. ref: its name, or NULL (dangling).
 * ret: *ret may be NULL when the image is not wanted */
int  image_commit(struct store *s, const struct image *spec, const char *ref, struct image **ret, struct err *e)
	__attribute__((warn_unused_result));

/* Descriptors (O_PATH) of the layers' directories, lowest first; at least one (an empty directory for FROM scratch).
 * Layers that are there only as blobs (another tool wrote the layout) are unpacked first.
 * owns: *ret is an array of *ret_n descriptors, closed and freed by the caller. err: ERR_MISSING names the layer */
int  image_layer_fds(struct store *s, const struct image *i, int **ret, size_t *ret_n, struct err *e)
	__attribute__((warn_unused_result));
/* Unpack layers that are there only as blobs. err: ERR_MISSING when a layer is nowhere */
int  image_ensure(struct store *s, const struct image *i, struct err *e) __attribute__((warn_unused_result));

/* What `docker image inspect` prints for one image; new reference. */
json_t *image_inspect(struct store *s, const struct image *i);

/* -- import and load -- */

/* Make an image of one layer from a tar of a root file system (plain, gzip, bzip2, xz, zstd).
 * in: path: file, or "-" for standard input; changes: instructions for image_config_change(); message: comment or NULL;
 * platform: "os/arch[/variant]" or NULL for this machine's */
struct import_opts { const char *path; const struct strv *changes; const char *message, *platform; };
int  image_import(struct store *s, const struct import_opts *o, const char *ref, struct image **ret, struct err *e)
	__attribute__((warn_unused_result));
/* Take in every image of a `docker save` or OCI layout archive. ret: names (or ids) are added to loaded */
int  image_load(struct store *s, const char *path, struct strv *loaded, struct err *e)
	__attribute__((warn_unused_result));

/* -- pull -- */

enum pull_policy { PULL_ALWAYS, PULL_MISSING, PULL_NEVER };
enum pull_state { PULL_RESOLVE, PULL_WAIT, PULL_FETCH, PULL_RETRY, PULL_EXISTS, PULL_DONE };
struct pull_progress {
	enum pull_state state;
	const char *layer;           /* 12 hex digits of its blob; "" for the image itself (PULL_RESOLVE, PULL_DONE) */
	size_t index, n_layers;
	uint64_t done_bytes, total_bytes;     /* compressed */
	const char *note;            /* PULL_RETRY: why; else "" */
};
struct pull_opts {
	enum pull_policy policy;
	const char *platform;        /* "os/arch[/variant]", NULL: this machine's */
	void (*progress)(void *arg, const struct pull_progress *p);   /* may be NULL; never by two threads at once */
	void *arg;
};
/* Bring an image into the store from its registry.
 * ret: 0 when something was fetched or its name moved, 1 when the store had it already
 * err: ERR_MISSING no such image (or PULL_NEVER and absent), ERR_DENIED, ERR_NET, ERR_INTR
 * spec: OCI distribution-spec pull; docker's config.json for credentials */
int  image_pull(struct store *s, const char *ref, const struct pull_opts *o, struct image **ret, struct err *e)
	__attribute__((warn_unused_result));

/* -- push -- */

enum push_state { PUSH_WAIT, PUSH_PACK, PUSH_SEND, PUSH_RETRY, PUSH_EXISTS, PUSH_MOUNTED, PUSH_DONE };
struct push_progress {
	enum push_state state;
	const char *layer;           /* 12 hex digits of the layer; "" for the image itself */
	size_t index, n_layers;
	uint64_t done_bytes, total_bytes;     /* compressed */
	const char *note;            /* PUSH_RETRY: why; else "" */
};
struct push_opts {
	void (*progress)(void *arg, const struct push_progress *p);   /* may be NULL */
	void *arg;
};
/* Send an image of the store to the registry that its name says. Layers that the registry has are not sent again. One that
 * is here only as a directory is packed, which gives it another digest than a registry knew, and the image another id.
 * ret: 0 with *ret_digest ("sha256:..." of the manifest; caller frees; may be NULL)
 * err: ERR_MISSING no such image, ERR_DENIED, ERR_NET, ERR_INTR.   spec: OCI distribution-spec push */
int  image_push(struct store *s, const char *ref, const struct push_opts *o, char **ret_digest, struct err *e)
	__attribute__((warn_unused_result));
