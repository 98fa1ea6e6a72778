/* SPDX-License-Identifier: Apache-2.0 */
/* schema_build.c - the keys of a service's build, deploy and develop.   spec: compose-spec build, deploy, develop */
#include "parser/schema_rows.h"

/* clang-format off: a row a line */

#define NAMED(type, rows, title) const struct keys type = { rows, ARRAY_LEN(rows), .what = title }
#define SWARM "is for clusters; one host has nothing to choose"

/* ---- build ---- */
#define BY_RUN .status = KEY_WARNED, .note = "the Dockerfile's RUN --mount=type=secret tells it"
static const struct key build_secret_v[] = {
	{ "gid", .forms = STR, BY_RUN },
	{ "mode", .forms = NUM | STR, .settle = settle_mode_text, BY_RUN },
	{ "source", .forms = STR },
	{ "target", .forms = STR },
	{ "uid", .forms = STR, BY_RUN },
};
static NAMED(build_secret_keys, build_secret_v, "a build secret");
static const struct key build_secret_item = { .forms = STR | MAP, .keys = &build_secret_keys, .canon = canon_file_mount };
static const struct key build_v[] = {
	{ "additional_contexts", KV, .canon = canon_contexts, .settle = settle_labels },
	{ "args", KV, .settle = settle_env },
	{ "cache_from", TEXTS, .status = KEY_WARNED, .note = "the layer cache of this host is used" },
	{ "cache_to", TEXTS, .status = KEY_WARNED, .note = "the layer cache of this host is used" },
	{ "context", .forms = STR },
	{ "dockerfile", .forms = STR },
	{ "dockerfile_inline", .forms = STR },
	{ "entitlements", TEXTS },
	{ "extra_hosts", .forms = MAP | LIST, .keys = &host_keys, .item = &row_text, .settle = settle_hosts },
	{ "isolation", .forms = STR, .status = KEY_WARNED, .note = "is for Windows containers" },
	{ "labels", KV, .settle = settle_labels },
	{ "network", .forms = STR },
	{ "no_cache", FLAG },
	{ "no_cache_filter", TEXT_OR_LIST },
	{ "platforms", TEXTS, .status = KEY_WARNED, .note = "images are built for this machine" },
	{ "privileged", FLAG, .status = KEY_REFUSED },
	{ "provenance", .forms = STR | BOOL, .canon = canon_text, .status = KEY_SILENT, .note = "attestations do not change the image" },
	{ "pull", FLAG },
	{ "sbom", .forms = STR | BOOL, .canon = canon_text, .status = KEY_SILENT, .note = "attestations do not change the image" },
	{ "secrets", .forms = LIST, .item = &build_secret_item },
	{ "shm_size", .forms = INT | STR, .settle = settle_bytes },
	{ "ssh", KV, .canon = canon_ssh },
	{ "tags", TEXTS },
	{ "target", .forms = STR },
	{ "ulimits", .forms = MAP, .keys = &ulimits_keys },
};
NAMED(schema_build, build_v, "build");

/* ---- deploy ---- */
static const struct key update_v[] = {
	{ "delay", DURATION },
	{ "failure_action", .forms = STR },
	{ "max_failure_ratio", .forms = NUM | STR, .settle = settle_float },
	{ "monitor", DURATION },
	{ "order", .forms = STR, .words = "start-first stop-first" },
	{ "parallelism", .forms = INT | STR, .settle = settle_count },
};
static NAMED(update_keys, update_v, "an update rule");
static const struct key spec_v[] = {
	{ "kind", .forms = STR },
	{ "value", .forms = NUM | STR, .settle = settle_int },
};
static NAMED(spec_keys, spec_v, "a resource");
static const struct key generic_v[] = { { "discrete_resource_spec", .forms = MAP, .keys = &spec_keys } };
static NAMED(generic_keys, generic_v, "a resource");
static const struct key generic_item = { .forms = MAP, .keys = &generic_keys };
static const struct key device_v[] = {
	{ "capabilities", UNIQUE_TEXTS | KEY_NEED },
	{ "count", .forms = STR | INT, .settle = settle_device_count },
	{ "device_ids", UNIQUE_TEXTS },
	{ "driver", .forms = STR },
	{ "options", KV, .settle = settle_labels, .status = KEY_WARNED, .note = "devices come from CDI specs, which have no options" },
};
static NAMED(device_keys, device_v, "a device request");
const struct key device_request_item = { .forms = MAP, .keys = &device_keys, .settle = settle_device_request };
static const struct key limits_v[] = {
	{ "cpus", .forms = NUM | STR, .settle = settle_float },
	{ "memory", .forms = STR, .settle = settle_bytes },
	{ "pids", .forms = INT | STR, .settle = settle_int },
};
static NAMED(limits_keys, limits_v, "limits");
static const struct key reservations_v[] = {
	{ "cpus", .forms = NUM | STR, .settle = settle_float, .status = KEY_SILENT, .note = SWARM },
	{ "devices", .forms = LIST, .item = &device_request_item },
	{ "generic_resources", .forms = LIST, .item = &generic_item, .status = KEY_SILENT, .note = SWARM },
	{ "memory", .forms = STR, .settle = settle_bytes },
};
static NAMED(reservations_keys, reservations_v, "reservations");
static const struct key resources_v[] = {
	{ "limits", .forms = MAP, .keys = &limits_keys },
	{ "reservations", .forms = MAP, .keys = &reservations_keys },
};
static NAMED(resources_keys, resources_v, "resources");
static const struct key restart_v[] = {
	{ "condition", .forms = STR },
	{ "delay", DURATION, .status = KEY_WARNED, .note = "restarts follow the built-in back-off" },
	{ "max_attempts", .forms = INT | STR, .settle = settle_count },
	{ "window", DURATION, .status = KEY_WARNED, .note = "restarts follow the built-in back-off" },
};
static NAMED(restart_keys, restart_v, "a restart policy");
static const struct key preference_v[] = { { "spread", .forms = STR } };
static NAMED(preference_keys, preference_v, "a preference");
static const struct key preference_item = { .forms = MAP, .keys = &preference_keys };
static const struct key placement_v[] = {
	{ "constraints", TEXTS },
	{ "max_replicas_per_node", .forms = INT | STR, .settle = settle_count },
	{ "preferences", .forms = LIST, .item = &preference_item },
};
static NAMED(placement_keys, placement_v, "placement");
static const struct key deploy_v[] = {
	{ "endpoint_mode", .forms = STR, .status = KEY_SILENT, .note = SWARM },
	{ "labels", KV, .settle = settle_labels, .status = KEY_SILENT, .note = "label the cluster's service, not its containers" },
	{ "mode", .forms = STR, .status = KEY_SILENT, .note = SWARM },
	{ "placement", .forms = MAP, .keys = &placement_keys, .status = KEY_SILENT, .note = SWARM },
	{ "replicas", .forms = INT | STR, .settle = settle_int, .flags = KEY_APART },
	{ "resources", .forms = MAP, .keys = &resources_keys },
	{ "restart_policy", .forms = MAP, .keys = &restart_keys },
	{ "rollback_config", .forms = MAP, .keys = &update_keys, .status = KEY_SILENT, .note = SWARM },
	{ "update_config", .forms = MAP, .keys = &update_keys, .status = KEY_SILENT, .note = SWARM },
};
NAMED(schema_deploy, deploy_v, "deploy");

/* ---- develop ---- */
static const struct key watch_v[] = {
	{ "action", .forms = STR, .flags = KEY_NEED, .words = "rebuild sync restart sync+restart sync+exec" },
	{ "exec", .forms = MAP, .keys = &hook_keys },
	{ "ignore", TEXT_OR_LIST },
	{ "include", TEXT_OR_LIST },
	{ "initial_sync", .forms = BOOL, .settle = settle_bool },
	{ "path", .forms = STR, .flags = KEY_NEED },
	{ "target", .forms = STR },
};
static NAMED(watch_keys, watch_v, "a watch trigger");
static const struct key watch_item = { .forms = MAP, .keys = &watch_keys, .settle = settle_trigger };
static const struct key develop_v[] = { { "watch", .forms = LIST, .item = &watch_item } };
NAMED(schema_develop, develop_v, "develop");
