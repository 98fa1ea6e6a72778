/* SPDX-License-Identifier: Apache-2.0 */
/* base_coll.c - vectors, lists of texts, the map, arenas. */
#include "compose/base/coll.h"
#include "tests/tap.h"

static void vectors(void)
{
	VEC(int) v = {0};

	for (int i = 0; i < 100; i++)
		vec_push(&v, i * i);
	is_int(v.n, 100, "a hundred elements");
	is_int(v.v[99], 99 * 99, "the last");
	vec_remove(&v, 0);
	vec_remove(&v, v.n - 1);
	ok(v.n == 98 && v.v[0] == 1 && v.v[97] == 98 * 98, "removed at both ends");
	vec_done(&v);
	ok(!v.v && !v.n, "empty after done");
}

static void texts(void)
{
	auto_strv struct strv a = {0};
	char **v = strv_null(&a);

	ok(!v[0] && a.n == 0, "an empty list ends with NULL");
	strv_add(&a, "one");
	strv_take(&a, xstrdup("two"));
	ok(strv_has(&a, "two") && !strv_has(&a, "three"), "strv_has");
	v = strv_null(&a);
	ok(a.n == 2 && !v[2], "NULL behind the last, not counted");
	strv_add(&a, "three");
	is_str(a.v[2], "three", "goes on growing");
}

static void maps(void)
{
	auto_map struct map m = {0};
	char key[32];
	int good = 0, one = 1, two = 2;

	ok(!map_get(&m, "x") && !map_has(&m, "x") && !map_del(&m, "x"), "an empty map");
	ok(!map_set(&m, "a", &one), "a new key replaces nothing");
	ok(map_set(&m, "a", &two) == &one && map_get(&m, "a") == &two && m.n == 1, "set again gives the old value");
	map_set(&m, "null", NULL);
	ok(map_has(&m, "null") && !map_get(&m, "null"), "a NULL value is there");
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		map_set(&m, key, (void *)(intptr_t)(i + 1));
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		good += (intptr_t)map_get(&m, key) == i + 1;
	}
	is_int(good, 5000, "all found among many");
	is_str(m.e[2].key, "key-0", "in order of insertion");
	ok((intptr_t)map_del(&m, "key-0") == 1 && !map_has(&m, "key-0"), "deleted");
	is_str(m.e[2].key, "key-1", "the rest keeps its order");
	ok((intptr_t)map_get(&m, "key-4999") == 5000, "and is still found");
	map_set(&m, "key-0", &one);
	is_str(m.e[m.n - 1].key, "key-0", "set anew it comes last");
}

static void arenas(void)
{
	struct arena a = {0};
	char *first = arena_strdup(&a, "first"), *text;
	size_t zero = 0;

	ok(!arena_strdup(&a, NULL), "NULL stays NULL");
	for (size_t i = 1; i < 3000; i++) {
		unsigned char *p = arena_alloc(&a, i);

		if ((uintptr_t)p % _Alignof(max_align_t))
			break;
		for (size_t k = 0; k < i; k++)
			zero += p[k] != 0;
		memset(p, 0xff, i);
		if (i == 2999)
			ok(true, "pieces of all sizes are aligned");
	}
	is_int(zero, 0, "and zeroed");
	is_str(first, "first", "earlier pieces stay");
	text = arena_printf(&a, "%s-%0500d", "n", 7);
	is_int(strlen(text), 502, "printed");
	is_str(arena_strndup(&a, "abcdef", 3), "abc", "part of a text");
	arena_done(&a);
	ok(!a.page, "all gone at once");
}

int main(void)
{
	vectors();
	texts();
	maps();
	arenas();
	return done_testing();
}
