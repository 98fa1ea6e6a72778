/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/add_url.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/image/http.h"

#define UNNAMED "__unnamed__"
#define URL_FILE_MAX (16ULL << 30)

/* -- its name -- */

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

char *url_file_name(const char *url)
{
	const char *host = strstr(url, "://"), *path = host ? host + 3 + strcspn(host + 3, "/?#") : url;
	size_t end = strcspn(path, "?#"), from;
	auto_str struct str name = {0};

	while (end && path[end - 1] == '/')
		end--;
	for (from = end; from && path[from - 1] != '/';)
		from--;
	for (size_t i = from; i < end; i++) {
		int hi = path[i] == '%' ? hex_digit(path[i + 1]) : -1, lo = hi >= 0 ? hex_digit(path[i + 2]) : -1;
		char c = lo >= 0 ? (char)(hi << 4 | lo) : path[i];

		if (c == '/' || iscntrl((unsigned char)c))
			return xstrdup(UNNAMED);
		str_addc(&name, c);
		i += lo >= 0 ? 2 : 0;
	}
	if (!name.len || name.len > 255 || str_eq(name.s, ".") || str_eq(name.s, ".."))
		return xstrdup(UNNAMED);
	return str_take(&name);
}

/* -- its content -- */

struct download {
	struct build *b;
	int           fd;
	struct sha256 sum;
	uint64_t      len;
	struct err    err;                /* why the sink wanted no more */
};

static int on_bytes(void *arg, const void *buf, size_t len)
{
	struct download *d = arg;

	d->len += len;
	if (build_check(d->b, &d->err) < 0)
		return -1;
	if (d->len > URL_FILE_MAX)
		return err_set(&d->err, ERR_SYS, 0, "it is larger than %llu GiB", URL_FILE_MAX >> 30);
	if (fs_write_all(d->fd, buf, len) < 0)
		return err_set(&d->err, ERR_SYS, errno, "write it down");
	sha256_add(&d->sum, buf, len);
	return 0;
}

/* ret: 0 with a status of success, whole; 1 when another attempt may help (e is set), -1 */
static int attempt(struct http *h, const char *url, struct download *d, struct http_resp *r, struct err *e)
{
	const struct http_req q = { .url = url, .plain_ok = str_starts(url, "http://"), .max = 64 << 10, .sink = on_bytes,
		.arg = d };

	d->len = 0;
	sha256_init(&d->sum);
	if (ftruncate(d->fd, 0) < 0 || lseek(d->fd, 0, SEEK_SET) < 0)
		return err_set(e, ERR_SYS, errno, "write it down");
	if (http_do(h, &q, r, e) < 0) {
		if (d->err.n) {
			err_done(e);
			err_move(e, &d->err);
		}
		return e->kind == ERR_NET ? 1 : -1;
	}
	if (d->err.n) {
		err_move(e, &d->err);
		return -1;
	}
	if (r->status == 200)
		return 0;
	err_set(e, r->status == 404 || r->status == 410 ? ERR_MISSING : ERR_NET, 0, "the server answers %ld", r->status);
	return http_transient(r->status) ? 1 : -1;
}

static int download(struct http *h, const char *url, struct download *d, time_t *ret_time, struct err *e)
{
	for (unsigned n = 0;; n++) {
		auto_resp struct http_resp r = {0};
		struct tm tm = {0};
		int rc = attempt(h, url, d, &r, e);

		if (rc == 0 && r.modified && strptime(r.modified, "%a, %d %b %Y %H:%M:%S GMT", &tm))
			*ret_time = timegm(&tm);
		if (rc <= 0 || !http_again(n, -1, &r, e))
			return rc ? -1 : 0;
		err_done(e);
		if (http_backoff(h, n, r.retry_after, e) < 0)
			return -1;
	}
}

static int verify(struct download *d, const char *checksum, struct err *e)
{
	char hex[SHA256_HEX_SIZE];

	sha256_end(&d->sum, hex);
	if (!checksum || str_eq(checksum + strlen("sha256:"), hex))
		return 0;
	return err_set(e, ERR_CONFLICT, 0, "its content is sha256:%s, not %s", hex, checksum);
}

static int fetch(struct url_file *f, struct build *b, const char *url, const char *checksum, struct err *e)
{
	struct download d = { .b = b, .fd = openat(f->dir.fd, f->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) };
	struct timespec t[2] = {{0}, {0}};
	struct http *h = NULL;
	int rc;

	if (d.fd < 0)
		return err_set(e, ERR_SYS, errno, "make a file for it");
	rc = http_new(&h, e);
	if (rc == 0)
		rc = download(h, url, &d, &t[1].tv_sec, e);
	http_free(h);
	if (rc == 0)
		rc = verify(&d, checksum, e);
	t[0] = t[1];
	if (rc == 0 && (fchmod(d.fd, 0600) < 0 || futimens(d.fd, t) < 0))
		rc = err_set(e, ERR_SYS, errno, "set its time");
	close(d.fd);
	return rc;
}

int url_file_get(struct url_file *f, struct build *b, const char *url, const char *checksum, struct err *e)
{
	f->name = url_file_name(url);
	if (scratch_open(&f->dir, b, e) < 0 || fetch(f, b, url, checksum, e) < 0)
		return err_wrap(e, "fetch %s", url);
	f->s = (struct source){ .root = f->dir.fd };
	return 0;
}

void url_file_done(struct url_file *f)
{
	scratch_done(&f->dir);
	free(f->name);
	f->name = NULL;
}
