/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/seccomp_bpf.h"
#include <endian.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include "compose/base/mem.h"

#define X32_BIT 0x40000000U

struct prog { VEC(struct sock_filter) code; };

/* Numbers from lo on (until the next range's lo) that are decided alike: by one action, or by rules [rule, rule +
 * n). */
struct range { uint32_t lo, action; size_t rule, n; };
struct ranges { VEC(struct range) all; };

static size_t emit(struct prog *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	vec_push(&p->code, (struct sock_filter){ code, jt, jf, k });
	return p->code.n - 1;
}

static void emit_ret(struct prog *p, uint32_t action)
{
	emit(p, BPF_RET | BPF_K, action, 0, 0);
}

static void load(struct prog *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static size_t arg_word(unsigned arg, bool high)
{
	bool second = high == (__BYTE_ORDER == __LITTLE_ENDIAN);

	return offsetof(struct seccomp_data, args) + arg * 8 + (second ? 4 : 0);
}

/* Jumps that lead behind the rule are collected here and set when its end is known. */
struct fails { size_t at[32]; unsigned n; };

/* Compare the accumulator with k: fall through when it holds, else leave the rule. */
static void unless(struct prog *p, struct fails *f, uint16_t jump, uint32_t k, bool wanted)
{
	f->at[f->n++] = emit(p, BPF_JMP | jump | BPF_K, k, wanted ? 0 : 1, wanted ? 1 : 0);
}

/* Ordering of 64 bits by halves: the high ones decide unless equal. */
static void emit_order(struct prog *p, struct fails *f, const struct bpf_cond *c)
{
	uint32_t hi = (uint32_t)(c->a >> 32), lo = (uint32_t)c->a;
	bool greater = c->op == BPF_OP_GT || c->op == BPF_OP_GE;
	uint16_t low_jump = c->op == BPF_OP_GE || c->op == BPF_OP_LT ? BPF_JGE : BPF_JGT;

	load(p, arg_word(c->arg, true));
	/* high half greater: GT and GE hold (skip 3), LT and LE fail; less: the reverse; equal: the low half decides */
	if (greater) {
		emit(p, BPF_JMP | BPF_JGT | BPF_K, hi, 3, 0);
		unless(p, f, BPF_JEQ, hi, true);
		load(p, arg_word(c->arg, false));
		unless(p, f, low_jump, lo, true);
	} else {
		unless(p, f, BPF_JGT, hi, false);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, hi, 0, 2);
		load(p, arg_word(c->arg, false));
		unless(p, f, low_jump, lo, false);
	}
}

static void emit_equal(struct prog *p, struct fails *f, const struct bpf_cond *c)
{
	bool masked = c->op == BPF_OP_MASKED_EQ;
	uint64_t want = masked ? c->b : c->a;

	for (int high = 1; high >= 0; high--) {
		load(p, arg_word(c->arg, high));
		if (masked)
			emit(p, BPF_ALU | BPF_AND | BPF_K, (uint32_t)(c->a >> (high ? 32 : 0)), 0, 0);
		unless(p, f, BPF_JEQ, (uint32_t)(want >> (high ? 32 : 0)), true);
	}
}

static void emit_differs(struct prog *p, struct fails *f, const struct bpf_cond *c)
{
	load(p, arg_word(c->arg, true));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(c->a >> 32), 0, 2);
	load(p, arg_word(c->arg, false));
	unless(p, f, BPF_JEQ, (uint32_t)c->a, false);
}

static void emit_rule(struct prog *p, const struct bpf_rule *r)
{
	struct fails f = {0};

	for (unsigned i = 0; i < r->n; i++) {
		const struct bpf_cond *c = &r->cond[i];

		if (c->op == BPF_OP_NE)
			emit_differs(p, &f, c);
		else if (c->op == BPF_OP_EQ || c->op == BPF_OP_MASKED_EQ)
			emit_equal(p, &f, c);
		else
			emit_order(p, &f, c);
	}
	emit_ret(p, r->action);
	for (unsigned i = 0; i < f.n; i++) {
		struct sock_filter *s = &p->code.v[f.at[i]];
		uint8_t far = (uint8_t)(p->code.n - f.at[i] - 1);    /* at most 6 conditions of 6 instructions */

		if (s->jt)
			s->jt = far;
		else
			s->jf = far;
	}
}

static void emit_leaf(struct prog *p, const struct bpf_arch *a, const struct range *r)
{
	for (size_t i = 0; i < r->n; i++)
		emit_rule(p, &a->rules.v[r->rule + i]);
	emit_ret(p, r->action);
}

static void emit_tree(struct prog *p, const struct bpf_arch *a, const struct range *r, size_t n)
{
	size_t half = n / 2, jump;

	if (n == 1) {
		emit_leaf(p, a, r);
		return;
	}
	/* conditional jumps reach 255 instructions, the unconditional one everywhere */
	emit(p, BPF_JMP | BPF_JGE | BPF_K, r[half].lo, 0, 1);
	jump = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_tree(p, a, r, half);
	p->code.v[jump].k = (uint32_t)(p->code.n - jump - 1);
	emit_tree(p, a, r + half, n - half);
}

/* lo never goes down. What starts where the last range starts replaces it; neighbours that decide alike become one. */
static void add_range(struct ranges *r, uint32_t lo, uint32_t action, size_t rule, size_t n)
{
	const struct range *last;

	if (r->all.n && r->all.v[r->all.n - 1].lo == lo)
		r->all.n--;
	last = r->all.n ? &r->all.v[r->all.n - 1] : NULL;
	if (!last || last->n || n || last->action != action)
		vec_push(&r->all, (struct range){ lo, action, rule, n });
}

static int by_number(const void *x, const void *y)
{
	const struct bpf_rule *a = x, *b = y;

	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	return !a->n - !b->n;
}

/* Stable, so that rules of one number keep their order. */
static void sort_rules(struct bpf_rule *v, size_t n)
{
	struct bpf_rule *tmp;
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2)
		return;
	sort_rules(v, half);
	sort_rules(v + half, n - half);
	if (by_number(&v[half - 1], &v[half]) <= 0)
		return;
	tmp = xmalloc(n * sizeof(*v));
	while (i < half && j < n)
		tmp[k++] = by_number(&v[j], &v[i]) < 0 ? v[j++] : v[i++];
	memcpy(tmp + k, v + i, (half - i) * sizeof(*v));
	memcpy(v, tmp, (k + half - i) * sizeof(*v));
	free(tmp);
}

/* Behind the last number of an ABI are newer calls; the next ABI's numbers (x32) start at end. */
static void close_abi(struct ranges *r, const struct bpf_list *l, uint32_t last, uint32_t end)
{
	add_range(r, last + 1, l->newer_is_enosys ? SECCOMP_RET_ERRNO | ENOSYS : l->deflt, 0, 0);
	if (end)
		add_range(r, end, l->deflt, 0, 0);
}

static void make_ranges(struct ranges *r, const struct bpf_list *l, const struct bpf_arch *a)
{
	add_range(r, 0, l->deflt, 0, 0);
	for (size_t i = 0, n; i < a->rules.n; i += n) {
		uint32_t nr = a->rules.v[i].nr;
		const struct bpf_rule *rule = &a->rules.v[i];
		size_t conds = 0;

		for (n = 0; i + n < a->rules.n && rule[n].nr == nr; n++)
			conds += rule[n].n > 0;
		if (i && nr >= X32_BIT && rule[-1].nr < X32_BIT)
			close_abi(r, l, rule[-1].nr, X32_BIT);
		add_range(r, nr, conds < n ? rule[conds].action : l->deflt, i, conds);
		add_range(r, nr + 1, l->deflt, 0, 0);
	}
	if (a->rules.n)
		close_abi(r, l, a->rules.v[a->rules.n - 1].nr, 0);
}

static void emit_arch(struct prog *p, const struct bpf_list *l, struct bpf_arch *a)
{
	struct ranges r = {0};
	size_t skip;

	sort_rules(a->rules.v, a->rules.n);
	make_ranges(&r, l, a);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, a->audit, 1, 0);
	skip = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
	load(p, offsetof(struct seccomp_data, nr));
	emit_tree(p, a, r.all.v, r.all.n);
	p->code.v[skip].k = (uint32_t)(p->code.n - skip - 1);
	vec_done(&r.all);
}

int bpf_compile(struct bpf_list *l, struct sock_fprog *ret, struct err *e)
{
	struct prog p = {0};

	load(&p, offsetof(struct seccomp_data, arch));
	for (unsigned i = 0; i < l->n; i++)
		emit_arch(&p, l, &l->arch[i]);
	emit_ret(&p, SECCOMP_RET_KILL_PROCESS);
	if (p.code.n > BPF_MAXINSNS) {
		size_t n = p.code.n;

		vec_done(&p.code);
		return err_set(e, ERR_MODEL, 0, "the seccomp profile needs %zu instructions, the kernel takes %d", n,
			       BPF_MAXINSNS);
	}
	*ret = (struct sock_fprog){ (unsigned short)p.code.n, p.code.v };
	return 0;
}

void bpf_list_done(struct bpf_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		vec_done(&l->arch[i].rules);
	l->n = 0;
}
