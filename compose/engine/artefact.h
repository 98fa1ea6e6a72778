/* SPDX-License-Identifier: Apache-2.0 */
/* artefact.h - a compose project that was published to a registry as an OCI artefact.
 * runs in: client.   owns: artefact_done frees.   layer: engine.
 * spec: OCI image-spec manifest with artifactType application/vnd.docker.compose.project; a layer is one file, named by
 * the annotation com.docker.compose.file or com.docker.compose.envfile. All of it is hostile. */
#pragma once
#include "compose/base/err.h"
#include "compose/image/manifest.h"

enum { ARTEFACT_FILES_MAX = 100, ARTEFACT_BYTES_MAX = 64 << 20 };

struct registry;
/* joins: a further document of compose.yaml, not a file of its own (then name is "compose.yaml") */
struct artefact_file {
	char *name;
	struct blob_desc blob;
	bool joins;
};
struct artefact {
	VEC(struct artefact_file) files;
};
#define auto_artefact __attribute__((cleanup(artefact_done)))

/* Read a manifest; pure. name is for messages
 * err: ERR_MODEL: no compose project, a name that is no plain file name, twice the same, too many or too large */
int artefact_parse(const char *text, size_t len, const char *name, struct artefact *ret, struct err *e)
	__attribute__((warn_unused_result));
/* Fetch its files into the directory dir. */
int artefact_fetch(const struct artefact *a, struct registry *reg, int dir, struct err *e)
	__attribute__((warn_unused_result));
void artefact_done(struct artefact *a);

/* One file of what is published. */
struct artefact_text { const char *name; bool env; const char *text; size_t len; };
/* Publish under tag: the first text is the compose file, further ones that are no env files join it.
 * in: old: the layout of OCI 1.0, for registries that know no artifactType. ret: 0 with the manifest's digest */
int artefact_put(struct registry *reg, const char *tag, const struct artefact_text *v, size_t n, bool old, char ret_digest[72],
		 struct err *e) __attribute__((warn_unused_result));
