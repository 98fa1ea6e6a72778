/* SPDX-License-Identifier: Apache-2.0 */
/* local.c - directories of this host that COPY takes files from: the build context, and contexts with a name.
 * spec: compose-spec build additional_contexts; Dockerfile reference ".dockerignore file" */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/build/build_priv.h"

char *local_name(const struct local *l, const char *file)
{
	auto_free char *cwd = getcwd(NULL, 0), *full = *file == '/' ? xstrdup(file) : xasprintf("%s/%s", l->dir, file);
	size_t n = cwd ? strlen(cwd) : 0;

	if (l->fetched)
		return xasprintf("%s:%s", l->fetched, file);
	return n > 1 && !strncmp(full, cwd, n) && full[n] == '/' ? xstrdup(full + n + 1) : take_ptr(full);
}

int local_read(const struct local *l, const char *file, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	auto_close int fd = -1;

	if (!l->fetched)
		return fs_read(l->s.root, file, max, ret, ret_len, e);
	fd = fs_open_in(l->s.root, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "open %s", file);
	return fs_read_fd(fd, file, max, ret, ret_len, e);
}

static int read_ignore(struct local *l, const char *const names[], struct err *e)
{
	for (size_t i = 0; names[i]; i++) {
		auto_free char *text = NULL, *shown = NULL;
		size_t len = 0;

		if (local_read(l, names[i], IGNORE_TEXT_MAX, &text, &len, e) == 0) {
			shown = local_name(l, names[i]);
			if (ignore_parse(&l->ignore, shown, text, len, e) < 0)
				return err_wrap(e, "read %s", shown);
			l->s.ignore = l->ignore;
			return 0;
		}
		if (e->kind != ERR_MISSING)
			return err_wrap(e, "read %s", names[i]);
		err_done(e);
	}
	return 0;
}

int local_open(struct local *l, const struct build *b, const char *what, const char *const names[], struct err *e)
{
	char id[SHA256_HEX_SIZE];

	l->s.root = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->s.root < 0)
		return err_set(e, errno == EACCES ? ERR_DENIED : errno == ENOENT ? ERR_MODEL : ERR_SYS, errno, "open %s %s", what,
			       l->dir);
	sha256_hex(l->dir, strlen(l->dir), id);
	l->s.stats = statcache_open(b->stat_dir, id);
	return read_ignore(l, names, e);
}

int local_save(struct local *l, struct err *e)
{
	return l->s.stats ? statcache_save(l->s.stats, e) : 0;
}

void local_done(struct local *l)
{
	statcache_free(l->s.stats);
	ignore_free(l->ignore);
	mem_closep(&l->s.root);
}

/* ---- contexts with a name ---- */

int named_open(struct build *b, struct err *e)
{
	static const char *const names[] = { ".dockerignore", NULL };

	b->named = xcalloc(b->o->n_contexts, sizeof(*b->named));
	for (size_t i = 0; i < b->o->n_contexts; i++)
		b->named[i] = (struct named){ .c = &b->o->contexts[i], .local = { .s = { .root = -1 }, .dir = b->o->contexts[i].dir,
									       .fetched = b->o->contexts[i].fetched } };
	for (size_t i = 0; i < b->o->n_contexts; i++) {
		const struct build_context *c = b->named[i].c;

		if (c->dir && local_open(&b->named[i].local, b, "the context", names, e) < 0)
			return err_wrap(e, "additional context `%s`", c->name);
	}
	return 0;
}

/* An image's name with and without its default tag is one name. */
static size_t bare_len(const char *name)
{
	size_t n = strlen(name), tag = strlen(":latest");

	return n > tag && str_eq(name + n - tag, ":latest") ? n - tag : n;
}

const struct named *named_find(const struct build *b, const char *name)
{
	size_t n = bare_len(name);

	for (size_t i = 0; i < b->o->n_contexts; i++)
		if (bare_len(b->named[i].c->name) == n && !strncmp(b->named[i].c->name, name, n))
			return &b->named[i];
	return NULL;
}

void named_done(struct build *b)
{
	for (size_t i = 0; b->named && i < b->o->n_contexts; i++)
		local_done(&b->named[i].local);
	free(b->named);
}
