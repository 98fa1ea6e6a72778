/* SPDX-License-Identifier: Apache-2.0 */
/* run_service.h - the options of `compose run` laid over a service.   runs in: client.   layer: cmd, pure. */
#pragma once
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "parser/project.h"

struct run_args {
	bool build, detach, interactive, no_deps, no_tty, quiet, quiet_build, quiet_pull, remove_orphans, rm, service_ports, use_aliases;
	const char *entrypoint, *name, *pull, *user, *workdir, *service;
	struct strv env, env_files, labels, publish, volumes, cap_add, cap_drop;
	char **command;
};

/* --env of `run` and `exec`. err: ERR_USAGE */
int run_check_env(const struct strv *env, struct err *e) __attribute__((warn_unused_result));
/* Change s (a shallow copy of the service) as a says. What is new lives in arena. err: ERR_USAGE names the option */
int run_service(struct arena *arena, const struct project *p, const struct run_args *a, struct service *s, struct pkvs *ret_labels,
		struct err *e) __attribute__((warn_unused_result));
