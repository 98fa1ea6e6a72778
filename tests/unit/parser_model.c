/* SPDX-License-Identifier: Apache-2.0 */
/* From text to struct project: values, what is implied, profiles, env files, cross checks. */
#include "tests/unit/parser_project.h"

static const char everything[] =
	"services:\n"
	"  web:\n"
	"    image: img\n"
	"    build: {context: ./src, args: {A: 1, USER: , NONE: }, target: t, tags: [x], ulimits: {nofile: 5}}\n"
	"    command: run 'a b'\n"
	"    entrypoint: []\n"
	"    environment: [A=1, USER, NONE, E=]\n"
	"    labels: {l: 1}\n"
	"    depends_on: {db: {condition: service_healthy, restart: true}}\n"
	"    links: ['cache:c']\n"
	"    volumes_from: ['store:ro']\n"
	"    ipc: service:db\n"
	"    ports: ['127.0.0.1:8080:80', '9000-9001:90', {target: 53, protocol: udp, published: 53}]\n"
	"    volumes: ['./data:/data:ro,rshared', 'vol:/vol:nocopy', /anon, {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0o700}},\n"
	"      {type: image, source: i, target: /i, image: {subpath: s}}]\n"
	"    tmpfs: ['/run:size=2m,mode=755']\n"
	"    networks: {b: {priority: 1}, a: {priority: 5, aliases: [x], ipv4_address: 10.0.0.5}}\n"
	"    secrets: [{source: s1, target: key, mode: 0o400, uid: '5'}]\n"
	"    configs: [c1, {source: c1, target: /etc/c}]\n"
	"    healthcheck: {test: 'true', interval: 5s, retries: 2, start_period: 1m}\n"
	"    restart: on-failure:3\n"
	"    stop_grace_period: 1m30s\n"
	"    stop_signal: SIGINT\n"
	"    user: '1:2'\n"
	"    ulimits: {nproc: 10, nofile: {soft: 1, hard: 2}}\n"
	"    cap_add: [NET_ADMIN]\n"
	"    devices: ['/dev/null:/dev/x:r']\n"
	"    extra_hosts: ['h:1.2.3.4', 'g=host-gateway']\n"
	"    mem_limit: 64m\n"
	"    memswap_limit: -1\n"
	"    cpus: 1.5\n"
	"    pids_limit: 0\n"
	"    shm_size: 1k\n"
	"    init: true\n"
	"    attach: false\n"
	"    logging: {driver: local, options: {max-size: 1m}}\n"
	"    sysctls: [a.b=1]\n"
	"    post_start: [{command: echo hi, user: root}]\n"
	"    scale: 3\n"
	"    env_file: [{path: e.env}, {path: none.env, required: false}]\n"
	"  db: {image: d, deploy: {replicas: 2, resources: {limits: {cpus: '0.5', memory: 1g, pids: 7}, reservations: {memory: 1m}},\n"
	"    restart_policy: {condition: on-failure, max_attempts: 4}}, pull_policy: if_not_present}\n"
	"  cache: {image: c, network_mode: host}\n"
	"  store: {image: s}\n"
	"  job: {image: j, profiles: [batch]}\n"
	"networks: {a: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]}}, b: {name: bee, external: true}, unused: {}}\n"
	"volumes: {vol: {labels: [k=v]}, unused: }\n"
	"secrets: {s1: {environment: USER}, unused: {file: f}}\n"
	"configs: {c1: {content: text}}\n";

static void image_and_process(const struct project *p, const struct service *s)
{
	is_str(s->image, "img", "image");
	is_str(s->build->context, "/p/app/src", "build.context is absolute");
	is_str(s->build->dockerfile, "Dockerfile", "build.dockerfile by default");
	is_int(s->build->args.n, 2, "an unset build argument is dropped");
	is_str(s->build->args.v[1].val, "me", "one without value takes the environment's");
	is_int(s->build->ulimits[0].hard, 5, "build.ulimits");
	is_int(s->command.n, 2, "command is split");
	is_str(s->command.v[1], "a b", "with quotes");
	ok(s->has_entrypoint && s->entrypoint.n == 0 && s->entrypoint.v[0] == NULL, "an empty entrypoint is given");
	ok(s->has_command, "the command is given");
	is_int(s->environment.n, 4, "environment: three resolved, one of a file");
	is_str(s->environment.v[0].key, "FILE", "the file's comes first");
	is_str(s->environment.v[0].val, "me/1", "with the project's and the service's variables");
	is_str(s->environment.v[2].val, "me", "a bare key takes the environment's value");
	is_str(s->labels.v[0].val, "1", "label values are texts");
	is_str(s->user, "1:2", "user");
	is_str(s->stop_signal, "SIGINT", "stop_signal");
	is_int(s->stop_grace_ns, 90000000000, "stop_grace_period");
	ok(s->init && !s->attach && !s->tty, "flags");
	ok(s->restart == RESTART_ON_FAILURE && s->restart_max == 3, "restart");
	ok(s->health.set && s->health.test.n == 2 && s->health.interval_ns == 5000000000 && s->health.retries == 2 &&
	   s->health.timeout_ns == -1 && s->health.start_period_ns == 60000000000, "healthcheck");
	is_str(s->post_start[0].command.v[1], "hi", "post_start");
	is_str(project_service(p, "db")->pull_policy, "missing", "if_not_present is missing");
}

static void limits(const struct project *p, const struct service *s)
{
	const struct service *db = project_service(p, "db");

	is_int(s->mem_limit_bytes, 64 << 20, "mem_limit");
	is_int(s->memswap_limit_bytes, -2, "memswap_limit -1 is unlimited");
	ok(s->cpus == 1.5, "cpus");
	is_int(s->pids_limit, -1, "pids_limit 0 is unset");
	is_int(s->shm_size_bytes, 1024, "shm_size");
	is_int(s->mem_reservation_bytes, -1, "unset stays unset");
	ok(s->n_ulimits == 2 && s->ulimits[0].soft == 10 && s->ulimits[0].hard == 10 && s->ulimits[1].hard == 2, "ulimits");
	ok(db->cpus == 0.5 && db->mem_limit_bytes == 1 << 30 && db->pids_limit == 7 && db->mem_reservation_bytes == 1 << 20,
	   "deploy.resources fill what the service leaves open");
	ok(db->restart == RESTART_ON_FAILURE && db->restart_max == 4, "deploy.restart_policy");
	is_int(db->scale, 2, "deploy.replicas");
	is_int(s->scale, 3, "scale");
	is_str(s->log_opts.v[0].val, "1m", "logging.options");
	is_str(s->devices[0].permissions, "r", "devices");
	is_str(s->extra_hosts[0].ip, "host-gateway", "extra_hosts are sorted");
}

static const struct dep *dep(const struct service *s, const char *on)
{
	for (size_t i = 0; i < s->n_deps; i++)
		if (!strcmp(s->deps[i].service, on))
			return &s->deps[i];
	return NULL;
}

static void relations(const struct project *p, const struct service *s)
{
	is_int(s->n_deps, 3, "explicit and implied dependencies, each once");
	ok(dep(s, "db") && dep(s, "db")->condition == DEP_HEALTHY && dep(s, "db")->restart, "the explicit one wins over ipc");
	ok(dep(s, "cache") && dep(s, "cache")->restart && dep(s, "cache")->condition == DEP_STARTED, "a link implies one");
	ok(dep(s, "store") && !dep(s, "store")->restart, "volumes_from implies one");
	is_int(s->n_networks, 2, "networks");
	is_str(s->networks[0].network, "a", "in order of priority");
	is_str(s->networks[0].ipv4, "10.0.0.5", "with an address");
	is_str(project_service(p, "store")->networks[0].network, "default", "the default network");
	is_int(project_service(p, "cache")->n_networks, 0, "none with network_mode");
	is_int(p->n_networks, 3, "networks in use");
	is_str(project_network(p, "a")->name, "app_a", "a network's name");
	is_str(project_network(p, "b")->name, "bee", "given");
	is_str(project_network(p, "a")->pools[0].gateway, "10.0.0.1", "address pool");
	ok(!project_network(p, "unused"), "not the unused one");
	is_int(p->n_volumes, 1, "volumes in use");
	is_str(project_volume(p, "vol")->name, "app_vol", "a volume's name");
	ok(p->n_secrets == 1 && !strcmp(p->secrets[0].value, "me"), "a secret of the environment");
	ok(p->n_configs == 1 && !strcmp(p->configs[0].content, "text"), "a config's content");
	ok(p->inactive.n == 1 && !strcmp(p->inactive.v[0], "job"), "a service whose profile is off");
}

static void mounts_and_ports(const struct service *s)
{
	is_int(s->n_ports, 3, "ports");
	ok(s->ports[0].target == 80 && s->ports[0].published == 8080 && !strcmp(s->ports[0].host_ip, "127.0.0.1"), "short port");
	ok(s->ports[1].published == 9000 && s->ports[1].published_end == 9001, "a range to choose from");
	ok(s->ports[2].published == 53 && !strcmp(s->ports[2].protocol, "udp"), "long port");
	is_int(s->n_mounts, 6, "mounts");
	ok(s->mounts[0].kind == MOUNT_BIND && s->mounts[0].read_only && s->mounts[0].create_host_path, "bind");
	is_str(s->mounts[0].source, "/p/app/data", "its source is absolute");
	is_str(s->mounts[0].propagation, "rshared", "its propagation");
	ok(s->mounts[1].kind == MOUNT_VOLUME && s->mounts[1].nocopy && !strcmp(s->mounts[1].source, "vol"), "volume");
	ok(s->mounts[2].kind == MOUNT_VOLUME && !*s->mounts[2].source, "anonymous volume");
	ok(s->mounts[3].kind == MOUNT_TMPFS && s->mounts[3].tmpfs_size_bytes == 1 << 20 && s->mounts[3].tmpfs_mode == 0700, "tmpfs");
	ok(s->mounts[4].kind == MOUNT_IMAGE && !strcmp(s->mounts[4].subpath, "s"), "image");
	ok(s->mounts[5].kind == MOUNT_TMPFS && s->mounts[5].tmpfs_size_bytes == 2 << 20 && s->mounts[5].tmpfs_mode == 0755, "short tmpfs");
	is_str(s->mounts[5].target, "/run", "its target");
	ok(!strcmp(s->secrets[0].target, "/run/secrets/key") && s->secrets[0].mode == 0400 && !strcmp(s->secrets[0].uid, "5"), "secret");
	is_str(s->configs[0].target, "/c1", "config at the root by default");
	is_str(s->configs[1].target, "/etc/c", "or where it is said");
}

static void whole(void)
{
	struct run t;

	run_load(&t, LIST("/p/app/compose.yaml", everything, "/p/app/e.env", "FILE=$USER/$A\nA=9\n"), NULL);
	auto_free char *mistakes = errs_text(&t.errs);
	is_str(mistakes, "", "loads");
	if (t.rc == 0) {
		const struct service *s = project_service(t.p, "web");
		image_and_process(t.p, s);
		limits(t.p, s);
		relations(t.p, s);
		mounts_and_ports(s);
	}
	run_done(&t);
}

struct check { const char *what, *doc, *err; };
static const struct check checks[] = {
	{ "no image", "services: {a: {tty: true}}", "services.a: service \"a\" has neither an image nor a build context specified" },
	{ "two dockerfiles", "services: {a: {build: {dockerfile: x, dockerfile_inline: y}}}", "mutually exclusive dockerfile" },
	{ "network_mode and networks", "services: {a: {image: i, network_mode: host, networks: [n]}}\nnetworks: {n: }", "mutually exclusive `network_mode`" },
	{ "network", "services: {a: {image: i, networks: [n]}}", "refers to undefined network n" },
	{ "volume", "services: {a: {image: i, volumes: [vol:/v]}}", "refers to undefined volume vol" },
	{ "secret", "services: {a: {image: i, secrets: [s]}}", "refers to undefined secret s" },
	{ "config", "services: {a: {image: i, configs: [c]}}", "refers to undefined config c" },
	{ "build secret", "services: {a: {build: {context: ., secrets: [s]}}}", "refers to undefined build secret s" },
	{ "model", "services: {a: {image: i, models: [m]}}", "refers to undefined model m" },
	{ "depends_on", "services: {a: {image: i, depends_on: [b]}}", "depends on undefined service \"b\"" },
	{ "depends_on off", "services: {a: {image: i, depends_on: [b]}, b: {image: i, profiles: [p]}}", "(its profiles are off)" },
	{ "network_mode service", "services: {a: {image: i, network_mode: 'service:b'}}", "depends on undefined service \"b\"" },
	{ "cycle", "services: {a: {image: i, depends_on: [b]}, b: {image: i, links: [c]}, c: {image: i, ipc: 'service:a'}}",
	  "dependency cycle detected: a -> b -> c -> a" },
	{ "cycle of one", "services: {a: {image: i, depends_on: [a]}}", "dependency cycle detected: a -> a" },
	{ "cycle of contexts", "services: {a: {build: {context: ., additional_contexts: {x: 'service:a'}}}}", "dependency cycle detected: a -> a" },
	{ "context of nobody", "services: {a: {build: {context: ., additional_contexts: {x: 'service:b'}}}}", "from the unknown service \"b\"" },
	{ "context without build", "services: {a: {build: {context: ., additional_contexts: {x: 'service:b'}}}, b: {image: i}}", "which has no build" },
	{ "platforms", "services: {a: {build: {context: ., platforms: [linux/arm64]}, platform: linux/amd64}}", "which build.platforms lacks" },
	{ "scale", "services: {a: {image: i, scale: 2, deploy: {replicas: 3}}}", "distinct values for 'scale' and 'deploy.replicas'" },
	{ "negative scale", "services: {a: {image: i, scale: -1}}", "negative scale" },
	{ "negative replicas", "services: {a: {image: i, deploy: {replicas: -1}}}", "negative number of replicas" },
	{ "cpus", "services: {a: {image: i, cpus: 1, deploy: {resources: {limits: {cpus: 2}}}}}", "distinct values for 'cpus'" },
	{ "mem_limit", "services: {a: {image: i, mem_limit: 1m, deploy: {resources: {limits: {cpus: 2}}}}}", "distinct values for 'mem_limit'" },
	{ "mem_reservation", "services: {a: {image: i, mem_reservation: 1m, deploy: {resources: {reservations: {memory: 2m}}}}}", "'mem_reservation'" },
	{ "pids_limit", "services: {a: {image: i, pids_limit: 1, deploy: {resources: {limits: {pids: 2}}}}}", "distinct values for 'pids_limit'" },
	{ "container_name and scale", "services: {a: {image: i, container_name: nn, scale: 2}}", "container names are unique" },
	{ "container_name twice", "services: {a: {image: i, container_name: nn}, b: {image: i, container_name: nn}}", "as service \"a\" has" },
	{ "mounts", "services: {a: {image: i, volumes: [/x:/t/], tmpfs: [/t]}}", "mounts twice on /t, the first time in tmpfs[0]" },
	{ "bind without source", "services: {a: {image: i, volumes: [{type: bind, target: /t}]}}", "a bind mount needs a source" },
	{ "external volume", "services: {a: {image: i, volumes: [vol:/v]}}\nvolumes: {vol: {external: true, driver: local}}", "conflicting parameters \"external\" and \"driver\"" },
	{ "two names", "services: {a: {image: i, volumes: [vol:/v]}}\nvolumes: {vol: {external: {name: x}, name: y}}", "name and external.name differ" },
	{ "two sources", "services: {a: {image: i}}\nsecrets: {s: {file: f, environment: e}}", "file and environment exclude each other" },
	{ "count and ids", "services: {a: {image: i, gpus: [{count: 1, device_ids: [x]}]}}", "count and device_ids exclude each other" },
	{ "env_file", "services: {a: {image: i, env_file: x.env}}", "env file /p/app/x.env not found" },
	{ "env_file format", "services: {a: {image: i, env_file: [{path: x.env, format: json}]}}", "unknown env_file format \"json\"" },
	{ "label_file", "services: {a: {image: i, label_file: x}}", "label file /p/app/x not found" },
};

static void cross_checks(void)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct run t;
		run_text(&t, checks[i].doc, NULL);
		auto_free char *text = errs_text(&t.errs);
		is_int(t.rc, -1, "%s: refused", checks[i].what);
		is_int(t.errs.n, 1, "%s: one mistake", checks[i].what);
		has_str(text, checks[i].err, "%s: what is told", checks[i].what);
		has_str(text, "compose.yaml:", "%s: where", checks[i].what);
		run_done(&t);
	}
}

static char *service_list(const struct project *p)
{
	struct str b = { 0 };

	for (size_t i = 0; i < p->n_services; i++)
		str_addf(&b, "%s%s", i ? " " : "", p->services[i].name);
	return str_take(&b);
}

static const char profile_doc[] =
	"services:\n"
	"  web: {image: i, depends_on: {debug: {condition: service_started, required: false}}}\n"
	"  db: {image: i}\n"
	"  debug: {image: i, profiles: [dev, test]}\n"
	"  probe: {image: i, profiles: [test], depends_on: [debug]}\n";

static void profiles(void)
{
	const struct { const char *what; struct project_opts o; const char *want; } rows[] = {
		{ "none", { 0 }, "db web" },
		{ "one", { .profiles = LIST("dev") }, "db debug web" },
		{ "another", { .profiles = LIST("x", "test") }, "db debug probe web" },
		{ "all", { .profiles = LIST("*") }, "db debug probe web" },
		{ "of the environment", { .environ_kv = LIST("COMPOSE_PROFILES=dev,x") }, "db debug web" },
		{ "a named service brings its profiles", { .services = LIST("probe") }, "db debug probe web" },
		{ "selected, with what it depends on", { .services = LIST("probe"), .select = true }, "debug probe" },
		{ "selected by pattern", { .services = LIST("d*"), .select = true }, "db debug" },
		{ "every profile", { .all_profiles = true }, "db debug probe web" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run t;
		run_text(&t, profile_doc, &rows[i].o);
		is_int(t.rc, 0, "profiles, %s: loads", rows[i].what);
		auto_free char *got = service_list(t.p);
		is_str(got, rows[i].want, "profiles, %s", rows[i].what);
		run_done(&t);
	}
	struct run t;
	run_text(&t, profile_doc, &(struct project_opts){ .services = LIST("webb"), .select = true });
	auto_free char *text = errs_text(&t.errs);
	is_str(text, "no such service: webb", "an unknown service");
	is_str(t.errs.n ? t.errs.v[0].hint : NULL, "did you mean web?", "with a suggestion");
	run_done(&t);
}

static void unsupported(void)
{
	struct run t;

	run_text(&t, "services:\n  a: {image: i, use_api_socket: true, restart: sometimes, healthcheck: {test: x, start_interval: 1s}}\n"
		     "  b: {image: i, storage_opt: {size: 1G}, secrets: [s]}\n"
		     "secrets: {s: {external: true}}\n", NULL);
	is_int(t.rc, 0, "config shows what is not carried out");
	is_int(project_unsupported(t.p, LIST("a"), USE_NAMED, &t.errs), -1, "up does not");
	auto_free char *text = errs_text(&t.errs);
	has_str(text, "compose.yaml:2:17 services.a.use_api_socket: `use_api_socket` is not supported yet", "a key");
	has_str(text, "\"sometimes\" is no restart policy", "a value");
	has_str(text, "start_interval needs a start_period", "a pair of values");
	has_str(text, "external secrets are not supported", "a secret");
	ok(!strstr(text, "storage_opt"), "services that are not wanted do not matter");
	run_done(&t);
	run_text(&t, "services:\n  a: {image: i, depends_on: [b]}\n  b: {build: {context: ., privileged: true}, use_api_socket: true}\n", NULL);
	is_int(project_unsupported(t.p, LIST("a"), USE_NAMED, &t.errs), 0, "a alone");
	is_int(project_unsupported(t.p, LIST("a"), USE_BUILD, &t.errs), 0, "a has nothing to build");
	is_int(project_unsupported(t.p, LIST("b"), USE_BUILD, &t.errs), -1, "b is built with a key that is refused");
	auto_free char *build = errs_text(&t.errs);
	has_str(build, "services.b.build.privileged", "which is told");
	ok(!strstr(build, "use_api_socket"), "and what containers need is not");
	is_int(project_unsupported(t.p, LIST("a"), USE_DEPS, &t.errs), -1, "a with what it depends on");
	run_done(&t);
}

static void unsupported_values(void)
{
	static const struct { const char *doc, *err; } rows[] = {
		{ "services: {a: {image: i, logging: {driver: splunk}}}", "the logging driver \"splunk\" is not supported" },
		{ "services: {a: {image: i, isolation: hyperv}}", "`isolation: hyperv` is not supported yet" },
		{ "services: {a: {image: i, userns_mode: x}}", "`userns_mode: x` is not supported yet" },
		{ "services: {a: {image: i, pre_stop: [{command: []}]}}", "a hook without a command" },
		{ "services: {a: {image: i, pre_start: [{command: x, per_replica: true}]}}", "`per_replica: true` is not supported yet" },
		{ "services: {a: {image: i, volumes: [{type: cluster, source: x, target: /t}]}}", "a mount of type cluster is not" },
		{ "services: {a: {image: i, volumes: [vol:/t]}}\nvolumes: {vol: {driver: nfs}}", "`driver: nfs` is not supported yet" },
		{ "services: {a: {image: i, volumes: [vol:/t]}}\nvolumes: {vol: {driver_opts: {o: x}}}", "`device` is missing" },
		{ "services: {a: {image: i, volumes: [vol:/t]}}\nvolumes: {vol: {driver_opts: {device: d, mountpoint: x}}}", "\"mountpoint\" is no option" },
		{ "services: {a: {image: i, volumes: [{type: bind, source: x, target: /t, bind: {recursive: readonly}}]}}", "needs a mount that is read-only" },
		{ "services: {a: {image: i, networks: [net]}}\nnetworks: {net: {driver: macvlan}}", "`driver: macvlan` is not supported yet" },
		{ "services: {a: {image: i, networks: [net]}}\nnetworks: {net: {driver_opts: {com.docker.network.driver.mtu: 9}}}",
		  "networks.net.driver_opts.com.docker.network.driver.mtu: \"9\" is not a number from 68 to 65535" },
		{ "services: {a: {image: i, networks: [net]}}\nnetworks: {net: {driver_opts: {com.docker.network.bridge.host_binding_ipv4: lo}}}",
		  "\"lo\" is not an address of this host" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run t;
		run_text(&t, rows[i].doc, NULL);
		is_int(t.rc, 0, "loads: %s", rows[i].doc);
		is_int(project_unsupported(t.p, NULL, USE_DEPS, &t.errs), -1, "is refused: %s", rows[i].doc);
		auto_free char *text = errs_text(&t.errs);
		has_str(text, rows[i].err, "%s", rows[i].err);
		run_done(&t);
	}
	struct run t;
	run_text(&t, "services: {a: {image: i, isolation: default, userns_mode: host, logging: {driver: none}, links: ['b:b'], restart: 'on-failure:2'}, b: {image: i}}", NULL);
	is_int(project_unsupported(t.p, NULL, USE_DEPS, &t.errs), 0, "values that are carried out pass");
	run_done(&t);
}

/* A network's addresses and its services' on it. */
static void addresses(void)
{
#define ON(address, net) "services: {a: {image: i, networks: {n: {" address "}}}}\nnetworks: {n: {" net "}}"
#define POOLS(list) "ipam: {config: [" list "]}"
	static const struct { const char *doc, *err; } rows[] = {
		{ ON("", "enable_ipv4: false"), "2:29 networks.n.enable_ipv4: a network needs IPv4 or IPv6" },
		{ ON("", POOLS("{subnet: 10.7.0.0}")), "2:41 networks.n.ipam.config[0].subnet: \"10.7.0.0\" is not a subnet" },
		{ ON("", POOLS("{subnet: 'fd00::/129'}")), "\"fd00::/129\" is not a subnet" },
		{ ON("", POOLS("{subnet: 10.7.0.0/16}, {subnet: 10.8.0.0/16}")), "networks.n.ipam.config[1].subnet: a second IPv4 subnet" },
		{ ON("", POOLS("{subnet: 10.7.0.0/16, gateway: 10.8.0.1}")), "10.8.0.1 is not in the subnet of its pool" },
		{ ON("", POOLS("{subnet: 'fd00:1::/64', gateway: 10.8.0.1}")), "10.8.0.1 is not in the subnet of its pool" },
		{ ON("", POOLS("{subnet: 'fd00:1::/64', ip_range: 'fd00:1::/48'}")), "fd00:1::/48 is not in the subnet of its pool" },
		{ ON("", POOLS("{subnet: 'fd00:1::/64', aux_addresses: {x: 'fd00::g'}}")), "\"fd00::g\" is not an address" },
		{ ON("ipv6_address: 'fd00:1::5'", "enable_ipv6: true"),
		  "1:55 services.a.networks.n.ipv6_address: service \"a\" has a static address on network n, which has no IPv6 subnet in the file" },
		{ ON("ipv6_address: 'fd00:2::5'", "enable_ipv6: true, " POOLS("{subnet: 'fd00:1::/64'}")), "fd00:2::5 is not in the subnet of network n" },
		{ ON("link_local_ips: [169.254.8.8, 10.7.0.5]", ""), "link_local_ips[1]: \"10.7.0.5\" is not a link-local address" },
		{ ON("link_local_ips: ['fe80::1']", ""), "service \"a\" has an address on network n, which has no IPv6" },
		{ ON("link_local_ips: ['fec0::1']", ""), "\"fec0::1\" is not a link-local address" },
		{ ON("ipv6_address: 10.7.0.5", "enable_ipv6: true"), "\"10.7.0.5\" is not an IPv6 address" },
		{ ON("ipv4_address: 'fd00::1'", ""), "\"fd00::1\" is not an IPv4 address" },
		{ ON("ipv6_address: 'fd00:1::5'", POOLS("{subnet: 'fd00:1::/64'}")), "service \"a\" has an address on network n, which has no IPv6" },
		{ ON("ipv4_address: 10.7.0.5", "enable_ipv4: false, enable_ipv6: true, " POOLS("{subnet: 10.7.0.0/16}")),
		  "service \"a\" has an address on network n, which has no IPv4" },
	};
	struct run t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		run_text(&t, rows[i].doc, NULL);
		is_int(t.rc, -1, "is refused: %s", rows[i].doc);
		auto_free char *text = errs_text(&t.errs);
		has_str(text, rows[i].err, "%s", rows[i].err);
		run_done(&t);
	}
	run_text(&t, ON("ipv6_address: 'fd00:1::5', ipv4_address: 10.7.128.5, link_local_ips: [169.254.8.8, 'fe80::8']", "enable_ipv6: true, " POOLS(
			"{subnet: 'fd00:1::/64', aux_addresses: {x: 'fd00:1::1:0'}}, {subnet: 10.7.0.0/16, gateway: 10.7.0.9, ip_range: 10.7.128.0/17}")), NULL);
	is_int(t.rc, 0, "addresses that fit");
	is_int((intmax_t)t.p->n_networks, 1, "a network");
	ok(t.p->networks[0].enable_ipv6 && !t.p->networks[0].no_ipv4, "of both kinds");
	run_done(&t);
	run_text(&t, ON("ipv6_address: 'fd00:1::5'", "external: true"), NULL);
	is_int(t.rc, 0, "what an external network has is not known here");
	run_done(&t);
}

static void switches(void)
{
	struct run t;
	static const char doc[] = "services: {a: {image: \"${X:-i}\", ports: ['${P}:80'], env_file: e, volumes: [./d:/d]}}\n";

	run_text(&t, doc, &(struct project_opts){ .no_interpolate = true, .no_paths = true });
	auto_str struct str out = { 0 };
	is_int(t.rc, 0, "--no-interpolate loads");
	print_tree(&out, t.p->tree, &(struct print_opts){ .keep_dollar = true });
	has_str(str_cstr(&out), "image: ${X:-i}", "variables stay");
	has_str(str_cstr(&out), "- ${P}:80", "also where a short form would be parsed");
	has_str(str_cstr(&out), "source: ./d", "--no-path-resolution: paths stay");
	run_done(&t);
	run_text(&t, "services: {a: {image: i, depends_on: [b], networks: [n], env_file: e}}\n",
		 &(struct project_opts){ .no_consistency = true, .no_normalize = true, .no_env_resolution = true });
	is_int(t.rc, 0, "--no-consistency lets undefined names pass");
	ok(node_path(t.p->tree, "services.a.env_file") != NULL, "--no-env-resolution keeps env_file");
	ok(node_get(t.p->tree, "networks") == NULL, "--no-normalize adds no network");
	run_done(&t);
	run_text(&t, "version: '3'\nservices: {a: {image: i}}\n", &(struct project_opts){ .strict = true });
	is_int(t.rc, -1, "--strict makes an error of a warning");
	run_done(&t);
}

int main(void)
{
	whole();
	cross_checks();
	profiles();
	unsupported();
	unsupported_values();
	addresses();
	switches();
	return done_testing();
}
