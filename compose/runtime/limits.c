/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

static const struct { const char *name; int resource; } names[] = {
	{ "RLIMIT_AS", RLIMIT_AS }, { "RLIMIT_CORE", RLIMIT_CORE }, { "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA }, { "RLIMIT_FSIZE", RLIMIT_FSIZE }, { "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE }, { "RLIMIT_NPROC", RLIMIT_NPROC }, { "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO }, { "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING }, { "RLIMIT_STACK", RLIMIT_STACK },
};

bool limits_from_name(const char *name, int *resource)
{
	const char *bare = strncasecmp(name, "RLIMIT_", 7) ? name : name + 7;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcasecmp(names[i].name + 7, bare)) {
			*resource = names[i].resource;
			return true;
		}
	return false;
}

const char *limits_name(int resource)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].resource == resource)
			return names[i].name;
	return NULL;
}

int limits_set(const struct spec_process *p, struct err *e)
{
	for (size_t i = 0; i < p->rlimits.n; i++) {
		const struct spec_rlimit *r = &p->rlimits.v[i];
		struct rlimit want = { r->soft, r->hard }, have;
		const char *name = limits_name(r->resource);

		if (r->soft > r->hard)
			return err_set(e, ERR_MODEL, 0, "%s: soft limit %llu is above the hard limit %llu", name,
				       (unsigned long long)r->soft, (unsigned long long)r->hard);
		if (setrlimit((__rlimit_resource_t)r->resource, &want) == 0)
			continue;
		err_set(e, errno == EPERM ? ERR_DENIED : ERR_SYS, errno, "set %s to %llu:%llu", name,
			(unsigned long long)r->soft, (unsigned long long)r->hard);
		if (getrlimit((__rlimit_resource_t)r->resource, &have) == 0)
			err_hint(e, "the hard limit here is %llu; only CAP_SYS_RESOURCE may raise it",
				 (unsigned long long)have.rlim_max);
		return -1;
	}
	return 0;
}

int limits_set_oom_score(const struct spec_process *p, struct err *e)
{
	auto_close int fd = -1;
	char buf[16] = "";
	int64_t now;
	size_t n;

	if (!p->has_oom_score_adj)
		return 0;
	fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		return err_set(e, ERR_SYS, errno, "open oom_score_adj");
	buf[strcspn(buf, "\n")] = '\0';
	if (str_to_i64(buf, &now) && now == p->oom_score_adj)
		return 0;
	n = (size_t)snprintf(buf, sizeof(buf), "%d", p->oom_score_adj);
	if (pwrite(fd, buf, n, 0) == (ssize_t)n)
		return 0;
	err_set(e, errno == EACCES ? ERR_DENIED : ERR_SYS, errno, "set oom_score_adj to %d", p->oom_score_adj);
	return err_hint(e, "only CAP_SYS_RESOURCE may lower it; leave it out, or raise it");
}

/* Parameters by the namespace that keeps them. */
static const struct { const char *prefix; enum spec_ns_kind ns; } kept_by[] = {
	{ "net.", SPEC_NS_NET },
	{ "fs.mqueue.", SPEC_NS_IPC },
	{ "kernel.msg", SPEC_NS_IPC }, { "kernel.sem", SPEC_NS_IPC }, { "kernel.shm", SPEC_NS_IPC },
	{ "kernel.domainname", SPEC_NS_UTS }, { "kernel.hostname", SPEC_NS_UTS },
};

static const char *const ns_word[SPEC_NS_N] = { "user", "mount", "pid", "network", "ipc", "uts", "cgroup" };

int limits_check_sysctl(const struct spec *s, const char *name, struct err *e)
{
	auto_free char *dotted = xstrdup(name);

	if (!*name || strstr(name, "..") || strstr(name, "//") || *name == '/' || *name == '.' || strlen(name) > 256)
		return err_set(e, ERR_MODEL, 0, "sysctl %s: not a parameter's name", name);
	/* "net/ipv4/conf/eth0.1/rp_filter": with slashes, dots belong to the name */
	if (strchr(name, '/') && strcspn(name, "/") < strcspn(name, "."))
		for (char *p = dotted; *p; p++)
			*p = *p == '/' ? '.' : *p;
	for (size_t i = 0; i < ARRAY_LEN(kept_by); i++) {
		if (!str_starts(dotted, kept_by[i].prefix))
			continue;
		if (s->ns[kept_by[i].ns].on)
			return 0;
		return err_set(e, ERR_MODEL, 0, "sysctl %s: the container shares the host's %s namespace", name,
			       ns_word[kept_by[i].ns]);
	}
	err_set(e, ERR_MODEL, 0, "sysctl %s: not private to a container", name);
	return err_hint(e, "only net.*, fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm* can be set; "
			"set others on the host");
}

static int write_sysctl(int proc, const char *name, const char *value, struct err *e)
{
	auto_free char *path = xasprintf("sys/%s", name);
	auto_close int fd = -1;
	struct statfs f;

	if (!strchr(name, '/') || strcspn(name, ".") < strcspn(name, "/"))
		for (char *p = path + strlen("sys/"); *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	fd = sys_openat2(proc, path, O_WRONLY, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_MODEL : ERR_SYS, errno, "sysctl %s", name);
	if (fstatfs(fd, &f) < 0 || f.f_type != PROC_SUPER_MAGIC)
		return err_set(e, ERR_DENIED, 0, "sysctl %s: not on procfs", name);
	if (fs_write_all(fd, value, strlen(value)) < 0)
		return err_set(e, ERR_SYS, errno, "sysctl %s = %s", name, value);
	return 0;
}

int limits_set_sysctls(const struct spec *s, int proc, struct err *e)
{
	for (size_t i = 0; i + 1 < s->sysctl.n; i += 2)
		if (limits_check_sysctl(s, s->sysctl.v[i], e) < 0 ||
		    write_sysctl(proc, s->sysctl.v[i], s->sysctl.v[i + 1], e) < 0)
			return -1;
	return 0;
}
