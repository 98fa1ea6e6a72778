/* SPDX-License-Identifier: Apache-2.0 */
/* schema_service.c - the keys of a service and of the smaller mappings below it.   spec: compose-spec 05-services */
#include "parser/schema_rows.h"

/* clang-format off: a row a line */

#define WINDOWS "is for Windows containers"
#define NAMED(type, rows, title) const struct keys type = { rows, ARRAY_LEN(rows), .what = title }

/* ---- block I/O ---- */
static const struct key rate_v[] = {
	{ "path", .forms = STR, .flags = KEY_NEED },
	{ "rate", .forms = INT | STR, .flags = KEY_NEED, .settle = settle_bytes },
};
static NAMED(rate_keys, rate_v, "a rate limit");
static const struct key rate_item = { .forms = MAP, .keys = &rate_keys };
static const struct key weight_v[] = {
	{ "path", .forms = STR, .flags = KEY_NEED },
	{ "weight", .forms = INT | STR, .flags = KEY_NEED | KEY_RANGE, .lo = 10, .hi = 1000, .settle = settle_int },
};
static NAMED(weight_keys, weight_v, "a weight");
static const struct key weight_item = { .forms = MAP, .keys = &weight_keys };
static const struct key blkio_v[] = {
	{ "device_read_bps", .forms = LIST, .item = &rate_item },
	{ "device_read_iops", .forms = LIST, .item = &rate_item },
	{ "device_write_bps", .forms = LIST, .item = &rate_item },
	{ "device_write_iops", .forms = LIST, .item = &rate_item },
	{ "weight", .forms = INT | STR, .flags = KEY_RANGE, .lo = 0, .hi = 1000, .settle = settle_int },
	{ "weight_device", .forms = LIST, .item = &weight_item },
};
static NAMED(blkio_keys, blkio_v, "blkio_config");

/* ---- files: configs, secrets ---- */
static const struct key file_mount_v[] = {
	{ "gid", .forms = STR },
	{ "mode", .forms = NUM | STR, .settle = settle_mode_text },
	{ "source", .forms = STR },
	{ "target", .forms = STR },
	{ "uid", .forms = STR },
};
static NAMED(file_mount_keys, file_mount_v, "a file reference");
const struct key file_mount_item = { .forms = STR | MAP, .keys = &file_mount_keys, .canon = canon_file_mount };
static const struct key secret_mount_item = { .forms = STR | MAP, .keys = &file_mount_keys, .canon = canon_file_mount,
	.settle = settle_secret_mount };

/* ---- depends_on, env_file, extends, provider ---- */
static const struct key dep_v[] = {
	{ "condition", .forms = STR, .flags = KEY_NEED, .words = "service_started service_healthy service_completed_successfully" },
	{ "required", .forms = BOOL, .settle = settle_bool },
	{ "restart", FLAG },
};
static NAMED(dep_keys, dep_v, "a dependency");
static const struct key any_dep = { .forms = MAP, .keys = &dep_keys };
static const struct keys deps_keys = { .any = &any_dep, .what = "service", .name_ok = value_key, .name_wanted = KEY_WANTED };
static const struct key env_file_v[] = {
	{ "format", .forms = STR },
	{ "path", .forms = STR, .flags = KEY_NEED },
	{ "required", FLAG },
};
static NAMED(env_file_keys, env_file_v, "an env_file");
static const struct key env_file_item = { .forms = STR | MAP, .keys = &env_file_keys };
static const struct key extends_v[] = {
	{ "file", .forms = STR },
	{ "service", .forms = STR, .flags = KEY_NEED },
};
static NAMED(extends_keys, extends_v, "extends");
static const struct key option_item = { .forms = STR | NUM | BOOL };
static const struct key any_multi = { .forms = STR | NUM | BOOL | LIST, .item = &option_item };
static const struct keys multi_keys = { .any = &any_multi, .what = "option" };
static const struct key provider_v[] = {
	{ "options", .forms = MAP, .keys = &multi_keys, .settle = settle_multi },
	{ "type", .forms = STR, .flags = KEY_NEED },
};
static NAMED(provider_keys, provider_v, "a provider");
static const struct key credential_v[] = {
	{ "config", .forms = STR },
	{ "file", .forms = STR },
	{ "registry", .forms = STR },
};
static NAMED(credential_keys, credential_v, "credential_spec");

/* ---- devices, gpus ---- */
static const struct key device_v[] = {
	{ "permissions", .forms = STR },
	{ "source", .forms = STR, .flags = KEY_NEED },
	{ "target", .forms = STR },
};
static NAMED(device_keys, device_v, "a device");
static const struct key device_item = { .forms = STR | MAP, .keys = &device_keys, .canon = canon_device };
static bool device_rule(const char *s)
{
	char type, access[4];
	int64_t major, minor;

	return value_device_rule(s, &type, &major, &minor, access);
}
static const struct key device_rule_item = { .forms = STR, .valid = device_rule,
	.wanted = "a rule such as \"c 42:* rmw\": type a, b or c, MAJOR:MINOR, letters of rwm" };
static const struct key gpu_v[] = {
	{ "capabilities", UNIQUE_TEXTS },
	{ "count", .forms = STR | INT, .settle = settle_device_count },
	{ "device_ids", UNIQUE_TEXTS },
	{ "driver", .forms = STR },
	{ "options", KV, .settle = settle_labels, .status = KEY_WARNED, .note = "devices come from CDI specs, which have no options" },
};
static NAMED(gpu_keys, gpu_v, "a GPU request");
static const struct key gpu_item = { .forms = MAP, .keys = &gpu_keys, .settle = settle_device_request };

/* ---- healthcheck, hooks, logging, models ---- */
static const struct key health_v[] = {
	{ "disable", FLAG },
	{ "interval", DURATION },
	{ "retries", .forms = NUM | STR, .settle = settle_count },
	{ "start_interval", DURATION },
	{ "start_period", DURATION },
	{ "test", .forms = STR | LIST, .item = &row_text, .settle = settle_test },
	{ "timeout", DURATION },
};
static NAMED(health_keys, health_v, "a healthcheck");
#define COMMAND .forms = NUL | STR | LIST, .item = &row_text, .settle = settle_words
static const struct key hook_v[] = {
	{ "command", COMMAND, .flags = KEY_NEED },
	{ "environment", KV, .settle = settle_env },
	{ "privileged", FLAG },
	{ "user", .forms = STR },
	{ "working_dir", .forms = STR },
};
NAMED(hook_keys, hook_v, "a hook");
static const struct key hook_item = { .forms = MAP, .keys = &hook_keys };
static const struct key pre_start_v[] = {
	{ "command", COMMAND },
	{ "environment", KV, .settle = settle_env },
	{ "image", .forms = STR },
	{ "per_replica", FLAG },
	{ "privileged", FLAG },
	{ "user", .forms = STR },
	{ "working_dir", .forms = STR },
};
static NAMED(pre_start_keys, pre_start_v, "a pre_start hook");
static const struct key pre_start_item = { .forms = MAP, .keys = &pre_start_keys };
static const struct key logging_v[] = {
	{ "driver", .forms = STR },
	{ "options", .forms = MAP, .keys = &null_opt_keys, .settle = settle_options },
};
static NAMED(logging_keys, logging_v, "logging");
static const struct key model_ref_v[] = {
	{ "endpoint_var", .forms = STR },
	{ "model_var", .forms = STR },
};
static NAMED(model_ref_keys, model_ref_v, "a model reference");
static const struct key any_model_ref = { .forms = NUL | MAP, .keys = &model_ref_keys };
static const struct keys model_refs_keys = { .any = &any_model_ref, .what = "model", .name_ok = value_key, .name_wanted = KEY_WANTED };

/* ---- networks, ports ---- */
static const struct key net_ref_v[] = {
	{ "aliases", UNIQUE_TEXTS },
	{ "driver_opts", .forms = MAP, .keys = &opt_keys, .settle = settle_options, .status = KEY_REFUSED },
	{ "gw_priority", .forms = NUM, .settle = settle_int },
	{ "interface_name", .forms = STR },
	{ "ipv4_address", .forms = STR },
	{ "ipv6_address", .forms = STR },
	{ "link_local_ips", UNIQUE_TEXTS },
	{ "mac_address", .forms = STR },
	{ "priority", .forms = NUM, .settle = settle_int },
};
static NAMED(net_ref_keys, net_ref_v, "a service's network");
static const struct key any_net_ref = { .forms = NUL | MAP, .keys = &net_ref_keys };
static const struct keys net_refs_keys = { .any = &any_net_ref, .what = "network", .name_ok = value_key, .name_wanted = KEY_WANTED };
static const struct key port_v[] = {
	{ "app_protocol", .forms = STR, .status = KEY_SILENT, .note = "informs other tools only" },
	{ "host_ip", .forms = STR },
	{ "mode", .forms = STR, .status = KEY_SILENT, .note = "ingress and host are the same on one host" },
	{ "name", .forms = STR, .status = KEY_SILENT, .note = "informs other tools only" },
	{ "protocol", .forms = STR },
	{ "published", .forms = STR | INT },
	{ "target", .forms = INT | STR, .settle = settle_int },
};
static NAMED(port_keys, port_v, "a port");
static const struct key port_item = { .forms = NUM | STR | MAP, .keys = &port_keys, .settle = settle_port };

/* ---- volumes ---- */
static const struct key bind_v[] = {
	{ "create_host_path", FLAG },
	{ "propagation", .forms = STR },
	{ "recursive", .forms = STR, .words = "enabled disabled writable readonly" },
	{ "selinux", .forms = STR, .words = "z Z", .status = KEY_SILENT, .note = "no relabelling without SELinux" },
};
static NAMED(bind_keys, bind_v, "bind options");
static const struct key volume_opt_v[] = {
	{ "labels", KV, .settle = settle_labels },
	{ "nocopy", FLAG },
	{ "subpath", .forms = STR },
};
static NAMED(volume_opt_keys, volume_opt_v, "volume options");
static const struct key tmpfs_v[] = {
	{ "mode", .forms = NUM | STR, .settle = settle_mode_int },
	{ "size", .forms = INT | STR, .flags = KEY_RANGE, .lo = 0, .hi = INT64_MAX, .settle = settle_bytes },
};
static NAMED(tmpfs_keys, tmpfs_v, "tmpfs options");
static const struct key image_opt_v[] = { { "subpath", .forms = STR } };
static NAMED(image_opt_keys, image_opt_v, "image options");
static const struct key mount_v[] = {
	{ "bind", .forms = MAP, .keys = &bind_keys, .settle = settle_bind },
	{ "consistency", .forms = STR, .status = KEY_SILENT, .note = "a Linux bind mount is always consistent" },
	{ "image", .forms = MAP, .keys = &image_opt_keys },
	{ "read_only", FLAG },
	{ "source", .forms = STR },
	{ "target", .forms = STR },
	{ "tmpfs", .forms = MAP, .keys = &tmpfs_keys },
	{ "type", .forms = STR, .flags = KEY_NEED, .words = "bind volume tmpfs cluster npipe image" },
	{ "volume", .forms = MAP, .keys = &volume_opt_keys },
};
static NAMED(mount_keys, mount_v, "a mount");
static const struct key mount_item = { .forms = STR | MAP, .keys = &mount_keys, .canon = canon_volume, .settle = settle_mount };

/* ---- the service ---- */
static bool pull_policy(const char *s)
{
	int64_t ns;

	for (const char *const *w = (const char *const[]){ "always", "never", "build", "if_not_present", "missing", "refresh",
							    "daily", "weekly", NULL }; *w; w++)
		if (strcmp(s, *w) == 0)
			return true;
	return strncmp(s, "every_", 6) == 0 && s[6] >= '0' && s[6] <= '9' && value_duration(s + 6, &ns);
}
static bool is_duration(const char *s)
{
	int64_t ns;

	return value_duration(s, &ns) && ns >= 0;
}
#define PULL_POLICIES "always, never, missing, build, daily, weekly or every_DURATION"
static const struct key volumes_from_item = { .forms = STR };

static const struct key service_v[] = {
	{ "annotations", KV, .settle = settle_labels },
	{ "attach", FLAG, .flags = KEY_APART },
	{ "blkio_config", .forms = MAP, .keys = &blkio_keys },
	{ "build", .forms = STR | MAP, .keys = &schema_build, .canon = canon_build, .settle = settle_build, .spec = "build", .flags = KEY_APART },
	{ "cap_add", UNIQUE_TEXTS },
	{ "cap_drop", UNIQUE_TEXTS },
	{ "cgroup", .forms = STR, .words = "host private" },
	{ "cgroup_parent", .forms = STR },
	{ "command", COMMAND },
	{ "configs", .forms = LIST, .item = &file_mount_item },
	{ "container_name", .forms = STR, .valid = value_name,
	  .wanted = "a letter or digit, then at least one of letters, digits, '_', '.' and '-'" },
	{ "cpu_count", .forms = STR | INT, .flags = KEY_RANGE, .hi = INT64_MAX, .settle = settle_int, .status = KEY_WARNED, .note = WINDOWS },
	{ "cpu_percent", .forms = STR | INT, .flags = KEY_RANGE, .hi = 100, .settle = settle_float, .status = KEY_WARNED, .note = WINDOWS },
	{ "cpu_period", .forms = NUM | STR, .settle = settle_int },
	{ "cpu_quota", .forms = NUM | STR, .settle = settle_int },
	{ "cpu_rt_period", .forms = NUM | STR, .settle = settle_micros },
	{ "cpu_rt_runtime", .forms = NUM | STR, .settle = settle_micros },
	{ "cpu_shares", .forms = NUM | STR, .settle = settle_int },
	{ "cpus", .forms = NUM | STR, .settle = settle_float },
	{ "cpuset", .forms = STR },
	{ "credential_spec", .forms = MAP, .keys = &credential_keys, .status = KEY_WARNED, .note = WINDOWS },
	{ "depends_on", .forms = LIST | MAP, .item = &row_text, .keys = &deps_keys, .flags = KEY_UNIQUE | KEY_APART, .canon = canon_depends_on },
	{ "deploy", .forms = NUL | MAP, .keys = &schema_deploy, .spec = "deploy" },
	{ "develop", .forms = NUL | MAP, .keys = &schema_develop, .spec = "develop", .flags = KEY_APART },
	{ "device_cgroup_rules", .forms = LIST, .item = &device_rule_item, .flags = KEY_UNIQUE },
	{ "devices", .forms = LIST, .item = &device_item },
	{ "dns", TEXT_OR_LIST, .settle = settle_dns },
	{ "dns_opt", UNIQUE_TEXTS },
	{ "dns_search", TEXT_OR_LIST },
	{ "domainname", .forms = STR },
	{ "entrypoint", COMMAND },
	{ "env_file", .forms = STR | LIST, .item = &env_file_item, .canon = canon_env_file },
	{ "environment", KV, .settle = settle_env },
	{ "expose", .forms = LIST, .item = &row_text_num, .flags = KEY_UNIQUE, .settle = settle_text, .status = KEY_SILENT,
	  .note = "every port is open to the networks of its container" },
	{ "extends", .forms = STR | MAP, .keys = &extends_keys, .canon = canon_extends },
	{ "external_links", UNIQUE_TEXTS },
	{ "extra_hosts", .forms = MAP | LIST, .keys = &host_keys, .item = &row_text, .settle = settle_hosts },
	{ "gpus", .forms = STR | LIST, .words = "all", .item = &gpu_item, .canon = canon_gpus },
	{ "group_add", .forms = LIST, .item = &row_text_num, .flags = KEY_UNIQUE, .settle = settle_text },
	{ "healthcheck", .forms = MAP, .keys = &health_keys },
	{ "hostname", .forms = STR },
	{ "image", .forms = STR },
	{ "init", FLAG },
	{ "ipc", .forms = STR },
	{ "isolation", .forms = STR, .status = KEY_SILENT, .note = WINDOWS "; unsupported.c refuses all but default" },
	{ "label_file", .forms = STR | LIST, .item = &row_text, .canon = canon_list },
	{ "labels", KV, .settle = settle_labels },
	{ "links", UNIQUE_TEXTS },
	{ "logging", .forms = MAP, .keys = &logging_keys },
	{ "mac_address", .forms = STR },
	{ "mem_limit", .forms = NUM | STR, .settle = settle_bytes },
	{ "mem_reservation", .forms = INT | STR, .settle = settle_bytes },
	{ "mem_swappiness", .forms = INT | STR, .settle = settle_bytes },
	{ "memswap_limit", .forms = NUM | STR, .settle = settle_bytes },
	{ "models", .forms = LIST | MAP, .item = &row_text, .keys = &model_refs_keys, .flags = KEY_UNIQUE, .canon = canon_names,
	  .status = KEY_REFUSED,
	  .note = "there is no model runner; a service with a `provider`, or of an image that is one, gives its address in variables" },
	{ "network_mode", .forms = STR },
	{ "networks", .forms = LIST | MAP, .item = &row_text, .keys = &net_refs_keys, .flags = KEY_UNIQUE, .canon = canon_names },
	{ "oom_kill_disable", FLAG },
	{ "oom_score_adj", .forms = STR | INT, .flags = KEY_RANGE, .lo = -1000, .hi = 1000, .settle = settle_int },
	{ "pid", .forms = NUL | STR },
	{ "pids_limit", .forms = NUM | STR, .settle = settle_int },
	{ "platform", .forms = STR },
	{ "ports", .forms = LIST, .item = &port_item, .flags = KEY_UNIQUE, .canon = canon_ports },
	{ "post_start", .forms = LIST, .item = &hook_item },
	{ "pre_start", .forms = LIST, .item = &pre_start_item },
	{ "pre_stop", .forms = LIST, .item = &hook_item },
	{ "privileged", FLAG },
	{ "profiles", UNIQUE_TEXTS | KEY_APART },
	{ "provider", .forms = MAP, .keys = &provider_keys },
	{ "pull_policy", .forms = STR, .valid = pull_policy, .wanted = PULL_POLICIES, .flags = KEY_APART },
	{ "pull_refresh_after", .forms = STR, .valid = is_duration, .wanted = "a duration such as 12h or 2d", .flags = KEY_APART },
	{ "read_only", FLAG },
	{ "restart", .forms = STR },
	{ "runtime", .forms = STR },
	{ "scale", .forms = INT | STR, .settle = settle_int, .flags = KEY_APART },
	{ "secrets", .forms = LIST, .item = &secret_mount_item },
	{ "security_opt", UNIQUE_TEXTS },
	{ "shm_size", .forms = NUM | STR, .settle = settle_bytes },
	{ "stdin_open", FLAG },
	{ "stop_grace_period", DURATION },
	{ "stop_signal", .forms = STR },
	{ "storage_opt", .forms = MAP, .settle = settle_options },
	{ "sysctls", KV, .settle = settle_labels },
	{ "tmpfs", TEXT_OR_LIST },
	{ "tty", FLAG },
	{ "ulimits", .forms = MAP, .keys = &ulimits_keys },
	{ "use_api_socket", .forms = BOOL, .settle = settle_bool, .status = KEY_REFUSED, .note = "there is no engine socket" },
	{ "user", .forms = STR },
	{ "userns_mode", .forms = STR },
	{ "uts", .forms = STR },
	{ "volumes", .forms = LIST, .item = &mount_item, .flags = KEY_UNIQUE },
	{ "volumes_from", .forms = LIST, .item = &volumes_from_item, .flags = KEY_UNIQUE },
	{ "working_dir", .forms = STR },
};
NAMED(schema_service, service_v, "a service");
