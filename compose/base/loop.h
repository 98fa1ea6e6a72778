/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - one epoll loop with timers, for a single-threaded process.
 * runs in: client (engine), supervisor worker and relay.   owns: sources; never the descriptors it watches.   layer: base. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include "compose/base/err.h"

struct loop;
struct loop_src;                      /* a watched descriptor or a timer; freed by loop_del() or loop_free() */
typedef void loop_fd_fn(void *arg, uint32_t events);     /* EPOLLIN ... */
typedef void loop_timer_fn(void *arg);

int  loop_new(struct loop **ret, struct err *e) __attribute__((warn_unused_result));
void loop_free(struct loop *l);
/* Watch fd (level-triggered). ret: NULL with errno when epoll refuses it */
struct loop_src *loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg);
void loop_mod(struct loop_src *s, uint32_t events);
/* Call fn once, at_ns on the monotonic clock. */
struct loop_src *loop_at(struct loop *l, int64_t at_ns, loop_timer_fn *fn, void *arg);
/* Forget s; allowed from inside any callback, also its own. NULL is fine. A timer that has fired is forgotten by itself:
 * set your pointer to NULL in its callback. */
void loop_del(struct loop_src *s);
/* Dispatch until loop_stop(). ret: 0, or -1 with e set when epoll itself fails */
int  loop_run(struct loop *l, struct err *e) __attribute__((warn_unused_result));
void loop_stop(struct loop *l);
