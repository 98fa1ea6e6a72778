/* SPDX-License-Identifier: Apache-2.0 */
/* ctr_net.c - a container's place on its networks, its resolver, its files below /etc. */
#include <errno.h>
#include <unistd.h>
#include "compose/base/str.h"
#include "compose/supervisor/ctr.h"

enum { NETS_MAX = 32 };

static const char *or_null(const char *s)
{
	return s && *s ? s : NULL;
}

/* Any id does: an installation has a router of its own. */
#define NET_SHARED_ID "b41d9e000000"

/* ret: 0; 1 when there is none of that name; -1 with e */
static int read_net(struct worker *w, const char *name, struct net_record *ret, struct err *e)
{
	if (!str_eq(name, NET_SHARED))
		return net_record_read(&w->paths, name, ret, e);
	*ret = (struct net_record){ .name = xstrdup(name), .id = xstrdup(NET_SHARED_ID) };
	return 0;
}

void ctr_net_drop_shared(struct worker *w)
{
	char *const ids[] = { (char[]){ NET_SHARED_ID } };
	struct err e = {0};

	if (net_remove(&w->net, ids, 1, &e) == 0 || e.kind == ERR_CONFLICT)     /* somebody is on it still */
		err_done(&e);
	else
		worker_note(&e, "network %s stays", NET_SHARED);
}

static bool is_on_shared(const struct ctr *c)
{
	return c->rec.nets.n && str_eq(c->rec.nets.v[0].network, NET_SHARED);
}

int ctr_net_make(struct worker *w, const char *name, struct net_info *ret, struct strv *warn, struct err *e)
{
	struct net_record r = {0};
	auto_strv struct strv told = {0};
	int got = read_net(w, name, &r, e);
	struct net_conf conf;

	if (got)
		return got < 0 ? -1 : err_set(e, ERR_MISSING, 0, "network %s does not exist", name);
	conf = (struct net_conf){ .id = r.id, .name = r.name, .subnet = or_null(r.subnet), .gateway = or_null(r.gateway),
		.ip_range = or_null(r.ip_range), .no_ipv4 = r.no_ipv4, .ipv6 = r.ipv6, .subnet6 = or_null(r.subnet6),
		.gateway6 = or_null(r.gateway6), .ip_range6 = or_null(r.ip_range6), .reserved = strv_null(&r.reserved),
		.internal = r.internal, .no_icc = r.no_icc, .mtu = r.mtu > 0 ? (unsigned)r.mtu : 0 };
	got = net_create(&w->net, &conf, ret, warn ? warn : &told, e);
	for (size_t i = 0; i < told.n; i++) {
		struct err none = {0};

		worker_note(&none, "network %s: %s", name, told.v[i]);
	}
	net_record_done(&r);
	return got < 0 ? err_wrap(e, "make network %s", name) : 0;
}

/* Its networks, in order. */
struct nets {
	char  ids[NETS_MAX][ID_SIZE], *list[NETS_MAX + 1];      /* list: the same, NULL-terminated */
	bool  out[NETS_MAX], out6[NETS_MAX];     /* it leads outside, by IPv4 and IPv6 */
	bool  forward;                   /* one of them leads outside at all */
};

static int read_nets(struct ctr *c, struct nets *ret, struct err *e)
{
	size_t n = 0;

	*ret = (struct nets){ .forward = false };
	for (; n < c->rec.nets.n; n++) {
		struct net_record r = {0};

		if (n >= NETS_MAX)
			return err_set(e, ERR_MODEL, 0, "container %s is on more than %d networks", c->rec.name, NETS_MAX);
		if (read_net(c->w, c->rec.nets.v[n].network, &r, e))
			return e->n ? -1 : err_set(e, ERR_MISSING, 0, "network %s does not exist", c->rec.nets.v[n].network);
		(void)snprintf(ret->ids[n], ID_SIZE, "%s", r.id);
		ret->list[n] = ret->ids[n];
		ret->out[n] = !r.internal && !r.no_ipv4;
		ret->out6[n] = !r.internal && r.ipv6;
		ret->forward = ret->forward || !r.internal;
		net_record_done(&r);
	}
	ret->list[n] = NULL;
	return 0;
}

/* Which network the default route goes through: of those with a way out the one with the highest gw_priority, then the
 * first. Published ports lead to the address there. */
static size_t gateway_net(const struct ctr *c, const bool out[NETS_MAX])
{
	size_t best = 0;

	for (size_t i = 1; i < c->rec.nets.n; i++)
		if (out[best] != out[i] ? out[i] :
		    c->rec.nets.v[i].gw_priority > c->rec.nets.v[best].gw_priority)
			best = i;
	return best;
}

static void add_endpoint(struct ctr *c, const char *network, const struct net_addr *a)
{
	struct rec_endpoint ep = { .network = xstrdup(network), .ipv4 = xstrdup(a->ipv4), .ipv6 = xstrdup(a->ipv6),
		.mac = xstrdup(a->mac), .ifname = xstrdup(a->ifname) };

	vec_push(&c->st.endpoints, ep);
}

static int attach(struct ctr *c, size_t i, const struct nets *nets, int netns, struct err *e)
{
	struct rec_net *n = &c->rec.nets.v[i];
	struct net_addr addr;
	const struct net_endpoint ep = { .network_id = nets->ids[i], .container_id = c->rec.id, .container = c->rec.name,
		.project = c->rec.project, .service = is_on_shared(c) ? NULL : c->rec.service, .aliases = strv_null(&n->names), .netns_fd = netns,
		.index = (unsigned)i, .ifname = or_null(n->ifname), .ipv4 = or_null(n->ipv4),
		.ipv6 = or_null(n->ipv6), .mac = or_null(n->mac),
		.link_local = strv_null(&n->link_local), .default_route = i == gateway_net(c, nets->out),
		.default_route6 = i == gateway_net(c, nets->out6) };

	if (net_attach(&c->w->net, &ep, &addr, e) < 0) {
		if ((e->kind == ERR_CONFLICT || e->kind == ERR_MODEL) && n->at && *n->at && !e->at)
			e->at = xstrdup(n->at);
		return err_wrap(e, "connect %s to network %s", c->rec.name, n->network);
	}
	add_endpoint(c, n->network, &addr);
	return 0;
}

/* On the shared network nobody is found by a name but by one who has links, which lead to containers' names. */
static int serve_names(struct ctr *c, char *const *ids, bool forward, int udp, int tcp, struct err *e)
{
	static char *const none[] = { NULL };
	const struct dns_client client = { .container_id = c->rec.id, .network_ids = is_on_shared(c) && !c->rec.links.n ? none : ids,
		.upstream = c->rec.dns.n ? strv_null(&c->rec.dns) : NULL, .forward = forward, .links = strv_null(&c->rec.links) };

	if (!c->w->dns && dns_server_new(&c->w->dns, c->w->loop, &c->w->net, e) < 0)
		return -1;
	return dns_server_add(c->w->dns, &client, udp, tcp, e);
}

/* ret: whether the service wants port 53 for itself */
static bool wants_53(const struct ctr *c)
{
	for (size_t i = 0; i < c->rec.ports.n; i++)
		if (c->rec.ports.v[i].target == DNS_PORT)
			return true;
	return false;
}

static int open_resolver(struct ctr *c, char *const *ids, bool forward, int netns, struct err *e)
{
	int udp = -1, tcp = -1;

	if (net_dns_open(netns, wants_53(c), &udp, &tcp, e) < 0)
		return err_wrap(e, "open the resolver of %s", c->rec.name);
	if (serve_names(c, ids, forward, udp, tcp, e) < 0) {
		mem_closep(&udp);
		mem_closep(&tcp);
		return -1;
	}
	hold_put(c->w, "", udp, "dnsu.%s", c->rec.id);
	hold_put(c->w, "", tcp, "dnst.%s", c->rec.id);
	return 0;
}

static int connect_all(struct ctr *c, struct err *e)
{
	auto_close int netns = rt_netns(&c->rt, e);
	struct nets nets = { .forward = false };

	if (netns < 0 || read_nets(c, &nets, e) < 0)
		return -1;
	c->gateway = gateway_net(c, nets.out);
	for (size_t i = 0; i < c->rec.nets.n; i++) {
		struct net_info info;

		/* a way out for IPv6 comes and goes with the places that a host is taken to */
		if (nets.out6[i] && ctr_net_make(c->w, c->rec.nets.v[i].network, &info, NULL, e) < 0)
			return -1;
		if (attach(c, i, &nets, netns, e) == 0)
			continue;
		if (e->kind != ERR_MISSING)
			return -1;
		err_done(e);                    /* after a boot, a cleaned /run, or a making of it that was cut short */
		if (ctr_net_make(c->w, c->rec.nets.v[i].network, &info, NULL, e) < 0 || attach(c, i, &nets, netns, e) < 0)
			return -1;
	}
	return open_resolver(c, nets.list, nets.forward, netns, e);
}

static void forget_endpoints(struct ctr *c)
{
	for (size_t i = 0; i < c->st.endpoints.n; i++) {
		free(c->st.endpoints.v[i].network);
		free(c->st.endpoints.v[i].ipv4);
		free(c->st.endpoints.v[i].ipv6);
		free(c->st.endpoints.v[i].mac);
		free(c->st.endpoints.v[i].ifname);
	}
	vec_done(&c->st.endpoints);
}

int ctr_net_up(struct ctr *c, struct err *e)
{
	forget_endpoints(c);
	if (c->rec.nets.n && connect_all(c, e) < 0)
		return -1;
	return etc_write(c, e);
}

void ctr_net_unserve(struct ctr *c)
{
	if (c->w->dns)
		dns_server_del(c->w->dns, c->rec.id);
	hold_drop(c->w, "dnsu.%s", c->rec.id);
	hold_drop(c->w, "dnst.%s", c->rec.id);
}

void ctr_net_down(struct ctr *c)
{
	char *const ids[] = { c->rec.id };
	struct err e = {0};

	if (!c->rec.nets.n)
		return;
	ctr_net_unserve(c);
	if (net_detach(&c->w->net, NULL, ids, 1, ctr_is_joined(c), &e) < 0)
		worker_note(&e, "disconnect container %s", c->rec.name);
	forget_endpoints(c);
	if (is_on_shared(c))
		ctr_net_drop_shared(c->w);
}

int ctr_net_adopt(struct ctr *c, struct err *e)
{
	struct nets nets = { .forward = false };
	auto_close int udp = hold_fd(c->w, "dnsu.%s", c->rec.id), tcp = hold_fd(c->w, "dnst.%s", c->rec.id);

	if (!c->rec.nets.n)
		return 0;
	if (read_nets(c, &nets, e) == 0) {
		c->gateway = gateway_net(c, nets.out);
		if (udp >= 0 && tcp >= 0 && serve_names(c, nets.list, nets.forward, udp, tcp, e) == 0) {
			(void)take_fd(udp);
			(void)take_fd(tcp);
			return 0;
		}
	}
	hold_drop(c->w, "dnsu.%s", c->rec.id);
	hold_drop(c->w, "dnst.%s", c->rec.id);
	return e->n ? -1 : 0;
}

const char *ctr_net_target(const struct ctr *c)
{
	const struct rec_endpoint *ep = c->gateway < c->st.endpoints.n ? &c->st.endpoints.v[c->gateway] : NULL;

	return !ep ? "" : *ep->ipv4 ? ep->ipv4 : ep->ipv6;
}
