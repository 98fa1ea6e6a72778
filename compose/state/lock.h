/* SPDX-License-Identifier: Apache-2.0 */
/* lock.h - who may change a project, and whether its supervisor lives.
 * runs in: client, supervisor.   owns: the descriptor is the lock: closing it (or dying) lets go.
 * layer: state.
 * kernel: open file description locks (3.15): they belong to the open file, so a descriptor that is passed on carries the
 * lock, and the kernel tells that one is held without taking it. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"
#include "compose/state/paths.h"

/* Take RUN/projects/PROJECT/lock for a command that changes the project. The holder's pid and command stand in the file.
 * in: command: what `compose` was asked ("up -d"); with wait, block until it is free (SIGINT ends the wait)
 * ret: 0 with *ret_fd (caller closes)
 * err: ERR_CONFLICT naming the holder; ERR_INTR */
int lock_project(const struct paths *p, const char *project, const char *command, bool wait, int *ret_fd, struct err *e)
	__attribute__((warn_unused_result));

/* Let go, and leave nothing behind: the file, and the project's directory in RUN when nothing else is in it. fd is closed. */
void lock_project_release(const struct paths *p, const char *project, int fd);

/* ret: true while a command that changes the project is at work: what it has stopped it may start again */
bool lock_is_held(const struct paths *p, const char *project);

/* Take RUN/projects/PROJECT/alive: the supervisor's proof of life. in: with wait, until it is free or a signal comes
 * ret: 0 with *ret_fd; 1 when another holds it */
int lock_alive(const struct paths *p, const char *project, bool wait, int *ret_fd, struct err *e)
	__attribute__((warn_unused_result));
/* ret: true while a supervisor holds the lock. No directory, no lock, no right to look: false */
bool lock_is_alive(const struct paths *p, const char *project);
/* ret: true when a supervisor was killed and none has begun since: it left its socket behind */
bool lock_is_crashed(const struct paths *p, const char *project);

/* Take RUN/projects/PROJECT/watch: at most one `watch` per project. ret: 0 with *ret_fd; err: ERR_CONFLICT naming the other */
int lock_watch(const struct paths *p, const char *project, int *ret_fd, struct err *e) __attribute__((warn_unused_result));
/* As lock_project_release(). */
void lock_watch_release(const struct paths *p, const char *project, int fd);
