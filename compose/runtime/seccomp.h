/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp.h - the filter of a container: compiled from the built-in list or from a profile, kept, and installed.
 * runs in: supervisor, `compose exec`, `compose oci` (compile); the container's process (install).
 * owns: the cache owns the filters it hands out.   layer: runtime.   spec: OCI linux.seccomp, Docker's profile
 * format */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"
#include "compose/runtime/spec.h"

struct seccomp_filter;      /* a compiled program and its flags */
struct seccomp_cache;

struct seccomp_cache *seccomp_cache_new(void);
void seccomp_cache_free(struct seccomp_cache *c);

/* The filter that s asks for; Docker's conditions on capabilities look at bounding.
 * ret: *ret borrowed from the cache, NULL when s wants none. err: ERR_MODEL names the profile's bad member */
int seccomp_filter_get(struct seccomp_cache *c, const struct spec *s, uint64_t bounding,
		       const struct seccomp_filter **ret, struct err *e) __attribute__((warn_unused_result));
/* in: f may be NULL. Needs CAP_SYS_ADMIN or no_new_privs. */
int seccomp_install(const struct seccomp_filter *f, struct err *e) __attribute__((warn_unused_result));
/* ret: number of BPF instructions, for tests and `oci features` */
unsigned seccomp_filter_len(const struct seccomp_filter *f);
