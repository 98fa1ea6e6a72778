/* SPDX-License-Identifier: Apache-2.0 */
/* used.h - layers that must stay although no image names them.   runs in: client.   layer: engine. */
#pragma once
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/state/paths.h"

/* Add the layers of all containers, and those that the build cache may still want (old cache records go). */
int used_layers(const struct paths *p, struct strv *used, struct err *e) __attribute__((warn_unused_result));
