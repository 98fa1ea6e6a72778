/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/pin.h"
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "compose/image/registry.h"
#include "compose/image/store.h"
#include "parser/load.h"
#include "parser/node.h"

static int ask(const struct imageref *ref, char digest[DIGEST_SIZE], struct err *e)
{
	auto_free char *text = NULL;
	struct registry *reg = NULL;
	size_t len;
	int rc;

	if (registry_open(&reg, ref, e) < 0)
		return -1;
	rc = registry_manifest(reg, ref->tag, &text, &len, digest, e);
	registry_free(reg);
	return rc;
}

/* ret: the image with its digest, in a; NULL on failure */
static const char *pinned(struct arena *a, struct map *known, const char *image, struct err *e)
{
	auto_imageref struct imageref ref = {0};
	auto_free char *text = NULL;
	char digest[DIGEST_SIZE];

	if (map_has(known, image))
		return map_get(known, image);
	if (imageref_parse(&ref, image, e) < 0)
		return NULL;
	if (!ref.digest) {
		if (ask(&ref, digest, e) < 0)
			return NULL;
		ref.digest = xstrdup(digest);
	}
	text = imageref_canonical(&ref);
	map_set(known, image, arena_strdup(a, text));
	return map_get(known, image);
}

static int pin_service(struct arena *a, struct map *known, const struct node_pair *service, struct err *e)
{
	const struct node_pair *image = node_pair(service->val, "image");
	const char *old = image ? node_text(image->val) : NULL, *text;

	if (!old || !*old || image->val->deferred)
		return 0;
	text = pinned(a, known, old, e);
	if (!text) {
		err_at(e, image->val->pos, NULL);
		return err_wrap(e, "pin the image of the service %s", service->key);
	}
	node_set(a, service->val, "image", image->key_pos, node_str(a, text, image->val->pos));
	return 0;
}

/* Nothing but services, and in each nothing but its image. */
static void keep_images(struct arena *a, struct node *root)
{
	struct node *services = node_get(root, "services"), *all = node_new(a, NODE_MAP, root->pos);

	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++) {
		const struct node_pair *s = &services->pairs[i];
		struct node *image = node_get(s->val, "image"), *kept = node_new(a, NODE_MAP, s->val->pos);

		if (!image)
			continue;
		node_set(a, kept, "image", image->pos, image);
		node_set(a, all, s->key, s->key_pos, kept);
	}
	while (root->n)
		node_del(root, root->pairs[0].key);
	node_set(a, root, "services", root->pos, all);
}

int pin_images(const struct project *p, bool only, struct err *e)
{
	struct node *root = (struct node *)(uintptr_t)p->tree, *services = node_get(root, "services");
	struct arena *a = &p->load->arena;
	auto_map struct map known = {0};

	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++)
		if (pin_service(a, &known, &services->pairs[i], e) < 0)
			return -1;
	if (only)
		keep_images(a, root);
	return 0;
}
