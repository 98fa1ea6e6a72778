/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/io.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "compose/base/mem.h"

enum { ROUNDS = 4, CHUNK = 64 * 1024, INPUT_CHUNK = 16 * 1024, TAPS_MAX = 64 };

struct stream;
struct tap {
	struct worker *w;
	struct stream *stream;      /* NULL: its stream has ended, only what is pending goes */
	int    fd;
	struct loop_src *src;
	char  *pending;
	size_t len, off;
};
struct stream {
	struct io *io;
	const char *key;            /* "out", "err" */
	int    fd;                  /* read end; -1: ended */
	enum log_type type;
	struct loop_src *src;
	VEC(struct tap *) taps;
};
/* One client's input on its way. */
struct feed {
	int  fd, dst_fd;            /* client's pipe; a copy of io->in, which may be watched for output already; -1: none */
	bool once;
	struct loop_src *src, *dst;
	char *buf;
	size_t len, off;
};
struct io {
	struct ctr *c;
	struct stream out, err;
	int    master, outw;        /* terminal, and the pipe between it and the log; -1: none */
	struct loop_src *on_master;
	bool   running, hung_up;    /* moving; the terminal's other end is closed */
	int    in;                  /* write end of its input, or the terminal (then == master); -1: none */
	struct feed feed;
};

static char chunk[CHUNK];       /* one thread: everybody's copy buffer */
static size_t orphans;          /* taps whose stream has ended */

/* ---- taps ------------------------------------------------------------------------------------------------------- */

static void stream_resume(struct stream *s);

static void tap_free(struct tap *t)
{
	struct stream *s = t->stream;

	for (size_t i = 0; s && i < s->taps.n; i++)
		if (s->taps.v[i] == t) {
			vec_remove(&s->taps, i);
			break;
		}
	orphans -= !s;
	loop_del(t->src);
	close(t->fd);
	free(t->pending);
	free(t);
	if (s)
		stream_resume(s);
}

/* Write what is pending. ret: false when the tap is gone */
static bool tap_flush(struct tap *t)
{
	while (t->off < t->len) {
		ssize_t n = write(t->fd, t->pending + t->off, t->len - t->off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			tap_free(t);
			return false;
		}
		t->off += (size_t)n;
	}
	free(t->pending);
	t->pending = NULL;
	t->len = t->off = 0;
	if (!t->stream) {
		tap_free(t);
		return false;
	}
	loop_mod(t->src, 0);
	stream_resume(t->stream);
	return true;
}

static void on_tap(void *arg, uint32_t events)
{
	struct tap *t = arg;

	if (events & EPOLLERR)          /* the reader is gone */
		tap_free(t);
	else if (t->pending)
		(void)tap_flush(t);
}

/* Queue bytes behind what is pending. */
static void tap_queue(struct tap *t, const char *p, size_t n)
{
	char *buf = xmalloc(t->len - t->off + n);

	if (t->pending)
		memcpy(buf, t->pending + t->off, t->len - t->off);
	memcpy(buf + (t->len - t->off), p, n);
	t->len = t->len - t->off + n;
	t->off = 0;
	free(t->pending);
	t->pending = buf;
	loop_mod(t->src, EPOLLOUT);
}

/* ret: false when the tap is gone */
static bool tap_write(struct tap *t, const char *p, size_t n)
{
	ssize_t done = t->pending ? 0 : write(t->fd, p, n);

	if (done < 0 && errno != EAGAIN && errno != EINTR) {
		tap_free(t);
		return false;
	}
	done = done < 0 ? 0 : done;
	if ((size_t)done < n)
		tap_queue(t, p + done, n - (size_t)done);
	return true;
}

static void tap_new(struct stream *s, int fd)
{
	struct tap *t;

	if (fd < 0)
		return;
	if (s->fd < 0 || s->taps.n >= TAPS_MAX || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return;
	}
	t = xcalloc(1, sizeof(*t));
	*t = (struct tap){ .w = s->io->c->w, .stream = s, .fd = fd };
	t->src = loop_add(t->w->loop, fd, 0, on_tap, t);
	if (!t->src) {
		close(fd);
		free(t);
		return;
	}
	vec_push(&s->taps, t);
}

/* ---- output ----------------------------------------------------------------------------------------------------- */

static bool stream_blocked(const struct stream *s)
{
	if (s->io->c->ship && ship_full(s->io->c->ship))
		return true;
	for (size_t i = 0; i < s->taps.n; i++)
		if (s->taps.v[i]->pending)
			return true;
	return false;
}

static void on_output(void *arg, uint32_t events);
static void on_terminal(void *arg, uint32_t events);

static void stream_resume(struct stream *s)
{
	struct io *io = s->io;

	if (s->fd < 0 || !io->running || stream_blocked(s))
		return;
	if (!s->src)
		s->src = loop_add(io->c->w->loop, s->fd, EPOLLIN, on_output, s);
	if (s == &io->out && io->master >= 0 && !io->hung_up && !io->on_master)
		io->on_master = loop_add(io->c->w->loop, io->master, EPOLLIN, on_terminal, io);
}

/* Not merely asked for no events: a closed pipe would be told all the same, without end. */
static void stream_pause(struct stream *s)
{
	loop_del(s->src);
	s->src = NULL;
	if (s == &s->io->out) {
		loop_del(s->io->on_master);
		s->io->on_master = NULL;
	}
}

/* What was just moved into the log, to the system's logger and the taps too. */
static void stream_copy(struct stream *s)
{
	const struct ctr *c = s->io->c;
	size_t off = 0;
	ssize_t n;

	while ((s->taps.n || c->ship) && (n = log_last(c->log, off, chunk, sizeof(chunk))) > 0) {
		if (c->ship)
			ship_write(c->ship, s->type, c->st.pid, chunk, (size_t)n);
		for (size_t i = s->taps.n; i-- > 0;)
			(void)tap_write(s->taps.v[i], chunk, (size_t)n);
		off += (size_t)n;
	}
}

/* Move one record. ret: bytes moved */
static ssize_t stream_move(struct stream *s)
{
	struct err e = {0};
	ssize_t n = log_splice(s->io->c->log, s->fd, s->type, &e);

	if (e.n)
		worker_note(&e, "container %s: output is lost", s->io->c->rec.name);
	if (n > 0)
		stream_copy(s);
	return n;
}

static void stream_end(struct stream *s)
{
	struct tap *t;

	if (s->fd < 0)
		return;
	loop_del(s->src);
	s->src = NULL;
	hold_drop(s->io->c->w, "%s.%s", s->key, s->io->c->rec.id);
	close(s->fd);
	s->fd = -1;
	while (s->taps.n) {
		t = s->taps.v[--s->taps.n];
		t->stream = NULL;
		orphans++;
		if (!t->pending)
			tap_free(t);
	}
	vec_done(&s->taps);
}

static void on_output(void *arg, uint32_t events)
{
	struct stream *s = arg;
	ssize_t n = 1;

	for (int i = 0; i < ROUNDS && n > 0 && !stream_blocked(s); i++)
		n = stream_move(s);
	if (stream_blocked(s))
		stream_pause(s);
	else if (n <= 0 && events & (EPOLLHUP | EPOLLERR))
		stream_end(s);
}

static void on_terminal(void *arg, uint32_t events)
{
	struct io *io = arg;
	ssize_t n = splice(io->master, NULL, io->outw, NULL, CHUNK, SPLICE_F_NONBLOCK);

	(void)events;
	if (n > 0) {
		while (!stream_blocked(&io->out) && stream_move(&io->out) > 0)
			;
		if (stream_blocked(&io->out))
			stream_pause(&io->out);
	} else if (n == 0 || errno != EAGAIN) {     /* nobody has the other end open; it ends with the container */
		loop_del(io->on_master);
		io->on_master = NULL;
		io->hung_up = true;
	}
}

/* ---- input ------------------------------------------------------------------------------------------------------ */

static void feed_stop(struct io *io, bool end)
{
	struct feed *f = &io->feed;

	loop_del(f->src);
	loop_del(f->dst);
	mem_closep(&f->fd);
	mem_closep(&f->dst_fd);
	free(f->buf);
	if (end && f->once && io->in >= 0 && io->in != io->master) {
		hold_drop(io->c->w, "in.%s", io->c->rec.id);
		mem_closep(&io->in);
		io->in = -1;
	}
	io->feed = (struct feed){ .fd = -1, .dst_fd = -1 };
}

static void on_input(void *arg, uint32_t events);

static void feed_wait(struct io *io)
{
	struct feed *f = &io->feed;

	if (f->dst_fd < 0) {
		f->dst_fd = fcntl(io->in, F_DUPFD_CLOEXEC, 3);
		f->dst = f->dst_fd < 0 ? NULL : loop_add(io->c->w->loop, f->dst_fd, 0, on_input, io);
	}
	if (f->dst)
		loop_mod(f->dst, EPOLLOUT);
	loop_mod(f->src, 0);
}

static void on_input(void *arg, uint32_t events)
{
	struct io *io = arg;
	struct feed *f = &io->feed;
	ssize_t n;

	(void)events;
	if (f->off == f->len) {
		n = read(f->fd, f->buf, INPUT_CHUNK);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			feed_stop(io, true);
			return;
		}
		f->len = (size_t)n;
		f->off = 0;
	}
	n = write(io->in, f->buf + f->off, f->len - f->off);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		feed_stop(io, true);
		return;
	}
	f->off += n > 0 ? (size_t)n : 0;
	if (f->off < f->len) {
		feed_wait(io);
		return;
	}
	if (f->dst)
		loop_mod(f->dst, 0);
	loop_mod(f->src, EPOLLIN);
}

static void feed_run(struct io *io)
{
	struct feed *f = &io->feed;

	if (f->fd < 0 || f->src)
		return;
	if (io->in >= 0)
		f->src = loop_add(io->c->w->loop, f->fd, EPOLLIN, on_input, io);
	if (!f->src)
		feed_stop(io, false);   /* it has no input */
}

static void feed_new(struct io *io, int fd, bool once)
{
	if (fd < 0)
		return;
	if (io->feed.fd >= 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);              /* its input is another client's */
		return;
	}
	io->feed = (struct feed){ .fd = fd, .dst_fd = -1, .once = once, .buf = xmalloc(INPUT_CHUNK) };
	if (io->running)                /* before, the terminal is not there yet */
		feed_run(io);
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static struct io *make(struct ctr *c)
{
	struct io *io = xcalloc(1, sizeof(*io));

	*io = (struct io){ .c = c, .master = -1, .outw = -1, .in = -1, .feed = { .fd = -1, .dst_fd = -1 },
		.out = { .io = io, .key = "out", .fd = -1, .type = LOG_STDOUT },
		.err = { .io = io, .key = "err", .fd = -1, .type = LOG_STDERR } };
	c->io = io;
	return io;
}

static int make_pipe(int *ours, int *theirs, bool we_read, struct err *e)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	*ours = fd[!we_read];
	*theirs = fd[we_read];
	(void)fcntl(*ours, F_SETFL, O_NONBLOCK);
	return 0;
}

int io_new(struct ctr *c, int stdio[3], struct err *e)
{
	struct io *io = make(c);

	if (make_pipe(&io->out.fd, c->rec.tty ? &io->outw : &stdio[1], true, e) < 0)
		return -1;
	hold_put(c->w, "", io->out.fd, "out.%s", c->rec.id);
	if (c->rec.tty) {
		(void)fcntl(io->outw, F_SETFL, O_NONBLOCK);
		hold_put(c->w, "", io->outw, "outw.%s", c->rec.id);
		return 0;
	}
	if (make_pipe(&io->err.fd, &stdio[2], true, e) < 0)
		return -1;
	hold_put(c->w, "", io->err.fd, "err.%s", c->rec.id);
	if (!c->rec.stdin_open)
		return 0;
	if (make_pipe(&io->in, &stdio[0], false, e) < 0)
		return -1;
	hold_put(c->w, "", io->in, "in.%s", c->rec.id);
	return 0;
}

int io_terminal(struct ctr *c, int master, struct err *e)
{
	struct io *io = c->io;

	if (fcntl(master, F_SETFL, O_NONBLOCK) < 0) {
		close(master);
		return err_set(e, ERR_SYS, errno, "set up the terminal");
	}
	io->master = io->in = master;
	hold_put(c->w, "", master, "tty.%s", c->rec.id);
	return 0;
}

void io_adopt(struct ctr *c)
{
	struct io *io = make(c);
	const char *id = c->rec.id;

	io->out.fd = hold_fd(c->w, "out.%s", id);
	io->err.fd = hold_fd(c->w, "err.%s", id);
	io->outw = hold_fd(c->w, "outw.%s", id);
	io->master = hold_fd(c->w, "tty.%s", id);
	io->in = io->master >= 0 ? io->master : hold_fd(c->w, "in.%s", id);
}

void io_run(struct ctr *c)
{
	struct io *io = c->io;

	io->running = true;
	stream_resume(&io->out);
	stream_resume(&io->err);
	feed_run(io);
}

void io_resume(struct ctr *c)
{
	if (!c->io)
		return;
	stream_resume(&c->io->out);
	stream_resume(&c->io->err);
}

void io_attach(struct ctr *c, int in, int out, int err, bool once)
{
	struct io *io = c->io;

	if (!io) {
		mem_closep(&in);
		mem_closep(&out);
		mem_closep(&err);
		return;
	}
	tap_new(&io->out, out);
	tap_new(&io->err, err);
	feed_new(io, in, once);
}

int io_resize(struct ctr *c, unsigned short rows, unsigned short cols, struct err *e)
{
	struct winsize size = { .ws_row = rows, .ws_col = cols };

	if (!c->io || c->io->master < 0)
		return err_set(e, ERR_CONFLICT, 0, "container %s has no terminal", c->rec.name);
	if (ioctl(c->io->master, TIOCSWINSZ, &size) < 0)
		return err_set(e, ERR_SYS, errno, "set the size of the terminal of %s", c->rec.name);
	return 0;
}

void io_end(struct ctr *c)
{
	struct io *io = c->io;

	if (!io)
		return;
	/* its writers are dead: what the pipes hold is finite; slow taps queue it */
	while (io->master >= 0 && splice(io->master, NULL, io->outw, NULL, CHUNK, SPLICE_F_NONBLOCK) > 0)
		while (stream_move(&io->out) > 0)
			;
	for (struct stream *s = &io->out; s; s = s == &io->out ? &io->err : NULL)
		while (s->fd >= 0 && stream_move(s) > 0)
			;
	io_free(io);
	c->io = NULL;
}

static void drop_fd(struct io *io, const char *key, int fd)
{
	if (fd < 0)
		return;
	hold_drop(io->c->w, "%s.%s", key, io->c->rec.id);
	close(fd);
}

void io_free(struct io *io)
{
	if (!io)
		return;
	feed_stop(io, false);
	loop_del(io->on_master);
	stream_end(&io->out);
	stream_end(&io->err);
	drop_fd(io, "outw", io->outw);
	drop_fd(io, "tty", io->master);
	if (io->in != io->master)
		drop_fd(io, "in", io->in);
	free(io);
}

size_t io_pending(void)
{
	return orphans;
}
