/* SPDX-License-Identifier: Apache-2.0 */
/* provider.h - a program that provides a service instead of a container: how it is found and talked to.
 * runs in: client, any thread.   owns: the child, until it has ended.   layer: engine.
 * spec: docker compose's docs/extension.md: PROGRAM compose --project-name=P up|stop|down [--KEY=VALUE...] SERVICE; it answers
 * with JSON, one object a line: info, error, debug, setenv, rawsetenv, get-service-config. What it says is capped and shown
 * with control bytes taken out. It is the user's own program on the user's own PATH, run with the user's rights. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"
#include "parser/project.h"

struct provider_calls {
	void (*info)(void *arg, const char *text);       /* its state */
	void (*line)(void *arg, const char *text);       /* standard error, and debug */
	void (*give)(void *arg, const char *key, const char *val, bool raw);
	void *arg;
};
/* verb: "up", "stop", "down". ret: 0; 1 when it does not know "stop"
 * err: ERR_MISSING no such program; ERR_MODEL an option that it wants is missing; ERR_SYS what it says, or its exit status */
int provider_ask(const struct project *p, const struct service *s, const char *verb, const struct provider_calls *calls,
		 struct err *e) __attribute__((warn_unused_result));
