/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/manifest.h"
#include <string.h>
#include <sys/utsname.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/store.h"
#include "parser/imageref.h"

enum { INDEX_ENTRIES_MAX = 1024 };

void blob_desc_done(struct blob_desc *d)
{
	free(d->type);
	free(d->digest);
	memset(d, 0, sizeof(*d));
}

void manifest_done(struct manifest *m)
{
	free(m->type);
	blob_desc_done(&m->config);
	for (size_t i = 0; i < m->layers.n; i++)
		blob_desc_done(&m->layers.v[i]);
	vec_done(&m->layers);
	memset(m, 0, sizeof(*m));
}

static int desc_parse(const json_t *j, const char *name, const char *what, struct blob_desc *ret, struct err *e)
{
	const char *digest = json_str(j, "digest", "");
	int64_t size = json_int(j, "size", -1);

	if (!imageref_is_digest(digest))
		return err_set(e, ERR_SYS, 0, "%s: the %s has no sha256 digest", name, what);
	if (size < 0)
		return err_set(e, ERR_SYS, 0, "%s: the %s has no size", name, what);
	ret->digest = xstrdup(digest);
	ret->type = xstrdup(json_str(j, "mediaType", ""));
	ret->size = size;
	return 0;
}

/* The type as the text says it, or as its members tell. */
static const char *type_of(const json_t *j)
{
	const char *type = json_str(j, "mediaType", NULL);

	if (type)
		return type;
	return json_is_array(json_object_get(j, "manifests")) ? TYPE_OCI_INDEX : TYPE_OCI_MANIFEST;
}

static int check_version(const json_t *j, const char *name, struct err *e)
{
	if (json_int(j, "schemaVersion", 0) == 2)
		return 0;
	if (json_int(j, "schemaVersion", 0) == 1) {
		err_set(e, ERR_SYS, 0, "%s: manifest of the old schema 1", name);
		return err_hint(e, "push the image again with a tool made after 2017");
	}
	return err_set(e, ERR_SYS, 0, "%s: not an image manifest", name);
}

/* Layers that only a vendor may distribute carry URLs to elsewhere: nothing in an image makes us go there. */
static int layer_type_ok(const struct blob_desc *d, const char *name, struct err *e)
{
	if (strstr(must(d->type), ".foreign.") || strstr(d->type, ".nondistributable."))
		return err_set(e, ERR_SYS, 0, "%s: a layer is not distributed by registries (%s)", name, d->type);
	return 0;
}

static int layers_parse(const json_t *j, const char *name, struct manifest *m, struct err *e)
{
	const json_t *layers = json_object_get(j, "layers"), *layer;
	size_t i;

	if (!json_is_array(layers))
		return err_set(e, ERR_SYS, 0, "%s: the manifest has no layers", name);
	if (json_array_size(layers) > LAYERS_MAX)
		return err_set(e, ERR_SYS, 0, "%s: more than %d layers", name, LAYERS_MAX);
	json_array_foreach(layers, i, layer) {
		struct blob_desc d = {0};

		if (desc_parse(layer, name, "layer", &d, e) < 0)
			return -1;
		vec_push(&m->layers, d);
		if (layer_type_ok(&d, name, e) < 0)
			return -1;
	}
	return 0;
}

int manifest_parse(const char *text, size_t len, const char *name, struct manifest *ret, struct err *e)
{
	auto_manifest struct manifest m = {0};
	auto_json json_t *j = NULL;
	const char *type;

	if (json_parse(text, len, name, &j, e) < 0 || check_version(j, name, e) < 0)
		return -1;
	type = type_of(j);
	if (str_eq(type, TYPE_OCI_INDEX) || str_eq(type, TYPE_DOCKER_LIST))
		return 1;
	if (!str_eq(type, TYPE_OCI_MANIFEST) && !str_eq(type, TYPE_DOCKER_MANIFEST)) {
		auto_free char *shown = str_printable(type);

		return err_set(e, ERR_SYS, 0, "%s: unknown kind of manifest \"%.100s\"", name, shown);
	}
	m.type = xstrdup(type);
	if (desc_parse(json_object_get(j, "config"), name, "configuration", &m.config, e) < 0 ||
	    layers_parse(j, name, &m, e) < 0)
		return -1;
	*ret = m;
	memset(&m, 0, sizeof(m));
	return 0;
}

/* -- platforms -- */

static const struct { const char *machine, *arch, *variant; } machines[] = {
	{ "x86_64", "amd64", "" }, { "amd64", "amd64", "" }, { "i386", "386", "" }, { "i486", "386", "" },
	{ "i586", "386", "" }, { "i686", "386", "" }, { "aarch64", "arm64", "v8" }, { "armv8l", "arm", "v7" },
	{ "armhf", "arm", "v7" }, { "armv7l", "arm", "v7" }, { "armv6l", "arm", "v6" }, { "armel", "arm", "v6" },
	{ "armv5tel", "arm", "v5" }, { "loongarch64", "loong64", "" },
};

static void set_arch(struct platform *p, const char *name)
{
	(void)snprintf(p->arch, sizeof(p->arch), "%s", name);
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (str_eq(machines[i].machine, name)) {
			(void)snprintf(p->arch, sizeof(p->arch), "%s", machines[i].arch);
			(void)snprintf(p->variant, sizeof(p->variant), "%s", machines[i].variant);
		}
}

static bool word_ok(const char *s)
{
	size_t n = strlen(s);

	return n && n < sizeof(((struct platform *)0)->os) && !strchr("_.-", *s) &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == n;
}

int platform_parse(struct platform *ret, const char *text, struct err *e)
{
	auto_free char *copy = NULL;
	char *arch, *variant = NULL;
	struct platform p = { .os = "linux" };
	struct utsname u;

	if (!text || !*text) {
		set_arch(&p, uname(&u) == 0 ? u.machine : "amd64");
		*ret = p;
		return 0;
	}
	copy = xstrdup(text);
	arch = strchr(copy, '/');
	if (arch) {
		*arch++ = '\0';
		variant = strchr(arch, '/');
		if (variant)
			*variant++ = '\0';
	}
	if (!word_ok(copy) || (arch && !word_ok(arch)) || (variant && !word_ok(variant))) {
		auto_free char *shown = str_printable(text);

		err_set(e, ERR_USAGE, 0, "platform \"%.100s\" is not OS/ARCH[/VARIANT]", shown);
		return err_hint(e, "write, for example, linux/amd64 or linux/arm64");
	}
	if (arch)
		(void)snprintf(p.os, sizeof(p.os), "%s", copy);
	set_arch(&p, arch ? arch : copy);
	if (variant)
		(void)snprintf(p.variant, sizeof(p.variant), "%s", variant);
	*ret = p;
	return 0;
}

/* How well an entry of an index fits: 0 not at all. An arm of version 7 also runs what was made for 6 and 5. */
static int fitness(const json_t *platform, const struct platform *want)
{
	const char *variant = json_str(platform, "variant", "");

	if (!str_eq(json_str(platform, "os", NULL), want->os) ||
	    !str_eq(json_str(platform, "architecture", NULL), want->arch))
		return 0;
	if (!strcmp(variant, want->variant))
		return 100;
	if (!strcmp(want->arch, "arm")) {
		if (!*variant || !*want->variant)
			return 10;
		return variant[0] == 'v' && strcmp(variant, want->variant) < 0 ? 20 + variant[1] - '0' : 0;
	}
	return !*variant || !*want->variant ? 50 : !strcmp(want->arch, "arm64") && !strcmp(variant, "v8") ? 40 : 0;
}

static void list_platform(struct str *out, const json_t *platform)
{
	const char *os = json_str(platform, "os", "unknown"), *arch = json_str(platform, "architecture", "?");
	const char *variant = json_str(platform, "variant", "");

	if (!strcmp(os, "unknown"))              /* attestations */
		return;
	str_addf(out, "%s%.30s/%.30s%s%.30s", out->len ? ", " : "", os, arch, *variant ? "/" : "", variant);
}

static int none_fits(const json_t *list, const char *name, const struct platform *want, struct err *e)
{
	auto_str struct str has = STR_MAX(1000);
	auto_free char *shown = NULL;
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
		list_platform(&has, json_object_get(entry, "platform"));
	shown = str_printable(str_cstr(&has));
	err_set(e, ERR_MISSING, 0, "%s is not made for %s/%s%s%s", name, want->os, want->arch,
		*want->variant ? "/" : "", want->variant);
	return err_hint(e, "it is made for: %s", *shown ? shown : "nothing");
}

int manifest_pick(const char *text, size_t len, const char *name, const struct platform *want, struct blob_desc *ret,
		  struct err *e)
{
	auto_json json_t *j = NULL;
	const json_t *list, *entry, *best = NULL;
	int best_fit = 0;
	size_t i;

	if (json_parse(text, len, name, &j, e) < 0 || check_version(j, name, e) < 0)
		return -1;
	list = json_object_get(j, "manifests");
	if (!json_is_array(list) || json_array_size(list) > INDEX_ENTRIES_MAX)
		return err_set(e, ERR_SYS, 0, "%s: the index has no manifests, or too many", name);
	json_array_foreach(list, i, entry) {
		int fit = fitness(json_object_get(entry, "platform"), want);

		if (fit > best_fit) {
			best_fit = fit;
			best = entry;
		}
	}
	if (!best && json_array_size(list) == 1 && !json_object_get(json_array_get(list, 0), "platform"))
		best = json_array_get(list, 0);          /* it does not say, and there is no choice */
	if (!best)
		return none_fits(list, name, want, e);
	return desc_parse(best, name, "manifest", ret, e);
}

void manifest_children(const json_t *index, struct strv *out)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(index, "manifests"), i, entry)
		if (imageref_is_digest(json_str(entry, "digest", "")))
			strv_add(out, json_str(entry, "digest", ""));
}
