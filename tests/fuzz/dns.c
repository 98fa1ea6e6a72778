/* SPDX-License-Identifier: Apache-2.0 */
/* Queries from a container, and replies from a resolver: the first byte chooses, for replies the second splits. */
#include <stdint.h>
#include <stdlib.h>
#include "compose/net/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dns_zone *zone(void)
{
	static struct dns_net net;
	static const struct dns_net *nets[] = { &net };
	static struct dns_turn turn;
	static struct dns_zone z = { .net = nets, .n = 1, .turn = &turn };
	static char name[] = "n", host[] = "demo-web-1";

	if (!net.name) {
		struct dns_addrs *a = xcalloc(1, sizeof(*a));

		net.name = name;
		net.base = 0xac120000;
		net.mask = 0xffff0000;
		vec_push(&net.hosts, (struct dns_host){ 0xac120002, host });
		for (uint32_t i = 0; i < 300; i++)
			vec_push(&a->a, 0xac120002 + i);
		for (uint8_t i = 0; i < 200; i++)
			vec_push(&a->six, (struct ip6){ { 0xfd, [15] = i } });
		net.six = (struct cidr6){ { { 0xfd } }, 64 };
		vec_push(&net.hosts6, (struct dns_host6){ { { 0xfd, [15] = 2 } }, host });
		(void)map_set(&net.names, "web", a);
	}
	return &z;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cap = 512, len = 0;
	uint8_t *out;

	if (size < 2)
		return 0;
	if (data[0] & 1) {
		size_t q = data[1] < size - 2 ? data[1] : size - 2;

		(void)dns_reply_fits(data + 2, q, 0, data + 2 + q, size - 2 - q);
		return 0;
	}
	cap += (size_t)data[1] * 64;
	out = malloc(cap);
	if (!out)
		return 0;
	if (dns_answer(zone(), data[0] & 2, data + 2, size - 2, out, cap, &len) == DNS_ANSWERED &&
	    (len < 12 || len > cap))
		abort();
	if (dns_refuse(data + 2, size - 2, 3, out, cap) > cap)
		abort();
	free(out);
	return 0;
}
