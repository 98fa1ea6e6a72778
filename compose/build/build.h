/* SPDX-License-Identifier: Apache-2.0 */
/* build.h - a Dockerfile and a context become an image of the store.
 * runs in: client, any thread; makes its own threads (one per stage).   owns: <root>/build.   layer: build.
 * It makes and joins no namespace: RUN steps go through struct build_env, files through detached overlays.
 *
 *   ROOT/build/cache/KEY     what a step with that key made (layer, time); KEY is a digest, see cache.h
 *   ROOT/build/stat/ID       digests of a context's files by inode, size, change time
 *   ROOT/build/mounts/ID     directories of RUN --mount=type=cache; ID is a digest of the mount's id
 *   ROOT/layers/tmp.*        a step at work (store_tmp_dir): becomes a layer by rename, or is removed
 * spec: Dockerfile reference; compose-spec build. What others fell for: CVE-2024-21626, CVE-2024-23651, CVE-2024-23652,
 * CVE-2024-1753, CVE-2024-9407, CVE-2024-9675, CVE-2024-24557. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/err.h"

struct store;
struct strv;

struct build_kv { const char *key, *val; };

enum build_mount_kind { BUILD_MOUNT_BIND, BUILD_MOUNT_TMPFS };
struct build_mount {
	enum build_mount_kind kind;
	const char *source;           /* bind: absolute, below ROOT; no name in it is a user's */
	const char *target;           /* absolute path in the container; resolve it inside the rootfs */
	bool        ro;
	int64_t     size_bytes;       /* tmpfs: 0 = no limit */
};

struct build_limit { int resource; uint64_t soft, hard; };      /* RLIMIT_*; UINT64_MAX: unlimited */

/* One RUN: a transient container of the bundled runtime, default isolation, no privileges, no init. All borrowed. */
struct run_step {
	const char *name;             /* "[build 2/5] RUN make" */
	char *const *layers; size_t n_layers;   /* overlay lowers: names in ROOT/layers, lowest first */
	const char *upper, *work;     /* absolute, empty, on one file system; upper becomes the layer */
	char *const *args, *const *env;         /* NULL-terminated; HOME is there only when the image sets it */
	const char *cwd;              /* absolute; made by the runtime where the image lacks it */
	const char *user;             /* "" = root; "name[:group]" or numbers, resolved in the rootfs */
	const char *hostname;
	const char *network;          /* "" or "default": outbound; "none": loopback; "host"; or a network's name */
	int64_t     shm_size_bytes;   /* -1 = 64 MiB */
	const struct build_limit *limits; size_t n_limits;
	const struct build_kv *extra_hosts; size_t n_extra_hosts;   /* key = name, val = address or host-gateway */
	const struct build_mount *mounts; size_t n_mounts;
	int         cancel_fd;        /* turns readable when the step must be killed: Ctrl-C, or another stage failed */
};

/* What the builder cannot do itself. Called from several threads at once. */
struct build_env {
	void *ctx;
	/* Run s to its end; its output goes to out_fd and err_fd (both stay the caller's); stdin is empty.
	 * ret: 0 with *ret_exit (128+n for a signal); -1 when it could not be run at all (ERR_NOTFOUND, ERR_NOEXEC ...)
	 * or was cancelled (ERR_INTR) */
	int (*run)(void *ctx, const struct run_step *s, int out_fd, int err_fd, int *ret_exit, struct err *e);
	/* Make sure that ref is in the store (pull policy is the caller's business; pull: ask the registry again).
	 * ret: 0 with *ret_id ("sha256:...", caller frees) */
	int (*image)(void *ctx, const char *ref, bool pull, char **ret_id, struct err *e);
};

enum build_event_kind {
	BUILD_STEP,                   /* a step began: name, text */
	BUILD_OUTPUT,                 /* one line of its output, as the process wrote it: hostile bytes */
	BUILD_CACHED,                 /* the step's result was in the cache */
	BUILD_DONE,                   /* done in ms */
	BUILD_WARN,                   /* text; pos */
};
struct build_event {
	enum build_event_kind kind;
	unsigned      step;           /* number of the step within this build, from 1; 0 for a warning */
	const char   *name;           /* "[build 2/5] RUN make" */
	const char   *text;           /* BUILD_OUTPUT, BUILD_WARN */
	struct srcpos pos;
	int64_t       ms;
};
/* Called from several threads, one at a time. */
typedef void build_event_fn(void *arg, const struct build_event *ev);

struct build_secret { const char *id, *file, *value; };   /* value; or NULL and file: absolute path on the host */

struct build_ssh { const char *id, *socket; };    /* socket: where an agent listens; RUN --mount=type=ssh names the id */

/* A context with a name: FROM NAME and from=NAME mean it, before any stage or image that is called so. One of the others is set. */
struct build_context {
	const char *name;
	const char *dir;              /* absolute path of a directory; its own .dockerignore counts */
	const char *fetched;          /* dir came from there: as build_opts.fetched */
	const char *image;            /* reference */
	const char *image_id;         /* "sha256:...", in the store */
};

/* Zero-initialise; everything is borrowed. */
struct build_opts {
	const char *context;          /* directory */
	const char *fetched;          /* NULL; or where the directory came from, for messages: its links lead nowhere outside it */
	const char *dockerfile;       /* relative to context or absolute; NULL = Dockerfile, else dockerfile */
	const char *dockerfile_inline;/* its text, instead of a file; NULL = none */
	const char *target;           /* NULL or "" = the last stage */
	const struct build_kv *args;   size_t n_args;     /* val NULL: unset */
	const struct build_kv *labels; size_t n_labels;
	const char *const *tags;       size_t n_tags;     /* references the image gets */
	const char *network;          /* for RUN; NULL = default */
	const struct build_kv *extra_hosts; size_t n_extra_hosts;
	const struct build_secret *secrets; size_t n_secrets;
	const struct build_ssh *ssh; size_t n_ssh;
	const struct build_context *contexts; size_t n_contexts;
	const char *const *no_cache_stages; size_t n_no_cache_stages;      /* stages whose steps are all carried out */
	int64_t     shm_size_bytes;   /* 0 or -1 = 64 MiB */
	const struct build_limit *limits; size_t n_limits;      /* of RUN's processes; no part of the cache's keys */
	bool        no_cache, pull;
	bool        check;            /* look for mistakes only: nothing is built, no id is returned */
	bool        allow_host_network;   /* entitlement network.host: RUN --network=host */
	build_event_fn *progress; void *progress_arg;     /* NULL = quiet */
};

/* Build. All mistakes of the Dockerfile are reported together in errs; a failing step is one error: "RUN ...: exit
 * code 3" with its position and the last lines of its output. Nothing half-made is left, also after Ctrl-C.
 * in:  root: absolute path of ROOT; s: its image store
 * ret: 0 with *ret_image_id ("sha256:...", caller frees); -1 with at least one error in errs */
int build_image(struct store *s, const char *root, const struct build_opts *o, const struct build_env *env,
		char **ret_image_id, struct errs *errs) __attribute__((warn_unused_result));

/* Name the layers that the build cache needs, so that a collection spares them (image_remove, store_gc: used).
 * Records that no build has hit for max_age_s seconds are forgotten first; 0 forgets all.
 * in: root as above. ret: 64 hex digits each, added to used, perhaps more than once; nothing when there is no cache */
int build_cache_used(const char *root, int64_t max_age_s, struct strv *used, struct err *e)
	__attribute__((warn_unused_result));
enum { BUILD_CACHE_AGE_S = 14 * 24 * 3600 };      /* what callers pass unless the user says otherwise */
