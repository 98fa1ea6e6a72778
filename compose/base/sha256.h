/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.h - digests by libcrypto, loaded at first use.
 * runs in: client, supervisor.   layer: base.   err: a missing libcrypto ends the program with a message. */
#pragma once
#include <stddef.h>

enum { SHA256_HEX_SIZE = 65 };                /* 64 hex digits and NUL */
struct sha256 { _Alignas(16) unsigned char state[128]; };

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
/* Lower-case hex. */
void sha256_end(struct sha256 *h, char ret[SHA256_HEX_SIZE]);
/* Digest of one buffer. */
void sha256_hex(const void *p, size_t n, char ret[SHA256_HEX_SIZE]);
