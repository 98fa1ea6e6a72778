/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - what of a service, network or volume decides that it must be made anew, as JSON and as a digest.
 * runs in: client.   owns: nothing.   layer: graph, pure.
 * spec: docker compose's config hash, less what cannot make a difference to a container: rows of the schema table that are
 * KEY_APART (build, pull_policy, scale, deploy.replicas, depends_on, profiles as there; attach and develop too), or have no effect. */
#pragma once
#include <jansson.h>
#include "parser/project.h"

/* ret: new reference; keys excluded from the hash are left out */
json_t *service_config(const struct service *s);
/* 64 hex digits and NUL. */
void service_hash(const struct service *s, char ret[65]);
void network_hash(const struct network *n, char ret[65]);
void volume_hash(const struct volume *v, char ret[65]);
/* The first difference between the service as it was (JSON text from service_config) and as it is, as "environment.DEBUG changed".
 * ret: text owned by a; *ret_pos: where the new value stands (line 0 when it is gone) */
const char *service_difference(struct arena *a, const char *was, const struct service *s, struct srcpos *ret_pos);
