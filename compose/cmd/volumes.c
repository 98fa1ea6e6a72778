/* SPDX-License-Identifier: Apache-2.0 */
/* volumes.c - `compose volumes`: the volumes of the project that exist; with services, those that they mount. */
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/cli/template.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"
#include "compose/state/record.h"

struct volumes_args { bool quiet; const char *format; char **services; };

static const struct opt volumes_opts[] = {
	OPT_STR(0, "format", struct volumes_args, format, "FORMAT", "table, json, or a template such as '{{.Name}}'"),
	OPT_FLAG('q', "quiet", struct volumes_args, quiet, "names only"),
	OPT_REST(struct volumes_args, services, "SERVICE", "only volumes of these services (default: all)"),
	OPT_END
};

static bool mounted(const struct ctx *c, char *const *services, const char *volume)
{
	if (!*services)
		return true;
	for (size_t i = 0; i < c->observed->n_ctrs; i++) {
		const struct observed_ctr *o = &c->observed->ctrs[i];

		for (size_t k = 0; k < o->n_volumes; k++)
			if (str_eq(o->volumes[k], volume) && list_named(services, o->service))
				return true;
	}
	return false;
}

/* size: what is in it, "12.3MB", or NULL where nobody asks */
static json_t *row_of(const struct ctx *c, const struct vol_record *r, const json_t *labels, const char *size)
{
	auto_str struct str joined = {0};
	auto_free char *at = xasprintf("%s/volumes/%s/_data", c->paths.root, r->name);
	const char *key;
	json_t *val;

	json_object_foreach((json_t *)(uintptr_t)labels, key, val)
		str_addf(&joined, "%s%s=%s", joined.len ? "," : "", key, json_string_value(val));
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "Availability", "N/A", "Driver", "local", "Group",
			 "N/A", "Labels", str_cstr(&joined), "Links", "N/A", "Mountpoint", at, "Name", r->name, "Scope",
			 "local", "Size", size ? size : "N/A", "Status", "N/A");
}

static int one(struct ctx *c, const char *name, const struct volumes_args *a, struct rows *rows, struct err *e)
{
	bool sized = rows_json(rows) || (a->format && strstr(a->format, ".Size"));
	auto_free char *rel = xasprintf("volumes/%s/_data", name), *size = NULL;
	auto_json json_t *labels = json_object(), *row = NULL;
	struct vol_record r = {0};
	int got = vol_record_read(&c->paths, name, &r, e);

	if (got)                                  /* 1: it went away while we looked */
		return got < 0 ? -1 : 0;
	for (size_t i = 0; i < r.labels.n; i++)
		json_put(labels, r.labels.v[i].key, r.labels.v[i].val);
	size = sized ? ui_size(fs_du_bytes(c->paths.root_fd, rel)) : NULL;
	row = row_of(c, &r, labels, size);
	vol_record_done(&r);
	if (!a->quiet)
		return rows_add(rows, row, labels, e);
	puts(name);
	return 0;
}

static int volumes_run(struct ctx *c, const void *args, struct err *e)
{
	auto_json json_t *headers =
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "Availability", "AVAILABILITY", "Driver",
			  "DRIVER", "Group", "GROUP", "Labels", "LABELS", "Links", "LINKS", "Mountpoint", "MOUNTPOINT",
			  "Name", "VOLUME NAME", "Scope", "SCOPE", "Size", "SIZE", "Status", "STATUS");
	const struct volumes_args *a = args;
	const struct rows_opts o = { .format = a->format, .headers = headers, .columns = "{{.Driver}}\t{{.Name}}" };
	auto_rows struct rows *rows = NULL;

	if (act_check_names(c, a->services, e) < 0 || rows_new(&rows, &o, e) < 0)
		return -1;
	for (size_t i = 0; i < c->observed->n_vols; i++)
		if (mounted(c, a->services, c->observed->vols[i].name) &&
		    one(c, c->observed->vols[i].name, a, rows, e) < 0)
			return -1;
	if (!a->quiet)
		rows_print(rows, stdout);
	return 0;
}

const struct cmd cmd_volumes = {.name = "volumes",
				.usage = "[OPTION...] [SERVICE...]",
				.summary = "List the project's volumes",
				.opts = volumes_opts,
				.args_size = sizeof(struct volumes_args),
				.services_off = offsetof(struct volumes_args, services),
				.needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | ALL_PROFILES,
				.run = volumes_run};
