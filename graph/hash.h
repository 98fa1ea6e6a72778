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
json_t *network_config(const struct network *n);
json_t *volume_config(const struct volume *v);
/* 64 hex digits and NUL. */
void service_hash(const struct service *s, char ret[65]);
void network_hash(const struct network *n, char ret[65]);
void volume_hash(const struct volume *v, char ret[65]);
/* The first difference between a configuration as it was (JSON text from one of the above) and as it is, as "driver_opts.o changed".
 * in: without: a key that is not looked at, or NULL; tree: where it stands in the file
 * ret: text owned by a, or NULL: there is none; *ret_pos: where the new value stands (line 0 when it is gone) */
const char *config_difference(struct arena *a, const char *was, const json_t *is, const char *without, const struct node *tree,
			      struct srcpos *ret_pos);
/* The same of a service whose hashes differ: never NULL. */
const char *service_difference(struct arena *a, const char *was, const struct service *s, struct srcpos *ret_pos);
