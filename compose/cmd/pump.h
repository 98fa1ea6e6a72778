/* SPDX-License-Identifier: Apache-2.0 */
/* pump.h - bytes between the user's standard descriptors and a container's, for exec, run and attach; the raw terminal.
 * runs in: client.   owns: the pipes it made.   layer: cmd.
 * The container never gets the user's own descriptors: through them it could reopen a file of the host, or type into the terminal. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/err.h"

struct pump_way { int from, to; char *buf; size_t off, len; bool done, to_pipe; };
struct pump {
	struct pump_way in, out, err;     /* err unused with a terminal */
	int child[3];                     /* the container's ends; -1 once handed over */
	bool tty, owned;                  /* owned: the pipes are ours to close, a terminal's master is not */
	int winch_fd;                     /* readable when the terminal changed its size */
	void *saved;                      /* terminal settings to put back */
	const struct pump_keys *keys;     /* typed, they end the loop; NULL: none. Set before pump_loop() */
	size_t keys_seen;                 /* how many of them were typed last, and are held back */
};
enum { PUMP_KEYS_MAX = 16 };
struct pump_keys { unsigned char v[PUMP_KEYS_MAX]; size_t n; };
/* "ctrl-p,ctrl-q", "a,b": what --detach-keys takes; "" is none. err: ERR_USAGE */
int  pump_keys_parse(struct pump_keys *ret, const char *s, struct err *e) __attribute__((warn_unused_result));

/* Make pipes: child[] are the container's stdin, stdout, stderr. with_stdin false: it reads nothing (child[0] = -1). */
int  pump_pipes(struct pump *p, bool with_stdin, struct err *e) __attribute__((warn_unused_result));
/* For a terminal in our own hands instead (exec -t): master carries both ways. */
void pump_master(struct pump *p, int master);
/* Close the container's ends, after they have been handed over. */
void pump_handed(struct pump *p);
/* Put the user's terminal in raw mode until pump_done(), and watch its size. */
int  pump_raw(struct pump *p, struct err *e) __attribute__((warn_unused_result));
void pump_size(unsigned short *rows, unsigned short *cols);
/* Carry bytes until end_fd is readable and on_end says stop (ret 1: the other side has ended; then what is left is carried
 * and pump_loop returns) or standard output is closed.
 * in: on_size is called when the terminal's size changed, may be NULL; on_signal for Ctrl-C and friends, NULL: they end it
 * ret: 0 ended, 1 our standard output was closed first, 2 the detach keys were typed, -1 with e (ERR_INTR) */
struct pump_calls { int (*on_end)(void *arg); void (*on_size)(void *arg); void (*on_signal)(void *arg, int sig); void *arg; };
int  pump_loop(struct pump *p, int end_fd, const struct pump_calls *calls, struct err *e) __attribute__((warn_unused_result));
void pump_done(struct pump *p);
