/* SPDX-License-Identifier: Apache-2.0 */
/* project.h - the Compose model as plain structs: what the user wants, defaults filled in, references checked.
 * runs in: client.   owns: everything in struct project lives in its arena (project_free).   layer: parser, pure data.
 * spec: compose-spec; the section is named at each field group. Paths are absolute. Texts are never NULL unless marked "or NULL".
 * Durations are in nanoseconds (_ns), sizes in bytes (_bytes); -1 (or NULL) means "not given" where marked "unset". */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/mem.h"

struct node;                                   /* parser/node.h */

struct pstrs { char **v; size_t n; };          /* list of texts; v also ends with NULL */
struct pkv { const char *key, *val; struct srcpos pos; };          /* val NULL: a key without value */
struct pkvs { struct pkv *v; size_t n; };

/* 05-services "depends_on" (links, volumes_from, network_mode/ipc/pid service:X imply one) */
enum dep_condition { DEP_STARTED, DEP_HEALTHY, DEP_COMPLETED };
struct dep { const char *service; enum dep_condition condition; bool restart, required; struct srcpos pos; };

/* 05-services "healthcheck"; a field that is unset comes from the image */
struct healthcheck {
	bool          set, disable;
	struct pstrs  test;                    /* [CMD a b], [CMD-SHELL s], [NONE]; empty = unset */
	int64_t       interval_ns, timeout_ns, start_period_ns, start_interval_ns;   /* -1 unset */
	int64_t       retries;                 /* -1 unset */
	struct srcpos pos;
};

/* 05-services "ports": one entry per container port (ranges of equal length are expanded) */
struct port {
	const char *host_ip;                   /* "" = all addresses, IPv4 and IPv6 */
	uint16_t    target;
	uint16_t    published, published_end;  /* 0 = ephemeral; end > published: first free of the range */
	const char *protocol;                  /* "tcp", "udp", "sctp" */
	const char *name, *app_protocol, *mode;
	struct srcpos pos;
};

/* 05-services "volumes", "tmpfs", and file mounts */
enum mount_kind { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS, MOUNT_IMAGE };
struct mount {
	enum mount_kind kind;
	const char   *source;                  /* bind: absolute host path; volume: key in project->volumes, "" = anonymous; image: reference */
	const char   *target;                  /* absolute, cleaned */
	bool          read_only;
	const char   *propagation;             /* "" = rprivate */
	const char   *recursive;               /* "", enabled, disabled, writable, readonly */
	bool          create_host_path;        /* bind: make a missing source directory */
	struct pkvs   labels;                  /* volume: of an anonymous one */
	bool          nocopy;                  /* volume: do not seed from the image */
	const char   *subpath;                 /* volume, image; "" = whole */
	int64_t       tmpfs_size_bytes;        /* -1 unset */
	int64_t       tmpfs_mode;              /* -1 unset (then 01777) */
	const char   *tmpfs_opts;              /* short form's options after the colon; "" */
	struct srcpos pos;
};

/* 05-services "networks" */
struct netref {
	const char *network;                   /* key in project->networks */
	struct pstrs aliases;
	struct pstrs link_local;
	const char *ipv4, *ipv6, *mac, *ifname;   /* "" unset */
	int64_t     priority, gw_priority;
	struct srcpos pos;
};

/* 05-services "secrets" and "configs" */
struct fileref {
	const char *source;                    /* key in project->secrets or ->configs */
	const char *target;                    /* absolute path in the container */
	const char *uid, *gid;                 /* "" unset */
	int64_t     mode;                      /* -1 unset */
	struct srcpos pos;
};

struct ulimit { const char *name; int64_t soft, hard; };      /* -1 = unlimited */
struct device { const char *source, *target, *permissions; struct srcpos pos; };
/* 05-services "gpus", deploy "devices": some of the devices that CDI specs of this host describe */
struct device_request {
	struct pstrs capabilities, ids;        /* gpus: "gpu" is among the capabilities */
	int64_t     count;                     /* -1 all; unset (0) with ids */
	const char *driver;                    /* "" unset */
	struct srcpos pos;
};
/* 05-services "blkio_config": one limit of one device */
enum blk_kind { BLK_WEIGHT, BLK_READ_BPS, BLK_WRITE_BPS, BLK_READ_IOPS, BLK_WRITE_IOPS };
struct blk_limit { enum blk_kind kind; const char *path; int64_t value; struct srcpos pos; };
/* 05-services "pre_start", "post_start", "pre_stop"; image ("" = the service's) and per_replica: pre_start only */
struct hook {
	struct pstrs command;                  /* pre_start: empty = the image's */
	const char  *user, *working_dir, *image;   /* "" unset */
	bool         privileged, per_replica;
	struct pkvs  environment;              /* val never NULL */
	struct srcpos pos;
};

/* "develop.watch": what to do when files below path change */
enum watch_action { WATCH_SYNC, WATCH_REBUILD, WATCH_RESTART, WATCH_SYNC_RESTART, WATCH_SYNC_EXEC };
struct trigger {
	enum watch_action action;
	const char  *path;                     /* absolute, of this host */
	const char  *target;                   /* in the container; "" unless the action syncs */
	struct pstrs ignore, include;          /* patterns as in .dockerignore, relative to path */
	bool         initial_sync;
	struct hook  exec;                     /* WATCH_SYNC_EXEC */
	struct srcpos pos;
};
struct extra_host { const char *host, *ip; };                 /* ip may be "host-gateway" */

/* 06-build; present when service.build != NULL */
struct build {
	const char  *context;                  /* absolute directory (or a URL, refused by `up` so far) */
	const char  *dockerfile;               /* relative to context or absolute; "" with dockerfile_inline */
	const char  *dockerfile_inline;        /* or NULL */
	struct pkvs  args, labels, additional_contexts;
	struct pkvs  ssh;                      /* id -> a socket or key files, "," between them; NULL: the user's agent */
	const char  *target, *network;         /* "" unset */
	struct pstrs tags, cache_from, cache_to, platforms, no_cache_filter;
	struct extra_host *extra_hosts; size_t n_extra_hosts;
	int64_t      shm_size_bytes;           /* -1 unset */
	bool         no_cache, pull, privileged;
	bool         host_network;             /* entitlements: RUN --network=host may be */
	struct ulimit *ulimits; size_t n_ulimits;
	struct fileref *secrets; size_t n_secrets;                 /* target: the id that RUN --mount names */
	struct srcpos pos;
};

/* 05-services "provider": a program of the host does what a container would */
struct provider {
	const char  *type;
	struct pkvs  options;                  /* one entry a value: a key may come several times */
	struct srcpos pos;
};

enum restart_kind { RESTART_NO, RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_UNLESS_STOPPED };

/* 05-services. A list `x` has its length in `n_x`. */
struct service {
	const char   *name;
	struct srcpos pos;                     /* of the key */
	const struct node *tree;               /* the canonical node, for `config` and the hash */

	const char   *image;                   /* "" only with build: then PROJECT-SERVICE */
	struct build *build;                   /* or NULL */
	struct provider *provider;             /* or NULL; then there is no image */
	const char   *pull_policy;             /* always never missing build daily weekly every_X refresh; "" = missing */
	int64_t       pull_after_ns;           /* the policy is to pull again what is older; -1 with other policies */
	const char   *platform, *runtime;      /* "" unset */
	const char   *container_name, *hostname, *domainname;      /* "" unset */
	bool          has_command, has_entrypoint;                 /* given and not null */
	struct pstrs  command, entrypoint;
	const char   *user, *working_dir;      /* "" unset */
	struct pstrs  group_add;
	struct pkvs   environment;             /* env_file and environment merged and resolved; val never NULL */
	struct pkvs   labels, annotations;
	struct dep   *deps; size_t n_deps;     /* explicit and implied, each service once */
	struct pstrs  profiles;
	int64_t       scale;                   /* scale and deploy.replicas unified; 1 by default */
	bool          attach;                  /* default true */

	bool          tty, stdin_open, init, privileged, read_only;
	const char   *stop_signal;             /* "" unset */
	int64_t       stop_grace_ns;           /* -1 unset (10 s) */
	enum restart_kind restart; int64_t restart_max;            /* on-failure:N, 0 = no limit */
	struct healthcheck health;
	struct hook  *pre_start, *post_start, *pre_stop; size_t n_pre_start, n_post_start, n_pre_stop;
	struct trigger *watch; size_t n_watch;

	const char   *network_mode;            /* "" = networks; none, host, service:X, container:X */
	struct netref *networks; size_t n_networks;                /* in attachment order: priority, then name */
	struct port  *ports; size_t n_ports;
	struct pstrs  expose, dns, dns_opt, dns_search, links, external_links;
	struct extra_host *extra_hosts; size_t n_extra_hosts;
	const char   *mac_address, *pid, *ipc, *uts, *cgroup, *cgroup_parent, *userns_mode;   /* "" unset */

	struct mount *mounts; size_t n_mounts; /* volumes and tmpfs, in the order given */
	struct pstrs  volumes_from;
	struct fileref *secrets, *configs; size_t n_secrets, n_configs;
	struct device *devices; size_t n_devices;
	struct pstrs  device_cgroup_rules;     /* checked: "c 42:* rmw" */
	struct device_request *requests; size_t n_requests;

	struct pstrs  cap_add, cap_drop, security_opt;
	struct pkvs   sysctls, storage_opt;
	struct ulimit *ulimits; size_t n_ulimits;
	int64_t       shm_size_bytes;          /* -1 unset (64 MiB) */
	int64_t       mem_limit_bytes, mem_reservation_bytes, memswap_limit_bytes;   /* -1 unset; memswap -1 may also be given: -2 = unlimited */
	int64_t       pids_limit;              /* -1 unset or unlimited */
	double        cpus;                    /* 0 unset */
	int64_t       cpu_shares, cpu_quota_us, cpu_period_us;     /* 0 unset */
	int64_t       cpu_rt_period_us, cpu_rt_runtime_us;         /* 0 unset */
	const char   *cpuset;                  /* "" unset */
	int64_t       blkio_weight;            /* 0 unset */
	struct blk_limit *blk_limits; size_t n_blk_limits;
	int64_t       oom_score_adj;           /* 0 unset */
	bool          oom_kill_disable;
	int64_t       mem_swappiness;          /* -1 unset */
	const char   *log_driver;              /* "" unset */
	struct pkvs   log_opts;
};

/* 07-networks */
struct ipam_pool { const char *subnet, *gateway, *ip_range; struct pkvs aux; };   /* "" unset */
struct network {
	const char *key, *name;                /* name: real name, PROJECT_KEY unless given */
	const char *driver;                    /* "" = bridge */
	bool        external, internal, no_ipv4, enable_ipv6, attachable;
	bool        no_icc;                    /* of driver_opts: its containers do not reach each other */
	int         mtu;                       /* 0 unset */
	const char *host_binding, *iface_prefix;       /* "" unset */
	struct pkvs driver_opts, labels;
	struct ipam_pool *pools; size_t n_pools;
	const struct node *tree;
	struct srcpos pos;
};

/* 08-volumes */
struct volume {
	const char *key, *name, *driver;
	bool        external;
	struct pkvs driver_opts, labels;
	const struct node *tree;
	struct srcpos pos;
};

/* 09-configs, 10-secrets: exactly one source */
struct filesource {
	const char *key, *name;
	const char *file, *environment, *content;   /* NULL unless the source; file is absolute */
	const char *value;                          /* environment: its value, NULL when unset */
	bool        external;
	struct srcpos pos;
};

struct project {
	struct arena   arena;
	const char    *name, *working_dir;
	struct pstrs   files, env_files, profiles;  /* profiles: enabled ones */
	struct service *services; size_t n_services;           /* active ones, sorted by name */
	struct pstrs   inactive;                               /* names of services whose profile is off */
	struct network *networks; size_t n_networks;           /* used by an active service (or all: all_resources), sorted by key */
	struct volume  *volumes; size_t n_volumes;
	struct filesource *secrets, *configs; size_t n_secrets, n_configs;
	bool           compatibility;                          /* _ instead of - in names of containers and images */
	const struct node *tree;                               /* canonical document */
	struct load_result *load;                              /* parser/load.h: environment, source texts, variables; or NULL */
};

/* What stands between the parts of a container's or image's name. */
static inline char project_sep(const struct project *p) { return p->compatibility ? '_' : '-'; }

struct load_io;

/* What to load. Zero = the ordinary way; lists are NULL-terminated, or NULL for none. */
struct project_opts {
	const char *const *files, *const *env_files;           /* -f, --env-file */
	const char *const *profiles;                           /* --profile; COMPOSE_PROFILES is added when NULL */
	const char *project_dir, *project_name;                /* --project-directory, -p; NULL or "" = not given */
	const char *const *services;                           /* named on the command line: their profiles are enabled */
	const char *cwd;                                       /* absolute; NULL: asked for */
	const char *const *environ_kv;                         /* NULL: the process's own */
	const struct load_io *io;                              /* NULL: the host's files */
	bool select;                   /* keep only the named services and what they depend on (config SERVICE...) */
	bool all_profiles;             /* services of any profile count (down, ps, logs ...) */
	bool all_resources;            /* also networks, volumes, secrets and configs that no service uses */
	bool allow_no_file;            /* no compose file at all is no error: then *ret holds the name alone, no services */
	bool no_interpolate, no_paths, no_normalize, no_consistency, no_env_resolution;
	bool tree_only;                /* the tree is checked and complete, but services, networks ... stay empty */
	bool strict;                   /* warnings are errors */
	bool compatibility;            /* names as docker-compose v1 made them: struct project has it then */
	bool explain;                  /* for explain(): defaults can be told from what is written */
};

/* Load, check and model a project. Every mistake of the run is collected, not only the first.
 * in:  *ret NULL. It is set on failure too: then it is good for project_report() and project_free() only
 * ret: 0, or -1 with errs grown (ERR_MODEL, ERR_MISSING, ERR_USAGE)
 * owns: the caller, project_free(*ret) */
int project_load(struct project **ret, const struct project_opts *o, struct errs *errs)
	__attribute__((warn_unused_result));
/* Call set with each setting for the whole program (COMPOSE_PROGRESS ...) that is in the env files that o leads to, and
 * not in the process's environment. Nothing is fetched; mistakes are left to project_load(). */
void project_settings(const struct project_opts *o, void (*set)(const char *name, const char *val));
/* Print the warnings of loading p, then errs, with source line and caret. ret: exit status, 0 when errs is empty */
int project_report(const struct project *p, struct errs *errs, FILE *f, bool colour);
/* ret: the value of a variable in the environment that the project was loaded with, or NULL */
const char *project_env(const struct project *p, const char *name);
/* What is going to be done with services: the named ones are made, with what they depend on, or only built. */
enum use { USE_NAMED, USE_DEPS, USE_BUILD };
/* Add to errs what the given services (all when names is NULL or empty) ask for that cannot be carried out yet: each key with
 * its position and "not supported yet"; keys without effect here get one warning each. ret: 0, or -1 when errs grew */
int project_unsupported(struct project *p, const char *const *names, enum use use, struct errs *errs)
	__attribute__((warn_unused_result));

/* ret: NULL when there is none of that name */
const struct service *project_service(const struct project *p, const char *name);
/* Set e: there is none of that name, and which one may have been meant. ret: always -1. in: p may be NULL */
int project_no_service(const struct project *p, const char *name, struct err *e);
/* The platform of services that name none; "" or NULL: this machine's. It is no part of their configuration. */
void project_default_platform(struct project *p, const char *platform);
/* Where a key of a service is written ("logging.options"); the service's own position when it is not there. */
struct srcpos service_pos(const struct service *s, const char *key);
const struct network *project_network(const struct project *p, const char *key);
const struct volume  *project_volume(const struct project *p, const char *key);
/* The images that a service needs beside its own: of its pre_start hooks, and those that it mounts.
 * ret: reference number i, from 0, perhaps one twice; NULL when there are no more */
const char *service_other_image(const struct service *s, size_t i);
/* The whole of that environment, "NAME=value". */
void project_environ(const struct project *p, struct strv *ret);
/* A provider's service gives a variable to service s: its environment and its configuration have it from now on. */
void project_give_env(struct project *p, struct service *s, const char *key, const char *val);
void project_free(struct project *p);              /* NULL is fine */
static inline void project_freep(struct project **p) { project_free(*p); }
#define auto_project __attribute__((cleanup(project_freep)))
