/* SPDX-License-Identifier: Apache-2.0 */
/* canon_mount.c - the short form of a service's volumes: [source:]target[:options].   spec: compose-spec 05-services
 * "volumes" */
#include <ctype.h>
#include "compose/base/str.h"
#include "parser/schema_hooks.h"
#include "parser/walk.h"

/* Is s a Windows path: C:\x, or C:/x where an absolute path follows? A volume may have a name of one letter: v:/etc/x,
 * v:/etc/x:ro. */
static bool is_drive(const char *s)
{
	const char *next;

	if (!isalpha((unsigned char)s[0]) || s[1] != ':')
		return false;
	next = s[2] == '/' ? strchr(s + 2, ':') : NULL;
	return s[2] == '\\' || (next && (next[1] == '/' || is_drive(next + 1)));
}

/* The parts between colons; a drive letter's colon separates nothing. ret: number of parts, 4 for too many, 0 for an
 * empty one */
static size_t split(struct arena *a, const char *s, const char *part[3])
{
	size_t n = 0;

	for (;;) {
		const char *end = s + strcspn(s, ":");
		if (is_drive(s) || (n == 1 && end == s + 1 && isalpha((unsigned char)*s) && end[1] == '/'))
			end = end + 1 + strcspn(end + 1, ":");
		if (end == s)
			return 0;
		if (n == 3)
			return 4;
		part[n++] = arena_strndup(a, s, (size_t)(end - s));
		if (!*end)
			return n;
		s = end + 1;
	}
}

static bool is_host_path(const char *s)
{
	return *s == '.' || *s == '/' || *s == '~' || str_starts(s, "\\\\") ||
	       (isalpha((unsigned char)s[0]) && s[1] == ':');
}

static bool is_propagation(const char *s)
{
	return str_eq(s, "rprivate") || str_eq(s, "private") || str_eq(s, "rshared") || str_eq(s, "shared") ||
	       str_eq(s, "rslave") || str_eq(s, "slave");
}

static struct node *sub_map(const struct walk *w, struct node *mount, const char *key)
{
	struct node *sub = node_get(mount, key);

	if (!sub) {
		sub = walk_map(w, mount->pos);
		walk_put(w, mount, key, sub);
	}
	return sub;
}

/* Unknown options are without effect, as in the reference loader. */
static void set_option(const struct walk *w, struct node *mount, const char *opt)
{
	if (str_eq(opt, "ro"))
		walk_put_bool(w, mount, "read_only", true, mount->pos);
	else if (str_eq(opt, "rw"))
		node_del(mount, "read_only");
	else if (str_eq(opt, "nocopy"))
		walk_put_bool(w, sub_map(w, mount, "volume"), "nocopy", true, mount->pos);
	else if (is_propagation(opt))
		walk_put_text(w, sub_map(w, mount, "bind"), "propagation", opt, mount->pos);
	else if (str_eq(opt, "z") || str_eq(opt, "Z"))
		walk_put_text(w, sub_map(w, mount, "bind"), "selinux", opt, mount->pos);
}

static void set_options(const struct walk *w, struct node *mount, const char *opts)
{
	for (const char *s = opts; *s; s += *s == ',') {
		size_t n = strcspn(s, ",");
		auto_free char *opt = xstrndup(s, n);
		set_option(w, mount, opt);
		s += n;
	}
}

int canon_volume(const struct walk *w, struct node **n, const struct where *at)
{
	struct srcpos pos = (*n)->pos;
	const char *text = (*n)->text, *part[3] = {NULL}, *source = "", *target;
	struct node *mount;
	size_t parts;

	if ((*n)->kind != NODE_STR)
		return 0;
	if (!*text)
		return walk_fault(w, pos, at, NULL, "an empty text is no volume");
	parts = strlen(text) <= 2 ? 1 : split(w->arena, text, part);
	if (parts == 0)
		return walk_fault(w, pos, at, "write source:target", "\"%s\" has nothing between two colons", text);
	if (parts > 3)
		return walk_fault(w, pos, at, "write source:target:options", "\"%s\" has too many colons", text);
	if (parts > 1)
		source = part[0];
	target = parts > 1 ? part[1] : strlen(text) <= 2 ? text : part[0];
	mount = walk_map(w, pos);
	mount->origin = (*n)->origin;
	walk_put_text(w, mount, "type", is_host_path(source) ? "bind" : "volume", pos);
	if (*source)
		walk_put_text(w, mount, "source", source, pos);
	walk_put_text(w, mount, "target", target, pos);
	if (part[2])
		set_options(w, mount, part[2]);
	if (is_host_path(source))
		walk_put_bool(w, sub_map(w, mount, "bind"), "create_host_path", true, pos);
	else if (strlen(text) > 2)
		sub_map(w, mount, "volume");
	*n = mount;
	return 0;
}
