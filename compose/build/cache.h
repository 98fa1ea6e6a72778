/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - what an earlier build made of the same step.
 * runs in: client, any thread.   owns: nothing.   layer: build.   (CVE-2024-24557)
 * A key is a digest of the layers below, the instruction after expansion, the variables in force and the contents that
 * go in. A record names the layer that came out; one whose layer is gone from the store is a miss. Only this builder
 * writes records: images from elsewhere are never taken for a step's result. */
#pragma once
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/sha256.h"

struct store;
struct key { struct sha256 h; };
void key_begin(struct key *k, const char *kind, const struct strv *layers);
/* Fields are kept apart: ("ab", "c") differs from ("a", "bc"). NULL differs from "". */
void key_add(struct key *k, const char *label, const char *text);
void key_strv(struct key *k, const char *label, const struct strv *list);
void key_end(struct key *k, char ret[SHA256_HEX_SIZE]);

struct cached { char layer[SHA256_HEX_SIZE]; char created[40]; };    /* layer "": the step changed no file */
/* in: dir: ROOT/build/cache. ret: true and *ret */
bool cache_get(int dir, struct store *s, const char *key, struct cached *ret);
int  cache_put(int dir, const char *key, const struct cached *c, const char *what, struct err *e)
	__attribute__((warn_unused_result));
