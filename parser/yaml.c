/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/yaml.h"
#include <yaml.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "parser/yaml_why.h"

enum { TEXT_ROOM = 4096 };

/* nodes, height: of the tree, so that a use is paid for before it is copied; done: false while it is being read */
struct anchor { struct node *node; size_t nodes; unsigned height, depth, outer; bool done; };

struct reader {
	struct arena        *arena;
	const struct source *src;
	struct errs *errs;
	yaml_parser_t p;
	struct map anchors;
	struct map keys; /* text -> the same text in the arena: most keys come again and again */
	char *room;	 /* for short texts, which need no alignment */
	size_t left;
	VEC(struct node_pair) open; /* pairs read so far of the mappings that are open, the innermost last */
	bool tagged;
	size_t written, copied;
	unsigned depth, deepest; /* deepest: reached since the innermost open anchor, uses of aliases counted */
	struct node *bad_alias;	 /* the last that named nothing */
	bool fatal;		 /* the rest of the file cannot be read */
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

static enum node_tag tag_of(struct reader *r, const yaml_char_t *tag)
{
	enum node_tag t;

	if (!tag)
		return NODE_TAG_NONE;
	t = !strcmp((const char *)tag, "!reset") ? NODE_TAG_RESET :
	    !strcmp((const char *)tag, "!override") ? NODE_TAG_OVERRIDE : NODE_TAG_NONE;
	r->tagged |= t != NODE_TAG_NONE;
	return t;
}

static const char *keep_text(struct reader *r, const yaml_char_t *text, size_t len)
{
	char *to;

	if (len >= TEXT_ROOM / 8)
		return arena_strndup(r->arena, (const char *)text, len);
	if (r->left <= len) {
		r->room = arena_alloc(r->arena, TEXT_ROOM);
		r->left = TEXT_ROOM;
	}
	to = memcpy(r->room, text, len);
	to[len] = '\0';
	r->room += len + 1;
	r->left -= len + 1;
	return to;
}

static const char *keep_key(struct reader *r, const yaml_char_t *text, size_t len)
{
	const char *key = map_get(&r->keys, (const char *)text);

	if (!key) {
		key = keep_text(r, text, len);
		map_set(&r->keys, key, (void *)key);
	}
	return key;
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

/* "\0" is fine in YAML, but no text of ours can hold it. */
static void check_nul(struct reader *r, const yaml_event_t *ev)
{
	if (memchr(ev->data.scalar.value, '\0', ev->data.scalar.length))
		errs_model(r->errs, pos_of(r, &ev->start_mark), NULL, NULL, "a text cannot hold the character NUL");
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *ev)
{
	const char *text = keep_text(r, ev->data.scalar.value, ev->data.scalar.length);
	const char *tag = (const char *)ev->data.scalar.tag;
	struct node *n = node_new(r->arena, NODE_STR, pos_of(r, &ev->start_mark));

	check_nul(r, ev);
	n->tag = tag_of(r, ev->data.scalar.tag);
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
/* It has been told: << need not say it again. */
static struct node *bad_alias(struct reader *r, struct srcpos p)
{
	r->bad_alias = node_new(r->arena, NODE_NULL, p);
	return r->bad_alias;
}

static struct node *read_alias(struct reader *r, const yaml_event_t *ev)
{
	const char *name = (const char *)ev->data.alias.anchor;
	const struct anchor *a = map_get(&r->anchors, name);
	struct srcpos p = pos_of(r, &ev->start_mark);

	if (!a) {
		errs_model(r->errs, p, NULL, "anchors (&name) do not cross files, and must stand before their use",
			   "the alias *%s has no anchor", name);
		return bad_alias(r, p);
	}
	if (!a->done) {
		errs_model(r->errs, p, NULL, NULL, "the alias *%s stands inside the anchor it names", name);
		return bad_alias(r, p);
	}
	r->copied += a->nodes;
	if (r->copied > YAML_ALIAS_MAX + YAML_ALIAS_RATIO * r->written)
		return fatal(r, p, "use fewer aliases of aliases",
			     "the aliases of this file expand to too many values");
	return deep(r, r->depth + a->height, p) ? NULL : node_copy(r->arena, a->node);
}

static struct node *read_list(struct reader *r, const yaml_event_t *start)
{
	struct node *n = node_new(r->arena, NODE_LIST, pos_of(r, &start->start_mark)), *item;
	struct anchor *a = anchor_start(r, start->data.sequence_start.anchor, n);
	yaml_event_t ev;
	bool end;

	n->tag = tag_of(r, start->data.sequence_start.tag);
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
		(void)node_add(r->arena, to, &from->pairs[i]);
}

static void merge_keys(struct reader *r, struct node *to, struct node *from)
{
	static const char hint[] = "<< takes a mapping, or a list of mappings, mostly as aliases: <<: *name";

	if (from == r->bad_alias)
		return;
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
		else if (from->items[i] != r->bad_alias)
			errs_model(r->errs, from->items[i]->pos, "<<", hint, "<< cannot merge a %s",
				   node_kind_name(from->items[i]->kind));
	}
}

/* The key that ev starts. ret: false when the file cannot be read on. *ret NULL: it cannot be a key (reported)
 * Nearly all keys are plain words: they need no node of their own. */
static bool read_key(struct reader *r, const yaml_event_t *ev, const char **ret, bool *ret_merge)
{
	const struct node *n;

	if (ev->type == YAML_SCALAR_EVENT && !ev->data.scalar.anchor && !ev->data.scalar.tag) {
		struct node word = { .kind = NODE_STR };
		bool bare = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

		if (bare)
			node_resolve(&word, (const char *)ev->data.scalar.value);
		if (word.kind == NODE_STR) {
			r->written++;
			check_nul(r, ev);
			*ret = keep_key(r, ev->data.scalar.value, ev->data.scalar.length);
			*ret_merge = bare && !strcmp(*ret, "<<");
			return true;
		}
	}
	n = read_node(r, ev);
	*ret_merge = false;
	*ret = n && n->kind == NODE_STR ? n->text : NULL;
	if (n && !*ret)
		errs_model(r->errs, n->pos, NULL, n->kind < NODE_LIST ? "put quotes around the key" : NULL,
			   "a key must be a string, this is a %s", node_kind_name(n->kind));
	return n != NULL;
}

/* ret: 1 a pair was read, 0 the mapping ended, -1 the file cannot be read on. *merge: the value of <<, of which one is
 * allowed */
static int read_pair(struct reader *r, struct node **merge)
{
	yaml_event_t ev;
	const char *key = NULL;
	struct srcpos pos;
	struct node *val;
	bool end, good, is_merge = false;

	if (!next_event(r, &ev))
		return -1;
	pos = pos_of(r, &ev.start_mark);
	end = ev.type == YAML_MAPPING_END_EVENT;
	good = !end && read_key(r, &ev, &key, &is_merge);
	yaml_event_delete(&ev);
	if (!good)
		return end ? 0 : -1;
	if (!next_event(r, &ev))
		return -1;
	val = read_node(r, &ev);
	yaml_event_delete(&ev);
	if (!val)
		return -1;
	if (is_merge && *merge)
		errs_model(r->errs, pos, "<<", "write one <<: [*a, *b]", "the key \"<<\" is already defined");
	else if (is_merge)
		*merge = val;
	else if (key)
		vec_push(&r->open, (struct node_pair){ key, pos, val });
	return 1;
}

/* The pairs read since from become those of the mapping: only now is known how much room they take. The loader adds a
 * few of its own, so some is left. */
static void close_map(struct reader *r, struct node *map, size_t from)
{
	size_t n = r->open.n - from;

	node_reserve(r->arena, map, n + n / 4);
	for (size_t i = from; i < r->open.n; i++) {
		const struct node_pair *p = &r->open.v[i], *old = node_add(r->arena, map, p);

		if (old)
			errs_model(r->errs, p->key_pos, p->key, "keep one of the two",
				   "the key \"%s\" is already defined at line %u", p->key, old->key_pos.line);
	}
	r->open.n = from;
}

static struct node *read_map(struct reader *r, const yaml_event_t *start)
{
	struct node *n = node_new(r->arena, NODE_MAP, pos_of(r, &start->start_mark)), *merge = NULL;
	struct anchor *a = anchor_start(r, start->data.mapping_start.anchor, n);
	size_t from = r->open.n;
	int more;

	n->tag = tag_of(r, start->data.mapping_start.tag);
	if (deep(r, ++r->depth, n->pos))
		return NULL;
	while ((more = read_pair(r, &merge)) > 0)
		;
	close_map(r, n, from);
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
		return errs_model(errs, (struct srcpos) { src->name, 1, 1 }, NULL, NULL,
				  "the file is larger than %d MiB", YAML_FILE_MAX >> 20);
	if (!yaml_parser_initialize(&r.p))
		abort();
	yaml_parser_set_input_string(&r.p, (const unsigned char *)src->text, src->len);
	read_stream(&r, ret);
	yaml_parser_delete(&r.p);
	map_done(&r.anchors);
	map_done(&r.keys);
	vec_done(&r.open);
	ret->tagged |= r.tagged;
	return errs->n == before ? 0 : -1;
}
