/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/dns_forward.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/random.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/net/netns.h"

enum { RESOLV_CONF_MAX = 65536, RC_SERVFAIL = 2, RC_REFUSED = 5, ROUNDS = 2 };
static const int64_t udp_patience_ns = 1500000000, tcp_patience_ns = 5000000000;

struct dns_exchange {
	struct loop     *loop;
	int              netns;          /* a copy, -1: the current namespace */
	struct dns_servers servers;
	unsigned         tries;          /* so far; the next server is tries % n */
	bool             tcp;
	uint16_t         client_id, id;
	uint8_t         *query;          /* with two bytes of room in front, for TCP's length */
	size_t           len;
	int              fd;
	struct loop_src *src, *timer;
	uint8_t         *in;             /* TCP: what has come so far */
	size_t           in_len, sent;
	dns_done_fn     *done;
	void            *arg;
};

bool dns_servers_add(struct dns_servers *s, const char *text)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;
	char addr[64];
	const char *scope = strchr(text, '%');
	size_t n = scope ? (size_t)(scope - text) : strlen(text);

	if (s->n == DNS_SERVERS_MAX || n >= sizeof(addr))
		return false;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (inet_pton(AF_INET, addr, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(DNS_PORT);
	} else if (inet_pton(AF_INET6, addr, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(DNS_PORT);
		v6->sin6_scope_id = scope ? if_nametoindex(scope + 1) : 0;
	} else {
		return false;
	}
	s->at[s->n++] = ss;
	return true;
}

void dns_servers_read(struct dns_servers *s, const char *path)
{
	auto_err struct err ignored = { 0 };
	auto_free char *text = NULL;
	char *line, *rest, *word;

	s->n = 0;
	if (fs_read(AT_FDCWD, path, RESOLV_CONF_MAX, &text, NULL, &ignored) < 0)
		return;
	for (rest = text; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		if (!str_starts(line, "nameserver") || !strchr(" \t", line[10]))
			continue;
		word = line + 10 + strspn(line + 10, " \t");
		word[strcspn(word, " \t\r#;")] = '\0';
		(void)dns_servers_add(s, word);
	}
}

static void drop_socket(struct dns_exchange *x)
{
	loop_del(x->src);
	loop_del(x->timer);
	x->src = x->timer = NULL;
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
	x->in_len = x->sent = 0;
}

void dns_exchange_free(struct dns_exchange *x)
{
	if (!x)
		return;
	drop_socket(x);
	if (x->netns >= 0)
		close(x->netns);
	free(x->query);
	free(x->in);
	free(x);
}

static void finish(struct dns_exchange *x, const uint8_t *reply, size_t len)
{
	dns_done_fn *done = x->done;
	void *arg = x->arg;

	drop_socket(x);
	done(arg, reply, len);
	dns_exchange_free(x);
}

static void try_next(void *arg);

static void try_later(struct dns_exchange *x, int64_t delay_ns)
{
	x->timer = loop_at(x->loop, sys_mono_ns() + delay_ns, try_next, x);
}

/* A whole message has come. ret: whether the exchange is over (and x freed) */
static bool take_reply(struct dns_exchange *x, uint8_t *r, size_t len)
{
	unsigned rcode;

	if (!dns_reply_fits(x->query + 2, x->len, x->id, r, len))
		return false;
	rcode = r[3] & 15;
	if ((rcode == RC_SERVFAIL || rcode == RC_REFUSED) && x->tries < x->servers.n) {
		drop_socket(x);
		try_later(x, 0);
		return true;
	}
	r[0] = (uint8_t)(x->client_id >> 8);
	r[1] = (uint8_t)x->client_id;
	finish(x, r, len);
	return true;
}

static void on_udp(void *arg, uint32_t events)
{
	uint8_t buf[DNS_MSG_MAX];
	struct dns_exchange *x = arg;
	ssize_t n;

	(void)events;
	for (int i = 0; i < 8; i++) {
		n = recv(x->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n >= 0 && take_reply(x, buf, (size_t)n))
			return;
		if (n < 0)
			break;
	}
	/* "connection refused" and the like: this server will not answer */
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		drop_socket(x);
		try_later(x, 0);
	}
}

static bool send_tcp(struct dns_exchange *x)
{
	size_t total = x->len + 2;
	ssize_t n;

	if (x->sent == total)
		return true;
	n = send(x->fd, x->query + x->sent, total - x->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	x->sent += (size_t)n;
	if (x->sent == total)
		loop_mod(x->src, EPOLLIN);
	return true;
}

/* ret: 1 whole, 0 not yet, -1 the connection is of no use */
static int read_tcp(struct dns_exchange *x, size_t *ret_len)
{
	ssize_t n;

	if (!x->in)
		x->in = xmalloc(DNS_MSG_MAX + 2);
	n = recv(x->fd, x->in + x->in_len, DNS_MSG_MAX + 2 - x->in_len, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return -1;
	x->in_len += n > 0 ? (size_t)n : 0;
	if (x->in_len < 2)
		return 0;
	*ret_len = (size_t)x->in[0] << 8 | x->in[1];
	return x->in_len >= *ret_len + 2;
}

static void on_tcp(void *arg, uint32_t events)
{
	struct dns_exchange *x = arg;
	size_t len = 0;
	int got = 0;

	if (events & EPOLLOUT && !send_tcp(x))
		got = -1;
	if (got == 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		got = read_tcp(x, &len);
	if (got == 0 || (got > 0 && take_reply(x, x->in + 2, len)))
		return;
	drop_socket(x);
	try_later(x, 0);
}

static bool start(struct dns_exchange *x, const struct sockaddr_storage *to)
{
	auto_err struct err ignored = { 0 };
	socklen_t len = to->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	x->fd = netns_socket(x->netns, to->ss_family, (x->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0, &ignored);
	if (x->fd < 0 || (connect(x->fd, (const struct sockaddr *)to, len) < 0 && errno != EINPROGRESS))
		return false;
	if (getrandom(&x->id, sizeof(x->id), 0) != sizeof(x->id))
		return false;
	x->query[2] = (uint8_t)(x->id >> 8);
	x->query[3] = (uint8_t)x->id;
	x->src = loop_add(x->loop, x->fd, x->tcp ? EPOLLIN | EPOLLOUT : EPOLLIN, x->tcp ? on_tcp : on_udp, x);
	if (!x->src)
		return false;
	return x->tcp || send(x->fd, x->query + 2, x->len, MSG_NOSIGNAL) == (ssize_t)x->len;
}

/* The timer's callback too: the server asked before had its time. */
static void try_next(void *arg)
{
	struct dns_exchange *x = arg;

	x->timer = NULL;
	drop_socket(x);
	if (x->tries >= x->servers.n * ROUNDS) {
		finish(x, NULL, 0);
		return;
	}
	if (start(x, &x->servers.at[x->tries++ % x->servers.n]))
		try_later(x, x->tcp ? tcp_patience_ns : udp_patience_ns);
	else
		try_later(x, 0);
}

struct dns_exchange *dns_exchange_new(struct loop *l, int netns_fd, const struct dns_servers *servers, bool tcp,
				      const uint8_t *query, size_t len, dns_done_fn *done, void *arg)
{
	struct dns_exchange *x;

	if (!servers->n || len < DNS_HEADER || len > DNS_MSG_MAX)
		return NULL;
	x = xcalloc(1, sizeof(*x));
	*x = (struct dns_exchange){ .loop = l, .netns = netns_fd < 0 ? -1 : fcntl(netns_fd, F_DUPFD_CLOEXEC, 0),
				    .servers = *servers, .tcp = tcp, .client_id = (uint16_t)(query[0] << 8 | query[1]),
				    .fd = -1, .len = len, .done = done, .arg = arg };
	if (netns_fd >= 0 && x->netns < 0) {     /* never from a namespace that was not meant */
		free(x);
		return NULL;
	}
	x->query = xmalloc(len + 2);
	x->query[0] = (uint8_t)(len >> 8);
	x->query[1] = (uint8_t)len;
	memcpy(x->query + 2, query, len);
	try_later(x, 0);
	return x;
}
