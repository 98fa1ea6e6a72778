/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/scope.h"
#include <string.h>
#include "compose/base/str.h"

const char *env_value(const struct strv *env, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = env ? env->n : 0; i-- > 0;)
		if (!strncmp(env->v[i], key, n) && env->v[i][n] == '=')
			return env->v[i] + n + 1;
	return NULL;
}

static struct scope_arg *find(const struct scope *s, const char *name)
{
	for (size_t i = 0; i < s->args.n; i++)
		if (str_eq(s->args.v[i].name, name))
			return &s->args.v[i];
	return NULL;
}

void scope_arg(struct scope *s, const char *name, const char *val)
{
	struct scope_arg *a = find(s, name);

	if (!a) {
		vec_push(&s->args, (struct scope_arg){ xstrdup(name), xstrdup(val) });
		return;
	}
	free(a->val);
	a->val = xstrdup(val);
}

const char *scope_get(const struct scope *s, const char *name)
{
	const char *v = env_value(s->env, name);
	const struct scope_arg *a = v ? NULL : find(s, name);

	return a ? a->val : v;
}

bool scope_declared(const struct scope *s, const char *name)
{
	return find(s, name) || env_value(s->env, name);
}

void scope_copy(struct scope *dst, const struct scope *src)
{
	for (size_t i = 0; i < src->args.n; i++)
		scope_arg(dst, src->args.v[i].name, src->args.v[i].val);
}

void scope_done(struct scope *s)
{
	for (size_t i = 0; i < s->args.n; i++) {
		free(s->args.v[i].name);
		free(s->args.v[i].val);
	}
	vec_done(&s->args);
	strv_done(&s->undefined);
}

static const char *view_get(void *arg, const char *name)
{
	return scope_get(arg, name);
}

static void view_undefined(void *arg, const char *name)
{
	struct scope *s = arg;

	if (!scope_declared(s, name) && !strv_has(&s->undefined, name))
		strv_add(&s->undefined, name);
}

struct df_scope scope_view(struct scope *s, char escape)
{
	return (struct df_scope){ .get = view_get, .undefined = view_undefined, .arg = s, .escape = escape };
}
