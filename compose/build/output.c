/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/output.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { LINE_BYTES = 8 << 10, TAIL = 12, LINGER_MS = 200 };

struct output {
	int        fd, stop_fd;
	pthread_t  thread;
	output_fn *fn;
	void      *arg;
	struct str line;
	char      *tail[TAIL];       /* ring */
	size_t     n;                /* lines so far */
};

static void end_line(struct output *o)
{
	size_t len = o->line.len;
	char **slot = &o->tail[o->n++ % TAIL];

	if (len && o->line.s[len - 1] == '\r')
		str_cut(&o->line, len - 1);
	o->fn(o->arg, str_cstr(&o->line));
	free(*slot);
	*slot = xstrdup(str_cstr(&o->line));
	str_clear(&o->line);
}

static void feed(struct output *o, const char *buf, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\n' || o->line.len >= LINE_BYTES)
			end_line(o);
		if (buf[i] != '\n' && buf[i])
			str_addc(&o->line, buf[i]);
	}
}

/* Read until the writers are gone; after output_end() asked, only what is there (a stray holder of the pipe delays
 * nobody). */
static void *reader(void *arg)
{
	struct output *o = arg;
	struct pollfd p[2] = { { .fd = o->fd, .events = POLLIN }, { .fd = o->stop_fd, .events = POLLIN } };
	char buf[16 << 10];

	for (;;) {
		bool stopping = p[1].fd < 0;
		int r = poll(p, 2, stopping ? LINGER_MS : -1);
		ssize_t n;

		if (r < 0 && errno != EINTR)
			break;
		if (r == 0)
			break;
		if (r > 0 && p[1].revents)
			p[1].fd = -1;
		if (r <= 0 || !p[0].revents)
			continue;
		n = read(o->fd, buf, sizeof(buf));
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			break;
		if (n > 0)
			feed(o, buf, (size_t)n);
	}
	if (o->line.len)
		end_line(o);
	return NULL;
}

int output_begin(struct output **ret, int *ret_fd, output_fn *fn, void *arg, struct err *e)
{
	struct output *o;
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	o = xcalloc(1, sizeof(*o));
	o->fd = p[0];
	o->stop_fd = eventfd(0, EFD_CLOEXEC);
	o->fn = fn;
	o->arg = arg;
	r = o->stop_fd < 0 ? errno : pthread_create(&o->thread, NULL, reader, o);
	if (r) {
		mem_closep(&o->stop_fd);
		close(p[0]);
		close(p[1]);
		free(o);
		return err_set(e, ERR_SYS, r, "start a thread");
	}
	*ret = o;
	*ret_fd = p[1];
	return 0;
}

char *output_end(struct output *o)
{
	auto_str struct str all = {0};
	size_t from;

	(void)eventfd_write(o->stop_fd, 1);
	(void)pthread_join(o->thread, NULL);
	from = o->n > TAIL ? o->n - TAIL : 0;
	for (size_t i = from; i < o->n; i++)
		str_addf(&all, "%s%s", i > from ? "\n" : "", o->tail[i % TAIL]);
	for (size_t i = 0; i < TAIL; i++)
		free(o->tail[i]);
	close(o->fd);
	close(o->stop_fd);
	str_done(&o->line);
	from = o->n;
	free(o);
	return from ? str_take(&all) : NULL;
}
