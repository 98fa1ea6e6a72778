/* SPDX-License-Identifier: Apache-2.0 */
/* keep.h - what the keeper says to worker and relay, and they to it: one SOCK_SEQPACKET message each, at most one descriptor.
 * runs in: keeper, worker, relay.   owns: nothing.   layer: supervisor. Private to compose/supervisor.
 *
 * The keeper holds a table of entries: a key, a text, and perhaps a descriptor. It understands none but those whose key
 * begins with "port." or is "router": these it passes on to the relay. Keys, ID being the container's:
 *   alive, ctl             liveness lock; listening control socket
 *   crashed                the supervisor before this one did not end well
 *   ready                  pipe to the client that started us: how the start went
 *   run.ID                 a container with anything to lose; text: pid, the keeper whose child that is, enum keep_phase,
 *                          number of its listeners
 *   sync.ID                channel to its process until the exec has succeeded
 *   out.ID err.ID in.ID    read ends of its output, write end of its input
 *   tty.ID outw.ID         its terminal; the pipe between terminal and log
 *   dnsu.ID dnst.ID        sockets of its resolver
 *   pid.ID                 descriptor of its process, when that is no keeper's child any more
 *   port.ID.N              listener; text: "tcp 10.0.0.2 80", address "-" while nothing answers there
 *   router                 network namespace in which the relay connects */
#pragma once
#include <stdint.h>
#include <sys/types.h>

enum keep_op {
	KEEP_PUT,        /* both ways: hold this entry (a new one, or another text or descriptor for it) */
	KEEP_DROP,       /* to the keeper, and on to the relay: forget it */
	KEEP_READY,      /* from the keeper: that was all of the table */
	KEEP_EXIT,       /* from the keeper: child pid ended with wait status */
	KEEP_ACK,        /* to it: the end of pid is on disk */
	KEEP_RELAY,      /* to it: status 1: there is to be a relay, 0: none */
	KEEP_QUIT,       /* to it: nothing is left to do; end when the worker has ended */
	KEEP_RENEW,      /* to it, with a descriptor of an executable: continue as that program */
};

/* How far a container's start has come, so that the next worker goes on exactly there. */
enum keep_phase {
	PHASE_MAKING,    /* there may be a process, it waits and ends by itself */
	PHASE_MADE,      /* there is: pid; it has not been told to exec */
	PHASE_EXEC,      /* it has or will be told; sync.ID knows how that went */
	PHASE_RUNS,
	PHASE_WAITS,     /* ended, to be started again */
};

enum { KEEP_SOCK = 3,                    /* the role's end of the channel at its start */
       KEEP_KEY_MAX = 80, KEEP_TEXT_MAX = 72, WORKER_GIVES_UP = 111 };

struct keep_msg {
	uint32_t op;
	int32_t  pid, status;
	char     key[KEEP_KEY_MAX], text[KEEP_TEXT_MAX];
};

/* fd: -1 or one to pass along (stays the caller's). ret: 0, or -1 with errno */
int keep_send(int sock, const struct keep_msg *m, int fd);
/* ret: 1 with *m (texts terminated) and *ret_fd (-1: none; the caller's); 0 at the end; -1 with errno */
int keep_recv(int sock, struct keep_msg *m, int *ret_fd);
/* Build and send. text may be NULL. */
int keep_put(int sock, const char *key, const char *text, int fd);
int keep_drop(int sock, const char *key);
int keep_tell(int sock, enum keep_op op, pid_t pid, int status);
