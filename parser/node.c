/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/node.h"
#include <errno.h>
#include <math.h>

enum { INDEX_FROM = 16 };              /* pairs from which a map gets a hash index */

struct node *node_new(struct arena *a, enum node_kind k, struct srcpos pos)
{
	struct node *n = arena_new(a, struct node);

	n->kind = k;
	n->pos = pos;
	return n;
}

struct node *node_str(struct arena *a, const char *text, struct srcpos pos)
{
	struct node *n = node_new(a, NODE_STR, pos);

	n->text = arena_strdup(a, text);
	return n;
}

struct node *node_int(struct arena *a, int64_t v, struct srcpos pos)
{
	struct node *n = node_new(a, NODE_INT, pos);

	n->i = v;
	n->text = arena_printf(a, "%lld", (long long)v);
	return n;
}

struct node *node_bool(struct arena *a, bool v, struct srcpos pos)
{
	struct node *n = node_new(a, NODE_BOOL, pos);

	n->b = v;
	n->text = v ? "true" : "false";
	return n;
}

static uint32_t hash_key(const char *s)
{
	uint32_t h = 2166136261U;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	return h;
}

/* The index of a map with room for INDEX_FROM pairs or more: cap * 2 slots behind the pairs, each 0 or a pair's number
 * + 1. */
static uint32_t *index_of(const struct node *m)
{
	return m->cap < INDEX_FROM ? NULL : (uint32_t *)(m->pairs + m->cap);
}

static void index_add(struct node *m, uint32_t *slot, uint32_t i)
{
	uint32_t mask = m->cap * 2 - 1, s = hash_key(m->pairs[i].key) & mask;

	while (slot[s])
		s = (s + 1) & mask;
	slot[s] = i + 1;
}

static void index_fill(struct node *m)
{
	uint32_t *slot = index_of(m);

	if (!slot)
		return;
	memset(slot, 0, m->cap * 2 * sizeof(*slot));
	for (uint32_t i = 0; i < m->n; i++)
		index_add(m, slot, i);
}

/* Room for at least want pairs; it is a power of two where the map gets an index. */
static void map_room(struct arena *a, struct node *m, uint32_t want)
{
	struct node_pair *old = m->pairs;
	uint32_t cap = want < INDEX_FROM ? want : INDEX_FROM;
	size_t size;

	while (cap < want)
		cap *= 2;
	size = cap * sizeof(*old) + (cap < INDEX_FROM ? 0 : cap * 2 * sizeof(uint32_t));
	m->pairs = arena_alloc(a, size);
	m->cap = cap;
	if (m->n)
		memcpy(m->pairs, old, m->n * sizeof(*old));
	index_fill(m);
}

struct node_pair *node_pair(const struct node *m, const char *key)
{
	const uint32_t *slot;
	uint32_t mask;

	if (!m || m->kind != NODE_MAP)
		return NULL;
	slot = index_of(m);
	if (!slot) {
		for (uint32_t i = 0; i < m->n; i++)
			if (m->pairs[i].key[0] == key[0] && !strcmp(m->pairs[i].key, key))
				return &m->pairs[i];
		return NULL;
	}
	mask = m->cap * 2 - 1;
	for (uint32_t s = hash_key(key) & mask; slot[s]; s = (s + 1) & mask)
		if (!strcmp(m->pairs[slot[s] - 1].key, key))
			return &m->pairs[slot[s] - 1];
	return NULL;
}

struct node *node_get(const struct node *m, const char *key)
{
	struct node_pair *p = node_pair(m, key);

	return p ? p->val : NULL;
}

void node_reserve(struct arena *a, struct node *m, size_t pairs)
{
	if (pairs > m->cap)
		map_room(a, m, (uint32_t)pairs);
}

const struct node_pair *node_add(struct arena *a, struct node *m, const struct node_pair *pair)
{
	const struct node_pair *old = node_pair(m, pair->key);

	if (old)
		return old;
	if (m->n == m->cap)
		map_room(a, m, m->cap ? m->cap * 2 : 4);
	m->pairs[m->n++] = *pair;
	if (index_of(m))
		index_add(m, index_of(m), m->n - 1);
	return NULL;
}

void node_put(struct arena *a, struct node *m, const char *key, struct srcpos key_pos, struct node *val)
{
	const struct node_pair pair = { key, key_pos, val };
	const struct node_pair *old = node_add(a, m, &pair);

	if (old)
		m->pairs[old - m->pairs] = (struct node_pair){ old->key, key_pos, val };
}

void node_set(struct arena *a, struct node *m, const char *key, struct srcpos key_pos, struct node *val)
{
	node_put(a, m, node_pair(m, key) ? key : arena_strdup(a, key), key_pos, val);
}

bool node_del(struct node *m, const char *key)
{
	struct node_pair *p = node_pair(m, key);

	if (!p)
		return false;
	m->n--;
	memmove(p, p + 1, (size_t)(m->pairs + m->n - p) * sizeof(*p));
	index_fill(m);
	return true;
}

void node_push(struct arena *a, struct node *list, struct node *item)
{
	struct node **old = list->items;

	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 4;
		list->items = arena_alloc(a, list->cap * sizeof(struct node *));
		if (list->n)
			memcpy(list->items, old, list->n * sizeof(struct node *));
	}
	list->items[list->n++] = item;
}

static void copy_map(struct arena *a, struct node *c, const struct node *n)
{
	c->pairs = NULL;
	c->n = c->cap = 0;
	if (!n->n)
		return;
	map_room(a, c, n->cap < INDEX_FROM ? n->n : n->cap);
	c->n = n->n;
	for (uint32_t i = 0; i < n->n; i++) {
		c->pairs[i] = n->pairs[i];
		c->pairs[i].val = node_copy(a, n->pairs[i].val);
	}
	index_fill(c);
}

static void copy_list(struct arena *a, struct node *c, const struct node *n)
{
	c->cap = n->n;
	c->items = n->n ? arena_alloc(a, n->n * sizeof(struct node *)) : NULL;
	for (uint32_t i = 0; i < n->n; i++)
		c->items[i] = node_copy(a, n->items[i]);
}

struct node *node_copy(struct arena *a, const struct node *n)
{
	struct node *c;

	if (!n)
		return NULL;
	c = arena_new(a, struct node);
	*c = *n;
	if (n->kind == NODE_MAP)
		copy_map(a, c, n);
	else if (n->kind == NODE_LIST)
		copy_list(a, c, n);
	return c;
}

size_t node_count(const struct node *n)
{
	size_t count = 1;

	for (uint32_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		count += node_count(n->pairs[i].val);
	for (uint32_t i = 0; n->kind == NODE_LIST && i < n->n; i++)
		count += node_count(n->items[i]);
	return count;
}

void node_replaces(struct arena *a, struct node *n, const struct node *old)
{
	struct node_origin *o;

	if (n == old)
		return;
	o = arena_new(a, struct node_origin);
	*o = n->origin ? *n->origin : (struct node_origin){ NULL, n->pos, NULL };
	o->replaced = old;
	n->origin = o;
}

struct node *node_path(const struct node *n, const char *dotted)
{
	struct node *cur = NULL;
	char key[256];

	for (const char *s = dotted; n; n = cur) {
		size_t len = strcspn(s, ".");

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, s, len);
		key[len] = '\0';
		cur = node_get(n, key);
		if (!s[len])
			return cur;
		s += len + 1;
	}
	return NULL;
}

const char *node_kind_name(enum node_kind k)
{
	static const char *const names[] = { "null", "boolean", "whole number", "number", "string", "list", "mapping" };

	return (size_t)k < ARRAY_LEN(names) ? names[k] : "unknown";
}

const char *node_text(const struct node *n)
{
	return !n || n->kind == NODE_NULL || n->kind >= NODE_LIST ? NULL : n->text;
}

/* Shortest decimal that reads back as f; with an exponent when that is below -4 or above 5. */
static char *float_text(struct arena *a, double f)
{
	char e[40];
	int exp, prec = 0;

	if (isnan(f) || isinf(f))
		return arena_strdup(a, isnan(f) ? "NaN" : f > 0 ? "+Inf" : "-Inf");
	do
		(void)snprintf(e, sizeof(e), "%.*e", prec, f);
	while (prec++ < 17 && strtod(e, NULL) != f);
	exp = (int)strtol(strchr(e, 'e') + 1, NULL, 10);
	if (exp < -4 || exp > 5)
		return arena_strdup(a, e);
	prec -= 1 + exp;                                /* digits behind the point */
	return arena_printf(a, "%.*f", prec > 0 ? prec : 0, f);
}

const char *node_value_text(struct arena *a, const struct node *n)
{
	if (!node_text(n))
		return NULL;
	switch (n->kind) {
	case NODE_BOOL: return n->b ? "true" : "false";
	case NODE_INT: return arena_printf(a, "%lld", (long long)n->i);
	case NODE_FLOAT: return float_text(a, n->f);
	default: return n->text;
	}
}

static bool one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (*s == **words && !strcmp(s, *words))
			return true;
	return false;
}

/* Copy of a number without its underscores. ret: false when it does not fit */
static bool squeeze(char *to, size_t cap, const char *s)
{
	size_t n = 0;

	for (; *s; s++) {
		if (*s == '_')
			continue;
		if (n + 1 >= cap)
			return false;
		to[n++] = *s;
	}
	to[n] = '\0';
	return true;
}

/* Decimal, 0x, 0o and 0 octal, 0b, each with an optional sign. ret: 1 an integer, 0 none, -1 one that does not fit 64
 * bits */
static int as_int(const char *s, int64_t *ret)
{
	bool neg = *s == '-';
	const char *d = s + (*s == '-' || *s == '+');
	int base = 10;
	unsigned long long v;
	char *end;

	if (*d == '0' && d[1]) {
		base = d[1] == 'x' || d[1] == 'X' ? 16 : d[1] == 'b' || d[1] == 'B' ? 2 : 8;
		d += base != 8 || d[1] == 'o' || d[1] == 'O' ? 2 : 1;
	}
	if (!strspn(d, "0123456789abcdefABCDEF") || strspn(d, "0123456789abcdefABCDEF") != strlen(d))
		return 0;
	errno = 0;
	v = strtoull(d, &end, base);
	if (*end)
		return 0;
	if (errno || v > (unsigned long long)INT64_MAX + neg)
		return -1;
	*ret = neg ? (int64_t)(0 - v) : (int64_t)v;
	return 1;
}

/* [-+]?(.digits | digits[.digits])([eE][-+]?digits)? */
static bool looks_float(const char *s)
{
	size_t whole, frac = 0;

	s += *s == '-' || *s == '+';
	whole = strspn(s, "0123456789");
	s += whole;
	if (*s == '.') {
		frac = strspn(++s, "0123456789");
		s += frac;
	}
	if (!whole && !frac)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		if (!strspn(s, "0123456789"))
			return false;
		s += strspn(s, "0123456789");
	}
	return !*s;
}

static bool resolve_number(struct node *n, const char *text)
{
	static const char *const inf[] = { ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", NULL };
	static const char *const ninf[] = { "-.inf", "-.Inf", "-.INF", NULL };
	static const char *const nan_words[] = { ".nan", ".NaN", ".NAN", NULL };
	char plain[128];
	int is_int;

	if (!squeeze(plain, sizeof(plain), text))
		return false;
	is_int = as_int(plain, &n->i);
	if (is_int > 0) {
		n->kind = NODE_INT;
		return true;
	}
	if (one_of(text, inf) || one_of(text, ninf) || one_of(text, nan_words))
		n->f = one_of(text, nan_words) ? (double)NAN : one_of(text, inf) ? (double)INFINITY : -(double)INFINITY;
	else if (looks_float(plain))
		n->f = strtod(plain, NULL);
	else
		return false;
	n->kind = NODE_FLOAT;
	return true;
}

void node_resolve(struct node *n, const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const yes[] = { "true", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "False", "FALSE", NULL };

	n->text = text;
	n->kind = NODE_STR;
	if (strchr("~nNtTfF", *text)) {                /* the NUL of "" is found too */
		if (one_of(text, nulls)) {
			n->kind = NODE_NULL;
			n->text = NULL;
		} else if (one_of(text, yes) || one_of(text, no)) {
			n->kind = NODE_BOOL;
			n->b = one_of(text, yes);
		}
	} else if (strchr("0123456789+-.", *text)) {
		(void)resolve_number(n, text);
	}
}

static bool scalar_equal(const struct node *a, const struct node *b)
{
	switch (a->kind) {
	case NODE_NULL: return true;
	case NODE_BOOL: return a->b == b->b;
	case NODE_INT: return a->i == b->i;
	case NODE_FLOAT: return a->f >= b->f && a->f <= b->f;
	default: return !strcmp(a->text, b->text);
	}
}

bool node_equal(const struct node *a, const struct node *b)
{
	if (a == b || !a || !b)
		return a == b;
	if (a->kind != b->kind || a->n != b->n)
		return false;
	if (a->kind == NODE_LIST) {
		for (size_t i = 0; i < a->n; i++)
			if (!node_equal(a->items[i], b->items[i]))
				return false;
		return true;
	}
	if (a->kind == NODE_MAP) {
		for (size_t i = 0; i < a->n; i++) {
			const struct node_pair *p = node_pair(b, a->pairs[i].key);

			if (!p || !node_equal(a->pairs[i].val, p->val))
				return false;
		}
		return true;
	}
	return scalar_equal(a, b);
}
