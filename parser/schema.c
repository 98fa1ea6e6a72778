/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/schema.h"
#include <ctype.h>
#include "compose/base/str.h"
#include "parser/phases.h"
#include "parser/schema_hooks.h"
#include "parser/value.h"

struct check {
	struct errs *errs;
	struct warns *warns;
	int bad;
};

bool schema_is_extension(const struct keys *k, const char *name)
{
	return !(k && k->any) && name[0] == 'x' && name[1] == '-';
}

const struct key *schema_child(const struct keys *k, const char *name)
{
	size_t lo = 0, hi = k->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const char *at = k->v[mid].name;
		int c = *name != *at ? *name - *at : strcmp(name, at); /* the call is spared most of the time */
		if (c == 0)
			return &k->v[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return k->any;
}

static void where_add(struct str *b, const struct where *at)
{
	if (!at)
		return;
	where_add(b, at->up);
	if (!at->key)
		str_addf(b, "[%zu]", at->index);
	else
		str_addf(b, "%s%s", b->len ? "." : "", at->key);
}

char *where_text(const struct where *at)
{
	auto_str struct str b = STR_MAX(4096);

	where_add(&b, at);
	return str_take(&b);
}

/* ---- messages ---- */

static int fault(struct check *c, struct srcpos pos, const struct where *at, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static int fault(struct check *c, struct srcpos pos, const struct where *at, const char *hint, const char *fmt, ...)
{
	auto_free char *path = where_text(at), *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	c->bad = -1;
	return errs_model(c->errs, pos, *path ? path : NULL, hint, "%s %s", *path ? path : "the document", text);
}

/* "a list or a mapping" */
static void forms_text(unsigned forms, struct str *b)
{
	static const struct {
		unsigned form;
		const char *text;
	} names[] = {
		{FORM_MAP, "a mapping"}, {FORM_LIST, "a list"},	       {FORM_STR, "a string"},
		{FORM_NUM, "a number"},	 {FORM_INT, "a whole number"}, {FORM_BOOL, "true or false"},
		{FORM_NULL, "empty"},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!(forms & names[i].form))
			continue;
		forms &= ~names[i].form;
		str_addf(b, "%s%s", !b->len ? "" : forms ? ", " : " or ", names[i].text);
	}
}

static const char *kind_text(const struct node *n)
{
	static const char *const text[] = {
		[NODE_NULL] = "empty",	   [NODE_BOOL] = "true or false", [NODE_INT] = "a number",
		[NODE_FLOAT] = "a number", [NODE_STR] = "a string",	  [NODE_LIST] = "a list",
		[NODE_MAP] = "a mapping",
	};

	return text[n->kind];
}

static void wrong_form(struct check *c, const struct key *k, const struct node *n, const struct where *at)
{
	auto_str struct str want = {0};
	auto_free char *hint = NULL;

	forms_text(k->forms, &want);
	if (k->settle == settle_duration && n->kind == NODE_INT)
		hint = xasprintf("write it with a unit: %ss", n->text);
	else if ((k->forms & FORM_STR) && node_text(n))
		hint = xasprintf("put it in quotes: \"%s\"", node_text(n));
	else if (k->forms == FORM_LIST && node_text(n))
		hint = xasprintf("write a list: [\"%s\"]", node_text(n));
	else if (n->kind == NODE_NULL)
		hint = xstrdup("give it a value, or leave the key out");
	fault(c, n->pos, at, hint, "must be %s, not %s", str_cstr(&want), kind_text(n));
}

/* ---- unknown keys ---- */

struct belongs {
	const char *name;
	char *path;
};

static void find_level(void *ctx, const char *path, const struct key *k)
{
	struct belongs *b = ctx;

	if (!b->path && k->name && str_eq(k->name, b->name)) {
		const char *dot = strrchr(path, '.');
		b->path = xstrndup(path, dot ? (size_t)(dot - path) : strlen(path));
	}
}

static const char *nearest(const struct keys *k, const char *name)
{
	const char **names = xcalloc(k->n + 1, sizeof(*names));
	const char *best;

	for (size_t i = 0; i < k->n; i++)
		names[i] = k->v[i].name;
	best = str_nearest(name, names);
	free(names);
	return best;
}

/* ret: the hint for a key that is not known in k, or NULL. owns: caller frees */
static char *unknown_hint(const struct keys *k, const char *name, const struct node *val, bool root)
{
	struct belongs b = {.name = name};
	const char *best = nearest(k, name);
	char *hint = NULL;

	if (root && (node_get(val, "image") || node_get(val, "build")))
		return xasprintf("`%s` looks like a service: move it below `services:`", name);
	if (best)
		return xasprintf("did you mean `%s`?", best);
	schema_each(find_level, &b);
	if (b.path && !*b.path)
		hint = xasprintf("`%s` belongs to the top level of the file", name);
	else if (b.path)
		hint = xasprintf("`%s` belongs to %s", name, b.path);
	free(b.path);
	return hint;
}

/* Is the mapping that at is in no service at all, but a section of the file that was indented too far? */
static const char *indented_section(const struct where *at)
{
	static const char *const sections[] = {"volumes", "networks", "configs", "secrets", "models"};
	const struct where *service = at->up, *top = service ? service->up : NULL;

	for (size_t i = 0; top && !top->up && str_eq(top->key, "services") && i < ARRAY_LEN(sections); i++)
		if (str_eq(service->key, sections[i]))
			return sections[i];
	return NULL;
}

static void unknown_key(struct check *c, const struct keys *k, const struct node_pair *p, const struct where *at)
{
	const char *section = indented_section(at);
	auto_free char *hint = section ? xasprintf("`%s` is taken for a service: write it at the top level", section)
				       : unknown_hint(k, p->key, p->val, !at->up);
	auto_free char *path = where_text(at);

	c->bad = errs_model(c->errs, p->key_pos, path, hint, "unknown key `%s` in %s", p->key,
			    k->what ? k->what : "this mapping");
}

/* ---- values ---- */

static unsigned form_of(const struct node *n)
{
	switch (n->kind) {
	case NODE_NULL:
		return FORM_NULL;
	case NODE_BOOL:
		return FORM_BOOL;
	case NODE_INT:
		return FORM_INT | FORM_NUM;
	case NODE_FLOAT:
		return FORM_NUM;
	case NODE_STR:
		return FORM_STR;
	case NODE_LIST:
		return FORM_LIST;
	case NODE_MAP:
		return FORM_MAP;
	}
	return 0;
}

bool schema_fits(const struct key *k, const struct node *n)
{
	return (k->forms & form_of(n)) != 0;
}

static bool has_word(const char *words, const char *text)
{
	size_t n = strlen(text);

	for (const char *w = words; *w; w += strcspn(w, " "), w += *w == ' ')
		if (strncmp(w, text, n) == 0 && (w[n] == ' ' || !w[n]))
			return n != 0;
	return false;
}

static void check_words(struct check *c, const struct key *k, const struct node *n, const struct where *at)
{
	auto_str struct str list = {0};
	char best_buf[64] = "";
	unsigned best = 4;

	if (has_word(k->words, n->text))
		return;
	for (const char *w = k->words; *w; w += *w == ' ') {
		size_t len = strcspn(w, " ");
		char word[64];
		snprintf(word, sizeof(word), "%.*s", (int)len, w);
		str_addf(&list, "%s%s", !list.len ? "" : w[len] ? ", " : " or ", word);
		if (str_distance(word, n->text) < best) {
			best = str_distance(word, n->text);
			memcpy(best_buf, word, sizeof(word));
		}
		w += len;
	}
	auto_free char *hint = *best_buf ? xasprintf("did you mean `%s`?", best_buf) : NULL;
	fault(c, n->pos, at, hint, "must be %s, not \"%s\"", str_cstr(&list), n->text);
}

static void check_range(struct check *c, const struct key *k, const struct node *n, const struct where *at)
{
	double v = n->kind == NODE_INT ? (double)n->i : n->f;

	if (v < (double)k->lo)
		fault(c, n->pos, at, NULL, "must be at least %lld", (long long)k->lo);
	else if (v > (double)k->hi)
		fault(c, n->pos, at, NULL, "must be at most %lld", (long long)k->hi);
}

/* ret: whether the text of item i stands before it. A map pays off from some length on only. */
static bool seen_before(const struct node *list, size_t i, struct map *seen)
{
	const char *text = node_text(list->items[i]);

	if (!text)
		return false;
	if (list->n > 16)
		return map_set(seen, text, list->items[i]) != NULL;
	for (size_t k = 0; k < i; k++)
		if (str_eq(node_text(list->items[k]), text))
			return true;
	return false;
}

static void check_unique(struct check *c, const struct node *list, const struct where *at)
{
	auto_map struct map seen = {0};

	for (size_t i = 0; i < list->n; i++)
		if (seen_before(list, i, &seen))
			fault(c, list->items[i]->pos, &(struct where){at, NULL, i}, "remove one of them",
			      "repeats \"%s\"", node_text(list->items[i]));
}

static void check_node(struct check *c, const struct key *k, const struct node *n, const struct where *at);

static void check_map(struct check *c, const struct keys *k, const struct node *map, const struct where *at)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct node_pair *p = &map->pairs[i];
		struct where here = {at, p->key, 0};
		const struct key *row;

		if (schema_is_extension(k, p->key))
			continue;
		row = schema_child(k, p->key);
		if (!row)
			unknown_key(c, k, p, &here);
		else if (row == k->any && k->name_ok && !k->name_ok(p->key))
			fault(c, p->key_pos, &here, NULL, "is no name for a %s: use %s", k->what, k->name_wanted);
		else
			check_node(c, row, p->val, &here);
	}
	for (size_t i = 0; i < k->n; i++)
		if ((k->v[i].flags & KEY_NEED) && !node_get(map, k->v[i].name))
			fault(c, map->pos, at, NULL, "lacks the key `%s`", k->v[i].name);
}

/* A text that stands for a bool is fine; the words of older YAML get a warning. */
static void check_bool_text(struct check *c, const struct key *k, const struct node *n, const struct where *at)
{
	bool v, old;

	if (k->settle == NULL || !(k->forms & FORM_BOOL) || !value_bool(n->text, &v, &old) || !old || !c->warns)
		return;
	auto_free char *path = where_text(at);
	warns_add(c->warns, n->pos, "%s: \"%s\" is no boolean of YAML 1.2, write `%s`", path, n->text,
		  v ? "true" : "false");
}

/* A number that becomes a text loses how it was written: 3.10 is 3.1, 0x10 is 16. */
static void check_number_text(struct check *c, const struct key *k, const struct node *n, const struct where *at)
{
	struct arena a = {0};
	const char *text;

	if (!(k->forms & FORM_STR) || !(k->forms & FORM_NUM) || k->settle || k->canon || !c->warns)
		return;
	text = node_value_text(&a, n);
	if (!str_eq(text, n->text)) {
		auto_free char *path = where_text(at);
		warns_add(c->warns, n->pos,
			  "%s: %s is read as the number %s; put it in quotes to keep it as it is written", path,
			  n->text, text);
	}
	arena_done(&a);
}

static void check_node(struct check *c, const struct key *k, const struct node *n, const struct where *at)
{
	if (n->deferred)
		return;
	if (!schema_fits(k, n)) {
		wrong_form(c, k, n, at);
		return;
	}
	if (n->kind == NODE_MAP && k->keys)
		check_map(c, k->keys, n, at);
	if (n->kind == NODE_LIST) {
		for (size_t i = 0; i < n->n && k->item; i++)
			check_node(c, k->item, n->items[i], &(struct where){at, NULL, i});
		if (k->flags & KEY_UNIQUE)
			check_unique(c, n, at);
	}
	if (n->kind == NODE_STR) {
		check_bool_text(c, k, n, at);
		if (k->words)
			check_words(c, k, n, at);
		if (k->valid && !k->valid(n->text))
			fault(c, n->pos, at, NULL, "must be %s, not \"%s\"", k->wanted, n->text);
	}
	if (n->kind == NODE_INT || n->kind == NODE_FLOAT) {
		check_number_text(c, k, n, at);
		if (k->flags & KEY_RANGE)
			check_range(c, k, n, at);
	}
}

/* What the next phases would say of the sound parts: all mistakes of a run are told at once. */
static void check_values(const struct node *root, struct errs *errs)
{
	struct arena a = {0};
	struct node *copy = node_copy(&a, root);

	if (canon_apply(&a, copy, errs) == 0)
		(void)!canon_defaults(&a, copy, errs);
	arena_done(&a);
}

int schema_check(const struct node *root, struct errs *errs, struct warns *w)
{
	struct check c = {errs, w, 0};

	check_node(&c, &schema_root, root, NULL);
	if (c.bad)
		check_values(root, errs);
	return c.bad;
}

/* ---- what is not carried out ---- */

struct refusal {
	struct errs *errs;
	struct warns *warns;
	int bad;
};

static void refuse_map(struct refusal *r, const struct keys *k, const struct node *map, const struct where *at);

static bool is_off(const struct node *n)
{
	return n->kind == NODE_NULL || (n->kind == NODE_BOOL && !n->b) ||
	       ((n->kind == NODE_LIST || n->kind == NODE_MAP) && !n->n);
}

static void refuse_node(struct refusal *r, const struct key *k, const struct node *n, struct srcpos pos,
			const struct where *at)
{
	if (k->status == KEY_SILENT || is_off(n))
		return;
	if (k->status != KEY_DONE) {
		auto_free char *path = where_text(at);
		const char *dash = k->note ? ": " : "", *note = k->note ? k->note : "";
		if (k->status == KEY_REFUSED)
			r->bad = errs_model(r->errs, pos, path, NULL, "`%s` is not supported yet%s%s", at->key, dash,
					    note);
		else if (r->warns)
			warns_add(r->warns, pos, "`%s` has no effect here%s%s", at->key, dash, note);
		return;
	}
	if (n->kind == NODE_MAP && k->keys)
		refuse_map(r, k->keys, n, at);
	for (size_t i = 0; n->kind == NODE_LIST && k->item && i < n->n; i++)
		refuse_node(r, k->item, n->items[i], n->items[i]->pos, &(struct where){at, NULL, i});
}

static void refuse_map(struct refusal *r, const struct keys *k, const struct node *map, const struct where *at)
{
	for (size_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++) {
		const struct node_pair *p = &map->pairs[i];
		const struct key *row = schema_is_extension(k, p->key) ? NULL : schema_child(k, p->key);
		if (row)
			refuse_node(r, row, p->val, p->key_pos, &(struct where){at, p->key, 0});
	}
}

int schema_unsupported(const struct keys *k, const struct node *map, const char *path, struct errs *errs,
		       struct warns *w)
{
	struct refusal r = {errs, w, 0};

	refuse_map(&r, k, map, &(struct where){NULL, path, 0});
	return r.bad;
}

/* ---- listing ---- */

static void each_row(void (*fn)(void *, const char *, const struct key *), void *ctx, const char *path,
		     const struct key *k);

static void each_keys(void (*fn)(void *, const char *, const struct key *), void *ctx, const char *path,
		      const struct keys *k)
{
	for (size_t i = 0; i < k->n; i++) {
		auto_free char *sub = xasprintf("%s%s%s", path, *path ? "." : "", k->v[i].name);
		fn(ctx, sub, &k->v[i]);
		each_row(fn, ctx, sub, &k->v[i]);
	}
	if (k->any) {
		auto_free char *sub = xasprintf("%s%s*", path, *path ? "." : "");
		each_row(fn, ctx, sub, k->any);
	}
}

static void each_row(void (*fn)(void *, const char *, const struct key *), void *ctx, const char *path,
		     const struct key *k)
{
	if (k->keys)
		each_keys(fn, ctx, path, k->keys);
	if (k->item) {
		auto_free char *sub = xasprintf("%s[]", path);
		each_row(fn, ctx, sub, k->item);
	}
}

void schema_each(void (*fn)(void *ctx, const char *path, const struct key *k), void *ctx)
{
	each_row(fn, ctx, "", &schema_root);
}
