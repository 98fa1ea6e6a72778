/* SPDX-License-Identifier: Apache-2.0 */
/* schema_cases.h - for every attribute of the Compose model one value that is taken, what becomes of it, and one that is refused.
 * The document is built from the path ("*" is the name n, "[]" a list of one); what must stand beside an attribute is in needs[].
 * tests/unit/parser_schema.c fails when an attribute of the schema table has no row here. */
#pragma once

struct schema_case { const char *path, *good, *want, *bad, *err; };

/* By kind of value. */
#define TEXT(p)  { p, "x", "\"x\"", "[1]", "must be a string" }
#define TEXTS(p) { p, "[a, b]", "[\"a\", \"b\"]", "x", "must be a list" }
#define MAPS(p, good, want) { p, good, want, "x", "must be a mapping" }
#define LISTS(p, good, want) { p, good, want, "x", "must be a list" }
#define FLAG(p)  { p, "\"yes\"", "true", "maybe", "is neither true nor false" }
#define TIME(p)  { p, "90s", "\"1m30s\"", "5x", "is no duration" }
#define WHOLE(p) { p, "\"3\"", "3", "x", "is no whole number" }
#define COUNT(p) { p, "\"3\"", "3", "-1", "must be at least 0" }
#define FLOAT(p) { p, "\"0.50\"", "0.5f", "x", "is no number" }
#define SIZE(p)  { p, "1.5k", "\"1536\"", "much", "is no size" }
#define PAIRS(p) { p, "[A=1, B]", "{A: \"1\", B: \"\"}", "x", "must be a mapping or a list" }
#define VARS(p)  { p, "[A=1, B]", "{A: \"1\", B: null}", "['A =1']", "ends with a space" }
#define OPTS(p)  { p, "{a: 1}", "{a: \"1\"}", "[a=1]", "must be a mapping" }
#define HOSTS(p) { p, "['h:[::1]', 'g=1.1.1.1,2.2.2.2']", "[\"g=1.1.1.1\", \"g=2.2.2.2\", \"h=::1\"]", "[h]", "has no address" }
#define WORDS(p) { p, "a 'b c'", "[\"a\", \"b c\"]", "a 'b", "cannot be split" }
#define MODE(p)  { p, "\"440\"", "\"0440\"", "rw", "is no file mode" }
#define ULIMIT(p) { p, "{nofile: \"5\", core: {soft: 1, hard: 2}}", "{nofile: 5, core: {soft: 1, hard: 2}}", "{NOFILE: 1}", "lower-case" }
#define EXTERNAL(p) { p, "\"true\"", "true", "[1]", "must be" }
#define EXT_NAME(p) { p, "x", NULL, "1", "must be a string" }
#define FILE_MOUNT(p) TEXT(p ".uid"), TEXT(p ".gid"), TEXT(p ".source"), TEXT(p ".target"), MODE(p ".mode")
#define RATES(p) LISTS(p, "[{path: /d, rate: 1k}]", "[{path: \"/d\", rate: \"1024\"}]"), TEXT(p "[].path"), SIZE(p "[].rate")
#define HOOK(p) WORDS(p ".command"), TEXT(p ".user"), FLAG(p ".privileged"), TEXT(p ".working_dir"), VARS(p ".environment")
#define UPDATE(p) MAPS(p, "{order: stop-first}", "{order: \"stop-first\"}"), COUNT(p ".parallelism"), TIME(p ".delay"), \
	TIME(p ".monitor"), TEXT(p ".failure_action"), FLOAT(p ".max_failure_ratio"), \
	{ p ".order", "start-first", "\"start-first\"", "first", "must be start-first or stop-first" }
#define DEVICES(p) TEXTS(p ".capabilities"), { p ".count", "all", "-1", "some", "is no whole number" }, \
	TEXTS(p ".device_ids"), TEXT(p ".driver"), PAIRS(p ".options")

/* Siblings that a mapping needs: below `path`, `key: value`, unless the attribute is that key. */
static const struct { const char *path, *key, *value; } needs[] = {
	{ "services.*", "image", "i" },
	{ "services.*.depends_on.*", "condition", "service_started" },
	{ "services.*.devices[]", "source", "/dev/null" },
	{ "services.*.env_file[]", "path", "a.env" },
	{ "services.*.extends", "service", "s" },
	{ "services.*.provider", "type", "t" },
	{ "services.*.post_start[]", "command", "c" },
	{ "services.*.pre_stop[]", "command", "c" },
	{ "services.*.ports[]", "target", "80" },
	{ "services.*.volumes[]", "type", "volume" },
	{ "services.*.volumes[]", "target", "/t" },
	{ "services.*.ulimits.*", "soft", "1" },
	{ "services.*.ulimits.*", "hard", "1" },
	{ "services.*.build.ulimits.*", "soft", "1" },
	{ "services.*.build.ulimits.*", "hard", "1" },
	{ "services.*.blkio_config.device_read_bps[]", "path", "/d" }, { "services.*.blkio_config.device_read_bps[]", "rate", "1" },
	{ "services.*.blkio_config.device_write_bps[]", "path", "/d" }, { "services.*.blkio_config.device_write_bps[]", "rate", "1" },
	{ "services.*.blkio_config.device_read_iops[]", "path", "/d" }, { "services.*.blkio_config.device_read_iops[]", "rate", "1" },
	{ "services.*.blkio_config.device_write_iops[]", "path", "/d" }, { "services.*.blkio_config.device_write_iops[]", "rate", "1" },
	{ "services.*.blkio_config.weight_device[]", "path", "/d" }, { "services.*.blkio_config.weight_device[]", "weight", "10" },
	{ "services.*.deploy.resources.reservations.devices[]", "capabilities", "[gpu]" },
	{ "services.*.develop.watch[]", "path", "p" }, { "services.*.develop.watch[]", "action", "rebuild" },
	{ "services.*.develop.watch[].exec", "command", "c" },
	{ "models.*", "model", "m" },
};
/* These stand in for a need that would get in the attribute's way. */
#define NO_NEEDS "networks.*.external networks.*.external.name volumes.*.external volumes.*.external.name " \
	"configs.*.external configs.*.external.name secrets.*.external secrets.*.external.name " \
	"configs.*.content configs.*.file configs.*.environment secrets.*.file secrets.*.environment secrets.*.driver"

static const struct schema_case cases[] = {
	/* ---- top level ---- */
	{ "version", "\"3.8\"", "\"3.8\"", "3.8", "must be a string, not a number" },
	TEXT("name"),
	LISTS("include", "[a.yaml]", "[{path: \"a.yaml\"}]"),
	{ "include[].path", "[a, b]", "[\"a\", \"b\"]", "[a, a]", "repeats \"a\"" },
	{ "include[].env_file", "a", "\"a\"", "[a, a]", "repeats \"a\"" },
	TEXT("include[].project_directory"),
	{ "services", "{web: {image: i}}", "{web: {image: \"i\"}}", "{\"a b\": {image: i}}", "is no name for a service" },
	MAPS("models", "{m: {model: x}}", "{m: {model: \"x\"}}"),
	MAPS("networks", "{a: , b: {}}", "{a: null, b: {}}"),
	MAPS("volumes", "{a: , b: {}}", "{a: null, b: {}}"),
	{ "secrets", "{a: {file: f}}", "{a: {file: \"f\"}}", "{a: {}}", "needs one of file or environment" },
	{ "configs", "{a: {content: c}}", "{a: {content: \"c\"}}", "{a: {}}", "needs one of file, environment or content" },

	/* ---- networks, volumes, configs, secrets, models ---- */
	TEXT("networks.*.name"), TEXT("networks.*.driver"), OPTS("networks.*.driver_opts"), PAIRS("networks.*.labels"),
	FLAG("networks.*.attachable"), FLAG("networks.*.internal"), FLAG("networks.*.enable_ipv4"), FLAG("networks.*.enable_ipv6"),
	EXTERNAL("networks.*.external"), EXT_NAME("networks.*.external.name"),
	MAPS("networks.*.ipam", "{driver: default}", "{driver: \"default\"}"),
	TEXT("networks.*.ipam.driver"),
	{ "networks.*.ipam.options", "{a: b}", "{a: \"b\"}", "{a: 1}", "must be a string, not a number" },
	LISTS("networks.*.ipam.config", "[{subnet: 10.0.0.0/8}]", "[{subnet: \"10.0.0.0/8\"}]"),
	TEXT("networks.*.ipam.config[].subnet"), TEXT("networks.*.ipam.config[].gateway"), TEXT("networks.*.ipam.config[].ip_range"),
	{ "networks.*.ipam.config[].aux_addresses", "{h: 10.0.0.2}", "{h: \"10.0.0.2\"}", "[a]", "must be a mapping" },
	TEXT("volumes.*.name"), TEXT("volumes.*.driver"), OPTS("volumes.*.driver_opts"), PAIRS("volumes.*.labels"),
	EXTERNAL("volumes.*.external"), EXT_NAME("volumes.*.external.name"),
	TEXT("configs.*.name"), TEXT("configs.*.content"), TEXT("configs.*.environment"), TEXT("configs.*.file"),
	EXTERNAL("configs.*.external"), EXT_NAME("configs.*.external.name"), PAIRS("configs.*.labels"), TEXT("configs.*.template_driver"),
	TEXT("secrets.*.name"), TEXT("secrets.*.environment"), TEXT("secrets.*.file"), TEXT("secrets.*.driver"),
	OPTS("secrets.*.driver_opts"), EXTERNAL("secrets.*.external"), EXT_NAME("secrets.*.external.name"), PAIRS("secrets.*.labels"),
	TEXT("secrets.*.template_driver"),
	TEXT("models.*.name"), TEXT("models.*.model"), TEXTS("models.*.runtime_flags"),
	{ "models.*.context_size", "1024", "1024", "\"1024\"", "must be a whole number" },

	/* ---- service ---- */
	PAIRS("services.*.annotations"), FLAG("services.*.attach"),
	{ "services.*.build", "./dir", "{context: \"./dir\"}", "[a]", "must be a mapping or a string" },
	MAPS("services.*.blkio_config", "{weight: 10}", "{weight: 10}"),
	{ "services.*.blkio_config.weight", "\"300\"", "300", "1001", "must be at most 1000" },
	LISTS("services.*.blkio_config.weight_device", "[{path: /d, weight: 10}]", "[{path: \"/d\", weight: 10}]"),
	TEXT("services.*.blkio_config.weight_device[].path"),
	{ "services.*.blkio_config.weight_device[].weight", "10", "10", "5", "must be at least 10" },
	RATES("services.*.blkio_config.device_read_bps"), RATES("services.*.blkio_config.device_read_iops"),
	RATES("services.*.blkio_config.device_write_bps"), RATES("services.*.blkio_config.device_write_iops"),
	TEXTS("services.*.cap_add"), { "services.*.cap_drop", "[ALL]", "[\"ALL\"]", "[A, A]", "repeats \"A\"" },
	{ "services.*.cgroup", "host", "\"host\"", "hots", "must be host or private" },
	TEXT("services.*.cgroup_parent"), WORDS("services.*.command"), WORDS("services.*.entrypoint"),
	LISTS("services.*.configs", "[c]", "[{source: \"c\"}]"), FILE_MOUNT("services.*.configs[]"),
	{ "services.*.container_name", "a.b-c_1", "\"a.b-c_1\"", "\"a b\"", "must be a letter or digit" },
	{ "services.*.cpu_count", "\"2\"", "2", "-1", "must be at least 0" },
	{ "services.*.cpu_percent", "\"50\"", "50f", "101", "must be at most 100" },
	WHOLE("services.*.cpu_shares"), WHOLE("services.*.cpu_quota"), WHOLE("services.*.cpu_period"),
	WHOLE("services.*.cpu_rt_period"), WHOLE("services.*.cpu_rt_runtime"), FLOAT("services.*.cpus"), TEXT("services.*.cpuset"),
	MAPS("services.*.credential_spec", "{file: f}", "{file: \"f\"}"), TEXT("services.*.credential_spec.config"),
	TEXT("services.*.credential_spec.file"), TEXT("services.*.credential_spec.registry"),
	{ "services.*.depends_on", "[db]", "{db: {condition: \"service_started\", required: true}}", "[a, a]", "repeats \"a\"" },
	{ "services.*.depends_on.*.condition", "service_healthy", "\"service_healthy\"", "service_health", "must be service_started, " },
	{ "services.*.depends_on.*.required", "false", "false", "\"false\"", "must be true or false" },
	FLAG("services.*.depends_on.*.restart"),
	MAPS("services.*.deploy", "{replicas: 2}", "{replicas: 2}"),
	{ "services.*.develop", "null", "null", "x", "must be a mapping or empty" },
	{ "services.*.device_cgroup_rules", "[\"c 42:* rmw\"]", "[\"c 42:* rmw\"]", "[\"x 1:2 r\"]", "must be a rule such as" },
	{ "services.*.devices", "['/dev/a:/dev/b:r', /dev/c]",
	  "[{source: \"/dev/a\", target: \"/dev/b\", permissions: \"r\"}, {source: \"/dev/c\", target: \"/dev/c\", permissions: \"rwm\"}]",
	  "['a:b:c:d']", "more than three parts" },
	TEXT("services.*.devices[].source"), TEXT("services.*.devices[].target"), TEXT("services.*.devices[].permissions"),
	{ "services.*.dns", "1.1.1.1", "[\"1.1.1.1\"]", "{a: b}", "must be a list or a string" },
	TEXTS("services.*.dns_opt"),
	{ "services.*.dns_search", "d", "[\"d\"]", "[d, d]", "repeats \"d\"" },
	TEXT("services.*.domainname"),
	{ "services.*.env_file", "a.env", "[{path: \"a.env\", required: true}]", "{path: a}", "must be a list or a string" },
	TEXT("services.*.env_file[].path"), TEXT("services.*.env_file[].format"), FLAG("services.*.env_file[].required"),
	VARS("services.*.environment"),
	{ "services.*.expose", "[80, 81-82/udp]", "[\"80\", \"81-82/udp\"]", "80", "must be a list" },
	{ "services.*.extends", "base", "{service: \"base\"}", "{file: f}", "lacks the key `service`" },
	TEXT("services.*.extends.service"), TEXT("services.*.extends.file"),
	TEXTS("services.*.external_links"), HOSTS("services.*.extra_hosts"),
	{ "services.*.gpus", "all", "[{count: -1}]", "some", "must be all" },
	TEXTS("services.*.gpus[].capabilities"), { "services.*.gpus[].count", "2", "2", "some", "is no whole number" },
	TEXTS("services.*.gpus[].device_ids"), TEXT("services.*.gpus[].driver"), PAIRS("services.*.gpus[].options"),
	{ "services.*.group_add", "[video, 1000]", "[\"video\", \"1000\"]", "video", "must be a list" },
	MAPS("services.*.healthcheck", "{retries: 1}", "{retries: 1}"), FLAG("services.*.healthcheck.disable"),
	TIME("services.*.healthcheck.interval"), TIME("services.*.healthcheck.timeout"), TIME("services.*.healthcheck.start_period"),
	TIME("services.*.healthcheck.start_interval"), COUNT("services.*.healthcheck.retries"),
	{ "services.*.healthcheck.test", "exit 0", "[\"CMD-SHELL\", \"exit 0\"]", "[curl, x]", "must start with CMD" },
	TEXT("services.*.hostname"), TEXT("services.*.image"), FLAG("services.*.init"), TEXT("services.*.ipc"), TEXT("services.*.isolation"),
	{ "services.*.label_file", "f", "[\"f\"]", "{a: b}", "must be a list or a string" },
	PAIRS("services.*.labels"), TEXTS("services.*.links"),
	MAPS("services.*.logging", "{driver: none}", "{driver: \"none\"}"), TEXT("services.*.logging.driver"), OPTS("services.*.logging.options"),
	TEXT("services.*.mac_address"), SIZE("services.*.mem_limit"), SIZE("services.*.mem_reservation"), SIZE("services.*.mem_swappiness"),
	{ "services.*.memswap_limit", "-1", "\"-1\"", "much", "is no size" },
	{ "services.*.models", "[m]", "{m: null}", "[m, m]", "repeats \"m\"" },
	TEXT("services.*.models.*.endpoint_var"), TEXT("services.*.models.*.model_var"),
	TEXT("services.*.network_mode"),
	{ "services.*.networks", "[a, b]", "{a: null, b: null}", "a", "must be a mapping or a list" },
	TEXTS("services.*.networks.*.aliases"), OPTS("services.*.networks.*.driver_opts"), TEXT("services.*.networks.*.interface_name"),
	TEXT("services.*.networks.*.ipv4_address"), TEXT("services.*.networks.*.ipv6_address"), TEXTS("services.*.networks.*.link_local_ips"),
	TEXT("services.*.networks.*.mac_address"),
	{ "services.*.networks.*.priority", "5", "5", "high", "must be a number" },
	{ "services.*.networks.*.gw_priority", "5", "5", "high", "must be a number" },
	FLAG("services.*.oom_kill_disable"), { "services.*.oom_score_adj", "\"-5\"", "-5", "1001", "must be at most 1000" },
	{ "services.*.pid", "null", "null", "1", "must be a string or empty" },
	WHOLE("services.*.pids_limit"), TEXT("services.*.platform"),
	{ "services.*.ports", "['127.0.0.1:8080-8081:80-81/udp']",
	  "[{mode: \"ingress\", host_ip: \"127.0.0.1\", target: 80, published: \"8080\", protocol: \"udp\"}, "
	  "{mode: \"ingress\", host_ip: \"127.0.0.1\", target: 81, published: \"8081\", protocol: \"udp\"}]",
	  "['8080-8082:80-81']", "differ in length" },
	TEXT("services.*.ports[].name"), TEXT("services.*.ports[].mode"), TEXT("services.*.ports[].app_protocol"),
	{ "services.*.ports[].host_ip", "'::1'", "\"::1\"", "localhost", "is no IP address" },
	{ "services.*.ports[].protocol", "udp", "\"udp\"", "icmp", "must be tcp, udp or sctp" },
	{ "services.*.ports[].published", "8080", "\"8080\"", "http", "is no port" },
	{ "services.*.ports[].target", "\"80\"", "80", "70000", "is not within 1-65535" },
	LISTS("services.*.post_start", "[{command: a}]", "[{command: [\"a\"]}]"), HOOK("services.*.post_start[]"),
	LISTS("services.*.pre_stop", "[{command: a}]", "[{command: [\"a\"]}]"), HOOK("services.*.pre_stop[]"),
	LISTS("services.*.pre_start", "[{command: a}]", "[{command: [\"a\"]}]"), HOOK("services.*.pre_start[]"),
	TEXT("services.*.pre_start[].image"), FLAG("services.*.pre_start[].per_replica"),
	FLAG("services.*.privileged"), { "services.*.profiles", "[a]", "[\"a\"]", "[a, a]", "repeats \"a\"" },
	{ "services.*.provider", "{type: t}", "{type: \"t\"}", "{}", "lacks the key `type`" },
	TEXT("services.*.provider.type"),
	{ "services.*.provider.options", "{a: 1, b: [x, y]}", "{a: [\"1\"], b: [\"x\", \"y\"]}", "[a]", "must be a mapping" },
	{ "services.*.pull_policy", "every_12h", "\"every_12h\"", "hourly", "must be always, never" },
	{ "services.*.pull_refresh_after", "12h", "\"12h\"", "soon", "must be a duration" }, FLAG("services.*.read_only"), TEXT("services.*.restart"), TEXT("services.*.runtime"),
	WHOLE("services.*.scale"),
	LISTS("services.*.secrets", "[s]", "[{source: \"s\", target: \"/run/secrets/s\"}]"), FILE_MOUNT("services.*.secrets[]"),
	TEXTS("services.*.security_opt"), SIZE("services.*.shm_size"), FLAG("services.*.stdin_open"), TIME("services.*.stop_grace_period"),
	TEXT("services.*.stop_signal"), { "services.*.storage_opt", "{size: 1G}", "{size: \"1G\"}", "[a]", "must be a mapping" },
	PAIRS("services.*.sysctls"),
	{ "services.*.tmpfs", "/run:size=1m", "[\"/run:size=1m\"]", "[/a, /a]", "repeats \"/a\"" },
	FLAG("services.*.tty"), ULIMIT("services.*.ulimits"),
	{ "services.*.ulimits.*.soft", "\"1\"", "1", "2", "above the hard limit" }, WHOLE("services.*.ulimits.*.hard"),
	{ "services.*.use_api_socket", "true", "true", "\"true\"", "must be true or false" },
	{ "services.*.user", "\"1000:1000\"", "\"1000:1000\"", "1000", "must be a string, not a number" },
	TEXT("services.*.userns_mode"), TEXT("services.*.uts"),
	LISTS("services.*.volumes_from", "[a]", "[\"a\"]"), TEXT("services.*.working_dir"),

	/* ---- service.volumes ---- */
	{ "services.*.volumes", "['./a:/b/:ro,z', data:/data, /anon]",
	  "[{type: \"bind\", source: \"./a\", target: \"/b\", read_only: true, bind: {selinux: \"z\", create_host_path: true}}, "
	  "{type: \"volume\", source: \"data\", target: \"/data\", volume: {}}, {type: \"volume\", target: \"/anon\", volume: {}}]",
	  "['aa:bb:cc:dd']", "has too many colons" },
	{ "services.*.volumes[].type", "tmpfs", "\"tmpfs\"", "tmpf", "must be bind, volume, tmpfs" },
	TEXT("services.*.volumes[].source"), { "services.*.volumes[].target", "/a/../b/", "\"/b\"", "[1]", "must be a string" },
	FLAG("services.*.volumes[].read_only"), TEXT("services.*.volumes[].consistency"),
	MAPS("services.*.volumes[].bind", "{propagation: shared}", "{propagation: \"shared\", create_host_path: true}"),
	TEXT("services.*.volumes[].bind.propagation"), FLAG("services.*.volumes[].bind.create_host_path"),
	{ "services.*.volumes[].bind.recursive", "disabled", "\"disabled\"", "no", "must be enabled, disabled" },
	{ "services.*.volumes[].bind.selinux", "Z", "\"Z\"", "x", "must be z or Z" },
	MAPS("services.*.volumes[].volume", "{nocopy: true}", "{nocopy: true}"), PAIRS("services.*.volumes[].volume.labels"),
	FLAG("services.*.volumes[].volume.nocopy"), TEXT("services.*.volumes[].volume.subpath"),
	MAPS("services.*.volumes[].tmpfs", "{size: 1k}", "{size: \"1024\"}"),
	{ "services.*.volumes[].tmpfs.size", "2m", "\"2097152\"", "-1", "must be at least 0" },
	{ "services.*.volumes[].tmpfs.mode", "\"0700\"", "448", "rw", "is no file mode" },
	MAPS("services.*.volumes[].image", "{subpath: s}", "{subpath: \"s\"}"), TEXT("services.*.volumes[].image.subpath"),

	/* ---- service.build ---- */
	{ "services.*.build.additional_contexts", "[a=./x]", "{a: \"./x\"}", "[a]", "has no value" },
	{ "services.*.build.args", "[A=1, B]", "{A: \"1\", B: null}", "x", "must be a mapping or a list" },
	TEXTS("services.*.build.cache_from"), TEXTS("services.*.build.cache_to"), TEXT("services.*.build.context"),
	TEXT("services.*.build.dockerfile"), TEXT("services.*.build.dockerfile_inline"), TEXTS("services.*.build.entitlements"),
	HOSTS("services.*.build.extra_hosts"), TEXT("services.*.build.isolation"), PAIRS("services.*.build.labels"),
	TEXT("services.*.build.network"), FLAG("services.*.build.no_cache"),
	{ "services.*.build.no_cache_filter", "a", "[\"a\"]", "{a: b}", "must be a list or a string" },
	TEXTS("services.*.build.platforms"), FLAG("services.*.build.privileged"),
	{ "services.*.build.provenance", "true", "\"true\"", "[1]", "must be a string or true or false" },
	{ "services.*.build.sbom", "false", "\"false\"", "[1]", "must be a string or true or false" },
	FLAG("services.*.build.pull"), LISTS("services.*.build.secrets", "[s]", "[{source: \"s\"}]"),
	FILE_MOUNT("services.*.build.secrets[]"), SIZE("services.*.build.shm_size"),
	{ "services.*.build.ssh", "[default, k=/key]", "{default: null, k: \"/key\"}", "[k]", "may stand without a path" },
	TEXTS("services.*.build.tags"), TEXT("services.*.build.target"), ULIMIT("services.*.build.ulimits"),
	{ "services.*.build.ulimits.*.soft", "\"1\"", "1", "2", "above the hard limit" }, WHOLE("services.*.build.ulimits.*.hard"),

	/* ---- service.deploy ---- */
	TEXT("services.*.deploy.mode"), TEXT("services.*.deploy.endpoint_mode"), WHOLE("services.*.deploy.replicas"),
	PAIRS("services.*.deploy.labels"), UPDATE("services.*.deploy.rollback_config"), UPDATE("services.*.deploy.update_config"),
	MAPS("services.*.deploy.resources", "{limits: {pids: 1}}", "{limits: {pids: 1}}"),
	MAPS("services.*.deploy.resources.limits", "{pids: 1}", "{pids: 1}"), FLOAT("services.*.deploy.resources.limits.cpus"),
	SIZE("services.*.deploy.resources.limits.memory"), WHOLE("services.*.deploy.resources.limits.pids"),
	MAPS("services.*.deploy.resources.reservations", "{cpus: 0.5}", "{cpus: 0.5f}"),
	FLOAT("services.*.deploy.resources.reservations.cpus"), SIZE("services.*.deploy.resources.reservations.memory"),
	LISTS("services.*.deploy.resources.reservations.devices", "[{capabilities: [gpu]}]", "[{capabilities: [\"gpu\"], count: -1}]"),
	DEVICES("services.*.deploy.resources.reservations.devices[]"),
	LISTS("services.*.deploy.resources.reservations.generic_resources", "[{discrete_resource_spec: {kind: a, value: 1}}]",
	      "[{discrete_resource_spec: {kind: \"a\", value: 1}}]"),
	MAPS("services.*.deploy.resources.reservations.generic_resources[].discrete_resource_spec", "{kind: a}", "{kind: \"a\"}"),
	TEXT("services.*.deploy.resources.reservations.generic_resources[].discrete_resource_spec.kind"),
	WHOLE("services.*.deploy.resources.reservations.generic_resources[].discrete_resource_spec.value"),
	MAPS("services.*.deploy.restart_policy", "{condition: any}", "{condition: \"any\"}"),
	TEXT("services.*.deploy.restart_policy.condition"), TIME("services.*.deploy.restart_policy.delay"),
	COUNT("services.*.deploy.restart_policy.max_attempts"), TIME("services.*.deploy.restart_policy.window"),
	MAPS("services.*.deploy.placement", "{constraints: [a]}", "{constraints: [\"a\"]}"),
	TEXTS("services.*.deploy.placement.constraints"), COUNT("services.*.deploy.placement.max_replicas_per_node"),
	LISTS("services.*.deploy.placement.preferences", "[{spread: a}]", "[{spread: \"a\"}]"),
	TEXT("services.*.deploy.placement.preferences[].spread"),

	/* ---- service.develop ---- */
	LISTS("services.*.develop.watch", "[{path: p, action: rebuild}]", "[{path: \"p\", action: \"rebuild\", exec: {command: null}}]"),
	{ "services.*.develop.watch[].path", "p", "\"p\"", "\"\"", "the path is empty" },
	{ "services.*.develop.watch[].action", "restart", "\"restart\"", "sync", "needs a target" },
	TEXT("services.*.develop.watch[].target"), HOOK("services.*.develop.watch[].exec"),
	{ "services.*.develop.watch[].exec", "{command: a}", "{command: [\"a\"]}", "{user: u}", "lacks the key `command`" },
	{ "services.*.develop.watch[].ignore", "a", "[\"a\"]", "{a: b}", "must be a list or a string" },
	{ "services.*.develop.watch[].include", "[a]", "[\"a\"]", "[a, a]", "repeats \"a\"" },
	{ "services.*.develop.watch[].initial_sync", "true", "true", "\"true\"", "must be true or false" },
};
