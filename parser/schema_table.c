/* SPDX-License-Identifier: Apache-2.0 */
/* schema_table.c - the top level of the table: project, networks, volumes, configs, secrets, models.
 * Rows of one mapping are sorted by name (schema_child() searches by halves; a unit test checks it). */
#include "parser/schema_rows.h"

/* clang-format off: a row a line */

/* ---- shared rows ---- */
const struct key row_text = { .forms = STR };
const struct key row_text_num = { .forms = STR | NUM };
static const struct key any_scalar = { .forms = STR | NUM | BOOL | NUL };
static const struct key any_text_num = { .forms = STR | NUM };
static const struct key any_option = { .forms = STR | NUM | NUL };
static const struct key any_text = { .forms = STR };
static const struct key host_ips = { .forms = STR | LIST, .item = &row_text };
const struct keys kv_keys = { .any = &any_scalar, .what = "variable" };
const struct keys opt_keys = { .any = &any_text_num, .what = "option" };
const struct keys null_opt_keys = { .any = &any_option, .what = "option" };
const struct keys text_keys = { .any = &any_text, .what = "option" };
const struct keys host_keys = { .any = &host_ips, .what = "host" };

static bool lower_letters(const char *s)
{
	for (; *s; s++)
		if (*s < 'a' || *s > 'z')
			return false;
	return true;
}

static const struct key ulimit_v[] = {
	{ "hard", .forms = INT | STR, .flags = KEY_NEED, .settle = settle_int },
	{ "soft", .forms = INT | STR, .flags = KEY_NEED, .settle = settle_int },
};
static const struct keys ulimit_keys = { ulimit_v, ARRAY_LEN(ulimit_v), .what = "ulimit" };
static const struct key any_ulimit = { .forms = INT | STR | MAP, .keys = &ulimit_keys, .settle = settle_ulimit };
const struct keys ulimits_keys = { .any = &any_ulimit, .what = "ulimit", .name_ok = lower_letters,
	.name_wanted = "lower-case letters" };

/* ---- include ---- */
static const struct key include_v[] = {
	{ "env_file", .forms = STR | LIST, .item = &row_text, .flags = KEY_UNIQUE },
	{ "path", .forms = STR | LIST, .item = &row_text, .flags = KEY_UNIQUE },
	{ "project_directory", .forms = STR },
};
static const struct keys include_keys = { include_v, ARRAY_LEN(include_v), .what = "include" };
static const struct key include_item = { .forms = STR | MAP, .keys = &include_keys, .canon = canon_include };

/* ---- networks ---- */
static const struct key external_v[] = { { "name", .forms = STR } };
static const struct keys external_keys = { external_v, 1, .what = "external" };
#define EXTERNAL { "external", .forms = BOOL | STR | MAP, .keys = &external_keys, .settle = settle_bool }

static const struct key pool_v[] = {
	{ "aux_addresses", .forms = MAP, .keys = &text_keys, .settle = settle_options },
	{ "gateway", .forms = STR },
	{ "ip_range", .forms = STR },
	{ "subnet", .forms = STR },
};
static const struct keys pool_keys = { pool_v, ARRAY_LEN(pool_v), .what = "address pool" };
static const struct key pool_item = { .forms = MAP, .keys = &pool_keys };
static const struct key ipam_v[] = {
	{ "config", .forms = LIST, .item = &pool_item },
	{ "driver", .forms = STR },
	{ "options", .forms = MAP, .keys = &text_keys, .settle = settle_options, .status = KEY_WARNED,
	  .note = "the built-in address management has no options" },
};
static const struct keys ipam_keys = { ipam_v, ARRAY_LEN(ipam_v), .what = "ipam" };
static const struct key network_v[] = {
	{ "attachable", .forms = BOOL | STR, .settle = settle_bool, .status = KEY_SILENT, .note = "matters to overlay networks only" },
	{ "driver", .forms = STR },
	{ "driver_opts", .forms = MAP, .keys = &opt_keys, .settle = settle_options },
	{ "enable_ipv4", .forms = BOOL | STR, .settle = settle_bool },
	{ "enable_ipv6", .forms = BOOL | STR, .settle = settle_bool },
	EXTERNAL,
	{ "internal", .forms = BOOL | STR, .settle = settle_bool },
	{ "ipam", .forms = MAP, .keys = &ipam_keys },
	{ "labels", KV, .settle = settle_labels },
	{ "name", .forms = STR },
};
const struct keys schema_network = { network_v, ARRAY_LEN(network_v), .what = "a network" };
static const struct key any_network = { .forms = NUL | MAP, .keys = &schema_network, .canon = canon_external };
static const struct keys networks_keys = { .any = &any_network, .what = "network", .name_ok = value_key, .name_wanted = KEY_WANTED };

/* ---- volumes ---- */
static const struct key volume_v[] = {
	{ "driver", .forms = STR },
	{ "driver_opts", .forms = MAP, .keys = &opt_keys, .settle = settle_options },
	EXTERNAL,
	{ "labels", KV, .settle = settle_labels },
	{ "name", .forms = STR },
};
const struct keys schema_volume = { volume_v, ARRAY_LEN(volume_v), .what = "a volume" };
static const struct key any_volume = { .forms = NUL | MAP, .keys = &schema_volume, .canon = canon_external,
	.settle = settle_volume };
static const struct keys volumes_keys = { .any = &any_volume, .what = "volume", .name_ok = value_key, .name_wanted = KEY_WANTED };

/* ---- configs, secrets ---- */
static const struct key config_v[] = {
	{ "content", .forms = STR },
	{ "environment", .forms = STR },
	EXTERNAL,
	{ "file", .forms = STR },
	{ "labels", KV, .settle = settle_labels, .status = KEY_SILENT, .note = "there is no object that could carry them" },
	{ "name", .forms = STR },
	{ "template_driver", .forms = STR, .status = KEY_REFUSED },
};
const struct keys schema_config = { config_v, ARRAY_LEN(config_v), .what = "a config" };
static const struct key any_config = { .forms = MAP, .keys = &schema_config, .canon = canon_external, .settle = settle_config };
static const struct keys configs_keys = { .any = &any_config, .what = "config", .name_ok = value_key, .name_wanted = KEY_WANTED };

static const struct key secret_v[] = {
	{ "driver", .forms = STR, .status = KEY_REFUSED },
	{ "driver_opts", .forms = MAP, .keys = &opt_keys, .settle = settle_options, .status = KEY_WARNED,
	  .note = "secrets have no driver here" },
	{ "environment", .forms = STR },
	EXTERNAL,
	{ "file", .forms = STR },
	{ "labels", KV, .settle = settle_labels, .status = KEY_SILENT, .note = "there is no object that could carry them" },
	{ "name", .forms = STR },
	{ "template_driver", .forms = STR, .status = KEY_REFUSED },
};
const struct keys schema_secret = { secret_v, ARRAY_LEN(secret_v), .what = "a secret" };
static const struct key any_secret = { .forms = MAP, .keys = &schema_secret, .canon = canon_external, .settle = settle_secret };
static const struct keys secrets_keys = { .any = &any_secret, .what = "secret", .name_ok = value_key, .name_wanted = KEY_WANTED };

/* ---- models ---- */
static const struct key model_v[] = {
	{ "context_size", .forms = INT, .settle = settle_int },
	{ "model", .forms = STR, .flags = KEY_NEED },
	{ "name", .forms = STR },
	{ "runtime_flags", .forms = LIST, .item = &row_text },
};
static const struct keys model_keys = { model_v, ARRAY_LEN(model_v), .what = "a model" };
/* A null model passes here as in the reference loader's lists of names; the missing `model` is told instead. */
static const struct key any_model = { .forms = MAP, .keys = &model_keys };
static const struct keys models_keys = { .any = &any_model, .what = "model", .name_ok = value_key, .name_wanted = KEY_WANTED };

/* ---- the document ---- */
static const struct key any_service = { .forms = MAP, .keys = &schema_service };
static const struct keys services_keys = { .any = &any_service, .what = "service", .name_ok = value_key, .name_wanted = KEY_WANTED };
static const struct key root_v[] = {
	{ "configs", .forms = MAP, .keys = &configs_keys, .spec = "08-configs" },
	{ "include", .forms = LIST, .item = &include_item, .spec = "14-include" },
	{ "models", .forms = MAP, .keys = &models_keys, .spec = "models", .status = KEY_REFUSED, .note = "there is no model runner; a service with a `provider`, or of an image that is one, gives its address in variables" },
	{ "name", .forms = STR, .spec = "04-version-and-name" },
	{ "networks", .forms = MAP, .keys = &networks_keys, .spec = "06-networks" },
	{ "secrets", .forms = MAP, .keys = &secrets_keys, .spec = "09-secrets" },
	{ "services", .forms = MAP, .keys = &services_keys, .spec = "05-services" },
	{ "version", .forms = STR, .spec = "04-version-and-name", .status = KEY_WARNED, .note = "obsolete" },
	{ "volumes", .forms = MAP, .keys = &volumes_keys, .spec = "07-volumes" },
};
static const struct keys root_keys = { root_v, ARRAY_LEN(root_v), .what = "the top level" };
const struct key schema_root = { .forms = MAP, .keys = &root_keys };
