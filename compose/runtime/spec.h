/* SPDX-License-Identifier: Apache-2.0 */
/* spec.h - all that a container needs, as one plain struct; and its form on disk, an OCI config.json.
 * runs in: client (fills and writes it), supervisor and `compose oci` (read and carry it out).
 * owns: struct spec owns everything below it: strings in its arena, lists by their own kind.   layer: runtime.
 * spec: opencontainers/runtime-spec 1.0 config.json (Linux).  Annotations of ours, which other runtimes skip:
 *   org.compose.seccomp  "default": the built-in list, instead of a linux.seccomp of 20 kB in every bundle
 *   org.compose.init     "true": a process that reaps and forwards signals is pid 1, the command its child
 *   org.compose.user     NAME[:GROUP] as an image or a user writes it, looked up in the container's own /etc/passwd
 *   org.compose.groups   comma-separated names or numbers of supplementary groups, looked up in its /etc/group */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/mem.h"

enum spec_ns_kind { SPEC_NS_USER, SPEC_NS_MNT, SPEC_NS_PID, SPEC_NS_NET, SPEC_NS_IPC, SPEC_NS_UTS, SPEC_NS_CGROUP,
	SPEC_NS_N };
/* on: the container does not live in the caller's one. path: join that one; NULL: make a new one. */
struct spec_ns { bool on; char *path; };

struct spec_id_map { uint32_t inside, outside, size; };

/* options as in mount(8) and the OCI spec ("rbind", "ro", "nosuid", "size=64m" ...). */
/* An option of ours, by mount(8)'s rule one that others skip: the mount shows only what is at PATH below its source. PATH is
 * resolved inside the source when the container starts: a link in it leads nowhere else. */
#define MOUNT_SUBPATH "x-compose.subpath="
/* type "overlay" with options "lowerdir+=PATH", the uppermost first, is a read-only view of these directories. */
struct spec_mount { char *dest, *type, *source; struct strv options; };

struct spec_user {
	uint32_t uid, gid;
	VEC(uint32_t) groups;             /* supplementary, beside gid */
	char    *name;                    /* not NULL: "USER[:GROUP]" decides uid, gid, groups; "" is root (user.h) */
	struct strv group_names;          /* names or numbers added to groups */
	int      umask;                   /* -1: 0022 */
};

/* Bit n is capability n. */
struct spec_caps { uint64_t bounding, effective, permitted, inheritable, ambient; };

struct spec_rlimit { int resource; uint64_t soft, hard; };      /* UINT64_MAX: unlimited */

struct spec_process {
	struct strv args, env;
	char   *cwd;
	struct spec_user user;
	struct spec_caps caps;
	bool    terminal, no_new_privs;
	unsigned short rows, cols;        /* 0: the terminal's own default */
	VEC(struct spec_rlimit) rlimits;
	bool    has_oom_score_adj;
	int     oom_score_adj;
	char   *apparmor;                 /* profile to run under, NULL: none */
};

struct spec_device { char *path; char type; uint32_t major, minor; uint32_t mode, uid, gid; };  /* type: c b u p */

/* type: a b c. major and minor: -1 is any. access: letters of "rwm". */
struct spec_dev_rule { bool allow; char type; int64_t major, minor; char access[4]; };

struct spec_blk { uint32_t major, minor; uint64_t value; };

/* What is 0 (or -1 where said) is not set. */
struct spec_resources {
	int64_t  memory_bytes, memory_swap_bytes, memory_reservation_bytes;   /* -1: unlimited */
	int      swappiness;                          /* -1: not set */
	bool     oom_kill_disable;
	uint64_t cpu_shares, cpu_period_us, cpu_rt_period_us;
	int64_t  cpu_quota_us, cpu_rt_runtime_us;     /* quota -1: unlimited */
	char    *cpus, *mems;                         /* lists such as "0-1,3" */
	int64_t  pids;                                /* -1: unlimited */
	uint16_t blkio_weight;
	VEC(struct spec_blk) weight_device, read_bps, write_bps, read_iops, write_iops;
	VEC(struct spec_dev_rule) devices;            /* in order, later ones win */
	struct strv unified;                          /* file, value, file, value ...: cgroup v2 only */
};

struct spec_hook { char *path; struct strv args, env; int timeout_s; };     /* 0: no limit */
enum spec_hook_kind { SPEC_HOOK_PRESTART, SPEC_HOOK_CREATE_RUNTIME, SPEC_HOOK_CREATE_CONTAINER,
	SPEC_HOOK_START_CONTAINER, SPEC_HOOK_POSTSTART, SPEC_HOOK_POSTSTOP, SPEC_HOOK_N };
struct spec_hooks { VEC(struct spec_hook) of[SPEC_HOOK_N]; };

enum spec_seccomp { SPEC_SECCOMP_OFF, SPEC_SECCOMP_DEFAULT, SPEC_SECCOMP_PROFILE };

struct spec_annotation { char *key, *value; };

struct spec {
	struct arena arena;
	struct spec_process process;
	char   *root_path;                /* relative to the bundle, or absolute; NULL: given as a descriptor */
	bool    root_readonly;
	char   *hostname, *domainname;
	VEC(struct spec_mount) mounts;
	struct spec_ns ns[SPEC_NS_N];
	VEC(struct spec_id_map) uid_map, gid_map;
	VEC(struct spec_device) devices;  /* beside the standard nodes */
	struct spec_resources resources;
	char   *cgroup_path;              /* linux.cgroupsPath */
	struct strv sysctl;               /* name, value, name, value ... */
	struct strv masked, readonly;     /* paths in the container */
	enum spec_seccomp seccomp;
	json_t *seccomp_profile;          /* SPEC_SECCOMP_PROFILE: linux.seccomp, or Docker's profile format */
	char   *root_propagation;         /* "private" (default), "rprivate", "slave", "rslave", "shared", "rshared" */
	bool    init;                     /* reap and forward signals as pid 1 */
	struct spec_hooks hooks;
	VEC(struct spec_annotation) annotations;
};
#define auto_spec __attribute__((cleanup(spec_done)))

/* What Docker gives a container by default, less the command: namespaces (all but user), the file systems below /proc,
 * /sys and /dev, masked and read-only paths, 14 capabilities, device rules, seccomp. in: s is zeroed. */
void spec_default(struct spec *s);
/* Allow the use of the standard device nodes, which every container gets, behind whatever rules there are. Engines
 * leave them out of a bundle's rules and expect that of a runtime. */
void spec_allow_standard_devices(struct spec *s);
/* Add a mount. options: comma-separated, may be NULL. Strings are copied. ret: borrowed from s, valid until the
 * next one */
struct spec_mount *spec_add_mount(struct spec *s, const char *dest, const char *type, const char *source,
				  const char *options);
/* Remove the mount at dest. ret: whether there was one */
bool spec_del_mount(struct spec *s, const char *dest);
/* Set a variable: kv is "NAME=value"; one of that name is replaced where it stands. */
void spec_set_env(struct strv *env, const char *kv);
void spec_add_annotation(struct spec *s, const char *key, const char *value);

/* Read a config.json. Unknown members are skipped, as the OCI spec wants; a known one of the wrong type or out of range
 * is an error that names its path ("process.user.uid"). in: s is zeroed. owns: spec_done(s), also after a failure.
 * err: ERR_MODEL */
int spec_from_json(struct spec *s, const json_t *j, struct err *e) __attribute__((warn_unused_result));
/* The same from the file config.json in bundle_fd. err: ERR_MISSING, ERR_MODEL */
int spec_read(struct spec *s, int bundle_fd, struct err *e) __attribute__((warn_unused_result));
/* Only a process object (`compose oci exec --process`); p's strings live in a. owns: spec_process_done(p) and the
 * arena */
int spec_process_from_json(struct spec_process *p, struct arena *a, const json_t *j, struct err *e)
	__attribute__((warn_unused_result));
/* ret: a config.json that spec_from_json() reads back to the same struct; new reference. NULL when an argument or an
 * environment variable is not UTF-8, which JSON cannot carry */
json_t *spec_to_json(const struct spec *s);
void spec_process_done(struct spec_process *p);
void spec_done(struct spec *s);
