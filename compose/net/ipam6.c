/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/ipam6.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "compose/base/str.h"

enum { SITE_LEN = 48, NET_LEN = 64, LEN_MIN = 8, LEN_MAX = 126 };

bool ip6_parse(const char *s, struct ip6 *ret)
{
	return s && inet_pton(AF_INET6, s, ret->b) == 1;
}

void ip6_text(struct ip6 a, char ret[IP6_TEXT])
{
	(void)inet_ntop(AF_INET6, a.b, ret, IP6_TEXT);
}

bool ip6_eq(struct ip6 a, struct ip6 b)
{
	return !memcmp(a.b, b.b, sizeof(a.b));
}

struct ip6 ip6_add(struct ip6 a, uint32_t n)
{
	uint64_t carry = n;

	for (int i = 15; i >= 0 && carry; i--) {
		carry += a.b[i];
		a.b[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return a;
}

struct ip6 ip6_of_ipv4(uint32_t a)
{
	return (struct ip6){ { [10] = 0xff, 0xff, (uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a } };
}

bool ip6_is_ipv4(struct ip6 a, uint32_t *ret)
{
	uint32_t v = (uint32_t)a.b[12] << 24 | (uint32_t)a.b[13] << 16 | (uint32_t)a.b[14] << 8 | a.b[15];

	if (!ip6_eq(a, ip6_of_ipv4(v)))
		return false;
	*ret = v;
	return true;
}

void cidr6_text(struct cidr6 c, char ret[CIDR6_TEXT])
{
	ip6_text(c.base, ret);
	(void)snprintf(ret + strlen(ret), 5, "/%u", c.len & 255);
}

static struct ip6 masked(struct ip6 a, unsigned len)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = len < i * 8 ? 0 : len - i * 8 > 8 ? 8 : len - i * 8;

		a.b[i] &= (uint8_t)(0xff00 >> bits);
	}
	return a;
}

bool cidr6_has(struct cidr6 c, struct ip6 a)
{
	return ip6_eq(masked(a, c.len), c.base);
}

bool cidr6_overlap(struct cidr6 a, struct cidr6 b)
{
	return a.len < b.len ? cidr6_has(a, b.base) : cidr6_has(b, a.base);
}

int cidr6_parse(const char *s, struct cidr6 *ret, struct err *e)
{
	char fixed[CIDR6_TEXT];
	const char *slash = s ? strchr(s, '/') : NULL;
	auto_free char *addr = slash ? xstrndup(s, (size_t)(slash - s)) : NULL;
	struct cidr6 c;
	uint64_t len;

	if (!ip6_parse(addr, &c.base) || !str_to_u64(slash + 1, &len) || len > 128)
		return err_set(e, ERR_MODEL, 0, "\"%s\" is not a subnet such as fd12:3456:789a::/64", s ? s : "");
	c.len = (unsigned)len;
	if (!cidr6_has(c, c.base)) {
		c.base = masked(c.base, c.len);
		cidr6_text(c, fixed);
		err_set(e, ERR_MODEL, 0, "subnet \"%s\" has host bits set", s);
		return err_hint(e, "write %s", fixed);
	}
	*ret = c;
	return 0;
}

static uint32_t hash(uint32_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

enum { HASH_START = 0x811c9dc5 };

/* The last byte goes in last: neighbours never share a MAC address. */
void mac_of_ip6(struct ip6 a, uint8_t ret[6])
{
	uint32_t h = hash(HASH_START, a.b, sizeof(a.b));
	const uint8_t m[6] = { 0x02, 0x42, (uint8_t)(h >> 24), (uint8_t)(h >> 16), (uint8_t)(h >> 8), (uint8_t)h };

	memcpy(ret, m, sizeof(m));
}

struct cidr6 ula_site(const char *machine_id, const char *inst)
{
	size_t n = strcspn(machine_id, "\n");
	uint32_t machine = hash(HASH_START, machine_id, n);
	uint32_t site = machine ^ (uint32_t)strtoul(inst, NULL, 16);

	return (struct cidr6){ { { 0xfd, (uint8_t)hash(machine, machine_id, n), (uint8_t)(site >> 24), (uint8_t)(site >> 16),
				   (uint8_t)(site >> 8), (uint8_t)site } }, SITE_LEN };
}

static bool is_free(const struct cidrs6 *taken, struct cidr6 c)
{
	for (size_t i = 0; i < taken->n; i++)
		if (cidr6_overlap(taken->v[i], c))
			return false;
	return true;
}

bool ula_pick(struct cidr6 site, const char *name, const struct cidrs6 *taken, struct cidr6 *ret)
{
	uint32_t from = hash(HASH_START, name, strlen(name));

	for (uint32_t i = 0; i < 0xffff; i++) {
		uint32_t n = (from + i) % 0xffff + 1;            /* 0 is the uplink's */
		struct cidr6 c = { site.base, NET_LEN };

		c.base.b[6] = (uint8_t)(n >> 8);
		c.base.b[7] = (uint8_t)n;
		if (is_free(taken, c)) {
			*ret = c;
			return true;
		}
	}
	return false;
}

void ipam6_done(struct ipam6 *p)
{
	vec_done(&p->reserved);
}

static int want_addr(const struct ipam6 *p, const char *what, const char *text, struct ip6 *ret, struct err *e)
{
	char net[CIDR6_TEXT];

	cidr6_text(p->subnet, net);
	if (!ip6_parse(text, ret))
		return err_set(e, ERR_MODEL, 0, "%s \"%s\" is not an IPv6 address", what, text);
	if (!cidr6_has(p->subnet, *ret))
		return err_set(e, ERR_MODEL, 0, "%s %s is not in the subnet %s", what, text, net);
	return 0;
}

/* Addresses of hosts: not the unspecified one, loopback and what stands for IPv4 (::/8), nor link-local ones and
 * multicast (fe00::/7). */
static bool of_hosts(struct cidr6 c)
{
	return c.base.b[0] != 0 && c.base.b[0] < 0xfe;
}

int ipam6_plan(const struct net_conf *conf, struct cidr6 subnet, struct ipam6 *ret, struct err *e)
{
	struct ipam6 p = { .subnet = subnet, .range = subnet, .gateway = ip6_add(subnet.base, 1) };
	struct ip6 a;

	if (subnet.len < LEN_MIN || subnet.len > LEN_MAX)
		return err_set(e, ERR_MODEL, 0, "an IPv6 subnet of /%u is not usable: from /%d to /%d", subnet.len, LEN_MIN,
			       LEN_MAX);
	if (!of_hosts(subnet))
		return err_set(e, ERR_MODEL, 0, "subnet %s is not one of hosts (loopback, link-local, multicast or reserved)",
			       conf->subnet6);
	if (conf->ip_range6 && cidr6_parse(conf->ip_range6, &p.range, e) < 0)
		return err_wrap(e, "ip_range");
	if (!cidr6_has(subnet, p.range.base) || p.range.len < subnet.len)
		return err_set(e, ERR_MODEL, 0, "ip_range %s is not inside the subnet", conf->ip_range6);
	if (conf->gateway6 && want_addr(&p, "gateway", conf->gateway6, &p.gateway, e) < 0)
		return -1;
	if (ip6_eq(p.gateway, subnet.base))
		return err_set(e, ERR_MODEL, 0, "gateway %s is the first address of the subnet, which means any router",
			       conf->gateway6);
	for (char *const *r = conf->reserved; r && *r; r++) {
		if (!strchr(*r, ':'))
			continue;
		if (want_addr(&p, "reserved address", *r, &a, e) < 0) {
			ipam6_done(&p);
			return -1;
		}
		vec_push(&p.reserved, a);
	}
	*ret = p;
	return 0;
}

bool ipam6_fits(const struct ipam6 *p, struct ip6 a)
{
	return p->subnet.len && cidr6_has(p->subnet, a) && !ip6_eq(a, p->subnet.base) && !ip6_eq(a, p->gateway);
}

bool ipam6_free(const struct ipam6 *p, struct ip6 a)
{
	if (!ipam6_fits(p, a) || !cidr6_has(p->range, a))
		return false;
	for (size_t i = 0; i < p->reserved.n; i++)
		if (ip6_eq(p->reserved.v[i], a))
			return false;
	return true;
}
