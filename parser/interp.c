/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/interp.h"
#include "parser/trail.h"

/* One pass over a text. depth: of operators in operators. base: offset of text in the whole value. dry: the result is
 * not taken */
struct pass {
	struct interp_scope *s;
	struct err *e;
	unsigned depth;
	size_t base;
	bool dry;
};

static int expand(struct pass *p, struct str *out, const char *text, size_t len);

static bool name_start(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t name_len(const char *s, size_t len)
{
	size_t n = 0;

	if (!len || !name_start(*s))
		return 0;
	while (n < len && (name_start(s[n]) || (s[n] >= '0' && s[n] <= '9')))
		n++;
	return n;
}

/* Where the brace that opens at s[1] closes: at its partner, or, when braces do not balance, at the last one of the
 * line. ret: its index, 0 when there is none on this line */
static size_t closing(const char *s, size_t len)
{
	size_t last = 0;
	unsigned open = 0;

	for (size_t i = 1; i < len && s[i] != '\n'; i++) {
		if (s[i] == '{') {
			open++;
		} else if (s[i] == '}') {
			last = i;
			if (!--open)
				return i;
		}
	}
	return last;
}

static int fail_at(const struct pass *p, size_t off)
{
	p->s->err_off = p->base + off;
	return -1;
}

static int invalid(const struct pass *p, const char *text, size_t len, size_t off)
{
	size_t shown = 0;

	while (off + shown < len && shown < 60 && text[off + shown] != '\n' &&
	       (shown == 0 || text[off + shown - 1] != '}'))
		shown++;
	err_set(p->e, ERR_MODEL, 0, "invalid variable: %.*s", (int)shown, text + off);
	err_hint(p->e,
		 "write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${NAME:+other}, and a plain dollar sign as $$");
	return fail_at(p, off);
}

static void met(const struct pass *p, struct interp_use *u, size_t off)
{
	u->off = p->base + off;
	u->unused = p->dry;
	if (p->s->met)
		p->s->met(p->s->met_ctx, u);
}

/* The message of ${NAME:?message}. */
static int required(struct pass *p, const char *name, const char *msg, size_t len, size_t msg_off, size_t off)
{
	auto_str struct str text = STR_MAX(INTERP_TEXT_MAX);
	struct pass sub = { p->s, p->e, p->depth + 1, p->base + msg_off, p->dry };

	if (expand(&sub, &text, msg, len) < 0)
		return -1;
	err_set(p->e, ERR_MODEL, 0, "required variable %s is missing a value%s%s", name, text.len ? ": " : "",
		str_cstr(&text));
	err_hint(p->e, "set %s in the environment or in .env", name);
	return fail_at(p, off);
}

/* A word that is not taken: its variables are met all the same, its mistakes do not count. */
static void dry_run(const struct pass *p, const char *word, size_t len, size_t off)
{
	auto_str struct str unused = STR_MAX(INTERP_TEXT_MAX);
	auto_err struct err e = {0};
	size_t err_off = p->s->err_off;
	struct pass sub = { p->s, &e, p->depth + 1, p->base + off, true };

	if (p->s->met && memchr(word, '$', len))
		(void)expand(&sub, &unused, word, len);
	p->s->err_off = err_off;
}

/* ${NAME}, ${NAME:-x} ...: braced is what stands between the braces. off: of the '$' in the pass's text */
static int braced(struct pass *p, struct str *out, const char *in, size_t len, size_t off)
{
	size_t n = name_len(in, len), oplen = n < len ? 1 + (in[n] == ':') : 0;
	char op = oplen && n + oplen <= len ? in[n + oplen - 1] : '\0';
	auto_free char *name = xstrndup(in, n), *word = NULL;
	const char *val, *rest = in + n + oplen;
	size_t rest_len = len - n - oplen, rest_off = off + 2 + n + oplen;
	bool have, use_word;

	val = p->s->look.fn(p->s->look.ctx, name);
	have = val && (oplen < 2 || *val);
	use_word = op == '+' ? have : op && !have;
	word = xstrndup(rest, rest_len);
	met(p, &(struct interp_use){ .name = name, .dflt = op == '-' ? word : "", .alternate = op == '+' ? word : "",
		.required = op == '?', .set = val || op, .used_default = op == '-' && use_word }, off);
	if (use_word && op == '?')
		return required(p, name, rest, rest_len, rest_off, off);
	if (use_word) {
		struct pass sub = { p->s, p->e, p->depth + 1, p->base + rest_off, p->dry };

		return expand(&sub, out, rest, rest_len);
	}
	if (op)
		dry_run(p, rest, rest_len, rest_off);
	if (val && op != '+')
		str_add(out, val);
	return 0;
}

static bool braced_form(const char *in, size_t len)
{
	size_t n = name_len(in, len);

	if (!n || n == len)
		return n > 0;
	n += in[n] == ':';
	return n < len && strchr("-?+", in[n]) && in[n];
}

static void plain(struct pass *p, struct str *out, const char *at, size_t n, size_t off)
{
	auto_free char *name = xstrndup(at, n);
	const char *val = p->s->look.fn(p->s->look.ctx, name);

	met(p, &(struct interp_use){ .name = name, .dflt = "", .alternate = "", .set = val }, off);
	if (val)
		str_add(out, val);
}

/* The '$' at text[i]. ret: the index behind what it stands for, 0 on failure */
static size_t dollar(struct pass *p, struct str *out, const char *text, size_t len, size_t i)
{
	size_t n, end;

	if (i + 1 < len && text[i + 1] == '$') {
		str_addc(out, '$');
		return i + 2;
	}
	n = name_len(text + i + 1, len - i - 1);
	if (n) {
		plain(p, out, text + i + 1, n, i);
		return i + 1 + n;
	}
	if (i + 1 >= len || text[i + 1] != '{') {
		str_addc(out, '$');
		return i + 1;
	}
	end = closing(text + i, len - i);
	if (!end || !braced_form(text + i + 2, end - 2))
		return (void)invalid(p, text, len, i), 0;
	return braced(p, out, text + i + 2, end - 2, i) < 0 ? 0 : i + end + 1;
}

static int expand(struct pass *p, struct str *out, const char *text, size_t len)
{
	const char *next;

	if (p->depth > INTERP_DEPTH_MAX) {
		err_set(p->e, ERR_MODEL, 0, "variables are nested too deeply");
		return fail_at(p, 0);
	}
	for (size_t i = 0; i < len;) {
		next = memchr(text + i, '$', len - i);
		str_addn(out, text + i, next ? (size_t)(next - text) - i : len - i);
		if (!next)
			break;
		i = dollar(p, out, text, len, (size_t)(next - text));
		if (!i)
			return -1;
	}
	if (out->over) {
		err_set(p->e, ERR_MODEL, 0, "the text grows too long when its variables are replaced");
		return fail_at(p, 0);
	}
	return 0;
}

int interp_text(struct str *out, const char *text, struct interp_scope *s, struct err *e)
{
	struct pass p = { s, e, 0, 0, false };

	if (!out->max)
		out->max = INTERP_TEXT_MAX;
	s->err_off = 0;
	return expand(&p, out, text, strlen(text));
}

const char *lookup_map(void *map, const char *name)
{
	return map_get(map, name);
}

void vars_done(struct vars *v)
{
	vec_done(v);
	map_done(&v->by_name);
}

/* ---- the tree */

struct visit { const struct interp_ctx *c; struct node *node; const char *origin; };

static struct srcpos use_pos(const struct visit *w, size_t off)
{
	size_t nth = 0;

	for (size_t i = 0; i < off; i++)
		nth += w->node->text[i] == '$';
	return source_dollar(w->c->src, w->node->pos, nth, 10000);
}

static void var_seen(const struct interp_ctx *c, const struct interp_use *u, struct srcpos pos)
{
	size_t i = (size_t)map_get(&c->vars->by_name, u->name);

	if (!i) {
		vec_push(c->vars, (struct var){ arena_strdup(c->arena, u->name), "", "", false, pos });
		i = c->vars->n;
		map_set(&c->vars->by_name, u->name, (void *)i);
	}
	if (!*c->vars->v[i - 1].dflt && *u->dflt)
		c->vars->v[i - 1].dflt = arena_strdup(c->arena, u->dflt);
	if (!*c->vars->v[i - 1].alternate && *u->alternate)
		c->vars->v[i - 1].alternate = arena_strdup(c->arena, u->alternate);
	c->vars->v[i - 1].required |= u->required;
}

static void on_met(void *ctx, const struct interp_use *u)
{
	struct visit *w = ctx;
	bool known = w->c->vars && map_has(&w->c->vars->by_name, u->name);
	bool warn = !u->set && !u->unused && w->c->warns && !w->c->skip;
	struct srcpos pos = warn || !known ? use_pos(w, u->off) : w->node->pos;

	if (warn)
		warns_add(w->c->warns, pos, "the variable %s is not set, an empty text is used in its place", u->name);
	if (w->c->vars)
		var_seen(w->c, u, pos);
	if (!w->origin && !u->unused)
		w->origin = arena_printf(w->c->arena, "%s %s", u->used_default ? "default of" : "variable", u->name);
}

static int replace(const struct interp_ctx *c, struct node *n, const struct trail *key)
{
	struct visit w = { c, n, NULL };
	struct interp_scope s = { c->look, on_met, &w, 0 };
	auto_str struct str out = {0};
	auto_err struct err e = {0};
	char path[512];

	if (c->spent && *c->spent > c->max)
		return 0;                        /* told when it was passed */
	if (interp_text(&out, n->text, &s, &e) == 0 && c->spent && (*c->spent += out.len) > c->max)
		err_set(&e, ERR_MODEL, 0, "all texts together grow too long when their variables are replaced");
	if (e.n) {
		n->deferred = true;              /* one mistake is enough: later phases leave it alone */
		err_at(&e, use_pos(&w, s.err_off), trail_path(key, path, sizeof(path)));
		return errs_add(c->errs, &e);
	}
	n->interpolated = w.origin != NULL;
	if (w.origin) {
		struct node_origin *o = arena_new(c->arena, struct node_origin);

		*o = (struct node_origin){ w.origin, n->pos, n->origin ? n->origin->replaced : NULL };
		n->origin = o;
	}
	n->text = arena_strdup(c->arena, str_cstr(&out));
	return 0;
}

/* --no-interpolate: only look at what is there; a mistake in it is then none of ours. */
static void note(const struct interp_ctx *c, struct node *n)
{
	struct visit w = { c, n, NULL };
	struct interp_scope s = { c->look, on_met, &w, 0 };
	auto_str struct str out = {0};
	auto_err struct err e = {0};

	n->deferred = interp_text(&out, n->text, &s, &e) < 0 || strcmp(str_cstr(&out), n->text) != 0;
}

static int visit(const struct interp_ctx *c, struct node *n, const struct trail *up)
{
	int bad = 0;

	if (n->kind == NODE_STR && strchr(n->text, '$')) {
		if (!c->skip)
			return replace(c, n, up);
		note(c, n);
	} else if (n->kind == NODE_LIST) {
		for (size_t i = 0; i < n->n; i++)
			bad |= visit(c, n->items[i], &(struct trail){ up, NULL, i });
	} else if (n->kind == NODE_MAP) {
		for (size_t i = 0; i < n->n; i++)
			bad |= visit(c, n->pairs[i].val, &(struct trail){ up, n->pairs[i].key, 0 });
	}
	return bad;
}

int interp_tree(const struct interp_ctx *c, struct node *root, const char *root_path)
{
	struct trail top = { NULL, root_path, 0 };

	return visit(c, root, *root_path ? &top : NULL);
}
