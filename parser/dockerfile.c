/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/dockerfile.h"
#include <ctype.h>
#include <string.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "parser/dockerfile_args.h"
#include "parser/dockerfile_check.h"
#include "parser/dockerfile_lex.h"

#define DF_NAME(name) #name,
static const char *const kind_names[] = { DF_INSTRUCTIONS(DF_NAME) NULL };

struct parse {
	struct dockerfile *df;
	struct df_lex lex;
	struct errs  *errs;
	VEC(struct df_instr *) globals, instr;     /* instr: of the stage at hand */
	VEC(struct df_stage) stages;
	VEC(struct df_note) notes;
	bool          lost;                        /* a line was wrong: what follows may only seem wrong */
};

const char *df_kind_name(enum df_kind k)
{
	return kind_names[k];
}

const char *df_flag(const struct df_instr *in, const char *name)
{
	for (size_t i = 0; i < in->n_flags; i++)
		if (str_eq(in->flags[i].name, name))
			return in->flags[i].val ? in->flags[i].val : "";
	return NULL;
}

int df_stage_find(const struct dockerfile *df, size_t n, const char *name)
{
	uint64_t number;

	for (size_t i = n; i-- > 0;)
		if (*df->stages[i].name && !strcasecmp(df->stages[i].name, name))
			return (int)i;
	return str_to_u64(name, &number) && number < n ? (int)number : -1;
}

static int bad(struct parse *p, struct srcpos pos, enum df_kind k, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int bad(struct parse *p, struct srcpos pos, enum df_kind k, const char *fmt, ...)
{
	auto_err struct err e = {0};
	auto_free char *msg = NULL;
	va_list ap;

	va_start(ap, fmt);
	msg = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(&e, ERR_MODEL, 0, "%s", msg);
	err_at(&e, pos, k < DF_N_KINDS ? kind_names[k] : NULL);
	return errs_add(p->errs, &e);
}

static void note(struct parse *p, struct srcpos pos, const char *text)
{
	vec_push(&p->notes, (struct df_note){ pos, arena_strdup(&p->df->arena, text) });
}

/* -- the text behind the keyword, by kind -- */

static void set_words(struct parse *p, struct df_instr *in, struct df_words *w)
{
	const char **copy = arena_alloc(&p->df->arena, (w->n + 1) * sizeof(*copy));

	if (w->n)
		memcpy(copy, w->v, w->n * sizeof(*copy));
	in->words = copy;
	in->n_words = w->n;
	vec_done(w);
}

/* Try text as a JSON array. ret: 0, with in->json telling; -1 reported */
static int try_json(struct parse *p, struct df_instr *in, const char *text)
{
	struct df_words w = {0};
	int r = df_args_json(&p->df->arena, text, &w);

	if (r < 0) {
		vec_done(&w);
		return bad(p, in->pos, in->kind,
			   "when using JSON array syntax, arrays must be comprised of strings only");
	}
	if (r == 0 && (str_starts(text, "[\"") || str_starts(text, "['")))
		note(p, in->pos, "this looks like a JSON array and is not one: taken as a shell command");
	in->json = r == 1;
	if (r == 1)
		set_words(p, in, &w);
	vec_done(&w);
	return 0;
}

static int args_command(struct parse *p, struct df_instr *in)
{
	if (try_json(p, in, in->text) < 0)
		return -1;
	if (!in->json && !*in->text && in->kind == DF_RUN)
		return bad(p, in->pos, in->kind, "RUN needs a command");
	if (in->json && !in->n_words && in->kind == DF_RUN)
		return bad(p, in->pos, in->kind, "RUN needs a command");
	if (!in->json && !*in->text)
		return bad(p, in->pos, in->kind, "%s needs a command", kind_names[in->kind]);
	return 0;
}

static int args_list(struct parse *p, struct df_instr *in)
{
	struct df_words w = {0};

	if (try_json(p, in, in->text) < 0)
		return -1;
	if (in->json)
		return 0;
	df_args_split(&p->df->arena, in->text, &w);
	set_words(p, in, &w);
	return 0;
}

static int args_words(struct parse *p, struct df_instr *in)
{
	struct df_words w = {0};

	df_args_split(&p->df->arena, in->text, &w);
	set_words(p, in, &w);
	return in->n_words ? 0 : bad(p, in->pos, in->kind, "%s needs at least one argument", kind_names[in->kind]);
}

static int args_text(struct parse *p, struct df_instr *in)
{
	return *in->text ? 0 : bad(p, in->pos, in->kind, "%s needs exactly one argument", kind_names[in->kind]);
}

static int args_shell(struct parse *p, struct df_instr *in)
{
	if (try_json(p, in, in->text) < 0)
		return -1;
	return in->json && in->n_words
		       ? 0
		       : bad(p, in->pos, in->kind,
			     "SHELL requires the arguments to be in JSON form, such as SHELL [\"/bin/bash\", \"-c\"]");
}

static struct df_kv split_kv(struct arena *a, const char *word)
{
	const char *eq = strchr(word, '=');

	return (struct df_kv){ arena_strndup(a, word, eq ? (size_t)(eq - word) : strlen(word)),
		eq ? arena_strdup(a, eq + 1) : NULL };
}

/* ENV key the rest of the line */
static int legacy_kv(struct parse *p, struct df_instr *in)
{
	struct df_kv *kv = arena_new(&p->df->arena, struct df_kv);
	const char *s = in->text + strcspn(in->text, " \t");
	const char *key = arena_strndup(&p->df->arena, in->text, (size_t)(s - in->text));

	s += strspn(s, " \t");
	if (!*s)
		return bad(p, in->pos, in->kind, "%s needs two arguments: %s %s=value", kind_names[in->kind],
			   kind_names[in->kind], key);
	*kv = (struct df_kv){ key, s };
	in->kvs = kv;
	in->n_kvs = 1;
	note(p, in->pos, "\"KEY value\" is the old form, write \"KEY=value\"");
	return 0;
}

static int args_kv(struct parse *p, struct df_instr *in)
{
	struct df_words w = {0};
	struct df_kv *kvs;
	int r = 0;

	df_args_words(&p->df->arena, p->df->escape, in->text, &w);
	if (!w.n) {
		vec_done(&w);
		return bad(p, in->pos, in->kind, "%s needs at least one argument", kind_names[in->kind]);
	}
	if (in->kind != DF_ARG && !strchr(w.v[0], '=')) {
		vec_done(&w);
		return legacy_kv(p, in);
	}
	kvs = arena_alloc(&p->df->arena, w.n * sizeof(*kvs));
	for (size_t i = 0; i < w.n; i++) {
		kvs[i] = split_kv(&p->df->arena, w.v[i]);
		if (in->kind != DF_ARG && !kvs[i].val)
			r = bad(p, in->pos, in->kind, "can't find = in `%s`: it must be of the form NAME=VALUE",
				w.v[i]);
		if (!*kvs[i].key)
			r = bad(p, in->pos, in->kind, "%s names cannot be blank", kind_names[in->kind]);
	}
	in->kvs = kvs;
	in->n_kvs = w.n;
	vec_done(&w);
	return r;
}

static int args_health(struct parse *p, struct df_instr *in)
{
	size_t n = strcspn(in->text, " \t");
	auto_free char *type = xstrndup(in->text, n);
	const char *rest = in->text + n + strspn(in->text + n, " \t");

	if (!strcasecmp(type, "NONE")) {
		in->health_none = "NONE";
		return *rest ? bad(p, in->pos, in->kind, "HEALTHCHECK NONE takes no arguments") : 0;
	}
	if (strcasecmp(type, "CMD") != 0)
		return bad(p, in->pos, in->kind, "unknown type `%s` in HEALTHCHECK (try CMD)", type);
	in->text = rest;
	if (try_json(p, in, rest) < 0)
		return -1;
	return (in->json ? in->n_words : *rest != '\0') ? 0 :
	       bad(p, in->pos, in->kind, "missing command after HEALTHCHECK CMD");
}

static int args_onbuild(struct parse *p, struct df_instr *in)
{
	struct df_instr *sub;
	auto_str struct str all = {0};

	str_add(&all, in->text);
	for (size_t i = 0; i < in->n_docs; i++)
		str_addf(&all, "\n%s", in->docs[i].raw);
	in->text = arena_strdup(&p->df->arena, str_cstr(&all));
	if (!*in->text)
		return bad(p, in->pos, in->kind, "ONBUILD needs an instruction");
	return dockerfile_trigger(p->df, in->text, in->pos, &sub, p->errs);
}

static int args_copy(struct parse *p, struct df_instr *in)
{
	struct df_words w = {0}, all = {0};
	struct df_opener o;

	if (try_json(p, in, in->text) < 0)
		return -1;
	if (!in->json) {
		df_args_split(&p->df->arena, in->text, &all);
		for (size_t i = 0; i < all.n; i++)
			if (!in->n_docs || !df_args_heredoc(&p->df->arena, all.v[i], &o))
				vec_push(&w, all.v[i]);
		if (all.n && w.n && w.v[w.n - 1] != all.v[all.n - 1]) {
			vec_done(&w);
			vec_done(&all);
			return bad(p, in->pos, in->kind, "cannot accept a heredoc as a destination");
		}
		vec_done(&all);
		set_words(p, in, &w);
	}
	if (in->n_words + in->n_docs < 2 || !in->n_words)
		return bad(p, in->pos, in->kind, "%s needs at least two arguments: source and destination",
			   kind_names[in->kind]);
	return 0;
}

typedef int args_fn(struct parse *p, struct df_instr *in);
static args_fn *const args_of[] = {
	[DF_ADD] = args_copy, [DF_ARG] = args_kv, [DF_CMD] = args_command, [DF_COPY] = args_copy,
	[DF_ENTRYPOINT] = args_command, [DF_ENV] = args_kv, [DF_EXPOSE] = args_words, [DF_FROM] = args_words,
	[DF_HEALTHCHECK] = args_health, [DF_LABEL] = args_kv, [DF_MAINTAINER] = args_text, [DF_ONBUILD] = args_onbuild,
	[DF_RUN] = args_command, [DF_SHELL] = args_shell, [DF_STOPSIGNAL] = args_text, [DF_USER] = args_text,
	[DF_VOLUME] = args_list, [DF_WORKDIR] = args_text,
};

/* -- one instruction -- */

/* Take the bodies that the openers in text announce. */
static int take_heredocs(struct parse *p, struct df_instr *in, const char *text)
{
	struct df_words w = {0};
	VEC(struct df_heredoc) docs = {0};
	struct df_heredoc *copy;
	struct df_opener o;
	int r = 0;

	df_args_words(&p->df->arena, p->df->escape, text, &w);
	for (size_t i = 0; i < w.n && r == 0; i++) {
		struct df_heredoc d = {0};

		if (!df_args_heredoc(&p->df->arena, w.v[i], &o))
			continue;
		if (df_lex_heredoc(&p->lex, o.name, o.chomp, &d.body, &d.raw) < 0) {
			r = bad(p, in->pos, in->kind, "unterminated heredoc: no line `%s`", o.name);
			p->lex.p = p->lex.end;
			break;
		}
		d.name = o.name;
		d.expand = o.expand;
		vec_push(&docs, d);
	}
	copy = arena_alloc(&p->df->arena, docs.n * sizeof(*copy) + 1);
	if (docs.n)
		memcpy(copy, docs.v, docs.n * sizeof(*copy));
	in->docs = copy;
	in->n_docs = docs.n;
	in->end_line = docs.n ? p->lex.line - 1 : in->end_line;
	vec_done(&docs);
	vec_done(&w);
	return r;
}

static bool wants_heredocs(struct parse *p, enum df_kind k, const char *text)
{
	struct df_words w = {0};
	bool json;

	if ((k != DF_RUN && k != DF_COPY && k != DF_ADD && k != DF_ONBUILD) || !strstr(text, "<<"))
		return false;
	json = df_args_json(&p->df->arena, text, &w) == 1;
	vec_done(&w);
	return !json;
}

static int keyword(struct parse *p, const struct df_line *l, size_t *ret_len)
{
	auto_free char *word = NULL;
	const char *near;

	*ret_len = strcspn(l->text, " \t\r\v\f");
	word = xstrndup(l->text, *ret_len);
	for (char *c = word; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	for (int i = 0; i < DF_N_KINDS; i++)
		if (str_eq(word, kind_names[i]))
			return i;
	auto_err struct err e = {0};
	err_set(&e, ERR_MODEL, 0, "unknown instruction `%.40s`", word);
	err_at(&e, l->pos, NULL);
	near = *ret_len <= 40 ? str_nearest(word, kind_names) : NULL;
	if (near)
		err_hint(&e, "did you mean `%s`?", near);
	return errs_add(p->errs, &e);
}

/* ret: the instruction of line l, NULL when it was reported as wrong */
static struct df_instr *instruction(struct parse *p, const struct df_line *l)
{
	struct df_instr *in = arena_new(&p->df->arena, struct df_instr);
	size_t len, errs = p->errs->n;
	int kind = keyword(p, l, &len);
	const char *text;

	if (kind < 0)
		return NULL;
	*in = (struct df_instr){
		.kind = (enum df_kind)kind, .pos = l->pos, .end_line = l->end_line, .original = l->text
	};
	text = l->text + len;
	text += strspn(text, " \t\r\v\f");
	df_args_flags(&p->df->arena, p->df->escape, &text, &in->flags, &in->n_flags);
	in->text = text;
	if (l->blank_inside)
		note(p, l->pos, "an empty line inside a continued instruction");
	if (wants_heredocs(p, in->kind, text) && take_heredocs(p, in, text) < 0)
		return NULL;
	(void)args_of[in->kind](p, in);
	df_check(in, p->errs);
	return p->errs->n == errs ? in : NULL;
}

/* -- stages -- */

static bool stage_name_ok(const char *s)
{
	if (!isalpha((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return false;
	return true;
}

static void end_stage(struct parse *p)
{
	struct df_stage *s;

	if (!p->stages.n)
		return;
	s = &p->stages.v[p->stages.n - 1];
	s->instr = arena_alloc(&p->df->arena, p->instr.n * sizeof(*s->instr) + 1);
	if (p->instr.n)
		memcpy(s->instr, p->instr.v, p->instr.n * sizeof(*s->instr));
	s->n_instr = p->instr.n;
	vec_done(&p->instr);
}

static int check_stage_name(struct parse *p, const struct df_instr *in, const char *name)
{
	if (!stage_name_ok(name))
		return bad(p, in->pos, DF_FROM,
			   "invalid stage name `%s`: a letter, then letters, digits, `-`, `_`, `.`", name);
	if (!strcasecmp(name, "scratch") || !strcasecmp(name, "context"))
		note(p, in->pos, "the stage has a reserved name");
	for (size_t i = 0; i < p->stages.n; i++)
		if (!strcasecmp(p->stages.v[i].name, name))
			note(p, in->pos, "another stage has the same name; the later one is meant from here on");
	return 0;
}

static void begin_stage(struct parse *p, struct df_instr *in)
{
	struct df_stage s = { .from = in, .base = in->words[0], .platform = df_flag(in, "platform"), .name = "" };
	bool as = in->n_words == 3 && !strcasecmp(in->words[1], "AS");

	if (in->n_words != 1 && !as)
		bad(p, in->pos, DF_FROM, "FROM takes one argument, or three: FROM image AS name");
	else if (as && check_stage_name(p, in, in->words[2]) == 0) {
		char *name = arena_strdup(&p->df->arena, in->words[2]);

		for (char *c = name; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		s.name = name;
	}
	end_stage(p);
	vec_push(&p->stages, s);
}

static void add(struct parse *p, struct df_instr *in)
{
	if (in->kind == DF_FROM)
		begin_stage(p, in);
	else if (p->stages.n)
		vec_push(&p->instr, in);
	else if (in->kind == DF_ARG)
		vec_push(&p->globals, in);
	else if (!p->lost)
		bad(p, in->pos, in->kind, "no build stage yet: only ARG may stand before the first FROM");
	if (in->kind == DF_MAINTAINER)
		note(p, in->pos, "MAINTAINER is deprecated, use LABEL org.opencontainers.image.authors=");
}

static int directives(struct parse *p)
{
	struct strv seen = {0};
	struct df_directive d;
	int r = 0;

	while (df_lex_directive(&p->lex, &d)) {
		if (strv_has(&seen, d.key))
			r = bad(p, d.pos, DF_N_KINDS, "only one %s parser directive can be used", d.key);
		strv_add(&seen, d.key);
		if (str_eq(d.key, "escape")) {
			if (!str_eq(d.val, "\\") && !str_eq(d.val, "`"))
				r = bad(p, d.pos, DF_N_KINDS, "invalid escape directive `%s`: it is \\ or `", d.val);
			else
				p->lex.escape = p->df->escape = *d.val;
		} else if (str_eq(d.key, "syntax") && !str_starts(d.val, "docker/dockerfile") &&
			   !str_starts(d.val, "docker.io/docker/dockerfile")) {
			note(p, d.pos, "no external frontend is ever run: the syntax directive is ignored");
		}
	}
	strv_done(&seen);
	return r;
}

static int finish(struct parse *p, const char *file)
{
	struct dockerfile *df = p->df;
	struct srcpos top = { file, 1, 1 };

	end_stage(p);
	if (!p->stages.n && !p->errs->n) {
		if (p->globals.n)
			bad(p, top, DF_N_KINDS, "the Dockerfile contains no stages to build (no FROM)");
		else
			bad(p, top, DF_N_KINDS, "file with no instructions");
	}
	df->stages = arena_alloc(&df->arena, p->stages.n * sizeof(*df->stages) + 1);
	df->globals = arena_alloc(&df->arena, p->globals.n * sizeof(*df->globals) + 1);
	df->notes = arena_alloc(&df->arena, p->notes.n * sizeof(*df->notes) + 1);
	if (p->stages.n)
		memcpy(df->stages, p->stages.v, p->stages.n * sizeof(*df->stages));
	if (p->globals.n)
		memcpy(df->globals, p->globals.v, p->globals.n * sizeof(*df->globals));
	if (p->notes.n)
		memcpy(df->notes, p->notes.v, p->notes.n * sizeof(*df->notes));
	df->n_stages = p->stages.n;
	df->n_globals = p->globals.n;
	df->n_notes = p->notes.n;
	df_check_stages(df, p->errs);
	return p->errs->n ? -1 : 0;
}

static void parse_done(struct parse *p)
{
	vec_done(&p->globals);
	vec_done(&p->instr);
	vec_done(&p->stages);
	vec_done(&p->notes);
}

static void parse_lines(struct parse *p)
{
	struct df_line l;

	for (;;) {
		auto_err struct err e = {0};
		int r = df_lex_line(&p->lex, &l, &e);
		struct df_instr *in;

		if (r == 0)
			return;
		if (r < 0) {
			errs_add(p->errs, &e);
			continue;
		}
		in = instruction(p, &l);
		if (in)
			add(p, in);
		else
			p->lost = true;
	}
}

int dockerfile_parse(struct dockerfile **ret, const char *file, const char *text, size_t len, struct errs *errs)
{
	struct dockerfile *df = xcalloc(1, sizeof(*df));
	struct errs mine = {0};
	struct parse p = { .df = df, .errs = &mine };
	auto_err struct err e = {0};

	df->escape = '\\';
	if (!len)
		bad(&p, (struct srcpos){ file, 1, 1 }, DF_N_KINDS, "the Dockerfile cannot be empty");
	else if (len > DF_TEXT_MAX)
		bad(&p, (struct srcpos){ file, 1, 1 }, DF_N_KINDS, "the Dockerfile is larger than %d bytes",
		    DF_TEXT_MAX);
	else if (df_lex_init(&p.lex, &df->arena, file, text, len, &e) < 0)
		errs_add(&mine, &e);
	else if (directives(&p) == 0)
		parse_lines(&p);
	(void)finish(&p, file);
	parse_done(&p);
	if (!mine.n) {
		*ret = df;
		return 0;
	}
	for (size_t i = 0; i < mine.n; i++)
		errs_add(errs, &mine.v[i]);
	errs_done(&mine);
	dockerfile_free(df);
	return -1;
}

static bool is_onbuild(const char *line)
{
	size_t n = strlen(kind_names[DF_ONBUILD]);

	return !strncasecmp(line, kind_names[DF_ONBUILD], n) && (!line[n] || strchr(" \t\r\v\f", line[n]));
}

int dockerfile_trigger(struct dockerfile *df, const char *text, struct srcpos pos, struct df_instr **ret,
		       struct errs *errs)
{
	struct errs mine = {0};
	struct parse p = { .df = df, .errs = &mine };
	auto_err struct err e = {0};
	struct df_instr *in = NULL;
	struct df_line l;
	int got = -1;

	if (strlen(text) > DF_TEXT_MAX)
		bad(&p, pos, DF_ONBUILD, "the ONBUILD trigger is larger than %d bytes", DF_TEXT_MAX);
	else if (df_lex_init(&p.lex, &df->arena, pos.file, text, strlen(text), &e) < 0 ||
		 (got = df_lex_line(&p.lex, &l, &e)) < 0)
		errs_add(&mine, &e);
	else if (got == 0)
		bad(&p, pos, DF_ONBUILD, "ONBUILD needs an instruction");
	else if (is_onbuild(l.text))             /* before it is read: each level would go one deeper */
		bad(&p, pos, DF_ONBUILD, "%s is not allowed as an ONBUILD trigger", kind_names[DF_ONBUILD]);
	else {
		l.pos = pos;
		p.lex.escape = df->escape;
		in = instruction(&p, &l);
	}
	if (in && (in->kind == DF_FROM || in->kind == DF_MAINTAINER))
		bad(&p, pos, DF_ONBUILD, "%s is not allowed as an ONBUILD trigger", kind_names[in->kind]);
	parse_done(&p);
	if (!mine.n) {
		*ret = in;
		return 0;
	}
	for (size_t i = 0; i < mine.n; i++)
		errs_add(errs, &mine.v[i]);
	errs_done(&mine);
	return -1;
}

void dockerfile_free(struct dockerfile *df)
{
	if (!df)
		return;
	arena_done(&df->arena);
	free(df);
}
