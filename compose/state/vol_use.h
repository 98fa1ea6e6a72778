/* SPDX-License-Identifier: Apache-2.0 */
/* vol_use.h - volumes of the local driver with something of their own to mount (driver_opts type, o, device): who uses one, and
 * the mount on its directory, which is there as long as anybody does.
 * runs in: client (mounts, for that may take long), supervisor worker.   owns: nothing.   layer: state.
 * spec: docker volume create, driver local. A user holds a shared lock on volumes/NAME/use: it goes with the process, so
 * nobody's death leaves a count behind. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"
#include "compose/state/record.h"

/* ret: whether the volume's directory is to carry a mount; one that leads to a directory of the host (o: bind) is none */
bool vol_mounts(const struct vol_record *r);
/* The directory of the host that it leads to (o: bind), NULL: none; borrowed */
const char *vol_bind(const struct vol_record *r);
/* ret: the value of an option, "" when it is not given; borrowed */
const char *vol_opt(const struct vol_record *r, const char *key);
/* Use it from now on, until vol_let_go() or the descriptor's close. ret: a descriptor, -1 with e */
int  vol_hold(const struct paths *p, const char *name, struct err *e) __attribute__((warn_unused_result));
/* Is something mounted there now? */
bool vol_mounted(const struct paths *p, const char *name);
/* Mount what the record says, unless it is mounted. in: held. May wait for a server. err: ERR_MODEL, ERR_SYS */
int  vol_mount(const struct paths *p, const struct vol_record *r, struct err *e) __attribute__((warn_unused_result));
/* Before it is removed: nobody may use it any more; waits a while for those who are about to let go.
 * err: ERR_CONFLICT */
int  vol_unmount(const struct paths *p, const char *name, struct err *e) __attribute__((warn_unused_result));
/* Close fd (-1: none); the last one takes the mount away. */
void vol_let_go(const struct paths *p, const char *name, int fd);
