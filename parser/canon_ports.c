/* SPDX-License-Identifier: Apache-2.0 */
/* canon_ports.c - the short form of a service's ports; one entry may become many.   spec: compose-spec 05-services
 * "ports" */
#include "parser/schema_hooks.h"
#include "parser/value.h"
#include "parser/walk.h"

enum { PORTS_MAX = 200000 }; /* of one document: "1-65535" in every service would fill the memory */

static struct node *port_node(const struct walk *w, const struct port_spec *spec, const struct port_pair *pair,
			      struct srcpos pos)
{
	struct node *port = walk_map(w, pos);
	char published[16];

	walk_put_text(w, port, "mode", "ingress", pos);
	if (*spec->host_ip)
		walk_put_text(w, port, "host_ip", spec->host_ip, pos);
	walk_put(w, port, "target", node_int(w->arena, pair->target, pos));
	if (pair->published_end > pair->published)
		snprintf(published, sizeof(published), "%u-%u", pair->published, pair->published_end);
	else
		snprintf(published, sizeof(published), "%u", pair->published);
	if (spec->has_published)
		walk_put_text(w, port, "published", published, pos);
	walk_put_text(w, port, "protocol", spec->protocol, pos);
	return port;
}

static int add_short(const struct walk *w, struct node *list, const struct node *item, const struct where *at)
{
	struct port_spec spec = {0};
	const char *why;

	if (*w->ports > PORTS_MAX)
		return -1; /* was told */
	why = value_ports(item->text, &spec);
	if (why)
		return walk_fault(w, item->pos, at, "write [ip:][host:]container[/protocol]", "\"%s\": %s", item->text,
				  why);
	*w->ports += spec.n;
	for (size_t i = 0; i < spec.n && *w->ports <= PORTS_MAX; i++) {
		struct node *port = port_node(w, &spec, &spec.pair[i], item->pos);
		port->origin = item->origin;
		node_push(w->arena, list, port);
	}
	free(spec.pair);
	if (*w->ports > PORTS_MAX)
		return walk_fault(w, item->pos, at, NULL, "the ranges of ports in this file come to more than %d ports",
				  PORTS_MAX);
	return 0;
}

int canon_ports(const struct walk *w, struct node **n, const struct where *at)
{
	const struct node *old = *n;
	struct node *list;
	int r = 0;

	if (old->kind != NODE_LIST)
		return 0;
	list = node_new(w->arena, NODE_LIST, old->pos);
	for (size_t i = 0; i < old->n; i++) {
		struct node *item = old->items[i];
		struct where here = {at, NULL, i};
		if (item->deferred || item->kind == NODE_MAP)
			node_push(w->arena, list, item);
		else if (!node_text(item) || add_short(w, list, item, &here) < 0)
			r = -1;
	}
	if (r == 0)
		*n = list;
	return r;
}
