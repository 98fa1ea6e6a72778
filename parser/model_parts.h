/* SPDX-License-Identifier: Apache-2.0 */
/* model_parts.h - the attributes of a service that have parts of their own.
 * runs in: client.   owns: everything goes to the project's arena.   layer: parser, inside only (model_*.c). */
#pragma once
#include "parser/model.h"

typedef void model_part(struct project *p, struct service *s, const struct node *n);
model_part part_blkio, part_build, part_command, part_configs, part_deps, part_develop, part_devices, part_entrypoint, part_gpus, part_hosts;
model_part part_health, part_logging;
model_part part_memswap, part_networks, part_ports, part_provider, part_pull_policy, part_refresh_after, part_post_start, part_pre_start, part_pre_stop, part_restart, part_secrets;
model_part part_tmpfs;
model_part part_ulimits, part_volumes;
/* After all others: deploy fills what the service leaves open, and its restart_policy wins. deploy may be NULL */
model_part part_deploy;

/* A mapping of variables without those that have no value. */
struct pkvs model_vars(struct arena *a, const struct node *map);
int64_t node_whole(const struct node *n, int64_t dflt);
double  node_number(const struct node *n);
