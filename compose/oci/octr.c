/* SPDX-License-Identifier: Apache-2.0 */
/* octr.c - a container's directory, its state, its end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/oci/oci_priv.h"
#include "compose/runtime/hook.h"
#include "compose/runtime/steps.h"

enum { STATE_MAX_BYTES = 1 << 20, END_WAIT_MS = 10000 };

const char *octr_status_word(enum octr_status s)
{
	static const char *const words[] = { "created", "running", "paused", "stopped" };

	return words[s];
}

void octr_done(struct octr *c)
{
	free(c->id);
	json_decref(c->state);
	mem_closep(&c->dir);
	mem_closep(&c->pidfd);
	*c = (struct octr)OCTR_INIT;
}

int octr_check_id(const char *id, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";

	if (*id && *id != '.' && strlen(id) <= 200 && id[strspn(id, allowed)] == '\0')
		return 0;
	return err_set(e, ERR_USAGE, 0, "container id \"%s\": letters, digits, _ + - . expected, and no . first", id);
}

static int open_root(const struct oci *o, struct err *e)
{
	int fd;

	if (fs_mkdir_p(o->root, 0700) < 0)
		return err_set(e, ERR_SYS, errno, "make %s", o->root);
	fd = open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, ERR_SYS, errno, "open %s", o->root) : fd;
}

int octr_make(struct oci *o, const char *id, struct octr *ret, struct err *e)
{
	auto_close int root = -1;

	if (octr_check_id(id, e) < 0 || (root = open_root(o, e)) < 0)
		return -1;
	if (mkdirat(root, id, 0700) < 0)
		return errno == EEXIST ? err_set(e, ERR_CONFLICT, 0, "container with id exists: %s", id) :
					 err_set(e, ERR_SYS, errno, "make %s/%s", o->root, id);
	ret->dir = openat(root, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->dir < 0)
		return err_set(e, ERR_SYS, errno, "open %s/%s", o->root, id);
	ret->id = xstrdup(id);
	return 0;
}

void octr_remove(struct oci *o, const char *id)
{
	auto_close int root = open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root >= 0)
		(void)fs_rm_rf(root, id);
}

/* Is pid still the process that was started then, and not only waiting to be reaped? */
static int open_process(pid_t pid, uint64_t start_time)
{
	int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct pollfd p = { fd, POLLIN, 0 };

	if (fd >= 0 && (sys_start_time(pid) != start_time || poll(&p, 1, 0) != 0))
		mem_closep(&fd), fd = -1;
	return fd;
}

static bool is_frozen(struct oci *o, const struct octr *c)
{
	struct err ignored = {0};
	struct cgroup_host *h = octr_cgroup(c) ? rt_cgroups(o->rt, &ignored) : NULL;

	err_done(&ignored);
	return h && cgroup_is_frozen(h, octr_cgroup(c));
}

int octr_open(struct oci *o, const char *id, struct octr *ret, struct err *e)
{
	auto_free char *path = NULL;

	if (octr_check_id(id, e) < 0)
		return -1;
	path = xasprintf("%s/%s", o->root, id);
	ret->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->dir < 0)
		return errno == ENOENT ? err_set(e, ERR_MISSING, 0, "container \"%s\" does not exist", id) :
					 err_set(e, ERR_SYS, errno, "open %s", path);
	ret->id = xstrdup(id);
	if (json_read(ret->dir, "state.json", STATE_MAX_BYTES, &ret->state, e) < 0)
		return err_wrap(e, "container \"%s\" does not exist or is only being created", id);
	ret->pid = (pid_t)json_int(ret->state, "pid", -1);
	ret->pidfd = open_process(ret->pid, (uint64_t)json_int(ret->state, "startTime", 0));
	ret->status = ret->pidfd < 0 ? OCTR_STOPPED : faccessat(ret->dir, "start.sock", F_OK, 0) == 0 ? OCTR_CREATED :
		      is_frozen(o, ret) ? OCTR_PAUSED : OCTR_RUNNING;
	return 0;
}

int octr_save(struct octr *c, const char *bundle, const char *cgroup, const struct spec *s, pid_t pid, struct err *e)
{
	json_t *annotations = json_object();

	json_decref(c->state);
	c->state = json_pack("{s:s,s:s,s:i,s:I,s:s}", "ociVersion", "1.0.2", "id", c->id, "pid", (int)pid,
			     "startTime", (json_int_t)sys_start_time(pid), "bundle", bundle);
	json_put(c->state, "cgroup", cgroup);
	(void)json_object_set_new(c->state, "created", json_integer(sys_now_ns()));
	for (size_t i = 0; i < s->annotations.n; i++)
		json_put(annotations, s->annotations.v[i].key, s->annotations.v[i].value);
	(void)json_object_set_new(c->state, "annotations", annotations);
	c->pid = pid;
	return json_write(c->dir, "state.json", c->state, 0600, false, e);
}

const char *octr_cgroup(const struct octr *c)
{
	return json_str(c->state, "cgroup", NULL);
}

int octr_spec(const struct octr *c, struct spec *ret, struct err *e)
{
	return spec_read(ret, c->dir, e);
}

char *octr_state_text(const struct octr *c)
{
	auto_json json_t *j = json_object();
	int64_t ns = json_int(c->state, "created", 0);
	time_t t = (time_t)(ns / 1000000000);
	char stamp[64];
	struct tm tm;
	size_t n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", gmtime_r(&t, &tm));

	(void)snprintf(stamp + n, sizeof(stamp) - n, ".%09lldZ", (long long)(ns % 1000000000));
	json_put(j, "ociVersion", "1.0.2");
	json_put(j, "id", c->id);
	(void)json_object_set_new(j, "pid", json_integer(c->status == OCTR_STOPPED ? 0 : c->pid));
	json_put(j, "status", octr_status_word(c->status));
	json_put(j, "bundle", json_str(c->state, "bundle", ""));
	json_put(j, "created", stamp);
	(void)json_object_set(j, "annotations", json_object_get(c->state, "annotations"));
	return json_dumps(j, JSON_INDENT(2));
}

/* Through the directory's descriptor, as --root may be longer than a socket's address. */
static struct sockaddr_un address(const struct octr *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/start.sock", c->dir);
	return a;
}

int octr_listen(const struct octr *c, struct err *e)
{
	struct sockaddr_un a = address(c);
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 4) < 0)
		return err_set(e, ERR_SYS, errno, "make start.sock");
	return take_fd(fd);
}

int octr_connect(const struct octr *c, struct err *e)
{
	const struct timeval limit = { 60, 0 };
	struct sockaddr_un a = address(c);
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(e, ERR_SYS, errno, "reach the waiting container");
	return take_fd(fd);
}

int octr_start(struct oci *o, struct octr *c, struct err *e)
{
	struct rt_ctr r = RT_CTR_INIT;
	auto_spec struct spec s = {0};
	auto_free char *state = NULL;

	(void)o;
	if (octr_spec(c, &s, e) < 0)
		return -1;
	r.sync_fd = octr_connect(c, e);
	if (r.sync_fd < 0)
		return -1;
	(void)unlinkat(c->dir, "start.sock", 0);
	if (rt_start(&r, e) < 0)
		return -1;
	c->status = OCTR_RUNNING;
	state = octr_state_text(c);
	return hook_run(&s.hooks, SPEC_HOOK_POSTSTART, state, e);
}

static int end_all(struct oci *o, struct octr *c, struct err *e)
{
	const char *group = octr_cgroup(c);
	struct cgroup_host *h = group ? rt_cgroups(o->rt, e) : NULL;
	struct pollfd p = { c->pidfd, POLLIN, 0 };

	if (group && !h)
		return -1;
	if (c->pidfd >= 0)
		(void)sys_pidfd_send_signal(c->pidfd, SIGKILL);
	if (group && cgroup_kill(h, group, e) < 0)
		return -1;
	if (c->pidfd >= 0 && poll(&p, 1, END_WAIT_MS) == 0)
		return err_set(e, ERR_SYS, ETIMEDOUT, "wait for process %d to die", (int)c->pid);
	if (group && (cgroup_wait_empty(h, group, END_WAIT_MS, e) < 0 || cgroup_remove(h, group, e) < 0))
		return -1;
	return 0;
}

int octr_delete(struct oci *o, struct octr *c, struct err *e)
{
	auto_spec struct spec s = {0};
	auto_free char *state = NULL;

	if (end_all(o, c, e) < 0 || octr_spec(c, &s, e) < 0)
		return -1;
	c->status = OCTR_STOPPED;
	state = octr_state_text(c);
	octr_remove(o, c->id);
	return hook_run(&s.hooks, SPEC_HOOK_POSTSTOP, state, e);
}
