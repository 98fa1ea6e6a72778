/* SPDX-License-Identifier: Apache-2.0 */
/* user: USER[:GROUP] against a root's own files. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/runtime/user.h"
#include "tests/tap.h"

static int root;

static void put(const char *path, const char *text)
{
	struct err e = {0};

	if (fs_write(root, path, text, strlen(text), 0644, false, &e) < 0)
		err_report(&e, stderr);
}

/* "UID:GID:G,G HOME" or the first error */
static char *look(const char *name, const char *group)
{
	struct spec_user u = { .name = (char *)(uintptr_t)name };
	struct err e = {0};
	char *home = NULL, *out;
	size_t n;

	if (group)
		strv_add(&u.group_names, group);
	if (user_resolve(root, &u, &home, &e) < 0) {
		out = xstrdup(e.frame[0]);
		strv_done(&u.group_names);
		vec_done(&u.groups);
		err_done(&e);
		return out;
	}
	n = 4096;
	out = xmalloc(n);
	n = (size_t)snprintf(out, 4096, "%u:%u:", u.uid, u.gid);
	for (size_t i = 0; i < u.groups.n; i++)
		n += (size_t)snprintf(out + n, 4096 - n, "%s%u", i ? "," : "", u.groups.v[i]);
	(void)snprintf(out + n, 4096 - n, " %s", home);
	vec_done(&u.groups);
	free(home);
	return out;
}

static void gives(const char *name, const char *group, const char *want)
{
	char *got = look(name, group);

	is_str(got, want, "%s%s%s", name ? name : "(numbers)", group ? " + " : "", group ? group : "");
	free(got);
}

static void fails(const char *name, const char *part)
{
	char *got = look(name, NULL);

	has_str(got, part, "%s is refused", name);
	free(got);
}

static void numbers(void)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "00", "01", "0x0", "2147483648", "4294967296",
		"18446744073709551616", "1e3" };
	uint32_t v = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!user_number(bad[i], &v), "\"%s\" is no id", bad[i]);
	ok(user_number("0", &v) && v == 0 && user_number("2147483647", &v) && v == 2147483647, "0 and 2^31-1 are");
}

static void names(void)
{
	put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n#comment\nbroken\n:::\napp:x:1000:1001::/home/app:\n"
	    "12:x:5000:5001::/twelve:\nevil:x:4294967296:0::/:\nnohome:x:9:9\n");
	put("etc/group", "root:x:0:root\napp:x:1001:\nwheel:x:10:root,app\naudio:x:29:xapp,app2\nmany:x:30:a,b,app,"
			 "c\nbad:x:-5:app\nevil:x:4294967297:\n");
	gives("", NULL, "0:0:0,10 /root");
	gives("app", NULL, "1000:1001:10,30,1001 /home/app");
	gives("1000", NULL, "1000:1001:10,30,1001 /home/app");
	gives("app:wheel", NULL, "1000:10:10 /home/app");
	gives("app:77", NULL, "1000:77:77 /home/app");
	gives("app:", NULL, "1000:1001:10,30,1001 /home/app");
	gives(":audio", NULL, "0:29:29 /root");
	gives("4242", NULL, "4242:0:0 /");
	gives("12", NULL, "5000:5001:5001 /twelve");          /* a name that looks like a number wins */
	gives("nohome", NULL, "9:9:9 /");
	gives("app", "audio", "1000:1001:10,30,29,1001 /home/app");
	gives("app", "123", "1000:1001:10,30,123,1001 /home/app");
	gives(NULL, NULL, "0:0: /root");
	fails("nobody", "user nobody is not in");
	fails("app:none", "group none is not in");
	fails("evil", "user evil is not in");
	fails("app:evil", "group evil is not in");
	fails("4294967296", "0 to 2147483647");
	fails("0x0", "0 to 2147483647");
	fails("-1", "user -1 is not in");
	fails("app:4294967296", "0 to 2147483647");
}

static void hostile(void)
{
	(void)unlinkat(root, "etc/passwd", 0);
	(void)unlinkat(root, "etc/group", 0);
	gives("7:8", NULL, "7:8:8 /");
	fails("app", "not in the container's /etc/passwd");
	ok(symlinkat("/proc/self/environ", root, "etc/passwd") == 0, "a link to the host's /proc");
	fails("root", "not in the container's /etc/passwd");
	(void)unlinkat(root, "etc/passwd", 0);
	ok(mkfifoat(root, "etc/passwd", 0644) == 0, "a FIFO");
	fails("root", "not a regular file");
	(void)unlinkat(root, "etc/passwd", 0);
	put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
	close(openat(root, "etc/group", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	{
		int fd = openat(root, "etc/group", O_WRONLY | O_CLOEXEC);

		ok(ftruncate(fd, 1LL << 30) == 0, "a group file of 1 GiB");
		close(fd);
	}
	fails("root", "larger than");
}

int main(void)
{
	char dir[] = "/tmp/ut-user.XXXXXX";

	if (!mkdtemp(dir))
		return 1;
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)mkdirat(root, "etc", 0755);
	numbers();
	names();
	hostile();
	close(root);
	(void)fs_rm_rf(AT_FDCWD, dir);
	return done_testing();
}
