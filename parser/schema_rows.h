/* SPDX-License-Identifier: Apache-2.0 */
/* schema_rows.h - words that the files of the schema table share.
 * runs in: client.   owns: nothing.   layer: parser, inside only (schema_*.c). */
#pragma once
#include "compose/base/mem.h"
#include "parser/schema_hooks.h"
#include "parser/value.h"

#define NUL  FORM_NULL
#define BOOL FORM_BOOL
#define INT  FORM_INT
#define NUM  FORM_NUM
#define STR  FORM_STR
#define LIST FORM_LIST
#define MAP  FORM_MAP
/* A mapping of scalars, or a list of K=V. */
#define KV .forms = MAP | LIST, .keys = &kv_keys, .item = &row_text, .flags = KEY_UNIQUE
#define TEXTS .forms = LIST, .item = &row_text
#define UNIQUE_TEXTS TEXTS, .flags = KEY_UNIQUE
#define TEXT_OR_LIST .forms = STR | LIST, .item = &row_text, .flags = KEY_UNIQUE, .canon = canon_list
#define FLAG .forms = BOOL | STR, .settle = settle_bool
#define DURATION .forms = STR, .settle = settle_duration
#define KEY_WANTED "letters, digits, '.', '_' and '-'"

extern const struct key row_text, row_text_num;
extern const struct keys kv_keys;           /* values: scalars or null */
extern const struct keys opt_keys;          /* values: texts or numbers */
extern const struct keys null_opt_keys;     /* values: texts, numbers or null */
extern const struct keys text_keys;         /* values: texts */
extern const struct keys host_keys;         /* extra_hosts */
extern const struct keys ulimits_keys;
extern const struct keys hook_keys;         /* post_start, pre_stop, develop.watch[].exec */
extern const struct keys schema_deploy, schema_develop;
extern const struct key file_mount_item, device_request_item;
