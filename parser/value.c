/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/value.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "compose/base/str.h"

/* Digits with at most one point, no sign, no exponent. ret: the first byte behind it, or NULL when there is no digit */
static const char *decimal(const char *s, double *ret)
{
	char buf[64];
	size_t n = strspn(s, "0123456789."), digits = 0;

	for (size_t i = 0, dots = 0; i < n; i++) {
		digits += s[i] != '.';
		dots += s[i] == '.';
		if (dots > 1)
			return NULL;
	}
	if (!digits || n >= sizeof(buf))
		return NULL;
	memcpy(buf, s, n);
	buf[n] = '\0';
	*ret = strtod(buf, NULL);
	return s + n;
}

bool value_i64(const char *s, int64_t *ret)
{
	return str_to_i64(*s == '+' ? s + 1 : s, ret) && (s[0] != '+' || s[1] != '-');
}

bool value_double(const char *s, double *ret)
{
	char *end;
	double v;

	if (strlen(s) > 63 || strspn(s, "+-0123456789.eE") != strlen(s) || strpbrk(s, "0123456789") == NULL)
		return false;
	v = strtod(s, &end);
	if (*end || !isfinite(v))
		return false;
	*ret = v;
	return true;
}

/* 1024 to the power of the letter's place; 0 for no such unit */
static double byte_unit(const char *u)
{
	static const char letters[] = "bkmgtp";
	char c = (char)tolower((unsigned char)*u);
	const char *at = strchr(letters, c);
	double f = 1;

	if (!*u)
		return 1;
	if (!at)
		return 0;
	u++;
	if (c != 'b' && tolower((unsigned char)u[0]) == 'i' && tolower((unsigned char)u[1]) == 'b')
		u += 2;
	else if (c != 'b' && tolower((unsigned char)*u) == 'b')
		u++;
	for (const char *p = letters; p < at; p++)
		f *= 1024;
	return *u ? 0 : f;
}

bool value_bytes(const char *s, int64_t *ret_bytes)
{
	double v, unit;
	int64_t whole;
	const char *rest;

	if (value_i64(s, &whole)) {
		*ret_bytes = whole;
		return true;
	}
	rest = decimal(s, &v);
	if (!rest)
		return false;
	if (*rest == ' ')
		rest++;
	unit = byte_unit(rest);
	if (unit == 0 || v * unit >= 9.2e18)
		return false;
	*ret_bytes = (int64_t)(v * unit);
	return true;
}

static const struct {
	const char *name;
	double ns;
} time_units[] = {
	{"ns", 1},  {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3}, {"ms", 1e6},
	{"s", 1e9}, {"m", 60e9}, {"h", 3600e9},	   {"d", 86400e9},   {"w", 7 * 86400e9},
};

/* ret: the first byte behind the unit, or NULL when there is none */
static const char *time_unit(const char *s, double *ret_ns)
{
	size_t len = 0;
	const char *end = NULL;

	for (size_t i = 0; i < ARRAY_LEN(time_units); i++) {
		size_t n = strlen(time_units[i].name);
		if (n > len && strncmp(s, time_units[i].name, n) == 0) {
			len = n;
			end = s + n;
			*ret_ns = time_units[i].ns;
		}
	}
	return end;
}

bool value_duration(const char *s, int64_t *ret_ns)
{
	bool minus = *s == '-';
	double total = 0, v, unit;

	s += *s == '-' || *s == '+';
	if (str_eq(s, "0")) {
		*ret_ns = 0;
		return true;
	}
	if (!*s)
		return false;
	while (*s) {
		s = decimal(s, &v);
		s = s ? time_unit(s, &unit) : NULL;
		if (!s)
			return false;
		total += v * unit;
	}
	if (total >= 9.2e18)
		return false;
	*ret_ns = (int64_t)(minus ? -(total + 0.5) : total + 0.5);
	return true;
}

/* v units of 1/10^digits, with the zeros at the end of the fraction left out */
static void fraction_text(char *buf, size_t size, uint64_t v, unsigned digits, const char *unit)
{
	uint64_t scale = 1;

	for (unsigned i = 0; i < digits; i++)
		scale *= 10;
	uint64_t whole = v / scale, frac = v % scale;
	while (digits && frac % 10 == 0) {
		frac /= 10;
		digits--;
	}
	if (digits)
		snprintf(buf, size, "%llu.%0*llu%s", (unsigned long long)whole, (int)digits, (unsigned long long)frac,
			 unit);
	else
		snprintf(buf, size, "%llu%s", (unsigned long long)whole, unit);
}

void value_duration_text(int64_t ns, char buf[DURATION_TEXT])
{
	uint64_t u = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, s = u / 1000000000;
	char sec[32];
	const char *sign = ns < 0 ? "-" : "";

	if (u == 0)
		snprintf(buf, DURATION_TEXT, "0s");
	else if (u < 1000)
		snprintf(buf, DURATION_TEXT, "%s%lluns", sign, (unsigned long long)u);
	else if (u < 1000000000) {
		fraction_text(sec, sizeof(sec), u, u < 1000000 ? 3 : 6, u < 1000000 ? "\u00b5s" : "ms");
		snprintf(buf, DURATION_TEXT, "%s%s", sign, sec);
	} else {
		fraction_text(sec, sizeof(sec), u - s / 60 * 60000000000ULL, 9, "s");
		if (s >= 3600)
			snprintf(buf, DURATION_TEXT, "%s%lluh%llum%s", sign, (unsigned long long)(s / 3600),
				 (unsigned long long)(s / 60 % 60), sec);
		else if (s >= 60)
			snprintf(buf, DURATION_TEXT, "%s%llum%s", sign, (unsigned long long)(s / 60), sec);
		else
			snprintf(buf, DURATION_TEXT, "%s%s", sign, sec);
	}
}

bool value_bool(const char *s, bool *ret, bool *ret_old)
{
	static const struct {
		const char *text;
		bool v, old;
	} words[] = {
		{"true", true, false}, {"false", false, false}, {"1", true, false},  {"0", false, false},
		{"t", true, false},    {"f", false, false},	{"y", true, true},   {"yes", true, true},
		{"on", true, true},    {"n", false, true},	{"no", false, true}, {"off", false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(s, words[i].text) == 0) {
			*ret = words[i].v;
			*ret_old = words[i].old;
			return true;
		}
	return false;
}

/* printf's %g takes over at other exponents than wanted: plain digits from 1e-4 up to 1e21, as configs are printed
 * elsewhere. */
static void shortest(double v, bool single, char buf[DOUBLE_TEXT])
{
	char t[DOUBLE_TEXT];
	int prec = 0;

	for (; prec < 17; prec++) {
		snprintf(t, sizeof(t), "%.*e", prec, v);
		if (single ? strtof(t, NULL) == (float)v : strtod(t, NULL) == v)
			break;
	}
	const char *e = strchr(t, 'e');
	int exp = e ? (int)strtod(e + 1, NULL) : 0;
	if (exp >= -4 && exp < 21)
		snprintf(buf, DOUBLE_TEXT, "%.*f", prec > exp ? prec - exp : 0, v);
	else
		snprintf(buf, DOUBLE_TEXT, "%s", t);
}

void value_double_text(double v, char buf[DOUBLE_TEXT])
{
	shortest(v, false, buf);
}

void value_float_text(float v, char buf[DOUBLE_TEXT])
{
	shortest((double)v, true, buf);
}

bool value_mode(const char *s, int64_t *ret_mode)
{
	int64_t v = 0;

	if (s[0] == '0' && (s[1] == 'o' || s[1] == 'O'))
		s += 2;
	if (!*s || strlen(s) > 7)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '7')
			return false;
		v = v * 8 + (*s - '0');
	}
	*ret_mode = v;
	return true;
}

bool value_ip(const char *s)
{
	unsigned char buf[16];

	return inet_pton(AF_INET, s, buf) == 1 || inet_pton(AF_INET6, s, buf) == 1;
}

/* A device number, or * for any. ret: behind it, NULL when there is none */
static const char *device_number(const char *s, int64_t *ret)
{
	size_t n = strspn(s, "0123456789");
	char digits[8];

	*ret = -1;
	if (*s == '*')
		return s + 1;
	if (!n || n >= sizeof(digits))
		return NULL;
	memcpy(digits, s, n);
	digits[n] = '\0';
	return str_to_i64(digits, ret) ? s + n : NULL;
}

bool value_device_rule(const char *s, char *ret_type, int64_t *ret_major, int64_t *ret_minor, char ret_access[4])
{
	int64_t major, minor;
	const char *p = *s && strchr("abc", *s) && s[1] == ' ' ? device_number(s + 2, &major) : NULL;

	p = p && *p == ':' ? device_number(p + 1, &minor) : NULL;
	if (!p || *p++ != ' ' || !*p || strlen(p) > 3 || strspn(p, "rwm") != strlen(p))
		return false;
	*ret_type = *s;
	*ret_major = major;
	*ret_minor = minor;
	memcpy(ret_access, p, strlen(p) + 1);
	return true;
}

int value_log_facility(const char *s)
{
	static const char *const names[] = {
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		[16] = "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	};
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i] && str_eq(names[i], s))
			return (int)i;
	return str_to_u64(s, &v) && v < ARRAY_LEN(names) ? (int)v : -1;
}

bool value_key(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '.' && *s != '_' && *s != '-')
			return false;
	return true;
}

bool value_name(const char *s)
{
	return isalnum((unsigned char)*s) && s[1] && value_key(s);
}
