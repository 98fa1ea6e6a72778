/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/router.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include "compose/net/lease.h"
#include "compose/net/netns.h"

enum { GROUP_DYING = 0x636d7064 };

static char *at(const struct net_ctx *c, const char *name)
{
	return xasprintf("%s/router%s%s", c->run_dir, *name ? "/" : "", name);
}

const char *router_bridge(const struct net_info *n, char ret[16])
{
	(void)snprintf(ret, 16, "c%c%.12s", n->internal ? 'i' : 'b', n->id);
	return ret;
}

int router_lock(const struct net_ctx *c, struct err *e)
{
	auto_close int fd = -1;

	if (mkdirat(c->run_fd, "router", 0700) < 0 && errno != EEXIST)
		return err_set(e, ERR_SYS, errno, "make %s/router", c->run_dir);
	fd = openat(c->run_fd, "router/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "open %s/router/lock", c->run_dir);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, ERR_SYS, errno, "lock %s/router/lock", c->run_dir);
	return take_fd(fd);
}

int router_open(const struct net_ctx *c, struct err *e)
{
	auto_close int fd = openat(c->run_fd, "router/netns", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct statfs fs;

	if (fd < 0 && errno != ENOENT)
		return err_set(e, ERR_SYS, errno, "open %s/router/netns", c->run_dir);
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		return err_set(e, ERR_MISSING, 0, "there is no router namespace");
	return take_fd(fd);
}

/* Settings of the namespace the process is in. Those that a kernel lacks (IPv6, br_netfilter) need no setting. */
static int settings(struct err *e)
{
	static const char *const set[][2] = {
		{ "ipv4/ip_forward", "1" },
		{ "ipv4/conf/all/rp_filter", "1" },              /* no network speaks with another's addresses */
		{ "ipv4/conf/default/rp_filter", "1" },
		{ "ipv4/conf/all/send_redirects", "0" },
		{ "ipv4/conf/default/send_redirects", "0" },
		{ "ipv6/conf/all/disable_ipv6", "1" },           /* but where a network has it */
		{ "ipv6/conf/default/disable_ipv6", "1" },
		{ "ipv6/conf/default/accept_ra", "0" },          /* nobody tells the router its routes */
		{ "ipv6/conf/default/accept_dad", "0" },
		{ "ipv6/conf/default/accept_redirects", "0" },
		{ "ipv6/conf/all/forwarding", "1" },
		{ "bridge/bridge-nf-call-iptables", "0" },
		{ "bridge/bridge-nf-call-ip6tables", "0" },
		{ "bridge/bridge-nf-call-arptables", "0" },
	};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(set); i++) {
		(void)snprintf(path, sizeof(path), "/proc/sys/net/%s", set[i][0]);
		if (netns_sysctl(path, set[i][1]) < 0 && errno != ENOENT)
			return err_set(e, ERR_SYS, errno, "set %s in the router", path);
	}
	return 0;
}

static int make_netns(struct err *e)
{
	int back, fd, rc;

	if (netns_enter_new(&back, e) < 0)
		return -1;
	rc = settings(e);
	fd = rc < 0 ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (rc == 0 && fd < 0)
		(void)err_set(e, ERR_SYS, errno, "open the router namespace");
	netns_leave(back);
	return fd;
}

/* The bind mount is the last step: a namespace that can be found is complete. */
static int keep(const struct net_ctx *c, int ns, struct err *e)
{
	auto_free char *path = at(c, "netns");
	auto_close int file = -1;
	char self[40];

	(void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	file = openat(c->run_fd, "router/netns", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", ns);
	if (file < 0 || mount(self, path, NULL, MS_BIND, NULL) < 0)
		return err_set(e, ERR_SYS, errno, "keep the router namespace at %s", path);
	return 0;
}

static int make(const struct net_ctx *c, struct nl *host, struct uplink *ret, struct strv *warn, struct err *e)
{
	auto_err struct err ignored = { 0 };
	auto_close int ns = make_netns(e);

	if (ns < 0)
		return -1;
	if (lease_wipe(c, e) == 0 && uplink_make(c, host, ns, ret, e) == 0 &&
	    uplink_rules(c, host, ns, ret, true, warn, e) == 0 && keep(c, ns, e) == 0)
		return take_fd(ns);
	if (uplink_remove(c, host, &ignored) < 0)
		(void)err_wrap(e, "and undoing it failed too: %s", ignored.frame[0]);
	return -1;
}

static int repair(const struct net_ctx *c, struct nl *host, int ns, struct uplink *u, bool *rewired, struct strv *warn,
		  struct err *e)
{
	char table[24];
	int rc = uplink_find(c, host, u, e);

	if (rc < 0)
		return -1;
	*rewired = rc == 1;
	if (*rewired && uplink_make(c, host, ns, u, e) < 0)
		return -1;
	rc = *rewired ? 0 : nl_nft_table(AF_INET, net_table(c, table), e);
	if (rc == 0)
		return uplink_rules(c, host, ns, u, false, warn, e);
	return rc < 0 ? -1 : 0;
}

int router_ensure(const struct net_ctx *c, struct nl *host, struct uplink *ret, bool *rewired, struct strv *warn,
		  struct err *e)
{
	auto_close int ns = router_open(c, e);

	if (ns < 0 && e->kind != ERR_MISSING)
		return -1;
	if (ns < 0) {
		err_done(e);
		*rewired = true;
		ns = make(c, host, ret, warn, e);
	} else if (repair(c, host, ns, ret, rewired, warn, e) < 0) {
		return err_wrap(e, "repair the way from the router to the host");
	}
	return ns < 0 ? err_wrap(e, "make the router namespace") : take_fd(ns);
}

int router_drop_links(const struct net_ctx *c, const struct strv *names, struct err *e)
{
	auto_nl struct nl n = NL_INIT;
	auto_free struct nl_batch *b = xcalloc(1, sizeof(*b));
	auto_close int router = names->n ? router_open(c, e) : -1;

	if (router < 0)
		return e->kind == ERR_MISSING ? (err_done(e), 0) : e->kind ? -1 : 0;
	if (nl_open(&n, router, e) < 0)
		return -1;
	for (size_t i = 0; i < names->n; i++) {
		if (nl_full(b) && nl_commit(&n, b, e) < 0)
			return -1;
		nl_add_group(b, names->v[i], GROUP_DYING);
		nl_fine(b, ENODEV);
	}
	if (nl_commit(&n, b, e) < 0)
		return -1;
	nl_add_del_group(b, GROUP_DYING);
	return nl_commit(&n, b, e);
}

int router_remove(const struct net_ctx *c, struct err *e)
{
	auto_free char *path = at(c, "netns");
	auto_nl struct nl host = NL_INIT;
	int rc = nl_open(&host, -1, e);

	if (rc == 0)
		rc = uplink_remove(c, &host, e);
	(void)unlinkat(c->run_fd, "router/alias", 0);
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (unlinkat(c->run_fd, "router/netns", 0) < 0 && errno != ENOENT && rc == 0)
		rc = err_set(e, ERR_SYS, errno, "remove %s", path);
	return rc;
}
