/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/diff.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "graph/hash.h"

static bool has(const char *const *v, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i], s))
			return true;
	return false;
}

static const char *config_cause(struct arena *a, const struct service *s, const struct observed_ctr *c)
{
	struct srcpos at = {0};
	const char *what = c->config ? service_difference(a, c->config, s, &at) : "configuration changed";

	if (!at.line)
		return what;
	return arena_printf(a, "%s, %s:%u:%u", what, at.file, at.line, at.col);
}

static const char *attachment_cause(struct arena *a, const struct project *p, const struct service *s,
				    const struct observed_ctr *c)
{
	for (size_t i = 0; i < s->n_networks; i++) {
		const struct network *n = project_network(p, s->networks[i].network);

		if (n && !has(c->networks, c->n_networks, n->name))
			return arena_printf(a, "not attached to network %s", n->name);
	}
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct volume *v = s->mounts[i].kind == MOUNT_VOLUME && *s->mounts[i].source ?
			project_volume(p, s->mounts[i].source) : NULL;

		if (v && !has(c->volumes, c->n_volumes, v->name))
			return arena_printf(a, "does not mount volume %s", v->name);
	}
	return NULL;
}

const char *diff_ctr(struct arena *a, const struct project *p, const struct service *s, const struct observed_ctr *c,
		     const char *hash, const char *image_id, enum recreate how)
{
	if (how == RECREATE_NEVER)
		return NULL;
	if (how == RECREATE_FORCE)
		return "--force-recreate";
	if (c->state == CTR_DEAD)
		return "its last removal failed half-way";
	if (!str_eq(c->config_hash, hash))
		return config_cause(a, s, c);
	if (*image_id && !str_eq(c->image_id, image_id))
		return arena_printf(a, "image %s changed", *s->image ? s->image : s->name);
	return attachment_cause(a, p, s, c);
}

struct resource { const char *section, *key, *hash, *was; const struct node *tree; struct srcpos pos; json_t *config; };

static struct drift drift_of(struct arena *a, const struct resource *r, const char *hash_today)
{
	struct drift d = { .at = r->pos };
	struct srcpos at = {0};
	const char *what;

	if (!*r->hash || str_eq(r->hash, hash_today))
		return d;
	what = r->was ? config_difference(a, r->was, r->config, "labels", r->tree, &at) : "configuration changed";
	if (!what) {
		d.in_place = true;
		what = config_difference(a, r->was, r->config, NULL, r->tree, &at);
	}
	if (at.line)
		d.at = at;
	d.cause = arena_printf(a, "%s.%s%s%s, %s:%u:%u", r->section, r->key, what && r->was ? "." : ": ",
			       what ? what : "configuration changed", d.at.file ? d.at.file : "", d.at.line, d.at.col);
	return d;
}

struct drift diff_net(struct arena *a, const struct network *n, const struct observed_net *have)
{
	auto_json json_t *config = network_config(n);
	const struct resource r = { "networks", n->key, have->hash, have->config, n->tree, n->pos, config };
	char hash[65];

	network_hash(n, hash);
	return drift_of(a, &r, hash);
}

struct drift diff_vol(struct arena *a, const struct volume *v, const struct observed_vol *have)
{
	auto_json json_t *config = volume_config(v);
	const struct resource r = { "volumes", v->key, have->hash, have->config, v->tree, v->pos, config };
	char hash[65];

	volume_hash(v, hash);
	return drift_of(a, &r, hash);
}
