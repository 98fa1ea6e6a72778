/* SPDX-License-Identifier: Apache-2.0 */
/* ipam6.h - the same as ipam.h for IPv6: addresses, subnets, the plan of a network. Pure.
 * runs in: supervisor worker.   owns: struct ipam6 its list.   layer: net.   Addresses are in network byte order.
 * spec: RFC 4291 (text), RFC 4193 (unique local addresses), RFC 5952 (how they are written). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/net/net.h"

enum { IP6_TEXT = 46, CIDR6_TEXT = 50 };

struct ip6 { uint8_t b[16]; };
struct cidr6 { struct ip6 base; unsigned len; };         /* len 0: none */

bool ip6_parse(const char *s, struct ip6 *ret);          /* without a zone */
void ip6_text(struct ip6 a, char ret[IP6_TEXT]);         /* always the same text for one address */
bool ip6_eq(struct ip6 a, struct ip6 b);
struct ip6 ip6_add(struct ip6 a, uint32_t n);
struct ip6 ip6_of_ipv4(uint32_t a);                      /* ::ffff:10.0.0.2, so that both kinds sort in one table */
bool ip6_is_ipv4(struct ip6 a, uint32_t *ret);
void cidr6_text(struct cidr6 c, char ret[CIDR6_TEXT]);
bool cidr6_has(struct cidr6 c, struct ip6 a);
bool cidr6_overlap(struct cidr6 a, struct cidr6 b);
/* err: ERR_MODEL, with the right spelling as hint when host bits are set */
int  cidr6_parse(const char *s, struct cidr6 *ret, struct err *e) NET_CHECK;
void mac_of_ip6(struct ip6 a, uint8_t ret[6]);

/* The unique local addresses of an installation: a /48 whose number comes from the host's machine id and inst, so that it
 * stays the same, and differs between hosts and between the installations of one. Its first /64 is the uplink's. */
struct cidr6 ula_site(const char *machine_id, const char *inst);
struct cidrs6 { struct cidr6 *v; size_t n, cap; };
/* A /64 of the site that overlaps nothing in taken. A network's name leads to the same one each time, as long as it is
 * free. ret: false when all are taken */
bool ula_pick(struct cidr6 site, const char *name, const struct cidrs6 *taken, struct cidr6 *ret);

/* The address plan of a network; without IPv6 all of it is zero. */
struct ipam6 {
	struct cidr6 subnet, range;
	struct ip6 gateway;
	VEC(struct ip6) reserved;
};
void ipam6_done(struct ipam6 *p);
/* in: subnet as chosen; gateway6, ip_range6 and the IPv6 addresses of reserved from conf. err: ERR_MODEL */
int  ipam6_plan(const struct net_conf *conf, struct cidr6 subnet, struct ipam6 *ret, struct err *e) NET_CHECK;
/* As ipam_fits() and ipam_free(). */
bool ipam6_fits(const struct ipam6 *p, struct ip6 a);
bool ipam6_free(const struct ipam6 *p, struct ip6 a);
