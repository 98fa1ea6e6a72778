/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cli/opt.h"
#include <string.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { NAMES_MAX = 64, HELP_COLUMN = 30 };

struct parse {
	const struct opt *t;
	const char *cmd;
	void *args;
	struct err *e;
};

static bool positional(const struct opt *o)
{
	return o->type == OPT_T_REST || o->type == OPT_T_HEAD;
}

static const struct opt *find_long(const struct opt *t, const char *name, size_t len)
{
	for (; t->type != OPT_T_END; t++)
		if (!positional(t) && t->name && strlen(t->name) == len && !strncmp(t->name, name, len))
			return t;
	return NULL;
}

static const struct opt *find_short(const struct opt *t, char c)
{
	for (; t->type != OPT_T_END; t++)
		if (!positional(t) && t->sh == c)
			return t;
	return NULL;
}

static int unknown(const struct parse *p, const char *arg)
{
	const char *names[NAMES_MAX + 1], *near = NULL;
	size_t n = 0;

	for (const struct opt *o = p->t; o->type != OPT_T_END && n < NAMES_MAX; o++)
		if (!positional(o) && o->name && !(o->flags & OPT_HIDDEN))
			names[n++] = o->name;
	names[n] = NULL;
	if (arg[1] == '-')
		near = str_nearest(arg + 2, names);
	err_set(p->e, ERR_USAGE, 0, "unknown option %s", arg);
	if (near)
		return err_hint(p->e, "did you mean --%s? `compose%s%s --help` lists all", near, *p->cmd ? " " : "", p->cmd);
	return err_hint(p->e, "see `compose%s%s --help`", *p->cmd ? " " : "", p->cmd);
}

bool opt_secs(const char *s, int64_t *ret_ns)
{
	static const struct { const char *unit; double ns; } units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 },
	};
	double sum = 0;
	bool given = *s;
	uint64_t whole;

	if (str_to_u64(s, &whole)) {
		if (whole > INT64_MAX / 1000000000)
			return false;
		*ret_ns = (int64_t)whole * 1000000000;
		return true;
	}
	while (*s) {
		char *end;
		double v = strtod(s, &end);
		size_t len = strspn(end, "abcdefghijklmnopqrstuvwxyz"), i;

		if (end == s || *s < '0' || *s > '9')
			return false;
		for (i = 0; i < ARRAY_LEN(units); i++)
			if (strlen(units[i].unit) == len && !strncmp(units[i].unit, end, len))
				break;
		if (i == ARRAY_LEN(units))
			return false;
		sum += v * units[i].ns;
		s = end + len;
	}
	if (!given || sum > 9e18)
		return false;
	*ret_ns = (int64_t)sum;
	return true;
}

bool opt_is_choice(const char *choices, const char *s)
{
	size_t len = strlen(s);

	for (const char *c = choices; *c; c += strspn(c, " ")) {
		size_t n = strcspn(c, " ");

		if (n == len && !strncmp(c, s, n))
			return true;
		c += n;
	}
	return false;
}

static int refuse(const struct parse *p, const struct opt *o, const char *shown, const char *val)
{
	if (str_eq(val, "false") || str_eq(val, "0"))
		return 0;
	return err_set(p->e, ERR_USAGE, 0, "%s is not possible here: %s", shown, o->help);
}

static int set_flag(const struct parse *p, const struct opt *o, const char *shown, const char *val)
{
	bool on = true, *out = (bool *)((char *)p->args + o->off);

	if (val && (str_eq(val, "false") || str_eq(val, "0")))
		on = false;
	else if (val && !str_eq(val, "true") && !str_eq(val, "1"))
		return err_set(p->e, ERR_USAGE, 0, "%s: \"%s\" is neither true nor false", shown, val);
	if (o->flags & OPT_VAIN)
		return 0;
	if (o->flags & OPT_REFUSE)
		return refuse(p, o, shown, val);
	*out = o->flags & OPT_INVERT ? !on : on;
	return 0;
}

static int set_value(const struct parse *p, const struct opt *o, const char *shown, char *val)
{
	void *out = (char *)p->args + o->off;

	if (o->flags & OPT_REFUSE)
		return refuse(p, o, shown, val);
	switch (o->type) {
	case OPT_T_STR:
		*(const char **)out = val;
		return 0;
	case OPT_T_STRS:
		strv_add(out, val);
		return 0;
	case OPT_T_INT:
		if (!str_to_i64(val, out))
			return err_set(p->e, ERR_USAGE, 0, "%s: \"%s\" is not a number", shown, val);
		return 0;
	case OPT_T_SECS:
		if (!opt_secs(val, out))
			return err_set(p->e, ERR_USAGE, 0, "%s: \"%s\" is not a number of seconds", shown, val);
		return 0;
	case OPT_T_CHOICE:
		if (!opt_is_choice(o->choices, val)) {
			err_set(p->e, ERR_USAGE, 0, "%s: \"%s\" is not known here", shown, val);
			return err_hint(p->e, "use one of: %s", o->choices);
		}
		*(const char **)out = val;
		return 0;
	default:
		return err_set(p->e, ERR_BUG, 0, "option %s has no type", shown);
	}
}

static void mark_given(const struct parse *p, const struct opt *o)
{
	if (o->given)
		*(bool *)((char *)p->args + o->given) = true;
}

/* --name, --name=value, --name value. ret: arguments consumed, 0 for help, -1 */
static int long_option(const struct parse *p, char **argv)
{
	char *a = argv[0], *eq = strchr(a, '=');
	size_t len = eq ? (size_t)(eq - a) : strlen(a);
	const struct opt *o = find_long(p->t, a + 2, len - 2);
	auto_free char *shown = xstrndup(a, len);

	if (!o && !strcmp(shown, "--help"))
		return 0;
	if (!o)
		return unknown(p, shown);
	mark_given(p, o);
	if (o->type == OPT_T_FLAG)
		return set_flag(p, o, shown, eq ? eq + 1 : NULL) < 0 ? -1 : 1;
	if (eq)
		return set_value(p, o, shown, eq + 1) < 0 ? -1 : 1;
	if (!argv[1])
		return err_set(p->e, ERR_USAGE, 0, "%s needs %s", shown, o->arg);
	return set_value(p, o, shown, argv[1]) < 0 ? -1 : 2;
}

/* -d, -dT, -fFILE, -f FILE. ret: arguments consumed, 0 for help, -1 */
static int short_options(const struct parse *p, char **argv)
{
	for (char *a = argv[0] + 1; *a; a++) {
		const struct opt *o = find_short(p->t, *a);
		char shown[3] = { '-', *a, '\0' };

		if (!o && *a == 'h')
			return 0;
		if (!o)
			return unknown(p, shown);
		mark_given(p, o);
		if (o->type == OPT_T_FLAG) {
			bool valued = a[1] == '=';

			if (set_flag(p, o, shown, valued ? a + 2 : NULL) < 0)
				return -1;
			if (valued)
				return 1;
			continue;
		}
		if (a[1])
			return set_value(p, o, shown, a[1] == '=' ? a + 2 : a + 1) < 0 ? -1 : 1;
		if (!argv[1])
			return err_set(p->e, ERR_USAGE, 0, "%s needs %s", shown, o->arg);
		return set_value(p, o, shown, argv[1]) < 0 ? -1 : 2;
	}
	return 1;
}

static int take_positionals(const struct parse *p, char **rest)
{
	const struct opt *o = p->t;

	for (; o->type != OPT_T_END; o++) {
		if (o->type == OPT_T_HEAD) {
			if (!*rest) {
				err_set(p->e, ERR_USAGE, 0, "%s is missing", o->arg);
				return err_hint(p->e, "see `compose %s --help`", p->cmd);
			}
			*(const char **)((char *)p->args + o->off) = *rest++;
		}
		if (o->type == OPT_T_REST) {
			if (o->flags & OPT_NEED && !*rest) {
				err_set(p->e, ERR_USAGE, 0, "%s is missing", o->arg);
				return err_hint(p->e, "see `compose %s --help`", p->cmd);
			}
			*(char ***)((char *)p->args + o->off) = rest;
			return 0;
		}
	}
	if (*rest) {
		err_set(p->e, ERR_USAGE, 0, "unexpected argument \"%s\"", *rest);
		return err_hint(p->e, "see `compose %s --help`", p->cmd);
	}
	return 0;
}

int opt_parse(const struct opt *t, const char *name, char **argv, enum opt_mode mode, void *args, struct err *e)
{
	const struct parse p = { t, name, args, e };
	char **in = argv, **out = argv;

	while (*in) {
		int n;

		if (in[0][0] != '-' || !in[0][1]) {
			if (mode == OPT_STOP)
				break;
			*out++ = *in++;
			continue;
		}
		if (!strcmp(*in, "--")) {
			in++;
			break;
		}
		n = in[0][1] == '-' ? long_option(&p, in) : short_options(&p, in);
		if (n <= 0)
			return n < 0 ? -1 : 1;
		in += n;
	}
	while (*in)
		*out++ = *in++;
	*out = NULL;
	return take_positionals(&p, argv);
}

static bool told(const struct opt *o)
{
	return !positional(o) && !(o->flags & OPT_HIDDEN);
}

bool opt_any(const struct opt *t)
{
	for (; t->type != OPT_T_END; t++)
		if (told(t))
			return true;
	return false;
}

void opt_help(const struct opt *t, FILE *f)
{
	for (; t->type != OPT_T_END; t++) {
		auto_free char *left = NULL;

		if (!told(t))
			continue;
		left = xasprintf("%c%c%s--%s%s%s", t->sh ? '-' : ' ', t->sh ? t->sh : ' ', t->sh ? ", " : "  ", t->name,
				 t->arg ? " " : "", t->arg ? t->arg : "");
		if (strlen(left) >= HELP_COLUMN) {               /* a long one has its line for itself */
			fprintf(f, "  %s\n", left);
			*left = '\0';
		}
		fprintf(f, "  %-*s %s%s%s%s\n", HELP_COLUMN, left, t->help, t->choices ? " (" : "", t->choices ? t->choices : "",
			t->choices ? ")" : "");
	}
}

void opt_done(const struct opt *t, void *args)
{
	for (; t->type != OPT_T_END; t++)
		if (t->type == OPT_T_STRS)
			strv_done((struct strv *)(void *)((char *)args + t->off));
}
