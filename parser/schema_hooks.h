/* SPDX-License-Identifier: Apache-2.0 */
/* schema_hooks.h - the hooks that the rows of the schema table name.
 * runs in: client.   owns: nothing.   layer: parser, inside only (schema_*.c, canon*.c, settle.c). */
#pragma once
#include "parser/schema.h"

/* canon.c: short form to long form. A value of another type is left as it is (schema_check has told). */
key_hook canon_build, canon_extends, canon_include;            /* "x" -> {context: x}, {service: x}, {path: x} */
key_hook canon_list;                                           /* "x" -> [x] */
key_hook canon_names;                                          /* [a, b] -> {a: null, b: null} */
key_hook canon_depends_on;                                     /* the same with {condition, required} */
key_hook canon_env_file;                                       /* "x", ["x"] -> [{path: x, required: true}] */
key_hook canon_file_mount;                                     /* "x" -> {source: x} */
key_hook canon_contexts;                                       /* [name=x] -> {name: x} */
key_hook canon_ssh;                                            /* [default, id=path] -> {default: null, id: path} */
key_hook canon_gpus;                                           /* all -> [{count: all}] */
key_hook canon_device;                                         /* "/dev/a:/dev/b:rw" -> {source, target, permissions} */
key_hook canon_external;                                       /* external: {name: x} -> external: true, name: x */
key_hook canon_text;                                           /* true -> "true" */
/* canon_mount.c, canon_ports.c */
key_hook canon_volume;                                         /* "./a:/b:ro" -> {type, source, target, ...} */
key_hook canon_ports;                                          /* 80, "80-82:80-82/udp" -> [{target, published ...}] */

/* settle.c: text to the type that the attribute has. */
key_hook settle_bool, settle_int, settle_count, settle_float, settle_bytes, settle_duration, settle_text;
key_hook settle_micros;                                        /* "950ms", 950000: microseconds */
key_hook settle_mode_text, settle_mode_int, settle_device_count;
key_hook settle_env, settle_labels, settle_options, settle_multi, settle_hosts, settle_words, settle_test, settle_ulimit;
/* settle_elem.c: defaults and checks of one element. */
key_hook settle_build, settle_port, settle_secret_mount, settle_device_request, settle_bind, settle_mount, settle_trigger;
key_hook settle_volume, settle_secret, settle_config, settle_dns;
