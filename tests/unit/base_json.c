/* SPDX-License-Identifier: Apache-2.0 */
/* base_json.c - reading what may be broken, defaults, writing by rename. */
#include "compose/base/json.h"
#include <fcntl.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "tests/tap.h"

static json_t *good(const char *text)
{
	auto_err struct err e = {0};
	json_t *j = NULL;

	if (json_parse(text, strlen(text), "t.json", &j, &e) < 0)
		diag("%s", e.frame[0]);
	return j;
}

static void broken(const char *text, size_t len, const char *part, const char *what)
{
	auto_err struct err e = {0};
	json_t *j = NULL;

	is_int(json_parse(text, len, "t.json", &j, &e), -1, "%s is refused", what);
	has_str(e.n ? e.frame[0] : "", part, "and says where");
	ok(!j, "nothing comes back");
}

static void parsing(void)
{
	auto_json json_t *j = good("{\"s\": \"x\", \"i\": 5, \"b\": true, \"l\": [\"a\", 1, \"b\"], \"n\": null}");
	auto_strv struct strv out = {0};
	auto_free char *deep = xmalloc(100001);

	is_str(json_str(j, "s", "d"), "x", "text");
	is_str(json_str(j, "i", "d"), "d", "text of another type: the default");
	is_str(json_str(NULL, "i", "d"), "d", "of no object: the default");
	is_int(json_int(j, "i", 1), 5, "number");
	is_int(json_int(j, "s", 1), 1, "number of another type");
	ok(json_flag(j, "b", false) && json_flag(j, "i", true) && !json_flag(j, "absent", false), "flags");
	json_strv(j, "l", &out);
	ok(out.n == 2 && !strcmp(out.v[1], "b"), "the texts of a list, others left out");
	json_strv(j, "s", &out);
	is_int(out.n, 2, "no list adds nothing");
	broken("{\"a\": 1,\n \"a\": 2}", 17, "t.json:2:", "a key given twice");
	broken("{\"a\": ", 6, "t.json:1:", "a text that ends early");
	broken("", 0, "t.json:", "nothing");
	broken("{\"a\": \"\xff\"}", 10, "t.json:1:", "bytes that are no UTF-8");
	memset(deep, '[', 100000);
	deep[100000] = '\0';
	broken(deep, 100000, "t.json:", "a hundred thousand brackets");
}

static void building(void)
{
	char a[] = "a", b[] = "b", *v[] = {a, b, NULL};
	auto_json json_t *all = json_from_strv(v, (size_t)-1), *one = json_from_strv(v, 1),
			 *none = json_from_strv(NULL, 5), *o = json_object();

	ok(json_array_size(all) == 2 && json_array_size(one) == 1 && json_array_size(none) == 0, "arrays of texts");
	json_put(o, "k", NULL);
	is_int(json_object_size(o), 0, "NULL puts nothing");
	json_put(o, "k", "v");
	is_str(json_str(o, "k", ""), "v", "put");
}

static void files(const char *dir)
{
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY);
	auto_err struct err e = {0};
	auto_json json_t *j = json_pack("{s:s}", "k", "v"), *back = NULL, *bad = json_object();

	is_int(json_write(fd, "x.json", j, 0600, true, &e), 0, "written");
	is_int(json_read(fd, "x.json", 100, &back, &e), 0, "read");
	ok(json_equal(j, back), "the same");
	is_int(json_read(fd, "absent.json", 100, &back, &e), -1, "an absent file");
	is_int(e.kind, ERR_MISSING, "is told from a broken one");
	is_int(json_read(fd, "x.json", 3, &back, &e), -1, "larger than allowed");
	has_str(e.frame[0], "larger than", "is said");
	(void)json_object_set_new(bad, "r", json_real(0));
	(void)json_object_set_new_nocheck(bad, "t", json_string_nocheck("\xff"));
	is_int(json_write(fd, "x.json", bad, 0600, false, &e), -1, "text that is no UTF-8 is not written");
	json_decref(take_ptr(back));
	is_int(json_read(fd, "x.json", 100, &back, &e), 0, "and the old file stays");
}

int main(void)
{
	char dir[] = "/tmp/ct-json-XXXXXX";

	parsing();
	building();
	if (!mkdtemp(dir))
		return 1;
	files(dir);
	is_int(fs_rm_rf(AT_FDCWD, dir), 0, "removed");
	return done_testing();
}
