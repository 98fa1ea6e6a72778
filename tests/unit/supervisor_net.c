/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_net.c - containers on networks: names, files below /etc, published ports over TCP and UDP, a worker or a relay
 * killed in between. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "tests/unit/supervisor_help.h"

#define NET PROJECT "_default"

/* A port of this host that is free now. */
static unsigned free_port(int type)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, type, 0);
	unsigned port;

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		exit(1);
	port = ntohs(a.sin_port);
	close(fd);
	return port;
}

static void write_network(void)
{
	struct net_record n = { .name = xstrdup(NET), .key = xstrdup("default"), .project = xstrdup(PROJECT),
		.id = xstrdup("5f00000000000000000000000000000000000000000000000000000000000001") };

	if (net_record_write(&paths, &n, &e) < 0)
		die_of("write a network");
	net_record_done(&n);
}

static json_t *net_call(const char *op)
{
	json_t *reply = NULL;

	err_done(&e);
	return sup_call(sup, op, json_pack("{s:s}", "network", NET), NULL, 0, &reply, &e) == 0 ? reply : NULL;
}

static const char *address_of(const char *id)
{
	static char text[64];
	struct ctr_status s = status_of(id);

	(void)snprintf(text, sizeof(text), "%s", s.endpoints.n ? s.endpoints.v[0].ipv4 : "");
	status_done(&s);
	return text;
}

static void test_names(const char *server)
{
	struct made m;
	const char *id;
	auto_free char *out = NULL, *want = NULL;

	made_new(&m, "client", "cat /etc/resolv.conf /etc/hosts /etc/hostname; nslookup server | grep -c Address; "
		 "payload get http://server:80/ 2>/dev/null || wget -qO- http://server:80/; nslookup alias >/dev/null && echo alias found");
	made_net(&m, NET, "c");
	strv_add(&m.r.extra_hosts, "h=1.2.3.4");
	strv_add(&m.r.extra_hosts, "gw=host-gateway");
	strv_add(&m.r.dns_opt, "timeout:1");
	id = made_write(&m);
	ok(start(id), "start");
	is_int(wait_exit(id), 0, "ended well");
	out = output(id);
	has_str(out, "nameserver 127.0.0.11\n", "resolver");
	has_str(out, "options ndots:0 timeout:1\n", "options");
	has_str(out, "ff02::2\tip6-allrouters\n1.2.3.4\th\n", "hosts");
	want = xasprintf("%.12s\n", id);
	has_str(out, want, "hostname");
	has_str(out, "alias found", "an alias of another container");
	ok(!strstr(out, "host-gateway"), "host-gateway became an address");
	has_str(out, "page", "the other answers");
	ok(*address_of(server), "the server has an address");
}

/* Ask through the published port. ret: the answer, caller frees */
static char *get(const char *ip, unsigned port)
{
	auto_free char *cmd = xasprintf("curl -sS -m 5 --noproxy '*' http://%s:%u/ 2>&1", ip, port);

	return host_out(cmd);
}

static void test_ports(const char *id, unsigned port)
{
	auto_free char *four = get("127.0.0.1", port), *six = get("[::1]", port), *direct = get(address_of(id), 80);
	auto_free char *ss = xasprintf("ss -Hltn 'sport = :%u' | grep -c .", port), *n = host_out(ss);

	is_str(four, "page\n", "published on 127.0.0.1");
	is_str(six, "page\n", "on [::1]");
	is_str(direct, "page\n", "reached at its own address");
	is_str(n, "2\n", "two listeners, one for each family");
}

static void test_in_use(unsigned port)
{
	struct made m;
	const char *id;
	unsigned mine = free_port(SOCK_STREAM);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)mine), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_free char *want = xasprintf("bind 127.0.0.1:%u/tcp: Address already in use", mine);

	ok(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0, "somebody else's port");
	made_new(&m, "busy", "sleep 9");
	made_net(&m, NET, "x");
	made_port(&m, "127.0.0.1", mine, 80, "tcp");
	id = made_write(&m);
	ok(!call("start", id, NULL), "cannot start");
	is_str(e.frame[0], want, "why");
	is_str(e.at, "compose.yaml:7:9 services.x.ports[0]", "where it was asked for");
	has_str(e.hint, "ss -ltnp", "what to do");
	close(fd);

	made_new(&m, "replica", "sleep 9");
	made_net(&m, NET, "x");
	made_port(&m, "", port, 80, "tcp");
	id = made_write(&m);
	ok(!call("start", id, NULL), "a fixed port twice");
	has_str(e.frame[0], "port is already allocated by container " PROJECT "-server-1", "is already allocated");
}

static void test_range(void)
{
	struct made m;
	const char *id;
	struct ctr_status s;
	unsigned first = free_port(SOCK_STREAM);

	made_new(&m, "range", "sleep 60");
	made_net(&m, NET, "x");
	made_port(&m, "127.0.0.1", first, 80, "tcp");
	m.r.ports.v[0].published_end = (uint16_t)(first + 3);
	made_port(&m, "127.0.0.1", 0, 81, "tcp");
	id = made_write(&m);
	ok(start(id), "a range and a port of the kernel's choice");
	s = status_of(id);
	ok(s.bound.n == 2 && s.bound.v[0].host_port >= first && s.bound.v[0].host_port <= first + 3 && s.bound.v[1].host_port > 1024,
	   "told which");
	status_done(&s);
	is_int(stop(id, 0), 137, "stop");
	s = status_of(id);
	is_int(s.bound.n, 0, "closed");
	status_done(&s);
}

static void test_udp(void)
{
	struct made m;
	const char *id;
	unsigned port = free_port(SOCK_DGRAM);
	auto_free char *cmd = xasprintf("for i in 1 2 3; do echo hello $i | socat -T1 - UDP4:127.0.0.1:%u; done; "
					"echo six | socat -T1 - UDP6:[::1]:%u", port, port);
	auto_free char *out = NULL;

	made_new(&m, "udp", "exec payload udp-echo 9000");
	made_net(&m, NET, "x");
	made_port(&m, "", port, 9000, "udp");
	id = made_write(&m);
	ok(start(id), "a UDP service");
	nap_ms(200);
	out = host_out(cmd);
	is_str(out, "hello 1\nhello 2\nhello 3\nsix\n", "answers come back");
	ok(stop(id, 0) >= 0, "stop");
}

/* Through the relay: it must survive what kills it. 127.0.0.1 could be carried past it by the kernel, [::1] cannot. */
static void test_kills(const char *id, unsigned port)
{
	pid_t relay = role_pid("relay"), worker = role_pid("worker"), before = peek(id).pid;
	auto_free char *a = NULL, *b = NULL;

	ok(relay > 0 && kill(relay, SIGKILL) == 0, "kill -9 of the relay");
	nap_ms(200);
	a = get("[::1]", port);
	is_str(a, "page\n", "the next one carries on");
	ok(worker > 0 && kill(worker, SIGKILL) == 0, "kill -9 of the worker");
	b = get("[::1]", port);
	is_str(b, "page\n", "pages keep coming");
	sup_close(sup);
	help_connect();
	is_int(peek(id).pid, before, "the same process");
	{
		struct made m;
		const char *c;
		auto_free char *out = NULL;

		made_new(&m, "look", "wget -qO- http://server:80/");
		made_net(&m, NET, "l");
		c = made_write(&m);
		ok(start(c) && wait_exit(c) == 0, "names are answered again");
		out = output(c);
		is_str(out, "page\n", "and lead there");
	}
}

static void test_relay_data(const char *id, unsigned port)
{
	auto_free char *cmd = xasprintf("head -c 50000000 /dev/zero | tr '\\0' x | socat -t30 - TCP6:[::1]:%u | wc -c", port);
	auto_free char *out = host_out(cmd);

	is_str(out, "50000000\n", "50 MB there and back, half-closed properly");
	ok(stop(id, 0) == 137, "stop");
}

int main(int argc, char **argv)
{
	struct made m, m2;
	const char *server, *echo;
	unsigned port, port2;
	json_t *r;

	help_role(argc, argv);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!help_open())
		return done_testing();
	port = free_port(SOCK_STREAM);
	write_network();
	help_connect();
	r = net_call("net_create");
	ok(r && *json_str(r, "subnet", "") && *json_str(r, "gateway", ""), "network: %s", json_str(r, "subnet", "?"));
	json_decref(r);
	made_new(&m, "server", "mkdir /www; echo page >/www/index.html; exec httpd -f -p 80 -h /www");
	made_net(&m, NET, "alias");
	made_port(&m, "", port, 80, "tcp");
	server = made_write(&m);
	ok(start(server), "start the server");
	nap_ms(200);
	test_names(server);
	test_ports(server, port);
	test_in_use(port);
	test_range();
	test_udp();
	test_kills(server, port);
	port2 = free_port(SOCK_STREAM);
	made_new(&m2, "echo", "exec payload tcp-echo 7000");
	made_net(&m2, NET, "e");
	made_port(&m2, "", port2, 7000, "tcp");
	echo = made_write(&m2);
	ok(start(echo), "start an echo server");
	nap_ms(200);
	test_relay_data(echo, port2);
	ok(!net_call("net_remove"), "a network that is used stays");
	ok(stop(server, 0) >= 0, "stop the server");
	is_int(role_pid("relay"), 0, "no relay without ports");
	r = net_call("net_remove");
	ok(r != NULL, "network removed");
	json_decref(r);
	help_close();
	return done_testing();
}
