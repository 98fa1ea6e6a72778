/* SPDX-License-Identifier: Apache-2.0 */
/* schema_observed.c - every attribute of a service that is carried out has an e2e test that observes what it does.
 * The attributes are the rows below services.* of the program's own schema table. A test says what it observes right above
 * the line that runs it, with paths as the table has them, less "services.*.":
 *
 *	# observes: cap_add cap_drop
 *	t "the capability set is what was asked for" capabilities
 *
 * A row must be observed when neither it nor a row above it is refused, warned about or silent, unless it only holds other
 * rows (deploy, healthcheck): a row with a short form of its own (ports, build) counts beside its parts.
 *
 * usage: schema_observed [--list]      print the rows instead, each with its status and where it is observed
 * in: run in the top directory */
#include <dirent.h>
#include <fcntl.h>
#include "compose/base/coll.h"
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "parser/schema.h"
#include "tests/tap.h"

#define FOLDER "tests/e2e"
#define PREFIX "services.*."
#define TAG "# observes:"

enum { SCRIPT_MAX_BYTES = 1 << 20 };

struct row {
	enum key_status status;      /* what becomes of it, the rows above it considered */
	bool holder;                 /* it has no meaning but that of the rows below it */
	char *seen;                  /* the first file that observes it, or NULL */
};
struct rows { struct map by_path; };

/* ---- the rows ---- */

/* Only mappings, or a list of nothing but mappings: what is below tells all. */
static bool only_holds(const struct key *k)
{
	unsigned scalars = FORM_BOOL | FORM_INT | FORM_NUM | FORM_STR;

	if (k->forms & scalars)
		return false;
	if (k->forms & FORM_LIST)
		return k->item && !(k->item->forms & scalars) && k->item->keys && k->item->keys->n;
	return k->keys && (k->keys->n || (k->keys->any && k->keys->any->keys && !(k->keys->any->forms & scalars)));
}

/* "networks.*.aliases" -> "networks"; list items belong to their list. ret: the row above path, or NULL */
static const struct row *above(const struct rows *r, const char *path)
{
	auto_free char *up = xstrdup(path);
	char *dot;

	while ((dot = strrchr(up, '.'))) {
		*dot = '\0';
		if (str_ends(up, "[]"))
			up[strlen(up) - 2] = '\0';
		const struct row *row = map_get(&r->by_path, up);
		if (row)
			return row;
	}
	return NULL;
}

static void add_row(void *ctx, const char *path, const struct key *k)
{
	struct rows *r = ctx;
	const struct row *up;
	struct row *row;

	if (!str_starts(path, PREFIX))
		return;
	path += strlen(PREFIX);
	up = above(r, path);
	row = xcalloc(1, sizeof(*row));
	row->status = up && up->status != KEY_DONE ? up->status : (enum key_status)k->status;
	row->holder = only_holds(k);
	map_set(&r->by_path, path, row);
}

static void rows_done(struct rows *r)
{
	for (size_t i = 0; i < r->by_path.n; i++) {
		struct row *row = r->by_path.e[i].val;
		free(row->seen);
		free(row);
	}
	map_done(&r->by_path);
}

/* ---- the tags ---- */

struct tags {
	struct rows *rows;
	const char *file;
	unsigned line;
	bool open;                   /* the lines before were tags: a test must follow */
};

static const char *wrong(const struct row *row)
{
	static const char *const why[] = {
		[KEY_REFUSED] = "is refused", [KEY_WARNED] = "has no effect", [KEY_SILENT] = "makes no difference",
	};

	return !row ? "is no attribute of a service" : row->status == KEY_DONE ? NULL : why[row->status];
}

static void one_tag(struct tags *t, const char *path)
{
	struct row *row = map_get(&t->rows->by_path, path);

	if (!wrong(row)) {
		if (!row->seen)
			row->seen = xstrdup(t->file);
		return;
	}
	ok(false, "%s:%u: %s %s", t->file, t->line, path, wrong(row));
}

static void one_line(struct tags *t, char *line)
{
	char *save = NULL;

	t->line++;
	if (!str_starts(line, TAG)) {
		if (t->open && !str_starts(line, "t ") && !(str_starts(line, "limit=") && strstr(line, " t ")))
			ok(false, "%s:%u: a test stands below what is observed", t->file, t->line);
		t->open = false;
		return;
	}
	t->open = true;
	for (char *w = strtok_r(line + strlen(TAG), " \t", &save); w; w = strtok_r(NULL, " \t", &save))
		one_tag(t, w);
}

static void read_tags(struct rows *r, int dir, const char *name)
{
	auto_err struct err e = {0};
	auto_free char *text = NULL;
	struct tags t = {.rows = r, .file = name};

	if (fs_read(dir, name, SCRIPT_MAX_BYTES, &text, NULL, &e) < 0) {
		ok(false, "read %s/%s", FOLDER, name);
		return;
	}
	for (char *line = text, *end; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		one_line(&t, line);
	}
}

static void read_folder(struct rows *r)
{
	DIR *d = opendir(FOLDER);
	struct dirent *f;

	ok(d != NULL, "the tests are in %s", FOLDER);
	while (d && (f = readdir(d)))
		if (str_ends(f->d_name, ".sh"))
			read_tags(r, dirfd(d), f->d_name);
	if (d)
		closedir(d);
}

/* ---- the table ---- */

static void list(const struct rows *r)
{
	static const char *const status[] = { "done", "refused", "warned", "silent" };

	for (size_t i = 0; i < r->by_path.n; i++) {
		const struct row *row = r->by_path.e[i].val;
		printf("%-60s %-8s%s\n", r->by_path.e[i].key, status[row->status], row->seen ? row->seen : row->holder ? "-" : "");
	}
}

static void check(const struct rows *r)
{
	for (size_t i = 0; i < r->by_path.n; i++) {
		const struct row *row = r->by_path.e[i].val;
		if (row->status == KEY_DONE && !row->holder)
			ok(row->seen, "%s is observed by %s", r->by_path.e[i].key, row->seen ? row->seen : "no e2e test");
	}
}

int main(int argc, char **argv)
{
	struct rows r = {0};
	bool just_list = argc == 2 && str_eq(argv[1], "--list");

	schema_each(add_row, &r);
	ok(r.by_path.n > 200, "the schema table has %zu rows of a service", r.by_path.n);
	read_folder(&r);
	if (just_list)
		list(&r);
	else
		check(&r);
	rows_done(&r);
	return done_testing();
}
