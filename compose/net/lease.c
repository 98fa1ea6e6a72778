/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/lease.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"

enum { LEASE_MAX = 65536, LEASE_VERSION = 1 };

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
	auto_free char *path = xasprintf("networks/%s", id);
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
		json_pack("{s:i s:s s:s s:i}", "version", LEASE_VERSION, "container_id", ep->container_id, "container",
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

	return net_each_entry(dirfd, each_lease, &x, e);
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

		if (dir < 0 || net_each_entry(dir, wipe_one, NULL, e) < 0)
			return -1;
	}
	return 0;
}
