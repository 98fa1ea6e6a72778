/* SPDX-License-Identifier: Apache-2.0 */
/* buildid.h - which build of the program this is.
 * runs in: every process.   owns: nothing.   layer: base. */
#pragma once

/* The linker's digest of the running executable, in hex: another for other code, the same for the same. ret: "" when the linker
 * wrote none */
const char *build_id(void);
