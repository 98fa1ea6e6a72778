/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/port_owner.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/base/mem.h"

enum { TABLE_MAX = 64 << 20, LISTEN = 0x0a };

/* "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 INODE ..." */
static unsigned long inode_in(char *table, uint16_t port, bool udp)
{
	char *line = table, *end;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		unsigned local, state;
		unsigned long inode;

		*end = '\0';
		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu", &local, &state,
			   &inode) == 3 &&
		    local == port && (udp || state == LISTEN))
			return inode;
	}
	return 0;
}

static unsigned long inode_of(uint16_t port, bool udp)
{
	static const char *const files[2][2] = {{"/proc/net/tcp", "/proc/net/tcp6"},
						{"/proc/net/udp", "/proc/net/udp6"}};
	unsigned long inode = 0;

	for (size_t i = 0; i < 2 && !inode; i++) {
		auto_free char *text = NULL;
		auto_err struct err e = {0};

		if (fs_read(AT_FDCWD, files[udp][i], TABLE_MAX, &text, NULL, &e) == 0)
			inode = inode_in(text, port, udp);
	}
	return inode;
}

static bool holds(const char *pid, const char *link)
{
	auto_free char *path = xasprintf("/proc/%s/fd", pid);
	DIR *d = opendir(path);
	struct dirent *de;
	bool hit = false;

	while (d && !hit && (de = readdir(d))) {
		char to[64];
		ssize_t n = readlinkat(dirfd(d), de->d_name, to, sizeof(to) - 1);

		if (n > 0) {
			to[n] = '\0';
			hit = str_eq(to, link);
		}
	}
	if (d)
		closedir(d);
	return hit;
}

/* Our own processes say of which project they are. */
static char *name_of(const char *pid)
{
	auto_free char *cmdline = xasprintf("/proc/%s/cmdline", pid), *comm = xasprintf("/proc/%s/comm", pid),
		       *text = NULL, *clean = NULL;
	auto_err struct err e = {0};

	if (fs_read(AT_FDCWD, cmdline, 4096, &text, NULL, &e) == 0 && str_starts(text, "compose: ")) {
		const char *project = strrchr(text, ' ');

		clean = str_printable(project + 1);
		return xasprintf("project %s, also run by compose", clean);
	}
	err_done(&e);
	free(take_ptr(text));
	if (fs_read(AT_FDCWD, comm, 256, &text, NULL, &e) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	clean = str_printable(text);
	return xasprintf("%s (pid %s)", clean, pid);
}

char *port_owner(uint16_t port, bool udp)
{
	unsigned long inode = inode_of(port, udp);
	auto_free char *link = xasprintf("socket:[%lu]", inode);
	DIR *d = inode ? opendir("/proc") : NULL;
	struct dirent *de;
	char *name = NULL;

	while (d && !name && (de = readdir(d)))
		if (isdigit((unsigned char)de->d_name[0]) && holds(de->d_name, link))
			name = name_of(de->d_name);
	if (d)
		closedir(d);
	return name;
}
