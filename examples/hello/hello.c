/* SPDX-License-Identifier: Apache-2.0 */
/* hello.c - says hello from an image that holds nothing but this program. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

int main(void)
{
	const char *greeting = getenv("GREETING");
	struct utsname host;

	if (uname(&host) < 0)
		return 1;
	printf("%s from container %s, where I am process %d.\n", greeting != NULL ? greeting : "Hello", host.nodename,
	       (int)getpid());
	printf("The kernel is the host's: %s %s.\n", host.sysname, host.release);
	return 0;
}
