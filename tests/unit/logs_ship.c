/* SPDX-License-Identifier: Apache-2.0 */
/* logs_ship.c - messages to syslog and journald as their formats want them, and addresses. */
#include <netinet/in.h>
#include <sys/socket.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/logs/ship.h"
#include "tests/tap.h"

static const int64_t when_ns = 1700000000123456789;          /* 2023-11-14 22:13:20 UTC */

static char *text(enum ship_format format, const char *tag, enum log_type stream, const char *line)
{
	const struct ship_to to = { .format = format, .facility = 3, .host = "my host", .tag = tag, .fields = "A=b\n" };
	size_t n;

	return ship_text(&to, stream, 42, when_ns, line, strlen(line), false, &n);
}

static void formats(void)
{
	static const struct { enum ship_format format; const char *tag; enum log_type stream; const char *want; } rows[] = {
		{SHIP_LOCAL, "web", LOG_STDOUT, "<30>Nov 14 22:13:20 web[42]: hi"},
		{SHIP_RFC3164, "web", LOG_STDERR, "<27>Nov 14 22:13:20 my_host web[42]: hi"},
		{SHIP_RFC5424, "a b", LOG_STDOUT, "<30>1 2023-11-14T22:13:20Z my_host a_b 42 a_b - hi"},
		{SHIP_RFC5424_MICRO, "", LOG_STDOUT, "<30>1 2023-11-14T22:13:20.123456Z my_host - 42 - - hi"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *got = text(rows[i].format, rows[i].tag, rows[i].stream, "hi");

		is_str(got, rows[i].want, "format %zu", i);
	}
}

static void long_tag(void)
{
	char tag[101];
	auto_free char *got = NULL;

	memset(tag, 'x', 100);
	tag[100] = '\0';
	got = text(SHIP_RFC5424, tag, LOG_STDOUT, "hi");
	is_int((int64_t)strlen(got), 4 + 2 + 20 + 1 + 7 + 1 + 48 + 1 + 2 + 1 + 32 + 3 + 2, "APP-NAME and MSGID are cut");
}

static void journal(void)
{
	const struct ship_to to = { .format = SHIP_JOURNAL, .tag = "t", .fields = "A=b\n" };
	static const char want[] = "PRIORITY=3\nSYSLOG_IDENTIFIER=t\nA=b\nCONTAINER_PARTIAL_MESSAGE=true\nMESSAGE\n"
				   "\3\0\0\0\0\0\0\0a\nb\n";
	size_t n;
	auto_free char *got = ship_text(&to, LOG_STDERR, 42, when_ns, "a\nb", 3, true, &n);

	ok(n == sizeof(want) - 1 && !memcmp(got, want, n), "journald's form carries any bytes");
}

static void addresses(void)
{
	static const struct { const char *text; int family; bool stream; } rows[] = {
		{"unix:///dev/log", AF_UNIX, false}, {"unixgram:///x", AF_UNIX, false}, {"udp://127.0.0.1:514", AF_INET, false},
		{"tcp://10.0.0.1:601", AF_INET, true}, {"tcp://[::1]:514", AF_INET6, true}, {"unix://dev/log", 0, false},
		{"udp://127.0.0.1", 0, false}, {"udp://127.0.0.1:0", 0, false}, {"udp://127.0.0.1:65536", 0, false},
		{"udp://host:514", 0, false}, {"udp://::1:514", 0, false}, {"tcp://[", 0, false}, {"tcp://]:1", 0, false},
		{"tcp://[]:1", 0, false}, {"http://127.0.0.1:80", 0, false}, {"", 0, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sockaddr_storage a = {0};
		bool stream = false;
		size_t n = ship_address(rows[i].text, &a, &stream);

		is_int(n ? a.ss_family : 0, rows[i].family, "%s", rows[i].text);
		ok(!n || stream == rows[i].stream, "%s: its kind", rows[i].text);
	}
}

int main(void)
{
	(void)setenv("TZ", "UTC", 1);
	formats();
	long_tag();
	journal();
	addresses();
	return done_testing();
}
