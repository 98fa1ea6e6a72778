/* SPDX-License-Identifier: Apache-2.0 */
/* op_ctr.c - operations on containers: their directories on disk, and what the supervisor is asked to do with them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/quota.h"
#include "compose/base/str.h"
#include "compose/engine/engine_priv.h"
#include "compose/engine/observe.h"
#include "compose/engine/signals.h"
#include "compose/state/vol_use.h"
#include "graph/hash.h"
#include "parser/value.h"

static int write_all(const struct ctr_want *w, const struct ctr_record *r, const struct spec *s, struct err *e)
{
	auto_json json_t *config = spec_to_json(s), *service = service_config(w->s);
	struct ctr_status status = { .state = CTR_CREATED };
	int ret;

	if (json_write(w->dir, "config.json", config, 0600, false, e) < 0 ||
	    json_write(w->dir, "service.json", service, 0600, false, e) < 0 ||
	    status_write(w->dir, &status, e) < 0)
		return -1;
	ret = record_write(w->dir, r, e);         /* last: a directory with a record is a container */
	return ret;
}

/* storage_opt size: of what the container writes over its image. */
static int limit_size(const struct ctr_want *w, struct err *e)
{
	for (size_t i = 0; i < w->s->storage_opt.n; i++) {
		const struct pkv *kv = &w->s->storage_opt.v[i];
		auto_close int fs = openat(w->dir, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int64_t bytes;

		if (!str_eq(kv->key, "size") || !kv->val || !value_bytes(kv->val, &bytes))
			continue;
		if (quota_limit(fs, w->id, bytes, e) < 0)
			return err_at(e, kv->pos, "storage_opt.size");
	}
	return 0;
}

/* The limit would outlive the directory. */
static void forget_size(int dir)
{
	auto_close int fs = openat(dir, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fs >= 0)
		quota_forget(fs);
}

static int make_dirs(const struct ctr_want *w, struct err *e)
{
	static const char *const dirs[] = { "fs", "fs/upper", "fs/work", "etc", "files", "log" };
	static const char *const files[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		if (mkdirat(w->dir, dirs[i], i == 1 ? 0755 : 0700) < 0)
			return err_set(e, ERR_SYS, errno, "make %s/%s", w->path, dirs[i]);
		if (i == 0 && limit_size(w, e) < 0)           /* what is made below it inherits the quota */
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (fs_write(w->dir, files[i], "", 0, 0644, false, e) < 0)
			return -1;
	return 0;
}

int ctr_make(struct engine *en, struct ctr_want *w, struct err *e)
{
	struct ctr_record r = {0};
	auto_spec struct spec s = {0};
	auto_close int projects = -1;
	auto_free char *rel = xasprintf("projects/%s", en->o.name);
	int ret;

	w->dir = record_dir(en->o.paths, en->o.name, w->id, true);
	if (w->dir < 0)
		return err_set(e, ERR_SYS, errno, "make the directory of container %s", w->name);
	w->path = xasprintf("%s/projects/%s/%s", en->o.paths->root, en->o.name, w->id);
	spec_default(&s);
	ret = make_dirs(w, e) < 0 || to_record(en, w, &r, e) < 0 || to_spec(en, w, &r, &s, e) < 0 || write_all(w, &r, &s, e) < 0 ? -1 : 0;
	if (ret < 0) {
		forget_size(w->dir);
		for (size_t i = 0; i < r.anon_volumes.n; i++) {
			auto_err struct err ignored = {0};

			if (!w->replaces && vol_record_remove(en->o.paths, r.anon_volumes.v[i], &ignored) < 0)
				engine_warn(en, "volume %s stays: %s", r.anon_volumes.v[i], ignored.frame[0]);
		}
		projects = openat(en->o.paths->root_fd, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (projects >= 0)
			(void)fs_rm_rf(projects, w->id);
	}
	close(w->dir);
	free(w->path);
	record_done(&r);
	return ret;
}

int op_ctr_create(struct engine *en, struct op *op, struct err *e)
{
	auto_free char *ref = image_name_of(en->o.project, op->service);
	struct ctr_want w = { .s = op->service, .id = en->ids[op->i], .name = op->object, .image_ref = ref, .number = op->number,
		.kind = KIND_SERVICE, .replaces = op->replaces };

	record_new_id(en->ids[op->i]);
	if (engine_image(en, ref, &w.image, e) < 0) {
		err_at(e, op->service->pos, op->service->name);
		return -1;
	}
	return ctr_make(en, &w, e);
}

int engine_oneoff(struct engine *en, const struct service *s, const struct oneoff *o, char ret_id[65], char **ret_name, struct err *e)
{
	auto_free char *ref = image_name_of(en->o.project, s), *name = NULL;
	struct ctr_want w = { .s = s, .id = ret_id, .image_ref = ref, .number = 1, .kind = KIND_ONEOFF, .oneoff = o };
	char sep = project_sep(en->o.project);

	*ret_name = NULL;
	record_new_id(ret_id);
	name = o->name ? xstrdup(o->name) : xasprintf("%s%c%s%crun%c%.12s", en->o.name, sep, s->name, sep, sep, ret_id);
	w.name = name;
	if (store_pin(en->o.store, e) < 0)
		return -1;
	if (engine_image(en, ref, &w.image, e) < 0 || ctr_make(en, &w, e) < 0)
		err_wrap(e, "create container %s", name);
	else
		*ret_name = take_ptr(name);
	store_unpin(en->o.store);
	return *ret_name ? 0 : -1;
}

static int start_job(struct engine *en, struct op *op, struct err *e)
{
	auto_sup struct sup *sup = NULL;

	if (engine_mount_volumes(en, op_ctr_id(en, op), e) < 0 || sup_open(&sup, en->o.paths, en->o.name, true, e) < 0)
		return -1;
	return sup_call(sup, "start", json_pack("{s:s}", "ctr", op_ctr_id(en, op)), NULL, 0, NULL, e);
}

int op_ctr_start(struct engine *en, struct op *op, struct err *e)
{
	if (has_mounted_volume(en, op_ctr_id(en, op)))
		return job_start(en, op, start_job, e);
	return ask(en, op, "start", json_pack("{s:s}", "ctr", op_ctr_id(en, op)), e);
}

int op_ctr_stop(struct engine *en, struct op *op, struct err *e)
{
	return ask(en, op, "stop", json_pack("{s:s,s:I}", "ctr", op_ctr_id(en, op), "timeout_ns", (json_int_t)op->timeout_ns), e);
}

int op_ctr_kill(struct engine *en, struct op *op, struct err *e)
{
	int sig = *op->signal ? signal_number(op->signal) : SIGKILL;

	if (sig < 0) {
		err_set(e, ERR_USAGE, 0, "\"%s\" is no signal", op->signal);
		return err_hint(e, "use a name such as SIGTERM or a number");
	}
	return ask(en, op, "kill", json_pack("{s:s,s:i}", "ctr", op_ctr_id(en, op), "signal", sig), e);
}

int op_ctr_pause(struct engine *en, struct op *op, struct err *e)
{
	return ask(en, op, "pause", json_pack("{s:s}", "ctr", op_ctr_id(en, op)), e);
}

int op_ctr_unpause(struct engine *en, struct op *op, struct err *e)
{
	return ask(en, op, "unpause", json_pack("{s:s}", "ctr", op_ctr_id(en, op)), e);
}

int op_wait(struct engine *en, struct op *op, struct err *e)
{
	const char *id = op_ctr_id(en, op), *what = op->wait == WAIT_HEALTHY ? "healthy" : op->wait == WAIT_RUNNING ? "running" : "exited";
	struct ctr_record r = {0};
	auto_close int dir = -1;

	if (!*id)                 /* a marker: only its predecessors matter */
		return 0;
	if (op->wait == WAIT_RUNNING) {
		dir = record_dir(en->o.paths, en->o.name, id, false);
		if (dir < 0 || record_read(dir, &r, e) < 0)
			return dir < 0 ? err_set(e, ERR_MISSING, errno, "container %s is gone", op->object) : -1;
		if (r.health.set)
			what = "healthy";
		record_done(&r);
	}
	return ask(en, op, "wait", json_pack("{s:s,s:s}", "ctr", id, "for", what), e);
}

static void remove_anon_volumes(struct engine *en, const struct ctr_record *r)
{
	for (size_t i = 0; i < r->anon_volumes.n; i++) {
		auto_err struct err e = {0};

		if (vol_record_remove(en->o.paths, r->anon_volumes.v[i], &e) < 0)
			engine_warn(en, "volume %s stays: %s", r->anon_volumes.v[i], e.frame[0]);
	}
}

/* Its supervisor was killed while it ran: the next one, when it begins, ends what is left of it. */
static int end_stale(struct engine *en, int dir, struct err *e)
{
	struct ctr_status st = {0};
	auto_err struct err ignored = {0};
	struct sup *sup;
	bool stale;

	if (status_read(dir, &st, &ignored) < 0)
		return 0;
	stale = st.state == CTR_RUNNING || st.state == CTR_PAUSED || st.state == CTR_RESTARTING;
	status_done(&st);
	return stale ? engine_sup(en, &sup, e) : 0;
}

/* A command that was killed may have left it on its way to run, which no file tells: one that does not run is fine. Over a
 * connection of its own, since answers to others may come on the engine's. */
static void stop_in_flight(struct engine *en, const char *id)
{
	auto_err struct err ignored = {0};
	auto_sup struct sup *s = NULL;

	if (sup_open(&s, en->o.paths, en->o.name, false, &ignored) == 0)
		(void)!sup_call(s, "stop", json_pack("{s:s,s:i}", "ctr", id, "timeout_ns", -1), NULL, 0, NULL, &ignored);
}

int engine_remove_ctr(struct engine *en, const char *id, bool with_volumes, struct err *e)
{
	auto_free char *rel = xasprintf("projects/%s", en->o.name);
	auto_close int projects = openat(en->o.paths->root_fd, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir = -1;
	struct ctr_record r = {0};
	auto_err struct err ignored = {0};

	if (projects < 0)
		return err_set(e, ERR_SYS, errno, "open %s", rel);
	dir = openat(projects, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_SYS, errno, "open %s/%s", rel, id);
	if (end_stale(en, dir, e) < 0)
		return -1;
	stop_in_flight(en, id);
	if (record_read(dir, &r, &ignored) == 0) {
		for (size_t i = 0; i < r.volumes.n; i++)        /* a client that died may have left one mounted */
			vol_let_go(en->o.paths, r.volumes.v[i], -1);
		if (with_volumes)
			remove_anon_volumes(en, &r);
	}
	record_done(&r);
	/* the record goes first: what is interrupted after it is no container any more, only rubbish that `down` sweeps */
	(void)unlinkat(dir, "record.json", 0);
	forget_size(dir);
	if (fs_rm_rf(projects, id) < 0)
		return err_set(e, ERR_SYS, errno, "remove %s/%s", rel, id);
	return 0;
}

int op_ctr_remove(struct engine *en, struct op *op, struct err *e)
{
	return engine_remove_ctr(en, op_ctr_id(en, op), op->with_volumes, e);
}
