/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/dns_zone.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/net/lease.h"

/* A directory's time moves in steps of a clock tick; what changes twice within one shows once. A time so close to the
 * moment of reading is therefore not believed. */
enum { LEASE_MAX = 65536, TICK_NS = 20000000 };

/* One lease as it was read; inode and time tell whether the file is still the one. */
struct entry { struct ip6 addr; ino_t ino; struct timespec changed; char *container; struct strv names; bool seen; };

struct dns_source {
	const struct net_ctx *ctx;
	char            *id;
	int              dir;
	struct timespec  mtime;
	bool             settled;        /* mtime can be believed */
	VEC(struct entry) entries;
	struct dns_net   net;
};

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static char *lower(const char *s)
{
	char *copy = xstrdup(s);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static void clear_tables(struct dns_net *n)
{
	for (size_t i = 0; i < n->names.n; i++) {
		struct dns_addrs *a = n->names.e[i].val;

		vec_done(&a->a);
		vec_done(&a->six);
		free(a);
	}
	map_done(&n->names);
	n->names = (struct map){ 0 };
	n->hosts.n = n->hosts6.n = 0;    /* the names in them are the entries' */
}

static void entry_done(struct entry *x)
{
	free(x->container);
	strv_done(&x->names);
}

static int open_net(struct dns_source *s, struct err *e)
{
	auto_rec struct net_rec r = { 0 };
	auto_close int dir = net_dir(s->ctx, s->id, e);

	if (dir < 0 || net_rec_read(dir, s->id, &r, e) < 0)
		return -1;
	if (s->dir >= 0)
		close(s->dir);
	s->dir = take_fd(dir);
	s->settled = false;
	free(s->net.name);
	s->net.name = lower(r.info.name);
	s->net.base = r.ipam.subnet.base;
	s->net.mask = cidr_mask(r.ipam.subnet.len);
	s->net.six = r.six.subnet;
	return 0;
}

int dns_source_new(struct dns_source **ret, const struct net_ctx *c, const char *network_id, struct err *e)
{
	struct dns_source *s = xcalloc(1, sizeof(*s));

	s->ctx = c;
	s->id = xstrdup(network_id);
	s->dir = -1;
	if (open_net(s, e) < 0) {
		dns_source_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void dns_source_free(struct dns_source *s)
{
	if (!s)
		return;
	clear_tables(&s->net);
	vec_done(&s->net.hosts);
	vec_done(&s->net.hosts6);
	for (size_t i = 0; i < s->entries.n; i++)
		entry_done(&s->entries.v[i]);
	vec_done(&s->entries);
	free(s->net.name);
	free(s->id);
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}

static void add_name(struct strv *names, const char *name)
{
	char *low;

	if (!name || !*name)
		return;
	low = lower(name);
	if (strv_has(names, low))
		free(low);
	else
		strv_take(names, low);
}

static void read_lease(struct entry *x, const json_t *j)
{
	auto_strv struct strv aliases = { 0 };
	char short_id[13];

	x->container = lower(json_str(j, "container", ""));
	(void)snprintf(short_id, sizeof(short_id), "%.12s", json_str(j, "container_id", ""));
	json_strv(j, "aliases", &aliases);
	add_name(&x->names, x->container);
	add_name(&x->names, json_str(j, "service", NULL));
	add_name(&x->names, short_id);
	for (size_t i = 0; i < aliases.n; i++)
		add_name(&x->names, aliases.v[i]);
}

static struct entry *find_entry(struct dns_source *s, struct ip6 addr)
{
	size_t lo = 0, hi = s->entries.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int order = memcmp(s->entries.v[mid].addr.b, addr.b, sizeof(addr.b));

		if (!order)
			return &s->entries.v[mid];
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* in: fresh collects those that were not known; the known ones are marked as seen. */
static void take_file(struct dns_source *s, const char *name, struct entry **fresh, size_t *n, size_t *cap)
{
	auto_err struct err ignored = { 0 };     /* gone since, or broken: no names then */
	auto_json json_t *j = NULL;
	struct entry x = { .seen = true }, *old;
	struct stat st;

	if (!lease_addr(name, &x.addr) || fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	old = find_entry(s, x.addr);
	if (old && old->ino == st.st_ino && same_time(old->changed, st.st_ctim)) {
		old->seen = true;
		return;
	}
	if (json_read(s->dir, name, LEASE_MAX, &j, &ignored) < 0)
		return;
	x.ino = st.st_ino;
	x.changed = st.st_ctim;
	read_lease(&x, j);
	if (*n == *cap)
		*fresh = xrealloc(*fresh, (*cap = *cap ? *cap * 2 : 8) * sizeof(**fresh));
	(*fresh)[(*n)++] = x;
}

static int by_addr(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return memcmp(x->addr.b, y->addr.b, sizeof(x->addr.b));
}

/* Forget those that were not seen, add the fresh ones. */
static void update_entries(struct dns_source *s, struct entry *fresh, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->entries.n; i++) {
		if (s->entries.v[i].seen)
			s->entries.v[kept++] = s->entries.v[i];
		else
			entry_done(&s->entries.v[i]);
	}
	s->entries.n = kept;
	for (size_t i = 0; i < n; i++)
		vec_push(&s->entries, fresh[i]);
	if (s->entries.n)
		qsort(s->entries.v, s->entries.n, sizeof(*s->entries.v), by_addr);
}

static void build_tables(struct dns_source *s)
{
	clear_tables(&s->net);
	for (size_t i = 0; i < s->entries.n; i++) {
		const struct entry *x = &s->entries.v[i];
		uint32_t four;
		bool is_four = ip6_is_ipv4(x->addr, &four);

		if (is_four)
			vec_push(&s->net.hosts, (struct dns_host){ four, x->container });
		else
			vec_push(&s->net.hosts6, (struct dns_host6){ x->addr, x->container });
		for (size_t k = 0; k < x->names.n; k++) {
			struct dns_addrs *a = map_get(&s->net.names, x->names.v[k]);

			if (!a) {
				a = xcalloc(1, sizeof(*a));
				(void)map_set(&s->net.names, x->names.v[k], a);
			}
			if (is_four)
				vec_push(&a->a, four);
			else
				vec_push(&a->six, x->addr);
		}
	}
}

static void reload(struct dns_source *s)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct entry *fresh = NULL;
	size_t n = 0, cap = 0;
	struct dirent *de;

	for (size_t i = 0; i < s->entries.n; i++)
		s->entries.v[i].seen = false;
	while (d && (de = readdir(d)))
		take_file(s, de->d_name, &fresh, &n, &cap);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	update_entries(s, fresh, n);
	build_tables(s);
	free(fresh);
}

const struct dns_net *dns_source_now(struct dns_source *s)
{
	auto_err struct err ignored = { 0 };
	struct stat st;
	int64_t now;

	if (fstat(s->dir, &st) < 0 || st.st_nlink == 0) {
		/* removed; perhaps made again under the same id */
		if (open_net(s, &ignored) < 0 || fstat(s->dir, &st) < 0) {
			for (size_t i = 0; i < s->entries.n; i++)
				s->entries.v[i].seen = false;
			update_entries(s, NULL, 0);
			s->settled = false;
			build_tables(s);
			return &s->net;
		}
	}
	if (s->settled && same_time(st.st_mtim, s->mtime))
		return &s->net;
	now = sys_now_ns();
	reload(s);
	s->mtime = st.st_mtim;
	s->settled = now - (st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec) > TICK_NS;
	return &s->net;
}
