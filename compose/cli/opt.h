/* SPDX-License-Identifier: Apache-2.0 */
/* opt.h - one table per command feeds parsing, --help, man page and shell completion.
 * runs in: client.   owns: nothing but the growth of struct strv members.   layer: cli. */
#pragma once
#include <stddef.h>
#include <stdio.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"

enum opt_type {
	OPT_T_END,
	OPT_T_FLAG,     /* bool; also --x=false */
	OPT_T_STR,      /* const char *; borrowed from argv */
	OPT_T_STRS,     /* struct strv; repeatable */
	OPT_T_INT,      /* int64_t */
	OPT_T_SECS,     /* int64_t nanoseconds; a number of seconds or a duration such as 1m30s */
	OPT_T_CHOICE,   /* const char *, one of choices */
	OPT_T_REST,     /* char **: NULL-terminated; the positional arguments */
	OPT_T_HEAD,     /* const char *: the first positional argument, required; before OPT_T_REST */
};
enum opt_flags {
	OPT_HIDDEN = 1, /* accepted, not in help */
	OPT_INVERT = 2, /* a flag that stores false (--no-tty into a bool tty) */
	OPT_NEED   = 4, /* OPT_T_REST: at least one is needed */
	OPT_VAIN   = 8, /* has no effect, as in docker compose: taken, so that scripts go on; nothing is stored */
	OPT_REFUSE = 16, /* known, and not possible here: help is the reason. "=false" asks for nothing and is taken */
};
struct opt {
	enum opt_type type;
	char          sh;               /* short letter, 0 = none */
	const char   *name;             /* long name without dashes */
	size_t        off;              /* offsetof() into the command's args struct */
	const char   *arg, *help;       /* metavariable; one line, no full stop */
	const char   *choices;          /* OPT_T_CHOICE: "yaml json" */
	unsigned      flags;
	size_t        given;            /* offset of a bool that tells that the option was given; 0 = none wanted */
};
#define OPT_FLAG(s, n, T, f, h)       { .type = OPT_T_FLAG, .sh = s, .name = n, .off = offsetof(T, f), .help = h }
#define OPT_FLAGX(s, n, T, f, fl, h)  { .type = OPT_T_FLAG, .sh = s, .name = n, .off = offsetof(T, f), .help = h, .flags = fl }
#define OPT_STR(s, n, T, f, a, h)     { .type = OPT_T_STR, .sh = s, .name = n, .off = offsetof(T, f), .arg = a, .help = h }
#define OPT_STRS(s, n, T, f, a, h)    { .type = OPT_T_STRS, .sh = s, .name = n, .off = offsetof(T, f), .arg = a, .help = h }
#define OPT_INT(s, n, T, f, a, h)     { .type = OPT_T_INT, .sh = s, .name = n, .off = offsetof(T, f), .arg = a, .help = h }
#define OPT_SECS(s, n, T, f, a, h)    { .type = OPT_T_SECS, .sh = s, .name = n, .off = offsetof(T, f), .arg = a, .help = h }
#define OPT_CHOICE(s, n, T, f, c, h)  { .type = OPT_T_CHOICE, .sh = s, .name = n, .off = offsetof(T, f), .arg = "WORD", .help = h, .choices = c }
#define OPT_REST(T, f, a, h)          { .type = OPT_T_REST, .off = offsetof(T, f), .arg = a, .help = h }
#define OPT_RESTX(T, f, a, fl, h)     { .type = OPT_T_REST, .off = offsetof(T, f), .arg = a, .help = h, .flags = fl }
#define OPT_HEAD(T, f, a, h)          { .type = OPT_T_HEAD, .off = offsetof(T, f), .arg = a, .help = h }
#define OPT_ALIAS_STRS(n, T, f)       { .type = OPT_T_STRS, .name = n, .off = offsetof(T, f), .arg = "TEXT", .help = "", .flags = OPT_HIDDEN }
#define OPT_VAIN_FLAG(n)              { .type = OPT_T_FLAG, .name = n, .help = "", .flags = OPT_HIDDEN | OPT_VAIN }
#define OPT_NO_FLAG(s, n, why)        { .type = OPT_T_FLAG, .sh = s, .name = n, .help = why, .flags = OPT_HIDDEN | OPT_REFUSE }
#define OPT_NO_STR(s, n, a, why)      { .type = OPT_T_STR, .sh = s, .name = n, .arg = a, .help = why, .flags = OPT_HIDDEN | OPT_REFUSE }
#define OPT_END                       { .type = OPT_T_END }

/* OPT_STOP: options end at the first positional argument (global options, run, exec). */
enum opt_mode { OPT_MIXED, OPT_STOP };
/* Fill args from argv by the table. "--" ends the options.
 * in: argv NULL-terminated, without the command's name, reordered in place and outliving args (texts are borrowed);
 *     args zeroed or holding defaults; name is the command, for hints
 * ret: 0; 1 when -h or --help was met (the caller prints help); -1 with ERR_USAGE */
int  opt_parse(const struct opt *t, const char *name, char **argv, enum opt_mode mode, void *args, struct err *e)
	__attribute__((warn_unused_result));
void opt_help(const struct opt *t, FILE *f);
bool opt_any(const struct opt *t);             /* is there anything for opt_help to tell? */
/* Free what the table's OPT_T_STRS members grew. */
void opt_done(const struct opt *t, void *args);
/* choices: as in struct opt */
bool opt_is_choice(const char *choices, const char *s);
/* "10", "1m30s", "250ms" to nanoseconds. ret: false when s is neither */
bool opt_secs(const char *s, int64_t *ret_ns);
