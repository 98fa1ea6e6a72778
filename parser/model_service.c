/* SPDX-License-Identifier: Apache-2.0 */
/* model_service.c - a service's plain attributes, by a table of fields; what has parts of its own is in model_parts.c. */
#include "parser/model_parts.h"
#include "compose/base/str.h"
#include "parser/value.h"

/* clang-format off: a row a line */

enum field_kind {
	FIELD_TEXT,            /* const char * */
	FIELD_TEXTS,           /* struct pstrs */
	FIELD_PAIRS,           /* struct pkvs */
	FIELD_VARS,            /* struct pkvs without the unset ones */
	FIELD_FLAG,            /* bool */
	FIELD_INT,             /* int64_t */
	FIELD_LIMIT,           /* int64_t; 0 means unset */
	FIELD_DURATION,        /* int64_t ns */
	FIELD_NUMBER,          /* double */
	FIELD_PART,            /* by a function */
};
struct field {
	const char *key;
	enum field_kind kind;
	size_t off;
	void (*part)(struct project *p, struct service *s, const struct node *n);
};
#define F(k, kind, member) { k, kind, offsetof(struct service, member), NULL }
#define PART(k, fn) { k, FIELD_PART, 0, fn }

/* Sorted by key: see in_order(). */
static const struct field fields[] = {
	F("annotations", FIELD_PAIRS, annotations),
	F("attach", FIELD_FLAG, attach),
	PART("blkio_config", part_blkio),
	PART("build", part_build),
	F("cap_add", FIELD_TEXTS, cap_add),
	F("cap_drop", FIELD_TEXTS, cap_drop),
	F("cgroup", FIELD_TEXT, cgroup),
	F("cgroup_parent", FIELD_TEXT, cgroup_parent),
	PART("command", part_command),
	PART("configs", part_configs),
	F("container_name", FIELD_TEXT, container_name),
	F("cpu_period", FIELD_INT, cpu_period_us),
	F("cpu_quota", FIELD_INT, cpu_quota_us),
	F("cpu_rt_period", FIELD_INT, cpu_rt_period_us),
	F("cpu_rt_runtime", FIELD_INT, cpu_rt_runtime_us),
	F("cpu_shares", FIELD_INT, cpu_shares),
	F("cpus", FIELD_NUMBER, cpus),
	F("cpuset", FIELD_TEXT, cpuset),
	PART("depends_on", part_deps),
	PART("develop", part_develop),
	F("device_cgroup_rules", FIELD_TEXTS, device_cgroup_rules),
	PART("devices", part_devices),
	F("dns", FIELD_TEXTS, dns),
	F("dns_opt", FIELD_TEXTS, dns_opt),
	F("dns_search", FIELD_TEXTS, dns_search),
	F("domainname", FIELD_TEXT, domainname),
	PART("entrypoint", part_entrypoint),
	F("environment", FIELD_VARS, environment),
	F("expose", FIELD_TEXTS, expose),
	F("external_links", FIELD_TEXTS, external_links),
	PART("extra_hosts", part_hosts),
	PART("gpus", part_gpus),
	F("group_add", FIELD_TEXTS, group_add),
	PART("healthcheck", part_health),
	F("hostname", FIELD_TEXT, hostname),
	F("image", FIELD_TEXT, image),
	F("init", FIELD_FLAG, init),
	F("ipc", FIELD_TEXT, ipc),
	F("labels", FIELD_PAIRS, labels),
	F("links", FIELD_TEXTS, links),
	PART("logging", part_logging),
	F("mac_address", FIELD_TEXT, mac_address),
	F("mem_limit", FIELD_LIMIT, mem_limit_bytes),
	F("mem_reservation", FIELD_LIMIT, mem_reservation_bytes),
	F("mem_swappiness", FIELD_LIMIT, mem_swappiness),
	PART("memswap_limit", part_memswap),
	F("network_mode", FIELD_TEXT, network_mode),
	PART("networks", part_networks),
	F("oom_kill_disable", FIELD_FLAG, oom_kill_disable),
	F("oom_score_adj", FIELD_INT, oom_score_adj),
	F("pid", FIELD_TEXT, pid),
	F("pids_limit", FIELD_LIMIT, pids_limit),
	F("platform", FIELD_TEXT, platform),
	PART("ports", part_ports),
	PART("post_start", part_post_start),
	PART("pre_start", part_pre_start),
	PART("pre_stop", part_pre_stop),
	F("privileged", FIELD_FLAG, privileged),
	F("profiles", FIELD_TEXTS, profiles),
	PART("provider", part_provider),
	PART("pull_policy", part_pull_policy),
	PART("pull_refresh_after", part_refresh_after),
	F("read_only", FIELD_FLAG, read_only),
	PART("restart", part_restart),
	F("runtime", FIELD_TEXT, runtime),
	PART("secrets", part_secrets),
	F("security_opt", FIELD_TEXTS, security_opt),
	F("shm_size", FIELD_LIMIT, shm_size_bytes),
	F("stdin_open", FIELD_FLAG, stdin_open),
	F("stop_grace_period", FIELD_DURATION, stop_grace_ns),
	F("stop_signal", FIELD_TEXT, stop_signal),
	F("storage_opt", FIELD_PAIRS, storage_opt),
	F("sysctls", FIELD_PAIRS, sysctls),
	PART("tmpfs", part_tmpfs),
	F("tty", FIELD_FLAG, tty),
	PART("ulimits", part_ulimits),
	F("user", FIELD_TEXT, user),
	F("userns_mode", FIELD_TEXT, userns_mode),
	F("uts", FIELD_TEXT, uts),
	PART("volumes", part_volumes),
	F("volumes_from", FIELD_TEXTS, volumes_from),
	F("working_dir", FIELD_TEXT, working_dir),
};

static int by_key(const void *key, const void *field)
{
	const char *a = key, *b = ((const struct field *)field)->key;

	return *a != *b ? *a - *b : strcmp(a, b);
}

/* An entry out of place would not be found, and its key would have no effect: nobody is to get as far as that. */
static void in_order(void)
{
	for (size_t i = 1; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i - 1].key, fields[i].key) >= 0)
			abort();
}

int64_t node_whole(const struct node *n, int64_t dflt)
{
	int64_t v;

	if (n->kind == NODE_INT)
		return n->i;
	return node_text(n) && value_i64(n->text, &v) ? v : dflt;
}

double node_number(const struct node *n)
{
	double v;

	if (n->kind == NODE_INT)
		return (double)n->i;
	if (n->kind == NODE_FLOAT)
		return n->f;
	return node_text(n) && value_double(n->text, &v) ? v : 0;
}

struct pkvs model_vars(struct arena *a, const struct node *map)
{
	struct pkvs all = model_pairs(a, map);
	size_t n = 0;

	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].val)
			all.v[n++] = all.v[i];
	all.n = n;
	return all;
}

static void set_field(struct project *p, struct service *s, const struct field *f, const struct node *n)
{
	void *to = (char *)s + f->off;
	int64_t v;

	switch (f->kind) {
	case FIELD_TEXT:
		*(const char **)to = node_text(n) ? n->text : "";
		break;
	case FIELD_TEXTS:
		*(struct pstrs *)to = model_texts(&p->arena, n);
		break;
	case FIELD_PAIRS:
		*(struct pkvs *)to = model_pairs(&p->arena, n);
		break;
	case FIELD_VARS:
		*(struct pkvs *)to = model_vars(&p->arena, n);
		break;
	case FIELD_FLAG:
		*(bool *)to = n->kind == NODE_BOOL ? n->b : *(bool *)to;
		break;
	case FIELD_INT:
		*(int64_t *)to = node_whole(n, *(int64_t *)to);
		break;
	case FIELD_LIMIT:
		v = node_whole(n, 0);
		*(int64_t *)to = v > 0 ? v : -1;
		break;
	case FIELD_DURATION:
		if (node_text(n) && value_duration(n->text, &v))
			*(int64_t *)to = v;
		break;
	case FIELD_NUMBER:
		*(double *)to = node_number(n);
		break;
	case FIELD_PART:
		f->part(p, s, n);
		break;
	}
}

static void set_defaults(struct arena *a, struct service *s)
{
	const struct pstrs none = { arena_alloc(a, sizeof(char *)), 0 };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i].kind == FIELD_TEXT)
			*(const char **)((char *)s + fields[i].off) = "";
		if (fields[i].kind == FIELD_TEXTS)
			*(struct pstrs *)((char *)s + fields[i].off) = none;
	}
	s->command = s->entrypoint = s->health.test = none;
	s->log_driver = s->pull_policy = "";
	s->scale = 1;
	s->attach = true;
	s->stop_grace_ns = s->shm_size_bytes = s->mem_limit_bytes = s->mem_reservation_bytes = s->memswap_limit_bytes = -1;
	s->pids_limit = s->mem_swappiness = s->pull_after_ns = -1;
	s->health.interval_ns = s->health.timeout_ns = s->health.start_period_ns = s->health.start_interval_ns = -1;
	s->health.retries = -1;
}

void model_service(struct project *p, struct service *s, const struct node *tree)
{
	const struct node *deploy = NULL;

	if (s == p->services)             /* once */
		in_order();
	set_defaults(&p->arena, s);
	s->tree = tree;
	for (size_t i = 0; tree->kind == NODE_MAP && i < tree->n; i++) {
		const struct node_pair *pair = &tree->pairs[i];
		const struct field *f = bsearch(pair->key, fields, ARRAY_LEN(fields), sizeof(*fields), by_key);
		if (f && pair->val->kind != NODE_NULL)
			set_field(p, s, f, pair->val);
		else if (strcmp(pair->key, "deploy") == 0)
			deploy = pair->val;
	}
	part_deploy(p, s, deploy);
}
