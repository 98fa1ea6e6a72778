/* SPDX-License-Identifier: Apache-2.0 */
/* glob.h - file name patterns of COPY and .dockerignore.
 * runs in: client.   owns: nothing.   layer: parser, pure.
 * spec: * and ? within a path segment, [a-z] and [^a-z], \ escapes; with GLOB_DEEP also ** over any number of segments.
 * Time is bounded by pattern length times text length squared: no exponential backtracking. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum glob_mode { GLOB_FLAT, GLOB_DEEP };
/* ret: whether s[0..n) as a whole matches */
bool glob_match(const char *pattern, const char *s, size_t n, enum glob_mode mode);
/* ret: false for an unclosed [ or a trailing \ */
bool glob_valid(const char *pattern);
/* ret: whether the pattern has anything but literal characters */
bool glob_magic(const char *pattern);
