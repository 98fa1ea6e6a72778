/* SPDX-License-Identifier: Apache-2.0 */
/* export.c - `compose export`: the root file system of a container as a tar. What is mounted in it (volumes, /proc) is
 * left out, as docker does: the mount points are there, empty. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "compose/base/str.h"
#include "compose/cmd/act.h"
#include "compose/engine/ctr_root.h"
#include "compose/image/tar_out.h"
#include "compose/state/lock.h"

struct export_args { int64_t index; const char *output, *service; };

static const struct opt export_opts[] = {
	OPT_INT(0, "index", struct export_args, index, "N", "replica number"),
	OPT_STR('o', "output", struct export_args, output, "FILE", "write to a file instead of standard output"),
	OPT_HEAD(struct export_args, service, "SERVICE", ""),
	OPT_END
};

static int write_tar(const struct ctr_root *root, int out, struct err *e)
{
	const struct tar_out_opts o = { .one_mount = true };
	auto_tar_out struct tar_out *t = NULL;
	auto_close int top = openat(root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		return err_set(e, ERR_SYS, errno, "open the root of container %s", root->r.name);
	return tar_out_new(&t, out, e) < 0 || tar_out_tree(t, top, "", "", &o, e) < 0 || tar_out_end(t, e) < 0 ? -1 : 0;
}

/* A file that is only half written does not stay. */
static int write_file(const struct ctr_root *root, const char *path, struct err *e)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	struct stat st;

	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "create %s", path);
	if (write_tar(root, fd, e) == 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		(void)unlink(path);
	return err_wrap(e, "write %s", path);
}

static int export_ctr(struct ctx *c, const struct export_args *a, const char *id, struct err *e)
{
	auto_ctr_root struct ctr_root root = CTR_ROOT_INIT;

	if (ctr_root_find(&root, &c->paths, c->name, id, e) < 0)
		return -1;
	if (!root.live && !c->g->dry_run && lock_project(&c->paths, c->name, "export", true, &c->lock_fd, e) < 0)
		return -1;
	if (c->g->dry_run) {
		act_would(c, "export container %s to %s", root.r.name, a->output ? a->output : "standard output");
		return 0;
	}
	if (ctr_root_open(&root, &c->paths, false, e) < 0)
		return -1;
	return a->output ? write_file(&root, a->output, e) : write_tar(&root, STDOUT_FILENO, e);
}

static int export_run(struct ctx *c, const void *args, struct err *e)
{
	const struct export_args *a = args;
	const struct observed_ctr *ctr;

	if (!a->output && isatty(STDOUT_FILENO)) {
		err_set(e, ERR_USAGE, 0, "a tar would be written to the terminal");
		return err_hint(e, "use -o FILE, or redirect the output");
	}
	ctr = act_ctr(c, a->service, a->index, false, e);
	if (!ctr)
		return -1;
	return export_ctr(c, a, ctr->id, e) < 0 ? err_wrap(e, "cannot export %s", ctr->name) : 0;
}

const struct cmd cmd_export = {.name = "export",
			       .usage = "[OPTION...] SERVICE",
			       .summary = "Write a container's root file system as a tar",
			       .opts = export_opts,
			       .args_size = sizeof(struct export_args),
			       .needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | ALL_PROFILES,
			       .run = export_run};
