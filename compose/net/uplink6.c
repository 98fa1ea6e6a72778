/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink's IPv6: as uplink.c does it for IPv4. The pair gets the first /64 of the installation's unique local
 * addresses; the router hides all containers behind its end, the host hides that behind its own address.
 *
 * A way out needs an IPv6 default route of the host and forwarding on it. Forwarding is turned on for that, and put back
 * when the router goes, but never where the kernel itself takes the default route from router advertisements: a host that
 * forwards no longer listens to these and would lose its own IPv6. Without a way out the router has no default route, so
 * that who tries one is told at once. */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/net/netns.h"
#include "compose/net/nft.h"
#include "compose/net/router.h"

#define FORWARDING "/proc/sys/net/ipv6/conf/all/forwarding"
enum { MACHINE_ID_MAX = 256 };

void uplink6_addrs(const struct net_ctx *c, struct uplink6 *ret)
{
	auto_err struct err ignored = { 0 };     /* a host without one: the same text for all of them */
	auto_free char *machine = NULL;

	if (fs_read(AT_FDCWD, "/etc/machine-id", MACHINE_ID_MAX, &machine, NULL, &ignored) < 0)
		machine = xstrdup("");
	ret->site = ula_site(machine, c->inst);
	ret->host = ip6_add(ret->site.base, 1);
	ret->router = ip6_add(ret->site.base, 2);
}

/* ret: whether the interface believes router advertisements only as long as the host does not forward */
static bool is_host_only(int ifindex)
{
	char name[IF_NAMESIZE], path[96];

	if (!if_indextoname((unsigned)ifindex, name))
		return false;
	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", name);
	return netns_sysctl_digit(path) == '1';
}

/* ret: 1 there is a default route, 0 none, -1. learned: the interface that the kernel itself has learned one from */
static int default_route(struct nl *host, char learned[IF_NAMESIZE], struct err *e)
{
	struct nl_routes6 routes = { 0 };
	int rc = nl_routes6(host, &routes, e);
	bool any = false;

	learned[0] = '\0';
	for (size_t i = 0; i < routes.n; i++) {
		const struct nl_route6 *r = &routes.v[i];

		if (r->dst.len || !r->oif || r->table == RT_TABLE_LOCAL || r->oif == 1)
			continue;
		any = true;
		if (r->proto == RTPROT_RA && is_host_only(r->oif))
			(void)if_indextoname((unsigned)r->oif, learned);
	}
	vec_done(&routes);
	return rc < 0 ? -1 : any;
}

/* ret: 1 there is a way out, 0 none, -1 */
static int way_out(const struct net_ctx *c, struct nl *host, struct strv *warn, struct err *e)
{
	char learned[IF_NAMESIZE];
	int rc;

	if (netns_sysctl_digit(FORWARDING) == '1')
		return 1;                /* the host itself answers when it has no route */
	rc = default_route(host, learned, e);
	if (rc <= 0)
		return rc;
	if (*learned) {
		auto_free char *text = xasprintf("containers reach nothing outside by IPv6: %s learns the host's default route "
			"from router advertisements, which a host that forwards does not listen to (set "
			"net.ipv6.conf.%s.accept_ra=2 and net.ipv6.conf.all.forwarding=1 to allow it)", learned, learned);

		if (warn)
			strv_add(warn, text);
		return 0;
	}
	if (uplink_note(c, host, true, false, e) < 0)
		return -1;
	if (netns_sysctl(FORWARDING, "1") < 0) {
		err_set(e, ERR_SYS, errno, "turn on net.ipv6.conf.all.forwarding");
		return err_hint(e, "set net.ipv6.conf.all.forwarding=1 on the host");
	}
	return 1;
}

int uplink6_restore(struct err *e)
{
	return netns_sysctl(FORWARDING, "0") < 0 ? err_set(e, ERR_SYS, errno, "put net.ipv6.conf.all.forwarding back") : 0;
}

/* in: way whether there is a way out */
static int wire_router(int router_fd, const struct uplink6 *six, bool way, struct err *e)
{
	auto_nl struct nl n = NL_INIT;
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	struct nl_route6 out = { .gateway = six->host };
	struct nl_link l;
	int back, rc;

	if (netns_enter(router_fd, &back, e) < 0)
		return -1;
	rc = netns_ipv6("up0", true, e);
	netns_leave(back);
	if (rc < 0 || nl_open(&n, router_fd, e) < 0)
		return -1;
	if (nl_link(&n, "up0", &l, e) != 0)
		return e->kind ? -1 : err_set(e, ERR_SYS, 0, "interface up0 is gone");
	out.oif = l.index;
	nl_add_addr6(b, l.index, six->router, 64);
	nl_add_route6(b, !way, &out, NULL);
	return nl_commit(&n, b, e);
}

static int rules(const struct net_ctx *c, struct nl *host, const struct uplink6 *six, struct strv *warn, struct err *e)
{
	auto_strv struct strv told = { 0 };
	char name[16], table[24], router[IP6_TEXT];
	auto_free char *script = NULL;
	struct nft_host h = { NFT_PASS_ADD, net_uplink(c, name), net_table(c, table), &told, true };
	struct nft_job job = { -1, NULL };
	int rc = nl_nft_table(AF_INET6, table, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	ip6_text(six->router, router);
	script = uplink_host_table(c, "ip6", router);
	job.script = script;
	if (nft_run(&job, 1, &h, e) < 0 || (told.n && uplink_note(c, host, false, true, e) < 0))
		return -1;
	for (size_t i = 0; warn && i < told.n; i++)
		strv_add(warn, told.v[i]);
	return 0;
}

/* The host's end. ret: 0, 1 when the host has IPv6 switched off, -1 */
static int wire_host(const struct net_ctx *c, struct nl *host, const struct uplink *u, const struct uplink6 *six,
		     struct err *e)
{
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	char name[16], path[96];

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", net_uplink(c, name));
	if (netns_sysctl_digit(path) == '1')
		return 1;
	nl_add_addr6(b, u->host_index, six->host, 64);
	return nl_commit(host, b, e);
}

/* A router that a program before this one made neither forwards IPv6 nor has rules for it. */
static int renew_router(const struct net_ctx *c, struct nl *host, const struct uplink *u, int router_fd, struct strv *warn,
			struct err *e)
{
	int back, rc = 0;

	if (netns_enter(router_fd, &back, e) < 0)
		return -1;
	if (netns_sysctl_digit(FORWARDING) == '0') {
		rc = netns_sysctl(FORWARDING, "1");
		if (rc < 0)
			(void)err_set(e, ERR_SYS, errno, "turn on forwarding in the router");
		else
			rc = 1;
	}
	netns_leave(back);
	return rc <= 0 ? rc : uplink_rules(c, host, router_fd, u, false, warn, e);
}

int uplink6_ensure(const struct net_ctx *c, struct nl *host, const struct uplink *u, int router_fd, struct strv *warn,
		   struct err *e)
{
	struct uplink6 six;
	int off, way = 0;

	if (netns_sysctl_digit(FORWARDING) == '?')
		return netns_no_ipv6(e);
	if (renew_router(c, host, u, router_fd, warn, e) < 0)
		return err_wrap(e, "IPv6 of the router");
	uplink6_addrs(c, &six);
	off = wire_host(c, host, u, &six, e);
	if (off == 0 && (rules(c, host, &six, warn, e) < 0 || (way = way_out(c, host, warn, e)) < 0))
		return err_wrap(e, "IPv6 of the uplink");
	if (off < 0 || wire_router(router_fd, &six, way > 0, e) < 0)
		return err_wrap(e, "IPv6 of the uplink");
	return off;
}
