/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the resolver. */
#include "compose/net/dns.h"
#include "tests/tap.h"

enum { A = 1, PTR = 12, MX = 15, AAAA = 28 };

static struct dns_net front, back;
static const struct dns_net *nets[] = { &front, &back };
static struct dns_turn turn;
static struct dns_zone zone = { .net = nets, .n = 2, .turn = &turn };
static uint8_t out[65536];
static size_t out_len;

static void record(struct dns_net *n, const char *name, uint32_t addr)
{
	struct dns_addrs *a = map_get(&n->names, name);

	if (!a) {
		a = xcalloc(1, sizeof(*a));
		(void)map_set(&n->names, name, a);
	}
	vec_push(&a->a, addr);
}

/* fd77::n */
static struct ip6 six_of(uint8_t n)
{
	return (struct ip6){ { 0xfd, 0x77, [15] = n } };
}

static void record6(struct dns_net *n, const char *name, uint8_t addr)
{
	record(n, name, 0);
	vec_push(&((struct dns_addrs *)map_get(&n->names, name))->six, six_of(addr));
	((struct dns_addrs *)map_get(&n->names, name))->a.n--;
}

static void host(struct dns_net *n, char *name, uint32_t addr)
{
	vec_push(&n->hosts, (struct dns_host){ addr, name });
	record(n, name, addr);
}

static void world(void)
{
	static char name[] = "demo_front", name2[] = "demo_back", web1[] = "demo-web-1", web2[] = "demo-web-2",
		    db[] = "demo-db-1";

	front = (struct dns_net){ .name = name, .base = 0xac120000, .mask = 0xffff0000 };
	back = (struct dns_net){ .name = name2, .base = 0xac130000, .mask = 0xffff0000 };
	host(&front, web1, 0xac120002);
	host(&front, web2, 0xac120003);
	record(&front, "web", 0xac120002);
	record(&front, "web", 0xac120003);
	host(&back, db, 0xac130002);
	record(&back, "db", 0xac130002);
	record(&back, "web", 0xac130009);
	back.six = (struct cidr6){ six_of(0), 64 };
	record6(&back, "web", 9);
	record6(&back, "web", 10);
	record6(&back, "only6", 11);
	vec_push(&back.hosts6, (struct dns_host6){ six_of(9), db });
	for (uint32_t i = 0; i < 600; i++)
		record(&back, "many", 0xac130100 + i);
}

/* ret: length of a query for name; opt 0: no EDNS */
static size_t query(uint8_t *q, const char *name, unsigned type, unsigned opt)
{
	size_t at = 12;

	memset(q, 0, 12);
	q[0] = 0x12;
	q[1] = 0x34;
	q[2] = 0x01;
	q[5] = 1;
	while (*name) {
		size_t n = strcspn(name, ".");

		q[at++] = (uint8_t)n;
		memcpy(q + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	q[at++] = 0;
	q[at++] = (uint8_t)(type >> 8);
	q[at++] = (uint8_t)type;
	q[at++] = 0;
	q[at++] = 1;
	if (opt) {
		const uint8_t rr[] = { 0, 0, 41, (uint8_t)(opt >> 8), (uint8_t)opt, 0, 0, 0, 0, 0, 0 };

		q[11] = 1;
		memcpy(q + at, rr, sizeof(rr));
		at += sizeof(rr);
	}
	return at;
}

static enum dns_verdict ask(const char *name, unsigned type)
{
	uint8_t q[512];

	return dns_answer(&zone, false, q, query(q, name, type, 0), out, sizeof(out), &out_len);
}

static int answers(void)
{
	return out[6] << 8 | out[7];
}

static uint32_t address(size_t name_len, int i)
{
	const uint8_t *p = out + 12 + name_len + 4 + (size_t)i * 16 + 12;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void names(void)
{
	is_int(ask("web", A), DNS_ANSWERED, "a service");
	is_int(answers(), 2, "with both replicas, of the first network only");
	is_int(out[0] << 8 | out[1], 0x1234, "under the query's id");
	is_int(out[2], 0x85, "a response, authoritative, recursion as asked");
	is_int(out[3], 0x80, "no error");
	is_int(address(5, 0), 0xac120002, "in order");
	(void)ask("web", AAAA);          /* who asks for a name asks for both */
	(void)ask("web", A);
	is_int(address(5, 0), 0xac120003, "which turns");
	is_int(address(5, 1), 0xac120002, "round");
	turn = (struct dns_turn){ 0 };
	is_int(ask("DB", A), DNS_ANSWERED, "another network, any case");
	is_int(address(4, 0), 0xac130002, "its address");
	ok(!memcmp(out + 12, "\2DB", 3), "the question comes back as it was written");
	is_int(ask("web.demo_back", A), DNS_ANSWERED, "name.network");
	is_int(address(15, 0), 0xac130009, "is the one on that network");
	is_int(ask("db.demo_front", A), DNS_UNKNOWN, "not one of another network");
	is_int(ask("db", AAAA), DNS_ANSWERED, "IPv6 of a name that has none");
	ok(answers() == 0 && out[3] == 0x80, "is empty, not an error");
	is_int(ask("web", MX), DNS_ANSWERED, "other types too");
	is_int(answers(), 0, "empty");
	is_int(ask("nowhere.example", A), DNS_UNKNOWN, "other names are not ours");
	is_int(ask("", A), DNS_UNKNOWN, "nor is the root");
}

static void six(void)
{
	const uint8_t *first = out + 12 + 5 + 4, *second = first + 28;
	struct ip6 nine = six_of(9), ten = six_of(10);

	turn = (struct dns_turn){ 0 };
	is_int(ask("web", AAAA), DNS_ANSWERED, "IPv6 of a name");
	is_int(answers(), 2, "of the first network that has it");
	ok(first[3] == AAAA && first[11] == 16 && !memcmp(first + 12, nine.b, 16), "its address");
	ok(!memcmp(second + 12, ten.b, 16), "the next");
	(void)ask("web", AAAA);
	ok(!memcmp(first + 12, ten.b, 16), "in turning order");
	turn = (struct dns_turn){ 0 };
	(void)ask("web", A);
	is_int(answers(), 2, "IPv4 is asked for apart");
	is_int(ask("only6", A), DNS_ANSWERED, "IPv4 of a name that has IPv6 only");
	ok(answers() == 0 && out[3] == 0x80, "is empty, not an error");
	is_int(ask("only6", 255), DNS_ANSWERED, "any type");
	is_int(answers(), 1, "has it");
}

#define ZEROS "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
static void reverse6(void)
{
	is_int(ask("9.0." ZEROS "7.7.D.f.ip6.arpa", PTR), DNS_ANSWERED, "an IPv6 address of a container");
	is_int(answers(), 1, "has a name");
	ok(!memcmp(out + out_len - 21, "\11demo-db-1\11demo_back\0", 21), "container.network");
	is_int(ask("8.0." ZEROS "7.7.d.f.ip6.arpa", PTR), DNS_ANSWERED, "one of the subnet that nobody has");
	is_int(out[3] & 15, 3, "does not exist");
	is_int(ask("9.0." ZEROS "8.7.d.f.ip6.arpa", PTR), DNS_UNKNOWN, "others are not ours");
	is_int(ask("9.0." ZEROS "7.7.d.ip6.arpa", PTR), DNS_UNKNOWN, "nor what is cut");
	is_int(ask("x.0." ZEROS "7.7.d.f.ip6.arpa", PTR), DNS_UNKNOWN, "nor what is no address");
	is_int(ask("0.9.0." ZEROS "7.7.d.f.ip6.arpa", PTR), DNS_UNKNOWN, "nor what is too long");
}

/* What one container calls another name: its zone alone has it. */
static void links(void)
{
	struct map m = {0};

	map_set(&m, "database", (void *)(uintptr_t)"db");
	map_set(&m, "web", (void *)(uintptr_t)"db");
	map_set(&m, "gone", (void *)(uintptr_t)"nobody");
	zone.links = &m;
	is_int(ask("Database", A), DNS_ANSWERED, "a link's alias, any case");
	is_int(address(10, 0), 0xac130002, "means what it stands for");
	ok(!memcmp(out + 12, "\10Database", 9), "under the name that was asked for");
	is_int(ask("web", A), DNS_ANSWERED, "an alias that is a service's name");
	is_int(answers(), 1, "wins");
	is_int(ask("gone", A), DNS_UNKNOWN, "a link to nobody is no name of ours");
	zone.links = NULL;
	is_int(ask("database", A), DNS_UNKNOWN, "without the link there is no such name");
	map_done(&m);
}

static void reverse(void)
{
	is_int(ask("3.0.18.172.in-addr.arpa", PTR), DNS_ANSWERED, "an address of a container");
	is_int(answers(), 1, "has a name");
	ok(!memcmp(out + out_len - 23, "\12demo-web-2\12demo_front\0", 23), "container.network");
	is_int(ask("9.9.18.172.in-addr.arpa", PTR), DNS_ANSWERED, "an address of the subnet that nobody has");
	is_int(out[3] & 15, 3, "does not exist");
	is_int(ask("1.0.0.10.in-addr.arpa", PTR), DNS_UNKNOWN, "others are not ours");
	is_int(ask("x.0.18.172.in-addr.arpa", PTR), DNS_UNKNOWN, "nor what is no address");
	is_int(ask("3.0.18.172.in-addr.arpa", A), DNS_ANSWERED, "another type of such a name stays here too");
}

static void sizes(void)
{
	uint8_t q[512];
	size_t n = query(q, "many", A, 0);

	is_int(dns_answer(&zone, false, q, n, out, sizeof(out), &out_len), DNS_ANSWERED, "600 addresses by UDP");
	ok(out_len <= 512 && out[2] & 2, "fit 512 bytes, cut");
	is_int(answers(), (512 - (int)n) / 16, "as many as fit");
	is_int((intmax_t)out_len, (intmax_t)n + 16 * answers(), "and no more");
	n = query(q, "many", A, 4096);
	is_int(dns_answer(&zone, false, q, n, out, sizeof(out), &out_len), DNS_ANSWERED, "with EDNS");
	ok(out_len > 4000 && out_len <= 4096 && out[2] & 2, "4096");
	is_int(out[11], 1, "and an OPT record");
	is_int(out[out_len - 9], 41, "at the end");
	n = query(q, "many", A, 65535);
	(void)dns_answer(&zone, false, q, n, out, sizeof(out), &out_len);
	ok(out_len <= 4096, "whatever the query allows");
	is_int(dns_answer(&zone, true, q, query(q, "many", A, 0), out, sizeof(out), &out_len), DNS_ANSWERED, "by TCP");
	ok(answers() == 600 && !(out[2] & 2), "all, not cut");
}

static void hostile(void)
{
	uint8_t q[1024], big[600];
	size_t n = query(q, "web", A, 0), len;

	for (size_t i = 0; i < 12; i++)
		is_int(dns_answer(&zone, false, q, i, out, sizeof(out), &len), DNS_IGNORE, "%zu bytes are no query", i);
	for (size_t i = 12; i < n; i++) {
		is_int(dns_answer(&zone, false, q, i, out, sizeof(out), &len), DNS_ANSWERED, "cut after %zu bytes", i);
		is_int(out[3] & 15, 1, "format error");
	}
	q[2] |= 0x80;
	is_int(dns_answer(&zone, false, q, n, out, sizeof(out), &len), DNS_IGNORE, "a response is not answered");
	q[2] = 0x10;
	is_int(dns_answer(&zone, false, q, n, out, sizeof(out), &len), DNS_ANSWERED, "another opcode");
	is_int(out[3] & 15, 4, "is not implemented");
	n = query(q, "web", A, 0);
	q[5] = 2;
	(void)dns_answer(&zone, false, q, n, out, sizeof(out), &len);
	is_int(out[3] & 15, 1, "two questions are a format error");
	n = query(q, "web", A, 0);
	q[12] = 0xc0;
	q[13] = 12;
	(void)dns_answer(&zone, false, q, n, out, sizeof(out), &len);
	is_int(out[3] & 15, 1, "a pointer to itself is a format error");
	memset(big, 1, sizeof(big));
	memcpy(big, q, 12);
	big[599] = 0;
	(void)dns_answer(&zone, false, big, sizeof(big), out, sizeof(out), &len);
	is_int(out[3] & 15, 1, "a name over 255 bytes is a format error");
	n = query(q, "we b", A, 0);
	is_int(dns_answer(&zone, false, q, n, out, sizeof(out), &len), DNS_UNKNOWN, "odd bytes are no name of ours");
	n = query(q, "we.b", A, 0);
	q[12] = 4;
	memcpy(q + 13, "we.b", 4);
	q[17] = 0;
	is_int(dns_answer(&zone, false, q, n - 1, out, sizeof(out), &len), DNS_ANSWERED, "a dot in a label, cut");
}

static void replies(void)
{
	uint8_t q[512], r[600];
	size_t n = query(q, "a.example", A, 0), len;

	memcpy(r, q, n);
	r[0] = 0xab;
	r[1] = 0xcd;
	r[2] |= 0x80;
	ok(dns_reply_fits(q, n, 0xabcd, r, n), "the right reply");
	r[13] = 'A';
	ok(dns_reply_fits(q, n, 0xabcd, r, n), "in another case");
	ok(!dns_reply_fits(q, n, 0xabce, r, n), "another id");
	ok(!dns_reply_fits(q, n, 0xabcd, r, n - 1), "cut");
	r[13] = 'b';
	ok(!dns_reply_fits(q, n, 0xabcd, r, n), "another name");
	r[13] = 'a';
	r[n - 3] ^= 1;
	ok(!dns_reply_fits(q, n, 0xabcd, r, n), "another type");
	r[n - 3] ^= 1;
	r[2] &= 0x7f;
	ok(!dns_reply_fits(q, n, 0xabcd, r, n), "a query");
	len = dns_refuse(q, n, 3, out, sizeof(out));
	is_int((intmax_t)len, (intmax_t)n, "a refusal has the question");
	ok((out[3] & 15) == 3 && (out[2] & 0x84) == 0x80, "and the reason");
	is_int((intmax_t)dns_refuse(q, 5, 3, out, sizeof(out)), 0, "no query, no refusal");
}

/* Any change of one byte: no crash (the sanitizers watch), never more than was allowed. */
static void mutations(void)
{
	uint8_t q[512];
	bool good = true;

	for (unsigned kind = 0; kind < 4; kind++) {
		static const char *const asked[] = { "3.0.18.172.in-addr.arpa", "many", "many", "9.0." ZEROS "7.7.d.f.ip6.arpa" };
		size_t n = query(q, asked[kind], kind % 3 ? A : PTR, kind == 2 ? 1232 : 0);

		for (size_t i = 0; i < n; i++)
			for (unsigned v = 0; v < 256; v++) {
				uint8_t old = q[i];
				size_t len = 0;

				q[i] = (uint8_t)v;
				if (dns_answer(&zone, false, q, n, out, 1024, &len) == DNS_ANSWERED)
					good &= len >= 12 && len <= 1024;
				q[i] = old;
			}
	}
	ok(good, "changed bytes never lead out of bounds");
}

int main(void)
{
	world();
	names();
	links();
	six();
	reverse();
	reverse6();
	sizes();
	hostile();
	replies();
	mutations();
	return done_testing();
}
