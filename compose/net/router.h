/* SPDX-License-Identifier: Apache-2.0 */
/* router.h - the private network namespace of an installation, and its way to the host.
 * Its filter rules are written once and speak of name prefixes ("cb*", "ci*"), so a new network needs no nft
 * transaction.
 * runs in: supervisor worker.   owns: <run_dir>/router (lock, netns), the namespace.   layer: net. */
#pragma once
#include <stdint.h>
#include "compose/net/ipam.h"
#include "compose/net/ipam6.h"
#include "compose/net/net.h"
#include "compose/net/nl.h"

/* The way to the host: the seam where rootless puts pasta. Addresses are of the pair's two ends. */
struct uplink { int host_index; uint32_t host, router; };

const char *router_bridge(const struct net_info *n, char ret[16]);
/* Hold the lock that router and network changes take. ret: a descriptor, closing it unlocks */
int  router_lock(const struct net_ctx *c, struct err *e) NET_CHECK;
/* ret: the namespace's descriptor; -1 with ERR_MISSING when there is none */
int  router_open(const struct net_ctx *c, struct err *e) NET_CHECK;
/* The router, made or repaired where needed. The lock is held. ret: its descriptor
 * rewired: whether the uplink is new, so that routes on the host have to be set again */
int  router_ensure(const struct net_ctx *c, struct nl *host, struct uplink *ret, bool *rewired, struct strv *warn,
		   struct err *e) NET_CHECK;
/* Remove links of the router by name. Waiting for the kernel's grace periods costs tens of milliseconds, for all
 * together as much as for one. Absent ones are fine. */
int  router_drop_links(const struct net_ctx *c, const struct strv *names, struct err *e) NET_CHECK;
/* Remove everything. The lock is held. Absent is fine; goes on after failures and reports the first. */
int  router_remove(const struct net_ctx *c, struct err *e) NET_CHECK;

/* uplink6.c: the uplink's IPv6, made with the first network that has it. */
struct uplink6 { struct cidr6 site; struct ip6 host, router; };
void uplink6_addrs(const struct net_ctx *c, struct uplink6 *ret);
/* Make or repair it: addresses at both ends, the host's nft rules, and the way out where the host has one. Without one
 * the router tells containers at once that there is none.
 * ret: 0; 1 when the host itself has IPv6 switched off: nothing leads to it */
int  uplink6_ensure(const struct net_ctx *c, struct nl *host, const struct uplink *u, int router_fd, struct strv *warn,
		    struct err *e) NET_CHECK;
/* Put forwarding of IPv6 back. */
int  uplink6_restore(struct err *e) NET_CHECK;

/* The host's table for one family, ip or ip6: only answers come in, what goes out takes the host's address. ret: caller frees */
char *uplink_host_table(const struct net_ctx *c, const char *family, const char *router);
/* The group of bridges whose containers are kept apart: the router does not lead from one to the other either. */
enum { ROUTER_GROUP_APART = 0x6361 };
/* What must be put back on the host when the router goes is kept in the alias of the uplink's host end: note that IPv6
 * forwarding was turned on, or that rules were put into the host's own chains. */
int  uplink_note(const struct net_ctx *c, struct nl *host, bool forward6, bool passed, struct err *e) NET_CHECK;

/* uplink.c: the pair itself. ret: 0 there and complete, 1 absent or half-made */
int  uplink_find(const struct net_ctx *c, struct nl *host, struct uplink *ret, struct err *e) NET_CHECK;
/* Make the pair, replacing what a crash left. */
int  uplink_make(const struct net_ctx *c, struct nl *host, int router_fd, struct uplink *ret, struct err *e) NET_CHECK;
/* The nft rules of both ends, and forwarding on the host. in: fresh when the router has no rules yet */
int  uplink_rules(const struct net_ctx *c, struct nl *host, int router_fd, const struct uplink *u, bool fresh,
		  struct strv *warn, struct err *e) NET_CHECK;
/* Remove the host's part: the pair, the nft table, and forwarding if it was off before and nobody else needs it. */
int  uplink_remove(const struct net_ctx *c, struct nl *host, struct err *e) NET_CHECK;
