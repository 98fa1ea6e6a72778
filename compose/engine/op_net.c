/* SPDX-License-Identifier: Apache-2.0 */
/* op_net.c - operations on networks and volumes: their records on disk, and the supervisor's half. */
#include <errno.h>
#include <fcntl.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/engine/engine_priv.h"
#include "compose/state/vol_use.h"
#include "graph/hash.h"

enum { NET_ID_LEN = 12 };

static void put_kv(struct rec_kv **v, size_t *n, const char *key, const char *val)
{
	*v = xrealloc(*v, (*n + 1) * sizeof(**v));
	(*v)[(*n)++] = (struct rec_kv){ xstrdup(key), xstrdup(val ? val : "") };
}

#define PUT_KV(vec, key, val) do { \
	put_kv(&(vec)->v, &(vec)->n, key, val); \
	(vec)->cap = (vec)->n; \
} while (0)

/* j is consumed. ret: caller frees; "" where there is no configuration */
static char *config_text(json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	json_decref(j);
	return text ? text : xstrdup("");
}

static int check_driver(const struct network *n, struct err *e)
{
	if (!*n->driver || str_eq(n->driver, "bridge"))
		return 0;
	err_set(e, ERR_MODEL, 0, "network %s: driver \"%s\" is not supported", n->name, n->driver);
	err_at(e, n->pos, n->key);
	return err_hint(e, "use bridge, the default");
}

static void net_labels(const struct engine *en, const struct network *n, struct net_record *r)
{
	for (size_t i = 0; i < n->labels.n; i++)
		PUT_KV(&r->labels, n->labels.v[i].key, n->labels.v[i].val);
	PUT_KV(&r->labels, "com.docker.compose.project", en->o.name);
	PUT_KV(&r->labels, "com.docker.compose.network", n->key);
	PUT_KV(&r->labels, "com.docker.compose.config-hash", r->hash);
	PUT_KV(&r->labels, "com.docker.compose.version", COMPOSE_VERSION);
}

/* The file's address pools, one of each kind at most (parser/check_net.c). */
static void take_pools(const struct network *n, struct net_record *r)
{
	static const struct ipam_pool none = { .subnet = "", .gateway = "", .ip_range = "" };
	const struct ipam_pool *four = &none, *six = &none;

	for (size_t i = 0; i < n->n_pools; i++) {
		const struct ipam_pool *p = &n->pools[i];

		*(strchr(*p->subnet ? p->subnet : p->gateway, ':') ? &six : &four) = p;
		for (size_t k = 0; k < p->aux.n; k++)
			strv_add(&r->reserved, p->aux.v[k].val);
	}
	r->subnet = xstrdup(four->subnet);
	r->gateway = xstrdup(four->gateway);
	r->ip_range = xstrdup(four->ip_range);
	r->subnet6 = xstrdup(six->subnet);
	r->gateway6 = xstrdup(six->gateway);
	r->ip_range6 = xstrdup(six->ip_range);
}

static void net_record_of(const struct engine *en, const struct network *n, struct net_record *r)
{
	char id[ID_SIZE], hash[65];

	record_new_id(id);
	id[NET_ID_LEN] = '\0';
	network_hash(n, hash);
	*r = (struct net_record){ .name = xstrdup(n->name), .key = xstrdup(n->key), .project = xstrdup(en->o.name), .hash = xstrdup(hash),
		.config = config_text(network_config(n)), .id = xstrdup(id), .internal = n->internal, .no_ipv4 = n->no_ipv4,
		.ipv6 = n->enable_ipv6, .no_icc = n->no_icc, .mtu = n->mtu, .created_ns = sys_now_ns() };
	take_pools(n, r);
	net_labels(en, n, r);
}

int op_net_create(struct engine *en, struct op *op, struct err *e)
{
	struct net_record r;
	int ret;

	if (check_driver(op->network, e) < 0)
		return -1;
	net_record_of(en, op->network, &r);
	ret = net_record_write(en->o.paths, &r, e);
	net_record_done(&r);
	if (ret < 0)
		return -1;
	return ask(en, op, "net_create", json_pack("{s:s}", "network", op->object), e);
}

int op_net_remove(struct engine *en, struct op *op, struct err *e)
{
	return ask(en, op, "net_remove", json_pack("{s:s}", "network", op->object), e);
}

/* What was stopped for op runs again. What cannot is told. */
static void start_again(struct engine *en, const struct op *op, struct sup *sup)
{
	for (size_t i = 0; i < op->n_after; i++) {
		const struct op *stop = op->after[i];
		auto_err struct err e = {0};

		if (stop->kind == OP_CTR_STOP && sup_call(sup, "start", json_pack("{s:s}", "ctr", stop->ctr->id), NULL, 0, NULL, &e) < 0)
			engine_warn(en, "container %s stays stopped: %s", stop->object, e.frame[0]);
	}
}

/* Everything that was on it has been stopped. When the new one cannot be made the old one comes back, and all on it. */
static int remake(struct engine *en, const struct op *op, struct sup *sup, const struct net_record *was, const struct net_record *is,
		  struct err *e)
{
	auto_err struct err again = {0};

	if (sup_call(sup, "net_remove", json_pack("{s:s}", "network", was->name), NULL, 0, NULL, e) < 0)
		return -1;
	if (net_record_write(en->o.paths, is, e) == 0 &&
	    sup_call(sup, "net_create", json_pack("{s:s}", "network", is->name), NULL, 0, NULL, e) == 0)
		return 0;
	if (net_record_write(en->o.paths, was, &again) < 0 ||
	    sup_call(sup, "net_create", json_pack("{s:s}", "network", was->name), NULL, 0, NULL, &again) < 0)
		return err_wrap(e, "and the old one cannot be brought back: %s", again.frame[0]);
	start_again(en, op, sup);
	return e->hint ? -1 : err_hint(e, "the network and the containers on it are as they were: correct the file");
}

static int remake_job(struct engine *en, struct op *op, struct err *e)
{
	auto_sup struct sup *sup = NULL;
	struct net_record was = {0}, is = {0};
	int ret;

	if (sup_open(&sup, en->o.paths, en->o.name, true, e) < 0)
		return -1;
	ret = net_record_read(en->o.paths, op->object, &was, e);
	if (ret == 1)
		ret = err_set(e, ERR_MISSING, 0, "network %s is gone", op->object);
	net_record_of(en, op->network, &is);
	if (ret == 0)
		ret = remake(en, op, sup, &was, &is, e);
	net_record_done(&was);
	net_record_done(&is);
	return ret;
}

int op_net_remake(struct engine *en, struct op *op, struct err *e)
{
	return check_driver(op->network, e) < 0 ? -1 : job_start(en, op, remake_job, e);
}

/* Nothing but its labels differs: the rest of the record comes out the same. */
int op_net_update(struct engine *en, struct op *op, struct err *e)
{
	struct net_record is, was = {0};
	int ret = net_record_read(en->o.paths, op->object, &was, e);

	if (ret == 1)
		ret = err_set(e, ERR_MISSING, 0, "network %s is gone", op->object);
	net_record_of(en, op->network, &is);
	if (ret == 0) {
		free(is.id);
		is.id = xstrdup(was.id);
		is.created_ns = was.created_ns;
		ret = net_record_write(en->o.paths, &is, e);
	}
	net_record_done(&is);
	net_record_done(&was);
	return ret;
}

/* RUN steps of all builds of one command share a network of their own, so that a build needs nothing of the application's. */
int build_network(struct engine *en, struct sup *sup, char **ret_name, struct err *e)
{
	auto_free char *name = xasprintf("%s_build", en->o.name);
	const struct network n = { .key = "build", .name = name, .driver = "" };
	struct net_record r;
	int ret = 0;

	(void)pthread_mutex_lock(&en->mutex);
	if (!en->build_net) {
		net_record_of(en, &n, &r);
		ret = net_record_write(en->o.paths, &r, e);
		net_record_done(&r);
		if (ret == 0)
			ret = sup_call(sup, "net_create", json_pack("{s:s}", "network", name), NULL, 0, NULL, e);
		en->build_net = ret == 0;
	}
	(void)pthread_mutex_unlock(&en->mutex);
	if (ret == 0)
		*ret_name = take_ptr(name);
	return ret;
}

void build_network_remove(struct engine *en)
{
	auto_free char *name = NULL;
	auto_err struct err e = {0};
	struct sup *sup;

	if (!en->build_net)
		return;
	en->build_net = false;
	name = xasprintf("%s_build", en->o.name);
	if (engine_sup(en, &sup, &e) < 0 || sup_call(sup, "net_remove", json_pack("{s:s}", "network", name), NULL, 0, NULL, &e) < 0 ||
	    net_record_remove(en->o.paths, name, &e) < 0)
		engine_warn(en, "network %s of the build stays: %s", name, e.frame[0]);
}

static void vol_labels(const struct engine *en, const struct volume *v, struct vol_record *r)
{
	for (size_t i = 0; i < v->labels.n; i++)
		PUT_KV(&r->labels, v->labels.v[i].key, v->labels.v[i].val);
	PUT_KV(&r->labels, "com.docker.compose.project", en->o.name);
	PUT_KV(&r->labels, "com.docker.compose.volume", r->key);
	if (*r->hash)
		PUT_KV(&r->labels, "com.docker.compose.config-hash", r->hash);
	PUT_KV(&r->labels, "com.docker.compose.version", COMPOSE_VERSION);
}

static void vol_record_of(const struct engine *en, const char *name, const struct volume *v, struct vol_record *r)
{
	char hash[65] = "";

	if (v->key)
		volume_hash(v, hash);
	*r = (struct vol_record){ .name = xstrdup(name), .key = xstrdup(v->key ? v->key : ""), .project = xstrdup(en->o.name),
		.hash = xstrdup(hash), .config = v->key ? config_text(volume_config(v)) : xstrdup(""), .anonymous = !v->key,
		.created_ns = sys_now_ns() };
	for (size_t i = 0; i < v->driver_opts.n; i++)
		PUT_KV(&r->driver_opts, v->driver_opts.v[i].key, v->driver_opts.v[i].val);
	vol_labels(en, v, r);
}

int volume_make(struct engine *en, const char *name, const struct volume *v, struct err *e)
{
	auto_free char *data = xasprintf("volumes/%s/_data", name);
	auto_close int fd = paths_dir(en->o.paths->root_fd, data, true);
	struct vol_record r;
	int ret;

	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "make the directory of volume %s", name);
	if (fchmodat(en->o.paths->root_fd, data, 0755, 0) < 0)
		return err_set(e, ERR_SYS, errno, "set the mode of volume %s", name);
	vol_record_of(en, name, v, &r);
	ret = vol_record_write(en->o.paths, &r, e);
	vol_record_done(&r);
	return ret;
}

int op_vol_create(struct engine *en, struct op *op, struct err *e)
{
	const struct volume *v = op->volume;

	if (*v->driver && !str_eq(v->driver, "local")) {
		err_set(e, ERR_MODEL, 0, "volume %s: driver \"%s\" is not supported", v->name, v->driver);
		err_at(e, v->pos, v->key);
		return err_hint(e, "use local, the default");
	}
	return volume_make(en, v->name, v, e);
}

int op_vol_update(struct engine *en, struct op *op, struct err *e)
{
	struct vol_record is, was = {0};
	int ret = vol_record_read(en->o.paths, op->object, &was, e);

	if (ret == 1)
		ret = err_set(e, ERR_MISSING, 0, "volume %s is gone", op->object);
	vol_record_of(en, op->object, op->volume, &is);
	is.created_ns = was.created_ns;
	if (ret == 0)
		ret = vol_record_write(en->o.paths, &is, e);
	vol_record_done(&is);
	vol_record_done(&was);
	return ret;
}

int op_vol_remake(struct engine *en, struct op *op, struct err *e)
{
	return op_vol_remove(en, op, e) < 0 ? -1 : op_vol_create(en, op, e);
}

int op_vol_remove(struct engine *en, struct op *op, struct err *e)
{
	if (vol_unmount(en->o.paths, op->object, e) < 0)
		return -1;
	return vol_record_remove(en->o.paths, op->object, e);
}
