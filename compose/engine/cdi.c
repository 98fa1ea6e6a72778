/* SPDX-License-Identifier: Apache-2.0 */
/* cdi.c - devices by name: `devices: vendor.com/class=name`, `gpus` and deploy's device requests, from this host's CDI specs.
 * spec: CDI 0.8; compose-spec 05-services "gpus", "devices"; deploy "devices". */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/engine/to_spec.h"
#include "parser/cdi.h"

enum { SPEC_MAX_BYTES = 4 << 20, SPECS_MAX = 256 };

/* Where specs are; a device of the second replaces one of the first. */
static const char *const dirs[] = { "/etc/cdi", "/var/run/cdi" };

struct cdi {
	struct arena arena;
	struct sources src;
	VEC(struct cdi_spec) specs;
	VEC(const void *) applied;        /* devices and specs whose edits are in the container already */
};

static void cdi_done(struct cdi *c)
{
	vec_done(&c->specs);
	vec_done(&c->applied);
	sources_done(&c->src);
	arena_done(&c->arena);
}

static int read_spec(struct cdi *c, int dir, const char *dir_name, const char *file, struct err *e)
{
	auto_free char *path = xasprintf("%s/%s", dir_name, file), *text = NULL;
	auto_errs struct errs errs = {0};
	struct cdi_spec spec;
	size_t len;

	if (fs_read(dir, file, SPEC_MAX_BYTES, &text, &len, e) < 0)
		return err_wrap(e, "read %s", path);
	if (cdi_parse(&c->arena, source_add(&c->src, &c->arena, arena_strdup(&c->arena, path), arena_strndup(&c->arena, text, len), len),
		      &spec, &errs) < 0) {
		err_move(e, &errs.v[0]);
		return err_wrap(e, "read the CDI spec %s", path);
	}
	vec_push(&c->specs, spec);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_dir(struct cdi *c, const char *name, struct err *e)
{
	auto_strv struct strv files = {0};
	DIR *d = opendir(name);
	struct dirent *de;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, ERR_SYS, errno, "open %s", name);
	while ((de = readdir(d)))
		if (*de->d_name != '.' && (str_ends(de->d_name, ".json") || str_ends(de->d_name, ".yaml") || str_ends(de->d_name, ".yml")))
			strv_add(&files, de->d_name);
	if (files.n)
		qsort(files.v, files.n, sizeof(*files.v), by_name);
	for (size_t i = 0; i < files.n && r == 0 && c->specs.n < SPECS_MAX; i++)
		r = read_spec(c, dirfd(d), name, files.v[i], e);
	closedir(d);
	return r;
}

/* ---- what a device needs, into the container --------------------------------------------------------------------- */

static bool once(struct cdi *c, const void *what)
{
	for (size_t i = 0; i < c->applied.n; i++)
		if (c->applied.v[i] == what)
			return false;
	vec_push(&c->applied, what);
	return true;
}

static int apply_node(const struct ctr_want *w, struct spec *s, const struct cdi_spec *spec, const struct cdi_node *n, struct srcpos pos,
		      struct err *e)
{
	struct stat st = { .st_mode = S_IFCHR | 0666 };
	bool there = stat(n->host_path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));

	if (!there && (n->major < 0 || n->minor < 0))
		return refuse(w, pos, "devices", e, "%s names %s, which is not a device of this host", spec->file, n->host_path);
	if (n->major >= 0 && n->minor >= 0)
		st.st_rdev = makedev((unsigned)n->major, (unsigned)n->minor);
	if (n->type)
		st.st_mode = (st.st_mode & 07777) | (n->type == 'b' ? S_IFBLK : S_IFCHR);
	if (n->mode >= 0)
		st.st_mode = (st.st_mode & S_IFMT) | ((mode_t)n->mode & 0777);
	st.st_uid = n->uid >= 0 ? (uid_t)n->uid : st.st_uid;
	st.st_gid = n->gid >= 0 ? (gid_t)n->gid : st.st_gid;
	add_device_node(s, n->path, &st, n->access);
	return 0;
}

static void apply_mount(struct spec *s, const struct cdi_mount *m)
{
	auto_str struct str options = {0};
	bool bind = !*m->type || str_eq(m->type, "bind") || str_eq(m->type, "none"), has = false;

	for (size_t i = 0; i < m->options.n; i++) {
		has |= str_eq(m->options.v[i], "bind") || str_eq(m->options.v[i], "rbind");
		str_addf(&options, "%s%s", options.len ? "," : "", m->options.v[i]);
	}
	if (bind && !has)
		str_addf(&options, "%srbind", options.len ? "," : "");
	(void)spec_add_mount(s, m->path, bind ? "bind" : m->type, m->host_path, str_cstr(&options));
}

static int apply(struct cdi *c, const struct ctr_want *w, struct spec *s, const struct cdi_spec *spec, const struct cdi_edits *ed,
		 struct srcpos pos, struct err *e)
{
	if (!once(c, ed))
		return 0;
	if (ed->refused) {
		refuse(w, pos, "devices", e, "%s asks for %s, which are not carried out", spec->file, ed->refused);
		return err_hint(e, "use a spec that has devices, mounts and variables only");
	}
	for (size_t i = 0; i < ed->env.n; i++) {
		const char *eq = strchr(ed->env.v[i], '=');
		auto_free char *key = xstrndup(ed->env.v[i], (size_t)(eq - ed->env.v[i]));

		spec_env(&s->process.env, key, eq + 1);
	}
	for (size_t i = 0; i < ed->gids.n; i++)
		strv_add(&s->process.user.group_names, ed->gids.v[i]);
	for (size_t i = 0; i < ed->n_nodes; i++)
		if (apply_node(w, s, spec, &ed->nodes[i], pos, e) < 0)
			return -1;
	for (size_t i = 0; i < ed->n_mounts; i++)
		apply_mount(s, &ed->mounts[i]);
	return 0;
}

static int apply_device(struct cdi *c, const struct ctr_want *w, struct spec *s, const struct cdi_spec *spec, const struct cdi_device *d,
			struct srcpos pos, struct err *e)
{
	return apply(c, w, s, spec, &spec->edits, pos, e) < 0 ? -1 : apply(c, w, s, spec, &d->edits, pos, e);
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static int missing(const struct cdi *c, const struct ctr_want *w, struct srcpos pos, const char *what, struct err *e)
{
	auto_str struct str kinds = {0};

	for (size_t i = 0; i < c->specs.n; i++)
		str_addf(&kinds, "%s%s (%s)", i ? ", " : "", c->specs.v[i].kind, c->specs.v[i].file);
	refuse(w, pos, "devices", e, "no CDI spec of this host has %s: looked in %s and %s, %s%s", what, dirs[0], dirs[1],
	       c->specs.n ? "which have " : "which have no spec", str_cstr(&kinds));
	e->kind = ERR_MISSING;
	return err_hint(e, "the device's vendor makes the spec; for NVIDIA: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml");
}

/* The last one wins: specs are in the order of their places. */
static const struct cdi_device *find(const struct cdi *c, const char *kind, size_t n, const char *name, const struct cdi_spec **ret)
{
	for (size_t i = c->specs.n; i-- > 0;) {
		*ret = &c->specs.v[i];
		if (strlen((*ret)->kind) != n || strncmp((*ret)->kind, kind, n) != 0)
			continue;
		for (size_t k = 0; k < (*ret)->n_devices; k++)
			if (str_eq((*ret)->devices[k].name, name))
				return &(*ret)->devices[k];
	}
	return NULL;
}

static int by_full_name(struct cdi *c, const struct ctr_want *w, struct spec *s, const char *name, struct srcpos pos, struct err *e)
{
	const struct cdi_spec *spec;
	size_t n = strcspn(name, "=");
	const struct cdi_device *d = cdi_is_name(name) ? find(c, name, n, name + n + 1, &spec) : NULL;

	return d ? apply_device(c, w, s, spec, d, pos, e) : missing(c, w, pos, name, e);
}

/* A spec for one of the capabilities (its class: gpu, tpu ...), of the driver asked for (its vendor begins with it). */
static const struct cdi_spec *spec_for(const struct cdi *c, const struct device_request *r)
{
	for (size_t i = c->specs.n; i-- > 0;) {
		const struct cdi_spec *spec = &c->specs.v[i];
		const char *class = strchr(spec->kind, '/') + 1;

		if (*r->driver && !str_eq(r->driver, "cdi") && !str_starts(spec->kind, r->driver))
			continue;
		for (size_t k = 0; k < r->capabilities.n; k++)
			if (str_eq(r->capabilities.v[k], class))
				return spec;
	}
	return NULL;
}

/* "all" is a device of its own in many specs; otherwise it is each of them. */
static int by_count(struct cdi *c, const struct ctr_want *w, struct spec *s, const struct cdi_spec *spec, const struct device_request *r,
		    struct err *e)
{
	int64_t left = r->count < 0 ? INT64_MAX : r->count;
	const struct cdi_spec *same;
	const struct cdi_device *all = r->count < 0 ? find(c, spec->kind, strlen(spec->kind), "all", &same) : NULL;
	auto_free char *what = xasprintf("%lld devices of %s", (long long)r->count, spec->kind);

	if (all)
		return apply_device(c, w, s, same, all, r->pos, e);
	for (size_t i = 0; i < spec->n_devices && left > 0; i++) {
		if (str_eq(spec->devices[i].name, "all"))
			continue;
		if (apply_device(c, w, s, spec, &spec->devices[i], r->pos, e) < 0)
			return -1;
		left--;
	}
	return r->count > 0 && left > 0 ? missing(c, w, r->pos, what, e) : 0;
}

static int request(struct cdi *c, const struct ctr_want *w, struct spec *s, const struct device_request *r, struct err *e)
{
	const struct cdi_spec *spec = spec_for(c, r);
	auto_free char *what = xasprintf("a device for %s%s%s", *r->driver ? r->driver : "", *r->driver ? " " : "",
					 r->capabilities.n ? r->capabilities.v[0] : "(no capability)");

	for (size_t i = 0; i < r->ids.n; i++) {
		auto_free char *full = cdi_is_name(r->ids.v[i]) || !spec ? xstrdup(r->ids.v[i]) :
			xasprintf("%s=%s", spec->kind, r->ids.v[i]);

		if (by_full_name(c, w, s, full, r->pos, e) < 0)
			return -1;
	}
	if (r->ids.n)
		return 0;
	return spec ? by_count(c, w, s, spec, r, e) : missing(c, w, r->pos, what, e);
}

static int all_of(struct cdi *c, const struct ctr_want *w, struct spec *s, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (read_dir(c, dirs[i], e) < 0)
			return -1;
	for (size_t i = 0; i < w->s->n_devices; i++)
		if (cdi_is_name(w->s->devices[i].source) &&
		    by_full_name(c, w, s, w->s->devices[i].source, w->s->devices[i].pos, e) < 0)
			return -1;
	for (size_t i = 0; i < w->s->n_requests; i++)
		if (request(c, w, s, &w->s->requests[i], e) < 0)
			return -1;
	return 0;
}

int to_cdi(const struct ctr_want *w, struct spec *s, struct err *e)
{
	struct cdi c = {0};
	bool wanted = w->s->n_requests > 0;
	int r;

	for (size_t i = 0; i < w->s->n_devices; i++)
		wanted |= cdi_is_name(w->s->devices[i].source);
	if (!wanted)
		return 0;
	r = all_of(&c, w, s, e);
	cdi_done(&c);
	return r;
}
