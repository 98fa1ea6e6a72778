/* SPDX-License-Identifier: Apache-2.0 */
/* netns.h - step into another network namespace for the few calls that make a socket or write a sysctl there.
 * runs in: supervisor worker (single-threaded: the whole process steps).   owns: nothing.   layer: net. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"

/* Enter the namespace behind fd. ret: 0 and *ret_back, which netns_leave() takes and closes */
int  netns_enter(int fd, int *ret_back, struct err *e) __attribute__((warn_unused_result));
/* Make a new network namespace and enter it. */
int  netns_enter_new(int *ret_back, struct err *e) __attribute__((warn_unused_result));
/* Go back. Aborts when that fails: a worker in a wrong namespace would do harm with everything it does next. */
void netns_leave(int back);
/* Write a value below /proc/sys of the namespace the process is in. ret: 0, or -1 with errno (ENOENT: no such
 * feature) */
int  netns_sysctl(const char *path, const char *value);
/* ret: the first character of such a value, '?' when it cannot be read */
char netns_sysctl_digit(const char *path);
/* Switch IPv6 on or off for an interface that is not up yet, in the namespace the process is in. Where it is on, the
 * interface learns nothing from what others send (router advertisements, redirects) and waits for nobody (duplicate address
 * detection).
 * err: ERR_SYS where the kernel has no IPv6 to switch on */
int  netns_ipv6(const char *ifname, bool on, struct err *e) __attribute__((warn_unused_result));
/* What to say where the kernel has none. ret: always -1 */
int  netns_no_ipv6(struct err *e);
/* Make a socket in the namespace behind fd (-1: in the current one). */
int  netns_socket(int fd, int family, int type, int protocol, struct err *e) __attribute__((warn_unused_result));
