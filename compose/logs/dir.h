/* SPDX-License-Identifier: Apache-2.0 */
/* dir.h - the files of one log, by number. Private to compose/logs.
 * runs in: client, supervisor worker.   layer: logs. */
#pragma once
#include <stdint.h>
#include "compose/base/coll.h"

struct log_numbers { uint64_t *v; size_t n, cap; };
/* Numbers of the files in dir, plain or packed (pack.h), each once, ascending; appended to ret (which should be empty). ret: 0, or -1 with errno */
int  log_dir_list(int dir, struct log_numbers *ret);
void log_dir_name(uint64_t number, char ret[24]);
