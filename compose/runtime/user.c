/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/user.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { FILE_MAX_BYTES = 16 << 20, GROUPS_MAX = 65536, FIELDS = 7 };

struct entry { char *field[FIELDS]; int n; };

bool user_number(const char *s, uint32_t *ret)
{
	uint64_t v;

	if ((s[0] == '0' && s[1]) || !str_to_u64(s, &v) || v > 0x7fffffff)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* ret: 0 with *ret the file's text, "" when there is no such file */
static int read_file(int root, const char *path, char **ret, struct err *e)
{
	auto_close int fd = fs_open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct statfs f;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
		*ret = xstrdup("");
		return 0;
	}
	if (fd < 0 || fstatfs(fd, &f) < 0)
		return err_set(e, ERR_SYS, errno, "open the container's %s", path);
	if (f.f_type == PROC_SUPER_MAGIC)              /* a link to /proc/kmsg would eat the host's messages */
		return err_set(e, ERR_DENIED, 0, "the container's %s leads into /proc", path);
	return fs_read_fd(fd, path, FILE_MAX_BYTES, ret, NULL, e);
}

/* Cut the next line of *text into its fields, in place. ret: false at the end */
static bool next_entry(char **text, struct entry *ret)
{
	char *p = *text, *end;

	if (!*p)
		return false;
	end = p + strcspn(p, "\n");
	*text = *end ? end + 1 : end;
	*end = '\0';
	for (ret->n = 0; ret->n < FIELDS; p++) {
		ret->field[ret->n++] = p;
		p += strcspn(p, ret->n < FIELDS ? ":" : "");
		if (!*p)
			break;
		*p = '\0';
	}
	return true;
}

struct found { bool ok; char *name; uint32_t gid; char *home; };

static bool take_user(const struct entry *x, struct spec_user *u, struct found *f)
{
	uint32_t uid, gid;

	if (!user_number(x->field[2], &uid) || !user_number(x->field[3], &gid))
		return false;
	u->uid = uid;
	*f = (struct found){ true, x->field[0], gid, x->n > 5 && *x->field[5] ? x->field[5] : NULL };
	return true;
}

/* A name wins over a number; a number need not be listed. want NULL: whoever has u's uid. */
static int find_user(char *passwd, const char *want, struct spec_user *u, struct found *f, struct err *e)
{
	struct entry x;
	uint32_t number = u->uid, uid;
	bool numeric = !want || user_number(want, &number);

	while (next_entry(&passwd, &x))
		if (x.n >= 4 && ((want && !strcmp(x.field[0], want)) ||
				 (numeric && user_number(x.field[2], &uid) && uid == number)) && take_user(&x, u, f))
			return 0;
	if (numeric) {
		u->uid = number;
		return 0;
	}
	if (*want >= '0' && *want <= '9')
		return err_set(e, ERR_MODEL, 0, "user %s: a number from 0 to 2147483647 expected", want);
	err_set(e, ERR_MODEL, 0, "user %s is not in the container's /etc/passwd", want);
	return err_hint(e, "use a number, or create the user in the image");
}

static int add_group(struct spec_user *u, uint32_t gid, struct err *e)
{
	for (size_t i = 0; i < u->groups.n; i++)
		if (u->groups.v[i] == gid)
			return 0;
	if (u->groups.n == GROUPS_MAX)
		return err_set(e, ERR_MODEL, 0, "more than %d groups", GROUPS_MAX);
	vec_push(&u->groups, gid);
	return 0;
}

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (!strncmp(list, name, n) && (list[n] == ',' || !list[n]))
			return true;
	return false;
}

/* The groups that name user as a member. */
static int member_groups(const char *text, const char *user, struct spec_user *u, struct err *e)
{
	auto_free char *copy = xstrdup(text);
	char *p = copy;
	struct entry x;
	uint32_t gid;

	while (next_entry(&p, &x))
		if (x.n >= 4 && in_list(x.field[3], user) && user_number(x.field[2], &gid) && add_group(u, gid, e) < 0)
			return -1;
	return 0;
}

static int find_group(const char *text, const char *want, uint32_t *ret, struct err *e)
{
	auto_free char *copy = xstrdup(text);
	char *p = copy;
	struct entry x;

	while (next_entry(&p, &x))
		if (x.n >= 3 && !strcmp(x.field[0], want) && user_number(x.field[2], ret))
			return 0;
	if (user_number(want, ret))
		return 0;
	if (*want >= '0' && *want <= '9')
		return err_set(e, ERR_MODEL, 0, "group %s: a number from 0 to 2147483647 expected", want);
	err_set(e, ERR_MODEL, 0, "group %s is not in the container's /etc/group", want);
	return err_hint(e, "use a number, or create the group in the image");
}

static int resolve_name(struct spec_user *u, char *passwd, const char *group, struct found *f, struct err *e)
{
	auto_free char *user = xstrdup(u->name);
	char *colon = strchr(user, ':');
	const char *want_group = colon && colon[1] ? colon + 1 : NULL;

	if (colon)
		*colon = '\0';
	u->uid = u->gid = 0;
	if (find_user(passwd, *user ? user : NULL, u, f, e) < 0)
		return -1;
	u->gid = f->ok ? f->gid : 0;
	if (want_group)
		return find_group(group, want_group, &u->gid, e);
	return f->ok ? member_groups(group, f->name, u, e) : 0;
}

int user_resolve(int root, struct spec_user *u, char **ret_home, struct err *e)
{
	auto_free char *passwd = NULL, *group = NULL;
	struct found f = {0};
	bool named = u->name != NULL;
	uint32_t gid = 0;

	if (read_file(root, "/etc/passwd", &passwd, e) < 0 ||
	    ((named || u->group_names.n) && read_file(root, "/etc/group", &group, e) < 0))
		return -1;
	if ((named ? resolve_name(u, passwd, group, &f, e) : find_user(passwd, NULL, u, &f, e)) < 0)
		return -1;
	for (size_t i = 0; i < u->group_names.n; i++)
		if (find_group(group, u->group_names.v[i], &gid, e) < 0 || add_group(u, gid, e) < 0)
			return -1;
	/* the own group is among the supplementary ones too: a file that denies it must deny us (CVE-2022-36109) */
	if ((named || u->group_names.n || u->groups.n) && add_group(u, u->gid, e) < 0)
		return -1;
	strv_done(&u->group_names);
	*ret_home = xstrdup(f.home ? f.home : "/");
	return 0;
}
