/* SPDX-License-Identifier: Apache-2.0 */
/* plan_text.h - a plan for people: --dry-run and golden tests print the plan itself.
 * runs in: client.   layer: graph, pure. */
#pragma once
#include "compose/base/str.h"
#include "graph/plan.h"

/* One line per operation: "3 start container demo-web-1 (created) after 1 2", then "unchanged: ..." and "warning: ..." lines. */
void plan_text(const struct plan *p, struct str *out);
