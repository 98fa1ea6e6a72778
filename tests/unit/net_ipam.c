/* SPDX-License-Identifier: Apache-2.0 */
/* Address arithmetic and plans. */
#include "compose/net/ipam.h"
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

int main(void)
{
	parsing();
	arithmetic();
	macs();
	pools();
	plans();
	return done_testing();
}
