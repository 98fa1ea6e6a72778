/* SPDX-License-Identifier: Apache-2.0 */
/* graph_hash_table.c - of every attribute of a service: whether giving it makes the containers anew, and the cause that is told.
 * What stands in apart[] must not; everything else must. */
#include "compose/base/json.h"
#include "graph/hash.h"
#include "tests/unit/schema_doc.h"

#define PREFIX "services.*."

/* With all that is below them. */
static const char *const apart[] = {
	/* how the image comes to be; a new image is a cause of its own */
	"build", "pull_policy", "pull_refresh_after",
	/* how many there are, and which services */
	"deploy.replicas", "scale", "profiles", "depends_on",
	/* only for those who look on: `up`, `watch`, people */
	"attach", "develop", "expose", "ports[].name", "ports[].app_protocol",
	/* one host has nothing to choose */
	"deploy.endpoint_mode", "deploy.labels", "deploy.mode", "deploy.placement", "deploy.rollback_config", "deploy.update_config",
	"deploy.resources.reservations.cpus", "deploy.resources.reservations.generic_resources", "ports[].mode",
	/* without effect here, which up warns of or refuses to be other than the default */
	"cpu_count", "cpu_percent", "credential_spec", "isolation", "deploy.restart_policy.delay", "deploy.restart_policy.window",
	"volumes[].consistency", "volumes[].bind.selinux", "gpus[].options", "deploy.resources.reservations.devices[].options",
};
/* Put into other attributes before anything is compared (parser/extends.c, envfiles.c). */
static const char *const resolved[] = { "extends", "env_file", "label_file" };

/* Where the case's value is what is there without it. */
static const struct { const char *path, *value; } others[] = {
	{ "blkio_config.weight_device[].weight", "20" },
	{ "deploy", "{resources: {limits: {memory: 1g}}}" },
	{ "deploy.resources.reservations", "{memory: 1g}" },
	{ "deploy.resources.reservations.devices[].count", "2" },
	{ "ports[].target", "81" },
	{ "volumes[].bind.create_host_path", "false" },
};

static const char *value_of(const struct schema_case *c)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (!strcmp(others[i].path, c->path + strlen(PREFIX)))
			return others[i].value;
	return c->good;
}

static bool below(const char *path, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(v[i]);
		if (!strncmp(path, v[i], len) && (!path[len] || path[len] == '.' || path[len] == '['))
			return true;
	}
	return false;
}

static bool load(struct arena *a, const char *path, const char *value, struct service *ret)
{
	auto_errs struct errs errs = {0};
	auto_free char *doc = document(path, value), *text = NULL;
	struct node *root = pass(a, doc, &errs, NULL);

	text = errs_text(&errs);
	is_str(text, "", "%s: %s can be loaded", path, value);
	*ret = (struct service){ .name = "n", .tree = node_path(root, "services.n") };
	return ret->tree && !errs.n;
}

/* The same document with an extension in the attribute's place. */
static char *without(const char *path)
{
	const char *key = strrchr(path, '.');

	return xasprintf("%.*s.x-none", (int)(key - path), path);
}

static void told(struct arena *a, const struct service *was, const struct service *is, const char *path)
{
	auto_json json_t *old = service_config(was);
	auto_free char *text = json_dumps(old, JSON_COMPACT), *first = xstrndup(path, strcspn(path, ".["));
	struct srcpos at;
	const char *cause = service_difference(a, text, is, &at);

	ok(!strncmp(cause, first, strlen(first)), "%s: the cause is \"%s\"", path, cause);
	is_int(at.line, 1, "%s: with its place", path);
}

static void one(const struct schema_case *c)
{
	const char *path = c->path + strlen(PREFIX);
	auto_free char *base = without(c->path);
	struct arena a = {0};
	struct service was, is;
	char x[65], y[65];

	if (load(&a, base, "1", &was) && load(&a, c->path, value_of(c), &is)) {
		bool same = below(path, apart, ARRAY_LEN(apart));
		service_hash(&was, x);
		service_hash(&is, y);
		ok(!strcmp(x, y) == same, "%s %s", path, same ? "makes nothing anew" : "makes containers anew");
		if (!same)
			told(&a, &was, &is, path);
	}
	arena_done(&a);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (str_starts(cases[i].path, PREFIX) && !below(cases[i].path + strlen(PREFIX), resolved, ARRAY_LEN(resolved)))
			one(&cases[i]);
	return done_testing();
}
