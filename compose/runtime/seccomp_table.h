/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_table.h - the built-in list of system calls a container may make: Docker's default, as data.
 * runs in: supervisor, `compose exec`, `compose oci`.   owns: constants.   layer: runtime.
 * Everything else fails with EPERM, and calls newer than the list with ENOSYS, so that programs fall back. io_uring is
 * left out, as Docker does since 25: it has been the way around too many checks. */
#pragma once
#include <stdint.h>
#include "compose/runtime/seccomp_bpf.h"

/* Allowed without conditions. cap: when the container has capability cap; -1: always. names: separated by spaces */
struct seccomp_group { int cap; const char *names; };
extern const struct seccomp_group seccomp_groups[];
extern const unsigned seccomp_group_count;

/* Decided by arguments. lacks: only when the container lacks this capability; -1: always */
struct seccomp_special { const char *name; int lacks; uint32_t action; unsigned n; struct bpf_cond cond; };
extern const struct seccomp_special seccomp_specials[];
extern const unsigned seccomp_special_count;
