/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.h - the process that must not fail: parent of every container, holder of what must outlive worker and relay.
 * runs in: keeper.   owns: the table of keep.h, exit codes until the worker has them on disk.   layer: supervisor.
 * It allocates nothing once it runs and does nothing that can fail for lack of memory but fork, which it tries again. */
#pragma once

/* Put an entry into the table before keeper_run(). fd is the keeper's from now on. */
void keeper_hold(const char *key, const char *text, int fd);
/* Take the table that another keeper, or an orphaned worker, left in the file fd (consumed). ret: 0, or -1 when it is no
 * such table */
int  keeper_adopt(int fd);
/* Serve until nothing is left to do. ret: exit status */
int  keeper_run(const char *project);
