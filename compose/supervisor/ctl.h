/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.h - the control socket: connections, requests in, replies and events out. Private to compose/supervisor.
 * runs in: supervisor worker.   owns: struct ctl its connections.   layer: supervisor.
 * What comes in is capped and checked; who connects must be root or our own user (SO_PEERCRED). */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/err.h"

struct worker;
struct conn;
struct ctl;

enum { CTL_FDS_MAX = 8, CTL_MSG_MAX = 128 * 1024 };

/* A request: fds are its own, whoever takes one puts -1 in its place; the rest is closed. */
struct request { struct conn *conn; int64_t id; const json_t *args; int fds[CTL_FDS_MAX]; size_t n_fds; };

/* listener: the listening socket; stays the caller's */
int  ctl_open(struct worker *w, int listener, struct err *e) __attribute__((warn_unused_result));
/* ret: number of connections, after taking those that wait */
size_t ctl_connections(struct worker *w);
/* Answer. j (may be NULL) is consumed. conn NULL: nobody asked. */
void ctl_reply(struct conn *c, int64_t id, json_t *j);
void ctl_fail(struct conn *c, int64_t id, const struct err *e);
/* Send a message that answers nothing. j is consumed. */
void ctl_send(struct conn *c, json_t *j);
/* Send an event to all that subscribed. j is consumed. */
void ctl_event(struct worker *w, json_t *j);
void ctl_subscribe(struct conn *c);
/* The last events are remembered, as long as this worker lives: from when on, and give those since then, behind them "replayed". */
int64_t ctl_remembers_since(const struct worker *w);
void ctl_replay(struct conn *c, int64_t since_ns);
/* ops.c: carry out one request. */
void ops_run(struct worker *w, struct request *r);
void ops_forget_conn(const struct conn *c);
