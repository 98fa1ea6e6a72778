/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/net/dns.h"
#include "compose/net/dns_forward.h"
#include "compose/net/dns_zone.h"

/* One container cannot use up what the others need. */
enum { QUERY_MAX = 4096, PER_WAKE = 16, PENDING_MAX = 64, PENDING_ALL_MAX = 512, CONNS_MAX = 8, RC_SERVFAIL = 2,
	RC_NXDOMAIN = 3 };
static const int64_t conn_patience_ns = 10000000000;

struct client;

/* A connection by TCP: one query at a time. */
struct conn {
	struct client   *client;
	int              fd;
	struct loop_src *src, *timer;
	struct pending  *pending;
	uint8_t          in[QUERY_MAX + 2], *out;
	size_t           in_len, out_len, sent;
};

/* A query that has been forwarded. */
struct pending {
	struct client       *client;
	struct dns_exchange *exchange;
	struct conn         *conn;       /* NULL: by UDP, from */
	struct sockaddr_storage from;
	socklen_t            from_len;
	size_t               len;
	uint8_t              query[];
};

struct client {
	struct dns_server *server;
	char              *id;
	int                udp, tcp;
	struct loop_src   *udp_src, *tcp_src;
	VEC(struct dns_source *) nets;   /* the server's */
	struct dns_servers upstream;
	struct map         links;        /* alias -> name; owns the names */
	bool               own_upstream, forward;
	struct dns_turn    turn;
	VEC(struct pending *) pending;
	VEC(struct conn *) conns;
};

struct dns_server {
	struct loop          *loop;
	const struct net_ctx *ctx;
	struct map            nets;      /* network id -> struct dns_source, shared by the clients */
	VEC(struct client *)  clients;
	size_t                pending;
	struct dns_servers    host;      /* the host's resolvers, as of host_mtime */
	struct timespec       host_mtime;
};

int dns_server_new(struct dns_server **ret, struct loop *l, const struct net_ctx *c, struct err *e)
{
	struct dns_server *s = xcalloc(1, sizeof(*s));

	(void)e;
	s->loop = l;
	s->ctx = c;
	*ret = s;
	return 0;
}

/* Answering. */
static enum dns_verdict answer(struct client *c, bool tcp, const uint8_t *q, size_t len, uint8_t *out, size_t cap,
			       size_t *ret_len)
{
	struct dns_zone z = { .n = c->nets.n, .turn = &c->turn, .links = &c->links };
	const struct dns_net **nets = xmalloc((c->nets.n + 1) * sizeof(*nets));
	enum dns_verdict v;

	for (size_t i = 0; i < c->nets.n; i++)
		nets[i] = dns_source_now(c->nets.v[i]);
	z.net = nets;
	v = dns_answer(&z, tcp, q, len, out, cap, ret_len);
	free(nets);
	return v;
}

static const struct dns_servers *host_servers(struct dns_server *s)
{
	struct stat st;

	if (stat("/etc/resolv.conf", &st) < 0) {
		s->host.n = 0;
	} else if (st.st_mtim.tv_sec != s->host_mtime.tv_sec || st.st_mtim.tv_nsec != s->host_mtime.tv_nsec) {
		dns_servers_read(&s->host, "/etc/resolv.conf");
		s->host_mtime = st.st_mtim;
	}
	return &s->host;
}

static void forget(struct pending *p)
{
	struct client *c = p->client;

	for (size_t i = 0; i < c->pending.n; i++)
		if (c->pending.v[i] == p) {
			vec_remove(&c->pending, i);
			break;
		}
	c->server->pending--;
	if (p->conn)
		p->conn->pending = NULL;
	free(p);
}

static void conn_reply(struct conn *x, const uint8_t *r, size_t len);

static void on_reply(void *arg, const uint8_t *r, size_t len)
{
	uint8_t none[DNS_UDP_MIN];
	struct pending *p = arg;
	struct conn *conn = p->conn;

	if (!len) {
		len = dns_refuse(p->query, p->len, RC_SERVFAIL, none, sizeof(none));
		r = none;
	}
	if (!conn)
		(void)sendto(p->client->udp, r, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&p->from,
			     p->from_len);
	forget(p);                       /* before conn_reply(), which may close the connection */
	if (conn)
		conn_reply(conn, r, len);
}

/* Custom resolvers (`dns:`) are asked from where the container is, so they may be on its networks, and no further than
 * it reaches itself. ret: false when the query cannot be forwarded */
static bool forward(struct client *c, struct conn *conn, const struct sockaddr_storage *from, socklen_t from_len,
		    const uint8_t *q, size_t len)
{
	struct pending *p;
	int ns = -1;

	if (c->pending.n >= PENDING_MAX || c->server->pending >= PENDING_ALL_MAX)
		return false;
	if (c->own_upstream && (ns = ioctl(c->udp, SIOCGSKNS)) < 0)
		return false;
	p = xcalloc(1, sizeof(*p) + len);
	*p = (struct pending){ .client = c, .conn = conn, .from_len = from_len, .len = len };
	if (from)
		memcpy(&p->from, from, from_len);
	memcpy(p->query, q, len);
	p->exchange = dns_exchange_new(c->server->loop, ns, c->own_upstream ? &c->upstream : host_servers(c->server),
				       conn != NULL, q, len, on_reply, p);
	if (ns >= 0)
		close(ns);
	if (!p->exchange) {
		free(p);
		return false;
	}
	vec_push(&c->pending, p);
	c->server->pending++;
	if (conn)
		conn->pending = p;
	return true;
}

/* ret: length of a reply in out, 0 when there is none (yet) */
static size_t handle(struct client *c, struct conn *conn, const struct sockaddr_storage *from, socklen_t from_len,
		     const uint8_t *q, size_t len, uint8_t *out, size_t cap)
{
	size_t n = 0;

	switch (answer(c, conn != NULL, q, len, out, cap, &n)) {
	case DNS_ANSWERED:
		return n;
	case DNS_IGNORE:
		return 0;
	case DNS_UNKNOWN:
		break;
	}
	if (!c->forward)
		return dns_refuse(q, len, RC_NXDOMAIN, out, cap);
	return forward(c, conn, from, from_len, q, len) ? 0 : dns_refuse(q, len, RC_SERVFAIL, out, cap);
}

static void on_udp(void *arg, uint32_t events)
{
	uint8_t q[QUERY_MAX], out[QUERY_MAX];
	struct client *c = arg;

	(void)events;
	for (int i = 0; i < PER_WAKE; i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		ssize_t n =
			recvfrom(c->udp, q, sizeof(q), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_len);
		size_t len;

		if (n < 0)
			return;
		if ((size_t)n > sizeof(q))
			continue;
		len = handle(c, NULL, &from, from_len, q, (size_t)n, out, sizeof(out));
		if (len)
			(void)sendto(c->udp, out, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from, from_len);
	}
}

/* Connections. */
static void conn_free(struct conn *x)
{
	struct client *c = x->client;

	for (size_t i = 0; i < c->conns.n; i++)
		if (c->conns.v[i] == x) {
			vec_remove(&c->conns, i);
			break;
		}
	if (x->pending) {
		dns_exchange_free(x->pending->exchange);
		forget(x->pending);
	}
	loop_del(x->src);
	loop_del(x->timer);
	close(x->fd);
	free(x->out);
	free(x);
}

static void conn_timeout(void *arg)
{
	struct conn *x = arg;

	x->timer = NULL;
	conn_free(x);
}

/* Take up the next query that is whole, if the last one is done with. ret: false when the connection is to be closed */
static bool conn_work(struct conn *x)
{
	uint8_t *out;
	size_t len, n;

	if (x->pending || x->out || x->in_len < 2)
		return true;
	len = (size_t)x->in[0] << 8 | x->in[1];
	if (len > QUERY_MAX || len < DNS_HEADER)
		return false;
	if (x->in_len < len + 2)
		return true;
	out = xmalloc(DNS_MSG_MAX);
	n = handle(x->client, x, NULL, 0, x->in + 2, len, out, DNS_MSG_MAX);
	x->in_len -= len + 2;
	memmove(x->in, x->in + len + 2, x->in_len);
	if (n)
		conn_reply(x, out, n);
	free(out);
	return n || x->pending;
}

/* Only stored here; sending and closing are the loop's. */
static void conn_reply(struct conn *x, const uint8_t *r, size_t len)
{
	if (!len)
		return;
	x->out = xmalloc(len + 2);
	x->out[0] = (uint8_t)(len >> 8);
	x->out[1] = (uint8_t)len;
	memcpy(x->out + 2, r, len);
	x->out_len = len + 2;
	x->sent = 0;
	loop_mod(x->src, EPOLLOUT);
}

static bool conn_write(struct conn *x)
{
	ssize_t n;

	if (!x->out)
		return true;
	n = send(x->fd, x->out + x->sent, x->out_len - x->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	x->sent += (size_t)n;
	if (x->sent == x->out_len) {
		free(x->out);
		x->out = NULL;
		loop_mod(x->src, EPOLLIN);
		return conn_work(x);
	}
	return true;
}

static bool conn_read(struct conn *x)
{
	ssize_t n;

	if (x->in_len == sizeof(x->in)) {        /* full of queries to come: listen again when one is done */
		loop_mod(x->src, 0);
		return true;
	}
	n = recv(x->fd, x->in + x->in_len, sizeof(x->in) - x->in_len, MSG_DONTWAIT);
	if (n == 0 && (x->pending || x->out)) {  /* it asks no more, but waits for the answer */
		loop_mod(x->src, x->out ? EPOLLOUT : 0);
		return true;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	x->in_len += n > 0 ? (size_t)n : 0;
	return conn_work(x);
}

static void on_conn(void *arg, uint32_t events)
{
	struct conn *x = arg;

	if ((events & (EPOLLERR | EPOLLHUP)) || (events & EPOLLOUT && !conn_write(x)) ||
	    (events & EPOLLIN && !conn_read(x)))
		conn_free(x);
}

static void on_accept(void *arg, uint32_t events)
{
	struct client *c = arg;
	int fd = accept4(c->tcp, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *x;

	(void)events;
	if (fd < 0)
		return;
	if (c->conns.n >= CONNS_MAX)
		conn_free(c->conns.v[0]);        /* the oldest, so that idle ones do not lock the others out */
	x = xcalloc(1, sizeof(*x));
	x->client = c;
	x->fd = fd;
	x->src = loop_add(c->server->loop, fd, EPOLLIN, on_conn, x);
	x->timer = loop_at(c->server->loop, sys_mono_ns() + conn_patience_ns, conn_timeout, x);
	vec_push(&c->conns, x);
	if (!x->src)
		conn_free(x);
}

/* Clients. */
static void client_free(struct client *c)
{
	/* conn_free() and forget() take theirs off the lists */
	while (c->conns.n)
		conn_free(c->conns.v[0]); /* NOLINT(clang-analyzer-unix.Malloc) */
	while (c->pending.n) {
		dns_exchange_free(c->pending.v[0]->exchange); /* NOLINT(clang-analyzer-unix.Malloc) */
		forget(c->pending.v[0]);
	}
	loop_del(c->udp_src);
	loop_del(c->tcp_src);
	if (c->udp >= 0)
		close(c->udp);
	if (c->tcp >= 0)
		close(c->tcp);
	vec_done(&c->conns);
	vec_done(&c->pending);
	vec_done(&c->nets);
	for (size_t i = 0; i < c->links.n; i++)
		free(c->links.e[i].val);
	map_done(&c->links);
	free(c->id);
	free(c);
}

static int add_nets(struct client *c, char *const *ids, struct err *e)
{
	for (; ids && *ids; ids++) {
		struct dns_source *s = map_get(&c->server->nets, *ids);

		if (!s && dns_source_new(&s, c->server->ctx, *ids, e) < 0)
			return -1;
		(void)map_set(&c->server->nets, *ids, s);
		vec_push(&c->nets, s);
	}
	return 0;
}

static int add_upstream(struct client *c, char *const *list, struct err *e)
{
	for (; list && *list; list++) {
		if (c->upstream.n == DNS_SERVERS_MAX)
			break;           /* as resolv.conf itself, which takes three */
		if (!dns_servers_add(&c->upstream, *list))
			return err_set(e, ERR_MODEL, 0, "dns: \"%s\" is not an address", *list);
		c->own_upstream = true;
	}
	return 0;
}

static bool in_use(const struct dns_server *s, const struct dns_source *net)
{
	for (size_t i = 0; i < s->clients.n; i++)
		for (size_t k = 0; k < s->clients.v[i]->nets.n; k++)
			if (s->clients.v[i]->nets.v[k] == net)
				return true;
	return false;
}

static void drop_unused_nets(struct dns_server *s)
{
	for (size_t i = s->nets.n; i-- > 0;) {
		struct dns_source *net = s->nets.e[i].val;

		if (in_use(s, net))
			continue;
		(void)map_del(&s->nets, s->nets.e[i].key);
		dns_source_free(net);
	}
}

/* ret: its place, the number of clients when there is none */
static size_t find_client(const struct dns_server *s, const char *id)
{
	size_t i = 0;

	while (i < s->clients.n && !str_eq(s->clients.v[i]->id, id))
		i++;
	return i;
}

static void remove_client(struct dns_server *s, size_t i)
{
	client_free(s->clients.v[i]);
	vec_remove(&s->clients, i);
	drop_unused_nets(s);
}

static char *lower(const char *s, size_t n)
{
	char *copy = xstrndup(s, n);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static void add_links(struct client *c, char *const *links)
{
	for (; links && *links; links++) {
		size_t len = strcspn(*links, "=");
		auto_free char *alias = lower(*links, len);

		if ((*links)[len])
			free(map_set(&c->links, alias, lower(*links + len + 1, strlen(*links + len + 1))));
	}
}

int dns_server_add(struct dns_server *s, const struct dns_client *conf, int udp, int tcp, struct err *e)
{
	struct client *c = xcalloc(1, sizeof(*c));
	size_t old;

	*c = (struct client){ .server = s, .id = xstrdup(conf->container_id), .udp = -1, .tcp = -1,
			      .forward = conf->forward };
	if (add_nets(c, conf->network_ids, e) < 0 || add_upstream(c, conf->upstream, e) < 0) {
		client_free(c);
		drop_unused_nets(s);
		return err_wrap(e, "serve names to container %.12s", conf->container_id);
	}
	add_links(c, conf->links);
	c->udp_src = loop_add(s->loop, udp, EPOLLIN, on_udp, c);
	c->tcp_src = loop_add(s->loop, tcp, EPOLLIN, on_accept, c);
	if (!c->udp_src || !c->tcp_src) {
		err_set(e, ERR_SYS, errno, "serve names to container %.12s", conf->container_id);
		client_free(c);
		drop_unused_nets(s);
		return -1;
	}
	c->udp = udp;
	c->tcp = tcp;
	old = find_client(s, c->id);
	vec_push(&s->clients, c);
	if (old < s->clients.n - 1)
		remove_client(s, old);   /* after the new one is there, so that the networks they share stay loaded */
	return 0;
}

void dns_server_del(struct dns_server *s, const char *container_id)
{
	size_t i = find_client(s, container_id);

	if (i < s->clients.n)
		remove_client(s, i);
}

void dns_server_free(struct dns_server *s)
{
	if (!s)
		return;
	while (s->clients.n)
		remove_client(s, 0);
	vec_done(&s->clients);
	drop_unused_nets(s);
	map_done(&s->nets);
	free(s);
}
