/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver at 127.0.0.11 with real sockets: names of containers, other names forwarded, by UDP and TCP. */
#include <sys/mount.h>
#include "compose/base/loop.h"
#include "compose/base/sys.h"
#include "compose/net/dns.h"
#include "tests/unit/net_live.h"

#define NET_A "aaaaaaaaaaaa0011"
#define NET_I "cccccccccccc0013"

enum { T_A = 1, T_AAAA = 28, ANSWER = 0x08080404 };

struct world {
	struct net_ctx c;
	struct loop *loop;
	struct dns_server *server;
	int outside, ns[3], up_udp, up_tcp, up_conn;
	struct loop_src *up_src, *udp_src, *tcp_src, *inner_src;
	struct net_addr at[3];
	unsigned asked;              /* what the resolver outside has seen */
	bool mute, cut, lie;         /* how it behaves */
};

/* The resolver outside: answers every query with one address; what it does wrong, it does on purpose. */
static size_t upstream_reply(struct world *w, uint8_t *b, size_t n, bool tcp)
{
	static const uint8_t rr[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 8, 8, 4, 4 };

	w->asked++;
	b[2] = 0x81;
	b[3] = 0x80;
	if (w->cut && !tcp) {
		b[2] |= 2;
		return n;
	}
	b[7] = 1;
	memcpy(b + n, rr, sizeof(rr));
	return n + sizeof(rr);
}

static void on_upstream_udp(void *arg, uint32_t events)
{
	uint8_t b[1024];
	struct world *w = arg;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(w->up_udp, b, 512, MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	(void)events;
	if (n < 12)
		return;
	if (w->mute) {
		w->asked++;
		return;
	}
	n = (ssize_t)upstream_reply(w, b, (size_t)n, false);
	if (w->lie) {                        /* a forged one first, with a wrong id */
		b[0] ^= 0x55;
		b[(size_t)n - 1] = 66;
		(void)sendto(w->up_udp, b, (size_t)n, 0, (struct sockaddr *)&from, len);
		b[0] ^= 0x55;
		b[(size_t)n - 1] = 4;
	}
	(void)sendto(w->up_udp, b, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static void on_upstream_conn(void *arg, uint32_t events)
{
	uint8_t b[1024];
	struct world *w = arg;
	ssize_t n = recv(w->up_conn, b, 512, MSG_DONTWAIT);

	(void)events;
	if (n > 14) {
		size_t len = upstream_reply(w, b + 2, (size_t)n - 2, true);

		b[0] = (uint8_t)(len >> 8);
		b[1] = (uint8_t)len;
		(void)send(w->up_conn, b, len + 2, MSG_NOSIGNAL);
	}
	loop_del(w->up_src);
	close(w->up_conn);
}

/* One connection at a time is enough. */
static void on_upstream_tcp(void *arg, uint32_t events)
{
	struct world *w = arg;

	(void)events;
	w->up_conn = accept(w->up_tcp, NULL, NULL);
	w->up_src = loop_add(w->loop, w->up_conn, EPOLLIN, on_upstream_conn, w);
}

static size_t make_query(uint8_t *q, const char *name, unsigned type)
{
	size_t at = 12;

	memset(q, 0, 12);
	q[0] = 0x77;
	q[2] = 1;
	q[5] = 1;
	while (*name) {
		size_t n = strcspn(name, ".");

		q[at++] = (uint8_t)n;
		memcpy(q + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	memcpy(q + at, (const uint8_t[]){ 0, 0, (uint8_t)type, 0, 1 }, 5);
	return at + 5;
}

struct question { struct loop *loop; int fd; bool tcp, late; uint8_t r[2048]; ssize_t n; };

static void on_answer(void *arg, uint32_t events)
{
	struct question *x = arg;

	(void)events;
	x->n = recv(x->fd, x->r, sizeof(x->r), MSG_DONTWAIT);
	if (x->tcp && x->n > 2)
		memmove(x->r, x->r + 2, (size_t)(x->n -= 2));
	loop_stop(x->loop);
}

static void on_timeout(void *arg)
{
	struct question *x = arg;

	x->late = true;
	loop_stop(x->loop);
}

/* ret: "1.2.3.4 5.6.7.8", "" for an empty answer, "rcode 3", "cut", "timeout" */
static const char *ask(struct world *w, int ns, const char *name, unsigned type, bool tcp)
{
	static char text[256];
	struct sockaddr_in to = at("127.0.0.11", 53);
	struct question x = { .loop = w->loop, .tcp = tcp, .n = -1 };
	uint8_t q[300];
	size_t n = make_query(q + 2, name, type), used = 0;
	struct loop_src *timer = loop_at(w->loop, sys_mono_ns() + 8000000000, on_timeout, &x), *src;

	q[0] = 0;
	q[1] = (uint8_t)n;
	x.fd = netns_socket(ns, AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0, &live_err);
	if (connect(x.fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return "refused";
	if (send(x.fd, tcp ? q : q + 2, tcp ? n + 2 : n, 0) < 0)
		return "unsent";
	src = loop_add(w->loop, x.fd, EPOLLIN, on_answer, &x);
	while (x.n < 0 && !x.late)
		if (loop_run(w->loop, &live_err) < 0)
			break;
	loop_del(src);
	if (!x.late)
		loop_del(timer);
	close(x.fd);
	text[0] = '\0';
	if (x.n < 12)
		return "timeout";
	if (x.r[0] != 0x77 || x.r[1] != 0)
		return "another id";
	if (x.r[3] & 15)
		(void)snprintf(text, sizeof(text), "rcode %d", x.r[3] & 15);
	else if (x.r[2] & 2)
		return "cut";
	for (int i = 0; i < x.r[7] && !(x.r[3] & 15); i++) {
		const uint8_t *p = x.r + n + 16 * i + 12;

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u.%u.%u.%u", i ? " " : "", p[0], p[1],
					 p[2], p[3]);
	}
	return text;
}

static void listen_outside(struct world *w)
{
	struct sockaddr_in a = at("203.0.113.1", 53);

	w->up_udp = netns_socket(w->outside, AF_INET, SOCK_DGRAM, 0, &live_err);
	w->up_tcp = netns_socket(w->outside, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, &live_err);
	ok(bind(w->up_udp, (struct sockaddr *)&a, sizeof(a)) == 0 &&
		   bind(w->up_tcp, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(w->up_tcp, 4) == 0,
	   "a resolver outside");
	w->udp_src = loop_add(w->loop, w->up_udp, EPOLLIN, on_upstream_udp, w);
	w->tcp_src = loop_add(w->loop, w->up_tcp, EPOLLIN, on_upstream_tcp, w);
}

static void host_resolver(const char *run_dir)
{
	auto_free char *path = xasprintf("%s/resolv.conf", run_dir);
	static const char text[] = "# the host's\nsearch example\nnameserver 203.0.113.1\n";

	fine(fs_write(AT_FDCWD, path, text, strlen(text), 0644, false, &live_err), "a resolv.conf");
	is_int(mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL), 0, "is the host's");
}

static void serve(struct world *w, unsigned n, const char *net, bool forward, char *const *upstream, bool free_53)
{
	char id[65], net_id[65], *nets[] = { net_id, NULL };
	const struct dns_client conf = {
		.container_id = id, .network_ids = nets, .forward = forward, .upstream = upstream};
	int udp = -1, tcp = -1;

	(void)snprintf(id, sizeof(id), "%s", id_of(n));
	(void)snprintf(net_id, sizeof(net_id), "%s", net);
	fine(net_dns_open(w->ns[n], free_53, &udp, &tcp, &live_err), "sockets in a container");
	fine(dns_server_add(w->server, &conf, udp, tcp, &live_err), "are served");
}

static void own_names(struct world *w)
{
	char id[13];

	(void)snprintf(id, sizeof(id), "%.12s", id_of(1));
	is_str(ask(w, w->ns[0], "c1", T_A, false), w->at[1].ipv4, "a service");
	is_str(ask(w, w->ns[0], "demo-c1-1", T_A, false), w->at[1].ipv4, "a container");
	is_str(ask(w, w->ns[0], id, T_A, false), w->at[1].ipv4, "a container's short id");
	is_str(ask(w, w->ns[0], "C1.demo_a", T_A, false), w->at[1].ipv4, "with its network");
	is_str(ask(w, w->ns[0], "c1", T_A, true), w->at[1].ipv4, "by TCP");
	is_str(ask(w, w->ns[0], "c1", T_AAAA, false), "", "no IPv6, and no error");
	is_int(w->asked, 0, "none of this left the machine");
}

static void comings_and_goings(struct world *w)
{
	struct net_endpoint ep = {.network_id = NET_A,
				  .container_id = id_of(50),
				  .container = "demo-c1-2",
				  .service = "c1",
				  .netns_fd = w->ns[2],
				  .index = 3};
	char *gone[] = { (char[65]){ 0 } };
	struct net_addr a;
	auto_free char *both = NULL, *turned = NULL;

	memcpy(gone[0], id_of(50), 65);
	fine(net_attach(&w->c, &ep, &a, &live_err), "a replica comes");
	both = xasprintf("%s %s", w->at[1].ipv4, a.ipv4);
	turned = xasprintf("%s %s", a.ipv4, w->at[1].ipv4);
	for (int i = 0; i < 2; i++) {
		const char *got = ask(w, w->ns[0], "c1", T_A, false);

		ok(!strcmp(got, both) || !strcmp(got, turned), "both are found: %s", got);
	}
	ok(!strcmp(ask(w, w->ns[0], "c1", T_A, false), both) != !strcmp(ask(w, w->ns[0], "c1", T_A, false), both),
	   "in turning order");
	fine(net_detach(&w->c, NULL, gone, 1, true, &live_err), "it goes");
	is_str(ask(w, w->ns[0], "c1", T_A, false), w->at[1].ipv4, "and is not found any more, at once");
}

static void other_names(struct world *w)
{
	is_str(ask(w, w->ns[0], "www.example", T_A, false), "8.8.4.4", "another name comes from the host's resolver");
	is_int(w->asked, 1, "asked once");
	is_str(ask(w, w->ns[0], "www.example", T_A, true), "8.8.4.4", "by TCP too");
	w->cut = true;
	is_str(ask(w, w->ns[0], "www.example", T_A, false), "cut", "a cut answer is passed on as cut");
	w->cut = false;
	w->lie = true;
	is_str(ask(w, w->ns[0], "www.example", T_A, false), "8.8.4.4", "a forged answer is not taken");
	w->lie = false;
	w->asked = 0;
	is_str(ask(w, w->ns[2], "www.example", T_A, false), "rcode 3", "an internal container does not find it");
	is_str(ask(w, w->ns[2], "www.example", T_A, true), "rcode 3", "not by TCP either");
	is_int(w->asked, 0, "and nothing has left the machine");
	w->mute = true;
	is_str(ask(w, w->ns[0], "www.example", T_A, false), "rcode 2", "a resolver that is silent makes a failure");
	is_int(w->asked, 2, "after another try");
	w->mute = false;
}

/* The service's own resolver is asked from inside: it is a container of the same network here. */
static void custom(struct world *w)
{
	char text[16], *list[] = { text, NULL };
	struct sockaddr_in a = at(w->at[1].ipv4, 53);
	int old_udp = w->up_udp;

	w->up_udp = netns_socket(w->ns[1], AF_INET, SOCK_DGRAM, 0, &live_err);
	is_int(bind(w->up_udp, (struct sockaddr *)&a, sizeof(a)), 0, "a container that is a resolver");
	w->inner_src = loop_add(w->loop, w->up_udp, EPOLLIN, on_upstream_udp, w);
	(void)snprintf(text, sizeof(text), "%s", w->at[1].ipv4);
	dns_server_del(w->server, id_of(0));
	serve(w, 0, NET_A, true, list, false);
	w->asked = 0;
	is_str(ask(w, w->ns[0], "www.example", T_A, false), "8.8.4.4", "is asked");
	is_int(w->asked, 1, "itself");
	loop_del(w->inner_src);
	close(w->up_udp);
	w->up_udp = old_udp;
}

/* A name server of the user's own, on every address. */
static void port_53(struct world *w)
{
	struct sockaddr_in any = at("0.0.0.0", 53);
	int u = netns_socket(w->ns[1], AF_INET, SOCK_DGRAM, 0, &live_err);
	int t = netns_socket(w->ns[1], AF_INET, SOCK_STREAM, 0, &live_err);

	serve(w, 1, NET_A, true, NULL, true);
	ok(bind(u, (struct sockaddr *)&any, sizeof(any)) == 0 && bind(t, (struct sockaddr *)&any, sizeof(any)) == 0 &&
	   listen(t, 1) == 0, "port 53 is free for the service");
	is_str(ask(w, w->ns[1], "c0", T_A, false), w->at[0].ipv4, "and 127.0.0.11 answers all the same");
	is_str(ask(w, w->ns[1], "c0", T_A, true), w->at[0].ipv4, "by TCP too");
	close(u);
	close(t);
}

int main(void)
{
	static const char *const net_of[] = { NET_A, NET_A, NET_I };
	const struct net_conf a = {.id = NET_A, .name = "demo_a"},
			      i = {.id = NET_I, .name = "demo_i", .internal = true};
	char run_dir[] = "/tmp/compose-dns-XXXXXX", ids[2][65] = { NET_A, NET_I }, *all[] = { ids[0], ids[1] };
	struct world w = { .outside = live_world() };
	char *gone[3];
	struct net_info info;

	if (w.outside < 0 || !mkdtemp(run_dir)) {
		skip("network namespaces need root");
		return done_testing();
	}
	host_resolver(run_dir);
	fine(net_open(&w.c, run_dir, "0badcaf0", &live_err), "open");
	fine(loop_new(&w.loop, &live_err) < 0 ? -1 : dns_server_new(&w.server, w.loop, &w.c, &live_err), "a server");
	fine(net_create(&w.c, &a, &info, NULL, &live_err), "a network");
	fine(net_create(&w.c, &i, &info, NULL, &live_err), "an internal one");
	listen_outside(&w);
	for (unsigned k = 0; k < 3; k++) {
		w.ns[k] = new_ns();
		gone[k] = xstrdup(id_of(k));
		fine(attach(&w.c, net_of[k], k, w.ns[k], &w.at[k]), "a container");
	}
	serve(&w, 0, NET_A, true, NULL, false);
	serve(&w, 2, NET_I, false, NULL, false);
	own_names(&w);
	comings_and_goings(&w);
	is_str(ask(&w, w.ns[2], "c1", T_A, false), "rcode 3", "names of a network one is not on are not found");
	other_names(&w);
	custom(&w);
	port_53(&w);
	dns_server_free(w.server);
	loop_del(w.udp_src);
	loop_del(w.tcp_src);
	loop_free(w.loop);
	fine(net_detach(&w.c, NULL, gone, 3, false, &live_err), "the end");
	fine(net_remove(&w.c, all, 2, &live_err), "of the networks");
	is_int(umount2("/etc/resolv.conf", MNT_DETACH) < 0 ? -1 : fs_rm_rf(AT_FDCWD, run_dir), 0, "nothing is left");
	net_close(&w.c);
	for (unsigned k = 0; k < 3; k++)
		free(gone[k]);
	return done_testing();
}
