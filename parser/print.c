/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/print.h"
#include "parser/print_yaml.h"
#include "compose/base/mem.h"

/* ---- order ---- */

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct node_pair *const *)a)->key, (*(const struct node_pair *const *)b)->key);
}

/* Most mappings are small and nearly sorted: insertion beats qsort() there. */
static void sort_few(const struct node_pair **v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct node_pair *p = v[i];
		size_t k = i;
		for (; k > 0 && strcmp(v[k - 1]->key, p->key) > 0; k--)
			v[k] = v[k - 1];
		v[k] = p;
	}
}

const struct node_pair **print_sort(const struct node *map, struct sorted *s)
{
	s->v = map->n <= SORTED_FEW ? s->few : xcalloc(map->n, sizeof(*s->v));
	for (size_t i = 0; i < map->n; i++)
		s->v[i] = &map->pairs[i];
	if (map->n <= SORTED_FEW)
		sort_few(s->v, map->n);
	else
		qsort(s->v, map->n, sizeof(*s->v), by_key);
	return s->v;
}

void print_sort_done(struct sorted *s)
{
	if (s->v != s->few)
		free(s->v);
}

/* ---- JSON ---- */

unsigned print_odd_break(const char *s)
{
	if (memcmp(s, "\xc2\x85", 2) == 0)
		return 0x85;
	if (s[1] && memcmp(s, "\xe2\x80\xa8", 3) == 0)
		return 0x2028;
	if (s[1] && memcmp(s, "\xe2\x80\xa9", 3) == 0)
		return 0x2029;
	return s[1] && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 0xfeff : 0;
}

/* The escape of one byte (or odd break). ret: how many bytes of s it stands for */
static size_t json_escape(struct str *out, const char *s)
{
	static const char named[] = "\"\"\\\\\nn\tt\rr\bb\ff";
	unsigned code = print_odd_break(s);

	if (code) {
		str_addf(out, "\\u%04x", code);
		return code == 0x85 ? 2 : 3;
	}
	for (const char *p = named; *p; p += 2)
		if (*s == *p) {
			str_addc(out, '\\');
			str_addc(out, p[1]);
			return 1;
		}
	str_addf(out, "\\u%04x", (unsigned char)*s);
	return 1;
}

/* Bytes that stand for themselves; the first byte of an odd break is looked at more closely. */
static bool json_plain(const char *s)
{
	unsigned char c = (unsigned char)*s;

	if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
		return false;
	return (c != 0xc2 && c != 0xe2 && c != 0xef) || !print_odd_break(s);
}

void print_json_text(struct str *out, const char *s, bool double_dollar)
{
	str_addc(out, '"');
	while (*s) {
		size_t n = 0;
		while (s[n] && json_plain(s + n) && !(s[n] == '$' && double_dollar))
			n++;
		str_addn(out, s, n);
		s += n;
		if (*s == '$') {
			str_add(out, "$$");
			s++;
		} else if (*s) {
			s += json_escape(out, s);
		}
	}
	str_addc(out, '"');
}

static void newline(struct str *out, size_t depth)
{
	str_addc(out, '\n');
	print_indent(out, depth);
}

void print_indent(struct str *out, size_t depth)
{
	static const char blanks[] = "                                ";

	for (size_t n = depth * 2; n; n -= n < 32 ? n : 32)
		str_addn(out, blanks, n < 32 ? n : 32);
}

static bool is_extension(const char *key)
{
	return key[0] == 'x' && key[1] == '-';
}

/* JSON leaves nested extensions out, as the reference does: other readers know no x-*. named: keys are the user's
 * names. */
static void json_node(struct str *out, const struct node *n, const struct print_opts *o, size_t depth, bool named);

static void json_map(struct str *out, const struct node *n, const struct print_opts *o, size_t depth, bool named)
{
	struct sorted order;
	const struct node_pair **v = print_sort(n, &order);
	size_t shown = 0;

	str_addc(out, '{');
	for (size_t i = 0; i < n->n; i++) {
		if (!named && is_extension(v[i]->key))
			continue;
		if (shown++)
			str_addc(out, ',');
		newline(out, depth + 1);
		print_json_text(out, v[i]->key, false);
		str_add(out, ": ");
		json_node(out, v[i]->val, o, depth + 1, print_user_names(v[i]->key));
	}
	if (shown)
		newline(out, depth);
	str_addc(out, '}');
	print_sort_done(&order);
}

static void json_list(struct str *out, const struct node *n, const struct print_opts *o, size_t depth)
{
	str_addc(out, '[');
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			str_addc(out, ',');
		newline(out, depth + 1);
		json_node(out, n->items[i], o, depth + 1, false);
	}
	if (n->n)
		newline(out, depth);
	str_addc(out, ']');
}

static void json_node(struct str *out, const struct node *n, const struct print_opts *o, size_t depth, bool named)
{
	switch (n->kind) {
	case NODE_NULL:
		str_add(out, "null");
		break;
	case NODE_BOOL:
		str_add(out, n->b ? "true" : "false");
		break;
	case NODE_INT:
		str_addf(out, "%lld", (long long)n->i);
		break;
	case NODE_FLOAT:
		print_float(out, n, true);
		break;
	case NODE_STR:
		print_json_text(out, n->text, !o->keep_dollar);
		break;
	case NODE_LIST:
		json_list(out, n, o, depth);
		break;
	case NODE_MAP:
		json_map(out, n, o, depth, named);
		break;
	}
}

/* ---- documents ---- */

static const char *const sections[] = {"name", "services", "networks", "volumes", "secrets", "configs", "models"};

static bool is_section(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (strcmp(key, sections[i]) == 0)
			return true;
	return false;
}

static bool is_empty(const struct node *n)
{
	return (n->kind == NODE_MAP || n->kind == NODE_LIST) && !n->n;
}

/* The sections in their order, then everything else by name. ret: n pairs. owns: caller frees */
static const struct node_pair **document_order(const struct node *root, size_t *ret_n)
{
	struct sorted order;
	const struct node_pair **sorted = print_sort(root, &order), **v = xcalloc(root->n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const struct node_pair *p = node_pair(root, sections[i]);
		if (p && (!is_empty(p->val) || strcmp(p->key, "services") == 0))
			v[n++] = p;
	}
	for (size_t i = 0; i < root->n; i++)
		if (!is_section(sorted[i]->key))
			v[n++] = sorted[i];
	print_sort_done(&order);
	*ret_n = n;
	return v;
}

void print_tree(struct str *out, const struct node *root, const struct print_opts *o)
{
	size_t n, shown = 0;
	const struct node_pair **v = document_order(root, &n);

	if (o->json)
		str_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (!o->json) {
			print_yaml_pair(out, v[i], o);
			continue;
		}
		if (strcmp(v[i]->key, "models") == 0) /* not in the reference's JSON either */
			continue;
		str_add(out, shown++ ? "," : "");
		newline(out, 1);
		print_json_text(out, v[i]->key, false);
		str_add(out, ": ");
		json_node(out, v[i]->val, o, 1, true);
	}
	if (o->json)
		str_add(out, shown ? "\n}\n" : "}\n");
	free(v);
}

void print_node(struct str *out, const struct node *n, const struct print_opts *o)
{
	if (o->json) {
		json_node(out, n, o, 0, true);
		str_addc(out, '\n');
	} else {
		print_yaml_node(out, n, o);
	}
}
