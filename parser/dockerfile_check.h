/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile_check.h - what can be told wrong about an instruction before anything is built.
 * runs in: client.   owns: nothing.   layer: parser, pure.   spec: Dockerfile reference
 * A flag or form that is valid but not carried out yet is refused here, by name and line. */
#pragma once
#include "parser/dockerfile.h"

/* Flags and, where no variable stands in them, values. Mistakes are added to errs. */
void df_check(const struct df_instr *in, struct errs *errs);
/* What needs the whole file: COPY --from of a later stage. */
void df_check_stages(const struct dockerfile *df, struct errs *errs);
