/* SPDX-License-Identifier: Apache-2.0 */
/* base_fswatch.c - changes below a directory: new trees, renames, removals, a queue that ran over, a top that goes and comes. */
#include "compose/base/fswatch.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "tests/tap.h"

static char top[] = "/tmp/ct-fsw-XXXXXX";
static char *src;

static void put(const char *path, const char *text)
{
	auto_free char *full = xasprintf("%s/%s", src, path);
	auto_close int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0)
		diag("cannot write %s", path);
}

static void make_dir(const char *path)
{
	auto_free char *full = xasprintf("%s/%s", src, path);

	if (mkdir(full, 0755) < 0)
		diag("cannot make %s", path);
}

static void move(const char *from, const char *to)
{
	auto_free char *a = xasprintf("%s/%s", src, from), *b = xasprintf("%s/%s", src, to);

	if (rename(a, b) < 0)
		diag("cannot rename %s", from);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct fsw_change *)a)->path, ((const struct fsw_change *)b)->path);
}

/* "+dir/ +file -gone": what has changed, sorted */
static char *told(struct fswatch *w)
{
	auto_fsw_changes struct fsw_changes c = {0};
	auto_err struct err e = {0};
	struct str b = {0};

	(void)fswatch_read(w);
	if (fswatch_changes(w, &c, &e) < 0)
		return xasprintf("error: %s", e.frame[0]);
	if (c.n)
		qsort(c.v, c.n, sizeof(*c.v), by_path);
	for (size_t i = 0; i < c.n && i < 20; i++)
		str_addf(&b, "%s%c%s%s", i ? " " : "", c.v[i].removed ? '-' : '+', c.v[i].path, c.v[i].is_dir ? "/" : "");
	return str_take(&b);
}

static void expect(struct fswatch *w, const char *want, const char *what)
{
	auto_free char *got = told(w);

	ok(!strcmp(got, want), "%s", what);
	if (strcmp(got, want))
		diag("got \"%s\", want \"%s\"", got, want);
}

static enum copy_want no_logs(void *arg, const char *path, bool is_dir)
{
	(void)arg;
	if (is_dir && str_ends(path, "skip"))
		return COPY_SKIP;
	return !is_dir && str_ends(path, ".log") ? COPY_SKIP : COPY_TAKE;
}

static void changes(void)
{
	struct fswatch *w = NULL;
	auto_err struct err e = {0};

	put("old", "1");
	make_dir("skip");
	ok(fswatch_new(&w, src, no_logs, NULL, &e) == 0, "watch a directory");
	expect(w, "", "nothing has changed at first");
	put("old", "2");
	expect(w, "+old", "a file written with the same length");
	make_dir("d");
	make_dir("d/e");
	put("d/e/f", "x");
	put("a.log", "x");
	put("skip/x", "x");
	expect(w, "+d/ +d/e/ +d/e/f", "a new tree, what is left out is not told");
	put("d/e/f", "y");
	expect(w, "+d/e/f", "written in a directory that came later");
	move("d", "g");
	expect(w, "-d/ +g/ +g/e/ +g/e/f", "a directory that was renamed");
	put("g/e/f", "z");
	expect(w, "+g/e/f", "and is watched under its new name");
	put("tmp", "new");
	move("tmp", "old");
	expect(w, "+old", "a file that took another's place; the temporary one is not told");
	put("short", "x");
	{
		auto_free char *p = xasprintf("%s/short", src);
		(void)unlink(p);
	}
	expect(w, "", "what came and went between two looks");
	{
		auto_free char *p = xasprintf("%s/g", src);
		(void)fs_rm_rf(AT_FDCWD, p);
	}
	expect(w, "-g/", "a removed directory stands for all of it");
	{
		auto_fsw_changes struct fsw_changes all = {0};

		fswatch_all(w, &all);
		ok(all.n == 2, "everything: the top and one file");
	}
	fswatch_free(w);
}

static void comes_later(void)
{
	struct fswatch *w = NULL;
	auto_err struct err e = {0};
	auto_free char *later = xasprintf("%s/later", src), *nowhere = xasprintf("%s/no/where", src);

	ok(fswatch_new(&w, later, NULL, NULL, &e) == 0, "watch what is not there yet");
	expect(w, "", "nothing");
	put("later", "1");
	expect(w, "+", "the top itself has come");
	fswatch_free(w);
	(void)unlink(later);
	ok(fswatch_new(&w, nowhere, NULL, NULL, &e) < 0 && e.kind == ERR_MISSING, "its directory must be there");
}

static void overflow(void)
{
	struct fswatch *w = NULL;
	auto_err struct err e = {0};
	auto_free char *p = xasprintf("%s/noise", src), *q = xasprintf("%s/noise2", src);

	make_dir("deep");
	make_dir("deep/er");
	put("deep/er/file", "1");
	ok(fswatch_new(&w, src, NULL, NULL, &e) == 0, "watch again");
	put("noise", "");
	for (int i = 0; i < 70000; i++)         /* more than the queue holds */
		if (rename(i % 2 ? q : p, i % 2 ? p : q) < 0)
			break;
	(void)unlink(p);
	put("deep/er/file", "12");
	make_dir("deep/new");
	put("deep/new/file", "1");
	expect(w, "+deep/er/file +deep/new/ +deep/new/file", "a queue that ran over hides nothing");
	fswatch_free(w);
}

static void top_goes(void)
{
	struct fswatch *w = NULL;
	auto_err struct err e = {0};
	auto_free char *away = xasprintf("%s/away", top), *file = xasprintf("%s/file", top);

	ok(fswatch_new(&w, src, no_logs, NULL, &e) == 0, "watch once more");
	(void)rename(src, away);
	expect(w, "-/", "the top is gone");
	(void)mkdir(src, 0755);
	put("again", "x");
	expect(w, "+/ +again", "and there again");
	put("again", "yy");
	expect(w, "+again", "and watched");
	fswatch_free(w);
	w = NULL;
	(void)close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	ok(fswatch_new(&w, file, NULL, NULL, &e) == 0, "watch a file");
	{
		auto_free char *other = xasprintf("%s/other", top);

		(void)close(open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		expect(w, "", "others beside it do not count");
		(void)rename(other, file);
		expect(w, "+", "another file took its name");
		(void)unlink(file);
		expect(w, "-", "it is gone");
	}
	fswatch_free(w);
}

int main(void)
{
	if (!mkdtemp(top))
		return 1;
	src = xasprintf("%s/src", top);
	(void)mkdir(src, 0755);
	changes();
	(void)fs_rm_rf(AT_FDCWD, src);
	(void)mkdir(src, 0755);
	comes_later();
	overflow();
	top_goes();
	(void)fs_rm_rf(AT_FDCWD, top);
	free(src);
	return done_testing();
}
