/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - the output of a RUN step, line by line, while it runs.
 * runs in: client; a thread per step.   owns: struct output.   layer: build. */
#pragma once
#include "compose/base/coll.h"
#include "compose/base/err.h"

struct output;
typedef void output_fn(void *arg, const char *line);
/* Start reading. *ret_fd: the end to write to, to be closed before output_end(). fn: in the reader's thread. */
int  output_begin(struct output **ret, int *ret_fd, output_fn *fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* Take what is left, end the thread. ret: the last lines, caller frees; NULL when there was no output */
char *output_end(struct output *o);
