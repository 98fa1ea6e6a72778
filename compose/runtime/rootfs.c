/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/rootfs.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/copy.h"
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/overlay.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/runtime/devs.h"
#include "compose/runtime/mountopt.h"

enum { CLONE_TREE = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH };

/* One mount on its way: where it goes, what it is made of. */
struct job { struct child *c; const struct spec_mount *m; struct mount_opts o; int dest; };

static int attach(int tree, int dest, struct err *e)
{
	if (move_mount(tree, "", dest, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
		return 0;
	return err_set(e, ERR_SYS, errno, "put the mount in its place");
}

static int set_attr(int tree, bool recursive, uint64_t set, uint64_t clr, uint64_t prop, struct err *e)
{
	struct mount_attr a = { .attr_set = set, .attr_clr = clr, .propagation = prop };

	if (!set && !clr && !prop)
		return 0;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)) < 0)
		return err_set(e, ERR_SYS, errno, "set the mount's flags");
	return 0;
}

/* Recursive flags first, so that the mount's own ones win. */
static int set_flags(int tree, const struct mount_opts *o, struct err *e)
{
	return set_attr(tree, true, o->rset, o->rclr, o->rprop, e) < 0 ||
	       set_attr(tree, false, o->set, o->clr, o->prop, e) < 0 ? -1 : 0;
}

/* The kernel says in the context's log what it did not like. */
static int fs_failed(int ctx, struct err *e, const char *type)
{
	char log[256];
	ssize_t n;

	err_set(e, errno == ENODEV ? ERR_MISSING : ERR_SYS, errno, "mount a %s", type);
	n = read(ctx, log, sizeof(log) - 1);
	if (n <= 2)
		return -1;
	log[n] = '\0';
	return err_hint(e, "the kernel says: %s", log + 2);
}

static int set_option(int ctx, const char *option)
{
	auto_free char *key = xstrdup(option);
	char *value = strchr(key, '=');

	if (!value)
		return fsconfig(ctx, FSCONFIG_SET_FLAG, key, NULL, 0);
	*value++ = '\0';
	return fsconfig(ctx, FSCONFIG_SET_STRING, key, value, 0);
}

/* devpts wants gid 5; a user namespace may have no such group. */
static bool skip_option(const struct child *c, const char *type, const char *option)
{
	if (strcmp(type, "devpts") != 0 || !str_starts(option, "gid=") || !c->made[SPEC_NS_USER])
		return false;
	for (size_t i = 0; i < c->s->gid_map.n; i++)
		if (c->s->gid_map.v[i].inside <= 5 && 5 - c->s->gid_map.v[i].inside < c->s->gid_map.v[i].size)
			return false;
	return true;
}

/* ret: a new, detached file system, or -1 */
static int new_fs(const struct child *c, const char *type, const char *source, const struct strv *data, uint64_t attr,
		  struct err *e)
{
	auto_close int ctx = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (ctx < 0)
		return err_set(e, errno == ENODEV ? ERR_MODEL : ERR_SYS, errno, "mount a %s", type);
	if (source && fsconfig(ctx, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return fs_failed(ctx, e, type);
	for (size_t i = 0; data && i < data->n; i++)
		if (!skip_option(c, type, data->v[i]) && set_option(ctx, data->v[i]) < 0) {
			fs_failed(ctx, e, type);
			return err_wrap(e, "option %s", data->v[i]);
		}
	if (fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_failed(ctx, e, type);
	fd = fsmount(ctx, FSMOUNT_CLOEXEC, (unsigned)attr);
	return fd < 0 ? fs_failed(ctx, e, type) : fd;
}

/* ---- the root ---------------------------------------------------------------------------------------------------- */

/* The root goes over "/": every mount namespace has that one directory. Paths of ours still begin at the host's root,
 * which is the process's until the pivot. */
static int attach_root(struct child *c, struct err *e)
{
	auto_close int again = -1, tree = -1, here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (here < 0)
		return err_set(e, ERR_SYS, errno, "open /");
	if (move_mount(c->root_fd, "", here, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0) {
		c->root = c->root_fd;                  /* it was a detached mount */
		return set_attr(c->root, true, 0, 0, MS_PRIVATE, e);
	}
	again = fs_open_again(c->root_fd);
	tree = again < 0 ? -1 : open_tree(again, "", CLONE_TREE | AT_RECURSIVE);
	if (tree < 0)
		return err_set(e, ERR_SYS, errno, "open the root directory in the new mount namespace");
	if (set_attr(tree, true, 0, 0, MS_PRIVATE, e) < 0 || attach(tree, here, e) < 0)
		return err_wrap(e, "attach the root");
	c->root = take_fd(tree);
	return 0;
}

static int make_procfs(struct child *c, struct err *e)
{
	const struct strv *data = NULL;
	struct mount_opts o = {0};
	uint64_t attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

	for (size_t i = 0; i < c->s->mounts.n; i++)
		if (str_eq(c->s->mounts.v[i].type, "proc")) {
			if (mount_opts_parse(&o, "proc", &c->s->mounts.v[i].options, e) < 0)
				return -1;
			data = &o.data;
			attr = o.set;
		}
	c->procfs = new_fs(c, "proc", "proc", data, attr, e);
	mount_opts_done(&o);
	return c->procfs < 0 ? -1 : 0;
}

/* ---- one mount --------------------------------------------------------------------------------------------------- */

/* Open the destination below the root, making it where it is missing. */
static int open_dest(struct job *j, bool dir, struct err *e)
{
	int root = j->c->root;
	const char *path = j->m->dest;
	/* these must be where every program looks, not where the image's link points (CVE-2023-28642) */
	bool plain = str_eq(j->m->type, "proc") || str_eq(j->m->type, "sysfs");
	struct stat st;

	j->dest = fs_open_in(root, path, O_PATH | (plain ? O_NOFOLLOW : 0), 0);
	if (j->dest < 0 && errno == ENOENT)
		j->dest = dir ? fs_mkdir_p_in(root, path, 0755) : fs_make_file_in(root, path, 0644);
	if (j->dest < 0)
		return err_set(e, ERR_SYS, errno, "make the mount point");
	if (plain && fstat(j->dest, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_set(e, ERR_DENIED, 0, "the image has a link or file where %s must be mounted", j->m->type);
	return 0;
}

/* What the subpath, if any, names below src. Whoever writes there may have made a link of it: it stays inside. */
static int open_subpath(const struct job *j, int src, const char *source, struct err *e)
{
	int fd = fs_open_in(src, j->o.subpath, O_PATH, 0);

	if (fd >= 0)
		return fd;
	err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "open %s in %s", j->o.subpath, source);
	return errno == ENOENT ? err_hint(e, "a subpath must be there before the container starts") : -1;
}

/* ret: the source, O_PATH */
static int open_source(const struct job *j, const char *source, struct err *e)
{
	auto_close int base = -1, src = -1;

	if (*source != '/' && j->c->a->bundle_fd >= 0)
		base = fs_open_again(j->c->a->bundle_fd);
	src = openat(*source == '/' ? AT_FDCWD : base, source, O_PATH | O_CLOEXEC);
	if (src < 0) {
		err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "open the source %s", source);
		return errno == ENOENT ? err_hint(e, "create it, or correct the path") : -1;
	}
	return j->o.subpath ? open_subpath(j, src, source, e) : take_fd(src);
}

/* Flags, the place for it, and there it goes. in: source: for messages */
static int place_tree(struct job *j, int tree, const char *source, struct err *e)
{
	struct stat st, to;

	if (fstat(tree, &st) < 0)
		return err_set(e, ERR_SYS, errno, "look at the source %s", source);
	if (!j->o.prop && !j->o.rprop)
		j->o.rprop = MS_PRIVATE;
	if (set_flags(tree, &j->o, e) < 0 || open_dest(j, S_ISDIR(st.st_mode), e) < 0)
		return -1;
	if (fstat(j->dest, &to) == 0 && S_ISDIR(to.st_mode) != S_ISDIR(st.st_mode)) {
		err_set(e, ERR_MODEL, 0, "%s is a %s, but the container has a %s there", source,
			S_ISDIR(st.st_mode) ? "directory" : "file", S_ISDIR(to.st_mode) ? "directory" : "file");
		return err_hint(e, "correct the source or the target, or make the source what it has to be");
	}
	return attach(tree, j->dest, e);
}

static int mount_bind(struct job *j, struct err *e)
{
	const char *source = j->m->source ? j->m->source : "";
	auto_close int src = open_source(j, source, e), tree = -1;

	if (src < 0)
		return -1;
	tree = open_tree(src, "", CLONE_TREE | (j->o.recursive ? AT_RECURSIVE : 0));
	if (tree < 0)
		return err_set(e, ERR_SYS, errno, "take the source %s", source);
	return place_tree(j, tree, source, e);
}

/* Before 6.15 the kernel takes no part of a mount that is attached nowhere: over the root it is out of everybody's way, for
 * what is found below c->root does not pass through it. */
static int part_of(struct job *j, int *tree, struct err *e)
{
	auto_close int sub = -1, part = -1;
	char path[40];

	if (attach(*tree, j->c->root, e) < 0)
		return -1;
	sub = open_subpath(j, *tree, j->m->source, e);
	part = sub < 0 ? -1 : open_tree(sub, "", CLONE_TREE);
	if (sub >= 0 && part < 0)
		err_set(e, ERR_SYS, errno, "take %s of %s", j->o.subpath, j->m->source);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", *tree);
	if (umount2(path, MNT_DETACH) < 0 && part >= 0)
		return err_set(e, ERR_SYS, errno, "let go of %s", j->m->source);
	if (part < 0)
		return -1;
	close(*tree);
	*tree = take_fd(part);
	return 0;
}

static bool has_layers(const struct job *j)
{
	return str_eq(j->m->type, "overlay") && mount_opts_value(&j->o, "lowerdir+");
}

/* Layers of an image, one over the other. */
static int mount_layers(struct job *j, struct err *e)
{
	static const char word[] = "lowerdir+=";
	int lower[FS_OVERLAY_LAYERS_MAX];
	struct fs_overlay o = { .lower = lower, .upper = -1, .work = -1, .ro = true };
	auto_close int tree = -1;
	int r = 0;

	for (size_t i = 0; i < j->o.data.n && r == 0; i++) {
		const char *path = str_starts(j->o.data.v[i], word) ? j->o.data.v[i] + strlen(word) : NULL;

		if (!path)
			r = err_set(e, ERR_MODEL, 0, "option %s means nothing beside lowerdir+", j->o.data.v[i]);
		else if (o.n == FS_OVERLAY_LAYERS_MAX)
			r = err_set(e, ERR_MODEL, 0, "more than %d layers", FS_OVERLAY_LAYERS_MAX);
		else if ((lower[o.n] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
			r = err_set(e, ERR_MISSING, errno, "open layer %s", path);
		else
			o.n++;
	}
	if (r == 0)
		tree = fs_overlay(&o, e);
	while (o.n)
		close(lower[--o.n]);
	if (tree < 0 || (j->o.subpath && part_of(j, &tree, e) < 0))
		return -1;
	return place_tree(j, tree, j->m->source, e);
}

/* A tmpfs without a mode takes that of the directory it covers. */
static void inherit_mode(struct job *j)
{
	struct stat st;

	if (str_eq(j->m->type, "tmpfs") && !mount_opts_value(&j->o, "mode") && fstat(j->dest, &st) == 0)
		strv_take(&j->o.data, xasprintf("mode=%o", st.st_mode & 07777));
}

static int copy_up(struct job *j, int tree, struct err *e)
{
	auto_close int from = fs_open_in(j->c->root, j->m->dest, O_RDONLY | O_DIRECTORY, 0);
	auto_close int to = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0 || to < 0)
		return err_set(e, ERR_SYS, errno, "fill the tmpfs");
	return fs_copy_tree(from, "", to, "", &(struct copy_opts){0}, e);
}

/* Without a network namespace of its own a user namespace may not mount sysfs: show the host's. */
static int host_sysfs(struct job *j, struct err *e)
{
	int tree = open_tree(AT_FDCWD, "/sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree < 0)
		return err_set(e, ERR_SYS, errno, "take the host's /sys");
	j->o.rset |= MOUNT_ATTR_RDONLY;
	j->o.rprop = MS_PRIVATE;
	if (set_flags(tree, &j->o, e) == 0)
		return tree;
	close(tree);
	return -1;
}

static int mount_fs(struct job *j, struct err *e)
{
	auto_close int tree = -1;

	if (open_dest(j, true, e) < 0)
		return -1;
	if (str_eq(j->m->type, "proc"))
		return attach(j->c->procfs, j->dest, e);
	if (j->c->a->shm_fd >= 0 && str_eq(j->m->type, "tmpfs") && str_eq(j->m->dest, "/dev/shm"))
		return attach(j->c->a->shm_fd, j->dest, e);
	inherit_mode(j);
	tree = new_fs(j->c, j->m->type, j->m->source, &j->o.data,
		      j->o.copy_up ? j->o.set & ~(uint64_t)MOUNT_ATTR_RDONLY : j->o.set, e);
	if (tree < 0 && e->sysno == EPERM && str_eq(j->m->type, "sysfs") && j->c->made[SPEC_NS_USER])
		tree = host_sysfs(j, e);
	if (tree < 0 || (j->o.copy_up && (copy_up(j, tree, e) < 0 || set_flags(tree, &j->o, e) < 0)))
		return -1;
	return attach(tree, j->dest, e);
}

/* ---- /sys/fs/cgroup ---------------------------------------------------------------------------------------------- */

/* One v1 hierarchy: the container's own group is what it sees as its top. */
static int add_hierarchy(struct job *j, int top, const char *name, int group, struct err *e)
{
	auto_close int again = fs_open_again(group), tree = -1, place = -1;

	if (mkdirat(top, name, 0755) < 0)
		return err_set(e, ERR_SYS, errno, "make %s", name);
	place = openat(top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	tree = again < 0 ? -1 : open_tree(again, "", CLONE_TREE);
	if (place < 0 || tree < 0)
		return err_set(e, ERR_SYS, errno, "take the %s hierarchy", name);
	if (set_attr(tree, false, j->o.set, 0, MS_PRIVATE, e) < 0)
		return -1;
	return attach(tree, place, e);
}

/* "cpu,cpuacct" is found under both names too. */
static int add_links(int top, const char *name, struct err *e)
{
	auto_free char *copy = xstrdup(name);

	if (!strchr(name, ','))
		return 0;
	for (char *p = copy, *end; p; p = end) {
		end = strchr(p, ',');
		if (end)
			*end++ = '\0';
		if (symlinkat(name, top, p) < 0)
			return err_set(e, ERR_SYS, errno, "link %s", p);
	}
	return 0;
}

static int mount_cgroup(struct job *j, struct err *e)
{
	const struct cgroup_join *g = &j->c->join;
	bool v1 = g->n > 0 || (g->into_fd < 0 && access("/sys/fs/cgroup/cgroup.controllers", F_OK) < 0);
	struct strv tmpfs = { (char *[]){ (char *)(uintptr_t)"mode=755" }, 1, 1 };
	auto_close int tree = -1;

	if (open_dest(j, true, e) < 0)
		return -1;
	if (v1)
		tree = new_fs(j->c, "tmpfs", "cgroup", &tmpfs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			      e);
	else
		tree = new_fs(j->c, "cgroup2", "cgroup", NULL, j->o.set, e);
	if (tree < 0 || attach(tree, j->dest, e) < 0)
		return -1;
	for (int i = 0; i < g->n; i++)
		if (add_hierarchy(j, tree, g->name[i], g->dir_fd[i], e) < 0 || add_links(tree, g->name[i], e) < 0)
			return -1;
	return v1 ? set_attr(tree, false, j->o.set, 0, 0, e) : 0;
}

static int mount_one(struct child *c, const struct spec_mount *m, struct err *e)
{
	struct job j = { .c = c, .m = m, .dest = -1 };
	int r = mount_opts_parse(&j.o, m->type, &m->options, e);

	if (r == 0 && !j.o.bind && !m->type)
		r = err_set(e, ERR_MODEL, 0, "the mount has no type");
	if (r == 0 && !m->dest[strspn(m->dest, "/")])
		r = err_set(e, ERR_MODEL, 0, "nothing can be mounted over the whole root");
	if (r == 0)
		r = j.o.bind ? mount_bind(&j, e) : has_layers(&j) ? mount_layers(&j, e) : str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2") ?
		    mount_cgroup(&j, e) : mount_fs(&j, e);
	mount_opts_done(&j.o);
	mem_closep(&j.dest);
	return r < 0 ? err_wrap(e, "mount %s on %s", m->type ? m->type : "?", m->dest) : 0;
}

/* The caller's own /dev is left as it is. */
static bool dev_is_bound(const struct spec *s)
{
	for (size_t i = 0; i < s->mounts.n; i++)
		if (!strcmp(s->mounts.v[i].dest, "/dev") &&
		    (strv_has(&s->mounts.v[i].options, "bind") || strv_has(&s->mounts.v[i].options, "rbind")))
			return true;
	return false;
}

int rootfs_build(struct child *c, struct err *e)
{
	if (attach_root(c, e) < 0 || make_procfs(c, e) < 0)
		return -1;
	for (size_t i = 0; i < c->s->mounts.n; i++)
		if (mount_one(c, &c->s->mounts.v[i], e) < 0)
			return -1;
	return dev_is_bound(c->s) ? 0 : devs_make(c->s, c->root, e);
}

/* ---- protection -------------------------------------------------------------------------------------------------- */

/* Cover path: a file by the null device, a directory by an empty read-only one (one tmpfs for all). */
static int mask(struct child *c, const char *path, int null, int *empty, struct err *e)
{
	auto_close int dest = fs_open_in(c->root, path, O_PATH, 0), tree = -1;
	struct strv data = { (char *[]){ (char *)(uintptr_t)"mode=755", (char *)(uintptr_t)"size=0" }, 2, 2 };
	struct stat st;

	if (dest < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_set(e, ERR_SYS, errno, "mask %s", path);
	if (fstat(dest, &st) < 0)
		return err_set(e, ERR_SYS, errno, "mask %s", path);
	if (S_ISDIR(st.st_mode) && *empty < 0) {
		*empty = new_fs(c, "tmpfs", "tmpfs", &data, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				MOUNT_ATTR_NOEXEC, e);
		if (*empty < 0 || attach(*empty, dest, e) < 0)
			return err_wrap(e, "mask %s", path);
		return 0;
	}
	tree = open_tree(S_ISDIR(st.st_mode) ? *empty : null, "", CLONE_TREE);
	if (tree < 0)
		return err_set(e, ERR_SYS, errno, "mask %s", path);
	return attach(tree, dest, e) < 0 ? err_wrap(e, "mask %s", path) : 0;
}

static int make_readonly(struct child *c, const char *path, struct err *e)
{
	auto_close int dest = fs_open_in(c->root, path, O_PATH, 0), tree = -1;

	if (dest < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_set(e, ERR_SYS, errno, "protect %s", path);
	tree = open_tree(dest, "", CLONE_TREE | AT_RECURSIVE);
	if (tree < 0)
		return err_set(e, ERR_SYS, errno, "protect %s", path);
	if (set_attr(tree, true, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, e) < 0 || attach(tree, dest, e) < 0)
		return err_wrap(e, "protect %s", path);
	return 0;
}

int rootfs_protect(struct child *c, struct err *e)
{
	auto_close int null = c->s->masked.n ? devs_null(e) : -1, empty = -1;

	if (c->s->masked.n && null < 0)
		return -1;
	for (size_t i = 0; i < c->s->masked.n; i++)
		if (mask(c, c->s->masked.v[i], null, &empty, e) < 0)
			return -1;
	for (size_t i = 0; i < c->s->readonly.n; i++)
		if (make_readonly(c, c->s->readonly.v[i], e) < 0)
			return -1;
	if (!c->s->root_readonly)
		return 0;
	/* the last chance to make a missing working directory; that it failed is told when it is entered */
	if (c->s->process.cwd)
		mem_closep(&(int){ fs_mkdir_p_in(c->root, c->s->process.cwd, 0755) });
	return set_attr(c->root, false, MOUNT_ATTR_RDONLY, 0, 0, e) < 0 ? err_wrap(e, "make the root read-only") : 0;
}

static int set_root_propagation(const char *word, struct err *e)
{
	static const struct { const char *word; unsigned long flags; } all[] = {
		{ "private", MS_PRIVATE }, { "rprivate", MS_PRIVATE | MS_REC }, { "slave", MS_SLAVE },
		{ "rslave", MS_SLAVE | MS_REC }, { "shared", MS_SHARED }, { "rshared", MS_SHARED | MS_REC },
		{ "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC },
	};

	if (!word || !*word)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!strcmp(all[i].word, word))
			return mount(NULL, "/", NULL, all[i].flags, NULL) < 0 ?
			       err_set(e, ERR_SYS, errno, "make the root %s", word) : 0;
	return err_set(e, ERR_MODEL, 0, "rootfsPropagation: %s is not known", word);
}

int rootfs_pivot(struct child *c, struct err *e)
{
	auto_close int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* Old and new root at the same place: the old one lies on top and is taken off. It is named by its descriptor, as "." is
	 * still the new one, whose mounts keep their propagation. */
	if (old < 0 || fchdir(c->root) < 0 || sys_pivot_root(".", ".") < 0)
		return err_set(e, ERR_SYS, errno, "pivot_root");
	if (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_set(e, ERR_SYS, errno, "let go of the host's root");
	return set_root_propagation(c->s->root_propagation, e);
}
