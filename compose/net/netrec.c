/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/netrec.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"

enum { REC_MAX = 65536, RECORD_VERSION = 1 };

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

int net_each_entry(int fd, int (*fn)(void *arg, int dirfd, const char *name), void *arg, struct err *e)
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
	return net_each_entry(dir, add_rec, &(struct add){ ret, e }, e);
}
