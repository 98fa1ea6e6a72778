/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as an image reference: the canonical form of an accepted one parses to itself. */
#include <stdint.h>
#include <string.h>
#include "compose/base/mem.h"
#include "parser/imageref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct imageref *r)
{
	auto_free char *canonical = imageref_canonical(r), *familiar = imageref_familiar(r), *again = NULL;
	struct imageref forms[2] = {0};
	struct err e = {0};

	if (imageref_parse(&forms[0], canonical, &e) < 0 || imageref_parse(&forms[1], familiar, &e) < 0)
		abort();
	for (int i = 0; i < 2; i++) {
		again = imageref_canonical(&forms[i]);
		if (strcmp(again, canonical))
			abort();
		free(take_ptr(again));
		imageref_done(&forms[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_imageref struct imageref r = {0};
	struct err e = {0};

	if (imageref_parse(&r, text, &e) == 0)
		round_trip(&r);
	else if (!e.n)
		abort();                               /* a failure without a reason */
	err_done(&e);
	return 0;
}
