/* SPDX-License-Identifier: Apache-2.0 */
/* hold.c - the worker's side of the keeper's table. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <signal.h>
#include <sys/mman.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/supervisor/supervisor.h"
#include "compose/supervisor/worker.h"

static size_t find(const struct worker *w, const char *key)
{
	size_t i = 0;

	while (i < w->held.n && strcmp(w->held.v[i]->key, key) != 0)
		i++;
	return i;
}

static size_t find_formatted(const struct worker *w, const char *key_fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static size_t find_formatted(const struct worker *w, const char *key_fmt, va_list ap)
{
	char key[KEEP_KEY_MAX];

	(void)vsnprintf(key, sizeof(key), key_fmt, ap);
	return find(w, key);
}

static void remember(struct worker *w, const char *key, const char *text, int fd)
{
	size_t i = find(w, key);
	struct held_entry *h;

	if (i == w->held.n) {
		h = xcalloc(1, sizeof(*h));
		*h = (struct held_entry){ .key = xstrdup(key), .fd = -1 };
		vec_push(&w->held, h);
	}
	h = w->held.v[i];
	free(h->text);
	h->text = xstrdup(text ? text : "");
	if (fd >= 0)
		h->fd = fd;
}

static void forget(struct worker *w, size_t i)
{
	free(w->held.v[i]->key);
	free(w->held.v[i]->text);
	free(w->held.v[i]);
	vec_remove(&w->held, i);
}

void hold_put(struct worker *w, const char *text, int fd, const char *key_fmt, ...)
{
	char key[KEEP_KEY_MAX];
	va_list ap;

	va_start(ap, key_fmt);
	(void)vsnprintf(key, sizeof(key), key_fmt, ap);
	va_end(ap);
	remember(w, key, text, fd);
	/* a keeper that is gone is noticed in the loop, and the next one is given all that is remembered */
	(void)keep_put(w->keep, key, text, fd);
}

void hold_drop(struct worker *w, const char *key_fmt, ...)
{
	auto_free char *key = NULL;
	va_list ap;
	size_t i;

	va_start(ap, key_fmt);
	i = find_formatted(w, key_fmt, ap);
	va_end(ap);
	if (i == w->held.n)
		return;
	key = xstrdup(w->held.v[i]->key);
	forget(w, i);
	(void)keep_drop(w->keep, key);
}

struct held_entry *hold_find(struct worker *w, const char *key_fmt, ...)
{
	va_list ap;
	size_t i;

	va_start(ap, key_fmt);
	i = find_formatted(w, key_fmt, ap);
	va_end(ap);
	return i < w->held.n ? w->held.v[i] : NULL;
}

int hold_fd(struct worker *w, const char *key_fmt, ...)
{
	va_list ap;
	size_t i;

	va_start(ap, key_fmt);
	i = find_formatted(w, key_fmt, ap);
	va_end(ap);
	return i < w->held.n ? w->held.v[i]->fd : -1;
}

void hold_relay(struct worker *w, bool on)
{
	w->relay = on;
	(void)keep_tell(w->keep, KEEP_RELAY, 0, on);
}

int hold_take_over(struct worker *w, struct held_exits *exits)
{
	struct keep_msg m;
	int fd;

	while (keep_recv(w->keep, &m, &fd) == 1) {
		if (m.op == KEEP_READY)
			return 0;
		if (m.op == KEEP_PUT)
			remember(w, m.key, m.text, fd);
		else if (m.op == KEEP_EXIT)
			vec_push(exits, (struct held_exit){ m.pid, m.status });
	}
	return -1;
}

/* The table as keeper_adopt() reads it. The descriptors stay open across exec. */
static int write_table(struct worker *w)
{
	int fd = memfd_create("compose-keeper", 0);
	struct keep_msg m;

	for (size_t i = 0; fd >= 0 && i < w->held.n; i++) {
		const struct held_entry *h = w->held.v[i];

		m = (struct keep_msg){ .op = KEEP_PUT, .pid = h->fd };
		(void)snprintf(m.key, sizeof(m.key), "%s", h->key);
		(void)snprintf(m.text, sizeof(m.text), "%s", h->text);
		if (h->fd >= 0)
			(void)fcntl(h->fd, F_SETFD, 0);
		if (write(fd, &m, sizeof(m)) != sizeof(m))
			return -1;
	}
	m = (struct keep_msg){ .op = KEEP_RELAY, .status = w->relay };
	return fd >= 0 && write(fd, &m, sizeof(m)) == sizeof(m) ? fd : -1;
}

void hold_new_keeper(struct worker *w)
{
	int table = write_table(w);
	auto_free char *title = xasprintf("compose: keeper %s", w->project), *number = xasprintf("%d", table);
	char *const argv[] = { title, (char *)(uintptr_t)SUP_WORD_KEEPER, w->project, number, NULL };
	sigset_t none;

	dprintf(STDERR_FILENO, "worker: the keeper died, a new one takes over\n");
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* this very process becomes the keeper: nothing is open in two places, and its own children stay its children */
	if (table >= 0)
		execv("/proc/self/exe", argv);
	dprintf(STDERR_FILENO, "worker: start a new keeper: %s\n", strerror(errno));
	_exit(WORKER_GIVES_UP);
}
