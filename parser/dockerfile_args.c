/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/dockerfile_args.h"
#include <ctype.h>
#include <jansson.h>
#include <string.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* One flag word from s, quotes and escapes resolved. ret: behind it */
static const char *flag_word(const char *s, char escape, struct str *out)
{
	char quote = 0;

	for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
		if (quote && *s == quote)
			quote = 0;
		else if (!quote && (*s == '"' || *s == '\''))
			quote = *s;
		else if (*s == escape && s[1])
			str_addc(out, *++s);
		else
			str_addc(out, *s);
	}
	return s;
}

int df_args_flags(struct arena *a, char escape, const char **text, const struct df_flag **ret, size_t *ret_n)
{
	VEC(struct df_flag) flags = {0};
	const char *s = *text;
	struct df_flag *copy;

	for (;;) {
		auto_str struct str w = {0};
		const char *eq;

		s = skip_blanks(s);
		if (!str_starts(s, "--"))
			break;
		s = flag_word(s, escape, &w);
		if (w.len == 2) {
			s = skip_blanks(s);
			break;
		}
		eq = strchr(str_cstr(&w), '=');
		vec_push(&flags, (struct df_flag){ eq ? arena_strndup(a, w.s + 2, (size_t)(eq - w.s) - 2) :
			 arena_strdup(a, w.s + 2), eq ? arena_strdup(a, eq + 1) : NULL });
	}
	copy = arena_alloc(a, flags.n * sizeof(*copy) + 1);
	if (flags.n)
		memcpy(copy, flags.v, flags.n * sizeof(*copy));
	*ret = copy;
	*ret_n = flags.n;
	*text = s;
	vec_done(&flags);
	return 0;
}

int df_args_json(struct arena *a, const char *text, struct df_words *ret)
{
	json_t *j, *item;
	size_t i;
	int r = 1;

	text = skip_blanks(text);
	if (*text != '[')
		return 0;
	j = json_loads(text, 0, NULL);
	if (!json_is_array(j)) {
		json_decref(j);
		return 0;
	}
	json_array_foreach(j, i, item) {
		if (!json_is_string(item))
			r = -1;
		else
			vec_push(ret, arena_strdup(a, json_string_value(item)));
	}
	json_decref(j);
	return r;
}

void df_args_split(struct arena *a, const char *text, struct df_words *ret)
{
	for (text = skip_blanks(text); *text; text = skip_blanks(text)) {
		size_t n = 0;

		while (text[n] && !isspace((unsigned char)text[n]))
			n++;
		vec_push(ret, arena_strndup(a, text, n));
		text += n;
	}
}

void df_args_words(struct arena *a, char escape, const char *text, struct df_words *ret)
{
	for (text = skip_blanks(text); *text; text = skip_blanks(text)) {
		const char *s = text;
		char quote = 0;

		for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
			if (quote && *s == quote)
				quote = 0;
			else if (!quote && (*s == '"' || *s == '\''))
				quote = *s;
			else if (*s == escape && s[1] && quote != '\'')
				s++;
		}
		vec_push(ret, arena_strndup(a, text, (size_t)(s - text)));
		text = s;
	}
}

int df_args_heredoc(struct arena *a, const char *word, struct df_opener *ret)
{
	auto_str struct str name = {0};
	const char *s = word + strspn(word, "0123456789");
	bool chomp, quoted = false;
	char quote = 0;

	if (s[0] != '<' || s[1] != '<')
		return 0;
	s += 2;
	chomp = *s == '-';
	s += chomp;
	if (!*s || strchr(s, '<'))
		return 0;
	for (; *s; s++) {
		if (quote && *s == quote) {
			quote = 0;
		} else if (!quote && (*s == '"' || *s == '\'')) {
			quote = *s;
			quoted = true;
		} else if (*s == '\\' && s[1] && !quote) {
			str_addc(&name, *++s);
			quoted = true;
		} else {
			str_addc(&name, *s);
		}
	}
	if (quote || !name.len || strpbrk(name.s, "$()"))
		return 0;
	*ret = (struct df_opener){ arena_strdup(a, name.s), chomp, !quoted };
	return 1;
}
