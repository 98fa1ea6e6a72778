/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/when.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "compose/base/sys.h"
#include "compose/cli/opt.h"

static const int64_t second_ns = 1000000000;

/* ".5" to nanoseconds; ret: what follows */
static const char *fraction(const char *s, int64_t *ret)
{
	int64_t unit = second_ns / 10;

	*ret = 0;
	if (*s != '.')
		return s;
	for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
		*ret += (*s - '0') * unit;
	return s;
}

/* "Z", "+02:00" or nothing (then local time). ret: false when it is none of these */
static bool offset(const char *s, struct tm *tm, int64_t *ret_s)
{
	int h, m, n = 0;

	if (!strcmp(s, "Z")) {
		*ret_s = timegm(tm);
		return true;
	}
	if (!*s) {
		tm->tm_isdst = -1;
		*ret_s = mktime(tm);
		return true;
	}
	if ((*s != '+' && *s != '-') || sscanf(s + 1, "%2d:%2d%n", &h, &m, &n) != 2 || s[1 + n])
		return false;
	*ret_s = timegm(tm) - (*s == '-' ? -1 : 1) * (h * 3600 + m * 60);
	return true;
}

static bool calendar(const char *s, int64_t *ret)
{
	struct tm tm = {0};
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ns = 0, secs;

	if (!rest) {
		tm = (struct tm){0};
		rest = strptime(s, "%Y-%m-%dT%H:%M", &tm);
	}
	if (!rest) {
		tm = (struct tm){0};
		rest = strptime(s, "%Y-%m-%d", &tm);
	}
	if (!rest)
		return false;
	rest = fraction(rest, &ns);
	if (!offset(rest, &tm, &secs))
		return false;
	*ret = secs * second_ns + ns;
	return true;
}

static bool unix_seconds(const char *s, int64_t *ret)
{
	char *end;
	int64_t ns;
	long long v;

	if (*s < '0' || *s > '9')
		return false;
	v = strtoll(s, &end, 10);
	if (*fraction(end, &ns) || v > INT64_MAX / second_ns)
		return false;
	*ret = v * second_ns + ns;
	return true;
}

int when_parse(const char *s, const char *option, int64_t *ret, struct err *e)
{
	int64_t span;

	if (!s || calendar(s, ret) || unix_seconds(s, ret))
		return 0;
	if (opt_secs(s, &span)) {
		*ret = sys_now_ns() - span;
		return 0;
	}
	err_set(e, ERR_USAGE, 0, "%s: \"%s\" is no time", option, s);
	return err_hint(e, "use 2026-01-31T13:23:37Z, seconds since 1970, or a span such as 42m");
}
