/* SPDX-License-Identifier: Apache-2.0 */
/* The router's way to the host for root: a veth pair with a /30, NAT at both ends, forwarding on the host.
 *
 * What the host sees is one address, the router's end. The router hides all containers behind it; the host hides it
 * behind its own address. The host's table also refuses every new connection that is forwarded (not made by the host
 * itself) into the uplink: neighbours of the host and other installations cannot reach containers, whatever routes they
 * have.
 *
 * Forwarding (net.ipv4.ip_forward) is turned on where it is off and put back when the router goes, unless somebody has
 * begun to rely on it; so is that of IPv6 (uplink6.c). What to put back is kept in the alias of the host's end, where
 * other installations find it too, and in <run_dir>/router/alias for the case that somebody removes the link. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/net/netns.h"
#include "compose/net/nft.h"
#include "compose/net/router.h"

enum { UPLINK_MTU = 65535 };             /* so that the limit met is that of the way out, which tells the sender */
#define IP_FORWARD "/proc/sys/net/ipv4/ip_forward"
#define ACCEPT_REDIRECTS "/proc/sys/net/ipv4/conf/all/accept_redirects"

int uplink_find(const struct net_ctx *c, struct nl *host, struct uplink *ret, struct err *e)
{
	char name[16];
	struct nl_link l;
	uint32_t addr;
	int rc = nl_link(host, net_uplink(c, name), &l, e);

	if (rc != 0 || !(l.flags & IFF_UP))
		return rc < 0 ? -1 : 1;
	rc = nl_addr(host, l.index, &addr, e);
	if (rc == 0)
		*ret = (struct uplink){ l.index, addr, addr + 1 };
	return rc;
}

/* Places for the /30. Not 100.64/10: hosts with Tailscale drop it. 169.254/16 first: nobody routes it; its
 * 169.254.169.x answers metadata requests in clouds. */
static bool pick_place(const struct net_ctx *c, const struct nl_routes *routes, uint32_t *ret)
{
	static const struct cidr pools[] = { { 0xa9fe0000, 16 }, { 0xc6120000, 15 } };
	const struct cidr metadata = { 0xa9fea900, 24 };
	uint32_t hash = (uint32_t)strtoul(c->inst, NULL, 16);

	for (size_t p = 0; p < ARRAY_LEN(pools); p++) {
		uint32_t count = 1u << (30 - pools[p].len);

		for (uint32_t i = 0; i < count; i++) {
			struct cidr at = { pools[p].base + (hash + i) % count * 4, 30 };
			bool ok = !cidr_overlap(at, metadata);

			for (size_t r = 0; ok && r < routes->n; r++)
				ok = routes->v[r].len == 0 ||
				     !cidr_overlap(at, (struct cidr){routes->v[r].dst, routes->v[r].len});
			if (ok) {
				*ret = at.base;
				return true;
			}
		}
	}
	return false;
}

static int find_index(struct nl *n, const char *name, int *ret, struct err *e)
{
	struct nl_link l;
	int rc = nl_link(n, name, &l, e);

	if (rc > 0)
		return err_set(e, ERR_SYS, 0, "interface %s is gone", name);
	if (rc == 0)
		*ret = l.index;
	return rc;
}

static int wire_router(int router_fd, const struct uplink *u, struct err *e)
{
	auto_nl struct nl n = NL_INIT;
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	int index = 0;

	if (nl_open(&n, router_fd, e) < 0 || find_index(&n, "up0", &index, e) < 0)
		return -1;
	nl_add_addr(b, index, u->router, 30, false);
	nl_add_up(b, 1);                 /* lo */
	nl_add_up(b, index);
	nl_add_route(b, false, 0, 0, u->host, 0, index);
	return nl_commit(&n, b, e);
}

static int settle_router(int router_fd, struct err *e)
{
	auto_nl struct nl n = NL_INIT;

	return nl_open(&n, router_fd, e) < 0 ? -1 : nl_settle(&n, router_fd, "up0", e);
}

int uplink_make(const struct net_ctx *c, struct nl *host, int router_fd, struct uplink *ret, struct err *e)
{
	char name[16];
	struct nl_routes routes = { 0 };
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	struct nl_veth v = { .name = net_uplink(c, name), .peer = "up0", .peer_netns = router_fd, .mtu = UPLINK_MTU };
	struct uplink u;
	uint32_t base = 0;
	bool found = false;

	nl_add_del(b, v.name);
	if (nl_commit(host, b, e) == 0 && nl_routes(host, &routes, e) == 0)
		found = pick_place(c, &routes, &base);
	vec_done(&routes);
	if (e->kind != ERR_NONE)
		return -1;
	if (!found)
		return err_set(e, ERR_CONFLICT, 0,
			       "no free addresses for the uplink in 169.254.0.0/16 or 198.18.0.0/15");
	u = (struct uplink){ .host = base + 1, .router = base + 2 };
	nl_add_veth(b, &v);
	if (nl_commit(host, b, e) < 0 || find_index(host, v.name, &u.host_index, e) < 0 ||
	    wire_router(router_fd, &u, e) < 0)
		return -1;
	nl_add_addr(b, u.host_index, u.host, 30, true);
	nl_add_up(b, u.host_index);      /* last: an uplink that is up is complete */
	if (nl_commit(host, b, e) < 0 || settle_router(router_fd, e) < 0)
		return -1;
	*ret = u;
	return 0;
}

/* A script that deletes nothing is worth having: after one that does, the kernel holds the socket for 15 ms. */
static const char *clear(bool present, const char *family, const char *table, char ret[80])
{
	ret[0] = '\0';
	if (present)
		(void)snprintf(ret, 80, "delete table %s %s\n", family, table);
	return ret;
}

/* The rules of both kinds of addresses; those of IPv6 find nothing to do until a network has it.
 * The fib rules: a sender whose address is not the way back to where it came from lies (IPv4 has rp_filter for this). The
 * way to the destination is the bridge it came from: that is traffic inside one network, which passes here only where the
 * kernel's br_netfilter hands bridged packets to IP rules, and what a container sends to a neighbour by way of the gateway,
 * which must lead nowhere where containers are kept apart. What the host sends gets the gateway's address, since an
 * internal container, or one whose default route is elsewhere, knows no other way back. */
static char *router_script(const struct net_ctx *c, const struct uplink *u, bool fresh)
{
	char gone[80], host[16], router[16], host6[IP6_TEXT], router6[IP6_TEXT];
	struct uplink6 six;

	ipv4_text(u->host, host);
	ipv4_text(u->router, router);
	uplink6_addrs(c, &six);
	ip6_text(six.host, host6);
	ip6_text(six.router, router6);
	return xasprintf(
		"%sdefine HOST = %s\ndefine ROUTER = %s\ndefine HOST6 = %s\ndefine ROUTER6 = %s\n"
		"table inet compose {\n"
		" chain forward {\n"
		"  type filter hook forward priority 0; policy drop;\n"
		"  iifname \"c*\" meta nfproto ipv6 fib saddr . iif oif missing drop\n"
		"  ct state established,related accept\n"
		"  iifname \"up0\" ip saddr $HOST oifname \"cb*\" accept\n"
		"  iifname \"up0\" ip saddr $HOST oifname \"ci*\" accept\n"
		"  iifname \"up0\" ip6 saddr $HOST6 oifname \"cb*\" accept\n"
		"  iifname \"up0\" ip6 saddr $HOST6 oifname \"ci*\" accept\n"
		"  iifname \"cb*\" oifname \"up0\" accept\n"
		"  meta pkttype { broadcast, multicast } accept\n"
		"  iifname \"c*\" iifgroup != %d fib daddr . iif oif exists accept\n"
		"  iifname \"c*\" reject with icmpx type admin-prohibited\n"
		" }\n"
		" chain prerouting {\n"
		"  type nat hook prerouting priority -100;\n"
		"  iifname \"cb*\" fib daddr type local meta l4proto { tcp, udp } dnat ip to $HOST\n"
		"  iifname \"cb*\" ip6 daddr != fe80::/10 fib daddr type local meta l4proto { tcp, udp } dnat ip6 to $HOST6\n"
		" }\n"
		" chain postrouting {\n"
		"  type nat hook postrouting priority 100;\n"
		"  oifname \"up0\" snat ip to $ROUTER\n"
		"  oifname \"up0\" snat ip6 to $ROUTER6\n"
		"  oifname \"cb*\" ip saddr $HOST masquerade\n"
		"  oifname \"ci*\" ip saddr $HOST masquerade\n"
		"  oifname \"cb*\" ip6 saddr $HOST6 masquerade\n"
		"  oifname \"ci*\" ip6 saddr $HOST6 masquerade\n"
		" }\n"
		"}\n", clear(!fresh, "inet", "compose", gone), host, router, host6, router6, ROUTER_GROUP_APART);
}

char *uplink_host_table(const struct net_ctx *c, const char *family, const char *router)
{
	char name[16], table[24];

	net_uplink(c, name);
	net_table(c, table);
	return xasprintf(
		"table %s %s {\n"
		" chain forward {\n"
		"  type filter hook forward priority -10; policy accept;\n"
		"  oifname \"%s\" ct state != { established, related } drop\n"
		" }\n"
		" chain postrouting {\n"
		"  type nat hook postrouting priority 100; policy accept;\n"
		"  %s saddr %s oifname != \"%s\" masquerade\n"
		" }\n"
		"}\n", family, table, name, family, router, name);
}

static char *host_script(const struct net_ctx *c, const struct uplink *u, bool present)
{
	char gone[80], table[24], router[16];
	auto_free char *made = NULL;

	ipv4_text(u->router, router);
	made = uplink_host_table(c, "ip", router);
	return xasprintf("%s%s", clear(present, "ip", net_table(c, table), gone), made);
}

/* A word of an alias that begins with key, "" without. */
static const char *word_of(const char *alias, const char *key, size_t len, char ret[16])
{
	const char *at = strstr(alias, key);

	ret[0] = '\0';
	if (at && strlen(at) >= len)
		(void)snprintf(ret, 16, " %.*s", (int)len, at);
	return ret;
}

enum { RESTORE_LEN = 11, RESTORE6_LEN = 8, PASSED_LEN = 6 };

/* Give a link what the aliases say together: "compose", then "restore=<ip_forward>,<accept_redirects>" when we turned
 * forwarding on, "restore6" when that of IPv6, "passed" when rules were put into the host's own chains.
 * in: c is NULL for another installation's link; the first alias counts where both say the same */
static int remember(const struct net_ctx *c, struct nl *host, const char *name, const char *one, const char *two,
		    struct err *e)
{
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	auto_free char *both = xasprintf("%s %s", one, two);
	char four[16], six[16], passed[16], alias[64];

	(void)snprintf(alias, sizeof(alias), "compose%s%s%s", word_of(both, "restore=", RESTORE_LEN, four),
		       word_of(both, "restore6", RESTORE6_LEN, six), word_of(both, "passed", PASSED_LEN, passed));
	nl_add_alias(b, name, alias);
	if (c && fs_write(c->run_fd, "router/alias", alias, strlen(alias), 0600, false, e) < 0)
		return -1;
	return nl_commit(host, b, e);
}

static void recall(const struct net_ctx *c, struct nl_link *l)
{
	auto_err struct err ignored = { 0 };
	auto_free char *text = NULL;

	if (!*l->alias && fs_read(c->run_fd, "router/alias", sizeof(l->alias) - 1, &text, NULL, &ignored) == 0)
		(void)snprintf(l->alias, sizeof(l->alias), "%s", text);
}

/* Add words to the alias of the own uplink. */
static int note(const struct net_ctx *c, struct nl *host, const char *words, struct err *e)
{
	char name[16];
	struct nl_link l;

	if (nl_link(host, net_uplink(c, name), &l, e) != 0)
		return e->kind ? -1 : err_set(e, ERR_SYS, 0, "interface %s is gone", name);
	recall(c, &l);
	return remember(c, host, name, l.alias, words, e);
}

int uplink_note(const struct net_ctx *c, struct nl *host, bool forward6, bool passed, struct err *e)
{
	auto_free char *words = xasprintf("%s %s", forward6 ? "restore6" : "", passed ? "passed" : "");

	return note(c, host, words, e);
}

int uplink_rules(const struct net_ctx *c, struct nl *host, int router_fd, const struct uplink *u, bool fresh,
		 struct strv *warn, struct err *e)
{
	auto_free char *in_router = router_script(c, u, fresh), *on_host = NULL;
	auto_strv struct strv told = { 0 };
	char name[16], table[24], words[32] = "";
	struct nft_host h = { NFT_PASS_ADD, net_uplink(c, name), net_table(c, table), &told, false };
	struct nft_job jobs[] = { { -1, NULL }, { router_fd, in_router } };
	int present = nl_nft_table(AF_INET, table, e);

	if (present < 0)
		return -1;
	on_host = host_script(c, u, present);
	jobs[0].script = on_host;
	if (nft_run(jobs, ARRAY_LEN(jobs), &h, e) < 0)
		return -1;
	if (netns_sysctl_digit(IP_FORWARD) == '0')
		(void)snprintf(words, sizeof(words), "restore=0,%c", netns_sysctl_digit(ACCEPT_REDIRECTS));
	if (told.n)
		(void)snprintf(words + strlen(words), sizeof(words) - strlen(words), " passed");
	if (note(c, host, words, e) < 0)
		return -1;
	if (netns_sysctl_digit(IP_FORWARD) == '0' && netns_sysctl(IP_FORWARD, "1") < 0) {
		err_set(e, ERR_SYS, errno, "turn on net.ipv4.ip_forward");
		return err_hint(e, "set net.ipv4.ip_forward=1 on the host");
	}
	for (size_t i = 0; warn && i < told.n; i++)
		strv_add(warn, told.v[i]);
	return 0;
}

/* Whether an uplink of another installation needs forwarding too: that of IPv6 when it has rules for it. */
static int is_user(const struct nl_link *l, bool six, struct err *e)
{
	auto_free char *table = NULL;

	if (strlen(l->name) != 10 || !str_starts(l->name, "cu") || !str_starts(l->alias, "compose"))
		return 0;
	if (!six)
		return 1;
	table = xasprintf("compose_%s", l->name + 2);
	return nl_nft_table(AF_INET6, table, e);
}

/* Forwarding stays on for another installation's uplink, which inherits the duty to put it back, and for any virtual
 * device that is younger than our uplink: whoever made it found forwarding on and may not know that it was us.
 * ret: 1 it stays, 0 nobody needs it, -1 */
static int hand_on(struct nl *host, const struct nl_link *own, const struct nl_links *links, const char *duty, bool six,
		   struct err *e)
{
	for (size_t i = 0; i < links->n; i++) {
		const struct nl_link *l = &links->v[i];
		struct nl_link now;
		int rc;

		if (l->index == own->index)
			continue;
		rc = is_user(l, six, e);
		if (rc > 0 && nl_link(host, l->name, &now, e) == 0)
			return remember(NULL, host, now.name, now.alias, duty, e) < 0 ? -1 : 1;
		if (rc < 0 || e->kind)
			return -1;
		if (l->index > own->index && *l->kind && !str_eq(l->kind, "veth") && !str_eq(l->kind, "dummy"))
			return 1;
	}
	return 0;
}

static int restore(struct nl *host, const struct nl_link *own, const struct nl_links *links, struct err *e)
{
	char four[16], six[16];
	int rc;

	(void)word_of(own->alias, "restore=", RESTORE_LEN, four);
	(void)word_of(own->alias, "restore6", RESTORE6_LEN, six);
	rc = *six ? hand_on(host, own, links, six, true, e) : 1;
	if (rc < 0 || (rc == 0 && uplink6_restore(e) < 0))
		return -1;
	rc = *four ? hand_on(host, own, links, four, false, e) : 1;
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (netns_sysctl(IP_FORWARD, "0") < 0)
		return err_set(e, ERR_SYS, errno, "put net.ipv4.ip_forward back");
	/* ip_forward has changed it as well */
	(void)netns_sysctl(ACCEPT_REDIRECTS, four[RESTORE_LEN] == '0' ? "0" : "1");
	return 0;
}

/* Remove the nft tables and the link; all at once, since each waits for the kernel.
 * in: four, six whether there is a table of that family */
static int remove_both(struct nl *host, const struct nft_host *h, bool four, bool six, struct err *e)
{
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	auto_err struct err later = { 0 };
	char table4[80], table6[80];
	auto_free char *script = xasprintf("%s%s", clear(four, "ip", h->comment, table4),
					   clear(six, "ip6", h->comment, table6));
	const struct nft_job job = { -1, script };
	bool work = four || six || h->pass != NFT_PASS_NONE;
	struct nft_child child = { -1, -1 };
	int rc = 0;

	if (work && nft_start(&child, &job, 1, h, e) < 0) {
		rc = -1;
		work = false;
	}
	nl_add_del(b, h->uplink);
	if (nl_commit(host, b, rc < 0 ? &later : e) < 0)
		rc = -1;
	if (work && nft_finish(&child, NULL, rc < 0 ? &later : e) < 0)
		rc = -1;
	return rc;
}

int uplink_remove(const struct net_ctx *c, struct nl *host, struct err *e)
{
	auto_err struct err later = { 0 };
	char name[16], table[24];
	/* a link that is gone cannot tell whether rules were put elsewhere: look */
	struct nft_host h = { NFT_PASS_REMOVE, net_uplink(c, name), net_table(c, table), NULL, false };
	struct nl_links links = { 0 };
	int rc = nl_links(host, &links, e), four = nl_nft_table(AF_INET, table, rc < 0 ? &later : e);
	int six = nl_nft_table(AF_INET6, table, rc < 0 || four < 0 ? &later : e);

	for (size_t i = 0; rc == 0 && i < links.n; i++)
		if (str_eq(links.v[i].name, name)) {
			h.pass = strstr(links.v[i].alias, "passed") ? NFT_PASS_REMOVE : NFT_PASS_NONE;
			rc = restore(host, &links.v[i], &links, e);
		}
	vec_done(&links);
	if (four < 0 || six < 0)
		rc = -1;
	if (remove_both(host, &h, four > 0, six > 0, rc < 0 ? &later : e) < 0)
		rc = -1;
	return rc;
}
