/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - one failure, told as a chain: what, because of what, where in the user's file, what to do.
 * runs in: every process.   owns: its strings (err_done frees).   layer: base. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* ERR_INTR: the user pressed Ctrl-C. ERR_NOTFOUND / ERR_NOEXEC: the command of a container (exit 127 / 126). */
enum err_kind { ERR_NONE, ERR_USAGE, ERR_MODEL, ERR_MISSING, ERR_CONFLICT, ERR_DENIED, ERR_NET, ERR_SYS, ERR_BUG,
	ERR_INTR, ERR_NOTFOUND, ERR_NOEXEC };

struct srcpos { const char *file; unsigned line, col; };  /* 1-based; file borrowed; line 0 = no position */

struct err {
	enum err_kind kind;
	int           sysno;      /* errno value, 0 = none */
	unsigned      n;
	char         *frame[8];   /* [0] root cause, [n-1] outermost; further frames join the last */
	char         *at, *hint;  /* "compose.yaml:14:9 services.web.ports[0]"; one imperative sentence */
};
#define auto_err __attribute__((cleanup(err_done)))

/* Start a chain. sysno != 0 appends its strerror text.
 * ret: always -1, so that `return err_set(...)` reads as the failure it is */
int  err_set(struct err *e, enum err_kind k, int sysno, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Add the caller's view of a failure that e already holds. ret: always -1 */
int  err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* First position and first hint win: the innermost frame knows best. key may be NULL. ret: always -1 */
int  err_at(struct err *e, struct srcpos p, const char *key);
int  err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Print for a person, on f. ret: process exit status for this kind, as err_status() */
int  err_report(const struct err *e, FILE *f);
/* ret: 1 runtime, 2 usage, 3 model, 127/126 command not found/not executable, 130 interrupted */
int  err_status(const struct err *e);
void err_done(struct err *e);
/* Move from into to (to's old content is freed, from is empty after). */
void err_move(struct err *to, struct err *from);

/* Carry a chain to another process. ret: n bytes in *ret_len, caller frees */
char *err_encode(const struct err *e, size_t *ret_len);
/* in: bytes from err_encode, untrusted (capped, broken input gives ERR_BUG). */
void  err_decode(struct err *e, const char *buf, size_t len);

/* Several failures of one run, reported together. Zero-initialise. */
struct errs { struct err *v; size_t n, cap; };
#define auto_errs __attribute__((cleanup(errs_done)))
/* Take what e holds (e is empty after). ret: always -1 */
int  errs_add(struct errs *l, struct err *e);
/* Print all, sorted by position, each once. ret: the largest exit status */
int  errs_report(struct errs *l, FILE *f);
void errs_done(struct errs *l);
