/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - what to do, as data: a DAG of operations, each with the reason it is there.
 * runs in: client.   owns: its arena; borrows from project and observed.   layer: graph, pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "graph/observed.h"

struct project;
struct service;
struct network;
struct volume;
struct hook;

/* GOAL_IMAGES: have every image that the services need (first half of up: ids must be known before containers are compared);
 * GOAL_PROVIDE: have the services that providers provide (second: what they answer is part of the configuration);
 * GOAL_RUN: all that the one-off container of services[0] needs around it: its dependencies, networks and volumes. */
enum goal_verb { GOAL_IMAGES, GOAL_PROVIDE, GOAL_BUILD, GOAL_PULL, GOAL_PUSH, GOAL_UP, GOAL_CREATE, GOAL_RUN, GOAL_START, GOAL_STOP, GOAL_RESTART, GOAL_KILL,
	GOAL_REMOVE, GOAL_DOWN, GOAL_PAUSE, GOAL_UNPAUSE };
enum recreate { RECREATE_DIVERGED, RECREATE_FORCE, RECREATE_NEVER };

struct goal_scale { const char *service; unsigned n; };
struct goal {
	enum goal_verb verb;
	char *const   *services;               /* NULL-terminated; NULL or empty = all */
	bool           no_deps;                /* only the named services */
	enum recreate  recreate;
	bool           always_recreate_deps, renew_anon_volumes;
	bool           ignore_orphans;         /* up: not a word about them */
	bool           remove_orphans;         /* up, down */
	bool           build, no_build;        /* up --build / --no-build */
	const char    *pull;                   /* NULL or "" = each service's own; always, missing, never, build */
	bool           volumes;                /* down -v, rm -v */
	const char *const *renew_volumes; size_t n_renew_volumes;  /* up: real names of volumes that may lose what is in them */
	const char    *rmi;                    /* down --rmi: NULL, "", local, all */
	bool           stop_first;             /* rm -s */
	const char    *signal;                 /* kill -s */
	int64_t        timeout_ns;             /* stop time-out; -1 = the service's own */
	bool           wait_healthy;           /* up --wait: end with WAIT operations for every service */
	const struct goal_scale *scale; size_t n_scale;
};

/* X(enum, text name) */
#define OP_KINDS(X) \
	X(OP_PULL, "pull image") X(OP_BUILD, "build image") X(OP_PUSH, "push image") \
	X(OP_NET_CREATE, "create network") X(OP_NET_REMOVE, "remove network") \
	X(OP_NET_REMAKE, "recreate network") X(OP_NET_UPDATE, "relabel network") \
	X(OP_VOL_CREATE, "create volume") X(OP_VOL_REMOVE, "remove volume") \
	X(OP_VOL_REMAKE, "recreate volume") X(OP_VOL_UPDATE, "relabel volume") \
	X(OP_CTR_CREATE, "create container") X(OP_CTR_START, "start container") X(OP_CTR_STOP, "stop container") \
	X(OP_CTR_KILL, "kill container") X(OP_CTR_REMOVE, "remove container") \
	X(OP_CTR_PAUSE, "pause container") X(OP_CTR_UNPAUSE, "unpause container") \
	X(OP_PROVIDER_UP, "bring up provider") X(OP_PROVIDER_STOP, "stop provider") \
	X(OP_PROVIDER_DOWN, "take down provider") X(OP_HOOK, "run pre_start hook") X(OP_WAIT, "wait for") X(OP_IMAGE_REMOVE, "remove image")
#define OP_ENUM(e, name) e,
enum op_kind { OP_KINDS(OP_ENUM) };

enum wait_for { WAIT_RUNNING, WAIT_HEALTHY, WAIT_COMPLETED };

struct op {
	unsigned      i;                       /* place in plan->ops */
	enum op_kind  kind;
	const char   *object;                  /* what the user sees: container, network, volume, image name */
	const char   *cause;                   /* "recreate web: environment.DEBUG changed, compose.yaml:14:7" */
	const struct service *service;         /* or NULL (orphans, networks, volumes) */
	const struct network *network;         /* OP_NET_CREATE, _REMAKE, _UPDATE */
	const struct volume  *volume;          /* OP_VOL_CREATE, _REMAKE, _UPDATE */
	const struct observed_ctr *ctr;        /* the existing container it acts on, or NULL: the one that ctr_op creates */
	struct op    *ctr_op;                  /* start/wait/hook of a container that OP_CTR_CREATE ctr_op makes; or NULL */
	const struct observed_ctr *replaces;   /* OP_CTR_CREATE: anonymous volumes are taken over from it */
	unsigned      number;                  /* OP_CTR_CREATE: replica number */
	const struct hook *hook;               /* OP_HOOK; ctr or ctr_op: the container before whose start it runs */
	enum wait_for wait;
	bool          optional;                /* OP_WAIT of depends_on required:false: failure only warns */
	int64_t       timeout_ns;              /* OP_CTR_STOP; -1 = the container's own */
	const char   *signal;                  /* OP_CTR_KILL; "" otherwise */
	bool          with_volumes;            /* OP_CTR_REMOVE: also its anonymous volumes */
	struct op   **after; size_t n_after;   /* operations that must have succeeded before this one starts */
	struct op   **next;  size_t n_next;    /* the same edges from the other end */
};

struct plan {
	struct arena arena;
	struct op  **ops; size_t n_ops;        /* in an order that respects after */
	const char **warnings; size_t n_warnings;
	const char **stale_volumes; size_t n_stale_volumes;    /* that goal.renew_volumes could name */
	const char **unchanged; size_t n_unchanged;    /* names of containers that stay as they are and run */
};

/* Compare want with have and list the operations that reach g. No side effects.
 * in: want may be NULL for verbs that work from what exists alone (stop, down ... with -p NAME)
 * owns: plan_free(*ret), and want and have must outlive it
 * err:  ERR_MODEL on a cycle (the path is named), ERR_USAGE on an unknown service
 * spec: compose-spec 05-services depends_on; stop order is the reverse; config hash and recreate rules in HACKING.md */
int  plan_make(struct plan **ret, const struct project *want, const struct observed *have,
	       const struct goal *g, struct err *e) __attribute__((warn_unused_result));
void plan_free(struct plan *p);
static inline void plan_freep(struct plan **p) { plan_free(*p); }
#define auto_plan __attribute__((cleanup(plan_freep)))
const char *op_kind_name(enum op_kind k);

