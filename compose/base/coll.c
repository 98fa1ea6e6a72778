/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/coll.h"
#include <string.h>

void strv_take(struct strv *a, char *s)
{
	vec_push(a, s);
}

void strv_add(struct strv *a, const char *s)
{
	strv_take(a, xstrdup(s));
}

bool strv_has(const struct strv *a, const char *s)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->v[i], s))
			return true;
	return false;
}

char **strv_null(struct strv *a)
{
	vec_push(a, NULL);
	a->n--;
	return a->v;
}

void strv_done(struct strv *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
	vec_done(a);
}

/* FNV-1a. Keys come from files that a person wrote; a flood of equal hashes only slows that person's own run. */
static uint32_t hash_text(const char *s)
{
	uint32_t h = 2166136261U;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	return h;
}

/* ret: index into e, or n when absent; *ret_slot: the slot that holds it or the free one for it */
static size_t find(const struct map *m, const char *key, uint32_t h, size_t *ret_slot)
{
	size_t i = h & (m->nslot - 1);

	for (; m->slot[i]; i = (i + 1) & (m->nslot - 1)) {
		const struct map_entry *e = &m->e[m->slot[i] - 1];

		if (e->hash == h && !strcmp(e->key, key)) {
			*ret_slot = i;
			return m->slot[i] - 1;
		}
	}
	*ret_slot = i;
	return m->n;
}

static void rebuild(struct map *m, size_t nslot)
{
	free(m->slot);
	m->nslot = nslot;
	m->slot = xcalloc(nslot, sizeof(*m->slot));
	for (size_t i = 0; i < m->n; i++) {
		size_t s = m->e[i].hash & (nslot - 1);

		while (m->slot[s])
			s = (s + 1) & (nslot - 1);
		m->slot[s] = (uint32_t)i + 1;
	}
}

void *map_get(const struct map *m, const char *key)
{
	size_t slot, i;

	if (!m->n)
		return NULL;
	i = find(m, key, hash_text(key), &slot);
	return i < m->n ? m->e[i].val : NULL;
}

bool map_has(const struct map *m, const char *key)
{
	size_t slot;

	return m->n && find(m, key, hash_text(key), &slot) < m->n;
}

void *map_set(struct map *m, const char *key, void *val)
{
	uint32_t h = hash_text(key);
	size_t slot, i;
	void *old;

	if ((m->n + 1) * 2 > m->nslot)
		rebuild(m, m->nslot ? m->nslot * 2 : 16);
	i = find(m, key, h, &slot);
	if (i < m->n) {
		old = m->e[i].val;
		m->e[i].val = val;
		return old;
	}
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		m->e = xrealloc(m->e, m->cap * sizeof(*m->e));
	}
	m->e[m->n++] = (struct map_entry){ xstrdup(key), val, h };
	m->slot[slot] = (uint32_t)m->n;
	return NULL;
}

void *map_del(struct map *m, const char *key)
{
	size_t slot, i;
	void *old;

	if (!m->n)
		return NULL;
	i = find(m, key, hash_text(key), &slot);
	if (i == m->n)
		return NULL;
	old = m->e[i].val;
	free(m->e[i].key);
	memmove(m->e + i, m->e + i + 1, (m->n - i - 1) * sizeof(*m->e));
	m->n--;
	rebuild(m, m->nslot);
	return old;
}

void map_done(struct map *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->e[i].key);
	free(m->e);
	free(m->slot);
	*m = (struct map){0};
}
