/* SPDX-License-Identifier: Apache-2.0 */
/* logs_ship.c - messages to syslog and journald as their formats want them, and addresses. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
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

/* ---- over a socket ---- */

static struct loop *loop;
static unsigned notes, rooms, overs;

static void on_room(void *arg)
{
	(void)arg;
	rooms++;
}

static void on_note(void *owner, struct err *e)
{
	(void)owner;
	notes++;
	err_done(e);
}

static void on_over(void *owner)
{
	(void)owner;
	overs++;
	loop_stop(loop);
}

static void on_time(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

/* Let the loop turn for a while, or until a ship that has ended is gone. */
static void turn(int ms)
{
	struct err e = {0};
	struct loop_src *t = loop_at(loop, sys_mono_ns() + (int64_t)ms * 1000000, on_time, NULL);
	unsigned before = overs;

	(void)!loop_run(loop, &e);
	if (overs > before)
		loop_del(t);
	err_done(&e);
}

static int listen_at(char path[64])
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)snprintf(path, 64, "/tmp/ship.%d", (int)getpid());
	memcpy(a.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	ok(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "a logger");
	return fd;
}

/* ret: the text behind the header, of the next message; "" when there is none */
static const char *message(int fd)
{
	static char buf[SHIP_LINE_MAX + 256];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);
	const char *text;

	buf[n > 0 ? n : 0] = '\0';
	text = strstr(buf, "]: ");
	return text ? text + 3 : "";
}

static const struct ship_calls calls = { .room = on_room, .note = on_note, .over = on_over };

static void lines(void)
{
	char path[64], address[80], line[SHIP_LINE_MAX + 10];
	int fd = listen_at(path);
	const struct ship_to to = { .address = address, .host = "h", .tag = "t", .fields = "", .name = "c" };
	struct ship *s;

	(void)snprintf(address, sizeof(address), "unix://%s", path);
	s = ship_new(loop, &to, &calls);
	ship_write(s, LOG_STDOUT, 1, "half", 4);
	ship_write(s, LOG_STDERR, 1, "other\n", 6);
	ship_write(s, LOG_STDOUT, 1, " whole\r\n\nlast", 14);
	turn(50);
	is_str(message(fd), "other", "a line of the other stream");
	is_str(message(fd), "half whole", "a line in two pieces, without its carriage return");
	is_str(message(fd), "", "an empty line");
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	ship_write(s, LOG_STDOUT, 1, "\n", 1);
	ship_write(s, LOG_STDOUT, 1, line, sizeof(line));
	ship_write(s, LOG_STDOUT, 1, "no end", 6);
	ship_end(s);
	turn(5000);
	is_int(overs, 1, "it went by itself");
	is_int((int64_t)ship_pending(), 0, "none is left");
	is_str(message(fd), "last", "the end of the line before");
	is_int((int64_t)strlen(message(fd)), SHIP_LINE_MAX, "a long line: its first part");
	is_int((int64_t)strlen(message(fd)), 9, "its second part");
	is_str(message(fd), "no end", "what had no newline");
	is_int(notes, 0, "nothing to tell");
	close(fd);
	(void)unlink(path);
}

/* The kernel's queue of a datagram socket is short: nobody reads, and the rest waits here. */
static void full(bool drop)
{
	char path[64], address[80];
	int fd = listen_at(path), got = 0;
	const struct ship_to to = { .address = address, .host = "h", .tag = "t", .fields = "", .name = "c", .drop = drop, .buffer_bytes = 4000 };
	struct ship *s;

	notes = rooms = 0;
	(void)snprintf(address, sizeof(address), "unix://%s", path);
	s = ship_new(loop, &to, &calls);
	for (int i = 0; i < 2000; i++)
		ship_write(s, LOG_STDOUT, 1, "a line of text\n", 15);
	turn(20);
	ok(ship_full(s) == !drop, drop ? "it never holds the container up" : "it is full");
	for (int i = 0; i < 4000 && (i < 50 || got < 2000); i++) {
		while (*message(fd))
			got++;
		turn(1);
	}
	ok(drop ? got < 2000 : got == 2000, drop ? "what did not fit is gone" : "every line has come");
	ok(!ship_full(s), "there is room again");
	is_int(rooms, !drop, "which is told");
	is_int(notes, drop, "what is lost is told");
	ship_end(s);
	turn(5000);
	close(fd);
	(void)unlink(path);
}

static void nobody(void)
{
	const struct ship_to to = { .address = "unix:///tmp/ship.none", .host = "h", .tag = "t", .fields = "", .name = "c" };
	struct ship *s;

	notes = overs = 0;
	s = ship_new(loop, &to, &calls);
	ship_write(s, LOG_STDOUT, 1, "x\n", 2);
	ok(!ship_full(s), "a logger that is away holds nobody up");
	is_int(notes, 1, "and is told once");
	ship_end(s);
	is_int(overs, 1, "nor does it wait for its last words");
	is_int(notes, 2, "which are told to be lost");
}

int main(void)
{
	struct err e = {0};

	(void)setenv("TZ", "UTC", 1);
	formats();
	long_tag();
	journal();
	addresses();
	if (loop_new(&loop, &e) < 0)
		return 1;
	lines();
	full(false);
	full(true);
	nobody();
	loop_free(loop);
	return done_testing();
}
