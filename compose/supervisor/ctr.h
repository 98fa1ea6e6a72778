/* SPDX-License-Identifier: Apache-2.0 */
/* ctr.h - one container as the worker sees it. Private to compose/supervisor.
 * runs in: supervisor worker.   owns: struct ctr everything below it.   layer: supervisor.
 *   ctr.c        finding, the state machine's actions, the end of a life, files
 *   ctr_start.c  from files to a running process
 *   ctr_join.c   namespaces and shared memory of other containers
 *   ctr_stop.c   signals, grace, kill, freeze
 *   ctr_adopt.c  taking over from a worker that died
 *   ctr_clean.c  what nobody took over
 *   ctr_log.c    where its output goes
 *   ctr_net.c    networks, resolver, /etc files
 *   ports.c, io.c            published ports; output and input
 *   aside.c, health.c, hooks.c  commands beside its own: probes, hooks */
#pragma once
#include <jansson.h>
#include "compose/logs/ship.h"
#include "compose/logs/write.h"
#include "compose/runtime/runtime.h"
#include "compose/runtime/spec.h"
#include "compose/state/record.h"
#include "compose/supervisor/fsm.h"
#include "compose/supervisor/worker.h"

struct conn;
struct io;
struct health;
struct hooks;

/* WAIT_RUNNING: for a moment, so that a program which gives up at once is not taken for one that runs */
enum wait_for { WAIT_STARTED, WAIT_EXITED, WAIT_STOPPED, WAIT_RUNNING, WAIT_HEALTHY };
struct making { struct spec spec; struct rt_args args; };
struct ctr_vol { const char *name; int fd; };      /* name: in rec.volumes */
/* A request that is answered later. */
struct waiter { struct conn *conn; int64_t id; enum wait_for what; };

struct ctr {
	struct worker *w;
	int    dir;                      /* its directory */
	struct ctr_record rec;
	struct ctr_status st;            /* as in status.json */
	enum fsm_state state;
	struct rt_ctr rt;                /* pid -1: no process */
	struct making *making;           /* while its process is being made: what the runtime borrows */
	char  *cgroup;
	size_t gateway;                  /* which of its networks leads out */
	pid_t  parent;                   /* the keeper whose child its process is */
	bool   orphan;                   /* not the keeper's child any more: its pidfd tells of its end */
	bool   reaped;                   /* its end came before its start was settled: */
	pid_t  reaped_pid;
	int    reaped_status;
	int64_t run_ns;                  /* monotonic: when it came to run */
	int64_t delay_ms;                /* the last back-off pause */
	bool   escalated;                /* PID 1 could not have reacted to the stop signal */
	bool   ran_before;               /* this start is not its first */
	bool   again;                    /* FSM_STOPPING: somebody wants it to run again after that */
	bool   by_policy;                /* this start comes from the restart policy */
	bool   hooks_aside;              /* who asked for this start does not wait for post_start */
	struct err why;                  /* why the start failed */
	unsigned short rows, cols;
	struct log_writer *log;
	struct ship *ship;               /* NULL: its output goes to no other logger */
	struct io *io;                   /* NULL: no output to move */
	struct health *health;           /* NULL: no probes */
	struct hooks *hooks;             /* NULL: none run */
	struct loop_src *on_sync, *on_pidfd, *timer;   /* timer: grace or delay */
	struct loop_src *steady;         /* until it has run for a moment; NULL: nobody waits for that */
	struct loop_src *patience;       /* with the kernel, which is to tell how an orphan ended */
	VEC(struct waiter) waiters;
	VEC(struct ctr_vol) vols;        /* held: those that carry a mount */
	VEC(int) listeners;              /* published ports, as st.bound */
	size_t n_listeners;              /* how many they are when they are all open */
};

/* Find it among those spoken of, or load it. ret: borrowed; NULL with e (ERR_MISSING) */
struct ctr *ctr_get(struct worker *w, const char *id, struct err *e);
/* ret: NULL when nothing of it is in memory */
struct ctr *ctr_known(struct worker *w, const char *id);
/* Something happened. who: who asked, or NULL; gets the answer now or by a waiter. arg: as the action wants it */
struct ctr_ask { struct conn *conn; int64_t id; int signal; int64_t timeout_ns; };
void ctr_event(struct ctr *c, enum fsm_event ev, const struct ctr_ask *who);
/* Its process ended: wait status. The keeper is told when that is on disk. */
void ctr_exited(struct ctr *c, int wait_status);
/* ctr_adopt.c: continue with a container that a worker before us left. r: the text of its entry run.ID
 * wait_status: its end is known already; NULL: it lives, or its end will be told */
struct run_entry { int pid, parent, phase, listeners; };
int  ctr_adopt(struct worker *w, const char *id, const struct run_entry *r, const int *wait_status, struct err *e)
	__attribute__((warn_unused_result));
/* Tell the keeper how far it has come. */
void ctr_phase(struct ctr *c, enum keep_phase phase);
/* ctr_clean.c: containers that claim to run but have no process of ours: a supervisor died with all it had. They count as
 * killed. in: crashed: it was not the machine that went down, so the kernel may have more of it than the files tell */
void ctr_clean_stale(struct worker *w, bool crashed);
/* What is left on networks of what a worker before us was doing. */
void ctr_clean_rest(struct worker *w);
/* Take away what a container may have left in the kernel. */
void ctr_clean_kernel(struct ctr *c);
/* Read it from disk, whatever state it claims. ret: NULL with e */
struct ctr *ctr_load(struct worker *w, const char *id, struct err *e);
/* `run --rm` whose client is gone: away with the files of one that has ended. Others stay as they are. */
void ctr_remove_files(struct ctr *c);
/* Write status.json; a failure is noted. */
void ctr_save(struct ctr *c);
/* Tell subscribers. code: exit code or -1 */
void ctr_tell(struct ctr *c, const char *event, int code);
/* The same with more to say: attributes are texts, a new reference that is consumed, or NULL. */
void ctr_tell_with(struct ctr *c, const char *event, json_t *attributes, int code);
/* Answer those who wait for what. e: NULL for success, else its failure (kept) */
void ctr_answer(struct ctr *c, enum wait_for what, const struct err *e);
/* How it ended, as a reply; a new reference. */
json_t *ctr_end(const struct ctr *c);
void ctr_add_waiter(struct ctr *c, struct conn *conn, int64_t id, enum wait_for what);
/* Answer WAIT_RUNNING, now or when the moment is over. in: it runs */
void ctr_answer_steady(struct ctr *c);
/* A connection is gone; build steps that it alone waited for are ended. */
void ctr_forget_conn(struct worker *w, const struct conn *conn);
/* Forget containers that do not run and that nobody waits for. ret: how many are active */
size_t ctr_sweep(struct worker *w);
void ctr_free(struct ctr *c);

/* ctr_start.c */
void ctr_create(struct ctr *c);                         /* raises EV_CREATED or EV_FAILED later */
void ctr_watch_exec(struct ctr *c);                     /* its sync_fd tells how the exec went: raises EV_STARTED or EV_FAILED */
void ctr_exec(struct ctr *c);                           /* raises EV_STARTED or EV_FAILED later */
void ctr_settle(struct ctr *c);                         /* do not wait: raise EV_STARTED or EV_FAILED now */
void ctr_making_free(struct ctr *c);
/* ctr_join.c: what c->rec names of other containers' goes into c->making. err: ERR_CONFLICT one does not run */
int  ctr_join(struct ctr *c, struct err *e) __attribute__((warn_unused_result));
/* ret: whether a container lives, or may live, in c's network namespace, which then outlives c */
bool ctr_is_joined(const struct ctr *c);
/* ctr_stop.c */
void ctr_stop(struct ctr *c, int64_t timeout_ns);       /* raises EV_GRACE later */
/* The user wants its end: from here on its restart policy is off. timeout_ns: as ctr_stop() */
void ctr_stop_now(struct ctr *c, int64_t timeout_ns);
void ctr_kill_all(struct ctr *c);
void ctr_signal(struct ctr *c, int sig, struct err *e);
int  ctr_freeze(struct ctr *c, bool on, struct err *e) __attribute__((warn_unused_result));
/* ret: whether PID 1 of the container can react to sig at all */
bool ctr_reacts(const struct ctr *c, int sig);
/* ctr_log.c: the log on disk and the system's logger. On failure there is a log that keeps nothing. */
int  ctr_log_open(struct ctr *c, struct err *e) __attribute__((warn_unused_result));
void ctr_log_close(struct ctr *c);
/* ctr_net.c */
int  ctr_net_up(struct ctr *c, struct err *e) __attribute__((warn_unused_result));   /* after rt_create: attach, names, /etc */
void ctr_net_down(struct ctr *c);
void ctr_net_drop_shared(struct worker *w);             /* the network of all projects, unless somebody is on it */
void ctr_net_unserve(struct ctr *c);                    /* its resolver, with the sockets */
/* in: warn NULL or receives a line each about what works less well on this host (NULL: our log has it) */
int  ctr_net_make(struct worker *w, const char *name, struct net_info *ret, struct strv *warn, struct err *e)
	__attribute__((warn_unused_result));
int  ctr_net_adopt(struct ctr *c, struct err *e) __attribute__((warn_unused_result));
/* The address that published ports lead to. ret: "" when there is none */
const char *ctr_net_target(const struct ctr *c);
/* etc.c */
int  etc_write(const struct ctr *c, struct err *e) __attribute__((warn_unused_result));
/* ports.c */
int  ports_open(struct ctr *c, struct err *e) __attribute__((warn_unused_result));   /* those that are not open yet */
void ports_point(struct ctr *c, const char *address);   /* where the relay leads to; "-": nowhere for now */
void ports_close(struct ctr *c);
void ports_adopt(struct ctr *c, int n);              /* n: how many there should be, -1: not known */
void ports_let_go(int fd);                                                           /* a listener; closes it */
void ports_check_relay(struct worker *w);                                            /* none is needed without a port */
/* vols.c. started: it runs already, whatever has become of them */
int  vols_hold(struct ctr *c, bool started, struct err *e) __attribute__((warn_unused_result));
void vols_let_go(struct ctr *c);
/* health.c */
void health_start(struct ctr *c);
void health_stop(struct ctr *c);
int  health_failed(const struct ctr *c, struct err *e);  /* set e: it is unhealthy, and what the last probe said. ret: -1 */
