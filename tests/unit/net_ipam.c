/* SPDX-License-Identifier: Apache-2.0 */
/* Address arithmetic and plans. */
#include "compose/net/ipam.h"
#include "compose/net/ipam6.h"
#include "tests/tap.h"

static struct cidr c(const char *s)
{
	struct cidr ret = { 0 };
	auto_err struct err e = { 0 };

	if (cidr_parse(s, &ret, &e) < 0)
		diag("%s does not parse", s);
	return ret;
}

static void parsing(void)
{
	static const char *const bad[] = {"",
					  "10.0.0.0",
					  "10.0.0.0/33",
					  "10.0.0.0/-1",
					  "10.0.0.0/",
					  "/8",
					  "10.0.0/8",
					  "a/8",
					  "10.0.0.0/8x",
					  "10.0.0.256/32",
					  "010.0.0.0/8",
					  "fd00::/8",
					  "1.2.3.4.5/8",
					  "10.0.0.0/4294967304",
					  "999999999999999999999.1.1.1/8"};
	struct cidr got;
	char text[20];

	cidr_text(c("10.7.0.0/16"), text);
	is_str(text, "10.7.0.0/16", "there and back");
	cidr_text(c("255.255.255.255/32"), text);
	is_str(text, "255.255.255.255/32", "the longest");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_err struct err e = { 0 };

		is_int(cidr_parse(bad[i], &got, &e), -1, "\"%s\" is refused", bad[i]);
		is_int(e.kind, ERR_MODEL, "as the user's mistake");
	}
	auto_err struct err e = { 0 };

	is_int(cidr_parse("10.7.3.4/16", &got, &e), -1, "host bits are refused");
	is_str(e.hint, "write 10.7.0.0/16", "with the right spelling");
}

static void arithmetic(void)
{
	is_int(cidr_mask(0), 0, "/0");
	is_int(cidr_mask(32), 0xffffffff, "/32");
	is_int(cidr_last(c("10.7.0.0/16")), 0x0a07ffff, "last address");
	ok(cidr_has(c("10.7.0.0/16"), 0x0a07ffff), "has its last");
	ok(!cidr_has(c("10.7.0.0/16"), 0x0a080000), "not the one after");
	ok(cidr_overlap(c("10.0.0.0/8"), c("10.7.0.0/16")), "a part overlaps the whole");
	ok(cidr_overlap(c("10.7.0.0/16"), c("10.0.0.0/8")), "and the other way round");
	ok(!cidr_overlap(c("10.6.0.0/16"), c("10.7.0.0/16")), "neighbours do not");
	ok(cidr_overlap(c("0.0.0.0/0"), c("10.7.0.0/16")), "everything overlaps everything");
}

static void macs(void)
{
	uint8_t m[6];
	char text[18];

	ok(mac_parse("02:42:AC:12-00:03", m), "both separators and cases");
	mac_text(m, text);
	is_str(text, "02:42:ac:12:00:03", "printed in one way");
	ok(!mac_parse("01:00:5e:00:00:01", m), "no group address");
	ok(!mac_parse("02:42:ac:12:00", m) && !mac_parse("02:42:ac:12:00:0g", m) && !mac_parse(NULL, m),
	   "nothing broken");
	mac_of_ipv4(0xac120003, m);
	mac_text(m, text);
	is_str(text, "02:42:ac:12:00:03", "derived from an address");
}

static void pools(void)
{
	struct cidrs taken = { 0 };
	struct cidr got;
	char text[20];
	size_t n = 0;

	ok(ipam_pick_subnet(&taken, &got), "the first");
	cidr_text(got, text);
	is_str(text, "172.18.0.0/16", "is 172.18");
	vec_push(&taken, c("172.16.0.0/12"));
	ok(ipam_pick_subnet(&taken, &got), "with 172.16/12 routed elsewhere");
	cidr_text(got, text);
	is_str(text, "192.168.0.0/20", "it is in 192.168");
	vec_push(&taken, c("192.168.1.0/24"));
	ok(ipam_pick_subnet(&taken, &got), "with 192.168.1.0/24 in use");
	cidr_text(got, text);
	is_str(text, "192.168.16.0/20", "it is the one after");
	for (unsigned len = 9, at = 0x0a000000; len <= 16; at += 1u << (32 - len), len++)
		vec_push(&taken, (struct cidr){ at, len });      /* all of 10/8 but 10.255/16 */
	for (; ipam_pick_subnet(&taken, &got) && n < 10000; n++) {
		for (size_t i = 0; i < taken.n; i++)
			if (cidr_overlap(taken.v[i], got))
				n = 99999;
		vec_push(&taken, got);
	}
	is_int((intmax_t)n, 15 + 16, "all are given out, none twice");
	vec_done(&taken);
}

static int plan(const char *subnet, const char *gateway, const char *range, char *const *reserved, struct ipam *p)
{
	const struct net_conf conf = { .subnet = subnet, .gateway = gateway, .ip_range = range, .reserved = reserved };
	auto_err struct err e = { 0 };

	return ipam_plan(&conf, c(subnet), p, &e);
}

static void plans(void)
{
	char r5[] = "10.77.0.5", outside[] = "10.78.0.5";
	char *reserved[] = { r5, NULL }, *wrong[] = { r5, outside, NULL };
	struct ipam p;

	is_int(plan("10.77.0.0/24", NULL, NULL, reserved, &p), 0, "a plan");
	is_int(p.gateway, 0x0a4d0001, "the gateway is the first address");
	ok(!ipam_free(&p, 0x0a4d0000) && !ipam_free(&p, 0x0a4d0001) && !ipam_free(&p, 0x0a4d00ff),
	   "ends and gateway are not free");
	ok(ipam_free(&p, 0x0a4d0002) && ipam_free(&p, 0x0a4d00fe), "the rest is");
	ok(!ipam_free(&p, 0x0a4d0005) && ipam_fits(&p, 0x0a4d0005), "a reserved one only when asked for");
	ipam_done(&p);
	is_int(plan("10.77.0.0/24", "10.77.0.254", "10.77.0.128/25", NULL, &p), 0, "gateway and range of the user");
	ok(!ipam_free(&p, 0x0a4d0002) && ipam_fits(&p, 0x0a4d0002), "outside the range only when asked for");
	ok(ipam_free(&p, 0x0a4d0080) && !ipam_free(&p, 0x0a4d00fe), "inside it, but not the gateway");
	ipam_done(&p);
	is_int(plan("10.77.0.0/24", NULL, NULL, wrong, &p), -1, "a reserved address outside");
	is_int(plan("10.77.0.0/24", "10.78.0.1", NULL, NULL, &p), -1, "a gateway outside");
	is_int(plan("10.77.0.0/24", "10.77.0.255", NULL, NULL, &p), -1, "a gateway that is the broadcast address");
	is_int(plan("10.77.0.0/24", NULL, "10.77.0.0/16", NULL, &p), -1, "a range larger than the subnet");
	is_int(plan("10.77.0.0/31", NULL, NULL, NULL, &p), -1, "a subnet too small");
	is_int(plan("127.1.0.0/16", NULL, NULL, NULL, &p), -1, "loopback");
	is_int(plan("224.0.0.0/8", NULL, NULL, NULL, &p), -1, "multicast");
}

static struct cidr6 c6(const char *s)
{
	struct cidr6 ret = { 0 };
	auto_err struct err e = { 0 };

	if (cidr6_parse(s, &ret, &e) < 0)
		diag("%s does not parse", s);
	return ret;
}

static struct ip6 a6(const char *s)
{
	struct ip6 ret = { { 0 } };

	if (!ip6_parse(s, &ret))
		diag("%s does not parse", s);
	return ret;
}

static void parsing6(void)
{
	static const char *const bad[] = { "", "fd00::", "fd00::/129", "fd00::/-1", "fd00::/", "/8", "fd00:::/8", "fd00::%eth0/64",
					   "10.0.0.0/8", "fd00::/64x", "g::/8", "1:2:3:4:5:6:7:8:9/64" };
	struct cidr6 got;
	char text[CIDR6_TEXT];
	auto_err struct err bits = { 0 };

	cidr6_text(c6("FD00:0:0::/48"), text);
	is_str(text, "fd00::/48", "one text for one subnet");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_err struct err e = { 0 };

		is_int(cidr6_parse(bad[i], &got, &e), -1, "\"%s\" is refused", bad[i]);
		is_int(e.kind, ERR_MODEL, "as the user's mistake");
	}
	is_int(cidr6_parse("fd00:0:0:1f00::/60", &got, &bits), 0, "no host bits");
	is_int(cidr6_parse("fd00:0:0:1f08::/60", &got, &bits), -1, "host bits are refused");
	is_str(bits.hint, "write fd00:0:0:1f00::/60", "with the right spelling");
}

static void arithmetic6(void)
{
	char text[IP6_TEXT];
	uint32_t four = 0;
	uint8_t m[6], n[6];

	ip6_text(ip6_add(a6("fd00::ffff:ffff"), 2), text);
	is_str(text, "fd00::1:0:1", "addition carries");
	ok(cidr6_has(c6("fd00:1::/33"), a6("fd00:1:7fff::1")) && !cidr6_has(c6("fd00:1::/33"), a6("fd00:1:8000::1")), "what a subnet has");
	ok(cidr6_overlap(c6("fd00::/16"), c6("fd00:9::/64")) && cidr6_overlap(c6("fd00:9::/64"), c6("fd00::/16")), "overlaps, both ways");
	ok(!cidr6_overlap(c6("fd00:8::/64"), c6("fd00:9::/64")), "neighbours do not");
	ok(cidr6_overlap(c6("::/0"), c6("fd00:9::/64")), "everything overlaps everything");
	ok(ip6_is_ipv4(ip6_of_ipv4(0x0a070002), &four) && four == 0x0a070002, "IPv4 there and back");
	ok(!ip6_is_ipv4(a6("fd00::10.7.0.2"), &four), "others are none");
	mac_of_ip6(a6("fd00::2"), m);
	mac_of_ip6(a6("fd00::3"), n);
	ok(m[0] == 2 && memcmp(m, n, 6) != 0, "MAC addresses of neighbours differ");
}

static void local_nets(void)
{
	struct cidr6 one = ula_site("0123456789abcdef\n", "00000001"), two = ula_site("0123456789abcdef\n", "00000002"), got, again;
	struct cidr6 other = ula_site("1123456789abcdef\n", "00000001");
	struct cidrs6 taken = { 0 };
	bool good = true;

	ok(one.len == 48 && one.base.b[0] == 0xfd, "an installation's site is a unique local /48");
	ok(!cidr6_overlap(one, two), "another's is another");
	ok(!cidr6_overlap(one, other), "on another host too");
	ok(ula_pick(one, "demo_default", &taken, &got) && ula_pick(one, "demo_default", &taken, &again) && ip6_eq(got.base, again.base),
	   "a name leads to the same subnet each time");
	ok(got.len == 64 && cidr6_has(one, got.base) && !ip6_eq(got.base, one.base), "a /64 of the site, not the uplink's");
	for (int i = 0; i < 200 && good; i++) {
		vec_push(&taken, got);
		good = ula_pick(one, "demo_default", &taken, &got) && cidr6_has(one, got.base) && !ip6_eq(got.base, one.base);
		for (size_t k = 0; k < taken.n; k++)
			good = good && !cidr6_overlap(taken.v[k], got);
	}
	ok(good, "none is given out twice");
	vec_push(&taken, one);
	ok(!ula_pick(one, "demo_default", &taken, &got), "none when all are taken");
	vec_done(&taken);
}

static int plan6(const char *subnet, const char *gateway, const char *range, char *const *reserved, struct ipam6 *p)
{
	const struct net_conf conf = { .subnet6 = subnet, .gateway6 = gateway, .ip_range6 = range, .reserved = reserved };
	auto_err struct err e = { 0 };

	return ipam6_plan(&conf, c6(subnet), p, &e);
}

static void plans6(void)
{
	static const char *const wrong[] = { "fe80::/64", "ff02::/64", "::/96", "fd00::/127", "fe00::/7" };
	char r5[] = "fd00::5", four[] = "10.77.0.5", outside[] = "fd01::5";
	char *reserved[] = { four, r5, NULL }, *bad[] = { r5, outside, NULL };
	struct ipam6 p;

	is_int(plan6("fd00::/64", NULL, NULL, reserved, &p), 0, "a plan");
	ok(ip6_eq(p.gateway, a6("fd00::1")), "the gateway is the first address");
	ok(!ipam6_free(&p, a6("fd00::")) && !ipam6_free(&p, a6("fd00::1")) && ipam6_free(&p, a6("fd00::2")), "what is free");
	ok(!ipam6_free(&p, a6("fd00::5")) && ipam6_fits(&p, a6("fd00::5")), "a reserved one only when asked for");
	ok(!ipam6_fits(&p, a6("fd00:0:0:1::5")), "not another subnet's");
	ipam6_done(&p);
	is_int(plan6("fd00::/64", "fd00::ff", "fd00::80/121", NULL, &p), 0, "gateway and range of the user");
	ok(!ipam6_free(&p, a6("fd00::2")) && ipam6_free(&p, a6("fd00::80")) && !ipam6_free(&p, a6("fd00::ff")), "are kept to");
	ipam6_done(&p);
	is_int(plan6("fd00::/64", NULL, NULL, bad, &p), -1, "a reserved address outside");
	is_int(plan6("fd00::/64", "fd01::1", NULL, NULL, &p), -1, "a gateway outside");
	is_int(plan6("fd00::/64", "fd00::", NULL, NULL, &p), -1, "a gateway that is the address of any router");
	is_int(plan6("fd00::/64", NULL, "fd00::/48", NULL, &p), -1, "a range larger than the subnet");
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		is_int(plan6(wrong[i], NULL, NULL, NULL, &p), -1, "%s is no subnet of hosts", wrong[i]);
}

int main(void)
{
	parsing6();
	arithmetic6();
	local_nets();
	plans6();
	parsing();
	arithmetic();
	macs();
	pools();
	plans();
	return done_testing();
}
