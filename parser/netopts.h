/* SPDX-License-Identifier: Apache-2.0 */
/* netopts.h - the options of the bridge driver (`driver_opts` of a network): which are carried out.
 * runs in: client.   owns: nothing.   layer: parser, inside only. */
#pragma once
#include "parser/diag.h"
#include "parser/project.h"

#define NET_OPT_MTU     "com.docker.network.driver.mtu"
#define NET_OPT_ICC     "com.docker.network.bridge.enable_icc"
#define NET_OPT_BINDING "com.docker.network.bridge.host_binding_ipv4"
#define NET_OPT_PREFIX  "com.docker.network.container_iface_prefix"
enum { NET_MTU_MAX = 65535 };

/* What a network asks for that has no effect here: a warning each. ret: 0, or -1 when a value is wrong and errs grew */
int netopts_unsupported(const struct network *n, const char *path, struct errs *errs, struct warns *warns)
	__attribute__((warn_unused_result));
