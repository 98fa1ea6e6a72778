/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/net.h"
#include <errno.h>
#include <fcntl.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/net/lease.h"
#include "compose/net/nft.h"
#include "compose/net/nl.h"
#include "compose/net/router.h"

enum { MTU_DEFAULT = 1500 };

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

static int choose_subnet(const struct net_conf *conf, const struct net_recs *recs, const struct nl_routes *routes,
			 struct cidr *ret, struct err *e)
{
	struct cidrs taken = { 0 };
	bool found;

	if (conf->subnet && cidr_parse(conf->subnet, ret, e) < 0)
		return -1;
	for (size_t i = 0; conf->subnet && i < recs->n; i++)
		if (cidr_overlap(*ret, recs->v[i].ipam.subnet)) {
			err_set(e, ERR_CONFLICT, 0, "subnet %s overlaps %s of network %s", conf->subnet,
				recs->v[i].info.subnet, recs->v[i].info.name);
			return err_hint(e, "choose another subnet, or remove network %s", recs->v[i].info.name);
		}
	if (conf->subnet)
		return 0;
	for (size_t i = 0; i < recs->n; i++)
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

static int plan_rec(const struct net_conf *conf, const struct net_recs *recs, const struct nl_routes *routes,
		    const struct nl_links *links, struct net_rec *ret, struct err *e)
{
	struct net_rec r = { .info.internal = conf->internal, .no_icc = conf->no_icc };
	struct cidr subnet;

	if (strlen(conf->name) >= sizeof(r.info.name))
		return err_set(e, ERR_MODEL, 0, "the name is longer than %zu bytes", sizeof(r.info.name) - 1);
	if (conf->mtu && (conf->mtu < 68 || conf->mtu > 65535))
		return err_set(e, ERR_MODEL, 0, "an MTU of %u is not possible: from 68 to 65535", conf->mtu);
	r.mtu = conf->mtu ? conf->mtu : default_mtu(routes, links);
	memcpy(r.info.id, conf->id, strlen(conf->id) + 1);
	memcpy(r.info.name, conf->name, strlen(conf->name) + 1);
	if (choose_subnet(conf, recs, routes, &subnet, e) < 0 || ipam_plan(conf, subnet, &r.ipam, e) < 0)
		return -1;
	cidr_text(subnet, r.info.subnet);
	ipv4_text(r.ipam.gateway, r.info.gateway);
	*ret = r;
	return 0;
}

static int make_bridge(int router, const struct net_rec *r, struct err *e)
{
	auto_nl struct nl n = NL_INIT;
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	char name[16];
	uint8_t mac[6];
	struct nl_link l;

	mac_of_ipv4(r->ipam.gateway, mac);
	nl_add_bridge(b, router_bridge(&r->info, name), mac, r->mtu);
	nl_fine(b, EEXIST);
	if (nl_open(&n, router, e) < 0 || nl_commit(&n, b, e) < 0)
		return -1;
	if (nl_link(&n, name, &l, e) != 0)
		return e->kind ? -1 : err_set(e, ERR_SYS, 0, "the new bridge %s is gone", name);
	nl_add_addr(b, l.index, r->ipam.gateway, r->ipam.subnet.len, false);
	return nl_commit(&n, b, e);
}

static int set_host_route(struct nl *host, const struct uplink *u, const struct net_rec *r, struct err *e)
{
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));

	nl_add_route(b, false, r->ipam.subnet.base, r->ipam.subnet.len, u->router, u->host, u->host_index);
	return nl_commit(host, b, e);
}

/* After the uplink was made anew, the routes of all networks are gone with the old one. */
static int restore_routes(struct nl *host, const struct uplink *u, const struct net_recs *recs, struct err *e)
{
	for (size_t i = 0; i < recs->n; i++)
		if (recs->v[i].info.host_route && set_host_route(host, u, &recs->v[i], e) < 0)
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

struct scene {                                   /* what net_create() decides from */
	struct net_recs   recs;
	struct nl_routes  routes;
	struct nl_links   links;
};

static void scene_done(struct scene *s)
{
	net_recs_done(&s->recs);
	vec_done(&s->routes);
	vec_done(&s->links);
}

static int make_new(const struct net_ctx *c, const struct net_conf *conf, struct nl *host, int router,
		    const struct uplink *u, struct scene *s, struct net_info *ret, struct err *e)
{
	auto_rec struct net_rec r = { 0 };
	auto_err struct err ignored = { 0 };

	if (nl_routes(host, &s->routes, e) < 0 || nl_links(host, &s->links, e) < 0 ||
	    plan_rec(conf, &s->recs, &s->routes, &s->links, &r, e) < 0)
		return -1;
	r.info.host_route = route_free(&s->routes, u, r.ipam.subnet);
	if (net_rec_write(c, &r, e) < 0)
		return -1;
	if (make_bridge(router, &r, e) < 0 || (r.info.host_route && set_host_route(host, u, &r, e) < 0)) {
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
	if (router < 0 || (rewired && restore_routes(&host, &u, &s->recs, e) < 0))
		return -1;
	old = find_rec(&s->recs, conf->id);
	if (!old)
		return make_new(c, conf, &host, router, &u, s, ret, e);
	if (make_bridge(router, old, e) < 0 || (old->info.host_route && set_host_route(&host, &u, old, e) < 0))
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
