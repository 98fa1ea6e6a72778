/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/reset.h"
#include "compose/base/coll.h"
#include "parser/trail.h"

/* Below a list there is no key that another document could share. */
static void note(struct resets *r, struct arena *a, const struct trail *at)
{
	struct reset x = {0};

	for (const struct trail *t = at; t; t = t->up, x.n++)
		if (!t->name)
			return;
	x.key = arena_alloc(a, x.n * sizeof(*x.key));
	for (size_t i = x.n; at; at = at->up)
		x.key[--i] = at->name;
	vec_push(r, x);
}

static void collect(struct resets *r, struct arena *a, struct node *n, const struct trail *up);

/* A tag on a list item has nothing to name in the other document: !reset only drops the item. */
static void collect_list(struct resets *r, struct arena *a, struct node *n, const struct trail *up)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n; i++) {
		struct node *item = n->items[i];

		if (item->tag == NODE_TAG_RESET)
			continue;
		item->tag = NODE_TAG_NONE;
		collect(r, a, item, &(struct trail){ up, NULL, i });
		n->items[kept++] = item;
	}
	n->n = kept;
}

static void collect(struct resets *r, struct arena *a, struct node *n, const struct trail *up)
{
	if (n->kind == NODE_LIST) {
		collect_list(r, a, n, up);
		return;
	}
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n;) {
		struct node *val = n->pairs[i].val;
		struct trail at = { up, n->pairs[i].key, 0 };
		enum node_tag tag = val->tag;

		if (tag != NODE_TAG_NONE)
			note(r, a, &at);
		if (tag == NODE_TAG_RESET) {
			node_del(n, n->pairs[i].key);
			continue;
		}
		val->tag = NODE_TAG_NONE;
		if (tag == NODE_TAG_NONE)
			collect(r, a, val, &at);
		i++;
	}
}

void resets_collect(struct resets *r, struct arena *a, struct node *doc)
{
	collect(r, a, doc, NULL);
}

static void drop(struct node *n, const char *const *key, size_t keys)
{
	for (; keys > 1 && n; keys--)
		n = node_get(n, *key++);
	if (n && keys)
		node_del(n, *key);
}

void resets_apply(const struct resets *r, struct node *root, const char *section, const char *name)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct reset *x = &r->v[i];

		if (!section)
			drop(root, x->key, x->n);
		else if (x->n > 2 && !strcmp(x->key[0], section) && !strcmp(x->key[1], name))
			drop(root, x->key + 2, x->n - 2);
	}
}

void resets_done(struct resets *r)
{
	vec_done(r);
}
