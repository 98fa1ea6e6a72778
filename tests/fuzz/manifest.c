/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a registry sends: manifest, index, configuration, challenge, change instruction. */
#include <stdint.h>
#include <string.h>
#include "compose/base/mem.h"
#include "compose/image/auth.h"
#include "compose/image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void manifest(const char *text, size_t size)
{
	const struct platform want = { "linux", "arm", "v7" };
	struct blob_desc d = {0};
	auto_manifest struct manifest m = {0};
	struct err e = {0};

	if (manifest_parse(text, size, "m", &m, &e) < 0 && !e.n)
		abort();
	err_done(&e);
	if (manifest_pick(text, size, "m", &want, &d, &e) < 0 && !e.n)
		abort();
	err_done(&e);
	blob_desc_done(&d);
}

/* What is accepted must be written so that it is accepted again. */
static void config(const char *text, size_t size)
{
	auto_image struct image *i = xcalloc(1, sizeof(*i)), *again = xcalloc(1, sizeof(*again));
	auto_json json_t *j = NULL;
	auto_free char *out = NULL;
	struct err e = {0};

	if (config_parse(text, size, "c", i, &e) == 0) {
		j = image_to_json(i);
		out = json_dumps(j, JSON_COMPACT);
		if (!out || config_parse(out, strlen(out), "c", again, &e) < 0 || again->layers.n != i->layers.n ||
		    again->conf.env.n != i->conf.env.n)
			abort();
	} else if (!e.n) {
		abort();
	}
	err_done(&e);
}

static void texts(const char *text)
{
	struct image_config c = {0};
	struct challenge ch;
	struct platform p;
	struct err e = {0};
	size_t n;

	challenge_parse(text, &ch);
	challenge_done(&ch);
	free(base64_decode(text, &n));
	free(url_escape(text));
	if (image_config_change(&c, text, &e) < 0 && !e.n)
		abort();
	err_done(&e);
	image_config_done(&c);
	if (platform_parse(&p, text, &e) < 0 && !e.n)
		abort();
	err_done(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);

	manifest((const char *)data, size);
	config((const char *)data, size);
	texts(text);
	return 0;
}
