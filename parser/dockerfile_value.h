/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile_value.h - the small grammars inside instructions: ports, signals, durations, modes, --mount.
 * runs in: client.   owns: struct df_mount owns its texts (df_mount_done).   layer: parser, pure.
 * spec: Dockerfile reference.   All: ret 0, or -1 with e (ERR_MODEL, no position) */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"

/* One word of EXPOSE: 80, 80/udp, 8000-8010, [ip:][host:]80. Adds "80/tcp" ... to ret, each once. */
int df_ports(const char *word, struct strv *ret, struct err *e) __attribute__((warn_unused_result));
/* A signal's name with or without SIG, RTMIN+n, RTMAX-n, or a number from 1 to 64. */
int df_signal(const char *s, struct err *e) __attribute__((warn_unused_result));
/* Go's duration: 1h30m, 1.5s, 300ms; "0" is 0. Not negative. */
int df_duration(const char *s, int64_t *ret_ns, struct err *e) __attribute__((warn_unused_result));
/* true, false, or empty (true). */
int df_bool(const char *s, bool *ret, struct err *e) __attribute__((warn_unused_result));

/* --chmod: octal up to 07777, or symbolic clauses such as u=rwX,go-w. */
struct df_chmod { bool set, symbolic; mode_t mode; const char *text; };   /* text is borrowed */
int df_chmod(const char *s, struct df_chmod *ret, struct err *e) __attribute__((warn_unused_result));
/* ret: the mode that an entry with this mode gets */
mode_t df_chmod_apply(const struct df_chmod *c, mode_t old, bool is_dir);

enum df_mount_kind { DF_MOUNT_BIND, DF_MOUNT_CACHE, DF_MOUNT_TMPFS, DF_MOUNT_SECRET, DF_MOUNT_SSH };
enum df_sharing { DF_SHARED, DF_PRIVATE, DF_LOCKED };
struct df_mount {
	enum df_mount_kind kind;
	char *target, *source, *from, *id, *env;   /* NULL when not given; target is, where the kind needs one */
	bool  ro, required;
	enum df_sharing sharing;
	bool  has_mode; mode_t mode;
	uint32_t uid, gid;
	uint64_t size_bytes;
};
/* One value of RUN --mount. Unknown keys and kinds are refused; so is bind propagation. */
int  df_mount(const char *csv, struct df_mount *ret, struct err *e) __attribute__((warn_unused_result));
void df_mount_done(struct df_mount *m);
/* What kind of thing a source of ADD or COPY is. */
enum df_remote { DF_LOCAL, DF_HTTP, DF_GIT };
enum df_remote df_remote(const char *source);
bool df_is_sha256(const char *checksum);      /* sha256: and 64 digits */

const char *df_mount_name(enum df_mount_kind k);   /* "bind" */
