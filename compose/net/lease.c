/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/lease.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"

enum { REC_MAX = 65536, LEASE_MAX = 65536, RECORD_VERSION = 1 };

void net_rec_done(struct net_rec *r)
{
	ipam_done(&r->ipam);
	ipam6_done(&r->six);
}

void net_recs_done(struct net_recs *r)
{
	for (size_t i = 0; i < r->n; i++)
		net_rec_done(&r->v[i]);
	vec_done(r);
}

bool net_id_ok(const char *id)
{
	size_t n = id ? strspn(id, "0123456789abcdef") : 0;

	return n >= 12 && n <= 64 && id[n] == '\0';
}

static char *rel(const char *id)
{
	return xasprintf("networks/%s", id);
}

int net_dir(const struct net_ctx *c, const char *id, struct err *e)
{
	auto_free char *path = NULL;
	int fd;

	if (!net_id_ok(id))
		return err_set(e, ERR_BUG, 0, "\"%s\" is not a network id", id ? id : "");
	path = rel(id);
	fd = openat(c->run_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "no network %.12s", id);
	return fd;
}

void net_rec_texts(struct net_rec *r)
{
	if (r->ipam.subnet.len) {
		cidr_text(r->ipam.subnet, r->info.subnet);
		ipv4_text(r->ipam.gateway, r->info.gateway);
	}
	if (r->six.subnet.len) {
		cidr6_text(r->six.subnet, r->info.subnet6);
		ip6_text(r->six.gateway, r->info.gateway6);
	}
}

/* One field at a time, so that a record that was tampered with or cut is an error and not a guess. */
static int parse_rec(const json_t *j, const char *id, struct net_rec *r, struct err *e)
{
	const char *name = json_str(j, "name", NULL);
	auto_strv struct strv reserved = { 0 };
	struct net_conf conf = { .gateway = json_str(j, "gateway", NULL), .ip_range = json_str(j, "ip_range", NULL),
				 .subnet = json_str(j, "subnet", NULL), .gateway6 = json_str(j, "gateway6", NULL),
				 .ip_range6 = json_str(j, "ip_range6", NULL), .subnet6 = json_str(j, "subnet6", NULL) };
	struct cidr subnet;
	struct cidr6 subnet6;

	if (json_int(j, "version", 0) != RECORD_VERSION || !name || strlen(name) >= sizeof(r->info.name) ||
	    (!conf.subnet && !conf.subnet6))
		return err_set(e, ERR_SYS, 0, "not a record that this version understands");
	json_strv(j, "reserved", &reserved);
	conf.reserved = strv_null(&reserved);
	if (conf.subnet && (cidr_parse(conf.subnet, &subnet, e) < 0 || ipam_plan(&conf, subnet, &r->ipam, e) < 0))
		return -1;
	if (conf.subnet6 && (cidr6_parse(conf.subnet6, &subnet6, e) < 0 || ipam6_plan(&conf, subnet6, &r->six, e) < 0))
		return -1;
	memcpy(r->info.id, id, strlen(id) + 1);
	memcpy(r->info.name, name, strlen(name) + 1);
	net_rec_texts(r);
	r->info.internal = json_flag(j, "internal", false);
	r->info.host_route = json_flag(j, "host_route", false);
	r->info.host_route6 = json_flag(j, "host_route6", false);
	r->no_icc = json_flag(j, "no_icc", false);
	r->mtu = (unsigned)json_int(j, "mtu", 1500);
	return 0;
}

int net_rec_read(int dirfd, const char *id, struct net_rec *ret, struct err *e)
{
	auto_json json_t *j = NULL;
	struct net_rec r = { 0 };

	if (json_read(dirfd, "network.json", REC_MAX, &j, e) < 0 || parse_rec(j, id, &r, e) < 0) {
		net_rec_done(&r);
		return err_wrap(e, "read the record of network %.12s", id);
	}
	*ret = r;
	return 0;
}

static void put_four(json_t *j, const struct net_rec *r, json_t *reserved)
{
	char text[20];

	json_put(j, "subnet", r->info.subnet);
	json_put(j, "gateway", r->info.gateway);
	cidr_text(r->ipam.range, text);
	json_put(j, "ip_range", text);
	for (size_t i = 0; i < r->ipam.reserved.n; i++) {
		ipv4_text(r->ipam.reserved.v[i], text);
		(void)json_array_append_new(reserved, json_string(text));
	}
}

static void put_six(json_t *j, const struct net_rec *r, json_t *reserved)
{
	char text[CIDR6_TEXT];

	json_put(j, "subnet6", r->info.subnet6);
	json_put(j, "gateway6", r->info.gateway6);
	cidr6_text(r->six.range, text);
	json_put(j, "ip_range6", text);
	for (size_t i = 0; i < r->six.reserved.n; i++) {
		ip6_text(r->six.reserved.v[i], text);
		(void)json_array_append_new(reserved, json_string(text));
	}
}

int net_rec_write(const struct net_ctx *c, const struct net_rec *r, struct err *e)
{
	auto_free char *path = rel(r->info.id);
	auto_close int dir = -1;
	auto_json json_t *j =
		json_pack("{s:i s:s s:b s:b s:b s:b s:i}", "version", RECORD_VERSION, "name", r->info.name,
			  "internal", r->info.internal, "host_route", r->info.host_route, "host_route6",
			  r->info.host_route6, "no_icc", r->no_icc, "mtu", (int)r->mtu);
	json_t *reserved;

	if (!j)
		return err_set(e, ERR_MODEL, 0, "the name of network %.12s is not UTF-8", r->info.id);
	reserved = json_array();
	if (r->ipam.subnet.len)
		put_four(j, r, reserved);
	if (r->six.subnet.len)
		put_six(j, r, reserved);
	(void)json_object_set_new(j, "reserved", reserved);
	if ((mkdirat(c->run_fd, "networks", 0700) < 0 && errno != EEXIST) ||
	    (mkdirat(c->run_fd, path, 0700) < 0 && errno != EEXIST))
		return err_set(e, ERR_SYS, errno, "make %s/%s", c->run_dir, path);
	dir = net_dir(c, r->info.id, e);
	return dir < 0 ? -1 : json_write(dir, "network.json", j, 0600, false, e);
}

/* Call fn with each entry of a directory. fd stays the caller's. */
static int each_entry(int fd, int (*fn)(void *arg, int dirfd, const char *name), void *arg, struct err *e)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = own < 0 ? NULL : fdopendir(own);
	struct dirent *de;

	if (!d) {
		err_set(e, ERR_SYS, errno, "list the networks");
		if (own >= 0)
			close(own);
		return -1;
	}
	while (rc == 0 && (de = readdir(d)))
		rc = fn(arg, own, de->d_name);
	closedir(d);
	return rc;
}

struct add { struct net_recs *out; struct err *e; };

/* One without a record is being made by nobody (the lock is held): what a crash left. One that cannot be read may have
 * containers on it: taking it for absent could take the router away from under them. */
static int add_rec(void *arg, int networks, const char *name)
{
	auto_close int dir = -1;
	struct add *a = arg;
	struct net_rec r;

	if (!net_id_ok(name))
		return 0;
	dir = openat(networks, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : err_set(a->e, ERR_SYS, errno, "open the directory of network %.12s", name);
	if (net_rec_read(dir, name, &r, a->e) == 0)
		vec_push(a->out, r);
	else if (a->e->kind != ERR_MISSING)
		return -1;
	err_done(a->e);
	return 0;
}

int net_recs_read(const struct net_ctx *c, struct net_recs *ret, struct err *e)
{
	auto_close int dir = openat(c->run_fd, "networks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_SYS, errno, "open %s/networks", c->run_dir);
	return each_entry(dir, add_rec, &(struct add){ ret, e }, e);
}

/* Leases. */
bool lease_addr(const char *name, struct ip6 *ret)
{
	uint32_t four;

	if (!ipv4_parse(name, &four))
		return ip6_parse(name, ret);
	*ret = ip6_of_ipv4(four);
	return true;
}

static int holder(void *arg, const char *name, const json_t *lease)
{
	struct strv *names = arg;

	(void)name;
	if (!strv_has(names, json_str(lease, "container", "?")))
		strv_add(names, json_str(lease, "container", "?"));
	return 0;
}

static int in_use(const struct strv *names, struct err *e)
{
	auto_str struct str list = STR_MAX(300);

	for (size_t i = 0; i < names->n; i++)
		str_addf(&list, "%s%s", i ? ", " : "", names->v[i]);
	return err_set(e, ERR_CONFLICT, 0, "in use by %s", str_cstr(&list));
}

int net_rec_remove(const struct net_ctx *c, const char *id, struct err *e)
{
	auto_strv struct strv names = { 0 };
	auto_free char *path = rel(id);
	auto_close int dir = net_dir(c, id, e);

	if (dir < 0)
		return -1;
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, ERR_SYS, errno, "lock network %.12s", id);
	if (lease_each(dir, holder, &names, e) < 0)
		return -1;
	if (names.n)
		return in_use(&names, e);
	if (fs_rm_rf(c->run_fd, path) < 0)
		return err_set(e, ERR_SYS, errno, "remove %s/%s", c->run_dir, path);
	return 0;
}

static char *lease_text(const struct net_endpoint *ep, struct err *e)
{
	auto_json json_t *j =
		json_pack("{s:i s:s s:s s:i}", "version", RECORD_VERSION, "container_id", ep->container_id, "container",
			  ep->container ? ep->container : "", "index", (int)ep->index);
	json_t *aliases = json_from_strv(ep->aliases, (size_t)-1);
	char *text = NULL;

	if (j) {
		json_put(j, "project", ep->project);
		json_put(j, "service", ep->service);
		(void)json_object_set_new(j, "aliases", aliases);
		text = json_dumps(j, JSON_COMPACT);
	} else {
		json_decref(aliases);
	}
	if (!text)
		(void)err_set(e, ERR_MODEL, 0, "a name of container %.12s is not UTF-8", ep->container_id);
	else if (strlen(text) > LEASE_MAX)
		(void)err_set(e, ERR_MODEL, 0, "container %.12s has too many network aliases", ep->container_id);
	else
		return text;
	free(text);
	return NULL;
}

static int write_temp(int dirfd, const struct net_endpoint *ep, char name[48], struct err *e)
{
	static unsigned serial;
	auto_free char *text = lease_text(ep, e);
	auto_close int fd = -1;

	if (!text)
		return -1;
	(void)snprintf(name, 48, ".%d.%u.tmp", (int)getpid(), serial++);
	(void)unlinkat(dirfd, name, 0);          /* of a dead process that had our number */
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0) {
		err_set(e, ERR_SYS, errno, "write a lease");
		(void)unlinkat(dirfd, name, 0);
		return -1;
	}
	return 0;
}

static int taken_by(int dirfd, const char *addr, struct err *e)
{
	auto_json json_t *j = NULL;
	auto_err struct err ignored = { 0 };

	if (json_read(dirfd, addr, LEASE_MAX, &j, &ignored) < 0)
		return err_set(e, ERR_CONFLICT, 0, "address %s is in use", addr);
	err_set(e, ERR_CONFLICT, 0, "address %s is in use by container %s", addr, json_str(j, "container", "?"));
	return err_hint(e, "give it another address, or none: a free one is found");
}

/* ret: 0 taken, 1 somebody has it, -1 */
static int link_as(int dirfd, const char *tmp, const char *addr, struct err *e)
{
	if (linkat(dirfd, tmp, dirfd, addr, 0) == 0)
		return 0;
	return errno == EEXIST ? 1 : err_set(e, ERR_SYS, errno, "write the lease of %s", addr);
}

/* in: text as written by the user, addr as files are named; subnet "" when the network has none of that kind */
static int link_wanted(int dirfd, const char *tmp, const struct net_rec *r, const char *text, const char *addr, bool fits,
		       const char *subnet, struct err *e)
{
	int rc;

	if (!*subnet) {
		err_set(e, ERR_MODEL, 0, "address %s is wanted on network %s, which has no IPv%d", text, r->info.name,
			strchr(text, ':') ? 6 : 4);
		return strchr(text, ':') ? err_hint(e, "set enable_ipv6 of the network") : -1;
	}
	if (!fits)
		return err_set(e, ERR_MODEL, 0, "address %s is not a free address of subnet %s of network %s", text, subnet,
			       r->info.name);
	rc = link_as(dirfd, tmp, addr, e);
	return rc > 0 ? taken_by(dirfd, addr, e) : rc;
}

static int link_wanted4(int dirfd, const char *tmp, const struct net_rec *r, const char *text, uint32_t *ret, struct err *e)
{
	bool fits = ipv4_parse(text, ret) && ipam_fits(&r->ipam, *ret);

	return link_wanted(dirfd, tmp, r, text, text, fits, r->info.subnet, e);
}

static int link_wanted6(int dirfd, const char *tmp, const struct net_rec *r, const char *text, struct ip6 *ret, struct err *e)
{
	bool fits = ip6_parse(text, ret) && ipam6_fits(&r->six, *ret);
	char addr[IP6_TEXT] = "";

	if (fits)
		ip6_text(*ret, addr);
	return link_wanted(dirfd, tmp, r, text, addr, fits, r->info.subnet6, e);
}

/* ret: 0 taken, 1 none free between from and to */
static int link_between(int dirfd, const char *tmp, const struct net_rec *r, uint32_t from, uint32_t to, uint32_t *ret,
			struct err *e)
{
	char text[16];
	int rc = 1;

	for (uint64_t a = from; rc > 0 && a <= to; a++) {
		if (!ipam_free(&r->ipam, (uint32_t)a))
			continue;
		ipv4_text((uint32_t)a, text);
		rc = link_as(dirfd, tmp, text, e);
		if (rc == 0)
			*ret = (uint32_t)a;
	}
	return rc;
}

static int none_left(const struct net_rec *r, struct err *e)
{
	return err_set(e, ERR_CONFLICT, 0, "network %s has no free address left", r->info.name);
}

/* From where this process last found one; then from the start, since others give back too. */
static int link_next(struct net_ctx *c, int dirfd, const char *tmp, const struct net_rec *r, uint32_t *ret,
		     struct err *e)
{
	uint32_t first = r->ipam.range.base, last = cidr_last(r->ipam.range);
	uint32_t from = (uint32_t)(uintptr_t)map_get(&c->next_free, r->info.id);
	int rc;

	if (from < first || from > last)
		from = first;
	rc = link_between(dirfd, tmp, r, from, last, ret, e);
	if (rc > 0 && from > first)
		rc = link_between(dirfd, tmp, r, first, from - 1, ret, e);
	if (rc > 0)
		return none_left(r, e);
	if (rc == 0)
		(void)map_set(&c->next_free, r->info.id, (void *)((uintptr_t)*ret + 1));
	return rc;
}

/* The place in the subnet that the IPv4 address has in its own, so that both end alike; without IPv4 from where this
 * process last found one; then those behind it, round. */
static int link_next6(struct net_ctx *c, int dirfd, const char *tmp, const struct net_rec *r, const struct lease *l,
		      struct ip6 *ret, struct err *e)
{
	unsigned bits = 128 - r->six.range.len;
	uint32_t size = bits < 16 ? 1u << bits : 1u << 16;
	uint32_t from = l->four ? l->addr - r->ipam.subnet.base : (uint32_t)(uintptr_t)map_get(&c->next_free, r->info.id);
	char text[IP6_TEXT];
	int rc = 1;

	for (uint32_t i = 0; rc > 0 && i < size; i++) {
		uint32_t at = (from + i) % size;

		*ret = ip6_add(r->six.range.base, at);
		if (!ipam6_free(&r->six, *ret))
			continue;
		ip6_text(*ret, text);
		rc = link_as(dirfd, tmp, text, e);
		if (rc == 0 && !l->four)
			(void)map_set(&c->next_free, r->info.id, (void *)((uintptr_t)at + 1));
	}
	return rc > 0 ? none_left(r, e) : rc;
}

static void unlink_all(int dirfd, const struct lease *l)
{
	char text[IP6_TEXT];

	if (l->four) {
		ipv4_text(l->addr, text);
		(void)unlinkat(dirfd, text, 0);
	}
	if (l->six) {
		ip6_text(l->addr6, text);
		(void)unlinkat(dirfd, text, 0);
	}
}

static int point_to(int dirfd, const struct net_endpoint *ep, const struct lease *l, struct err *e)
{
	auto_free char *link = xasprintf("@%s", ep->container_id);
	char ip[16] = "-", six[IP6_TEXT] = "", target[80];

	if (l->four)
		ipv4_text(l->addr, ip);
	if (l->six)
		ip6_text(l->addr6, six);
	(void)snprintf(target, sizeof(target), "%s %u%s%s", ip, ep->index, *six ? " " : "", six);
	if (symlinkat(target, dirfd, link) < 0)
		return err_set(e, ERR_SYS, errno, "write the lease of %s", l->four ? ip : six);
	return 0;
}

static int take_all(struct net_ctx *c, int dirfd, const char *tmp, const struct net_rec *r, const struct net_endpoint *ep,
		    bool six, struct lease *l, struct err *e)
{
	if (ep->ipv4 || r->ipam.subnet.len) {
		if ((ep->ipv4 ? link_wanted4(dirfd, tmp, r, ep->ipv4, &l->addr, e) :
				link_next(c, dirfd, tmp, r, &l->addr, e)) < 0)
			return -1;
		l->four = true;
	}
	if (ep->ipv6 && r->six.subnet.len && !six)
		return err_set(e, ERR_MODEL, 0, "address %s is wanted, but sysctls of the container switch IPv6 off", ep->ipv6);
	if (ep->ipv6 || (six && r->six.subnet.len)) {
		if ((ep->ipv6 ? link_wanted6(dirfd, tmp, r, ep->ipv6, &l->addr6, e) :
				link_next6(c, dirfd, tmp, r, l, &l->addr6, e)) < 0)
			return -1;
		l->six = true;
	}
	return point_to(dirfd, ep, l, e);
}

int lease_take(struct net_ctx *c, int dirfd, const struct net_rec *r, const struct net_endpoint *ep, bool six,
	       struct lease *ret, struct err *e)
{
	struct lease l = { 0 };
	char tmp[48];
	unsigned index;
	int rc;

	(void)lease_drop(c, dirfd, r->info.id, ep->container_id, false, &index);
	if (write_temp(dirfd, ep, tmp, e) < 0)
		return -1;
	rc = take_all(c, dirfd, tmp, r, ep, six, &l, e);
	(void)unlinkat(dirfd, tmp, 0);
	if (rc < 0)
		unlink_all(dirfd, &l);
	else
		*ret = l;
	return rc;
}

/* "10.7.0.2 0 fd00::2", without the last when there is no IPv6. ret: false when it is none of ours */
static bool parse_link(char *target, struct lease *l, unsigned *ret_index)
{
	char *rest = NULL, *four = strtok_r(target, " ", &rest), *number = strtok_r(NULL, " ", &rest);
	uint64_t index;

	*l = (struct lease){ 0 };
	l->four = four && ipv4_parse(four, &l->addr);
	l->six = number && ip6_parse(rest, &l->addr6);
	if (!number || !str_to_u64(number, &index) || index >= 36)
		return false;
	*ret_index = (unsigned)index;
	return l->four || l->six;
}

/* The link goes before the leases: a crash between the two leaves a lease that net_gc() finds. The other way round it
 * would leave a link to an address that may be somebody else's tomorrow. */
int lease_drop(struct net_ctx *c, int dirfd, const char *network_id, const char *container_id, bool reuse,
	       unsigned *ret_index)
{
	auto_free char *link = xasprintf("@%s", container_id);
	char target[80];
	ssize_t n = readlinkat(dirfd, link, target, sizeof(target) - 1);
	struct lease l;

	if (n < 0)
		return 0;
	target[n] = '\0';
	(void)unlinkat(dirfd, link, 0);
	if (!parse_link(target, &l, ret_index))
		return 0;
	unlink_all(dirfd, &l);
	if (reuse && l.four && l.addr < (uint32_t)(uintptr_t)map_get(&c->next_free, network_id))
		(void)map_set(&c->next_free, network_id, (void *)(uintptr_t)l.addr);
	return 1;
}

struct each { lease_fn *fn; void *arg; struct err *e; };

static int each_lease(void *arg, int dirfd, const char *name)
{
	auto_json json_t *j = NULL;
	auto_err struct err gone = { 0 };
	struct each *x = arg;
	struct ip6 addr;

	if (!lease_addr(name, &addr))
		return 0;
	if (json_read(dirfd, name, LEASE_MAX, &j, &gone) < 0 && gone.kind == ERR_MISSING)
		return 0;
	return x->fn(x->arg, name, j);
}

int lease_each(int dirfd, lease_fn *fn, void *arg, struct err *e)
{
	struct each x = { fn, arg, e };

	return each_entry(dirfd, each_lease, &x, e);
}

static int wipe_one(void *arg, int dirfd, const char *name)
{
	struct ip6 addr;

	(void)arg;
	if (lease_addr(name, &addr) || *name == '@' || (str_starts(name, ".") && str_ends(name, ".tmp")))
		(void)unlinkat(dirfd, name, 0);
	return 0;
}

int lease_wipe(const struct net_ctx *c, struct err *e)
{
	auto_recs struct net_recs recs = { 0 };

	if (net_recs_read(c, &recs, e) < 0)
		return -1;
	for (size_t i = 0; i < recs.n; i++) {
		auto_close int dir = net_dir(c, recs.v[i].info.id, e);

		if (dir < 0 || each_entry(dir, wipe_one, NULL, e) < 0)
			return -1;
	}
	return 0;
}
