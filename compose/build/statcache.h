/* SPDX-License-Identifier: Apache-2.0 */
/* statcache.h - digests of files that have not changed since they were last read.
 * runs in: client, any thread.   owns: its table.   layer: build.
 * A file counts as unchanged while device, inode, size, mtime and ctime are the same; ctime cannot be set back. A file
 * that changed just before it was read is not remembered: the clock behind ctime is coarse. */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include "compose/base/err.h"
#include "compose/base/sha256.h"

struct statcache;

/* in: dir: ROOT/build/stat; name: of the cache file below it. A damaged or missing file is an empty cache. */
struct statcache *statcache_open(int dir, const char *name);
/* Digest of the content of the regular file fd. in: name: for messages; c may be NULL: nothing is remembered
 * err: ERR_SYS; ERR_INTR */
int statcache_digest(struct statcache *c, int fd, const char *name, char ret[SHA256_HEX_SIZE], struct err *e)
	__attribute__((warn_unused_result));
/* Is the digest known without opening the file? ret: true and *ret filled */
bool statcache_get(struct statcache *c, const struct stat *st, char ret[SHA256_HEX_SIZE]);
/* Write what is new. err: ERR_SYS */
int  statcache_save(struct statcache *c, struct err *e) __attribute__((warn_unused_result));
void statcache_free(struct statcache *c);
