/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/print_yaml.h"
#include <ctype.h>
#include <math.h>
#include "compose/base/mem.h"
#include "parser/value.h"

bool print_user_names(const char *key)
{
	static const char *const keys[] = {
		"additional_contexts",
		"annotations",
		"args",
		"aux_addresses",
		"configs",
		"depends_on",
		"driver_opts",
		"environment",
		"labels",
		"models",
		"networks",
		"options",
		"secrets",
		"services",
		"storage_opt",
		"sysctls",
		"volumes",
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

void print_float(struct str *out, const struct node *n, bool json)
{
	char text[DOUBLE_TEXT];

	if (!isfinite(n->f))
		str_add(out, json ? "null" : isnan(n->f) ? ".nan" : n->f > 0 ? ".inf" : "-.inf");
	else if (strspn(n->text, "-0123456789.") == strlen(n->text) && isdigit((unsigned char)n->text[0]) &&
		 !strstr(n->text, "..") && n->text[strlen(n->text) - 1] != '.' &&
		 (n->text[0] != '0' || n->text[1] == '.' || !n->text[1]))
		str_add(out, n->text);
	else {
		value_double_text(n->f, text);
		str_add(out, text);
	}
}

/* ---- texts ---- */

/* 2001-01-01 and what may follow it: a time stamp to some readers. */
static bool is_date_like(const char *s)
{
	size_t year = strspn(s, "0123456789"), month = s[year] == '-' ? strspn(s + year + 1, "0123456789") : 0;

	return year == 4 && month >= 1 && month <= 2 && s[year + 1 + month] == '-' &&
	       isdigit((unsigned char)s[year + 2 + month]);
}

/* What a byte means in a plain text. */
enum {
	B_CONTROL = 1,
	B_ODD = 2,       /* may begin a strange line break */
	B_LOOK = 4,      /* see what stands beside it */
	B_NOT_FIRST = 8,
	B_NUMBER = 16,   /* may begin a number */
	B_WORD = 32,     /* may begin one of the words that mean something else */
};
static const unsigned char byte[256] = {
	[0 ... 31] = B_CONTROL,
	[127] = B_CONTROL,
	[0xc2] = B_ODD,
	[0xe2] = B_ODD,
	[0xef] = B_ODD,
	[' '] = B_LOOK | B_NOT_FIRST,
	['#'] = B_LOOK | B_NOT_FIRST,
	[','] = B_NOT_FIRST,
	['['] = B_NOT_FIRST,
	[']'] = B_NOT_FIRST,
	['{'] = B_NOT_FIRST,
	['}'] = B_NOT_FIRST,
	['&'] = B_NOT_FIRST,
	['*'] = B_NOT_FIRST,
	['!'] = B_NOT_FIRST,
	['|'] = B_NOT_FIRST,
	['>'] = B_NOT_FIRST,
	['\''] = B_NOT_FIRST,
	['"'] = B_NOT_FIRST,
	['%'] = B_NOT_FIRST,
	['@'] = B_NOT_FIRST,
	['`'] = B_NOT_FIRST,
	['0' ... '9'] = B_NUMBER,
	['.'] = B_NUMBER,
	['+'] = B_NUMBER,
	['-'] = B_NUMBER,
	['~'] = B_WORD, ['='] = B_WORD, ['<'] = B_WORD,
	['y'] = B_WORD, ['n'] = B_WORD, ['o'] = B_WORD, ['t'] = B_WORD, ['f'] = B_WORD,
	['Y'] = B_WORD, ['N'] = B_WORD, ['O'] = B_WORD, ['T'] = B_WORD, ['F'] = B_WORD,
};

/* A number in any notation of this or an older YAML: 1 1_000 1.5 1e3 .5 0x1f 0o17 0b1 22:22 .inf .nan */
static bool is_number_like(const char *s)
{
	char *end;

	if (!(byte[(unsigned char)*s] & B_NUMBER))
		return false;
	if (is_date_like(s))
		return true;
	s += *s == '-' || *s == '+';
	if (strcasecmp(s, ".inf") == 0 || strcasecmp(s, ".nan") == 0)
		return true;
	if (!isdigit((unsigned char)*s) && *s != '.')
		return false;
	if (s[0] == '0' && s[1] && strchr("xXoObB", s[1]))
		return strspn(s + 2, "0123456789abcdefABCDEF_") == strlen(s + 2);
	if (strspn(s, "0123456789_:.") == strlen(s) && (strchr(s, '_') || strchr(s, ':')))
		return true;
	(void)strtod(s, &end);
	return end != s && !*end;
}

/* Words that this or an older YAML takes for something else than text. */
static bool is_word(const char *s)
{
	static const struct {
		const char *v[5];
	} words[] = {
		/* by length */
		{{""}}, {{"~", "y", "n", "="}}, {{"no", "on", "<<"}}, {{"yes", "off"}}, {{"null", "true"}}, {{"false"}},
	};
	size_t n = strnlen(s, ARRAY_LEN(words));

	if (*s && !(byte[(unsigned char)*s] & B_WORD))
		return false;
	if (n == 0 || n == ARRAY_LEN(words))
		return n == 0;
	for (const char *const *w = words[n].v; *w; w++)
		if ((*s | 0x20) == (**w | 0x20) && strcasecmp(s, *w) == 0)
			return true;
	return false;
}

static bool is_control(const char *s)
{
	unsigned char b = byte[(unsigned char)*s];

	return b & B_CONTROL || (b & B_ODD && print_odd_break(s));
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if (is_control(s))
			return true;
	return false;
}

static bool bad_start(const char *s)
{
	if (*s == '-' || *s == '?' || *s == ':')
		return !s[1] || s[1] == ' ' || s[1] == '-';
	return byte[(unsigned char)*s] & B_NOT_FIRST;
}

/* A text that needs no quotes: it cannot be read as anything but this text. ret: its length, 0 when it needs them */
static size_t plain_len(const char *text)
{
	const char *s = text;

	if (bad_start(s) || is_number_like(s) || is_word(s))
		return 0;
	for (; *s; s++) {
		unsigned char b = byte[(unsigned char)*s];

		if (!(b & (B_CONTROL | B_ODD | B_LOOK)))
			continue;
		if (is_control(s) || (*s == ' ' && s[-1] == ':') || (*s == '#' && s[-1] == ' '))
			return 0;
	}
	return s[-1] != ' ' && s[-1] != ':' ? (size_t)(s - text) : 0;
}

static void double_quoted(struct str *out, const char *s, bool dollars)
{
	print_json_text(out, s, dollars);
}

/* The text with each quote in it doubled (0: none is looked for), and each dollar sign. */
static void add_doubled(struct str *out, const char *s, size_t n, char quote, bool dollars)
{
	if (!quote && !(dollars && memchr(s, '$', n))) {
		str_addn(out, s, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		str_addc(out, s[i]);
		if ((s[i] == '$' && dollars) || (quote && s[i] == quote))
			str_addc(out, s[i]);
	}
}

/* Several lines, none of which a block would change. */
static bool is_block(const char *s)
{
	if (!strchr(s, '\n') || *s == ' ' || *s == '\n' || *s == '\t')
		return false;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c != '\n' && c != '\t' && is_control(s))
			return false;
		if ((c == ' ' || c == '\t') && s[1] == '\n')
			return false;
	}
	return true;
}

static void block(struct str *out, const char *s, size_t depth, bool dollars)
{
	size_t n = strlen(s);
	bool ends = s[n - 1] == '\n';

	str_add(out, !ends ? "|-" : n > 1 && s[n - 2] == '\n' ? "|+" : "|");
	while (*s) {
		size_t len = strcspn(s, "\n");
		str_addc(out, '\n');
		if (len) {
			print_indent(out, depth);
			add_doubled(out, s, len, '\0', dollars);
		}
		s += len + (s[len] == '\n');
	}
}

static void text(struct str *out, const char *s, size_t depth, bool dollars)
{
	size_t n = plain_len(s);

	if (n) {
		add_doubled(out, s, n, '\0', dollars);
	} else if (is_block(s)) {
		block(out, s, depth, dollars);
	} else if (has_control(s) || is_word(s) || is_number_like(s)) {
		double_quoted(out, s, dollars);
	} else {
		str_addc(out, '\'');
		add_doubled(out, s, strlen(s), '\'', dollars);
		str_addc(out, '\'');
	}
}

/* ---- nodes ---- */

static void node(struct str *out, const struct node *n, const struct print_opts *o, size_t depth);

static void key(struct str *out, const char *k)
{
	if (strlen(k) > 1000 || strchr(k, '\n'))
		double_quoted(out, k, false);
	else
		text(out, k, 0, false);
	str_addc(out, ':');
}

static void scalar(struct str *out, const struct node *n, const struct print_opts *o, size_t depth)
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
		print_float(out, n, false);
		break;
	default:
		text(out, n->text, depth, !o->keep_dollar);
		break;
	}
}

static void pair(struct str *out, const struct node_pair *p, const struct print_opts *o, size_t depth)
{
	key(out, p->key);
	if (p->val->kind < NODE_LIST) {
		str_addc(out, ' ');
		scalar(out, p->val, o, depth + 1);
		str_addc(out, '\n');
	} else if (!p->val->n) {
		str_add(out, p->val->kind == NODE_LIST ? " []\n" : " {}\n");
	} else {
		str_addc(out, '\n');
		print_indent(out, depth + 1);
		node(out, p->val, o, depth + 1);
	}
}

/* in: the cursor stands where the node begins, at column 2 * depth */
static void node(struct str *out, const struct node *n, const struct print_opts *o, size_t depth)
{
	if (n->kind == NODE_MAP && n->n) {
		struct sorted order;
		const struct node_pair **v = print_sort(n, &order);
		for (size_t i = 0; i < n->n; i++) {
			if (i)
				print_indent(out, depth);
			pair(out, v[i], o, depth);
		}
		print_sort_done(&order);
	} else if (n->kind == NODE_LIST && n->n) {
		for (size_t i = 0; i < n->n; i++) {
			if (i)
				print_indent(out, depth);
			str_add(out, "- ");
			node(out, n->items[i], o, depth + 1);
		}
	} else if (n->kind == NODE_MAP || n->kind == NODE_LIST) {
		str_add(out, n->kind == NODE_LIST ? "[]\n" : "{}\n");
	} else {
		scalar(out, n, o, depth);
		str_addc(out, '\n');
	}
}

void print_yaml_pair(struct str *out, const struct node_pair *p, const struct print_opts *o)
{
	pair(out, p, o, 0);
}

void print_yaml_node(struct str *out, const struct node *n, const struct print_opts *o)
{
	node(out, n, o, 0);
}
