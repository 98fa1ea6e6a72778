/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/prune.h"
#include "compose/base/coll.h"
#include "compose/base/str.h"

enum { NETS, VOLS, SECRETS, CONFIGS, MODELS, SECTIONS };
static const char *const sections[SECTIONS] = {"networks", "volumes", "secrets", "configs", "models"};

static void use(struct map *used, const char *name)
{
	if (name && *name)
		map_set(used, name, used);
}

static void use_keys(struct map *used, const struct node *map)
{
	for (size_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
		use(used, map->pairs[i].key);
}

/* The `source` of each item; of mounts only named volumes count. */
static void use_sources(struct map *used, const struct node *list, const char *type)
{
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		if (!type || str_eq(node_text(node_get(list->items[i], "type")), type))
			use(used, node_text(node_get(list->items[i], "source")));
}

static void one_service(struct map *used, const struct node *s)
{
	use_keys(&used[NETS], node_get(s, "networks"));
	use_sources(&used[VOLS], node_get(s, "volumes"), "volume");
	use_sources(&used[SECRETS], node_get(s, "secrets"), NULL);
	use_sources(&used[SECRETS], node_get(node_get(s, "build"), "secrets"), NULL);
	use_sources(&used[CONFIGS], node_get(s, "configs"), NULL);
	use_keys(&used[MODELS], node_get(s, "models"));
}

static void keep_used(struct arena *a, struct node *root, const char *section, const struct map *used)
{
	struct node *all = node_get(root, section), *kept;

	if (!all || all->kind != NODE_MAP)
		return;
	kept = node_new(a, NODE_MAP, all->pos);
	for (size_t i = 0; i < all->n; i++)
		if (map_has(used, all->pairs[i].key))
			node_put(a, kept, all->pairs[i].key, all->pairs[i].key_pos, all->pairs[i].val);
	if (kept->n)
		node_put(a, root, section, all->pos, kept);
	else
		node_del(root, section);
}

void prune_unused(struct arena *a, struct node *root)
{
	const struct node *services = node_get(root, "services");
	struct map used[SECTIONS] = {{0}};

	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++)
		one_service(used, services->pairs[i].val);
	for (size_t i = 0; i < SECTIONS; i++) {
		keep_used(a, root, sections[i], &used[i]);
		map_done(&used[i]);
	}
}
