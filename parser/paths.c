/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/paths.h"
#include "compose/base/str.h"
#include "parser/rules.h"

/* ---- texts */

/* Drop the last component of b, which holds a cleaned path so far. ret: false when ".." has to stay */
static bool up(struct str *b)
{
	char *slash = b->len ? strrchr(b->s, '/') : NULL;

	if (!b->len || !strcmp(slash ? slash + 1 : b->s, ".."))
		return false;
	str_cut(b, slash ? (size_t)(slash - b->s) + (slash == b->s) : 0);
	return true;
}

static void component(struct str *b, const char *s, size_t n)
{
	bool absolute = b->len && b->s[0] == '/';

	if (!n || (n == 1 && *s == '.'))
		return;
	if (n == 2 && s[0] == '.' && s[1] == '.' && (up(b) || absolute))
		return;
	if (b->len && b->s[b->len - 1] != '/')
		str_addc(b, '/');
	str_addn(b, s, n);
}

static void components(struct str *b, const char *path)
{
	if (!b->len && *path == '/')
		str_addc(b, '/');
	while (*path) {
		size_t n = strcspn(path, "/");

		component(b, path, n);
		path += n + (path[n] == '/');
	}
}

char *path_join(struct arena *a, const char *base, const char *path)
{
	auto_str struct str b = {0};

	if (*path != '/')
		components(&b, base);
	components(&b, path);
	return arena_strdup(a, b.len ? b.s : ".");
}

char *path_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return arena_strdup(a, ".");
	return path_join(a, "", slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path)));
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

char *path_relative(struct arena *a, const char *from, const char *to)
{
	auto_str struct str b = {0};
	size_t same = 0;

	for (size_t i = 0;; i++) {                /* same: where the last common component ends */
		bool fend = !from[i] || from[i] == '/', tend = !to[i] || to[i] == '/';

		if (fend && tend)
			same = i;
		if (!from[i] || !to[i] || from[i] != to[i])
			break;
	}
	for (const char *s = from + same; *s; s += strcspn(s, "/")) {
		s += *s == '/';
		if (*s)
			component(&b, "..", 2);
	}
	to += same;
	components(&b, *to == '/' ? to + 1 : to);
	return arena_strdup(a, b.len ? b.s : ".");
}

static bool has_prefix(const char *s, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (str_starts(s, *prefixes))
			return true;
	return false;
}

bool path_is_remote(const char *path)
{
	static const char *const prefixes[] = { "oci://", "git://", "git@", "ssh://", "https://", "http://",
						"github.com/", NULL };

	return has_prefix(path, prefixes);
}

static bool is_remote_context(const char *s)
{
	static const char *const prefixes[] = { "service:", "github.com/", "git@", NULL };

	return strstr(s, "://") || has_prefix(s, prefixes);
}

/* C:\x, C:/x, \\host\share */
static bool is_windows_abs(const char *s)
{
	char c = (char)(*s | 0x20);

	return (c >= 'a' && c <= 'z' && s[1] == ':' && (s[2] == '\\' || s[2] == '/')) || (s[0] == '\\' && s[1] == '\\');
}

/* ---- the tree */

static void set_text(struct node *n, const char *text)
{
	n->text = text;
	n->kind = NODE_STR;
}

static const char *expand_home(const struct rebase *r, const char *s)
{
	if (*s != '~' || !r->home || !*r->home)
		return s;
	return path_join(r->arena, r->home, s[1] == '/' ? s + 2 : s + 1);
}

static void rebase_any(const struct rebase *r, struct node *n)
{
	const char *s = expand_home(r, n->text);

	set_text(n, *s && *s != '/' ? path_join(r->arena, r->base, s) : s);
}

static void rebase_host(const struct rebase *r, struct node *n)
{
	const char *s = expand_home(r, n->text);

	set_text(n, *s == '/' || is_windows_abs(s) ? s : path_join(r->arena, r->base, s));
}

static void rebase_list(const struct rebase *r, struct node *n)
{
	auto_str struct str all = {0};

	for (const char *s = n->text;; s++) {
		struct node one = *n;
		size_t len = strcspn(s, ",");

		one.text = arena_strndup(r->arena, s, len);
		if (len)
			rebase_host(r, &one);
		str_addf(&all, "%s%s", s == n->text ? "" : ",", one.text);
		s += len;
		if (!*s)
			break;
	}
	set_text(n, arena_strdup(r->arena, str_cstr(&all)));
}

/* Links are resolved, so that the kernel's events name the same path; a path that does not exist yet stays as it is. */
static void rebase_watch(const struct rebase *r, struct node *n)
{
	auto_free char *real = NULL;

	rebase_any(r, n);
	if (!r->io || !r->io->realpath || n->text[0] != '/')
		return;
	real = r->io->realpath(r->io->ctx, n->text);
	if (real)
		set_text(n, arena_strdup(r->arena, real));
}

static void rebase_text(const struct rebase *r, enum path_rule rule, struct node *n)
{
	if (n->kind != NODE_STR || n->deferred)
		return;
	if (rule == PATH_WATCH)
		rebase_watch(r, n);
	else if (rule == PATH_HOST)
		rebase_host(r, n);
	else if (rule == PATH_LIST)
		rebase_list(r, n);
	else if (!(rule == PATH_CONTEXT && is_remote_context(n->text)) &&
		 !(rule == PATH_EXTENDS && path_is_remote(n->text)))
		rebase_any(r, n);
}

static void rebase_mount(const struct rebase *r, struct node *mount)
{
	struct node *source = node_get(mount, "source");

	if (source && str_eq(node_text(node_get(mount, "type")), "bind"))
		rebase_text(r, PATH_HOST, source);
}

static void rebase_driver(const struct rebase *r, struct node *volume)
{
	struct node *opts = node_get(volume, "driver_opts"), *device = node_get(opts, "device");

	if (device && str_eq(node_text(node_get(volume, "driver")), "local") &&
	    str_eq(node_text(node_get(opts, "o")), "bind"))
		rebase_text(r, PATH_HOST, device);
}

static void walk(const struct rebase *r, const struct rule *rule, struct node *n)
{
	if (!rule || !n)
		return;
	if (rule->path == PATH_MOUNT)
		rebase_mount(r, n);
	else if (rule->path == PATH_DRIVER)
		rebase_driver(r, n);
	else if (rule->path != PATH_NONE)
		rebase_text(r, rule->path, n);
	for (size_t i = 0; rule->sub && n->kind == NODE_MAP && i < n->n; i++)
		walk(r, rule_child(rule, n->pairs[i].key), n->pairs[i].val);
	for (size_t i = 0; rule->sub && n->kind == NODE_LIST && i < n->n; i++)
		walk(r, rule_child(rule, NULL), n->items[i]);
}

void paths_rebase(const struct rebase *r, struct node *root)
{
	walk(r, &rules_project, root);
}
