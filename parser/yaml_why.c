/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/yaml_why.h"
#include <string.h>

/* What libyaml says (part of its problem and context texts, NULL: any), where the cause lies, and how we say it. */
struct why { const char *problem, *context; bool at_context; const char *text, *hint; };

static const struct why whys[] = {
	{ "tab character", NULL, false, "a tab character indents this line", "indent with spaces" },
	{ "unexpected end of stream", "quoted scalar", true, "this quote is never closed",
	  "close it, or write a quote inside as \\\" or ''" },
	{ "unexpected document indicator", "quoted scalar", true, "this quote is never closed", "close it" },
	{ "unknown escape character", NULL, false, "a double quoted text has an escape that YAML does not know",
	  "use single quotes, or write the backslash twice" },
	{ "could not find expected ':'", NULL, true, "this line is neither \"key: value\" nor a list item",
	  "put a colon and a space behind the key, or indent it as part of the value above" },
	{ "mapping values are not allowed", NULL, false,
	  "a second \": \" stands in this line, or the line is indented too far",
	  "put quotes around a value that holds \": \", and give keys of one mapping the same indent" },
	{ "block sequence entries are not allowed", NULL, false, "a list item cannot start here",
	  "start the list on its own line below the key" },
	{ "block mapping keys are not allowed", NULL, false, "a key cannot stand here",
	  "check the indent of this line" },
	{ "did not find expected key", NULL, false, "this line does not fit the mapping around it",
	  "give keys of one mapping the same indent; put quotes around values with special characters" },
	{ "did not find expected '-' indicator", NULL, false, "this line does not fit the list around it",
	  "start each item with \"- \" at the same indent" },
	{ "expected ',' or ']'", NULL, true, "this [ is not closed",
	  "separate the items with commas and end them with ]" },
	{ "expected ',' or '}'", NULL, true, "this { is not closed",
	  "separate the pairs with commas and end them with }" },
	{ "expected alphabetic or numeric", "alias", true,
	  "a value that starts with * is an alias, and this is no name of one", "put quotes around the value" },
	{ "expected alphabetic or numeric", "anchor", true,
	  "a value that starts with & is an anchor, and this is no name of one", "put quotes around the value" },
	{ "found undefined tag handle", NULL, true, "a value that starts with ! is a tag, and this one is not defined",
	  "put quotes around the value" },
	{ "expected <document start>", NULL, false, "this line is outside of the document",
	  "check its indent; --- separates documents" },
	{ "expected chomping or indentation indicators", NULL, false, "a block text (| or >) starts on the next line",
	  "put nothing but a comment behind | or >" },
	{ "expected comment or line break", NULL, false, "a block text (| or >) starts on the next line",
	  "put nothing but a comment behind | or >" },
};

static struct srcpos pos_of(const struct source *s, yaml_mark_t m)
{
	return (struct srcpos){ s->name, (unsigned)m.line + 1, (unsigned)m.column + 1 };
}

/* Position of a byte offset, which is all that libyaml has for broken characters. */
static struct srcpos pos_of_offset(const struct source *s, size_t off)
{
	struct srcpos p = { s->name, 1, 1 };

	for (size_t i = 0; i < off && i < s->len; i++) {
		if (s->text[i] == '\n') {
			p.line++;
			p.col = 1;
		} else if (((unsigned char)s->text[i] & 0xc0) != 0x80) {
			p.col++;
		}
	}
	return p;
}

/* ret: whether a tab stands in the indent of p's line; p->col is then the tab's */
static bool tab_indent(const struct source *s, struct srcpos *p)
{
	if (!p->line || p->line > s->nlines)
		return false;
	for (size_t i = s->line[p->line - 1]; i < s->len && (s->text[i] == ' ' || s->text[i] == '\t'); i++) {
		if (s->text[i] != '\t')
			continue;
		p->col = (unsigned)(i - s->line[p->line - 1]) + 1;
		return true;
	}
	return false;
}

static void told(struct errs *errs, struct srcpos p, const char *text, const char *hint)
{
	errs_model(errs, p, NULL, hint, "%s", text);
}

static bool quoted(const yaml_token_t *t)
{
	return t->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
	       t->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

/* A quote that was meant to be closed on its line swallows the lines up to the next quote, and the error shows only
 * behind that. ret: whether such a text ends on the error's line or the one before; *ret its start */
static bool runaway_quote(const struct source *s, size_t line, struct srcpos *ret)
{
	yaml_parser_t p;
	yaml_token_t t;
	bool hit = false, more = true;

	if (!yaml_parser_initialize(&p))
		return false;
	yaml_parser_set_input_string(&p, (const unsigned char *)s->text, s->len);
	while (more && yaml_parser_scan(&p, &t)) {
		more = t.type != YAML_STREAM_END_TOKEN;
		if (t.type == YAML_SCALAR_TOKEN && quoted(&t) && t.end_mark.line > t.start_mark.line &&
		    (t.end_mark.line == line || t.end_mark.line + 1 == line)) {
			hit = true;
			*ret = pos_of(s, t.start_mark);
		}
		yaml_token_delete(&t);
	}
	yaml_parser_delete(&p);
	return hit;
}

static void bad_char(const struct source *s, const yaml_parser_t *p, struct errs *errs)
{
	struct srcpos at = pos_of(s, p->problem_mark);
	size_t off = source_offset(s, at);
	char c = off < s->len ? s->text[off] : '\0';

	if (c == '\t')
		told(errs, at, "a tab character indents this line", "indent with spaces");
	else if (c == '@' || c == '`' || c == '%')
		errs_model(errs, at, NULL, "put quotes around the value", "a value cannot start with %c", c);
	else
		told(errs, at, "no value can start with this character", "put quotes around the value");
}

void yaml_why(const struct source *src, const yaml_parser_t *p, struct errs *errs)
{
	struct srcpos at = pos_of(src, p->problem_mark), quote;
	const char *problem = p->problem ? p->problem : "unknown error", *context = p->context ? p->context : "";

	if (p->error == YAML_READER_ERROR) {
		errs_model(errs, pos_of_offset(src, p->problem_offset), NULL, "save the file as UTF-8 text",
			   "the file is not text: %s", problem);
		return;
	}
	if (tab_indent(src, &at)) {
		told(errs, at, "a tab character indents this line", "indent with spaces");
		return;
	}
	if (!strstr(context, "quoted scalar") && runaway_quote(src, p->problem_mark.line, &quote)) {
		told(errs, quote, "this quote is not closed on its line",
		     "close it, or write a quote inside as \\\" or ''");
		return;
	}
	if (strstr(problem, "cannot start any token")) {
		bad_char(src, p, errs);
		return;
	}
	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++) {
		const struct why *w = &whys[i];

		if (!strstr(problem, w->problem) || (w->context && !strstr(context, w->context)))
			continue;
		told(errs, w->at_context && p->context ? pos_of(src, p->context_mark) : at, w->text, w->hint);
		return;
	}
	errs_model(errs, at, NULL, NULL, "YAML: %s%s%s", problem, *context ? " " : "", context);
}
