/* SPDX-License-Identifier: Apache-2.0 */
/* layer.h - unpack one layer's tar into a directory, through descriptors only.
 * runs in: client, in a thread of its own (it changes the thread's umask).   owns: nothing.   layer: image.
 * spec: OCI image-spec layer (whiteouts, hard links, attributes).   kernel: openat2 5.6.
 * The archive is hostile. Parents are resolved with RESOLVE_IN_ROOT, so links planted by earlier entries lead to places
 * inside the layer only; the last component is made with O_EXCL or its like and never followed; ".." is refused. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "compose/base/err.h"

struct layer_opts {
	bool     whiteouts;          /* ".wh." names become overlay whiteouts (a layer), or stay files (an import) */
	bool     user_xattr;         /* rootless: user.overlay.opaque instead of trusted.overlay.opaque */
	bool     no_devices;         /* leave device nodes out (as happens where the kernel refuses them) */
	bool     compressed;         /* the source may be compressed: only where no digest of the tar is needed */
	uint64_t max_entries;        /* 0: 4 million */
	uint64_t max_bytes;          /* sum of the files' sizes, holes included; 0: 4 TiB */
};
struct layer_stats { uint64_t entries, bytes, devices_left_out, xattrs_left_out; };

/* ret: length of the next piece at *buf, 0 at the end, -1 when the source failed */
typedef long layer_read_fn(void *arg, const void **buf);
/* Unpack into the directory dirfd (O_RDONLY). Reads up to the archive's end, not to the source's.
 * err: names the entry. ERR_SYS: broken or hostile archive, disk full */
int layer_untar(int dirfd, layer_read_fn *read, void *arg, const struct layer_opts *o, struct layer_stats *st,
		struct err *e) __attribute__((warn_unused_result));
