/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - carry out a plan: operations in parallel as their predecessors succeed, progress told, failures undone.
 * runs in: client, one thread; pulls and builds run in threads of their own.   owns: see engine_new.   layer: engine.
 * The engine decides nothing: what to do and why is in the plan. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/state/paths.h"
#include "graph/plan.h"
#include "parser/project.h"

struct engine;
struct store;
struct sup;
struct ctr_record;

/* What the engine tells while it works; called from any thread. */
enum engine_tone { ENGINE_WORK, ENGINE_OK, ENGINE_WARN, ENGINE_FAIL };
struct engine_events {
	/* An object changed: kind "Container", "Network", "Volume", "Image"; done: final for this operation. */
	void (*status)(void *arg, const char *kind, const char *name, const char *status, enum engine_tone tone, bool done);
	/* One line of a build's or pull's own talk; only wanted where a person reads it line by line. */
	void (*line)(void *arg, const char *text);
	void (*warn)(void *arg, const char *text);
	void (*tick)(void *arg);          /* every second while operations run, for times that are shown; NULL: not wanted */
	/* A provider has come up: variables for those that depend on it; called by engine_run() at its end. */
	void (*give)(void *arg, const struct service *by, const char *key, const char *val, bool raw);
	void *arg;
	bool detail;                      /* changing detail (bytes, steps) is wanted in status */
};

struct engine_opts {                      /* all borrowed for the engine's life */
	const struct paths   *paths;
	const struct project *project;    /* NULL for verbs on what exists alone */
	const char           *name;       /* project name */
	const struct observed *have;      /* what stood when the plan was made */
	struct store         *store;      /* opened by the caller; NULL where no image is touched */
	struct engine_events  events;
	int64_t               parallel;   /* operations at once; <= 0: no limit */
	int64_t               wait_deadline_ns;   /* monotonic clock: waits that last longer fail; 0 = no limit */
	bool                  quiet_pull, quiet_build;
	const struct strv    *build_args; /* build --build-arg: "K=V" or "K" */
	const struct strv    *build_ssh;  /* build --ssh: "default", or "ID=SOCKET-OR-KEYS" */
	bool                  no_cache, pull_base;
	bool                  check_build;        /* builds only look for mistakes in their Dockerfiles */
};

struct engine *engine_new(const struct engine_opts *o);
void engine_free(struct engine *en);
static inline void engine_freep(struct engine **en) { engine_free(*en); }
#define auto_engine __attribute__((cleanup(engine_freep)))

/* Run p. ret: 0, or -1 with every failure in errs (ERR_INTR among them after Ctrl-C). What failed half-way is undone;
 * what succeeded stays. */
int engine_run(struct engine *en, const struct plan *p, struct errs *errs) __attribute__((warn_unused_result));

/* The supervisor of the project, started when none lives. Borrowed from en. */
int engine_sup(struct engine *en, struct sup **ret, struct err *e) __attribute__((warn_unused_result));

/* What a one-off container (`run`) has of its own; everything else comes from the service, which may be a changed copy. */
struct oneoff {
	const char *name;                 /* NULL: PROJECT-SERVICE-run-XXXXXXXXXXXX */
	bool auto_remove, use_aliases;
	const struct pkv *labels; size_t n_labels;
};
/* Create a one-off container of s. ret: its id in ret_id and name in *ret_name (caller frees) */
int engine_oneoff(struct engine *en, const struct service *s, const struct oneoff *o, char ret_id[65], char **ret_name,
		  struct err *e) __attribute__((warn_unused_result));
/* Before a container is started: mount the volumes that it needs mounted. They stay so until en is freed, and as long as a
 * container uses them. Any thread; may wait for a server. */
int engine_mount_volumes(struct engine *en, const char *id, struct err *e) __attribute__((warn_unused_result));
/* Remove a container that does not run, with its directory, and with_volumes its anonymous volumes. */
int engine_remove_ctr(struct engine *en, const char *id, bool with_volumes, struct err *e) __attribute__((warn_unused_result));
