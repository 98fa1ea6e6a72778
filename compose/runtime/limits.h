/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - resource limits, OOM score and kernel parameters of a container.
 * runs in: the container's process, before it gives up its rights.   owns: nothing.   layer: runtime. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"
#include "compose/runtime/spec.h"

/* ret: true and the RLIMIT_ number of "RLIMIT_NOFILE" or "nofile" */
bool limits_from_name(const char *name, int *resource);
/* ret: "RLIMIT_NOFILE", or NULL */
const char *limits_name(int resource);
/* in: before the change of uid; a soft limit above the hard one is refused. err: ERR_DENIED with a hint */
int limits_set(const struct spec_process *p, struct err *e) __attribute__((warn_unused_result));
/* Write through a host /proc, so before pivot_root. Does nothing when the value is already so. */
int limits_set_oom_score(const struct spec_process *p, struct err *e) __attribute__((warn_unused_result));

/* Is this parameter private to the namespaces that s makes or joins? Others would change the host.
 * err: ERR_MODEL with the reason */
int limits_check_sysctl(const struct spec *s, const char *name, struct err *e) __attribute__((warn_unused_result));
/* Write the parameters below proc, the root of a procfs that nobody else has reached yet; never through a link or
 * another mount. spec: sysctl names with dots or slashes */
int limits_set_sysctls(const struct spec *s, int proc, struct err *e) __attribute__((warn_unused_result));
