/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/netopts.h"
#include <string.h>
#include "compose/base/str.h"
#include "parser/value.h"

static bool is_mtu(const char *s)
{
	uint64_t v;

	return str_to_u64(s, &v) && v >= 68 && v <= NET_MTU_MAX;
}

static bool is_bool(const char *s)
{
	bool v, old;

	return value_bool(s, &v, &old);
}

static bool is_prefix(const char *s)
{
	return *s && strlen(s) <= 12 && !strpbrk(s, "/: \t\n%");
}

/* ok: what is carried out; otherwise same: the value that says what is done anyway, and why others are not */
static const struct option { const char *name; bool (*ok)(const char *value); const char *wanted, *same, *why; } options[] = {
	{ NET_OPT_MTU, is_mtu, "a number from 68 to 65535", NULL, NULL },
	{ NET_OPT_ICC, is_bool, "true or false", NULL, NULL },
	{ NET_OPT_BINDING, value_ip, "an address of this host", NULL, NULL },
	{ NET_OPT_PREFIX, is_prefix, "the beginning of an interface name", NULL, NULL },
	{ "com.docker.network.bridge.name", NULL, NULL, NULL, "bridges live in a network namespace of their own" },
	{ "com.docker.network.bridge.enable_ip_masquerade", NULL, NULL, "true",
	  "what leaves a network always has the host's address; `internal: true` keeps it inside" },
	{ "com.docker.network.bridge.gateway_mode_ipv4", NULL, NULL, "nat", "networks are always behind the host's address" },
	{ "com.docker.network.bridge.gateway_mode_ipv6", NULL, NULL, "nat", "networks are always behind the host's address" },
	{ "com.docker.network.enable_ipv4", NULL, NULL, NULL, "enable_ipv4 of the network says it" },
	{ "com.docker.network.enable_ipv6", NULL, NULL, NULL, "enable_ipv6 of the network says it" },
};

static int check_option(const struct pkv *p, const char *path, struct errs *errs, struct warns *warns)
{
	const struct option *o = NULL;
	auto_free char *key = xasprintf("%s.driver_opts.%s", path, p->key);

	for (size_t i = 0; i < ARRAY_LEN(options) && !o; i++)
		if (str_eq(p->key, options[i].name))
			o = &options[i];
	if (!p->val || (o && o->same && str_eq(p->val, o->same)) || (o && o->ok && o->ok(p->val)))
		return 0;
	if (o && o->ok)
		return errs_model(errs, p->pos, key, NULL, "\"%s\" is not %s", p->val, o->wanted);
	warns_add(warns, p->pos, "%s has no effect: %s", key, o ? o->why : "no such option is known");
	return 0;
}

int netopts_unsupported(const struct network *n, const char *path, struct errs *errs, struct warns *warns)
{
	int bad = 0;

	if (n->external || (*n->driver && !str_eq(n->driver, "bridge")))
		return 0;
	for (size_t i = 0; i < n->driver_opts.n; i++)
		bad |= check_option(&n->driver_opts.v[i], path, errs, warns);
	for (size_t i = 0; i < n->n_pools; i++) {
		bool six = strchr(n->pools[i].subnet, ':') != NULL;

		if (*n->pools[i].subnet && (six ? !n->enable_ipv6 : n->no_ipv4))
			warns_add(warns, n->pos, "%s.ipam.config[%zu].subnet has no effect without enable_ipv%d: true", path, i,
				  six ? 6 : 4);
	}
	return bad;
}
