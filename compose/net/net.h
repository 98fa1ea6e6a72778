/* SPDX-License-Identifier: Apache-2.0 */
/* net.h - the networks of an installation: one private router namespace, a bridge per network, a veth pair per
 * endpoint.
 *
 * All bridges live in the router, a network namespace kept by a bind mount at <run_dir>/router/netns. It is made with
 * the first network and goes with the last one. Which networks exist and who is on them is told by files, so that every
 * worker sees the endpoints of all projects without asking anybody:
 *   <run_dir>/networks/<network id>/network.json   the configuration, written by rename
 *   <run_dir>/networks/<network id>/<address>      a lease: made whole or not at all by link(2); who has the address,
 *                                                  and under which names it is found (dns.h reads these). A container
 *                                                  with IPv4 and IPv6 has two, two names of one file
 * IPv6 addresses of an installation's own are of one unique local /48 (ipam6.h); its first /64 is the uplink's.
 * Names in the kernel: host end of the uplink "cu" + inst, nft table "compose_" + inst, bridges "cb" (normal) or "ci"
 * (internal) + 12 digits of the network id, bridge end of an endpoint "cv" + 12 digits of the container id + its index.
 *
 * runs in: supervisor worker: single-threaded, root, in the host's namespaces, never with libcurl loaded. Several
 *          workers may act on one installation at once.
 * owns:    everything named above.   layer: net (includes base only).
 * spec:    compose-spec 05-services "networks", 06-networks. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"

#define NET_CHECK __attribute__((warn_unused_result))

/* One installation. Zero-initialise, then net_open(). */
struct net_ctx {
	char *run_dir;
	char  inst[9];             /* 8 lower-case hex digits */
	int   run_fd;              /* run_dir */
	struct map next_free;      /* network id -> where the search for a free address begins; private to lease.c */
};
#define auto_net __attribute__((cleanup(net_close)))

/* in: run_dir absolute, made when absent (0700); inst 8 hex digits that differ between installations of a host */
int  net_open(struct net_ctx *c, const char *run_dir, const char *inst, struct err *e) NET_CHECK;
void net_close(struct net_ctx *c);

/* A wanted network. Texts may be NULL unless said otherwise. */
struct net_conf {
	const char *id;            /* required; 12 to 64 lower-case hex digits */
	const char *name;          /* required; the name other tools show, such as demo_default */
	bool no_ipv4;              /* IPv6 only */
	const char *subnet;        /* "10.7.0.0/16"; NULL: the next free one that clashes with nothing here */
	const char *gateway;       /* NULL: the first address */
	const char *ip_range;      /* addresses are taken from this part only; NULL: the whole subnet */
	bool ipv6;
	const char *subnet6;       /* "fd12:3456:789a::/64"; NULL: a unique local one that clashes with nothing here */
	const char *gateway6, *ip_range6;      /* as above */
	char *const *reserved;     /* aux_addresses of both kinds: never given out unless asked for; ends with NULL; may be
				    * NULL */
	bool internal;             /* no way out of it */
	bool no_icc;               /* its containers reach the gateway, not each other */
	unsigned mtu;              /* 0: that of the host's default route, at most 1500 */
};
/* What a network became. */
struct net_info {
	char id[65];
	char name[256];
	char subnet[20], gateway[16];          /* "" without IPv4 */
	char subnet6[50], gateway6[46];        /* "" without IPv6 */
	bool internal;
	bool host_route, host_route6;          /* addresses answer from the host; false: a route of the host is in the way */
};

/* Make a network, and the router when it is the first. Making one that exists (same id) repairs what is missing of it
 * and of the host's side of the router (after `nft flush ruleset`, for instance).
 * ret: 0 made, 1 existed.   warn: NULL or receives one line each about what works less well on this host
 * err: ERR_MODEL bad or unfitting address, ERR_CONFLICT overlap with another network (named), ERR_SYS */
int net_create(struct net_ctx *c, const struct net_conf *conf, struct net_info *ret, struct strv *warn, struct err *e)
	NET_CHECK;
/* Remove networks, and the router with the last of the installation. Absent ones are fine. Removing several at once is
 * much faster than one after the other (a bridge takes the kernel about 30 ms, several together no more, a router none
 * of it).
 * err: ERR_CONFLICT while endpoints are on one (their containers are named); the others are removed all the same */
int net_remove(struct net_ctx *c, char *const *network_ids, size_t n, struct err *e) NET_CHECK;
/* ret: 0, or -1 with ERR_MISSING */
int net_lookup(struct net_ctx *c, const char *network_id, struct net_info *ret, struct err *e) NET_CHECK;

/* A wanted endpoint: one container on one network. */
struct net_endpoint {
	const char  *network_id;
	const char  *container_id; /* 12 to 64 hex digits */
	const char  *container;    /* container name: demo-web-1 */
	const char  *project, *service;
	char *const *aliases;      /* ends with NULL; may be NULL */
	int          netns_fd;     /* of the container */
	unsigned     index;        /* 0 .. 35, differs between the networks of one container */
	const char  *ifname;       /* NULL: "eth" + index */
	const char  *ipv4, *ipv6;  /* NULL: the lowest free one, if the network has that kind */
	char *const *link_local;   /* addresses of 169.254/16 and fe80::/10 beside its own, for the operator to keep apart;
				    * those of IPv6 where it has that; ends with NULL; may be NULL */
	const char  *mac;          /* NULL: derived from the address (02:42:...) */
	bool         default_route, default_route6;    /* through this network; ignored on an internal one */
};
struct net_addr {
	char     ipv4[16], gateway[16], mac[18], ifname[16];
	char     ipv6[46], gateway6[46];       /* "" without */
	unsigned prefix_len, prefix_len6;
};
/* Connect a container: lease, veth pair, addresses, routes, everything up (lo too). All or nothing. It gets no IPv6
 * address where its own sysctls have switched IPv6 off (net.ipv6.conf.all.disable_ipv6).
 * err: ERR_MISSING no such network; ERR_MODEL address outside the subnet; ERR_CONFLICT address taken (by whom), none
 * left */
int net_attach(struct net_ctx *c, const struct net_endpoint *ep, struct net_addr *ret, struct err *e) NET_CHECK;
/* Disconnect containers from one network, or from all (network_id NULL). Their leases and names are gone at once.
 * in:  links false when their network namespaces are going away, which takes the interfaces with it in the background;
 *      true removes the veth pairs now, all in one go (about 15 ms, whatever their number), and the leases too that an
 *      attach left which was cut short. Absent is fine. */
int net_detach(struct net_ctx *c, const char *network_id, char *const *container_ids, size_t n, bool links,
	       struct err *e) NET_CHECK;

/* Remove leases, veth pairs and bridges that nobody uses, from the files and from the kernel's own lists, and the
 * router when no network is left.
 * in: alive tells whether a container exists, by its id (a lease knows all of it, a kernel name 12 digits) */
int net_gc(struct net_ctx *c, bool (*alive)(void *arg, const char *container_id), void *arg, struct err *e) NET_CHECK;

/* Open the sockets of a container's resolver, 127.0.0.11:53 inside its network namespace, for dns_server_add().
 * in:  free_53: the service wants port 53 on every address itself; the resolver then listens elsewhere and a redirect
 *      in the container's namespace leads there
 * owns: the caller closes both; an open one keeps the container's namespace alive */
int net_dns_open(int netns_fd, bool free_53, int *ret_udp, int *ret_tcp, struct err *e) NET_CHECK;

/* The router's namespace. A process that enters it (the relay, before it gives up its rights) reaches every container
 * directly, also where a route of the host is in the way of net_info.host_route; containers see their gateway's address.
 * ret: a descriptor; an open one keeps the namespace from going with the last network */
int net_router(const struct net_ctx *c, struct err *e) NET_CHECK;
/* Run an nft script (`nft -f` syntax, one transaction) in the host's namespace or, with netns_fd >= 0, in that one. A
 * child process does it, so that the libraries behind it do not stay in a process that lives long. ret: as usual */
int net_nft(int netns_fd, const char *script, struct err *e) NET_CHECK;
/* Name of the uplink's host end, and of our nft table on the host. */
const char *net_uplink(const struct net_ctx *c, char ret[16]);
const char *net_table(const struct net_ctx *c, char ret[24]);
