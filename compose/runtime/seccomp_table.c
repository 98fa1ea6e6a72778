/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/seccomp_table.h"
#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include "compose/base/mem.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF 39
#endif
enum { ALWAYS = -1 };

const struct seccomp_group seccomp_groups[] = {
	/* Files and directories. */
	{ ALWAYS,
	  "_llseek access cachestat chdir chmod chown chown32 creat faccessat faccessat2 fadvise64 fadvise64_64 "
	  "fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fdatasync fgetxattr "
	  "file_getattr file_setattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs "
	  "fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat "
	  "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch landlock_add_rule landlock_create_ruleset "
	  "landlock_restrict_self lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr "
	  "lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open "
	  "openat openat2 readlink readlinkat removexattr removexattrat rename renameat renameat2 rmdir setxattr "
	  "setxattrat stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs truncate "
	  "truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes" },
	/* Descriptors and their input and output. */
	{ ALWAYS,
	  "_newselect close close_range copy_file_range dup dup2 dup3 epoll_create epoll_create1 epoll_ctl "
	  "epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 fcntl fcntl64 "
	  "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl "
	  "memfd_create memfd_secret pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2 pselect6 "
	  "pselect6_time64 pwrite64 pwritev pwritev2 read readahead readv select sendfile sendfile64 signalfd "
	  "signalfd4 splice tee timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 "
	  "vmsplice write writev" },
	/* Sockets, message queues, System V IPC. */
	{ ALWAYS,
	  "accept accept4 bind connect getpeername getsockname getsockopt ipc listen mq_getsetattr mq_notify "
	  "mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget "
	  "msgrcv msgsnd recv recvfrom recvmmsg recvmmsg_time64 recvmsg semctl semget semop semtimedop "
	  "semtimedop_time64 send sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown socketcall "
	  "socketpair" },
	/* Memory. */
	{ ALWAYS,
	  "brk madvise map_shadow_stack membarrier mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal "
	  "msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages" },
	/* Identity and limits. */
	{ ALWAYS,
	  "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid "
	  "getresgid32 getresuid getresuid32 getrlimit getrusage getuid getuid32 prctl prlimit64 seccomp setfsgid "
	  "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid "
	  "setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setuid setuid32 ugetrlimit" },
	/* Signals, timers, clocks. */
	{ ALWAYS,
	  "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
	  "clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday kill nanosleep pause "
	  "pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
	  "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer "
	  "sigaltstack sigprocmask sigreturn tgkill time timer_create timer_delete timer_getoverrun timer_gettime "
	  "timer_gettime64 timer_settime timer_settime64 times tkill" },
	/* Processes, threads, scheduling. */
	{ ALWAYS,
	  "execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake "
	  "get_robust_list get_thread_area getcpu getpgid getpgrp getpid getppid getpriority getrandom getsid "
	  "gettid ioprio_get ioprio_set process_vm_readv process_vm_writev ptrace rseq sched_get_priority_max "
	  "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
	  "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
	  "sched_setscheduler sched_yield set_robust_list set_thread_area set_tid_address setpgid setpriority "
	  "setsid sysinfo uname vfork wait4 waitid waitpid" },
	/* Of some architectures only. */
	{ ALWAYS,
	  "arch_prctl arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush modify_ldt riscv_flush_icache "
	  "set_tls sync_file_range2 uretprobe" },
	/* What a capability opens. */
	{ CAP_DAC_READ_SEARCH, "open_by_handle_at" },
	{ CAP_SYS_ADMIN,
	  "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount "
	  "mount_setattr move_mount open_tree open_tree_attr perf_event_open quotactl quotactl_fd setdomainname "
	  "sethostname setns statmount syslog umount umount2 unshare" },
	{ CAP_SYS_BOOT, "reboot" },
	{ CAP_SYS_CHROOT, "chroot" },
	{ CAP_SYS_MODULE, "delete_module finit_module init_module" },
	{ CAP_SYS_PACCT, "acct" },
	{ CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise" },
	{ CAP_SYS_RAWIO, "ioperm iopl" },
	{ CAP_SYS_TIME, "clock_settime clock_settime64 settimeofday stime" },
	{ CAP_SYS_TTY_CONFIG, "vhangup" },
	{ CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },
	{ CAP_SYSLOG, "syslog" },
	{ CAP_BPF, "bpf" },
	{ CAP_PERFMON, "perf_event_open" },
};
const unsigned seccomp_group_count = ARRAY_LEN(seccomp_groups);

/* CLONE_NEW* of all kinds: a thread or a fork is fine, a namespace is not. */
#define NAMESPACES 0x7e020000
#ifdef __s390x__
enum { CLONE_FLAGS_ARG = 1 };
#else
enum { CLONE_FLAGS_ARG = 0 };
#endif

const struct seccomp_special seccomp_specials[] = {
	{ "clone", CAP_SYS_ADMIN, SECCOMP_RET_ALLOW, 1, { CLONE_FLAGS_ARG, BPF_OP_MASKED_EQ, NAMESPACES, 0 } },
	/* its flags lie in memory, where a filter cannot look: let libc fall back to clone */
	{ "clone3", CAP_SYS_ADMIN, SECCOMP_RET_ERRNO | ENOSYS, 0, { 0, BPF_OP_EQ, 0, 0 } },
	/* AF_VSOCK leads out of every network namespace */
	{ "socket", ALWAYS, SECCOMP_RET_ALLOW, 1, { 0, BPF_OP_NE, 40, 0 } },
	/* PER_LINUX, PER_LINUX32, the same with UNAME26, and the question */
	{ "personality", ALWAYS, SECCOMP_RET_ALLOW, 1, { 0, BPF_OP_EQ, 0, 0 } },
	{ "personality", ALWAYS, SECCOMP_RET_ALLOW, 1, { 0, BPF_OP_EQ, 0x8, 0 } },
	{ "personality", ALWAYS, SECCOMP_RET_ALLOW, 1, { 0, BPF_OP_EQ, 0x20000, 0 } },
	{ "personality", ALWAYS, SECCOMP_RET_ALLOW, 1, { 0, BPF_OP_EQ, 0x20008, 0 } },
	{ "personality", ALWAYS, SECCOMP_RET_ALLOW, 1, { 0, BPF_OP_EQ, 0xffffffff, 0 } },
};
const unsigned seccomp_special_count = ARRAY_LEN(seccomp_specials);
