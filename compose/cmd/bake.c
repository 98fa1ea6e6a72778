/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/bake.h"
#include <stdlib.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/cmd/list.h"

char *bake_image_name(const struct project *p, const struct service *s)
{
	return *s->image ? xstrdup(s->image) : xasprintf("%s%c%s", p->name, project_sep(p), s->name);
}

static json_t *texts(const struct pstrs *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++)
		(void)json_array_append_new(a, json_string(l->v[i]));
	return a;
}

static void put_pairs(json_t *to, const char *key, const struct pkvs *l)
{
	json_t *o = json_object();

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].val)
			json_put(o, l->v[i].key, l->v[i].val);
	if (json_object_size(o))
		(void)json_object_set(to, key, o);
	json_decref(o);
}

static void put_args(json_t *to, const struct build *b, const struct strv *more)
{
	json_t *o;

	put_pairs(to, "args", &b->args);
	o = json_object_get(to, "args") ? json_incref(json_object_get(to, "args")) : json_object();
	for (size_t i = 0; i < more->n; i++) {
		auto_free char *key = xstrndup(more->v[i], strcspn(more->v[i], "="));
		const char *val = strchr(more->v[i], '=') ? strchr(more->v[i], '=') + 1 : getenv(key);

		if (val)
			json_put(o, key, val);
	}
	if (json_object_size(o))
		(void)json_object_set(to, "args", o);
	json_decref(o);
}

static void put_ssh(json_t *to, const struct build *b, const struct strv *more)
{
	json_t *a = json_array();

	for (size_t i = 0; i < b->ssh.n; i++) {
		const char *val = b->ssh.v[i].val;
		auto_free char *one = xasprintf("%s%s%s", b->ssh.v[i].key, val ? "=" : "", val ? val : "");

		(void)json_array_append_new(a, json_string(one));
	}
	for (size_t i = 0; i < more->n; i++)
		(void)json_array_append_new(a, json_string(more->v[i]));
	if (json_array_size(a))
		(void)json_object_set(to, "ssh", a);
	json_decref(a);
}

static void put_text(json_t *to, const char *key, const char *val)
{
	if (val && *val)
		json_put(to, key, val);
}

static json_t *target_of(const struct project *p, const struct service *s, const struct strv *args, const struct strv *ssh)
{
	const struct build *b = s->build;
	auto_free char *name = bake_image_name(p, s);
	json_t *t = json_object(), *tags = texts(&b->tags);

	json_put(t, "context", b->context);
	put_text(t, "dockerfile", b->dockerfile_inline ? NULL : b->dockerfile);
	put_text(t, "dockerfile-inline", b->dockerfile_inline);
	put_args(t, b, args);
	put_ssh(t, b, ssh);
	put_pairs(t, "contexts", &b->additional_contexts);
	put_pairs(t, "labels", &b->labels);
	put_text(t, "network", b->network);
	put_text(t, "target", b->target);
	(void)json_array_insert_new(tags, 0, json_string(name));
	(void)json_object_set_new(t, "tags", tags);
	if (b->platforms.n)
		(void)json_object_set_new(t, "platforms", texts(&b->platforms));
	if (b->no_cache)
		(void)json_object_set_new(t, "no-cache", json_true());
	if (b->pull)
		(void)json_object_set_new(t, "pull", json_true());
	(void)json_object_set_new(t, "output", json_pack("[s]", "type=docker"));
	return t;
}

int bake_print(const struct project *p, char *const *services, const struct strv *args, const struct strv *ssh, FILE *f)
{
	auto_json json_t *j = json_object();
	json_t *names = json_array(), *targets = json_object();
	auto_free char *text = NULL;

	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (!s->build || !list_named(services, s->name))
			continue;
		(void)json_array_append_new(names, json_string(s->name));
		(void)json_object_set_new(targets, s->name, target_of(p, s, args, ssh));
	}
	(void)json_object_set_new(j, "group", json_pack("{s:{s:o}}", "default", "targets", names));
	(void)json_object_set_new(j, "target", targets);
	text = json_dumps(j, JSON_INDENT(2));
	fprintf(f, "%s\n", text ? text : "{}");
	return 0;
}
