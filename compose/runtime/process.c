/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/process.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/runtime/caps.h"
#include "compose/runtime/limits.h"
#include "compose/runtime/pid1.h"
#include "compose/runtime/user.h"

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char *env_get(const struct strv *env, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = env->n; i-- > 0;)
		if (!strncmp(env->v[i], key, n) && env->v[i][n] == '=')
			return env->v[i] + n + 1;
	return NULL;
}

static void copy_user(struct spec_user *to, const struct spec_user *from)
{
	*to = *from;
	to->groups.v = NULL;
	to->groups.n = to->groups.cap = 0;
	to->group_names = (struct strv){0};
	for (size_t i = 0; i < from->groups.n; i++)
		vec_push(&to->groups, from->groups.v[i]);
	for (size_t i = 0; i < from->group_names.n; i++)
		strv_add(&to->group_names, from->group_names.v[i]);
}

/* environ becomes the process's environment: this process is the last to use it. */
static int find_user(struct process *x, int root, struct err *e)
{
	auto_free char *home = NULL;
	auto_strv struct strv env = {0};

	copy_user(&x->user, &x->p->user);
	if (user_resolve(root, &x->user, &home, e) < 0)
		return -1;
	for (size_t i = 0; i < x->p->env.n; i++)
		strv_add(&env, x->p->env.v[i]);
	if (!env_get(&env, "HOME"))
		strv_take(&env, xasprintf("HOME=%s", home));
	environ = strv_null(&env);
	env = (struct strv){0};
	return 0;
}

/* A working directory such as /proc/self/fd/7 would be a way out (CVE-2024-21626): magic links are not followed, and
 * the kernel says afterwards whether the place is below our root. */
static int enter_cwd(const struct process *x, int root, struct err *e)
{
	const char *cwd = x->p->cwd && *x->p->cwd ? x->p->cwd : "/";
	auto_close int fd = fs_open_in(root, cwd, O_PATH | O_DIRECTORY, 0);
	char now[4096];

	if (fd < 0 && errno == ENOENT && !x->enters)
		fd = fs_mkdir_p_in(root, cwd, 0755);
	if (fd < 0 || fchdir(fd) < 0)
		return err_set(e, errno == ENOTDIR || errno == ELOOP ? ERR_MODEL : ERR_SYS, errno,
			       "working directory %s", cwd);
	if (syscall(SYS_getcwd, now, sizeof(now)) < 0 || now[0] != '/')
		return err_set(e, ERR_DENIED, 0, "working directory %s lies outside of the container", cwd);
	return 0;
}

/* ret: 0 executable, ENOENT, or EACCES */
static int try_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? ENOENT : EACCES;
	return S_ISREG(st.st_mode) && st.st_mode & 0111 ? 0 : EACCES;
}

/* ret: 0 and *ret, or why not: ENOENT, EACCES */
static int search(const char *name, const char *dirs, char **ret)
{
	int worst = ENOENT;

	if (strchr(name, '/')) {
		*ret = xstrdup(name);
		return try_file(name);
	}
	for (size_t n; *dirs; dirs += n + (dirs[n] == ':')) {
		char *path;
		int r;

		n = strcspn(dirs, ":");
		path = n ? xasprintf("%.*s/%s", (int)n, dirs, name) : xasprintf("./%s", name);
		r = try_file(path);
		if (r == 0) {
			*ret = path;
			return 0;
		}
		free(path);
		if (r == EACCES)
			worst = EACCES;
	}
	return worst;
}

static int find_command(struct process *x, struct err *e)
{
	const char *name = x->p->args.n ? x->p->args.v[0] : "", *dirs = env_get(&x->p->env, "PATH");
	int why;

	if (!*name)
		return err_set(e, ERR_MODEL, 0, "no command to run");
	why = search(name, dirs ? dirs : default_path, &x->path);
	if (!why)
		return 0;
	if (why == EACCES) {
		err_set(e, ERR_NOEXEC, 0, "exec %s: not an executable file: permission denied", name);
		return err_hint(e, "make it executable in the image (chmod +x)");
	}
	if (strchr(name, '/'))
		err_set(e, ERR_NOTFOUND, 0, "exec %s: no such file or directory", name);
	else
		err_set(e, ERR_NOTFOUND, 0, "exec \"%s\": executable file not found in $PATH", name);
	return err_hint(e, "check the command's name, and that the image has it");
}

int process_label(const struct spec_process *p, struct err *e)
{
	auto_free char *text = p->apparmor && *p->apparmor ? xasprintf("exec %s", p->apparmor) : NULL;
	auto_close int fd = -1;

	if (limits_set_oom_score(p, e) < 0)
		return -1;
	if (!text)
		return 0;
	fd = open("/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		err_set(e, ERR_SYS, errno, "run under the AppArmor profile %s", p->apparmor);
		return err_hint(e, "is AppArmor enabled, and the profile loaded?");
	}
	return 0;
}

int process_prepare(struct process *x, struct err *e)
{
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_set(e, ERR_SYS, errno, "open the container's root");
	return find_user(x, root, e) < 0 || enter_cwd(x, root, e) < 0 || find_command(x, e) < 0 ? -1 : 0;
}

/* Pipes belong to whoever made them; the user of the container must be able to open /dev/stdout again. Files and
 * terminals that the caller lends keep their owner. EPERM, EINVAL: a user that our namespace cannot give things to. */
static int own_stdio(const struct process *x, struct err *e)
{
	for (int i = 0; i < 3; i++) {
		struct stat st;

		if (fstat(i, &st) < 0 || !(S_ISFIFO(st.st_mode) || x->tty >= 0) || st.st_uid == x->user.uid)
			continue;
		if (fchown(i, x->user.uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
			return err_set(e, ERR_SYS, errno, "give standard stream %d to user %u", i, x->user.uid);
	}
	return 0;
}

static int set_stdio(struct process *x, struct err *e)
{
	int fd[3];

	for (int i = 0; i < 3; i++) {                /* above 2 first: 1 may be wanted as 0 */
		int from = x->tty >= 0 ? x->tty : x->stdio[i];

		fd[i] = from >= 0 ? fcntl(from, F_DUPFD_CLOEXEC, 3) : open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd[i] >= 0 && fd[i] < 3)
			fd[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 3);
		if (fd[i] < 0)
			return err_set(e, ERR_SYS, errno, "standard stream %d", i);
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fd[i], i) < 0)
			return err_set(e, ERR_SYS, errno, "standard stream %d", i);
	return own_stdio(x, e);
}

static int take_terminal(const struct process *x, struct err *e)
{
	if (x->tty >= 0 && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_set(e, ERR_SYS, errno, "take the terminal");
	return 0;
}

static int change_user(const struct process *x, struct err *e)
{
	const struct spec_user *u = &x->user;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(e, ERR_SYS, errno, "keep capabilities");
	/* EPERM: a user namespace whose owner may not map groups; it has none to drop then */
	if (setgroups(u->groups.n, u->groups.v) < 0 && (errno != EPERM || u->groups.n))
		return err_set(e, ERR_SYS, errno, "set %zu groups", u->groups.n);
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		return err_set(e, ERR_SYS, errno, "become group %u", u->gid);
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		return err_set(e, ERR_SYS, errno, "become user %u", u->uid);
	return 0;
}

/* Without no_new_privs only CAP_SYS_ADMIN may install a filter, so that comes before the capabilities go; with it the
 * filter comes last and need not allow what leads there. */
static int give_up_rights(const struct process *x, struct err *e)
{
	if (limits_set(x->p, e) < 0 || caps_drop_bounding(x->p->caps.bounding, e) < 0 || change_user(x, e) < 0 ||
	    caps_raise(e) < 0)
		return -1;
	(void)umask(x->user.umask >= 0 ? (mode_t)x->user.umask : 0022);
	if (!x->p->no_new_privs)
		return seccomp_install(x->filter, e) < 0 || caps_set(&x->p->caps, e) < 0 ? -1 : 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, ERR_SYS, errno, "set no_new_privs");
	return caps_set(&x->p->caps, e) < 0 || seccomp_install(x->filter, e) < 0 ? -1 : 0;
}

static void reset_signals(void)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &dfl, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int exec_failed(const struct process *x, struct err *e)
{
	int sysno = errno;

	if (sysno == ENOENT) {
		err_set(e, ERR_NOTFOUND, sysno, "exec %s", x->path);
		return err_hint(e, "the file's interpreter (its #! line) or dynamic loader may be what is missing");
	}
	err_set(e, ERR_NOEXEC, sysno, "exec %s", x->path);
	if (sysno == ENOEXEC)
		return err_hint(e, "it may be built for another architecture, or be a script without a #! line");
	return -1;
}

static int run(struct process *x, struct err *e)
{
	struct strv args = x->p->args;
	pid_t child;

	reset_signals();
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "mark descriptors to be closed");
	if (x->init) {
		pid1_block();
		child = fork();
		if (child < 0)
			return err_set(e, ERR_SYS, errno, "start the command under init");
		if (child > 0)
			pid1_run(child);
		pid1_child();
	}
	execve(x->path, strv_null(&args), environ);
	return exec_failed(x, e);
}

int process_exec(struct process *x, struct err *e)
{
	return set_stdio(x, e) < 0 || take_terminal(x, e) < 0 || give_up_rights(x, e) < 0 ? -1 : run(x, e);
}

/* Nothing of the maker's but the standard streams and the socket is left open. */
static int keep_sync(struct process *x, struct err *e)
{
	if ((x->sync != 3 && dup3(x->sync, 3, O_CLOEXEC) < 0) || close_range(4, ~0U, 0) < 0)
		return err_set(e, ERR_SYS, errno, "close descriptors");
	x->sync = 3;
	x->tty = x->tty >= 0 ? 0 : -1;
	return 0;
}

static int birth_failed(struct err *e)
{
	int sysno = errno;

	err_set(e, sysno == ENOMEM ? ERR_MISSING : ERR_SYS, sysno, "start a process in the container");
	if (sysno == EAGAIN)
		return err_hint(e, "the container has reached its limit of processes");
	return err_hint(e, sysno == ENOMEM ? "the container has ended" : "its seccomp profile may forbid clone");
}

/* In the sibling. It goes on when its maker has ended, so that what it says comes behind the maker's last word. */
static int born(struct process *x, int gate[2], struct err *e)
{
	char c;

	close(gate[1]);
	while (read(gate[0], &c, 1) < 0 && errno == EINTR)
		;
	if (setsid() < 0)
		return err_set(e, ERR_SYS, errno, "start a session");
	return take_terminal(x, e) < 0 ? -1 : run(x, e);
}

int process_bear(struct process *x, int *ret_pidfd, struct err *e)
{
	int gate[2];
	pid_t pid;

	if (set_stdio(x, e) < 0 || keep_sync(x, e) < 0)
		return -1;
	if (pipe2(gate, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	if (give_up_rights(x, e) < 0)
		return -1;
	*ret_pidfd = -1;
	/* not clone3: a profile cannot look into its arguments, so they forbid it */
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD, 0, ret_pidfd, 0, 0);
	if (pid < 0)
		return birth_failed(e);
	return pid > 0 ? 0 : born(x, gate, e);
}
