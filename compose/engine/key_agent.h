/* SPDX-License-Identifier: Apache-2.0 */
/* key_agent.h - an ssh-agent of our own that holds private keys for the time of one build.
 * The programs ssh-agent and ssh-add do what has to do with keys; the keys are read here and given to ssh-add through its
 * standard input, so neither a file's name nor its mode matters to it. The agent dies with the thread that started it.
 * runs in: client, the thread of a build.   owns: struct key_agent.   layer: engine. */
#pragma once
#include "compose/base/coll.h"
#include "compose/image/image.h"

struct key_agent;
/* Start an agent and give it the keys in these files. Keep it no longer than the calling thread lives.
 * in:  store: a temporary directory comes from it; borrowed
 * err: ERR_MISSING: openssh-client is not installed, or no such file; ERR_MODEL: no key, or one with a passphrase */
int  key_agent_start(struct key_agent **ret, struct store *store, const struct strv *files, struct err *e)
	__attribute__((warn_unused_result));
/* Where it listens, for this process only; borrowed. */
const char *key_agent_socket(const struct key_agent *k);
void key_agent_stop(struct key_agent *k);
