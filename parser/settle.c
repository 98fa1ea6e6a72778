/* SPDX-License-Identifier: Apache-2.0 */
/* settle.c - values to the type that their attribute has, in the form in which configs are printed.
 * Every hook is idempotent: an included model is settled in itself and again as part of the whole. */
#include "compose/base/str.h"
#include "parser/schema_hooks.h"
#include "parser/value.h"
#include "parser/walk.h"

/* Replace a value, keeping where it came from. */
static void replace(struct node **n, struct node *with)
{
	with->origin = (*n)->origin;
	*n = with;
}

static void replace_text(const struct walk *w, struct node **n, const char *text)
{
	struct node *s = node_str(w->arena, text, (*n)->pos);

	s->quoted = true;
	replace(n, s);
}

static struct node *float_node(const struct walk *w, double v, const char *text, struct srcpos pos)
{
	struct node *n = node_new(w->arena, NODE_FLOAT, pos);

	n->f = v;
	n->text = arena_strdup(w->arena, text);
	return n;
}

int settle_bool(const struct walk *w, struct node **n, const struct where *at)
{
	bool v, old;

	if ((*n)->kind != NODE_STR)
		return 0;
	if (!value_bool((*n)->text, &v, &old))
		return walk_fault(w, (*n)->pos, at, "write true or false", "\"%s\" is neither true nor false",
				  (*n)->text);
	replace(n, node_bool(w->arena, v, (*n)->pos));
	return 0;
}

static int whole(const struct walk *w, struct node **n, const struct where *at, int64_t least)
{
	int64_t v;

	if ((*n)->kind == NODE_INT)
		v = (*n)->i;
	else if ((*n)->kind == NODE_FLOAT)
		v = (int64_t)(*n)->f;
	else if ((*n)->kind != NODE_STR)
		return 0;
	else if (!value_i64((*n)->text, &v))
		return walk_fault(w, (*n)->pos, at, NULL, "\"%s\" is no whole number", (*n)->text);
	if (v < least)
		return walk_fault(w, (*n)->pos, at, NULL, "must be at least %lld", (long long)least);
	if ((*n)->kind != NODE_INT)
		replace(n, node_int(w->arena, v, (*n)->pos));
	return 0;
}

int settle_int(const struct walk *w, struct node **n, const struct where *at)
{
	return whole(w, n, at, INT64_MIN);
}

int settle_count(const struct walk *w, struct node **n, const struct where *at)
{
	return whole(w, n, at, 0);
}

int settle_float(const struct walk *w, struct node **n, const struct where *at)
{
	char text[DOUBLE_TEXT];
	double v;

	if ((*n)->kind != NODE_STR && (*n)->kind != NODE_FLOAT)
		return 0;
	if ((*n)->kind == NODE_FLOAT)
		v = (*n)->f;
	else if (!value_double((*n)->text, &v))
		return walk_fault(w, (*n)->pos, at, NULL, "\"%s\" is no number", (*n)->text);
	value_float_text((float)v, text);
	replace(n, float_node(w, v, text, (*n)->pos));
	return 0;
}

int settle_bytes(const struct walk *w, struct node **n, const struct where *at)
{
	char text[32];
	int64_t v;

	if ((*n)->kind == NODE_INT)
		v = (*n)->i;
	else if ((*n)->kind == NODE_FLOAT)
		v = (int64_t)(*n)->f;
	else if ((*n)->kind != NODE_STR)
		return 0;
	else if (!value_bytes((*n)->text, &v))
		return walk_fault(w, (*n)->pos, at, "write a number with a unit, such as 512m or 1.5gb",
				  "\"%s\" is no size", (*n)->text);
	snprintf(text, sizeof(text), "%lld", (long long)v);
	replace_text(w, n, text);
	return 0;
}

int settle_duration(const struct walk *w, struct node **n, const struct where *at)
{
	char text[DURATION_TEXT];
	int64_t ns;

	if (!node_text(*n))
		return 0;
	if (!value_duration((*n)->text, &ns))
		return walk_fault(w, (*n)->pos, at, "write a duration with units, such as 90s or 1m30s",
				  "\"%s\" is no duration", (*n)->text);
	value_duration_text(ns, text);
	replace_text(w, n, text);
	return 0;
}

/* Microseconds, written as a number or as a duration. */
int settle_micros(const struct walk *w, struct node **n, const struct where *at)
{
	int64_t ns;

	if ((*n)->kind == NODE_STR && !value_i64((*n)->text, &ns) && value_duration((*n)->text, &ns))
		replace(n, node_int(w->arena, ns / 1000, (*n)->pos));
	return settle_int(w, n, at);
}

/* A scalar, or each scalar of a list, becomes a text. */
int settle_text(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	if ((*n)->kind == NODE_INT || (*n)->kind == NODE_FLOAT || (*n)->kind == NODE_BOOL)
		replace_text(w, n, node_value_text(w->arena, *n));
	for (size_t i = 0; (*n)->kind == NODE_LIST && i < (*n)->n; i++)
		settle_text(w, &(*n)->items[i], at);
	return 0;
}

/* ---- modes ---- */

static int mode(const struct walk *w, const struct node *n, const struct where *at, int64_t *ret)
{
	if (n->kind == NODE_INT)
		*ret = n->i;
	else if (n->kind == NODE_FLOAT || !value_mode(n->text, ret))
		return walk_fault(w, n->pos, at, "write it in octal, such as \"0440\"", "\"%s\" is no file mode",
				  n->text);
	return 0;
}

int settle_mode_text(const struct walk *w, struct node **n, const struct where *at)
{
	char text[32];
	int64_t v = 0;

	if (!node_text(*n))
		return 0;
	if (mode(w, *n, at, &v) < 0)
		return -1;
	snprintf(text, sizeof(text), "0%llo", (unsigned long long)v);
	replace_text(w, n, text);
	return 0;
}

int settle_mode_int(const struct walk *w, struct node **n, const struct where *at)
{
	int64_t v = 0;

	if ((*n)->kind == NODE_INT || !node_text(*n))
		return 0;
	if (mode(w, *n, at, &v) < 0)
		return -1;
	replace(n, node_int(w->arena, v, (*n)->pos));
	return 0;
}

int settle_device_count(const struct walk *w, struct node **n, const struct where *at)
{
	if ((*n)->kind == NODE_STR && strcasecmp((*n)->text, "all") == 0)
		replace(n, node_int(w->arena, -1, (*n)->pos));
	return settle_int(w, n, at);
}

/* ---- mappings of texts ---- */

/* null_is_empty: labels and options have no unset values, variables do */
static int text_map(const struct walk *w, struct node **n, const struct where *at, bool null_is_empty)
{
	if (walk_pairs(w, n, at) < 0)
		return -1;
	for (size_t i = 0; (*n)->kind == NODE_MAP && i < (*n)->n; i++) {
		struct node **val = &(*n)->pairs[i].val;
		if ((*val)->kind == NODE_NULL && null_is_empty)
			replace_text(w, val, "");
		settle_text(w, val, at);
	}
	return 0;
}

int settle_env(const struct walk *w, struct node **n, const struct where *at)
{
	for (size_t i = 0; (*n)->kind == NODE_LIST && i < (*n)->n; i++) {
		const struct node *item = (*n)->items[i];
		const char *eq = item->kind == NODE_STR ? strchr(item->text, '=') : NULL;
		if (eq == item->text && eq)
			return walk_fault(w, item->pos, &(struct where){at, NULL, i}, "write NAME=VALUE", "there is no name in \"%s\"",
					  item->text);
		if (eq && (eq[-1] == ' ' || eq[-1] == '\t'))
			return walk_fault(w, item->pos, &(struct where){at, NULL, i}, "remove the space before \"=\"",
					  "the name in \"%s\" ends with a space", item->text);
	}
	return text_map(w, n, at, false);
}

int settle_labels(const struct walk *w, struct node **n, const struct where *at)
{
	return text_map(w, n, at, true);
}

int settle_options(const struct walk *w, struct node **n, const struct where *at)
{
	return text_map(w, n, at, true);
}

/* Each option becomes a list of texts. */
int settle_multi(const struct walk *w, struct node **n, const struct where *at)
{
	for (size_t i = 0; (*n)->kind == NODE_MAP && i < (*n)->n; i++) {
		struct node **val = &(*n)->pairs[i].val;
		if ((*val)->kind != NODE_LIST) {
			struct node *list = node_new(w->arena, NODE_LIST, (*val)->pos);
			node_push(w->arena, list, *val);
			*val = list;
		}
		settle_text(w, val, at);
	}
	return 0;
}

/* ---- extra_hosts ---- */

/* "host", "ip" -> "host=ip" at the end of list, unless it is there already */
static int add_host(const struct walk *w, struct node *list, const char *host, const char *ip, const struct node *from,
		    const struct where *at)
{
	size_t n = strlen(ip);
	char *text;

	if (!*host || strpbrk(host, ":="))
		return walk_fault(w, from->pos, at, "write host=address", "\"%s\" is no host name", host);
	if (n > 2 && ip[0] == '[' && ip[n - 1] == ']') {
		ip++;
		n -= 2;
	}
	text = arena_printf(w->arena, "%s=%.*s", host, (int)n, ip);
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->items[i]->text, text))
			return 0;
	struct node *item = node_str(w->arena, text, from->pos);
	item->origin = from->origin;
	node_push(w->arena, list, item);
	return 0;
}

/* "host=ip,ip" or "host:ip" */
static int host_item(const struct walk *w, struct node *list, const struct node *item, const struct where *at)
{
	const char *sep = strchr(item->text, '=');

	if (!sep)
		sep = strchr(item->text, ':');
	if (!sep)
		return walk_fault(w, item->pos, at, "write host=address", "\"%s\" has no address", item->text);
	const char *host = arena_strndup(w->arena, item->text, (size_t)(sep - item->text));
	for (const char *ip = sep + 1;; ip++) {
		size_t n = strcspn(ip, ",");
		if (add_host(w, list, host, arena_strndup(w->arena, ip, n), item, at) < 0)
			return -1;
		ip += n;
		if (!*ip)
			return 0;
	}
}

static int host_pair(const struct walk *w, struct node *list, const struct node_pair *p, const struct where *at)
{
	if (p->val->kind != NODE_LIST)
		return add_host(w, list, p->key, node_text(p->val) ? p->val->text : "", p->val, at);
	for (size_t i = 0; i < p->val->n; i++)
		if (node_text(p->val->items[i]) &&
		    add_host(w, list, p->key, p->val->items[i]->text, p->val->items[i], at) < 0)
			return -1;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp((*(struct node *const *)a)->text, (*(struct node *const *)b)->text);
}

int settle_hosts(const struct walk *w, struct node **n, const struct where *at)
{
	struct node *list = node_new(w->arena, NODE_LIST, (*n)->pos);
	int r = 0;

	for (size_t i = 0; i < (*n)->n; i++) {
		if ((*n)->kind == NODE_MAP)
			r |= host_pair(w, list, &(*n)->pairs[i], &(struct where){at, (*n)->pairs[i].key, 0});
		else if ((*n)->items[i]->deferred)
			return 0;
		else if ((*n)->items[i]->kind == NODE_STR)
			r |= host_item(w, list, (*n)->items[i], &(struct where){at, NULL, i});
	}
	if (r)
		return -1;
	if (list->n > 1)
		qsort(list->items, list->n, sizeof(*list->items), by_text);
	*n = list;
	return 0;
}

/* ---- commands ---- */

static struct node *text_list(const struct walk *w, char *const *v, size_t n, struct srcpos pos)
{
	struct node *list = node_new(w->arena, NODE_LIST, pos);

	for (size_t i = 0; i < n; i++)
		node_push(w->arena, list, node_str(w->arena, v[i], pos));
	return list;
}

int settle_words(const struct walk *w, struct node **n, const struct where *at)
{
	auto_strv struct strv words = {0};
	const char *why;

	if ((*n)->kind != NODE_STR)
		return 0;
	why = value_words((*n)->text, &words);
	if (why)
		return walk_fault(w, (*n)->pos, at, "write the command as a list", "cannot be split into words: %s",
				  why);
	replace(n, text_list(w, words.v, words.n, (*n)->pos));
	return 0;
}

int settle_test(const struct walk *w, struct node **n, const struct where *at)
{
	const char *first;

	if ((*n)->kind == NODE_STR) {
		char *v[] = {(char *)"CMD-SHELL", (char *)(*n)->text};
		replace(n, text_list(w, v, 2, (*n)->pos));
	}
	if ((*n)->kind != NODE_LIST || !(*n)->n)
		return 0;
	first = node_text((*n)->items[0]);
	if (!str_eq(first, "CMD") && !str_eq(first, "CMD-SHELL") && !str_eq(first, "NONE"))
		return walk_fault(w, (*n)->items[0]->pos, at, NULL,
				  "must start with CMD, CMD-SHELL or NONE, not \"%s\"", first ? first : "");
	return 0;
}

int settle_ulimit(const struct walk *w, struct node **n, const struct where *at)
{
	const struct node *soft, *hard;

	if ((*n)->kind != NODE_MAP)
		return settle_int(w, n, at);
	soft = node_get(*n, "soft");
	hard = node_get(*n, "hard");
	if (soft && hard && soft->kind == NODE_INT && hard->kind == NODE_INT && hard->i >= 0 &&
	    (soft->i > hard->i || soft->i < 0))
		return walk_fault(w, soft->pos, at, NULL, "the soft limit %s is above the hard limit %s", soft->text,
				  hard->text);
	return 0;
}
