/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the address of a repository, and as the manifest of a compose project: what is taken stays inside. */
#include <stdint.h>
#include "compose/base/str.h"
#include "compose/engine/artefact.h"
#include "compose/engine/giturl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Could the path lead out of the directory it is put below? */
static bool climbs(const char *path)
{
	for (const char *s = path; *s; s += strcspn(s, "/"), s += *s == '/')
		if (!strncmp(s, "..", 2) && (s[2] == '/' || !s[2]))
			return true;
	return *path == '/';
}

static void address(const char *text)
{
	auto_giturl struct giturl u = {0};
	auto_err struct err e = {0};
	const char *host;

	if (giturl_parse(&u, text, &e) < 0) {
		if (!e.n)
			abort();                               /* a failure without a reason */
		return;
	}
	host = strstr(u.shown, "://");
	if (u.secret && host && memchr(host + 3, '@', strcspn(host + 3, "/")))
		abort();
	if (climbs(u.subdir) || climbs(u.name) || strchr(u.name, '/') || !*u.name || *u.ref == '-' || *u.shown == '-')
		abort();
}

static void manifest(const char *text, size_t size)
{
	auto_artefact struct artefact a = {0};
	auto_err struct err e = {0};

	if (artefact_parse(text, size, "m", &a, &e) < 0) {
		if (!e.n || a.files.n)
			abort();
		return;
	}
	for (size_t i = 0; i < a.files.n; i++)
		if (climbs(a.files.v[i].name) || strchr(a.files.v[i].name, '/') || !*a.files.v[i].name)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);

	address(text);
	manifest((const char *)data, size);
	return 0;
}
