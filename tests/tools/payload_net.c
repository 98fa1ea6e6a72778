/* SPDX-License-Identifier: Apache-2.0 */
/* payload_net.c - the test payload's part that speaks to others: names, servers, clients. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "tests/tools/payload.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- names ---- */

enum { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28 };

static const char *first_nameserver(void)
{
	static char server[64];
	char line[512];
	FILE *f = fopen("/etc/resolv.conf", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "nameserver %63s", server) == 1)
			break;
	if (f != NULL)
		fclose(f);
	if (server[0] == '\0')
		fail("no nameserver in /etc/resolv.conf");
	return server;
}

static size_t put_name(uint8_t *at, const char *name)
{
	uint8_t *start = at;

	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		if (n == 0 || n > 63)
			fail("bad name");
		*at++ = (uint8_t)n;
		memcpy(at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	*at++ = 0;
	return (size_t)(at - start);
}

/* Write the name at pkt[pos] to text, following compression; return the position after it. */
static size_t get_name(const uint8_t *pkt, size_t len, size_t pos, char *text, size_t size)
{
	size_t after = 0, used = 0;

	text[0] = '\0';
	for (int hops = 0; pos < len && pkt[pos] != 0 && hops < 64; hops++) {
		if ((pkt[pos] & 0xc0) == 0xc0) {
			if (after == 0)
				after = pos + 2;
			pos = ((size_t)(pkt[pos] & 0x3f) << 8) | pkt[pos + 1];
			continue;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%.*s", used > 0 ? "." : "", pkt[pos],
					 (const char *)pkt + pos + 1);
		if (used >= size)
			fail("name too long");
		pos += pkt[pos] + 1u;
	}
	return after != 0 ? after : pos + 1;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void print_answer(const uint8_t *pkt, size_t len, size_t pos, unsigned type, unsigned rdlen)
{
	char text[512];

	if (type == DNS_A && rdlen == 4)
		puts(inet_ntop(AF_INET, pkt + pos, text, sizeof(text)));
	else if (type == DNS_AAAA && rdlen == 16)
		puts(inet_ntop(AF_INET6, pkt + pos, text, sizeof(text)));
	else if (type == DNS_PTR) {
		get_name(pkt, len, pos, text, sizeof(text));
		puts(text);
	}
}

/* Ask server for name; the answer's length, its bytes in pkt. */
static size_t dns_exchange(const char *server, const char *name, unsigned type, uint8_t pkt[static 4096])
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct timeval wait = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = 12;
	ssize_t got;

	if (inet_pton(AF_INET, server, &to.sin_addr) != 1)
		fail("bad server %s", server);
	memset(pkt, 0, n);
	pkt[0] = 0x42;
	pkt[2] = 1; /* recursion desired */
	pkt[5] = 1; /* one question */
	n += put_name(pkt + n, name);
	pkt[n + 1] = (uint8_t)type;
	pkt[n] = pkt[n + 2] = 0;
	pkt[n + 3] = 1; /* IN */
	n += 4;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || send(fd, pkt, n, 0) < 0)
		fail("ask %s", server);
	got = recv(fd, pkt, 4096, 0);
	close(fd);
	if (got < 12)
		fail("no answer from %s", server);
	return (size_t)got;
}

/* Print the answers of one question; their number, or -1 minus the response code. */
static int dns_ask(const char *server, const char *name, unsigned type, bool print, struct in_addr *ret_first)
{
	uint8_t pkt[4096];
	char owner[512];
	size_t len = dns_exchange(server, name, type, pkt), pos;
	int answers = (int)get16(pkt + 6), found = 0;

	if ((pkt[3] & 15) != 0)
		return -1 - (pkt[3] & 15);
	pos = get_name(pkt, len, 12, owner, sizeof(owner)) + 4;
	for (int i = 0; i < answers && pos < len; i++) {
		unsigned rtype, rdlen;

		pos = get_name(pkt, len, pos, owner, sizeof(owner));
		rtype = get16(pkt + pos);
		rdlen = get16(pkt + pos + 8);
		pos += 10;
		if (print)
			print_answer(pkt, len, pos, rtype, rdlen);
		if (rtype == DNS_A && rdlen == 4 && found == 0 && ret_first != NULL)
			memcpy(ret_first, pkt + pos, 4);
		found += rtype == type;
		pos += rdlen;
	}
	return found;
}

/* dns NAME [a|aaaa|ptr [SERVER]]: the response code, then one answer a line in the order they came. */
int cmd_dns(char **argv)
{
	static const char *const codes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	const char *server = argv[1] != NULL && argv[2] != NULL ? argv[2] : first_nameserver();
	unsigned type = DNS_A;
	char name[300];
	int a, b, c, d, r;

	snprintf(name, sizeof(name), "%s", argv[0]);
	if (argv[1] != NULL && strcmp(argv[1], "aaaa") == 0)
		type = DNS_AAAA;
	if (argv[1] != NULL && strcmp(argv[1], "ptr") == 0) {
		type = DNS_PTR;
		if (sscanf(argv[0], "%d.%d.%d.%d", &a, &b, &c, &d) == 4)
			snprintf(name, sizeof(name), "%d.%d.%d.%d.in-addr.arpa", d, c, b, a);
	}
	r = dns_ask(server, name, type, true, NULL);
	puts(codes[r < 0 && r > -7 ? -1 - r : 0]);
	return r > 0 ? 0 : 1;
}

static bool hosts_file(const char *name, char *text, size_t size)
{
	FILE *f = fopen("/etc/hosts", "re");
	char line[1024];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		char *save = NULL, *addr;

		line[strcspn(line, "#\n")] = '\0';
		addr = strtok_r(line, " \t", &save);
		for (char *w; addr != NULL && !found && (w = strtok_r(NULL, " \t", &save)) != NULL;)
			if (strcasecmp(w, name) == 0 && strchr(addr, ':') == NULL) {
				snprintf(text, size, "%s", addr);
				found = true;
			}
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* An IPv4 address for a name: itself, /etc/hosts, then the name server. */
static bool resolve(const char *name, struct in_addr *ret)
{
	char text[64];

	if (inet_pton(AF_INET, name, ret) == 1)
		return true;
	if (hosts_file(name, text, sizeof(text)))
		return inet_pton(AF_INET, text, ret) == 1;
	return dns_ask(first_nameserver(), name, DNS_A, false, ret) > 0;
}

/* getent hosts NAME: exit status 2 when there is none, as getent has it. */
int cmd_getent(char **argv)
{
	struct in_addr a;

	if (strcmp(argv[0], "hosts") != 0 || argv[1] == NULL)
		fail("usage: getent hosts NAME");
	if (!resolve(argv[1], &a))
		return 2;
	printf("%-15s %s\n", inet_ntoa(a), argv[1]);
	return 0;
}

/* ---- sockets ---- */

/* A listening socket on all addresses, IPv6 too where there is IPv6. */
static int listener(const char *port, int type)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number(port))};
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = a6.sin6_port};
	int on = 1, off = 0, fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&a6, sizeof(a6)) < 0) {
		if (fd >= 0)
			close(fd);
		fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&a4, sizeof(a4)) < 0)
			fail("bind port %s", port);
	}
	if (type == SOCK_STREAM && listen(fd, 128) < 0)
		fail("listen on port %s", port);
	return fd;
}

/* The client's address as text, an IPv4 one without the ::ffff: in front. */
static const char *peer_text(int fd)
{
	static char text[INET6_ADDRSTRLEN];
	struct sockaddr_storage s = {0};
	socklen_t n = sizeof(s);
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&s;

	getpeername(fd, (struct sockaddr *)&s, &n);
	if (s.ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)&s)->sin_addr, text, sizeof(text));
	else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], text, sizeof(text));
	else
		inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof(text));
	return text;
}

static bool write_all(int fd, const char *buf, size_t n)
{
	while (n > 0) {
		ssize_t w = send(fd, buf, n, MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		buf += w;
		n -= (size_t)w;
	}
	return true;
}

static void echo(int fd, const char *text)
{
	char buf[65536];
	ssize_t n;

	(void)text;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (!write_all(fd, buf, (size_t)n))
			break;
}

static void answer(int fd, const char *body)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n",
			 strlen(body));

	if (write_all(fd, head, (size_t)n))
		write_all(fd, body, strlen(body));
}

/* Read a request's head; false when the client went away before its end. */
static bool request_head(int fd)
{
	char buf[8192];
	size_t used = 0;

	while (used < sizeof(buf) - 1) {
		ssize_t n = recv(fd, buf + used, sizeof(buf) - 1 - used, 0);

		if (n <= 0)
			return false;
		used += (size_t)n;
		buf[used] = '\0';
		if (strstr(buf, "\r\n\r\n") != NULL)
			return true;
	}
	return false;
}

static void http_text(int fd, const char *text)
{
	char body[4096];

	snprintf(body, sizeof(body), "%s\n", text);
	if (request_head(fd))
		answer(fd, body);
}

/* Who answers and who asked: host name and the client's address as it arrives here. */
static void http_who(int fd, const char *text)
{
	char body[512];
	struct utsname u;

	(void)text;
	uname(&u);
	snprintf(body, sizeof(body), "%s %s\n", u.nodename, peer_text(fd));
	if (request_head(fd))
		answer(fd, body);
}

/* Serve connections for ever, a process each. */
static int serve(const char *port, void (*one)(int fd, const char *text), const char *text)
{
	int fd = listener(port, SOCK_STREAM);

	signal(SIGCHLD, SIG_IGN);
	printf("listening on %s\n", port);
	fflush(stdout);
	for (;;) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (c < 0)
			fail("accept");
		if (fork() == 0) {
			one(c, text);
			shutdown(c, SHUT_WR);
			_exit(0);
		}
		close(c);
	}
}

int cmd_tcp_echo(char **argv)
{
	return serve(argv[0], echo, NULL);
}

int cmd_http(char **argv)
{
	return serve(argv[0], http_text, argv[1] != NULL ? argv[1] : "hello");
}

int cmd_http_who(char **argv)
{
	return serve(argv[0], http_who, NULL);
}

int cmd_udp_echo(char **argv)
{
	int fd = listener(argv[0], SOCK_DGRAM);

	printf("listening on %s\n", argv[0]);
	fflush(stdout);
	for (;;) {
		char buf[65536];
		struct sockaddr_storage from;
		socklen_t n = sizeof(from);
		ssize_t got = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &n);

		if (got < 0)
			fail("recvfrom");
		sendto(fd, buf, (size_t)got, 0, (struct sockaddr *)&from, n);
	}
}

/* Send a text and print what comes back; exit status 1 without an answer within two seconds. */
static int ask(char **argv, int type)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct timeval wait = {.tv_sec = 2};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	char buf[65536];
	ssize_t n;

	if (argv[1] == NULL || argv[2] == NULL)
		fail("usage: HOST PORT TEXT");
	to.sin_port = htons((uint16_t)number(argv[1]));
	if (!resolve(argv[0], &to.sin_addr))
		fail("cannot resolve %s", argv[0]);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("connect to %s", argv[0]);
	if (send(fd, argv[2], strlen(argv[2]), MSG_NOSIGNAL) < 0)
		fail("send");
	n = recv(fd, buf, sizeof(buf), 0);
	if (n <= 0)
		fail("no answer from %s", argv[0]);
	printf("%.*s\n", (int)n, buf);
	return 0;
}

int cmd_tcp(char **argv)
{
	return ask(argv, SOCK_STREAM);
}

int cmd_udp(char **argv)
{
	return ask(argv, SOCK_DGRAM);
}

/* As ping without rights does it: a datagram socket, which the group's number must be allowed to have. */
int cmd_ping(char **argv)
{
	uint8_t echo[8] = { 8 }, reply[64];
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timeval wait = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

	if (fd < 0)
		fail("socket");
	if (inet_pton(AF_INET, argv[0], &to.sin_addr) != 1)
		fail("%s is no address", argv[0]);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		fail("setsockopt");
	if (sendto(fd, echo, sizeof(echo), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("sendto");
	if (recv(fd, reply, sizeof(reply), 0) < (ssize_t)sizeof(echo) || reply[0] != 0)
		fail("no reply");
	puts("reply");
	return 0;
}
