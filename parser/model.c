/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - values of nodes, and the top-level elements. Services are in model_service.c. */
#include "parser/model.h"
#include "compose/base/str.h"
#include "parser/load.h"
#include "parser/model_parts.h"
#include "parser/netopts.h"
#include "parser/value.h"

/* ---- values ---- */

const char *model_text(const struct node *map, const char *key)
{
	const char *s = node_text(node_get(map, key));

	return s ? s : "";
}

int64_t model_int(const struct node *map, const char *key, int64_t dflt)
{
	const struct node *n = node_get(map, key);

	return n ? node_whole(n, dflt) : dflt;
}

bool model_flag(const struct node *map, const char *key, bool dflt)
{
	const struct node *n = node_get(map, key);

	return n && n->kind == NODE_BOOL ? n->b : dflt;
}

int64_t model_duration(const struct node *map, const char *key)
{
	int64_t ns;

	return value_duration(model_text(map, key), &ns) ? ns : -1;
}

struct pstrs model_texts(struct arena *a, const struct node *list)
{
	struct pstrs out = {0};
	size_t n = list && list->kind == NODE_LIST ? list->n : 0;

	out.v = arena_alloc(a, (n + 1) * sizeof(*out.v));
	for (size_t i = 0; i < n; i++)
		if (node_text(list->items[i]))
			out.v[out.n++] = (char *)list->items[i]->text;
	return out;
}

struct pkvs model_pairs(struct arena *a, const struct node *map)
{
	struct pkvs out = {0};
	size_t n = map && map->kind == NODE_MAP ? map->n : 0;

	if (!n)
		return out;
	out.v = arena_alloc(a, n * sizeof(*out.v));
	for (size_t i = 0; i < n; i++)
		out.v[out.n++] = (struct pkv){map->pairs[i].key, node_text(map->pairs[i].val), map->pairs[i].key_pos};
	return out;
}

/* ---- top-level elements ---- */

static void pools(struct project *p, struct network *net, const struct node *list)
{
	if (!list || list->kind != NODE_LIST || !list->n)
		return;
	net->pools = arena_alloc(&p->arena, list->n * sizeof(*net->pools));
	for (size_t i = 0; i < list->n; i++)
		net->pools[net->n_pools++] = (struct ipam_pool){
			.subnet = model_text(list->items[i], "subnet"),
			.gateway = model_text(list->items[i], "gateway"),
			.ip_range = model_text(list->items[i], "ip_range"),
			.aux = model_pairs(&p->arena, node_get(list->items[i], "aux_addresses")),
		};
}

static void one_network(struct project *p, struct network *net, const struct node_pair *pair)
{
	const struct node *n = pair->val, *opts = node_get(n, "driver_opts");
	uint64_t mtu;
	bool icc, old;

	*net = (struct network){
		.key = pair->key,
		.name = model_text(n, "name"),
		.driver = model_text(n, "driver"),
		.external = model_flag(n, "external", false),
		.internal = model_flag(n, "internal", false),
		.no_ipv4 = !model_flag(n, "enable_ipv4", true),
		.enable_ipv6 = model_flag(n, "enable_ipv6", false),
		.attachable = model_flag(n, "attachable", false),
		.driver_opts = model_pairs(&p->arena, node_get(n, "driver_opts")),
		.labels = model_pairs(&p->arena, node_get(n, "labels")),
		.host_binding = model_text(opts, NET_OPT_BINDING),
		.iface_prefix = model_text(opts, NET_OPT_PREFIX),
		.tree = n,
		.pos = pair->key_pos,
	};
	if (value_bool(model_text(opts, NET_OPT_ICC), &icc, &old))
		net->no_icc = !icc;
	if (str_to_u64(model_text(opts, NET_OPT_MTU), &mtu) && mtu <= NET_MTU_MAX)
		net->mtu = (int)mtu;
	pools(p, net, node_get(node_get(n, "ipam"), "config"));
}

static void one_volume(struct project *p, struct volume *v, const struct node_pair *pair)
{
	const struct node *n = pair->val;

	*v = (struct volume){
		.key = pair->key,
		.name = model_text(n, "name"),
		.driver = model_text(n, "driver"),
		.external = model_flag(n, "external", false),
		.driver_opts = model_pairs(&p->arena, node_get(n, "driver_opts")),
		.labels = model_pairs(&p->arena, node_get(n, "labels")),
		.tree = n,
		.pos = pair->key_pos,
	};
}

static void one_source(struct filesource *f, const struct node_pair *pair)
{
	const struct node *n = pair->val;

	*f = (struct filesource){
		.key = pair->key,
		.name = model_text(n, "name"),
		.file = node_text(node_get(n, "file")),
		.environment = node_text(node_get(n, "environment")),
		.content = node_text(node_get(n, "content")),
		.external = model_flag(n, "external", false),
		.pos = pair->key_pos,
	};
}

static void one_secret(struct project *p, struct filesource *f, const struct node_pair *pair)
{
	one_source(f, pair);
	if (f->environment && p->load)
		f->value = load_source_env(p->load, "secrets", f->key);
}

static void one_config(struct project *p, struct filesource *f, const struct node_pair *pair)
{
	one_source(f, pair);
	if (f->environment && p->load)
		f->value = load_source_env(p->load, "configs", f->key);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Fill one array with a section, sorted by key. */
#define FILL(p, section, v, count, one)                                                                                \
	do {                                                                                                           \
		const struct node *all_ = node_get((p)->tree, section);                                                \
		const size_t n_ = all_ && all_->kind == NODE_MAP ? all_->n : 0;                                        \
		(v) = arena_alloc(&(p)->arena, (n_ + 1) * sizeof(*(v)));                                               \
		for (size_t i_ = 0; i_ < n_; i_++)                                                                     \
			one(p, &(v)[i_], &all_->pairs[i_]);                                                            \
		(count) = n_;                                                                                          \
		if (n_)                                                                                                \
			qsort(v, n_, sizeof(*(v)), by_key);                                                            \
	} while (0)

static void services(struct project *p)
{
	const struct node *all = node_get(p->tree, "services");
	size_t n = all && all->kind == NODE_MAP ? all->n : 0;

	p->services = arena_alloc(&p->arena, (n + 1) * sizeof(*p->services));
	for (size_t i = 0; i < n; i++) {
		p->services[i].name = all->pairs[i].key;
		p->services[i].pos = all->pairs[i].key_pos;
		model_service(p, &p->services[i], all->pairs[i].val);
	}
	p->n_services = n;
	if (n)
		qsort(p->services, n, sizeof(*p->services), by_key);
}

void model_fill(struct project *p, const struct node *off)
{
	services(p);
	FILL(p, "networks", p->networks, p->n_networks, one_network);
	FILL(p, "volumes", p->volumes, p->n_volumes, one_volume);
	FILL(p, "secrets", p->secrets, p->n_secrets, one_secret);
	FILL(p, "configs", p->configs, p->n_configs, one_config);
	p->inactive.v = arena_alloc(&p->arena, (off->n + 1) * sizeof(*p->inactive.v));
	for (size_t i = 0; i < off->n; i++)
		p->inactive.v[p->inactive.n++] = (char *)off->pairs[i].key;
	if (off->n)
		qsort(p->inactive.v, off->n, sizeof(*p->inactive.v), by_key);
}
