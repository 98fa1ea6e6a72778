/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/processes.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "compose/base/coll.h"
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/runtime/cgroup.h"
#include "compose/state/record.h"

enum { STAT_MAX = 4096, CMDLINE_MAX = 1 << 20 };

/* pid (name) state ppid pgrp session tty_nr ... utime(14) stime(15) ... starttime(22): the name may hold anything */
static bool parse_stat(const char *text, struct process *p)
{
	const char *s = strrchr(text, ')');
	unsigned long long f[23] = {0};
	char *end;
	long hz = sysconf(_SC_CLK_TCK);

	if (!s || !s[1])
		return false;
	s += 4;                                   /* ") S " */
	for (int i = 4; i <= 22; i++) {
		f[i] = strtoull(s, &end, 10);
		if (end == s)
			return false;
		s = end;
	}
	p->ppid = (pid_t)f[4];
	p->tty = f[7] ? xasprintf("pts/%llu", f[7] & 0xff) : xstrdup("?");
	p->cpu_s = (int64_t)(f[14] + f[15]) / hz;
	p->started_s = sys_now_ns() / 1000000000 - sys_mono_ns() / 1000000000 + (int64_t)f[22] / hz;
	return true;
}

static char *command_of(int dir, const char *stat)
{
	auto_err struct err e = {0};
	char *text = NULL;
	size_t len = 0;

	if (fs_read(dir, "cmdline", CMDLINE_MAX, &text, &len, &e) == 0 && len) {
		for (size_t i = 0; i + 1 < len; i++)
			if (!text[i])
				text[i] = ' ';
		return text;
	}
	free(text);
	stat = strchr(stat, '(');                 /* a kernel thread or a zombie has no command line */
	return stat ? xasprintf("[%.*s]", (int)strcspn(stat + 1, ")"), stat + 1) : xstrdup("");
}

static bool read_process(pid_t pid, struct process *p)
{
	char path[32];
	auto_close int dir = -1;
	auto_free char *stat_text = NULL;
	auto_err struct err e = {0};
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0 || fs_read(dir, "stat", STAT_MAX, &stat_text, NULL, &e) < 0)
		return false;
	*p = (struct process){ .pid = pid, .uid = st.st_uid };
	if (!parse_stat(stat_text, p))
		return false;
	p->command = command_of(dir, stat_text);
	return true;
}

int processes_of(const struct paths *p, const char *project, const char *id, struct processes *ret, struct err *e)
{
	auto_close int dir = record_dir(p, project, id, false);
	auto_free char *group = NULL;
	struct ctr_record rec = {0};
	struct cgroup_host *host = NULL;
	struct cgroup_pids pids = {0};
	int r;

	if (dir < 0)
		return err_set(e, ERR_MISSING, errno, "open container %.12s", id);
	if (record_read(dir, &rec, e) < 0)
		return -1;
	group = record_cgroup(p, &rec);
	record_done(&rec);
	if (cgroup_host_open(&host, e) < 0)
		return -1;
	r = cgroup_pids(host, group, &pids, e);
	for (size_t i = 0; r == 0 && i < pids.n; i++) {
		struct process one;

		if (read_process(pids.v[i], &one))
			vec_push(ret, one);
	}
	vec_done(&pids);
	cgroup_host_close(host);
	return r;
}

void processes_done(struct processes *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].tty);
		free(l->v[i].command);
	}
	vec_done(l);
}
