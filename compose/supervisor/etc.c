/* SPDX-License-Identifier: Apache-2.0 */
/* etc.c - /etc/hosts, /etc/hostname and /etc/resolv.conf of a container, as docker fills them.
 * They are bound into it file by file, so they are written in place: a rename would leave the container with the old ones.
 * The container may have changed them, but not what they are: they lie in a directory that it does not see. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/supervisor/ctr.h"

enum { HOST_FILE_MAX = 256 * 1024 };

static int put(const struct ctr *c, const char *name, const char *text, struct err *e)
{
	auto_close int fd = openat(c->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0)
		return err_set(e, ERR_SYS, errno, "write %s of container %s", name, c->rec.name);
	return 0;
}

/* A file of the host, or "" */
static char *host_file(const char *path)
{
	struct err ignored = {0};
	char *text;

	if (fs_read(AT_FDCWD, path, HOST_FILE_MAX, &text, NULL, &ignored) == 0)
		return text;
	err_done(&ignored);
	return xstrdup("");
}

static bool shares_host_net(const struct ctr *c)
{
	return str_eq(c->rec.network_mode, "host");
}

/* What `host-gateway` means: the address through which the host is reached. */
static const char *gateway(const struct ctr *c, struct net_info *info)
{
	for (size_t i = 0; i < c->rec.nets.n; i++) {
		struct err ignored = {0};

		if (ctr_net_make(c->w, c->rec.nets.v[i].network, info, NULL, &ignored) == 0)
			return *info->gateway ? info->gateway : info->gateway6;
		err_done(&ignored);
	}
	return "127.0.0.1";
}

static void extra_hosts(const struct ctr *c, struct str *b)
{
	for (size_t i = 0; i < c->rec.extra_hosts.n; i++) {
		const char *entry = c->rec.extra_hosts.v[i], *eq = strchr(entry, '=');
		struct net_info info;

		if (!eq)
			continue;
		str_addf(b, "%s\t%.*s\n", str_eq(eq + 1, "host-gateway") ? gateway(c, &info) : eq + 1, (int)(eq - entry), entry);
	}
}

static const char *host_name(const struct ctr *c, char buf[HOST_NAME_MAX + 1])
{
	if (*c->rec.hostname)
		return c->rec.hostname;
	if (shares_host_net(c) && gethostname(buf, HOST_NAME_MAX) == 0)
		buf[HOST_NAME_MAX] = '\0';
	else
		(void)snprintf(buf, HOST_NAME_MAX + 1, "%.12s", c->rec.id);
	return buf;
}

/* in: address "" when it has none of that kind */
static void own_name(const struct ctr *c, struct str *b, const char *address, const char *name)
{
	if (!*address)
		return;
	if (*c->rec.domainname)
		str_addf(b, "%s\t%s.%s %s\n", address, name, c->rec.domainname, name);
	else
		str_addf(b, "%s\t%s\n", address, name);
}

static int hosts(const struct ctr *c, const char *name, struct err *e)
{
	auto_str struct str b = {0};

	if (shares_host_net(c)) {
		auto_free char *text = host_file("/etc/hosts");

		str_add(&b, text);
		if (b.len && b.s[b.len - 1] != '\n')
			str_addc(&b, '\n');
	} else {
		str_add(&b, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
			"ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
	}
	extra_hosts(c, &b);
	for (size_t i = 0; i < c->st.endpoints.n; i++) {
		own_name(c, &b, c->st.endpoints.v[i].ipv4, name);
		own_name(c, &b, c->st.endpoints.v[i].ipv6, name);
	}
	return put(c, "etc/hosts", str_cstr(&b), e);
}

static void add_list(struct str *b, const char *word, const struct strv *v)
{
	if (!v->n)
		return;
	str_add(b, word);
	for (size_t i = 0; i < v->n; i++)
		str_addf(b, " %s", v->v[i]);
	str_addc(b, '\n');
}

/* The host's search list, as its resolv.conf has it. */
static void host_search(const char *text, struct str *b)
{
	const char *last = NULL;

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, "search ", 7) || !strncmp(p, "search\t", 7))
			last = p;               /* the last one counts */
	if (last)
		str_addf(b, "%.*s\n", (int)strcspn(last, "\n"), last);
}

/* Lines of the host's file that begin with word. */
static void host_lines(const char *text, const char *word, struct str *b)
{
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (str_starts(p, word))
			str_addf(b, "%.*s\n", (int)strcspn(p, "\n"), p);
}

static int resolv(const struct ctr *c, struct err *e)
{
	auto_free char *host = host_file("/etc/resolv.conf");
	auto_str struct str b = {0};
	bool own = c->rec.nets.n > 0;

	if (own)
		str_add(&b, "nameserver 127.0.0.11\n");
	for (size_t i = 0; !own && i < c->rec.dns.n; i++)
		str_addf(&b, "nameserver %s\n", c->rec.dns.v[i]);
	if (!own && !c->rec.dns.n)
		host_lines(host, "nameserver", &b);
	if (!c->rec.dns_search.n)
		host_search(host, &b);
	else if (!strv_has(&c->rec.dns_search, "."))
		add_list(&b, "search", &c->rec.dns_search);
	if (c->rec.dns_opt.n)
		add_list(&b, own ? "options ndots:0" : "options", &c->rec.dns_opt);
	else if (own)
		str_add(&b, "options ndots:0\n");
	else
		host_lines(host, "options", &b);
	return put(c, "etc/resolv.conf", str_cstr(&b), e);
}

/* network_mode container:ID: the files of the container whose network it shares. */
static int copy_from(const struct ctr *c, const char *id, struct err *e)
{
	static const char *const names[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf" };
	auto_close int dir = record_dir(&c->w->paths, c->rec.project, id, false);

	for (size_t i = 0; dir >= 0 && i < ARRAY_LEN(names); i++) {
		auto_free char *text = NULL;

		if (fs_read(dir, names[i], HOST_FILE_MAX, &text, NULL, e) < 0 || put(c, names[i], text, e) < 0)
			return -1;
	}
	return 0;
}

int etc_write(const struct ctr *c, struct err *e)
{
	char buf[HOST_NAME_MAX + 1];
	const char *name = host_name(c, buf);
	auto_free char *line = xasprintf("%s\n", name);

	if (mkdirat(c->dir, "etc", 0700) < 0 && errno != EEXIST)
		return err_set(e, ERR_SYS, errno, "make the directory etc of container %s", c->rec.name);
	if (str_starts(c->rec.network_mode, "container:"))
		return copy_from(c, c->rec.network_mode + strlen("container:"), e);
	if (put(c, "etc/hostname", line, e) < 0 || hosts(c, name, e) < 0)
		return -1;
	return resolv(c, e);
}
