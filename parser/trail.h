/* SPDX-License-Identifier: Apache-2.0 */
/* trail.h - where a walk over a tree stands: a chain of keys on the walker's stack, told as "services.web.ports[0]"
 * on demand.
 * runs in: client.   owns: nothing.   layer: parser, pure. */
#pragma once
#include <stddef.h>
#include <stdio.h>

struct trail { const struct trail *up; const char *name; size_t index; };      /* name NULL: item index of a list */

/* ret: bytes the path has, as snprintf counts them */
static inline size_t trail_put(const struct trail *k, char *buf, size_t cap)
{
	size_t n = k->up ? trail_put(k->up, buf, cap) : 0;
	char *at = n < cap ? buf + n : NULL;
	int m = k->name ? snprintf(at, at ? cap - n : 0, "%s%s", n ? "." : "", k->name)
			: snprintf(at, at ? cap - n : 0, "[%zu]", k->index);

	return n + (m > 0 ? (size_t)m : 0);
}

/* ret: buf; a path that does not fit is cut. k NULL: the document itself, "" */
static inline const char *trail_path(const struct trail *k, char *buf, size_t cap)
{
	buf[0] = '\0';
	if (k)
		(void)trail_put(k, buf, cap);
	return buf;
}
