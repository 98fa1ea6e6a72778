/* SPDX-License-Identifier: Apache-2.0 */
/* rootfs.h - work on an image's root file system through its descriptor: directories, files, owners by name.
 * runs in: client, the builder's threads.   owns: nothing.   layer: build.
 * The root is hostile: links planted in it lead to places inside it only; /etc/passwd is read with a cap, never by NSS.
 * spec: Dockerfile reference "COPY --chown"; CVE-2024-40635, CVE-2024-9676.   kernel: openat2 5.6. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "compose/base/err.h"

struct owner { uid_t uid; gid_t gid; };

/* Make path and its missing parents with this owner and mode (whatever the umask). path may lead through links.
 * ret: descriptor (O_RDONLY|O_DIRECTORY), or -1 with e; *ret_made: the last component is new
 * err: ERR_CONFLICT when something else than a directory is in the way */
int rootfs_mkdir(int root, const char *path, struct owner o, mode_t mode, bool *ret_made, struct err *e)
	__attribute__((warn_unused_result));
/* Where a file named path goes: the last component's links are followed within the root. Missing parents are made.
 * ret: descriptor of the directory, *ret_name (caller frees); or -1 with e */
int rootfs_target(int root, const char *path, struct owner o, mode_t dir_mode, char **ret_name, struct err *e)
	__attribute__((warn_unused_result));
/* ret: whether path is a directory there, links followed within the root */
bool rootfs_is_dir(int root, const char *path);
/* Write a small new file; whatever had the name before is replaced, never followed. */
int rootfs_write(int dir, const char *name, const char *text, struct owner o, mode_t mode, struct err *e)
	__attribute__((warn_unused_result));

/* "user[:group]", names or numbers, as the root's /etc/passwd and /etc/group have them.
 * ret: 0; 1 when a name is not known there (its part of *ret is 0, *ret_unknown names it, caller frees)
 * err: ERR_USAGE for a number out of range */
int rootfs_owner(int root, const char *spec, struct owner *ret, char **ret_unknown, struct err *e)
	__attribute__((warn_unused_result));
