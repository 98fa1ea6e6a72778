/* SPDX-License-Identifier: Apache-2.0 */
/* volumes_from.c - the volumes and bind mounts of other containers, at the same places.
 * spec: compose-spec 05-services volumes_from. As docker does: what the service mounts itself comes first, tmpfs is not
 * shared, nor are the files that the other container got from us. */
#include <errno.h>
#include "compose/base/str.h"
#include "compose/engine/others.h"

/* "service[:ro|rw]" or "container:NAME[:ro|rw]". ret: 0 with *ret; *ret_mode is "", "ro" or "rw" */
static int find(const struct engine *en, const char *text, struct other *ret, const char **ret_mode, struct err *e)
{
	bool named = str_starts(text, "container:");
	const char *name = named ? text + strlen("container:") : text, *colon = strchr(name, ':');
	auto_free char *copy = xstrndup(name, colon ? (size_t)(colon - name) : strlen(name));

	*ret_mode = colon ? colon + 1 : "";
	if (**ret_mode && !str_eq(*ret_mode, "ro") && !str_eq(*ret_mode, "rw")) {
		err_set(e, ERR_MODEL, 0, "\"%s\": mode %s is neither ro nor rw", text, *ret_mode);
		return err_hint(e, "write SERVICE[:ro|rw] or container:NAME[:ro|rw]");
	}
	return named ? other_named(en, copy, ret, e) : other_of_service(en, copy, ret, e);
}

static bool taken(const struct spec *s, const char *dest)
{
	for (size_t i = 0; i < s->mounts.n; i++)
		if (str_eq(s->mounts.v[i].dest, dest))
			return true;
	return false;
}

static void take(const struct spec_mount *m, const char *mode, struct spec *s)
{
	struct spec_mount *to = spec_add_mount(s, m->dest, m->type, m->source, NULL);
	bool ro = str_eq(mode, "ro");

	for (size_t i = 0; i < m->options.n; i++)
		if (!ro || (!str_eq(m->options.v[i], "rw") && !str_eq(m->options.v[i], "ro")))
			strv_add(&to->options, m->options.v[i]);
	if (ro)
		strv_add(&to->options, "ro");
}

static int one(struct engine *en, const char *text, struct ctr_record *r, struct spec *s, struct err *e)
{
	auto_other struct other o = {0};
	auto_spec struct spec from = {0};
	struct ctr_record rec = {0};
	auto_free char *ours = NULL;
	auto_close int dir = -1;
	const char *mode;

	if (find(en, text, &o, &mode, e) < 0)
		return -1;
	dir = record_dir(en->o.paths, o.project, o.id, false);
	if (dir < 0)
		return err_set(e, ERR_SYS, errno, "open container %s", o.name);
	if (spec_read(&from, dir, e) < 0 || record_read(dir, &rec, e) < 0)
		return err_wrap(e, "read what container %s mounts", o.name);
	ours = xasprintf("%s/projects/", en->o.paths->root);
	for (size_t i = 0; i < from.mounts.n; i++) {
		const struct spec_mount *m = &from.mounts.v[i];

		if (m->source && *m->source == '/' && !str_starts(m->source, ours) && !taken(s, m->dest))
			take(m, mode, s);
	}
	for (size_t i = 0; i < rec.volumes.n; i++)
		if (!strv_has(&r->volumes, rec.volumes.v[i]))
			strv_add(&r->volumes, rec.volumes.v[i]);
	record_done(&rec);
	return 0;
}

int volumes_from(struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct spec *s, struct err *e)
{
	const struct service *v = w->s;

	for (size_t i = 0; i < v->volumes_from.n; i++)
		if (one(en, v->volumes_from.v[i], r, s, e) < 0) {
			err_wrap(e, "volumes_from %s", v->volumes_from.v[i]);
			return err_at(e, service_pos(v, "volumes_from"), "volumes_from");
		}
	return 0;
}
