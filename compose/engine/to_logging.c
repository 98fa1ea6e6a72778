/* SPDX-License-Identifier: Apache-2.0 */
/* to_logging.c - where a container's output goes: log files and the system's logger.
 * spec: compose-spec 05-services "logging"; options as docker's drivers have them. The parser has checked names and values. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "compose/base/str.h"
#include "compose/engine/to_spec.h"
#include "parser/value.h"

#define SYSLOG_PORT "514"
#define JOURNAL "/run/systemd/journal/socket"
enum { FILE_MAX_BYTES = 10 << 20, FILES_MAX = 3, CONNECT_MS = 3000, SYSLOG_DAEMON = 3, FIELD_NAME_MAX = 64 };

static const struct pkv *option(const struct ctr_want *w, const char *key)
{
	for (size_t i = 0; i < w->s->log_opts.n; i++)
		if (str_eq(w->s->log_opts.v[i].key, key))
			return &w->s->log_opts.v[i];
	return NULL;
}

static const char *text(const struct ctr_want *w, const char *key)
{
	const struct pkv *kv = option(w, key);

	return kv && kv->val ? kv->val : "";
}

static struct srcpos place(const struct ctr_want *w, const char *key)
{
	const struct pkv *kv = option(w, key);

	return kv ? kv->pos : service_pos(w->s, "logging");
}

/* ---- tag --------------------------------------------------------------------------------------------------------- */

/* ret: what {{.NAME}} stands for, borrowed; NULL when it is none */
static const char *tag_part(const struct ctr_record *r, const char *name, size_t n, char id[13])
{
	const char *digest = strchr(r->image_id, ':') ? strchr(r->image_id, ':') + 1 : r->image_id;
	const struct { const char *name, *val; } parts[] = {
		{ "ID", NULL }, { "FullID", r->id }, { "Name", r->name }, { "ImageName", r->image }, { "ImageID", digest },
		{ "ImageFullID", r->image_id }, { "Command", r->command }, { "DaemonName", "compose" },
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strlen(parts[i].name) == n && !strncmp(parts[i].name, name, n)) {
			const char *val = parts[i].val ? parts[i].val : r->id;

			if (parts[i].val && !str_eq(parts[i].name, "ImageID"))
				return val;
			(void)snprintf(id, 13, "%.12s", val);
			return id;
		}
	return NULL;
}

/* "{{.Name}}/{{.ID}}"; the first 12 digits of the id when nothing is asked for. */
static int expand_tag(const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	const char *t = *text(w, "tag") ? text(w, "tag") : "{{.ID}}", *end;
	auto_str struct str out = STR_MAX(1024);

	for (; *t; t = end) {
		const char *name = t + 2 + strspn(t + 2, " "), *val;
		char id[13];
		size_t n;

		if (!str_starts(t, "{{")) {
			end = strstr(t, "{{") ? strstr(t, "{{") : t + strlen(t);
			str_addn(&out, t, (size_t)(end - t));
			continue;
		}
		n = *name == '.' ? strspn(name + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") : 0;
		val = n ? tag_part(r, name + 1, n, id) : NULL;
		end = val ? name + 1 + n + strspn(name + 1 + n, " ") : NULL;
		if (!end || !str_starts(end, "}}")) {
			refuse(w, place(w, "tag"), "logging.options.tag", e, "%.*s is no part of a tag", (int)strcspn(t, "}") + 2, t);
			return err_hint(e, "write .ID .FullID .Name .ImageName .ImageID .ImageFullID .Command or .DaemonName");
		}
		str_add(&out, val);
		end += 2;
	}
	r->ship.tag = str_printable(str_cstr(&out));
	return 0;
}

/* ---- address ----------------------------------------------------------------------------------------------------- */

/* Is somebody there? Asked here, where the answer has a place in the user's file. */
static int try_connect(const struct sockaddr *a, socklen_t n, int kind)
{
	auto_close int fd = socket(a->sa_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int sysno = 0;
	socklen_t len = sizeof(sysno);

	if (fd < 0)
		return -1;
	if (connect(fd, a, n) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -1;
	if (poll(&p, 1, CONNECT_MS) <= 0)
		sysno = ETIMEDOUT;
	else
		(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &sysno, &len);
	errno = sysno;
	return sysno ? -1 : 0;
}

static int unreachable(const struct ctr_want *w, const char *address, struct err *e)
{
	err_set(e, ERR_NET, errno, "no logger can be reached at %s", address);
	return err_at(e, place(w, "syslog-address"), "logging.options.syslog-address");
}

static int try_path(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (try_connect((struct sockaddr *)&a, sizeof(a), SOCK_DGRAM) == 0)
		return 0;
	return errno == EPROTOTYPE ? try_connect((struct sockaddr *)&a, sizeof(a), SOCK_STREAM) : -1;
}

/* "udp://log.example:514" with the host's address in place of its name. */
static int resolve(const struct ctr_want *w, const char *address, struct ctr_record *r, struct err *e)
{
	bool tcp = str_starts(address, "tcp://"), six = address[6] == '[';
	const char *host = address + 6 + six, *end = six ? strchr(host, ']') : host + strcspn(host, ":");
	const char *port = end && strchr(end, ':') ? strchr(end, ':') + 1 : SYSLOG_PORT;
	auto_free char *name = end ? xstrndup(host, (size_t)(end - host)) : xstrdup(host);
	const struct addrinfo hints = { .ai_socktype = tcp ? SOCK_STREAM : SOCK_DGRAM };
	struct addrinfo *found = NULL;
	char ip[NI_MAXHOST], serv[NI_MAXSERV];
	int why = getaddrinfo(name, port, &hints, &found), ret = 0;

	if (why == 0)
		why = getnameinfo(found->ai_addr, found->ai_addrlen, ip, sizeof(ip), serv, sizeof(serv), NI_NUMERICHOST | NI_NUMERICSERV);
	if (why) {
		refuse(w, place(w, "syslog-address"), "logging.options.syslog-address", e, "%s: %s", address, gai_strerror(why));
		ret = -1;
	} else if (tcp && try_connect(found->ai_addr, found->ai_addrlen, SOCK_STREAM) < 0) {
		ret = unreachable(w, address, e);
	} else {
		bool v6 = found->ai_family == AF_INET6;

		r->ship.address = xasprintf("%s://%s%s%s:%s", tcp ? "tcp" : "udp", v6 ? "[" : "", ip, v6 ? "]" : "", serv);
	}
	if (found)
		freeaddrinfo(found);
	return ret;
}

static int syslog_address(const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	static const char *const usual[] = { "/dev/log", "/var/run/syslog", "/var/run/log" };
	const char *address = text(w, "syslog-address");

	if (str_starts(address, "udp://") || str_starts(address, "tcp://"))
		return resolve(w, address, r, e);
	if (*address) {
		if (try_path(strstr(address, "://") + 3) < 0)
			return unreachable(w, address, e);
		r->ship.address = xstrdup(address);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (try_path(usual[i]) == 0) {
			r->ship.address = xasprintf("unix://%s", usual[i]);
			return 0;
		}
	err_set(e, ERR_MISSING, 0, "no syslog listens on this host: looked for /dev/log, /var/run/syslog, /var/run/log");
	err_at(e, service_pos(w->s, "logging.driver"), "logging.driver");
	return err_hint(e, "name another one in logging.options.syslog-address, or use the driver local");
}

/* ---- journald ---------------------------------------------------------------------------------------------------- */

/* Names of the journal: capitals, digits, '_'; not a '_' first, which is the journal's own. */
static void add_field(struct str *out, const char *key, const char *val)
{
	auto_free char *clean = str_printable(val);

	for (char *p = clean; *p; p++)
		if (*p == '\n')
			*p = ' ';
	key += strspn(key, "_-.");
	for (size_t i = 0; key[i] && i < FIELD_NAME_MAX; i++)
		str_addc(out, isalnum((unsigned char)key[i]) ? (char)toupper((unsigned char)key[i]) : '_');
	str_addf(out, "=%s\n", clean);
}

static bool listed(const char *list, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
		if (!strncmp(p, key, n) && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

static int journal(const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	const char *labels = text(w, "labels"), *env = text(w, "env");
	struct str out = {0};

	if (try_path(JOURNAL) < 0) {
		err_set(e, ERR_MISSING, 0, "journald does not listen on this host: looked for " JOURNAL);
		err_at(e, service_pos(w->s, "logging.driver"), "logging.driver");
		return err_hint(e, "use the driver local");
	}
	r->ship.address = xstrdup("unix://" JOURNAL);
	add_field(&out, "CONTAINER_ID_FULL", r->id);
	str_addf(&out, "CONTAINER_ID=%.12s\n", r->id);
	add_field(&out, "CONTAINER_NAME", r->name);
	add_field(&out, "CONTAINER_TAG", r->ship.tag);
	add_field(&out, "IMAGE_NAME", r->image);
	for (size_t i = 0; i < r->labels.n; i++)
		if (listed(labels, r->labels.v[i].key))
			add_field(&out, r->labels.v[i].key, r->labels.v[i].val);
	for (size_t i = 0; i < w->s->environment.n; i++)
		if (listed(env, w->s->environment.v[i].key))
			add_field(&out, w->s->environment.v[i].key, w->s->environment.v[i].val);
	r->ship.fields = str_take(&out);
	return 0;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int logger(const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	bool syslog = str_eq(r->log_driver, "syslog");
	char host[HOST_NAME_MAX + 1] = "localhost";
	int64_t n;

	(void)gethostname(host, sizeof(host) - 1);
	r->ship.host = xstrdup(host);
	r->ship.format = xstrdup(syslog ? text(w, "syslog-format") : "journal");
	r->ship.facility = *text(w, "syslog-facility") ? value_log_facility(text(w, "syslog-facility")) : SYSLOG_DAEMON;
	r->ship.drop = str_eq(text(w, "mode"), "non-blocking");
	if (value_bytes(text(w, "max-buffer-size"), &n) && n > 0)
		r->ship.buffer_bytes = n;
	r->log_elsewhere = str_eq(text(w, "cache-disabled"), "true");
	if (expand_tag(w, r, e) < 0)
		return -1;
	return syslog ? syslog_address(w, r, e) : journal(w, r, e);
}

int to_logging(const struct ctr_want *w, struct ctr_record *r, struct err *e)
{
	bool ships;
	const char *size, *files;
	int64_t n;

	r->log_driver = xstrdup(*w->s->log_driver ? w->s->log_driver : "json-file");
	ships = str_eq(r->log_driver, "syslog") || str_eq(r->log_driver, "journald");
	size = text(w, ships ? "cache-max-size" : "max-size");
	files = text(w, ships ? "cache-max-file" : "max-file");
	r->log_compress = str_eq(text(w, ships ? "cache-compress" : "compress"), "true");
	r->log_max_bytes = FILE_MAX_BYTES;
	r->log_max_files = FILES_MAX;
	if (str_eq(size, "-1"))
		r->log_max_bytes = INT64_MAX / 2;
	else if (value_bytes(size, &n) && n > 0)
		r->log_max_bytes = n;
	if (str_to_i64(files, &n) && n > 0 && n <= INT_MAX)
		r->log_max_files = (int)n;
	return ships ? logger(w, r, e) : 0;
}
