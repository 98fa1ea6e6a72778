/* SPDX-License-Identifier: Apache-2.0 */
/* intr.h - Ctrl-C as a question that long work asks.
 * runs in: client.   layer: base.   Handlers are installed without SA_RESTART, so blocking calls return EINTR. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"

/* Count SIGINT, SIGTERM and SIGHUP from now on instead of dying of them. */
void intr_install(void);
/* ret: how many have come so far (0: none). Safe in any thread. */
int  intr_count(void);
/* ret: 0, or -1 with ERR_INTR when one has come */
int  intr_check(struct err *e);
/* A descriptor that becomes readable when one comes (-1 before intr_install). Reading it is the caller's choice. */
int  intr_fd(void);
/* Forget those that have come: they have been answered. */
void intr_reset(void);
/* ret: the last signal's number, 0 if none */
int  intr_signal(void);
