/* SPDX-License-Identifier: Apache-2.0 */
/* build_ssh.h - what `ssh` below build and `build --ssh` name becomes sockets that an agent listens on.
 * runs in: client, the thread of a build.   owns: struct build_agents.   layer: engine.
 * spec: compose-spec build "ssh"; docker compose build --ssh */
#pragma once
#include "compose/build/build.h"
#include "compose/engine/engine_priv.h"

struct key_agent;
/* Zero-initialise. */
struct build_agents {
	VEC(struct build_ssh) v;               /* texts owned */
	VEC(struct key_agent *) own;
};
/* Look at every entry; where key files are named, an agent of our own is started with them. The command line wins over the
 * file. err: with the entry's position, or naming the option */
int  build_agents_open(struct build_agents *a, struct engine *en, const struct build *bu, struct err *e)
	__attribute__((warn_unused_result));
void build_agents_done(struct build_agents *a);
