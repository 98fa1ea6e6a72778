/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/dockerfile_expand.h"
#include <ctype.h>
#include <string.h>
#include "compose/base/str.h"

struct ex {
	const struct df_scope *sc;
	const char *p;
	struct err *e;
	int  depth;
	bool keep_quotes;
	bool word_open;               /* splitting: something, perhaps empty but quoted, has been seen */
	struct strv *words;           /* splitting: finished words; NULL otherwise */
};

static int expand_until(struct ex *x, char stop, bool raw, struct str *out);

static int syntax(struct ex *x, const char *what)
{
	return err_set(x->e, ERR_MODEL, 0, "%s", what);
}

static bool special_param(char c)
{
	return c && strchr("@*#?-$!0", c);
}

/* ret: the length of the variable name at s: letters, digits, _; or digits; or one special character */
static size_t name_len(const char *s)
{
	size_t n = 0;

	if (isdigit((unsigned char)*s))
		return strspn(s, "0123456789");
	if (special_param(*s))
		return 1;
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

static const char *lookup(struct ex *x, const char *name)
{
	return x->sc->get(x->sc->arg, name);
}

/* ret: the value or "", and tells of an undefined name */
static const char *value_or_empty(struct ex *x, const char *name)
{
	const char *v = lookup(x, name);

	if (!v && x->sc->undefined)
		x->sc->undefined(x->sc->arg, name);
	return v ? v : "";
}

/* A shell pattern as tokens: *, ? and literal bytes, so that it can be read from either end. */
enum { PAT_MAX = 256, PAT_VALUE_MAX = 8192 };
struct pattern { short tok[PAT_MAX]; size_t n; };
enum { TOK_ANY = -1, TOK_ONE = -2 };

static int compile(struct ex *x, const char *s, const char *val, struct pattern *ret)
{
	ret->n = 0;
	if (strlen(s) > PAT_MAX || strlen(val) > PAT_VALUE_MAX)
		return err_set(x->e, ERR_MODEL, 0,
			       "a pattern in a substitution is limited to %d bytes, its value to %d", PAT_MAX,
			       PAT_VALUE_MAX);
	for (; *s; s++) {
		if (*s == '\\' && s[1])
			ret->tok[ret->n++] = (unsigned char)*++s;
		else
			ret->tok[ret->n++] = *s == '*' ? TOK_ANY : *s == '?' ? TOK_ONE : (unsigned char)*s;
	}
	return 0;
}

/* Match at the beginning of s[0..n), or with from_end at its end, all possibilities in step (no backtracking).
 * ret: the length of the shortest or longest match; -1 when there is none */
static long match(const struct pattern *p, const char *s, size_t n, bool from_end, bool longest)
{
	bool on[PAT_MAX + 1] = { true };
	long found = -1;

	for (size_t i = 0;; i++) {
		bool alive = false;
		short c;

		for (size_t k = 0; k < p->n; k++)
			if (on[k] && p->tok[from_end ? p->n - 1 - k : k] == TOK_ANY)
				on[k + 1] = true;
		if (on[p->n]) {
			found = (long)i;
			if (!longest)
				return found;
		}
		if (i == n)
			return found;
		c = (unsigned char)s[from_end ? n - 1 - i : i];
		for (size_t k = p->n + 1; k-- > 0;) {
			short t = k < p->n ? p->tok[from_end ? p->n - 1 - k : k] : 0;
			bool was = on[k];

			on[k] = was && k < p->n && t == TOK_ANY;
			if (was && k < p->n && (t == TOK_ONE || t == c))
				on[k + 1] = true;
		}
		for (size_t k = 0; k <= p->n; k++)
			alive |= on[k];
		if (!alive)
			return found;
	}
}

static void replace(const struct pattern *p, const char *val, const char *rep, bool all, struct str *out)
{
	size_t len = strlen(val);

	for (size_t i = 0; i < len;) {
		long n = match(p, val + i, len - i, false, true);

		if (n <= 0) {
			str_addc(out, val[i++]);
			continue;
		}
		str_add(out, rep);
		i += (size_t)n;
		if (!all) {
			str_add(out, val + i);
			return;
		}
	}
}

static char *unescape(const char *s)
{
	auto_str struct str b = {0};

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		str_addc(&b, *s);
	}
	return str_take(&b);
}

/* Expand up to stop into a text of its own. raw: escape characters stay, for patterns. */
static int operand(struct ex *x, char stop, bool raw, struct str *out)
{
	struct strv *words = x->words;
	bool open = x->word_open;
	int r;

	if (x->depth >= DF_NEST_MAX)
		return syntax(x, "syntax error: substitutions are nested too deeply");
	x->depth++;
	x->words = NULL;
	out->max = DF_VALUE_MAX;
	r = expand_until(x, stop, raw, out);
	x->words = words;
	x->word_open = open;
	x->depth--;
	return r;
}

static int op_replace(struct ex *x, const char *name, struct str *out)
{
	auto_str struct str pat = {0}, rep = {0};
	auto_free char *plain = NULL;
	const char *val;
	struct pattern p;
	bool all = *x->p == '/';

	x->p += all;
	if (operand(x, '/', true, &pat) < 0 || operand(x, '}', true, &rep) < 0)
		return -1;
	val = value_or_empty(x, name);
	if (compile(x, str_cstr(&pat), val, &p) < 0)
		return -1;
	plain = unescape(str_cstr(&rep));
	replace(&p, val, plain, all, out);
	return 0;
}

static int op_cut(struct ex *x, char op, const char *name, struct str *out)
{
	auto_str struct str pat = {0};
	bool longest = *x->p == op;
	const char *val;
	struct pattern p;
	size_t len, cut;
	long n;

	x->p += longest;
	if (operand(x, '}', true, &pat) < 0)
		return -1;
	val = value_or_empty(x, name);
	if (compile(x, str_cstr(&pat), val, &p) < 0)
		return -1;
	len = strlen(val);
	n = match(&p, val, len, op == '%', longest);
	cut = n > 0 ? (size_t)n : 0;
	str_addn(out, op == '#' ? val + cut : val, len - cut);
	return 0;
}

/* ${name-word} ${name+word} ${name?word}, with null_unset for the forms with a colon */
static int op_default(struct ex *x, char op, bool null_unset, const char *name, struct str *out)
{
	auto_str struct str word = {0};
	const char *v;
	bool set;

	if (operand(x, '}', false, &word) < 0)
		return -1;
	v = lookup(x, name);
	set = v && !(null_unset && !*v);
	if (op == '?' && !set)
		return err_set(x->e, ERR_MODEL, 0, "%s: %s", name, word.len ? str_cstr(&word) :
			       v ? "is not allowed to be empty" : "is not allowed to be unset");
	if (op == '+')
		str_add(out, set ? str_cstr(&word) : "");
	else
		str_add(out, set ? v : str_cstr(&word));
	return 0;
}

/* x->p stands behind "${" */
static int braced(struct ex *x, struct str *out)
{
	size_t n = name_len(x->p);
	auto_free char *name = xstrndup(x->p, n);
	char op = x->p[n];

	if (!n)
		return syntax(x, "syntax error: bad substitution");
	x->p += n + (op != '\0');
	switch (op) {
	case '}':
		str_add(out, value_or_empty(x, name));
		return 0;
	case ':':
		op = *x->p;
		if (!op || !strchr("-+?", op))
			return err_set(x->e, ERR_MODEL, 0, "unsupported modifier (:%.*s) in substitution", op != 0,
				       x->p);
		x->p++;
		return op_default(x, op, true, name, out);
	case '-': case '+': case '?':
		return op_default(x, op, false, name, out);
	case '#': case '%':
		return op_cut(x, op, name, out);
	case '/':
		return op_replace(x, name, out);
	case '\0':
		return syntax(x, "syntax error: missing '}'");
	default:
		return err_set(x->e, ERR_MODEL, 0, "unsupported modifier (%c) in substitution", op);
	}
}

/* x->p stands on '$' */
static int dollar(struct ex *x, struct str *out)
{
	auto_free char *name = NULL;
	size_t n;

	x->p++;
	if (*x->p == '{') {
		x->p++;
		return braced(x, out);
	}
	n = name_len(x->p);
	if (!n) {
		str_addc(out, '$');
		return 0;
	}
	name = xstrndup(x->p, n);
	x->p += n;
	str_add(out, value_or_empty(x, name));
	return 0;
}

/* A finished word goes to the list. */
static void end_word(struct ex *x, struct str *out)
{
	if (!x->words || (!out->len && !x->word_open))
		return;
	strv_take(x->words, str_take(out));
	out->max = DF_VALUE_MAX;
	x->word_open = false;
}

/* Blanks in an unquoted value separate words, as blanks in the text do. */
static int dollar_outside(struct ex *x, struct str *out)
{
	auto_str struct str val = STR_MAX(DF_VALUE_MAX);

	if (!x->words)
		return dollar(x, out);
	if (dollar(x, &val) < 0)
		return -1;
	for (const char *s = str_cstr(&val); *s; s++) {
		if (isspace((unsigned char)*s))
			end_word(x, out);
		else
			str_addc(out, *s);
	}
	return 0;
}

static int single_quoted(struct ex *x, struct str *out)
{
	const char *end = strchr(x->p + 1, '\'');

	if (!end)
		return syntax(x, "unexpected end of statement while looking for matching single-quote");
	str_addn(out, x->p + 1, (size_t)(end - x->p - 1));
	x->p = end + 1;
	x->word_open = true;
	return 0;
}

static int double_quoted(struct ex *x, struct str *out)
{
	x->word_open = true;
	for (x->p++; *x->p != '"';) {
		if (!*x->p)
			return syntax(x, "unexpected end of statement while looking for matching double-quote");
		if (*x->p == '$') {
			if (dollar(x, out) < 0)
				return -1;
			continue;
		}
		if (*x->p == x->sc->escape && x->p[1]) {
			/* only these lose their escape character here; any other keeps it */
			if (x->p[1] != '"' && x->p[1] != '$' && x->p[1] != x->sc->escape)
				str_addc(out, *x->p);
			x->p++;
		}
		str_addc(out, *x->p++);
	}
	x->p++;
	return 0;
}

static void escaped(struct ex *x, bool raw, struct str *out)
{
	if (raw)
		str_addc(out, *x->p);
	x->p++;
	if (*x->p)
		str_addc(out, *x->p++);
}

/* Expand up to stop, which is taken; '\0' stands for the end of the text. */
static int expand_until(struct ex *x, char stop, bool raw, struct str *out)
{
	while (*x->p != stop) {
		char c = *x->p;
		int r = 0;

		if (!c)
			return stop == '}' ? syntax(x, "syntax error: missing '}'") :
			       syntax(x, "syntax error: missing '/' in substitution");
		if (c == '$')
			r = dollar_outside(x, out);
		else if (c == '\'' && !x->keep_quotes)
			r = single_quoted(x, out);
		else if (c == '"' && !x->keep_quotes)
			r = double_quoted(x, out);
		else if (c == x->sc->escape && (!x->keep_quotes || x->depth || x->p[1] == '$' || x->p[1] == c))
			escaped(x, raw, out);
		else if (x->words && isspace((unsigned char)c))
			end_word(x, out), x->p++;
		else
			str_addc(out, *x->p++);
		if (r < 0)
			return -1;
		if (out->over)
			return err_set(x->e, ERR_MODEL, 0, "the expanded text is longer than %d bytes", DF_VALUE_MAX);
	}
	x->p += stop != '\0';
	return 0;
}

static int run(struct ex *x, size_t max, struct str *out)
{
	out->max = max;
	return expand_until(x, '\0', false, out);
}

int df_expand(const struct df_scope *sc, const char *s, char **ret, struct err *e)
{
	struct ex x = { .sc = sc, .p = s, .e = e };
	auto_str struct str out = {0};

	if (run(&x, DF_VALUE_MAX, &out) < 0)
		return -1;
	*ret = str_take(&out);
	return 0;
}

int df_expand_words(const struct df_scope *sc, const char *s, struct strv *ret, struct err *e)
{
	struct ex x = { .sc = sc, .p = s, .e = e, .words = ret };
	auto_str struct str out = {0};

	if (run(&x, DF_VALUE_MAX, &out) < 0)
		return -1;
	end_word(&x, &out);
	return 0;
}

int df_expand_body(const struct df_scope *sc, const char *s, char **ret, struct err *e)
{
	struct ex x = { .sc = sc, .p = s, .e = e, .keep_quotes = true };
	auto_str struct str out = {0};

	if (run(&x, 8 * (size_t)DF_VALUE_MAX, &out) < 0)
		return -1;
	*ret = str_take(&out);
	return 0;
}
