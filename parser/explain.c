/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/explain.h"
#include "parser/print.h"

/* A value on the way from the root; the origin of a short form holds for the values that were made of it. */
struct place {
	const struct place *up;
	const struct node *node;
	const char *key;
}; /* key NULL: item of a list */

void explain_mark(struct node *root)
{
	root->written = true;
	for (uint32_t i = 0; root->kind == NODE_MAP && i < root->n; i++)
		explain_mark(root->pairs[i].val);
	for (uint32_t i = 0; root->kind == NODE_LIST && i < root->n; i++)
		explain_mark(root->items[i]);
}

/* ---- finding the key */

/* The key at s: of several that fit the longest, as keys may hold dots. ret: its length, 0 when none fits */
static size_t match_key(const struct node *map, const char *s, const struct node **ret)
{
	size_t best = 0;

	for (uint32_t i = 0; i < map->n; i++) {
		size_t n = strlen(map->pairs[i].key);

		if (n <= best || strncmp(map->pairs[i].key, s, n) != 0 || !(s[n] == '\0' || s[n] == '.' || s[n] == '['))
			continue;
		best = n;
		*ret = map->pairs[i].val;
	}
	return best;
}

/* "[3]" at s. ret: its length, 0 when there is no such item */
static size_t match_item(const struct node *list, const char *s, const struct node **ret)
{
	size_t n = *s == '[' ? strspn(s + 1, "0123456789") : 0;
	auto_free char *digits = xstrndup(s + 1, n);
	uint64_t i;

	if (s[n + !!n] == '\0' || s[n + 1] != ']' || !str_to_u64(digits, &i) || i >= list->n)
		return 0;
	*ret = list->items[i];
	return n + 2;
}

static int no_key(const struct node *at, const char *key, const char *rest, struct err *e)
{
	const char **names = xcalloc(at->n + 1, sizeof(*names)), *near;
	auto_free char *part = xstrndup(rest, strcspn(rest, ".["));

	for (uint32_t i = 0; at->kind == NODE_MAP && i < at->n; i++)
		names[i] = at->pairs[i].key;
	near = str_nearest(part, names);
	free(names);
	err_set(e, ERR_USAGE, 0, "the project has no value %s", key);
	if (near)
		return err_hint(e, "did you mean %.*s%s?", (int)(rest - key), key, near);
	return err_hint(e, "`compose config` prints all keys; write them as services.web.ports[0]");
}

/* ---- telling */

/* key: the value may still be an item KEY=VALUE */
static void put_value(struct str *out, const struct node *n, const char *key)
{
	size_t len = key && n->kind == NODE_STR && str_starts(n->text, key) ? strlen(key) : 0;
	auto_str struct str text = {0};

	if (len && n->text[len] == '=') {
		print_json_text(out, n->text + len + 1, false);
		return;
	}
	print_node(&text, n, &(struct print_opts){.json = true, .keep_dollar = true});
	while (text.len && text.s[text.len - 1] == '\n')
		str_cut(&text, text.len - 1);
	str_add(out, n->kind >= NODE_LIST && n->n ? node_kind_name(n->kind) : str_cstr(&text));
}

static void put_pos(struct str *out, const struct node *n, const char *what)
{
	const struct srcpos p = n->origin ? n->origin->pos : n->pos;

	if (p.line && p.file)
		str_addf(out, "%s:%u:%u", p.file, p.line, p.col);
	if (what)
		str_addf(out, "%s%s%s", p.line ? " (" : "", what, p.line ? ")" : "");
}

static bool same_place(const struct node *a, const struct node *b)
{
	return a->pos.line == b->pos.line && a->pos.col == b->pos.col && str_eq(a->pos.file, b->pos.file);
}

/* The value itself, or the short form that it was taken from. */
static const struct node *source_of(const struct place *pl)
{
	for (const struct place *p = pl; p && same_place(p->node, pl->node); p = p->up)
		if (p->node->origin)
			return p->node;
	return pl->node;
}

static void tell(struct str *out, const struct place *pl, const char *key)
{
	const struct node *n = pl->node, *from = source_of(pl);

	str_addf(out, "%s: ", key);
	put_value(out, n, NULL);
	str_add(out, "\n  from ");
	if (!n->written && !from->origin && pl->up && same_place(n, pl->up->node))
		str_add(out, "default");
	else
		put_pos(out, from, from->origin ? from->origin->what : NULL);
	str_addc(out, '\n');
	for (const struct node *old = from; old->origin && old->origin->replaced;) {
		old = old->origin->replaced;
		str_add(out, "  instead of ");
		put_value(out, old, pl->key);
		str_add(out, " from ");
		put_pos(out, old, old->origin ? old->origin->what : NULL);
		str_addc(out, '\n');
	}
}

/* Each value below, and a list or mapping itself where it is empty or took another's place. */
static void tell_all(struct str *out, const struct place *pl, const char *key)
{
	const struct node *n = pl->node;

	if (n->kind < NODE_LIST || !n->n || (n->origin && n->origin->replaced))
		tell(out, pl, key);
	for (uint32_t i = 0; n->kind >= NODE_LIST && i < n->n; i++) {
		const struct node *sub = n->kind == NODE_MAP ? n->pairs[i].val : n->items[i];
		auto_free char *name = n->kind == NODE_MAP ? xasprintf("%s%s%s", key, *key ? "." : "", n->pairs[i].key)
							   : xasprintf("%s[%u]", key, i);

		tell_all(out, &(struct place){pl, sub, n->kind == NODE_MAP ? n->pairs[i].key : NULL}, name);
	}
}

static int find(struct str *out, const struct place *pl, const char *key, const char *rest, struct err *e)
{
	const struct node *n = pl->node, *sub = NULL;
	size_t len = n->kind == NODE_MAP    ? match_key(n, rest, &sub)
		     : n->kind == NODE_LIST ? match_item(n, rest, &sub)
					    : 0;
	auto_free char *last = NULL;

	if (!*rest) {
		tell_all(out, pl, key);
		return 0;
	}
	if (!len)
		return no_key(n, key, rest, e);
	last = n->kind == NODE_MAP ? xstrndup(rest, len) : NULL;
	return find(out, &(struct place){pl, sub, last}, key, rest + len + (rest[len] == '.'), e);
}

int explain(struct str *out, const struct node *root, const char *key, struct err *e)
{
	return find(out, &(struct place){NULL, root, NULL}, key, key, e);
}
