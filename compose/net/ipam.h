/* SPDX-License-Identifier: Apache-2.0 */
/* ipam.h - which subnet a network gets and which addresses it may give out. Pure: numbers in, numbers out.
 * runs in: supervisor worker.   owns: struct ipam its list.   layer: net.   Addresses are in host byte order. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/net/net.h"

struct cidr { uint32_t base; unsigned len; };

bool ipv4_parse(const char *s, uint32_t *ret);           /* four decimal numbers, nothing else */
void ipv4_text(uint32_t a, char ret[16]);
void cidr_text(struct cidr c, char ret[20]);
uint32_t cidr_mask(unsigned len);
uint32_t cidr_last(struct cidr c);
bool cidr_has(struct cidr c, uint32_t a);
bool cidr_overlap(struct cidr a, struct cidr b);
/* err: ERR_MODEL, with the right spelling as hint when host bits are set */
int  cidr_parse(const char *s, struct cidr *ret, struct err *e) NET_CHECK;
bool mac_parse(const char *s, uint8_t ret[6]);           /* "02:42:0a:07:00:02" */
void mac_text(const uint8_t mac[6], char ret[18]);
void mac_of_ipv4(uint32_t a, uint8_t ret[6]);

struct cidrs { struct cidr *v; size_t n, cap; };
/* The first subnet of the default pools that overlaps nothing in taken: 172.18/16 .. 172.31/16, then pieces of /20 of
 * 192.168/16 and of 10/8. ret: false when all are taken */
bool ipam_pick_subnet(const struct cidrs *taken, struct cidr *ret);

/* The address plan of a network. */
struct ipam {
	struct cidr subnet, range;     /* range: where free addresses are looked for */
	uint32_t gateway;
	VEC(uint32_t) reserved;
};
void ipam_done(struct ipam *p);
/* in: subnet as chosen; the rest from conf. err: ERR_MODEL */
int  ipam_plan(const struct net_conf *conf, struct cidr subnet, struct ipam *ret, struct err *e) NET_CHECK;
/* Whether a may belong to a container at all (when asked for by number; reserved ones may). */
bool ipam_fits(const struct ipam *p, uint32_t a);
/* Whether a may be given out to somebody who asked for none in particular. */
bool ipam_free(const struct ipam *p, uint32_t a);
