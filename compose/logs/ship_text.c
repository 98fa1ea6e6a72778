/* SPDX-License-Identifier: Apache-2.0 */
/* ship_text.c - one line of output as a message of syslog or journald; addresses of loggers. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/logs/ship.h"

enum { SEVERITY_ERR = 3, SEVERITY_INFO = 6, APP_NAME_MAX = 48, MSGID_MAX = 32, HOST_MAX = 255 };

static int severity(enum log_type stream)
{
	return stream == LOG_STDERR ? SEVERITY_ERR : SEVERITY_INFO;
}

/* Printable, no space: a word of a header, "-" when there is none (RFC 5424 6.2). */
static void add_word(struct str *out, const char *s, size_t max)
{
	if (!*s)
		str_addc(out, '-');
	for (size_t i = 0; s[i] && i < max; i++)
		str_addc(out, s[i] > ' ' && s[i] < 0x7f ? s[i] : '_');
}

/* "Nov 22 08:05:07", in local time. */
static void add_old_time(struct str *out, int64_t now_ns)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)(now_ns / 1000000000);
	struct tm tm;

	localtime_r(&t, &tm);
	str_addf(out, "%.3s %2d %02d:%02d:%02d", months + (ptrdiff_t)3 * tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_new_time(struct str *out, int64_t now_ns, bool micro)
{
	time_t t = (time_t)(now_ns / 1000000000);
	struct tm tm;

	gmtime_r(&t, &tm);
	str_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (micro)
		str_addf(out, ".%06d", (int)(now_ns % 1000000000 / 1000));
	str_addc(out, 'Z');
}

static void rfc5424(struct str *out, const struct ship_to *to, int pri, pid_t pid, int64_t now_ns)
{
	str_addf(out, "<%d>1 ", pri);
	add_new_time(out, now_ns, to->format == SHIP_RFC5424_MICRO);
	str_addc(out, ' ');
	add_word(out, to->host, HOST_MAX);
	str_addc(out, ' ');
	add_word(out, to->tag, APP_NAME_MAX);
	str_addf(out, " %d ", (int)pid);
	add_word(out, to->tag, MSGID_MAX);
	str_add(out, " - ");
}

static void rfc3164(struct str *out, const struct ship_to *to, int pri, pid_t pid, int64_t now_ns)
{
	str_addf(out, "<%d>", pri);
	add_old_time(out, now_ns);
	str_addc(out, ' ');
	if (to->format == SHIP_RFC3164) {
		add_word(out, to->host, HOST_MAX);
		str_addc(out, ' ');
	}
	add_word(out, to->tag, APP_NAME_MAX);
	str_addf(out, "[%d]: ", (int)pid);
}

/* The form with a length carries any bytes. */
static void journal(struct str *out, const struct ship_to *to, enum log_type stream, const char *line, size_t n, bool partial)
{
	str_addf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n%s", severity(stream), to->tag, to->fields);
	if (partial)
		str_add(out, "CONTAINER_PARTIAL_MESSAGE=true\n");
	str_add(out, "MESSAGE\n");
	for (int i = 0; i < 8; i++)
		str_addc(out, (char)((uint64_t)n >> (8 * i)));
	str_addn(out, line, n);
	str_addc(out, '\n');
}

char *ship_text(const struct ship_to *to, enum log_type stream, pid_t pid, int64_t now_ns, const char *line, size_t n, bool partial,
		size_t *ret_len)
{
	int pri = to->facility * 8 + severity(stream);
	struct str out = {0};

	if (to->format == SHIP_JOURNAL) {
		journal(&out, to, stream, line, n, partial);
	} else {
		if (to->format == SHIP_RFC5424 || to->format == SHIP_RFC5424_MICRO)
			rfc5424(&out, to, pri, pid, now_ns);
		else
			rfc3164(&out, to, pri, pid, now_ns);
		str_addn(&out, line, n);
	}
	*ret_len = out.len;
	return str_take(&out);
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

static size_t unix_address(const char *path, struct sockaddr_storage *ret)
{
	struct sockaddr_un *a = (struct sockaddr_un *)ret;
	size_t n = strlen(path);

	if (*path != '/' || n >= sizeof(a->sun_path))
		return 0;
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, path, n + 1);
	return sizeof(*a);
}

/* "1.2.3.4:514", "[::1]:514" */
static size_t inet_address(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)ret;
	const char *colon = strrchr(text, ':');
	bool six = *text == '[' && colon && colon > text + 1 && colon[-1] == ']';
	auto_free char *host = colon ? xstrndup(text + six, (size_t)(colon - text) - 2 * (size_t)six) : NULL;
	uint64_t port;

	if (!host || !str_to_u64(colon + 1, &port) || !port || port > UINT16_MAX)
		return 0;
	memset(ret, 0, sizeof(*ret));
	if (six && inet_pton(AF_INET6, host, &a6->sin6_addr) == 1) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons((uint16_t)port);
		return sizeof(*a6);
	}
	if (six || inet_pton(AF_INET, host, &a4->sin_addr) != 1)
		return 0;
	a4->sin_family = AF_INET;
	a4->sin_port = htons((uint16_t)port);
	return sizeof(*a4);
}

size_t ship_address(const char *text, struct sockaddr_storage *ret, bool *ret_stream)
{
	*ret_stream = str_starts(text, "tcp://");
	if (str_starts(text, "unix://"))
		return unix_address(text + strlen("unix://"), ret);
	if (str_starts(text, "unixgram://"))
		return unix_address(text + strlen("unixgram://"), ret);
	if (str_starts(text, "udp://") || str_starts(text, "tcp://"))
		return inet_address(text + strlen("udp://"), ret);
	return 0;
}
