/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/logging.h"
#include "compose/base/str.h"
#include "parser/value.h"

enum { ON_FILE = 1, ON_NONE = 2, ON_SYSLOG = 4, ON_JOURNALD = 8, ON_LOGGER = ON_SYSLOG | ON_JOURNALD, ON_ANY = 15 };

static const struct { const char *name; int bit; } drivers[] = {
	{"json-file", ON_FILE}, {"local", ON_FILE}, {"none", ON_NONE}, {"syslog", ON_SYSLOG}, {"journald", ON_JOURNALD}};

typedef bool value_ok(const char *s);

static bool is_size(const char *s)
{
	int64_t v;

	return str_eq(s, "-1") || (value_bytes(s, &v) && v > 0);
}

static bool is_count(const char *s)
{
	int64_t v;

	return str_to_i64(s, &v) && v >= 1 && v <= 1000;
}

static bool is_flag(const char *s)
{
	return str_eq(s, "true") || str_eq(s, "false");
}

static bool is_mode(const char *s)
{
	return str_eq(s, "blocking") || str_eq(s, "non-blocking");
}

static bool is_format(const char *s)
{
	return !*s || str_eq(s, "rfc3164") || str_eq(s, "rfc5424") || str_eq(s, "rfc5424micro");
}

static bool is_facility(const char *s)
{
	return value_log_facility(s) >= 0;
}

static bool is_address(const char *s)
{
	const char *rest = strstr(s, "://");

	if (str_starts(s, "unix://") || str_starts(s, "unixgram://"))
		return rest[3] == '/' && rest[4];
	return (str_starts(s, "udp://") || str_starts(s, "tcp://")) && rest[3] && rest[3] != ':' && !strpbrk(rest + 3, "/@ ");
}

/* An option, the drivers that carry it out, and those where it is taken with a warning: `note` says why. */
static const struct option {
	const char *name;
	int done, noted;
	value_ok *ok;
	const char *wanted, *note;
} options[] = {
	{"cache-compress", ON_LOGGER, 0, is_flag, "true or false", NULL},
	{"cache-disabled", ON_LOGGER, 0, is_flag, "true or false", NULL},
	{"cache-max-file", ON_LOGGER, 0, is_count, "a number from 1 to 1000", NULL},
	{"cache-max-size", ON_LOGGER, 0, is_size, "a size such as 10m, or -1", NULL},
	{"compress", ON_FILE, 0, is_flag, "true or false", NULL},
	{"env", ON_JOURNALD, ON_FILE | ON_SYSLOG, NULL, NULL, "only journald has a place for it"},
	{"env-regex", 0, ON_FILE | ON_LOGGER, NULL, NULL, "list the variables in `env`, which journald has a place for"},
	{"labels", ON_JOURNALD, ON_FILE | ON_SYSLOG, NULL, NULL, "only journald has a place for it"},
	{"labels-regex", 0, ON_FILE | ON_LOGGER, NULL, NULL, "list the labels in `labels`, which journald has a place for"},
	{"max-buffer-size", ON_LOGGER, ON_FILE, is_size, "a size such as 1m", "a log on disk needs no buffer"},
	{"max-file", ON_FILE, 0, is_count, "a number from 1 to 1000", NULL},
	{"max-size", ON_FILE, 0, is_size, "a size such as 10m, or -1", NULL},
	{"mode", ON_LOGGER | ON_FILE, 0, is_mode, "blocking or non-blocking", NULL},
	{"syslog-address", ON_SYSLOG, 0, is_address, "unix:///PATH, udp://HOST[:PORT] or tcp://HOST[:PORT]", NULL},
	{"syslog-facility", ON_SYSLOG, 0, is_facility, "a facility's name or a number from 0 to 23", NULL},
	{"syslog-format", ON_SYSLOG, 0, is_format, "rfc3164, rfc5424 or rfc5424micro", NULL},
	{"tag", ON_LOGGER, ON_FILE, NULL, NULL, "a log on disk has no place for it"},
};

static void one_option(const struct pkv *kv, int driver, const char *name, const char *path, struct errs *errs, struct warns *w)
{
	auto_free char *at = xasprintf("%s.logging.options.%s", path, kv->key);
	const char *names[ARRAY_LEN(options) + 1] = {NULL}, *near;
	const char *val = kv->val ? kv->val : "";
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option *o = &options[i];
		if ((o->done | o->noted) & driver)
			names[n++] = o->name;
		if (!str_eq(o->name, kv->key) || !((o->done | o->noted) & driver))
			continue;
		if (o->ok && !o->ok(val))
			(void)errs_model(errs, kv->pos, at, NULL, "must be %s, not \"%s\"", o->wanted, val);
		else if (o->noted & driver && !str_eq(val, "false"))
			warns_add(w, kv->pos, "%s has no effect here: %s", at, o->note);
		return;
	}
	near = str_nearest(kv->key, names);
	(void)errs_model(errs, kv->pos, at, near ? near : "see the README for the options of each driver",
			 "logging driver %s has no option \"%s\" here", name, kv->key);
}

int logging_unsupported(const struct service *s, const char *path, struct errs *errs, struct warns *w)
{
	const char *name = *s->log_driver ? s->log_driver : "json-file";
	size_t before = errs->n;
	int driver = 0;

	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (str_eq(drivers[i].name, name))
			driver = drivers[i].bit;
	if (!driver) {
		auto_free char *at = xasprintf("%s.logging.driver", path);
		return errs_model(errs, service_pos(s, "logging.driver"), at, "supported: json-file local none syslog journald",
				  "the logging driver \"%s\" is not supported", name);
	}
	for (size_t i = 0; i < s->log_opts.n; i++)
		one_option(&s->log_opts.v[i], driver, name, path, errs, w);
	return errs->n > before ? -1 : 0;
}
