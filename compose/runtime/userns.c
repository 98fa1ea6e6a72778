/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/userns.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"

static int write_proc(pid_t pid, const char *file, const char *text)
{
	char path[48];
	auto_close int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* in: absolute path of a setuid helper; it gets: PID INSIDE OUTSIDE SIZE ... */
static int by_helper(const char *helper, pid_t pid, const struct spec_id_map *v, size_t n, struct err *e)
{
	auto_strv struct strv args = {0};
	char *none[] = { NULL };
	pid_t child;
	int status, r;

	strv_add(&args, helper);
	strv_take(&args, xasprintf("%d", (int)pid));
	for (size_t i = 0; i < n; i++) {
		strv_take(&args, xasprintf("%u", v[i].inside));
		strv_take(&args, xasprintf("%u", v[i].outside));
		strv_take(&args, xasprintf("%u", v[i].size));
	}
	r = posix_spawn(&child, helper, NULL, NULL, strv_null(&args), none);
	if (r) {
		err_set(e, ERR_MISSING, r, "run %s", helper);
		return err_hint(e, "install the package uidmap");
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	err_set(e, ERR_DENIED, 0, "%s refused the id map", helper);
	return err_hint(e, "give this user ranges in /etc/subuid and /etc/subgid");
}

static int write_map(pid_t pid, const char *file, const char *helper, const struct spec_id_map *v, size_t n,
		     struct err *e)
{
	auto_str struct str text = STR_MAX(64 << 10);

	for (size_t i = 0; i < n; i++)
		str_addf(&text, "%u %u %u\n", v[i].inside, v[i].outside, v[i].size);
	if (write_proc(pid, file, str_cstr(&text)) == 0)
		return 0;
	if (errno == EPERM && geteuid() != 0)
		return by_helper(helper, pid, v, n, e);
	return err_set(e, errno == EPERM ? ERR_DENIED : ERR_SYS, errno, "write %s", file);
}

int userns_map(const struct spec *s, pid_t pid, struct err *e)
{
	/* one line that maps the caller itself needs no right, if groups can then not be dropped */
	bool self = geteuid() != 0 && s->gid_map.n == 1 && s->gid_map.v[0].size == 1 &&
		    s->gid_map.v[0].outside == getegid();

	if (!s->uid_map.n || !s->gid_map.n)
		return err_set(e, ERR_MODEL, 0, "a user namespace needs uid and gid maps");
	if (self && write_proc(pid, "setgroups", "deny") < 0)
		return err_set(e, ERR_SYS, errno, "deny setgroups");
	return write_map(pid, "uid_map", "/usr/bin/newuidmap", s->uid_map.v, s->uid_map.n, e) < 0 ||
	       write_map(pid, "gid_map", "/usr/bin/newgidmap", s->gid_map.v, s->gid_map.n, e) < 0 ? -1 : 0;
}
