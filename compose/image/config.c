/* SPDX-License-Identifier: Apache-2.0 */
/* The image configuration: JSON to struct image and back. */
#include <string.h>
#include <time.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/manifest.h"
#include "compose/image/store.h"
#include "parser/imageref.h"

enum { ITEMS_MAX = 10000 };     /* environment variables, labels, history: what a list of an image may hold */

void image_config_done(struct image_config *c)
{
	strv_done(&c->env);
	strv_done(&c->entrypoint);
	strv_done(&c->cmd);
	strv_done(&c->shell);
	strv_done(&c->onbuild);
	strv_done(&c->ports);
	strv_done(&c->volumes);
	for (size_t i = 0; i < c->labels.n; i++) {
		free(c->labels.v[i].key);
		free(c->labels.v[i].val);
	}
	vec_done(&c->labels);
	free(c->user);
	free(c->workdir);
	free(c->stop_signal);
	if (c->health)
		strv_done(&c->health->test);
	free(c->health);
	memset(c, 0, sizeof(*c));
}

void image_free(struct image *i)
{
	if (!i)
		return;
	free(i->id);
	free(i->manifest);
	strv_done(&i->tags);
	strv_done(&i->digests);
	strv_done(&i->layers);
	image_config_done(&i->conf);
	for (size_t n = 0; n < i->history.n; n++) {
		free(i->history.v[n].created);
		free(i->history.v[n].created_by);
		free(i->history.v[n].comment);
	}
	vec_done(&i->history);
	free(i->os);
	free(i->arch);
	free(i->variant);
	free(i->author);
	free(i->comment);
	free(i->created);
	free(i);
}

void images_done(struct images *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_free(l->v[i]);
	vec_done(l);
}

static void copy_list(struct strv *dst, const struct strv *src)
{
	for (size_t i = 0; i < src->n; i++)
		strv_add(dst, src->v[i]);
}

static struct image_health *copy_health(const struct image_health *h)
{
	struct image_health *n;

	if (!h)
		return NULL;
	n = xmemdup(h, sizeof(*h));
	memset(&n->test, 0, sizeof(n->test));
	copy_list(&n->test, &h->test);
	return n;
}

void image_config_copy(struct image_config *dst, const struct image_config *src)
{
	memset(dst, 0, sizeof(*dst));
	copy_list(&dst->env, &src->env);
	copy_list(&dst->entrypoint, &src->entrypoint);
	copy_list(&dst->cmd, &src->cmd);
	copy_list(&dst->shell, &src->shell);
	copy_list(&dst->onbuild, &src->onbuild);
	copy_list(&dst->ports, &src->ports);
	copy_list(&dst->volumes, &src->volumes);
	for (size_t i = 0; i < src->labels.n; i++)
		image_config_label(dst, src->labels.v[i].key, src->labels.v[i].val);
	dst->user = xstrdup(src->user);
	dst->workdir = xstrdup(src->workdir);
	dst->stop_signal = xstrdup(src->stop_signal);
	dst->health = copy_health(src->health);
}

void image_config_env(struct image_config *c, const char *key, const char *val)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < c->env.n; i++)
		if (!strncmp(c->env.v[i], key, n) && c->env.v[i][n] == '=') {
			free(c->env.v[i]);
			c->env.v[i] = xasprintf("%s=%s", key, val);
			return;
		}
	strv_take(&c->env, xasprintf("%s=%s", key, val));
}

void image_config_label(struct image_config *c, const char *key, const char *val)
{
	for (size_t i = 0; i < c->labels.n; i++)
		if (!strcmp(c->labels.v[i].key, key)) {
			free(c->labels.v[i].val);
			c->labels.v[i].val = xstrdup(val);
			return;
		}
	vec_push(&c->labels, (struct image_label){ xstrdup(key), xstrdup(val) });
}

/* -- from JSON -- */

/* Object members whose values do not matter: {"80/tcp": {}}. */
static void keys_of(const json_t *j, const char *key, struct strv *out)
{
	const char *name;
	json_t *v;

	json_object_foreach(json_object_get(j, key), name, v)
		strv_add(out, name);
}

static char *text_of(const json_t *j, const char *key)
{
	const char *s = json_str(j, key, NULL);

	return s && *s ? xstrdup(s) : NULL;
}

static struct image_health *health_of(const json_t *j)
{
	struct image_health *h;

	if (!json_is_object(j))
		return NULL;
	h = xcalloc(1, sizeof(*h));
	json_strv(j, "Test", &h->test);
	h->interval_ns = json_int(j, "Interval", 0);
	h->timeout_ns = json_int(j, "Timeout", 0);
	h->start_period_ns = json_int(j, "StartPeriod", 0);
	h->start_interval_ns = json_int(j, "StartInterval", 0);
	h->retries = json_int(j, "Retries", 0);
	return h;
}

void config_from_json(const json_t *j, struct image_config *ret)
{
	const char *key;
	json_t *v;

	json_strv(j, "Env", &ret->env);
	json_strv(j, "Entrypoint", &ret->entrypoint);
	json_strv(j, "Cmd", &ret->cmd);
	json_strv(j, "Shell", &ret->shell);
	json_strv(j, "OnBuild", &ret->onbuild);
	keys_of(j, "ExposedPorts", &ret->ports);
	keys_of(j, "Volumes", &ret->volumes);
	json_object_foreach(json_object_get(j, "Labels"), key, v)
		if (json_is_string(v))
			vec_push(&ret->labels, (struct image_label){ xstrdup(key), xstrdup(json_string_value(v)) });
	ret->user = text_of(j, "User");
	ret->workdir = text_of(j, "WorkingDir");
	ret->stop_signal = text_of(j, "StopSignal");
	ret->health = health_of(json_object_get(j, "Healthcheck"));
}

int64_t time_parse(const char *text)
{
	struct tm tm = {0};
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t t;

	if (!p)
		return 0;
	t = timegm(&tm);
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if ((*p == '+' || *p == '-') && strlen(p) == 6 && p[3] == ':') {
		int h = (p[1] - '0') * 10 + p[2] - '0', m = (p[4] - '0') * 10 + p[5] - '0';

		t -= (*p == '-' ? -1 : 1) * (h * 3600 + m * 60);
	}
	return t;
}

static int layers_of(const json_t *j, const char *name, struct image *i, struct err *e)
{
	const json_t *ids = json_object_get(json_object_get(j, "rootfs"), "diff_ids"), *v;
	size_t n;

	if (!json_is_array(ids))
		return err_set(e, ERR_SYS, 0, "%s: the configuration has no rootfs.diff_ids", name);
	if (json_array_size(ids) > LAYERS_MAX)
		return err_set(e, ERR_SYS, 0, "%s: more than %d layers", name, LAYERS_MAX);
	json_array_foreach(ids, n, v) {
		const char *id = json_string_value(v);

		if (!id || !imageref_is_digest(id))
			return err_set(e, ERR_SYS, 0, "%s: a diff id of the configuration is no sha256 digest", name);
		strv_add(&i->layers, id + strlen("sha256:"));
	}
	return 0;
}

static void history_of(const json_t *j, struct image *i)
{
	const json_t *v;
	size_t n;

	json_array_foreach(json_object_get(j, "history"), n, v) {
		const struct image_history h = {
			xstrdup(json_str(v, "created", "")), xstrdup(json_str(v, "created_by", "")),
			xstrdup(json_str(v, "comment", "")), json_flag(v, "empty_layer", false)};

		vec_push(&i->history, h);
	}
}

static int check_sizes(const json_t *j, const char *name, struct err *e)
{
	const json_t *c = json_object_get(j, "config");
	const char *const lists[] = { "Env", "Entrypoint", "Cmd", "Shell", "OnBuild" };
	const char *const maps[] = { "ExposedPorts", "Volumes", "Labels" };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (json_array_size(json_object_get(c, lists[i])) > ITEMS_MAX)
			return err_set(e, ERR_SYS, 0, "%s: config.%s has more than %d entries", name, lists[i],
				       ITEMS_MAX);
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		if (json_object_size(json_object_get(c, maps[i])) > ITEMS_MAX)
			return err_set(e, ERR_SYS, 0, "%s: config.%s has more than %d entries", name, maps[i],
				       ITEMS_MAX);
	if (json_array_size(json_object_get(j, "history")) > ITEMS_MAX)
		return err_set(e, ERR_SYS, 0, "%s: the history has more than %d entries", name, ITEMS_MAX);
	return 0;
}

int config_parse(const char *text, size_t len, const char *name, struct image *ret, struct err *e)
{
	auto_json json_t *j = NULL;

	if (json_parse(text, len, name, &j, e) < 0)
		return -1;
	if (!json_is_object(j))
		return err_set(e, ERR_SYS, 0, "%s: the configuration is not an object", name);
	if (check_sizes(j, name, e) < 0 || layers_of(j, name, ret, e) < 0)
		return -1;
	config_from_json(json_object_get(j, "config"), &ret->conf);
	history_of(j, ret);
	ret->os = xstrdup(json_str(j, "os", ""));
	ret->arch = xstrdup(json_str(j, "architecture", ""));
	ret->variant = xstrdup(json_str(j, "variant", ""));
	ret->author = xstrdup(json_str(j, "author", ""));
	ret->comment = xstrdup(json_str(j, "comment", ""));
	ret->created = xstrdup(json_str(j, "created", ""));
	ret->created_s = time_parse(ret->created);
	return 0;
}

/* -- to JSON -- */

static void put_list(json_t *j, const char *key, const struct strv *v)
{
	if (v->n)
		(void)json_object_set_new(j, key, json_from_strv(v->v, v->n));
}

static void put_keys(json_t *j, const char *key, const struct strv *v)
{
	json_t *o;

	if (!v->n)
		return;
	o = json_object();
	for (size_t i = 0; i < v->n; i++)
		(void)json_object_set_new(o, v->v[i], json_object());
	(void)json_object_set_new(j, key, o);
}

static void put_ns(json_t *j, const char *key, int64_t v)
{
	if (v)
		(void)json_object_set_new(j, key, json_integer(v));
}

static void put_health(json_t *j, const struct image_health *h)
{
	json_t *o;

	if (!h)
		return;
	o = json_object();
	put_list(o, "Test", &h->test);
	put_ns(o, "Interval", h->interval_ns);
	put_ns(o, "Timeout", h->timeout_ns);
	put_ns(o, "StartPeriod", h->start_period_ns);
	put_ns(o, "StartInterval", h->start_interval_ns);
	put_ns(o, "Retries", h->retries);
	(void)json_object_set_new(j, "Healthcheck", o);
}

json_t *config_to_json(const struct image_config *c)
{
	json_t *j = json_object(), *labels = json_object();

	json_put(j, "User", c->user);
	put_keys(j, "ExposedPorts", &c->ports);
	put_list(j, "Env", &c->env);
	put_list(j, "Entrypoint", &c->entrypoint);
	put_list(j, "Cmd", &c->cmd);
	put_health(j, c->health);
	put_keys(j, "Volumes", &c->volumes);
	json_put(j, "WorkingDir", c->workdir);
	put_list(j, "OnBuild", &c->onbuild);
	put_list(j, "Shell", &c->shell);
	json_put(j, "StopSignal", c->stop_signal);
	for (size_t i = 0; i < c->labels.n; i++)
		json_put(labels, c->labels.v[i].key, c->labels.v[i].val);
	if (c->labels.n)
		(void)json_object_set(j, "Labels", labels);
	json_decref(labels);
	return j;
}

static void put_text(json_t *j, const char *key, const char *s)
{
	if (s && *s)
		json_put(j, key, s);
}

json_t *image_to_json(const struct image *i)
{
	json_t *j = json_object(), *ids = json_array(), *history = json_array();

	put_text(j, "created", i->created);
	put_text(j, "author", i->author);
	put_text(j, "comment", i->comment);
	json_put(j, "architecture", i->arch ? i->arch : "");
	put_text(j, "variant", i->variant);
	json_put(j, "os", i->os ? i->os : "linux");
	(void)json_object_set_new(j, "config", config_to_json(&i->conf));
	for (size_t n = 0; n < i->layers.n; n++)
		(void)json_array_append_new(ids, json_sprintf("sha256:%s", i->layers.v[n]));
	(void)json_object_set_new(j, "rootfs", json_pack("{s:s, s:o}", "type", "layers", "diff_ids", ids));
	for (size_t n = 0; n < i->history.n; n++) {
		const struct image_history *h = &i->history.v[n];
		json_t *o = json_object();

		put_text(o, "created", h->created);
		put_text(o, "created_by", h->created_by);
		put_text(o, "comment", h->comment);
		if (h->empty_layer)
			(void)json_object_set_new(o, "empty_layer", json_true());
		(void)json_array_append_new(history, o);
	}
	(void)json_object_set_new(j, "history", history);
	return j;
}
