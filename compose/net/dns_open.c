/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "compose/base/mem.h"
#include "compose/net/dns.h"
#include "compose/net/net.h"
#include "compose/net/netns.h"

enum { RESOLVER = 0x7f00000b, BACKLOG = 16 };            /* 127.0.0.11 */

static int bound(int netns_fd, int type, uint16_t port, uint16_t *ret_port, struct err *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(RESOLVER) };
	auto_close int fd = netns_socket(netns_fd, AF_INET, type | SOCK_NONBLOCK, 0, e);
	socklen_t len = sizeof(a);
	int on = 1;

	if (fd < 0)
		return -1;
	/* lo may not be up yet, and its addresses not there */
	(void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	if (type == SOCK_STREAM)                 /* connections of an earlier worker may linger */
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || getsockname(fd, (struct sockaddr *)&a, &len) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return err_set(e, ERR_SYS, errno, "listen on 127.0.0.11:%u in the container", port);
	*ret_port = ntohs(a.sin_port);
	return take_fd(fd);
}

/* Port 53 stays the container's own; only what is sent to the resolver's address is turned to where the sockets are. */
static int redirect(int netns_fd, uint16_t udp, uint16_t tcp, struct err *e)
{
	auto_free char *script = xasprintf(
		"table ip compose_dns\n"
		"delete table ip compose_dns\n"
		"table ip compose_dns {\n"
		" chain output {\n"
		"  type nat hook output priority -100; policy accept;\n"
		"  ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:%u\n"
		"  ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:%u\n"
		" }\n"
		"}\n", udp, tcp);

	return net_nft(netns_fd, script, e);
}

int net_dns_open(int netns_fd, bool free_53, int *ret_udp, int *ret_tcp, struct err *e)
{
	uint16_t port = free_53 ? 0 : DNS_PORT, udp_port = 0, tcp_port = 0;
	auto_close int udp = bound(netns_fd, SOCK_DGRAM, port, &udp_port, e), tcp = -1;

	if (udp >= 0)
		tcp = bound(netns_fd, SOCK_STREAM, port, &tcp_port, e);
	if (tcp < 0 || (free_53 && redirect(netns_fd, udp_port, tcp_port, e) < 0))
		return err_wrap(e, "open the container's resolver");
	*ret_udp = take_fd(udp);
	*ret_tcp = take_fd(tcp);
	return 0;
}
