/* SPDX-License-Identifier: Apache-2.0 */
/* value_words.c - command lines to words, as the reference loader splits them.
 * No shell is at work: $ * ~ stay as they are, `...` and $(...) keep their text (and their blanks), an unquoted
 * ; & | < > ends the line without a word, and a bracket outside quotes is refused. */
#include "compose/base/str.h"
#include "parser/value.h"

struct splitter {
	struct str word;
	struct strv *out;
	bool escaped, dquote, squote, bquote, dollar;
	bool any; /* the word has begun, be it as "" */
};

static bool quoted(const struct splitter *s)
{
	return s->squote || s->dquote || s->bquote || s->dollar;
}

static void word_end(struct splitter *s)
{
	if (s->any)
		strv_add(s->out, str_cstr(&s->word));
	str_clear(&s->word);
	s->any = false;
}

static void word_char(struct splitter *s, char c)
{
	str_addc(&s->word, c);
	s->any = true;
}

/* ret: true when the bracket may stand here */
static bool bracket(struct splitter *s, char c)
{
	if (s->squote || s->dquote || s->bquote)
		return true;
	if (c == ')' && !s->dollar)
		return false;
	if (c == '(' && (s->dollar || !str_ends(str_cstr(&s->word), "$")))
		return false;
	s->dollar = c == '(';
	return true;
}

/* ret: 0 go on, 1 the line ends here, -1 it cannot be split */
static int take(struct splitter *s, char c)
{
	if (s->escaped) {
		word_char(s, (char)(c == 't' ? '\t' : c == 'n' ? '\n' : c));
		s->escaped = false;
	} else if (c == '\\' && !s->squote) {
		s->escaped = true;
	} else if ((c == ' ' || c == '\t' || c == '\r' || c == '\n') && !quoted(s)) {
		word_end(s);
	} else if (c == '"' && !s->squote && !s->dollar) {
		s->any |= s->dquote;
		s->dquote = !s->dquote;
	} else if (c == '\'' && !s->dquote && !s->dollar) {
		s->any |= s->squote;
		s->squote = !s->squote;
	} else if (c && strchr(";&|<>", c) && !quoted(s)) {
		/* "2>file": the number belongs to the redirection, not to the command */
		if (c == '>' && s->word.len && s->word.s[0] >= '0' && s->word.s[0] <= '9')
			s->any = false;
		return 1;
	} else if ((c == '(' || c == ')') && !bracket(s, c)) {
		return -1;
	} else {
		if (c == '`' && !s->squote && !s->dquote && !s->dollar)
			s->bquote = !s->bquote;
		word_char(s, c);
	}
	return 0;
}

const char *value_words(const char *line, struct strv *out)
{
	auto_strv struct strv words = {0};
	struct splitter s = {.out = &words};
	int r = 0;

	for (; *line && !r; line++)
		r = take(&s, *line);
	word_end(&s);
	str_done(&s.word);
	if (r < 0)
		return "an unquoted bracket; write sh -c '...' for a shell command";
	if (s.escaped)
		return "a backslash at the end";
	if (quoted(&s))
		return "a quote that is not closed";
	for (size_t i = 0; i < words.n; i++)
		strv_add(out, words.v[i]);
	return NULL;
}
