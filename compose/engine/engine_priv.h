/* SPDX-License-Identifier: Apache-2.0 */
/* engine_priv.h - what the files of the engine share.
 * runs in: client.   layer: engine, private. */
#pragma once
#include <pthread.h>
#include "compose/base/loop.h"
#include "compose/engine/engine.h"
#include "compose/image/image.h"
#include "compose/runtime/spec.h"
#include "compose/state/record.h"
#include "compose/supervisor/client.h"
#include "graph/sched.h"

struct job;                               /* an operation in a thread of its own */

struct engine {
	struct engine_opts o;
	struct sup  *sup;                 /* NULL until needed */
	/* one run */
	const struct plan *plan;
	struct sched sched;
	struct errs *errs;
	char      (*ids)[ID_SIZE];        /* by op->i: the container that OP_CTR_CREATE made */
	VEC(struct request) requests;     /* asked of the supervisor, not answered */
	pthread_mutex_t mutex;            /* protects finished, build_net, vols, given */
	VEC(struct job *) finished;
	size_t       jobs;                /* threads at work */
	int          wake_fd;             /* eventfd: a thread has finished */
	const struct op *deaf;            /* the stop whose answer says that process 1 could not have reacted; NULL: none now */
	bool         interrupted;
	bool         build_net;           /* the network of RUN steps exists: remove it after the run */
	struct map   warned;              /* keys of services that a warning was about */
	VEC(struct given) given;          /* by providers */
	VEC(struct held_vol) vols;        /* mounted for containers to be started, until the supervisor holds them */
	struct map   images;              /* reference -> struct image *, opened once */
};
struct request { int64_t id; struct op *op; };
struct held_vol { char *name; int fd; };
struct given { const struct service *by; char *key, *val; bool raw; };

/* Handler of one kind of operation. ret: 0 done, 1 under way (a reply or a thread ends it), -1 failed */
typedef int op_fn(struct engine *en, struct op *op, struct err *e);
op_fn op_pull, op_build, op_push, op_image_remove;                              /* op_image.c */
op_fn op_net_create, op_net_remove, op_net_remake, op_net_update;      /* op_net.c */
op_fn op_vol_create, op_vol_remove, op_vol_remake, op_vol_update;
op_fn op_ctr_create, op_ctr_start, op_ctr_stop, op_ctr_kill, op_ctr_remove, op_ctr_pause, op_ctr_unpause, op_wait;  /* op_ctr.c */
op_fn op_provider;                                                     /* op_provider.c */
/* Hand on what providers gave. */
void providers_give(struct engine *en);
op_fn op_hook;                                                         /* op_hook.c */
/* It has ended with code: tell what it printed, remove it unless it failed. ret: 0, or -1 when it failed */
int hook_end(struct engine *en, const struct op *op, int code, struct err *e);
void hook_kill(struct engine *en, const struct op *op);

/* preflight.c: every mistake that can be told before p begins goes to errs. ret: 0, or -1 */
int preflight(const struct engine *en, const struct plan *p, struct errs *errs);
/* Run fn(en, op) in a thread; its end wakes the loop. */
int job_start(struct engine *en, struct op *op, op_fn *fn, struct err *e);
/* Ask the supervisor; the reply ends op. args is consumed. ret: 1, or -1 */
int ask(struct engine *en, struct op *op, const char *verb, json_t *args, struct err *e);
void tell(struct engine *en, const char *kind, const char *name, const char *status, enum engine_tone tone, bool done);
void engine_warn(const struct engine *en, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Id of the container that op acts on. */
const char *op_ctr_id(const struct engine *en, const struct op *op);
/* The image of a reference, opened once; borrowed. err: ERR_MISSING */
int engine_image(struct engine *en, const char *ref, const struct image **ret, struct err *e);

/* op_vol.c: does a container need engine_mount_volumes()? */
bool has_mounted_volume(struct engine *en, const char *id);
/* let go of what engine_mount_volumes() mounted. */
void engine_unmount_volumes(struct engine *en);

/* op_net.c: make the network of RUN steps if it is not there yet; any thread. */
int build_network(struct engine *en, struct sup *sup, char **ret_name, struct err *e);
void build_network_remove(struct engine *en);
/* Make a volume on disk. in: v: as the file has it; without a key it is an anonymous one. name is the real one */
int volume_make(struct engine *en, const char *name, const struct volume *v, struct err *e);

/* to_spec.c, to_record.c: a container of s, described for the runtime and for our own state. */
struct ctr_want {
	const struct service *s;
	const struct image   *image;
	const char *id, *name, *image_ref;
	unsigned    number;
	enum ctr_kind kind;
	const struct oneoff *oneoff;      /* KIND_ONEOFF */
	const struct observed_ctr *replaces;  /* anonymous volumes are taken over */
	int         dir;                  /* the container's directory */
	char       *path;                 /* the same as a path */
};
/* op_ctr.c: make the container of w; on failure nothing of it is left. in: w->dir and path unset */
int ctr_make(struct engine *en, struct ctr_want *w, struct err *e);
int to_record(struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct err *e);
/* in: r is filled by to_record; grows r->volumes, r->anon_volumes, r->mounts */
int to_spec(struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct spec *s, struct err *e);
/* volumes_from.c: what other containers mount, after s has what the service itself mounts. */
int volumes_from(struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct spec *s, struct err *e);
/* mounts.c: volumes, binds, tmpfs, secrets and configs of the service into s. */
int to_mounts(struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct spec *s, struct err *e);
