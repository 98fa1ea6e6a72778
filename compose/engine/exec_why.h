/* SPDX-License-Identifier: Apache-2.0 */
/* exec_why.h - why the kernel would not run a file of a container: what its first bytes say.
 * runs in: client.   owns: nothing.   layer: engine.   The file is hostile: read with a cap, paths in the container only. */
#pragma once
#include "compose/engine/ctr_root.h"

/* in: c: open; path: absolute, as the container has it
 * ret: a sentence ("it is a script for /usr/bin/python3, which is not there"), caller frees; NULL when nothing is odd */
char *exec_why(const struct ctr_root *c, const char *path);
