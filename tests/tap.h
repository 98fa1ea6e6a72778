/* SPDX-License-Identifier: Apache-2.0 */
/* tap.h - unit tests in C: each check prints one line of the Test Anything Protocol.
 *
 *	int main(void)
 *	{
 *		ok(x != NULL, "made");
 *		is_str(name, "web", "name of service %d", i);
 *		is_int(count, 3, "three of them");
 *		return done_testing();
 *	}
 *
 * No plan is needed: done_testing() prints it.  A check returns whether it held, so that a test can
 * stop where going on makes no sense.  One file a test program; this header keeps its counters. */
#pragma once
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAP_PRINTF(fmt, first) __attribute__((format(printf, fmt, first), unused))

static int tap_count, tap_failed;

/* A remark in the output, each of its lines behind "# ". */
TAP_PRINTF(1, 2) static void diag(const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *line = text, *end; line != NULL; line = end) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		printf("# %s\n", line);
	}
	fflush(stdout);
}

/* One result line; a newline in the name would break the protocol, so it becomes a space. */
TAP_PRINTF(4, 0)
static bool tap_result(bool good, const char *file, int line, const char *fmt, va_list ap)
{
	char name[1024];

	vsnprintf(name, sizeof(name), fmt, ap);
	for (char *c = name; (c = strpbrk(c, "\n\r#")) != NULL; c++)
		*c = ' ';
	printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, name);
	if (!good) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

TAP_PRINTF(4, 5) static bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	return good;
}

TAP_PRINTF(5, 6)
static bool tap_str(const char *got, const char *want, const char *file, int line, const char *fmt, ...)
{
	bool good = got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	if (!good)
		diag("got:  %s\nwant: %s", got != NULL ? got : "(null)", want != NULL ? want : "(null)");
	return good;
}

TAP_PRINTF(5, 6)
static bool tap_int(intmax_t got, intmax_t want, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(got == want, file, line, fmt, ap);
	va_end(ap);
	if (got != want)
		diag("got:  %" PRIdMAX "\nwant: %" PRIdMAX, got, want);
	return got == want;
}

TAP_PRINTF(5, 6)
static bool tap_has(const char *text, const char *part, const char *file, int line, const char *fmt, ...)
{
	bool good = text != NULL && part != NULL && strstr(text, part) != NULL;
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	if (!good)
		diag("got:  %s\nwant, in it: %s", text != NULL ? text : "(null)", part != NULL ? part : "(null)");
	return good;
}

TAP_PRINTF(6, 7)
static bool tap_mem(const void *got, const void *want, size_t n, const char *file, int line, const char *fmt, ...)
{
	bool good = n == 0 || memcmp(got, want, n) == 0;
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	for (size_t i = 0; !good && i < n; i++)
		if (((const uint8_t *)got)[i] != ((const uint8_t *)want)[i]) {
			diag("byte %zu of %zu: got 0x%02x, want 0x%02x", i, n, ((const uint8_t *)got)[i],
			     ((const uint8_t *)want)[i]);
			break;
		}
	return good;
}

/* The condition holds. */
#define ok(cond, ...) tap_ok((cond) ? true : false, __FILE__, __LINE__, __VA_ARGS__)
/* Two texts are equal, or both NULL. */
#define is_str(got, want, ...) tap_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
/* Two integers are equal. */
#define is_int(got, want, ...) tap_int((intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__, __VA_ARGS__)
/* A text contains another. */
#define has_str(text, part, ...) tap_has((text), (part), __FILE__, __LINE__, __VA_ARGS__)
/* n bytes are equal. */
#define is_mem(got, want, n, ...) tap_mem((got), (want), (n), __FILE__, __LINE__, __VA_ARGS__)

/* One check that cannot be made here; with MUST_RUN=1 in the environment that is a failure. */
TAP_PRINTF(1, 2) static void skip(const char *why, ...)
{
	const char *must = getenv("MUST_RUN");
	bool fail = must != NULL && strcmp(must, "1") == 0;
	va_list ap;

	va_start(ap, why);
	printf("%sok %d # SKIP ", fail ? "not " : "", ++tap_count);
	vprintf(why, ap);
	putchar('\n');
	va_end(ap);
	tap_failed += fail;
	fflush(stdout);
}

/* Print the plan; ret: main's exit status. */
__attribute__((unused)) static int done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed > 0 || tap_count == 0 ? 1 : 0;
}
