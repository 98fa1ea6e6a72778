/* SPDX-License-Identifier: Apache-2.0 */
/* settle_elem.c - defaults and checks within one element: a build, a port, a mount, a volume, a secret ... */
#include "compose/base/str.h"
#include "parser/paths.h"
#include "parser/schema_hooks.h"
#include "parser/value.h"
#include "parser/walk.h"

int settle_build(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	if ((*n)->kind == NODE_MAP && !node_get(*n, "context"))
		walk_put_text(w, *n, "context", ".", (*n)->pos);
	return 0;
}

static bool is_protocol(const char *s)
{
	return str_eq(s, "tcp") || str_eq(s, "udp") || str_eq(s, "sctp");
}

/* A text that can be judged: there, a scalar, and not left as written. */
static bool judged(const struct node *n)
{
	return node_text(n) && !n->deferred;
}

static int check_port(const struct walk *w, struct node *port, const struct where *at)
{
	const struct node *ip = node_get(port, "host_ip"), *target = node_get(port, "target");
	const struct node *protocol = node_get(port, "protocol"), *published = node_get(port, "published");
	uint16_t first, last;

	if (!target)
		return walk_fault(w, port->pos, at, NULL, "lacks the key `target`, the container's port");
	if (target->kind == NODE_INT && (target->i < 1 || target->i > 65535))
		return walk_fault(w, target->pos, at, NULL, "the container port %s is not within 1-65535",
				  target->text);
	if (judged(ip) && !value_ip(ip->text))
		return walk_fault(w, ip->pos, at, NULL, "\"%s\" is no IP address", ip->text);
	if (judged(protocol) && !is_protocol(protocol->text))
		return walk_fault(w, protocol->pos, at, NULL, "the protocol must be tcp, udp or sctp, not \"%s\"",
				  protocol->text);
	if (judged(published) && *published->text && !value_port_range(published->text, &first, &last))
		return walk_fault(w, published->pos, at, NULL, "\"%s\" is no port or range of ports within 0-65535",
				  published->text);
	return 0;
}

int settle_port(const struct walk *w, struct node **n, const struct where *at)
{
	struct node_pair *published;

	if ((*n)->kind != NODE_MAP)
		return 0;
	published = node_pair(*n, "published");
	if (published)
		settle_text(w, &published->val, at);
	if (!node_get(*n, "protocol"))
		walk_put_text(w, *n, "protocol", "tcp", (*n)->pos);
	if (!node_get(*n, "mode"))
		walk_put_text(w, *n, "mode", "ingress", (*n)->pos);
	return check_port(w, *n, at);
}

int settle_secret_mount(const struct walk *w, struct node **n, const struct where *at)
{
	const char *source = node_text(node_get(*n, "source"));

	(void)at;
	if ((*n)->kind == NODE_MAP && source && !node_get(*n, "target"))
		walk_put_text(w, *n, "target", arena_printf(w->arena, "/run/secrets/%s", source), (*n)->pos);
	return 0;
}

int settle_device_request(const struct walk *w, struct node **n, const struct where *at)
{
	const struct node *count = node_get(*n, "count"), *ids = node_get(*n, "device_ids");

	if (count && ids)
		return walk_fault(w, ids->pos, at, "keep one of them", "count and device_ids exclude each other");
	if (!count && !ids)
		walk_put(w, *n, "count", node_int(w->arena, -1, (*n)->pos));
	return 0;
}

int settle_bind(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	if (!node_get(*n, "create_host_path"))
		walk_put_bool(w, *n, "create_host_path", true, (*n)->pos);
	return 0;
}

int settle_mount(const struct walk *w, struct node **n, const struct where *at)
{
	const char *type = node_text(node_get(*n, "type"));
	struct node *source = node_get(*n, "source"), *target = node_get(*n, "target");

	if ((*n)->kind != NODE_MAP)
		return 0;
	if (!target)
		return walk_fault(w, (*n)->pos, at, NULL, "lacks the key `target`, the path in the container");
	if (str_eq(type, "bind") && (!source || !node_text(source) || !*source->text))
		return walk_fault(w, (*n)->pos, at, "name the host's path in `source`", "a bind mount needs a source");
	if (judged(target) && *target->text)
		walk_put_text(w, *n, "target", path_join(w->arena, "", target->text), target->pos);
	return 0;
}

int settle_trigger(const struct walk *w, struct node **n, const struct where *at)
{
	const struct node *path = node_get(*n, "path");
	const char *action = node_text(node_get(*n, "action"));

	if (path && node_text(path) && !*path->text)
		return walk_fault(w, path->pos, at, NULL, "the path is empty");
	if (!node_get(*n, "target") && str_starts(action ? action : "", "sync"))
		return walk_fault(w, (*n)->pos, at, "name the directory in the container", "action %s needs a target",
				  action);
	if (!node_get(*n, "exec")) { /* printed by the reference loader, too */
		struct node *exec = walk_map(w, (*n)->pos);
		walk_put(w, exec, "command", node_new(w->arena, NODE_NULL, (*n)->pos));
		walk_put(w, *n, "exec", exec);
	}
	return 0;
}

/* An empty name server (an unset variable) is no name server. */
int settle_dns(const struct walk *w, struct node **n, const struct where *at)
{
	const struct node *old = *n;
	struct node *list;

	(void)at;
	if (old->kind != NODE_LIST)
		return 0;
	list = node_new(w->arena, NODE_LIST, old->pos);
	for (size_t i = 0; i < old->n; i++)
		if (node_text(old->items[i]) && *old->items[i]->text)
			node_push(w->arena, list, old->items[i]);
	*n = list;
	return 0;
}

/* ---- top-level elements ---- */

static bool is_external(const struct node *n)
{
	const struct node *ext = node_get(n, "external");

	return ext && ext->kind == NODE_BOOL && ext->b;
}

/* An external resource is described elsewhere: nothing but its name may be given. */
static int external_alone(const struct walk *w, const struct node *n, const struct where *at)
{
	for (size_t i = 0; is_external(n) && i < n->n; i++) {
		const struct node_pair *p = &n->pairs[i];
		if (!str_eq(p->key, "name") && !str_eq(p->key, "external") && !str_starts(p->key, "x-"))
			return walk_fault(w, p->key_pos, at, "an external resource has only a name",
					  "conflicting parameters \"external\" and \"%s\"", p->key);
	}
	return 0;
}

int settle_volume(const struct walk *w, struct node **n, const struct where *at)
{
	return external_alone(w, *n, at);
}

static int one_source(const struct walk *w, const struct node *n, const struct where *at, const char *const *keys,
		      const char *list)
{
	const char *first = NULL;

	for (; *keys; keys++) {
		const struct node_pair *p = node_pair(n, *keys);
		if (p && first)
			return walk_fault(w, p->key_pos, at, "keep one of them", "%s and %s exclude each other", first,
					  *keys);
		if (p)
			first = *keys;
	}
	if (!first && !node_get(n, "driver") && !node_get(n, "external"))
		return walk_fault(w, n->pos, at, NULL, "needs one of %s", list);
	return 0;
}

int settle_secret(const struct walk *w, struct node **n, const struct where *at)
{
	return one_source(w, *n, at, (const char *const[]){"file", "environment", NULL}, "file or environment");
}

int settle_config(const struct walk *w, struct node **n, const struct where *at)
{
	return one_source(w, *n, at, (const char *const[]){"file", "environment", "content", NULL},
			  "file, environment or content");
}
