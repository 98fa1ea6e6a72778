/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile_args.h - what stands behind a keyword: flags, JSON arrays, words, KEY=VALUE, heredoc openers.
 * runs in: client.   owns: nothing; results live in the arena.   layer: parser, pure.
 * spec: Dockerfile reference "Parser directives", "Here-Documents", "Shell and exec form" */
#pragma once
#include "parser/dockerfile.h"

struct df_words { const char **v; size_t n, cap; };          /* v is the heap's: vec_done */

/* Take the flags from the beginning of *text, which then stands behind them. Quotes and escapes are resolved. */
int df_args_flags(struct arena *a, char escape, const char **text, const struct df_flag **ret, size_t *ret_n);
/* ret: 1 and the strings; 0: not a JSON array; -1: an array, but not of strings alone */
int df_args_json(struct arena *a, const char *text, struct df_words *ret);
/* Split at blanks, nothing else. */
void df_args_split(struct arena *a, const char *text, struct df_words *ret);
/* Split at blanks outside quotes; quotes and escapes stay in the words. */
void df_args_words(struct arena *a, char escape, const char *text, struct df_words *ret);
/* ret: 1 when word opens a heredoc; 0 when it does not. */
struct df_opener { const char *name; bool chomp, expand; };
int df_args_heredoc(struct arena *a, const char *word, struct df_opener *ret);
