/* SPDX-License-Identifier: Apache-2.0 */
/* unsupported.c - what a model asks for that this program does not carry out: told before anything is begun. */
#include "compose/base/str.h"
#include "parser/load.h"
#include "parser/model.h"
#include "parser/schema.h"
#include "parser/value.h"

static bool wanted(const char *const *names, const char *name)
{
	if (!names || !*names)
		return true;
	for (; *names; names++)
		if (str_eq(*names, name))
			return true;
	return false;
}

static int refuse(struct errs *errs, struct srcpos pos, const char *path, const char *text)
{
	return errs_model(errs, pos, path, NULL, "%s", text);
}

/* Values (not keys) that the engine of the reference refuses when a container is made. */
static int service_values(const struct service *s, const char *path, struct errs *errs)
{
	const struct node *restart = node_get(s->tree, "restart");
	const char *text = node_text(restart);
	int64_t n;
	int r = 0;

	if (s->health.start_interval_ns > 0 && s->health.start_period_ns <= 0)
		r = refuse(errs, s->health.pos, path, "healthcheck.start_interval needs a start_period");
	if (text && *text && !str_eq(text, "no") && !str_eq(text, "always") && !str_eq(text, "unless-stopped") &&
	    !str_eq(text, "on-failure") && !(str_starts(text, "on-failure:") && value_i64(text + strlen("on-failure:"), &n) && n >= 0))
		r = errs_model(errs, restart->pos, path, "write no, always, on-failure[:N] or unless-stopped",
			       "\"%s\" is no restart policy", text);
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct node *list = node_get(s->tree, "volumes");
		const char *type = list && list->kind == NODE_LIST && i < list->n ? model_text(list->items[i], "type") : "";
		if (str_eq(type, "npipe") || str_eq(type, "cluster"))
			r = errs_model(errs, s->mounts[i].pos, path, NULL, "a mount of type %s is not supported", type);
	}
	return r;
}

static int one_service(struct project *p, const struct service *s, struct errs *errs)
{
	auto_free char *path = xasprintf("services.%s", s->name);
	int r = schema_unsupported(&schema_service, s->tree, path, errs, &p->load->warns);

	return service_values(s, path, errs) < 0 ? -1 : r;
}

static int section(struct project *p, const char *name, const struct keys *k, const char *key, struct errs *errs)
{
	auto_free char *path = xasprintf("%s.%s", name, key);

	return schema_unsupported(k, node_get(node_get(p->tree, name), key), path, errs, &p->load->warns);
}

static int file_sources(struct project *p, const char *name, const struct keys *k, const struct filesource *v, size_t n,
			struct errs *errs)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		r |= section(p, name, k, v[i].key, errs);
		if (v[i].external)
			r |= errs_model(errs, v[i].pos, name, "name a file or an environment variable",
					"external %s are not supported: there is no store that could hold \"%s\"", name, v[i].key);
	}
	return r;
}

int project_unsupported(struct project *p, const char *const *names, struct errs *errs)
{
	int r = 0;

	if (!p->load)
		return 0;
	for (size_t i = 0; i < p->n_services; i++)
		if (wanted(names, p->services[i].name))
			r |= one_service(p, &p->services[i], errs);
	for (size_t i = 0; i < p->n_networks; i++)
		r |= section(p, "networks", &schema_network, p->networks[i].key, errs);
	for (size_t i = 0; i < p->n_volumes; i++)
		r |= section(p, "volumes", &schema_volume, p->volumes[i].key, errs);
	r |= file_sources(p, "secrets", &schema_secret, p->secrets, p->n_secrets, errs);
	r |= file_sources(p, "configs", &schema_config, p->configs, p->n_configs, errs);
	return r ? -1 : 0;
}
