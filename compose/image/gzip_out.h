/* SPDX-License-Identifier: Apache-2.0 */
/* gzip_out.h - compress a stream into a file, with its digest.
 * runs in: client.   owns: struct gzip_out.   layer: image.   The same input gives the same bytes (no time inside). */
#pragma once
#include <stdint.h>
#include "compose/base/err.h"
#include "compose/base/sha256.h"

struct gzip_out;
/* in: fd: stays the caller's */
int  gzip_out_new(struct gzip_out **ret, int fd, struct err *e) __attribute__((warn_unused_result));
int  gzip_out_write(struct gzip_out *g, const void *buf, size_t len, struct err *e) __attribute__((warn_unused_result));
/* ret: digest (64 hex digits) and length of what was written */
int  gzip_out_end(struct gzip_out *g, char ret_hex[SHA256_HEX_SIZE], uint64_t *ret_len, struct err *e)
	__attribute__((warn_unused_result));
void gzip_out_free(struct gzip_out *g);
static inline void gzip_out_freep(struct gzip_out **g) { gzip_out_free(*g); }
#define auto_gzip_out __attribute__((cleanup(gzip_out_freep)))
