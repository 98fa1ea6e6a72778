/* SPDX-License-Identifier: Apache-2.0 */
/* op_vol.c - volumes of the local driver that have something of their own to mount: mounted before the start of a container that
 * uses them, by us, for it may take long; the supervisor holds them from its start on (state/vol_use.h). */
#include "compose/base/str.h"
#include "compose/engine/engine_priv.h"
#include "compose/state/vol_use.h"

static void say_where(const struct engine *en, const char *name, struct err *e)
{
	const struct project *p = en->o.project;

	for (size_t i = 0; p && i < p->n_volumes; i++)
		if (str_eq(p->volumes[i].name, name) && p->volumes[i].driver_opts.n) {
			auto_free char *key = xasprintf("volumes.%s.driver_opts", p->volumes[i].key);

			err_at(e, p->volumes[i].driver_opts.v[0].pos, key);
		}
}

static int one(struct engine *en, const char *name, struct err *e)
{
	struct vol_record r = {0};
	int got = vol_record_read(en->o.paths, name, &r, e), fd = -1;

	if (got == 0 && vol_mounts(&r)) {
		fd = vol_hold(en->o.paths, name, e);
		got = fd < 0 ? -1 : vol_mount(en->o.paths, &r, e);
		if (got < 0)
			say_where(en, name, e);
	}
	vol_record_done(&r);
	if (fd >= 0) {
		(void)pthread_mutex_lock(&en->mutex);
		vec_push(&en->vols, (struct held_vol){ xstrdup(name), fd });
		(void)pthread_mutex_unlock(&en->mutex);
	}
	return got < 0 ? -1 : 0;
}

/* The volumes that container id mounts. ret: 0, or -1 with e */
static int volumes_of(struct engine *en, const char *id, struct strv *ret, struct err *e)
{
	auto_close int dir = record_dir(en->o.paths, en->o.name, id, false);
	struct ctr_record r = {0};

	if (dir < 0 || record_read(dir, &r, e) < 0)
		return dir < 0 ? err_set(e, ERR_MISSING, 0, "container %.12s is gone", id) : -1;
	for (size_t i = 0; i < r.volumes.n; i++)
		strv_add(ret, r.volumes.v[i]);
	record_done(&r);
	return 0;
}

int engine_mount_volumes(struct engine *en, const char *id, struct err *e)
{
	auto_strv struct strv names = {0};

	if (volumes_of(en, id, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (one(en, names.v[i], e) < 0)
			return -1;
	return 0;
}

bool has_mounted_volume(struct engine *en, const char *id)
{
	auto_err struct err ignored = {0};
	auto_strv struct strv names = {0};
	bool has = false;

	if (volumes_of(en, id, &names, &ignored) < 0)
		return false;
	for (size_t i = 0; i < names.n && !has; i++) {
		struct vol_record r = {0};

		has = vol_record_read(en->o.paths, names.v[i], &r, &ignored) == 0 && vol_mounts(&r);
		vol_record_done(&r);
	}
	return has;
}

void engine_unmount_volumes(struct engine *en)
{
	for (size_t i = 0; i < en->vols.n; i++) {
		vol_let_go(en->o.paths, en->vols.v[i].name, en->vols.v[i].fd);
		free(en->vols.v[i].name);
	}
	vec_done(&en->vols);
}
