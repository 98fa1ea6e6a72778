/* SPDX-License-Identifier: Apache-2.0 */
/* What a build step sends to an ssh agent: only complete lists and signatures are passed on, and nothing is read behind the
 * end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "compose/build/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size) {
		size_t n;
		enum agent_verdict v = agent_request(data, size, &n);

		if (v == AGENT_MORE || v == AGENT_BROKEN) {
			if (n)
				abort();
			return 0;
		}
		if (n < 5 || n > size || n > 4 + (size_t)AGENT_MESSAGE_MAX)
			abort();
		if ((v == AGENT_PASS) != (data[4] == 11 || data[4] == 13))
			abort();
		data += n;
		size -= n;
	}
	return 0;
}
