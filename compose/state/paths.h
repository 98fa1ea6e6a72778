/* SPDX-License-Identifier: Apache-2.0 */
/* paths.h - every directory we use. COMPOSE_ROOT (or --root) moves all of it.
 * runs in: client, supervisor.   owns: its descriptors and texts.   layer: state.
 *
 *   ROOT (default /var/lib/compose), mode 0700
 *     images/ layers/ build/             image store and build cache (compose/image, compose/build)
 *     networks/NAME.json                 definition of a network (struct net_record)
 *     volumes/NAME/volume.json, _data/   named and anonymous volumes (struct vol_record)
 *     projects/PROJECT/ID/               one directory per container: ID is 64 hex digits
 *        record.json                     what it is, written once by the engine (struct ctr_record)
 *        config.json                     its OCI bundle configuration
 *        status.json                     what it does, written by rename by the supervisor (struct ctr_status)
 *        fs/upper, fs/work               its writable layer
 *        etc/hosts, hostname, resolv.conf   bound into it; hosts and resolv.conf are written by the supervisor at start
 *        files/                          contents of configs and secrets that have no host file
 *        log/                            its output (compose/logs)
 *   RUN (default /run/compose; ROOT/run when ROOT was moved), mode 0700
 *     projects/PROJECT/lock              lock: a command that changes the project holds it
 *     projects/PROJECT/watch             lock: a command that watches files for the project holds it
 *     projects/PROJECT/alive             lock: the supervisor holds it as long as it lives
 *     projects/PROJECT/ctl               control socket (SOCK_SEQPACKET)
 *     router/, networks/                 compose/net */
#pragma once
#include "compose/base/err.h"

struct paths {
	char *root, *run;          /* absolute, no trailing slash */
	int   root_fd, run_fd;     /* O_PATH|O_DIRECTORY */
	char  inst[9];             /* 8 hex digits from root: marks every kernel object of this installation */
};

/* Find (and with make: create, mode 0700) the directories. in: root_opt: --root or NULL; then COMPOSE_ROOT, then the default.
 * ret: 0; 1 when they do not exist and make is false (then nothing was ever started here)
 * err: ERR_DENIED with a hint when not permitted */
int  paths_open(struct paths *p, const char *root_opt, bool make, struct err *e) __attribute__((warn_unused_result));
void paths_done(struct paths *p);
/* Descriptor of a directory below ROOT or RUN ("projects/demo"), made when make is set. ret: fd, or -1 with errno */
int  paths_dir(int base_fd, const char *rel, bool make);
