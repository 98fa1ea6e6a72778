/* SPDX-License-Identifier: Apache-2.0 */
/* caps.h - capability sets as bit masks, their names, and putting them on the calling process.
 * runs in: everywhere (names), the container's process (the rest).   owns: nothing.   layer: runtime.
 * spec: capabilities(7).  Bit n stands for capability n. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/err.h"
#include "compose/runtime/spec.h"

/* ret: the 14 that Docker leaves to a container by default */
uint64_t caps_default(void);
/* ret: all that the running kernel knows */
uint64_t caps_all(void);
/* in: "CAP_NET_ADMIN", "net_admin". ret: true and *bit is the mask of that one */
bool caps_from_name(const char *name, uint64_t *bit);
/* ret: "CAP_CHOWN"; caller frees */
char *caps_name(unsigned n);

/* Take everything but keep out of the bounding set. Capabilities that we do not have ourselves stay out as they are. */
int caps_drop_bounding(uint64_t keep, struct err *e) __attribute__((warn_unused_result));
/* Raise all permitted ones to effective (after a change of uid had cleared them). */
int caps_raise(struct err *e) __attribute__((warn_unused_result));
/* Set permitted, effective and inheritable, then ambient. What is asked for and not permitted to us is left out, as a
 * runtime that itself runs with less has to. */
int caps_set(const struct spec_caps *c, struct err *e) __attribute__((warn_unused_result));
