/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount: what a step sees besides its root.   spec: Dockerfile reference "RUN --mount"; CVE-2024-1753, CVE-2024-9675
 * A bind is a copy of its source, made for this step alone: links in it lead nowhere, nobody can swap it, and what the
 * step writes to it is thrown away. A cache's directory is named by a digest of its id. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/build/build_priv.h"
#include "compose/build/cache.h"
#include "parser/dockerfile_value.h"

enum { SECRET_MAX = 500 << 10, PRIVATE_MAX = 64, RETRY_MS = 100 };

struct prep {
	struct stage *st;
	const struct df_instr *in;
	struct key   *k;
	bool          make;
	struct run_mounts *out;
	struct err   *e;
	unsigned      n_ssh;
};

static void add(struct prep *p, enum build_mount_kind kind, const char *source, const char *target, bool ro,
		uint64_t size)
{
	vec_push(&p->out->v, (struct build_mount){ .kind = kind, .source = source ? xstrdup(source) : NULL,
		 .target = xstrdup(target), .ro = ro, .size_bytes = (int64_t)size });
}

static struct scratch *new_scratch(struct prep *p)
{
	struct scratch s = SCRATCH_INIT;

	if (scratch_open(&s, p->st->b, p->e) < 0)
		return NULL;
	vec_push(&p->out->scratch, s);
	return &p->out->scratch.v[p->out->scratch.n - 1];
}

/* -- bind -- */

static int bind_copy(struct prep *p, const struct pick *pick, const struct df_mount *m, const char *target)
{
	struct scratch *s = new_scratch(p);
	const struct copy_opts o = {0};
	auto_free char *path = NULL;
	int is_dir = pick_is_dir(pick, p->e);

	if (!s || is_dir < 0 || pick_copy(pick, s->fd, true, is_dir ? NULL : "file", &o, p->e) < 0)
		return -1;
	path = is_dir ? xstrdup(s->path) : xasprintf("%s/file", s->path);
	add(p, BUILD_MOUNT_BIND, path, target, m->ro, 0);
	return 0;
}

static int bind(struct prep *p, const struct df_mount *m, const char *target)
{
	auto_from struct from f = {0};
	auto_strv struct strv found = {0};
	const char *source = m->source ? m->source : "";
	auto_free char *clean = path_clean(source);
	auto_str struct str esc = {0};
	bool ignored;
	int r;

	if (from_find(p->st, m->from, &f, p->e) < 0 || from_view(p->st, &f, p->e) < 0)
		return -1;
	for (const char *c = clean; *c; c++) {        /* no wildcards here */
		if (strchr("*?[\\", *c))
			str_addc(&esc, '\\');
		str_addc(&esc, *c);
	}
	r = context_find(&f.s, str_cstr(&esc), GLOB_FLAT, &found, &ignored, p->e);
	if (r < 0)
		return -1;
	if (!found.n)
		return err_set(p->e, ERR_MISSING, 0, "--mount: source `%s` is not in %s", source,
			       m->from ? m->from : "the build context");
	const struct pick pick = { &f.s, found.v[0], NULL };
	key_add(p->k, "ro", m->ro ? "1" : "0");
	if (f.identity) {
		key_add(p->k, "identity", f.identity);
		key_add(p->k, "source", clean);
	} else if (pick_digest(&pick, &p->k->h, p->e) < 0) {
		return -1;
	}
	return p->make ? bind_copy(p, &pick, m, target) : 0;
}

/* -- cache -- */

static int lock_dir(struct prep *p, int fd, int how)
{
	struct pollfd stop = { .fd = p->st->b->cancel_fd, .events = POLLIN };

	while (flock(fd, how | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(p->e, ERR_SYS, errno, "lock a cache mount");
		if (build_check(p->st->b, p->e) < 0)
			return -1;
		(void)poll(&stop, 1, RETRY_MS);
	}
	return 0;
}

/* ret: descriptor of the directory name, made with the mount's owner and mode when it is new */
static int cache_dir(struct prep *p, const char *name, const struct df_mount *m)
{
	int dir = p->st->b->mounts, fd;

	if (mkdirat(dir, name, 0700) == 0) {
		if (fchownat(dir, name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		    fchmodat(dir, name, m->has_mode ? m->mode : 0755, 0) < 0)
			return err_set(p->e, ERR_SYS, errno, "make a cache mount");
	} else if (errno != EEXIST) {
		return err_set(p->e, ERR_SYS, errno, "make a cache mount");
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(p->e, ERR_SYS, errno, "open a cache mount") : fd;
}

static int cache_take(struct prep *p, const struct df_mount *m, const char *hex, const char *target)
{
	for (unsigned i = 0; i < PRIVATE_MAX; i++) {
		auto_free char *name = i ? xasprintf("%s.%u", hex, i) : xstrdup(hex), *path = NULL;
		auto_close int fd = cache_dir(p, name, m);

		if (fd < 0)
			return -1;
		if (m->sharing == DF_PRIVATE) {
			if (flock(fd, LOCK_EX | LOCK_NB) < 0)
				continue;
		} else if (lock_dir(p, fd, m->sharing == DF_LOCKED ? LOCK_EX : LOCK_SH) < 0) {
			return -1;
		}
		path = xasprintf("%s/%s", p->st->b->mounts_path, name);
		add(p, BUILD_MOUNT_BIND, path, target, m->ro, 0);
		vec_push(&p->out->locks, take_fd(fd));
		return 0;
	}
	return err_set(p->e, ERR_CONFLICT, 0, "--mount: more than %d private copies of one cache are in use",
		       PRIVATE_MAX);
}

static int cache(struct prep *p, const struct df_mount *m, const char *target)
{
	char hex[SHA256_HEX_SIZE];
	const char *id = must(m->id ? m->id : target);

	if (m->from || m->source)
		return err_set(p->e, ERR_MODEL, 0, "--mount=type=cache with `%s` is not supported yet",
			       m->from ? "from" : "source");
	key_add(p->k, "id", id);
	if (!p->make)
		return 0;
	sha256_hex(id, strlen(id), hex);
	return cache_take(p, m, hex, target);
}

/* -- secret -- */

static const struct build_secret *find_secret(const struct build *b, const char *id)
{
	for (size_t i = 0; i < b->o->n_secrets; i++)
		if (str_eq(b->o->secrets[i].id, id))
			return &b->o->secrets[i];
	return NULL;
}

static int secret_file(struct prep *p, const struct df_mount *m, const char *text, size_t len, const char *target)
{
	struct scratch *s = new_scratch(p);
	auto_free char *path = NULL;

	if (!s || fs_write(s->fd, "secret", text, len, m->has_mode ? m->mode : 0400, false, p->e) < 0)
		return -1;
	if (fchownat(s->fd, "secret", m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(p->e, ERR_SYS, errno, "write a secret");
	path = xasprintf("%s/secret", s->path);
	add(p, BUILD_MOUNT_BIND, path, target, true, 0);
	return 0;
}

static int secret(struct prep *p, const struct df_mount *m)
{
	const char *slash = m->target ? strrchr(m->target, '/') : NULL;
	const char *id = m->id ? m->id : slash ? slash + 1 : m->target;
	const struct build_secret *s = find_secret(p->st->b, id);
	auto_free char *path = NULL, *target = NULL, *text = NULL;
	size_t len;

	path = m->target ? image_path(p->st, m->target) : xasprintf("run/secrets/%s", id);
	target = xasprintf("/%s", path);
	key_add(p->k, "id", id);
	key_add(p->k, "target", target);
	key_add(p->k, "env", m->env);
	if (!s && m->required)
		return err_set(p->e, ERR_MISSING, 0, "secret `%s` is required and not given", id);
	if (!s || !p->make)
		return 0;
	if (s->value) {
		text = xstrdup(s->value);
		len = strlen(text);
	} else if (fs_read(AT_FDCWD, s->file, SECRET_MAX, &text, &len, p->e) < 0) {
		return err_wrap(p->e, "read secret `%s`", id);
	}
	if (m->env)
		strv_take(&p->out->env, xasprintf("%s=%s", m->env, text));
	return !m->env || m->target ? secret_file(p, m, text, len, target) : 0;
}

/* -- ssh -- */

static const struct build_ssh *find_ssh(const struct build *b, const char *id)
{
	for (size_t i = 0; i < b->o->n_ssh; i++)
		if (str_eq(b->o->ssh[i].id, id))
			return &b->o->ssh[i];
	return NULL;
}

static int lend(struct prep *p, const struct df_mount *m, const struct build_ssh *given, const char *target)
{
	struct scratch *s = new_scratch(p);
	auto_free char *path = NULL;
	struct agent_loan *loan;

	if (!s)
		return -1;
	if (agent_lend(&loan, s->fd, "agent", m->uid, m->gid, m->has_mode ? m->mode : 0600, given->socket, p->e) < 0)
		return err_wrap(p->e, "lend ssh `%s` to the step", given->id);
	vec_push(&p->out->loans, loan);
	path = xasprintf("%s/agent", s->path);
	add(p, BUILD_MOUNT_BIND, path, target, true, 0);       /* read-only keeps nobody from talking */
	if (!p->out->agent)
		p->out->agent = xstrdup(target);
	return 0;
}

/* in: nth: how many ssh mounts the step has before this one */
static int ssh(struct prep *p, const struct df_mount *m, unsigned nth)
{
	const char *id = m->id && *m->id ? m->id : "default";
	const struct build_ssh *given = find_ssh(p->st->b, id);
	auto_free char *path = m->target ? image_path(p->st, m->target) : xasprintf("run/buildkit/ssh_agent.%u", nth),
		       *target = xasprintf("/%s", path);

	key_add(p->k, "id", id);
	key_add(p->k, "target", target);
	if (!given && m->required) {
		err_set(p->e, ERR_MISSING, 0, "ssh `%s` is required and not given", id);
		return err_hint(p->e, "give it with `compose build --ssh %s%s` or with `ssh` below build", id,
				str_eq(id, "default") ? "" : "=SOCKET-OR-KEY");
	}
	return given && p->make ? lend(p, m, given, target) : 0;
}

/* -- all -- */

static int one(struct prep *p, const struct df_mount *m)
{
	auto_free char *path = m->target ? image_path(p->st, m->target) : NULL,
		       *target = path ? xasprintf("/%s", path) : NULL;

	key_add(p->k, "mount", df_mount_name(m->kind));
	key_add(p->k, "target", target);
	if (path && !*path)
		return err_set(p->e, ERR_MODEL, 0, "invalid mount target `%s`", m->target);
	switch (m->kind) {
	case DF_MOUNT_BIND: return bind(p, m, target);
	case DF_MOUNT_CACHE: return cache(p, m, target);
	case DF_MOUNT_SECRET: return secret(p, m);
	case DF_MOUNT_SSH: return ssh(p, m, p->n_ssh++);
	case DF_MOUNT_TMPFS:
		if (p->make)
			add(p, BUILD_MOUNT_TMPFS, NULL, target, false, m->size_bytes);
		return 0;
	}
	return 0;
}

/* ret: whether the value of from= has a variable in it */
static bool from_is_variable(const char *csv)
{
	const char *from = strstr(csv, "from=");

	return from && memchr(from, '$', strcspn(from, ","));
}

int mounts_prepare(struct stage *st, const struct df_instr *in, struct key *k, bool make, struct run_mounts *ret,
		   struct err *e)
{
	struct df_scope sc = scope_view(&st->scope, st->b->df->escape);
	struct prep p = { .st = st, .in = in, .k = k, .make = make, .out = ret, .e = e };

	for (size_t i = 0; i < in->n_flags; i++) {
		auto_free char *csv = NULL;
		struct df_mount m;
		int r;

		if (!str_eq(in->flags[i].name, "mount"))
			continue;
		if (from_is_variable(in->flags[i].val))
			return err_set(e, ERR_MODEL, 0,
				       "`from` doesn't support variable expansion, define an alias stage instead");
		if (df_expand_body(&sc, in->flags[i].val, &csv, e) < 0 || df_mount(csv, &m, e) < 0)
			return -1;
		r = one(&p, &m);
		df_mount_done(&m);
		if (r < 0)
			return -1;
	}
	return 0;
}

void mounts_done(struct run_mounts *m)
{
	for (size_t i = 0; i < m->loans.n; i++)
		agent_loan_end(m->loans.v[i]);
	for (size_t i = 0; i < m->v.n; i++) {
		free((char *)m->v.v[i].source);
		free((char *)m->v.v[i].target);
	}
	for (size_t i = 0; i < m->scratch.n; i++)
		scratch_done(&m->scratch.v[i]);
	for (size_t i = 0; i < m->locks.n; i++)
		close(m->locks.v[i]);
	vec_done(&m->v);
	vec_done(&m->scratch);
	vec_done(&m->locks);
	vec_done(&m->loans);
	strv_done(&m->env);
	free(m->agent);
}
