/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 on networks in the kernel: addresses, reachability, the way out, and what a container tries that means harm. */
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/net/router.h"
#include "tests/unit/net_live.h"

#define NET_A "aaaaaaaaaaaa0061"
#define NET_B "bbbbbbbbbbbb0062"
#define NET_I "cccccccccccc0063"
#define NET_S "dddddddddddd0064"
#define NET_4 "eeeeeeeeeeee0065"
#define FORWARDING "/proc/sys/net/ipv6/conf/all/forwarding"
#define OUTSIDE "2001:db8::1"
#define HOST "2001:db8::2"

enum { A0, A1, B0, I0, I1, S0, V0, PLACES };
static const char *const net_of[PLACES] = { NET_A, NET_A, NET_B, NET_I, NET_I, NET_S, NET_4 };
struct world { struct net_ctx c; int outside, ns[PLACES]; struct net_addr at[PLACES]; };

static struct ip6 six(const char *text)
{
	struct ip6 a = { { 0 } };

	if (!ip6_parse(text, &a))
		diag("%s is no address", text);
	return a;
}

static int index_in(int ns, const char *ifname)
{
	auto_nl struct nl n = NL_INIT;
	struct nl_link l = { 0 };

	if (nl_open(&n, ns, &live_err) < 0 || nl_link(&n, ifname, &l, &live_err) != 0)
		diag("no interface %s", ifname);
	return l.index;
}

static void wire(int ns, const char *ifname, const char *addr, unsigned len)
{
	auto_nl struct nl n = NL_INIT;
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));

	nl_add_addr6(b, index_in(ns, ifname), six(addr), len);
	fine(nl_open(&n, ns, &live_err) < 0 ? -1 : nl_commit(&n, b, &live_err), "an address of the test");
}

static void route(int ns, bool del, const char *dst, unsigned len, const char *gateway, const char *ifname)
{
	auto_nl struct nl n = NL_INIT;
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	const struct nl_route6 r = { .dst = { six(dst), len }, .gateway = six(gateway), .oif = index_in(ns, ifname) };

	nl_add_route6(b, del, &r, NULL);
	fine(nl_open(&n, ns, &live_err) < 0 ? -1 : nl_commit(&n, b, &live_err), "a route of the test");
}

static void set_in(int ns, const char *path, const char *value)
{
	int back;

	if (netns_enter(ns, &back, &live_err) < 0)
		return;
	if (netns_sysctl(path, value) < 0)
		diag("%s: %s", path, strerror(errno));
	netns_leave(back);
}

static struct sockaddr_in6 at6(const char *ip, uint16_t port, int scope)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = (uint32_t)scope };

	(void)inet_pton(AF_INET6, ip, &a.sin6_addr);
	return a;
}

/* As reach(), by IPv6. in: from the sender's address, "" its own; scope for link-local addresses */
static const char *reach_as(int from_ns, const char *from, int server_ns, const char *ip, int scope)
{
	static char seen[INET6_ADDRSTRLEN];
	enum { PORT = 80, PATIENCE_MS = 600 };
	struct sockaddr_in6 any = at6("::", PORT, 0), to = at6(ip, PORT, scope), own = at6(from, 0, 0), peer;
	int on = 1, s = netns_socket(server_ns, AF_INET6, SOCK_STREAM, 0, &live_err), got;
	int c = netns_socket(from_ns, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0, &live_err);
	struct pollfd p = { .fd = s, .events = POLLIN };
	socklen_t len = sizeof(peer);

	seen[0] = '\0';
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(s, 4) < 0 ||
	    (*from && bind(c, (struct sockaddr *)&own, sizeof(own)) < 0))
		diag("the test's sockets: %s", strerror(errno));
	if ((connect(c, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS) && poll(&p, 1, PATIENCE_MS) == 1) {
		got = accept(s, (struct sockaddr *)&peer, &len);
		if (got >= 0)
			(void)inet_ntop(AF_INET6, &peer.sin6_addr, seen, sizeof(seen));
		close(got);
	}
	close(c);
	close(s);
	return seen;
}

static const char *reach6(int from_ns, int server_ns, const char *ip)
{
	return reach_as(from_ns, "", server_ns, ip, 0);
}

/* Send one datagram from an address. ret: the sender as seen by who listens at server_ns, "" when nothing came */
static const char *datagram_as(int from_ns, const char *from, int server_ns, const char *ip)
{
	static char seen[INET6_ADDRSTRLEN];
	enum { PORT = 81, PATIENCE_MS = 600 };
	struct sockaddr_in6 any = at6("::", PORT, 0), to = at6(ip, PORT, 0), own = at6(from, 0, 0), peer;
	int s = netns_socket(server_ns, AF_INET6, SOCK_DGRAM, 0, &live_err);
	int c = netns_socket(from_ns, AF_INET6, SOCK_DGRAM, 0, &live_err);
	struct pollfd p = { .fd = s, .events = POLLIN };
	socklen_t len = sizeof(peer);
	char byte;

	seen[0] = '\0';
	if (bind(s, (struct sockaddr *)&any, sizeof(any)) < 0 || bind(c, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    sendto(c, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
		diag("the test's datagram: %s", strerror(errno));
	if (poll(&p, 1, PATIENCE_MS) == 1 && recvfrom(s, &byte, 1, 0, (struct sockaddr *)&peer, &len) == 1)
		(void)inet_ntop(AF_INET6, &peer.sin6_addr, seen, sizeof(seen));
	close(c);
	close(s);
	return seen;
}

/* ret: the errno that a connection ends with, 0 when nothing is heard within 3 s */
static int refused6(int from_ns, const char *ip)
{
	struct sockaddr_in6 to = at6(ip, 80, 0);
	int c = netns_socket(from_ns, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0, &live_err), sysno = 0;
	struct pollfd p = { .fd = c, .events = POLLOUT };
	socklen_t n = sizeof(sysno);

	if (connect(c, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		sysno = errno;
	else if (poll(&p, 1, 3000) == 1)
		(void)getsockopt(c, SOL_SOCKET, SO_ERROR, &sysno, &n);
	close(c);
	return sysno;
}

/* "I am a router, and 2001:db8:bad::/64 is here": to all on the link. */
static void advertise(int ns, const char *ifname)
{
	struct { struct nd_router_advert ra; struct nd_opt_prefix_info prefix; } m = {
		.ra = { .nd_ra_hdr = { .icmp6_type = ND_ROUTER_ADVERT }, .nd_ra_router_lifetime = htons(1800) },
		.prefix = { .nd_opt_pi_type = ND_OPT_PREFIX_INFORMATION, .nd_opt_pi_len = 4, .nd_opt_pi_prefix_len = 64,
			    .nd_opt_pi_flags_reserved = ND_OPT_PI_FLAG_ONLINK | ND_OPT_PI_FLAG_AUTO,
			    .nd_opt_pi_valid_time = htonl(3600), .nd_opt_pi_preferred_time = htonl(3600) } };
	struct sockaddr_in6 to = at6("ff02::1", 0, index_in(ns, ifname));
	int s = netns_socket(ns, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, &live_err), hops = 255;

	(void)inet_pton(AF_INET6, "2001:db8:bad::", &m.prefix.nd_opt_pi_prefix);
	setsockopt(s, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	to.sin6_port = 0;
	if (sendto(s, &m, sizeof(m), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		diag("send a router advertisement: %s", strerror(errno));
	close(s);
}

/* ret: whether a route of ns leads where the advertisement says */
static bool believed(int ns)
{
	auto_nl struct nl n = NL_INIT;
	struct nl_routes6 r = { 0 };
	struct cidr6 bad = { six("2001:db8:bad::"), 64 };
	bool found = false;

	if (nl_open(&n, ns, &live_err) < 0 || nl_routes6(&n, &r, &live_err) < 0)
		diag("no routes");
	for (size_t i = 0; i < r.n; i++)
		found = found || (r.v[i].dst.len >= 64 && cidr6_overlap(bad, r.v[i].dst));
	vec_done(&r);
	return found;
}

static bool soon_believed(int ns, int from, const char *ifname)
{
	for (int i = 0; i < 200 && !believed(ns); i++) {
		if (i % 20 == 0)
			advertise(from, ifname);
		(void)poll(NULL, 0, 25);
	}
	return believed(ns);
}

static struct net_conf conf_of(const char *id)
{
	static char aux[] = "fd77:1::2", *reserved[] = { aux, NULL };

	return str_eq(id, NET_A) ? (struct net_conf){ .id = NET_A, .name = "demo_a", .ipv6 = true } :
	       str_eq(id, NET_B) ? (struct net_conf){ .id = NET_B, .name = "demo_b", .ipv6 = true, .subnet6 = "fd77:b::/64" } :
	       str_eq(id, NET_I) ? (struct net_conf){ .id = NET_I, .name = "demo_i", .ipv6 = true, .internal = true } :
	       str_eq(id, NET_S) ? (struct net_conf){ .id = NET_S, .name = "demo_s", .ipv6 = true, .no_ipv4 = true,
						      .subnet6 = "fd77:1::/64", .reserved = reserved } :
				   (struct net_conf){ .id = NET_4, .name = "demo_4" };
}

static int attach6(struct net_ctx *c, const char *net, unsigned n, int ns, const char *ipv4, const char *ipv6, struct net_addr *ret)
{
	struct net_endpoint ep = { .network_id = net, .container_id = id_of(n), .container = "demo-x-1", .netns_fd = ns,
				   .ipv4 = ipv4, .ipv6 = ipv6, .default_route = true, .default_route6 = true };

	return net_attach(c, &ep, ret, &live_err);
}

static void gone(struct world *w, unsigned n)
{
	char *id = xstrdup(id_of(n));

	fine(net_detach(&w->c, NULL, &id, 1, true, &live_err), "it goes");
	free(id);
}

static void create(struct world *w)
{
	static const char *const ids[] = { NET_A, NET_B, NET_I, NET_S, NET_4 };
	struct net_info info[5];
	struct net_conf again;
	auto_strv struct strv warn = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const struct net_conf conf = conf_of(ids[i]);

		fine(net_create(&w->c, &conf, &info[i], &warn, &live_err), conf.name);
		diag("%s: %s %s", info[i].name, info[i].subnet, info[i].subnet6);
	}
	is_int((intmax_t)warn.n, 0, "nothing to warn about");
	again = conf_of(NET_A);
	ok(str_starts(info[0].subnet6, "fd") && str_ends(info[0].subnet6, "::/64"), "a unique local /64 is chosen");
	fine(net_create(&w->c, &again, &info[0], NULL, &live_err), "the same again");
	is_str(info[1].gateway6, "fd77:b::1", "the gateway is the first address");
	ok(info[0].host_route6 && info[1].host_route6, "the host has a route to it");
	ok(!*info[3].subnet && !*info[3].gateway && *info[3].subnet6, "without IPv4");
	ok(!*info[4].subnet6 && *info[4].subnet, "without IPv6");
	for (unsigned i = 0; i < PLACES; i++) {
		w->ns[i] = new_ns();
		fine(attach6(&w->c, net_of[i], i, w->ns[i], NULL, NULL, &w->at[i]), "attach");
	}
	is_str(w->at[B0].ipv6, "fd77:b::2", "the place of the IPv4 address");
	is_str(w->at[S0].ipv6, "fd77:1::3", "not the reserved address");
	is_str(w->at[S0].ipv4, "", "no IPv4 address");
	is_str(w->at[V0].ipv6, "", "no IPv6 address");
}

static void refusals(struct world *w)
{
	struct net_conf conf = { .id = "ffffffffffff0066", .name = "demo_f", .ipv6 = true, .subnet6 = "fd77:b::8000:0:0:0/65" };
	struct net_addr got;
	struct net_info info;
	int ns = new_ns();

	is_int(net_create(&w->c, &conf, &info, NULL, &live_err), -1, "a subnet that overlaps another network's");
	is_int(live_err.kind, ERR_CONFLICT, "is a conflict");
	err_done(&live_err);
	conf.subnet6 = "fe80::/64";
	is_int(net_create(&w->c, &conf, &info, NULL, &live_err), -1, "link-local addresses");
	err_done(&live_err);
	is_int(attach6(&w->c, NET_B, 50, ns, NULL, "fd77:b::2", &got), -1, "an address that is taken");
	has_str(live_err.frame[0], "in use by container demo-x-1", "by whom");
	err_done(&live_err);
	is_int(attach6(&w->c, NET_B, 50, ns, NULL, "fd77:c::2", &got), -1, "an address outside");
	err_done(&live_err);
	is_int(attach6(&w->c, NET_B, 50, ns, NULL, "fd77:b::1", &got), -1, "the gateway's");
	err_done(&live_err);
	is_int(attach6(&w->c, NET_4, 50, ns, NULL, "fd77:b::9", &got), -1, "on a network without IPv6");
	has_str(live_err.frame[0], "has no IPv6", "it is told");
	err_done(&live_err);
	is_int(attach6(&w->c, NET_S, 50, ns, "10.0.0.2", NULL, &got), -1, "IPv4 on a network without");
	err_done(&live_err);
	fine(attach6(&w->c, NET_B, 50, ns, NULL, "fd77:b:0::99", &got), "one that is free");
	is_str(got.ipv6, "fd77:b::99", "however it is written");
	gone(w, 50);
	close(ns);
	ns = new_ns();
	set_in(ns, "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	fine(attach6(&w->c, NET_A, 51, ns, NULL, NULL, &got), "a container that has switched IPv6 off");
	ok(*got.ipv4 && !*got.ipv6, "has none");
	gone(w, 51);
	close(ns);
}

static void no_way_out(const struct world *w)
{
	int64_t t = sys_mono_ns();

	is_int(netns_sysctl_digit(FORWARDING), '0', "a host without an IPv6 default route is not made to forward");
	ok(refused6(w->ns[A0], "2001:db8:9::9") != 0, "who tries the outside is told at once");
	ok(sys_mono_ns() - t < 2500000000, "not after a timeout");
	is_str(reach6(w->ns[A0], w->ns[A1], w->at[A1].ipv6), w->at[A0].ipv6, "the network itself works");
	is_str(reach6(-1, w->ns[A0], w->at[A0].ipv6), w->at[A0].gateway6, "and answers the host");
}

static void reachability(struct world *w)
{
	const int *ns = w->ns;
	const struct net_addr *a = w->at;
	const struct net_conf conf = conf_of(NET_A);
	struct net_info info;
	struct uplink6 uplink;
	char up[IP6_TEXT];

	route(-1, false, "::", 0, OUTSIDE, "ext0");
	fine(net_create(&w->c, &conf, &info, NULL, &live_err), "the host gets a default route");
	is_int(netns_sysctl_digit(FORWARDING), '1', "and forwards");
	is_str(reach6(ns[A0], w->outside, OUTSIDE), HOST, "a container gets out, behind the host's address");
	is_str(reach6(ns[S0], w->outside, OUTSIDE), HOST, "so does one without IPv4");
	is_str(reach6(ns[A0], ns[A1], a[A1].ipv6), a[A0].ipv6, "containers of one network talk under their own addresses");
	is_str(reach6(ns[A0], ns[B0], a[B0].ipv6), "", "another network is out of reach");
	ok(refused6(ns[A0], a[B0].ipv6) != 0, "which is told");
	is_str(reach6(ns[A0], ns[I0], a[I0].ipv6), "", "an internal network is out of reach");
	is_str(reach6(ns[I0], w->outside, OUTSIDE), "", "an internal container does not get out");
	is_str(reach6(ns[I0], ns[I1], a[I1].ipv6), a[I0].ipv6, "internal containers talk to each other");
	is_str(reach6(-1, ns[A0], a[A0].ipv6), a[A0].gateway6, "a container answers the host at its address");
	is_str(reach6(-1, ns[I0], a[I0].ipv6), a[I0].gateway6, "an internal one too");
	uplink6_addrs(&w->c, &uplink);
	ip6_text(uplink.router, up);
	is_str(reach6(ns[A0], -1, a[A0].gateway6), up, "the gateway's address leads to the host");
	is_str(reach6(ns[I0], -1, a[I0].gateway6), "", "not from an internal network");
	is_str(reach(ns[V0], w->outside, "203.0.113.1", 80), "203.0.113.2", "a network without IPv6 is as it was");
	ok(refused6(ns[V0], OUTSIDE) != 0, "and has none");
}

static const char *link_local(int ns, const char *ifname, char ret[64])
{
	auto_free char *text = NULL;
	auto_err struct err e = { 0 };
	char want[IF_NAMESIZE + 8], hex[40];
	int back;

	(void)snprintf(want, sizeof(want), " %s\n", ifname);
	ret[0] = '\0';
	if (netns_enter(ns, &back, &live_err) < 0)
		return ret;
	if (fs_read(AT_FDCWD, "/proc/self/net/if_inet6", 65536, &text, NULL, &e) < 0)
		diag("no if_inet6");
	netns_leave(back);
	for (char *line = text; line && *line; line = strchr(line, '\n') + 1)
		if (str_starts(line, "fe80") && strstr(line, want) && strstr(line, want) < strchr(line, '\n')) {
			size_t n = 0;

			for (int i = 0; i < 32; i++) {
				hex[n++] = line[i];
				if (i % 4 == 3 && i < 31)
					hex[n++] = ':';
			}
			hex[n] = '\0';
			(void)snprintf(ret, 64, "%s", hex);
		}
	return ret;
}

/* A container may send what it likes. */
static void hostile(struct world *w, int router)
{
	char bridge[16], local[64];
	int ns = new_ns(), scope = index_in(w->ns[A0], "eth0");
	struct net_addr got;

	fine(attach6(&w->c, NET_A, 60, ns, NULL, NULL, &got), "one that listens to router advertisements");
	set_in(ns, "/proc/sys/net/ipv6/conf/eth0/autoconf", "1");
	set_in(ns, "/proc/sys/net/ipv6/conf/eth0/accept_ra", "1");
	ok(soon_believed(ns, w->ns[A0], "eth0"), "believes those of a container");
	ok(!believed(w->ns[A1]), "others do not");
	ok(!believed(router), "nor does the router");
	is_str(reach6(w->ns[A1], w->outside, OUTSIDE), HOST, "and still go the right way");

	(void)snprintf(bridge, sizeof(bridge), "cb%.12s", NET_A);
	(void)link_local(router, bridge, local);
	ok(*local != 0, "the router has a link-local address");
	is_str(reach_as(w->ns[A0], "", -1, local, scope), "", "it does not lead to the host");
	is_str(reach_as(w->ns[A0], w->at[A0].ipv6, -1, local, scope), "", "under no address");

	wire(w->ns[A0], "eth0", "fd77:b::77", 128);
	wire(w->ns[A0], "eth0", "2001:db8:5::5", 128);
	is_str(datagram_as(w->ns[A0], w->at[A0].ipv6, w->outside, OUTSIDE), HOST, "a datagram under its own address goes out");
	is_str(datagram_as(w->ns[A0], "2001:db8:5::5", w->outside, OUTSIDE), "", "under a made up one it does not");
	is_str(datagram_as(w->ns[A0], "fd77:b::77", -1, w->at[A0].gateway6), "", "nor to the host under one of another network");

	route(w->outside, false, w->at[A0].ipv6, 128, HOST, "wan0");
	is_str(reach6(w->outside, w->ns[A0], w->at[A0].ipv6), "", "a neighbour of the host that has a route reaches nobody");
	route(w->ns[I0], false, "::", 0, w->at[I0].gateway6, "eth0");
	is_str(reach6(w->ns[I0], w->outside, OUTSIDE), "", "an internal container that makes itself a default route does not get out");
	is_str(reach6(w->ns[I0], w->ns[A0], w->at[A0].ipv6), "", "nor into another network");
	gone(w, 60);
	close(ns);
}

/* A router as it was before there was IPv6 on networks; then a host that lets nothing through. */
static void renewal(struct world *w, int router)
{
	static const char old[] = "delete table inet compose\ntable inet compose {\n chain forward {\n"
				  "  type filter hook forward priority 0; policy drop;\n }\n}\n";
	const struct net_conf conf = conf_of(NET_A);
	auto_strv struct strv warn = { 0 };
	struct net_info info;

	fine(net_nft(router, old, &live_err), "a router of an older program");
	set_in(router, FORWARDING, "0");
	is_str(reach6(w->ns[A1], w->outside, OUTSIDE), "", "does not know IPv6");
	fine(net_create(&w->c, &conf, &info, &warn, &live_err), "the network is asked for again");
	is_str(reach6(w->ns[A1], w->outside, OUTSIDE), HOST, "and the way out is there");
	is_str(reach(w->ns[A1], w->outside, "203.0.113.1", 80), "203.0.113.2", "as that of IPv4");
	is_int((intmax_t)warn.n, 0, "without a word");
	fine(net_nft(-1, "delete table ip6 compose_0badcaf6\ntable ip6 filter {\n chain FORWARD {\n"
			 "  type filter hook forward priority 0; policy drop;\n }\n}\n", &live_err),
	     "the host's tables are flushed, and it begins to drop forwarded packets");
	is_str(reach6(w->ns[A1], w->outside, OUTSIDE), "", "no way out then");
	fine(net_create(&w->c, &conf, &info, &warn, &live_err), "creating again");
	is_int((intmax_t)warn.n, 1, "says what it did about it");
	is_str(reach6(w->ns[A1], w->outside, OUTSIDE), HOST, "and the way out is open");
}

/* A host whose own default route comes by router advertisements would lose it if it forwarded. */
static void learned(struct world *w)
{
	const struct net_conf conf = conf_of(NET_A);
	auto_strv struct strv warn = { 0 };
	struct net_info info;

	fine(net_create(&w->c, &conf, &info, &warn, &live_err), "a network on such a host");
	is_int(netns_sysctl_digit(FORWARDING), '0', "does not make it forward");
	is_int((intmax_t)warn.n, 1, "one warning");
	has_str(warn.n ? warn.v[0] : "", "net.ipv6.conf.ext0.accept_ra=2", "says what would allow it");
	fine(net_remove(&w->c, &(char *){ (char *)(uintptr_t)NET_A }, 1, &live_err), "and goes");
}

static void remove_all(struct world *w)
{
	char *nets[] = { xstrdup(NET_A), xstrdup(NET_B), xstrdup(NET_I), xstrdup(NET_S), xstrdup(NET_4) };
	char *ids[PLACES];

	for (unsigned i = 0; i < PLACES; i++)
		ids[i] = xstrdup(id_of(i));
	fine(net_detach(&w->c, NULL, ids, PLACES, true, &live_err), "all are disconnected");
	fine(net_remove(&w->c, nets, ARRAY_LEN(nets), &live_err), "and their networks removed");
	is_int(netns_sysctl_digit(FORWARDING), '0', "forwarding of IPv6 is put back");
	is_int(nl_nft_table(AF_INET6, "compose_0badcaf6", &live_err), 0, "no nft table is left");
	for (unsigned i = 0; i < PLACES; i++)
		free(ids[i]);
	for (size_t i = 0; i < ARRAY_LEN(nets); i++)
		free(nets[i]);
}

int main(void)
{
	char run_dir[] = "/tmp/compose-six-XXXXXX";
	struct world w = { .outside = live_world() };
	char *before, *after;
	int router;

	if (w.outside < 0 || !mkdtemp(run_dir) || access("/proc/net/if_inet6", F_OK) < 0) {
		skip("network namespaces need root, and a kernel with IPv6");
		return done_testing();
	}
	(void)netns_sysctl(FORWARDING, "0");
	wire(w.outside, "wan0", OUTSIDE, 64);
	wire(-1, "ext0", HOST, 64);
	before = snapshot();
	fine(net_open(&w.c, run_dir, "0badcaf6", &live_err), "open");
	create(&w);
	refusals(&w);
	no_way_out(&w);
	reachability(&w);
	router = net_router(&w.c, &live_err);
	hostile(&w, router);
	renewal(&w, router);
	close(router);
	remove_all(&w);
	fine(net_nft(-1, "delete chain ip6 filter FORWARD\ndelete table ip6 filter\n", &live_err), "the host's own chain is empty again");
	after = snapshot();
	is_str(after, before, "links and routes are as before");
	route(-1, true, "::", 0, OUTSIDE, "ext0");
	(void)netns_sysctl("/proc/sys/net/ipv6/conf/ext0/accept_ra", "1");
	(void)netns_sysctl("/proc/sys/net/ipv6/conf/ext0/autoconf", "1");
	if (ok(soon_believed(-1, w.outside, "wan0"), "the host learns a route from a router"))
		learned(&w);
	is_int(fs_rm_rf(AT_FDCWD, run_dir), 0, "no mount is left");
	net_close(&w.c);
	free(before);
	free(after);
	return done_testing();
}
