/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a layer's tar, unpacked beside a canary that must not change. Needs root; works below TMPDIR. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/image/layer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source { const uint8_t *p; size_t left; };

static long give(void *arg, const void **buf)
{
	struct source *s = arg;
	size_t n = s->left < 1000 ? s->left : 1000;

	*buf = s->p;
	s->p += n;
	s->left -= n;
	return (long)n;
}

static char top[] = "/tmp/compose-fuzz-XXXXXX";
static int top_fd = -1;

static void clean(void)
{
	(void)fs_rm_rf(AT_FDCWD, top);
}

static void prepare(void)
{
	int fd;

	if (!mkdtemp(top))
		abort();
	(void)atexit(clean);
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(top_fd, "canary", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	close(fd);
}

/* dir/ is all that may change beside the canary. */
static void check_canary(void)
{
	struct stat st, dir;

	if (fstatat(top_fd, "canary", &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size || (st.st_mode & 07777) != 0600 ||
	    st.st_nlink != 1 || fstat(top_fd, &dir) < 0 || dir.st_nlink != 3)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct layer_opts o = { .whiteouts = true, .max_entries = 200, .max_bytes = 64 << 20 };
	struct source s = { data, size };
	struct layer_stats st;
	struct err e = {0};
	int fd;

	if (top_fd < 0)
		prepare();
	if (mkdirat(top_fd, "dir", 0755) < 0)
		abort();
	fd = openat(top_fd, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layer_untar(fd, give, &s, &o, &st, &e) < 0 && !e.n)
		abort();
	err_done(&e);
	close(fd);
	check_canary();
	if (fs_rm_rf(top_fd, "dir") < 0)
		abort();
	return 0;
}
