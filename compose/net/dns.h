/* SPDX-License-Identifier: Apache-2.0 */
/* dns.h - the resolver at 127.0.0.11 in each container: answers from the lease files, the rest goes to other resolvers.
 * Three parts: packets (pure, dns.c), the zone of a container (dns_zone.c: lease files to tables), the server
 * (dns_server.c).
 * runs in: supervisor worker.   owns: the sockets given to it.   layer: net.
 * spec: RFC 1035, 3596 (AAAA), 6891 (EDNS), 7766 (TCP). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/loop.h"
#include "compose/net/ipam6.h"

struct net_ctx;

enum { DNS_PORT = 53, DNS_HEADER = 12, DNS_UDP_MIN = 512, DNS_MSG_MAX = 65535 };

/* Records of one network, as read from its leases. IPv4 addresses are in host byte order. */
struct dns_host { uint32_t addr; char *name; };          /* name: the container's, for reverse lookups */
struct dns_host6 { struct ip6 addr; char *name; };
struct dns_addrs { VEC(uint32_t) a; VEC(struct ip6) six; };
struct dns_net {
	char           *name;        /* lower case; `host.name` resolves too */
	uint32_t        base, mask;  /* its subnet */
	struct cidr6    six;         /* len 0: no IPv6 */
	VEC(struct dns_host) hosts;
	VEC(struct dns_host6) hosts6;
	struct map      names;       /* lower-case name -> struct dns_addrs */
};
/* Apart for both kinds of addresses: who asks for a name asks for both, in turn. */
struct dns_turn { unsigned four, six; };
/* What one container sees: its networks in order; the first that knows a name, with addresses of the kind that is asked
 * for, answers. A name that has none of that kind is answered all the same: it exists, there is no record. */
struct dns_zone {
	const struct dns_net *const *net;
	size_t   n;
	const struct map *links;     /* lower-case alias -> name it stands for (char *); NULL: none */
	struct dns_turn *turn;       /* replicas come in rotating order */
};

enum dns_verdict { DNS_ANSWERED, DNS_UNKNOWN, DNS_IGNORE };
/* Decide on one query. DNS_ANSWERED: *ret_len bytes of reply are in out. DNS_UNKNOWN: not a name of ours, forward it or
 * dns_refuse() it. DNS_IGNORE: not a query at all, say nothing.
 * in: q untrusted; cap the room in out (>= 512; a UDP reply is further limited to what the query allows, then TC is
 * set) */
enum dns_verdict dns_answer(const struct dns_zone *z, bool tcp, const uint8_t *q, size_t len, uint8_t *out, size_t cap,
			    size_t *ret_len);
/* Make an empty reply with an rcode (RFC 1035 4.1.1: 2 SERVFAIL, 3 NXDOMAIN ...). in: q accepted by dns_answer()
 * ret: its length, 0 when q is no query */
size_t dns_refuse(const uint8_t *q, size_t len, unsigned rcode, uint8_t *out, size_t cap);
/* ret: whether r may be the reply to q: same question, a response, id as given. Both untrusted. */
bool dns_reply_fits(const uint8_t *q, size_t qlen, uint16_t id, const uint8_t *r, size_t rlen);

/* The server. It lives no longer than l and c. */
struct dns_server;
int  dns_server_new(struct dns_server **ret, struct loop *l, const struct net_ctx *c, struct err *e)
	__attribute__((warn_unused_result));
void dns_server_free(struct dns_server *s);

struct dns_client {
	const char  *container_id;
	char *const *network_ids;    /* in order of eth0, eth1 ...; ends with NULL */
	char *const *upstream; /* the service's `dns:`, asked from inside the container's namespace; NULL or empty: the
				* host's resolvers, asked from the host's */
	char *const *links;          /* "alias=name", for this container alone; ends with NULL, or NULL */
	bool         forward;        /* false: only internal networks, nothing leaves (an unknown name is NXDOMAIN) */
};
/* Serve a container. owns: on success udp and tcp are the server's to close; call again after a hand-over */
int  dns_server_add(struct dns_server *s, const struct dns_client *c, int udp, int tcp, struct err *e)
	__attribute__((warn_unused_result));
/* Stop serving it and close its sockets. Absent is fine. */
void dns_server_del(struct dns_server *s, const char *container_id);
