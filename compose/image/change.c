/* SPDX-License-Identifier: Apache-2.0 */
/* `import --change`: one Dockerfile-like instruction applied to a configuration. */
#include <ctype.h>
#include <string.h>
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/image.h"

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t");
}

static int bad(struct err *e, const char *what, const char *why)
{
	auto_free char *shown = str_printable(what);

	return err_set(e, ERR_USAGE, 0, "change \"%.200s\": %s", shown, why);
}

/* One word, in which quotes and backslashes have the shell's meaning. ret: where it ends, or NULL for an open quote */
static const char *word(const char *p, const char *stop, struct str *out)
{
	char quote = 0;

	for (; *p && (quote || !strchr(stop, *p)); p++) {
		if (quote ? *p == quote : *p == '"' || *p == '\'') {
			quote = quote ? 0 : *p;
		} else if (*p == '\\' && quote != '\'' && p[1]) {
			str_addc(out, *++p);
		} else {
			str_addc(out, *p);
		}
	}
	return quote ? NULL : p;
}

/* ["a", "b"]. ret: true when text is such a list, whose strings go to out */
static bool json_list(const char *text, struct strv *out)
{
	auto_err struct err e = {0};
	auto_json json_t *j = NULL;
	json_t *v;
	size_t i;

	if (*text != '[' || json_parse(text, strlen(text), "list", &j, &e) < 0 || !json_is_array(j))
		return false;
	json_array_foreach(j, i, v)
		if (!json_is_string(v))
			return false;
	json_array_foreach(j, i, v)
		strv_add(out, json_string_value(v));
	return true;
}

/* Exec form as it is; shell form behind the image's shell. */
static void command(const struct image_config *c, const char *text, struct strv *out)
{
	strv_done(out);
	if (json_list(text, out))
		return;
	if (c->shell.n) {
		for (size_t i = 0; i < c->shell.n; i++)
			strv_add(out, c->shell.v[i]);
	} else {
		strv_add(out, "/bin/sh");
		strv_add(out, "-c");
	}
	strv_add(out, text);
}

/* KEY=VALUE ... or the old KEY VALUE */
static int pairs(struct image_config *c, const char *text,
		 void (*set)(struct image_config *, const char *, const char *), const char *whole, struct err *e)
{
	const char *p = text;
	size_t n = strcspn(p, " \t=");

	if (p[n] != '=' && p[n]) {
		auto_free char *key = xstrndup(p, n);

		set(c, key, skip_space(p + n));
		return 0;
	}
	while (*p) {
		auto_str struct str key = {0}, val = {0};

		p = word(p, " \t=", &key);
		if (!p || *p != '=' || !key.len)
			return bad(e, whole, "KEY=VALUE is needed");
		p = word(p + 1, " \t", &val);
		if (!p)
			return bad(e, whole, "a quote is not closed");
		set(c, str_cstr(&key), str_cstr(&val));
		p = skip_space(p);
	}
	return 0;
}

static int words(const char *text, struct strv *out, const char *whole, struct err *e)
{
	for (const char *p = text; *p; p = skip_space(p)) {
		auto_str struct str w = {0};

		p = word(p, " \t", &w);
		if (!p)
			return bad(e, whole, "a quote is not closed");
		strv_add(out, str_cstr(&w));
	}
	return 0;
}

static void add_new(struct strv *to, const char *s)
{
	if (!strv_has(to, s))
		strv_add(to, s);
}

static bool port_number(const char *s, size_t n, uint64_t *out)
{
	auto_free char *t = xstrndup(s, n);

	return str_to_u64(t, out) && *out >= 1 && *out <= 65535;
}

/* "80", "80/udp", "8000-8010/tcp" */
static int expose_one(struct image_config *c, const char *spec, const char *whole, struct err *e)
{
	const char *slash = strchr(spec, '/'), *proto = slash ? slash + 1 : "tcp";
	size_t len = slash ? (size_t)(slash - spec) : strlen(spec);
	const char *dash = memchr(spec, '-', len);
	uint64_t from, to;

	if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 && strcmp(proto, "sctp") != 0)
		return bad(e, whole, "the protocol must be tcp, udp or sctp");
	if (!port_number(spec, dash ? (size_t)(dash - spec) : len, &from))
		return bad(e, whole, "a port must be 1 to 65535");
	to = from;
	if (dash && (!port_number(dash + 1, len - (size_t)(dash + 1 - spec), &to) || to < from))
		return bad(e, whole, "the port range is not valid");
	for (; from <= to; from++) {
		auto_free char *port = xasprintf("%u/%s", (unsigned)from, proto);

		add_new(&c->ports, port);
	}
	return 0;
}

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = *text ? xstrdup(text) : NULL;
}

static int do_cmd(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	(void)whole;
	(void)e;
	command(c, text, &c->cmd);
	return 0;
}

static int do_entrypoint(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	(void)whole;
	(void)e;
	command(c, text, &c->entrypoint);
	return 0;
}

static int do_env(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	return pairs(c, text, image_config_env, whole, e);
}

static int do_label(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	return pairs(c, text, image_config_label, whole, e);
}

static int do_expose(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	auto_strv struct strv v = {0};

	if (words(text, &v, whole, e) < 0)
		return -1;
	for (size_t i = 0; i < v.n; i++)
		if (expose_one(c, v.v[i], whole, e) < 0)
			return -1;
	return 0;
}

static int do_volume(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	auto_strv struct strv v = {0};

	if (!json_list(text, &v) && words(text, &v, whole, e) < 0)
		return -1;
	for (size_t i = 0; i < v.n; i++) {
		if (!*v.v[i])
			return bad(e, whole, "a volume needs a path");
		add_new(&c->volumes, v.v[i]);
	}
	return 0;
}

static int do_user(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	(void)whole;
	(void)e;
	set_text(&c->user, text);
	return 0;
}

static int do_workdir(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	auto_free char *path = NULL;

	(void)whole;
	(void)e;
	path = *text == '/' ? xstrdup(text)
			    : xasprintf("%s/%s", c->workdir && strcmp(c->workdir, "/") != 0 ? c->workdir : "", text);
	set_text(&c->workdir, path);
	return 0;
}

static int do_stopsignal(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	(void)whole;
	(void)e;
	set_text(&c->stop_signal, text);
	return 0;
}

static int do_shell(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	struct strv v = {0};

	if (!json_list(text, &v) || !v.n) {
		strv_done(&v);
		return bad(e, whole, "SHELL takes a JSON list");
	}
	strv_done(&c->shell);
	c->shell = v;
	return 0;
}

static int do_onbuild(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	(void)whole;
	(void)e;
	strv_add(&c->onbuild, text);
	return 0;
}

/* 1h2m3.5s and the like. ret: where it ends, or NULL */
static const char *duration(const char *p, int64_t *ret)
{
	static const struct { const char *unit; double ns; } units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 },
	};
	double sum = 0;

	if (!isdigit((unsigned char)*p))
		return NULL;
	while (isdigit((unsigned char)*p)) {
		char *end;
		double v = strtod(p, &end), ns = 0;

		for (size_t i = 0; i < ARRAY_LEN(units) && ns == 0; i++)
			if (str_starts(end, units[i].unit) && !isalpha((unsigned char)end[strlen(units[i].unit)])) {
				ns = units[i].ns;
				end += strlen(units[i].unit);
			}
		if (ns == 0)
			return NULL;
		sum += v * ns;
		p = end;
	}
	if (!(sum >= 0 && sum < 9e18))
		return NULL;
	*ret = (int64_t)sum;
	return p;
}

static int health_flag(struct image_health *h, const char **p)
{
	const struct { const char *name; int64_t *to; } flags[] = {
		{ "--interval=", &h->interval_ns }, { "--timeout=", &h->timeout_ns },
		{ "--start-period=", &h->start_period_ns }, { "--start-interval=", &h->start_interval_ns },
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (str_starts(*p, flags[i].name)) {
			*p = duration(*p + strlen(flags[i].name), flags[i].to);
			return *p && (!**p || **p == ' ' || **p == '\t') ? 0 : -1;
		}
	if (str_starts(*p, "--retries=")) {
		const char *v = *p + strlen("--retries=");
		size_t n = strcspn(v, " \t");
		auto_free char *t = xstrndup(v, n);

		*p = v + n;
		return str_to_i64(t, &h->retries) && h->retries >= 0 && h->retries < 1000000 ? 0 : -1;
	}
	return -1;
}

static int health_test(struct image_health *h, const char *p)
{
	struct strv list = {0};

	if (!strcmp(p, "NONE")) {
		strv_add(&h->test, "NONE");
		return 0;
	}
	if (!str_starts(p, "CMD") || (p[3] != ' ' && p[3] != '\t'))
		return -1;
	p = skip_space(p + 3);
	if (!*p)
		return -1;
	if (json_list(p, &list) && list.n) {
		strv_add(&h->test, "CMD");
		for (size_t i = 0; i < list.n; i++)
			strv_add(&h->test, list.v[i]);
	} else {
		strv_add(&h->test, "CMD-SHELL");
		strv_add(&h->test, p);
	}
	strv_done(&list);
	return 0;
}

static int do_healthcheck(struct image_config *c, const char *text, const char *whole, struct err *e)
{
	struct image_health *h = xcalloc(1, sizeof(*h));
	int rc = 0;

	while (rc == 0 && str_starts(text, "--")) {
		rc = health_flag(h, &text);
		if (rc == 0)
			text = skip_space(text);
	}
	if (rc == 0)
		rc = health_test(h, text);
	if (rc < 0) {
		strv_done(&h->test);
		free(h);
		return bad(e, whole,
			   "HEALTHCHECK [--interval= --timeout= --start-period= --start-interval= --retries=] CMD ... "
			   "| NONE");
	}
	if (c->health)
		strv_done(&c->health->test);
	free(c->health);
	c->health = h;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct image_config *c, const char *text, const char *whole, struct err *e);
} instructions[] = {
	{ "CMD", do_cmd }, { "ENTRYPOINT", do_entrypoint }, { "ENV", do_env }, { "EXPOSE", do_expose },
	{ "HEALTHCHECK", do_healthcheck }, { "LABEL", do_label }, { "ONBUILD", do_onbuild }, { "SHELL", do_shell },
	{ "STOPSIGNAL", do_stopsignal }, { "USER", do_user }, { "VOLUME", do_volume }, { "WORKDIR", do_workdir },
};

int image_config_change(struct image_config *c, const char *instruction, struct err *e)
{
	const char *p = skip_space(instruction), *text;
	size_t n = strcspn(p, " \t");
	auto_free char *name = xstrndup(p, n), *body = NULL;

	text = skip_space(p + n);
	body = xstrdup(text);
	for (size_t len = strlen(body); len && strchr(" \t\n", body[len - 1]); len--)
		body[len - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(instructions); i++) {
		if (strcasecmp(name, instructions[i].name) != 0)
			continue;
		if (!*body)
			return bad(e, instruction, "it needs an argument");
		return instructions[i].run(c, body, instruction, e);
	}
	bad(e, instruction, "not an instruction that a configuration takes");
	return err_hint(e, "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME "
			   "and WORKDIR are");
}
