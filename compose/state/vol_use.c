/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/state/vol_use.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "compose/base/str.h"

enum { UNMOUNT_TRIES = 200 };

const char *vol_opt(const struct vol_record *r, const char *key)
{
	for (size_t i = 0; i < r->driver_opts.n; i++)
		if (str_eq(r->driver_opts.v[i].key, key))
			return r->driver_opts.v[i].val;
	return "";
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *w = list; *w; w += strcspn(w, ","), w += *w == ',')
		if (strncmp(w, word, n) == 0 && (w[n] == ',' || !w[n]))
			return true;
	return false;
}

const char *vol_bind(const struct vol_record *r)
{
	const char *o = vol_opt(r, "o");

	return has_word(o, "bind") || has_word(o, "rbind") ? vol_opt(r, "device") : NULL;
}

bool vol_mounts(const struct vol_record *r)
{
	return *vol_opt(r, "device") && !vol_bind(r);
}

static int open_data(const struct paths *p, const char *name)
{
	auto_free char *rel = xasprintf("volumes/%s/_data", name);

	return openat(p->root_fd, rel, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_mount(int fd)
{
	struct statx sx;

	return statx(fd, "", AT_EMPTY_PATH, 0, &sx) == 0 && sx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

bool vol_mounted(const struct paths *p, const char *name)
{
	auto_close int fd = open_data(p, name);

	return fd >= 0 && is_mount(fd);
}

static int lock(const struct paths *p, const char *name, const char *file, int how)
{
	auto_free char *rel = xasprintf("volumes/%s/%s", name, file);
	int fd = openat(p->root_fd, rel, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	while (fd >= 0 && flock(fd, how) < 0)
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	return fd;
}

int vol_hold(const struct paths *p, const char *name, struct err *e)
{
	int fd = lock(p, name, "use", LOCK_SH);

	return fd >= 0 ? fd : err_set(e, ERR_SYS, errno, "hold volume %s", name);
}

/* ---- the mount --------------------------------------------------------------------------------------------------- */

static const struct { const char *word; unsigned long set, clr; } flags[] = {
	{ "ro", MS_RDONLY, 0 }, { "rw", 0, MS_RDONLY }, { "nosuid", MS_NOSUID, 0 }, { "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 }, { "dev", 0, MS_NODEV }, { "noexec", MS_NOEXEC, 0 }, { "exec", 0, MS_NOEXEC },
	{ "sync", MS_SYNCHRONOUS, 0 }, { "async", 0, MS_SYNCHRONOUS }, { "dirsync", MS_DIRSYNC, 0 },
	{ "noatime", MS_NOATIME, 0 }, { "atime", 0, MS_NOATIME }, { "nodiratime", MS_NODIRATIME, 0 },
	{ "relatime", MS_RELATIME, 0 }, { "strictatime", MS_STRICTATIME, 0 }, { "defaults", 0, 0 }, { "nofail", 0, 0 },
};

/* The kernel knows addresses, not names. ret: 0 with the address added; -1 with e */
static int add_address(struct str *data, const char *host, struct err *e)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char text[INET6_ADDRSTRLEN] = "";
	int r = getaddrinfo(host, NULL, &want, &found);

	if (r == 0 && getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
		str_addf(data, "addr=%s", text);
	else
		err_set(e, ERR_NET, 0, "look up the server %s: %s", host, r ? gai_strerror(r) : "no address");
	if (found)
		freeaddrinfo(found);
	return *text ? 0 : -1;
}

/* Words of `o` to flags and to what is the file system's own. */
static int options(const char *o, unsigned long *set, struct str *data, struct err *e)
{
	auto_free char *copy = xstrdup(o);
	char *rest = NULL;

	for (char *w = strtok_r(copy, ",", &rest); w; w = strtok_r(NULL, ",", &rest)) {
		size_t i = 0;

		while (i < sizeof(flags) / sizeof(*flags) && !str_eq(flags[i].word, w))
			i++;
		if (i < sizeof(flags) / sizeof(*flags)) {
			*set = (*set | flags[i].set) & ~flags[i].clr;
			continue;
		}
		if (data->len)
			str_addc(data, ',');
		if (!str_starts(w, "addr="))
			str_add(data, w);
		else if (add_address(data, w + strlen("addr="), e) < 0)
			return -1;
	}
	return 0;
}

static int refused(const struct vol_record *r, int sysno, struct err *e)
{
	const char *type = vol_opt(r, "type");

	err_set(e, sysno == ENODEV ? ERR_MODEL : ERR_SYS, sysno, "mount %s (type %s) for volume %s", vol_opt(r, "device"), type, r->name);
	if (sysno == ENODEV)
		return err_hint(e, "the kernel has no file system \"%s\": load its module, or correct `type`", type);
	if (sysno == EINVAL)
		return err_hint(e, "it does not take one of the options \"%s\"; a network file system needs addr=SERVER among them",
				vol_opt(r, "o"));
	return err_hint(e, "try it by hand: mount -t %s -o %s %s /mnt", type, *vol_opt(r, "o") ? vol_opt(r, "o") : "defaults",
			vol_opt(r, "device"));
}

int vol_mount(const struct paths *p, const struct vol_record *r, struct err *e)
{
	/* two clients at once: the second finds it mounted */
	auto_close int turn = lock(p, r->name, "mount", LOCK_EX), data_fd = turn < 0 ? -1 : open_data(p, r->name);
	auto_str struct str data = STR_MAX(4000);
	unsigned long set = 0;
	char path[40];

	if (data_fd < 0)
		return err_set(e, ERR_SYS, errno, "open volume %s", r->name);
	if (is_mount(data_fd))
		return 0;
	if (options(vol_opt(r, "o"), &set, &data, e) < 0)
		return err_wrap(e, "mount volume %s", r->name);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", data_fd);
	if (mount(vol_opt(r, "device"), path, vol_opt(r, "type"), set, str_cstr(&data)) < 0)
		return refused(r, errno, e);
	return 0;
}

static void unmount(const struct paths *p, const char *name)
{
	auto_close int data = open_data(p, name);
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", data);
	if (data >= 0 && is_mount(data))
		(void)umount2(path, MNT_DETACH);
}

int vol_unmount(const struct paths *p, const char *name, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 50000000 };

	for (int i = 0; vol_mounted(p, name); i++) {
		auto_close int last = lock(p, name, "use", LOCK_EX | LOCK_NB);

		if (last >= 0)
			unmount(p, name);
		else if (i < UNMOUNT_TRIES)
			(void)nanosleep(&pause, NULL);
		else
			return err_set(e, ERR_CONFLICT, 0, "volume %s is in use", name);
	}
	return 0;
}

void vol_let_go(const struct paths *p, const char *name, int fd)
{
	auto_close int last = -1;

	if (fd >= 0)
		close(fd);
	if (!vol_mounted(p, name))
		return;
	last = lock(p, name, "use", LOCK_EX | LOCK_NB);
	if (last >= 0)
		unmount(p, name);
}
