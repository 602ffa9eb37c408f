/* SPDX-License-Identifier: BSD-3-Clause */
/* A seccomp filter from the list of system calls that the daemon's functions say they make, and what libraries make by themselves: */

/* syscalls of the C library: brk mmap munmap mremap mprotect madvise futex rt_sigreturn rt_sigprocmask rt_sigaction sigaltstack exit
 * exit_group clock_gettime clock_nanosleep nanosleep gettimeofday getrandom sched_yield restart_syscall tgkill gettid getpid getuid
 * geteuid set_robust_list rseq clone3 clone prlimit64 sched_getaffinity read write writev close openat lseek newfstatat fstat uname
 * membarrier pread64 readlink readlinkat time rt_sigtimedwait */
/* syscalls of DPDK, its telemetry and its virtual devices: accept accept4 recvmsg recvfrom recvmmsg sendmsg sendto sendmmsg poll ppoll
 * epoll_wait epoll_pwait epoll_ctl epoll_create epoll_create1 timerfd_create timerfd_settime eventfd2 pipe2 unlink unlinkat rmdir ioctl fcntl flock ftruncate
 * memfd_create sched_setaffinity set_mempolicy get_mempolicy mbind mlock munlock getdents64 socket bind listen connect
 * setsockopt getsockopt getsockname shutdown prctl access faccessat faccessat2 kill */
#include "daemon/sandbox.h"
#include "base/cc.h"

#include <errno.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(HAVE_SECCOMP)

int sandbox_shut(enum sandbox_mode mode)
{
	return mode == SANDBOX_OFF ? 0 : -ENOSYS;
}

#else
#include "sandbox_calls.h"

#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* In a signal handler nothing but write() can be used.
 * syscalls: write */
static void told_off(int sig, siginfo_t *info, void *context)
{
	char line[] = "error the sandbox has no system call number      ; the daemon ends "
	              "(sandbox = of [node])\n";
	char *at = strstr(line, "     ;") + 4;
	int n = info->si_syscall;

	(void)context;
	for (; n > 0 && *at == ' '; n /= 10)
		*at-- = (char)('0' + n % 10);
	(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch_offences(void)
{
	struct sigaction sa = {.sa_sigaction = told_off, .sa_flags = SA_SIGINFO};

	sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGSYS, &sa, NULL);
}

static int allow_all(scmp_filter_ctx f)
{
	for (unsigned i = 0; i < ARRAY_LEN(sandbox_calls); i++) {
		int n = seccomp_syscall_resolve_name(sandbox_calls[i]), rc;

		if (n == __NR_SCMP_ERROR || n < 0)
			continue; /* this processor has another call for it, which is in the list, too */
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, n, 0);
		if (rc && rc != -EEXIST)
			return rc;
	}
	return 0;
}

int sandbox_shut(enum sandbox_mode mode)
{
	scmp_filter_ctx f;
	int rc;

	if (mode == SANDBOX_OFF)
		return 0;
	f = seccomp_init(mode == SANDBOX_KILL ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM));
	if (!f)
		return -ENOMEM;
	rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1); /* all threads at once */
	if (rc == 0)
		rc = allow_all(f);
	if (rc == 0 && mode == SANDBOX_KILL)
		catch_offences();
	if (rc == 0)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc;
}
#endif
