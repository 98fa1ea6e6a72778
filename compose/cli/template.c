/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cli/template.h"
#include <ctype.h>
#include "compose/base/coll.h"
#include "compose/base/json.h"
#include "compose/cli/ui.h"

enum { DEPTH_MAX = 16, ARGS_MAX = 8, PAD_MAX = 4096 };

/* The text is read again for each row: nothing is kept between rows, and rows are few. */
struct eval {
	const char *text, *s;             /* the template; the place in it */
	const json_t *row, *labels;
	int depth;
	struct err *e;
};

static json_t *pipeline(struct eval *v);

static json_t *wrong(struct eval *v, const char *what)
{
	err_set(v->e, ERR_USAGE, 0, "--format: %s at character %zu of \"%.200s\"", what, (size_t)(v->s - v->text) + 1,
		v->text);
	(void)err_hint(v->e, "a template looks like 'table {{.Name}}\\t{{.Status}}'");
	return NULL;
}

static void blanks(struct eval *v)
{
	v->s += strspn(v->s, " \t\r\n");
}

/* ---- functions ------------------------------------------------------------------------------- */

struct args { json_t *v[ARGS_MAX]; size_t n; };

static void args_done(struct args *a)
{
	while (a->n)
		json_decref(a->v[--a->n]);
}

static const char *text_arg(const struct args *a, size_t i)
{
	return i < a->n ? json_string_value(a->v[i]) : NULL;
}

static json_t *fn_json(const struct args *a)
{
	auto_free char *text = json_dumps(a->v[0], JSON_COMPACT | JSON_ENCODE_ANY);

	return json_string(text ? text : "null");
}

static json_t *fn_split(const struct args *a)
{
	const char *s = text_arg(a, 0), *sep = text_arg(a, 1), *hit;
	json_t *list = json_array();

	while (*sep && (hit = strstr(s, sep))) {
		(void)json_array_append_new(list, json_stringn(s, (size_t)(hit - s)));
		s = hit + strlen(sep);
	}
	(void)json_array_append_new(list, json_string(s));
	return list;
}

static json_t *fn_join(const struct args *a)
{
	auto_str struct str b = {0};
	const json_t *one;
	size_t i;

	json_array_foreach(a->v[0], i, one)
		str_addf(&b, "%s%s", i ? text_arg(a, 1) : "", json_is_string(one) ? json_string_value(one) : "");
	return json_string(str_cstr(&b));
}

static json_t *fn_case(const struct args *a, bool up, bool first_only)
{
	auto_free char *s = xstrdup(text_arg(a, 0));
	bool begin = true;

	for (char *p = s; *p; p++) {
		unsigned char ch = (unsigned char)*p;

		if (ch < 0x80 && (!first_only || begin))
			*p = (char)(up ? toupper(ch) : tolower(ch));
		begin = ch == ' ';
	}
	return json_string(s);
}

static json_t *fn_title(const struct args *a) { return fn_case(a, true, true); }
static json_t *fn_lower(const struct args *a) { return fn_case(a, false, false); }
static json_t *fn_upper(const struct args *a) { return fn_case(a, true, false); }

static int width(const struct args *a, size_t i)
{
	json_int_t n = json_integer_value(a->v[i]);

	return n < 0 ? 0 : n > PAD_MAX ? PAD_MAX : (int)n;
}

static json_t *fn_pad(const struct args *a)
{
	if (!*text_arg(a, 0))
		return json_string("");
	return json_sprintf("%*s%s%*s", width(a, 1), "", text_arg(a, 0), width(a, 2), "");
}

/* Characters, not bytes. */
static json_t *fn_truncate(const struct args *a)
{
	const char *s = text_arg(a, 0), *p = s;

	for (int n = width(a, 1); n > 0 && *p; n--)
		for (p++; ((unsigned char)*p & 0xc0) == 0x80; p++)
			;
	return json_stringn(s, (size_t)(p - s));
}

/* args: a letter for each argument: t text, n number, l list, any */
static const struct fn {
	const char *name, *args;
	json_t *(*call)(const struct args *a);
} fns[] = {
	{"json", "a", fn_json},	  {"split", "tt", fn_split}, {"join", "lt", fn_join}, {"title", "t", fn_title},
	{"lower", "t", fn_lower}, {"upper", "t", fn_upper},  {"pad", "tnn", fn_pad},  {"truncate", "tn", fn_truncate},
};

static bool fits(char kind, const json_t *v)
{
	return kind == 'a' || (kind == 't' && json_is_string(v)) || (kind == 'n' && json_is_integer(v)) ||
	       (kind == 'l' && json_is_array(v));
}

static json_t *call(struct eval *v, const struct fn *fn, const struct args *a)
{
	auto_free char *why = NULL;

	for (size_t i = 0; fn->args[i] && i < a->n; i++)
		if (!fits(fn->args[i], a->v[i])) {
			why = xasprintf("argument %zu of %s is no %s", i + 1, fn->name,
					fn->args[i] == 't' ? "text" : fn->args[i] == 'n' ? "number" : "list");
			return wrong(v, why);
		}
	if (a->n == strlen(fn->args))
		return fn->call(a);
	why = xasprintf("%s takes %zu arguments, not %zu,", fn->name, strlen(fn->args), a->n);
	return wrong(v, why);
}

/* ---- operands -------------------------------------------------------------------------------- */

static json_t *unknown_field(struct eval *v, const char *name)
{
	auto_strv struct strv names = {0};
	auto_str struct str all = {0};
	const char *key, *near;
	json_t *val;

	json_object_foreach((json_t *)(uintptr_t)v->row, key, val) {
		strv_add(&names, key);
		str_addf(&all, "%s.%s", all.len ? " " : "", key);
	}
	near = str_nearest(name, (const char *const *)strv_null(&names));
	err_set(v->e, ERR_USAGE, 0, "--format: there is no field .%.100s", name);
	if (near)
		err_hint(v->e, "did you mean .%s?", near);
	else
		err_hint(v->e, "the fields are: %s", str_cstr(&all));
	return NULL;
}

static json_t *quoted(struct eval *v);

/* .Label "key" */
static json_t *label(struct eval *v)
{
	json_t *key, *val;

	blanks(v);
	if (*v->s != '"' && *v->s != '`')
		return wrong(v, ".Label wants a text");
	key = quoted(v);
	if (!key)
		return NULL;
	val = json_object_get(v->labels, json_string_value(key));
	if (v->labels == v->row) {                /* a heading: the last part of the label's name */
		const char *dot = strrchr(json_string_value(key), '.');

		val = json_string(dot ? dot + 1 : json_string_value(key));
	} else {
		val = val ? json_incref(val) : json_string("");
	}
	json_decref(key);
	return val;
}

/* . or .A.B */
static json_t *field(struct eval *v)
{
	const json_t *at = v->row;

	if (!isalpha((unsigned char)v->s[1])) {
		v->s++;
		return json_incref((json_t *)(uintptr_t)v->row);
	}
	while (*v->s == '.' && isalpha((unsigned char)v->s[1])) {
		size_t len = strspn(v->s + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		auto_free char *name = xstrndup(v->s + 1, len);

		v->s += 1 + len;
		if (at == v->row && v->labels && str_eq(name, "Label"))
			return label(v);
		at = json_object_get(at, name);
		if (!at)
			return unknown_field(v, name);
	}
	return json_incref((json_t *)(uintptr_t)at);
}

static json_t *quoted(struct eval *v)
{
	auto_str struct str b = {0};
	char end = *v->s++;

	for (; *v->s && *v->s != end; v->s++) {
		char ch = *v->s;

		if (ch == '\\' && end == '"' && v->s[1]) {
			ch = *++v->s;
			ch = ch == 'n' ? '\n' : ch == 't' ? '\t' : ch;
		}
		str_addc(&b, ch);
	}
	if (!*v->s)
		return wrong(v, "a text does not end");
	v->s++;
	return json_string(str_cstr(&b));
}

static json_t *number(struct eval *v)
{
	size_t len = strspn(v->s + (*v->s == '-'), "0123456789") + (*v->s == '-');
	auto_free char *text = xstrndup(v->s, len);
	int64_t n;

	if (!str_to_i64(text, &n))
		return wrong(v, "no number");
	v->s += len;
	return json_integer(n);
}

static json_t *operand(struct eval *v)
{
	json_t *val;

	if (*v->s == '.')
		return field(v);
	if (*v->s == '"' || *v->s == '`')
		return quoted(v);
	if (*v->s == '-' || isdigit((unsigned char)*v->s))
		return number(v);
	if (*v->s != '(')
		return wrong(v, "something unexpected");
	v->s++;
	val = pipeline(v);
	if (!val)
		return NULL;
	blanks(v);
	if (*v->s != ')') {
		json_decref(val);
		return wrong(v, "a parenthesis is not closed");
	}
	v->s++;
	return val;
}

static bool at_end(const struct eval *v)
{
	return !*v->s || *v->s == '|' || *v->s == ')' || !strncmp(v->s, "}}", 2) || !strncmp(v->s, "-}}", 3);
}

/* ---- pipelines ------------------------------------------------------------------------------- */

static const struct fn *find_fn(struct eval *v)
{
	static const char *const later[] = {
		"if", "else", "end", "range", "with",  "define", "template", "block",	"and",	 "or",	 "not", "eq",
		"ne", "lt",   "gt",  "len",   "index", "print",	 "printf",   "println", "slice", "html", "js",	NULL};
	size_t len = strspn(v->s, "abcdefghijklmnopqrstuvwxyz");
	auto_free char *name = xstrndup(v->s, len), *why = NULL;

	for (size_t i = 0; i < ARRAY_LEN(fns); i++)
		if (str_eq(fns[i].name, name)) {
			v->s += len;
			return &fns[i];
		}
	why = xasprintf("there is no function \"%s\"", name);
	for (size_t i = 0; later[i]; i++)
		if (str_eq(later[i], name)) {
			free(why);
			why = xasprintf("\"%s\" of Go's templates is not supported here:", name);
			break;
		}
	(void)wrong(v, why);
	return NULL;
}

/* in: piped: what the command before gave, or NULL; consumed */
static json_t *command(struct eval *v, json_t *piped)
{
	const struct fn *fn = NULL;
	struct args a = {0};
	json_t *val = NULL;

	blanks(v);
	if (isalpha((unsigned char)*v->s) && !(fn = find_fn(v)))
		goto out;
	for (blanks(v); !at_end(v) && a.n < ARGS_MAX - 1; blanks(v)) {
		json_t *one = operand(v);

		if (!one)
			goto out;
		a.v[a.n++] = one;
	}
	if (piped)
		a.v[a.n++] = take_ptr(piped);
	if (fn)
		val = call(v, fn, &a);
	else if (a.n == 1)
		val = json_incref(a.v[0]);
	else
		(void)wrong(v, a.n ? "one value is wanted" : "nothing to show");
out:
	args_done(&a);
	json_decref(piped);
	return val;
}

static json_t *pipeline(struct eval *v)
{
	json_t *val;

	if (++v->depth > DEPTH_MAX)
		return wrong(v, "too many parentheses");
	val = command(v, NULL);
	while (val) {
		blanks(v);
		if (*v->s != '|')
			break;
		v->s++;
		val = command(v, val);
	}
	v->depth--;
	return val;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void show(const json_t *val, struct str *out)
{
	auto_free char *text = NULL;

	if (json_is_string(val)) {
		str_add(out, json_string_value(val));
		return;
	}
	text = json_dumps(val, JSON_COMPACT | JSON_ENCODE_ANY);
	str_add(out, text ? text : "");
}

/* Behind "{{". */
static int action(struct eval *v, struct str *out, bool *trim)
{
	json_t *val;

	if (*v->s == '-' && isspace((unsigned char)v->s[1])) {
		while (out->len && isspace((unsigned char)out->s[out->len - 1]))
			str_cut(out, out->len - 1);
		v->s++;
	}
	blanks(v);
	if (!strncmp(v->s, "/*", 2)) {
		const char *end = strstr(v->s, "*/");

		if (!end) {
			(void)wrong(v, "a comment does not end");
			return -1;
		}
		v->s = end + 2;
	} else {
		val = pipeline(v);
		if (!val)
			return -1;
		show(val, out);
		json_decref(val);
	}
	blanks(v);
	*trim = *v->s == '-';
	v->s += *trim;
	if (strncmp(v->s, "}}", 2) != 0) {
		(void)wrong(v, "\"}}\" is missing");
		return -1;
	}
	v->s += 2;
	return 0;
}

int template_run(const char *text, const json_t *row, const json_t *labels, struct str *out, struct err *e)
{
	struct eval v = { .text = text, .s = text, .row = row, .labels = labels, .e = e };
	bool trim = false;

	while (*v.s) {
		if (trim)
			blanks(&v);
		trim = false;
		if (!strncmp(v.s, "{{", 2)) {
			v.s += 2;
			v.depth = 0;
			if (action(&v, out, &trim) < 0)
				return -1;
		} else if (*v.s == '\\' && (v.s[1] == 't' || v.s[1] == 'n')) {
			str_addc(out, v.s[1] == 't' ? '\t' : '\n');
			v.s += 2;
		} else if (*v.s) {
			str_addc(out, *v.s++);
		}
	}
	return 0;
}

struct rows { const char *text; bool table, json; const json_t *headers; struct str out; };

/* The first line of a table: the template over the headings. */
static int heading(const char *text, const json_t *headers, struct str *out, struct err *e)
{
	return template_run(text, headers, headers, out, e);
}

int rows_new(struct rows **ret, const struct rows_opts *o, struct err *e)
{
	const char *f = o->format ? o->format : "";
	bool bare = !*f || str_eq(f, "table"), table = bare || str_starts(f, "table ");
	const char *text = bare ? o->columns : table ? f + strlen("table ") : f;
	auto_str struct str probe = {0};
	struct rows *r;

	if (!str_eq(f, "json") && heading(text, o->headers, &probe, e) < 0)
		return -1;
	r = xcalloc(1, sizeof(*r));
	*r = (struct rows){ .text = text, .table = table, .json = str_eq(f, "json"), .headers = o->headers };
	*ret = r;
	return 0;
}

bool rows_json(const struct rows *r)
{
	return r->json;
}

int rows_add(struct rows *r, const json_t *row, const json_t *labels, struct err *e)
{
	if (r->json) {
		auto_free char *text = json_dumps(row, JSON_COMPACT);

		str_add(&r->out, text ? text : "{}");
	} else if (template_run(r->text, row, labels, &r->out, e) < 0) {
		return -1;
	}
	str_addc(&r->out, '\n');
	return 0;
}

/* The cells of a line; with n_cols that many. */
static void table_line(struct table *t, char *line)
{
	size_t n = 0;
	char *tab;

	do {
		tab = strchr(line, '\t');
		if (tab)
			*tab = '\0';
		strv_take(&t->cells, str_printable(line));
		line = tab ? tab + 1 : line;
	} while (++n != t->n_cols && tab);
	while (n++ < t->n_cols)
		strv_add(&t->cells, "");
}

static void print_table(struct rows *r, FILE *f)
{
	auto_str struct str head = {0};
	auto_err struct err ignored = {0};
	auto_free char *body = str_take(&r->out), *first = NULL;
	struct table t = {0};
	char *line = body, *end;

	if (heading(r->text, r->headers, &head, &ignored) < 0)   /* rows_new() has tried it */
		return;
	first = str_take(&head);
	table_line(&t, first);
	t.n_cols = t.cells.n;
	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		table_line(&t, line);
	}
	table_print(&t, f);
	table_done(&t);
}

void rows_print(struct rows *r, FILE *f)
{
	if (r->table) {
		print_table(r, f);
		return;
	}
	fputs(str_cstr(&r->out), f);
	str_clear(&r->out);
}

void rows_free(struct rows *r)
{
	if (!r)
		return;
	str_done(&r->out);
	free(r);
}
