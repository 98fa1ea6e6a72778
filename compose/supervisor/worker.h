/* SPDX-License-Identifier: Apache-2.0 */
/* worker.h - the process that does the work, and what its parts share. Private to compose/supervisor.
 * runs in: supervisor worker: one thread, one loop, root in the host's namespaces.   layer: supervisor.
 * owns: struct worker everything below it. What must survive its death lies with the keeper (hold.c) or on disk. */
#pragma once
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/loop.h"
#include "compose/net/dns.h"
#include "compose/net/net.h"
#include "compose/runtime/runtime.h"
#include "compose/state/paths.h"
#include "compose/supervisor/keep.h"

struct ctr;
struct ctl;

/* What the keeper holds for us, as we know it. fd is also ours, or -1. */
struct held_entry { char *key, *text; int fd; };

struct worker {
	struct paths paths;
	char        *project;
	struct loop *loop;
	struct rt   *rt;
	struct net_ctx net;
	struct dns_server *dns;          /* NULL until the first container with a network */
	struct ctl  *ctl;
	int          keep, signals;      /* channel to the keeper; SIGTERM */
	bool         relay;              /* asked for */
	VEC(struct held_entry *) held;
	VEC(struct ctr *) ctrs;          /* those that run, will, or are spoken of */
	bool         ending;             /* SIGTERM: stop all, then go */
	struct loop_src *idle;           /* armed when there may be nothing left to do */
	struct loop_src *awaited;        /* armed until the first client has come */
	int64_t      born_ns;            /* when it began, monotonic */
	bool         served;             /* a client has come */
};

/* Tell of something that went wrong beside what was asked: into supervisor.log. e is emptied. */
void worker_note(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Look soon whether there is anything left to do. */
void worker_check_idle(struct worker *w);
/* A client has come. */
void worker_greeted(struct worker *w);
int  worker_main(int argc, char **argv);

/* hold.c: entries of keep.h. A descriptor given to hold_put() stays the caller's, and is the worker's as long as held. */
void hold_put(struct worker *w, const char *text, int fd, const char *key_fmt, ...) __attribute__((format(printf, 4, 5)));
void hold_drop(struct worker *w, const char *key_fmt, ...) __attribute__((format(printf, 2, 3)));
/* ret: the entry or NULL; borrowed */
struct held_entry *hold_find(struct worker *w, const char *key_fmt, ...) __attribute__((format(printf, 2, 3)));
/* ret: the descriptor, the caller's to use and close, -1 when there is none */
int  hold_fd(struct worker *w, const char *key_fmt, ...) __attribute__((format(printf, 2, 3)));
void hold_relay(struct worker *w, bool on);
/* Take the keeper's table at the start. exits: told through hold_on_exit until READY. ret: 0, or -1 */
struct held_exit { pid_t pid; int status; };
struct held_exits { struct held_exit *v; size_t n, cap; };
int  hold_take_over(struct worker *w, struct held_exits *exits);
/* The keeper died: make another one that has all we have, and end this process. */
void hold_new_keeper(struct worker *w) __attribute__((noreturn));
