/* SPDX-License-Identifier: Apache-2.0 */
/* bake.h - builds as the bake file that `docker buildx bake` reads.   runs in: client.   layer: cmd, pure. */
#pragma once
#include <stdio.h>
#include "compose/base/coll.h"
#include "parser/project.h"

/* The name that the image of a service with a build section gets. ret: caller frees */
char *bake_image_name(const struct project *p, const struct service *s);
/* in: services: NULL-terminated, empty: all; args: "K=V" or "K" over the file's build arguments; ssh: beside the
 * file's. ret: 0 */
int bake_print(const struct project *p, char *const *services, const struct strv *args, const struct strv *ssh, FILE *f);
