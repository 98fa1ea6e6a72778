/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/logs/dir.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "compose/base/str.h"

void log_dir_name(uint64_t number, char ret[24])
{
	(void)snprintf(ret, 24, "%06" PRIu64, number);
}

static int ascending(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

int log_dir_list(int dir, struct log_numbers *ret)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	uint64_t v;

	if (!d) {
		mem_closep(&fd);
		return -1;
	}
	while ((de = readdir(d))) {
		size_t len = strlen(de->d_name) - (str_ends(de->d_name, ".gz") ? 3 : 0);
		auto_free char *digits = xstrndup(de->d_name, len);

		if (len >= 6 && len < 19 && str_to_u64(digits, &v))
			vec_push(ret, v);
	}
	closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), ascending);
	for (size_t i = ret->n; i-- > 1;)               /* as it is, and packed */
		if (ret->v[i] == ret->v[i - 1])
			vec_remove(ret, i);
	return 0;
}
