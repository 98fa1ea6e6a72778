/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/signals.h"
#include <signal.h>
#include <stdint.h>
#include <strings.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"

#define NAMED(n) { #n, n }
static const struct { const char *name; int number; } names[] = {
	NAMED(SIGHUP), NAMED(SIGINT), NAMED(SIGQUIT), NAMED(SIGILL), NAMED(SIGTRAP), NAMED(SIGABRT), NAMED(SIGBUS), NAMED(SIGFPE),
	NAMED(SIGKILL), NAMED(SIGUSR1), NAMED(SIGSEGV), NAMED(SIGUSR2), NAMED(SIGPIPE), NAMED(SIGALRM), NAMED(SIGTERM),
	NAMED(SIGSTKFLT), NAMED(SIGCHLD), NAMED(SIGCONT), NAMED(SIGSTOP), NAMED(SIGTSTP), NAMED(SIGTTIN), NAMED(SIGTTOU),
	NAMED(SIGURG), NAMED(SIGXCPU), NAMED(SIGXFSZ), NAMED(SIGVTALRM), NAMED(SIGPROF), NAMED(SIGWINCH), NAMED(SIGIO),
	NAMED(SIGPWR), NAMED(SIGSYS),
};

int signal_number(const char *s)
{
	uint64_t n;

	if (str_to_u64(s, &n))
		return n >= 1 && n <= 64 ? (int)n : -1;
	if (!strncasecmp(s, "SIG", 3))
		s += 3;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcasecmp(s, names[i].name + 3))
			return names[i].number;
	/* the kernel's numbers: the C library keeps the first two real-time signals, a container need not have one */
	if (!strncasecmp(s, "RTMIN", 5) && (!s[5] || s[5] == '+') && (!s[5] || (str_to_u64(s + 6, &n) && n <= 30)))
		return 34 + (s[5] ? (int)n : 0);
	return -1;
}

const char *signal_name(int sig)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].number == sig)
			return names[i].name;
	return NULL;
}
