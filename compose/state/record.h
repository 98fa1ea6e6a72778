/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - what is kept on disk about containers, networks and volumes; versioned JSON.
 * runs in: client (writes records), supervisor (reads records, writes status).   layer: state.
 * owns: each struct owns its texts (x_done frees; zero-initialise). Files are untrusted when read: capped and checked. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/state/paths.h"
#include "graph/observed.h"

enum { RECORD_VERSION = 1, ID_SIZE = 65 };

struct rec_kv { char *key, *val; };
struct rec_net {                     /* one endpoint wanted */
	char *network;               /* real name; networks/NAME.json */
	struct strv names;           /* DNS names on it: service, container name, aliases, 12-digit id */
	char *ipv4, *ipv6, *mac, *ifname;    /* "" = chosen by us */
	struct strv link_local;      /* more addresses, of 169.254/16 and fe80::/10 */
	char *at;                    /* "compose.yaml:14:9 ...", for errors; "" unknown */
	int64_t gw_priority;
};
struct rec_port { char *host_ip; uint16_t target, published, published_end; char *proto; char *at; };   /* at: position for errors */
struct rec_exposed { uint16_t first, last; char *proto; };       /* what it serves to its networks, without a port here */
struct rec_health {
	bool set;
	struct strv test;            /* CMD a b, or CMD-SHELL s */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
	int retries;
};

struct rec_hook {                    /* post_start, pre_stop */
	struct strv command, env;    /* env: "K=V", over the container's */
	char *user, *working_dir;    /* "" = the container's */
	bool privileged;
	char *at;                    /* position for errors */
};

/* Output to the system's logger as well; address "" = not. As struct ship_to of logs/ship.h */
struct rec_ship { char *address, *format, *host, *tag, *fields; int facility; bool drop; int64_t buffer_bytes; };

enum ctr_kind { KIND_SERVICE, KIND_ONEOFF, KIND_BUILD, KIND_HOOK };   /* build: a RUN step, never listed; hook: pre_start */
enum restart_policy { POLICY_NO, POLICY_ALWAYS, POLICY_ON_FAILURE, POLICY_UNLESS_STOPPED };

struct ctr_record {
	char id[ID_SIZE];
	char *name, *project, *service;
	unsigned number;
	enum ctr_kind kind;
	char *image, *image_id, *config_hash;
	char *command;               /* for people: `ps` */
	int64_t created_ns;          /* wall clock */
	VEC(struct rec_kv) labels;
	struct strv layers;          /* overlay lowers, directory names in ROOT/layers, lowest first */
	char *upper, *work;          /* "" = fs/upper, fs/work; a build step gives absolute paths */
	char *hostname, *domainname;
	char *network_mode;          /* "" = nets; "none", "host", "container:ID" */
	char *cgroup_parent;         /* "" = the root of the control groups; a plain relative path */
	char *pid_mode, *ipc_mode, *uts_mode;   /* "", "host", "container:ID" */
	VEC(struct rec_net) nets;    /* in attachment order: eth0, eth1 ... */
	VEC(struct rec_port) ports;
	VEC(struct rec_exposed) exposed;     /* of the image and the service; for people: `ps` */
	struct strv dns, dns_search, dns_opt;
	struct strv links;           /* "alias=name": what this container calls another name of its networks */
	struct strv extra_hosts;     /* "name=ip"; ip may be host-gateway */
	enum restart_policy restart; int restart_max;      /* on-failure:N; 0 = no limit */
	int stop_signal;             /* number */
	int64_t stop_grace_ns;
	struct rec_health health;
	bool tty, stdin_open, auto_remove;
	char *log_driver;            /* "json-file" default, "local", "none", "syslog", "journald" */
	int64_t log_max_bytes; int log_max_files;
	bool log_elsewhere;          /* there is no log on disk: the logger alone has the output */
	bool log_compress;           /* its files that are full are compressed */
	struct rec_ship ship;
	struct strv volumes;         /* real names of volumes it mounts */
	struct strv anon_volumes;    /* subset made for it alone */
	struct strv mount_layers;    /* directory names in ROOT/layers of images that it mounts */
	VEC(struct rec_kv) mount_images;      /* reference, id of each at that time */
	char *mounts;                /* for people: `ps` */
	VEC(struct rec_hook) post_start, pre_stop;
};

struct rec_endpoint { char *network, *ipv4, *ipv6, *mac, *ifname; };
struct rec_bound { char *host_ip; uint16_t host_port, target; char *proto; };

struct ctr_status {
	enum ctr_state state;
	pid_t pid;                   /* 0 unless running */
	uint64_t pid_start;          /* start time of pid (sys_start_time): a pid alone proves nothing */
	int exit_code;               /* 128+n for a signal */
	bool oom;
	bool stopped_by_user;        /* stop/kill: cancels the restart policy */
	int64_t started_ns, finished_ns;
	unsigned restarts;
	enum ctr_health health;
	unsigned health_fails;
	char *health_output;         /* last probe's output, at most 4 KiB; "" */
	char *error;                 /* why the last start failed; "" */
	enum hook_state hook;        /* post_start, of this life */
	char *hook_error;            /* why one failed; "" */
	struct strv joined;          /* "ID START" of those whose namespaces it shares: their pid_start at that time */
	VEC(struct rec_endpoint) endpoints;
	VEC(struct rec_bound) bound; /* published ports as they are open now */
};

/* dir: descriptor of the container's directory. All: ret 0, or -1 with e */
int  record_write(int dir, const struct ctr_record *r, struct err *e) __attribute__((warn_unused_result));
int  record_read(int dir, struct ctr_record *r, struct err *e) __attribute__((warn_unused_result));
void record_done(struct ctr_record *r);
int  status_write(int dir, const struct ctr_status *s, struct err *e) __attribute__((warn_unused_result));
int  status_read(int dir, struct ctr_status *s, struct err *e) __attribute__((warn_unused_result));
void status_done(struct ctr_status *s);

struct net_record {
	char *name, *key, *project, *hash, *config, *id;     /* config: what hash is of, as JSON; "" when it was made without a file */
	char *subnet, *gateway, *ip_range;           /* "" = chosen by us */
	char *subnet6, *gateway6, *ip_range6;
	struct strv reserved;                        /* addresses never given out, of both kinds */
	bool internal, no_ipv4, ipv6, no_icc;
	int mtu;
	int64_t created_ns;
	VEC(struct rec_kv) labels;
};
struct vol_record { char *name, *key, *project, *hash, *config; bool anonymous; int64_t created_ns; VEC(struct rec_kv) labels;
	VEC(struct rec_kv) driver_opts; };
/* The network of `network_mode: bridge`: containers of all projects share it, no file describes it, and it is there as long as
 * somebody is on it. */
#define NET_SHARED "bridge"
/* ret: 0; 1 when there is none of that name; -1 with e */
int  net_record_read(const struct paths *p, const char *name, struct net_record *r, struct err *e) __attribute__((warn_unused_result));
int  net_record_write(const struct paths *p, const struct net_record *r, struct err *e) __attribute__((warn_unused_result));
int  net_record_remove(const struct paths *p, const char *name, struct err *e) __attribute__((warn_unused_result));
void net_record_done(struct net_record *r);
int  vol_record_read(const struct paths *p, const char *name, struct vol_record *r, struct err *e) __attribute__((warn_unused_result));
int  vol_record_write(const struct paths *p, const struct vol_record *r, struct err *e) __attribute__((warn_unused_result));
int  vol_record_remove(const struct paths *p, const char *name, struct err *e) __attribute__((warn_unused_result));
void vol_record_done(struct vol_record *r);

/* Call fn for each container directory of a project, or of all with project NULL; build steps are left out.
 * A directory whose record cannot be read is skipped, the first such leaves its reason in e (may be NULL); a half-made
 * one is passed over. in: dir is fn's for the call only; it may take what r and s own (copy, then zero them); no status.json
 * yet is CTR_CREATED, a broken one CTR_DEAD
 * ret: what fn returned last: fn != 0 stops */
typedef int record_fn(void *arg, int dir, struct ctr_record *r, struct ctr_status *s);
int record_each(const struct paths *p, const char *project, record_fn *fn, void *arg, struct err *e);
/* Descriptor of a container's directory (made when make is set). ret: fd, or -1 with errno */
int record_dir(const struct paths *p, const char *project, const char *id, bool make);
/* The same of a container of any project. ret: fd with *ret_project (caller frees), or -1: there is none */
int  record_find(const struct paths *p, const char *id, char **ret_project);
/* The control group of a container, a relative path: [PARENT/]compose-INST/PROJECT/ID. Its last three parts are ours to
 * remove. owns: caller frees */
char *record_cgroup(const struct paths *p, const struct ctr_record *r) __attribute__((returns_nonnull));
/* 64 random hex digits. */
void record_new_id(char ret[ID_SIZE]);
