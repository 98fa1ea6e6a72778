/* SPDX-License-Identifier: Apache-2.0 */
/* Networks in the kernel: reachability, isolation, NAT, repair, races, and what is left behind. */
#include <sys/wait.h>
#include "compose/base/sys.h"
#include "tests/unit/net_live.h"

#define NET_A "aaaaaaaaaaaa0001"
#define NET_B "bbbbbbbbbbbb0002"
#define NET_I "cccccccccccc0003"

enum { A0, A1, B0, I0, I1, PLACES };
static const char *const net_of[PLACES] = { NET_A, NET_A, NET_B, NET_I, NET_I };

struct world { struct net_ctx c; int outside, ns[PLACES]; struct net_addr at[PLACES]; };

static void create(struct world *w)
{
	const struct net_conf conf[] = {
		{ .id = NET_A, .name = "demo_a" },
		{ .id = NET_B, .name = "demo_b", .subnet = "10.77.0.0/24" },
		{ .id = NET_I, .name = "demo_i", .internal = true },
	};
	struct net_info info;

	for (size_t i = 0; i < ARRAY_LEN(conf); i++) {
		int64_t t = sys_mono_ns();

		fine(net_create(&w->c, &conf[i], &info, NULL, &live_err), conf[i].name);
		diag("%s: %s via %s, %.2f ms", info.name, info.subnet, info.gateway, (double)(sys_mono_ns() - t) / 1e6);
		ok(info.host_route, "the host has a route to it");
	}
	is_str(info.subnet, "172.19.0.0/16", "subnets are taken in order");
	for (unsigned i = 0; i < PLACES; i++) {
		w->ns[i] = new_ns();
		fine(attach(&w->c, net_of[i], i, w->ns[i], &w->at[i]), "attach");
	}
	is_str(w->at[B0].ipv4, "10.77.0.2", "the first free address, after the gateway");
	is_str(w->at[A1].ipv4, "172.18.0.3", "then the next");
	is_str(w->at[A1].mac, "02:42:ac:12:00:03", "the MAC comes from the address");
}

static void reachability(const struct world *w)
{
	const int *ns = w->ns;
	const struct net_addr *at_ = w->at;

	is_str(reach(ns[A0], ns[A1], at_[A1].ipv4, 80), at_[A0].ipv4,
	       "containers of one network talk under their own addresses");
	is_str(reach(ns[A0], w->outside, "203.0.113.1", 80), "203.0.113.2",
	       "a container gets out, behind the host's address");
	is_str(reach(ns[A0], ns[B0], at_[B0].ipv4, 80), "", "another network is out of reach");
	is_str(reach(ns[A0], ns[I0], at_[I0].ipv4, 80), "", "an internal network is out of reach");
	is_str(reach(ns[I0], w->outside, "203.0.113.1", 80), "", "an internal container does not get out");
	is_str(reach(ns[I0], ns[I1], at_[I1].ipv4, 80), at_[I0].ipv4, "internal containers talk to each other");
	is_str(reach(-1, ns[A0], at_[A0].ipv4, 80), at_[A0].gateway, "a container answers the host at its address");
	is_str(reach(-1, ns[I0], at_[I0].ipv4, 80), at_[I0].gateway, "an internal one too");
	ok(!strncmp(reach(ns[A0], -1, at_[A0].gateway, 81), "169.254.", 8), "the gateway's address leads to the host");
	ok(!strncmp(reach(ns[A0], -1, "203.0.113.2", 81), "169.254.", 8), "the host's own address too");
	is_str(reach(ns[I0], -1, at_[I0].gateway, 81), "", "not from an internal network");
}

/* Somebody beside the host sends its packets for a container to the host, and an internal container makes itself a
 * route. */
static void hostile(const struct world *w)
{
	struct nl n = NL_INIT;
	struct nl_batch *b = xcalloc(1, sizeof(*b));
	struct nl_link l = { 0 };
	uint32_t gw = 0;

	if (nl_open(&n, w->outside, &live_err) == 0 && nl_link(&n, "wan0", &l, &live_err) == 0)
		nl_add_route(b, false, 0, 0, 0xcb007102, 0, l.index);
	fine(nl_commit(&n, b, &live_err), "a neighbour points a route at the host");
	nl_close(&n);
	is_str(reach(w->outside, w->ns[A0], w->at[A0].ipv4, 80), "", "and does not reach a container");
	if (nl_open(&n, w->outside, &live_err) == 0)
		nl_add_route(b, true, 0, 0, 0xcb007102, 0, l.index);
	fine(nl_commit(&n, b, &live_err), "it gives up");
	nl_close(&n);
	(void)ipv4_parse(w->at[I0].gateway, &gw);
	if (nl_open(&n, w->ns[I0], &live_err) == 0 && nl_link(&n, w->at[I0].ifname, &l, &live_err) == 0)
		nl_add_route(b, false, 0, 0, gw, 0, l.index);
	fine(nl_commit(&n, b, &live_err), "an internal container makes itself a default route");
	nl_close(&n);
	is_str(reach(w->ns[I0], w->outside, "203.0.113.1", 80), "", "and does not get out");
	is_str(reach(w->ns[I0], w->ns[A0], w->at[A0].ipv4, 80), "", "nor into another network");
	free(b);
}

static int take_away(struct net_ctx *c, const char *id)
{
	char text[65], *ids[] = { text };

	(void)snprintf(text, sizeof(text), "%s", id);
	return net_remove(c, ids, 1, &live_err);
}

static void refusals(struct world *w)
{
	struct net_conf conf = { .id = "dddddddddddd0004", .name = "demo_d", .subnet = "10.77.0.128/25" };
	struct net_endpoint ep = { .network_id = NET_B, .container_id = id_of(90), .container = "demo-x-1",
				   .netns_fd = w->ns[B0], .index = 1, .ipv4 = "10.77.0.2" };
	struct net_addr got;
	struct net_info info;

	is_int(net_create(&w->c, &conf, &info, NULL, &live_err), -1, "an overlapping subnet is refused");
	has_str(live_err.frame[0], "demo_b", "and the other network is named");
	is_int(net_attach(&w->c, &ep, &got, &live_err), -1, "an address in use is refused");
	has_str(live_err.frame[0], "demo-c2-1", "and its holder is named");
	ep.ipv4 = "10.78.0.2";
	is_int(net_attach(&w->c, &ep, &got, &live_err), -1, "an address outside the subnet is refused");
	ep.ipv4 = "10.77.0.1";
	is_int(net_attach(&w->c, &ep, &got, &live_err), -1, "the gateway's address is refused");
	ep.ipv4 = NULL;
	ep.ifname = "../x";
	is_int(net_attach(&w->c, &ep, &got, &live_err), -1, "a bad interface name is refused");
	is_int(take_away(&w->c, NET_B), -1, "a network in use is not removed");
	has_str(live_err.frame[0], "demo-c2-1", "and the container is named");
	err_done(&live_err);
}

static void repair(struct world *w)
{
	const struct net_conf conf = { .id = NET_A, .name = "demo_a" };
	auto_nl struct nl n = NL_INIT;
	struct nl_batch *b = xcalloc(1, sizeof(*b));
	char name[16];
	struct net_info info;

	fine(net_nft(-1, "flush ruleset\n", &live_err), "somebody flushes the host's rules");
	is_str(reach(w->ns[A0], w->outside, "203.0.113.1", 80), "", "no way out then");
	is_str(reach(w->ns[A0], w->ns[B0], w->at[B0].ipv4, 80), "", "isolation does not depend on the host's rules");
	is_int(net_create(&w->c, &conf, &info, NULL, &live_err), 1, "creating the network again says that it exists");
	is_str(reach(w->ns[A0], w->outside, "203.0.113.1", 80), "203.0.113.2", "and has repaired the way out");
	nl_add_del(b, net_uplink(&w->c, name));
	fine(nl_open(&n, -1, &live_err) < 0 ? -1 : nl_commit(&n, b, &live_err), "somebody removes the uplink");
	is_int(net_create(&w->c, &conf, &info, NULL, &live_err), 1, "creating the network again");
	is_str(reach(w->ns[A0], w->outside, "203.0.113.1", 80), "203.0.113.2", "repairs that too");
	ok(*reach(-1, w->ns[B0], w->at[B0].ipv4, 80), "with the routes of the other networks");
	free(b);
}

/* A forward chain with policy drop, as Docker and ufw have it. */
static void dropping_host(struct world *w)
{
	const struct net_conf conf = { .id = NET_A, .name = "demo_a" };
	auto_strv struct strv warn = { 0 };
	char table[24];
	auto_free char *drop = xasprintf("delete table ip %s\ntable ip filter {\n chain FORWARD {\n"
					 "  type filter hook forward priority 0; policy drop;\n }\n}\n",
					 net_table(&w->c, table));
	struct net_info info;

	fine(net_nft(-1, drop, &live_err), "the host begins to drop forwarded packets");
	is_str(reach(w->ns[A0], w->outside, "203.0.113.1", 80), "", "no way out then");
	fine(net_create(&w->c, &conf, &info, &warn, &live_err), "creating again");
	is_int((intmax_t)warn.n, 1, "says what it did about it");
	is_str(reach(w->ns[A0], w->outside, "203.0.113.1", 80), "203.0.113.2", "and the way out is open");
	is_str(reach(w->outside, w->ns[A0], w->at[A0].ipv4, 80), "", "not the way in");
}

/* Whether the foreign chain is as it was: with a rule of ours in it, it cannot be told apart from an empty one but by
 * this. */
static void foreign_chain_clean(void)
{
	fine(net_nft(-1, "delete chain ip filter FORWARD\ndelete table ip filter\n", &live_err),
	     "the foreign chain is empty again");
}

static bool nobody(void *arg, const char *id)
{
	(void)arg;
	return !strncmp(id, id_of(A0), 12);
}

static void garbage(struct world *w)
{
	struct net_addr a;
	int ns = new_ns();

	fine(attach(&w->c, NET_A, 77, ns, &a), "one more container");
	is_str(reach(w->ns[A0], ns, a.ipv4, 80), w->at[A0].ipv4, "is reachable");
	fine(net_gc(&w->c, nobody, NULL, &live_err), "collecting, when only the first container lives");
	is_str(reach(w->ns[A0], ns, a.ipv4, 80), "", "takes the others off");
	fine(attach(&w->c, NET_A, 78, ns, &a), "and the address");
	is_str(a.ipv4, "172.18.0.5", "is not given out at once, but the next");
	close(ns);
}

/* Several processes take addresses of one network at the same time. */
static void race(const char *run_dir)
{
	enum { PROCS = 4, EACH = 12 };
	struct net_ctx c = { 0 };
	int status, good = 0;
	char seen[256] = { 0 };
	pid_t pid[PROCS];
	int p[2];

	if (pipe(p) < 0)
		return;
	for (unsigned i = 0; i < PROCS; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			struct net_addr a;

			if (net_open(&c, run_dir, "0badcafe", &live_err) < 0)
				_exit(1);
			for (unsigned k = 0; k < EACH; k++) {
				int ns = new_ns();
				uint32_t addr;
				uint8_t last;

				if (attach(&c, NET_B, 1000 + 100 * i + k, ns, &a) < 0 || !ipv4_parse(a.ipv4, &addr))
					_exit(2);
				last = (uint8_t)addr;
				if (write(p[1], &last, 1) != 1)
					_exit(3);
				close(ns);
			}
			_exit(0);
		}
	}
	for (unsigned i = 0; i < PROCS; i++)
		good += waitpid(pid[i], &status, 0) == pid[i] && status == 0;
	is_int(good, PROCS, "all attached");
	close(p[1]);
	for (uint8_t b; read(p[0], &b, 1) == 1;)
		seen[b]++;
	close(p[0]);
	good = 0;
	for (int i = 0; i < 256; i++)
		good += seen[i] == 1;
	is_int(good, PROCS * EACH, "each got an address of its own");
}

static void detach_all(struct world *w)
{
	char *ids[64];
	size_t n = 0;
	int64_t t;

	for (unsigned i = 0; i < PLACES; i++)
		ids[n++] = xstrdup(id_of(i));
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 12; k++)
			ids[n++] = xstrdup(id_of(1000 + 100 * i + k));
	ids[n++] = xstrdup(id_of(78));
	t = sys_mono_ns();
	fine(net_detach(&w->c, NULL, ids, n, true, &live_err), "all are disconnected at once");
	diag("%zu endpoints detached in %.2f ms", n, (double)(sys_mono_ns() - t) / 1e6);
	is_str(reach(w->ns[A0], w->ns[A1], w->at[A1].ipv4, 80), "", "and cannot talk any more");
	while (n)
		free(ids[--n]);
}

static int on_disk(const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	return access(path, F_OK);
}

int main(void)
{
	char run_dir[] = "/tmp/compose-net-XXXXXX";
	struct world w = { .outside = live_world() };
	char *before, *after;
	int64_t t;

	if (w.outside < 0 || !mkdtemp(run_dir)) {
		skip("network namespaces need root");
		return done_testing();
	}
	before = snapshot();
	fine(net_open(&w.c, run_dir, "0badcafe", &live_err), "open");
	create(&w);
	reachability(&w);
	hostile(&w);
	refusals(&w);
	repair(&w);
	dropping_host(&w);
	garbage(&w);
	race(run_dir);
	detach_all(&w);
	t = sys_mono_ns();
	fine(take_away(&w.c, NET_A), "remove a network");
	diag("%.2f ms", (double)(sys_mono_ns() - t) / 1e6);
	fine(take_away(&w.c, NET_B), "remove another");
	t = sys_mono_ns();
	fine(take_away(&w.c, NET_I), "remove the last");
	diag("%.2f ms", (double)(sys_mono_ns() - t) / 1e6);
	fine(take_away(&w.c, NET_I), "removing what is not there is fine");
	after = snapshot();
	is_str(after, before, "links, routes and ip_forward are as before");
	foreign_chain_clean();
	is_int(nl_nft_table(AF_INET, "compose_0badcafe", &live_err), 0, "no nft table is left");
	is_int(on_disk(run_dir, "router/netns"), -1, "no namespace is left");
	is_int(fs_rm_rf(AT_FDCWD, run_dir), 0, "no mount is left");
	net_close(&w.c);
	free(before);
	free(after);
	return done_testing();
}
