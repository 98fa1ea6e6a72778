/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.h - OCI and Docker manifests, indexes and image configurations as JSON text.
 * runs in: client.   owns: see each; x_done frees.   layer: image, pure: text in, structs out. Everything is hostile.
 * spec: OCI image-spec manifest, image-index, config; Docker manifest schema 2 and manifest list. */
#pragma once
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/json.h"
#include "compose/image/image.h"

#define TYPE_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define TYPE_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define TYPE_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define TYPE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"

struct blob_desc { char *type, *digest; int64_t size; };        /* digest: "sha256:HEX", checked */
struct manifest {
	char *type;                          /* media type; "" when the text does not say */
	struct blob_desc config;
	VEC(struct blob_desc) layers;        /* lowest first */
};
struct platform { char os[32], arch[32], variant[32]; };        /* variant "" = any */

#define auto_manifest __attribute__((cleanup(manifest_done)))
void manifest_done(struct manifest *m);
void blob_desc_done(struct blob_desc *d);

/* ret: 0 with *ret; 1 when the text is an index (use manifest_pick); -1. name is for messages */
int  manifest_parse(const char *text, size_t len, const char *name, struct manifest *ret, struct err *e)
	__attribute__((warn_unused_result));
/* Choose the manifest for a platform from an index: the same variant, or the highest lower one of arm.
 * err: ERR_MISSING with the platforms there are */
int  manifest_pick(const char *text, size_t len, const char *name, const struct platform *want, struct blob_desc *ret,
		   struct err *e) __attribute__((warn_unused_result));
/* Add the digests of all manifests that an index names. */
void manifest_children(const json_t *index, struct strv *out);

/* "os/arch[/variant]" or NULL or "": this machine's. err: ERR_USAGE */
int  platform_parse(struct platform *ret, const char *text, struct err *e) __attribute__((warn_unused_result));

/* Read a configuration into ret (os, arch, conf, layers, history, created ...; not id, manifest, tags). */
int  config_parse(const char *text, size_t len, const char *name, struct image *ret, struct err *e)
	__attribute__((warn_unused_result));
/* The "config" member as JSON, and back; new reference. */
json_t *config_to_json(const struct image_config *c);
void config_from_json(const json_t *j, struct image_config *ret);
/* The whole configuration; new reference. */
json_t *image_to_json(const struct image *i);
/* RFC 3339 to seconds since 1970. ret: 0 when it is none */
int64_t time_parse(const char *text);
