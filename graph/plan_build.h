/* SPDX-License-Identifier: Apache-2.0 */
/* plan_build.h - what the planners of the single verbs share: adding operations and edges, finding containers.
 * runs in: client.   owns: nothing beyond the plan's arena.   layer: graph, private to plan_*.c. */
#pragma once
#include "graph/deps.h"
#include "graph/plan.h"
#include "parser/project.h"

/* What a plan does to the containers of a service. */
enum touched { LEFT_ALONE, STARTED, RESTARTED, REMADE };

/* A network or volume that the selected services need. */
struct resource {
	const char *name, *key;
	bool        is_volume;
	bool        remade;                  /* op makes it anew */
	struct op  *op;                      /* makes it, or NULL */
};

struct builder {
	struct plan           *plan;
	const struct project  *want;         /* or NULL */
	const struct observed *have;
	const struct goal     *goal;
	struct deps            deps;         /* of want; n == 0 without */
	bool                  *sel;          /* selected services */
	bool                  *named;        /* those that the user named (all when none was) */
	struct op           ***ready;        /* per service: operations after which it counts as started; NULL-terminated */
	struct op           ***gone;         /* per service: operations after which it counts as stopped */
	enum touched          *touched;      /* per service: the most that is done to one of its containers */
	struct op            **cleared;      /* orphans that are removed: their ports and names are free after these; NULL-terminated, or NULL */
	struct resource       *res; size_t n_res;
	bool                  *leaves;       /* per observed container: removed by this plan */
};

struct op *plan_add(struct builder *b, enum op_kind k, const char *object, const char *cause);
/* op starts only after `first` has succeeded. NULL is fine. */
void plan_after(struct builder *b, struct op *op, struct op *first);
void plan_warn(struct builder *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append to a NULL-terminated list in the arena, unless op is in it. */
void plan_list_add(struct builder *b, struct op ***list, struct op *op);
/* Name of a container: container_name or PROJECT-SERVICE-N. */
const char *plan_ctr_name(struct builder *b, const struct service *s, unsigned number);
/* Containers of a service (no one-offs): ret: first one, *n: how many; they lie side by side, sorted by number. */
const struct observed_ctr *plan_ctrs(const struct observed *o, const char *service, size_t *n);
bool plan_runs(const struct observed_ctr *c);      /* running, paused or restarting */
/* ret: place in want->services, or SIZE_MAX */
size_t plan_service(const struct builder *b, const char *name);
/* Stop a container that runs or is about to (no operation otherwise). ret: the operation or NULL */
struct op *plan_stop_ctr(struct builder *b, const struct observed_ctr *c, const struct service *s, const char *cause);
struct op *plan_remove_ctr(struct builder *b, const struct observed_ctr *c, const char *cause, bool with_volumes, struct op *after);
/* Wait, for everything service i needs, before op. */
void plan_wait_deps(struct builder *b, size_t i, struct op *op);

/* plan_resources.c: the networks and volumes of the selected services. err: ERR_MISSING, ERR_CONFLICT */
int  plan_resources(struct builder *b, struct err *e) __attribute__((warn_unused_result));
/* op, the creation of a container of s, waits for what is made for it. */
void plan_after_resources(struct builder *b, const struct service *s, struct op *op);
/* ret: why c cannot run on as it is: a network (or volume) that it is on is made anew; or NULL */
const char *plan_remade(struct builder *b, const struct observed_ctr *c, bool volumes);
/* At the end: stops before, starts after what is made anew. */
void plan_around_remade(struct builder *b);
/* --wait, otherwise nothing: the operation that waits until c runs, or is healthy where it has a healthcheck. s: may be NULL
 * ret: NULL without --wait */
struct op *plan_wait_ready(struct builder *b, const struct service *s, const struct observed_ctr *c);
/* The same for every start in ready[]. One whose end others wait for need not stay. */
void plan_wait_all(struct builder *b);

/* Before the starts of service i, which are all in ready[i]: its pre_start hooks. */
void plan_pre_start(struct builder *b, size_t i);

/* GOAL_STOP, GOAL_DOWN: tell the provider of service i. ret: the operation */
struct op *plan_unprovide(struct builder *b, size_t i, const char *cause);

int plan_images(struct builder *b, struct err *e) __attribute__((warn_unused_result));     /* GOAL_IMAGES, BUILD, PULL */
int plan_push(struct builder *b, struct err *e) __attribute__((warn_unused_result));       /* GOAL_PUSH */
int plan_provide(struct builder *b, struct err *e) __attribute__((warn_unused_result));    /* GOAL_PROVIDE */
int plan_up(struct builder *b, struct err *e) __attribute__((warn_unused_result));         /* GOAL_UP, CREATE, RUN */
int plan_start(struct builder *b, struct err *e) __attribute__((warn_unused_result));      /* GOAL_START */
int plan_stop(struct builder *b, struct err *e) __attribute__((warn_unused_result));       /* GOAL_STOP, RESTART, KILL, PAUSE, UNPAUSE, REMOVE, DOWN */
