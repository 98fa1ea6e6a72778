/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/dl.h"
#include <dlfcn.h>
#include <string.h>

int dl_load(const char *soname, const char *debian_package, const struct dl_sym *syms, struct err *e)
{
	void *h = dlopen(soname, RTLD_NOW | RTLD_LOCAL), *p;

	if (!h) {
		err_set(e, ERR_MISSING, 0, "load %s: %s", soname, dlerror());
		return err_hint(e, "install the package %s", debian_package);
	}
	for (; syms->name; syms++) {
		p = dlsym(h, syms->name);
		if (!p)
			return err_set(e, ERR_MISSING, 0, "%s has no function %s", soname, syms->name);
		memcpy(syms->slot, &p, sizeof(p));
	}
	return 0;
}
