/* SPDX-License-Identifier: Apache-2.0 */
/* check_ports.c - ports that are not published: those that more than one entry asks for; and what a service without a network of
 * its own cannot have. */
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "parser/check.h"

/* One entry; next: an earlier one with the same number and protocol, on another address. */
struct taken {
	const struct taken *next;
	const char *ip, *at;
};

static const char *text_of(const struct node *port, const char *key)
{
	const char *s = node_text(node_get(port, key));

	return s ? s : "";
}

/* "" and 0.0.0.0 are all addresses of IPv4, :: all there are. */
static bool overlap(const char *a, const char *b)
{
	bool all = !*a || !*b || str_eq(a, "0.0.0.0") || str_eq(b, "0.0.0.0") || str_eq(a, "::") || str_eq(b, "::");

	return all || str_eq(a, b);
}

/* A range is a choice, and no port is none. */
static bool is_fixed(const char *published)
{
	return *published && !strchr(published, '-') && !str_eq(published, "0");
}

static void one_port(struct arena *a, struct map *all, const struct node *port, const char *at, struct warns *warns)
{
	const char *published = text_of(port, "published"), *protocol = text_of(port, "protocol");
	const char *key = arena_printf(a, "%s/%s", published, *protocol ? protocol : "tcp");
	struct taken *here;

	if (port->kind != NODE_MAP || port->deferred || !is_fixed(published))
		return;
	here = arena_new(a, struct taken);
	*here = (struct taken){map_get(all, key), text_of(port, "host_ip"), at};
	for (const struct taken *t = here->next; t; t = t->next)
		if (overlap(t->ip, here->ip)) {
			warns_add(warns, port->pos, "%s asks for the host port %s, as %s does: only one of them can have it", at,
				  key, t->at);
			return;
		}
	map_set(all, key, here);
}

/* Who has no network of its own publishes nothing. */
static void unpublished(const char *name, const char *mode, const struct node *ports, struct warns *warns)
{
	if (str_eq(mode, "host"))
		warns_add(warns, ports->pos, "services.%s.ports: left out with network_mode: host, where the service listens on the host itself",
			  name);
	else if (str_eq(mode, "none"))
		warns_add(warns, ports->pos, "services.%s.ports: left out with network_mode: none", name);
}

/* Who lives in the network of another has its names and its ports. */
static void shared(const char *name, const char *mode, const struct node *service, struct warns *warns)
{
	static const char *const theirs[] = { "ports", "hostname", "domainname", "extra_hosts", "dns", "dns_search", "dns_opt",
		"links", "mac_address" };

	for (size_t i = 0; i < ARRAY_LEN(theirs); i++) {
		const struct node *n = node_get(service, theirs[i]);

		if (n && n->kind != NODE_NULL && !(n->kind == NODE_LIST && !n->n))
			warns_add(warns, n->pos, "services.%s.%s: left out with network_mode: %s, give it to the one whose network it is", name,
				  theirs[i], mode);
	}
}

static void without_network(const char *name, const struct node *service, struct warns *warns)
{
	const struct node *ports = node_get(service, "ports");
	const char *mode = text_of(service, "network_mode");

	if (str_starts(mode, "service:") || str_starts(mode, "container:"))
		shared(name, mode, service, warns);
	else if (ports && ports->kind == NODE_LIST && ports->n)
		unpublished(name, mode, ports, warns);
}

void check_ports(struct arena *a, const struct node *services, struct warns *warns)
{
	auto_map struct map all = {0};

	for (size_t i = 0; i < services->n; i++) {
		const struct node *service = services->pairs[i].val, *list = node_get(service, "ports");

		without_network(services->pairs[i].key, service, warns);
		for (size_t j = 0; list && list->kind == NODE_LIST && j < list->n; j++)
			one_port(a, &all, list->items[j],
				 arena_printf(a, "services.%s.ports[%zu]", services->pairs[i].key, j), warns);
	}
}
