/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_bpf.h - rules about system call numbers -> a BPF program that decides by binary search.
 * runs in: supervisor, `compose exec`, `compose oci`.   owns: nothing.   layer: runtime.
 * Why not libseccomp's own compiler: it takes milliseconds for a list of 400 calls, more than all of a container's
 * other set-up, and it cannot say "calls newer than this list do not exist" (ENOSYS), which programs need to fall
 * back. */
#pragma once
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"

enum bpf_op { BPF_OP_NE, BPF_OP_LT, BPF_OP_LE, BPF_OP_EQ, BPF_OP_GE, BPF_OP_GT, BPF_OP_MASKED_EQ };
/* MASKED_EQ: (arg & a) == b. The others compare with a. All unsigned, 64 bits. */
struct bpf_cond { unsigned arg; enum bpf_op op; uint64_t a, b; };
/* All conditions hold -> action (SECCOMP_RET_*). */
struct bpf_rule { uint32_t nr; uint32_t action; unsigned n; struct bpf_cond cond[6]; };

/* The calls of one AUDIT_ARCH_*. Rules of one number are tried in order, an unconditional one after all others. */
struct bpf_arch { uint32_t audit; VEC(struct bpf_rule) rules; };

struct bpf_list {
	uint32_t deflt;              /* action for what no rule names */
	bool     newer_is_enosys;    /* numbers above the highest known one: ENOSYS instead of deflt */
	struct bpf_arch arch[4];     /* calls of other architectures kill the process */
	unsigned n;
};

/* ret: *ret is a program to install, caller frees ret->filter. Sorts l's rules. err: ERR_MODEL when it gets too long */
int bpf_compile(struct bpf_list *l, struct sock_fprog *ret, struct err *e) __attribute__((warn_unused_result));
void bpf_list_done(struct bpf_list *l);
