/* SPDX-License-Identifier: Apache-2.0 */
/* commit.c - `compose commit`: make an image of a container as it is now. */
#include "compose/base/str.h"
#include "compose/cmd/act.h"
#include "compose/engine/ctr_commit.h"
#include "compose/state/lock.h"
#include "compose/supervisor/client.h"

struct commit_args {
	const char *author, *message, *service;
	struct strv changes;
	int64_t index;
	bool pause;
	char **rest;
};

static const struct opt commit_opts[] = {
	OPT_STR('a', "author", struct commit_args, author, "TEXT", "who made it"),
	OPT_STRS('c', "change", struct commit_args, changes, "INSTRUCTION",
		 "change its configuration: 'CMD [\"sh\"]'; repeatable"),
	OPT_INT(0, "index", struct commit_args, index, "N", "replica number"),
	OPT_STR('m', "message", struct commit_args, message, "TEXT", "a comment"),
	OPT_FLAG('p', "pause", struct commit_args, pause, "pause the container meanwhile (default true)"),
	OPT_HEAD(struct commit_args, service, "SERVICE", ""),
	OPT_REST(struct commit_args, rest, "[REPOSITORY[:TAG]]", "name of the image"),
	OPT_END
};

static void commit_defaults(void *args)
{
	((struct commit_args *)args)->pause = true;
}

static int pause_it(struct sup *sup, const char *op, const char *id, struct err *e)
{
	return sup_call(sup, op, json_pack("{s:s}", "ctr", id), NULL, 0, NULL, e);
}

static int make_image(struct ctx *c, const struct commit_args *a, const struct ctr_root *root, struct err *e)
{
	const struct ctr_commit_opts o = {
		.ref = a->rest[0], .author = a->author, .message = a->message, .changes = &a->changes};
	auto_image struct image *img = NULL;

	if (ctr_commit(&img, c->store, root, &o, e) < 0)
		return -1;
	puts(img->id);
	return 0;
}

/* It is continued whatever became of the image. */
static int paused(struct ctx *c, const struct commit_args *a, const struct ctr_root *root, struct err *e)
{
	auto_sup struct sup *sup = NULL;
	auto_err struct err later = {0};
	int r = sup_open(&sup, &c->paths, c->name, false, e);

	if (r)
		return r < 0 ? -1 : err_set(e, ERR_CONFLICT, 0, "the project's supervisor is gone");
	if (pause_it(sup, "pause", root->r.id, e) < 0)
		return -1;
	r = make_image(c, a, root, e);
	if (pause_it(sup, "unpause", root->r.id, &later) < 0 && r == 0) {
		err_move(e, &later);
		return err_wrap(e, "the image is made, but container %s stays paused", root->r.name);
	}
	return r;
}

static int commit_ctr(struct ctx *c, const struct commit_args *a, const struct observed_ctr *ctr, struct err *e)
{
	auto_ctr_root struct ctr_root root = CTR_ROOT_INIT;

	if (ctr_root_find(&root, &c->paths, c->name, ctr->id, e) < 0)
		return -1;
	if (!root.live && !c->g->dry_run && lock_project(&c->paths, c->name, "commit", true, &c->lock_fd, e) < 0)
		return -1;
	if (c->g->dry_run) {
		act_would(c, "commit container %s as image %s", root.r.name, a->rest[0] ? a->rest[0] : "without a name");
		return 0;
	}
	if (root.live && a->pause && ctr->state == CTR_RUNNING)
		return paused(c, a, &root, e);
	return make_image(c, a, &root, e);
}

static int commit_run(struct ctx *c, const void *args, struct err *e)
{
	const struct commit_args *a = args;
	const struct observed_ctr *ctr;

	if (a->rest[0] && a->rest[1])
		return err_set(e, ERR_USAGE, 0, "unexpected argument \"%s\"", a->rest[1]);
	ctr = act_ctr(c, a->service, a->index, false, e);
	if (!ctr)
		return -1;
	return commit_ctr(c, a, ctr, e) < 0 ? err_wrap(e, "cannot make an image of %s", ctr->name) : 0;
}

const struct cmd cmd_commit = {.name = "commit",
			       .usage = "[OPTION...] SERVICE [REPOSITORY[:TAG]]",
			       .summary = "Make an image of a container",
			       .opts = commit_opts,
			       .args_size = sizeof(struct commit_args),
			       .defaults = commit_defaults,
			       .needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | NEED_STORE |
					ALL_PROFILES,
			       .run = commit_run};
