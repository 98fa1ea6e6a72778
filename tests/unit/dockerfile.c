/* SPDX-License-Identifier: Apache-2.0 */
/* The Dockerfile parser: what is taken, what is refused and at which line, expansion, the small grammars, golden dumps.
 */
#include <dirent.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "parser/dockerfile.h"
#include "parser/dockerfile_expand.h"
#include "parser/dockerfile_value.h"
#include "tests/tap.h"
#include <fcntl.h>

/* -- refused: each message's part and its line -- */

struct bad { const char *text, *at, *what; };
static const struct bad bads[] = {
	{ "", "D:1:1", "cannot be empty" },
	{ "# only a comment\n", "D:1:1", "no instructions" },
	{ "ARG A=1\n", "D:1:1", "no stages" },
	{ "RUN x\n", "D:1:1 RUN", "no build stage" },
	{ "FROM a\n\n  RUNN x\n", "D:3:3", "unknown instruction `RUNN`" },
	{ "FROM\n", "D:1:1 FROM", "at least one" },
	{ "FROM a b\n", "D:1:1 FROM", "FROM image AS name" },
	{ "FROM a AS 1x\n", "D:1:1 FROM", "invalid stage name" },
	{ "FROM a\nRUN\n", "D:2:1 RUN", "needs a command" },
	{ "FROM a\nRUN [1]\n", "D:2:1 RUN", "comprised of strings" },
	{ "FROM a\nCOPY x\n", "D:2:1 COPY", "at least two" },
	{ "FROM a\nCOPY --frm=x a b\n", "D:2:1 COPY", "unknown flag `--frm`" },
	{ "FROM a\nCOPY --from=a --from=b x y\n", "D:2:1 COPY", "duplicate flag" },
	{ "FROM a\nCOPY --chown x y\n", "D:2:1 COPY", "missing a value" },
	{ "FROM a\nCOPY --link=maybe x y\n", "D:2:1 COPY", "expecting true or false" },
	{ "FROM a\nCOPY --chmod=999 x y\n", "D:2:1 COPY", "invalid chmod" },
	{ "FROM a\nCOPY --chmod=u+q x y\n", "D:2:1 COPY", "invalid chmod" },
	{ "FROM a\nCOPY --parents=maybe x y\n", "D:2:1 COPY", "expecting true or false" },
	{ "FROM a\nADD --parents x y\n", "D:2:1 ADD", "unknown flag `--parents`" },
	{ "FROM a\nCOPY https://h/x /\n", "D:2:1 COPY", "can't be a URL" },
	{ "FROM a\nCOPY --from=$x a b\n", "D:2:1 COPY", "variable expansion" },
	{ "FROM a AS one\nCOPY --from=two a b\nFROM b AS two\n", "D:2:1 COPY", "not an earlier stage" },
	{ "FROM a AS one\nCOPY --from=one a b\n", "D:2:1 COPY", "not an earlier stage" },
	{ "FROM a\nCOPY --from=0 a b\n", "D:2:1 COPY", "not an earlier stage" },
	{ "FROM a\nCOPY x <<EOF\nEOF\n", "D:2:1 COPY", "as a destination" },
	{ "FROM a\nRUN <<EOF\nabc\n", "D:2:1 RUN", "unterminated heredoc" },
	{ "FROM a\nENV A\n", "D:2:1 ENV", "two arguments" },
	{ "FROM a\nENV A=1 B\n", "D:2:1 ENV", "can't find =" },
	{ "FROM a\nENV =1\n", "D:2:1 ENV", "cannot be blank" },
	{ "FROM a\nEXPOSE 0\n", "D:2:1 EXPOSE", "invalid container port" },
	{ "FROM a\nEXPOSE 80/foo\n", "D:2:1 EXPOSE", "invalid protocol" },
	{ "FROM a\nSTOPSIGNAL SIGTREM\n", "D:2:1 STOPSIGNAL", "invalid signal" },
	{ "FROM a\nSHELL /bin/sh\n", "D:2:1 SHELL", "JSON form" },
	{ "FROM a\nHEALTHCHECK NONE x\n", "D:2:1 HEALTHCHECK", "takes no arguments" },
	{ "FROM a\nHEALTHCHECK EXEC x\n", "D:2:1 HEALTHCHECK", "unknown type" },
	{ "FROM a\nHEALTHCHECK CMD\n", "D:2:1 HEALTHCHECK", "missing command" },
	{ "FROM a\nHEALTHCHECK --interval=1 CMD x\n", "D:2:1 HEALTHCHECK", "invalid duration" },
	{ "FROM a\nHEALTHCHECK --interval=1us CMD x\n", "D:2:1 HEALTHCHECK", "less than 1ms" },
	{ "FROM a\nHEALTHCHECK --retries=-1 CMD x\n", "D:2:1 HEALTHCHECK", "not a number" },
	{ "FROM a\nONBUILD ONBUILD RUN x\n", "D:2:1 ONBUILD", "not allowed as an ONBUILD" },
	{ "FROM a\nONBUILD # x\n", "D:2:1 ONBUILD", "ONBUILD needs an instruction" },
	{ "FROM a\nONBUILD \\\n", "D:2:1 ONBUILD", "ONBUILD needs an instruction" },
	{ "FROM a\nONBUILD onbuild\tONBUILD\n", "D:2:1 ONBUILD", "not allowed as an ONBUILD" },
	{ "FROM a\nONBUILD FROM x\n", "D:2:1 ONBUILD", "not allowed as an ONBUILD" },
	{ "FROM a\nONBUILD RUNX x\n", "D:2:1", "unknown instruction" },
	{ "FROM a\nRUN --security=insecure x\n", "D:2:1 RUN", "refused" },
	{ "FROM a\nRUN --network=vpn x\n", "D:2:1 RUN", "unsupported network mode" },
	{ "FROM a\nRUN --mount=type=ssh,source=x x\n", "D:2:1 RUN", "source is not allowed for `ssh` mounts" },
	{ "FROM a\nRUN --mount=type=ssh,target=/ x\n", "D:2:1 RUN", "invalid mount target" },
	{ "FROM a\nRUN --mount=type=secret,id=a,source=b x\n", "D:2:1 RUN", "not both" },
	{ "FROM a\nRUN --mount=type=bind,target=/x,propagation=shared x\n", "D:2:1 RUN", "propagation" },
	{ "FROM a\nRUN --mount=type=cache x\n", "D:2:1 RUN", "`target` is required" },
	{ "FROM a\nRUN --mount=type=tmpfs,target=/ x\n", "D:2:1 RUN", "invalid mount target" },
	{ "FROM a\nRUN --mount=type=bind,target=/x,mode=1 x\n", "D:2:1 RUN", "mode is not allowed" },
	{ "FROM a\nADD https://h/r.git /x\n", "D:2:1 ADD", "git repository" },
	{ "FROM a\nADD git@h:r /x\n", "D:2:1 ADD", "git repository" },
	{ "FROM a\nADD --checksum=sha256:12 https://h/x /x\n", "D:2:1 ADD", "invalid checksum" },
	{ "FROM a\nADD --checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 x /x\n", "D:2:1 ADD",
	  "one http source" },
	{ "FROM a\nRUN --device=gpu x\n", "D:2:1 RUN", "`--device` is not supported yet" },
	{ "# escape=x\nFROM a\n", "D:1:1", "invalid escape directive" },
	{ "# escape=`\n# escape=`\nFROM a\n", "D:2:1", "only one escape" },
	{ "FROM a\nRUN \xff\n", "D:2:1", "not UTF-8" },
};

static void refused(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		struct dockerfile *df = NULL;
		auto_errs struct errs errs = {0};
		int r = dockerfile_parse(&df, "D", bads[i].text, strlen(bads[i].text), &errs);
		bool good = r < 0 && errs.n == 1 && str_eq(errs.v[0].at, bads[i].at) &&
			    strstr(errs.v[0].frame[0], bads[i].what);

		if (!ok(good, "refused: %s", bads[i].what) && r < 0)
			for (size_t k = 0; k < errs.n; k++)
				diag("%s at %s", errs.v[k].frame[0], errs.v[k].at ? errs.v[k].at : "-");
		if (r == 0)
			dockerfile_free(df);
	}
}

static void together(void)
{
	static const char text[] = "FROM a\nCOPY x\nRUNN y\nEXPOSE x\nRUN ok\nSHELL sh\n";
	struct dockerfile *df;
	auto_errs struct errs errs = {0};

	is_int(dockerfile_parse(&df, "D", text, strlen(text), &errs), -1, "a file with four mistakes is refused");
	is_int((int)errs.n, 4, "all four are told");
	is_str(errs.v[1].hint, "did you mean `RUN`?", "with a suggestion");
	is_str(errs.v[3].at, "D:6:1 SHELL", "the last one with its line");
}

static void long_line(void)
{
	auto_str struct str s = {0};
	struct dockerfile *df;
	auto_errs struct errs errs = {0};

	str_add(&s, "FROM a\nRUN ");
	for (int i = 0; i < 70000; i++)
		str_addc(&s, 'x');
	str_add(&s, "\nFOO\n");
	is_int(dockerfile_parse(&df, "D", s.s, s.len, &errs), -1, "a line of 70000 bytes is refused");
	is_int((int)errs.n, 2, "and what follows is still read");
	is_str(errs.v[0].at, "D:2:1", "with its line");
}

/* -- expansion -- */

static const char *get(void *arg, const char *name)
{
	(void)arg;
	return str_eq(name, "A") ? "aa" : str_eq(name, "P") ? "/usr/lib/x.tar.gz" : str_eq(name, "E") ? "" :
	       str_eq(name, "S") ? "one  two" : str_eq(name, "D") ? "$A" : NULL;
}
static const struct df_scope scope = { .get = get, .escape = '\\' };

static void expansion(void)
{
	static const struct { const char *in, *want;
	} t[] = {
		{ "$A", "aa" },
		{ "${A}b", "aab" },
		{ "$Ab", "" },
		{ "x$U-", "x-" },
		{ "$", "$" },
		{ "a$ b", "a$ b" },
		{ "$D", "$A" },
		{ "${U:-d}", "d" },
		{ "${U-d}", "d" },
		{ "${E:-d}", "d" },
		{ "${E-d}", "" },
		{ "${A:-d}", "aa" },
		{ "${A:+y}", "y" },
		{ "${E:+y}", "" },
		{ "${E+y}", "y" },
		{ "${U+y}", "" },
		{ "${U:-${A}x}", "aax" },
		{ "${U:-${V:-deep}}", "deep" },
		{ "${U:-\"a b\"}", "a b" },
		{ "${A:?no}", "aa" },
		{ "${P#*/}", "usr/lib/x.tar.gz" },
		{ "${P##*/}", "x.tar.gz" },
		{ "${P%.*}", "/usr/lib/x.tar" },
		{ "${P%%.*}", "/usr/lib/x" },
		{ "${P#zzz}", "/usr/lib/x.tar.gz" },
		{ "${P#/us?}", "/lib/x.tar.gz" },
		{ "${A#\\*}", "aa" },
		{ "${P/\\//_}", "_usr/lib/x.tar.gz" },
		{ "${P//\\//_}", "_usr_lib_x.tar.gz" },
		{ "${P//a*z/!}", "/usr/lib/x.t!" },
		{ "${A/a/\\}}", "}a" },
		{ "${A//a/$P}", "/usr/lib/x.tar.gz/usr/lib/x.tar.gz" },
		{ "\\$A", "$A" },
		{ "'$A'", "$A" },
		{ "\"$A\"", "aa" },
		{ "\"\\$A\\n\"", "$A\\n" },
		{ "a\\ b", "a b" },
		{ "a\\", "a" },
		{ "\"\"", "" },
		{ "x'y'\"z\"", "xyz" },
		{ "$1", "" },
		{ "$@x", "x" },
	};
	static const struct { const char *in, *why;
	} f[] = {
		{ "${}", "bad substitution" },
		{ "${:x}", "bad substitution" },
		{ "${{A}", "bad substitution" },
		{ "${A", "missing '}'" },
		{ "${A:-x", "missing '}'" },
		{ "${A^x}", "unsupported modifier (^)" },
		{ "${A:x}", "unsupported modifier (:x)" },
		{ "'x", "single-quote" },
		{ "\"x", "double-quote" },
		{ "${U?}", "U: is not allowed to be unset" },
		{ "${E:?}", "E: is not allowed to be empty" },
		{ "${U:?set me}", "U: set me" },
		{ "${A/x", "missing '/'" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_err struct err e = {0};
		auto_free char *out = NULL;

		is_int(df_expand(&scope, t[i].in, &out, &e), 0, "%s expands", t[i].in);
		is_str(out, t[i].want, "%s", t[i].in);
	}
	for (size_t i = 0; i < ARRAY_LEN(f); i++) {
		auto_err struct err e = {0};
		auto_free char *out = NULL;

		ok(df_expand(&scope, f[i].in, &out, &e) < 0 && strstr(e.frame[0], f[i].why), "%s is refused: %s",
		   f[i].in, f[i].why);
	}
}

static void words(void)
{
	auto_strv struct strv w = {0};
	auto_err struct err e = {0};
	auto_free char *body = NULL;

	is_int(df_expand_words(&scope, "$S \"$S\" x$S", &w, &e), 0, "words expand");
	is_int((int)w.n, 5, "blanks in an unquoted value separate words");
	is_str(w.n == 5 ? w.v[2] : "", "one  two", "quoted, they do not");
	is_str(w.n == 5 ? w.v[3] : "", "xone", "a value joins its neighbour");
	is_int(df_expand_body(&scope, "a \"$A\" '${A}' \\$A \\n \\\\", &body, &e), 0, "a body expands");
	is_str(body, "a \"aa\" 'aa' $A \\n \\", "quotes and other escapes stay in a body");
}

/* What may grow without end is cut: doubling values, deep nesting, patterns that would backtrack. */
static const char *big;
static const char *get_big(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return big;
}

static void hostile(void)
{
	const struct df_scope sc = { .get = get_big, .escape = '\\' };
	auto_str struct str deep = {0}, a = {0};
	auto_err struct err e = {0};
	char *out;

	for (int i = 0; i < 100000; i++)
		str_add(&deep, "${U:-");
	ok(df_expand(&scope, deep.s, &out, &e) < 0 && strstr(e.frame[0], "deeply"), "deep nesting is refused");
	for (int i = 0; i < 600000; i++)
		str_addc(&a, 'a');
	big = a.s;
	ok(df_expand(&sc, "$X$X", &out, &e) < 0 && strstr(e.frame[0], "longer than"), "doubling values are refused");
	ok(df_expand(&sc, "${X#a}", &out, &e) < 0 && strstr(e.frame[0], "limited"),
	   "patterns on a huge value are refused");
	a.s[8000] = '\0';
	ok(df_expand(&sc, "${X//a*a*a*a*a*a*a*a*b/y}", &out, &e) == 0, "a pattern that would backtrack ends");
	free(out);
}

/* -- small grammars -- */

static void values(void)
{
	static const struct { const char *in; int64_t ns;
	} d[] = {
		{ "0", 0 },
		{ "1s", 1000000000 },
		{ "1m30s", 90000000000 },
		{ "1.5s", 1500000000 },
		{ "300ms", 300000000 },
		{ "1h", 3600000000000 },
		{ "5", -1 },
		{ "", -1 },
		{ "-1s", -1 },
		{ "1x", -1 },
		{ "s", -1 },
		{ "9999999999h", -1 },
	};
	static const struct { const char *in; mode_t old; bool dir; mode_t want;
	} m[] = {
		{ "755", 0, false, 0755 },
		{ "u=rwX,go=rX", 0100, false, 0755 },
		{ "u=rwX,go=rX", 0600, false, 0644 },
		{ "u=rwX,go=rX", 0600, true, 0755 },
		{ "+x", 0644, false, 0755 },
		{ "go-w", 0666, false, 0644 },
		{ "g=u", 0640, false, 0660 },
		{ "a=r", 0777, false, 0444 },
		{ "u+s", 0755, false, 04755 },
	};
	static const char *const badmodes[] = { "8", "77777", "", "u", "u=q", "rwx", "u=r,", "-1", "0x7" };
	struct df_chmod c;

	for (size_t i = 0; i < ARRAY_LEN(d); i++) {
		auto_err struct err e = {0};
		int64_t ns = -1;
		int r = df_duration(d[i].in, &ns, &e);

		ok(d[i].ns < 0 ? r < 0 : r == 0 && ns == d[i].ns, "duration `%s`", d[i].in);
	}
	for (size_t i = 0; i < ARRAY_LEN(m); i++) {
		auto_err struct err e = {0};

		is_int(df_chmod(m[i].in, &c, &e), 0, "mode %s", m[i].in);
		is_int((int)df_chmod_apply(&c, m[i].old, m[i].dir), (int)m[i].want, "%s on %o", m[i].in,
		       (unsigned)m[i].old);
	}
	for (size_t i = 0; i < ARRAY_LEN(badmodes); i++) {
		auto_err struct err e = {0};

		ok(df_chmod(badmodes[i], &c, &e) < 0, "mode `%s` is refused", badmodes[i]);
	}
}

static void ports(void)
{
	auto_strv struct strv p = {0};
	auto_err struct err e = {0};

	ok(df_ports("80", &p, &e) == 0 && df_ports("53/UDP", &p, &e) == 0 && df_ports("80/tcp", &p, &e) == 0 &&
	   df_ports("9000-9002", &p, &e) == 0 && df_ports("127.0.0.1:8080:81", &p, &e) == 0, "ports are read");
	is_int((int)p.n, 6, "each once");
	is_str(p.v[1], "53/udp", "in lower case");
	is_str(p.v[5], "81/tcp", "the container's of three");
	ok(df_ports("1-65535", &p, &e) == 0 && df_ports("1-65535", &p, &e) == 0 && p.n == 65535 + 1,
	   "all of them, each once, at once");
	ok(df_ports("65536", &p, &e) < 0 && df_ports("9-8", &p, &e) < 0 && df_ports("a", &p, &e) < 0,
	   "bad ones are refused");
}

static void mount_texts(void)
{
	struct df_mount m;
	auto_err struct err e = {0};

	is_int(df_mount("type=cache,\"target=/a,b\",id=x,sharing=locked,mode=0700,uid=5", &m, &e), 0, "a cache mount");
	ok(m.kind == DF_MOUNT_CACHE && str_eq(m.target, "/a,b") && str_eq(m.id, "x") && m.sharing == DF_LOCKED &&
		   m.mode == 0700 && m.uid == 5 && !m.ro,
	   "all its keys, with CSV quotes");
	df_mount_done(&m);
	is_int(df_mount("target=/x", &m, &e), 0, "bind is the default");
	ok(m.kind == DF_MOUNT_BIND && m.ro, "and read-only");
	df_mount_done(&m);
	is_int(df_mount("type=tmpfs,dst=/x,size=64m", &m, &e), 0, "tmpfs");
	ok(m.size_bytes == 64 << 20, "with a size");
	df_mount_done(&m);
	ok(df_mount("type=cache,target=/x,sharing=mine", &m, &e) < 0, "unknown sharing");
	ok(df_mount("type=cach,target=/x", &m, &e) < 0 && str_eq(e.hint, "did you mean `cache`?"),
	   "unknown type, with a hint");
	ok(df_mount("target=/x,uid=4294967296", &m, &e) < 0, "uid on a bind");
	ok(df_mount("type=cache,target=/x,uid=4294967296", &m, &e) < 0, "a uid that would wrap");
	ok(df_mount("\"target=/x", &m, &e) < 0, "an open quote");
}

/* -- golden: NAME.in parses to NAME.out -- */

static void dump_instr(struct str *s, const struct df_instr *in)
{
	str_addf(s, "%u-%u %s%s", in->pos.line, in->end_line, df_kind_name(in->kind), in->json ? " json" : "");
	for (size_t i = 0; i < in->n_flags; i++)
		str_addf(s, " --%s%s%s", in->flags[i].name, in->flags[i].val ? "=" : "",
			 in->flags[i].val ? in->flags[i].val : "");
	if (!in->n_words && !in->n_kvs && !in->health_none)
		str_addf(s, " |%s|", in->text);
	for (size_t i = 0; i < in->n_words; i++)
		str_addf(s, " <%s>", in->words[i]);
	for (size_t i = 0; i < in->n_kvs; i++)
		str_addf(s, " [%s]=%s", in->kvs[i].key, in->kvs[i].val ? in->kvs[i].val : "(unset)");
	str_addc(s, '\n');
	for (size_t i = 0; i < in->n_docs; i++)
		str_addf(s, "    doc %s%s {%s}\n", in->docs[i].name, in->docs[i].expand ? "" : " quoted",
			 in->docs[i].body);
}

static char *dump(const char *file, const char *text, size_t len)
{
	auto_str struct str s = {0};
	auto_errs struct errs errs = {0};
	struct dockerfile *df;

	if (dockerfile_parse(&df, file, text, len, &errs) < 0) {
		for (size_t i = 0; i < errs.n; i++)
			str_addf(&s, "error %s: %s\n", errs.v[i].at ? errs.v[i].at : "", errs.v[i].frame[0]);
		return str_take(&s);
	}
	for (size_t i = 0; i < df->n_globals; i++)
		dump_instr(&s, df->globals[i]);
	for (size_t i = 0; i < df->n_stages; i++) {
		str_addf(&s, "stage %zu `%s` from `%s`%s%s\n", i, df->stages[i].name, df->stages[i].base,
			 df->stages[i].platform ? " on " : "", df->stages[i].platform ? df->stages[i].platform : "");
		for (size_t k = 0; k < df->stages[i].n_instr; k++)
			dump_instr(&s, df->stages[i].instr[k]);
	}
	for (size_t i = 0; i < df->n_notes; i++)
		str_addf(&s, "note %u: %s\n", df->notes[i].pos.line, df->notes[i].text);
	dockerfile_free(df);
	return str_take(&s);
}

static void golden(void)
{
	int dir = open("tests/golden/dockerfile", O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(dir);
	struct dirent *de;
	int n = 0;

	while (d && (de = readdir(d))) {
		auto_free char *text = NULL, *want = NULL, *got = NULL, *out = NULL;
		auto_err struct err e = {0};
		size_t len;

		if (!str_ends(de->d_name, ".in"))
			continue;
		n++;
		out = xasprintf("%.*s.out", (int)strlen(de->d_name) - 3, de->d_name);
		if (fs_read(dir, de->d_name, 1 << 20, &text, &len, &e) < 0)
			continue;
		got = dump("D", text, len);
		if (getenv("UPDATE_GOLDEN") && fs_write(dir, out, got, strlen(got), 0644, false, &e) < 0)
			diag("cannot write %s", out);
		if (fs_read(dir, out, 1 << 20, &want, NULL, &e) < 0)
			want = xstrdup("");
		if (!ok(str_eq(got, want), "golden %s", de->d_name))
			diag("got:\n%s", got);
	}
	ok(n >= 3, "there are golden files");
	if (d)
		closedir(d);
}

int main(void)
{
	refused();
	together();
	long_line();
	expansion();
	words();
	hostile();
	values();
	ports();
	mount_texts();
	golden();
	return done_testing();
}
