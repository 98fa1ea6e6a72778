/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/engine.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "compose/base/intr.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/engine/engine_priv.h"

struct job {
	struct engine *en;
	struct op *op;
	op_fn *fn;
	int ret;
	struct err err;
};

static op_fn *const handlers[] = {
	[OP_PULL] = op_pull, [OP_BUILD] = op_build, [OP_PUSH] = op_push, [OP_IMAGE_REMOVE] = op_image_remove,
	[OP_NET_CREATE] = op_net_create, [OP_NET_REMOVE] = op_net_remove,
	[OP_NET_REMAKE] = op_net_remake, [OP_NET_UPDATE] = op_net_update,
	[OP_VOL_CREATE] = op_vol_create, [OP_VOL_REMOVE] = op_vol_remove,
	[OP_VOL_REMAKE] = op_vol_remake, [OP_VOL_UPDATE] = op_vol_update,
	[OP_CTR_CREATE] = op_ctr_create, [OP_CTR_START] = op_ctr_start, [OP_CTR_STOP] = op_ctr_stop,
	[OP_CTR_KILL] = op_ctr_kill, [OP_CTR_REMOVE] = op_ctr_remove, [OP_CTR_PAUSE] = op_ctr_pause,
	[OP_CTR_UNPAUSE] = op_ctr_unpause, [OP_PROVIDER_UP] = op_provider, [OP_PROVIDER_STOP] = op_provider,
	[OP_PROVIDER_DOWN] = op_provider, [OP_HOOK] = op_hook, [OP_WAIT] = op_wait,
};

/* What the user reads while an operation runs, and after it. */
static const struct { const char *kind, *begin, *end; } words[] = {
	[OP_PULL] = { "Image", "Pulling", "Pulled" }, [OP_BUILD] = { "Image", "Building", "Built" },
	[OP_PUSH] = { "Image", "Pushing", "Pushed" },
	[OP_IMAGE_REMOVE] = { "Image", "Removing", "Removed" },
	[OP_NET_CREATE] = { "Network", "Creating", "Created" }, [OP_NET_REMOVE] = { "Network", "Removing", "Removed" },
	[OP_NET_REMAKE] = { "Network", "Recreating", "Recreated" }, [OP_NET_UPDATE] = { "Network", "Relabelling", "Relabelled" },
	[OP_VOL_REMAKE] = { "Volume", "Recreating", "Recreated" }, [OP_VOL_UPDATE] = { "Volume", "Relabelling", "Relabelled" },
	[OP_VOL_CREATE] = { "Volume", "Creating", "Created" }, [OP_VOL_REMOVE] = { "Volume", "Removing", "Removed" },
	[OP_CTR_CREATE] = { "Container", "Creating", "Created" }, [OP_CTR_START] = { "Container", "Starting", "Started" },
	[OP_CTR_STOP] = { "Container", "Stopping", "Stopped" }, [OP_CTR_KILL] = { "Container", "Killing", "Killed" },
	[OP_CTR_REMOVE] = { "Container", "Removing", "Removed" }, [OP_CTR_PAUSE] = { "Container", "Pausing", "Paused" },
	[OP_CTR_UNPAUSE] = { "Container", "Unpausing", "Unpaused" }, [OP_HOOK] = { "Container", "Running", "Completed" },
	[OP_PROVIDER_UP] = { "Provider", "Starting", "Ready" }, [OP_PROVIDER_STOP] = { "Provider", "Stopping", "Stopped" },
	[OP_PROVIDER_DOWN] = { "Provider", "Removing", "Removed" },
	[OP_WAIT] = { "Container", "Waiting", "Ready" },
};

struct engine *engine_new(const struct engine_opts *o)
{
	struct engine *en = xcalloc(1, sizeof(*en));

	en->o = *o;
	en->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)pthread_mutex_init(&en->mutex, NULL);
	return en;
}

void engine_free(struct engine *en)
{
	if (!en)
		return;
	for (size_t i = 0; i < en->images.n; i++)
		image_free(en->images.e[i].val);
	vec_done(&en->finished);
	vec_done(&en->requests);
	map_done(&en->warned);
	map_done(&en->images);
	engine_unmount_volumes(en);
	vec_done(&en->finished);
	sup_close(en->sup);
	if (en->wake_fd >= 0)
		close(en->wake_fd);
	(void)pthread_mutex_destroy(&en->mutex);
	free(en);
}

int engine_sup(struct engine *en, struct sup **ret, struct err *e)
{
	if (!en->sup && sup_open(&en->sup, en->o.paths, en->o.name, true, e) < 0)
		return err_wrap(e, "start the supervisor of project %s", en->o.name);
	*ret = en->sup;
	return 0;
}

int engine_image(struct engine *en, const char *ref, const struct image **ret, struct err *e)
{
	struct image *img = map_get(&en->images, ref);

	if (!img) {
		int r = image_open(en->o.store, ref, &img, e);

		if (r < 0)
			return err_wrap(e, "look up image %s", ref);
		if (r > 0) {
			err_set(e, ERR_MISSING, 0, "image %s is not present", ref);
			return err_hint(e, "`compose pull` or `compose build` gets it");
		}
		map_set(&en->images, ref, img);
	}
	*ret = img;
	return 0;
}

void tell(struct engine *en, const char *kind, const char *name, const char *status, enum engine_tone tone, bool done)
{
	if (en->o.events.status)
		en->o.events.status(en->o.events.arg, kind, name, status, tone, done);
}

void engine_warn(const struct engine *en, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	if (en->o.events.warn)
		en->o.events.warn(en->o.events.arg, text);
}

const char *op_ctr_id(const struct engine *en, const struct op *op)
{
	if (op->ctr)
		return op->ctr->id;
	return op->ctr_op ? en->ids[op->ctr_op->i] : "";
}

/* ---- ends of operations --------------------------------------------------------------------------------------- */

static bool shown(const struct engine *en, const struct op *op)
{
	if (op->kind == OP_PULL || op->kind == OP_PUSH)
		return !en->o.quiet_pull;
	return op->kind != OP_WAIT || op->ctr || op->ctr_op;
}

/* What is made anew says why. ret: caller frees */
static char *begin_text(const struct op *op)
{
	const char *why = op->replaces ? strstr(op->cause, ": ") : NULL;

	if (op->kind == OP_NET_REMAKE || op->kind == OP_VOL_REMAKE)
		return xasprintf("%s: %s", words[op->kind].begin, op->cause);
	if (!op->replaces)
		return xstrdup(words[op->kind].begin);
	return xasprintf("Recreating: %s", why ? why + 2 : op->cause);
}

static const char *end_word(const struct engine *en, const struct op *op)
{
	if (op == en->deaf)
		return "Stopped (killed at once: process 1 has no handler for the stop signal)";
	if (op->replaces)
		return "Recreated";
	if (op->kind != OP_WAIT)
		return words[op->kind].end;
	return op->wait == WAIT_HEALTHY ? "Healthy" : op->wait == WAIT_COMPLETED ? "Exited" : "Ready";
}

/* What could not be done. ret: caller frees */
static char *failed_text(const struct op *op)
{
	if (op->kind == OP_WAIT && op->n_next)
		return xasprintf("dependency failed to start: %s waits for %s", op->next[0]->object, op->object);
	return xasprintf("%s %s", op_kind_name(op->kind), op->object);
}

/* What must happen on disk once the supervisor has answered. */
static void settle(struct engine *en, const struct op *op, bool ok)
{
	auto_err struct err e = {0};

	if ((op->kind == OP_NET_CREATE && !ok) || (op->kind == OP_NET_REMOVE && ok))
		if (net_record_remove(en->o.paths, op->object, &e) < 0)
			engine_warn(en, "%s", e.frame[0]);
}

/* What was to take the place of a container that could not be stopped goes again; nothing else has happened to it. */
static void undo_replacement(struct engine *en, const struct op *stop)
{
	for (size_t i = 0; i < en->plan->n_ops; i++) {
		const struct op *op = en->plan->ops[i];
		auto_err struct err e = {0};

		if (op->kind != OP_CTR_CREATE || !op->replaces || op->replaces != stop->ctr || !*en->ids[op->i])
			continue;
		if (engine_remove_ctr(en, en->ids[op->i], false, &e) < 0)
			engine_warn(en, "container %s stays: %s", op->object, e.frame[0]);
	}
}

static void finish(struct engine *en, struct op *op, bool ok, struct err *e)
{
	bool cut;

	settle(en, op, ok);
	if (!ok && op->kind == OP_CTR_STOP)
		undo_replacement(en, op);
	for (size_t i = 0; !ok && op->kind == OP_NET_REMAKE && i < op->n_after; i++)
		undo_replacement(en, op->after[i]);      /* the old ones run again */
	if (!ok && op->optional) {
		engine_warn(en, "%s: optional dependency failed: %s", op->object, e->n ? e->frame[e->n - 1] : "");
		err_done(e);
		ok = true;
	}
	cut = !ok && e->kind == ERR_INTR && intr_count();
	if (shown(en, op))
		tell(en, words[op->kind].kind, op->object, ok ? end_word(en, op) : cut ? "Interrupted" : "Error",
		     ok ? ENGINE_OK : cut ? ENGINE_WARN : ENGINE_FAIL, true);
	if (cut) {                              /* told once for all, at the end */
		err_done(e);
	} else if (!ok) {
		auto_free char *what = failed_text(op);

		if (!e->n || !str_eq(e->frame[e->n - 1], what))         /* the supervisor says it too */
			err_wrap(e, "%s", what);
		errs_add(en->errs, e);
	}
	sched_end(&en->sched, op, ok);
}

static void *job_main(void *arg)
{
	struct job *j = arg;
	uint64_t one = 1;

	j->ret = j->fn(j->en, j->op, &j->err);
	(void)pthread_mutex_lock(&j->en->mutex);
	vec_push(&j->en->finished, j);
	(void)pthread_mutex_unlock(&j->en->mutex);
	(void)!write(j->en->wake_fd, &one, sizeof(one));
	return NULL;
}

int job_start(struct engine *en, struct op *op, op_fn *fn, struct err *e)
{
	struct job *j = xcalloc(1, sizeof(*j));
	pthread_attr_t attr;
	pthread_t t;
	int r;

	*j = (struct job){ .en = en, .op = op, .fn = fn };
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&t, &attr, job_main, j);
	(void)pthread_attr_destroy(&attr);
	if (r) {
		free(j);
		return err_set(e, ERR_SYS, r, "start a thread");
	}
	en->jobs++;
	return 1;
}

static void take_finished(struct engine *en)
{
	uint64_t n;

	(void)!read(en->wake_fd, &n, sizeof(n));
	for (;;) {
		struct job *j = NULL;

		(void)pthread_mutex_lock(&en->mutex);
		if (en->finished.n)
			j = en->finished.v[--en->finished.n];
		(void)pthread_mutex_unlock(&en->mutex);
		if (!j)
			return;
		en->jobs--;
		finish(en, j->op, j->ret >= 0, &j->err);
		err_done(&j->err);
		free(j);
	}
}

int ask(struct engine *en, struct op *op, const char *verb, json_t *args, struct err *e)
{
	struct sup *sup = NULL;
	int64_t id;

	if (engine_sup(en, &sup, e) < 0) {
		json_decref(args);
		return -1;
	}
	id = sup_send(sup, verb, args, NULL, 0, e);
	if (id < 0)
		return -1;
	vec_push(&en->requests, (struct request){ id, op });
	return 1;
}

/* A reply may be a failure for the operation all the same. */
static int accept_reply(struct engine *en, const struct op *op, const json_t *reply, struct err *e)
{
	int64_t code = json_int(reply, "exit_code", 0);
	auto_strv struct strv warn = {0};

	json_strv(reply, "warnings", &warn);
	for (size_t i = 0; i < warn.n; i++)
		engine_warn(en, "%s: %s", op->object, warn.v[i]);
	if (op->kind == OP_HOOK)
		return hook_end(en, op, (int)code, e);

	if (op->kind != OP_WAIT || op->wait != WAIT_COMPLETED || code == 0)
		return 0;
	err_set(e, ERR_SYS, 0, "service \"%s\" didn't complete successfully: exit %d", op->service->name, (int)code);
	return err_hint(e, "`compose logs %s` shows what it printed", op->service->name);
}

static void take_replies(struct engine *en)
{
	for (;;) {
		auto_json json_t *reply = NULL;
		auto_err struct err e = {0};
		int64_t id = 0;
		int r = sup_recv(en->sup, &id, &reply, &e);

		if (r == 0)
			return;
		for (size_t i = en->requests.n; i-- > 0;) {
			auto_err struct err each = {0};
			struct op *op = en->requests.v[i].op;

			if (r > 0 && en->requests.v[i].id != id)
				continue;
			vec_remove(&en->requests, i);
			if (r < 0)
				err_set(&each, ERR_SYS, 0, "the supervisor went away: %s", e.n ? e.frame[0] : "connection closed");
			else
				err_move(&each, &e);
			en->deaf = op->kind == OP_CTR_STOP && reply && json_flag(reply, "no_handler", false) ? op : NULL;
			finish(en, op, r > 0 && reply && accept_reply(en, op, reply, &each) == 0, &each);
			en->deaf = NULL;
			if (r > 0)
				break;
		}
		if (r < 0) {
			sup_close(en->sup);
			en->sup = NULL;
			return;
		}
	}
}

/* ---- the loop --------------------------------------------------------------------------------------------------- */

static void start_ready(struct engine *en)
{
	struct op *op;

	while ((op = sched_next(&en->sched))) {
		auto_free char *begin = begin_text(op);
		auto_err struct err e = {0};
		int r;

		if (shown(en, op))
			tell(en, words[op->kind].kind, op->object, begin, ENGINE_WORK, false);
		r = handlers[op->kind](en, op, &e);
		if (r <= 0)
			finish(en, op, r == 0, &e);
	}
}

/* First Ctrl-C: start nothing more, drop the waits, let what runs come to its end. */
static void on_interrupt(struct engine *en)
{
	en->interrupted = true;
	sched_stop(&en->sched);
	for (size_t i = en->requests.n; i-- > 0;) {
		struct op *op = en->requests.v[i].op;

		if (op->kind == OP_HOOK)
			hook_kill(en, op);
		if (op->kind != OP_WAIT)
			continue;
		vec_remove(&en->requests, i);
		sched_end(&en->sched, op, false);
		tell(en, "Container", op->object, "Interrupted", ENGINE_WARN, true);
	}
}

/* ret: for poll() */
static int ms_left(const struct engine *en)
{
	int64_t left = en->o.wait_deadline_ns - sys_mono_ns(), most = en->o.events.tick ? 1000 : 3600000;

	if (!en->o.wait_deadline_ns)
		return en->o.events.tick ? (int)most : -1;
	return left <= 0 ? 0 : left > most * 1000000 ? (int)most : (int)((left + 999999) / 1000000);
}

static void on_deadline(struct engine *en)
{
	en->o.wait_deadline_ns = 0;
	for (size_t i = en->requests.n; i-- > 0;) {
		auto_err struct err e = {0};
		struct op *op = en->requests.v[i].op;

		if (op->kind != OP_WAIT)
			continue;
		vec_remove(&en->requests, i);
		err_set(&e, ERR_SYS, 0, "it was not ready in the time that --wait-timeout gives");
		err_hint(&e, "`compose ps` and `compose logs` show how far it came");
		finish(en, op, false, &e);
	}
}

static int wait_events(struct engine *en, struct err *e)
{
	struct pollfd p[3] = {
		{ .fd = en->wake_fd, .events = POLLIN },
		{ .fd = en->sup ? sup_fd(en->sup) : -1, .events = POLLIN },
		{ .fd = en->interrupted ? -1 : intr_fd(), .events = POLLIN },
	};

	int r = poll(p, 3, ms_left(en));

	if (r < 0 && errno != EINTR)
		return err_set(e, ERR_SYS, errno, "wait for operations");
	if (r == 0 && en->o.events.tick)
		en->o.events.tick(en->o.events.arg);
	if (en->o.wait_deadline_ns && sys_mono_ns() >= en->o.wait_deadline_ns)
		on_deadline(en);
	if (p[0].revents)
		take_finished(en);
	if (p[1].revents && en->sup)
		take_replies(en);
	if (intr_count() && !en->interrupted)
		on_interrupt(en);
	return 0;
}

/* From looking an image up until the record of its container says that its layers are in use, nobody may collect them. */
static int pin_images(struct engine *en, const struct plan *p, bool *ret_pinned, struct err *e)
{
	*ret_pinned = false;
	for (size_t i = 0; i < p->n_ops && !*ret_pinned; i++)
		*ret_pinned = p->ops[i]->kind == OP_CTR_CREATE || p->ops[i]->kind == OP_HOOK;
	return *ret_pinned ? store_pin(en->o.store, e) : 0;
}

/* A project without containers is no project: a build alone, or the last `rm`, leaves no directory. */
static void remove_empty_project(const struct engine *en)
{
	auto_free char *rel = xasprintf("projects/%s", en->o.name);

	(void)unlinkat(en->o.paths->root_fd, rel, AT_REMOVEDIR);
}

int engine_run(struct engine *en, const struct plan *p, struct errs *errs)
{
	auto_err struct err e = {0};
	size_t before = errs->n;
	bool pinned;

	if (preflight(en, p, errs) < 0)
		return -1;
	if (pin_images(en, p, &pinned, &e) < 0)
		return errs_add(errs, &e);
	for (size_t i = 0; i < p->n_warnings; i++)
		engine_warn(en, "%s", p->warnings[i]);
	en->plan = p;
	en->errs = errs;
	en->ids = xcalloc(p->n_ops, sizeof(*en->ids));
	en->interrupted = intr_count() > 0;
	sched_init(&en->sched, p, en->o.parallel > 0 ? (size_t)en->o.parallel : 0);
	if (en->interrupted)
		sched_stop(&en->sched);
	start_ready(en);
	while (!sched_idle(&en->sched)) {
		if (wait_events(en, &e) < 0)
			break;
		start_ready(en);
	}
	providers_give(en);
	build_network_remove(en);
	remove_empty_project(en);
	if (pinned)
		store_unpin(en->o.store);
	sched_done(&en->sched);
	vec_done(&en->requests);
	free(en->ids);
	en->ids = NULL;
	if (e.n)
		errs_add(errs, &e);
	else if ((en->interrupted || intr_count()) && errs->n == before) {
		err_set(&e, ERR_INTR, 0, "interrupted");
		errs_add(errs, &e);
	}
	return errs->n > before ? -1 : 0;
}
