/* SPDX-License-Identifier: Apache-2.0 */
/* fs.h - files through descriptors: resolution inside a root, whole-file reads with a cap, atomic writes, trees.
 * runs in: every process.   owns: nothing.   layer: base.
 * Paths that an image, a container or a user's file names go through fs_*_in() only: openat2(RESOLVE_IN_ROOT |
 * RESOLVE_NO_MAGICLINKS), so "..", absolute links and /proc links stay inside the root.  kernel: openat2 5.6. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "compose/base/err.h"

/* Open path below root as if root were "/". ret: a descriptor (O_CLOEXEC), or -1 with errno */
int fs_open_in(int root, const char *path, int flags, mode_t mode);
/* Make the directory path and its missing parents below root (symlinks followed inside root; new ones root-owned, mode).
 * ret: an O_PATH|O_DIRECTORY descriptor of the last one, or -1 with errno (ENOTDIR, ELOOP ...) */
int fs_mkdir_p_in(int root, const char *path, mode_t mode);
/* Open the directory that holds path's last component, making missing parents (mode 0755) when make is set.
 * *ret_name points into path's copy and is caller-freed ("" when path is the root itself). ret: fd or -1 with errno */
int fs_open_parent_in(int root, const char *path, bool make, char **ret_name);
/* Make the empty regular file path below root with its missing parents (mode 0755); a dangling link is followed inside
 * root. ret: a descriptor of it, or of whatever is there already (O_PATH), or -1 with errno (EISDIR: path ends in "/") */
int fs_make_file_in(int root, const char *path, mode_t mode);
/* Open what fd refers to a second time, by its path, and make sure that it is the same: a descriptor from another mount
 * namespace cannot be cloned or mounted on in this one. in: fd as opened there, O_PATH is enough; directory or file
 * ret: an O_PATH descriptor, or -1 with errno (ESTALE: the path leads elsewhere now). kernel: /proc must be mounted */
int fs_open_again(int fd);

/* Our own trees (state, store): dirfd-relative, ordinary resolution. */
int fs_mkdir_p(const char *path, mode_t mode);                       /* ret: 0, or -1 with errno */
/* Read a whole regular file of at most max bytes, NUL-terminated in *ret (caller frees). ret_len may be NULL.
 * FIFOs and devices are refused. err: ERR_MISSING when absent, ERR_DENIED, ERR_SYS; larger than max is an error */
int fs_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
	__attribute__((warn_unused_result));
/* As fs_read, from an open descriptor (which stays open; read from its start). name is for messages */
int fs_read_fd(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e)
	__attribute__((warn_unused_result));
/* Write a temporary file beside path, fsync when sync is set, rename over path. Nothing is left behind on failure. */
int fs_write(int dirfd, const char *path, const void *buf, size_t len, mode_t mode, bool sync, struct err *e)
	__attribute__((warn_unused_result));
/* Write all of buf, however many writes it takes. ret: 0, or -1 with errno */
int fs_write_all(int fd, const void *buf, size_t len);
/* Remove name below dirfd with everything in it; never follows links, never crosses into another mount; absent is fine.
 * ret: 0, or -1 with errno of the first failure (the rest is removed all the same) */
int fs_rm_rf(int dirfd, const char *name);
/* Sum of the sizes on disk below name (hard links counted once per name), in bytes. */
unsigned long long fs_du_bytes(int dirfd, const char *name);
