/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/to_build.h"
#include "compose/base/str.h"
#include "compose/engine/engine_priv.h"
#include "compose/engine/giturl.h"
#include "compose/engine/observe.h"
#include "compose/engine/remote.h"
#include "compose/runtime/limits.h"

/* Build arguments: the file's, then --build-arg; a bare key takes the environment's value. Texts live in keep. */
static void build_args(struct engine *en, const struct build *bu, struct build_kv **ret, size_t *ret_n, struct strv *keep)
{
	const struct strv *more = en->o.build_args;
	struct build_kv *v = xcalloc(bu->args.n + (more ? more->n : 0), sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < bu->args.n; i++)
		if (bu->args.v[i].val)
			v[n++] = (struct build_kv){ bu->args.v[i].key, bu->args.v[i].val };
	for (size_t i = 0; more && i < more->n; i++) {
		const char *eq = strchr(more->v[i], '='), *val = eq ? eq + 1 : getenv(more->v[i]);
		char *key = xstrndup(more->v[i], eq ? (size_t)(eq - more->v[i]) : strlen(more->v[i]));
		size_t k = 0;

		strv_take(keep, key);
		if (!val)
			continue;
		while (k < n && !str_eq(v[k].key, key))
			k++;
		v[k] = (struct build_kv){ key, val };
		n = k == n ? n + 1 : n;
	}
	*ret = v;
	*ret_n = n;
}

static void labels_of(struct engine *en, const struct service *s, struct build_kv **ret, size_t *ret_n)
{
	struct build_kv *v = xcalloc(s->build->labels.n + 3, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < s->build->labels.n; i++)
		v[n++] = (struct build_kv){ s->build->labels.v[i].key, s->build->labels.v[i].val ? s->build->labels.v[i].val : "" };
	v[n++] = (struct build_kv){ "com.docker.compose.project", en->o.name };
	v[n++] = (struct build_kv){ "com.docker.compose.service", s->name };
	v[n++] = (struct build_kv){ "com.docker.compose.version", COMPOSE_VERSION };
	*ret = v;
	*ret_n = n;
}

static int secrets_of(struct engine *en, const struct build *bu, struct build_secret **ret, size_t *ret_n, struct err *e)
{
	const struct project *p = en->o.project;

	*ret = xcalloc(bu->n_secrets, sizeof(**ret));
	for (size_t i = 0; i < bu->n_secrets; i++)
		for (size_t k = 0; k < p->n_secrets; k++) {
			const struct filesource *f = &p->secrets[k];
			const struct fileref *ref = &bu->secrets[i];

			if (!str_eq(f->key, ref->source))
				continue;
			if (f->environment && !f->value) {
				err_set(e, ERR_MODEL, 0, "the environment variable \"%s\" of build secret \"%s\" is not set", f->environment, f->key);
				return err_at(e, ref->pos, "build.secrets");
			}
			if (f->file || f->value)
				(*ret)[(*ret_n)++] = (struct build_secret){ *ref->target ? ref->target : ref->source, f->file, f->value };
		}
	return 0;
}

/* The directory of a context: one of this host, or what a repository has. in: *ret_fetched: NULL, or from where; texts live in keep */
static int dir_of(struct engine *en, const char *context, const char **ret, const char **ret_fetched, struct strv *keep, struct err *e)
{
	char *dir = NULL, *shown = NULL;

	*ret = context;
	if (!giturl_is_address(context))
		return 0;
	if (remote_context(en->o.paths, context, &dir, &shown, e) < 0)
		return -1;
	strv_take(keep, dir);
	strv_take(keep, shown);
	*ret = dir;
	*ret_fetched = shown;
	return 0;
}

/* spec: compose-spec build additional_contexts. in: ids of services' images live in keep */
static int context_of(struct engine *en, const struct pkv *kv, struct build_context *ret, struct strv *keep, struct err *e)
{
	const char *val = kv->val ? kv->val : "";
	const struct service *s = str_starts(val, "service:") ? project_service(en->o.project, val + strlen("service:")) : NULL;

	*ret = (struct build_context){ .name = kv->key };
	if (s) {
		auto_free char *name = image_name_of(en->o.project, s);
		auto_image struct image *img = NULL;

		if (image_open(en->o.store, name, &img, e) != 0)
			return e->n ? -1 : err_set(e, ERR_MISSING, 0, "the image %s of service %s is not there", name, s->name);
		strv_add(keep, must(img)->id);
		ret->image_id = keep->v[keep->n - 1];
	} else if (str_starts(val, "docker-image://")) {
		ret->image = val + strlen("docker-image://");
	} else if (str_starts(val, "oci-layout://") || str_starts(val, "target:")) {
		err_set(e, ERR_MODEL, 0, "%s: contexts of this kind are not supported yet", val);
		return err_hint(e, "directories, git repositories, docker-image://IMAGE and service:NAME are");
	} else {
		return dir_of(en, val, &ret->dir, &ret->fetched, keep, e);
	}
	return 0;
}

static int contexts_of(struct engine *en, const struct build *bu, struct build_context **ret, size_t *ret_n, struct strv *keep,
		       struct err *e)
{
	*ret = xcalloc(bu->additional_contexts.n, sizeof(**ret));
	for (; *ret_n < bu->additional_contexts.n; ++*ret_n) {
		const struct pkv *kv = &bu->additional_contexts.v[*ret_n];

		if (context_of(en, kv, &(*ret)[*ret_n], keep, e) < 0) {
			err_wrap(e, "additional context `%s`", kv->key);
			return err_at(e, kv->pos, "build.additional_contexts");
		}
	}
	return 0;
}

static int limits_of(const struct build *bu, struct build_limit **ret, size_t *ret_n, struct err *e)
{
	*ret = xcalloc(bu->n_ulimits, sizeof(**ret));
	for (; *ret_n < bu->n_ulimits; ++*ret_n) {
		const struct ulimit *u = &bu->ulimits[*ret_n];
		struct build_limit *l = &(*ret)[*ret_n];

		if (!limits_from_name(u->name, &l->resource)) {
			err_set(e, ERR_MODEL, 0, "\"%s\" is no resource limit", u->name);
			return err_at(e, bu->pos, "build.ulimits");
		}
		l->soft = u->soft < 0 ? UINT64_MAX : (uint64_t)u->soft;
		l->hard = u->hard < 0 ? UINT64_MAX : (uint64_t)u->hard;
	}
	return 0;
}

int to_build(struct to_build *t, struct engine *en, const struct op *op, struct err *e)
{
	const struct build *bu = op->service->build;
	struct build_opts *o = &t->o;

	t->hosts = xcalloc(bu->n_extra_hosts, sizeof(*t->hosts));
	for (size_t i = 0; i < bu->n_extra_hosts; i++)
		t->hosts[i] = (struct build_kv){ bu->extra_hosts[i].host, bu->extra_hosts[i].ip };
	strv_add(&t->tags, op->object);
	for (size_t i = 0; i < bu->tags.n; i++)
		strv_add(&t->tags, bu->tags.v[i]);
	*o = (struct build_opts){ .dockerfile = bu->dockerfile && *bu->dockerfile ? bu->dockerfile : NULL,
		.dockerfile_inline = bu->dockerfile_inline, .target = bu->target, .network = *bu->network ? bu->network : NULL,
		.shm_size_bytes = bu->shm_size_bytes, .no_cache = bu->no_cache || en->o.no_cache, .allow_host_network = bu->host_network, .pull = bu->pull || en->o.pull_base,
		.extra_hosts = t->hosts, .n_extra_hosts = bu->n_extra_hosts, .check = en->o.check_build,
		.no_cache_stages = (const char *const *)bu->no_cache_filter.v, .n_no_cache_stages = bu->no_cache_filter.n,
		.tags = (const char *const *)strv_null(&t->tags), .n_tags = t->tags.n };
	build_args(en, bu, &t->args, &o->n_args, &t->keep);
	labels_of(en, op->service, &t->labels, &o->n_labels);
	if (dir_of(en, bu->context, &o->context, &o->fetched, &t->keep, e) < 0)
		return err_at(e, bu->pos, "build.context");
	if (secrets_of(en, bu, &t->secrets, &o->n_secrets, e) < 0 || limits_of(bu, &t->limits, &o->n_limits, e) < 0)
		return -1;
	if (!o->check && (contexts_of(en, bu, &t->contexts, &o->n_contexts, &t->keep, e) < 0 ||
			  build_agents_open(&t->agents, en, bu, e) < 0))
		return -1;
	o->args = t->args;
	o->labels = t->labels;
	o->secrets = t->secrets;
	o->contexts = t->contexts;
	o->limits = t->limits;
	o->ssh = t->agents.v.v;
	o->n_ssh = t->agents.v.n;
	return 0;
}

void to_build_done(struct to_build *t)
{
	build_agents_done(&t->agents);
	free(t->args);
	free(t->labels);
	free(t->hosts);
	free(t->secrets);
	free(t->contexts);
	free(t->limits);
	strv_done(&t->tags);
	strv_done(&t->keep);
}
