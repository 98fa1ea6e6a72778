/* SPDX-License-Identifier: Apache-2.0 */
/* relay.h - the process that carries published ports, and nothing else.
 * runs in: relay: one thread, one loop, in the router's network namespace, without any right.   layer: supervisor.
 * owns: connections and sessions. Listeners, made in the host's namespace, come from the keeper (keep.h, "port."); what
 * they accept stays in the host's namespace, what is connected from here begins in the router's, where every container
 * can be reached whatever the host's routes say. */
#pragma once
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "compose/base/loop.h"

int relay_main(void);

union target { struct sockaddr sa; struct sockaddr_in v4; struct sockaddr_in6 v6; };

/* A published port as the relay sees it. */
struct port {
	char  *key;
	int    fd;                      /* listener */
	bool   udp, has_target;
	union target target;
	socklen_t target_len;
	int64_t patient_ns;             /* until then (monotonic) a refusal means: not up yet */
	struct loop_src *src;
	struct udp_table *sessions;     /* relay_udp.c */
};
/* relay_tcp.c: one was accepted: carry it to the port's target. fd is taken. */
void tcp_carry(struct loop *l, int fd, const struct port *p);
/* relay_udp.c: datagrams wait on the port's listener. */
void udp_receive(struct loop *l, struct port *p);
void udp_forget(struct port *p);
