/* SPDX-License-Identifier: Apache-2.0 */
/* opt.c - the command line: one table is parsed and printed. */
#include "compose/cli/opt.h"
#include "tests/tap.h"

struct args {
	bool detach, tty, tty_given;
	const char *file, *format, *service;
	struct strv env;
	int64_t index, timeout_ns;
	char **rest;
};

static const struct opt table[] = {OPT_FLAG('d', "detach", struct args, detach, "run in the background"),
				   {.type = OPT_T_FLAG,
				    .sh = 'T',
				    .name = "no-tty",
				    .off = offsetof(struct args, tty),
				    .help = "no terminal",
				    .flags = OPT_INVERT,
				    .given = offsetof(struct args, tty_given)},
				   OPT_STR('f', "file", struct args, file, "FILE", "a file"),
				   OPT_STRS('e', "env", struct args, env, "K=V", "variable"),
				   OPT_INT(0, "index", struct args, index, "N", "replica"),
				   OPT_SECS('t', "timeout", struct args, timeout_ns, "SECONDS", "time"),
				   OPT_CHOICE(0, "format", struct args, format, "table json", "how"),
				   OPT_FLAGX(0, "secret", struct args, detach, OPT_HIDDEN, "hidden"),
				   OPT_HEAD(struct args, service, "SERVICE", "which"),
				   OPT_REST(struct args, rest, "ARG", "more"),
				   OPT_END};
static const struct opt bare[] = {OPT_FLAG('q', "quiet", struct args, detach, "quiet"), OPT_END};
static const struct opt many[] = {OPT_RESTX(struct args, rest, "SERVICE", OPT_NEED, "at least one"), OPT_END};

struct line {
	char *v[12];
	char text[12][40];
};

static struct args got;
static struct err e;

/* words: separated by one space */
static int parse(const struct opt *t, enum opt_mode mode, const char *words)
{
	static struct line l;
	size_t n = 0;

	opt_done(table, &got);
	got = (struct args){.tty = true, .timeout_ns = -1};
	err_done(&e);
	while (*words && n < 11) {
		size_t len = strcspn(words, " ");

		snprintf(l.text[n], sizeof(l.text[n]), "%.*s", (int)len, words);
		l.v[n] = l.text[n];
		n++;
		words += len + (words[len] == ' ');
	}
	l.v[n] = NULL;
	return opt_parse(t, "demo", l.v, mode, &got, &e);
}

static void refused(const struct opt *t, const char *words, const char *why, const char *hint)
{
	is_int(parse(t, OPT_MIXED, words), -1, "refused: %s", words);
	is_int(e.kind, ERR_USAGE, "as wrong usage");
	is_str(e.n ? e.frame[0] : NULL, why, "with the reason");
	if (hint)
		has_str(e.hint, hint, "and a hint");
}

static void forms(void)
{
	is_int(parse(table, OPT_MIXED, "-d -fone web --env A=1 -e B=2 --file=two --env=C x y"), 0, "all forms");
	ok(got.detach && got.tty, "flag set, the other left");
	is_str(got.file, "two", "the last value wins");
	ok(got.env.n == 3 && !strcmp(got.env.v[2], "C"), "repeatable");
	is_str(got.service, "web", "first positional");
	ok(got.rest && !strcmp(got.rest[0], "x") && !strcmp(got.rest[1], "y") && !got.rest[2],
	   "the rest, options taken out");
	is_int(parse(table, OPT_MIXED, "-dT web"), 0, "short flags together");
	ok(got.detach && !got.tty && got.tty_given, "the second is an inverted one");
	is_int(parse(table, OPT_MIXED, "-dfx.yaml web"), 0, "a value ends them");
	is_str(got.file, "x.yaml", "and is taken");
	is_int(parse(table, OPT_MIXED, "-f=x web"), 0, "-f=x");
	is_str(got.file, "x", "the sign is not part of the value");
	is_int(parse(table, OPT_MIXED, "--detach=false --no-tty=false web"), 0, "switched off");
	ok(!got.detach && got.tty && got.tty_given, "an inverted flag too");
	is_int(parse(table, OPT_MIXED, "--file= web"), 0, "an empty value");
	is_str(got.file, "", "is a value");
	is_int(parse(table, OPT_MIXED, "-f - web"), 0, "a dash alone");
	is_str(got.file, "-", "is a value");
	is_int(parse(table, OPT_MIXED, "web - -- -d --file"), 0, "behind -- nothing is an option");
	ok(!got.detach && !strcmp(got.rest[0], "-") && !strcmp(got.rest[1], "-d") && !strcmp(got.rest[2], "--file"),
	   "all of it is the rest");
	is_int(parse(table, OPT_MIXED, "--secret web"), 0, "a hidden option works");
}

static void stopping(void)
{
	is_int(parse(table, OPT_STOP, "-d web ls -l --file"), 0, "options end at the first argument");
	ok(got.detach && !strcmp(got.rest[0], "ls") && !strcmp(got.rest[1], "-l") && !strcmp(got.rest[2], "--file"),
	   "what follows belongs to the command");
	is_int(parse(table, OPT_STOP, "web -h"), 0, "-h behind it is the command's");
	is_int(parse(table, OPT_STOP, "-h web"), 1, "before it asks for help");
	is_int(parse(table, OPT_MIXED, "web --help"), 1, "--help");
}

static void values(void)
{
	is_int(parse(table, OPT_MIXED, "--index=-3 --format json -t 1m30s web"), 0, "typed values");
	ok(got.index == -3 && got.timeout_ns == 90000000000, "are read");
	is_str(got.format, "json", "a choice");
	refused(table, "--index 3x web", "--index: \"3x\" is not a number", NULL);
	refused(table, "-t soon web", "-t: \"soon\" is not a number of seconds", NULL);
	refused(table, "--format xml web", "--format: \"xml\" is not known here", "table json");
	refused(table, "--detach=maybe web", "--detach: \"maybe\" is neither true nor false", NULL);
	refused(table, "web --file", "--file needs FILE", NULL);
	refused(table, "web -f", "-f needs FILE", NULL);
}

static void unknowns(void)
{
	refused(table, "--detatch web", "unknown option --detatch", "did you mean --detach?");
	refused(table, "--secrets web", "unknown option --secrets", "compose demo --help");
	refused(table, "-dx web", "unknown option -x", "compose demo --help");
	refused(table, "-d", "SERVICE is missing", "compose demo --help");
	refused(bare, "extra", "unexpected argument \"extra\"", NULL);
	refused(many, "", "SERVICE is missing", NULL);
	is_int(parse(bare, OPT_MIXED, ""), 0, "no arguments where none are needed");
}

static void seconds(void)
{
	static const struct {
		const char *s;
		int64_t ns;
	} good[] = {
		{"0", 0},
		{"10", 10000000000},
		{"250ms", 250000000},
		{"1h", 3600000000000},
		{"1.5s", 1500000000},
		{"2m3s", 123000000000},
		{"1us", 1000},
	};
	static const char *const bad[] = {
		"",	  "s",	  "-1",	  "1x",		  "1 s", "1s ", "99999999999999999999",
		"1e400s", "nans", "infs", "99999999999h", "0x10"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t ns = -1;

		ok(opt_secs(good[i].s, &ns) && ns == good[i].ns, "%s", good[i].s);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int64_t ns = -1;

		ok(!opt_secs(bad[i], &ns) && ns == -1, "not a time: \"%s\"", bad[i]);
	}
}

static void help(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	opt_help(table, f);
	fclose(f);
	is_str(text,
	       "  -d, --detach                   run in the background\n"
	       "  -T, --no-tty                   no terminal\n"
	       "  -f, --file FILE                a file\n"
	       "  -e, --env K=V                  variable\n"
	       "      --index N                  replica\n"
	       "  -t, --timeout SECONDS          time\n"
	       "      --format WORD              how (table json)\n",
	       "help is the table, without what is hidden");
	free(text);
}

int main(void)
{
	forms();
	stopping();
	values();
	unknowns();
	seconds();
	help();
	opt_done(table, &got);
	err_done(&e);
	return done_testing();
}
