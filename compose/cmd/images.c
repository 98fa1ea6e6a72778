/* SPDX-License-Identifier: Apache-2.0 */
/* images.c - `compose images`: the images that the project's containers use. */
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"
#include "compose/image/image.h"
#include "parser/imageref.h"

struct images_args { bool quiet; const char *format; char **services; };

static const struct opt images_opts[] = {
	OPT_CHOICE(0, "format", struct images_args, format, "table json", "output form"),
	OPT_FLAG('q', "quiet", struct images_args, quiet, "ids only"),
	OPT_REST(struct images_args, services, "SERVICE", "services (default: all)"),
	OPT_END
};

/* "redis:alpine" to "redis" and "alpine"; a tag stands behind the last slash */
static void split(const char *ref, char **repo, char **tag)
{
	const char *slash = strrchr(ref, '/'), *colon = strchr(slash ? slash : ref, ':');

	*repo = colon ? xstrndup(ref, (size_t)(colon - ref)) : xstrdup(ref);
	*tag = xstrdup(colon ? colon + 1 : "latest");
}

/* img NULL: it has been removed meanwhile */
static void one(struct table *t, json_t *all, const struct listed *l, const struct image *img, uint64_t bytes)
{
	const char *digits = str_starts(l->r.image_id, "sha256:") ? l->r.image_id + 7 : l->r.image_id;
	auto_free char *repo = NULL, *tag = NULL, *id = xstrndup(digits, 12), *size = ui_size(bytes),
		*ago = ui_ago(img && img->created_s ? sys_now_ns() / 1000000000 - img->created_s : 0), *created = xasprintf("%s ago", ago),
		*platform = xasprintf("%s/%s", img ? img->os : "linux", img ? img->arch : "");

	split(l->r.image, &repo, &tag);
	table_row(t, l->r.name, repo, tag, platform, id, size, created, NULL);
	(void)json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:s}", "ID", l->r.image_id, "ContainerName", l->r.name, "Repository",
						  repo, "Tag", tag, "Platform", platform, "Size", (json_int_t)bytes,
						  "Created", img ? img->created : "", "LastTagTime", "0001-01-01T00:00:00Z"));
}

static int images_run(struct ctx *c, const void *args, struct err *e)
{
	const struct images_args *a = args;
	auto_list struct list l = {0};
	auto_json json_t *all = json_array();
	auto_strv struct strv seen = {0};
	struct table t = {0};

	if (list_read(c, &l, e) < 0 || list_check_names(c, &l, a->services, e) < 0)
		return -1;
	table_row(&t, "CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED", NULL);
	for (size_t i = 0; i < l.n; i++) {
		auto_image struct image *img = NULL;

		if (!list_named(a->services, l.v[i]->r.service))
			continue;
		if (a->quiet) {
			if (!strv_has(&seen, l.v[i]->r.image_id))
				puts(l.v[i]->r.image_id);
			strv_add(&seen, l.v[i]->r.image_id);
			continue;
		}
		if (image_open(c->store, l.v[i]->r.image_id, &img, e) < 0)
			return -1;
		one(&t, all, l.v[i], img, img ? image_size(c->store, img) : 0);
	}
	if (str_eq(a->format, "json")) {
		auto_free char *text = json_dumps(all, JSON_COMPACT);

		puts(text ? text : "[]");
	} else if (!a->quiet) {
		table_print(&t, stdout);
	}
	table_done(&t);
	return 0;
}

const struct cmd cmd_images = { .name = "images", .usage = "[OPTION...] [SERVICE...]", .summary = "List images of the project's containers",
	.opts = images_opts, .args_size = sizeof(struct images_args), .services_off = offsetof(struct images_args, services),
	.needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STORE | ALL_PROFILES, .run = images_run };
