/* SPDX-License-Identifier: Apache-2.0 */
/* parser_project.h - whole projects from files in memory, for the tests of model, checks and print. */
#pragma once
#include "parser/load.h"
#include "parser/print.h"
#include "parser/project.h"
#include "tests/unit/parser_help.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

struct run { struct project *p; struct errs errs; int rc; };

/* in: files as path, text ..., NULL; more: further options (may be NULL) */
static inline void run_load(struct run *t, const char *const *files, const struct project_opts *more)
{
	static const char *const env[] = { "HOME=/home/me", "USER=me", NULL };
	static struct load_io io;
	struct project_opts o = more ? *more : (struct project_opts){ 0 };

	io = (struct load_io){ (void *)(uintptr_t)files, mem_read, mem_kind, NULL, NULL };
	o.io = &io;
	o.cwd = "/p/app";
	if (!o.environ_kv)
		o.environ_kv = env;
	*t = (struct run){ 0 };
	t->rc = project_load(&t->p, &o, &t->errs);
}

static inline void run_done(struct run *t)
{
	project_free(t->p);
	errs_done(&t->errs);
}

/* One file. */
static inline void run_text(struct run *t, const char *text, const struct project_opts *more)
{
	run_load(t, LIST("/p/app/compose.yaml", text), more);
}
