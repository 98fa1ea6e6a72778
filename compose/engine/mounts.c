/* SPDX-License-Identifier: Apache-2.0 */
/* mounts.c - volumes, bind mounts, tmpfs, configs and secrets of a service, into the bundle of one container.
 * spec: compose-spec 05-services volumes, tmpfs, configs, secrets; image-spec config Volumes. Targets are resolved inside the
 * container's root by the runtime; what is written here is only text. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "compose/base/copy.h"
#include "compose/base/fs.h"
#include "compose/base/overlay.h"
#include "compose/base/str.h"
#include "compose/engine/engine_priv.h"
#include "compose/state/vol_use.h"

struct ctx {
	struct engine *en;
	const struct ctr_want *w;
	struct ctr_record *r;
	struct spec *s;
	int root_fd;                      /* the image's root, read-only; -1 until needed */
	unsigned n_files;
	struct spec old;                  /* bundle of the container that is replaced: its anonymous volumes go on */
};

/* ---- first use of a volume --------------------------------------------------------------------------------------- */

static int image_root(struct ctx *c, struct err *e)
{
	int *fds = NULL;
	size_t n = 0;

	if (c->root_fd >= 0)
		return 0;
	if (image_layer_fds(c->en->o.store, c->w->image, &fds, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n / 2; i++) {              /* overlay wants the uppermost first */
		int t = fds[i];

		fds[i] = fds[n - 1 - i];
		fds[n - 1 - i] = t;
	}
	c->root_fd = fs_overlay(&(struct fs_overlay){ .lower = fds, .n = n, .upper = -1, .work = -1, .ro = true }, e);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
	return c->root_fd < 0 ? -1 : 0;
}

static bool dir_empty(int fd)
{
	struct stat st;
	auto_close int d = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[512];
	long n, total = 0;

	if (d < 0 || fstat(d, &st) < 0)
		return false;
	while ((n = getdents64(d, buf, sizeof(buf))) > 0)
		total += n;
	return total <= 48;                               /* "." and ".." take 24 bytes each */
}

/* behaviours 102-104: an empty volume takes what the image has at the mount point, with owner and mode of the directory. */
static int seed_volume(struct ctx *c, const char *volume, const char *dir, const char *target, struct err *e)
{
	auto_close int data = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), src = -1;
	struct stat st;

	if (data < 0)
		return err_set(e, ERR_SYS, errno, "open volume %s", volume);
	if (!dir_empty(data))
		return 0;
	if (image_root(c, e) < 0)
		return -1;
	src = fs_open_in(c->root_fd, target, O_RDONLY | O_DIRECTORY, 0);
	if (src < 0)
		return 0;                                 /* the image has no such directory */
	if (fs_copy_tree(src, "", data, "", &(struct copy_opts){0}, e) < 0)
		return err_wrap(e, "fill volume %s with what the image has at %s", volume, target);
	if (fstat(src, &st) < 0 || fchownat(data, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0 ||
	    fchmod(data, st.st_mode & 07777) < 0)
		return err_set(e, ERR_SYS, errno, "set owner and mode of volume %s", volume);
	return 0;
}

/* ---- one mount of each kind --------------------------------------------------------------------------------------- */

static struct spec_mount *add_bind(struct ctx *c, const char *source, const char *target, const char *options)
{
	return spec_add_mount(c->s, target, "bind", source, options);
}

/* The runtime resolves it when the container starts; that it is there is worth an early look. source: NULL: later */
static int add_subpath(const struct mount *m, struct spec_mount *mount, const char *source, struct err *e)
{
	auto_close int top = source ? open(source, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1, sub = -1;
	auto_free char *around = xasprintf("/%s/", m->subpath);

	if (*m->subpath == '/' || strstr(around, "/../")) {
		err_set(e, ERR_MODEL, 0, "subpath \"%s\" is not below %s", m->subpath, m->source);
		return err_at(e, m->pos, "volumes");
	}
	sub = top < 0 ? -1 : fs_open_in(top, m->subpath, O_PATH, 0);
	if (top >= 0 && sub < 0) {
		err_set(e, ERR_MISSING, errno, "volume %s has no %s", m->source, m->subpath);
		err_at(e, m->pos, "volumes");
		return err_hint(e, "a subpath must be there before the container is made");
	}
	strv_take(&mount->options, xasprintf("%s%s", MOUNT_SUBPATH, m->subpath));
	return 0;
}

/* The anonymous volume that the replaced container has at target; NULL: none */
static char *inherited(struct ctx *c, const char *target)
{
	auto_free char *prefix = xasprintf("%s/volumes/", c->en->o.paths->root);

	for (size_t i = 0; i < c->old.mounts.n; i++) {
		const char *src = c->old.mounts.v[i].source;
		const char *slash;

		if (!str_eq(c->old.mounts.v[i].dest, target) || !src || !str_starts(src, prefix))
			continue;
		slash = strchr(src + strlen(prefix), '/');
		return slash ? xstrndup(src + strlen(prefix), (size_t)(slash - src) - strlen(prefix)) : NULL;
	}
	return NULL;
}

/* Where the volume's content is: its directory, or one of the host that driver_opts name. ret_later: something is mounted there
 * only when the container starts */
static int volume_source(struct ctx *c, const struct mount *m, const char *name, char **ret, bool *ret_later, struct err *e)
{
	struct vol_record r = {0};
	int got = vol_record_read(c->en->o.paths, name, &r, e);
	const char *device = got == 0 ? vol_bind(&r) : NULL;
	struct stat st;

	*ret_later = got == 0 && vol_mounts(&r);
	*ret = device ? xstrdup(device) : xasprintf("%s/volumes/%s/_data", c->en->o.paths->root, name);
	if (device && stat(device, &st) < 0) {
		err_set(e, ERR_MISSING, errno, "volume %s: device %s", name, device);
		err_at(e, m->pos, "volumes");
		got = err_hint(e, "make the directory, or correct driver_opts.device");
	}
	vol_record_done(&r);
	return got < 0 ? -1 : 0;
}

static int add_volume(struct ctx *c, const struct mount *m, struct err *e)
{
	const struct volume *v = *m->source ? project_volume(c->en->o.project, m->source) : NULL;
	auto_free char *name = v ? xstrdup(v->name) : inherited(c, m->target), *source = NULL;
	struct spec_mount *mount;
	bool fresh = !name, later;

	if (*m->source && !v)
		return err_set(e, ERR_BUG, 0, "volume %s is not in the model", m->source);
	if (fresh) {
		char id[ID_SIZE];

		record_new_id(id);
		name = xstrdup(id);
		if (volume_make(c->en, name, &(struct volume){ .labels = m->labels }, e) < 0)
			return -1;
	}
	strv_add(&c->r->volumes, name);
	if (!v)
		strv_add(&c->r->anon_volumes, name);
	if (volume_source(c, m, name, &source, &later, e) < 0)
		return -1;
	if (!m->nocopy && !*m->subpath && !later && seed_volume(c, name, source, m->target, e) < 0)
		return -1;
	mount = add_bind(c, source, m->target, m->read_only ? "rbind,rprivate,ro" : "rbind,rprivate,rw");
	return *m->subpath ? add_subpath(m, mount, later ? NULL : source, e) : 0;
}

/* docker: what is mounted below a read-only bind is read-only too, unless `recursive` says otherwise. */
static const char *read_word(const struct mount *m)
{
	if (!m->read_only)
		return "rw";
	return str_eq(m->recursive, "disabled") || str_eq(m->recursive, "writable") ? "ro" : "rro";
}

/* What is mounted in the container reaches the host, or the other way, only when the root lets it: as docker has it. */
static void root_follows(struct spec *s, const char *propagation)
{
	if (str_ends(propagation, "shared"))
		s->root_propagation = arena_strdup(&s->arena, "shared");
	else if (str_ends(propagation, "slave") && !s->root_propagation)
		s->root_propagation = arena_strdup(&s->arena, "rslave");
}

static int add_host_path(struct ctx *c, const struct mount *m, struct err *e)
{
	auto_free char *options = NULL;
	struct stat st;

	if (stat(m->source, &st) < 0) {
		if (errno != ENOENT || !m->create_host_path) {
			err_set(e, ERR_MISSING, errno, "bind source path %s", m->source);
			err_at(e, m->pos, c->w->s->name);
			return err_hint(e, "make the path, or correct it in the file");
		}
		if (fs_mkdir_p(m->source, 0755) < 0)
			return err_set(e, ERR_SYS, errno, "make the bind source directory %s", m->source);
		engine_warn(c->en, "bind source path %s did not exist: an empty directory was made", m->source);
	}
	options = xasprintf("%s,%s,%s", str_eq(m->recursive, "disabled") ? "bind" : "rbind", *m->propagation ? m->propagation : "rprivate",
			    read_word(m));
	add_bind(c, m->source, m->target, options);
	root_follows(c->s, m->propagation);
	return 0;
}

/* behaviours 113: noexec, nosuid, nodev and mode 1777 unless the options say otherwise */
static int add_tmpfs(struct ctx *c, const struct mount *m)
{
	auto_str struct str o = {0};

	str_add(&o, "noexec,nosuid,nodev");
	if (m->read_only)
		str_add(&o, ",ro");
	str_addf(&o, ",mode=%llo", m->tmpfs_mode >= 0 ? (unsigned long long)m->tmpfs_mode : 01777ULL);
	if (m->tmpfs_size_bytes > 0)
		str_addf(&o, ",size=%lld", (long long)m->tmpfs_size_bytes);
	if (*m->tmpfs_opts)
		str_addf(&o, ",%s", m->tmpfs_opts);
	(void)spec_add_mount(c->s, m->target, "tmpfs", "tmpfs", str_cstr(&o));
	return 0;
}

/* The layers of another image, read-only. */
static int add_image(struct ctx *c, const struct mount *m, struct err *e)
{
	const struct image *im;
	struct spec_mount *mount;

	if (engine_image(c->en, m->source, &im, e) < 0)
		return err_at(e, m->pos, c->w->s->name);
	mount = spec_add_mount(c->s, m->target, "overlay", m->source, "rprivate,ro");
	for (size_t i = im->layers.n; i-- > 0;) {
		strv_take(&mount->options, xasprintf("lowerdir+=%s/layers/%s", c->en->o.paths->root, im->layers.v[i]));
		strv_add(&c->r->mount_layers, im->layers.v[i]);
	}
	vec_push(&c->r->mount_images, (struct rec_kv){ xstrdup(m->source), xstrdup(im->id) });
	return *m->subpath ? add_subpath(m, mount, NULL, e) : 0;
}

static int add_mount(struct ctx *c, const struct mount *m, struct err *e)
{
	switch (m->kind) {
	case MOUNT_VOLUME: return add_volume(c, m, e);
	case MOUNT_BIND: return add_host_path(c, m, e);
	case MOUNT_TMPFS: return add_tmpfs(c, m);
	case MOUNT_IMAGE: return add_image(c, m, e);
	}
	return 0;
}

static bool is_mounted(const struct spec *s, const char *target)
{
	for (size_t i = 0; i < s->mounts.n; i++)
		if (str_eq(s->mounts.v[i].dest, target))
			return true;
	return false;
}

static bool has_target(const struct service *s, const char *target)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (str_eq(s->mounts[i].target, target))
			return true;
	return false;
}

/* A VOLUME of the image that the file does not mount gets an anonymous volume. */
static int image_volumes(struct ctx *c, struct err *e)
{
	const struct strv *v = &c->w->image->conf.volumes;

	for (size_t i = 0; i < v->n; i++) {
		const struct mount m = { .kind = MOUNT_VOLUME, .source = "", .target = v->v[i], .subpath = "", .recursive = "",
			.propagation = "", .tmpfs_opts = "" };

		if (*v->v[i] == '/' && !is_mounted(c->s, v->v[i]) && add_volume(c, &m, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- configs and secrets ------------------------------------------------------------------------------------------ */

static const struct filesource *find_source(const struct filesource *v, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i].key, key))
			return &v[i];
	return NULL;
}

static int write_content(struct ctx *c, const struct fileref *f, const char *text, const char *what, struct err *e)
{
	auto_free char *rel = xasprintf("files/%u", c->n_files++), *path = xasprintf("%s/%s", c->w->path, rel);
	uint64_t uid = 0, gid = 0;

	if ((*f->uid && (!str_to_u64(f->uid, &uid) || uid >= UINT32_MAX)) || (*f->gid && (!str_to_u64(f->gid, &gid) || gid >= UINT32_MAX))) {
		err_set(e, ERR_MODEL, 0, "%s %s: uid and gid must be numbers", what, f->source);
		return err_at(e, f->pos, f->source);
	}
	if (fs_write(c->w->dir, rel, text, strlen(text), f->mode >= 0 ? (mode_t)f->mode & 07777 : 0444, false, e) < 0)
		return -1;
	if (fchownat(c->w->dir, rel, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ERR_SYS, errno, "give %s %s its owner", what, f->source);
	add_bind(c, path, f->target, "bind,rprivate,ro");
	return 0;
}

static int add_file(struct ctx *c, const struct fileref *f, const struct filesource *src, const char *what, struct err *e)
{
	struct stat st;

	if (!src || src->external) {
		err_set(e, ERR_MODEL, 0, "%s %s is external, which a single host cannot provide", what, f->source);
		err_at(e, f->pos, f->source);
		return err_hint(e, "give it a `file:` or `environment:`");
	}
	if (src->file) {
		if (stat(src->file, &st) < 0) {
			err_set(e, ERR_MISSING, errno, "%s %s: file %s", what, f->source, src->file);
			return err_at(e, src->pos, src->key);
		}
		if (*f->uid || *f->gid || f->mode >= 0)
			engine_warn(c->en, "%s %s: uid, gid and mode have no effect on a host file, which is bind mounted", what, f->source);
		add_bind(c, src->file, f->target, "rbind,rprivate,ro");
		return 0;
	}
	if (src->environment && !src->value) {
		err_set(e, ERR_MODEL, 0, "environment variable \"%s\" required by %s \"%s\" is not set", src->environment, what, src->key);
		return err_at(e, src->pos, src->key);
	}
	return write_content(c, f, src->environment ? src->value : src->content ? src->content : "", what, e);
}

/* ---- all together --------------------------------------------------------------------------------------------------- */

static void etc_files(struct ctx *c)
{
	static const char *const names[] = { "hosts", "hostname", "resolv.conf" };
	bool shares = str_starts(c->r->network_mode, "container:");
	auto_free char *project = NULL, *owner = NULL;
	auto_close int dir = shares ? record_find(c->en->o.paths, c->r->network_mode + 10, &project) : -1;

	if (str_eq(c->r->network_mode, "host") && str_eq(c->r->uts_mode, "host"))
		return;
	/* who shares another's network shares its names */
	owner = dir >= 0 ? xasprintf("%s/projects/%s/%s", c->en->o.paths->root, project, c->r->network_mode + 10) : xstrdup(c->w->path);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *src = xasprintf("%s/etc/%s", owner, names[i]), *dst = xasprintf("/etc/%s", names[i]);

		if (!has_target(c->w->s, dst))
			add_bind(c, src, dst, c->w->s->read_only ? "bind,rprivate,ro" : "bind,rprivate,rw");
	}
}

/* /dev/shm belongs to the IPC namespace: the host's with `ipc: host`, none with `ipc: none`, another container's with its namespace
 * (the supervisor sees to that, in place of the tmpfs that is named here), as docker has it. */
static void shared_memory(struct ctx *c)
{
	if (str_eq(c->r->ipc_mode, "none")) {
		(void)spec_del_mount(c->s, "/dev/shm");
	} else if (str_eq(c->r->ipc_mode, "host")) {
		(void)spec_del_mount(c->s, "/dev/shm");
		(void)spec_add_mount(c->s, "/dev/shm", "bind", "/dev/shm", "rbind,rprivate,rw,nosuid,noexec,nodev");
	} else if (c->w->s->shm_size_bytes > 0 && spec_del_mount(c->s, "/dev/shm")) {
		auto_free char *o = xasprintf("nosuid,noexec,nodev,mode=1777,size=%lld", (long long)c->w->s->shm_size_bytes);

		(void)spec_add_mount(c->s, "/dev/shm", "tmpfs", "shm", o);
	}
}

static unsigned depth(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1];
	return n;
}

/* behaviours 110: parents first, whatever the order in the file; equal ones keep their order (insertion sort: few mounts). */
static void sort_mounts(struct spec *s, size_t from)
{
	for (size_t i = from + 1; i < s->mounts.n; i++)
		for (size_t k = i; k > from && depth(s->mounts.v[k].dest) < depth(s->mounts.v[k - 1].dest); k--) {
			struct spec_mount t = s->mounts.v[k];

			s->mounts.v[k] = s->mounts.v[k - 1];
			s->mounts.v[k - 1] = t;
		}
}

static int add_all(struct ctx *c, struct err *e)
{
	const struct project *p = c->en->o.project;
	const struct service *s = c->w->s;

	for (size_t i = 0; i < s->n_mounts; i++)
		if (add_mount(c, &s->mounts[i], e) < 0)
			return -1;
	if (volumes_from(c->en, c->w, c->r, c->s, e) < 0 || image_volumes(c, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n_secrets; i++)
		if (add_file(c, &s->secrets[i], find_source(p->secrets, p->n_secrets, s->secrets[i].source), "secret", e) < 0)
			return -1;
	for (size_t i = 0; i < s->n_configs; i++)
		if (add_file(c, &s->configs[i], find_source(p->configs, p->n_configs, s->configs[i].source), "config", e) < 0)
			return -1;
	return 0;
}

static void read_old(struct ctx *c)
{
	auto_err struct err ignored = {0};
	auto_close int dir = c->w->replaces ? record_dir(c->en->o.paths, c->en->o.name, c->w->replaces->id, false) : -1;

	if (dir >= 0 && spec_read(&c->old, dir, &ignored) < 0)
		engine_warn(c->en, "anonymous volumes of %s are not taken over: %s", c->w->replaces->name, ignored.frame[0]);
}

static char *display_mounts(const struct spec *s, size_t from)
{
	auto_str struct str b = {0};

	for (size_t i = from; i < s->mounts.n; i++)
		if (s->mounts.v[i].source && *s->mounts.v[i].source == '/' && !str_starts(s->mounts.v[i].dest, "/etc/"))
			str_addf(&b, "%s%s", b.len ? "," : "", s->mounts.v[i].source);
	return str_take(&b);
}

int to_mounts(struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct spec *s, struct err *e)
{
	struct ctx c = { .en = en, .w = w, .r = r, .s = s, .root_fd = -1 };
	size_t base;
	int ret;

	shared_memory(&c);
	base = s->mounts.n;
	etc_files(&c);
	read_old(&c);
	ret = add_all(&c, e);
	sort_mounts(s, base);
	r->mounts = display_mounts(s, base);
	if (c.root_fd >= 0)
		close(c.root_fd);
	spec_done(&c.old);
	return ret;
}
