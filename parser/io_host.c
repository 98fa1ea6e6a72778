/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "parser/io.h"

/* Standard input may be a pipe, which fs_read refuses. */
static int read_stdin(size_t max, char **ret, size_t *ret_len, struct err *e)
{
	auto_str struct str b = STR_MAX(max);
	char buf[65536];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) != 0 && !b.over) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_SYS, errno, "read standard input");
		str_addn(&b, buf, (size_t)n);
	}
	if (b.over)
		return err_set(e, ERR_MODEL, 0, "standard input holds more than %zu bytes", max);
	*ret_len = b.len;
	*ret = str_take(&b);
	return 0;
}

static int host_read(void *ctx, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	(void)ctx;
	if (!strcmp(path, "-"))
		return read_stdin(max, ret, ret_len, e);
	return fs_read(AT_FDCWD, path, max, ret, ret_len, e);
}

static enum io_kind host_kind(void *ctx, const char *path)
{
	struct stat st;

	(void)ctx;
	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? IO_ABSENT : IO_FILE;    /* reading it will tell why */
	return S_ISDIR(st.st_mode) ? IO_DIR : IO_FILE;
}

static char *host_realpath(void *ctx, const char *path)
{
	(void)ctx;
	return realpath(path, NULL);
}

const struct load_io load_io_host = { NULL, host_read, host_kind, host_realpath, NULL };

char *load_cwd_host(void)
{
	const char *pwd = getenv("PWD");
	struct stat named, here;

	if (pwd && *pwd == '/' && !stat(pwd, &named) && !stat(".", &here) && named.st_dev == here.st_dev &&
	    named.st_ino == here.st_ino)
		return xstrdup(pwd);
	return getcwd(NULL, 0);
}
