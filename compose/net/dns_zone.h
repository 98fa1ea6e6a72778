/* SPDX-License-Identifier: Apache-2.0 */
/* dns_zone.h - the names on one network, read from its leases, read again when the directory has changed.
 * runs in: supervisor worker.   owns: its tables, a descriptor of the directory.   layer: net. */
#pragma once
#include "compose/net/dns.h"
#include "compose/net/net.h"

struct dns_source;

/* err: ERR_MISSING no such network */
int  dns_source_new(struct dns_source **ret, const struct net_ctx *c, const char *network_id, struct err *e) NET_CHECK;
void dns_source_free(struct dns_source *s);
/* The records as they are now. One stat when nothing has changed; otherwise only leases that are new are read. A
 * network that has been removed has no records. ret: owned by s, valid until the next call */
const struct dns_net *dns_source_now(struct dns_source *s);
