/* SPDX-License-Identifier: Apache-2.0 */
/* value_port.c - the short form of ports.   spec: compose-spec 05-services "ports" */
#include <stdlib.h>
#include "compose/base/str.h"
#include "parser/value.h"

static bool port_number(const char *s, size_t n, uint16_t *ret)
{
	char buf[8];
	uint64_t v;

	if (n == 0 || n >= sizeof(buf))
		return false;
	memcpy(buf, s, n);
	buf[n] = '\0';
	if (!str_to_u64(buf, &v) || v > 65535)
		return false;
	*ret = (uint16_t)v;
	return true;
}

bool value_port_range(const char *s, uint16_t *ret_first, uint16_t *ret_last)
{
	const char *dash = strchr(s, '-');
	uint16_t a, b;

	if (!port_number(s, dash ? (size_t)(dash - s) : strlen(s), &a))
		return false;
	b = a;
	if (dash && (!port_number(dash + 1, strlen(dash + 1), &b) || b < a))
		return false;
	*ret_first = a;
	*ret_last = b;
	return true;
}

/* Cut the last ":part" off s. ret: the part, or NULL when there is no colon (then s is the part itself) */
static char *cut_last(char *s)
{
	char *colon = strrchr(s, ':');

	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static const char *take_protocol(char *ctr, char ret[5])
{
	char *slash = strchr(ctr, '/');

	memcpy(ret, "tcp", 4);
	if (!slash)
		return NULL;
	*slash++ = '\0';
	if (!*slash)
		return NULL;
	for (const char *const *p = (const char *const[]){"tcp", "udp", "sctp", NULL}; *p; p++)
		if (strcasecmp(slash, *p) == 0) {
			memcpy(ret, *p, strlen(*p) + 1);
			return NULL;
		}
	return "the protocol must be tcp, udp or sctp";
}

static const char *take_ip(char *ip, char ret[64])
{
	size_t n = strlen(ip);

	if (*ip == '[') {
		if (n < 2 || ip[n - 1] != ']')
			return "the host address lacks its closing bracket";
		ip[n - 1] = '\0';
		ip++;
	}
	if (strlen(ip) >= 64 || !value_ip(ip))
		return "the host address is no IP address";
	memcpy(ret, ip, strlen(ip) + 1);
	return NULL;
}

/* "10/tcp" stands before "9/tcp": digits are compared from the left, and a shorter number before its continuation. */
static uint32_t five_digits(uint32_t v)
{
	while (v && v < 10000)
		v *= 10;
	return v;
}

static int by_text(const void *a, const void *b)
{
	uint32_t x = ((const struct port_pair *)a)->target, y = ((const struct port_pair *)b)->target;
	uint32_t fx = five_digits(x), fy = five_digits(y);

	return fx != fy ? (fx < fy ? -1 : 1) : x < y ? -1 : x > y;
}

static const char *expand(const char *ctr, const char *host, struct port_spec *spec)
{
	uint16_t c0, c1, h0 = 0, h1 = 0;

	if (!value_port_range(ctr, &c0, &c1))
		return "the container port must be a number or a range within 0-65535";
	if (*host && !value_port_range(host, &h0, &h1))
		return "the host port must be a number or a range within 0-65535";
	if (*host && h1 - h0 != c1 - c0 && c1 != c0)
		return "the host and container port ranges differ in length";
	spec->has_published = *host != '\0';
	spec->n = (size_t)(c1 - c0) + 1;
	spec->pair = xcalloc(spec->n, sizeof(*spec->pair));
	for (size_t i = 0; i < spec->n; i++) {
		uint16_t h = (uint16_t)(*host ? h0 + i : 0);
		spec->pair[i] = (struct port_pair){(uint16_t)(c0 + i), h, *host && c0 == c1 ? h1 : h};
	}
	qsort(spec->pair, spec->n, sizeof(*spec->pair), by_text);
	return NULL;
}

const char *value_ports(const char *s, struct port_spec *ret)
{
	char buf[160];
	struct port_spec spec = {0};
	const char *why;

	if (strlen(s) >= sizeof(buf))
		return "too long for a port";
	memcpy(buf, s, strlen(s) + 1);
	char *ctr = cut_last(buf), *host = ctr ? cut_last(buf) : NULL;
	char *ip = host ? buf : NULL;
	if (!ctr)
		ctr = buf;
	else if (!host)
		host = buf;
	why = take_protocol(ctr, spec.protocol);
	if (!why && !*ctr)
		why = "there is no container port";
	if (!why && ip && *ip)
		why = take_ip(ip, spec.host_ip);
	if (!why)
		why = expand(ctr, host ? host : "", &spec);
	if (!why)
		*ret = spec;
	return why;
}
