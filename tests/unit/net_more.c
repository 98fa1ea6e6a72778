/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: several per container, containers kept apart, two installations on one host, and what crashes leave. */
#include "compose/base/str.h"
#include "tests/unit/net_live.h"

#define NET_A "aaaaaaaaaaaa0021"
#define NET_B "bbbbbbbbbbbb0022"

static int make_net(struct net_ctx *c, const char *id, const char *name, bool no_icc)
{
	const struct net_conf conf = { .id = id, .name = name, .no_icc = no_icc };
	struct net_info info;

	return net_create(c, &conf, &info, NULL, &live_err);
}

static int drop_net(struct net_ctx *c, const char *id)
{
	char text[65], *ids[] = { text };

	(void)snprintf(text, sizeof(text), "%s", id);
	return net_remove(c, ids, 1, &live_err);
}

static int drop_container(struct net_ctx *c, unsigned n)
{
	char text[65], *ids[] = { text };

	(void)snprintf(text, sizeof(text), "%s", id_of(n));
	return net_detach(c, NULL, ids, 1, true, &live_err);
}

static unsigned mtu_of(int ns, const char *ifname)
{
	auto_nl struct nl n = NL_INIT;
	struct nl_link l = { 0 };

	if (nl_open(&n, ns, &live_err) < 0 || nl_link(&n, ifname, &l, &live_err) != 0)
		return 0;
	return l.mtu;
}

static void two_networks(struct net_ctx *c, int outside)
{
	int both = new_ns(), peer = new_ns();
	struct net_endpoint ep = { .network_id = NET_A, .container_id = id_of(1), .container = "x", .netns_fd = both,
				   .default_route = true };
	struct net_addr a, b, p;

	fine(make_net(c, NET_A, "demo_a", false), "a network");
	fine(make_net(c, NET_B, "demo_b", false), "another");
	fine(net_attach(c, &ep, &a, &live_err), "a container on the first");
	ep.network_id = NET_B;
	ep.index = 1;
	ep.default_route = false;
	ep.ifname = "back";
	ep.mac = "02:00:00:00:00:77";
	fine(net_attach(c, &ep, &b, &live_err), "and on the second, with a name and MAC of its own");
	is_str(b.ifname, "back", "the name");
	is_str(b.mac, "02:00:00:00:00:77", "the MAC");
	is_int(mtu_of(both, "eth0"), 1400, "the MTU is that of the host's way out");
	fine(attach(c, NET_B, 2, peer, &p), "a peer on the second");
	is_str(reach(both, peer, p.ipv4, 80), b.ipv4, "speaks with the address of the shared network");
	is_str(reach(both, outside, "203.0.113.1", 80), "203.0.113.2", "the way out is through the first");
	is_str(reach(-1, both, b.ipv4, 80), b.gateway, "the host reaches it at its other address too");
	fine(net_detach(c, NET_B, (char *[]){(char *)(uintptr_t)ep.container_id}, 1, true, &live_err),
	     "off the second");
	is_str(reach(both, peer, p.ipv4, 80), "", "the peer is out of reach");
	is_str(reach(both, outside, "203.0.113.1", 80), "203.0.113.2", "the first is as it was");
	fine(drop_container(c, 1), "gone");
	fine(drop_container(c, 2), "gone");
	fine(drop_net(c, NET_A), "gone");
	fine(drop_net(c, NET_B), "gone");
	close(both);
	close(peer);
}

/* A datagram to a neighbour, sent by way of the gateway. ret: whether it came */
static bool by_gateway(int from, int to, const char *ip, const char *gateway)
{
	struct sockaddr_in any = at("0.0.0.0", 4000), there = at(ip, 4000);
	int r = netns_socket(to, AF_INET, SOCK_DGRAM, 0, &live_err), s = netns_socket(from, AF_INET, SOCK_DGRAM, 0, &live_err);
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	struct pollfd p = { .fd = r, .events = POLLIN };
	auto_nl struct nl n = NL_INIT;
	struct nl_link l = { 0 };
	uint32_t dst, gw;
	bool came;

	ipv4_parse(ip, &dst);
	ipv4_parse(gateway, &gw);
	if (nl_open(&n, from, &live_err) < 0 || nl_link(&n, "eth0", &l, &live_err) != 0)
		diag("no eth0");
	nl_add_route(b, false, dst, 32, gw, 0, l.index);
	fine(nl_commit(&n, b, &live_err), "a route of the test");
	if (bind(r, (struct sockaddr *)&any, sizeof(any)) < 0 || sendto(s, "x", 1, 0, (struct sockaddr *)&there, sizeof(there)) < 0)
		diag("the test's datagram: %s", strerror(errno));
	came = poll(&p, 1, 400) == 1;
	close(r);
	close(s);
	return came;
}

static void kept_apart(struct net_ctx *c, int outside)
{
	int x = new_ns(), y = new_ns();
	struct net_addr a, b;

	fine(make_net(c, NET_A, "demo_a", true), "a network without talk between containers");
	fine(attach(c, NET_A, 1, x, &a), "one");
	fine(attach(c, NET_A, 2, y, &b), "two");
	is_str(reach(x, y, b.ipv4, 80), "", "do not reach each other");
	ok(!by_gateway(x, y, b.ipv4, a.gateway), "nor by way of the gateway");
	is_str(reach(x, outside, "203.0.113.1", 80), "203.0.113.2", "but the world");
	fine(drop_container(c, 1), "gone");
	fine(drop_container(c, 2), "gone");
	fine(drop_net(c, NET_A), "gone");
	fine(make_net(c, NET_B, "demo_b", false), "where they may talk");
	fine(attach(c, NET_B, 1, x, &a), "one");
	fine(attach(c, NET_B, 2, y, &b), "two");
	ok(by_gateway(x, y, b.ipv4, a.gateway), "the gateway leads there too");
	fine(drop_container(c, 1), "gone");
	fine(drop_container(c, 2), "gone");
	fine(drop_net(c, NET_B), "gone");
	close(x);
	close(y);
}

static char forwarding(void)
{
	auto_close int fd = open("/proc/sys/net/ipv4/ip_forward", O_RDONLY | O_CLOEXEC);
	char v = '?';

	return read(fd, &v, 1) == 1 ? v : '?';
}

static void two_installations(struct net_ctx *c, const char *other_dir)
{
	struct net_ctx d = { 0 };
	int x = new_ns(), y = new_ns();
	struct net_addr a, b;

	is_int(forwarding(), '0', "the host does not forward");
	fine(net_open(&d, other_dir, "0badcaf3", &live_err), "another installation");
	fine(make_net(c, NET_A, "demo_a", false), "a network of the first");
	fine(make_net(&d, NET_B, "demo_b", false), "one of the other");
	fine(attach(c, NET_A, 1, x, &a), "with a container");
	fine(attach(&d, NET_B, 2, y, &b), "each");
	ok(strcmp(a.gateway, b.gateway) != 0, "their subnets differ");
	is_str(reach(-1, y, b.ipv4, 80), b.gateway, "the host reaches both");
	is_str(reach(x, y, b.ipv4, 80), "", "they do not reach each other");
	fine(drop_container(c, 1), "gone");
	fine(drop_net(c, NET_A), "the first goes");
	is_int(forwarding(), '1', "forwarding stays for the other");
	fine(drop_container(&d, 2), "gone");
	fine(drop_net(&d, NET_B), "the other goes");
	is_int(forwarding(), '0', "and with it forwarding");
	is_int(fs_rm_rf(AT_FDCWD, other_dir), 0, "nothing is left");
	net_close(&d);
	close(x);
	close(y);
}

/* A subnet that the host itself has a route to: containers work, and are reached from the router's namespace. */
static void in_the_way(struct net_ctx *c, int outside)
{
	const struct net_conf conf = { .id = NET_A, .name = "demo_a", .subnet = "203.0.113.0/25" };
	struct net_info info;
	struct net_addr a;
	int x = new_ns(), router;

	fine(net_create(c, &conf, &info, NULL, &live_err), "a network where the host has a route");
	ok(!info.host_route, "gets none of its own");
	fine(attach(c, NET_A, 1, x, &a), "a container");
	is_str(reach(-1, outside, "203.0.113.1", 80), "203.0.113.2", "the host's own neighbours stay reachable");
	router = net_router(c, &live_err);
	is_str(reach(router, x, a.ipv4, 80), a.gateway, "the container is reached from the router");
	close(router);
	close(x);
	fine(drop_container(c, 1), "gone");
	fine(drop_net(c, NET_A), "gone");
}

/* The namespace is gone (a crash, somebody's umount), its files are still there. */
static void lost_router(struct net_ctx *c, int outside)
{
	auto_free char *path = xasprintf("%s/router/netns", c->run_dir);
	int x = new_ns();
	struct net_addr a;

	fine(make_net(c, NET_A, "demo_a", false), "a network");
	fine(attach(c, NET_A, 1, x, &a), "a container");
	close(x);
	is_int(umount2(path, MNT_DETACH), 0, "somebody unmounts the router");
	fine(make_net(c, NET_A, "demo_a", false), "creating the network again makes it anew");
	x = new_ns();
	fine(attach(c, NET_A, 2, x, &a), "another container");
	is_str(reach(x, outside, "203.0.113.1", 80), "203.0.113.2", "gets out");
	fine(drop_container(c, 2), "gone");
	fine(drop_net(c, NET_A), "no lease of the lost one holds the network");
	close(x);
}

/* The container's interface is there already when it starts again. */
static void quick_restart(struct net_ctx *c)
{
	int old = new_ns(), new = new_ns(), peer = new_ns();
	struct net_addr a, b, p;

	fine(make_net(c, NET_A, "demo_a", false), "a network");
	fine(attach(c, NET_A, 1, old, &a), "a container");
	fine(attach(c, NET_A, 2, peer, &p), "a peer");
	fine(attach(c, NET_A, 1, new, &b), "the container again, in a new namespace, while the old one is there");
	is_str(reach(peer, new, b.ipv4, 80), p.ipv4, "is reachable");
	is_str(reach(peer, old, a.ipv4, 80), "", "the old one is not");
	fine(drop_container(c, 1), "gone");
	fine(drop_container(c, 2), "gone");
	fine(drop_net(c, NET_A), "gone");
	close(old);
	close(new);
	close(peer);
}

int main(void)
{
	char run_dir[] = "/tmp/compose-net-XXXXXX", other[] = "/tmp/compose-net-XXXXXX";
	int outside = live_world();
	struct net_ctx c = { 0 };
	char *before, *after;

	if (outside < 0 || !mkdtemp(run_dir) || !mkdtemp(other)) {
		skip("network namespaces need root");
		return done_testing();
	}
	before = snapshot();
	fine(net_open(&c, run_dir, "0badcaf2", &live_err), "open");
	two_networks(&c, outside);
	kept_apart(&c, outside);
	two_installations(&c, other);
	in_the_way(&c, outside);
	lost_router(&c, outside);
	quick_restart(&c);
	after = snapshot();
	is_str(after, before, "links, routes and ip_forward are as before");
	is_int(fs_rm_rf(AT_FDCWD, run_dir), 0, "no mount is left");
	net_close(&c);
	free(before);
	free(after);
	return done_testing();
}
