/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/seccomp.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/runtime/caps.h"
#include "compose/runtime/seccomp_bpf.h"
#include "compose/runtime/seccomp_table.h"

enum { CACHE_MAX = 16, NAME_SIZE = 64 };

struct seccomp_filter { char *key; struct sock_fprog prog; unsigned flags; };
struct seccomp_cache { VEC(struct seccomp_filter *) all; };

/* An architecture, as libseccomp, the kernel, OCI and Docker call it. x32 is an ABI of x86-64: same audit number. */
struct arch { uint32_t scmp, audit; const char *oci, *docker; };
static const struct arch arches[] = {
	{ SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, "SCMP_ARCH_X86_64", "amd64" },
	{ SCMP_ARCH_X86, AUDIT_ARCH_I386, "SCMP_ARCH_X86", "x86" },
	{ SCMP_ARCH_X32, AUDIT_ARCH_X86_64, "SCMP_ARCH_X32", "x32" },
	{ SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, "SCMP_ARCH_AARCH64", "arm64" },
	{ SCMP_ARCH_ARM, AUDIT_ARCH_ARM, "SCMP_ARCH_ARM", "arm" },
	{ SCMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64, "SCMP_ARCH_RISCV64", "riscv64" },
	{ SCMP_ARCH_PPC64LE, AUDIT_ARCH_PPC64LE, "SCMP_ARCH_PPC64LE", "ppc64le" },
	{ SCMP_ARCH_S390X, AUDIT_ARCH_S390X, "SCMP_ARCH_S390X", "s390x" },
};

/* The native architecture and those that run on it too: what the built-in list is made for. */
static size_t native_arches(const struct arch **ret)
{
	size_t n = 0;
	uint32_t native = seccomp_arch_native();

	for (size_t i = 0; i < ARRAY_LEN(arches); i++)
		if (arches[i].scmp == native ||
		    (native == SCMP_ARCH_X86_64 &&
		     (arches[i].scmp == SCMP_ARCH_X86 || arches[i].scmp == SCMP_ARCH_X32)) ||
		    (native == SCMP_ARCH_AARCH64 && arches[i].scmp == SCMP_ARCH_ARM))
			ret[n++] = &arches[i];
	return n;
}

/* Calls that libseccomp 2.5.4 does not know; their numbers are the same everywhere (alpha aside). */
static const struct { const char *name; int nr; } newer[] = {
	{ "cachestat", 451 }, { "fchmodat2", 452 }, { "map_shadow_stack", 453 }, { "futex_wake", 454 },
	{ "futex_wait", 455 }, { "futex_requeue", 456 }, { "statmount", 457 }, { "listmount", 458 },
	{ "lsm_get_self_attr", 459 }, { "lsm_set_self_attr", 460 }, { "lsm_list_modules", 461 }, { "mseal", 462 },
	{ "setxattrat", 463 }, { "getxattrat", 464 }, { "listxattrat", 465 }, { "removexattrat", 466 },
	{ "open_tree_attr", 467 }, { "file_getattr", 468 }, { "file_setattr", 469 },
};

/* i386 has these both inside socketcall and ipc and as calls of their own; libseccomp names only the former. */
static const struct { const char *name; int nr; } i386_direct[] = {
	{ "socket", 359 }, { "socketpair", 360 }, { "bind", 361 }, { "connect", 362 }, { "listen", 363 },
	{ "accept4", 364 }, { "getsockopt", 365 }, { "setsockopt", 366 }, { "getsockname", 367 },
	{ "getpeername", 368 }, { "sendto", 369 }, { "sendmsg", 370 }, { "recvfrom", 371 }, { "recvmsg", 372 },
	{ "shutdown", 373 }, { "semget", 393 }, { "semctl", 394 }, { "shmget", 395 }, { "shmctl", 396 },
	{ "shmat", 397 }, { "shmdt", 398 }, { "msgget", 399 }, { "msgsnd", 400 }, { "msgrcv", 401 }, { "msgctl", 402 },
};

/* ret: the number, or -1 when the architecture has no such call */
static int number(const struct arch *a, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(a->scmp, name);

	if (nr >= 0)
		return nr;
	if (a->scmp == SCMP_ARCH_X86)
		for (size_t i = 0; i < ARRAY_LEN(i386_direct); i++)
			if (!strcmp(i386_direct[i].name, name))
				return i386_direct[i].nr;
	for (size_t i = 0; i < ARRAY_LEN(newer); i++)
		if (!strcmp(newer[i].name, name))
			return newer[i].nr | (a->scmp == SCMP_ARCH_X32 ? 0x40000000 : 0);
	return a->scmp == SCMP_ARCH_X86_64 && !strcmp(name, "uretprobe") ? 335 : -1;
}

static struct bpf_arch *list_arch(struct bpf_list *l, const struct arch *a)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->arch[i].audit == a->audit)
			return &l->arch[i];
	if (l->n == ARRAY_LEN(l->arch))
		return NULL;
	l->arch[l->n] = (struct bpf_arch){ .audit = a->audit };
	return &l->arch[l->n++];
}

/* Add rule for name on each of the architectures that have it. */
static void add_rule(struct bpf_list *l, const struct arch *const *on, size_t n, const char *name, struct bpf_rule rule)
{
	for (size_t i = 0; i < n; i++) {
		struct bpf_arch *a = list_arch(l, on[i]);
		int nr = number(on[i], name);

		if (!a || nr < 0)
			continue;
		rule.nr = (uint32_t)nr;
		vec_push(&a->rules, rule);
	}
}

static void add_group(struct bpf_list *l, const struct arch *const *on, size_t n, const char *names)
{
	const struct bpf_rule allow = { .action = SECCOMP_RET_ALLOW };
	char name[NAME_SIZE];

	for (size_t len; *names; names += len + (names[len] == ' ')) {
		len = strcspn(names, " ");
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, names);
		add_rule(l, on, n, name, allow);
	}
}

static void list_builtin(struct bpf_list *l, uint64_t caps)
{
	const struct arch *on[ARRAY_LEN(arches)];
	size_t n = native_arches(on);

	/* nobody builds for x32; without it the filter is a third shorter, and its calls "do not exist" */
	if (on[n - 1]->scmp == SCMP_ARCH_X32)
		n--;
	l->deflt = SECCOMP_RET_ERRNO | EPERM;
	for (unsigned i = 0; i < seccomp_group_count; i++) {
		const struct seccomp_group *g = &seccomp_groups[i];

		if (g->cap < 0 || (caps >> g->cap & 1))
			add_group(l, on, n, g->names);
	}
	for (unsigned i = 0; i < seccomp_special_count; i++) {
		const struct seccomp_special *s = &seccomp_specials[i];

		if (s->lacks < 0 || !(caps >> s->lacks & 1))
			add_rule(l, on, n, s->name,
				 (struct bpf_rule){ .action = s->action, .n = s->n, .cond = { s->cond } });
	}
}

/* ret: true and *ret, with the errno or trace value put in */
static bool action_from(const char *name, int64_t value, uint32_t *ret)
{
	static const struct { const char *name; uint32_t action; bool has_value; } all[] = {
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false }, { "SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true }, { "SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true },
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false }, { "SCMP_ACT_LOG", SECCOMP_RET_LOG, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (str_eq(all[i].name, name)) {
			*ret = all[i].action | (all[i].has_value ? (uint32_t)value & SECCOMP_RET_DATA : 0);
			return true;
		}
	return false;
}

static int op_from(const char *name)
{
	static const char *const all[] = { "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE",
		"SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ" };

	for (int i = 0; i < (int)ARRAY_LEN(all); i++)
		if (str_eq(all[i], name))
			return i;
	return -1;
}

/* Docker's "includes": { caps, arches, minKernel }. ret: do all that are given hold (any: does one of them hold)? */
static bool condition_holds(const json_t *c, uint64_t caps, bool any)
{
	struct utsname u;
	const json_t *v;
	const char *min = json_str(c, "minKernel", NULL);
	size_t i;
	uint64_t bit;
	bool arch_ok = false;

	json_array_foreach(json_object_get(c, "caps"), i, v) {
		bool has = caps_from_name(json_string_value(v) ? json_string_value(v) : "", &bit) && (caps & bit);

		if (has == any)
			return any;
	}
	if (json_array_size(json_object_get(c, "arches"))) {
		const struct arch *on[ARRAY_LEN(arches)];
		size_t n = native_arches(on);

		json_array_foreach(json_object_get(c, "arches"), i, v)
			for (size_t k = 0; k < n; k++)
				arch_ok |= on[k]->scmp == seccomp_arch_native() &&
					   str_eq(on[k]->docker, json_string_value(v));
		if (arch_ok == any)
			return any;
	}
	if (min && uname(&u) == 0 && (strverscmp(u.release, min) >= 0) == any)
		return any;
	return !any;
}

static int read_cond(struct bpf_cond *c, const json_t *j, struct err *e)
{
	int op = op_from(json_str(j, "op", NULL));
	int64_t index = json_int(j, "index", -1);

	if (op < 0 || index < 0 || index > 5)
		return err_set(e, ERR_MODEL, 0, "args: index 0 to 5 and op SCMP_CMP_... expected");
	*c = (struct bpf_cond){ (unsigned)index, (enum bpf_op)op, (uint64_t)json_int(j, "value", 0),
				(uint64_t)json_int(j, "valueTwo", 0) };
	return 0;
}

/* Conditions hold together; but several on one argument are alternatives, as libseccomp's users have it. */
static int add_entry(struct bpf_list *l, const struct arch *const *on, size_t n, const json_t *j, uint32_t action,
		     struct err *e)
{
	struct bpf_rule r = { .action = action };
	const json_t *args = json_object_get(j, "args"), *v;
	unsigned seen = 0;
	bool alternatives = false;
	size_t i, k;

	if (json_array_size(args) > ARRAY_LEN(r.cond))
		return err_set(e, ERR_MODEL, 0, "args: more than %zu conditions", ARRAY_LEN(r.cond));
	json_array_foreach(args, i, v) {
		if (read_cond(&r.cond[i], v, e) < 0)
			return -1;
		alternatives |= seen >> r.cond[i].arg & 1;
		seen |= 1U << r.cond[i].arg;
	}
	r.n = (unsigned)json_array_size(args);
	json_array_foreach(json_object_get(j, "names"), i, v) {
		const char *name = json_string_value(v);

		if (!name)
			return err_set(e, ERR_MODEL, 0, "names: text expected");
		if (!alternatives)
			add_rule(l, on, n, name, r);
		for (k = 0; alternatives && k < r.n; k++)
			add_rule(l, on, n, name, (struct bpf_rule){ .action = action, .n = 1, .cond = { r.cond[k] } });
	}
	return 0;
}

static int list_arches(const json_t *p, const struct arch **on, size_t *ret_n, struct err *e)
{
	const json_t *names = json_object_get(p, "architectures"), *v;
	const struct arch *here[ARRAY_LEN(arches)];
	size_t i, n = native_arches(here);

	*ret_n = 0;
	if (!json_array_size(names)) {
		memcpy(on, here, sizeof(here));
		*ret_n = json_object_get(p, "archMap") ? n : 1;
		return 0;
	}
	/* profiles list all architectures there are; what this machine cannot run needs no filter */
	json_array_foreach(names, i, v)
		for (size_t k = 0; k < n; k++)
			if (str_eq(here[k]->oci, json_string_value(v)) && *ret_n < ARRAY_LEN(arches))
				on[(*ret_n)++] = here[k];
	return *ret_n ? 0 : err_set(e, ERR_MODEL, 0, "architectures: none that this machine runs");
}

static int list_profile(struct bpf_list *l, const json_t *p, uint64_t caps, struct err *e)
{
	const struct arch *on[ARRAY_LEN(arches)];
	const json_t *v;
	size_t i, n = 0;

	if (!action_from(json_str(p, "defaultAction", NULL), json_int(p, "defaultErrnoRet", EPERM), &l->deflt))
		return err_set(e, ERR_MODEL, 0, "defaultAction: %s is not supported",
			       json_str(p, "defaultAction", "(none)"));
	if (list_arches(p, on, &n, e) < 0)
		return -1;
	for (i = 0; i < n; i++)                      /* without a rule, too: what is not listed is killed */
		(void)list_arch(l, on[i]);
	json_array_foreach(json_object_get(p, "syscalls"), i, v) {
		const json_t *in = json_object_get(v, "includes"), *out = json_object_get(v, "excludes");
		uint32_t action;

		if (!action_from(json_str(v, "action", NULL), json_int(v, "errnoRet", EPERM), &action))
			return err_set(e, ERR_MODEL, 0, "syscalls[%zu].action: %s is not supported", i,
				       json_str(v, "action", "(none)"));
		if ((json_object_size(in) && !condition_holds(in, caps, false)) ||
		    (json_object_size(out) && condition_holds(out, caps, true)))
			continue;
		if (add_entry(l, on, n, v, action, e) < 0)
			return err_wrap(e, "syscalls[%zu]", i);
	}
	return 0;
}

static int profile_flags(const json_t *p, unsigned *ret, struct err *e)
{
	const json_t *v;
	size_t i;

	*ret = 0;
	json_array_foreach(json_object_get(p, "flags"), i, v) {
		const char *s = json_string_value(v);

		if (str_eq(s, "SECCOMP_FILTER_FLAG_LOG"))
			*ret |= SECCOMP_FILTER_FLAG_LOG;
		else if (str_eq(s, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"))
			*ret |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
		else if (!str_eq(s, "SECCOMP_FILTER_FLAG_TSYNC"))        /* we have one thread */
			return err_set(e, ERR_MODEL, 0, "flags: %s is not supported", s ? s : "(no text)");
	}
	return 0;
}

static int make(struct seccomp_filter *f, const struct spec *s, uint64_t caps, struct err *e)
{
	struct bpf_list l = {0};
	int r = 0;

	if (s->seccomp == SPEC_SECCOMP_DEFAULT)
		list_builtin(&l, caps);
	else if (list_profile(&l, s->seccomp_profile, caps, e) < 0 ||
		 profile_flags(s->seccomp_profile, &f->flags, e) < 0)
		r = err_wrap(e, "linux.seccomp");
	l.newer_is_enosys = (l.deflt & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
	if (r == 0)
		r = bpf_compile(&l, &f->prog, e);
	bpf_list_done(&l);
	return r;
}

struct seccomp_cache *seccomp_cache_new(void)
{
	return xcalloc(1, sizeof(struct seccomp_cache));
}

static void filter_free(struct seccomp_filter *f)
{
	free(f->key);
	free(f->prog.filter);
	free(f);
}

void seccomp_cache_free(struct seccomp_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->all.n; i++)
		filter_free(c->all.v[i]);
	vec_done(&c->all);
	free(c);
}

int seccomp_filter_get(struct seccomp_cache *c, const struct spec *s, uint64_t bounding,
		       const struct seccomp_filter **ret, struct err *e)
{
	auto_free char *profile = NULL;
	struct seccomp_filter *f;

	*ret = NULL;
	if (s->seccomp == SPEC_SECCOMP_OFF)
		return 0;
	if (s->seccomp == SPEC_SECCOMP_PROFILE)
		profile = json_dumps(s->seccomp_profile, JSON_COMPACT | JSON_ENCODE_ANY);
	f = xcalloc(1, sizeof(*f));
	f->key = xasprintf("%llx %s", (unsigned long long)bounding, profile ? profile : "");
	for (size_t i = 0; i < c->all.n; i++)
		if (!strcmp(c->all.v[i]->key, f->key)) {
			filter_free(f);
			*ret = c->all.v[i];
			return 0;
		}
	if (make(f, s, bounding, e) < 0) {
		filter_free(f);
		return -1;
	}
	if (c->all.n == CACHE_MAX) {
		filter_free(c->all.v[0]);
		vec_remove(&c->all, 0);
	}
	vec_push(&c->all, f);
	*ret = f;
	return 0;
}

int seccomp_install(const struct seccomp_filter *f, struct err *e)
{
	if (!f)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, f->flags, &f->prog) < 0)
		return err_set(e, ERR_SYS, errno, "install the seccomp filter (%u instructions)", f->prog.len);
	return 0;
}

unsigned seccomp_filter_len(const struct seccomp_filter *f)
{
	return f->prog.len;
}
