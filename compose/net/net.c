/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/net.h"
#include <errno.h>
#include <fcntl.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/net/lease.h"
#include "compose/net/netns.h"
#include "compose/net/nft.h"
#include "compose/net/nl.h"
#include "compose/net/router.h"

enum { MTU_DEFAULT = 1500, MTU_MIN6 = 1280 };        /* RFC 8200 section 5 */

int net_open(struct net_ctx *c, const char *run_dir, const char *inst, struct err *e)
{
	if (strlen(inst) != 8 || strspn(inst, "0123456789abcdef") != 8)
		return err_set(e, ERR_BUG, 0, "\"%s\" is not 8 hex digits", inst);
	if (fs_mkdir_p(run_dir, 0700) < 0)
		return err_set(e, ERR_SYS, errno, "make %s", run_dir);
	*c = (struct net_ctx){ .run_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (c->run_fd < 0)
		return err_set(e, ERR_SYS, errno, "open %s", run_dir);
	memcpy(c->inst, inst, 9);
	c->run_dir = xstrdup(run_dir);
	return 0;
}

void net_close(struct net_ctx *c)
{
	if (!c->run_dir)
		return;
	close(c->run_fd);
	free(c->run_dir);
	map_done(&c->next_free);
	*c = (struct net_ctx){ .run_fd = -1 };
}

const char *net_uplink(const struct net_ctx *c, char ret[16])
{
	(void)snprintf(ret, 16, "cu%s", c->inst);
	return ret;
}

const char *net_table(const struct net_ctx *c, char ret[24])
{
	(void)snprintf(ret, 24, "compose_%s", c->inst);
	return ret;
}

int net_router(const struct net_ctx *c, struct err *e)
{
	return router_open(c, e);
}

int net_nft(int netns_fd, const char *script, struct err *e)
{
	const struct nft_job job = { netns_fd, script };

	return nft_run(&job, 1, NULL, e);
}

struct scene {                                   /* what net_create() decides from */
	struct net_recs   recs;
	struct nl_routes  routes;
	struct nl_routes6 routes6;
	struct nl_links   links;
};

static void scene_done(struct scene *s)
{
	net_recs_done(&s->recs);
	vec_done(&s->routes);
	vec_done(&s->routes6);
	vec_done(&s->links);
}

/* Routes that only say "everything else", also as two halves as VPNs write it, are in nobody's way. */
static bool is_wide(const struct nl_route *r)
{
	return r->len < 8;
}

static bool is_ours(const struct nl_route *r, const struct uplink *u)
{
	return r->oif == u->host_index && r->gateway == u->router;
}

static bool route_free(const struct nl_routes *routes, const struct uplink *u, struct cidr subnet)
{
	for (size_t i = 0; i < routes->n; i++) {
		const struct nl_route *r = &routes->v[i];

		if (!is_wide(r) && !is_ours(r, u) && cidr_overlap(subnet, (struct cidr){ r->dst, r->len }))
			return false;
	}
	return true;
}

/* The MTU of the host's best default route, so that containers do not send what does not fit. */
static unsigned default_mtu(const struct nl_routes *routes, const struct nl_links *links)
{
	const struct nl_route *best = NULL;

	for (size_t i = 0; i < routes->n; i++) {
		const struct nl_route *r = &routes->v[i];

		if (r->len == 0 && r->table == 254 && (!best || r->metric < best->metric))
			best = r;
	}
	for (size_t i = 0; best && i < links->n; i++)
		if (links->v[i].index == best->oif && links->v[i].mtu >= 576 && links->v[i].mtu < MTU_DEFAULT)
			return links->v[i].mtu;
	return MTU_DEFAULT;
}

static bool route_free6(const struct nl_routes6 *routes, const struct uplink *u, struct cidr6 subnet)
{
	for (size_t i = 0; i < routes->n; i++) {
		const struct nl_route6 *r = &routes->v[i];

		if (r->dst.len >= 16 && r->oif != u->host_index && cidr6_overlap(subnet, r->dst))
			return false;
	}
	return true;
}

static int overlaps(const char *subnet, const char *theirs, const struct net_rec *other, struct err *e)
{
	err_set(e, ERR_CONFLICT, 0, "subnet %s overlaps %s of network %s", subnet, theirs, other->info.name);
	return err_hint(e, "choose another subnet, or remove network %s", other->info.name);
}

static int choose_subnet(const struct net_conf *conf, const struct net_recs *recs, const struct nl_routes *routes,
			 struct cidr *ret, struct err *e)
{
	struct cidrs taken = { 0 };
	bool found;

	if (conf->subnet && cidr_parse(conf->subnet, ret, e) < 0)
		return -1;
	for (size_t i = 0; conf->subnet && i < recs->n; i++)
		if (recs->v[i].ipam.subnet.len && cidr_overlap(*ret, recs->v[i].ipam.subnet))
			return overlaps(conf->subnet, recs->v[i].info.subnet, &recs->v[i], e);
	if (conf->subnet)
		return 0;
	for (size_t i = 0; i < recs->n; i++)
		if (recs->v[i].ipam.subnet.len)
			vec_push(&taken, recs->v[i].ipam.subnet);
	for (size_t i = 0; i < routes->n; i++)
		if (!is_wide(&routes->v[i]))
			vec_push(&taken, (struct cidr){ routes->v[i].dst, routes->v[i].len });
	found = ipam_pick_subnet(&taken, ret);
	vec_done(&taken);
	if (found)
		return 0;
	err_set(e, ERR_CONFLICT, 0, "all default subnets overlap a route of this host or another network");
	return err_hint(e, "give the network a subnet of its own (ipam.config.subnet)");
}

static int choose_subnet6(const struct net_ctx *c, const struct net_conf *conf, const struct net_recs *recs,
			  const struct nl_routes6 *routes, struct cidr6 *ret, struct err *e)
{
	struct cidrs6 taken = { 0 };
	struct uplink6 up;
	bool found;

	uplink6_addrs(c, &up);
	if (conf->subnet6 && cidr6_parse(conf->subnet6, ret, e) < 0)
		return -1;
	for (size_t i = 0; conf->subnet6 && i < recs->n; i++)
		if (recs->v[i].six.subnet.len && cidr6_overlap(*ret, recs->v[i].six.subnet))
			return overlaps(conf->subnet6, recs->v[i].info.subnet6, &recs->v[i], e);
	if (conf->subnet6)
		return cidr6_has(*ret, up.host) ?
			err_set(e, ERR_CONFLICT, 0, "subnet %s is where the way to the host is", conf->subnet6) : 0;
	for (size_t i = 0; i < recs->n; i++)
		if (recs->v[i].six.subnet.len)
			vec_push(&taken, recs->v[i].six.subnet);
	for (size_t i = 0; i < routes->n; i++)
		if (routes->v[i].dst.len >= 16)
			vec_push(&taken, routes->v[i].dst);
	found = ula_pick(up.site, conf->name, &taken, ret);
	vec_done(&taken);
	if (found)
		return 0;
	err_set(e, ERR_CONFLICT, 0, "all IPv6 subnets of this host's own overlap one of its routes or another network");
	return err_hint(e, "give the network a subnet of its own (ipam.config.subnet)");
}

static int plan_addresses(const struct net_ctx *c, const struct net_conf *conf, const struct scene *s, struct net_rec *r,
			  struct err *e)
{
	struct cidr subnet;
	struct cidr6 subnet6;

	if (conf->no_ipv4 && !conf->ipv6)
		return err_set(e, ERR_MODEL, 0, "a network needs IPv4 or IPv6");
	if (!conf->no_ipv4 && (choose_subnet(conf, &s->recs, &s->routes, &subnet, e) < 0 ||
			       ipam_plan(conf, subnet, &r->ipam, e) < 0))
		return -1;
	if (conf->ipv6 && (choose_subnet6(c, conf, &s->recs, &s->routes6, &subnet6, e) < 0 ||
			   ipam6_plan(conf, subnet6, &r->six, e) < 0))
		return -1;
	net_rec_texts(r);
	return 0;
}

static int plan_rec(const struct net_ctx *c, const struct net_conf *conf, const struct scene *s, struct net_rec *ret,
		    struct err *e)
{
	struct net_rec r = { .info.internal = conf->internal, .no_icc = conf->no_icc };

	if (strlen(conf->name) >= sizeof(r.info.name))
		return err_set(e, ERR_MODEL, 0, "the name is longer than %zu bytes", sizeof(r.info.name) - 1);
	if (conf->mtu && (conf->mtu < 68 || conf->mtu > 65535))
		return err_set(e, ERR_MODEL, 0, "an MTU of %u is not possible: from 68 to 65535", conf->mtu);
	r.mtu = conf->mtu ? conf->mtu : default_mtu(&s->routes, &s->links);
	if (conf->ipv6 && r.mtu < MTU_MIN6)
		return err_set(e, ERR_MODEL, 0, "an MTU of %u is not possible with IPv6: from %d", r.mtu, MTU_MIN6);
	memcpy(r.info.id, conf->id, strlen(conf->id) + 1);
	memcpy(r.info.name, conf->name, strlen(conf->name) + 1);
	if (plan_addresses(c, conf, s, &r, e) < 0) {
		net_rec_done(&r);
		return -1;
	}
	*ret = r;
	return 0;
}

static int enable6(int router, const char *bridge, struct err *e)
{
	int back, rc;

	if (netns_enter(router, &back, e) < 0)
		return -1;
	rc = netns_ipv6(bridge, true, e);
	netns_leave(back);
	return rc;
}

static int make_bridge(int router, const struct net_rec *r, struct err *e)
{
	auto_nl struct nl n = NL_INIT;
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	char name[16];
	uint8_t mac[6];
	struct nl_link l;

	if (r->ipam.subnet.len)
		mac_of_ipv4(r->ipam.gateway, mac);
	else
		mac_of_ip6(r->six.gateway, mac);
	nl_add_bridge(b, router_bridge(&r->info, name), mac, r->mtu, r->no_icc ? ROUTER_GROUP_APART : 0);
	nl_fine(b, EEXIST);
	if (nl_open(&n, router, e) < 0 || nl_commit(&n, b, e) < 0)
		return -1;
	if (nl_link(&n, name, &l, e) != 0)
		return e->kind ? -1 : err_set(e, ERR_SYS, 0, "the new bridge %s is gone", name);
	if (r->ipam.subnet.len)
		nl_add_addr(b, l.index, r->ipam.gateway, r->ipam.subnet.len, false);
	if (r->six.subnet.len) {
		if (enable6(router, name, e) < 0)
			return -1;
		nl_add_addr6(b, l.index, r->six.gateway, r->six.subnet.len);
	}
	return nl_commit(&n, b, e);
}

static void add_route6(struct nl_batch *b, bool del, const struct net_ctx *c, const struct uplink *u, const struct net_rec *r)
{
	struct uplink6 up;

	uplink6_addrs(c, &up);
	nl_add_route6(b, del, &(struct nl_route6){ .dst = r->six.subnet, .gateway = up.router, .oif = u->host_index },
		      del ? NULL : &up.host);
}

static int set_host_routes(const struct net_ctx *c, struct nl *host, const struct uplink *u, const struct net_rec *r,
			   struct err *e)
{
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));

	if (r->info.host_route)
		nl_add_route(b, false, r->ipam.subnet.base, r->ipam.subnet.len, u->router, u->host, u->host_index);
	if (r->info.host_route6)
		add_route6(b, false, c, u, r);
	return nl_commit(host, b, e);
}

/* After the uplink was made anew, the routes of all networks are gone with the old one. */
static int restore_routes(const struct net_ctx *c, struct nl *host, const struct uplink *u, int router,
			  const struct net_recs *recs, struct strv *warn, struct err *e)
{
	bool six = false;

	for (size_t i = 0; i < recs->n; i++)
		six = six || recs->v[i].six.subnet.len;
	if (six && uplink6_ensure(c, host, u, router, warn, e) < 0)
		return -1;
	for (size_t i = 0; i < recs->n; i++)
		if (set_host_routes(c, host, u, &recs->v[i], e) < 0)
			return -1;
	return 0;
}

static const struct net_rec *find_rec(const struct net_recs *recs, const char *id)
{
	for (size_t i = 0; i < recs->n; i++)
		if (str_eq(recs->v[i].info.id, id))
			return &recs->v[i];
	return NULL;
}

static int make_new(const struct net_ctx *c, const struct net_conf *conf, struct nl *host, int router,
		    const struct uplink *u, struct scene *s, struct net_info *ret, struct strv *warn, struct err *e)
{
	auto_rec struct net_rec r = { 0 };
	auto_err struct err ignored = { 0 };
	int off;

	if (nl_routes(host, &s->routes, e) < 0 || nl_links(host, &s->links, e) < 0 ||
	    (conf->ipv6 && nl_routes6(host, &s->routes6, e) < 0) || plan_rec(c, conf, s, &r, e) < 0)
		return -1;
	off = conf->ipv6 ? uplink6_ensure(c, host, u, router, warn, e) : 0;
	if (off < 0)
		return -1;
	r.info.host_route = r.ipam.subnet.len && route_free(&s->routes, u, r.ipam.subnet);
	r.info.host_route6 = r.six.subnet.len && !off && route_free6(&s->routes6, u, r.six.subnet);
	if (net_rec_write(c, &r, e) < 0)
		return -1;
	if (make_bridge(router, &r, e) < 0 || set_host_routes(c, host, u, &r, e) < 0) {
		if (net_rec_remove(c, conf->id, &ignored) < 0)
			(void)err_wrap(e, "and undoing it failed too: %s", ignored.frame[0]);
		return -1;
	}
	*ret = r.info;
	return 0;
}

static int create_locked(const struct net_ctx *c, const struct net_conf *conf, struct scene *s, struct net_info *ret,
			 struct strv *warn, struct err *e)
{
	auto_nl struct nl host = NL_INIT;
	auto_close int router = -1;
	const struct net_rec *old;
	struct uplink u = { 0 };
	bool rewired = false;

	if (nl_open(&host, -1, e) < 0 || net_recs_read(c, &s->recs, e) < 0)
		return -1;
	router = router_ensure(c, &host, &u, &rewired, warn, e);
	if (router < 0 || (rewired && restore_routes(c, &host, &u, router, &s->recs, warn, e) < 0))
		return -1;
	old = find_rec(&s->recs, conf->id);
	if (!old)
		return make_new(c, conf, &host, router, &u, s, ret, warn, e);
	if (old->six.subnet.len && !rewired && uplink6_ensure(c, &host, &u, router, warn, e) < 0)
		return -1;
	if (make_bridge(router, old, e) < 0 || set_host_routes(c, &host, &u, old, e) < 0)
		return -1;
	*ret = old->info;
	return 1;
}

/* The router goes with the last network. The lock is held. */
static int drop_idle_router(const struct net_ctx *c, struct err *e)
{
	auto_recs struct net_recs recs = { 0 };

	if (net_recs_read(c, &recs, e) < 0)
		return -1;
	return recs.n ? 0 : router_remove(c, e);
}

int net_create(struct net_ctx *c, const struct net_conf *conf, struct net_info *ret, struct strv *warn, struct err *e)
{
	auto_close int lock = -1;
	auto_err struct err ignored = { 0 };
	struct scene s = { 0 };
	int rc;

	if (!net_id_ok(conf->id))
		return err_set(e, ERR_BUG, 0, "\"%s\" is not a network id", conf->id);
	lock = router_lock(c, e);
	if (lock < 0)
		return -1;
	rc = create_locked(c, conf, &s, ret, warn, e);
	scene_done(&s);
	if (rc < 0 && drop_idle_router(c, &ignored) < 0)
		(void)err_wrap(e, "and undoing it failed too: %s", ignored.frame[0]);
	return rc < 0 ? err_wrap(e, "create network %s", conf->name) : rc;
}

/* in: gone are the networks whose records have just been removed */
static int remove_links(const struct net_ctx *c, const struct net_recs *gone, struct err *e)
{
	auto_nl struct nl host = NL_INIT;
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	auto_strv struct strv bridges = { 0 };
	struct uplink u;
	char name[16];
	int rc;

	if (nl_open(&host, -1, e) < 0 || (rc = uplink_find(c, &host, &u, e)) < 0)
		return -1;
	for (size_t i = 0; i < gone->n; i++) {
		const struct net_rec *r = &gone->v[i];

		if (nl_full(b) && nl_commit(&host, b, e) < 0)
			return -1;
		if (rc == 0 && r->info.host_route)
			nl_add_route(b, true, r->ipam.subnet.base, r->ipam.subnet.len, u.router, 0, u.host_index);
		if (nl_full(b) && nl_commit(&host, b, e) < 0)
			return -1;
		if (rc == 0 && r->info.host_route6)
			add_route6(b, true, c, &u, r);
		strv_add(&bridges, router_bridge(&r->info, name));
	}
	if (nl_commit(&host, b, e) < 0)
		return -1;
	return router_drop_links(c, &bridges, e);
}

static bool wanted(char *const *ids, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(ids[i], id))
			return true;
	return false;
}

/* Take the records away. gone and left share what all held. ret: 0, or -1 with the first failure; goes on after it */
static int remove_recs(struct net_ctx *c, char *const *ids, size_t n, const struct net_recs *all, struct net_recs *gone,
		       struct err *e)
{
	for (size_t i = 0; i < all->n; i++) {
		auto_err struct err one = { 0 };

		if (!wanted(ids, n, all->v[i].info.id))
			continue;
		if (net_rec_remove(c, all->v[i].info.id, &one) == 0) {
			vec_push(gone, all->v[i]);
			(void)map_del(&c->next_free, all->v[i].info.id);
		} else if (e->kind == ERR_NONE) {
			err_move(e, &one);
			(void)err_wrap(e, "remove network %s", all->v[i].info.name);
		}
	}
	return e->kind == ERR_NONE ? 0 : -1;
}

int net_remove(struct net_ctx *c, char *const *network_ids, size_t n, struct err *e)
{
	auto_recs struct net_recs all = { 0 };
	auto_close int lock = router_lock(c, e);
	auto_err struct err later = { 0 };
	struct net_recs gone = { 0 };        /* its elements are those of all */
	int rc;

	if (lock < 0 || net_recs_read(c, &all, e) < 0)
		return -1;
	rc = remove_recs(c, network_ids, n, &all, &gone, e);
	/* with the last network the whole namespace goes, and the bridges with it */
	if (gone.n == all.n ? router_remove(c, rc < 0 ? &later : e) < 0 :
			      gone.n && remove_links(c, &gone, rc < 0 ? &later : e) < 0)
		rc = rc < 0 ? rc : err_wrap(e, "remove networks");
	vec_done(&gone);
	return rc;
}

int net_lookup(struct net_ctx *c, const char *network_id, struct net_info *ret, struct err *e)
{
	auto_close int dir = net_dir(c, network_id, e);
	auto_rec struct net_rec r = { 0 };

	if (dir < 0 || net_rec_read(dir, network_id, &r, e) < 0)
		return -1;
	*ret = r.info;
	return 0;
}
