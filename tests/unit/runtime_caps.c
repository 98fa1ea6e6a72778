/* SPDX-License-Identifier: Apache-2.0 */
/* caps, limits, mountopt: names and words. */
#include <sys/mount.h>
#include <sys/resource.h>
#include "compose/runtime/caps.h"
#include "compose/runtime/limits.h"
#include "compose/runtime/mountopt.h"
#include "tests/tap.h"

static void caps(void)
{
	uint64_t bit = 0;
	char *name;

	ok(caps_from_name("CAP_CHOWN", &bit) && bit == 1, "CAP_CHOWN");
	ok(caps_from_name("net_admin", &bit) && bit == 1 << 12, "net_admin");
	ok(caps_from_name("Cap_Sys_Admin", &bit) && bit == 1 << 21, "case does not matter");
	ok(!caps_from_name("CAP_", &bit) && !caps_from_name("", &bit) && !caps_from_name("3", &bit) &&
		   !caps_from_name("ALL", &bit),
	   "other words are no capability");
	ok(!caps_from_name("CAP_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &bit),
	   "nor is a long one");
	is_int(__builtin_popcountll(caps_default()), 14, "14 by default");
	ok((caps_default() & ~caps_all()) == 0, "which are some of all");
	name = caps_name(0);
	is_str(name, "CAP_CHOWN", "the name of 0");
	free(name);
	for (unsigned i = 0; caps_all() >> i & 1; i++) {
		name = caps_name(i);
		if (!caps_from_name(name, &bit) || bit != UINT64_C(1) << i)
			ok(false, "capability %u by its own name %s", i, name);
		free(name);
	}
}

static void rlimits(void)
{
	int r = -1;

	ok(limits_from_name("RLIMIT_NOFILE", &r) && r == RLIMIT_NOFILE, "RLIMIT_NOFILE");
	ok(limits_from_name("core", &r) && r == RLIMIT_CORE, "core");
	ok(!limits_from_name("RLIMIT_", &r) && !limits_from_name("files", &r), "no others");
	is_str(limits_name(RLIMIT_STACK), "RLIMIT_STACK", "and back");
	ok(limits_name(999) == NULL, "no name for what is none");
}

static void sysctl(struct spec *s, const char *name, bool fine)
{
	struct err e = {0};

	ok((limits_check_sysctl(s, name, &e) == 0) == fine, "sysctl %s is %s", name, fine ? "private" : "refused");
	err_done(&e);
}

static void sysctls(void)
{
	static const char *const bad[] = { "kernel.core_pattern",
					   "vm.overcommit_memory",
					   "kernel.sysrq",
					   "fs.file-max",
					   "net",
					   "",
					   "/net/x",
					   "net/../kernel/core_pattern",
					   "net..x",
					   "net//x",
					   ".net.x",
					   "kernel/core_pattern",
					   "dev.net.x" };
	struct spec s = {0};

	s.ns[SPEC_NS_NET].on = s.ns[SPEC_NS_IPC].on = s.ns[SPEC_NS_UTS].on = true;
	sysctl(&s, "net.ipv4.ip_forward", true);
	sysctl(&s, "net/ipv4/conf/eth0.1/rp_filter", true);
	sysctl(&s, "kernel.shmmax", true);
	sysctl(&s, "fs.mqueue.msg_max", true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		sysctl(&s, bad[i], false);
	s.ns[SPEC_NS_NET].on = s.ns[SPEC_NS_IPC].on = false;
	sysctl(&s, "net.ipv4.ip_forward", false);
	sysctl(&s, "kernel.shmmax", false);
}

static int options(struct mount_opts *o, const char *type, const char *const *words)
{
	struct strv v = {0};
	struct err e = {0};
	int r;

	for (; *words; words++)
		strv_add(&v, *words);
	r = mount_opts_parse(o, type, &v, &e);
	strv_done(&v);
	err_done(&e);
	return r;
}

static void mounts(void)
{
	struct mount_opts o = {0};

	is_int(options(&o, "tmpfs",
		       (const char *const[]){ "nosuid", "noexec", "exec", "size=1m", "mode=700", "ro", NULL }),
	       0, "tmpfs");
	is_int((intmax_t)o.set, MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY, "a later word wins");
	is_int(o.data.n, 2, "the file system's own");
	is_str(mount_opts_value(&o, "mode"), "700", "a value");
	ok(!mount_opts_value(&o, "mod") && !o.bind, "only whole keys");
	mount_opts_done(&o);

	o = (struct mount_opts){0};
	is_int(options(&o, "none", (const char *const[]){ "rbind", "rro", "rslave", "noatime", NULL }), 0, "rbind");
	ok(o.bind && o.recursive && o.rset == MOUNT_ATTR_RDONLY && o.set == MOUNT_ATTR_NOATIME &&
		   o.clr == MOUNT_ATTR__ATIME,
	   "flags of one and of all");
	is_int((intmax_t)o.rprop, MS_SLAVE, "propagation");
	mount_opts_done(&o);

	o = (struct mount_opts){0};
	is_int(options(&o, "bind", (const char *const[]){ "size=1m", NULL }), -1,
	       "a bind mount has no options of its own");
	mount_opts_done(&o);
}

int main(void)
{
	caps();
	rlimits();
	sysctls();
	mounts();
	return done_testing();
}
