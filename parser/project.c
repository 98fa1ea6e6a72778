/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/project.h"
#include "compose/base/str.h"
#include "parser/load.h"

/* Services, networks and volumes are sorted by their first member, which is the key. */
static int by_key(const void *key, const void *elem)
{
	return strcmp(key, *(const char *const *)elem);
}

static const void *find(const void *v, size_t n, size_t size, const char *key)
{
	return n ? bsearch(key, v, n, size, by_key) : NULL;
}

const struct service *project_service(const struct project *p, const char *name)
{
	return find(p->services, p->n_services, sizeof(*p->services), name);
}

int project_no_service(const struct project *p, const char *name, struct err *e)
{
	auto_free const char **names = xcalloc((p ? p->n_services : 0) + 1, sizeof(*names));
	const char *near;

	for (size_t i = 0; p && i < p->n_services; i++)
		names[i] = p->services[i].name;
	near = str_nearest(name, names);
	err_set(e, ERR_USAGE, 0, "no such service: %s", name);
	if (near)
		return err_hint(e, "did you mean %s?", near);
	return err_hint(e, "`compose %s` lists them", p && p->n_services ? "config --services" : "ps -a");
}

void project_default_platform(struct project *p, const char *platform)
{
	for (size_t i = 0; platform && *platform && i < p->n_services; i++)
		if (!*p->services[i].platform)
			p->services[i].platform = arena_strdup(&p->arena, platform);
}

struct srcpos service_pos(const struct service *s, const char *key)
{
	const struct node *n = node_path(s->tree, key);

	return n ? n->pos : s->pos;
}

const struct network *project_network(const struct project *p, const char *key)
{
	return find(p->networks, p->n_networks, sizeof(*p->networks), key);
}

const struct volume *project_volume(const struct project *p, const char *key)
{
	return find(p->volumes, p->n_volumes, sizeof(*p->volumes), key);
}

const char *project_env(const struct project *p, const char *name)
{
	return p->load ? load_env(p->load, name) : NULL;
}

int project_report(const struct project *p, struct errs *errs, FILE *f, bool colour)
{
	if (p && p->load)
		warns_report(&p->load->warns, f, colour);
	return errs->n ? diag_report(errs, p && p->load ? &p->load->src : NULL, f, colour) : 0;
}

/* p itself may live in its own arena, so the arena is moved out before it goes. */
void project_free(struct project *p)
{
	struct arena a;

	if (!p)
		return;
	a = p->arena;
	if (p->load)
		load_result_done(p->load);
	arena_done(&a);
}

const char *service_other_image(const struct service *s, size_t i)
{
	for (size_t k = 0; k < s->n_pre_start; k++)
		if (*s->pre_start[k].image && strcmp(s->pre_start[k].image, s->image) != 0 && i-- == 0)
			return s->pre_start[k].image;
	for (size_t k = 0; k < s->n_mounts; k++)
		if (s->mounts[k].kind == MOUNT_IMAGE && i-- == 0)
			return s->mounts[k].source;
	return NULL;
}

void project_give_env(struct project *p, struct service *s, const char *key, const char *val)
{
	struct node *env = node_get(s->tree, "environment"), *text = node_str(&p->arena, arena_strdup(&p->arena, val), s->pos);
	struct pkv *v = arena_alloc(&p->arena, (s->environment.n + 1) * sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < s->environment.n; i++)
		if (strcmp(s->environment.v[i].key, key) != 0)
			v[n++] = s->environment.v[i];
	v[n++] = (struct pkv){ arena_strdup(&p->arena, key), text->text, s->pos };
	s->environment = (struct pkvs){ v, n };
	if (!env) {
		env = node_new(&p->arena, NODE_MAP, s->pos);
		node_set(&p->arena, (struct node *)(uintptr_t)s->tree, "environment", s->pos, env);
	}
	node_set(&p->arena, env, v[n - 1].key, s->pos, text);
}

void project_environ(const struct project *p, struct strv *ret)
{
	for (size_t i = 0; p->load && i < p->load->env.n; i++)
		strv_take(ret, xasprintf("%s=%s", p->load->env.e[i].key, (const char *)p->load->env.e[i].val));
}
