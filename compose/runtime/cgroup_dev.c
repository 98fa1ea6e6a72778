/* SPDX-License-Identifier: Apache-2.0 */
/* v2 has no device files: a BPF program on the group is asked at each open and mknod. It is written by hand here, one
 * block per rule, last rule first, so that the first match decides as the last writer of v1's files would. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/coll.h"
#include "compose/base/mem.h"
#include "compose/runtime/cgroup_impl.h"

/* struct bpf_cgroup_dev_ctx: access_type (type in the low half, access in the high), major, minor. */
enum { R_RET = 0, R_CTX = 1, R_TYPE = 2, R_ACCESS = 3, R_MAJOR = 4, R_MINOR = 5, R_TMP = 6 };

struct code { VEC(struct bpf_insn) v; };

static void op(struct code *c, unsigned char code, unsigned dst, unsigned src, short off, int imm)
{
	struct bpf_insn i = { .code = code, .off = off, .imm = imm };

	i.dst_reg = dst & 15;
	i.src_reg = src & 15;
	vec_push(&c->v, i);
}

static void emit_load(struct code *c)
{
	op(c, BPF_LDX | BPF_MEM | BPF_W, R_TYPE, R_CTX, 0, 0);
	op(c, BPF_ALU | BPF_AND | BPF_K, R_TYPE, 0, 0, 0xffff);
	op(c, BPF_LDX | BPF_MEM | BPF_W, R_ACCESS, R_CTX, 0, 0);
	op(c, BPF_ALU | BPF_RSH | BPF_K, R_ACCESS, 0, 0, 16);
	op(c, BPF_LDX | BPF_MEM | BPF_W, R_MAJOR, R_CTX, 4, 0);
	op(c, BPF_LDX | BPF_MEM | BPF_W, R_MINOR, R_CTX, 8, 0);
}

static void emit_exit(struct code *c, bool allow)
{
	op(c, BPF_ALU64 | BPF_MOV | BPF_K, R_RET, 0, 0, allow);
	op(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int access_bits(const char *access)
{
	return (strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0) | (strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0) |
	       (strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0);
}

/* An allowing rule must cover every access asked for; a denying one matches when it covers any. */
static void emit_access(struct code *c, const struct spec_dev_rule *d)
{
	int bits = access_bits(d->access), all = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

	if (bits == all)
		return;
	op(c, BPF_ALU | BPF_MOV | BPF_X, R_TMP, R_ACCESS, 0, 0);
	op(c, BPF_ALU | BPF_AND | BPF_K, R_TMP, 0, 0, d->allow ? all & ~bits : bits);
	op(c, BPF_JMP | (d->allow ? BPF_JNE : BPF_JEQ) | BPF_K, R_TMP, 0, 0, 0);
}

static void emit_rule(struct code *c, const struct spec_dev_rule *d)
{
	size_t first = c->v.n;

	if (d->type != 'a') {
		op(c, BPF_JMP | BPF_JNE | BPF_K, R_TYPE, 0, 0,
		   d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
		emit_access(c, d);
		if (d->major >= 0)
			op(c, BPF_JMP | BPF_JNE | BPF_K, R_MAJOR, 0, 0, (int)d->major);
		if (d->minor >= 0)
			op(c, BPF_JMP | BPF_JNE | BPF_K, R_MINOR, 0, 0, (int)d->minor);
	}
	emit_exit(c, d->allow);
	for (size_t i = first; i < c->v.n; i++)              /* a mismatch goes on behind the block */
		if (BPF_CLASS(c->v.v[i].code) == BPF_JMP && BPF_OP(c->v.v[i].code) != BPF_EXIT)
			c->v.v[i].off = (short)(c->v.n - i - 1);
}

static int bpf(int cmd, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static int load(const struct code *c, struct err *e)
{
	static const char licence[] = "Apache-2.0";
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uint64_t)(uintptr_t)c->v.v;
	a.insn_cnt = (uint32_t)c->v.n;
	a.license = (uint64_t)(uintptr_t)licence;
	memcpy(a.prog_name, "compose_dev", sizeof("compose_dev"));
	fd = bpf(BPF_PROG_LOAD, &a);
	if (fd < 0)
		return err_set(e, errno == EPERM ? ERR_DENIED : ERR_SYS, errno,
			       "load the device rules into the kernel");
	return fd;
}

/* An update replaces the program of before: with BPF_F_ALLOW_MULTI both would have to agree. */
static int attach(int group, int prog, struct err *e)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.target_fd = (uint32_t)group;
	a.attach_bpf_fd = (uint32_t)prog;
	a.attach_type = BPF_CGROUP_DEVICE;
	if (bpf(BPF_PROG_ATTACH, &a) == 0)
		return 0;
	if (errno == EPERM) {                     /* a parent's program was attached with ALLOW_MULTI (systemd) */
		a.attach_flags = BPF_F_ALLOW_MULTI;
		if (bpf(BPF_PROG_ATTACH, &a) == 0)
			return 0;
	}
	return err_set(e, errno == EPERM ? ERR_DENIED : ERR_SYS, errno, "attach the device rules");
}

int cg_dev_attach(int group_fd, const struct spec_resources *r, struct err *e)
{
	struct code c = {0};
	bool decided = false;
	int fd, ret = -1;

	emit_load(&c);
	for (size_t i = r->devices.n; i-- > 0 && !decided;) {
		emit_rule(&c, &r->devices.v[i]);
		decided = r->devices.v[i].type == 'a';    /* what stands before it no longer counts */
	}
	if (!decided)                                     /* the verifier refuses code that cannot be reached */
		emit_exit(&c, false);
	fd = load(&c, e);
	if (fd >= 0) {
		ret = attach(group_fd, fd, e);
		close(fd);
	}
	vec_done(&c.v);
	return ret;
}
