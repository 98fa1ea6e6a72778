/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/rules.h"
#include <string.h>

#define END { NULL, MERGE_DEFAULT, UNIQUE_NONE, PATH_NONE, NULL }
#define M(k, m) { k, m, UNIQUE_NONE, PATH_NONE, NULL }
#define U(k, u) { k, MERGE_DEFAULT, u, PATH_NONE, NULL }
#define P(k, p) { k, MERGE_DEFAULT, UNIQUE_NONE, p, NULL }
#define MU(k, m, u) { k, m, u, PATH_NONE, NULL }
#define SUB(k, s) { k, MERGE_DEFAULT, UNIQUE_NONE, PATH_NONE, s }

static const struct rule each_path[] = { P("*", PATH_ANY), END };
static const struct rule each_host_path[] = { P("*", PATH_HOST), END };
static const struct rule each_context[] = { P("*", PATH_CONTEXT), END };
static const struct rule each_ulimit[] = { M("*", MERGE_REPLACE), END };

static const struct rule build[] = {
	{ "additional_contexts", MERGE_TO_LIST, UNIQUE_KEY, PATH_NONE, each_context },
	MU("args", MERGE_TO_LIST, UNIQUE_KEY),
	P("context", PATH_CONTEXT),
	M("extra_hosts", MERGE_HOSTS),
	MU("labels", MERGE_TO_LIST, UNIQUE_KEY),
	SUB("ssh", each_host_path),
	U("tags", UNIQUE_KEY),
	END
};

static const struct rule deploy[] = { MU("labels", MERGE_TO_LIST, UNIQUE_KEY), END };
static const struct rule trigger[] = { P("path", PATH_WATCH), END };
static const struct rule each_trigger[] = { SUB("*", trigger), END };
static const struct rule develop[] = { SUB("watch", each_trigger), END };
static const struct rule env_file[] = { P("path", PATH_ANY), END };
static const struct rule each_env_file[] = { SUB("*", env_file), END };
static const struct rule extends[] = { P("file", PATH_EXTENDS), END };
static const struct rule healthcheck[] = { M("test", MERGE_REPLACE), END };
static const struct rule endpoint[] = { U("aliases", UNIQUE_KEY), U("link_local_ips", UNIQUE_KEY), END };
static const struct rule each_endpoint[] = { SUB("*", endpoint), END };
static const struct rule each_mount[] = { P("*", PATH_MOUNT), END };

static const struct rule service[] = {
	MU("annotations", MERGE_TO_LIST, UNIQUE_KEY),
	{ "build", MERGE_BUILD, UNIQUE_NONE, PATH_NONE, build },
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
	{ "env_file", MERGE_TO_LIST, UNIQUE_ENV_FILE, PATH_NONE, each_env_file },
	MU("environment", MERGE_TO_LIST, UNIQUE_KEY),
	U("expose", UNIQUE_TEXT),
	SUB("extends", extends),
	M("extra_hosts", MERGE_HOSTS),
	SUB("healthcheck", healthcheck),
	{ "label_file", MERGE_TO_LIST, UNIQUE_TEXT, PATH_NONE, each_path },
	MU("labels", MERGE_TO_LIST, UNIQUE_KEY),
	U("links", UNIQUE_KEY),
	M("logging", MERGE_LOGGING),
	M("models", MERGE_NAMES),
	{ "networks", MERGE_NAMES, UNIQUE_NONE, PATH_NONE, each_endpoint },
	U("ports", UNIQUE_PORT),
	U("profiles", UNIQUE_KEY),
	U("secrets", UNIQUE_SECRET),
	MU("sysctls", MERGE_TO_LIST, UNIQUE_KEY),
	MU("tmpfs", MERGE_TO_LIST, UNIQUE_KEY),
	SUB("ulimits", each_ulimit),
	{ "volumes", MERGE_DEFAULT, UNIQUE_VOLUME, PATH_NONE, each_mount },
	END
};

static const struct rule ipam[] = { M("config", MERGE_POOLS), U("options", UNIQUE_KEY), END };
static const struct rule network[] = { SUB("ipam", ipam), MU("labels", MERGE_TO_LIST, UNIQUE_KEY), END };
static const struct rule volume[] = { MU("labels", MERGE_TO_LIST, UNIQUE_KEY), END };
static const struct rule file_source[] = { P("file", PATH_HOST), END };

static const struct rule each_service[] = { SUB("*", service), END };
static const struct rule each_network[] = { SUB("*", network), END };
static const struct rule each_volume[] = { { "*", MERGE_DEFAULT, UNIQUE_NONE, PATH_DRIVER, volume }, END };
static const struct rule each_file_source[] = { SUB("*", file_source), END };

static const struct rule project[] = {
	SUB("configs", each_file_source),
	SUB("networks", each_network),
	SUB("secrets", each_file_source),
	SUB("services", each_service),
	SUB("volumes", each_volume),
	END
};

const struct rule rules_project = SUB("", project);
const struct rule rules_service = SUB("*", service);

const struct rule *rule_child(const struct rule *r, const char *key)
{
	const struct rule *any = NULL;

	if (!r || !r->sub)
		return NULL;
	for (const struct rule *c = r->sub; c->key; c++) {
		if (c->key[0] == '*')
			any = c;                         /* "*" sorts before letters */
		else if (!key || c->key[0] > key[0])
			break;
		else if (c->key[0] == key[0] && !strcmp(c->key, key))
			return c;
	}
	return any;
}
