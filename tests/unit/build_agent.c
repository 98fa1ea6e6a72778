/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests a build step may make of an ssh agent. What it comes to with a real one: tests/e2e/build_ssh.sh */
#include "compose/build/agent.h"
#include "tests/tap.h"

static void head(unsigned char *b, size_t n, unsigned char type)
{
	for (int i = 0; i < 4; i++)
		b[i] = (unsigned char)(n >> (24 - 8 * i));
	b[4] = type;
}

static void by_type(void)
{
	unsigned char b[16] = {0};
	size_t len, passed = 0;

	for (unsigned type = 0; type < 256; type++) {
		head(b, 1, (unsigned char)type);
		if (agent_request(b, 5, &len) == AGENT_PASS && len == 5)
			passed++;
		else if (agent_request(b, 5, &len) != AGENT_REFUSE || len != 5)
			passed += 1000;
	}
	is_int((int)passed, 2, "two types of requests pass, all others are refused");
	head(b, 1, 11);
	is_int(agent_request(b, 5, &len), AGENT_PASS, "the list of keys does");
	head(b, 3, 13);
	is_int(agent_request(b, 9, &len), AGENT_PASS, "a signature does");
	is_int((int)len, 7, "and its own length, not what came behind");
}

static void by_length(void)
{
	unsigned char b[16] = {0};
	size_t len = 99;

	head(b, 10, 17);
	for (size_t n = 0; n < 14; n++)
		if (agent_request(b, n, &len) != AGENT_MORE || len)
			len = 1000 + n;
	is_int((int)len, 0, "no verdict, not even a refusal, before all of it is there");
	is_int(agent_request(b, 14, &len), AGENT_REFUSE, "then a refusal");
	head(b, 0, 11);
	is_int(agent_request(b, 5, &len), AGENT_BROKEN, "no request is empty");
	head(b, AGENT_MESSAGE_MAX, 13);
	is_int(agent_request(b, 16, &len), AGENT_MORE, "the longest one may come");
	head(b, AGENT_MESSAGE_MAX + 1, 13);
	is_int(agent_request(b, 4, &len), AGENT_BROKEN, "a longer one is not waited for");
	head(b, 0xffffffff, 11);
	is_int(agent_request(b, 16, &len), AGENT_BROKEN, "nor is the largest number a length");
}

int main(void)
{
	by_type();
	by_length();
	return done_testing();
}
