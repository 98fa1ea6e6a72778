/* SPDX-License-Identifier: Apache-2.0 */
/* build_priv.h - what the files of the builder share.
 * runs in: client, the builder's threads.   layer: build, private. */
#pragma once
#include <pthread.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "compose/build/agent.h"
#include "compose/build/build.h"
#include "compose/build/context.h"
#include "compose/build/scope.h"
#include "compose/image/image.h"
#include "parser/dockerfile.h"

#define BUILD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define BUILD_EPOCH "1970-01-01T00:00:00Z"

enum stage_state { STAGE_UNUSED, STAGE_WAITING, STAGE_DONE, STAGE_FAILED };

struct build;
struct stage {
	struct build *b;
	const struct df_stage *df;
	size_t        index;
	enum stage_state state;           /* under b->mutex */
	pthread_t     thread;
	/* the image so far; read by other stages only when state is STAGE_DONE */
	struct image_config conf;
	struct strv   layers;
	VEC(struct image_history) history;
	char         *author, *created;   /* created: of the newest layer */
	struct scope  scope;
	bool          cmd_set;            /* CMD stands in this stage: ENTRYPOINT does not clear it */
	/* the step at work */
	unsigned      step, n_steps;      /* within the stage */
	unsigned      number;             /* within the build */
	char         *name;               /* "[build 2/5] RUN make" */
	int64_t       began_ns;
};

/* A directory of this host that files come from. dir, fetched: as in build_opts, borrowed */
struct local { struct source s; struct ignore *ignore; const char *dir, *fetched; };
struct named { const struct build_context *c; struct local local; };

/* One build. */
struct build {
	struct store *store;
	const struct build_opts *o;
	const struct build_env *env;
	struct dockerfile *df;
	char         *file;               /* name of the Dockerfile in messages */
	int           stat_dir, cache, mounts;    /* below ROOT/build */
	char         *mounts_path;
	struct local  context;
	struct named *named;              /* o->n_contexts of them */
	struct scope  globals;            /* ARGs before the first FROM, and the platform's */
	struct stage *stages;
	pthread_mutex_t mutex;            /* protects state of stages, errs, steps, running; serialises progress */
	pthread_cond_t  changed;
	struct errs  *errs;
	unsigned      steps;
	size_t        running;
	bool          stop;               /* a stage failed or Ctrl-C */
	int           cancel_fd, wake_fd; /* eventfds: kill running steps; a stage has ended */
};

/* -- build.c: progress and waiting -- */

/* Tell; name and number are the stage's current step. text may be NULL. */
void stage_tell(struct stage *st, enum build_event_kind k, const char *text, int64_t ms);
void build_warn(struct build *b, struct srcpos pos, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A step begins. text: what is shown behind "[1/5] ". */
void stage_step_begin(struct stage *st, const char *text);
void stage_step_end(struct stage *st, bool cached);
/* ret: 0; -1 with ERR_INTR when the user or another stage's failure ends the build */
int  build_check(struct build *b, struct err *e) __attribute__((warn_unused_result));
/* Wait until stage i is done. err: ERR_INTR when it or another one failed */
int  stage_wait(struct build *b, size_t i, struct err *e) __attribute__((warn_unused_result));
/* A stage's thread is about to end. */
void stage_ended(struct stage *st);
/* The value of a --build-arg; NULL when not given. */
const char *build_arg(const struct build *b, const char *name);

/* -- local.c: directories of this host -- */

/* Open l->dir. in: names: where to look for what is left out, NULL-terminated, the first that is there counts.
 * what: "the build context", for messages */
int  local_open(struct local *l, const struct build *b, const char *what, const char *const names[], struct err *e)
	__attribute__((warn_unused_result));
/* As fs_read, a file that the user or what was fetched names. err: ERR_MISSING when it is not there */
int  local_read(const struct local *l, const char *file, size_t max, char **ret, size_t *ret_len, struct err *e)
	__attribute__((warn_unused_result));
/* Keep the digests of its files for the next build. */
int  local_save(struct local *l, struct err *e) __attribute__((warn_unused_result));
void local_done(struct local *l);
/* How its file is called in messages: from the working directory where it is below it. ret: caller frees */
char *local_name(const struct local *l, const char *file);
int  named_open(struct build *b, struct err *e) __attribute__((warn_unused_result));
/* ret: the context that FROM or from= means by this name; NULL when there is none */
const struct named *named_find(const struct build *b, const char *name);
void named_done(struct build *b);

/* -- stage.c -- */

void *stage_main(void *stage);
/* ret: the number of the stage of that name before stage `before`; -1 when there is none (numbers are no names) */
int   stage_by_name(const struct build *b, size_t before, const char *name);
void  stage_done(struct stage *st);
/* Add to the history. created_by is consumed; layer: its id, or NULL for metadata */
void  stage_history(struct stage *st, char *created_by, const char *created, const char *layer);
/* Look for an earlier result under key. ret: whether there was one; then the step is done with it.
 * in: what: for the history, copied */
bool  stage_cached(struct stage *st, const char *key, const char *what);
/* The step's result: layer id ("" none) goes on top, records go into the cache under the keys (NULL, "": none). */
int   stage_made(struct stage *st, const char *layer, const char *key, const char *key2, const char *what,
		 struct err *e) __attribute__((warn_unused_result));
/* The image that ref names, brought into the store; checks the platform. ret: 0 with *ret */
int   base_open(struct build *b, const char *ref, const char *platform, struct image **ret, struct err *e)
	__attribute__((warn_unused_result));
/* The image that a context stands for. err: ERR_MODEL when it is a directory */
int   base_named(struct build *b, const struct named *n, const char *platform, struct image **ret, struct err *e)
	__attribute__((warn_unused_result));

/* -- the instructions: one handler each; err without position -- */

typedef int instr_fn(struct stage *st, const struct df_instr *in, struct err *e);
instr_fn instr_copy, instr_workdir, instr_run;      /* instr_copy.c, instr_run.c */
/* ret: the handler of a kind that changes only the configuration, NULL for others (instr_meta.c) */
instr_fn *instr_meta(enum df_kind k);
/* ret: false for instructions that only change the configuration or nothing */
bool instr_makes_layer(enum df_kind k);

/* -- layer.c: one layer being made -- */

struct scratch { struct build *b; char *name, *path; int fd; };      /* a directory beside the layers */
#define SCRATCH_INIT { .fd = -1 }
int  scratch_open(struct scratch *s, struct build *b, struct err *e) __attribute__((warn_unused_result));
void scratch_done(struct scratch *s);               /* removes it unless it was adopted */
#define auto_scratch __attribute__((cleanup(scratch_done)))

struct layer {
	struct scratch upper, work;
	int root;                         /* the image's root, writable, for file steps */
};
#define LAYER_INIT { .upper = SCRATCH_INIT, .work = SCRATCH_INIT, .root = -1 }
#define auto_layer __attribute__((cleanup(layer_done)))
/* Begin a layer on top of those below. in: mount: make l->root too */
int  layer_open(struct layer *l, struct build *b, const struct strv *below, bool mount, struct err *e)
	__attribute__((warn_unused_result));
/* Put it into the store as id. */
int  layer_commit(struct layer *l, const char *id, struct err *e) __attribute__((warn_unused_result));
void layer_done(struct layer *l);
/* The root that layers make up, read-only; the empty list gives an empty directory. ret: fd or -1 with e */
int  layers_view(struct build *b, const struct strv *layers, struct err *e) __attribute__((warn_unused_result));

/* -- RUN --mount (mounts.c) -- */

struct run_mounts {
	VEC(struct build_mount) v;        /* texts owned */
	VEC(struct scratch) scratch;
	VEC(int) locks;
	VEC(struct agent_loan *) loans;
	struct strv env;                  /* secrets given as variables: not part of the key */
	char *agent;                      /* what SSH_AUTH_SOCK says unless ENV or ARG does; NULL */
};
struct key;
/* Expand and check the --mount flags of in; what they are goes into the key, contents of binds included. With make set,
 * their sources are made. */
int  mounts_prepare(struct stage *st, const struct df_instr *in, struct key *k, bool make, struct run_mounts *ret,
		    struct err *e) __attribute__((warn_unused_result));
void mounts_done(struct run_mounts *m);

/* -- instr_copy.c -- */

/* Where --from or from= points: a stage, an image, or with NULL the context (identity is NULL). Zero-initialise. */
struct from { struct source s; bool own_root; struct strv layers; char *identity; };
int  from_find(struct stage *st, const char *from, struct from *ret, struct err *e) __attribute__((warn_unused_result));
/* Make f->s usable. */
int  from_view(struct stage *st, struct from *f, struct err *e) __attribute__((warn_unused_result));
void from_close(struct from *f);
#define auto_from __attribute__((cleanup(from_close)))
/* What stands behind WORKDIR or a destination, as a path from "/" of the image without a leading slash; caller frees */
char *image_path(const struct stage *st, const char *path);
/* Copy p into the directory dst: the content of a directory (dst_made: then dst gets its mode and owner too), or a file
 * as name. opts: owner and mode; the rest is set here */
int  pick_copy(const struct pick *p, int dst, bool dst_made, const char *name, const struct copy_opts *opts,
	       struct err *e) __attribute__((warn_unused_result));
/* ret: 1 a directory, 0 something else, -1 with e */
int  pick_is_dir(const struct pick *p, struct err *e) __attribute__((warn_unused_result));
