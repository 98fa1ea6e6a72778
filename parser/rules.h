/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - one table, by attribute, of how values merge, what makes list items the same, and which texts are paths.
 * runs in: client.   owns: nothing; the table is constant.   layer: parser, pure.
 * spec: compose-spec 13-merge, and the relative path rule of each attribute. */
#pragma once
#include <stddef.h>

enum merge_rule {
	MERGE_DEFAULT,       /* mappings key by key, lists one behind the other, the later scalar wins */
	MERGE_REPLACE,       /* the later value wins whole, null too */
	MERGE_TO_LIST,       /* both as a list of KEY=VALUE, one behind the other */
	MERGE_HOSTS,         /* the same, exact duplicates left out */
	MERGE_BUILD,         /* a text is {context: text} */
	MERGE_DEPENDS,       /* a list is a mapping to {condition: service_started, required: true} */
	MERGE_NAMES,         /* a list is a mapping to nulls */
	MERGE_LOGGING,       /* key by key when the driver is the same, else the later wins whole */
	MERGE_POOLS,         /* items with the same subnet key by key */
};
enum unique_rule {
	UNIQUE_NONE,
	UNIQUE_KEY,          /* text before "=" */
	UNIQUE_TEXT, UNIQUE_ENV_FILE, UNIQUE_PORT, UNIQUE_VOLUME, UNIQUE_DEVICE,
	UNIQUE_CONFIG,       /* mounted at / unless target says otherwise */
	UNIQUE_SECRET,       /* at /run/secrets */
};
enum path_rule {
	PATH_NONE,
	PATH_ANY,            /* relative unless absolute */
	PATH_HOST,           /* Windows paths are absolute too */
	PATH_LIST,           /* the same, several with "," between */
	PATH_CONTEXT,        /* or a URL */
	PATH_MOUNT,          /* source of a bind */
	PATH_DRIVER,         /* device of a local bind volume */
	PATH_WATCH,          /* links are resolved */
	PATH_EXTENDS,        /* or a remote file */
};

struct rule {
	const char        *key;        /* "*": any key, and the items of a list */
	enum merge_rule    merge;
	enum unique_rule   unique;
	enum path_rule     path;
	const struct rule *sub;        /* sorted by key; or NULL */
	size_t             n_sub;
};

extern const struct rule rules_project;        /* the document */
/* The rule of a key below r. key NULL: of list items. ret: NULL when nothing special is known there (r NULL gives
 * NULL) */
const struct rule *rule_child(const struct rule *r, const char *key);
