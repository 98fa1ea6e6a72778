/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/pump.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/intr.h"
#include "compose/base/mem.h"

enum { PUMP_BYTES = 64 * 1024 };

static void way(struct pump_way *w, int from, int to, bool to_pipe)
{
	*w = (struct pump_way){ .from = from, .to = to, .buf = xmalloc(PUMP_BYTES + PUMP_KEYS_MAX), .to_pipe = to_pipe };
}

int pump_pipes(struct pump *p, bool with_stdin, struct err *e)
{
	int fds[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };

	*p = (struct pump){ .child = { -1, -1, -1 }, .winch_fd = -1, .owned = true };
	for (int i = with_stdin ? 0 : 1; i < 3; i++)
		if (pipe2(fds[i], O_CLOEXEC) < 0)
			return err_set(e, ERR_SYS, errno, "make a pipe");
	if (with_stdin)
		(void)fcntl(fds[0][1], F_SETFL, O_NONBLOCK);     /* a reader that does not read must not stop the output */
	way(&p->in, with_stdin ? STDIN_FILENO : -1, fds[0][1], true);
	way(&p->out, fds[1][0], STDOUT_FILENO, false);
	way(&p->err, fds[2][0], STDERR_FILENO, false);
	p->in.done = !with_stdin;
	p->child[0] = fds[0][0];
	p->child[1] = fds[1][1];
	p->child[2] = fds[2][1];
	return 0;
}

void pump_master(struct pump *p, int master)
{
	*p = (struct pump){ .child = { -1, -1, -1 }, .winch_fd = -1, .tty = true };
	way(&p->in, STDIN_FILENO, master, false);
	way(&p->out, master, STDOUT_FILENO, false);
	p->err = (struct pump_way){ .from = -1, .to = -1, .done = true };
}

void pump_handed(struct pump *p)
{
	for (int i = 0; i < 3; i++) {
		if (p->child[i] >= 0)
			close(p->child[i]);
		p->child[i] = -1;
	}
}

int pump_raw(struct pump *p, struct err *e)
{
	struct termios t;
	sigset_t set;

	p->tty = true;
	if (tcgetattr(STDIN_FILENO, &t) == 0) {
		p->saved = xmemdup(&t, sizeof(t));
		cfmakeraw(&t);
		if (tcsetattr(STDIN_FILENO, TCSANOW, &t) < 0)
			return err_set(e, ERR_SYS, errno, "put the terminal in raw mode");
	}
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	p->winch_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return 0;
}

void pump_size(unsigned short *rows, unsigned short *cols)
{
	struct winsize w = {0};

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		w = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	*rows = w.ws_row;
	*cols = w.ws_col;
}

static void end_way(struct pump_way *w)
{
	w->done = true;
	if (w->to_pipe && w->to >= 0) {           /* end of input reaches the container */
		close(w->to);
		w->to = -1;
	}
}

static void read_some(struct pump_way *w)
{
	ssize_t n = read(w->from, w->buf, PUMP_BYTES);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {                             /* EIO: the other end of a terminal was closed */
		end_way(w);
		return;
	}
	w->off = 0;
	w->len = (size_t)n;
}

/* ---- detach keys ------------------------------------------------------------------------------------------------- */

static bool one_key(const char *s, size_t len, unsigned char *ret)
{
	if (len == 1) {
		*ret = (unsigned char)*s;
		return true;
	}
	if (len != 6 || strncmp(s, "ctrl-", 5) != 0 || !((s[5] >= '@' && s[5] <= '_') || (s[5] >= 'a' && s[5] <= 'z')))
		return false;
	*ret = s[5] & 0x1f;
	return true;
}

int pump_keys_parse(struct pump_keys *ret, const char *s, struct err *e)
{
	const char *whole = s;
	struct pump_keys k = { .n = 0 };

	while (*s) {
		size_t len = strcspn(s, ",");

		if (k.n == PUMP_KEYS_MAX || !one_key(s, len, &k.v[k.n++]) || (s[len] && !s[len + 1])) {
			err_set(e, ERR_USAGE, 0, "\"%s\" are no detach keys", whole);
			return err_hint(e, "keys are letters or ctrl-LETTER, with commas between them: ctrl-p,ctrl-q");
		}
		s += len + (s[len] == ',');
	}
	*ret = k;
	return 0;
}

/* Take the detach keys out of what was just read. A beginning of them is held back until it is clear that it is none.
 * ret: true when they were typed */
static bool look_for_keys(struct pump *p)
{
	struct pump_way *w = &p->in;
	auto_free char *read = xmemdup(w->buf, w->len + 1);
	size_t n = w->len, out = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)read[i];

		if (ch != p->keys->v[p->keys_seen] && p->keys_seen) {
			memcpy(w->buf + out, p->keys->v, p->keys_seen);
			out += p->keys_seen;
			p->keys_seen = 0;
		}
		if (ch != p->keys->v[p->keys_seen]) {
			w->buf[out++] = read[i];
		} else if (++p->keys_seen == p->keys->n) {
			w->len = out;
			return true;
		}
	}
	w->len = out;
	return false;
}

/* ret: false when the user's output is closed */
static bool write_some(struct pump_way *w)
{
	ssize_t n;

	if (!w->len)
		return true;
	n = write(w->to, w->buf + w->off, w->len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n < 0) {
		w->len = 0;
		end_way(w);
		return w->to_pipe || errno != EPIPE || w->to > STDERR_FILENO;
	}
	w->off += (size_t)n;
	w->len -= (size_t)n;
	return true;
}

/* What is in the pipe now, without waiting: a background process may hold it open for ever. */
static void drain(struct pump_way *w)
{
	struct pollfd f = { .fd = w->from, .events = POLLIN };

	while (!w->done) {
		while (w->len)
			if (!write_some(w))
				return;
		if (poll(&f, 1, 0) <= 0 || !(f.revents & (POLLIN | POLLHUP)))
			return;
		read_some(w);
	}
}

static short poll_from(const struct pump_way *w) { return !w->done && !w->len ? POLLIN : 0; }
static short poll_to(const struct pump_way *w) { return !w->done && w->len ? POLLOUT : 0; }

int pump_loop(struct pump *p, int end_fd, const struct pump_calls *calls, struct err *e)
{
	int seen = 0;

	for (;;) {
		struct pollfd f[7] = {
			{ .fd = end_fd, .events = POLLIN }, { .fd = p->winch_fd, .events = POLLIN }, { .fd = intr_fd(), .events = POLLIN },
			{ .fd = poll_from(&p->in) ? p->in.from : -1, .events = POLLIN },
			{ .fd = poll_to(&p->in) ? p->in.to : -1, .events = POLLOUT },
			{ .fd = poll_from(&p->out) ? p->out.from : -1, .events = POLLIN },
			{ .fd = poll_from(&p->err) ? p->err.from : -1, .events = POLLIN },
		};

		if (poll(f, 7, -1) < 0 && errno != EINTR)
			return err_set(e, ERR_SYS, errno, "wait for bytes");
		if (f[5].revents)
			read_some(&p->out);
		if (f[6].revents)
			read_some(&p->err);
		while (p->out.len)
			if (!write_some(&p->out))
				return 1;
		while (p->err.len)
			if (!write_some(&p->err))
				return 1;
		if (f[3].revents) {
			read_some(&p->in);
			if (p->keys && p->keys->n && p->in.len && look_for_keys(p)) {
				(void)write_some(&p->in);
				return 2;
			}
		}
		(void)write_some(&p->in);
		if (f[1].revents) {
			struct signalfd_siginfo si;

			while (read(p->winch_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
				;
			if (calls->on_size)
				calls->on_size(calls->arg);
		}
		if (intr_count() > seen) {
			seen = intr_count();
			if (!calls->on_signal)
				return intr_check(e);
			calls->on_signal(calls->arg, intr_signal());
			if (f[2].revents) {
				char c[16];

				(void)!read(intr_fd(), c, sizeof(c));
			}
		}
		if (f[0].revents) {
			int r = calls->on_end(calls->arg);

			if (r < 0)
				return -1;
			if (r > 0)
				break;
		}
	}
	drain(&p->out);
	drain(&p->err);
	return 0;
}

void pump_done(struct pump *p)
{
	pump_handed(p);
	if (p->saved)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, p->saved);
	free(p->saved);
	if (p->winch_fd >= 0)
		close(p->winch_fd);
	if (p->owned) {
		mem_closep(&p->in.to);
		mem_closep(&p->out.from);
		mem_closep(&p->err.from);
	}
	free(p->in.buf);
	free(p->out.buf);
	free(p->err.buf);
	*p = (struct pump){ .child = { -1, -1, -1 }, .winch_fd = -1 };
}
