/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/dockerfile_value.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "compose/base/str.h"

/* -- EXPOSE -- */

static bool port_number(const char *s, size_t n, uint64_t *ret)
{
	auto_free char *t = xstrndup(s, n);

	return str_to_u64(t, ret) && *ret >= 1 && *ret <= 65535;
}

/* Each once; a range may be long, so what is there is looked up and not searched. */
static void add_ports(struct strv *ret, unsigned from, unsigned to, const char *proto)
{
	auto_map struct map there = {0};

	for (size_t i = 0; from < to && i < ret->n; i++)
		map_set(&there, ret->v[i], NULL);
	for (bool one_port = from == to; from <= to; from++) {
		auto_free char *one = xasprintf("%u/%s", from, proto);

		if (one_port ? !strv_has(ret, one) : !map_has(&there, one))
			strv_add(ret, one);
	}
}

int df_ports(const char *word, struct strv *ret, struct err *e)
{
	const char *slash = strchr(word, '/'), *colon, *dash;
	size_t n = slash ? (size_t)(slash - word) : strlen(word);
	auto_free char *port = xstrndup(word, n), *proto = xstrdup(slash ? slash + 1 : "tcp");
	uint64_t from, to;

	for (char *p = proto; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!str_eq(proto, "tcp") && !str_eq(proto, "udp") && !str_eq(proto, "sctp"))
		return err_set(e, ERR_MODEL, 0, "invalid protocol in port `%s` (tcp, udp or sctp)", word);
	colon = strrchr(port, ':');           /* ip:host:container: only the last counts */
	colon = colon ? colon + 1 : port;
	dash = strchr(colon, '-');
	if (!port_number(colon, dash ? (size_t)(dash - colon) : strlen(colon), &from))
		return err_set(e, ERR_MODEL, 0, "invalid container port `%s` (1 to 65535)", word);
	to = from;
	if (dash && (!port_number(dash + 1, strlen(dash + 1), &to) || to < from))
		return err_set(e, ERR_MODEL, 0, "invalid port range `%s`", word);
	add_ports(ret, (unsigned)from, (unsigned)to, proto);
	return 0;
}

/* -- STOPSIGNAL -- */

int df_signal(const char *s, struct err *e)
{
	static const char *const names[] = { "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "IOT", "BUS", "FPE", "KILL",
		"USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CLD", "CONT", "STOP", "TSTP", "TTIN",
		"TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "POLL", "PWR", "SYS", "RTMIN", "RTMAX",
		NULL };
	auto_free char *up = xstrdup(s);
	const char *name = up, *near;
	uint64_t n;

	if (str_to_u64(s, &n))
		return n >= 1 && n <= 64 ? 0 : err_set(e, ERR_MODEL, 0, "invalid signal `%s` (1 to 64)", s);
	for (char *p = up; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	if (str_starts(up, "SIG"))
		name += 3;
	for (size_t i = 0; names[i]; i++)
		if (str_eq(name, names[i]))
			return 0;
	if ((str_starts(name, "RTMIN+") || str_starts(name, "RTMAX-")) && str_to_u64(name + 6, &n) && n <= 30)
		return 0;
	err_set(e, ERR_MODEL, 0, "invalid signal `%s`", s);
	near = str_nearest(name, names);
	if (near)
		err_hint(e, "did you mean `SIG%s`?", near);
	return -1;
}

/* -- durations and flags of HEALTHCHECK -- */

static int64_t unit_ns(const char **s)
{
	static const struct { const char *name; int64_t ns; } units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "\xc2\xb5s", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ "m", 60000000000LL }, { "h", 3600000000000LL },
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (str_starts(*s, units[i].name)) {
			*s += strlen(units[i].name);
			return units[i].ns;
		}
	}
	return 0;
}

int df_duration(const char *s, int64_t *ret_ns, struct err *e)
{
	const char *p = s;
	double sum = 0;

	if (str_eq(s, "0")) {
		*ret_ns = 0;
		return 0;
	}
	while (isdigit((unsigned char)*p) || *p == '.') {
		double v = 0, place = 1;
		bool digits = false;
		int64_t ns;

		for (; isdigit((unsigned char)*p); p++, digits = true)
			v = v * 10 + (*p - '0');
		if (*p == '.')
			for (p++; isdigit((unsigned char)*p); p++, digits = true)
				v += (*p - '0') * (place /= 10);
		ns = unit_ns(&p);
		sum += v * (double)ns;
		if (!digits || !ns || sum > 9e18)
			break;
		if (!*p) {
			*ret_ns = (int64_t)(sum + 0.5);
			return 0;
		}
	}
	return err_set(e, ERR_MODEL, 0, "invalid duration `%s` (such as 1m30s, 500ms)", s);
}

int df_bool(const char *s, bool *ret, struct err *e)
{
	if (!*s || str_eq(s, "true") || str_eq(s, "1")) {
		*ret = true;
		return 0;
	}
	if (str_eq(s, "false") || str_eq(s, "0")) {
		*ret = false;
		return 0;
	}
	return err_set(e, ERR_MODEL, 0, "expecting true or false, not `%s`", s);
}

/* -- modes -- */

static bool octal(const char *s, mode_t *ret)
{
	mode_t v = 0;

	if (!*s || strlen(s) > 6 || s[strspn(s, "01234567")])
		return false;
	for (; *s; s++)
		v = v * 8 + (mode_t)(*s - '0');
	*ret = v;
	return v <= 07777;
}

static bool symbolic_ok(const char *s)
{
	do {
		s += strspn(s, "ugoa");
		if (!*s || !strchr("+-=", *s))
			return false;
		while (*s && strchr("+-=", *s)) {
			s++;
			s += strchr("ugo", *s) && *s ? 1 : strspn(s, "rwxXst");
		}
	} while (*s == ',' && *++s);
	return !*s && s[-1] != ',';
}

int df_chmod(const char *s, struct df_chmod *ret, struct err *e)
{
	mode_t m = 0;

	if (octal(s, &m))
		*ret = (struct df_chmod){ .set = true, .mode = m, .text = s };
	else if (*s && symbolic_ok(s))
		*ret = (struct df_chmod){ .set = true, .symbolic = true, .text = s };
	else
		return err_set(e, ERR_MODEL, 0,
			       "invalid chmod parameter `%s`: it is octal between 0 and 07777, or symbolic "
			       "such as u=rwX,go=rX",
			       s);
	return 0;
}

/* The bits that one clause's letters mean, for owner, group and others alike (rwx in all three places). */
static mode_t perm_bits(const char *s, size_t n, mode_t old, bool is_dir)
{
	mode_t m = 0;

	for (size_t i = 0; i < n; i++) {
		switch (s[i]) {
		case 'r': m |= 0444; break;
		case 'w': m |= 0222; break;
		case 'x': m |= 0111; break;
		case 'X': m |= is_dir || (old & 0111) ? 0111 : 0; break;
		case 's': m |= 06000; break;
		case 't': m |= 01000; break;
		case 'u': m |= ((old >> 6) & 7) * 0111; break;
		case 'g': m |= ((old >> 3) & 7) * 0111; break;
		case 'o': m |= (old & 7) * 0111; break;
		default: break;
		}
	}
	return m;
}

mode_t df_chmod_apply(const struct df_chmod *c, mode_t old, bool is_dir)
{
	mode_t m = old & 07777;
	const char *s = c->text;

	if (!c->symbolic)
		return c->mode;
	while (*s) {
		mode_t who = 0;

		for (; *s && strchr("ugoa", *s); s++)
			who |= *s == 'u' ? 04700 : *s == 'g' ? 02070 : *s == 'o' ? 01007 : 07777;
		if (!who)
			who = 07777;
		while (*s && strchr("+-=", *s)) {
			char op = *s++;
			size_t n = strchr("ugo", *s) && *s ? 1 : strspn(s, "rwxXst");
			mode_t bits = perm_bits(s, n, m, is_dir) & who;

			m = op == '+'	? m | bits
			    : op == '-' ? m & ~bits
					: (m & ~(who & (is_dir ? 0777 : 07777))) | bits;
			s += n;
		}
		s += *s == ',';
	}
	return m;
}

/* -- sources -- */

/* An http address is a git repository's when its path ends in ".git". spec: Dockerfile reference "ADD" */
enum df_remote df_remote(const char *s)
{
	size_t n = strcspn(s, "?#");

	if (str_starts(s, "http://") || str_starts(s, "https://"))
		return n > 4 && !strncmp(s + n - 4, ".git", 4) ? DF_GIT : DF_HTTP;
	return str_starts(s, "git://") || str_starts(s, "ssh://") || str_starts(s, "git@") || str_starts(s, "github.com/") ?
		DF_GIT : DF_LOCAL;
}

bool df_is_sha256(const char *s)
{
	return str_starts(s, "sha256:") && strlen(s) == 71 && strspn(s + 7, "0123456789abcdef") == 64;
}

/* -- RUN --mount -- */

/* Split a CSV record: fields may be quoted, "" inside quotes is one quote. */
static int csv_split(const char *s, struct strv *ret, struct err *e)
{
	const char *all = s;

	for (;;) {
		auto_str struct str f = {0};

		if (*s == '"') {
			for (s++; *s && !(*s == '"' && s[1] != '"'); s++) {
				str_addc(&f, *s);
				s += *s == '"';
			}
			if (*s != '"')
				return err_set(e, ERR_MODEL, 0, "unterminated quote in `%s`", all);
			s++;
		} else {
			size_t n = strcspn(s, ",");

			str_addn(&f, s, n);
			s += n;
		}
		strv_take(ret, str_take(&f));
		if (!*s)
			return 0;
		if (*s++ != ',')
			return err_set(e, ERR_MODEL, 0, "text behind a closing quote in `%s`", all);
	}
}

static const char *const kind_names[] = { "bind", "cache", "tmpfs", "secret", "ssh", NULL };

const char *df_mount_name(enum df_mount_kind k)
{
	return kind_names[k];
}

static int mount_kind(const char *val, struct df_mount *m, struct err *e)
{
	const char *near;

	for (size_t i = 0; kind_names[i]; i++) {
		if (!strcasecmp(val, kind_names[i])) {
			m->kind = (enum df_mount_kind)i;
			return 0;
		}
	}
	err_set(e, ERR_MODEL, 0, "unsupported mount type `%s`", val);
	near = str_nearest(val, kind_names);
	return near ? err_hint(e, "did you mean `%s`?", near) : -1;
}

static int mount_bytes(const char *val, uint64_t *ret, struct err *e)
{
	size_t n = strspn(val, "0123456789");
	auto_free char *num = xstrndup(val, n);
	const char *unit = val + n;
	static const char letters[] = "kmgt";
	const char *l = *unit ? strchr(letters, tolower((unsigned char)*unit)) : NULL;
	unsigned shift = l ? 10 * (unsigned)(l - letters + 1) : 0;

	if (l)
		unit++;
	if (*unit == 'b' || *unit == 'B')
		unit++;
	if (*unit || !str_to_u64(num, ret) || *ret > UINT64_MAX >> (shift + 1))
		return err_set(e, ERR_MODEL, 0, "invalid size `%s`", val);
	*ret <<= shift;
	return 0;
}

static int mount_id(const char *key, const char *val, uint32_t *ret, struct err *e)
{
	uint64_t n;

	if (!str_to_u64(val, &n) || n > INT32_MAX)
		return err_set(e, ERR_MODEL, 0, "invalid value `%s` for %s", val, key);
	*ret = (uint32_t)n;
	return 0;
}

static int mount_sharing(const char *val, struct df_mount *m, struct err *e)
{
	static const char *const names[] = { "shared", "private", "locked" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcasecmp(val, names[i])) {
			m->sharing = (enum df_sharing)i;
			return 0;
		}
	}
	return err_set(e, ERR_MODEL, 0, "unsupported sharing value `%s` (shared, private or locked)", val);
}

enum { ON_BIND = 1, ON_CACHE = 2, ON_TMPFS = 4, ON_SECRET = 8, ON_SSH = 16, ON_ALL = 31 };
enum mount_key { K_TYPE, K_TARGET, K_SOURCE, K_FROM, K_ID, K_ENV, K_RO, K_RW, K_REQUIRED, K_SHARING, K_MODE, K_UID,
	K_GID, K_SIZE };
static const struct { const char *name; enum mount_key key; unsigned on; } mount_keys[] = {
	{ "type", K_TYPE, ON_ALL }, { "target", K_TARGET, ON_ALL }, { "dst", K_TARGET, ON_ALL },
	{ "destination", K_TARGET, ON_ALL }, { "source", K_SOURCE, ON_BIND | ON_CACHE | ON_SECRET },
	{ "src", K_SOURCE, ON_BIND | ON_CACHE | ON_SECRET }, { "from", K_FROM, ON_BIND | ON_CACHE },
	{ "id", K_ID, ON_CACHE | ON_SECRET | ON_SSH }, { "env", K_ENV, ON_SECRET },
	{ "ro", K_RO, ON_BIND | ON_CACHE }, { "readonly", K_RO, ON_BIND | ON_CACHE },
	{ "rw", K_RW, ON_BIND | ON_CACHE }, { "readwrite", K_RW, ON_BIND | ON_CACHE },
	{ "required", K_REQUIRED, ON_SECRET | ON_SSH }, { "sharing", K_SHARING, ON_CACHE },
	{ "mode", K_MODE, ON_CACHE | ON_SECRET | ON_SSH }, { "uid", K_UID, ON_CACHE | ON_SECRET | ON_SSH },
	{ "gid", K_GID, ON_CACHE | ON_SECRET | ON_SSH }, { "size", K_SIZE, ON_TMPFS },
};

static void set_text(char **slot, const char *val)
{
	free(*slot);
	*slot = xstrdup(val);
}

static int mount_set(struct df_mount *m, enum mount_key k, const char *key, const char *val, struct err *e)
{
	bool on = false;

	switch (k) {
	case K_TYPE: return 0;
	case K_TARGET: set_text(&m->target, val); return 0;
	case K_SOURCE: set_text(&m->source, val); return 0;
	case K_FROM: set_text(&m->from, val); return 0;
	case K_ID: set_text(&m->id, val); return 0;
	case K_ENV: set_text(&m->env, val); return 0;
	case K_RO: case K_RW:
		if (df_bool(val, &on, e) < 0)
			return -1;
		m->ro = k == K_RO ? on : !on;
		return 0;
	case K_REQUIRED: return df_bool(val, &m->required, e);
	case K_SHARING: return mount_sharing(val, m, e);
	case K_MODE:
		m->has_mode = true;
		return octal(val, &m->mode) ? 0 : err_set(e, ERR_MODEL, 0, "invalid mode `%s` (octal)", val);
	case K_UID: return mount_id(key, val, &m->uid, e);
	case K_GID: return mount_id(key, val, &m->gid, e);
	case K_SIZE: return mount_bytes(val, &m->size_bytes, e);
	}
	return 0;
}

static int unknown_key(const char *key, struct err *e)
{
	const char *names[ARRAY_LEN(mount_keys) + 1] = { NULL }, *near;

	if (str_eq(key, "bind-propagation") || str_eq(key, "propagation"))
		return err_set(e, ERR_MODEL, 0, "mount propagation cannot be chosen in a build");
	for (size_t i = 0; i < ARRAY_LEN(mount_keys); i++)
		names[i] = mount_keys[i].name;
	err_set(e, ERR_MODEL, 0, "unexpected key `%s` in --mount", key);
	near = str_nearest(key, names);
	return near ? err_hint(e, "did you mean `%s`?", near) : -1;
}

static int mount_field(struct df_mount *m, const char *field, struct err *e)
{
	const char *eq = strchr(field, '=');
	auto_free char *key = xstrndup(field, eq ? (size_t)(eq - field) : strlen(field));

	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	for (size_t i = 0; i < ARRAY_LEN(mount_keys); i++) {
		if (!str_eq(key, mount_keys[i].name))
			continue;
		if (!(mount_keys[i].on & 1u << m->kind))
			return err_set(e, ERR_MODEL, 0, "%s is not allowed for `%s` mounts", key, df_mount_name(m->kind));
		if (!eq && mount_keys[i].key != K_RO && mount_keys[i].key != K_RW && mount_keys[i].key != K_REQUIRED)
			return err_set(e, ERR_MODEL, 0, "--mount: `%s` needs a value", key);
		return mount_set(m, mount_keys[i].key, key, eq ? eq + 1 : "", e);
	}
	return unknown_key(key, e);
}

static int mount_check(struct df_mount *m, struct err *e)
{
	if (m->kind == DF_MOUNT_SECRET) {
		if (m->id && m->source)
			return err_set(e, ERR_MODEL, 0, "a secret mount has `source` or `id`, not both");
		if (m->source) {
			m->id = m->source;
			m->source = NULL;
		}
		if (!m->id && !m->target)
			return err_set(e, ERR_MODEL, 0, "a secret mount needs `id` or `target`");
		return 0;
	}
	if (m->kind == DF_MOUNT_SSH && !m->target)
		return 0;
	if (!m->target || !*m->target)
		return err_set(e, ERR_MODEL, 0, "--mount: `target` is required");
	if (!m->target[strspn(m->target, "/.")])
		return err_set(e, ERR_MODEL, 0, "invalid mount target `%s`", m->target);
	return 0;
}

int df_mount(const char *csv, struct df_mount *ret, struct err *e)
{
	auto_strv struct strv fields = {0};
	struct df_mount m = { .kind = DF_MOUNT_BIND };

	if (csv_split(csv, &fields, e) < 0)
		return -1;
	for (size_t i = 0; i < fields.n; i++)
		if (!strncasecmp(fields.v[i], "type=", 5) && mount_kind(fields.v[i] + 5, &m, e) < 0)
			return -1;
	m.ro = m.kind == DF_MOUNT_BIND;
	for (size_t i = 0; i < fields.n; i++) {
		if (mount_field(&m, fields.v[i], e) < 0) {
			df_mount_done(&m);
			return -1;
		}
	}
	if (mount_check(&m, e) < 0) {
		df_mount_done(&m);
		return -1;
	}
	*ret = m;
	return 0;
}

void df_mount_done(struct df_mount *m)
{
	free(m->target);
	free(m->source);
	free(m->from);
	free(m->id);
	free(m->env);
	*m = (struct df_mount){0};
}
