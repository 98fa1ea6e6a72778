/* SPDX-License-Identifier: Apache-2.0 */
/* to_spec.h - what the files that describe a container for the runtime share.
 * runs in: client.   owns: nothing; texts go to the spec's arena.   layer: engine, private (to_*.c, cdi.c). */
#pragma once
#include "compose/engine/engine_priv.h"

/* A mistake of service w->s at a place (line 0: where the key is written). ret: always -1 */
int refuse(const struct ctr_want *w, struct srcpos at, const char *key, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* One warning about a key of s, however many containers it has: "compose.yaml:3:5: services.web.KEY: TEXT". */
void service_warn(struct engine *en, const struct service *s, const char *key, const char *text);

/* to_logging.c: where the output goes. */
int to_logging(const struct ctr_want *w, struct ctr_record *r, struct err *e) __attribute__((warn_unused_result));
/* Set a variable, over what there is of it. */
void spec_env(struct strv *env, const char *key, const char *val);
/* cdi.c: devices that CDI specs describe. */
int to_cdi(const struct ctr_want *w, struct spec *s, struct err *e) __attribute__((warn_unused_result));
/* to_limits.c: resources, devices and their rules. */
int to_limits(struct engine *en, const struct ctr_want *w, struct spec *s, struct err *e) __attribute__((warn_unused_result));
/* A device node at path, and the right to use it. access: letters of rwm */
struct stat;
void add_device_node(struct spec *s, const char *path, const struct stat *st, const char *access);
/* A device of the host, or all below a directory, at target. access: letters of rwm */
int add_device(const struct ctr_want *w, struct spec *s, const char *source, const char *target, const char *access,
	       struct srcpos pos, struct err *e) __attribute__((warn_unused_result));
