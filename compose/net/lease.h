/* SPDX-License-Identifier: Apache-2.0 */
/* lease.h - who has which address: a file per address in use, in the network's directory (netrec.h).
 * Any worker may read and write at any time. A lease is written whole under another name and gets its name by link(2), so
 * an address has one holder and nobody reads half of a lease; a container with IPv4 and IPv6 has two names of one file. A
 * symbolic link "@<container id>" -> "<address> <index> <IPv6 address>" leads from the container to its leases ("-" where
 * it has no IPv4 address). Creating a lease holds the directory's lock shared, removing the network exclusively.
 * runs in: supervisor worker.   owns: the leases below <run_dir>/networks.   layer: net. */
#pragma once
#include <jansson.h>
#include <stdint.h>
#include "compose/net/netrec.h"

/* Remove a network's directory. err: ERR_CONFLICT when it has leases */
int  net_rec_remove(const struct net_ctx *c, const char *id, struct err *e) NET_CHECK;

/* What a container holds on a network. */
struct lease { bool four, six; uint32_t addr; struct ip6 addr6; };
/* Take an address of each kind that the network has, the wanted one or the next free one, replacing an older lease of the
 * same container.
 * in: six false: no IPv6 address
 * err: ERR_CONFLICT; ERR_MODEL when an address is wanted that the network cannot have */
int  lease_take(struct net_ctx *c, int dirfd, const struct net_rec *r, const struct net_endpoint *ep, bool six,
		struct lease *ret, struct err *e) NET_CHECK;
/* Give back what a container holds on a network. reuse: the address may be the next to be given out (false while the
 * old holder's interface may still answer). ret: 1 and *ret_index the endpoint's index, 0 when it held nothing */
int  lease_drop(struct net_ctx *c, int dirfd, const char *network_id, const char *container_id, bool reuse,
		unsigned *ret_index);
/* Whether a file of a network's directory is a lease. ret: its address, IPv4 ones as ip6_of_ipv4() */
bool lease_addr(const char *name, struct ip6 *ret);
/* Call fn for each lease, until it returns non-zero. in: name, the address. ret: that value, or 0, or -1 */
typedef int lease_fn(void *arg, const char *name, const json_t *lease);
int  lease_each(int dirfd, lease_fn *fn, void *arg, struct err *e) NET_CHECK;
/* Remove all leases of all networks: nothing of them is left in the kernel. */
int  lease_wipe(const struct net_ctx *c, struct err *e) NET_CHECK;
