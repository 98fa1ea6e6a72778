/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: a container's place on a network. Few messages to the kernel make one: the pair with its port in the
 * bridge, sent in the router; addresses and routes, sent in the container. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/net/lease.h"
#include "compose/net/netns.h"
#include "compose/net/nl.h"
#include "compose/net/router.h"

enum { INDEX_MAX = 36 };
static const char index_digit[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static const char *port_name(const char *container_id, unsigned index, char ret[16])
{
	(void)snprintf(ret, 16, "cv%.12s%c", container_id, index_digit[index]);
	return ret;
}

static bool ifname_ok(const char *s)
{
	size_t n = strlen(s);

	return n && n < IF_NAMESIZE && !strpbrk(s, "/: \t\n%") && !str_eq(s, ".") && !str_eq(s, "..") &&
	       !str_eq(s, "lo");
}

/* What net_attach() works with. */
struct attach {
	const struct net_endpoint *ep;
	struct net_rec rec;
	struct lease at;
	uint8_t  mac[6];
	char     ifname[IF_NAMESIZE], port[16];
};

static int check(const struct net_endpoint *ep, struct attach *a, struct err *e)
{
	if (!net_id_ok(ep->container_id) || ep->index >= INDEX_MAX)
		return err_set(e, ERR_BUG, 0, "not an endpoint: container \"%s\", index %u", ep->container_id,
			       ep->index);
	if (ep->ifname && !ifname_ok(ep->ifname))
		return err_set(e, ERR_MODEL, 0, "\"%s\" is not an interface name", ep->ifname);
	if (ep->mac && !mac_parse(ep->mac, a->mac))
		return err_set(e, ERR_MODEL, 0, "\"%s\" is not a MAC address of one interface", ep->mac);
	if (ep->ifname)
		(void)snprintf(a->ifname, sizeof(a->ifname), "%s", ep->ifname);
	else
		(void)snprintf(a->ifname, sizeof(a->ifname), "eth%u", ep->index);
	(void)port_name(ep->container_id, ep->index, a->port);
	a->ep = ep;
	return 0;
}

/* On a network without IPv6 the new interface gets no link-local address either: nobody there has a use for its chatter.
 * ret: a netlink socket inside the container */
static int open_inside(struct nl *n, const struct attach *a, struct err *e)
{
	int back, rc;

	if (netns_enter(a->ep->netns_fd, &back, e) < 0)
		return -1;
	rc = netns_ipv6(a->ifname, a->at.six, e);
	if (rc == 0)
		rc = nl_open(n, -1, e);
	netns_leave(back);
	return rc;
}

/* ret: 1 the container has IPv6, 0 its sysctls have switched it off, -1 */
static int has_ipv6(int netns_fd, struct err *e)
{
	int back;
	char off;

	if (netns_enter(netns_fd, &back, e) < 0)
		return -1;
	off = netns_sysctl_digit("/proc/sys/net/ipv6/conf/all/disable_ipv6");
	netns_leave(back);
	return off != '1';
}

static void add_pair(struct nl_batch *b, const struct attach *a, const struct nl_veth *v)
{
	nl_add_veth(b, v);
	if (a->rec.no_icc)
		nl_add_isolated(b, a->port);
}

static int make_pair(const struct attach *a, struct nl *rt, struct nl_batch *b, struct err *e)
{
	struct nl_veth v = { .name = a->port, .peer = a->ifname, .peer_netns = a->ep->netns_fd, .mtu = a->rec.mtu,
			     .peer_mac = a->mac, .up = true };
	char bridge[16];
	struct nl_link l;
	int rc;

	rc = nl_link(rt, router_bridge(&a->rec.info, bridge), &l, e);
	if (rc > 0)
		return err_set(e, ERR_MISSING, 0, "the bridge of network %s is gone", a->rec.info.name);
	if (rc < 0)
		return -1;
	v.master = l.index;
	add_pair(b, a, &v);
	if (nl_commit(rt, b, e) == 0)
		return 0;
	if (e->sysno != EEXIST)
		return -1;
	/* left by an earlier life of this container whose namespace is still being taken down */
	err_done(e);
	nl_add_del(b, a->port);
	add_pair(b, a, &v);
	return nl_commit(rt, b, e);
}

enum { LINK_LOCAL_LEN = 16, LINK_LOCAL_LEN6 = 64 };

static int add_link_local(const struct attach *a, struct nl_batch *b, int ifindex, struct err *e)
{
	for (char *const *p = a->ep->link_local; p && *p; p++) {
		struct ip6 six;
		uint32_t four;

		if (nl_full(b))
			return err_set(e, ERR_MODEL, 0, "too many link-local addresses");
		if (ipv4_parse(*p, &four) && four >> 16 == 0xa9fe)
			nl_add_addr(b, ifindex, four, LINK_LOCAL_LEN, true);
		else if (!ip6_parse(*p, &six) || six.b[0] != 0xfe || six.b[1] >> 6 != 2)
			return err_set(e, ERR_MODEL, 0, "\"%s\" is not a link-local address (169.254.x.y, fe80::x)", *p);
		else if (a->at.six)
			nl_add_addr6(b, ifindex, six, LINK_LOCAL_LEN6);
	}
	return 0;
}

static int set_inside(const struct attach *a, struct nl *in, struct nl_batch *b, struct err *e)
{
	struct nl_link l;

	if (nl_link(in, a->ifname, &l, e) != 0)
		return e->kind ? -1 : err_set(e, ERR_SYS, 0, "interface %s is gone", a->ifname);
	nl_add_up(b, 1);                 /* lo */
	if (a->at.four)
		nl_add_addr(b, l.index, a->at.addr, a->rec.ipam.subnet.len, false);
	if (a->at.six)
		nl_add_addr6(b, l.index, a->at.addr6, a->rec.six.subnet.len);
	if (add_link_local(a, b, l.index, e) < 0)
		return -1;
	nl_add_up(b, l.index);
	if (a->at.four && a->ep->default_route && !a->rec.info.internal)
		nl_add_route(b, false, 0, 0, a->rec.ipam.gateway, 0, l.index);
	if (a->at.six && a->ep->default_route6 && !a->rec.info.internal)
		nl_add_route6(b, false, &(struct nl_route6){ .gateway = a->rec.six.gateway, .oif = l.index }, NULL);
	return nl_commit(in, b, e);
}

static int link_up(const struct net_ctx *c, const struct attach *a, struct err *e)
{
	auto_nl struct nl rt = NL_INIT, in = NL_INIT;
	auto_free struct nl_batch *b = xmalloc(sizeof(*b));
	auto_err struct err ignored = { 0 };
	auto_close int router = router_open(c, e);
	char bridge[16];

	b->n = 0;
	b->len = 0;
	b->cur = NULL;
	if (router < 0 || nl_open(&rt, router, e) < 0 || make_pair(a, &rt, b, e) < 0)
		return -1;
	if (open_inside(&in, a, e) == 0 && set_inside(a, &in, b, e) == 0 && nl_settle(&rt, router, a->port, e) == 0 &&
	    nl_settle(&rt, router, router_bridge(&a->rec.info, bridge), e) == 0)
		return 0;
	nl_add_del(b, a->port);
	if (nl_commit(&rt, b, &ignored) < 0)
		(void)err_wrap(e, "and undoing it failed too: %s", ignored.frame[0]);
	return -1;
}

static void report(const struct attach *a, struct net_addr *ret)
{
	*ret = (struct net_addr){ .prefix_len = a->rec.ipam.subnet.len, .prefix_len6 = a->rec.six.subnet.len };
	if (a->at.four) {
		ipv4_text(a->at.addr, ret->ipv4);
		ipv4_text(a->rec.ipam.gateway, ret->gateway);
	}
	if (a->at.six) {
		ip6_text(a->at.addr6, ret->ipv6);
		ip6_text(a->rec.six.gateway, ret->gateway6);
	}
	mac_text(a->mac, ret->mac);
	memcpy(ret->ifname, a->ifname, sizeof(ret->ifname));
}

/* in: dir is locked shared, so that the network stays. */
static int attach_locked(struct net_ctx *c, int dir, struct attach *a, struct err *e)
{
	unsigned index;
	int six;

	if (net_rec_read(dir, must(a->ep)->network_id, &a->rec, e) < 0)
		return -1;
	six = a->rec.six.subnet.len ? has_ipv6(a->ep->netns_fd, e) : 0;
	if (six < 0 || lease_take(c, dir, &a->rec, a->ep, six, &a->at, e) < 0)
		return -1;
	if (!a->ep->mac && a->at.four)
		mac_of_ipv4(a->at.addr, a->mac);
	else if (!a->ep->mac)
		mac_of_ip6(a->at.addr6, a->mac);
	if (link_up(c, a, e) == 0)
		return 0;
	(void)lease_drop(c, dir, a->ep->network_id, a->ep->container_id, true, &index);
	return -1;
}

static int lock_shared(int dir, const char *id, struct err *e)
{
	struct stat st;

	while (flock(dir, LOCK_SH) < 0)
		if (errno != EINTR)
			return err_set(e, ERR_SYS, errno, "lock network %.12s", id);
	if (fstat(dir, &st) < 0 || st.st_nlink == 0)
		return err_set(e, ERR_MISSING, 0, "network %.12s has just been removed", id);
	return 0;
}

int net_attach(struct net_ctx *c, const struct net_endpoint *ep, struct net_addr *ret, struct err *e)
{
	auto_close int dir = -1;
	struct attach a = { 0 };
	int rc = -1;

	if (check(ep, &a, e) == 0 && (dir = net_dir(c, ep->network_id, e)) >= 0 &&
	    lock_shared(dir, ep->network_id, e) == 0)
		rc = attach_locked(c, dir, &a, e);
	if (rc == 0)
		report(&a, ret);
	net_rec_done(&a.rec);
	return rc < 0 ? err_wrap(e, "connect container %s to network %.12s",
				 ep->container ? ep->container : ep->container_id, ep->network_id)
		      : 0;
}

/* Detaching: names of the bridge ports to remove. */
struct ports { struct net_ctx *c; char *const *ids; size_t n; bool links; struct strv names; int dir; };

/* What was cut short has left a lease that no link points to. */
static int drop_unlinked(void *arg, const char *addr, const json_t *lease)
{
	const char *id = json_str(lease, "container_id", "");
	int64_t index = json_int(lease, "index", 0);
	struct ports *p = arg;
	char name[16];

	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->ids[i], id)) {
			(void)unlinkat(p->dir, addr, 0);
			if (index >= 0 && index < INDEX_MAX)
				strv_add(&p->names, port_name(id, (unsigned)index, name));
		}
	return 0;
}

static void drop_on(struct ports *p, int dir, const char *network_id)
{
	struct err ignored = { 0 };
	char name[16];
	unsigned index;

	for (size_t i = 0; i < p->n; i++)
		if (lease_drop(p->c, dir, network_id, p->ids[i], p->links, &index))
			strv_add(&p->names, port_name(p->ids[i], index, name));
	p->dir = dir;
	if (p->links && lease_each(dir, drop_unlinked, p, &ignored) < 0)
		err_done(&ignored);
}

static int drop_everywhere(struct ports *p, struct err *e)
{
	auto_recs struct net_recs recs = { 0 };

	if (net_recs_read(p->c, &recs, e) < 0)
		return -1;
	for (size_t i = 0; i < recs.n; i++) {
		auto_close int dir = net_dir(p->c, recs.v[i].info.id, e);

		if (dir >= 0)
			drop_on(p, dir, recs.v[i].info.id);
		else
			err_done(e);     /* removed meanwhile */
	}
	return 0;
}

int net_detach(struct net_ctx *c, const char *network_id, char *const *container_ids, size_t n, bool links,
	       struct err *e)
{
	struct ports p = { .c = c, .ids = container_ids, .n = n, .links = links };
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		if (!net_id_ok(container_ids[i]))
			return err_set(e, ERR_BUG, 0, "\"%s\" is not a container id", container_ids[i]);
	if (!network_id) {
		rc = drop_everywhere(&p, e);
	} else {
		auto_close int dir = net_dir(c, network_id, e);

		if (dir >= 0)
			drop_on(&p, dir, network_id);
		else if (e->kind == ERR_MISSING)
			err_done(e);
		else
			rc = -1;
	}
	if (rc == 0 && links)
		rc = router_drop_links(c, &p.names, e);
	strv_done(&p.names);
	return rc < 0 ? err_wrap(e, "disconnect containers") : 0;
}

/* Cleaning up after crashes. */
struct sweep {
	struct net_ctx *c;
	bool (*alive)(void *arg, const char *id);
	void *arg;
	struct strv dead;                /* names of ports */
	int   dir;
};

static int sweep_lease(void *arg, const char *addr, const json_t *lease)
{
	const char *id = json_str(lease, "container_id", "");
	struct sweep *s = arg;
	unsigned index;

	if (net_id_ok(id) && s->alive(s->arg, id))
		return 0;
	if (net_id_ok(id))
		(void)lease_drop(s->c, s->dir, "", id, false, &index);
	(void)unlinkat(s->dir, addr, 0);
	return 0;
}

static int sweep_links(struct sweep *s, int router, const struct net_recs *recs, struct err *e)
{
	auto_nl struct nl rt = NL_INIT;
	struct nl_links links = { 0 };
	char id[13];
	int rc = nl_open(&rt, router, e) < 0 ? -1 : nl_links(&rt, &links, e);

	for (size_t i = 0; rc == 0 && i < links.n; i++) {
		const char *name = links.v[i].name;
		bool used = true;

		(void)snprintf(id, sizeof(id), "%.12s", name + 2);
		if (strlen(name) == 15 && str_starts(name, "cv"))
			used = s->alive(s->arg, id);
		else if (strlen(name) == 14 && (str_starts(name, "cb") || str_starts(name, "ci"))) {
			used = false;
			for (size_t r = 0; r < recs->n; r++)
				used |= str_starts(recs->v[r].info.id, id);
		}
		if (!used)
			strv_add(&s->dead, name);
	}
	vec_done(&links);
	return rc;
}

static int gc_locked(struct sweep *s, struct err *e)
{
	auto_recs struct net_recs recs = { 0 };
	auto_close int router = -1;

	if (net_recs_read(s->c, &recs, e) < 0)
		return -1;
	for (size_t i = 0; i < recs.n; i++) {
		auto_close int dir = net_dir(s->c, recs.v[i].info.id, e);

		s->dir = dir;
		if (dir < 0 || lease_each(dir, sweep_lease, s, e) < 0)
			return -1;
	}
	if (!recs.n)
		return router_remove(s->c, e);
	router = router_open(s->c, e);
	if (router < 0)
		return e->kind == ERR_MISSING ? (err_done(e), 0) : -1;
	return sweep_links(s, router, &recs, e) < 0 ? -1 : router_drop_links(s->c, &s->dead, e);
}

int net_gc(struct net_ctx *c, bool (*alive)(void *arg, const char *container_id), void *arg, struct err *e)
{
	auto_close int lock = router_lock(c, e);
	struct sweep s = { .c = c, .alive = alive, .arg = arg };
	int rc = lock < 0 ? -1 : gc_locked(&s, e);

	strv_done(&s.dead);
	return rc < 0 ? err_wrap(e, "clean up networks") : 0;
}
