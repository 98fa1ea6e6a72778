/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/mountopt.h"
#include "compose/runtime/spec.h"
#include <string.h>
#include <sys/mount.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* Words about the mount. A leading "r" of these makes it recursive. */
static const struct { const char *word; uint64_t set, clr; } attrs[] = {
	{ "ro", MOUNT_ATTR_RDONLY, 0 },
	{ "rw", 0, MOUNT_ATTR_RDONLY },
	{ "nosuid", MOUNT_ATTR_NOSUID, 0 },
	{ "suid", 0, MOUNT_ATTR_NOSUID },
	{ "nodev", MOUNT_ATTR_NODEV, 0 },
	{ "dev", 0, MOUNT_ATTR_NODEV },
	{ "noexec", MOUNT_ATTR_NOEXEC, 0 },
	{ "exec", 0, MOUNT_ATTR_NOEXEC },
	{ "nodiratime", MOUNT_ATTR_NODIRATIME, 0 },
	{ "diratime", 0, MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME },
	{ "strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME },
	{ "relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME },
	{ "atime", 0, 0 },
	{ "norelatime", 0, 0 },
	{ "nostrictatime", 0, 0 },
};

static const struct { const char *word; uint64_t flag; } propagation[] = {
	{ "private", MS_PRIVATE }, { "shared", MS_SHARED }, { "slave", MS_SLAVE }, { "unbindable", MS_UNBINDABLE },
};

/* Words that change nothing here. */
static const char *const skipped[] = {
	"defaults", "async", "nolazytime", "nomand", "noiversion", "loud", "silent", "auto", "noauto", "nofail",
	"nouser", "_netdev", "z", "Z", "U", "nocopy", "remount",
};

static bool take_attr(struct mount_opts *o, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
		bool rec = word[0] == 'r' && !strcmp(word + 1, attrs[i].word);
		uint64_t *set = rec ? &o->rset : &o->set, *clr = rec ? &o->rclr : &o->clr;

		if (!rec && strcmp(word, attrs[i].word) != 0)
			continue;
		*set = (*set & ~attrs[i].clr) | attrs[i].set;
		*clr = (*clr & ~attrs[i].set) | (attrs[i].clr & MOUNT_ATTR__ATIME);
		return true;
	}
	return false;
}

static bool take_propagation(struct mount_opts *o, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(propagation); i++) {
		if (!strcmp(word, propagation[i].word))
			o->prop = propagation[i].flag;
		else if (word[0] == 'r' && !strcmp(word + 1, propagation[i].word))
			o->rprop = propagation[i].flag;
		else
			continue;
		return true;
	}
	return false;
}

static bool is_skipped(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(skipped); i++)
		if (!strcmp(word, skipped[i]))
			return true;
	return false;
}

int mount_opts_parse(struct mount_opts *ret, const char *type, const struct strv *words, struct err *e)
{
	ret->bind = str_eq(type, "bind") || str_eq(type, "rbind");
	ret->recursive = str_eq(type, "rbind");
	for (size_t i = 0; i < words->n; i++) {
		const char *w = words->v[i];

		if (!strcmp(w, "bind") || !strcmp(w, "rbind")) {
			ret->bind = true;
			ret->recursive |= w[0] == 'r';
		} else if (str_starts(w, MOUNT_SUBPATH)) {
			ret->subpath = w + strlen(MOUNT_SUBPATH);
		} else if (!strcmp(w, "tmpcopyup")) {
			ret->copy_up = true;
		} else if (!take_attr(ret, w) && !take_propagation(ret, w) && !is_skipped(w)) {
			strv_add(&ret->data, w);
		}
	}
	if (ret->bind && ret->data.n)
		return err_set(e, ERR_MODEL, 0, "option %s means nothing for a bind mount", ret->data.v[0]);
	return 0;
}

void mount_opts_done(struct mount_opts *o)
{
	strv_done(&o->data);
}

const char *mount_opts_value(const struct mount_opts *o, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < o->data.n; i++)
		if (!strncmp(o->data.v[i], key, n) && o->data.v[i][n] == '=')
			return o->data.v[i] + n + 1;
	return NULL;
}
