/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/dockerfile_check.h"
#include <string.h>
#include "compose/base/str.h"
#include "parser/dockerfile_value.h"

enum flag_type { FLAG_TEXT, FLAG_BOOL, FLAG_LIST, FLAG_LATER };   /* later: known, not carried out yet */
struct flag_spec { enum df_kind kind; const char *name; enum flag_type type; };
static const struct flag_spec flag_specs[] = {
	{ DF_FROM, "platform", FLAG_TEXT },
	{ DF_COPY, "from", FLAG_TEXT }, { DF_COPY, "chown", FLAG_TEXT }, { DF_COPY, "chmod", FLAG_TEXT },
	{ DF_COPY, "link", FLAG_BOOL }, { DF_COPY, "exclude", FLAG_LIST }, { DF_COPY, "parents", FLAG_BOOL },
	{ DF_ADD, "chown", FLAG_TEXT }, { DF_ADD, "chmod", FLAG_TEXT }, { DF_ADD, "link", FLAG_BOOL },
	{ DF_ADD, "exclude", FLAG_LIST }, { DF_ADD, "unpack", FLAG_BOOL }, { DF_ADD, "keep-git-dir", FLAG_LATER },
	{ DF_ADD, "checksum", FLAG_TEXT },
	{ DF_RUN, "mount", FLAG_LIST }, { DF_RUN, "network", FLAG_TEXT }, { DF_RUN, "security", FLAG_TEXT },
	{ DF_RUN, "device", FLAG_LATER },
	{ DF_HEALTHCHECK, "interval", FLAG_TEXT }, { DF_HEALTHCHECK, "timeout", FLAG_TEXT },
	{ DF_HEALTHCHECK, "start-period", FLAG_TEXT }, { DF_HEALTHCHECK, "start-interval", FLAG_TEXT },
	{ DF_HEALTHCHECK, "retries", FLAG_TEXT },
};

static void report(const struct df_instr *in, struct errs *errs, struct err *e)
{
	err_at(e, in->pos, df_kind_name(in->kind));
	errs_add(errs, e);
}

static void unknown_flag(const struct df_instr *in, const char *name, struct errs *errs)
{
	const char *names[ARRAY_LEN(flag_specs) + 1] = { NULL }, *near;
	auto_err struct err e = {0};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(flag_specs); i++)
		if (flag_specs[i].kind == in->kind)
			names[n++] = flag_specs[i].name;
	err_set(&e, ERR_MODEL, 0, "unknown flag `--%.64s`", name);
	near = str_nearest(name, names);
	if (near)
		err_hint(&e, "did you mean `--%s`?", near);
	report(in, errs, &e);
}

static int check_flag(const struct df_instr *in, const struct df_flag *f, const struct flag_spec *s, struct err *e)
{
	bool b;

	if (s->type == FLAG_LATER)
		return err_set(e, ERR_MODEL, 0, "`--%s` is not supported yet", f->name);
	if (s->type == FLAG_BOOL)
		return df_bool(f->val ? f->val : "", &b, e) < 0 ? err_wrap(e, "flag `--%s`", f->name) : 0;
	if (!f->val || !*f->val)
		return err_set(e, ERR_MODEL, 0, "missing a value on flag `--%s`", f->name);
	for (size_t i = 0; s->type != FLAG_LIST && &in->flags[i] != f; i++)
		if (str_eq(in->flags[i].name, f->name))
			return err_set(e, ERR_MODEL, 0, "duplicate flag specified: `--%s`", f->name);
	return 0;
}

static void check_flags(const struct df_instr *in, struct errs *errs)
{
	for (size_t i = 0; i < in->n_flags; i++) {
		const struct flag_spec *s = NULL;
		auto_err struct err e = {0};

		for (size_t k = 0; k < ARRAY_LEN(flag_specs); k++)
			if (flag_specs[k].kind == in->kind && str_eq(flag_specs[k].name, in->flags[i].name))
				s = &flag_specs[k];
		if (!s)
			unknown_flag(in, in->flags[i].name, errs);
		else if (check_flag(in, &in->flags[i], s, &e) < 0)
			report(in, errs, &e);
	}
}

static bool plain(const char *s)
{
	return s && *s && !strpbrk(s, "$\"'\\`");
}

static int check_health(const struct df_instr *in, struct err *e)
{
	static const char *const names[] = { "interval", "timeout", "start-period", "start-interval" };
	uint64_t n;
	int64_t ns;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *v = df_flag(in, names[i]);

		if (v && *v && df_duration(v, &ns, e) < 0)
			return err_wrap(e, "flag `--%s`", names[i]);
		if (v && *v && ns && ns < 1000000)
			return err_set(e, ERR_MODEL, 0, "flag `--%s`: `%s` is less than 1ms", names[i], v);
	}
	if (df_flag(in, "retries") && *df_flag(in, "retries") &&
	    (!str_to_u64(df_flag(in, "retries"), &n) || n > INT32_MAX))
		return err_set(e, ERR_MODEL, 0, "flag `--retries`: `%s` is not a number", df_flag(in, "retries"));
	if (in->health_none && in->n_flags)
		return err_set(e, ERR_MODEL, 0, "HEALTHCHECK NONE takes no flags");
	return 0;
}

static int check_mounts(const struct df_instr *in, struct err *e)
{
	for (size_t i = 0; i < in->n_flags; i++) {
		const struct df_flag *f = &in->flags[i];
		struct df_mount m;

		if (!str_eq(f->name, "mount") || !f->val || strchr(f->val, '$'))
			continue;
		if (df_mount(f->val, &m, e) < 0)
			return -1;
		df_mount_done(&m);
	}
	return 0;
}

static int check_run(const struct df_instr *in, struct err *e)
{
	const char *net = df_flag(in, "network"), *sec = df_flag(in, "security");

	if (net && *net && !str_eq(net, "default") && !str_eq(net, "none") && !str_eq(net, "host"))
		return err_set(e, ERR_MODEL, 0, "unsupported network mode `%s` (default, none or host)", net);
	if (sec && str_eq(sec, "insecure"))
		return err_set(e, ERR_MODEL, 0,
			       "`--security=insecure` is refused: a build step never runs without its confinement");
	if (sec && *sec && !str_eq(sec, "sandbox"))
		return err_set(e, ERR_MODEL, 0, "unsupported security mode `%s` (sandbox)", sec);
	return check_mounts(in, e);
}

/* spec: Dockerfile reference "ADD --checksum" */
static int check_checksum(const struct df_instr *in, struct err *e)
{
	const char *sum = df_flag(in, "checksum");

	if (!sum)
		return 0;
	if (plain(sum) && !df_is_sha256(sum))
		return err_set(e, ERR_MODEL, 0, "invalid checksum `%s`: it is sha256: and 64 hexadecimal digits", sum);
	if (in->n_words != 2 || in->n_docs || (plain(in->words[0]) && df_remote(in->words[0]) != DF_HTTP))
		return err_set(e, ERR_MODEL, 0, "`--checksum` is for one http source");
	return 0;
}

static int check_copy(const struct df_instr *in, struct err *e)
{
	const char *from = df_flag(in, "from"), *mode = df_flag(in, "chmod");
	struct df_chmod c;

	for (size_t i = 0; i + 1 < in->n_words; i++) {
		enum df_remote r = df_remote(in->words[i]);

		if (r != DF_LOCAL && in->kind == DF_COPY)
			return err_set(e, ERR_MODEL, 0, "source can't be a URL for COPY: `%s`", in->words[i]);
		if (r == DF_GIT)
			return err_set(e, ERR_MODEL, 0, "ADD from a git repository is not supported yet: `%s`", in->words[i]);
	}
	if (check_checksum(in, e) < 0)
		return -1;
	if (from && strchr(from, '$'))
		return err_set(e, ERR_MODEL, 0,
			       "`--from` doesn't support variable expansion, define an alias stage instead");
	if (from && in->n_docs)
		return err_set(e, ERR_MODEL, 0, "a heredoc cannot be used with `--from`");
	if (!plain(mode))
		return 0;
	return df_chmod(mode, &c, e);
}

static int check_ports(const struct df_instr *in, struct err *e)
{
	for (size_t i = 0; i < in->n_words; i++) {
		auto_strv struct strv ports = {0};

		if (plain(in->words[i]) && df_ports(in->words[i], &ports, e) < 0)
			return -1;
	}
	return 0;
}

void df_check(const struct df_instr *in, struct errs *errs)
{
	auto_err struct err e = {0};
	int r = 0;

	check_flags(in, errs);
	switch (in->kind) {
	case DF_HEALTHCHECK: r = check_health(in, &e); break;
	case DF_RUN: r = check_run(in, &e); break;
	case DF_COPY: case DF_ADD: r = check_copy(in, &e); break;
	case DF_EXPOSE: r = check_ports(in, &e); break;
	case DF_STOPSIGNAL: r = plain(in->text) ? df_signal(in->text, &e) : 0; break;
	default: break;
	}
	if (r < 0)
		report(in, errs, &e);
}

/* ret: from names stage i itself or a later one, and no earlier one */
static bool names_later(const struct dockerfile *df, size_t i, const char *from)
{
	uint64_t n;

	if (df_stage_find(df, i, from) >= 0)
		return false;
	return df_stage_find(df, df->n_stages, from) >= 0 || (str_to_u64(from, &n) && n >= i);
}

static void check_from(const struct dockerfile *df, size_t stage, const struct df_instr *in, const char *from,
		       struct errs *errs)
{
	auto_err struct err e = {0};

	if (!from || !*from || !names_later(df, stage, from))
		return;
	err_set(&e, ERR_MODEL, 0, "`%s` is not an earlier stage: a stage can only use those before it", from);
	report(in, errs, &e);
}

void df_check_stages(const struct dockerfile *df, struct errs *errs)
{
	for (size_t i = 0; i < df->n_stages; i++) {
		for (size_t k = 0; k < df->stages[i].n_instr; k++) {
			const struct df_instr *in = df->stages[i].instr[k];

			if (in->kind == DF_COPY)
				check_from(df, i, in, df_flag(in, "from"), errs);
			for (size_t f = 0; in->kind == DF_RUN && f < in->n_flags; f++) {
				auto_err struct err e = {0};
				struct df_mount m;

				if (!str_eq(in->flags[f].name, "mount") || !in->flags[f].val ||
				    strchr(in->flags[f].val, '$') || df_mount(in->flags[f].val, &m, &e) < 0)
					continue;
				check_from(df, i, in, m.from, errs);
				df_mount_done(&m);
			}
		}
	}
}
