/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - a command's end of the control socket of a project's supervisor.
 * runs in: client, any thread (one connection per thread).   owns: the connection.   layer: supervisor.
 *
 * A request is one SOCK_SEQPACKET message, a JSON object {"id": N, "op": NAME, ...} with descriptors by SCM_RIGHTS; the reply
 * carries the same id and "ok": true plus results, or "err" (err_to_json). Replies come in any order. Operations:
 *   ping                            -> {"version", "build", "pid"}
 *   busy                            -> {"starting": [ids], "stopping": [ids]}: containers that are on their way to run, or to end
 *   net_create {"network"}          make the network of networks/NAME.json real -> {"subnet", "gateway"}
 *   net_remove {"network"}          err: ERR_CONFLICT while endpoints are attached
 *   start {"ctr", "attach": [...]}  start a created or exited container, or one that is being stopped when it has ended; attach names the descriptors that come along, in
 *                                   order: "stdin" (read end), "stdout", "stderr" (write ends of pipes, closed by the
 *                                   supervisor at the container's end); "rows", "cols" for a tty.
 *                                   Reply when exec succeeded -> {"pid"}; err ERR_NOTFOUND / ERR_NOEXEC / ...
 *                                   With post_start hooks: when the last has ended, err when one failed (the container runs);
 *                                   "hooks_aside": true does not wait for them, the end of the container tells what they came to
 *                                   "stdin_once" (default true): the end of stdin is the end of the container's
 *   attach {"ctr", "attach": [...]} the same descriptors to a running container; output from now on; "stdin_once" default false.
 *                                   Output waits for those attached (back-pressure): who does not read holds the container up
 *   resize {"ctr", "rows", "cols"}
 *   stop {"ctr", "timeout_ns"}      stop signal, wait, SIGKILL; -1 = the record's grace; cancels the restart policy.
 *                                   pre_stop hooks come first; err when one failed: it runs on. A second stop leaves them out
 *                                   Reply when it has exited -> {"exit_code", "oom", "no_handler": PID 1 could not have reacted
 *                                   to the signal and was killed at once}; one that does not run is fine
 *   kill {"ctr", "signal"}          a number; reply when sent; SIGKILL cancels the restart policy
 *   pause {"ctr"}, unpause {"ctr"}
 *   wait {"ctr", "for"}             "exited" -> {"exit_code", "oom", "hook_error"}; "running"; "healthy" (err when it turns unhealthy, exits, or has no
 *                                   healthcheck)
 *   subscribe                       from now on messages with id 0: {"event", "ctr", "name", "time_ns", "exit_code"?, "health"?}
 *                                   event: start die stop kill oom pause unpause health_status resize, "exec_start: COMMAND" ...
 *                                   also "service", "image", "oneoff", and "attributes" (texts) where there is more to say.
 *                                   With "replay_ns": first what has happened since then, as far as it is remembered or the
 *                                   files tell, behind it the event "replayed"
 *   note {"ctr", "event", "command", "exec", "exit_code"}   what the client does itself: exec_create exec_start exec_die
 *   renew, with one descriptor      continue as that executable (open for reading): every process of the supervisor, no container
 * When the supervisor's worker dies and is replaced, a connection lives on: sup_fd() keeps its number, what was not answered
 * is asked again (a start that has come about is not repeated; kill, pause and unpause fail instead), a subscription goes on
 * with the events missed. Pipes that were attached are at their end then; `attach` again, the log has everything.
 * Containers that do not run need no supervisor: their files tell all (state/record.h). */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/err.h"

struct paths;
struct sup;

/* Connect to the supervisor of project; with start, start one when none lives (waits until it answers), and let one of an
 * older version, or of another build of this one, become this program.
 * ret: 0; 1 when none lives and start is false
 * err: why it could not start (its own chain) */
int  sup_open(struct sup **ret, const struct paths *p, const char *project, bool start, struct err *e)
	__attribute__((warn_unused_result));
void sup_close(struct sup *s);
static inline void sup_closep(struct sup **s) { sup_close(*s); }
#define auto_sup __attribute__((cleanup(sup_closep)))

/* Ask and wait for the answer. in: args is a new reference that is consumed (or NULL); fds stay the caller's
 * ret: 0 with *ret (may be NULL) set, caller drops it; -1 with the supervisor's error */
int  sup_call(struct sup *s, const char *op, json_t *args, const int *fds, size_t n_fds, json_t **ret, struct err *e)
	__attribute__((warn_unused_result));

/* The same in two halves, for a caller with an event loop. ret: request id > 0, or -1 */
int64_t sup_send(struct sup *s, const char *op, json_t *args, const int *fds, size_t n_fds, struct err *e)
	__attribute__((warn_unused_result));
/* Take one message. ret: 1 with *ret_id (0: an event) and *ret set, or e filled and *ret NULL when that request failed;
 * 0 when nothing is waiting; -1 when the connection broke */
int  sup_recv(struct sup *s, int64_t *ret_id, json_t **ret, struct err *e) __attribute__((warn_unused_result));
/* From now on sup_recv() has every event of what the containers' files tell already. ret: 0; -1 when the connection broke */
int  sup_catch_up(struct sup *s, struct err *e) __attribute__((warn_unused_result));
int  sup_fd(const struct sup *s);      /* readable when sup_recv has something */
/* Send "note" and wait for nothing: where nobody listens, nothing is said. in: args: a new reference that is consumed */
void sup_note(const struct paths *p, const char *project, json_t *args);
