/* SPDX-License-Identifier: Apache-2.0 */
/* base_err.c - chains of causes: how they grow, how they are told, how they travel. */
#include "compose/base/err.h"
#include <errno.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "tests/tap.h"

/* ret: what err_report prints; caller frees */
static char *told(const struct err *e, int *ret_status)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	*ret_status = err_report(e, f);
	fclose(f);
	return text;
}

static void chains(void)
{
	auto_err struct err e = {0};
	auto_free char *text = NULL;
	struct srcpos at = {"compose.yaml", 14, 9}, later = {"other.yaml", 1, 1}, nowhere = {"x", 0, 0};
	int status;

	is_int(err_set(&e, ERR_NET, EADDRINUSE, "bind %s", "127.0.0.1:80/tcp"), -1, "err_set reads as a failure");
	is_int(err_wrap(&e, "start container %s", "demo-web-1"), -1, "so does err_wrap");
	err_at(&e, nowhere, "ignored");
	err_at(&e, at, "services.web.ports[0]");
	err_at(&e, later, NULL);
	err_hint(&e, "publish another port than %d", 80);
	err_hint(&e, "this hint comes too late");
	err_wrap(&e, "cannot start the project");
	text = told(&e, &status);
	is_str(text,
	       "compose: cannot start the project\n"
	       "  because: start container demo-web-1\n"
	       "  because: bind 127.0.0.1:80/tcp: Address already in use\n"
	       "       at: compose.yaml:14:9 services.web.ports[0]\n"
	       "     hint: publish another port than 80\n",
	       "outermost first; the innermost position and hint win; errno is spelled out");
	is_int(status, 1, "a runtime failure is status 1");
	err_set(&e, ERR_USAGE, 0, "again");
	is_int(e.n, 1, "err_set starts a new chain");
	ok(!e.at && !e.hint && !e.sysno, "with nothing of the old one");
}

static void statuses(void)
{
	static const struct {
		enum err_kind kind;
		int status;
	} table[] = {
		{ERR_USAGE, 2}, {ERR_MODEL, 3}, {ERR_MISSING, 1}, {ERR_CONFLICT, 1},   {ERR_DENIED, 1},	  {ERR_NET, 1},
		{ERR_SYS, 1},	{ERR_BUG, 1},	{ERR_INTR, 130},  {ERR_NOTFOUND, 127}, {ERR_NOEXEC, 126},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err e = {.kind = table[i].kind};

		is_int(err_status(&e), table[i].status, "kind %d", (int)table[i].kind);
	}
}

static void many_frames(void)
{
	auto_err struct err e = {0};

	err_set(&e, ERR_SYS, 0, "frame 0");
	for (int i = 1; i < 12; i++)
		err_wrap(&e, "frame %d", i);
	is_int(e.n, 8, "never more frames than there is room for");
	is_str(e.frame[0], "frame 0", "the root cause stays");
	is_str(e.frame[7], "frame 11: frame 10: frame 9: frame 8: frame 7", "the outer ones share the last");
}

static void escapes(void)
{
	auto_err struct err e = {0};
	auto_free char *text = NULL;
	int status;

	err_set(&e, ERR_SYS, 0, "open \x1b[31mred\a\x9b name\xff");
	text = told(&e, &status);
	is_str(text, "compose: open ?[31mred?? name?\n", "what a terminal would obey is not printed");
}

static void travel(void)
{
	auto_err struct err e = {0}, back = {0};
	auto_free char *buf = NULL;
	size_t len;
	struct srcpos at = {"compose.yaml", 3, 5};

	err_set(&e, ERR_NOEXEC, EACCES, "exec %s", "/bin/app");
	err_at(&e, at, "services.web.command");
	err_hint(&e, "chmod +x");
	err_wrap(&e, "start web");
	buf = err_encode(&e, &len);
	err_set(&back, ERR_SYS, 0, "old content");
	err_decode(&back, buf, len);
	is_int(back.kind, ERR_NOEXEC, "the kind arrives");
	is_int(back.sysno, EACCES, "and errno");
	is_int(back.n, 2, "and both frames");
	is_str(back.frame[0], e.frame[0], "root cause");
	is_str(back.frame[1], "start web", "outer frame");
	is_str(back.at, "compose.yaml:3:5 services.web.command", "position");
	is_str(back.hint, "chmod +x", "hint");
}

static void broken_one(const char *buf, size_t len, const char *what)
{
	auto_err struct err e = {0};
	auto_free char *copy = xmemdup(buf, len); /* of exactly this size: a read beyond it is seen by the sanitizer */

	err_decode(&e, copy, len);
	ok(e.kind > ERR_NONE && e.kind <= ERR_NOEXEC && e.n > 0 && e.n <= 8 && e.frame[0] && e.sysno >= 0 &&
		   e.sysno <= 4095,
	   "%s is a failure all the same", what);
}

static void hostile(void)
{
	auto_err struct err e = {0}, back = {0};
	auto_free char *good = NULL, *flood = xcalloc(1, 1 << 20);
	size_t len, calm = 0;

	err_set(&e, ERR_SYS, EIO, "read");
	err_wrap(&e, "outer");
	good = err_encode(&e, &len);
	for (size_t n = 0; n < len; n++) { /* cut short anywhere */
		auto_free char *copy = xmemdup(good, n);

		err_decode(&back, copy, n);
		calm += back.kind != ERR_NONE && back.n > 0;
	}
	is_int(calm, len, "a report cut at any byte is still a failure with a reason");
	broken_one("", 0, "nothing");
	broken_one("99999999999999999999\0x\0\0\0m", 26, "a kind and an errno that are no numbers");
	broken_one("0\0"
		   "0\0\0\0none",
		   10, "a kind that means no failure");
	broken_one("-1\0-5\0\0\0x", 10, "negative numbers");
	broken_one("6\0"
		   "4096\0a\0h\0m",
		   12, "an errno that there is not");
	broken_one("\xff\xfe\xfd\xfc", 4, "noise without an end");
	err_decode(&back, flood, 1 << 20);
	ok(back.n == 8 && strlen(back.frame[7]) < 4096, "a flood of empty frames is cut");
}

static void by_json(void)
{
	auto_err struct err e = {0}, back = {0};
	auto_json json_t *j = NULL, *bad = json_pack("{s:i,s:I,s:[n,i,s]}", "kind", 77, "sysno", (json_int_t)1 << 40,
						     "frames", 5, "outer");
	auto_json json_t *none = json_object(), *flood = json_object(), *frames = json_array();

	err_set(&e, ERR_CONFLICT, EBUSY, "in use");
	err_hint(&e, "stop it");
	j = err_to_json(&e);
	err_from_json(&back, j);
	ok(back.kind == ERR_CONFLICT && back.sysno == EBUSY, "kind and errno through JSON");
	is_str(back.frame[0], e.frame[0], "frame through JSON");
	is_str(back.hint, "stop it", "hint through JSON");
	ok(!back.at, "no position stays none");
	err_from_json(&back, bad);
	ok(back.kind == ERR_BUG && back.sysno == 0 && back.n == 3, "nonsense is a bug report");
	err_from_json(&back, none);
	ok(back.kind == ERR_BUG && back.n == 1, "an empty object too");
	err_from_json(&back, NULL);
	ok(back.kind == ERR_BUG && back.n == 1, "and none at all");
	for (int i = 0; i < 5000; i++)
		json_array_append_new(frames, json_string("f"));
	json_object_set(flood, "frames", frames);
	err_from_json(&back, flood);
	ok(back.n == 8 && strlen(back.frame[7]) < 4096, "a flood of frames is cut");
}

static void several(void)
{
	auto_errs struct errs l = {0};
	struct err e = {0};
	auto_free char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int status;

	err_set(&e, ERR_SYS, 0, "without place");
	is_int(errs_add(&l, &e), -1, "errs_add reads as a failure");
	ok(!e.n, "and takes what it is given");
	err_set(&e, ERR_MODEL, 0, "ten");
	err_at(&e, (struct srcpos){"a.yaml", 10, 1}, NULL);
	errs_add(&l, &e);
	for (int i = 0; i < 2; i++) {
		err_set(&e, ERR_USAGE, 0, "two");
		err_at(&e, (struct srcpos){"a.yaml", 2, 1}, NULL);
		errs_add(&l, &e);
	}
	status = errs_report(&l, f);
	fclose(f);
	is_int(status, 3, "the largest status");
	is_str(text,
	       "compose: two\n       at: a.yaml:2:1\ncompose: ten\n       at: a.yaml:10:1\ncompose: without place\n",
	       "by line number, each once");
}

static void moving(void)
{
	auto_err struct err a = {0}, b = {0};

	err_set(&a, ERR_SYS, 0, "a");
	err_set(&b, ERR_NET, 0, "b");
	err_move(&a, &b);
	is_str(a.frame[0], "b", "moved");
	ok(!b.n && b.kind == ERR_NONE, "the source is empty");
}

int main(void)
{
	chains();
	statuses();
	many_frames();
	escapes();
	travel();
	hostile();
	by_json();
	several();
	moving();
	return done_testing();
}
