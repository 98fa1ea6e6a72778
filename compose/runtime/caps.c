/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/caps.h"
#include <ctype.h>
#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "compose/base/mem.h"

#define BIT(c) (UINT64_C(1) << (c))

uint64_t caps_default(void)
{
	return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_KILL) |
	       BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_NET_RAW) |
	       BIT(CAP_SYS_CHROOT) | BIT(CAP_MKNOD) | BIT(CAP_AUDIT_WRITE) | BIT(CAP_SETFCAP);
}

uint64_t caps_all(void)
{
	return BIT(cap_max_bits()) - 1;
}

bool caps_from_name(const char *name, uint64_t *bit)
{
	char full[40];
	cap_value_t v;
	size_t n;

	n = (size_t)snprintf(full, sizeof(full), "%s%s", strncasecmp(name, "cap_", 4) ? "cap_" : "", name);
	if (n >= sizeof(full))
		return false;
	for (char *p = full; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	/* libcap takes plain numbers too; a name starts with a letter */
	if (!isalpha((unsigned char)full[4]) || cap_from_name(full, &v) < 0 || v < 0 || v > 63)
		return false;
	*bit = BIT(v);
	return true;
}

char *caps_name(unsigned n)
{
	char *lower = cap_to_name((cap_value_t)n), *s = xstrdup(lower ? lower : "cap_unknown");

	cap_free(lower);
	for (char *p = s; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return s;
}

static uint64_t get(cap_t c, cap_flag_t which)
{
	uint64_t set = 0;
	cap_flag_value_t on;

	for (cap_value_t v = 0; v < cap_max_bits(); v++)
		if (cap_get_flag(c, v, which, &on) == 0 && on == CAP_SET)
			set |= BIT(v);
	return set;
}

static void put(cap_t c, cap_flag_t which, uint64_t set)
{
	for (cap_value_t v = 0; v < cap_max_bits(); v++)
		(void)cap_set_flag(c, which, 1, &v, set & BIT(v) ? CAP_SET : CAP_CLEAR);
}

int caps_drop_bounding(uint64_t keep, struct err *e)
{
	for (cap_value_t v = 0; v < cap_max_bits(); v++)
		if (!(keep & BIT(v)) && prctl(PR_CAPBSET_READ, v, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, v, 0, 0, 0) < 0)
			return err_set(e, ERR_SYS, errno, "drop capability %d from the bounding set", v);
	return 0;
}

int caps_raise(struct err *e)
{
	cap_t c = cap_get_proc();
	int r;

	if (!c)
		return err_set(e, ERR_SYS, errno, "read capabilities");
	put(c, CAP_EFFECTIVE, get(c, CAP_PERMITTED));
	r = cap_set_proc(c);
	cap_free(c);
	return r < 0 ? err_set(e, ERR_SYS, errno, "raise capabilities") : 0;
}

static int set_ambient(uint64_t set, struct err *e)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return err_set(e, ERR_SYS, errno, "clear ambient capabilities");
	for (cap_value_t v = 0; v < cap_max_bits(); v++)
		if ((set & BIT(v)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, v, 0, 0) < 0)
			return err_set(e, ERR_SYS, errno, "raise ambient capability %d", v);
	return 0;
}

int caps_set(const struct spec_caps *want, struct err *e)
{
	cap_t c = cap_get_proc();
	uint64_t have;
	int r;

	if (!c)
		return err_set(e, ERR_SYS, errno, "read capabilities");
	have = get(c, CAP_PERMITTED);
	put(c, CAP_PERMITTED, want->permitted & have);
	put(c, CAP_EFFECTIVE, want->effective & want->permitted & have);
	put(c, CAP_INHERITABLE, want->inheritable & have);
	r = cap_set_proc(c);
	cap_free(c);
	if (r < 0)
		return err_set(e, ERR_SYS, errno, "set capabilities");
	return set_ambient(want->ambient & want->inheritable & want->permitted & have, e);
}
