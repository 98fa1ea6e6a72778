/* SPDX-License-Identifier: Apache-2.0 */
/* unsupported.c - what a model asks for that this program does not carry out: told before anything is begun. */
#include "compose/base/str.h"
#include "parser/load.h"
#include "parser/logging.h"
#include "parser/model.h"
#include "parser/netopts.h"
#include "parser/schema.h"
#include "parser/value.h"

static bool wanted(const char *const *names, const char *name)
{
	if (!names || !*names)
		return true;
	for (; *names; names++)
		if (str_eq(*names, name))
			return true;
	return false;
}

struct refuse {
	struct errs *errs;
	struct warns *warns;
	const char *path;
	int bad;
};

static void refuse(struct refuse *r, struct srcpos pos, const char *key, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static void refuse(struct refuse *r, struct srcpos pos, const char *key, const char *hint, const char *fmt, ...)
{
	auto_free char *path = key ? xasprintf("%s.%s", r->path, key) : xstrdup(r->path), *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	r->bad = errs_model(r->errs, pos, path, hint, "%s", text);
}

/* The values of a key that are carried out, space separated; others are not (yet). */
struct values {
	const char *path, *taken;
};
static const struct values service_takes[] = {
	{"userns_mode", "host"},
	{"isolation", "default"},
};
static const struct values network_takes[] = {
	{"driver", "bridge"}, {"ipam.driver", "default"}};
static const struct values volume_takes[] = {{"driver", "local"}};

static bool has_word(const char *words, const char *text)
{
	size_t n = strlen(text);

	for (const char *w = words; *w; w += strcspn(w, " "), w += *w == ' ')
		if (strncmp(w, text, n) == 0 && (w[n] == ' ' || !w[n]))
			return true;
	return false;
}

static void takes(struct refuse *r, const struct node *map, const struct values *v, size_t n)
{
	for (; n; n--, v++) {
		const struct node *val = node_path(map, v->path);
		const char *text = node_text(val);
		if (text && *text && !has_word(v->taken, text)) {
			auto_free char *hint = xasprintf("supported: %s", v->taken);
			refuse(r, val->pos, v->path, hint, "`%s: %s` is not supported yet", v->path, text);
		}
	}
}

/* ---- services ---- */

/* Whose namespace: a word, or another service or container. */
static const struct values spaces[] = {
	{"network_mode", "none host bridge"}, {"pid", "host"}, {"ipc", "host private shareable none"}, {"uts", "host"},
};

static void namespaces(struct refuse *r, const struct service *s)
{
	for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
		const struct node *n = node_get(s->tree, spaces[i].path);
		const char *text = node_text(n);
		if (!text || !*text || has_word(spaces[i].taken, text) || str_starts(text, "service:") ||
		    str_starts(text, "container:"))
			continue;
		auto_free char *hint = xasprintf("supported: %s service:NAME%s", spaces[i].taken,
						 i ? "" : "; leave it out to be on the project's own bridge network");
		refuse(r, n->pos, spaces[i].path, hint, "`%s: %s` is not supported", spaces[i].path, text);
	}
}

/* On the network that all projects share names lead nowhere but by a link, to who is there too. */
static void shared_links(struct refuse *r, const struct project *p, const struct service *s)
{
	for (size_t i = 0; str_eq(s->network_mode, "bridge") && i < s->links.n; i++) {
		const char *l = s->links.v[i];
		auto_free char *name = xstrndup(l, strcspn(l, ":"));
		const struct service *to = project_service(p, name);

		if (to && !str_eq(to->network_mode, "bridge"))
			refuse(r, node_get(s->tree, "links")->pos, "links", "give both `network_mode: bridge`, or neither",
			       "service %s is not on the network of `network_mode: bridge`", name);
	}
}

static void restart(struct refuse *r, const struct service *s)
{
	const struct node *n = node_get(s->tree, "restart");
	const char *text = node_text(n);
	int64_t times;

	if (!text || !*text || has_word("no always unless-stopped on-failure", text))
		return;
	if (str_starts(text, "on-failure:") && value_i64(text + strlen("on-failure:"), &times) && times >= 0)
		return;
	refuse(r, n->pos, "restart", "write no, always, on-failure[:N] or unless-stopped",
	       "\"%s\" is no restart policy", text);
}

/* There is one runtime, ours. It does what those do that other launchers bring; others (another kernel, a hook for a
 * device) would change what the application gets. */
static void runtime(struct refuse *r, const struct service *s)
{
	const struct node *n = node_get(s->tree, "runtime");
	const char *text = node_text(n);

	if (!text || !*text || str_eq(text, "compose"))
		return;
	if (has_word("runc crun io.containerd.runc.v2", text))
		warns_add(r->warns, n->pos, "services.%s.runtime: the built-in runtime is used instead of %s", s->name, text);
	else
		refuse(r, n->pos, "runtime", has_word("nvidia", text) ? "ask for the device: `gpus: all`" :
		       "leave it out: the runtime is built in", "the runtime \"%s\" is not supported", text);
}

static void storage(struct refuse *r, const struct service *s)
{
	int64_t size;

	for (size_t i = 0; i < s->storage_opt.n; i++) {
		const struct pkv *kv = &s->storage_opt.v[i];
		if (!str_eq(kv->key, "size"))
			refuse(r, kv->pos, "storage_opt", "supported: size", "storage_opt has no option \"%s\"", kv->key);
		else if (!kv->val || !value_bytes(kv->val, &size) || size <= 0)
			refuse(r, kv->pos, "storage_opt.size", "write a number with a unit, such as 10g",
			       "\"%s\" is no size", kv->val ? kv->val : "");
	}
}

static void mounts(struct refuse *r, const struct service *s)
{
	const struct node *list = node_get(s->tree, "volumes");

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const struct node *m = list->items[i];
		const char *type = model_text(m, "type"), *recursive = model_text(node_get(m, "bind"), "recursive");
		if (has_word("npipe cluster", type))
			refuse(r, m->pos, "volumes", "use a bind mount or a volume", "a mount of type %s is not for a Linux host alone",
			       type);
		if (str_eq(recursive, "readonly") && !model_flag(m, "read_only", false))
			refuse(r, m->pos, "volumes", "add `read_only: true` to the mount", "`recursive: readonly` needs a mount that is read-only");
	}
}

static void entitlements(struct refuse *r, const struct service *s)
{
	const struct node *list = node_path(s->tree, "build.entitlements");

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		if (!str_eq(node_text(list->items[i]), "network.host"))
			refuse(r, list->items[i]->pos, "build.entitlements", "supported: network.host",
			       "`%s`: a build step never runs without its confinement", node_text(list->items[i]) ? list->items[i]->text : "?");
}

/* It is asked before any container is planned. */
static void provider(struct refuse *r, const struct project *p, const struct service *s)
{
	for (size_t i = 0; s->provider && i < s->n_deps; i++) {
		const struct service *on = project_service(p, s->deps[i].service);

		if (on && !on->provider)
			refuse(r, s->deps[i].pos, "depends_on", "let those who need both depend on both",
			       "a provider's service cannot wait for a container (%s) yet", on->name);
	}
}

static void hook_commands(struct refuse *r, const char *key, const struct hook *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!v[i].command.n)
			refuse(r, v[i].pos, key, "give it a `command:`", "a hook without a command");
}

static void pre_start(struct refuse *r, const struct service *s)
{
	for (size_t i = 0; i < s->n_pre_start; i++)
		if (s->pre_start[i].per_replica)
			refuse(r, s->pre_start[i].pos, "pre_start", "leave it out: a hook runs once, before the first container starts",
			       "`per_replica: true` is not supported yet");
}

static int service_values(const struct project *p, const struct service *s, const char *path, struct errs *errs)
{
	struct refuse r = {errs, &p->load->warns, path, 0};

	if (s->health.start_interval_ns > 0 && s->health.start_period_ns <= 0)
		refuse(&r, s->health.pos, "healthcheck", NULL, "healthcheck.start_interval needs a start_period");
	takes(&r, s->tree, service_takes, ARRAY_LEN(service_takes));
	namespaces(&r, s);
	shared_links(&r, p, s);
	restart(&r, s);
	runtime(&r, s);
	r.bad |= logging_unsupported(s, path, errs, &p->load->warns);
	storage(&r, s);
	mounts(&r, s);
	provider(&r, p, s);
	entitlements(&r, s);
	hook_commands(&r, "post_start", s->post_start, s->n_post_start);
	hook_commands(&r, "pre_stop", s->pre_stop, s->n_pre_stop);
	pre_start(&r, s);
	return r.bad;
}

/* As docker compose has it. */
static void pull_policy(struct project *p, const struct service *s)
{
	if (str_eq(s->pull_policy, "refresh") && s->pull_after_ns < 0)
		warns_add(&p->load->warns, node_get(s->tree, "pull_policy")->pos,
			  "services.%s.pull_policy: refresh means `missing` as long as pull_refresh_after does not say when", s->name);
}

static int one_service(struct project *p, const struct service *s, struct errs *errs)
{
	auto_free char *path = xasprintf("services.%s", s->name);
	int r = schema_unsupported(&schema_service, s->tree, path, errs, &p->load->warns);

	pull_policy(p, s);
	return service_values(p, s, path, errs) < 0 ? -1 : r;
}

/* ---- the rest ---- */

static int section(struct project *p, const char *name, const struct keys *k, const char *key, struct errs *errs)
{
	auto_free char *path = xasprintf("%s.%s", name, key);

	return schema_unsupported(k, node_get(node_get(p->tree, name), key), path, errs, &p->load->warns);
}

static int values_of(const char *name, const char *key, const struct node *tree, const struct values *v, size_t n,
		     struct errs *errs)
{
	auto_free char *path = xasprintf("%s.%s", name, key);
	struct refuse r = {errs, NULL, path, 0};

	takes(&r, tree, v, n);
	return r.bad;
}

static int reserved_name(const struct network *n, struct errs *errs)
{
	auto_free char *path = xasprintf("networks.%s", n->key);

	if (!str_eq(n->name, "bridge"))
		return 0;
	return errs_model(errs, n->pos, path, n->external ? "give the services `network_mode: bridge`" : "give it another name",
			  "\"bridge\" is the network of `network_mode: bridge`%s", n->external ? ", which cannot be named beside others" : "");
}

/* What the local driver takes. spec: docker volume create */
static int driver_opts(const struct volume *v, struct errs *errs)
{
	auto_free char *path = xasprintf("volumes.%s", v->key);
	struct refuse r = { .errs = errs, .path = path };
	bool device = false;

	for (size_t i = 0; i < v->driver_opts.n; i++) {
		const struct pkv *o = &v->driver_opts.v[i];

		device = device || (str_eq(o->key, "device") && o->val && *o->val);
		if (str_eq(o->key, "size"))
			refuse(&r, o->pos, "driver_opts.size", "for a volume in memory: type: tmpfs, device: tmpfs, o: size=SIZE",
			       "a size limit for a directory of the host is not supported");
		else if (!has_word("type o device", o->key))
			refuse(&r, o->pos, "driver_opts", "it takes type, o and device", "\"%s\" is no option of the local driver", o->key);
	}
	if (v->driver_opts.n && !device && !r.bad)
		refuse(&r, v->driver_opts.v[0].pos, "driver_opts", "name what is to be mounted", "`device` is missing");
	return r.bad;
}

static int file_sources(struct project *p, const char *name, const struct keys *k, const struct filesource *v, size_t n,
			struct errs *errs)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		r |= section(p, name, k, v[i].key, errs);
		if (v[i].external)
			r |= errs_model(errs, v[i].pos, name, "name a file or an environment variable",
					"external %s are not supported: there is no store that could hold \"%s\"", name,
					v[i].key);
	}
	return r;
}

/* Service i, and what it depends on. */
static void mark(const struct project *p, size_t i, bool deps, bool *used)
{
	const struct service *s = &p->services[i];

	if (used[i])
		return;
	used[i] = true;
	for (size_t d = 0; deps && d < s->n_deps; d++) {
		const struct service *on = project_service(p, s->deps[d].service);
		if (on)
			mark(p, (size_t)(on - p->services), deps, used);
	}
}

static int services(struct project *p, const char *const *names, bool deps, struct errs *errs)
{
	auto_free bool *used = xcalloc(p->n_services + 1, sizeof(*used));
	int r = 0;

	for (size_t i = 0; i < p->n_services; i++)
		if (wanted(names, p->services[i].name))
			mark(p, i, deps, used);
	for (size_t i = 0; i < p->n_services; i++)
		if (used[i])
			r |= one_service(p, &p->services[i], errs);
	return r;
}

static int builds(struct project *p, const char *const *names, struct errs *errs)
{
	int r = 0;

	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];
		auto_free char *path = xasprintf("services.%s", s->name), *build = xasprintf("%s.build", path);
		struct refuse values = {errs, &p->load->warns, path, 0};

		if (!s->build || !wanted(names, s->name))
			continue;
		entitlements(&values, s);
		r |= schema_unsupported(&schema_build, node_get(s->tree, "build"), build, errs, &p->load->warns) | values.bad;
	}
	return r ? -1 : 0;
}

int project_unsupported(struct project *p, const char *const *names, enum use use, struct errs *errs)
{
	int r;

	if (!p->load)
		return 0;
	if (use == USE_BUILD)
		return builds(p, names, errs);
	r = services(p, names, use == USE_DEPS, errs);
	for (size_t i = 0; i < p->n_networks; i++) {
		auto_free char *path = xasprintf("networks.%s", p->networks[i].key);

		r |= section(p, "networks", &schema_network, p->networks[i].key, errs);
		r |= reserved_name(&p->networks[i], errs);
		r |= netopts_unsupported(&p->networks[i], path, errs, &p->load->warns);
		r |= values_of("networks", p->networks[i].key, p->networks[i].tree, network_takes,
			       ARRAY_LEN(network_takes), errs);
	}
	for (size_t i = 0; i < p->n_volumes; i++) {
		r |= section(p, "volumes", &schema_volume, p->volumes[i].key, errs);
		r |= driver_opts(&p->volumes[i], errs);
		r |= values_of("volumes", p->volumes[i].key, p->volumes[i].tree, volume_takes, ARRAY_LEN(volume_takes),
			       errs);
	}
	r |= file_sources(p, "secrets", &schema_secret, p->secrets, p->n_secrets, errs);
	r |= file_sources(p, "configs", &schema_config, p->configs, p->n_configs, errs);
	return r ? -1 : 0;
}
