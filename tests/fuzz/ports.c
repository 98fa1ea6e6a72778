/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a port, an address, a subnet, a mode, a user; what is taken must be within its bounds. */
#include <stdint.h>
#include "compose/base/mem.h"
#include "parser/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ports(const char *text)
{
	struct port_spec s = { 0 };

	if (value_ports(text, &s)) {
		if (s.pair)
			abort();               /* untouched when refused */
		return;
	}
	if (!s.n || s.n > 65536 || (*s.host_ip && !value_ip(s.host_ip)))
		abort();
	for (size_t i = 0; i < s.n; i++)
		if (s.pair[i].published_end < s.pair[i].published)
			abort();
	free(s.pair);
}

static void others(const char *text)
{
	uint16_t first, last;
	int64_t mode;

	if (value_port_range(text, &first, &last) && last < first)
		abort();
	if (value_mode(text, &mode) && (mode < 0 || mode > 07777777))
		abort();
	if (value_name(text) && !value_key(text))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);

	ports(text);
	others(text);
	return 0;
}
