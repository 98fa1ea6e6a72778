/* SPDX-License-Identifier: Apache-2.0 */
/* spec_read.h - typed access to untrusted JSON whose first failure sticks, so that readers need no checks in between.
 * runs in: supervisor, `compose oci`.   owns: nothing.   layer: runtime, private to spec_*.c. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/mem.h"

struct rd {
	struct arena *a;         /* where texts go */
	struct err   *e;
	bool          failed;    /* e is set; all further reads give defaults */
	char          where[96]; /* the object being read, for messages: "process.user." */
};

/* Set the object's name for messages. */
void rd_at(struct rd *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rd_fail(struct rd *r, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* ret: the member, NULL when absent, null, or of another type (which fails) */
const json_t *rd_obj(struct rd *r, const json_t *j, const char *key);
const json_t *rd_arr(struct rd *r, const json_t *j, const char *key);      /* at most 4096 elements */
char         *rd_str(struct rd *r, const json_t *j, const char *key);      /* in the arena */
bool          rd_bool(struct rd *r, const json_t *j, const char *key);
int64_t       rd_int(struct rd *r, const json_t *j, const char *key, int64_t min, int64_t max, int64_t dflt);
/* ret: a number up to 2^64 - 1; 2^63 - 1 and above count as UINT64_MAX, which JSON writers round to either */
uint64_t      rd_u64(struct rd *r, const json_t *j, const char *key, uint64_t dflt);
void          rd_strv(struct rd *r, const json_t *j, const char *key, struct strv *out);
/* A member that we would have to carry out and cannot: its presence fails. */
void          rd_refuse(struct rd *r, const json_t *j, const char *key);
/* Parse text where numbers may exceed 2^63 (rlimits). */
int           rd_parse(const char *text, size_t len, const char *name, json_t **ret, struct err *e)
	__attribute__((warn_unused_result));
