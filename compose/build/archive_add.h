/* SPDX-License-Identifier: Apache-2.0 */
/* archive_add.h - ADD of a tar: tell one by its content, unpack it in place.
 * runs in: client, a builder's thread (it changes the thread's umask).   owns: nothing.   layer: build.
 * In-process decompression only, by the image layer's libarchive. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"

struct unpack;
/* Look into fd. ret: 1 a tar, plain or compressed (gzip, bzip2, xz, zstd), with *ret ready; 0 something else */
int  unpack_open(struct unpack **ret, int fd, const char *name, struct err *e) __attribute__((warn_unused_result));
/* Unpack into the directory dst, owners and modes as in the archive. */
int  unpack_into(struct unpack *u, int dst, struct err *e) __attribute__((warn_unused_result));
void unpack_free(struct unpack *u);
