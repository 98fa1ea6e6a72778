/* SPDX-License-Identifier: Apache-2.0 */
/* logging.h - what the drivers and options of `logging` mean here.
 * runs in: client.   owns: nothing.   layer: parser, pure.   spec: 05-services "logging"; docker's drivers */
#pragma once
#include "parser/diag.h"
#include "parser/project.h"

/* Report a driver that is not carried out, options that it does not know and values that they cannot have, each with its
 * place; what has no effect gets a warning. in: path such as "services.web". ret: 0, or -1 when errs grew */
int logging_unsupported(const struct service *s, const char *path, struct errs *errs, struct warns *w)
	__attribute__((warn_unused_result));
