/* SPDX-License-Identifier: Apache-2.0 */
/* netrec.h - what is on disk about networks: a directory each, with its configuration; and its leases (lease.h).
 * runs in: supervisor worker.   owns: <run_dir>/networks.   layer: net. */
#pragma once
#include "compose/net/ipam.h"
#include "compose/net/ipam6.h"
#include "compose/net/net.h"

/* A network as recorded. */
struct net_rec {
	struct net_info info;
	struct ipam     ipam;      /* subnet.len 0: no IPv4 */
	struct ipam6    six;       /* subnet.len 0: no IPv6 */
	bool            no_icc;
	unsigned        mtu;
};
#define auto_rec __attribute__((cleanup(net_rec_done)))
void net_rec_done(struct net_rec *r);
/* Fill in info's subnets and gateways from the plans. */
void net_rec_texts(struct net_rec *r);

bool net_id_ok(const char *id);                          /* 12 to 64 lower-case hex digits: safe as a file name */
/* Open a network's directory. ret: a descriptor, or -1 with ERR_MISSING */
int  net_dir(const struct net_ctx *c, const char *id, struct err *e) NET_CHECK;
/* in: dirfd from net_dir(). err: ERR_MISSING when the directory has no record (being made or removed) */
int  net_rec_read(int dirfd, const char *id, struct net_rec *ret, struct err *e) NET_CHECK;
int  net_rec_write(const struct net_ctx *c, const struct net_rec *r, struct err *e) NET_CHECK;
/* All recorded networks; those without a readable record are skipped. The caller holds the router's lock. */
struct net_recs { struct net_rec *v; size_t n, cap; };
#define auto_recs __attribute__((cleanup(net_recs_done)))
int  net_recs_read(const struct net_ctx *c, struct net_recs *ret, struct err *e) NET_CHECK;
void net_recs_done(struct net_recs *r);
/* Call fn with each entry of a directory, until it returns non-zero. fd stays the caller's. ret: that value, or 0, or -1 */
int  net_each_entry(int fd, int (*fn)(void *arg, int dirfd, const char *name), void *arg, struct err *e) NET_CHECK;
