/* SPDX-License-Identifier: Apache-2.0 */
/* dl.h - load a large library only in the process that uses it, at the moment it does.
 * libcurl, libarchive, libnftables and libcrypto drag in dozens of others; `compose ps` must not pay for them.
 * runs in: client, supervisor helpers.   owns: the handle, for the life of the process.   layer: base. */
#pragma once
#include <stddef.h>
#include "compose/base/err.h"

/* One symbol to look up and where its address goes. */
struct dl_sym { const char *name; void *slot; };   /* slot: address of a function pointer */

/* Load soname (such as "libcurl.so.4") and fill every slot; symbols end with a NULL name. Thread-safe, once per table.
 * err: ERR_MISSING with the Debian package in the hint */
int dl_load(const char *soname, const char *debian_package, const struct dl_sym *syms, struct err *e)
	__attribute__((warn_unused_result));
