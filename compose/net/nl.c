/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/nl.h"
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <poll.h>
#include <sys/socket.h>
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/net/netns.h"

enum { PROTO_OURS = 99, RECV_BUF = 65536 };

int nl_open(struct nl *n, int netns_fd, struct err *e)
{
	int on = 1;

	n->fd = netns_socket(netns_fd, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, e);
	if (n->fd < 0)
		return err_wrap(e, "open rtnetlink");
	n->seq = 1;
	(void)setsockopt(n->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(n->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

void nl_close(struct nl *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

/* Requests are built in place; the one before is finished when the next begins. */
static void finish(struct nl_batch *b)
{
	if (b->cur)
		b->len += NLMSG_ALIGN(b->cur->nlmsg_len);
	b->cur = NULL;
}

/* A request takes far less than the 512 bytes that nl_full() keeps free for it. */
bool nl_full(const struct nl_batch *b)
{
	size_t used = b->len + (b->cur ? NLMSG_ALIGN(b->cur->nlmsg_len) : 0);

	return b->n == NL_BATCH_MAX || used + 512 > NL_BUF;
}

static struct nlmsghdr *begin(struct nl_batch *b, int type, int flags, const char *what, const char *name)
{
	if (nl_full(b))
		abort();                 /* callers ask nl_full() where their number is not fixed */
	finish(b);
	b->cur = mnl_nlmsg_put_header(b->buf + b->len);
	b->cur->nlmsg_type = (uint16_t)type;
	b->cur->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	(void)snprintf(b->msg[b->n].what, sizeof(b->msg[b->n].what), "%s%s%s", what, *name ? " " : "", name);
	b->msg[b->n++].fine = 0;
	return b->cur;
}

void nl_fine(struct nl_batch *b, int sysno)
{
	b->msg[b->n - 1].fine = sysno;
}

static const char *ext_text(const struct nlmsghdr *h)
{
	const struct nlmsgerr *er = mnl_nlmsg_get_payload(h);
	size_t off = sizeof(*er);
	const struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		off += mnl_nlmsg_get_payload_len(h) > sizeof(*er) ? er->msg.nlmsg_len - sizeof(struct nlmsghdr) : 0;
	mnl_attr_for_each(a, h, off)
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
			return mnl_attr_get_str(a);
	return NULL;
}

static int fail(struct err *e, int sysno, const char *what, const char *text)
{
	return err_set(e, sysno == EPERM ? ERR_DENIED : ERR_SYS, sysno, "%s%s%s%s", what, text ? " (" : "",
		       text ? text : "", text ? ")" : "");
}

static int take_ack(struct nl_batch *b, const struct nlmsghdr *h, unsigned first, struct err *e)
{
	const struct nlmsgerr *er = mnl_nlmsg_get_payload(h);
	unsigned i = h->nlmsg_seq - first;

	if (h->nlmsg_type != NLMSG_ERROR || i >= b->n)
		return 0;
	if (er->error && -er->error != b->msg[i].fine && e->kind == ERR_NONE)
		(void)fail(e, -er->error, b->msg[i].what, ext_text(h));
	return 1;
}

static ssize_t receive(int fd, char *buf, size_t cap, struct err *e)
{
	ssize_t n;

	do
		n = recv(fd, buf, cap, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_set(e, ERR_SYS, errno, "read from netlink") : n;
}

int nl_commit(struct nl *n, struct nl_batch *b, struct err *e)
{
	char buf[8192] __attribute__((aligned(8)));
	unsigned first = n->seq, acks = 0, count = b->n;
	struct err failed = { 0 };
	size_t len;

	finish(b);
	len = b->len;
	for (size_t off = 0; off < len; n->seq++) {
		struct nlmsghdr *h = (struct nlmsghdr *)(b->buf + off);

		h->nlmsg_seq = n->seq;
		off += NLMSG_ALIGN(h->nlmsg_len);
	}
	if (count && send(n->fd, b->buf, len, 0) < 0) {
		b->n = 0;
		b->len = 0;
		return err_set(e, ERR_SYS, errno, "send to netlink");
	}
	while (acks < count) {
		ssize_t got = receive(n->fd, buf, sizeof(buf), &failed);
		int left = (int)got;

		if (got < 0)
			break;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			acks += (unsigned)take_ack(b, h, first, &failed);
	}
	b->n = 0;
	b->len = 0;
	if (failed.kind == ERR_NONE)
		return 0;
	err_move(e, &failed);
	return -1;
}

static struct ifinfomsg *put_ifinfo(struct nlmsghdr *h, int index, unsigned up)
{
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifi_family = AF_UNSPEC;
	m->ifi_index = index;
	m->ifi_flags = m->ifi_change = up;
	return m;
}

/* The peer's part is a whole ifinfomsg inside an attribute. */
static void put_peer(struct nlmsghdr *h, const struct nl_veth *v)
{
	struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA), *peer = mnl_attr_nest_start(h, VETH_INFO_PEER);

	(void)put_ifinfo(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, v->peer);
	mnl_attr_put_u32(h, IFLA_MTU, v->mtu);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
	if (v->peer_mac)
		mnl_attr_put(h, IFLA_ADDRESS, 6, v->peer_mac);
	mnl_attr_nest_end(h, peer);
	mnl_attr_nest_end(h, data);
}

void nl_add_veth(struct nl_batch *b, const struct nl_veth *v)
{
	struct nlmsghdr *h = begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make the veth pair", v->name);
	struct nlattr *info;

	(void)put_ifinfo(h, 0, v->up ? IFF_UP : 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, v->name);
	mnl_attr_put_u32(h, IFLA_MTU, v->mtu);
	if (v->master)
		mnl_attr_put_u32(h, IFLA_MASTER, (uint32_t)v->master);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_str(h, IFLA_INFO_KIND, "veth");
	put_peer(h, v);
	mnl_attr_nest_end(h, info);
}

void nl_add_isolated(struct nl_batch *b, const char *port)
{
	struct nlmsghdr *h = begin(b, RTM_NEWLINK, 0, "isolate the bridge port", port);
	struct nlattr *info, *data;

	(void)put_ifinfo(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, port);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_str(h, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(h, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(h, IFLA_BRPORT_ISOLATED, 1);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
}

void nl_add_bridge(struct nl_batch *b, const char *name, const uint8_t mac[6], unsigned mtu, uint32_t group)
{
	struct nlmsghdr *h = begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make the bridge", name);
	struct nlattr *info;

	(void)put_ifinfo(h, 0, IFF_UP);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put(h, IFLA_ADDRESS, 6, mac);   /* fixed, or it changes with the ports and neighbours forget it */
	mnl_attr_put_u32(h, IFLA_MTU, mtu);
	if (group)
		mnl_attr_put_u32(h, IFLA_GROUP, group);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_str(h, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(h, info);
}

void nl_add_up(struct nl_batch *b, int ifindex)
{
	(void)put_ifinfo(begin(b, RTM_NEWLINK, 0, "bring an interface up", ""), ifindex, IFF_UP);
}

void nl_add_group(struct nl_batch *b, const char *name, uint32_t group)
{
	struct nlmsghdr *h = begin(b, RTM_NEWLINK, 0, "mark the interface", name);

	(void)put_ifinfo(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put_u32(h, IFLA_GROUP, group);
}

void nl_add_del(struct nl_batch *b, const char *name)
{
	struct nlmsghdr *h = begin(b, RTM_DELLINK, 0, "remove the interface", name);

	(void)put_ifinfo(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	nl_fine(b, ENODEV);
}

void nl_add_del_group(struct nl_batch *b, uint32_t group)
{
	struct nlmsghdr *h = begin(b, RTM_DELLINK, 0, "remove a group of interfaces", "");

	(void)put_ifinfo(h, 0, 0);
	mnl_attr_put_u32(h, IFLA_GROUP, group);
	nl_fine(b, ENODEV);
}

void nl_add_alias(struct nl_batch *b, const char *name, const char *alias)
{
	struct nlmsghdr *h = begin(b, RTM_NEWLINK, 0, "set the alias of", name);

	(void)put_ifinfo(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put_str(h, IFLA_IFALIAS, alias);
}

void nl_add_addr(struct nl_batch *b, int ifindex, uint32_t addr, unsigned prefix_len, bool link_scope)
{
	struct nlmsghdr *h = begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, "set the address", "");
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifa_family = AF_INET;
	m->ifa_prefixlen = (uint8_t)prefix_len;
	m->ifa_scope = link_scope ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	m->ifa_index = (uint32_t)ifindex;
	mnl_attr_put_u32(h, IFA_LOCAL, htonl(addr));
	mnl_attr_put_u32(h, IFA_ADDRESS, htonl(addr));
	if (prefix_len < 31)
		mnl_attr_put_u32(h, IFA_BROADCAST, htonl(addr | (uint32_t)(0xffffffffULL >> prefix_len)));
}

void nl_add_route(struct nl_batch *b, bool del, uint32_t dst, unsigned len, uint32_t gateway, uint32_t src, int ifindex)
{
	struct nlmsghdr *h = begin(b, del ? RTM_DELROUTE : RTM_NEWROUTE, del ? 0 : NLM_F_CREATE | NLM_F_REPLACE,
				   del ? "remove a route" : "add a route", "");
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	*m = (struct rtmsg){ .rtm_family = AF_INET, .rtm_dst_len = (uint8_t)len, .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = PROTO_OURS, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST };
	if (len)
		mnl_attr_put_u32(h, RTA_DST, htonl(dst));
	mnl_attr_put_u32(h, RTA_GATEWAY, htonl(gateway));
	if (src)
		mnl_attr_put_u32(h, RTA_PREFSRC, htonl(src));
	mnl_attr_put_u32(h, RTA_OIF, (uint32_t)ifindex);
	if (del)
		nl_fine(b, ESRCH);
}

void nl_add_addr6(struct nl_batch *b, int ifindex, struct ip6 addr, unsigned prefix_len)
{
	struct nlmsghdr *h = begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, "set the IPv6 address", "");
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifa_family = AF_INET6;
	m->ifa_prefixlen = (uint8_t)prefix_len;
	m->ifa_scope = RT_SCOPE_UNIVERSE;
	m->ifa_flags = IFA_F_NODAD;
	m->ifa_index = (uint32_t)ifindex;
	mnl_attr_put(h, IFA_LOCAL, sizeof(addr.b), addr.b);
	mnl_attr_put(h, IFA_ADDRESS, sizeof(addr.b), addr.b);
}

void nl_add_route6(struct nl_batch *b, bool del, const struct nl_route6 *r, const struct ip6 *src)
{
	struct nlmsghdr *h = begin(b, del ? RTM_DELROUTE : RTM_NEWROUTE, del ? 0 : NLM_F_CREATE | NLM_F_REPLACE,
				   del ? "remove an IPv6 route" : "add an IPv6 route", "");
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	*m = (struct rtmsg){ .rtm_family = AF_INET6, .rtm_dst_len = (uint8_t)r->dst.len, .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = PROTO_OURS, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST };
	if (r->dst.len)
		mnl_attr_put(h, RTA_DST, sizeof(r->dst.base.b), r->dst.base.b);
	mnl_attr_put(h, RTA_GATEWAY, sizeof(r->gateway.b), r->gateway.b);
	if (src)
		mnl_attr_put(h, RTA_PREFSRC, sizeof(src->b), src->b);
	mnl_attr_put_u32(h, RTA_OIF, (uint32_t)r->oif);
	if (del)
		nl_fine(b, ESRCH);
}

/* Questions. */
static int ask(struct nl *n, struct nlmsghdr *h, const char *what, mnl_cb_t cb, void *arg, struct err *e)
{
	auto_free char *buf = xmalloc(RECV_BUF);
	struct err failed = { 0 };
	int more = MNL_CB_OK;

	h->nlmsg_seq = ++n->seq;
	if (send(n->fd, h, h->nlmsg_len, 0) < 0)
		return err_set(e, ERR_SYS, errno, "send to netlink");
	while (more > MNL_CB_STOP) {
		ssize_t got = receive(n->fd, buf, RECV_BUF, &failed);

		if (got < 0) {
			err_move(e, &failed);
			return -1;
		}
		more = mnl_cb_run(buf, (size_t)got, n->seq, 0, cb, arg);
	}
	return more < 0 ? fail(e, errno, what, NULL) : 0;
}

static void copy_text(char *dst, size_t cap, const struct nlattr *a)
{
	size_t n = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));

	n = n < cap ? n : cap - 1;
	memcpy(dst, mnl_attr_get_payload(a), n);
	dst[n] = '\0';
}

static void parse_link(const struct nlmsghdr *h, struct nl_link *l)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *i;

	*l = (struct nl_link){ .index = m->ifi_index, .flags = m->ifi_flags };
	mnl_attr_for_each(a, h, sizeof(*m)) {
		if (mnl_attr_get_type(a) == IFLA_IFNAME)
			copy_text(l->name, sizeof(l->name), a);
		else if (mnl_attr_get_type(a) == IFLA_IFALIAS)
			copy_text(l->alias, sizeof(l->alias), a);
		else if (mnl_attr_get_type(a) == IFLA_MTU)
			l->mtu = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == IFLA_OPERSTATE)
			l->operstate = mnl_attr_get_u8(a);
		else if (mnl_attr_get_type(a) == IFLA_LINKINFO)
			mnl_attr_for_each_nested(i, a)
				if (mnl_attr_get_type(i) == IFLA_INFO_KIND)
					copy_text(l->kind, sizeof(l->kind), i);
	}
}

static int on_link(const struct nlmsghdr *h, void *arg)
{
	struct nl_link l;
	struct nl_links *out = arg;

	if (h->nlmsg_type == RTM_NEWLINK) {
		parse_link(h, &l);
		vec_push(out, l);
	}
	return MNL_CB_OK;
}

static int on_one_link(const struct nlmsghdr *h, void *arg)
{
	(void)on_link(h, arg);
	return MNL_CB_STOP;
}

int nl_link(struct nl *n, const char *name, struct nl_link *ret, struct err *e)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nl_links got = { 0 };
	int rc;

	h->nlmsg_type = RTM_GETLINK;
	h->nlmsg_flags = NLM_F_REQUEST;
	(void)put_ifinfo(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	rc = ask(n, h, "find an interface", on_one_link, &got, e);
	if (rc < 0 && e->sysno == ENODEV) {
		err_done(e);
		rc = 1;
	}
	if (rc == 0)
		*ret = got.v[0];
	vec_done(&got);
	return rc;
}

/* ret: 1 it runs, 0 not yet */
static int running(struct nl *n, const char *name, struct err *e)
{
	struct nl_link l;
	int rc = nl_link(n, name, &l, e);

	return rc > 0 ? err_set(e, ERR_SYS, 0, "interface %s is gone", name) : rc < 0 ? -1 : l.operstate == IF_OPER_UP;
}

int nl_settle(struct nl *n, int netns_fd, const char *name, struct err *e)
{
	auto_nl struct nl notes = NL_INIT;
	auto_free char *buf = NULL;
	int64_t end = sys_mono_ns() + 100000000;
	int group = RTNLGRP_LINK, rc = running(n, name, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	/* FIXME(kernel 6.7): the rest is not needed after it */
	if (nl_open(&notes, netns_fd, e) < 0)
		return -1;
	(void)setsockopt(notes.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
	buf = xmalloc(RECV_BUF);
	while ((rc = running(n, name, e)) == 0) {
		struct pollfd p = { .fd = notes.fd, .events = POLLIN };
		int64_t left = end - sys_mono_ns();

		if (left <= 0 || poll(&p, 1, (int)(left / 1000000) + 1) <= 0)
			return 0;
		(void)recv(notes.fd, buf, RECV_BUF, MSG_DONTWAIT);
	}
	return rc < 0 ? -1 : 0;
}

int nl_links(struct nl *n, struct nl_links *ret, struct err *e)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = RTM_GETLINK;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	(void)put_ifinfo(h, 0, 0);
	return ask(n, h, "list the interfaces", on_link, ret, e);
}

struct addr_ask { int ifindex; uint32_t addr; bool found; };

static int on_addr(const struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	struct addr_ask *q = arg;
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWADDR || (int)m->ifa_index != q->ifindex || q->found)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(*m))
		if (mnl_attr_get_type(a) == IFA_LOCAL && mnl_attr_get_payload_len(a) == 4) {
			q->addr = ntohl(mnl_attr_get_u32(a));
			q->found = true;
		}
	return MNL_CB_OK;
}

int nl_addr(struct nl *n, int ifindex, uint32_t *ret, struct err *e)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct addr_ask q = { .ifindex = ifindex };
	struct ifaddrmsg *m;

	h->nlmsg_type = RTM_GETADDR;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifa_family = AF_INET;
	if (ask(n, h, "list the addresses", on_addr, &q, e) < 0)
		return -1;
	if (q.found)
		*ret = q.addr;
	return q.found ? 0 : 1;
}

static int on_route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct nl_route r = { .len = m->rtm_dst_len, .table = m->rtm_table };
	struct nl_routes *out = arg;
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_family != AF_INET)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(*m)) {
		if (mnl_attr_get_payload_len(a) != 4)
			continue;
		if (mnl_attr_get_type(a) == RTA_DST)
			r.dst = ntohl(mnl_attr_get_u32(a));
		else if (mnl_attr_get_type(a) == RTA_GATEWAY)
			r.gateway = ntohl(mnl_attr_get_u32(a));
		else if (mnl_attr_get_type(a) == RTA_OIF)
			r.oif = (int)mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_TABLE)
			r.table = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_PRIORITY)
			r.metric = mnl_attr_get_u32(a);
	}
	vec_push(out, r);
	return MNL_CB_OK;
}

static int on_route6(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct nl_route6 r = { .dst.len = m->rtm_dst_len, .table = m->rtm_table, .proto = m->rtm_protocol };
	struct nl_routes6 *out = arg;
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_family != AF_INET6)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(*m)) {
		const void *val = mnl_attr_get_payload(a);
		size_t len = mnl_attr_get_payload_len(a);

		if (mnl_attr_get_type(a) == RTA_DST && len == sizeof(r.dst.base.b))
			memcpy(r.dst.base.b, val, len);
		else if (mnl_attr_get_type(a) == RTA_GATEWAY && len == sizeof(r.gateway.b))
			memcpy(r.gateway.b, val, len);
		else if (mnl_attr_get_type(a) == RTA_OIF && len == 4)
			r.oif = (int)mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_TABLE && len == 4)
			r.table = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == RTA_PRIORITY && len == 4)
			r.metric = mnl_attr_get_u32(a);
	}
	vec_push(out, r);
	return MNL_CB_OK;
}

static int dump_routes(struct nl *n, int family, mnl_cb_t cb, void *arg, struct err *e)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct rtmsg *m;

	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = (uint8_t)family;
	return ask(n, h, "list the routes", cb, arg, e);
}

int nl_routes(struct nl *n, struct nl_routes *ret, struct err *e)
{
	return dump_routes(n, AF_INET, on_route, ret, e);
}

int nl_routes6(struct nl *n, struct nl_routes6 *ret, struct err *e)
{
	return dump_routes(n, AF_INET6, on_route6, ret, e);
}

static int on_table(const struct nlmsghdr *h, void *arg)
{
	(void)h;
	(void)arg;
	return MNL_CB_STOP;
}

int nl_nft_table(int family, const char *name, struct err *e)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *m;
	auto_nl struct nl n = { .fd = netns_socket(-1, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, e), .seq = 1 };

	if (n.fd < 0)
		return -1;
	h->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE;
	h->nlmsg_flags = NLM_F_REQUEST;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	*m = (struct nfgenmsg){ .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 };
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, name);
	if (ask(&n, h, "look for our nft table", on_table, NULL, e) == 0)
		return 1;
	if (e->sysno != ENOENT)
		return -1;
	err_done(e);
	return 0;
}
