/* SPDX-License-Identifier: Apache-2.0 */
/* to_build.h - a service's build section becomes what the builder wants.
 * runs in: client, any thread.   owns: struct to_build everything that its options point to, the model's texts apart.
 * layer: engine.   spec: compose-spec build. */
#pragma once
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/build/build.h"
#include "compose/engine/build_ssh.h"

struct engine;
struct op;

struct to_build {
	struct build_opts o;          /* all but the progress */
	struct build_kv *args, *labels, *hosts;
	struct build_secret *secrets;
	struct build_context *contexts;
	struct build_limit *limits;
	struct build_agents agents;
	struct strv tags, keep;
};

/* in: op: OP_BUILD; ret: zeroed. Agents of keys are started, unless nothing is to be built (check). ret: 0, or -1 with e */
int  to_build(struct to_build *ret, struct engine *en, const struct op *op, struct err *e) __attribute__((warn_unused_result));
void to_build_done(struct to_build *t);
#define auto_to_build __attribute__((cleanup(to_build_done)))
