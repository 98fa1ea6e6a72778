/* SPDX-License-Identifier: Apache-2.0 */
/* git.h - the git program, made to fetch one commit and nothing else.
 * runs in: client.   owns: the child, until it has ended.   layer: engine.
 * No shell, no hooks, no filters, no submodules, no other protocols than https, http, ssh and git (so no file: a
 * repository cannot be made to copy files of this machine); secrets are neither arguments nor kept on disk. */
#pragma once
#include "compose/engine/giturl.h"

enum { COMMIT_SIZE = 65 };
/* The commit that u's ref means now. A ref that is a commit id is not asked about.
 * err: ERR_MISSING: git is not installed, or no such ref; ERR_NET: the server cannot be asked */
int git_resolve(const struct giturl *u, char commit[COMMIT_SIZE], struct err *e) __attribute__((warn_unused_result));
/* Write the files of a commit into work, an empty directory; git_dir, another, is git's own while it works. */
int git_checkout(const struct giturl *u, const char *commit, const char *git_dir, const char *work, struct err *e)
	__attribute__((warn_unused_result));
