/* SPDX-License-Identifier: Apache-2.0 */
/* oci_priv.h - what the OCI commands share: settings, a container's directory and state, small helpers.
 * runs in: as oci.h.   owns: struct octr its descriptors and JSON.   layer: oci, private.
 * On disk, below --root/ID: state.json (by rename), config.json (the bundle's as it was at create), start.sock (while
 * the container waits to be started). Truth about life is the process: pidfd and start time, never the pid alone. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "compose/base/err.h"
#include "compose/cli/opt.h"
#include "compose/runtime/runtime.h"

struct oci {
	const char *root, *log, *log_format, *rootless;
	bool  systemd_cgroup, debug, version;
	char **rest;
	struct rt *rt;
};

struct oci_cmd {
	const char *name, *usage, *summary;
	const struct opt *opts;
	size_t args_size;
	enum opt_mode mode;
	bool makes;                /* makes or enters a container: the program must be protected */
	/* ret: exit status, or -1 with e */
	int (*run)(struct oci *o, void *args, struct err *e);
};
extern const struct oci_cmd oci_create, oci_run, oci_start, oci_state, oci_kill, oci_delete, oci_exec, oci_ps, oci_list,
	oci_features, oci_pause, oci_resume, oci_update, oci_spec;

enum octr_status { OCTR_CREATED, OCTR_RUNNING, OCTR_PAUSED, OCTR_STOPPED };

struct octr {
	char   *id;
	int     dir;               /* --root/ID */
	json_t *state;             /* state.json */
	pid_t   pid;
	int     pidfd;             /* -1: it has ended */
	enum octr_status status;
};
#define OCTR_INIT { .dir = -1, .pid = -1, .pidfd = -1 }
#define auto_octr __attribute__((cleanup(octr_done)))
void octr_done(struct octr *c);

int octr_check_id(const char *id, struct err *e) __attribute__((warn_unused_result));
/* Make the directory of a new container. err: ERR_USAGE bad id, ERR_CONFLICT it exists */
int octr_make(struct oci *o, const char *id, struct octr *ret, struct err *e) __attribute__((warn_unused_result));
/* Open an existing one and see how it is. err: ERR_MISSING */
int octr_open(struct oci *o, const char *id, struct octr *ret, struct err *e) __attribute__((warn_unused_result));
/* Write state.json for a process that has just been made. */
int octr_save(struct octr *c, const char *bundle, const char *cgroup, const struct spec *s, pid_t pid, struct err *e)
	__attribute__((warn_unused_result));
void octr_remove(struct oci *o, const char *id);
const char *octr_status_word(enum octr_status s);
const char *octr_cgroup(const struct octr *c);        /* NULL: none */
int octr_spec(const struct octr *c, struct spec *ret, struct err *e) __attribute__((warn_unused_result));
/* The state object that OCI defines, for `state` and for hooks. ret: text, caller frees */
char *octr_state_text(const struct octr *c);
/* A listening or connected socket on start.sock. */
int octr_listen(const struct octr *c, struct err *e) __attribute__((warn_unused_result));
int octr_connect(const struct octr *c, struct err *e) __attribute__((warn_unused_result));
/* Start a created container: tell it, take its answer, run poststart hooks. */
int octr_start(struct oci *o, struct octr *c, struct err *e) __attribute__((warn_unused_result));
/* Kill what lives, remove group and directory, run poststop hooks. */
int octr_delete(struct oci *o, struct octr *c, struct err *e) __attribute__((warn_unused_result));

/* Write pid to path by rename. */
int oci_write_pid(const char *path, pid_t pid, struct err *e) __attribute__((warn_unused_result));
/* Send a terminal's master to the socket at path. */
int oci_send_console(const char *path, int master, struct err *e) __attribute__((warn_unused_result));
/* Wait for the command; meanwhile hand on signals and, with a terminal, carry bytes between it and ours.
 * ret: exit status */
int oci_attend(struct rt_ctr *c, struct err *e) __attribute__((warn_unused_result));
/* ret: "15", "TERM" or "SIGTERM" as a number, -1 */
int oci_signal_from(const char *s);
