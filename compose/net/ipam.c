/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/ipam.h"
#include <arpa/inet.h>
#include <stdio.h>
#include "compose/base/str.h"

bool ipv4_parse(const char *s, uint32_t *ret)
{
	struct in_addr a;

	if (!s || inet_pton(AF_INET, s, &a) != 1)
		return false;
	*ret = ntohl(a.s_addr);
	return true;
}

void ipv4_text(uint32_t a, char ret[16])
{
	(void)snprintf(ret, 16, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

void cidr_text(struct cidr c, char ret[20])
{
	ipv4_text(c.base, ret);
	(void)snprintf(ret + strlen(ret), 4, "/%u", c.len & 63);
}

uint32_t cidr_mask(unsigned len)
{
	return len ? (uint32_t)(0xffffffffULL << (32 - len)) : 0;
}

uint32_t cidr_last(struct cidr c)
{
	return c.base | ~cidr_mask(c.len);
}

bool cidr_has(struct cidr c, uint32_t a)
{
	return ((a ^ c.base) & cidr_mask(c.len)) == 0;
}

bool cidr_overlap(struct cidr a, struct cidr b)
{
	return ((a.base ^ b.base) & cidr_mask(a.len < b.len ? a.len : b.len)) == 0;
}

int cidr_parse(const char *s, struct cidr *ret, struct err *e)
{
	char addr[16], fixed[20];
	const char *slash = s ? strchr(s, '/') : NULL;
	struct cidr c;
	uint64_t len;

	if (!slash || (size_t)(slash - s) >= sizeof(addr))
		return err_set(e, ERR_MODEL, 0, "\"%s\" is not a subnet such as 10.7.0.0/16", s ? s : "");
	memcpy(addr, s, (size_t)(slash - s));
	addr[slash - s] = '\0';
	if (!ipv4_parse(addr, &c.base) || !str_to_u64(slash + 1, &len) || len > 32)
		return err_set(e, ERR_MODEL, 0, "\"%s\" is not a subnet such as 10.7.0.0/16", s);
	c.len = (unsigned)len;
	if (c.base & ~cidr_mask(c.len)) {
		c.base &= cidr_mask(c.len);
		cidr_text(c, fixed);
		err_set(e, ERR_MODEL, 0, "subnet \"%s\" has host bits set", s);
		return err_hint(e, "write %s", fixed);
	}
	*ret = c;
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool mac_parse(const char *s, uint8_t ret[6])
{
	uint8_t m[6];

	if (!s || strlen(s) != 17)
		return false;
	for (int i = 0; i < 6; i++) {
		int hi = hex_digit(s[3 * i]), lo = hex_digit(s[3 * i + 1]);

		if (hi < 0 || lo < 0 || (i < 5 && s[3 * i + 2] != ':' && s[3 * i + 2] != '-'))
			return false;
		m[i] = (uint8_t)(hi << 4 | lo);
	}
	if (m[0] & 1)                    /* a group address cannot be an interface's own */
		return false;
	memcpy(ret, m, 6);
	return true;
}

void mac_text(const uint8_t m[6], char ret[18])
{
	(void)snprintf(ret, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

/* One address, one MAC: what neighbours have cached stays right when the address passes to another container. */
void mac_of_ipv4(uint32_t a, uint8_t ret[6])
{
	const uint8_t m[6] = { 0x02, 0x42, (uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a };

	memcpy(ret, m, sizeof(m));
}

/* 172.17/16 is left out: it is where a Docker that is started later wants its own bridge. */
static const struct { uint32_t first, last, size; unsigned len; } pools[] = {
	{ 0xac120000, 0xac1f0000, 1 << 16, 16 }, { 0xc0a80000, 0xc0a8f000, 1 << 12, 20 }, { 0x0a000000, 0x0afff000, 1 << 12, 20 },
};

static bool is_free(const struct cidrs *taken, struct cidr c)
{
	for (size_t i = 0; i < taken->n; i++)
		if (cidr_overlap(taken->v[i], c))
			return false;
	return true;
}

bool ipam_pick_subnet(const struct cidrs *taken, struct cidr *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(pools); i++)
		for (uint32_t a = pools[i].first; a <= pools[i].last; a += pools[i].size) {
			struct cidr c = { a, pools[i].len };

			if (is_free(taken, c)) {
				*ret = c;
				return true;
			}
		}
	return false;
}

void ipam_done(struct ipam *p)
{
	vec_done(&p->reserved);
}

static int want_addr(const struct ipam *p, const char *what, const char *text, uint32_t *ret, struct err *e)
{
	char net[20];

	cidr_text(p->subnet, net);
	if (!ipv4_parse(text, ret))
		return err_set(e, ERR_MODEL, 0, "%s \"%s\" is not an IPv4 address", what, text);
	if (!cidr_has(p->subnet, *ret))
		return err_set(e, ERR_MODEL, 0, "%s %s is not in the subnet %s", what, text, net);
	return 0;
}

int ipam_plan(const struct net_conf *conf, struct cidr subnet, struct ipam *ret, struct err *e)
{
	struct ipam p = { .subnet = subnet, .range = subnet, .gateway = subnet.base + 1 };
	uint32_t a = 0;

	if (subnet.len < 8 || subnet.len > 30)
		return err_set(e, ERR_MODEL, 0, "a subnet of /%u is not usable: from /8 to /30", subnet.len);
	if (subnet.base >> 24 == 0 || subnet.base >> 24 == 127 || subnet.base >> 28 >= 14)
		return err_set(e, ERR_MODEL, 0, "subnet %s is not one of hosts (loopback, multicast or reserved)",
			       conf->subnet);
	if (conf->ip_range && cidr_parse(conf->ip_range, &p.range, e) < 0)
		return err_wrap(e, "ip_range");
	if (!cidr_has(subnet, p.range.base) || p.range.len < subnet.len)
		return err_set(e, ERR_MODEL, 0, "ip_range %s is not inside the subnet", conf->ip_range);
	if (conf->gateway && want_addr(&p, "gateway", conf->gateway, &p.gateway, e) < 0)
		return -1;
	if (p.gateway == subnet.base || p.gateway == cidr_last(subnet))
		return err_set(e, ERR_MODEL, 0, "gateway %s is the first or last address of the subnet", conf->gateway);
	for (char *const *r = conf->reserved; r && *r; r++) {
		if (strchr(*r, ':'))     /* ipam6_plan()'s */
			continue;
		if (want_addr(&p, "reserved address", *r, &a, e) < 0) {
			ipam_done(&p);
			return -1;
		}
		vec_push(&p.reserved, a);
	}
	*ret = p;
	return 0;
}

bool ipam_fits(const struct ipam *p, uint32_t a)
{
	return cidr_has(p->subnet, a) && a != p->subnet.base && a != cidr_last(p->subnet) && a != p->gateway;
}

bool ipam_free(const struct ipam *p, uint32_t a)
{
	if (!ipam_fits(p, a) || !cidr_has(p->range, a))
		return false;
	for (size_t i = 0; i < p->reserved.n; i++)
		if (p->reserved.v[i] == a)
			return false;
	return true;
}
