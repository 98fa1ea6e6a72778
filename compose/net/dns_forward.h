/* SPDX-License-Identifier: Apache-2.0 */
/* dns_forward.h - ask other resolvers: one query, several servers in turn, UDP or TCP.
 * Each query has a socket of its own, connected to the server (so the port is the kernel's random one and others'
 * packets do not come in) and a random id.
 * runs in: supervisor worker.   owns: its sockets and timers.   layer: net.   spec: RFC 5452. */
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include "compose/net/dns.h"

enum { DNS_SERVERS_MAX = 3 };
struct dns_servers { struct sockaddr_storage at[DNS_SERVERS_MAX]; size_t n; };
/* Add a resolver's address ("10.0.0.1", "fe80::1%eth0"). ret: false when it is none, or one too many */
bool dns_servers_add(struct dns_servers *s, const char *text);
/* The nameserver lines of a resolv.conf, read anew. An unreadable file has none. */
void dns_servers_read(struct dns_servers *s, const char *path);

struct dns_exchange;
/* Called once, from the loop, never from dns_exchange_new(). len 0: nobody answered. The exchange is over and freed
 * after. */
typedef void dns_done_fn(void *arg, const uint8_t *reply, size_t len);
/* in: netns_fd where to ask from, -1 the current namespace (not kept); query, accepted by dns_answer(), is copied
 * ret: NULL when there is nobody to ask */
struct dns_exchange *dns_exchange_new(struct loop *l, int netns_fd, const struct dns_servers *servers, bool tcp,
				      const uint8_t *query, size_t len, dns_done_fn *done, void *arg);
/* Forget it; done is not called. NULL is fine. */
void dns_exchange_free(struct dns_exchange *x);
