/* SPDX-License-Identifier: Apache-2.0 */
/* value.h - texts of compose attributes to numbers and parts: sizes, durations, ports, modes, words, numbers.
 * runs in: client.   owns: nothing unless said.   layer: parser, pure.
 * Every function takes the whole text; on false (or a reason) the outputs are untouched. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/coll.h"
#include "compose/base/mem.h"

/* "512m", "1.5gb", "10 MiB", "1024", "-1": 1024-based, any case.   spec: compose-spec 11-extension "byte values" */
bool value_bytes(const char *s, int64_t *ret_bytes);
/* "1h30m", "1.5s", "90s", "0": units ns us ms s m h d w.   spec: compose-spec 11-extension "durations" */
bool value_duration(const char *s, int64_t *ret_ns);
enum { DURATION_TEXT = 64 };
/* The form that configs are printed in: 1m30s, 1.5s, 0s. */
void value_duration_text(int64_t ns, char buf[DURATION_TEXT]);
/* "true", "false" in any case; y yes on n no off are taken too, then *ret_old is true (deprecated). */
bool value_bool(const char *s, bool *ret, bool *ret_old);
bool value_i64(const char *s, int64_t *ret);                     /* decimal, optional sign */
bool value_double(const char *s, double *ret);                   /* decimal, finite */
/* Shortest text that reads back as v: "0.5", "2", "1e+21". */
enum { DOUBLE_TEXT = 40 };
void value_double_text(double v, char buf[DOUBLE_TEXT]);
/* The same for a value held in single precision, as cpus is. */
void value_float_text(float v, char buf[DOUBLE_TEXT]);
/* Octal text such as "0440", "440", "0o440". */
bool value_mode(const char *s, int64_t *ret_mode);

/* Split a command line into words: quotes and backslashes go, nothing is expanded; an unquoted ; & | < > ends the line.
 * ret: NULL, or why it cannot be split. out: words appended */
const char *value_words(const char *s, struct strv *out);

/* [ip:][host[-end]:]container[-end][/proto]. Lists the pairs, sorted by "container/proto" as text.   spec: 05-services "ports" */
struct port_pair { uint16_t target, published, published_end; };      /* published 0 = none given; end > published: range */
struct port_spec {
	char  host_ip[64];             /* "" = none; IPv6 without brackets */
	char  protocol[5];             /* tcp, udp, sctp */
	bool  has_published;
	struct port_pair *pair; size_t n;      /* caller frees pair */
};
/* ret: NULL, or what is wrong with it */
const char *value_ports(const char *s, struct port_spec *ret);
/* "8000" or "8000-8010". ret: false when it is neither, or not within 0-65535, or the wrong way round */
bool value_port_range(const char *s, uint16_t *ret_first, uint16_t *ret_last);
bool value_ip(const char *s);                                    /* an IPv4 or IPv6 address */
/* "c 42:* rmw": type (a, b, c), major and minor (-1 any), access.   spec: 05-services "device_cgroup_rules" */
bool value_device_rule(const char *s, char *ret_type, int64_t *ret_major, int64_t *ret_minor, char ret_access[4]);
/* "daemon", "local3", "3": a facility of syslog. ret: its number, -1 when it is none */
int  value_log_facility(const char *s);
/* A name that the container and project rules allow: [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
bool value_name(const char *s);
/* A key of services, networks, volumes ...: [a-zA-Z0-9._-]+ */
bool value_key(const char *s);
