/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a duration, a size, a number, a command line; what is taken reads back as the same. */
#include <stdint.h>
#include "compose/base/mem.h"
#include "parser/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void duration(const char *text)
{
	char out[DURATION_TEXT];
	int64_t ns, again;

	if (!value_duration(text, &ns))
		return;
	value_duration_text(ns, out);
	/* Beyond 2^53 ns a double holds no single nanoseconds. */
	if (!value_duration(out, &again) || (ns < 1LL << 52 && ns > -(1LL << 52) && again != ns))
		abort();
}

static void numbers(const char *text)
{
	char out[DOUBLE_TEXT];
	int64_t n;
	double d, again;
	bool v, old;

	if (value_bytes(text, &n) && n < 0 && *text != '-')
		abort();
	if (value_double(text, &d)) {
		value_double_text(d, out);
		if (!value_double(out, &again) || memcmp(&d, &again, sizeof(d)) != 0)
			abort();
		value_float_text((float)d, out);
	}
	(void)value_bool(text, &v, &old);
}

static void words(const char *text)
{
	auto_strv struct strv v = { 0 };

	if (value_words(text, &v) && v.n)
		abort();                       /* untouched when refused */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);

	duration(text);
	numbers(text);
	words(text);
	return 0;
}
