/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile.h - the text of a Dockerfile becomes stages of instructions, each with its line.
 * runs in: client.   owns: one arena per file (dockerfile_free).   layer: parser, pure.
 * Variables are not expanded here: their values are known only while the file is carried out (dockerfile_expand.h).
 * spec: Dockerfile reference */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/err.h"
#include "compose/base/mem.h"

/* X(enum suffix, keyword) */
#define DF_INSTRUCTIONS(X) \
	X(ADD) X(ARG) X(CMD) X(COPY) X(ENTRYPOINT) X(ENV) X(EXPOSE) X(FROM) X(HEALTHCHECK) X(LABEL) X(MAINTAINER) \
	X(ONBUILD) X(RUN) X(SHELL) X(STOPSIGNAL) X(USER) X(VOLUME) X(WORKDIR)
#define DF_ENUM(name) DF_##name,
enum df_kind { DF_INSTRUCTIONS(DF_ENUM) DF_N_KINDS };

struct df_flag { const char *name, *val; };        /* without "--"; val NULL: written without "=" */
struct df_kv   { const char *key, *val; };         /* val NULL: ARG without a default. Not expanded, quotes in place */
struct df_heredoc {
	const char *name, *body;                   /* body with tabs stripped for <<- */
	const char *raw;                           /* body as written, with the terminator's line */
	bool        expand;                        /* the name was not quoted */
};

/* One instruction. Which fields are filled: json or text for CMD, ENTRYPOINT, RUN, HEALTHCHECK; words for ADD, COPY,
 * VOLUME, EXPOSE, FROM, SHELL; kvs for ARG, ENV, LABEL; text for the rest. */
struct df_instr {
	enum df_kind  kind;
	struct srcpos pos;                         /* of the keyword; file is borrowed from the caller */
	unsigned      end_line;
	const char   *original;                    /* in one line as the user wrote it, for progress and messages */
	const char   *text;                        /* behind keyword and flags, continuation lines joined */
	bool          json;                        /* words come from a JSON array: no shell, no word splitting */
	const struct df_flag *flags; size_t n_flags;
	const char *const *words; size_t n_words;  /* NULL-terminated */
	const struct df_kv *kvs; size_t n_kvs;
	const struct df_heredoc *docs; size_t n_docs;
	const char   *health_none;                 /* HEALTHCHECK NONE: "NONE", else NULL */
};

struct df_stage {
	const char *name;                          /* lower case; "" without AS */
	const char *base, *platform;               /* as written, not expanded; platform NULL without the flag */
	struct df_instr *from;
	struct df_instr **instr; size_t n_instr;   /* behind FROM */
};

struct df_note { struct srcpos pos; const char *text; };   /* a warning */

struct dockerfile {
	struct arena     arena;
	char             escape;                   /* '\\' or '`' */
	struct df_instr **globals; size_t n_globals;       /* ARG before the first FROM */
	struct df_stage *stages; size_t n_stages;
	struct df_note  *notes; size_t n_notes;
};

enum { DF_TEXT_MAX = 4 << 20, DF_LINE_MAX = 64 << 10 };

/* Parse text. All mistakes are collected in errs, each with its line.
 * in:  file: name for positions, borrowed for the life of *ret; text: at most DF_TEXT_MAX bytes
 * ret: 0, caller frees *ret with dockerfile_free(); -1 with at least one error in errs */
int dockerfile_parse(struct dockerfile **ret, const char *file, const char *text, size_t len, struct errs *errs)
	__attribute__((warn_unused_result));
/* Parse the text of an ONBUILD trigger of an image (untrusted) into df's arena.
 * in:  pos: where the FROM stands that brought it */
int dockerfile_trigger(struct dockerfile *df, const char *text, struct srcpos pos, struct df_instr **ret,
		       struct errs *errs) __attribute__((warn_unused_result));
void dockerfile_free(struct dockerfile *df);

const char *df_kind_name(enum df_kind k);
/* ret: the value of a flag ("" when written without "="), NULL when absent */
const char *df_flag(const struct df_instr *in, const char *name);
/* A stage by name or number, among the first n. ret: its index, -1 when there is none */
int df_stage_find(const struct dockerfile *df, size_t n, const char *name);
