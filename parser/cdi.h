/* SPDX-License-Identifier: Apache-2.0 */
/* cdi.h - what a Container Device Interface spec says: devices by name, and what a container needs to use them.
 * runs in: client.   owns: everything goes to the arena given.   layer: parser, pure: files come through the caller.
 * spec: CDI 0.3 to 0.8. A spec is YAML or JSON, which is YAML too. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "parser/diag.h"
#include "parser/project.h"

/* major, minor: -1 = those of host_path; mode, uid, gid: -1 = its own */
struct cdi_node { const char *path, *host_path; char type; int64_t major, minor, mode, uid, gid; const char *access; };
struct cdi_mount { const char *host_path, *path, *type; struct pstrs options; };
struct cdi_edits {
	struct pstrs env, gids;                /* "K=V"; numbers */
	struct cdi_node *nodes; size_t n_nodes;
	struct cdi_mount *mounts; size_t n_mounts;
	const char *refused;                   /* what it asks for that is not carried out ("hooks"), or NULL */
};
struct cdi_device { const char *name; struct cdi_edits edits; };
struct cdi_spec {
	const char *file, *kind;               /* "vendor.com/class" */
	struct cdi_device *devices; size_t n_devices;
	struct cdi_edits edits;                /* with any of its devices */
};

/* "vendor.com/class=name". Such a thing cannot be a path of a device. */
bool cdi_is_name(const char *s);
/* Read one spec. in: src->name is the file's. ret: 0, or -1 when mistakes were added to errs */
int cdi_parse(struct arena *a, const struct source *src, struct cdi_spec *ret, struct errs *errs) __attribute__((warn_unused_result));
