/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/ctr_commit.h"
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

/* Copied, not taken: the container goes on with its own. What marks files and directories as removed comes along. */
static int copy_upper(struct store *s, const struct ctr_root *c, char **ret_name, struct err *e)
{
	const char *path = *c->r.upper ? c->r.upper : "fs/upper";
	auto_close int upper = openat(c->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), tmp = -1;

	if (upper < 0)
		return err_set(e, ERR_SYS, errno, "open %s of container %s", path, c->r.name);
	tmp = store_tmp_dir(s, ret_name, e);
	if (tmp < 0)
		return -1;
	return fs_copy_tree(upper, "", tmp, "", &(struct copy_opts){ .opaque = true }, e);
}

static int add_layer(struct store *s, const struct ctr_root *c, struct image *img, struct err *e)
{
	auto_free char *tmp = NULL;
	char id[65];
	int r = copy_upper(s, c, &tmp, e);

	if (r == 0) {
		store_layer_new_id(&img->layers, "commit", NULL, id);
		r = store_layer_add_dir(s, store_layers_fd(s), tmp, id, e);
	}
	if (r == 0)
		strv_add(&img->layers, id);
	else if (tmp)
		(void)fs_rm_rf(store_layers_fd(s), tmp);
	return r < 0 ? err_wrap(e, "copy the changes of container %s", c->r.name) : 0;
}

static bool same_args(const struct strv *a, const struct image_config *conf)
{
	size_t n = conf->entrypoint.n;

	if (a->n != n + conf->cmd.n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], i < n ? conf->entrypoint.v[i] : conf->cmd.v[i - n]) != 0)
			return false;
	return true;
}

/* The image's own, changed as the service has it. HOSTNAME and TERM belong to the container. */
static void configure(const struct ctr_root *c, struct image_config *conf)
{
	const struct spec_process *p = &c->spec.process;

	for (size_t i = 0; i < p->env.n; i++) {
		auto_free char *key = xstrndup(p->env.v[i], strcspn(p->env.v[i], "="));

		if (strcmp(key, "HOSTNAME") != 0 && strcmp(key, "TERM") != 0 && p->env.v[i][strlen(key)])
			image_config_env(conf, key, p->env.v[i] + strlen(key) + 1);
	}
	if (!same_args(&p->args, conf)) {
		strv_done(&conf->entrypoint);
		strv_done(&conf->cmd);
		for (size_t i = 0; i < p->args.n; i++)
			strv_add(&conf->cmd, p->args.v[i]);
	}
	for (size_t i = 0; i < c->r.labels.n; i++)
		if (!str_starts(c->r.labels.v[i].key, "com.docker.compose."))
			image_config_label(conf, c->r.labels.v[i].key, c->r.labels.v[i].val);
	if (p->user.name && *p->user.name) {
		free(conf->user);
		conf->user = xstrdup(p->user.name);
	}
	if (p->cwd && strcmp(p->cwd, "/") != 0) {
		free(conf->workdir);
		conf->workdir = xstrdup(p->cwd);
	}
}

static char *now_text(void)
{
	int64_t ns = sys_now_ns();
	time_t secs = ns / 1000000000;
	char buf[32] = "";
	struct tm tm;

	if (gmtime_r(&secs, &tm))
		(void)strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm);
	return xasprintf("%s.%09lldZ", buf, (long long)(ns % 1000000000));
}

static char *replace(char *old, const char *text)
{
	free(old);
	return xstrdup(text ? text : "");
}

static int commit(struct image **ret, struct store *s, const struct ctr_root *c, const struct ctr_commit_opts *o,
		  struct image *img, struct err *e)
{
	auto_free char *now = now_text(), *command = xstrdup(c->r.command);

	configure(c, &img->conf);
	for (size_t i = 0; o->changes && i < o->changes->n; i++)
		if (image_config_change(&img->conf, o->changes->v[i], e) < 0)
			return -1;
	if (add_layer(s, c, img, e) < 0)
		return -1;
	img->created = replace(img->created, now);
	img->author = replace(img->author, o->author);
	img->comment = replace(img->comment, o->message);
	vec_push(&img->history, (struct image_history){ .created = xstrdup(now), .created_by = take_ptr(command),
		.comment = xstrdup(o->message ? o->message : "") });
	return image_commit(s, img, o->ref, ret, e);
}

int ctr_commit(struct image **ret, struct store *s, const struct ctr_root *c, const struct ctr_commit_opts *o,
	       struct err *e)
{
	auto_image struct image *img = NULL;
	int r = image_open(s, c->r.image_id, &img, e);

	if (r)
		return r < 0 ? -1
			     : err_set(e, ERR_MISSING, 0,
				       "image %s, which container %s was made from, is not there any more", c->r.image,
				       c->r.name);
	if (store_pin(s, e) < 0)
		return -1;
	r = commit(ret, s, c, o, img, e);
	store_unpin(s);
	return r;
}
