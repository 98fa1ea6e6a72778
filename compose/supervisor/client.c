/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/client.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "compose/base/buildid.h"
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/runtime/runtime.h"
#include "compose/state/paths.h"
#include "compose/supervisor/keep.h"
#include "compose/supervisor/supervisor.h"

enum { MSG_MAX = 512 * 1024, FDS_MAX = 8, TRIES = 5, RESENDS_MAX = 50, ERROR_MAX = 64 * 1024,
	RENEW_PAUSE_MS = 10, RENEW_TRIES = 3000 };

/* A request that is not answered yet: sent again when the worker dies under it. */
struct pending { int64_t id; json_t *args; int fd[FDS_MAX]; size_t n_fds; int resent; };

/* Where a supervisor is, or is to be. */
struct place { char *root, *run, *project, *dir; bool start; };

struct sup {
	int     fd;                     /* keeps its number over a reconnection: callers watch it */
	struct place at;
	int64_t last_id;
	VEC(struct pending) pending;
	VEC(json_t *) early;            /* messages that came while another was waited for */
	bool    subscribed;
	int64_t seen_ns;                /* time of the last event */
};

static void pending_drop(struct sup *s, size_t i)
{
	json_decref(s->pending.v[i].args);
	for (size_t k = 0; k < s->pending.v[i].n_fds; k++)
		mem_closep(&s->pending.v[i].fd[k]);
	vec_remove(&s->pending, i);
}

void sup_close(struct sup *s)
{
	if (!s)
		return;
	while (s->pending.n)
		pending_drop(s, s->pending.n - 1);
	vec_done(&s->pending);
	for (size_t i = 0; i < s->early.n; i++)
		json_decref(s->early.v[i]);
	vec_done(&s->early);
	mem_closep(&s->fd);
	free(s->at.root);
	free(s->at.run);
	free(s->at.project);
	free(s->at.dir);
	free(s);
}

int sup_fd(const struct sup *s)
{
	return s->fd;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static int reach(const struct place *at, int *ret_fd, struct err *e);

static int broken(struct err *e, int sysno)
{
	return err_set(e, ERR_SYS, sysno, "the connection to the project's supervisor broke");
}

static int post(int sock, const char *text, size_t len, const int *fds, size_t n_fds, struct err *e)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(FDS_MAX * sizeof(int))]; } ctl = { .room = { 0 } };
	struct iovec iov = { .iov_base = (char *)(uintptr_t)text, .iov_len = len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds) {
		h.msg_control = &ctl;
		h.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		ctl.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n_fds * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&ctl.head), fds, n_fds * sizeof(int));
	}
	while (sendmsg(sock, &h, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return broken(e, errno);
	return 0;
}

static int send_one(struct sup *s, const struct pending *p, struct err *e)
{
	auto_free char *text = json_dumps(p->args, JSON_COMPACT);

	if (!text)
		return err_set(e, ERR_BUG, 0, "a request that is no UTF-8");
	return post(s->fd, text, strlen(text), p->fd, p->n_fds, e);
}

/* Doing it twice would not be the same as doing it once. */
static bool only_once(const json_t *args)
{
	const char *op = json_str(args, "op", "");

	return str_eq(op, "kill") || str_eq(op, "pause") || str_eq(op, "unpause") || str_eq(op, "renew");
}

/* Ask again for what was not answered; what cannot be asked twice fails by a message of our own. */
static int resend(struct sup *s, struct err *e)
{
	for (size_t i = 0; i < s->pending.n; i++) {
		struct pending *p = &s->pending.v[i];

		if (only_once(p->args) || ++p->resent > RESENDS_MAX) {
			struct err lost = {0};
			json_t *j = json_pack("{s:I}", "id", (json_int_t)p->id);

			broken(&lost, 0);
			(void)json_object_set_new(j, "err", err_to_json(&lost));
			err_done(&lost);
			vec_push(&s->early, j);
		} else if (send_one(s, p, e) < 0) {
			return -1;
		}
	}
	if (s->subscribed) {            /* a reply with an id that nobody has is an event nobody wants */
		auto_free char *text = xasprintf("{\"id\":-1,\"op\":\"subscribe\",\"since_ns\":%lld}", (long long)s->seen_ns);

		return post(s->fd, text, strlen(text), NULL, 0, e);
	}
	return 0;
}

/* The worker died: the keeper listens on, and the next worker will answer. Where nothing was left to do, all are gone, and
 * another supervisor is started if this one was. ret: 0; -1 (e untouched) when there is none to be had */
static int reconnect(struct sup *s)
{
	struct err ignored = {0};
	int r = -1;

	for (int i = 0; r < 0 && i < RESENDS_MAX; i++) {
		auto_close int fd = -1;

		if (reach(&s->at, &fd, &ignored) != 0 || dup3(fd, s->fd, O_CLOEXEC) < 0)
			break;
		r = resend(s, &ignored);        /* fails when that one died too */
	}
	err_done(&ignored);
	return r;
}

int64_t sup_send(struct sup *s, const char *op, json_t *args, const int *fds, size_t n_fds, struct err *e)
{
	struct pending p = { .id = s->last_id + 1, .args = args ? args : json_object() };

	if (n_fds > FDS_MAX) {
		json_decref(p.args);
		return err_set(e, ERR_BUG, 0, "%zu descriptors in a request, %d is the most", n_fds, FDS_MAX);
	}
	(void)json_object_set_new(p.args, "id", json_integer(p.id));
	(void)json_object_set_new(p.args, "op", json_string(op));
	/* a start that is asked for again is not to start again what has ended meanwhile */
	if (str_eq(op, "start"))
		(void)json_object_set_new(p.args, "asked_ns", json_integer(sys_now_ns()));
	for (; p.n_fds < n_fds; p.n_fds++)
		p.fd[p.n_fds] = fcntl(fds[p.n_fds], F_DUPFD_CLOEXEC, 3);
	s->last_id = p.id;
	vec_push(&s->pending, p);
	if (send_one(s, &s->pending.v[s->pending.n - 1], e) < 0 && (e->kind == ERR_BUG || reconnect(s) < 0)) {
		pending_drop(s, s->pending.n - 1);
		return -1;
	}
	err_done(e);
	return p.id;
}

/* ret: 1 with a message, 0 when none is there (unless wait), -1 when the connection broke for good */
static int next_message(struct sup *s, bool wait, json_t **ret, struct err *e)
{
	auto_free char *buf = xmalloc(MSG_MAX);
	ssize_t n;

	for (;;) {
		n = recv(s->fd, buf, MSG_MAX, wait ? 0 : MSG_DONTWAIT);
		if (n > 0)
			return json_parse(buf, (size_t)n, "reply of the supervisor", ret, e) < 0 ? -1 : 1;
		if (n < 0 && errno == EINTR && wait)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		broken(e, n < 0 ? errno : 0);
		if (reconnect(s) < 0)
			return -1;
		err_done(e);
		if (s->early.n) {
			*ret = s->early.v[0];
			vec_remove(&s->early, 0);
			return 1;
		}
	}
}

/* Split a message into what sup_recv() returns. j is consumed. ret: 1, or 0 when it concerns nobody */
static int take(struct sup *s, json_t *j, int64_t *ret_id, json_t **ret, struct err *e)
{
	const json_t *err = json_object_get(j, "err");
	size_t i = 0;

	*ret_id = json_int(j, "id", -1);
	*ret = NULL;
	while (i < s->pending.n && s->pending.v[i].id != *ret_id)
		i++;
	if (*ret_id && i == s->pending.n) {
		json_decref(j);
		return 0;
	}
	if (*ret_id && str_eq(json_str(s->pending.v[i].args, "op", ""), "subscribe")) {
		s->subscribed = true;
		s->seen_ns = sys_now_ns();
	}
	if (*ret_id)
		pending_drop(s, i);
	else
		s->seen_ns = json_int(j, "time_ns", s->seen_ns);
	if (err) {
		err_from_json(e, err);
		json_decref(j);
	} else {
		*ret = j;
	}
	return 1;
}

int sup_recv(struct sup *s, int64_t *ret_id, json_t **ret, struct err *e)
{
	json_t *j = NULL;
	int r = 0;

	while (r == 0) {
		if (s->early.n) {
			j = s->early.v[0];
			vec_remove(&s->early, 0);
		} else if ((r = next_message(s, false, &j, e)) != 1) {
			return r;
		}
		r = take(s, j, ret_id, ret, e);
	}
	return r;
}

int sup_call(struct sup *s, const char *op, json_t *args, const int *fds, size_t n_fds, json_t **ret, struct err *e)
{
	int64_t want = sup_send(s, op, args, fds, n_fds, e), id;
	json_t *j = NULL;

	while (want >= 0 && next_message(s, true, &j, e) == 1) {
		if (json_int(j, "id", -1) != want) {
			vec_push(&s->early, j);
			continue;
		}
		if (take(s, j, &id, &j, e) == 1 && !j)
			return -1;
		if (ret)
			*ret = j;
		else
			json_decref(j);
		return 0;
	}
	return -1;
}

int sup_catch_up(struct sup *s, struct err *e)
{
	return sup_call(s, "ping", NULL, NULL, 0, NULL, e);     /* what the worker tells, it tells in the turn in which it writes it */
}

/* ---- the way there ----------------------------------------------------------------------------------------------- */

/* ret: 0 with *ret_fd; 1 when nobody listens */
static int dial(int dir, int *ret_fd, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "make a socket");
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/ctl", dir);
	while (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		if (errno == ECONNREFUSED || errno == ENOENT)
			return 1;
		if (errno != EINTR)
			return err_set(e, errno == EACCES ? ERR_DENIED : ERR_SYS, errno, "connect to the project's supervisor");
	}
	*ret_fd = take_fd(fd);
	return 0;
}

/* A supervisor in its last moment takes a connection and is gone: only an answer counts.
 * ret: 0 with *ret_fd; 1 when nobody is there */
static int greet(int dir, int *ret_fd, struct err *e)
{
	static const char ping[] = "{\"id\":1,\"op\":\"ping\"}";
	auto_close int fd = -1;
	char reply[512];
	ssize_t n;
	int r = dial(dir, &fd, e);

	if (r)
		return r;
	if (post(fd, ping, strlen(ping), NULL, 0, e) < 0) {
		err_done(e);
		return 1;
	}
	do {
		n = recv(fd, reply, sizeof(reply), 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 1;
	*ret_fd = take_fd(fd);
	return 0;
}

/* Its environment: what finds the same directories again, and nothing of the user's. ret: NULL-terminated in v */
static void environment(const struct place *p, struct strv *v)
{
	static const char *const keep[] = { "HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "COMPOSE_WITHOUT", "ASAN_OPTIONS", "LSAN_OPTIONS",
		"UBSAN_OPTIONS" };
	auto_free char *below = xasprintf("%s/run", p->root);

	strv_add(v, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		if (getenv(keep[i]))
			strv_take(v, xasprintf("%s=%s", keep[i], getenv(keep[i])));
	if (str_eq(p->run, below))      /* ROOT was moved */
		strv_take(v, xasprintf("COMPOSE_ROOT=%s", p->root));
}

/* In a child of a process that may have threads: system calls only, everything was made before. */
_Noreturn static void become_keeper(int exe, int ready, char **argv, char **env)
{
	sigset_t none;

	sigemptyset(&none);
	if (setsid() < 0 || fork() != 0)
		_exit(0);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir("/") == 0 && (ready == KEEP_SOCK ? fcntl(ready, F_SETFD, 0) == 0 : dup2(ready, KEEP_SOCK) == KEEP_SOCK) &&
	    close_range(KEEP_SOCK + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		(void)execveat(exe, "", argv, env, AT_EMPTY_PATH);
	_exit(127);
}

/* What the new one says: "+", or "-" and why not. */
static int hear(int ready, const struct place *p, struct err *e)
{
	auto_free char *text = xmalloc(ERROR_MAX);
	size_t len = 0;
	ssize_t n;

	while (len < ERROR_MAX && (n = read(ready, text + len, ERROR_MAX - len)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
		if (len && text[0] == '+')
			return 0;
	}
	if (len > 1)
		err_decode(e, text + 1, len - 1);
	else
		err_set(e, ERR_SYS, 0, "it died without a word");
	err_hint(e, "%s/supervisor.log may tell more", p->dir);
	return err_wrap(e, "cannot start the supervisor of project %s", p->project);
}

static int start_keeper(const struct place *p, struct err *e)
{
	auto_free char *title = xasprintf("compose: keeper %s", p->project);
	char *argv[] = { title, (char *)(uintptr_t)SUP_WORD_KEEPER, p->project, NULL };
	auto_strv struct strv env = {0};
	auto_close int own = rt_protected_exe(e), exe = own < 0 ? -1 : fcntl(own, F_DUPFD_CLOEXEC, KEEP_SOCK + 1);
	auto_close int ours = -1, theirs = -1;
	int pair[2];
	pid_t pid;

	if (own < 0)
		return -1;
	environment(p, &env);
	(void)strv_null(&env);
	if (exe < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (!pid)
		become_keeper(exe, theirs, argv, env.v);
	if (pid < 0)
		return err_set(e, ERR_SYS, errno, "start the supervisor of project %s", p->project);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(take_fd(theirs));
	return hear(ours, p, e);
}

/* One client at a time starts one: the others find it alive. ret: descriptor whose close lets go */
static int lock_start(int dir, struct err *e)
{
	auto_close int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "open the project's directory");
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, ERR_SYS, errno, "lock the project's directory");
	return take_fd(fd);
}

static int greet_or_start(const struct place *p, int dir, int *ret_fd, struct err *e)
{
	auto_close int lock = lock_start(dir, e);
	int r;

	if (lock < 0)
		return -1;
	r = greet(dir, ret_fd, e);
	if (r == 1)
		r = start_keeper(p, e) < 0 ? -1 : greet(dir, ret_fd, e);
	return r;
}

/* ret: 0 with *ret_fd, a connection that was answered; 1 when nobody is there and none is to be started */
static int reach(const struct place *p, int *ret_fd, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		/* a supervisor that ends removes the directory: make and open it anew each time */
		auto_close int dir = p->start && fs_mkdir_p(p->dir, 0700) < 0 ? -1 : open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r;

		if (dir < 0 && errno == ENOENT && p->start)
			continue;
		if (dir < 0)
			return errno == ENOENT ? 1 : err_set(e, ERR_SYS, errno, "open %s", p->dir);
		r = greet(dir, ret_fd, e);
		if (r == 1 && p->start)
			r = greet_or_start(p, dir, ret_fd, e);
		if (r <= 0 || !p->start)
			return r;
	}
	return err_set(e, ERR_SYS, 0, "the supervisor of project %s ends as often as it is started", p->project);
}

/* ---- hand-over --------------------------------------------------------------------------------------------------- */

/* Of two builds of one version the one that is used last counts: nothing tells which is newer. (A developer's next build.)
 * ret: 0 with whether the supervisor is to become this program; -1 with e */
static int is_outdated(struct sup *s, bool *ret, struct err *e)
{
	auto_json json_t *j = NULL;
	int order;

	if (sup_call(s, "ping", NULL, NULL, 0, &j, e) < 0)
		return -1;
	order = strverscmp(COMPOSE_VERSION, json_str(j, "version", COMPOSE_VERSION));
	*ret = order > 0 || (order == 0 && !str_eq(build_id(), json_str(j, "build", "")));
	return 0;
}

static int renew(struct sup *s, struct err *e)
{
	auto_close int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct err lost = {0};

	if (exe < 0)
		return err_set(e, ERR_SYS, errno, "open this program");
	if (sup_call(s, "renew", NULL, &exe, 1, NULL, &lost) < 0)
		err_done(&lost);        /* the answer may be lost with the worker; what counts is who answers next */
	return 0;
}

/* A supervisor of an older version, or of another build, becomes this program; its containers go on. */
static int hand_over(struct sup *s, struct err *e)
{
	const struct timespec pause = { .tv_nsec = RENEW_PAUSE_MS * 1000000 };
	bool old = false;

	if (is_outdated(s, &old, e) < 0 || (old && renew(s, e) < 0))
		return -1;
	for (int i = 0; old && i < RENEW_TRIES; i++) {
		(void)nanosleep(&pause, NULL);
		if (is_outdated(s, &old, e) < 0)
			return -1;
	}
	if (!old)
		return 0;
	err_set(e, ERR_SYS, 0, "the supervisor of project %s is of an older version or another build, and did not hand over to this compose %s",
		s->at.project, COMPOSE_VERSION);
	return err_hint(e, "%s/supervisor.log may tell more; without it go `compose down` and `compose up`", s->at.dir);
}

int sup_open(struct sup **ret, const struct paths *p, const char *project, bool start, struct err *e)
{
	struct sup *s = xcalloc(1, sizeof(*s));
	int r;

	s->fd = -1;
	s->at = (struct place){ .root = xstrdup(p->root), .run = xstrdup(p->run), .project = xstrdup(project),
		.dir = xasprintf("%s/projects/%s", p->run, project), .start = start };
	r = reach(&s->at, &s->fd, e);
	if (r == 0 && start && hand_over(s, e) < 0)
		r = -1;
	if (r)
		sup_close(s);
	else
		*ret = s;
	return r;
}

void sup_note(const struct paths *p, const char *project, json_t *args)
{
	auto_free char *rel = xasprintf("projects/%s", project), *text = NULL;
	auto_close int dir = paths_dir(p->run_fd, rel, false), fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)json_object_set_new(args, "id", json_integer(1));
	json_put(args, "op", "note");
	text = json_dumps(args, JSON_COMPACT);
	json_decref(args);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/ctl", dir);
	if (dir >= 0 && fd >= 0 && text && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		(void)!send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}
