/* SPDX-License-Identifier: Apache-2.0 */
/* to_record.c - a service becomes the record of one of its containers: all that the supervisor and `ps` need to know. */
#include <limits.h>
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/engine/to_spec.h"
#include "compose/engine/others.h"
#include "compose/engine/signals.h"
#include "graph/hash.h"

enum { CGROUP_PARENT_MAX = 512 };
static const int64_t second_ns = 1000000000;

static void label(struct ctr_record *r, const char *key, const char *val)
{
	for (size_t i = 0; i < r->labels.n; i++)
		if (str_eq(r->labels.v[i].key, key)) {
			free(r->labels.v[i].val);
			r->labels.v[i].val = xstrdup(val);
			return;
		}
	vec_push(&r->labels, (struct rec_kv){ xstrdup(key), xstrdup(val ? val : "") });
}

/* Later ones win: the image's, the service's, `run --label`, then ours that other tools rely on. */
static void labels(const struct engine *en, const struct ctr_want *w, struct ctr_record *r)
{
	const struct project *p = en->o.project;
	auto_str struct str files = {0}, deps = {0};
	char number[12];

	for (size_t i = 0; i < w->image->conf.labels.n; i++)
		label(r, w->image->conf.labels.v[i].key, w->image->conf.labels.v[i].val);
	for (size_t i = 0; i < w->s->labels.n; i++)
		label(r, w->s->labels.v[i].key, w->s->labels.v[i].val);
	for (size_t i = 0; w->oneoff && i < w->oneoff->n_labels; i++)
		label(r, w->oneoff->labels[i].key, w->oneoff->labels[i].val);
	for (size_t i = 0; i < p->files.n; i++)
		str_addf(&files, "%s%s", i ? "," : "", p->files.v[i]);
	for (size_t i = 0; i < w->s->n_deps; i++) {
		static const char *const conditions[] = { [DEP_STARTED] = "service_started", [DEP_HEALTHY] = "service_healthy",
			[DEP_COMPLETED] = "service_completed_successfully" };

		str_addf(&deps, "%s%s:%s:%s", i ? "," : "", w->s->deps[i].service, conditions[w->s->deps[i].condition],
			 w->s->deps[i].restart ? "true" : "false");
	}
	(void)snprintf(number, sizeof(number), "%u", w->number);
	label(r, "com.docker.compose.project", en->o.name);
	label(r, "com.docker.compose.service", w->s->name);
	if (w->kind == KIND_HOOK)
		label(r, "com.docker.compose.hook", "pre_start");
	else
		label(r, "com.docker.compose.container-number", number);
	label(r, "com.docker.compose.oneoff", w->kind == KIND_ONEOFF ? "True" : "False");
	label(r, "com.docker.compose.config-hash", r->config_hash);
	label(r, "com.docker.compose.image", w->image->id);
	label(r, "com.docker.compose.version", COMPOSE_VERSION);
	label(r, "com.docker.compose.depends_on", str_cstr(&deps));
	label(r, "com.docker.compose.project.working_dir", p->working_dir);
	label(r, "com.docker.compose.project.config_files", str_cstr(&files));
	if (w->kind == KIND_ONEOFF) {
		auto_free char *slug = xstrndup(w->id, 12);

		label(r, "com.docker.compose.slug", slug);
	}
}

/* As docker tells it: a word with a space is quoted. */
static void add_words(struct str *b, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *quote = strchr(v[i], ' ') ? "'" : "";

		str_addf(b, "%s%s%s%s", b->len ? " " : "", quote, v[i], quote);
	}
}

static char *display_command(const struct ctr_want *w)
{
	const struct service *s = w->s;
	const struct image_config *im = &w->image->conf;
	auto_str struct str b = {0};

	if (s->has_entrypoint)
		add_words(&b, s->entrypoint.v, s->entrypoint.n);
	else
		add_words(&b, im->entrypoint.v, im->entrypoint.n);
	if (s->has_command)
		add_words(&b, s->command.v, s->command.n);
	else if (!s->has_entrypoint || !s->entrypoint.n)
		add_words(&b, im->cmd.v, im->cmd.n);
	return str_take(&b);
}

static bool on_shared(const struct ctr_want *w)
{
	return str_eq(w->s->network_mode, NET_SHARED);
}

/* "", host, none stay; service:X and container:NAME become container:ID; shareable, private and bridge are the default, the last with a network of its own kind. */
static int namespace_mode(const struct engine *en, const struct service *s, const char *key, const char *mode, char **ret, struct err *e)
{
	auto_other struct other o = {0};

	if (str_starts(mode, "service:") || str_starts(mode, "container:")) {
		if ((*mode == 's' ? other_of_service(en, mode + 8, &o, e) : other_named(en, mode + 10, &o, e)) < 0)
			return err_at(e, service_pos(s, key), key);
		*ret = xasprintf("container:%s", o.id);
	} else if (str_eq(mode, "shareable") || str_eq(mode, "private") || str_eq(mode, NET_SHARED)) {
		*ret = xstrdup("");
	} else {
		*ret = xstrdup(mode);
	}
	return 0;
}

/* On the shared network containers know each other by these names alone: "database=demo-db-1", "db=demo-db-1". */
static int links_on_shared(const struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	for (size_t i = 0; i < w->s->links.n; i++) {
		const char *l = w->s->links.v[i], *colon = strchr(l, ':');
		auto_free char *name = xstrndup(l, colon ? (size_t)(colon - l) : strlen(l));
		auto_other struct other o = {0};

		if (other_of_service(en, name, &o, e) < 0)
			return err_at(e, service_pos(w->s, "links"), "links");
		strv_take(&r->links, xasprintf("%s=%s", name, o.name));
		if (colon && !str_eq(name, colon + 1))
			strv_take(&r->links, xasprintf("%s=%s", colon + 1, o.name));
	}
	return 0;
}

/* "database=db": in this container alone, database means what db means on its networks. */
static int links(const struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	bool shared = on_shared(w);

	if (shared && links_on_shared(en, w, r, e) < 0)
		return -1;
	for (size_t i = 0; !shared && i < w->s->links.n; i++) {
		const char *l = w->s->links.v[i], *colon = strchr(l, ':');

		if (colon && strncmp(l, colon + 1, (size_t)(colon - l)) != 0)
			strv_take(&r->links, xasprintf("%s=%.*s", colon + 1, (int)(colon - l), l));
	}
	for (size_t i = 0; i < w->s->external_links.n; i++) {
		const char *l = w->s->external_links.v[i], *colon = strchr(l, ':');
		auto_free char *name = xstrndup(l, colon ? (size_t)(colon - l) : strlen(l));
		auto_other struct other o = {0};
		bool meet = false;

		if (other_named(en, name, &o, e) < 0) {
			err_wrap(e, "external_links %s", l);
			return err_at(e, service_pos(w->s, "external_links"), "external_links");
		}
		for (size_t k = 0; k < r->nets.n; k++)
			meet = meet || strv_has(&o.networks, r->nets.v[k].network);
		if (!meet)
			engine_warn(en, "service %s: external_links %s: container %s shares no network with it and cannot be reached",
				    w->s->name, l, o.name);
		strv_take(&r->links, xasprintf("%s=%s", colon ? colon + 1 : name, o.name));
	}
	return 0;
}

static void networks(const struct engine *en, const struct ctr_want *w, struct ctr_record *r)
{
	if (on_shared(w)) {
		struct rec_net net = { .network = xstrdup(NET_SHARED), .ipv4 = xstrdup(""), .ipv6 = xstrdup(""),
			.mac = xstrdup(w->s->mac_address), .ifname = xstrdup(""), .at = xstrdup("") };

		strv_add(&net.names, w->name);
		vec_push(&r->nets, net);
	}
	for (size_t i = 0; i < w->s->n_networks && !*w->s->network_mode; i++) {
		const struct netref *ref = &w->s->networks[i];
		const struct network *n = project_network(en->o.project, ref->network);
		struct rec_net net = { .network = xstrdup(n ? n->name : ref->network), .ipv4 = xstrdup(ref->ipv4), .ipv6 = xstrdup(ref->ipv6),
			.mac = xstrdup(*ref->mac ? ref->mac : i == 0 ? w->s->mac_address : ""),
			.ifname = !*ref->ifname && n && *n->iface_prefix ? xasprintf("%s%zu", n->iface_prefix, i) : xstrdup(ref->ifname),
			.at = ref->pos.line ? xasprintf("%s:%u:%u services.%s.networks.%s", ref->pos.file, ref->pos.line, ref->pos.col,
							w->s->name, ref->network) : xstrdup(""),
			.gw_priority = ref->gw_priority };

		strv_add(&net.names, w->name);
		if (w->kind == KIND_SERVICE || (w->oneoff && w->oneoff->use_aliases)) {
			strv_add(&net.names, w->s->name);
			for (size_t k = 0; k < ref->aliases.n; k++)
				if (!strv_has(&net.names, ref->aliases.v[k]))
					strv_add(&net.names, ref->aliases.v[k]);
		}
		strv_take(&net.names, xstrndup(w->id, 12));
		for (size_t k = 0; k < ref->link_local.n; k++)
			strv_add(&net.link_local, ref->link_local.v[k]);
		vec_push(&r->nets, net);
	}
}

/* Where ports are published that do not say where: the choice of the first network that has one. "" = everywhere */
static const char *host_binding(const struct engine *en, const struct ctr_want *w)
{
	for (size_t i = 0; i < w->s->n_networks; i++) {
		const struct network *n = project_network(en->o.project, w->s->networks[i].network);

		if (n && *n->host_binding)
			return n->host_binding;
	}
	return "";
}

static void ports(const struct engine *en, const struct ctr_want *w, struct ctr_record *r)
{
	for (size_t i = 0; i < w->s->n_ports; i++) {
		const struct port *p = &w->s->ports[i];

		vec_push(&r->ports, (struct rec_port){ .host_ip = xstrdup(*p->host_ip ? p->host_ip : host_binding(en, w)), .target = p->target, .published = p->published,
			.published_end = p->published_end, .proto = xstrdup(p->protocol),
			.at = p->pos.line ? xasprintf("%s:%u:%u services.%s.ports[%zu]", p->pos.file, p->pos.line, p->pos.col, w->s->name, i)
					  : xstrdup("") });
	}
}

/* text: "6379", "6379/udp", "3000-3005/tcp". What is none is left out: it is shown, and does nothing. */
static void expose(struct ctr_record *r, const char *text)
{
	auto_free char *first = xstrndup(text, strcspn(text, "/")), *last = NULL;
	char *dash = strchr(first, '-');
	const char *slash = strchr(text, '/');
	uint64_t a, b;

	last = xstrdup(dash ? dash + 1 : first);
	if (dash)
		*dash = '\0';
	if (str_to_u64(first, &a) && str_to_u64(last, &b) && a && a <= b && b <= UINT16_MAX)
		vec_push(&r->exposed, (struct rec_exposed){ (uint16_t)a, (uint16_t)b, xstrdup(slash ? slash + 1 : "tcp") });
}

static void exposed(const struct ctr_want *w, struct ctr_record *r)
{
	if (*w->s->network_mode && !on_shared(w)) /* none of its own */
		return;
	for (size_t i = 0; i < w->image->conf.ports.n; i++)
		expose(r, w->image->conf.ports.v[i]);
	for (size_t i = 0; i < w->s->expose.n; i++)
		expose(r, w->s->expose.v[i]);
}

static int64_t or_default(int64_t v, int64_t image, int64_t dflt)
{
	return v > 0 ? v : image > 0 ? image : dflt;
}

/* The service's fields over the image's; defaults as docker has them. */
static void health(const struct ctr_want *w, struct ctr_record *r)
{
	const struct healthcheck *h = &w->s->health;
	const struct image_health none = { .interval_ns = -1, .timeout_ns = -1, .start_period_ns = -1, .start_interval_ns = -1, .retries = -1 };
	const struct image_health *im = w->image->conf.health ? w->image->conf.health : &none;

	if (h->disable)
		return;
	for (size_t i = 0; i < h->test.n; i++)
		strv_add(&r->health.test, h->test.v[i]);
	for (size_t i = 0; !h->test.n && i < im->test.n; i++)
		strv_add(&r->health.test, im->test.v[i]);
	if (!r->health.test.n || str_eq(r->health.test.v[0], "NONE")) {
		strv_done(&r->health.test);
		return;
	}
	r->health.set = true;
	r->health.interval_ns = or_default(h->interval_ns, im->interval_ns, 30 * second_ns);
	r->health.timeout_ns = or_default(h->timeout_ns, im->timeout_ns, 30 * second_ns);
	r->health.start_period_ns = or_default(h->start_period_ns, im->start_period_ns, 0);
	r->health.start_interval_ns = or_default(h->start_interval_ns, im->start_interval_ns, 5 * second_ns);
	r->health.retries = (int)or_default(h->retries, im->retries, 3);
}

static int stop_and_restart(const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	static const enum restart_policy policies[] = { [RESTART_NO] = POLICY_NO, [RESTART_ALWAYS] = POLICY_ALWAYS,
		[RESTART_ON_FAILURE] = POLICY_ON_FAILURE, [RESTART_UNLESS_STOPPED] = POLICY_UNLESS_STOPPED };
	const char *sig = *w->s->stop_signal ? w->s->stop_signal : w->image->conf.stop_signal;

	r->stop_signal = signal_number(sig && *sig ? sig : "SIGTERM");
	if (r->stop_signal < 0) {
		err_set(e, ERR_MODEL, 0, "\"%s\" is no signal", sig);
		err_at(e, w->s->pos, "stop_signal");
		return err_hint(e, "use a name such as SIGTERM or a number");
	}
	r->stop_grace_ns = w->s->stop_grace_ns >= 0 ? w->s->stop_grace_ns : 10 * second_ns;
	if (w->kind == KIND_SERVICE) {            /* `run` ignores the restart policy */
		r->restart = policies[w->s->restart];
		r->restart_max = (int)w->s->restart_max;
	}
	return 0;
}

static void hooks(const struct service *s, const char *kind, const struct hook *v, size_t n, struct rec_hook **ret, size_t *ret_n)
{
	*ret = xcalloc(n, sizeof(**ret));
	for (size_t i = 0; i < n; i++) {
		struct rec_hook *k = &(*ret)[(*ret_n)++];

		*k = (struct rec_hook){ .user = xstrdup(v[i].user), .working_dir = xstrdup(v[i].working_dir), .privileged = v[i].privileged,
			.at = v[i].pos.line ? xasprintf("%s:%u:%u services.%s.%s[%zu]", v[i].pos.file, v[i].pos.line, v[i].pos.col, s->name,
							kind, i) : xstrdup("") };
		for (size_t j = 0; j < v[i].command.n; j++)
			strv_add(&k->command, v[i].command.v[j]);
		for (size_t j = 0; j < v[i].environment.n; j++)
			strv_take(&k->env, xasprintf("%s=%s", v[i].environment.v[j].key, v[i].environment.v[j].val));
	}
}

/* A path below the root of the control groups, whether it begins with a slash or not. */
static int cgroup_parent(const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	const char *path = w->s->cgroup_parent + strspn(w->s->cgroup_parent, "/");
	auto_str struct str plain = STR_MAX(CGROUP_PARENT_MAX);

	for (size_t n; *path; path += n, path += strspn(path, "/")) {
		n = strcspn(path, "/");
		if (n <= 2 && strspn(path, ".") >= n)
			return refuse(w, (struct srcpos){0}, "cgroup_parent", e, "%s: not a plain path", w->s->cgroup_parent);
		str_addf(&plain, "%s%.*s", plain.len ? "/" : "", (int)n, path);
	}
	if (plain.over)
		return refuse(w, (struct srcpos){0}, "cgroup_parent", e, "the path is too long");
	r->cgroup_parent = str_take(&plain);
	return 0;
}

/* Its own; who shares a network has the name that goes with it, as its /etc/hosts has. in: r with its modes */
static char *host_name(const struct engine *en, const struct ctr_want *w, const struct ctr_record *r)
{
	const struct service *s = w->s;
	bool shares = str_starts(r->network_mode, "container:");
	auto_free char *project = NULL;
	auto_close int owner = shares ? record_find(en->o.paths, r->network_mode + 10, &project) : -1;
	auto_err struct err ignored = {0};
	struct ctr_record o = {0};
	char host[HOST_NAME_MAX + 1], *name;

	if (*s->hostname && !shares)
		return xstrdup(s->hostname);
	if ((str_eq(r->network_mode, "host") || str_eq(r->uts_mode, "host")) && gethostname(host, sizeof(host)) == 0)
		return xstrndup(host, sizeof(host) - 1);
	if (!shares)
		return xstrndup(w->id, 12);
	name = owner >= 0 && record_read(owner, &o, &ignored) == 0 ? xstrdup(o.hostname) : xstrndup(r->network_mode + 10, 12);
	record_done(&o);
	return name;
}

static void names_and_dns(const struct engine *en, const struct ctr_want *w, struct ctr_record *r)
{
	const struct service *s = w->s;

	r->hostname = host_name(en, w, r);
	r->domainname = xstrdup(str_starts(r->network_mode, "container:") ? "" : s->domainname);
	for (size_t i = 0; i < s->dns.n; i++)
		strv_add(&r->dns, s->dns.v[i]);
	for (size_t i = 0; i < s->dns_search.n; i++)
		strv_add(&r->dns_search, s->dns_search.v[i]);
	for (size_t i = 0; i < s->dns_opt.n; i++)
		strv_add(&r->dns_opt, s->dns_opt.v[i]);
	for (size_t i = 0; i < s->n_extra_hosts; i++)
		strv_take(&r->extra_hosts, xasprintf("%s=%s", s->extra_hosts[i].host, s->extra_hosts[i].ip));
}

int to_record(struct engine *en, const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	const struct service *s = w->s;
	char hash[65];

	service_hash(s, hash);
	(void)snprintf(r->id, sizeof(r->id), "%s", w->id);
	r->name = xstrdup(w->name);
	r->project = xstrdup(en->o.name);
	r->service = xstrdup(s->name);
	r->number = w->number;
	r->kind = w->kind;
	r->image = xstrdup(w->image_ref);
	r->image_id = xstrdup(w->image->id);
	r->config_hash = xstrdup(hash);
	r->command = display_command(w);
	r->created_ns = sys_now_ns();
	for (size_t i = 0; i < w->image->layers.n; i++)
		strv_add(&r->layers, w->image->layers.v[i]);
	r->upper = xstrdup("");
	r->work = xstrdup("");
	r->tty = s->tty;
	r->stdin_open = s->stdin_open;
	r->auto_remove = w->oneoff && w->oneoff->auto_remove;
	labels(en, w, r);
	networks(en, w, r);
	ports(en, w, r);
	exposed(w, r);
	health(w, r);
	hooks(s, "post_start", s->post_start, s->n_post_start, &r->post_start.v, &r->post_start.n);
	hooks(s, "pre_stop", s->pre_stop, s->n_pre_stop, &r->pre_stop.v, &r->pre_stop.n);
	if (namespace_mode(en, s, "network_mode", s->network_mode, &r->network_mode, e) < 0 ||
	    namespace_mode(en, s, "pid", s->pid, &r->pid_mode, e) < 0 || namespace_mode(en, s, "ipc", s->ipc, &r->ipc_mode, e) < 0 ||
	    namespace_mode(en, s, "uts", s->uts, &r->uts_mode, e) < 0)
		return -1;
	names_and_dns(en, w, r);
	if (links(en, w, r, e) < 0)
		return -1;
	if (stop_and_restart(w, r, e) < 0 || cgroup_parent(w, r, e) < 0)
		return -1;
	return to_logging(w, r, e);
}
