/* SPDX-License-Identifier: Apache-2.0 */
/* check_ports.c - ports that are not published: those that more than one entry asks for, those of a service without network. */
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
static void without_network(const char *name, const struct node *service, const struct node *list, struct warns *warns)
{
	const char *mode = text_of(service, "network_mode");

	if (str_eq(mode, "host"))
		warns_add(warns, list->pos, "services.%s.ports: left out with network_mode: host, where the service listens on the host itself",
			  name);
	else if (str_eq(mode, "none") || str_starts(mode, "container:"))
		warns_add(warns, list->pos, "services.%s.ports: left out with network_mode: %s", name, mode);
	else if (str_starts(mode, "service:"))
		warns_add(warns, list->pos, "services.%s.ports: left out, publish them at service %s, whose network it is", name,
			  mode + strlen("service:"));
}

void check_ports(struct arena *a, const struct node *services, struct warns *warns)
{
	auto_map struct map all = {0};

	for (size_t i = 0; i < services->n; i++) {
		const struct node *service = services->pairs[i].val, *list = node_get(service, "ports");

		if (list && list->kind == NODE_LIST && list->n)
			without_network(services->pairs[i].key, service, list, warns);
		for (size_t j = 0; list && list->kind == NODE_LIST && j < list->n; j++)
			one_port(a, &all, list->items[j],
				 arena_printf(a, "services.%s.ports[%zu]", services->pairs[i].key, j), warns);
	}
}
