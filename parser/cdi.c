/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/cdi.h"
#include <ctype.h>
#include "compose/base/str.h"
#include "parser/model.h"
#include "parser/yaml.h"

static size_t word(const char *s, const char *also)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] && strchr(also, s[n])))
		n++;
	return n;
}

/* ret: the length of "vendor.com/class" at the start of s, 0 when it is none */
static size_t kind_length(const char *s)
{
	size_t vendor = word(s, ".-_"), class;

	if (!vendor || s[vendor] != '/')
		return 0;
	class = word(s + vendor + 1, "-_");
	return class ? vendor + 1 + class : 0;
}

bool cdi_is_name(const char *s)
{
	size_t n = kind_length(s);

	return n && s[n] == '=' && s[n + 1] && word(s + n + 1, ".-_:") == strlen(s + n + 1);
}

static int fault(struct errs *errs, const struct node *n, const char *key, const char *what)
{
	return errs_model(errs, n->pos, key, NULL, "%s", what);
}

static const struct node *list_of(const struct node *map, const char *key)
{
	static const struct node none = {.kind = NODE_LIST};
	const struct node *n = node_get(map, key);

	return n && n->kind == NODE_LIST ? n : &none;
}

static int nodes(struct arena *a, const struct node *list, struct cdi_edits *ret, struct errs *errs)
{
	ret->nodes = arena_alloc(a, (list->n + 1) * sizeof(*ret->nodes));
	for (size_t i = 0; i < list->n; i++) {
		const struct node *n = list->items[i];
		const char *type = model_text(n, "type"), *access = model_text(n, "permissions"), *host = model_text(n, "hostPath");
		struct cdi_node *to = &ret->nodes[ret->n_nodes++];
		*to = (struct cdi_node){
			.path = model_text(n, "path"),
			.host_path = *host ? host : model_text(n, "path"),
			.type = *type,
			.major = model_int(n, "major", -1),
			.minor = model_int(n, "minor", -1),
			.mode = model_int(n, "fileMode", -1),
			.uid = model_int(n, "uid", -1),
			.gid = model_int(n, "gid", -1),
			.access = *access ? access : "rwm",
		};
		if (*to->path != '/' || *to->host_path != '/')
			return fault(errs, n, "deviceNodes", "a device node needs an absolute path");
		if (strlen(type) > 1 || (*type && !strchr("bcu", *type)))
			return fault(errs, n, "deviceNodes", "the type of a device node is b or c");
		if (strlen(to->access) > 3 || strspn(to->access, "rwm") != strlen(to->access))
			return fault(errs, n, "deviceNodes", "permissions are letters of rwm");
		to->type = to->type == 'u' ? 'c' : to->type;
	}
	return 0;
}

static int mounts(struct arena *a, const struct node *list, struct cdi_edits *ret, struct errs *errs)
{
	ret->mounts = arena_alloc(a, (list->n + 1) * sizeof(*ret->mounts));
	for (size_t i = 0; i < list->n; i++) {
		const struct node *n = list->items[i];
		struct cdi_mount *to = &ret->mounts[ret->n_mounts++];
		*to = (struct cdi_mount){
			.host_path = model_text(n, "hostPath"),
			.path = model_text(n, "containerPath"),
			.type = model_text(n, "type"),
			.options = model_texts(a, list_of(n, "options")),
		};
		if (*to->host_path != '/' || *to->path != '/')
			return fault(errs, n, "mounts", "a mount needs an absolute hostPath and containerPath");
	}
	return 0;
}

static int edits(struct arena *a, const struct node *n, struct cdi_edits *ret, struct errs *errs)
{
	static const char *const later[] = {"hooks", "intelRdt", "netDevices"};
	const struct node *gids = list_of(n, "additionalGids");

	*ret = (struct cdi_edits){.env = model_texts(a, list_of(n, "env")), .gids = model_texts(a, gids)};
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		if (node_get(n, later[i]) && node_get(n, later[i])->n)
			ret->refused = later[i];
	for (size_t i = 0; i < ret->env.n; i++)
		if (!strchr(ret->env.v[i], '='))
			return fault(errs, n, "env", "a variable is written NAME=VALUE");
	return nodes(a, list_of(n, "deviceNodes"), ret, errs) < 0 ? -1 : mounts(a, list_of(n, "mounts"), ret, errs);
}

static int devices(struct arena *a, const struct node *list, struct cdi_spec *ret, struct errs *errs)
{
	ret->devices = arena_alloc(a, (list->n + 1) * sizeof(*ret->devices));
	for (size_t i = 0; i < list->n; i++) {
		const struct node *name = node_get(list->items[i], "name"), *e = node_get(list->items[i], "containerEdits");
		struct cdi_device *d = &ret->devices[ret->n_devices++];
		d->name = name && node_text(name) ? name->text : "";
		if (!*d->name || word(d->name, ".-_:") != strlen(d->name))
			return fault(errs, list->items[i], "devices", "a device needs a name");
		if (e && edits(a, e, &d->edits, errs) < 0)
			return -1;
	}
	return 0;
}

int cdi_parse(struct arena *a, const struct source *src, struct cdi_spec *ret, struct errs *errs)
{
	struct yaml_docs docs = {0};
	int r = yaml_parse(a, src, &docs, errs);
	const struct node *root = docs.n ? docs.v[0] : NULL, *e = node_get(root, "containerEdits");

	vec_done(&docs);
	if (r < 0)
		return -1;
	*ret = (struct cdi_spec){.file = src->name, .kind = model_text(root, "kind")};
	if (!root || root->kind != NODE_MAP || !*model_text(root, "cdiVersion"))
		return errs_model(errs, (struct srcpos){src->name, 1, 1}, NULL, NULL, "this is no CDI spec: it has no cdiVersion");
	if (kind_length(ret->kind) != strlen(ret->kind) || !*ret->kind)
		return fault(errs, root, "kind", "the kind of a CDI spec is written vendor.com/class");
	if (e && edits(a, e, &ret->edits, errs) < 0)
		return -1;
	return devices(a, list_of(root, "devices"), ret, errs);
}
