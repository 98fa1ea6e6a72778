/* SPDX-License-Identifier: Apache-2.0 */
/* hook.h - programs of the host that a bundle names to be run at points of a container's life.
 * runs in: `compose oci` (and the container's process for two kinds).   owns: nothing.   layer: runtime.
 * spec: OCI runtime-spec "POSIX-platform hooks". Only the bundle's config.json names them, never an image. */
#pragma once
#include <sys/types.h>
#include "compose/base/err.h"
#include "compose/runtime/spec.h"

/* Run the hooks of one kind in order, each with state on its standard input, its own environment only, within its time.
 * in: state NULL: nothing is run. err: the first that fails, with what it wrote to stderr */
int hook_run(const struct spec_hooks *h, enum spec_hook_kind kind, const char *state, struct err *e)
	__attribute__((warn_unused_result));
/* ret: state with "pid" and "status" set to these; caller frees */
char *hook_state(const char *state, pid_t pid, const char *status);
