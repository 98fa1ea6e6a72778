/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "parser/merge.h"
#include "parser/rules.h"

/* Target of [source:]target[:options]; a drive letter's colon does not count. ret: NULL when there is none */
static const char *volume_target(struct arena *a, const char *s)
{
	const char *part[2] = { s, NULL };
	size_t n = strlen(s), len[2] = {0}, k = 0, from = 0;

	for (size_t i = 0; i <= n && k < 2; i++) {
		if (i < n && (s[i] != ':' || (i == from + 1 && ((s[from] | 0x20) >= 'a' && (s[from] | 0x20) <= 'z'))))
			continue;
		part[k] = s + from;
		len[k++] = i - from;
		from = i + 1;
	}
	return arena_strndup(a, part[k - 1], len[k - 1]);
}

static const char *device_target(struct arena *a, const char *s)
{
	const char *colon = strchr(s, ':');

	return colon ? arena_strndup(a, colon + 1, strcspn(colon + 1, ":")) : s;
}

static const char *member(struct arena *a, const struct node *n, const char *key, const char *dflt)
{
	const char *s = node_value_text(a, node_get(n, key));

	return s ? s : dflt;
}

static const char *port_key(struct arena *a, const struct node *n)
{
	if (n->kind != NODE_MAP)
		return node_value_text(a, n);
	if (!node_get(n, "target"))
		return NULL;
	return arena_printf(a, "%s:%s:%s/%s", member(a, n, "host_ip", "0.0.0.0"), member(a, n, "published", ""),
			    member(a, n, "target", ""), member(a, n, "protocol", "tcp"));
}

static const char *mount_key(struct arena *a, const struct node *n, const char *dir)
{
	const char *s = node_text(n);

	if (!s && node_get(n, "target"))
		return member(a, n, "target", NULL);
	if (!s)
		s = member(a, n, "source", NULL);
	return s ? arena_printf(a, "%s/%s", dir, s) : NULL;
}

/* What makes item the same as another. ret: NULL when it cannot be told: the item is then kept */
static const char *item_key(struct arena *a, enum unique_rule rule, const struct node *n)
{
	const char *s = node_text(n);

	switch (rule) {
	case UNIQUE_KEY: return n->kind != NODE_STR ? NULL : strchr(s, '=') ? arena_strndup(a, s, strcspn(s, "=")) : s;
	case UNIQUE_TEXT: return node_value_text(a, n);
	case UNIQUE_ENV_FILE: return s ? s : member(a, n, "path", NULL);
	case UNIQUE_PORT: return port_key(a, n);
	case UNIQUE_VOLUME: return s ? volume_target(a, s) : member(a, n, "target", NULL);
	case UNIQUE_DEVICE: return s ? device_target(a, s) : member(a, n, "target", NULL);
	case UNIQUE_CONFIG: return mount_key(a, n, "");
	case UNIQUE_SECRET: return mount_key(a, n, "/run/secrets");
	case UNIQUE_NONE: break;
	}
	return NULL;
}

static void squash(struct arena *a, enum unique_rule rule, struct node *list)
{
	auto_map struct map seen = {0};
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		const char *key = item_key(a, rule, list->items[i]);
		size_t old = key ? (size_t)map_get(&seen, key) : 0;

		if (old) {
			node_replaces(a, list->items[i], list->items[old - 1]);
			list->items[old - 1] = list->items[i];
			continue;
		}
		list->items[kept++] = list->items[i];
		if (key)
			map_set(&seen, key, (void *)kept);
	}
	list->n = kept;
}

static void walk(struct arena *a, const struct rule *r, struct node *n)
{
	if (!r)
		return;
	if (n->kind == NODE_LIST && r->unique != UNIQUE_NONE && n->n > 1)
		squash(a, r->unique, n);
	for (size_t i = 0; n->kind == NODE_MAP && r->sub && i < n->n; i++)
		walk(a, rule_child(r, n->pairs[i].key), n->pairs[i].val);
}

void merge_unique(struct arena *a, struct node *root)
{
	walk(a, &rules_project, root);
}
