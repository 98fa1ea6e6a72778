/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that only change the image's configuration.   spec: Dockerfile reference; OCI image-spec config */
#include <string.h>
#include "compose/base/json.h"
#include "compose/build/build_priv.h"
#include "parser/dockerfile_value.h"

static struct df_scope view(struct stage *st)
{
	return scope_view(&st->scope, st->b->df->escape);
}

static void replace(struct strv *list, const char *const *words, size_t n)
{
	strv_done(list);
	for (size_t i = 0; i < n; i++)
		strv_add(list, words[i]);
}

/* The shell form is the stage's shell with the text as its last argument. */
static void set_command(struct stage *st, struct strv *list, const struct df_instr *in)
{
	if (in->json) {
		replace(list, in->words, in->n_words);
		return;
	}
	strv_done(list);
	for (size_t i = 0; i < st->conf.shell.n; i++)
		strv_add(list, st->conf.shell.v[i]);
	if (!st->conf.shell.n) {
		strv_add(list, "/bin/sh");
		strv_add(list, "-c");
	}
	strv_add(list, in->text);
}

/* created_by of a list: CMD ["a", "b"] */
static void history_list(struct stage *st, const char *what, const struct strv *list)
{
	auto_json json_t *j = json_from_strv(list->v, list->n);
	auto_free char *text = json_dumps(j, JSON_COMPACT);

	stage_history(st, xasprintf("%s %s", what, text ? text : ""), NULL, NULL);
}

static int instr_cmd(struct stage *st, const struct df_instr *in, struct err *e)
{
	(void)e;
	set_command(st, &st->conf.cmd, in);
	st->cmd_set = true;
	history_list(st, "CMD", &st->conf.cmd);
	return 0;
}

static int instr_entrypoint(struct stage *st, const struct df_instr *in, struct err *e)
{
	(void)e;
	set_command(st, &st->conf.entrypoint, in);
	if (!st->cmd_set)
		strv_done(&st->conf.cmd);
	history_list(st, "ENTRYPOINT", &st->conf.entrypoint);
	return 0;
}

static int instr_shell(struct stage *st, const struct df_instr *in, struct err *e)
{
	(void)e;
	replace(&st->conf.shell, in->words, in->n_words);
	history_list(st, "SHELL", &st->conf.shell);
	return 0;
}

/* All values of one line see the variables as they were before it. */
static int expand_kvs(struct stage *st, const struct df_instr *in, struct strv *keys, struct strv *vals, struct err *e)
{
	struct df_scope sc = view(st);

	for (size_t i = 0; i < in->n_kvs; i++) {
		char *key, *val;

		if (df_expand(&sc, in->kvs[i].key, &key, e) < 0)
			return -1;
		strv_take(keys, key);
		if (df_expand(&sc, in->kvs[i].val, &val, e) < 0)
			return -1;
		strv_take(vals, val);
		if (!*key || (in->kind == DF_ENV && strchr(key, '=')))
			return err_set(e, ERR_MODEL, 0, "`%s` is no name for %s", key, df_kind_name(in->kind));
	}
	return 0;
}

static int instr_kv(struct stage *st, const struct df_instr *in, struct err *e)
{
	auto_strv struct strv keys = {0}, vals = {0};
	auto_str struct str by = {0};

	if (expand_kvs(st, in, &keys, &vals, e) < 0)
		return -1;
	str_add(&by, df_kind_name(in->kind));
	for (size_t i = 0; i < keys.n; i++) {
		if (in->kind == DF_ENV)
			image_config_env(&st->conf, keys.v[i], vals.v[i]);
		else
			image_config_label(&st->conf, keys.v[i], vals.v[i]);
		str_addf(&by, " %s=%s", keys.v[i], vals.v[i]);
	}
	stage_history(st, str_take(&by), NULL, NULL);
	return 0;
}

/* The value an ARG gets: --build-arg, else its default, else the value from before the first FROM. ret: caller frees */
static int arg_value(struct stage *st, const struct df_kv *kv, char **ret, struct err *e)
{
	struct df_scope sc = view(st);
	const char *given = build_arg(st->b, kv->key);

	if (given || !kv->val) {
		*ret = xstrdup(given ? given : scope_get(&st->b->globals, kv->key));
		return 0;
	}
	return df_expand(&sc, kv->val, ret, e);
}

static int instr_arg(struct stage *st, const struct df_instr *in, struct err *e)
{
	for (size_t i = 0; i < in->n_kvs; i++) {
		auto_free char *val = NULL;

		if (arg_value(st, &in->kvs[i], &val, e) < 0)
			return -1;
		scope_arg(&st->scope, in->kvs[i].key, val);
		stage_history(st, xasprintf("ARG %s%s%s", in->kvs[i].key, val ? "=" : "", val ? val : ""), NULL, NULL);
	}
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int instr_expose(struct stage *st, const struct df_instr *in, struct err *e)
{
	struct df_scope sc = view(st);
	auto_strv struct strv words = {0};
	struct strv *ports = &st->conf.ports;

	for (size_t i = 0; i < in->n_words; i++)
		if (df_expand_words(&sc, in->words[i], &words, e) < 0)
			return -1;
	for (size_t i = 0; i < words.n; i++)
		if (df_ports(words.v[i], ports, e) < 0)
			return -1;
	if (ports->n)
		qsort(ports->v, ports->n, sizeof(*ports->v), compare_names);
	stage_history(st, xasprintf("EXPOSE %s", in->text), NULL, NULL);
	return 0;
}

static int instr_volume(struct stage *st, const struct df_instr *in, struct err *e)
{
	struct df_scope sc = view(st);

	for (size_t i = 0; i < in->n_words; i++) {
		auto_free char *path = NULL;

		if (df_expand(&sc, in->words[i], &path, e) < 0)
			return -1;
		if (!*path)
			return err_set(e, ERR_MODEL, 0, "VOLUME specified cannot be an empty string");
		if (!strv_has(&st->conf.volumes, path))
			strv_add(&st->conf.volumes, path);
	}
	stage_history(st, xasprintf("VOLUME %s", in->text), NULL, NULL);
	return 0;
}

static int expand_text(struct stage *st, const struct df_instr *in, char **ret, struct err *e)
{
	struct df_scope sc = view(st);
	char *text;

	if (df_expand(&sc, in->text, &text, e) < 0)
		return -1;
	if (!*text) {
		free(text);
		return err_set(e, ERR_MODEL, 0, "%s `%s` is empty after expansion", df_kind_name(in->kind), in->text);
	}
	free(*ret);
	*ret = text;
	stage_history(st, xasprintf("%s %s", df_kind_name(in->kind), text), NULL, NULL);
	return 0;
}

static int instr_user(struct stage *st, const struct df_instr *in, struct err *e)
{
	return expand_text(st, in, &st->conf.user, e);
}

static int instr_stopsignal(struct stage *st, const struct df_instr *in, struct err *e)
{
	auto_free char *sig = NULL;

	if (expand_text(st, in, &sig, e) < 0 || df_signal(sig, e) < 0)
		return -1;
	free(st->conf.stop_signal);
	st->conf.stop_signal = take_ptr(sig);
	return 0;
}

static int instr_maintainer(struct stage *st, const struct df_instr *in, struct err *e)
{
	(void)e;
	free(st->author);
	st->author = xstrdup(in->text);
	stage_history(st, xasprintf("MAINTAINER %s", in->text), NULL, NULL);
	return 0;
}

static int instr_onbuild(struct stage *st, const struct df_instr *in, struct err *e)
{
	(void)e;
	strv_add(&st->conf.onbuild, in->text);
	stage_history(st, xasprintf("ONBUILD %s", in->text), NULL, NULL);
	return 0;
}

static int health_times(const struct df_instr *in, struct image_health *h, struct err *e)
{
	const struct { const char *flag; int64_t *ns; } times[] = {
		{ "interval", &h->interval_ns }, { "timeout", &h->timeout_ns }, { "start-period", &h->start_period_ns },
		{ "start-interval", &h->start_interval_ns },
	};
	const char *retries = df_flag(in, "retries");
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (df_flag(in, times[i].flag) && df_duration(df_flag(in, times[i].flag), times[i].ns, e) < 0)
			return -1;
	if (retries && !str_to_u64(retries, &n))
		return err_set(e, ERR_MODEL, 0, "flag `--retries`: `%s` is not a number", retries);
	h->retries = (int64_t)n;
	return 0;
}

static int instr_healthcheck(struct stage *st, const struct df_instr *in, struct err *e)
{
	struct image_health *h = xcalloc(1, sizeof(*h));

	if (health_times(in, h, e) < 0) {
		free(h);
		return -1;
	}
	strv_add(&h->test, in->health_none ? "NONE" : in->json ? "CMD" : "CMD-SHELL");
	for (size_t i = 0; i < in->n_words && !in->health_none; i++)
		strv_add(&h->test, in->words[i]);
	if (!in->json && !in->health_none)
		strv_add(&h->test, in->text);
	if (st->conf.health) {
		strv_done(&st->conf.health->test);
		free(st->conf.health);
	}
	st->conf.health = h;
	stage_history(st, xasprintf("%s", in->original), NULL, NULL);
	return 0;
}

instr_fn *instr_meta(enum df_kind k)
{
	static instr_fn *const table[DF_N_KINDS] = {
		[DF_ARG] = instr_arg, [DF_CMD] = instr_cmd, [DF_ENTRYPOINT] = instr_entrypoint, [DF_ENV] = instr_kv,
		[DF_EXPOSE] = instr_expose, [DF_HEALTHCHECK] = instr_healthcheck, [DF_LABEL] = instr_kv,
		[DF_MAINTAINER] = instr_maintainer, [DF_ONBUILD] = instr_onbuild, [DF_SHELL] = instr_shell,
		[DF_STOPSIGNAL] = instr_stopsignal, [DF_USER] = instr_user, [DF_VOLUME] = instr_volume,
	};

	return table[k];
}

bool instr_makes_layer(enum df_kind k)
{
	return k == DF_RUN || k == DF_COPY || k == DF_ADD || k == DF_WORKDIR;
}
