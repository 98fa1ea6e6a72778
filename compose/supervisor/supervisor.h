/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.h - entry of the processes that stay with a running project: keeper, worker, relay.
 * runs in: those processes, freshly exec'ed, single-threaded, detached.   layer: supervisor.
 * Called by main() when argv[1] is one of the hidden words below; client.c starts the first, that one the others. */
#pragma once

#define SUP_WORD_KEEPER "__supervisor"    /* PROJECT [fd of a table to continue with] */
#define SUP_WORD_WORKER "__worker"        /* PROJECT */
#define SUP_WORD_RELAY  "__relay"         /* PROJECT */

/* ret: the process's exit status. argv is overwritten with the process's title. */
int supervisor_main(int argc, char **argv);
