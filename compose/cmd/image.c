/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - `compose image`: the image store itself. */
#include "compose/image/image.h"
#include <time.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/engine/used.h"
#include "parser/imageref.h"

struct image_args {
	const char *verb, *format, *message, *platform;
	bool quiet, force, no_trunc;
	struct strv changes;
	char **rest;
};

static const struct opt image_opts[] = {
	OPT_STRS('c', "change", struct image_args, changes, "INSTRUCTION", "import: apply a Dockerfile instruction; repeatable"),
	OPT_STR('m', "message", struct image_args, message, "TEXT", "import: comment"),
	OPT_STR(0, "platform", struct image_args, platform, "OS/ARCH", "import, pull: other than this machine's"),
	OPT_FLAG('f', "force", struct image_args, force, "rm: by id although it has several names"),
	OPT_CHOICE(0, "format", struct image_args, format, "table json", "ls: output form"),
	OPT_FLAG('q', "quiet", struct image_args, quiet, "ls: ids only; pull: no progress"),
	OPT_FLAG(0, "no-trunc", struct image_args, no_trunc, "ls: whole ids"),
	OPT_HEAD(struct image_args, verb, "ls|rm|inspect|tag|import|load|pull|push|prune", ""),
	OPT_REST(struct image_args, rest, "ARGUMENT", ""),
	OPT_END
};

static int need(const struct image_args *a, size_t n, const char *what, struct err *e)
{
	size_t have = 0;

	while (a->rest[have])
		have++;
	if (have == n || (n == SIZE_MAX && have))
		return 0;
	err_set(e, ERR_USAGE, 0, "compose image %s needs %s", a->verb, what);
	return err_hint(e, "see `compose image --help`");
}

/* ---- ls ------------------------------------------------------------------------------------------------------------ */

static void list_one(struct table *t, json_t *all, const struct image_args *a, const struct image *i, const char *name)
{
	auto_imageref struct imageref ref = {0};
	auto_err struct err ignored = {0};
	auto_free char *repo = NULL, *size = ui_size(i->size_bytes), *id = NULL, *ago = NULL, *created = NULL;
	const char *tag = "<none>";

	if (name && imageref_parse(&ref, name, &ignored) == 0) {
		repo = imageref_name(&ref, true);
		tag = ref.tag ? ref.tag : "<none>";
	} else {
		repo = xstrdup("<none>");
	}
	id = a->no_trunc ? xstrdup(i->id) : xstrndup(i->id + (str_starts(i->id, "sha256:") ? 7 : 0), 12);
	ago = ui_ago(i->created_s ? sys_now_ns() / 1000000000 - i->created_s : 0);
	created = i->created_s ? xasprintf("%s ago", ago) : xstrdup("");
	table_row(t, repo, tag, id, created, size, NULL);
	(void)json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:s,s:I}", "Repository", repo, "Tag", tag, "ID", i->id, "CreatedAt", i->created,
						  "Size", (json_int_t)i->size_bytes));
}

static int image_ls(struct ctx *c, const struct image_args *a, struct err *e)
{
	auto_images struct images l = {0};
	auto_json json_t *all = json_array();
	struct table t = {0};

	if (image_list(c->store, &l, &c->errs, e) < 0)
		return -1;
	table_row(&t, "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", NULL);
	for (size_t i = 0; i < l.n; i++) {
		if (a->quiet)
			puts(l.v[i]->id);
		for (size_t k = 0; k < l.v[i]->tags.n; k++)
			list_one(&t, all, a, l.v[i], l.v[i]->tags.v[k]);
		if (!l.v[i]->tags.n)
			list_one(&t, all, a, l.v[i], NULL);
	}
	if (!a->quiet && str_eq(a->format, "json")) {
		auto_free char *text = json_dumps(all, JSON_COMPACT);

		puts(text ? text : "[]");
	} else if (!a->quiet) {
		table_print(&t, stdout);
	}
	table_done(&t);
	return 0;
}

/* ---- rm, prune ------------------------------------------------------------------------------------------------------ */

static int image_rm(struct ctx *c, const struct image_args *a, struct err *e)
{
	auto_strv struct strv used = {0};
	int r = used_layers(&c->paths, &used, e);

	for (char **ref = a->rest; r >= 0 && *ref; ref++) {
		struct image_removed removed = {0};

		r = image_remove(c->store, *ref, a->force, &used, &removed, e);
		for (size_t i = 0; i < removed.untagged.n; i++)
			printf("Untagged: %s\n", removed.untagged.v[i]);
		for (size_t i = 0; i < removed.deleted.n; i++)
			printf("Deleted: %s\n", removed.deleted.v[i]);
		image_removed_done(&removed);
	}
	return r < 0 ? err_wrap(e, "cannot remove the image") : 0;
}

static int image_prune(struct ctx *c, struct err *e)
{
	auto_strv struct strv used = {0};
	uint64_t freed = 0;
	auto_free char *text = NULL;
	int r;

	if (used_layers(&c->paths, &used, e) < 0)
		return -1;
	r = store_gc(c->store, &used, &freed, e);
	if (r < 0)
		return err_wrap(e, "cannot clean the store");
	text = ui_size(freed);
	printf(r ? "The store is in use: nothing was removed\n" : "Freed: %s\n", text);
	return 0;
}

/* ---- the others ------------------------------------------------------------------------------------------------------ */

static int missing(const char *ref, struct err *e)
{
	err_set(e, ERR_MISSING, 0, "no such image: %s", ref);
	return err_hint(e, "`compose image ls` lists them");
}

static int image_inspect_all(struct ctx *c, const struct image_args *a, struct err *e)
{
	auto_json json_t *all = json_array();
	auto_free char *text = NULL;

	for (char **ref = a->rest; *ref; ref++) {
		auto_image struct image *i = NULL;
		int r = image_open(c->store, *ref, &i, e);

		if (r)
			return r < 0 ? -1 : missing(*ref, e);
		(void)json_array_append_new(all, image_inspect(c->store, i));
	}
	text = json_dumps(all, JSON_INDENT(4));
	puts(text ? text : "[]");
	return 0;
}

static int image_import_one(struct ctx *c, const struct image_args *a, struct err *e)
{
	const struct import_opts o = { .path = a->rest[0], .changes = &a->changes, .message = a->message, .platform = a->platform };
	auto_image struct image *i = NULL;

	if (image_import(c->store, &o, a->rest[1], &i, e) < 0)
		return err_wrap(e, "cannot import %s", a->rest[0]);
	puts(i->id);
	return 0;
}

static int image_load_one(struct ctx *c, const struct image_args *a, struct err *e)
{
	auto_strv struct strv loaded = {0};

	if (image_load(c->store, a->rest[0], &loaded, e) < 0)
		return err_wrap(e, "cannot load %s", a->rest[0]);
	for (size_t i = 0; i < loaded.n; i++)
		printf("Loaded image: %s\n", loaded.v[i]);
	return 0;
}

static void on_pull(void *arg, const struct pull_progress *p)
{
	struct ctx *c = arg;
	auto_free char *text = NULL;

	if (p->state == PULL_RETRY)
		ui_warn(c->ui, "layer %s: %s: trying again", p->layer, p->note);
	if (ui_mode(c->ui) != UI_TTY || !*p->layer)
		return;
	text = xasprintf("%.1f of %.1f MB", (double)p->done_bytes / 1e6, (double)p->total_bytes / 1e6);
	ui_status(c->ui, "Layer", p->layer, text, p->state == PULL_DONE || p->state == PULL_EXISTS ? UI_OK : UI_WORK,
		  p->state == PULL_DONE || p->state == PULL_EXISTS);
}

static int image_pull_one(struct ctx *c, const struct image_args *a, struct err *e)
{
	const struct pull_opts o = { .policy = PULL_ALWAYS, .platform = a->platform, .progress = a->quiet ? NULL : on_pull, .arg = c };
	auto_image struct image *i = NULL;

	if (image_pull(c->store, a->rest[0], &o, &i, e) < 0)
		return err_wrap(e, "cannot pull %s", a->rest[0]);
	ui_flush(c->ui);
	puts(i->id);
	return 0;
}

static int image_push_one(struct ctx *c, const struct image_args *a, struct err *e)
{
	const struct push_opts o = {0};
	auto_free char *digest = NULL;

	if (image_push(c->store, a->rest[0], &o, &digest, e) < 0)
		return err_wrap(e, "cannot push %s", a->rest[0]);
	puts(digest);
	return 0;
}

static int image_run(struct ctx *c, const void *args, struct err *e)
{
	const struct image_args *a = args;

	if (c->g->dry_run && !str_eq(a->verb, "ls") && !str_eq(a->verb, "list") && !str_eq(a->verb, "inspect")) {
		act_would(c, "image %s%s%s", a->verb, a->rest[0] ? " " : "", a->rest[0] ? a->rest[0] : "");
		return 0;
	}
	if (str_eq(a->verb, "ls") || str_eq(a->verb, "list"))
		return need(a, 0, "no argument", e) < 0 ? -1 : image_ls(c, a, e);
	if (str_eq(a->verb, "rm"))
		return need(a, SIZE_MAX, "IMAGE...", e) < 0 ? -1 : image_rm(c, a, e);
	if (str_eq(a->verb, "prune"))
		return need(a, 0, "no argument", e) < 0 ? -1 : image_prune(c, e);
	if (str_eq(a->verb, "inspect"))
		return need(a, SIZE_MAX, "IMAGE...", e) < 0 ? -1 : image_inspect_all(c, a, e);
	if (str_eq(a->verb, "tag"))
		return need(a, 2, "IMAGE NEW_NAME", e) < 0 ? -1 : image_tag(c->store, a->rest[0], a->rest[1], e);
	if (str_eq(a->verb, "import"))
		return need(a, 2, "FILE NAME", e) < 0 ? -1 : image_import_one(c, a, e);
	if (str_eq(a->verb, "load"))
		return need(a, 1, "FILE", e) < 0 ? -1 : image_load_one(c, a, e);
	if (str_eq(a->verb, "pull"))
		return need(a, 1, "IMAGE", e) < 0 ? -1 : image_pull_one(c, a, e);
	if (str_eq(a->verb, "push"))
		return need(a, 1, "IMAGE", e) < 0 ? -1 : image_push_one(c, a, e);
	err_set(e, ERR_USAGE, 0, "compose image has no \"%s\"", a->verb);
	return err_hint(e, "use ls, rm, inspect, tag, import, load, pull, push or prune");
}

const struct cmd cmd_image = { .name = "image", .usage = "ls|rm|inspect|tag|import|load|pull|push|prune [OPTION...] [ARGUMENT...]",
	.summary = "Look at and change the image store", .opts = image_opts, .args_size = sizeof(struct image_args),
	.needs = NEED_PATHS | NEED_STORE, .run = image_run };
