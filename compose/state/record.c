/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/state/record.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/state/codec.h"

enum { RECORD_MAX_BYTES = 8 * 1024 * 1024, STATUS_MAX_BYTES = 256 * 1024 };

static const char *const kind_names[] = { "service", "oneoff", "build", "hook", NULL };
static const char *const policy_names[] = { "no", "always", "on-failure", "unless-stopped", NULL };
static const char *const state_names[] = { "created", "running", "paused", "restarting", "exited", "dead", NULL };
static const char *const hook_names[] = { "", "running", "failed", NULL };
static const char *const health_names[] = { "", "starting", "healthy", "unhealthy", NULL };

#define T struct rec_kv
static const struct field kv_fields[] = { F_STR(key), F_STR(val), F_END };
#undef T
#define T struct rec_net
static const struct field net_fields[] = {
	F_NAME(network), F_STRV(names), F_STR(ipv4), F_STR(ipv6), F_STR(mac), F_STR(ifname), F_STRV(link_local), F_STR(at),
	F_I64(gw_priority), F_END
};
#undef T
#define T struct rec_port
static const struct field port_fields[] = {
	F_STR(host_ip), F_U16(target), F_U16(published), F_U16(published_end), F_STR(proto), F_STR(at), F_END
};
#undef T
#define T struct rec_exposed
static const struct field exposed_fields[] = { F_U16(first), F_U16(last), F_STR(proto), F_END };
#undef T
#define T struct rec_hook
static const struct field hook_fields[] = {
	F_STRV(command), F_STRV(env), F_STR(user), F_STR(working_dir), F_BOOL(privileged), F_STR(at), F_END
};
#undef T
#define T struct ctr_record
static const struct field ctr_fields[] = {
	F_ID(id), F_NAME(name), F_NAME(project), F_NAME(service), F_UINT(number), F_ENUM(kind, kind_names),
	F_STR(image), F_STR(image_id), F_STR(config_hash), F_STR(command), F_I64(created_ns), F_VEC(labels, kv_fields),
	F_NAMES(layers), F_STR(upper), F_STR(work), F_STR(hostname), F_STR(domainname), F_STR(network_mode), F_STR(cgroup_parent),
	F_STR(pid_mode), F_STR(ipc_mode), F_STR(uts_mode), F_VEC(nets, net_fields), F_VEC(ports, port_fields), F_VEC(exposed, exposed_fields),
	F_STRV(dns), F_STRV(dns_search), F_STRV(dns_opt), F_STRV(links), F_STRV(extra_hosts), F_ENUM(restart, policy_names),
	F_INT(restart_max), F_INT(stop_signal), F_I64(stop_grace_ns), F_BOOL(health.set), F_STRV(health.test),
	F_I64(health.interval_ns), F_I64(health.timeout_ns), F_I64(health.start_period_ns),
	F_I64(health.start_interval_ns), F_INT(health.retries), F_BOOL(tty), F_BOOL(stdin_open), F_BOOL(auto_remove),
	F_STR(log_driver), F_I64(log_max_bytes), F_INT(log_max_files), F_BOOL(log_elsewhere), F_BOOL(log_compress),
	F_STR(ship.address), F_STR(ship.format), F_STR(ship.host), F_STR(ship.tag), F_STR(ship.fields), F_INT(ship.facility),
	F_BOOL(ship.drop), F_I64(ship.buffer_bytes), F_NAMES(volumes), F_NAMES(anon_volumes),
	F_NAMES(mount_layers), F_VEC(mount_images, kv_fields),
	F_STR(mounts), F_VEC(post_start, hook_fields), F_VEC(pre_stop, hook_fields), F_END
};
#undef T
#define T struct rec_endpoint
static const struct field endpoint_fields[] = {
	F_NAME(network), F_STR(ipv4), F_STR(ipv6), F_STR(mac), F_STR(ifname), F_END
};
#undef T
#define T struct rec_bound
static const struct field bound_fields[] = { F_STR(host_ip), F_U16(host_port), F_U16(target), F_STR(proto), F_END };
#undef T
#define T struct ctr_status
static const struct field status_fields[] = {
	F_ENUM(state, state_names), F_INT(pid), F_U64(pid_start), F_INT(exit_code), F_BOOL(oom), F_BOOL(stopped_by_user),
	F_I64(started_ns), F_I64(finished_ns), F_UINT(restarts), F_ENUM(health, health_names), F_UINT(health_fails),
	F_STR(health_output), F_STR(error), F_ENUM(hook, hook_names), F_STR(hook_error), F_STRV(joined), F_VEC(endpoints, endpoint_fields), F_VEC(bound, bound_fields), F_END
};
#undef T
#define T struct net_record
static const struct field network_fields[] = {
	F_NAME(name), F_STR(key), F_STR(project), F_STR(hash), F_STR(config), F_STR(id), F_STR(subnet), F_STR(gateway), F_STR(ip_range),
	F_STR(subnet6), F_STR(gateway6), F_STR(ip_range6), F_STRV(reserved), F_BOOL(no_ipv4), F_BOOL(no_icc),
	F_BOOL(internal), F_BOOL(ipv6), F_INT(mtu), F_I64(created_ns), F_VEC(labels, kv_fields), F_END
};
#undef T
#define T struct vol_record
static const struct field volume_fields[] = {
	F_NAME(name), F_STR(key), F_STR(project), F_STR(hash), F_STR(config), F_BOOL(anonymous), F_I64(created_ns),
	F_VEC(labels, kv_fields), F_VEC(driver_opts, kv_fields), F_END
};
#undef T

/* How a record meets a machine that goes down at once. A container and a network are of no use without the processes that
 * went down too: their files may be empty then, and count as not written. A volume's must not be. */
enum durable { MAY_BE_LOST, ON_DISK };

static int write_as(int dir, const char *path, const struct field *f, const void *obj, enum durable how, struct err *e)
{
	auto_json json_t *j = codec_encode(f, obj);

	(void)json_object_set_new(j, "version", json_integer(RECORD_VERSION));
	return json_write(dir, path, j, 0600, how == ON_DISK, e);
}

static int read_as(int dir, const char *path, size_t max, const struct field *f, void *obj, struct err *e)
{
	auto_json json_t *j = NULL;
	auto_free char *text = NULL;
	int64_t version;
	size_t len;

	if (fs_read(dir, path, max, &text, &len, e) < 0)
		return -1;
	if (!len)
		return err_set(e, ERR_MISSING, 0, "%s is empty: the machine went down before it was on disk", path);
	if (json_parse(text, len, path, &j, e) < 0)
		return -1;
	version = json_int(j, "version", 0);
	if (version < 1)
		return err_set(e, ERR_SYS, 0, "%s: not a record of compose", path);
	if (version > RECORD_VERSION) {
		err_set(e, ERR_SYS, 0, "%s: version %lld, this program knows %d", path, (long long)version, RECORD_VERSION);
		return err_hint(e, "it was written by a newer compose: use that one");
	}
	return codec_decode(f, j, path, obj, e);
}

int record_write(int dir, const struct ctr_record *r, struct err *e)
{
	return write_as(dir, "record.json", ctr_fields, r, MAY_BE_LOST, e);
}

int record_read(int dir, struct ctr_record *r, struct err *e)
{
	return read_as(dir, "record.json", RECORD_MAX_BYTES, ctr_fields, r, e);
}

void record_done(struct ctr_record *r)
{
	codec_free(ctr_fields, r);
}

int status_write(int dir, const struct ctr_status *s, struct err *e)
{
	return write_as(dir, "status.json", status_fields, s, MAY_BE_LOST, e);
}

static void status_default(struct ctr_status *s, enum ctr_state state)
{
	*s = (struct ctr_status){ .state = state, .health_output = xstrdup(""), .error = xstrdup(""), .hook_error = xstrdup("") };
}

int status_read(int dir, struct ctr_status *s, struct err *e)
{
	int r = read_as(dir, "status.json", STATUS_MAX_BYTES, status_fields, s, e);

	if (r == 0 || e->kind != ERR_MISSING || faccessat(dir, "status.json", F_OK, 0) < 0)
		return r;
	err_done(e);                             /* an empty one: what it told went down with the machine */
	status_default(s, CTR_CREATED);
	return 0;
}

void status_done(struct ctr_status *s)
{
	codec_free(status_fields, s);
}

/* networks/NAME.json and volumes/NAME/volume.json. ret: path for messages and calls, or NULL with e for an impossible name */
static char *named_path(const char *kind, const char *name, const char *tail, struct err *e)
{
	if (!codec_is_name(name)) {
		err_set(e, ERR_USAGE, 0, "\"%s\" cannot be the name of a %s", name, kind);
		return NULL;
	}
	return xasprintf("%ss/%s%s", kind, name, tail);
}

/* ret: 0; 1 when absent */
static int named_read(const struct paths *p, const char *path, const struct field *f, void *obj, struct err *e)
{
	if (!path)
		return -1;
	if (read_as(p->root_fd, path, RECORD_MAX_BYTES, f, obj, e) == 0)
		return 0;
	if (e->kind != ERR_MISSING)
		return -1;
	err_done(e);
	return 1;
}

int net_record_read(const struct paths *p, const char *name, struct net_record *r, struct err *e)
{
	auto_free char *path = named_path("network", name, ".json", e);

	return named_read(p, path, network_fields, r, e);
}

int net_record_write(const struct paths *p, const struct net_record *r, struct err *e)
{
	auto_free char *path = named_path("network", r->name, ".json", e);
	auto_close int dir = -1;

	if (!path)
		return -1;
	dir = paths_dir(p->root_fd, "networks", true);
	if (dir < 0)
		return err_set(e, ERR_SYS, errno, "make the directory of networks");
	return write_as(p->root_fd, path, network_fields, r, MAY_BE_LOST, e);
}

int net_record_remove(const struct paths *p, const char *name, struct err *e)
{
	auto_free char *path = named_path("network", name, ".json", e);

	if (!path)
		return -1;
	if (unlinkat(p->root_fd, path, 0) < 0 && errno != ENOENT)
		return err_set(e, ERR_SYS, errno, "remove %s", path);
	return 0;
}

void net_record_done(struct net_record *r)
{
	codec_free(network_fields, r);
}

int vol_record_read(const struct paths *p, const char *name, struct vol_record *r, struct err *e)
{
	auto_free char *path = named_path("volume", name, "/volume.json", e);

	return named_read(p, path, volume_fields, r, e);
}

int vol_record_write(const struct paths *p, const struct vol_record *r, struct err *e)
{
	auto_free char *path = named_path("volume", r->name, "", e);
	auto_close int dir = -1;

	if (!path)
		return -1;
	dir = paths_dir(p->root_fd, path, true);
	if (dir < 0)
		return err_set(e, ERR_SYS, errno, "make the directory of volume %s", r->name);
	return write_as(dir, "volume.json", volume_fields, r, ON_DISK, e);
}

int vol_record_remove(const struct paths *p, const char *name, struct err *e)
{
	auto_free char *path = named_path("volume", name, "", e);

	if (!path)
		return -1;
	if (fs_rm_rf(p->root_fd, path) < 0)
		return err_set(e, ERR_SYS, errno, "remove %s", path);
	return 0;
}

void vol_record_done(struct vol_record *r)
{
	codec_free(volume_fields, r);
}

int record_dir(const struct paths *p, const char *project, const char *id, bool make)
{
	auto_free char *rel = xasprintf("projects/%s/%s", project, id);

	return paths_dir(p->root_fd, rel, make);
}

void record_new_id(char ret[ID_SIZE])
{
	unsigned char raw[32];

	if (getentropy(raw, sizeof(raw)) < 0)
		abort();        /* only where the kernel has no random numbers at all: no id can be trusted there */
	for (size_t i = 0; i < sizeof(raw); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", raw[i]);
}

/* A container that was made and never started has no status yet; one that cannot be read is told as dead. */
static void status_or_default(int dir, struct ctr_status *s, struct err *e)
{
	struct err own = {0};

	if (status_read(dir, s, &own) == 0)
		return;
	status_default(s, own.kind == ERR_MISSING ? CTR_CREATED : CTR_DEAD);
	if (own.kind != ERR_MISSING && e && !e->n)
		err_move(e, &own);
	err_done(&own);
}

static int visit(int projects, const char *project, const char *id, record_fn *fn, void *arg, struct err *e)
{
	auto_free char *rel = xasprintf("%s/%s", project, id);
	auto_close int dir = paths_dir(projects, rel, false);
	struct err own = {0};
	struct ctr_record r = {0};
	struct ctr_status s = {0};
	int stop = 0;

	if (dir < 0)
		return 0;
	if (record_read(dir, &r, &own) < 0) {
		if (own.kind != ERR_MISSING) {          /* else gone meanwhile, or still being made */
			err_wrap(&own, "container directory %s", rel);
			if (e && !e->n)
				err_move(e, &own);
		}
		err_done(&own);
		return 0;
	}
	if (r.kind != KIND_BUILD) {
		status_or_default(dir, &s, e);
		stop = fn(arg, dir, &r, &s);
	}
	status_done(&s);
	record_done(&r);
	return stop;
}

/* Names of the directories in dir. */
static void list(int dir, struct strv *ret)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (codec_is_name(de->d_name) && (de->d_type == DT_DIR || de->d_type == DT_UNKNOWN))
			strv_add(ret, de->d_name);
	if (d)
		closedir(d);
	else
		mem_closep(&fd);
}

static int each_of(int projects, const char *project, record_fn *fn, void *arg, struct err *e)
{
	auto_close int dir = paths_dir(projects, project, false);
	auto_strv struct strv ids = {0};
	int stop = 0;

	if (dir >= 0)
		list(dir, &ids);
	for (size_t i = 0; i < ids.n && !stop; i++)
		stop = visit(projects, project, ids.v[i], fn, arg, e);
	return stop;
}

int record_each(const struct paths *p, const char *project, record_fn *fn, void *arg, struct err *e)
{
	auto_close int projects = paths_dir(p->root_fd, "projects", false);
	auto_strv struct strv names = {0};
	int stop = 0;

	if (projects < 0)
		return 0;
	if (project)
		strv_add(&names, project);
	else
		list(projects, &names);
	for (size_t i = 0; i < names.n && !stop; i++)
		stop = each_of(projects, names.v[i], fn, arg, e);
	return stop;
}

int record_find(const struct paths *p, const char *id, char **ret_project)
{
	auto_close int projects = paths_dir(p->root_fd, "projects", false);
	auto_strv struct strv names = {0};

	if (projects >= 0 && codec_is_name(id))
		list(projects, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *rel = xasprintf("%s/%s", names.v[i], id);
		int dir = paths_dir(projects, rel, false);

		if (dir < 0)
			continue;
		*ret_project = xstrdup(names.v[i]);
		return dir;
	}
	return -1;
}

char *record_cgroup(const struct paths *p, const struct ctr_record *r)
{
	const char *parent = r->cgroup_parent ? r->cgroup_parent : "";

	return xasprintf("%s%scompose-%s/%s/%s", parent, *parent ? "/" : "", p->inst, r->project, r->id);
}
