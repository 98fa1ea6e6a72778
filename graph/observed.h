/* SPDX-License-Identifier: Apache-2.0 */
/* observed.h - what exists now: containers, networks, volumes and images of one project, read once before deciding.
 * runs in: client.   owns: everything in struct observed lives in its arena (observed_free).   layer: graph, pure data.
 * filled by compose/state/observe.c and by golden tests. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/mem.h"

enum ctr_state { CTR_CREATED, CTR_RUNNING, CTR_PAUSED, CTR_RESTARTING, CTR_EXITED, CTR_DEAD };
enum hook_state { HOOKS_NONE, HOOKS_RUN, HOOKS_FAILED };      /* post_start, where a container has any */
enum ctr_health { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct observed_ctr {
	const char *id, *name, *service;       /* id: 64 hex digits */
	unsigned    number;                    /* replica, from 1; one-offs 1 */
	bool        oneoff;                    /* made by `run`, or a hook */
	bool        hook;                      /* a pre_start hook that failed, or was left alone */
	const char *config_hash, *image_id;
	enum ctr_state state;
	bool        starting, stopping;        /* on its way to run, or to end, as the supervisor says; state is what it was before */
	enum ctr_health health;
	bool        has_healthcheck;
	enum hook_state hooks;                 /* of a running one; HOOKS_NONE: all is well */
	int         exit_code;
	const char *const *networks; size_t n_networks;        /* real names it is attached to */
	const char *const *volumes; size_t n_volumes;          /* real names of the volumes it mounts, anonymous ones too */
	const struct observed_ref *mounted; size_t n_mounted;  /* images it mounts, as they were */
	bool        share_gone;                /* a container whose namespaces it was made to share is gone */
	const char *share_newer;               /* of one that began again since: it shares namespaces of its last life; or NULL */
	const char *config;                    /* service as JSON when the container was made; NULL when the hash is still the same */
};
/* A container of another project that is on a network, or mounts a volume. */
struct observed_user { const char *ctr, *service, *project; bool runs; };
struct observed_users { const struct observed_user *v; size_t n; };
/* ours: labelled for this project. Of those of ours whose hash is another today: config: as it was when it was made (JSON), NULL
 * when that is not known; users: of other projects */
struct observed_net { const char *name, *key, *hash; bool ours; const char *config; struct observed_users users; };
struct observed_vol { const char *name, *key, *hash; bool ours, anonymous; const char *config; struct observed_users users; };
/* An image that a service names beside its own (service_other_image()). */
struct observed_ref { const char *ref, *image_id; int64_t age_s; };
/* What the service's image reference means today: image_id "" = not in the store; age_s: seconds since it was last pulled or
 * got its name, -1 = nobody knows. */
struct observed_image { const char *service, *image_id; int64_t age_s; };

struct observed {
	struct arena arena;
	struct observed_ctr   *ctrs;   size_t n_ctrs;          /* sorted by service, then number */
	struct observed_net   *nets;   size_t n_nets;          /* ours, and external ones that the project names */
	struct observed_vol   *vols;   size_t n_vols;
	struct observed_image *images; size_t n_images;
	struct observed_ref   *refs;   size_t n_refs;
};

void observed_free(struct observed *o);
const char *ctr_state_name(enum ctr_state s);              /* "created", "running" ... as docker's ps says */
const char *ctr_health_name(enum ctr_health h);            /* "", "starting", "healthy", "unhealthy" */
