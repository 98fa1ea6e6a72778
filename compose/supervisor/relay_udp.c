/* SPDX-License-Identifier: Apache-2.0 */
/* relay_udp.c - datagrams to a container and its answers back: a table of who has spoken lately.
 * Each client has a socket of its own towards the container, so that an answer finds its way. An answer leaves from the
 * address that the client had written to. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/supervisor/relay.h"

enum { BUCKETS = 256, SESSIONS_MAX = 4096, DATAGRAM_MAX = 65536, ROUNDS = 64 };
static const int64_t idle_ns = 90LL * 1000000000;

union address { struct sockaddr sa; struct sockaddr_in v4; struct sockaddr_in6 v6; };
union control { struct cmsghdr head; char room[CMSG_SPACE(sizeof(struct in6_pktinfo))]; };

struct session {
	struct session *next;
	struct port *p;
	union address client;
	socklen_t client_len;
	_Alignas(struct cmsghdr) char from[CMSG_SPACE(sizeof(struct in6_pktinfo))];     /* makes an answer leave from the right address */
	size_t from_len;
	int    fd;
	struct loop_src *src;
	int64_t used_ns;
};
struct udp_table {
	struct session *bucket[BUCKETS];
	size_t n;
	struct loop *loop;
	struct loop_src *timer;
};

static char datagram[DATAGRAM_MAX];

static void session_free(struct session *s)
{
	loop_del(s->src);
	mem_closep(&s->fd);
	free(s);
}

void udp_forget(struct port *p)
{
	struct udp_table *t = p->sessions;

	if (!t)
		return;
	for (int i = 0; i < BUCKETS; i++)
		for (struct session *s = t->bucket[i], *next; s; s = next) {
			next = s->next;
			session_free(s);
		}
	loop_del(t->timer);
	free(t);
	p->sessions = NULL;
}

static void on_timer(void *arg)
{
	struct udp_table *t = arg;
	int64_t now = sys_mono_ns();

	t->timer = NULL;
	for (int i = 0; i < BUCKETS; i++)
		for (struct session **at = &t->bucket[i], *s; (s = *at);) {
			if (now - s->used_ns < idle_ns) {
				at = &s->next;
				continue;
			}
			*at = s->next;
			t->n--;
			session_free(s);
		}
	if (t->n)
		t->timer = loop_at(t->loop, now + idle_ns / 3, on_timer, t);
}

static unsigned bucket_of(const union address *a)
{
	const unsigned char *p = a->sa.sa_family == AF_INET ? (const void *)&a->v4.sin_addr : (const void *)&a->v6.sin6_addr;
	size_t n = a->sa.sa_family == AF_INET ? 4 : 16;
	unsigned h = a->sa.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port;

	for (size_t i = 0; i < n; i++)
		h = h * 31 + p[i];
	return (h ^ h >> 8) % BUCKETS;
}

static bool same(const union address *a, const union address *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
	       !memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr));
}

/* The container answers. */
static void on_answer(void *arg, uint32_t events)
{
	struct session *s = arg;

	(void)events;
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = recv(s->fd, datagram, sizeof(datagram), MSG_DONTWAIT);
		struct iovec iov = { .iov_base = datagram, .iov_len = n > 0 ? (size_t)n : 0 };
		struct msghdr h = { .msg_name = &s->client, .msg_namelen = s->client_len, .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = s->from_len ? s->from : NULL, .msg_controllen = s->from_len };

		if (n < 0)
			return;         /* nothing more; "port unreachable" is told here too and means nothing to a datagram */
		s->used_ns = sys_mono_ns();
		(void)sendmsg(s->p->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* Turn what was told about the arrival into what is to be asked for the answer: the interface is the route's choice. */
static void answer_from(struct session *s, struct msghdr *h)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);

	if (!c)
		return;
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo i;

		memcpy(&i, CMSG_DATA(c), sizeof(i));
		i.ipi_spec_dst = i.ipi_addr;
		i.ipi_ifindex = 0;
		memcpy(s->from, c, sizeof(*c));
		memcpy(CMSG_DATA((struct cmsghdr *)(void *)s->from), &i, sizeof(i));
		s->from_len = CMSG_SPACE(sizeof(i));
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		memcpy(s->from, c, CMSG_LEN(sizeof(struct in6_pktinfo)));
		s->from_len = CMSG_SPACE(sizeof(struct in6_pktinfo));
	}
}

static struct session *session_new(struct loop *l, struct port *p, const union address *client, struct msghdr *h)
{
	struct session *s = xcalloc(1, sizeof(*s));
	unsigned b = bucket_of(client);

	s->p = p;
	s->client = *client;
	s->client_len = h->msg_namelen;
	answer_from(s, h);
	s->fd = socket(p->target.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || connect(s->fd, &p->target.sa, p->target_len) < 0 ||
	    !(s->src = loop_add(l, s->fd, EPOLLIN, on_answer, s))) {
		session_free(s);
		return NULL;
	}
	s->next = p->sessions->bucket[b];
	p->sessions->bucket[b] = s;
	p->sessions->n++;
	if (!p->sessions->timer)
		p->sessions->timer = loop_at(l, sys_mono_ns() + idle_ns, on_timer, p->sessions);
	return s;
}

static struct session *session_of(struct loop *l, struct port *p, const union address *client, struct msghdr *h)
{
	struct session *s = p->sessions->bucket[bucket_of(client)];

	while (s && !same(&s->client, client))
		s = s->next;
	if (s || p->sessions->n >= SESSIONS_MAX)
		return s;               /* a flood of new ones is dropped, those who speak go on */
	return session_new(l, p, client, h);
}

static void table_new(struct loop *l, struct port *p)
{
	p->sessions = xcalloc(1, sizeof(*p->sessions));
	p->sessions->loop = l;
}

void udp_receive(struct loop *l, struct port *p)
{
	if (!p->sessions)
		table_new(l, p);
	for (int i = 0; i < ROUNDS; i++) {
		union address client;
		union control ctl;
		struct iovec iov = { .iov_base = datagram, .iov_len = sizeof(datagram) };
		struct msghdr h = { .msg_name = &client, .msg_namelen = sizeof(client), .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = &ctl, .msg_controllen = sizeof(ctl) };
		ssize_t n = recvmsg(p->fd, &h, MSG_DONTWAIT);
		struct session *s;

		if (n < 0)
			return;
		s = session_of(l, p, &client, &h);
		if (!s)
			continue;
		s->used_ns = sys_mono_ns();
		(void)send(s->fd, datagram, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}
