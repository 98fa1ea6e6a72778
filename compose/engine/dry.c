/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/dry.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/mem.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "which architecture does the kernel call this one?"
#endif

/* What reaches others although no file is written. */
static const int refused[] = {
	SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal, SYS_ptrace,
	SYS_process_vm_writev, SYS_connect, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_execve, SYS_execveat, SYS_setns, SYS_unshare,
	SYS_mount, SYS_umount2, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_mount_setattr, SYS_chroot, SYS_pivot_root, SYS_bpf,
	SYS_io_uring_setup, SYS_keyctl, SYS_add_key, SYS_sethostname, SYS_setdomainname, SYS_reboot,
#ifdef SYS_fork
	SYS_fork, SYS_vfork,
#endif
};

#ifdef __SANITIZE_ADDRESS__
/* At the end the sanitizer looks for leaks from a process that stops this one, which is among what is given up. */
static int given_up;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return given_up;
}
#define GIVE_UP_LEAKS (given_up = 1)
#else
#define GIVE_UP_LEAKS ((void)0)
#endif

static int fail(const char *what, struct err *e)
{
	err_set(e, errno == ENOSYS ? ERR_SYS : ERR_DENIED, errno, "%s", what);
	return err_wrap(e, "--dry-run gives up the right to change anything first, and that cannot be done here");
}

/* Device nodes are no way out either; those that are open (the terminal) stay usable. */
static int close_mounts(struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE };

	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
		return fail("make namespaces", e);
	if (syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return fail("make all mounts read only", e);
	return 0;
}

/* Root's files must still be read. */
static int drop_capabilities(struct err *e)
{
	static const cap_value_t keep[] = { CAP_DAC_READ_SEARCH };
	cap_t caps = cap_init();
	int r = -1;

	if (caps && cap_set_flag(caps, CAP_PERMITTED, 1, keep, CAP_SET) == 0 && cap_set_flag(caps, CAP_EFFECTIVE, 1, keep, CAP_SET) == 0 &&
	    cap_set_proc(caps) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		r = 0;
	if (r < 0)
		(void)fail("drop capabilities", e);
	(void)cap_free(caps);
	return r;
}

static int refuse_calls(struct err *e)
{
	struct sock_filter f[ARRAY_LEN(refused) + 8];
	unsigned short n = 0, calls = ARRAY_LEN(refused);
	struct sock_fprog prog = { .filter = f };

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned short i = 0; i < calls; i++)
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[i], (unsigned char)(calls - i), 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	prog.len = n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		return fail("refuse system calls", e);
	return 0;
}

int dry_lock(struct err *e)
{
	GIVE_UP_LEAKS;
	return close_mounts(e) < 0 || drop_capabilities(e) < 0 || refuse_calls(e) < 0 ? -1 : 0;
}
