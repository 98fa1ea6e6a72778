/* SPDX-License-Identifier: Apache-2.0 */
/* RUN: a transient container whose upper directory becomes the layer.   spec: Dockerfile reference "RUN", "Here-Documents" */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/build/build_priv.h"
#include "compose/build/cache.h"
#include "compose/build/output.h"
#include "parser/dockerfile_args.h"

#define SCRIPT_DIR "/dev/pipes"

enum { LINKS_MAX = 40 };

static const char *const proxies[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
				       "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",	  "no_proxy",
				       "ALL_PROXY",  "all_proxy",  NULL };

struct run {
	struct stage *st;
	const struct df_instr *in;
	struct strv   args, env, proxy_env;
	const char   *script;               /* body of a heredoc that is a program of its own; NULL */
	const char   *network;
	struct run_mounts mounts;
	struct scratch script_dir;
	struct strv   stubs;                /* paths the image does not have and the container needs as mount points */
};

static void run_done(struct run *r)
{
	strv_done(&r->args);
	strv_done(&r->env);
	strv_done(&r->proxy_env);
	strv_done(&r->stubs);
	mounts_done(&r->mounts);
	scratch_done(&r->script_dir);
}

/* -- what is run -- */

/* ret: whether the text is one heredoc opener and nothing else */
static bool heredoc_alone(const struct df_instr *in)
{
	struct arena a = {0};
	struct df_words w = {0};
	struct df_opener o;
	bool alone;

	df_args_words(&a, '\\', in->text, &w);
	alone = w.n == 1 && in->n_docs == 1 && df_args_heredoc(&a, w.v[0], &o) == 1;
	vec_done(&w);
	arena_done(&a);
	return alone;
}

static void shell_args(struct run *r, const char *text)
{
	const struct strv *shell = &r->st->conf.shell;

	for (size_t i = 0; i < shell->n; i++)
		strv_add(&r->args, shell->v[i]);
	if (!shell->n) {
		strv_add(&r->args, "/bin/sh");
		strv_add(&r->args, "-c");
	}
	strv_add(&r->args, text);
}

static void read_args(struct run *r)
{
	const struct df_instr *in = r->in;
	auto_str struct str all = {0};

	if (in->json) {
		for (size_t i = 0; i < in->n_words; i++)
			strv_add(&r->args, in->words[i]);
	} else if (!in->n_docs) {
		shell_args(r, in->text);
	} else if (heredoc_alone(in) && str_starts(in->docs[0].body, "#!")) {
		r->script = in->docs[0].body;
		strv_take(&r->args, xasprintf(SCRIPT_DIR "/%s", in->docs[0].name));
	} else if (heredoc_alone(in)) {
		shell_args(r, in->docs[0].body);
	} else {
		str_add(&all, in->text);
		for (size_t i = 0; i < in->n_docs; i++)
			str_addf(&all, "\n%s", in->docs[i].raw);
		str_addc(&all, '\n');
		shell_args(r, str_cstr(&all));
	}
}

static void read_env(struct run *r)
{
	const struct scope *sc = &r->st->scope;

	for (size_t i = 0; i < r->st->conf.env.n; i++)
		strv_add(&r->env, r->st->conf.env.v[i]);
	for (size_t i = 0; i < sc->args.n; i++) {
		const struct scope_arg *a = &sc->args.v[i];

		if (a->val && !env_value(sc->env, a->name))
			strv_take(&r->env, xasprintf("%s=%s", a->name, a->val));
	}
	for (size_t i = 0; proxies[i]; i++) {
		const char *v = build_arg(r->st->b, proxies[i]);

		if (v && !env_value(&r->env, proxies[i]))
			strv_take(&r->proxy_env, xasprintf("%s=%s", proxies[i], v));
	}
}

static int read_network(struct run *r, struct err *e)
{
	const struct build_opts *o = r->st->b->o;
	const char *flag = df_flag(r->in, "network");

	r->network = o->network && *o->network ? o->network : "default";
	if (!flag || str_eq(flag, "default"))
		return 0;
	if (str_eq(flag, "host") && !o->allow_host_network && !str_eq(r->network, "host")) {
		err_set(e, ERR_DENIED, 0, "`--network=host` is not allowed");
		return err_hint(e, "allow it with `entitlements: [network.host]` or `network: host` below build");
	}
	r->network = flag;
	return 0;
}

static int key_of(struct run *r, bool make, char ret[SHA256_HEX_SIZE], struct err *e)
{
	struct key k;

	key_begin(&k, "RUN", &r->st->layers);
	key_strv(&k, "args", &r->args);
	key_strv(&k, "env", &r->env);
	key_add(&k, "script", r->script);
	key_add(&k, "cwd", r->st->conf.workdir);
	key_add(&k, "user", r->st->conf.user);
	key_add(&k, "network", r->network);
	if (mounts_prepare(r->st, r->in, &k, make, &r->mounts, e) < 0)
		return -1;
	key_end(&k, ret);
	return 0;
}

/* RUN |1 A=b /bin/sh -c make */
static char *created_by(const struct run *r)
{
	auto_str struct str s = {0}, args = {0};
	size_t n = 0;

	for (size_t i = r->st->conf.env.n; i < r->env.n; i++, n++)
		str_addf(&args, " %s", r->env.v[i]);
	str_add(&s, "RUN");
	if (n)
		str_addf(&s, " |%zu%s", n, str_cstr(&args));
	for (size_t i = 0; i < r->args.n; i++)
		str_addf(&s, " %s", r->args.v[i]);
	return str_take(&s);
}

/* -- mount points that are not the image's -- */

/* Where a dangling link in the directory at leads, with what was to come behind it. ret: caller frees; NULL: no link */
static char *past_link(int view, const char *link, const char *at, const char *rest)
{
	auto_close int fd = fs_open_in(view, link, O_PATH | O_NOFOLLOW, 0);
	char target[PATH_MAX];
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof(target) - 1);

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	return xasprintf("%s/%s/%s", *target == '/' ? "" : at, target, rest);
}

static ssize_t name_of(int fd, char name[PATH_MAX])
{
	char link[40];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return fd < 0 ? -1 : readlink(link, name, PATH_MAX);
}

/* The name without links, from the view's root, of what lies at path; NULL when nothing does */
static char *real_name(int view, const char *path)
{
	auto_close int fd = fs_open_in(view, path, O_PATH, 0);
	char top[PATH_MAX], name[PATH_MAX];
	ssize_t n = name_of(fd, name), skip = name_of(view, top);    /* "/": a mount of its own; else a directory */

	skip += skip > 1;
	if (n < 0 || skip < 0)
		return NULL;
	return n > skip ? xstrndup(name + skip, (size_t)(n - skip)) : xstrdup("");
}

/* Note path and its parents as far as the image lacks them, parents first, each under the name that it will really have:
 * the runtime follows the image's links. */
static void note_stub(struct run *r, int view, const char *path, int links)
{
	auto_free char *clean = path_clean(path), *at = xstrdup("");

	for (size_t n = 0; clean[n];) {
		size_t from = n;
		auto_free char *part = NULL, *real = NULL, *onward = NULL;

		n += strcspn(clean + n, "/");
		part = xasprintf("%s%s%.*s", at, *at ? "/" : "", (int)(n - from), clean + from);
		n += clean[n] == '/';
		real = real_name(view, part);
		onward = real || !links ? NULL : past_link(view, part, at, clean + n);
		if (onward) {
			note_stub(r, view, onward, links - 1);
			return;
		}
		if (!real && !strv_has(&r->stubs, part))
			strv_add(&r->stubs, part);
		free(at);
		at = real ? take_ptr(real) : take_ptr(part);
	}
}

static int note_stubs(struct run *r, struct err *e)
{
	static const char *const always[] = { "dev", "proc", "sys", "etc/hosts", "etc/resolv.conf", "etc/hostname" };
	auto_close int view = layers_view(r->st->b, &r->st->layers, e);

	if (view < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		note_stub(r, view, always[i], LINKS_MAX);
	for (size_t i = 0; i < r->mounts.v.n; i++)
		note_stub(r, view, r->mounts.v.v[i].target, LINKS_MAX);
	return 0;
}

static void remove_stub(int upper, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	auto_close int dir = sys_openat2(upper, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
					 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	struct stat st;

	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		(void)unlinkat(dir, name, AT_REMOVEDIR);      /* refused unless empty, which is right */
	else if (S_ISREG(st.st_mode) && !st.st_size)
		(void)unlinkat(dir, name, 0);
}

/* -- running it -- */

static void on_line(void *arg, const char *line)
{
	stage_tell(arg, BUILD_OUTPUT, line, 0);
}

static int make_script(struct run *r, struct err *e)
{
	auto_free char *path = NULL;

	if (!r->script)
		return 0;
	if (scratch_open(&r->script_dir, r->st->b, e) < 0 ||
	    fs_write(r->script_dir.fd, "script", r->script, strlen(r->script), 0755, false, e) < 0)
		return -1;
	path = xasprintf("%s/script", r->script_dir.path);
	vec_push(&r->mounts.v, (struct build_mount){ .kind = BUILD_MOUNT_BIND, .source = take_ptr(path),
		 .target = xstrdup(r->args.v[0]), .ro = true });
	return 0;
}

static int failed(struct run *r, int code, const char *tail, struct err *e)
{
	(void)r;
	if (tail)
		err_set(e, ERR_SYS, 0, "its output ended with\n%s", tail);
	else
		err_set(e, ERR_SYS, 0, "it wrote nothing");
	return err_wrap(e, "exit code %d", code);
}

static void all_env(struct run *r, struct strv *ret)
{
	const struct strv *const from[] = { &r->env, &r->proxy_env, &r->mounts.env };

	for (size_t k = 0; k < ARRAY_LEN(from); k++)
		for (size_t i = 0; i < from[k]->n; i++)
			strv_add(ret, from[k]->v[i]);
	if (!env_value(ret, "PATH"))
		strv_add(ret, "PATH=" BUILD_PATH);
	if (r->mounts.agent && !env_value(ret, "SSH_AUTH_SOCK"))
		strv_take(ret, xasprintf("SSH_AUTH_SOCK=%s", r->mounts.agent));
}

static int run_container(struct run *r, const struct layer *l, struct err *e)
{
	const struct build *b = r->st->b;
	auto_strv struct strv env = {0};
	auto_free char *tail = NULL;
	struct output *out;
	int fd, code = 0, rc;

	all_env(r, &env);
	const struct run_step s = {
		.name = r->st->name,
		.layers = r->st->layers.v,
		.n_layers = r->st->layers.n,
		.upper = l->upper.path,
		.work = l->work.path,
		.args = strv_null(&r->args),
		.env = strv_null(&env),
		.cwd = r->st->conf.workdir && *r->st->conf.workdir ? r->st->conf.workdir : "/",
		.user = r->st->conf.user ? r->st->conf.user : "",
		.hostname = "buildkitsandbox",
		.network = r->network,
		.shm_size_bytes = b->o->shm_size_bytes > 0 ? b->o->shm_size_bytes : -1,
		.limits = b->o->limits,
		.n_limits = b->o->n_limits,
		.extra_hosts = b->o->extra_hosts,
		.n_extra_hosts = b->o->n_extra_hosts,
		.mounts = r->mounts.v.v,
		.n_mounts = r->mounts.v.n,
		.cancel_fd = b->cancel_fd,
	};
	if (output_begin(&out, &fd, on_line, r->st, e) < 0)
		return -1;
	rc = b->env->run(b->env->ctx, &s, fd, fd, &code, e);
	close(fd);
	tail = output_end(out);
	if (rc == 0 && build_check(r->st->b, e) < 0)
		return -1;
	if (rc < 0 && (e->kind == ERR_NOTFOUND || e->kind == ERR_NOEXEC))
		e->kind = ERR_SYS;            /* 127 and 126 speak of the command line's own command, not of a step's */
	return rc == 0 && code ? failed(r, code, tail, e) : rc;
}

static int make_layer(struct run *r, char id[65], struct err *e)
{
	auto_layer struct layer l = LAYER_INIT;

	if (!r->st->layers.n)
		return err_set(e, ERR_USAGE, 0, "the image is empty: there is nothing that could run");
	if (make_script(r, e) < 0 || note_stubs(r, e) < 0 || layer_open(&l, r->st->b, &r->st->layers, false, e) < 0)
		return -1;
	if (run_container(r, &l, e) < 0)
		return -1;
	for (size_t i = r->stubs.n; i-- > 0;)
		remove_stub(l.upper.fd, r->stubs.v[i]);
	store_layer_new_id(&r->st->layers, r->in->original, NULL, id);
	return layer_commit(&l, id, e);
}

static int run_all(struct run *r, struct err *e)
{
	char key[SHA256_HEX_SIZE], id[65];
	auto_free char *what = NULL;

	read_args(r);
	read_env(r);
	if (read_network(r, e) < 0 || key_of(r, false, key, e) < 0)
		return -1;
	what = created_by(r);
	if (stage_cached(r->st, key, what))
		return 0;
	if (key_of(r, true, key, e) < 0 || make_layer(r, id, e) < 0)
		return -1;
	return stage_made(r->st, id, key, NULL, what, e);
}

int instr_run(struct stage *st, const struct df_instr *in, struct err *e)
{
	struct run r = { .st = st, .in = in, .script_dir = SCRATCH_INIT };
	int rc = run_all(&r, e);

	run_done(&r);
	return rc;
}
