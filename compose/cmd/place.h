/* SPDX-License-Identifier: Apache-2.0 */
/* place.h - one end of a copy: a path on this host, or in a container; where a copy comes from and where it goes to, by
 * the rules of `cp -r` and docker. runs in: client.   owns: struct place_src and place_dst their descriptors and names.
 * layer: cmd. A container's paths are resolved below its root only, links included; nothing is resolved a second time.
 */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"

struct place { int root; const char *path; };    /* root -1: this host */

struct place_src {
	int   dir;                  /* O_RDONLY */
	char *name;                 /* in dir; "" for dir itself */
	char *base;                 /* its name for people and for the copy; "" when its contents alone are meant */
	bool  is_dir;
};
struct place_dst { int dir; char *name; };       /* name: "" for dir itself */

/* in: follow: a link is not copied but what it leads to. err: ERR_MISSING, ERR_SYS */
int place_source(struct place_src *ret, const struct place *p, bool follow, struct err *e)
	__attribute__((warn_unused_result));
/* Where src goes: into a directory that is there, or under a new name. A directory that takes contents is made.
 * err: ERR_MISSING for a directory that is not there, ERR_CONFLICT for a directory onto a file */
int  place_target(struct place_dst *ret, const struct place *p, const struct place_src *src, struct err *e)
	__attribute__((warn_unused_result));
/* A directory that must be there (for a tar). ret: O_RDONLY descriptor, or -1 with e */
int  place_dir(const struct place *p, struct err *e);
void place_src_done(struct place_src *s);
void place_dst_done(struct place_dst *d);
