/* SPDX-License-Identifier: Apache-2.0 */
/* check_net.c - addresses of networks, and of services on them, that cannot fit together. Whether one is free on this host is
 * for later. */
#include <arpa/inet.h>
#include <string.h>
#include "compose/base/str.h"
#include "parser/check.h"
#include "parser/model.h"

struct check {
	struct arena *arena;
	const struct node *nets;
	struct errs *errs;
	int bad;
};

static const char *text_at(const struct node *map, const char *key)
{
	const char *s = node_text(node_get(map, key));

	return s ? s : "";
}

static bool is_six(const char *address)
{
	return strchr(address, ':') != NULL;
}

/* ---- addresses ---- */

struct prefix { uint8_t b[16]; unsigned len; bool six; };

static bool read_address(const char *s, struct prefix *ret)
{
	*ret = (struct prefix){ .six = is_six(s) };
	ret->len = ret->six ? 128 : 32;
	return inet_pton(ret->six ? AF_INET6 : AF_INET, s, ret->b) == 1;
}

static bool read_prefix(const char *s, struct prefix *ret)
{
	const char *slash = strchr(s, '/');
	auto_free char *address = slash ? xstrndup(s, (size_t)(slash - s)) : NULL;
	uint64_t len;

	if (!address || !read_address(address, ret) || !str_to_u64(slash + 1, &len) || len > ret->len)
		return false;
	ret->len = (unsigned)len;
	return true;
}

static bool holds(const struct prefix *p, const struct prefix *a)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	return p->six == a->six && a->len >= p->len && !memcmp(p->b, a->b, whole) &&
	       (!rest || (p->b[whole] ^ a->b[whole]) >> (8 - rest) == 0);
}

/* One address or part of a pool. */
static void check_in(struct check *c, const struct prefix *subnet, const struct node *value, const char *key)
{
	const char *text = node_text(value);
	struct prefix p;

	if (!text || !*text || value->deferred)
		return;
	if (!(strchr(text, '/') ? read_prefix(text, &p) : read_address(text, &p)))
		c->bad = errs_model(c->errs, value->pos, key, NULL, "\"%s\" is not an address", text);
	else if (!holds(subnet, &p))
		c->bad = errs_model(c->errs, value->pos, key, NULL, "%s is not in the subnet of its pool", text);
}

/* in: had which kinds have been seen before */
static void check_pool(struct check *c, const struct node *pool, const char *key, bool had[2])
{
	const struct node *subnet = node_get(pool, "subnet"), *aux = node_get(pool, "aux_addresses");
	const char *text = text_at(pool, "subnet");
	struct prefix p;

	if (!*text || subnet->deferred)
		return;
	key = arena_printf(c->arena, "%s.subnet", key);
	if (!read_prefix(text, &p)) {
		c->bad = errs_model(c->errs, subnet->pos, key, "write it like 10.7.0.0/16 or fd12:3456:789a::/64",
				    "\"%s\" is not a subnet", text);
		return;
	}
	if (had[p.six])
		c->bad = errs_model(c->errs, subnet->pos, key, "make a second network, and connect the services to both",
				    "a second IPv%d subnet: a network has one of each kind", p.six ? 6 : 4);
	had[p.six] = true;
	check_in(c, &p, node_get(pool, "gateway"), key);
	check_in(c, &p, node_get(pool, "ip_range"), key);
	for (size_t i = 0; aux && aux->kind == NODE_MAP && i < aux->n; i++)
		check_in(c, &p, aux->pairs[i].val, key);
}

static void check_pools(struct check *c, const char *name, const struct node *net)
{
	const struct node *pools = node_get(node_get(net, "ipam"), "config"), *four = node_get(net, "enable_ipv4");
	bool had[2] = { false, false };

	if (four && !model_flag(net, "enable_ipv4", true) && !model_flag(net, "enable_ipv6", false))
		c->bad = errs_model(c->errs, four->pos, arena_printf(c->arena, "networks.%s.enable_ipv4", name),
				    "set enable_ipv6: true", "a network needs IPv4 or IPv6");
	for (size_t i = 0; pools && pools->kind == NODE_LIST && i < pools->n; i++)
		check_pool(c, pools->items[i], arena_printf(c->arena, "networks.%s.ipam.config[%zu]", name, i), had);
}

/* Does the file say the network's addresses of that kind? Those of an external one are known when it is there.
 * ret: 1 and *p, 0, or -1 when it cannot be told */
static int subnet_of(const struct node *net, bool six, struct prefix *p)
{
	const struct node *external = node_get(net, "external"), *pools = node_get(node_get(net, "ipam"), "config");

	if (external && (external->kind != NODE_BOOL || external->b))
		return -1;
	for (size_t i = 0; pools && pools->kind == NODE_LIST && i < pools->n; i++) {
		const struct node *subnet = node_get(pools->items[i], "subnet");
		const char *text = text_at(pools->items[i], "subnet");

		if (*text && (subnet->deferred || !read_prefix(text, p)))
			return -1;
		if (*text && p->six == six)
			return 1;
	}
	return 0;
}

/* A static address of one kind. */
struct wish { const char *service, *net, *key, *text; const struct node *node; bool six; };

static int no_subnet(struct check *c, const struct wish *w)
{
	const char *hint = arena_printf(c->arena, "add `networks: {%s: {%sipam: {config: [{subnet: ...}]}}}` with a subnet that holds it",
					w->net, w->six ? "enable_ipv6: true, " : "");

	return errs_model(c->errs, w->node->pos, w->key, hint,
			  "service \"%s\" has a static address on network %s, which has no%s subnet in the file", w->service,
			  w->net, w->six ? " IPv6" : "");
}

static int not_enabled(struct check *c, const struct wish *w)
{
	int v = w->six ? 6 : 4;
	const char *hint = arena_printf(c->arena, "set networks.%s.enable_ipv%d: true", w->net, v);

	return errs_model(c->errs, w->node->pos, w->key, hint, "service \"%s\" has an address on network %s, which has no IPv%d",
			  w->service, w->net, v);
}

/* An address of one's own needs a subnet that does not change: one that the file gives. */
static void check_static(struct check *c, const char *service, const struct node_pair *on, bool six)
{
	const char *attr = six ? "ipv6_address" : "ipv4_address";
	const struct node *net = node_get(c->nets, on->key);
	const struct wish w = { service, on->key, arena_printf(c->arena, "services.%s.networks.%s.%s", service, on->key, attr),
				text_at(on->val, attr), node_get(on->val, attr), six };
	struct prefix subnet, own;
	int known;

	if (!net || !*w.text || w.node->deferred)
		return;
	known = subnet_of(net, six, &subnet);
	if (!read_address(w.text, &own) || own.six != six)
		c->bad = errs_model(c->errs, w.node->pos, w.key, NULL, "\"%s\" is not an IPv%d address", w.text, six ? 6 : 4);
	else if (known == 0)
		c->bad = no_subnet(c, &w);
	else if (known > 0 && !holds(&subnet, &own))
		c->bad = errs_model(c->errs, w.node->pos, w.key, NULL, "%s is not in the subnet of network %s", w.text, on->key);
	else if (known > 0 && !model_flag(net, six ? "enable_ipv6" : "enable_ipv4", !six))
		c->bad = not_enabled(c, &w);
}

static void one_link_local(struct check *c, const struct wish *w, const struct node *net)
{
	static const struct prefix four = { { 169, 254 }, 16, false }, six = { { 0xfe, 0x80 }, 10, true };
	struct prefix own;

	if (!read_address(w->text, &own) || !(holds(&four, &own) || holds(&six, &own)))
		c->bad = errs_model(c->errs, w->node->pos, w->key, "write it like 169.254.8.8 or fe80::8",
				    "\"%s\" is not a link-local address", w->text);
	else if (own.six && !model_flag(net, "external", false) && !model_flag(net, "enable_ipv6", false))
		c->bad = not_enabled(c, w);
}

static void check_link_local(struct check *c, const char *service, const struct node_pair *on)
{
	const struct node *list = node_get(on->val, "link_local_ips"), *net = node_get(c->nets, on->key);

	for (size_t i = 0; net && list && list->kind == NODE_LIST && i < list->n; i++) {
		const struct wish w = { service, on->key,
					arena_printf(c->arena, "services.%s.networks.%s.link_local_ips[%zu]", service, on->key, i),
					node_text(list->items[i]), list->items[i], true };

		if (w.text && !w.node->deferred)
			one_link_local(c, &w, net);
	}
}

int check_nets(struct arena *a, const struct node *nets, const struct node *services, struct errs *errs)
{
	struct check c = { .arena = a, .nets = nets, .errs = errs };

	for (size_t i = 0; nets && nets->kind == NODE_MAP && i < nets->n; i++) {
		const struct node *net = nets->pairs[i].val;

		if (net->kind == NODE_MAP && !model_flag(net, "external", false))
			check_pools(&c, nets->pairs[i].key, net);
	}
	for (size_t i = 0; i < services->n; i++) {
		const struct node *on = node_get(services->pairs[i].val, "networks");

		for (size_t k = 0; on && on->kind == NODE_MAP && k < on->n; k++) {
			check_static(&c, services->pairs[i].key, &on->pairs[k], false);
			check_static(&c, services->pairs[i].key, &on->pairs[k], true);
			check_link_local(&c, services->pairs[i].key, &on->pairs[k]);
		}
	}
	return c.bad;
}
