/* SPDX-License-Identifier: Apache-2.0 */
/* when.h - points in time as people give them.   runs in: client.   layer: cmd, pure but for the clock. */
#pragma once
#include <stdint.h>
#include "compose/base/err.h"

/* "2026-01-31T13:23:37Z" (fraction and offset allowed), "2026-01-31", unix seconds "1767225600.5", or a span back from now "42m".
 * in: s NULL leaves *ret alone; option names it in the error. ret: 0 with *ret in nanoseconds since 1970, or -1 ERR_USAGE */
int when_parse(const char *s, const char *option, int64_t *ret, struct err *e) __attribute__((warn_unused_result));
