/* SPDX-License-Identifier: Apache-2.0 */
/* pin.h - images of a project by digest: what their tags mean in the registries now.
 * runs in: client.   owns: nothing.   layer: cmd. */
#pragma once
#include <stdbool.h>
#include "parser/project.h"

/* Give each image of p's tree its digest, asking each registry once per image; only: drop all else from the tree, so
 * that it is an override file. A service that is only built has none. err: as registry_manifest(), naming the service
 */
int pin_images(const struct project *p, bool only, struct err *e) __attribute__((warn_unused_result));
