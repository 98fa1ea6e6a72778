/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/observe.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include "compose/base/coll.h"
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/image/image.h"
#include "compose/state/lock.h"
#include "compose/state/record.h"
#include "compose/supervisor/client.h"
#include "graph/hash.h"

enum { CONFIG_MAX_BYTES = 4 << 20 };

struct walk {
	struct observed *o;
	struct map hashes;           /* service -> its hash today, in the arena */
	const struct paths *paths;
	bool alive;
	size_t cap;
};

char *image_name_of(const struct project *p, const struct service *s)
{
	return *s->image ? xstrdup(s->image) : xasprintf("%s%c%s", p->name, project_sep(p), s->name);
}

static const char *const *names(struct arena *a, char *const *v, size_t n)
{
	const char **w = arena_alloc(a, (n + 1) * sizeof(*w));

	for (size_t i = 0; i < n; i++)
		w[i] = arena_strdup(a, v[i]);
	return w;
}

static void add_mounted(struct arena *a, const struct ctr_record *r, struct observed_ctr *c)
{
	struct observed_ref *v = arena_alloc(a, (r->mount_images.n + 1) * sizeof(*v));

	for (size_t i = 0; i < r->mount_images.n; i++)
		v[i] = (struct observed_ref){ arena_strdup(a, r->mount_images.v[i].key), arena_strdup(a, r->mount_images.v[i].val), -1 };
	c->mounted = v;
	c->n_mounted = r->mount_images.n;
}

static bool runs(enum ctr_state s)
{
	return s == CTR_RUNNING || s == CTR_PAUSED || s == CTR_RESTARTING;
}

/* Which life of container id was joined. ret: its process's start, 0 when that is not known */
static uint64_t joined_start(const struct ctr_status *s, const char *id)
{
	size_t n = strlen(id);
	uint64_t v;

	for (size_t i = 0; i < s->joined.n; i++)
		if (strncmp(s->joined.v[i], id, n) == 0 && s->joined.v[i][n] == ' ' && str_to_u64(s->joined.v[i] + n + 1, &v))
			return v;
	return 0;
}

/* c was made to share namespaces of container id: is that one there, and in the life that was joined? */
static void look_at_share(const struct walk *w, struct observed_ctr *c, const struct ctr_status *s, const char *id)
{
	auto_free char *project = NULL;
	auto_close int dir = record_find(w->paths, id, &project);
	uint64_t start = joined_start(s, id);
	auto_err struct err ignored = {0};
	struct ctr_record r = {0};
	struct ctr_status now = {0};

	if (dir < 0)
		c->share_gone = true;
	else if (runs(c->state) && start && status_read(dir, &now, &ignored) == 0 && runs(now.state) && now.pid_start &&
		 now.pid_start != start && record_read(dir, &r, &ignored) == 0)
		c->share_newer = arena_strdup(&w->o->arena, r.name);
	record_done(&r);
	status_done(&now);
}

static void look_at_shares(const struct walk *w, struct observed_ctr *c, const struct ctr_record *r, const struct ctr_status *s)
{
	const char *const modes[] = { r->network_mode, r->pid_mode, r->ipc_mode, r->uts_mode };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (modes[i] && str_starts(modes[i], "container:"))
			look_at_share(w, c, s, modes[i] + strlen("container:"));
}

static int add_ctr(void *arg, int dir, struct ctr_record *r, struct ctr_status *s)
{
	struct walk *w = arg;
	struct arena *a = &w->o->arena;
	const char *hash = map_get(&w->hashes, r->service);
	struct observed_ctr *c;
	struct strv nets = {0}, vols = {0};

	if (w->o->n_ctrs == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 16;
		w->o->ctrs = xrealloc(w->o->ctrs, w->cap * sizeof(*w->o->ctrs));
	}
	c = &w->o->ctrs[w->o->n_ctrs++];
	*c = (struct observed_ctr){
		.id = arena_strdup(a, r->id), .name = arena_strdup(a, r->name), .service = arena_strdup(a, r->service),
		.number = r->number, .oneoff = r->kind != KIND_SERVICE, .hook = r->kind == KIND_HOOK, .config_hash = arena_strdup(a, r->config_hash),
		.image_id = arena_strdup(a, r->image_id), .state = s->state, .health = s->health,
		.has_healthcheck = r->health.set, .hooks = s->hook, .exit_code = s->exit_code,
	};
	add_mounted(a, r, c);
	if (!w->alive && runs(c->state)) {
		c->state = CTR_EXITED;
		c->health = HEALTH_NONE;
	}
	look_at_shares(w, c, r, s);
	for (size_t i = 0; i < r->nets.n; i++)
		strv_add(&nets, r->nets.v[i].network);
	c->networks = names(a, nets.v, nets.n);
	c->n_networks = nets.n;
	strv_done(&nets);
	for (size_t i = 0; i < r->volumes.n; i++)
		strv_add(&vols, r->volumes.v[i]);
	for (size_t i = 0; i < r->anon_volumes.n; i++)
		strv_add(&vols, r->anon_volumes.v[i]);
	c->volumes = names(a, vols.v, vols.n);
	c->n_volumes = vols.n;
	strv_done(&vols);
	if (hash && !c->oneoff && !str_eq(hash, c->config_hash)) {
		auto_err struct err e = {0};
		auto_free char *text = NULL;

		if (fs_read(dir, "service.json", CONFIG_MAX_BYTES, &text, NULL, &e) == 0)
			c->config = arena_strdup(a, text);
	}
	return 0;
}

static int by_service(const void *x, const void *y)
{
	const struct observed_ctr *a = x, *b = y;
	int c = strcmp(a->service, b->service);

	if (c)
		return c;
	if (a->oneoff != b->oneoff)
		return a->oneoff - b->oneoff;
	return a->number < b->number ? -1 : a->number > b->number;
}

static void add_hashes(struct walk *w, const struct project *p)
{
	for (size_t i = 0; i < p->n_services; i++) {
		char *h = arena_alloc(&w->o->arena, 65);

		service_hash(&p->services[i], h);
		map_set(&w->hashes, p->services[i].name, h);
	}
}

static int observe_ctrs(struct walk *w, const struct paths *paths, const char *name, struct err *e)
{
	struct observed_ctr *heap;

	w->paths = paths;
	w->alive = lock_is_alive(paths, name);
	if (record_each(paths, name, add_ctr, w, e) < 0)
		return -1;
	if (!w->o->n_ctrs)
		return 0;
	qsort(w->o->ctrs, w->o->n_ctrs, sizeof(*w->o->ctrs), by_service);
	heap = w->o->ctrs;
	w->o->ctrs = arena_alloc(&w->o->arena, w->o->n_ctrs * sizeof(*heap));
	memcpy(w->o->ctrs, heap, w->o->n_ctrs * sizeof(*heap));
	free(heap);
	return 0;
}

static const struct network *named_net(const struct project *p, const char *name)
{
	for (size_t i = 0; p && i < p->n_networks; i++)
		if (str_eq(p->networks[i].name, name))
			return &p->networks[i];
	return NULL;
}

static const struct volume *named_vol(const struct project *p, const char *name)
{
	for (size_t i = 0; p && i < p->n_volumes; i++)
		if (str_eq(p->volumes[i].name, name))
			return &p->volumes[i];
	return NULL;
}

/* Names in ROOT/rel, without the suffix. Absent directory: none. */
static void list_dir(const struct paths *paths, const char *rel, const char *suffix, struct strv *out)
{
	int fd = openat(paths->root_fd, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (de->d_name[0] != '.' && str_ends(de->d_name, suffix))
			strv_take(out, xstrndup(de->d_name, strlen(de->d_name) - strlen(suffix)));
	if (d)
		closedir(d);
}

/* Containers of other projects on a network, or with a volume. */
struct users { const struct paths *paths; struct arena *arena; const char *name, *project; bool volume; struct observed_users *out; };

static bool is_on(const struct ctr_record *r, const char *name, bool volume)
{
	for (size_t i = 0; !volume && i < r->nets.n; i++)
		if (str_eq(r->nets.v[i].network, name))
			return true;
	return volume && strv_has(&r->volumes, name);
}

static int add_user(void *arg, int dir, struct ctr_record *r, struct ctr_status *s)
{
	const struct users *u = arg;
	struct observed_user *v;

	(void)dir;
	if (str_eq(r->project, u->project) || !is_on(r, u->name, u->volume))
		return 0;
	v = arena_alloc(u->arena, (u->out->n + 1) * sizeof(*v));
	if (u->out->n)
		memcpy(v, u->out->v, u->out->n * sizeof(*v));
	v[u->out->n++] = (struct observed_user){ arena_strdup(u->arena, r->name), arena_strdup(u->arena, r->service),
		arena_strdup(u->arena, r->project), runs(s->state) && lock_is_alive(u->paths, r->project) };
	u->out->v = v;
	return 0;
}

static int observe_nets(struct observed *o, const struct paths *paths, const struct project *p, const char *name, struct err *e)
{
	auto_strv struct strv found = {0};

	list_dir(paths, "networks", ".json", &found);
	o->nets = arena_alloc(&o->arena, (found.n + 1) * sizeof(*o->nets));
	for (size_t i = 0; i < found.n; i++) {
		struct net_record r = {0};
		int got = net_record_read(paths, found.v[i], &r, e);
		const struct network *n = got == 0 ? named_net(p, r.name) : NULL;
		struct observed_net *out = &o->nets[o->n_nets];
		char hash[65];

		if (got < 0)
			return err_wrap(e, "look at network %s", found.v[i]);
		if (got == 0 && (str_eq(r.project, name) || n)) {
			o->n_nets++;
			*out = (struct observed_net){ .name = arena_strdup(&o->arena, r.name), .key = arena_strdup(&o->arena, r.key),
				.hash = arena_strdup(&o->arena, r.hash), .ours = str_eq(r.project, name) };
		}
		if (n && str_eq(r.project, name) && (network_hash(n, hash), !str_eq(r.hash, hash))) {
			out->config = *r.config ? arena_strdup(&o->arena, r.config) : NULL;
			(void)record_each(paths, NULL, add_user, &(struct users){ paths, &o->arena, out->name, name, false, &out->users }, NULL);
		}
		net_record_done(&r);
	}
	return 0;
}

static int observe_vols(struct observed *o, const struct paths *paths, const struct project *p, const char *name, struct err *e)
{
	auto_strv struct strv found = {0};

	list_dir(paths, "volumes", "", &found);
	o->vols = arena_alloc(&o->arena, (found.n + 1) * sizeof(*o->vols));
	for (size_t i = 0; i < found.n; i++) {
		struct vol_record r = {0};
		int got = vol_record_read(paths, found.v[i], &r, e);
		const struct volume *v = got == 0 ? named_vol(p, r.name) : NULL;
		struct observed_vol *out = &o->vols[o->n_vols];
		char hash[65];

		if (got < 0)
			return err_wrap(e, "look at volume %s", found.v[i]);
		if (got == 0 && (str_eq(r.project, name) || v)) {
			o->n_vols++;
			*out = (struct observed_vol){ .name = arena_strdup(&o->arena, r.name), .key = arena_strdup(&o->arena, r.key),
				.hash = arena_strdup(&o->arena, r.hash), .ours = str_eq(r.project, name), .anonymous = r.anonymous };
		}
		if (v && str_eq(r.project, name) && (volume_hash(v, hash), !str_eq(r.hash, hash))) {
			out->config = *r.config ? arena_strdup(&o->arena, r.config) : NULL;
			(void)record_each(paths, NULL, add_user, &(struct users){ paths, &o->arena, out->name, name, true, &out->users }, NULL);
		}
		vol_record_done(&r);
	}
	return 0;
}

static int64_t age_s(const struct image *img)
{
	int64_t age = time(NULL) - img->tagged_s;

	return img->tagged_s && age >= 0 ? age : -1;        /* a time to come is a clock that was wrong */
}

/* in: seen: reference and platform -> what is there, of those looked up so far: services often share an image.
 * ret: in the arena; its image_id is "" when it is not in the store for that platform; NULL with e */
static const struct observed_ref *look_up(struct observed *o, struct store *store, struct map *seen, const char *ref,
					  const struct service *s, struct err *e)
{
	auto_free char *key = s->build ? xstrdup(ref) : xasprintf("%s %s", ref, s->platform);   /* what is built is this machine's */
	struct observed_ref *r = map_get(seen, key);
	auto_image struct image *img = NULL;

	if (r)
		return r;
	if (image_open(store, ref, &img, e) < 0) {
		auto_free char *at = xasprintf("services.%s.image", s->name);

		if (e->kind == ERR_USAGE)         /* a name that is none */
			e->kind = ERR_MODEL;
		err_at(e, service_pos(s, "image"), at);
		err_wrap(e, "look up image %s", ref);
		return NULL;
	}
	r = arena_new(&o->arena, struct observed_ref);
	*r = (struct observed_ref){ arena_strdup(&o->arena, ref), "", -1 };
	if (img && (s->build || image_fits(img, s->platform))) {
		r->image_id = arena_strdup(&o->arena, img->id);
		r->age_s = age_s(img);
	}
	map_set(seen, key, r);
	return r;
}

static int observe_refs(struct observed *o, const struct service *s, struct store *store, struct map *seen, struct err *e)
{
	const struct observed_ref *r;
	const char *ref;

	for (size_t i = 0; (ref = service_other_image(s, i)); i++) {
		struct observed_ref *v = arena_alloc(&o->arena, (o->n_refs + 1) * sizeof(*v));

		r = look_up(o, store, seen, ref, s, e);
		if (!r)
			return -1;
		if (o->n_refs)
			memcpy(v, o->refs, o->n_refs * sizeof(*v));
		v[o->n_refs++] = *r;
		o->refs = v;
	}
	return 0;
}

static int observe_images(struct observed *o, const struct project *p, struct store *store, struct err *e)
{
	auto_map struct map seen = {0};

	o->images = arena_alloc(&o->arena, (p->n_services + 1) * sizeof(*o->images));
	for (size_t i = 0; i < p->n_services; i++) {
		auto_free char *ref = image_name_of(p, &p->services[i]);
		const struct observed_ref *r = look_up(o, store, &seen, ref, &p->services[i], e);

		if (!r || observe_refs(o, &p->services[i], store, &seen, e) < 0)
			return -1;
		o->images[o->n_images++] = (struct observed_image){ p->services[i].name, r->image_id, r->age_s };
	}
	return 0;
}

static bool names_it(const json_t *list, const char *id)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (str_eq(json_string_value(v), id))
			return true;
	return false;
}

/* ret: who is on his way, as the supervisor's `busy` tells; NULL where nobody can be asked */
static json_t *ask_busy(const struct paths *paths, const char *name)
{
	auto_err struct err ignored = {0};
	auto_sup struct sup *s = NULL;
	json_t *reply = NULL;

	if (lock_is_alive(paths, name) && sup_open(&s, paths, name, false, &ignored) == 0)
		(void)!sup_call(s, "busy", NULL, NULL, 0, &reply, &ignored);
	return reply;
}

static void note_busy(struct observed *o, const json_t *busy)
{
	for (size_t i = 0; i < o->n_ctrs; i++) {
		o->ctrs[i].starting = names_it(json_object_get(busy, "starting"), o->ctrs[i].id);
		o->ctrs[i].stopping = names_it(json_object_get(busy, "stopping"), o->ctrs[i].id);
	}
}

int observe(struct observed **ret, const struct paths *paths, const struct project *project, const char *name,
	    struct store *store, bool ask, struct err *e)
{
	auto_json json_t *busy = ask ? ask_busy(paths, name) : NULL;
	struct observed *o = xcalloc(1, sizeof(*o));
	struct walk w = { .o = o };
	int r;

	if (project && store)
		add_hashes(&w, project);
	r = observe_ctrs(&w, paths, name, e);
	map_done(&w.hashes);
	if (r < 0 || observe_nets(o, paths, project, name, e) < 0 || observe_vols(o, paths, project, name, e) < 0 ||
	    (project && store && observe_images(o, project, store, e) < 0)) {
		observed_free(o);
		return err_wrap(e, "look at what exists of project %s", name);
	}
	note_busy(o, busy);
	*ret = o;
	return 0;
}

