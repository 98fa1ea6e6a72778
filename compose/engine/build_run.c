/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/build_run.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

static void record_of(const struct engine *en, const struct run_step *s, const char *id, const char *network, struct ctr_record *r)
{
	(void)snprintf(r->id, sizeof(r->id), "%s", id);
	r->name = xasprintf("%s-build-%.12s", en->o.name, id);
	r->project = xstrdup(en->o.name);
	r->service = xstrdup("build");
	r->number = 1;
	r->kind = KIND_BUILD;
	r->image = xstrdup("");
	r->image_id = xstrdup("");
	r->config_hash = xstrdup("");
	r->command = xstrdup(s->name);
	r->created_ns = sys_now_ns();
	for (size_t i = 0; i < s->n_layers; i++)
		strv_add(&r->layers, s->layers[i]);
	r->upper = xstrdup(s->upper);
	r->work = xstrdup(s->work);
	r->hostname = xstrdup(s->hostname && *s->hostname ? s->hostname : "buildkitsandbox");
	r->domainname = xstrdup("");
	r->pid_mode = xstrdup("");
	r->ipc_mode = xstrdup("");
	r->uts_mode = xstrdup("");
	r->network_mode = xstrdup(str_eq(s->network, "host") || str_eq(s->network, "none") ? s->network : "");
	if (network) {
		struct rec_net n = { .network = xstrdup(network), .ipv4 = xstrdup(""), .ipv6 = xstrdup(""), .mac = xstrdup(""), .ifname = xstrdup(""), .at = xstrdup("") };

		strv_add(&n.names, r->name);
		vec_push(&r->nets, n);
	}
	for (size_t i = 0; i < s->n_extra_hosts; i++)
		strv_take(&r->extra_hosts, xasprintf("%s=%s", s->extra_hosts[i].key, s->extra_hosts[i].val));
	r->stop_signal = SIGKILL;
	r->log_driver = xstrdup("none");
	r->mounts = xstrdup("");
}

static void spec_of(const struct engine *en, const struct run_step *s, const struct ctr_record *r, const char *path, struct spec *spec)
{
	static const char *const names[] = { "hosts", "hostname", "resolv.conf" };
	auto_free char *group = record_cgroup(en->o.paths, r);

	spec_default(spec);
	for (char *const *a = s->args; *a; a++)
		strv_add(&spec->process.args, *a);
	for (char *const *v = s->env; *v; v++)
		strv_add(&spec->process.env, *v);
	spec->process.cwd = arena_strdup(&spec->arena, s->cwd);
	if (*s->user)
		spec->process.user.name = arena_strdup(&spec->arena, s->user);
	spec->hostname = arena_strdup(&spec->arena, r->hostname);
	spec->cgroup_path = arena_strdup(&spec->arena, group);
	if (str_eq(s->network, "host"))
		spec->ns[SPEC_NS_NET] = (struct spec_ns){0};
	if (s->shm_size_bytes > 0 && spec_del_mount(spec, "/dev/shm")) {
		auto_free char *o = xasprintf("nosuid,noexec,nodev,mode=1777,size=%lld", (long long)s->shm_size_bytes);

		(void)spec_add_mount(spec, "/dev/shm", "tmpfs", "shm", o);
	}
	for (size_t i = 0; i < s->n_limits; i++)
		vec_push(&spec->process.rlimits, (struct spec_rlimit){ s->limits[i].resource, s->limits[i].soft, s->limits[i].hard });
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *src = xasprintf("%s/etc/%s", path, names[i]), *dst = xasprintf("/etc/%s", names[i]);

		(void)spec_add_mount(spec, dst, "bind", src, "bind,rprivate,rw");
	}
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct build_mount *m = &s->mounts[i];
		auto_free char *size = m->size_bytes ? xasprintf("nosuid,nodev,mode=1777,size=%lld", (long long)m->size_bytes) :
			xstrdup("nosuid,nodev,mode=1777");

		if (m->kind == BUILD_MOUNT_TMPFS)
			(void)spec_add_mount(spec, m->target, "tmpfs", "tmpfs", size);
		else
			(void)spec_add_mount(spec, m->target, "bind", m->source, m->ro ? "rbind,rprivate,ro" : "rbind,rprivate,rw");
	}
}

static int write_bundle(const struct engine *en, const struct run_step *s, const char *id, const char *network, int dir, struct err *e)
{
	static const char *const files[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf" };
	auto_free char *path = xasprintf("%s/projects/%s/%s", en->o.paths->root, en->o.name, id);
	const struct ctr_status status = { .state = CTR_CREATED };
	struct ctr_record r = {0};
	auto_spec struct spec spec = {0};
	auto_json json_t *config = NULL;
	int ret = 0;

	if (mkdirat(dir, "etc", 0700) < 0 || mkdirat(dir, "log", 0700) < 0)
		return err_set(e, ERR_SYS, errno, "make %s/etc", path);
	for (size_t i = 0; i < ARRAY_LEN(files) && ret == 0; i++)
		ret = fs_write(dir, files[i], "", 0, 0644, false, e);
	record_of(en, s, id, network, &r);
	spec_of(en, s, &r, path, &spec);
	config = spec_to_json(&spec);
	if (ret == 0)
		ret = json_write(dir, "config.json", config, 0600, false, e);
	if (ret == 0)
		ret = status_write(dir, &status, e);
	if (ret == 0)
		ret = record_write(dir, &r, e);
	record_done(&r);
	return ret;
}

/* Wait for the reply to the request, or kill the container when cancel_fd says so. */
static int await_exit(struct sup *sup, const char *id, int cancel_fd, int *ret_exit, struct err *e)
{
	int64_t want = sup_send(sup, "wait", json_pack("{s:s,s:s}", "ctr", id, "for", "exited"), NULL, 0, e);
	bool cancelled = false;

	if (want < 0)
		return -1;
	for (;;) {
		struct pollfd p[2] = { { .fd = sup_fd(sup), .events = POLLIN }, { .fd = cancelled ? -1 : cancel_fd, .events = POLLIN } };
		auto_json json_t *reply = NULL;
		int64_t got = -1;
		int r;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_set(e, ERR_SYS, errno, "wait for a build step");
		if (p[1].revents && !cancelled) {
			cancelled = true;
			if (sup_send(sup, "kill", json_pack("{s:s,s:i}", "ctr", id, "signal", SIGKILL), NULL, 0, e) < 0)
				return -1;
		}
		if (!p[0].revents)
			continue;
		r = sup_recv(sup, &got, &reply, e);
		if (r < 0 || (r > 0 && got == want && !reply))
			return -1;
		if (r > 0 && got == want) {
			*ret_exit = (int)json_int(reply, "exit_code", 255);
			return cancelled ? err_set(e, ERR_INTR, 0, "interrupted") : 0;
		}
		if (r > 0 && !reply)
			err_done(e);              /* the kill found nothing to kill: the exit is on its way */
	}
}

static int run_in(struct engine *en, struct sup *sup, const struct run_step *s, const char *id, int out_fd, int err_fd,
		  int *ret_exit, struct err *e)
{
	const int fds[2] = { out_fd, err_fd };
	auto_free char *network = NULL;
	auto_close int dir = -1;

	if (str_eq(s->network, "") || str_eq(s->network, "default") || !s->network) {
		if (build_network(en, sup, &network, e) < 0)
			return -1;
	} else if (!str_eq(s->network, "none") && !str_eq(s->network, "host")) {
		network = xstrdup(s->network);
	}
	dir = record_dir(en->o.paths, en->o.name, id, true);
	if (dir < 0)
		return err_set(e, ERR_SYS, errno, "make the directory of a build step");
	if (write_bundle(en, s, id, network, dir, e) < 0)
		return -1;
	if (sup_call(sup, "start", json_pack("{s:s,s:[s,s]}", "ctr", id, "attach", "stdout", "stderr"), fds, 2, NULL, e) < 0)
		return -1;
	return await_exit(sup, id, s->cancel_fd, ret_exit, e);
}

int build_run(struct engine *en, const struct run_step *s, int out_fd, int err_fd, int *ret_exit, struct err *e)
{
	auto_sup struct sup *sup = NULL;
	auto_err struct err ignored = {0};
	char id[ID_SIZE];
	int r;

	record_new_id(id);
	if (sup_open(&sup, en->o.paths, en->o.name, true, e) < 0)
		return err_wrap(e, "start the supervisor of project %s", en->o.name);
	r = run_in(en, sup, s, id, out_fd, err_fd, ret_exit, e);
	if (engine_remove_ctr(en, id, false, &ignored) < 0)
		engine_warn(en, "build step's directory stays: %s", ignored.frame[0]);
	return r;
}
