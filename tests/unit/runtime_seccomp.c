/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp: the program built here, judged by the kernel: a child installs it and tries. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/json.h"
#include "compose/runtime/caps.h"
#include "compose/runtime/seccomp.h"
#include "compose/runtime/seccomp_bpf.h"
#include "tests/tap.h"

#ifdef __x86_64__
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_X86_64
#else
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_AARCH64
#endif

struct try { const char *name; long nr; long a[6]; int want; };      /* want: errno, 0: anything that no filter gives */

/* ret: errno of the call under the filter that install(arg) puts in place; 1000: it could not be installed */
static int try_call(int install(void *arg), void *arg, const struct try *t)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || install(arg) < 0)
			_exit(255);
		errno = 0;
		(void)syscall(t->nr, t->a[0], t->a[1], t->a[2], t->a[3], t->a[4], t->a[5]);
		_exit(errno > 250 ? 250 : errno);
	}
	(void)waitpid(pid, &status, 0);
	return !WIFEXITED(status) ? 2000 + WTERMSIG(status) : WEXITSTATUS(status) == 255 ? 1000 : WEXITSTATUS(status);
}

static int install_filter(void *arg)
{
	struct err e = {0};

	return seccomp_install(arg, &e);
}

static int install_prog(void *arg)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, arg);
}

static void builtin(void)
{
	static const struct try all[] = {
		{ "getpid", SYS_getpid, {0}, 0 },
		{ "mount", SYS_mount, {0}, EPERM },
		{ "unshare(NEWNET)", SYS_unshare, { CLONE_NEWNET }, EPERM },
		{ "clone(NEWUSER)", SYS_clone, { CLONE_NEWUSER | SIGCHLD }, EPERM },
		{ "clone3", SYS_clone3, { 0, 0 }, ENOSYS },
		{ "keyctl", SYS_keyctl, {0}, EPERM },
		{ "bpf", SYS_bpf, { 99, 0, 0 }, EPERM },
		{ "io_uring_setup", SYS_io_uring_setup, {0}, EPERM },
		{ "userfaultfd", SYS_userfaultfd, {0}, EPERM },
		{ "socket(AF_VSOCK)", SYS_socket, { 40, SOCK_STREAM, 0 }, EPERM },
		{ "socket(AF_UNIX)", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 }, 0 },
		{ "personality(0xffffffff)", SYS_personality, { 0xffffffff }, 0 },
		{ "personality(ADDR_NO_RANDOMIZE)", SYS_personality, { 0x40000 }, EPERM },
		{ "a call newer than the list", 600, {0}, ENOSYS },
		{ "fchmodat2", 452, { -1, 0, 0, 0 }, EBADF },
#ifdef __x86_64__
		{ "mount of x32", 0x40000000 + 165, {0}, ENOSYS },
#endif
	};
	struct seccomp_cache *c = seccomp_cache_new();
	const struct seccomp_filter *f = NULL, *again = NULL, *other = NULL;
	struct spec s = { .seccomp = SPEC_SECCOMP_DEFAULT };
	const struct try mount = all[1];
	struct err e = {0};

	is_int(seccomp_filter_get(c, &s, caps_default(), &f, &e), 0, "the built-in list compiles");
	ok(seccomp_filter_len(f) > 100 && seccomp_filter_len(f) < 4096, "%u instructions", seccomp_filter_len(f));
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int got = try_call(install_filter, (void *)(uintptr_t)f, &all[i]);

		if (strcmp(all[i].name, "fchmodat2") == 0)
			ok(got == EBADF || got == EFAULT || got == ENOENT || got == ENOSYS,
			   "fchmodat2 reaches the kernel (%d)", got);
		else
			is_int(got, all[i].want, "%s", all[i].name);
	}
	is_int(seccomp_filter_get(c, &s, caps_default(), &again, &e), 0, "again");
	ok(again == f, "from the cache");
	is_int(seccomp_filter_get(c, &s, caps_all(), &other, &e), 0, "for a privileged container");
	ok(other != f && try_call(install_filter, (void *)(uintptr_t)other, &mount) != EPERM,
	   "mount is open with CAP_SYS_ADMIN");
	seccomp_cache_free(c);
}

/* Each comparison at its edges, with values whose halves differ. */
static void conditions(void)
{
	static const struct { enum bpf_op op; uint64_t a, b, arg; bool holds; } all[] = {
		{ BPF_OP_EQ, 5, 0, 5, true }, { BPF_OP_EQ, 5, 0, 4, false }, { BPF_OP_EQ, 0x100000005, 0, 5, false },
		{ BPF_OP_EQ, 0x100000005, 0, 0x100000005, true }, { BPF_OP_EQ, 5, 0, 0x100000005, false },
		{ BPF_OP_NE, 5, 0, 5, false }, { BPF_OP_NE, 5, 0, 6, true }, { BPF_OP_NE, 5, 0, 0x100000005, true },
		{ BPF_OP_GT, 0x100000005, 0, 0x100000005, false }, { BPF_OP_GT, 0x100000005, 0, 0x100000006, true },
		{ BPF_OP_GT, 0x100000005, 0, 0x200000000, true }, { BPF_OP_GT, 0x100000005, 0, 0xffffffff, false },
		{ BPF_OP_GE, 0x100000005, 0, 0x100000005, true }, { BPF_OP_GE, 0x100000005, 0, 0x100000004, false },
		{ BPF_OP_GE, 0x100000005, 0, 0x200000000, true }, { BPF_OP_GE, 0x100000005, 0, 0xffffffff, false },
		{ BPF_OP_LT, 0x100000005, 0, 0x100000005, false }, { BPF_OP_LT, 0x100000005, 0, 0x100000004, true },
		{ BPF_OP_LT, 0x100000005, 0, 0xffffffff, true }, { BPF_OP_LT, 0x100000005, 0, 0x200000000, false },
		{ BPF_OP_LE, 0x100000005, 0, 0x100000005, true }, { BPF_OP_LE, 0x100000005, 0, 0x100000006, false },
		{ BPF_OP_LE, 0x100000005, 0, 0xffffffff, true }, { BPF_OP_LE, 0x100000005, 0, 0x200000000, false },
		{ BPF_OP_MASKED_EQ, 0xf0, 0x20, 0x2f, true }, { BPF_OP_MASKED_EQ, 0xf0, 0x20, 0x1f, false },
		{ BPF_OP_MASKED_EQ, 0xf000000000, 0x2000000000, 0x2f000000ff, true },
		{ BPF_OP_MASKED_EQ, 0xf000000000, 0x2000000000, 0x1f000000ff, false },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct bpf_list l = { .deflt = SECCOMP_RET_ALLOW, .n = 1, .arch = { { .audit = AUDIT_ARCH_NATIVE } } };
		struct bpf_rule r = { .nr = SYS_getpriority, .action = SECCOMP_RET_ERRNO | 77, .n = 2,
			.cond = { { 0, BPF_OP_LT, 100, 0 }, { 4, all[i].op, all[i].a, all[i].b } } };
		const struct try t = { "", SYS_getpriority, { 0, 0, 0, 0, (long)all[i].arg, 0 }, 0 };
		struct sock_fprog p = {0};
		struct err e = {0};

		vec_push(&l.arch[0].rules, r);
		is_int(bpf_compile(&l, &p, &e), 0, "compile");
		is_int(try_call(install_prog, &p, &t) == 77, all[i].holds, "operation %d: %llx against %llx", all[i].op,
		       (unsigned long long)all[i].arg, (unsigned long long)all[i].a);
		free(p.filter);
		bpf_list_done(&l);
	}
}

/* Every number decided as its rule says, whatever its neighbours are. */
static void search(void)
{
	struct bpf_list l = { .deflt = SECCOMP_RET_ALLOW, .n = 1, .arch = { { .audit = AUDIT_ARCH_NATIVE } } };
	struct sock_fprog p = {0};
	struct err e = {0};
	int bad = 0;

	for (uint32_t nr = 5000; nr < 5400; nr += 1 + nr % 3)
		vec_push(&l.arch[0].rules, (struct bpf_rule){ .nr = nr, .action = SECCOMP_RET_ERRNO | (50 + nr % 7) });
	is_int(bpf_compile(&l, &p, &e), 0, "compile");
	for (long nr = 4998; nr < 5402; nr += 5) {
		const struct try t = { "", nr, {0}, 0 };
		int want = ENOSYS;

		for (uint32_t k = 5000; k < 5400; k += 1 + k % 3)
			if (k == (uint32_t)nr)
				want = 50 + (int)(nr % 7);
		bad += try_call(install_prog, &p, &t) != want;
	}
	is_int(bad, 0, "each of a sparse list is found");
	free(p.filter);
	bpf_list_done(&l);
}

static void profile(const char *json, int want, const char *part)
{
	struct seccomp_cache *c = seccomp_cache_new();
	const struct seccomp_filter *f = NULL;
	struct spec s = { .seccomp = SPEC_SECCOMP_PROFILE };
	const struct try t = { "", SYS_getpriority, { 3, 3 }, 0 };      /* by itself EINVAL */
	struct err e = {0};

	s.seccomp_profile = json_loads(json, 0, NULL);
	if (!ok(s.seccomp_profile != NULL, "JSON"))
		return;
	if (part) {
		is_int(seccomp_filter_get(c, &s, caps_default(), &f, &e), -1, "refused: %.60s", json);
		has_str(e.n ? e.frame[0] : "", part, "names %s", part);
	} else if (is_int(seccomp_filter_get(c, &s, caps_default(), &f, &e), 0, "%.60s", json)) {
		is_int(try_call(install_filter, (void *)(uintptr_t)f, &t), want, "gives %d", want);
	}
	json_decref(s.seccomp_profile);
	seccomp_cache_free(c);
	err_done(&e);
}

#define DENY(x) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" \
	"{\"names\":[\"getpriority\"],\"action\":\"SCMP_ACT_ERRNO\"" x "}]}"

int main(void)
{
	builtin();
	conditions();
	search();
	profile(DENY(""), EPERM, NULL);
	profile(DENY(",\"errnoRet\":28"), 28, NULL);
	profile(DENY(",\"args\":[{\"index\":1,\"value\":3,\"op\":\"SCMP_CMP_EQ\"}]"), EPERM, NULL);
	profile(DENY(",\"args\":[{\"index\":1,\"value\":4,\"op\":\"SCMP_CMP_EQ\"}]"), EINVAL, NULL);
	profile(DENY(",\"args\":[{\"index\":1,\"value\":4,\"op\":\"SCMP_CMP_EQ\"},{\"index\":1,\"value\":3,\"op\":"
		     "\"SCMP_CMP_EQ\"}]"),
		EPERM, NULL);
	profile(DENY(",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), EINVAL, NULL);
	profile(DENY(",\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), EPERM, NULL);
	profile(DENY(",\"excludes\":{\"caps\":[\"CAP_CHOWN\"]}"), EINVAL, NULL);
	profile(DENY(",\"includes\":{\"minKernel\":\"4.8\"}"), EPERM, NULL);
	profile(DENY(",\"includes\":{\"minKernel\":\"99.1\"}"), EINVAL, NULL);
	profile("{\"defaultAction\":\"SCMP_ACT_NONE\"}", 0, "defaultAction");
	profile("{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", 0, "SCMP_ACT_NOTIFY");
	profile(DENY(",\"args\":[{\"index\":6,\"value\":4,\"op\":\"SCMP_CMP_EQ\"}]"), 0, "args");
	profile(DENY(",\"args\":[{\"index\":0,\"value\":4,\"op\":\"EQ\"}]"), 0, "args");
	profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_X\"]}", 0, "FLAG_X");
	profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_Z80\"]}", 0, "architectures");
	return done_testing();
}
