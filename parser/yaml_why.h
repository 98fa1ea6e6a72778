/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_why.h - a YAML syntax error told in terms of what the user most probably did.
 * runs in: client.   owns: nothing.   layer: parser, pure. */
#pragma once
#include <yaml.h>
#include "compose/base/err.h"
#include "parser/diag.h"

/* Report why p stopped. p is in its error state. */
void yaml_why(const struct source *src, const yaml_parser_t *p, struct errs *errs);
