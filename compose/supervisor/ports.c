/* SPDX-License-Identifier: Apache-2.0 */
/* ports.c - published ports: listeners in the host's namespace. The relay accepts on them; here they are only opened, so
 * that "address in use" is known before the container runs, and kept while it restarts. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include "compose/base/str.h"
#include "compose/net/router.h"
#include "compose/supervisor/ctr.h"

enum { BACKLOG = 1024, EPHEMERAL_TRIES = 16, GIVEN_UP_MAX = 256 };

union address { struct sockaddr sa; struct sockaddr_in v4; struct sockaddr_in6 v6; struct sockaddr_storage room; };

/* ret: length, 0 when ip is no address */
static socklen_t make_address(const char *ip, uint16_t port, union address *ret)
{
	*ret = (union address){ .room = {0} };
	if (inet_pton(AF_INET, ip, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		return sizeof(ret->v4);
	}
	if (inet_pton(AF_INET6, ip, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		return sizeof(ret->v6);
	}
	return 0;
}

static uint16_t port_of(int fd)
{
	union address a = { .room = {0} };
	socklen_t n = sizeof(a);

	(void)getsockname(fd, &a.sa, &n);
	return ntohs(a.sa.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

/* UDP addresses that we gave up: others may have their copies of those sockets open for a moment yet. */
static VEC(union address) given_up;

static bool is_given_up(const union address *a)
{
	for (size_t i = 0; i < given_up.n; i++)
		if (!memcmp(&given_up.v[i], a, sizeof(*a)))      /* NOLINT(*-memory-comparison,cert-*): make_address zeroes all of it */
			return true;
	return false;
}

/* The port is free for us again with this call, whoever has a copy of the descriptor still: keeper, relay, a new container
 * on its way to its exec. kernel: a TCP listener that was shut down listens no more, and does not count against another
 * with SO_REUSEADDR; UDP sockets do not count against each other when both have that. */
void ports_let_go(int fd)
{
	union address a = { .room = {0} };
	socklen_t n = sizeof(a), type_n = sizeof(int);
	int one = 1, type = 0;

	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_n);
	if (type == SOCK_STREAM) {
		(void)shutdown(fd, SHUT_RD);
	} else if (getsockname(fd, &a.sa, &n) == 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (given_up.n == GIVEN_UP_MAX)
			vec_remove(&given_up, 0);
		if (!is_given_up(&a))
			vec_push(&given_up, a);
	}
	close(fd);
}

/* Bind to a port that is ours as far as we know: with nobody but the copies of what we gave up. */
static int bind_again(int fd, const union address *a, socklen_t len)
{
	int one = 1, zero = 0, r;

	if (!is_given_up(a)) {
		errno = EADDRINUSE;
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	r = bind(fd, &a->sa, len);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &zero, sizeof(zero));
	return r;
}

/* ret: the listener, -1 with errno */
static int listen_on(const union address *a, socklen_t len, bool udp)
{
	auto_close int fd = socket(a->sa.sa_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return -1;
	if (a->sa.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (!udp)               /* not for UDP: there it would let two bind the same port */
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	else if (a->sa.sa_family == AF_INET6)   /* the relay answers from the address that was written to */
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	if (bind(fd, &a->sa, len) < 0 && (!udp || errno != EADDRINUSE || bind_again(fd, a, len) < 0))
		return -1;
	return udp || listen(fd, BACKLOG) == 0 ? take_fd(fd) : -1;
}

static bool any_ip(const char *ip)
{
	return str_eq(ip, "0.0.0.0") || str_eq(ip, "::");
}

/* ret: the container of this project that has the port open, or NULL */
static const struct ctr *holder(const struct worker *w, const char *ip, uint16_t port, const char *proto)
{
	for (size_t i = 0; i < w->ctrs.n; i++)
		for (size_t k = 0; k < w->ctrs.v[i]->st.bound.n && k < w->ctrs.v[i]->listeners.n; k++) {
			const struct rec_bound *b = &w->ctrs.v[i]->st.bound.v[k];

			if (b->host_port == port && str_eq(b->proto, proto) &&
			    (str_eq(b->host_ip, ip) || any_ip(b->host_ip) || any_ip(ip)))
				return w->ctrs.v[i];
		}
	return NULL;
}

static int cannot_bind(const struct ctr *c, const struct rec_port *p, const char *ip, uint16_t port, int sysno, struct err *e)
{
	const char *bracket = strchr(ip, ':') ? "[" : "";
	const struct ctr *other = sysno == EADDRINUSE ? holder(c->w, ip, port, p->proto) : NULL;
	auto_free char *where = xasprintf("bind %s%s%s:%u/%s", bracket, ip, *bracket ? "]" : "", port, p->proto);

	if (other)
		err_set(e, ERR_CONFLICT, 0, "%s: port is already allocated by container %s", where, other->rec.name);
	else
		err_set(e, sysno == EADDRINUSE ? ERR_CONFLICT : sysno == EACCES ? ERR_DENIED : ERR_NET, sysno, "%s", where);
	if (p->at && *p->at && !e->at)
		e->at = xstrdup(p->at);
	if (other)
		return err_hint(e, "give it a range of host ports, or none, so that each container has its own");
	if (sysno == EADDRNOTAVAIL)
		return err_hint(e, "publish on an address that this host has: `ip addr` lists them");
	if (sysno == EADDRINUSE)
		return err_hint(e, "find the holder with `ss -l%cnp 'sport = :%u'`, or publish another host port",
				str_eq(p->proto, "udp") ? 'u' : 't', port);
	return -1;
}

static void remember(struct ctr *c, const struct rec_port *p, const char *ip, int fd)
{
	struct rec_bound b = { .host_ip = xstrdup(ip), .host_port = port_of(fd), .target = p->target, .proto = xstrdup(p->proto) };

	vec_push(&c->st.bound, b);
	vec_push(&c->listeners, fd);
}

/* ret: descriptor, -1 with e */
static int bind_one(const struct ctr *c, const struct rec_port *p, const char *ip, uint16_t port, struct err *e)
{
	union address a;
	socklen_t len = make_address(ip, port, &a);
	int fd;

	if (!len) {
		err_set(e, ERR_MODEL, 0, "\"%s\" is no address to publish a port on", ip);
		if (p->at && *p->at)
			e->at = xstrdup(p->at);
		return -1;
	}
	fd = listen_on(&a, len, str_eq(p->proto, "udp"));
	return fd >= 0 ? fd : cannot_bind(c, p, ip, port, errno, e);
}

/* Both families on one port. A host without IPv6 has the one. ret: 0, or -1 with e */
static int bind_any(struct ctr *c, const struct rec_port *p, uint16_t port, struct err *e)
{
	auto_close int four = bind_one(c, p, "0.0.0.0", port, e), six = -1;

	if (four < 0)
		return -1;
	six = bind_one(c, p, "::", port_of(four), e);
	if (six < 0 && e->sysno != EAFNOSUPPORT && e->sysno != EADDRNOTAVAIL)
		return -1;
	err_done(e);
	remember(c, p, "0.0.0.0", take_fd(four));
	if (six >= 0)
		remember(c, p, "::", take_fd(six));
	return 0;
}

static int bind_port(struct ctr *c, const struct rec_port *p, uint16_t port, struct err *e)
{
	int fd;

	if (!*p->host_ip)
		return bind_any(c, p, port, e);
	fd = bind_one(c, p, p->host_ip, port, e);
	if (fd < 0)
		return -1;
	remember(c, p, p->host_ip, fd);
	return 0;
}

/* The first free port of its range; the kernel's choice when there is none. */
static int open_one(struct ctr *c, const struct rec_port *p, struct err *e)
{
	uint16_t last = p->published_end > p->published ? p->published_end : p->published;
	int tries = p->published ? last - p->published + 1 : EPHEMERAL_TRIES, r = -1;

	for (int i = 0; i < tries && r < 0; i++) {
		err_done(e);
		r = bind_port(c, p, p->published ? (uint16_t)(p->published + i) : 0, e);
		if (r < 0 && e->kind != ERR_CONFLICT)
			break;
	}
	if (r < 0 && p->published && last > p->published)
		return err_wrap(e, "no free host port in %u-%u for %u/%s", p->published, last, p->target, p->proto);
	if (r < 0)
		return err_wrap(e, "publish %s%s%u -> %u/%s", p->host_ip, *p->host_ip ? ":" : "", p->published, p->target, p->proto);
	return 0;
}

static void forget_bound(struct ctr *c)
{
	for (size_t i = 0; i < c->st.bound.n; i++) {
		free(c->st.bound.v[i].host_ip);
		free(c->st.bound.v[i].proto);
	}
	vec_done(&c->st.bound);
}

/* What the keeper was asked for by a worker before us is asked for again: that one may have died between the two. */
static int relay_up(struct worker *w, struct err *e)
{
	int router = hold_find(w, "router") ? -1 : router_open(&w->net, e);

	if (e->n)
		return -1;
	if (router >= 0)
		hold_put(w, "", router, "router");
	if (!w->relay)
		hold_relay(w, true);
	return 0;
}

int ports_open(struct ctr *c, struct err *e)
{
	if (!c->rec.ports.n || !c->rec.nets.n || (c->listeners.n && c->listeners.n == c->n_listeners))
		return 0;
	ports_close(c);                 /* what is left of an end that was cut short */
	for (size_t i = 0; i < c->rec.ports.n; i++)
		if (open_one(c, &c->rec.ports.v[i], e) < 0) {
			ports_close(c);
			return -1;
		}
	c->n_listeners = c->listeners.n;
	ports_point(c, "-");
	return 0;
}

void ports_point(struct ctr *c, const char *address)
{
	struct err e = {0};

	if (!c->listeners.n)
		return;
	if (!str_eq(address, "-") && relay_up(c->w, &e) < 0)
		worker_note(&e, "publish the ports of %s", c->rec.name);
	for (size_t i = 0; i < c->listeners.n; i++) {
		const struct rec_bound *b = &c->st.bound.v[i];
		auto_free char *text = xasprintf("%s %s %u", b->proto, address, b->target);

		hold_put(c->w, text, c->listeners.v[i], "port.%s.%zu", c->rec.id, i);
	}
}

void ports_check_relay(struct worker *w)
{
	int router = hold_fd(w, "router");

	for (size_t i = 0; i < w->held.n; i++)
		if (str_starts(w->held.v[i]->key, "port."))
			return;
	hold_relay(w, false);
	hold_drop(w, "router");
	mem_closep(&router);
}

void ports_close(struct ctr *c)
{
	bool any = c->listeners.n > 0;

	for (size_t i = c->listeners.n; i-- > 0;) {     /* the last first: what is held at any moment is 0 to i */
		hold_drop(c->w, "port.%s.%zu", c->rec.id, i);
		ports_let_go(c->listeners.v[i]);
	}
	vec_done(&c->listeners);
	forget_bound(c);
	if (any)
		ports_check_relay(c->w);
}

/* One listener as the keeper had it. text: "tcp 10.0.0.2 80" */
static void adopt_one(struct ctr *c, int fd, const char *text)
{
	union address a = { .room = {0} };
	socklen_t n = sizeof(a);
	char ip[INET6_ADDRSTRLEN] = "", proto[8] = "";
	unsigned target = 0;
	bool six;

	(void)getsockname(fd, &a.sa, &n);
	six = a.sa.sa_family == AF_INET6;
	(void)inet_ntop(a.sa.sa_family, six ? (void *)&a.v6.sin6_addr : (void *)&a.v4.sin_addr, ip, sizeof(ip));
	(void)sscanf(text, "%7s %*s %u", proto, &target);
	remember(c, &(struct rec_port){ .target = (uint16_t)target, .proto = proto }, ip, fd);
}

void ports_adopt(struct ctr *c, int n)
{
	struct held_entry *h;

	forget_bound(c);
	for (size_t i = 0; (h = hold_find(c->w, "port.%s.%zu", c->rec.id, i)) && h->fd >= 0; i++)
		adopt_one(c, h->fd, h->text);
	c->n_listeners = n < 0 ? c->listeners.n : (size_t)n;
}
