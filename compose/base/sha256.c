/* SPDX-License-Identifier: Apache-2.0 */
/* The low-level calls are used on purpose: EVP of OpenSSL 3 spends milliseconds on provider look-up before the first
 * byte, and `up` with nothing to do has 8. They are deprecated, not removed, in the 3.x ABI. */
#define OPENSSL_API_COMPAT 10101
#include "compose/base/sha256.h"
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "compose/base/dl.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256), "struct sha256 must hold a SHA256_CTX");

static int (*fn_init)(SHA256_CTX *);
static int (*fn_update)(SHA256_CTX *, const void *, size_t);
static int (*fn_final)(unsigned char *, SHA256_CTX *);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	const struct dl_sym syms[] = {
		{ "SHA256_Init", &fn_init }, { "SHA256_Update", &fn_update }, { "SHA256_Final", &fn_final }, { NULL, NULL },
	};
	auto_err struct err e = {0};

	if (dl_load("libcrypto.so.3", "libssl3", syms, &e) < 0)
		exit(err_report(&e, stderr));
}

void sha256_init(struct sha256 *h)
{
	(void)pthread_once(&once, load);
	(void)fn_init((SHA256_CTX *)(void *)h->state);
}

void sha256_add(struct sha256 *h, const void *p, size_t n)
{
	(void)fn_update((SHA256_CTX *)(void *)h->state, p, n);
}

void sha256_end(struct sha256 *h, char ret[SHA256_HEX_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char md[SHA256_DIGEST_LENGTH];

	(void)fn_final(md, (SHA256_CTX *)(void *)h->state);
	for (size_t i = 0; i < sizeof(md); i++) {
		ret[2 * i] = hex[md[i] >> 4];
		ret[2 * i + 1] = hex[md[i] & 15];
	}
	ret[64] = '\0';
}

void sha256_hex(const void *p, size_t n, char ret[SHA256_HEX_SIZE])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, p, n);
	sha256_end(&h, ret);
}
