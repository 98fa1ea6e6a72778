/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/used.h"
#include "compose/build/build.h"
#include "compose/state/record.h"

static int add_layers(void *arg, int dir, struct ctr_record *r, struct ctr_status *s)
{
	struct strv *used = arg;

	(void)dir;
	(void)s;
	for (size_t i = 0; i < r->layers.n; i++)
		strv_add(used, r->layers.v[i]);
	for (size_t i = 0; i < r->mount_layers.n; i++)
		strv_add(used, r->mount_layers.v[i]);
	return 0;
}

int used_layers(const struct paths *p, struct strv *used, struct err *e)
{
	if (record_each(p, NULL, add_layers, used, e) < 0)
		return -1;
	return build_cache_used(p->root, BUILD_CACHE_AGE_S, used, e);
}
