/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/model_parts.h"
#include "compose/base/str.h"
#include "parser/value.h"

/* Room for one element per item of a list, or per pair of a mapping. */
static void *room(struct project *p, const struct node *n, size_t size)
{
	return arena_alloc(&p->arena, (n->n + 1) * size);
}

/* The list with one more, unless it is there. */
static struct pstrs pstrs_with(struct arena *a, struct pstrs list, const char *more)
{
	struct pstrs ret = {arena_alloc(a, (list.n + 2) * sizeof(char *)), list.n};

	for (size_t i = 0; i < list.n; i++) {
		ret.v[i] = list.v[i];
		if (str_eq(list.v[i], more))
			return list;
	}
	ret.v[ret.n++] = arena_strdup(a, more);
	return ret;
}

#define EACH_ITEM(n, i) for (size_t i = 0; (n)->kind == NODE_LIST && i < (n)->n; i++)
#define EACH_PAIR(n, i) for (size_t i = 0; (n)->kind == NODE_MAP && i < (n)->n; i++)

void part_command(struct project *p, struct service *s, const struct node *n)
{
	s->has_command = n->kind == NODE_LIST;
	s->command = model_texts(&p->arena, n);
}

void part_entrypoint(struct project *p, struct service *s, const struct node *n)
{
	s->has_entrypoint = n->kind == NODE_LIST;
	s->entrypoint = model_texts(&p->arena, n);
}

void part_deps(struct project *p, struct service *s, const struct node *n)
{
	s->deps = room(p, n, sizeof(*s->deps));
	EACH_PAIR(n, i)
	{
		const struct node *d = n->pairs[i].val;
		const char *c = model_text(d, "condition");
		s->deps[s->n_deps++] = (struct dep){
			.service = n->pairs[i].key,
			.pos = n->pairs[i].key_pos,
			.condition = str_eq(c, "service_healthy")		   ? DEP_HEALTHY
				     : str_eq(c, "service_completed_successfully") ? DEP_COMPLETED
										   : DEP_STARTED,
			.restart = model_flag(d, "restart", false),
			.required = model_flag(d, "required", true),
		};
	}
}

void part_health(struct project *p, struct service *s, const struct node *n)
{
	struct healthcheck *h = &s->health;

	h->set = true;
	h->pos = n->pos;
	h->test = model_texts(&p->arena, node_get(n, "test"));
	h->disable = model_flag(n, "disable", false) || (h->test.n && str_eq(h->test.v[0], "NONE"));
	h->interval_ns = model_duration(n, "interval");
	h->timeout_ns = model_duration(n, "timeout");
	h->start_period_ns = model_duration(n, "start_period");
	h->start_interval_ns = model_duration(n, "start_interval");
	h->retries = model_int(n, "retries", -1);
}

void part_ports(struct project *p, struct service *s, const struct node *n)
{
	s->ports = room(p, n, sizeof(*s->ports));
	EACH_ITEM(n, i)
	{
		const struct node *item = n->items[i];
		struct port *port = &s->ports[s->n_ports];
		if (item->kind != NODE_MAP)
			continue;
		*port = (struct port){
			.host_ip = model_text(item, "host_ip"),
			.target = (uint16_t)model_int(item, "target", 0),
			.protocol = model_text(item, "protocol"),
			.name = model_text(item, "name"),
			.app_protocol = model_text(item, "app_protocol"),
			.mode = model_text(item, "mode"),
			.pos = item->pos,
		};
		(void)value_port_range(model_text(item, "published"), &port->published, &port->published_end);
		s->n_ports++;
	}
}

static int by_priority(const void *a, const void *b)
{
	const struct netref *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return strcmp(x->network, y->network);
}

void part_networks(struct project *p, struct service *s, const struct node *n)
{
	s->networks = room(p, n, sizeof(*s->networks));
	EACH_PAIR(n, i)
	{
		const struct node *net = n->pairs[i].val;
		const struct node *own = node_get(net, "ipv4_address");

		own = own ? own : node_get(net, "ipv6_address");
		s->networks[s->n_networks++] = (struct netref){
			.network = n->pairs[i].key,
			.pos = own ? own->pos : n->pairs[i].key_pos,
			.aliases = model_texts(&p->arena, node_get(net, "aliases")),
			.link_local = model_texts(&p->arena, node_get(net, "link_local_ips")),
			.ipv4 = model_text(net, "ipv4_address"),
			.ipv6 = model_text(net, "ipv6_address"),
			.mac = model_text(net, "mac_address"),
			.ifname = model_text(net, "interface_name"),
			.priority = model_int(net, "priority", 0),
			.gw_priority = model_int(net, "gw_priority", 0),
		};
	}
	if (s->n_networks)
		qsort(s->networks, s->n_networks, sizeof(*s->networks), by_priority);
}

/* ---- mounts ---- */

static void *more_mounts(struct project *p, struct service *s, size_t n)
{
	struct mount *v = arena_alloc(&p->arena, (s->n_mounts + n + 1) * sizeof(*v));

	if (s->n_mounts)
		memcpy(v, s->mounts, s->n_mounts * sizeof(*v));
	s->mounts = v;
	return v;
}

static enum mount_kind mount_kind(const char *type)
{
	return str_eq(type, "bind")    ? MOUNT_BIND
	       : str_eq(type, "tmpfs") ? MOUNT_TMPFS
	       : str_eq(type, "image") ? MOUNT_IMAGE
				       : MOUNT_VOLUME;
}

void part_volumes(struct project *p, struct service *s, const struct node *n)
{
	more_mounts(p, s, n->n);
	EACH_ITEM(n, i)
	{
		const struct node *m = n->items[i], *bind = node_get(m, "bind"), *vol = node_get(m, "volume");
		const struct node *tmpfs = node_get(m, "tmpfs"), *image = node_get(m, "image");
		if (m->kind != NODE_MAP)
			continue;
		s->mounts[s->n_mounts++] = (struct mount){
			.kind = mount_kind(model_text(m, "type")),
			.source = model_text(m, "source"),
			.target = model_text(m, "target"),
			.read_only = model_flag(m, "read_only", false),
			.propagation = model_text(bind, "propagation"),
			.recursive = model_text(bind, "recursive"),
			.create_host_path = model_flag(bind, "create_host_path", true),
			.labels = model_pairs(&p->arena, node_get(vol, "labels")),
			.nocopy = model_flag(vol, "nocopy", false),
			.subpath = model_text(vol ? vol : image, "subpath"),
			.tmpfs_size_bytes = model_int(tmpfs, "size", -1),
			.tmpfs_mode = model_int(tmpfs, "mode", -1),
			.tmpfs_opts = "",
			.pos = m->pos,
		};
	}
}

/* "size=64m" in the options of a tmpfs. ret: the value's text, or NULL */
static char *option(struct arena *a, const char *opts, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = opts; *s; s += strcspn(s, ","), s += *s == ',')
		if (strncmp(s, name, n) == 0 && s[n] == '=')
			return arena_strndup(a, s + n + 1, strcspn(s + n + 1, ","));
	return NULL;
}

void part_tmpfs(struct project *p, struct service *s, const struct node *n)
{
	more_mounts(p, s, n->n);
	EACH_ITEM(n, i)
	{
		const char *text = node_text(n->items[i]), *colon, *opts, *size, *mode;
		struct mount *m = &s->mounts[s->n_mounts];
		if (!text)
			continue;
		colon = strchr(text, ':');
		opts = colon ? colon + 1 : "";
		*m = (struct mount){
			.kind = MOUNT_TMPFS,
			.source = "",
			.propagation = "",
			.recursive = "",
			.subpath = "",
			.tmpfs_opts = opts,
			.target = arena_strndup(&p->arena, text, strcspn(text, ":")),
			.tmpfs_size_bytes = -1,
			.tmpfs_mode = -1,
			.pos = n->items[i]->pos,
		};
		size = option(&p->arena, opts, "size");
		mode = option(&p->arena, opts, "mode");
		if (size)
			(void)value_bytes(size, &m->tmpfs_size_bytes);
		if (mode)
			(void)value_mode(mode, &m->tmpfs_mode);
		s->n_mounts++;
	}
}

/* ---- files ---- */

/* dir: where a relative target stands; NULL: the target is no path but an id (build secrets) */
static struct fileref *filerefs(struct project *p, const struct node *n, const char *dir, size_t *ret_n)
{
	struct fileref *v = room(p, n, sizeof(*v));
	size_t count = 0;

	EACH_ITEM(n, i)
	{
		const struct node *item = n->items[i];
		const char *target = model_text(item, "target");
		if (!*target)
			target = model_text(item, "source");
		v[count] = (struct fileref){
			.source = model_text(item, "source"),
			.target = !dir || *target == '/' ? target : arena_printf(&p->arena, "%s/%s", dir, target),
			.uid = model_text(item, "uid"),
			.gid = model_text(item, "gid"),
			.mode = -1,
			.pos = item->pos,
		};
		(void)value_mode(model_text(item, "mode"), &v[count++].mode);
	}
	*ret_n = count;
	return v;
}

void part_secrets(struct project *p, struct service *s, const struct node *n)
{
	s->secrets = filerefs(p, n, "/run/secrets", &s->n_secrets);
}

void part_configs(struct project *p, struct service *s, const struct node *n)
{
	s->configs = filerefs(p, n, "", &s->n_configs);
}

/* ---- the rest ---- */

void part_devices(struct project *p, struct service *s, const struct node *n)
{
	s->devices = room(p, n, sizeof(*s->devices));
	EACH_ITEM(n, i)
	{
		const struct node *d = n->items[i];
		const char *target = model_text(d, "target"), *perms = model_text(d, "permissions");
		if (d->kind == NODE_MAP)
			s->devices[s->n_devices++] = (struct device){
				.source = model_text(d, "source"),
				.target = *target ? target : model_text(d, "source"),
				.permissions = *perms ? perms : "rwm",
				.pos = d->pos,
			};
	}
}

void part_blkio(struct project *p, struct service *s, const struct node *n)
{
	static const struct { const char *key, *value; enum blk_kind kind; } lists[] = {
		{"weight_device", "weight", BLK_WEIGHT},
		{"device_read_bps", "rate", BLK_READ_BPS},
		{"device_write_bps", "rate", BLK_WRITE_BPS},
		{"device_read_iops", "rate", BLK_READ_IOPS},
		{"device_write_iops", "rate", BLK_WRITE_IOPS},
	};
	size_t room_for = 0;

	s->blkio_weight = model_int(n, "weight", 0);
	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		room_for += node_get(n, lists[k].key) ? node_get(n, lists[k].key)->n : 0;
	s->blk_limits = arena_alloc(&p->arena, (room_for + 1) * sizeof(*s->blk_limits));
	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		const struct node *list = node_get(n, lists[k].key);
		for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
			s->blk_limits[s->n_blk_limits++] = (struct blk_limit){
				.kind = lists[k].kind,
				.path = model_text(list->items[i], "path"),
				.value = model_int(list->items[i], lists[k].value, 0),
				.pos = list->items[i]->pos,
			};
	}
}

/* Append the requests of a list. gpus: each is for a GPU, whatever else it names */
static void requests(struct project *p, struct service *s, const struct node *n, bool gpus)
{
	struct device_request *v = arena_alloc(&p->arena, (s->n_requests + n->n + 1) * sizeof(*v));

	if (s->n_requests)
		memcpy(v, s->requests, s->n_requests * sizeof(*v));
	s->requests = v;
	EACH_ITEM(n, i)
	{
		const struct node *item = n->items[i];
		struct device_request *r = &v[s->n_requests++];
		*r = (struct device_request){
			.capabilities = model_texts(&p->arena, node_get(item, "capabilities")),
			.ids = model_texts(&p->arena, node_get(item, "device_ids")),
			.count = model_int(item, "count", 0),
			.driver = model_text(item, "driver"),
			.pos = item->pos,
		};
		if (gpus)
			r->capabilities = pstrs_with(&p->arena, r->capabilities, "gpu");
	}
}

void part_gpus(struct project *p, struct service *s, const struct node *n)
{
	requests(p, s, n, true);
}

static struct extra_host *hosts(struct project *p, const struct node *n, size_t *ret_n)
{
	struct extra_host *v = room(p, n, sizeof(*v));

	EACH_ITEM(n, i)
	{
		const char *text = node_text(n->items[i]), *eq = text ? strchr(text, '=') : NULL;
		if (eq)
			v[(*ret_n)++] =
				(struct extra_host){arena_strndup(&p->arena, text, (size_t)(eq - text)), eq + 1};
	}
	return v;
}

void part_hosts(struct project *p, struct service *s, const struct node *n)
{
	s->extra_hosts = hosts(p, n, &s->n_extra_hosts);
}

static struct ulimit *ulimits(struct project *p, const struct node *n, size_t *ret_n)
{
	struct ulimit *v = room(p, n, sizeof(*v));

	EACH_PAIR(n, i)
	{
		const struct node *u = n->pairs[i].val;
		struct ulimit *to = &v[(*ret_n)++];
		to->name = n->pairs[i].key;
		to->soft = u->kind == NODE_MAP ? model_int(u, "soft", -1) : node_whole(u, -1);
		to->hard = u->kind == NODE_MAP ? model_int(u, "hard", -1) : to->soft;
	}
	return v;
}

void part_ulimits(struct project *p, struct service *s, const struct node *n)
{
	s->ulimits = ulimits(p, n, &s->n_ulimits);
}

static struct hook hook(struct project *p, const struct node *h)
{
	return (struct hook){
		.command = model_texts(&p->arena, node_get(h, "command")),
		.user = model_text(h, "user"),
		.working_dir = model_text(h, "working_dir"),
		.privileged = model_flag(h, "privileged", false),
		.environment = model_vars(&p->arena, node_get(h, "environment")),
		.image = model_text(h, "image"),
		.per_replica = model_flag(h, "per_replica", false),
		.pos = h->pos,
	};
}

static struct hook *hooks(struct project *p, const struct node *n, size_t *ret_n)
{
	struct hook *v = room(p, n, sizeof(*v));

	EACH_ITEM(n, i)
		v[(*ret_n)++] = hook(p, n->items[i]);
	return v;
}

void part_post_start(struct project *p, struct service *s, const struct node *n)
{
	s->post_start = hooks(p, n, &s->n_post_start);
}

void part_pre_stop(struct project *p, struct service *s, const struct node *n)
{
	s->pre_stop = hooks(p, n, &s->n_pre_stop);
}

void part_pre_start(struct project *p, struct service *s, const struct node *n)
{
	s->pre_start = hooks(p, n, &s->n_pre_start);
}

void part_provider(struct project *p, struct service *s, const struct node *n)
{
	const struct node *opts = node_get(n, "options");
	struct provider *v = arena_new(&p->arena, struct provider);
	size_t max = 0;

	*v = (struct provider){ .type = model_text(n, "type"), .pos = n->pos };
	for (size_t i = 0; opts && opts->kind == NODE_MAP && i < opts->n; i++)
		max += opts->pairs[i].val->n;
	v->options.v = arena_alloc(&p->arena, (max + 1) * sizeof(*v->options.v));
	for (size_t i = 0; opts && opts->kind == NODE_MAP && i < opts->n; i++) {
		const struct node *list = opts->pairs[i].val;

		for (size_t k = 0; list->kind == NODE_LIST && k < list->n; k++)
			v->options.v[v->options.n++] = (struct pkv){ opts->pairs[i].key,
				node_text(list->items[k]) ? list->items[k]->text : "", list->items[k]->pos };
	}
	s->provider = v;
}

static enum watch_action watch_action(const char *word)
{
	static const char *const words[] = { [WATCH_SYNC] = "sync", [WATCH_REBUILD] = "rebuild", [WATCH_RESTART] = "restart",
		[WATCH_SYNC_RESTART] = "sync+restart", [WATCH_SYNC_EXEC] = "sync+exec" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(words[i], word))
			return (enum watch_action)i;
	return WATCH_SYNC;              /* the schema lets no other word through */
}

void part_develop(struct project *p, struct service *s, const struct node *n)
{
	n = node_get(n, "watch");
	if (!n)
		return;
	s->watch = room(p, n, sizeof(*s->watch));
	EACH_ITEM(n, i)
	{
		const struct node *t = n->items[i], *exec = node_get(t, "exec");
		struct trigger *to = &s->watch[s->n_watch++];
		*to = (struct trigger){
			.action = watch_action(model_text(t, "action")),
			.path = model_text(t, "path"),
			.target = model_text(t, "target"),
			.ignore = model_texts(&p->arena, node_get(t, "ignore")),
			.include = model_texts(&p->arena, node_get(t, "include")),
			.initial_sync = model_flag(t, "initial_sync", false),
			.pos = t->pos,
		};
		if (exec)
			to->exec = hook(p, exec);
	}
}

void part_logging(struct project *p, struct service *s, const struct node *n)
{
	s->log_driver = model_text(n, "driver");
	s->log_opts = model_pairs(&p->arena, node_get(n, "options"));
}

void part_memswap(struct project *p, struct service *s, const struct node *n)
{
	int64_t v = node_whole(n, 0);

	(void)p;
	s->memswap_limit_bytes = v < 0 ? -2 : v == 0 ? -1 : v;
}

void part_pull_policy(struct project *p, struct service *s, const struct node *n)
{
	const char *text = node_text(n) ? n->text : "";
	int64_t v;

	(void)p;
	s->pull_policy = text;
	text = str_eq(text, "daily") ? "every_1d" : str_eq(text, "weekly") ? "every_1w" : text;
	if (str_starts(text, "every_") && value_duration(text + strlen("every_"), &v))
		s->pull_after_ns = v;
}

void part_refresh_after(struct project *p, struct service *s, const struct node *n)
{
	int64_t v;

	(void)p;
	if (str_eq(node_text(node_get(s->tree, "pull_policy")), "refresh") && node_text(n) && value_duration(n->text, &v))
		s->pull_after_ns = v;
}

void part_restart(struct project *p, struct service *s, const struct node *n)
{
	const char *text = node_text(n) ? n->text : "";

	(void)p;
	if (str_eq(text, "always"))
		s->restart = RESTART_ALWAYS;
	else if (str_eq(text, "unless-stopped"))
		s->restart = RESTART_UNLESS_STOPPED;
	else if (str_starts(text, "on-failure"))
		s->restart = RESTART_ON_FAILURE;
	if (str_starts(text, "on-failure:"))
		(void)value_i64(text + strlen("on-failure:"), &s->restart_max);
}

static bool lists(const struct node *map, const char *key, const char *text)
{
	const struct node *list = node_get(map, key);

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		if (str_eq(node_text(list->items[i]), text))
			return true;
	return false;
}

static const char *dockerfile(const struct node *n)
{
	return node_get(n, "dockerfile_inline") ? ""
	       : *model_text(n, "dockerfile")	? model_text(n, "dockerfile")
						: "Dockerfile";
}

void part_build(struct project *p, struct service *s, const struct node *n)
{
	struct build *b = arena_new(&p->arena, struct build);
	const struct node *hosts_node = node_get(n, "extra_hosts"), *ulimits_node = node_get(n, "ulimits"),
			  *secrets = node_get(n, "secrets");

	*b = (struct build){
		.context = model_text(n, "context"),
		.dockerfile = dockerfile(n),
		.dockerfile_inline = node_text(node_get(n, "dockerfile_inline")),
		.args = model_pairs(&p->arena, node_get(n, "args")),
		.labels = model_pairs(&p->arena, node_get(n, "labels")),
		.additional_contexts = model_pairs(&p->arena, node_get(n, "additional_contexts")),
		.ssh = model_pairs(&p->arena, node_get(n, "ssh")),
		.target = model_text(n, "target"),
		.network = model_text(n, "network"),
		.tags = model_texts(&p->arena, node_get(n, "tags")),
		.cache_from = model_texts(&p->arena, node_get(n, "cache_from")),
		.cache_to = model_texts(&p->arena, node_get(n, "cache_to")),
		.platforms = model_texts(&p->arena, node_get(n, "platforms")),
		.no_cache_filter = model_texts(&p->arena, node_get(n, "no_cache_filter")),
		.shm_size_bytes = model_int(n, "shm_size", -1),
		.no_cache = model_flag(n, "no_cache", false),
		.host_network = lists(n, "entitlements", "network.host"),
		.pull = model_flag(n, "pull", false),
		.privileged = model_flag(n, "privileged", false),
		.pos = n->pos,
	};
	if (hosts_node)
		b->extra_hosts = hosts(p, hosts_node, &b->n_extra_hosts);
	if (ulimits_node)
		b->ulimits = ulimits(p, ulimits_node, &b->n_ulimits);
	if (secrets)
		b->secrets = filerefs(p, secrets, NULL, &b->n_secrets);
	s->build = b;
}

/* ---- deploy ---- */

static void restart_policy(struct service *s, const struct node *n)
{
	const char *c = model_text(n, "condition");

	s->restart = str_eq(c, "none")		   ? RESTART_NO
		     : str_eq(c, "on-failure")	   ? RESTART_ON_FAILURE
		     : str_eq(c, "unless-stopped") ? RESTART_UNLESS_STOPPED
						   : RESTART_ALWAYS;
	s->restart_max = s->restart == RESTART_ON_FAILURE ? model_int(n, "max_attempts", 0) : 0;
}

static void limit(int64_t *to, const struct node *block, const char *key)
{
	int64_t v = model_int(block, key, 0);

	if (*to == -1 && v > 0)
		*to = v;
}

void part_deploy(struct project *p, struct service *s, const struct node *deploy)
{
	const struct node *resources = node_get(deploy, "resources"), *limits = node_get(resources, "limits");
	const struct node *policy = node_get(deploy, "restart_policy"), *cpus = node_get(limits, "cpus");
	const struct node *devices = node_path(resources, "reservations.devices");

	s->scale = model_int(s->tree, "scale", model_int(deploy, "replicas", 1));
	limit(&s->mem_limit_bytes, limits, "memory");
	limit(&s->pids_limit, limits, "pids");
	limit(&s->mem_reservation_bytes, node_get(resources, "reservations"), "memory");
	if (cpus && s->cpus == 0)
		s->cpus = node_number(cpus);
	if (devices)
		requests(p, s, devices, false);
	if (policy && policy->kind == NODE_MAP)
		restart_policy(s, policy);
}
