/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/check.h"
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "parser/diag.h"

struct check {
	struct arena *arena;
	const struct node *root, *services, *off;
	struct errs *errs;
	struct warns *warns;
	struct map containers; /* container_name -> service key */
	const char *name;      /* service at hand */
	const struct node *service;
	int bad;
};

static const char *text_at(const struct node *map, const char *key)
{
	const char *s = node_text(node_get(map, key));

	return s ? s : "";
}

static int fault(struct check *c, struct srcpos pos, const char *key, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static int fault(struct check *c, struct srcpos pos, const char *key, const char *hint, const char *fmt, ...)
{
	auto_free char *path = xasprintf("services.%s%s%s", c->name, key ? "." : "", key ? key : ""), *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return c->bad = errs_model(c->errs, pos, path, hint, "service \"%s\" %s", c->name, text);
}

static const char *nearest_key(const struct node *map, const char *name)
{
	const char **names, *best;

	if (!map || map->kind != NODE_MAP)
		return NULL;
	names = xcalloc(map->n + 1, sizeof(*names));
	for (size_t i = 0; i < map->n; i++)
		names[i] = map->pairs[i].key;
	best = str_nearest(name, names);
	free(names);
	return best;
}

/* A reference into a top-level section. */
static void need(struct check *c, const char *section, const char *key, const char *name, struct srcpos pos,
		 const char *what)
{
	const struct node *all = node_get(c->root, section);
	const char *best;
	auto_free char *hint = NULL;

	if (node_get(all, name))
		return;
	best = nearest_key(all, name);
	hint = best ? xasprintf("did you mean `%s`?", best)
		    : xasprintf("declare it below the top-level key `%s`", section);
	fault(c, pos, key, hint, "refers to undefined %s %s", what, name);
}

/* ---- image, build ---- */

static void check_contexts(struct check *c, const struct node *build)
{
	const struct node *all = node_get(build, "additional_contexts");

	for (size_t i = 0; all && all->kind == NODE_MAP && i < all->n; i++) {
		const char *text = node_text(all->pairs[i].val);
		const struct node *target;
		if (!text || !str_starts(text, "service:"))
			continue;
		target = node_get(c->services, text + strlen("service:"));
		if (!target)
			fault(c, all->pairs[i].val->pos, "build.additional_contexts", NULL,
			      "takes context %s from the unknown service \"%s\"", all->pairs[i].key,
			      text + strlen("service:"));
		else if (!node_get(target, "build"))
			fault(c, all->pairs[i].val->pos, "build.additional_contexts", NULL,
			      "takes context %s from the service \"%s\", which has no build", all->pairs[i].key,
			      text + strlen("service:"));
	}
}

static void check_platforms(struct check *c, const struct node *build)
{
	const struct node *list = node_get(build, "platforms"), *platform = node_get(c->service, "platform");

	if (!list || list->kind != NODE_LIST || !list->n || !platform || !*text_at(c->service, "platform"))
		return;
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(node_text(list->items[i]), platform->text))
			return;
	fault(c, list->pos, "build.platforms", "add it to build.platforms",
	      "is for platform %s, which build.platforms lacks", platform->text);
}

static void check_build(struct check *c)
{
	const struct node *build = node_get(c->service, "build"), *inline_file;

	if (!build && !*text_at(c->service, "image") && !node_get(c->service, "provider"))
		fault(c, c->service->pos, NULL, "add `image:` or `build:`",
		      "has neither an image nor a build context specified");
	if (!build || build->kind != NODE_MAP)
		return;
	inline_file = node_get(build, "dockerfile_inline");
	if (inline_file && node_get(build, "dockerfile"))
		fault(c, inline_file->pos, "build", "keep one of them",
		      "declares mutually exclusive dockerfile and dockerfile_inline");
	check_contexts(c, build);
	check_platforms(c, build);
	const struct node *secrets = node_get(build, "secrets");
	for (size_t i = 0; secrets && secrets->kind == NODE_LIST && i < secrets->n; i++)
		need(c, "secrets", "build.secrets", text_at(secrets->items[i], "source"), secrets->items[i]->pos,
		     "build secret");
}

/* ---- references ---- */

static void check_networks(struct check *c)
{
	const struct node *nets = node_get(c->service, "networks"), *mode = node_get(c->service, "network_mode");
	const char *on;

	if (mode && *text_at(c->service, "network_mode") && nets && nets->n)
		fault(c, mode->pos, "network_mode", "keep one of them",
		      "declares mutually exclusive `network_mode` and `networks`");
	for (size_t i = 0; nets && nets->kind == NODE_MAP && i < nets->n; i++)
		need(c, "networks", "networks", nets->pairs[i].key, nets->pairs[i].key_pos, "network");
	on = text_at(c->service, "network_mode");
	/* Normalised, it is a dependency, too, and told as such. */
	if (str_starts(on, "service:") && !node_get(c->services, on + strlen("service:")) &&
	    !node_get(node_get(c->service, "depends_on"), on + strlen("service:")))
		fault(c, must(mode)->pos, "network_mode", NULL, "shares the network of service \"%s\", which is not there",
		      on + strlen("service:"));
}

static void check_dependency(struct check *c, const struct node_pair *p)
{
	const struct node *required = node_get(p->val, "required");
	bool off = node_get(c->off, p->key) != NULL;
	const char *best = nearest_key(c->services, p->key);
	auto_free char *hint = NULL;

	if (required && required->kind == NODE_BOOL && !required->b) {
		if (!off)
			warns_add(c->warns, p->key_pos,
				  "service \"%s\" depends on \"%s\", which is not there; it is not required", c->name,
				  p->key);
		return;
	}
	if (off)
		hint = xasprintf("enable a profile of \"%s\", or set `required: false`", p->key);
	else if (best)
		hint = xasprintf("did you mean `%s`?", best);
	fault(c, p->key_pos, "depends_on", hint, "depends on undefined service \"%s\"%s", p->key,
	      off ? " (its profiles are off)" : "");
}

static void check_depends(struct check *c)
{
	const struct node *deps = node_get(c->service, "depends_on");

	for (size_t i = 0; deps && deps->kind == NODE_MAP && i < deps->n; i++)
		if (!node_get(c->services, deps->pairs[i].key))
			check_dependency(c, &deps->pairs[i]);
}

static void check_files(struct check *c, const char *section, const char *what)
{
	const struct node *list = node_get(c->service, section);

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		need(c, section, section, text_at(list->items[i], "source"), list->items[i]->pos, what);
}

static void check_models(struct check *c)
{
	const struct node *models = node_get(c->service, "models");

	for (size_t i = 0; models && models->kind == NODE_MAP && i < models->n; i++)
		need(c, "models", "models", models->pairs[i].key, models->pairs[i].key_pos, "model");
}

/* ---- mounts ---- */

/* A mount needs a place of its own, seen from the root: of two on one path the second would hide the first. */
static void take_target(struct check *c, struct map *taken, const char *key, size_t i, const char *target,
			struct srcpos pos)
{
	char *at = arena_printf(c->arena, "%s[%zu]", key, i);
	const char *before = map_get(taken, target);

	if (*target != '/')
		fault(c, pos, at, "write the target as a path from the root of the container: /...",
		      "mounts on \"%s\", which is no absolute path", target);
	else if (before)
		fault(c, pos, at, NULL, "mounts twice on %s, the first time in %s", target, before);
	map_set(taken, target, at);
}

static void check_mounts(struct check *c)
{
	const struct node *tmpfs = node_get(c->service, "tmpfs"), *volumes = node_get(c->service, "volumes");
	auto_map struct map taken = {0};

	for (size_t i = 0; tmpfs && tmpfs->kind == NODE_LIST && i < tmpfs->n; i++) {
		const char *text = node_text(tmpfs->items[i]);
		if (text)
			take_target(c, &taken, "tmpfs", i, arena_strndup(c->arena, text, strcspn(text, ":")),
				    tmpfs->items[i]->pos);
	}
	for (size_t i = 0; volumes && volumes->kind == NODE_LIST && i < volumes->n; i++) {
		const struct node *v = volumes->items[i];
		if (v->kind != NODE_MAP)
			continue;
		take_target(c, &taken, "volumes", i, text_at(v, "target"), v->pos);
		if (str_eq(text_at(v, "type"), "volume") && *text_at(v, "source"))
			need(c, "volumes", "volumes", text_at(v, "source"), v->pos, "volume");
	}
}

/* ---- numbers given twice ---- */

static double number(const struct node *n)
{
	const char *text = node_text(n);

	return !n		       ? 0
	       : n->kind == NODE_INT   ? (double)n->i
	       : n->kind == NODE_FLOAT ? n->f
	       : text		       ? strtod(text, NULL)
				       : 0;
}

/* A limit block that lacks the field counts as zero, as in the reference loader. */
static void same_limit(struct check *c, const char *key, const char *block, const char *field)
{
	const struct node *mine = node_get(c->service, key), *theirs;
	const struct node *resources = node_get(node_get(c->service, "deploy"), "resources");

	theirs = node_get(resources, block);
	if (number(mine) == 0 || !theirs || theirs->kind != NODE_MAP)
		return;
	if ((float)number(mine) != (float)number(node_get(theirs, field)))
		fault(c, mine->pos, key, "give the same value twice, or only one of them",
		      "has distinct values for '%s' and 'deploy.resources.%s.%s'", key, block, field);
}

static void check_scale(struct check *c)
{
	const struct node *scale = node_get(c->service, "scale"), *deploy = node_get(c->service, "deploy");
	const struct node *replicas = node_get(deploy, "replicas"), *name = node_get(c->service, "container_name");
	const struct node *n = scale ? scale : replicas;

	if (scale && replicas && scale->kind == NODE_INT && replicas->kind == NODE_INT && scale->i != replicas->i)
		fault(c, scale->pos, "scale", "give one of them",
		      "has distinct values for 'scale' and 'deploy.replicas'");
	if (scale && number(scale) < 0)
		fault(c, scale->pos, "scale", NULL, "has a negative scale");
	if (replicas && number(replicas) < 0)
		fault(c, replicas->pos, "deploy.replicas", NULL, "has a negative number of replicas");
	if (name && *text_at(c->service, "container_name") && number(n) > 1)
		fault(c, name->pos, "container_name", "remove container_name, or run one container",
		      "has a container_name and %s above 1: container names are unique",
		      scale ? "scale" : "deploy.replicas");
}

static void check_name(struct check *c)
{
	const struct node *n = node_get(c->service, "container_name");
	const char *name = text_at(c->service, "container_name"), *other;

	if (!*name)
		return;
	other = map_get(&c->containers, name);
	if (other)
		fault(c, n->pos, "container_name", NULL, "has the container name \"%s\", as service \"%s\" has", name,
		      other);
	map_set(&c->containers, name, (char *)c->name);
}

static void one_service(struct check *c)
{
	check_build(c);
	check_networks(c);
	check_depends(c);
	check_mounts(c);
	check_files(c, "configs", "config");
	check_files(c, "secrets", "secret");
	check_models(c);
	check_scale(c);
	same_limit(c, "cpus", "limits", "cpus");
	same_limit(c, "mem_limit", "limits", "memory");
	same_limit(c, "mem_reservation", "reservations", "memory");
	same_limit(c, "pids_limit", "limits", "pids");
	check_name(c);
}

int check_project(struct arena *a, const struct node *root, const struct node *off, struct errs *errs,
		  struct warns *warns)
{
	struct check c = {.arena = a,
			  .root = root,
			  .services = node_get(root, "services"),
			  .off = off,
			  .errs = errs,
			  .warns = warns};

	if (!c.services || c.services->kind != NODE_MAP)
		return 0;
	for (size_t i = 0; i < c.services->n; i++) {
		c.name = c.services->pairs[i].key;
		c.service = c.services->pairs[i].val;
		one_service(&c);
	}
	map_done(&c.containers);
	if (check_nets(a, node_get(root, "networks"), c.services, errs) < 0)
		c.bad = -1;
	check_ports(a, c.services, warns);
	if (check_cycles(c.services, errs) < 0)
		c.bad = -1;
	return c.bad;
}
