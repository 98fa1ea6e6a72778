/* SPDX-License-Identifier: Apache-2.0 */
/* coll.h - vectors of any type, and a map from text to pointer that keeps insertion order.
 * runs in: every process.   owns: its storage, never what the elements point to.   layer: base. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/mem.h"

/* struct { T *v; size_t n, cap; }: zero-initialise; elements are v[0] .. v[n-1]. */
#define VEC(T) struct { T *v; size_t n, cap; }
#define vec_push(a, ...) do { \
	if ((a)->n == (a)->cap) { \
		(a)->cap = (a)->cap ? (a)->cap * 2 : 8; \
		(a)->v = xrealloc((a)->v, (a)->cap * sizeof(*(a)->v)); \
	} \
	(a)->v[(a)->n++] = (__VA_ARGS__); \
} while (0)
#define vec_done(a) do { free((a)->v); (a)->v = NULL; (a)->n = (a)->cap = 0; } while (0)
#define vec_remove(a, i) do { \
	memmove((a)->v + (i), (a)->v + (i) + 1, ((a)->n - (i) - 1) * sizeof(*(a)->v)); \
	(a)->n--; \
} while (0)

/* A list of texts that owns them. */
struct strv { char **v; size_t n, cap; };
#define auto_strv __attribute__((cleanup(strv_done)))
void strv_add(struct strv *a, const char *s);            /* copies */
void strv_take(struct strv *a, char *s);                 /* takes ownership */
bool strv_has(const struct strv *a, const char *s);
/* ret: v with a NULL behind the last element; owned by a */
char **strv_null(struct strv *a);
void strv_done(struct strv *a);

/* Map text -> pointer. Zero-initialise. Keys are copied; values borrowed. Iterate i in 0 .. n-1 over e[i] (order of insertion). */
struct map_entry { char *key; void *val; uint32_t hash; };
struct map { struct map_entry *e; size_t n, cap; uint32_t *slot; size_t nslot; };
#define auto_map __attribute__((cleanup(map_done)))
void *map_get(const struct map *m, const char *key);     /* NULL when absent */
bool  map_has(const struct map *m, const char *key);
/* Set or replace. ret: the value replaced, NULL if the key is new */
void *map_set(struct map *m, const char *key, void *val);
/* ret: the value removed, NULL if absent. Order of the rest is kept (linear time). */
void *map_del(struct map *m, const char *key);
void  map_done(struct map *m);
