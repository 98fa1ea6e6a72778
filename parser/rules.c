/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/rules.h"
#include <string.h>
#include "compose/base/mem.h"

#define M(k, m) { k, m, UNIQUE_NONE, PATH_NONE, NULL, 0 }
#define U(k, u) { k, MERGE_DEFAULT, u, PATH_NONE, NULL, 0 }
#define P(k, p) { k, MERGE_DEFAULT, UNIQUE_NONE, p, NULL, 0 }
#define MU(k, m, u) { k, m, u, PATH_NONE, NULL, 0 }
#define SUB(k, s) { k, MERGE_DEFAULT, UNIQUE_NONE, PATH_NONE, s, ARRAY_LEN(s) }

static const struct rule each_path[] = { P("*", PATH_ANY) };
static const struct rule each_path_list[] = { P("*", PATH_LIST) };
static const struct rule each_context[] = { P("*", PATH_CONTEXT) };
static const struct rule each_ulimit[] = { M("*", MERGE_REPLACE) };

static const struct rule build[] = {
	{ "additional_contexts", MERGE_TO_LIST, UNIQUE_KEY, PATH_NONE, each_context, ARRAY_LEN(each_context) },
	MU("args", MERGE_TO_LIST, UNIQUE_KEY),
	P("context", PATH_CONTEXT),
	M("extra_hosts", MERGE_HOSTS),
	MU("labels", MERGE_TO_LIST, UNIQUE_KEY),
	SUB("ssh", each_path_list),
	U("tags", UNIQUE_KEY),
};

static const struct rule deploy[] = { MU("labels", MERGE_TO_LIST, UNIQUE_KEY) };
static const struct rule trigger[] = { P("path", PATH_WATCH) };
static const struct rule each_trigger[] = { SUB("*", trigger) };
static const struct rule develop[] = { SUB("watch", each_trigger) };
static const struct rule env_file[] = { P("path", PATH_ANY) };
static const struct rule each_env_file[] = { SUB("*", env_file) };
static const struct rule extends[] = { P("file", PATH_EXTENDS) };
static const struct rule healthcheck[] = { M("test", MERGE_REPLACE) };
static const struct rule endpoint[] = { U("aliases", UNIQUE_KEY), U("link_local_ips", UNIQUE_KEY) };
static const struct rule each_endpoint[] = { SUB("*", endpoint) };
static const struct rule each_mount[] = { P("*", PATH_MOUNT) };

static const struct rule service[] = {
	MU("annotations", MERGE_TO_LIST, UNIQUE_KEY),
	{ "build", MERGE_BUILD, UNIQUE_NONE, PATH_NONE, build, ARRAY_LEN(build) },
	U("cap_add", UNIQUE_KEY),
	U("cap_drop", UNIQUE_KEY),
	M("command", MERGE_REPLACE),
	U("configs", UNIQUE_CONFIG),
	M("depends_on", MERGE_DEPENDS),
	SUB("deploy", deploy),
	SUB("develop", develop),
	U("devices", UNIQUE_DEVICE),
	MU("dns", MERGE_TO_LIST, UNIQUE_KEY),
	MU("dns_opt", MERGE_TO_LIST, UNIQUE_KEY),
	MU("dns_search", MERGE_TO_LIST, UNIQUE_KEY),
	M("entrypoint", MERGE_REPLACE),
	{ "env_file", MERGE_TO_LIST, UNIQUE_ENV_FILE, PATH_NONE, each_env_file, ARRAY_LEN(each_env_file) },
	MU("environment", MERGE_TO_LIST, UNIQUE_KEY),
	U("expose", UNIQUE_TEXT),
	SUB("extends", extends),
	M("extra_hosts", MERGE_HOSTS),
	SUB("healthcheck", healthcheck),
	{ "label_file", MERGE_TO_LIST, UNIQUE_TEXT, PATH_NONE, each_path, ARRAY_LEN(each_path) },
	MU("labels", MERGE_TO_LIST, UNIQUE_KEY),
	U("links", UNIQUE_KEY),
	M("logging", MERGE_LOGGING),
	M("models", MERGE_NAMES),
	{ "networks", MERGE_NAMES, UNIQUE_NONE, PATH_NONE, each_endpoint, ARRAY_LEN(each_endpoint) },
	U("ports", UNIQUE_PORT),
	U("profiles", UNIQUE_KEY),
	U("secrets", UNIQUE_SECRET),
	MU("sysctls", MERGE_TO_LIST, UNIQUE_KEY),
	MU("tmpfs", MERGE_TO_LIST, UNIQUE_KEY),
	SUB("ulimits", each_ulimit),
	{ "volumes", MERGE_DEFAULT, UNIQUE_VOLUME, PATH_NONE, each_mount, ARRAY_LEN(each_mount) },
};

static const struct rule ipam[] = { M("config", MERGE_POOLS), U("options", UNIQUE_KEY) };
static const struct rule network[] = { SUB("ipam", ipam), MU("labels", MERGE_TO_LIST, UNIQUE_KEY) };
static const struct rule volume[] = { MU("labels", MERGE_TO_LIST, UNIQUE_KEY) };
static const struct rule file_source[] = { P("file", PATH_HOST) };

static const struct rule each_service[] = { SUB("*", service) };
static const struct rule each_network[] = { SUB("*", network) };
static const struct rule each_volume[] = { { "*", MERGE_DEFAULT, UNIQUE_NONE, PATH_DRIVER, volume, ARRAY_LEN(volume) } };
static const struct rule each_file_source[] = { SUB("*", file_source) };

static const struct rule project[] = {
	SUB("configs", each_file_source),
	SUB("networks", each_network),
	SUB("secrets", each_file_source),
	SUB("services", each_service),
	SUB("volumes", each_volume),
};

const struct rule rules_project = SUB("", project);

const struct rule *rule_child(const struct rule *r, const char *key)
{
	size_t lo = 0, hi = r ? r->n_sub : 0;
	const struct rule *any = hi && r->sub[0].key[0] == '*' ? &r->sub[lo++] : NULL;   /* "*" sorts before letters */

	while (key && lo < hi) {
		size_t mid = (lo + hi) / 2;
		const char *at = r->sub[mid].key;
		int c = *key != *at ? *key - *at : strcmp(key, at); /* the call is spared most of the time */

		if (c == 0)
			return &r->sub[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return any;
}
