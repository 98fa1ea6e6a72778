/* SPDX-License-Identifier: Apache-2.0 */
/* usage.h - what a running container uses now: processor, memory, processes, disk, network.
 * runs in: client.   owns: struct usage_host.   layer: engine. */
#pragma once
#include <stdint.h>
#include "compose/base/err.h"
#include "compose/state/record.h"

struct usage {
	int64_t at_ns;              /* monotonic clock: when it was read */
	int64_t cpu_ns;             /* used so far */
	int64_t memory_bytes;       /* without what the kernel can take back at once (page cache not in use) */
	int64_t memory_limit_bytes; /* the machine's memory when there is no smaller limit */
	int64_t pids;
	int64_t net_rx_bytes, net_tx_bytes;     /* of its own interfaces but lo; 0 where it shares the host's network */
	int64_t blk_read_bytes, blk_write_bytes;
};
/* What cannot be read is -1. */

struct usage_host;
int  usage_open(struct usage_host **ret, const struct paths *p, struct err *e) __attribute__((warn_unused_result));
void usage_read(struct usage_host *h, const struct ctr_record *r, const struct ctr_status *s, struct usage *ret);
void usage_close(struct usage_host *h);
