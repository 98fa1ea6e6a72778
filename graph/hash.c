/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/hash.h"
#include <string.h>
#include "compose/base/json.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"
#include "parser/node.h"
#include "parser/schema.h"

/* Without what cannot make a difference to a container: rows that stand apart, have no effect, or are extensions. */
static bool counts(const struct keys *k, const char *name, const struct key **ret_row)
{
	const struct key *row = k ? schema_child(k, name) : NULL;

	*ret_row = row;
	if (!row)
		return !k || !schema_is_extension(k, name);
	return !(row->flags & KEY_APART) && row->status != KEY_SILENT && row->status != KEY_WARNED;
}

static json_t *node_json(const struct node *n, const struct keys *k, const struct key *item);

static json_t *map_json(const struct node *n, const struct keys *k)
{
	json_t *j = json_object();

	for (size_t i = 0; i < n->n; i++) {
		const struct node *val = n->pairs[i].val;
		const struct key *row;
		json_t *sub;

		if (!counts(k, n->pairs[i].key, &row))
			continue;
		sub = node_json(val, row ? row->keys : NULL, row ? row->item : NULL);
		if (val->kind == NODE_MAP && val->n && !json_object_size(sub))
			json_decref(sub);       /* nothing of it counts */
		else
			(void)json_object_set_new_nocheck(j, n->pairs[i].key, sub);
	}
	return j;
}

/* in: k, item: the rows of what is below n, NULL = all of it counts */
static json_t *node_json(const struct node *n, const struct keys *k, const struct key *item)
{
	json_t *j;

	switch (n->kind) {
	case NODE_NULL: return json_null();
	case NODE_BOOL: return json_boolean(n->b);
	case NODE_INT: return json_integer(n->i);
	case NODE_FLOAT: return json_real(n->f);
	case NODE_LIST:
		j = json_array();
		for (size_t i = 0; i < n->n; i++)
			(void)json_array_append_new(j, node_json(n->items[i], item ? item->keys : NULL, item ? item->item : NULL));
		return j;
	case NODE_MAP: return map_json(n, k);
	default:
		return json_stringn_nocheck(n->text ? n->text : "", n->text ? strlen(n->text) : 0);
	}
}

json_t *service_config(const struct service *s)
{
	return node_json(s->tree, &schema_service, NULL);
}

static void digest(json_t *j, char ret[65])
{
	auto_free char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	sha256_hex(text ? text : "", text ? strlen(text) : 0, ret);
	json_decref(j);
}

void service_hash(const struct service *s, char ret[65])
{
	digest(service_config(s), ret);
}

json_t *network_config(const struct network *n)
{
	return n->tree ? node_json(n->tree, &schema_network, NULL) : json_null();
}

json_t *volume_config(const struct volume *v)
{
	return v->tree ? node_json(v->tree, &schema_volume, NULL) : json_null();
}

void network_hash(const struct network *n, char ret[65])
{
	digest(network_config(n), ret);
}

void volume_hash(const struct volume *v, char ret[65])
{
	digest(volume_config(v), ret);
}

/* ret: the verb for the first difference below path, or NULL when both are equal; path is extended to it */
static const char *differ(struct str *path, const json_t *was, const json_t *is)
{
	size_t len = path->len;
	const char *key, *verb;
	json_t *old, *new;

	if (!was || !is)
		return was == is ? NULL : was ? "removed" : "added";
	if (!json_is_object(was) || !json_is_object(is))
		return json_equal(was, is) ? NULL : "changed";
	json_object_foreach((json_t *)(uintptr_t)was, key, old) {
		str_addf(path, "%s%s", path->len ? "." : "", key);
		verb = differ(path, old, json_object_get(is, key));
		if (verb)
			return verb;
		str_cut(path, len);
	}
	json_object_foreach((json_t *)(uintptr_t)is, key, new) {
		if (json_object_get(was, key))
			continue;
		str_addf(path, "%s%s", path->len ? "." : "", key);
		return "added";
	}
	return NULL;
}

/* Keys may hold dots: the longest key that path begins with is the one. */
static struct srcpos position(const struct node *n, const char *path)
{
	const struct node *below = NULL;
	struct srcpos at = n->pos;
	size_t best = 0;

	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++) {
		size_t len = strlen(n->pairs[i].key);

		if (len < best || strncmp(path, n->pairs[i].key, len) != 0 || (path[len] && path[len] != '.'))
			continue;
		best = len;
		below = path[len] ? n->pairs[i].val : NULL;
		at = n->pairs[i].key_pos.line ? n->pairs[i].key_pos : n->pairs[i].val->pos;
	}
	return below ? position(below, path + best + 1) : at;
}

const char *config_difference(struct arena *a, const char *was, const json_t *is, const char *without, const struct node *tree,
			      struct srcpos *ret_pos)
{
	auto_json json_t *old = json_loads(was, JSON_ALLOW_NUL, NULL), *new = json_copy((json_t *)(uintptr_t)is);
	auto_str struct str path = {0};
	const char *verb;

	*ret_pos = (struct srcpos){0};
	if (!old)
		return "configuration changed";
	if (without) {
		(void)json_object_del(old, without);
		(void)json_object_del(new, without);
	}
	verb = differ(&path, old, new);
	if (!verb)
		return NULL;
	if (!path.len)
		return "configuration changed";
	if (strcmp(verb, "removed") != 0)
		*ret_pos = position(tree, str_cstr(&path));
	return arena_printf(a, "%s %s", str_cstr(&path), verb);
}

const char *service_difference(struct arena *a, const char *was, const struct service *s, struct srcpos *ret_pos)
{
	auto_json json_t *is = service_config(s);
	const char *what = config_difference(a, was, is, NULL, s->tree, ret_pos);

	return what ? what : "configuration changed";
}
