/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the resolver: pure, no socket, no clock. Everything in q and r comes from a container or from the
 * network. */
#include "compose/net/dns.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/net/ipam.h"

enum { T_A = 1, T_PTR = 12, T_AAAA = 28, T_OPT = 41, T_ANY = 255, C_IN = 1, C_ANY = 255 };
enum { RC_OK = 0, RC_FORMERR = 1, RC_NXDOMAIN = 3, RC_NOTIMP = 4 };
/* A container that has just stopped must not be found for long. */
enum { TTL_S = 2, NAME_MAX_BYTES = 255, UDP_MAX = 4096, OUR_UDP_SIZE = 4096, OPT_BYTES = 11 };

struct query {
	char     name[NAME_MAX_BYTES + 1];   /* lower case, with dots, without the last one */
	size_t   end;                        /* of the question section */
	uint16_t type, class;
	bool     odd;                        /* the name holds bytes that no name of ours has */
	bool     edns;
	uint16_t udp_size;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* A question's name is never compressed: there is nothing before it to point to, so a pointer is an error and no loop
 * can come of it. ret: the offset behind the name, 0 when it is broken */
static size_t read_name(const uint8_t *q, size_t len, size_t at, struct query *ret)
{
	size_t out = 0;

	for (;;) {
		size_t n;

		if (at >= len || (n = q[at++]) > 63)
			return 0;
		if (n == 0)
			break;
		if (n > len - at || out + n + 1 > NAME_MAX_BYTES)
			return 0;
		if (out)
			ret->name[out++] = '.';
		for (; n; n--, at++) {
			ret->odd |= q[at] <= ' ' || q[at] >= 0x7f || q[at] == '.';
			ret->name[out++] = (char)tolower(q[at]);
		}
	}
	ret->name[out] = '\0';
	return at;
}

static void read_opt(const uint8_t *q, size_t len, struct query *ret)
{
	const uint8_t *p = q + ret->end;

	if (!get16(q + 10) || len - ret->end < OPT_BYTES || p[0] != 0 || get16(p + 1) != T_OPT)
		return;
	ret->edns = true;
	ret->udp_size = get16(p + 3);
}

/* ret: RC_OK, or the rcode to refuse with; -1 when it is no query */
static int read_query(const uint8_t *q, size_t len, struct query *ret)
{
	size_t at;

	memset(ret, 0, sizeof(*ret));
	if (len < DNS_HEADER || q[2] & 0x80)
		return -1;
	if (q[2] & 0x78)
		return RC_NOTIMP;
	if (get16(q + 4) != 1 || get16(q + 6) || get16(q + 8))
		return RC_FORMERR;
	at = read_name(q, len, DNS_HEADER, ret);
	if (!at || len - at < 4)
		return RC_FORMERR;
	ret->type = get16(q + at);
	ret->class = get16(q + at + 2);
	ret->end = at + 4;
	read_opt(q, len, ret);
	return RC_OK;
}

/* A reply that grows. */
struct reply { uint8_t *out; size_t len, max; unsigned answers; bool cut; };

/* in: question 0 leaves it out (the query's could not be read). ret: false when there is no room at all */
static bool begin(struct reply *r, const uint8_t *q, size_t question_end, bool authority)
{
	size_t n = question_end ? question_end : DNS_HEADER;

	if (r->max < n)
		return false;
	memcpy(r->out, q, n);
	r->out[2] = (uint8_t)(0x80 | (q[2] & 0x79) | (authority ? 0x04 : 0));   /* QR, opcode and RD as asked, AA */
	r->out[3] = 0x80;                                                       /* RA */
	memset(r->out + 4, 0, 8);
	put16(r->out + 4, question_end ? 1 : 0);
	r->len = n;
	return true;
}

/* One record about the name of the question, to which a pointer leads. */
static void add(struct reply *r, unsigned type, const uint8_t *data, size_t len)
{
	uint8_t *p = r->out + r->len;

	if (r->max - r->len < 12 + len) {
		r->cut = true;
		return;
	}
	put16(p, 0xc000 | DNS_HEADER);
	put16(p + 2, type);
	put16(p + 4, C_IN);
	put32(p + 6, TTL_S);
	put16(p + 10, (unsigned)len);
	memcpy(p + 12, data, len);
	r->len += 12 + len;
	r->answers++;
}

/* in: max still without the room that was set aside for OPT. */
static size_t finish(struct reply *r, unsigned rcode, bool edns)
{
	uint8_t *p = r->out + r->len;

	r->out[3] |= (uint8_t)(rcode & 15);
	if (r->cut)
		r->out[2] |= 0x02;
	put16(r->out + 6, r->answers);
	if (!edns)
		return r->len;
	memset(p, 0, OPT_BYTES);
	put16(p + 1, T_OPT);
	put16(p + 3, OUR_UDP_SIZE);
	put16(r->out + 10, 1);
	return r->len + OPT_BYTES;
}

static bool has_type(const struct dns_addrs *a, unsigned type)
{
	return type == T_AAAA ? a->six.n : type == T_A ? a->a.n : true;
}

static const struct dns_addrs *find(const struct dns_zone *z, const char *name, unsigned type)
{
	const char *meant = z->links ? map_get(z->links, name) : NULL;
	size_t len = strlen(meant ? meant : name);
	const struct dns_addrs *known = NULL;

	name = meant ? meant : name;
	for (size_t i = 0; i < z->n; i++) {
		const struct dns_net *n = z->net[i];
		const struct dns_addrs *a = map_get(&n->names, name);
		size_t suffix = strlen(n->name);

		if (!a && len > suffix + 1 && name[len - suffix - 1] == '.' && !strcmp(name + len - suffix, n->name)) {
			auto_free char *host = xstrndup(name, len - suffix - 1);

			a = map_get(&n->names, host);
		}
		if (!a || !(a->a.n || a->six.n))
			continue;
		if (has_type(a, type))
			return a;
		known = known ? known : a;
	}
	return known;
}

static void add_addresses(struct reply *r, const struct dns_addrs *a, unsigned type, struct dns_turn *turn)
{
	unsigned four = type != T_AAAA ? turn->four++ : 0, six = type != T_A ? turn->six++ : 0;
	uint8_t data[4];

	for (size_t i = 0; type != T_AAAA && i < a->a.n && !r->cut; i++) {
		put32(data, a->a.v[(four + i) % a->a.n]);
		add(r, T_A, data, sizeof(data));
	}
	for (size_t i = 0; type != T_A && i < a->six.n && !r->cut; i++)
		add(r, T_AAAA, a->six.v[(six + i) % a->six.n].b, sizeof(a->six.v->b));
}

/* "2.0 ... 0.d.f.ip6.arpa": 32 digits, the last one first */
static bool reverse_addr6(const char *name, struct ip6 *ret)
{
	static const char hex[] = "0123456789abcdef";
	struct ip6 a = { { 0 } };

	for (int i = 31; i >= 0; i--, name += 2) {
		const char *digit = *name ? strchr(hex, *name) : NULL;

		if (!digit || name[1] != '.')
			return false;
		a.b[i / 2] |= (uint8_t)((digit - hex) << (i % 2 ? 0 : 4));
	}
	*ret = a;
	return !strcmp(name, "ip6.arpa");
}

/* "2.0.18.172.in-addr.arpa" */
static bool reverse_addr4(const char *name, uint32_t *ret)
{
	static const char tail[] = ".in-addr.arpa";
	uint32_t turned;
	size_t len = strlen(name);
	char ip[16];

	if (!str_ends(name, tail) || len - (sizeof(tail) - 1) >= sizeof(ip))
		return false;
	memcpy(ip, name, len - (sizeof(tail) - 1));
	ip[len - (sizeof(tail) - 1)] = '\0';
	if (!ipv4_parse(ip, &turned))
		return false;
	*ret = turned << 24 | (turned & 0xff00) << 8 | (turned >> 8 & 0xff00) | turned >> 24;
	return true;
}

/* ret: bytes written, 0 when name is not one (a label is empty or over 63 bytes) */
static size_t write_name(const char *name, uint8_t out[NAME_MAX_BYTES])
{
	size_t at = 0;

	for (;;) {
		size_t n = strcspn(name, ".");

		if (n == 0 || n > 63 || at + n + 2 > NAME_MAX_BYTES)
			return 0;
		out[at++] = (uint8_t)n;
		memcpy(out + at, name, n);
		at += n;
		name += n;
		if (!*name)
			break;
		name++;
	}
	out[at++] = 0;
	return at;
}

/* What a reverse lookup asks for. */
struct reverse { bool is_six; uint32_t four; struct ip6 six; };

static bool is_of(const struct dns_net *net, const struct reverse *v)
{
	return v->is_six ? net->six.len && cidr6_has(net->six, v->six) : net->mask && (v->four & net->mask) == net->base;
}

/* ret: the name of who has the address, or NULL */
static const char *holder(const struct dns_net *net, const struct reverse *v)
{
	for (size_t i = 0; !v->is_six && i < net->hosts.n; i++)
		if (net->hosts.v[i].addr == v->four)
			return net->hosts.v[i].name;
	for (size_t i = 0; v->is_six && i < net->hosts6.n; i++)
		if (ip6_eq(net->hosts6.v[i].addr, v->six))
			return net->hosts6.v[i].name;
	return NULL;
}

static void add_reverse(struct reply *r, const struct dns_net *net, const struct reverse *v)
{
	const char *name = holder(net, v);
	auto_free char *full = name ? xasprintf("%s.%s", name, net->name) : NULL;
	uint8_t data[NAME_MAX_BYTES];
	size_t len = full ? write_name(full, data) : 0;

	if (len)
		add(r, T_PTR, data, len);
}

/* Addresses of our subnets are ours to answer for, whether somebody has them or not. ret: whether it is one */
static bool answer_reverse(const struct dns_zone *z, const struct query *qu, struct reply *r, const uint8_t *q,
			   unsigned *rcode)
{
	struct reverse v = { 0 };

	v.is_six = reverse_addr6(qu->name, &v.six);
	if (!v.is_six && !reverse_addr4(qu->name, &v.four))
		return false;
	for (size_t i = 0; i < z->n; i++) {
		if (!is_of(z->net[i], &v))
			continue;
		(void)begin(r, q, qu->end, true);
		if (qu->type == T_PTR || qu->type == T_ANY)
			add_reverse(r, z->net[i], &v);
		*rcode = r->answers || r->cut ? RC_OK : RC_NXDOMAIN;
		return true;
	}
	return false;
}

static size_t room(const struct query *qu, bool tcp, size_t cap)
{
	size_t max = tcp ? DNS_MSG_MAX : !qu->edns || qu->udp_size < DNS_UDP_MIN ? DNS_UDP_MIN :
		     qu->udp_size > UDP_MAX ? UDP_MAX : qu->udp_size;

	max = max < cap ? max : cap;
	return qu->edns ? max - OPT_BYTES : max;
}

enum dns_verdict dns_answer(const struct dns_zone *z, bool tcp, const uint8_t *q, size_t len, uint8_t *out, size_t cap,
			    size_t *ret_len)
{
	struct reply r = { .out = out };
	const struct dns_addrs *found;
	unsigned rcode = RC_OK;
	struct query qu;
	int rc = read_query(q, len, &qu);

	if (rc < 0 || cap < DNS_UDP_MIN)
		return DNS_IGNORE;
	if (rc > 0) {
		*ret_len = dns_refuse(q, len, (unsigned)rc, out, cap);
		return *ret_len ? DNS_ANSWERED : DNS_IGNORE;
	}
	if (qu.odd || (qu.class != C_IN && qu.class != C_ANY))
		return DNS_UNKNOWN;
	r.max = room(&qu, tcp, cap);
	found = find(z, qu.name, qu.type);
	if (found) {
		(void)begin(&r, q, qu.end, true);
		if (qu.type == T_A || qu.type == T_AAAA || qu.type == T_ANY)
			add_addresses(&r, found, qu.type, z->turn);
	} else if (!answer_reverse(z, &qu, &r, q, &rcode)) {
		return DNS_UNKNOWN;
	}
	*ret_len = finish(&r, rcode, qu.edns);
	return DNS_ANSWERED;
}

size_t dns_refuse(const uint8_t *q, size_t len, unsigned rcode, uint8_t *out, size_t cap)
{
	struct reply r = { .out = out, .max = cap < OPT_BYTES ? 0 : cap - OPT_BYTES };
	struct query qu;

	if (read_query(q, len, &qu) < 0 || !begin(&r, q, qu.end, false))
		return 0;
	return finish(&r, rcode, qu.edns);
}

bool dns_reply_fits(const uint8_t *q, size_t qlen, uint16_t id, const uint8_t *r, size_t rlen)
{
	struct query qu;

	if (read_query(q, qlen, &qu) != RC_OK || rlen < qu.end || get16(r) != id || !(r[2] & 0x80) || get16(r + 4) != 1)
		return false;
	for (size_t i = DNS_HEADER; i < qu.end - 4; i++)
		if (tolower(q[i]) != tolower(r[i]))
			return false;
	return !memcmp(q + qu.end - 4, r + qu.end - 4, 4);
}
