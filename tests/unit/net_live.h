/* SPDX-License-Identifier: Apache-2.0 */
/* net_live.h - a small world for network tests: the test's own process sits in a namespace that plays the host, another
 * one plays the world outside, and containers are bare namespaces. Sockets are made where they belong, so one thread is
 * enough. Nothing of the machine itself is touched. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/err.h"
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/net/ipam.h"
#include "compose/net/net.h"
#include "compose/net/netns.h"
#include "compose/net/nl.h"
#include "tests/tap.h"

#define LIVE __attribute__((unused)) static
static struct err live_err;

/* Report a failure that a check has met. */
LIVE bool fine(int rc, const char *what)
{
	bool good = ok(rc >= 0, "%s", what);

	if (!good)
		for (unsigned i = 0; i < live_err.n; i++)
			diag("%s", live_err.frame[i]);
	err_done(&live_err);
	return good;
}

LIVE int new_ns(void)
{
	int back, fd;

	if (netns_enter_new(&back, &live_err) < 0)
		return -1;
	(void)netns_sysctl("/proc/sys/net/ipv4/ip_forward", "0");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	netns_leave(back);
	return fd;
}

LIVE void set_up(int ns, const char *ifname, const char *addr, unsigned len, const char *gateway)
{
	struct nl n = NL_INIT;
	struct nl_batch *b = xcalloc(1, sizeof(*b));
	struct nl_link l = { 0 };
	uint32_t a = 0, gw = 0;

	if (nl_open(&n, ns, &live_err) == 0 && nl_link(&n, ifname, &l, &live_err) == 0) {
		ipv4_parse(addr, &a);
		nl_add_up(b, 1);
		nl_add_addr(b, l.index, a, len, false);
		nl_add_up(b, l.index);
		if (gateway && ipv4_parse(gateway, &gw))
			nl_add_route(b, false, 0, 0, gw, 0, l.index);
		fine(nl_commit(&n, b, &live_err), "a place of the test is wired");
	}
	nl_close(&n);
	free(b);
}

/* The process moves to a new "host" at 203.0.113.2; the world outside is at 203.0.113.1 and knows no way back to any
 * container. ret: the outside's namespace, -1 when the test cannot run here */
LIVE int live_world(void)
{
	struct nl n = NL_INIT;
	struct nl_batch *b = xcalloc(1, sizeof(*b));
	struct nl_veth v = { .name = "ext0", .peer = "wan0", .mtu = 1400 };
	int outside;

	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	/* ip_forward is inherited from the machine; the test wants to see it turned on */
	(void)netns_sysctl("/proc/sys/net/ipv4/ip_forward", "0");
	outside = new_ns();
	v.peer_netns = outside;
	nl_add_veth(b, &v);
	if (nl_open(&n, -1, &live_err) < 0 || nl_commit(&n, b, &live_err) < 0)
		return -1;
	nl_close(&n);
	free(b);
	set_up(outside, "wan0", "203.0.113.1", 24, NULL);
	set_up(-1, "ext0", "203.0.113.2", 24, "203.0.113.1");
	return outside;
}

LIVE struct sockaddr_in at(const char *ip, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	(void)inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

/* Connect by TCP from one namespace to ip:port, where server_ns listens on all addresses.
 * ret: the client's address as the server saw it, "" when nothing came through within 400 ms */
LIVE const char *reach(int from_ns, int server_ns, const char *ip, uint16_t port)
{
	static char seen[INET_ADDRSTRLEN];
	struct sockaddr_in any = at("0.0.0.0", port), to = at(ip, port), peer;
	int on = 1, s = netns_socket(server_ns, AF_INET, SOCK_STREAM, 0, &live_err);
	int c = netns_socket(from_ns, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, &live_err), got;
	struct pollfd p = { .fd = s, .events = POLLIN };
	socklen_t len = sizeof(peer);

	seen[0] = '\0';
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(s, 4) < 0)
		diag("the test's server: %s", strerror(errno));
	if ((connect(c, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS) && poll(&p, 1, 400) == 1) {
		got = accept(s, (struct sockaddr *)&peer, &len);
		if (got >= 0)
			(void)inet_ntop(AF_INET, &peer.sin_addr, seen, sizeof(seen));
		close(got);
	}
	close(c);
	close(s);
	return seen;
}

/* Names, kinds and aliases of all links, and all routes, of the host: to compare before and after. */
LIVE char *snapshot(void)
{
	struct nl n = NL_INIT;
	struct nl_links links = { 0 };
	struct nl_routes routes = { 0 };
	char *text = xstrdup(""), *next, fwd[4] = "?";
	int fd = open("/proc/sys/net/ipv4/ip_forward", O_RDONLY | O_CLOEXEC);

	if (nl_open(&n, -1, &live_err) < 0 || nl_links(&n, &links, &live_err) < 0 ||
	    nl_routes(&n, &routes, &live_err) < 0)
		diag("snapshot failed");
	for (size_t i = 0; i < links.n; i++, free(text), text = next)
		next = xasprintf("%s%s %s\n", text, links.v[i].name, links.v[i].kind);
	for (size_t i = 0; i < routes.n; i++, free(text), text = next)
		next = xasprintf("%sroute %x/%u %d\n", text, routes.v[i].dst, routes.v[i].len, routes.v[i].oif);
	if (fd >= 0 && read(fd, fwd, 1) == 1)
		fwd[1] = '\0';
	close(fd);
	next = xasprintf("%sip_forward %s\n", text, fwd);
	free(text);
	vec_done(&links);
	vec_done(&routes);
	nl_close(&n);
	return next;
}

/* A container's id, full length, from one digit. */
LIVE const char *id_of(unsigned n)
{
	static char ids[4][65];
	static unsigned turn;
	char *id = ids[turn++ % 4];

	(void)snprintf(id, 65, "%012x%052x", n, 7);
	return id;
}

LIVE int attach(struct net_ctx *c, const char *net, unsigned n, int ns, struct net_addr *ret)
{
	char *name = xasprintf("demo-c%u-1", n), *service = xasprintf("c%u", n);
	struct net_endpoint ep = { .network_id = net, .container_id = id_of(n), .container = name, .project = "demo",
				   .service = service, .netns_fd = ns, .default_route = true };
	int rc = net_attach(c, &ep, ret, &live_err);

	free(name);
	free(service);
	return rc;
}
