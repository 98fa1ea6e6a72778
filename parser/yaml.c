/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/yaml.h"
#include <yaml.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "parser/yaml_why.h"

/* nodes, height: of the tree, so that a use is paid for before it is copied; done: false while it is being read */
struct anchor { struct node *node; size_t nodes; unsigned height, depth, outer; bool done; };

struct reader {
	struct arena        *arena;
	const struct source *src;
	struct errs         *errs;
	yaml_parser_t        p;
	struct map           anchors;
	size_t               written, copied;
	unsigned             depth, deepest;   /* deepest: reached since the innermost open anchor, uses of aliases counted */
	bool                 fatal;        /* the rest of the file cannot be read */
};

static struct node *read_node(struct reader *r, const yaml_event_t *ev);

static struct srcpos pos_of(const struct reader *r, const yaml_mark_t *m)
{
	return (struct srcpos){ r->src->name, (unsigned)m->line + 1, (unsigned)m->column + 1 };
}

/* ret: NULL, so that it can end a reading function */
static void *fatal(struct reader *r, struct srcpos p, const char *hint, const char *text)
{
	r->fatal = true;
	errs_model(r->errs, p, NULL, hint, "%s", text);
	return NULL;
}

/* ret: false at a syntax error, which is then reported */
static bool next_event(struct reader *r, yaml_event_t *ev)
{
	if (yaml_parser_parse(&r->p, ev))
		return true;
	yaml_why(r->src, &r->p, r->errs);
	r->fatal = true;
	return false;
}

static enum node_tag tag_of(const yaml_char_t *tag)
{
	if (!tag)
		return NODE_TAG_NONE;
	return !strcmp((const char *)tag, "!reset") ? NODE_TAG_RESET :
	       !strcmp((const char *)tag, "!override") ? NODE_TAG_OVERRIDE : NODE_TAG_NONE;
}

static struct anchor *anchor_start(struct reader *r, const yaml_char_t *name, struct node *n)
{
	struct anchor *a;

	if (!name)
		return NULL;
	a = arena_new(r->arena, struct anchor);
	*a = (struct anchor){ n, r->written + r->copied - 1, 0, r->depth, r->deepest, false };
	r->deepest = r->depth;
	map_set(&r->anchors, (const char *)name, a);
	return a;
}

static void anchor_end(struct reader *r, struct anchor *a)
{
	if (!a)
		return;
	a->nodes = r->written + r->copied - a->nodes;
	a->height = r->deepest - a->depth;
	if (a->outer > r->deepest)
		r->deepest = a->outer;
	a->done = true;
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *ev)
{
	const char *text = arena_strndup(r->arena, (const char *)ev->data.scalar.value, ev->data.scalar.length);
	const char *tag = (const char *)ev->data.scalar.tag;
	struct node *n = node_new(r->arena, NODE_STR, pos_of(r, &ev->start_mark));

	n->tag = tag_of(ev->data.scalar.tag);
	n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (tag && (!strcmp(tag, YAML_INT_TAG) || !strcmp(tag, YAML_FLOAT_TAG) || !strcmp(tag, YAML_BOOL_TAG)))
		n->quoted = false;
	else if (tag && n->tag == NODE_TAG_NONE && strcmp(tag, YAML_NULL_TAG) != 0)
		n->quoted = true;
	if (n->quoted)
		n->text = text;
	else
		node_resolve(n, text);
	anchor_end(r, anchor_start(r, ev->data.scalar.anchor, n));
	return n;
}

static bool deep(struct reader *r, unsigned depth, struct srcpos p)
{
	if (depth > r->deepest)
		r->deepest = depth;
	if (depth <= YAML_DEPTH_MAX)
		return false;
	fatal(r, p, NULL, "mappings and lists are nested too deeply");
	return true;
}

/* A copy of what the alias names, unless the copies of this file grow out of proportion to it. */
static struct node *read_alias(struct reader *r, const yaml_event_t *ev)
{
	const char *name = (const char *)ev->data.alias.anchor;
	const struct anchor *a = map_get(&r->anchors, name);
	struct srcpos p = pos_of(r, &ev->start_mark);

	if (!a) {
		errs_model(r->errs, p, NULL, "anchors (&name) do not cross files, and must stand before their use",
			   "the alias *%s has no anchor", name);
		return node_new(r->arena, NODE_NULL, p);
	}
	if (!a->done) {
		errs_model(r->errs, p, NULL, NULL, "the alias *%s stands inside the anchor it names", name);
		return node_new(r->arena, NODE_NULL, p);
	}
	r->copied += a->nodes;
	if (r->copied > YAML_ALIAS_MAX + YAML_ALIAS_RATIO * r->written)
		return fatal(r, p, "use fewer aliases of aliases", "the aliases of this file expand to too many values");
	return deep(r, r->depth + a->height, p) ? NULL : node_copy(r->arena, a->node);
}

static struct node *read_list(struct reader *r, const yaml_event_t *start)
{
	struct node *n = node_new(r->arena, NODE_LIST, pos_of(r, &start->start_mark)), *item;
	struct anchor *a = anchor_start(r, start->data.sequence_start.anchor, n);
	yaml_event_t ev;
	bool end;

	n->tag = tag_of(start->data.sequence_start.tag);
	if (deep(r, ++r->depth, n->pos))
		return NULL;
	for (;;) {
		if (!next_event(r, &ev))
			return NULL;
		end = ev.type == YAML_SEQUENCE_END_EVENT;
		item = end ? NULL : read_node(r, &ev);
		yaml_event_delete(&ev);
		if (end)
			break;
		if (!item)
			return NULL;
		node_push(r->arena, n, item);
	}
	r->depth--;
	anchor_end(r, a);
	return n;
}

/* Keys of a map that << names, which the map itself does not have. */
static void merge_map(struct reader *r, struct node *to, struct node *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (!node_pair(to, from->pairs[i].key))
			node_set(r->arena, to, from->pairs[i].key, from->pairs[i].key_pos, from->pairs[i].val);
}

static void merge_keys(struct reader *r, struct node *to, struct node *from)
{
	static const char hint[] = "<< takes a mapping, or a list of mappings, mostly as aliases: <<: *name";

	if (from->kind == NODE_MAP) {
		merge_map(r, to, from);
		return;
	}
	if (from->kind != NODE_LIST) {
		errs_model(r->errs, from->pos, "<<", hint, "<< cannot merge a %s", node_kind_name(from->kind));
		return;
	}
	for (size_t i = 0; i < from->n; i++) {
		if (from->items[i]->kind == NODE_MAP)
			merge_map(r, to, from->items[i]);
		else
			errs_model(r->errs, from->items[i]->pos, "<<", hint, "<< cannot merge a %s",
				   node_kind_name(from->items[i]->kind));
	}
}

/* ret: the text of a key, or NULL when the node cannot be one (reported) */
static const char *key_text(struct reader *r, const struct node *k)
{
	if (k->kind == NODE_STR)
		return k->text;
	errs_model(r->errs, k->pos, NULL, k->kind < NODE_LIST ? "put quotes around the key" : NULL,
		   "a key must be a string, this is a %s", node_kind_name(k->kind));
	return NULL;
}

static void add_pair(struct reader *r, struct node *map, const struct node *key, struct node *val)
{
	const char *text = key_text(r, key);
	const struct node_pair *old = text ? node_pair(map, text) : NULL;

	if (old)
		errs_model(r->errs, key->pos, text, "keep one of the two", "the key \"%s\" is already defined at line %u",
			   text, old->key_pos.line);
	else if (text)
		node_set(r->arena, map, text, key->pos, val);
}

/* ret: 1 a pair was read, 0 the mapping ended, -1 the file cannot be read on. *merge: the value of <<, of which one is allowed */
static int read_pair(struct reader *r, struct node *map, struct node **merge)
{
	yaml_event_t ev;
	struct node *key, *val;
	bool end, is_merge;

	if (!next_event(r, &ev))
		return -1;
	end = ev.type == YAML_MAPPING_END_EVENT;
	key = end ? NULL : read_node(r, &ev);
	is_merge = key && ev.type == YAML_SCALAR_EVENT && !key->quoted && str_eq(node_text(key), "<<");
	yaml_event_delete(&ev);
	if (end || !key)
		return end ? 0 : -1;
	if (!next_event(r, &ev))
		return -1;
	val = read_node(r, &ev);
	yaml_event_delete(&ev);
	if (!val)
		return -1;
	if (!is_merge)
		add_pair(r, map, key, val);
	else if (*merge)
		errs_model(r->errs, key->pos, "<<", "write one <<: [*a, *b]", "the key \"<<\" is already defined");
	else
		*merge = val;
	return 1;
}

static struct node *read_map(struct reader *r, const yaml_event_t *start)
{
	struct node *n = node_new(r->arena, NODE_MAP, pos_of(r, &start->start_mark)), *merge = NULL;
	struct anchor *a = anchor_start(r, start->data.mapping_start.anchor, n);
	int more;

	n->tag = tag_of(start->data.mapping_start.tag);
	if (deep(r, ++r->depth, n->pos))
		return NULL;
	while ((more = read_pair(r, n, &merge)) > 0)
		;
	if (more < 0)
		return NULL;
	if (merge)
		merge_keys(r, n, merge);
	r->depth--;
	anchor_end(r, a);
	return n;
}

static struct node *read_node(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return read_alias(r, ev);
	case YAML_SCALAR_EVENT:
		r->written++;
		return read_scalar(r, ev);
	case YAML_SEQUENCE_START_EVENT:
		r->written++;
		return read_list(r, ev);
	case YAML_MAPPING_START_EVENT:
		r->written++;
		return read_map(r, ev);
	default:
		return fatal(r, pos_of(r, &ev->start_mark), NULL, "a value is missing here");
	}
}

static void read_document(struct reader *r, struct yaml_docs *ret)
{
	yaml_event_t ev;
	struct node *n;

	map_done(&r->anchors);                 /* anchors do not cross documents */
	r->depth = r->deepest = 0;
	if (!next_event(r, &ev))
		return;
	n = read_node(r, &ev);
	yaml_event_delete(&ev);
	if (n)
		vec_push(ret, n);
}

static void read_stream(struct reader *r, struct yaml_docs *ret)
{
	yaml_event_t ev;
	yaml_event_type_t type;

	while (!r->fatal && next_event(r, &ev)) {
		type = ev.type;
		yaml_event_delete(&ev);
		if (type == YAML_STREAM_END_EVENT)
			return;
		if (type == YAML_DOCUMENT_START_EVENT)
			read_document(r, ret);
	}
}

int yaml_parse(struct arena *a, const struct source *src, struct yaml_docs *ret, struct errs *errs)
{
	struct reader r = { .arena = a, .src = src, .errs = errs };
	size_t before = errs->n;

	if (src->len > YAML_FILE_MAX)
		return errs_model(errs, (struct srcpos){ src->name, 1, 1 }, NULL, NULL, "the file is larger than %d MiB",
				  YAML_FILE_MAX >> 20);
	if (!yaml_parser_initialize(&r.p))
		abort();
	yaml_parser_set_input_string(&r.p, (const unsigned char *)src->text, src->len);
	read_stream(&r, ret);
	yaml_parser_delete(&r.p);
	map_done(&r.anchors);
	return errs->n == before ? 0 : -1;
}
