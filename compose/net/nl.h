/* SPDX-License-Identifier: Apache-2.0 */
/* nl.h - rtnetlink: several requests in one message to the kernel, each acknowledged, errors in the kernel's own words.
 * runs in: supervisor worker.   owns: its socket.   layer: net.   Addresses are in host byte order.
 * kernel: extended acknowledgements 4.12. */
#pragma once
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/net/ipam6.h"

struct nlmsghdr;
struct nl { int fd; unsigned seq; };
#define auto_nl __attribute__((cleanup(nl_close)))
#define NL_INIT { .fd = -1 }

/* Open in the namespace behind netns_fd (-1: the current one). */
int  nl_open(struct nl *n, int netns_fd, struct err *e) __attribute__((warn_unused_result));
void nl_close(struct nl *n);

/* Requests that are sent together. Zero-initialise n and len. */
enum { NL_BATCH_MAX = 64, NL_BUF = 32768 };
struct nl_batch {
	size_t   len;              /* bytes of finished requests */
	unsigned n;
	struct nlmsghdr *cur;      /* the last request, still growing */
	struct { char what[80]; int fine; } msg[NL_BATCH_MAX];
	char     buf[NL_BUF] __attribute__((aligned(8)));
};
/* The errno that does not count as failure for the request added last (EEXIST, ENODEV ...). */
void nl_fine(struct nl_batch *b, int sysno);
bool nl_full(const struct nl_batch *b);
/* Send all, collect every acknowledgement. The batch is empty after.
 * ret: 0, or -1 with the first failure (e->sysno tells which errno); later requests have been tried all the same */
int  nl_commit(struct nl *n, struct nl_batch *b, struct err *e) __attribute__((warn_unused_result));

struct nl_veth {
	const char *name, *peer;
	int         peer_netns;    /* descriptor */
	int         master;        /* ifindex of a bridge, 0: none */
	unsigned    mtu;
	const uint8_t *peer_mac;   /* 6 bytes, or NULL */
	bool        up;            /* this end; the kernel refuses to bring up the peer before the pair is whole */
};
void nl_add_veth(struct nl_batch *b, const struct nl_veth *v);
/* group: what rules know it by (iifgroup), 0 none */
void nl_add_bridge(struct nl_batch *b, const char *name, const uint8_t mac[6], unsigned mtu, uint32_t group);
/* As a bridge port: reach only the bridge itself, no other isolated port. */
void nl_add_isolated(struct nl_batch *b, const char *port);
void nl_add_up(struct nl_batch *b, int ifindex);
void nl_add_group(struct nl_batch *b, const char *name, uint32_t group);
void nl_add_del(struct nl_batch *b, const char *name);
void nl_add_del_group(struct nl_batch *b, uint32_t group);
void nl_add_alias(struct nl_batch *b, const char *name, const char *alias);
void nl_add_addr(struct nl_batch *b, int ifindex, uint32_t addr, unsigned prefix_len, bool link_scope);
/* src 0: the kernel chooses; del: remove it instead. Our routes carry protocol number 99. */
void nl_add_route(struct nl_batch *b, bool del, uint32_t dst, unsigned len, uint32_t gateway, uint32_t src,
		  int ifindex);

/* The same for IPv6. An address is usable at once: nobody is asked whether he has it (no duplicate address detection). */
void nl_add_addr6(struct nl_batch *b, int ifindex, struct ip6 addr, unsigned prefix_len);
struct nl_route6 { struct cidr6 dst; struct ip6 gateway; int oif; uint32_t table, metric; uint8_t proto; };
/* in: of r dst, gateway and oif; src NULL: the kernel chooses */
void nl_add_route6(struct nl_batch *b, bool del, const struct nl_route6 *r, const struct ip6 *src);

struct nl_link { int index; unsigned flags, mtu; uint8_t operstate; char name[IF_NAMESIZE], kind[16], alias[64]; };
/* ret: 0 found, 1 absent */
int nl_link(struct nl *n, const char *name, struct nl_link *ret, struct err *e) __attribute__((warn_unused_result));
/* Wait until an interface that is up with its peer carries packets. The kernel's link watch, a background job, starts
 * it when it comes round; what is sent before is lost, and a lost first ARP request costs a second.
 * in: netns_fd of n's namespace. Returns after 100 ms at the latest; it is no failure if nothing has changed by then
 * kernel: asking for the link makes the job look at once since 6.8; before that its notice is waited for. */
int nl_settle(struct nl *n, int netns_fd, const char *name, struct err *e) __attribute__((warn_unused_result));
struct nl_links { struct nl_link *v; size_t n, cap; };
int nl_links(struct nl *n, struct nl_links *ret, struct err *e) __attribute__((warn_unused_result));
/* First IPv4 address of a link. ret: 0 found, 1 none */
int nl_addr(struct nl *n, int ifindex, uint32_t *ret, struct err *e) __attribute__((warn_unused_result));
struct nl_route { uint32_t dst, gateway; unsigned len; int oif; uint32_t table, metric; };
struct nl_routes { struct nl_route *v; size_t n, cap; };
/* All IPv4 routes of all tables, local ones (that is, addresses) included. */
int nl_routes(struct nl *n, struct nl_routes *ret, struct err *e) __attribute__((warn_unused_result));
struct nl_routes6 { struct nl_route6 *v; size_t n, cap; };
/* The same of IPv6. */
int nl_routes6(struct nl *n, struct nl_routes6 *ret, struct err *e) __attribute__((warn_unused_result));
/* Whether an nft table of a family (AF_INET: ip, AF_INET6: ip6) exists in the current namespace. ret: 1 yes, 0 no */
int nl_nft_table(int family, const char *name, struct err *e) __attribute__((warn_unused_result));
