/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/normal.h"
#include "compose/base/str.h"

static void put_text(const struct normal *c, struct node *map, const char *key, const char *text)
{
	node_put(c->arena, map, key, map->pos, node_str(c->arena, text, map->pos));
}

static struct node *put_map(const struct normal *c, struct node *map, const char *key, struct srcpos pos)
{
	struct node *sub = node_new(c->arena, NODE_MAP, pos);

	node_put(c->arena, map, key, pos, sub);
	return sub;
}

/* ---- networks ---- */

/* ret: whether the service is on the network `default` */
static bool join_default(const struct normal *c, struct node *service)
{
	struct node *nets;

	if (node_get(service, "provider") || node_get(service, "network_mode"))
		return false;
	nets = node_get(service, "networks");
	if (!nets || nets->kind != NODE_MAP || !nets->n) {
		nets = put_map(c, service, "networks", service->pos);
		node_put(c->arena, nets, "default", service->pos, node_new(c->arena, NODE_NULL, service->pos));
	}
	return node_get(nets, "default") != NULL;
}

static void networks(const struct normal *c, struct node *root, const struct node *services)
{
	struct node *nets = node_get(root, "networks");
	bool used = false;

	for (size_t i = 0; services && i < services->n; i++)
		used |= join_default(c, services->pairs[i].val);
	if (!used || node_get(nets, "default"))
		return;
	if (!nets)
		nets = put_map(c, root, "networks", root->pos);
	node_put(c->arena, nets, "default", root->pos, node_new(c->arena, NODE_NULL, root->pos));
}

/* ---- variables without a value ---- */

/* Take the value from the environment; keep: an unset one stays null, else it goes. */
static void resolve_env(const struct normal *c, struct node *vars, bool keep)
{
	for (size_t i = 0; vars && vars->kind == NODE_MAP && i < vars->n;) {
		struct node_pair *p = &vars->pairs[i];
		const char *val = p->val->kind == NODE_NULL ? map_get(c->env, p->key) : NULL;
		if (val) {
			struct node_origin *o = arena_new(c->arena, struct node_origin);

			*o = (struct node_origin){ arena_printf(c->arena, "variable %s", p->key), p->val->pos, NULL };
			p->val = node_str(c->arena, val, p->val->pos);
			p->val->origin = o;
		}
		if (p->val->kind == NODE_NULL && !keep)
			node_del(vars, p->key);
		else
			i++;
	}
}

static void build(const struct normal *c, struct node *service)
{
	struct node *b = node_get(service, "build");

	if (!b || b->kind != NODE_MAP)
		return;
	if (!node_get(b, "context"))
		put_text(c, b, "context", ".");
	if (!node_get(b, "dockerfile") && !node_get(b, "dockerfile_inline"))
		put_text(c, b, "dockerfile", "Dockerfile");
	resolve_env(c, node_get(b, "args"), false);
}

/* ---- implied dependencies ---- */

static void depend(const struct normal *c, struct node *service, const char *on, bool restart, struct srcpos pos)
{
	struct node *deps = node_get(service, "depends_on"), *dep;

	if (!deps)
		deps = put_map(c, service, "depends_on", pos);
	if (node_get(deps, on))
		return;
	dep = put_map(c, deps, on, pos);
	put_text(c, dep, "condition", "service_started");
	node_put(c->arena, dep, "required", pos, node_bool(c->arena, true, pos));
	if (restart)
		node_put(c->arena, dep, "restart", pos, node_bool(c->arena, true, pos));
}

/* For "name:more" items: the name. */
static void depend_on_items(const struct normal *c, struct node *service, const char *key, bool restart)
{
	const struct node *list = node_get(service, key);

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const char *text = node_text(list->items[i]);
		if (!text || list->items[i]->deferred || str_starts(text, "container:"))
			continue;
		depend(c, service, arena_strndup(c->arena, text, strcspn(text, ":")), restart, list->items[i]->pos);
	}
}

static void implied(const struct normal *c, struct node *service)
{
	static const char *const spaces[] = {"network_mode", "ipc", "pid", "uts", "cgroup"};

	depend_on_items(c, service, "links", true);
	for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
		const struct node *n = node_get(service, spaces[i]);
		const char *text = node_text(n);
		if (text && str_starts(text, "service:"))
			depend(c, service, text + strlen("service:"), true, n->pos);
	}
	depend_on_items(c, service, "volumes_from", false);
}

/* ---- the rest ---- */

static void pre_start_image(const struct normal *c, struct node *service)
{
	const struct node *hooks = node_get(service, "pre_start");
	const char *image = node_text(node_get(service, "image"));

	for (size_t i = 0; image && *image && hooks && hooks->kind == NODE_LIST && i < hooks->n; i++)
		if (!node_get(hooks->items[i], "image"))
			put_text(c, hooks->items[i], "image", image);
}

/* What the reference prints though it was not given: null stands for "as the image says". */
static void shown_nulls(const struct normal *c, struct node *service)
{
	if (!node_get(service, "command"))
		node_put(c->arena, service, "command", service->pos, node_new(c->arena, NODE_NULL, service->pos));
	if (!node_get(service, "entrypoint"))
		node_put(c->arena, service, "entrypoint", service->pos, node_new(c->arena, NODE_NULL, service->pos));
}

static void one_service(const struct normal *c, struct node *service)
{
	shown_nulls(c, service);
	if (str_eq(node_text(node_get(service, "pull_policy")), "if_not_present"))
		put_text(c, service, "pull_policy", "missing");
	build(c, service);
	resolve_env(c, node_get(service, "environment"), true);
	implied(c, service);
	pre_start_image(c, service);
}

/* PROJECT_KEY, or the key itself for what exists already */
static void real_names(const struct normal *c, struct node *root, const char *section)
{
	struct node *all = node_get(root, section);

	for (size_t i = 0; all && all->kind == NODE_MAP && i < all->n; i++) {
		struct node_pair *p = &all->pairs[i];
		const struct node *ext;
		if (p->val->kind == NODE_NULL)
			p->val = node_new(c->arena, NODE_MAP, p->val->pos);
		ext = node_get(p->val, "external");
		if (node_get(p->val, "name"))
			continue;
		if (ext && ext->kind == NODE_BOOL && ext->b)
			put_text(c, p->val, "name", p->key);
		else
			put_text(c, p->val, "name", arena_printf(c->arena, "%s_%s", c->project, p->key));
	}
}

static void ipam(const struct normal *c, struct node *nets)
{
	for (size_t i = 0; nets && nets->kind == NODE_MAP && i < nets->n; i++)
		if (!node_get(nets->pairs[i].val, "ipam"))
			put_map(c, nets->pairs[i].val, "ipam", nets->pairs[i].key_pos);
}

void normal_apply(const struct normal *c, struct node *root)
{
	struct node *services = node_get(root, "services");

	networks(c, root, services);
	for (size_t i = 0; services && i < services->n; i++)
		one_service(c, services->pairs[i].val);
	real_names(c, root, "networks");
	real_names(c, root, "volumes");
	real_names(c, root, "configs");
	real_names(c, root, "secrets");
	ipam(c, node_get(root, "networks"));
}
