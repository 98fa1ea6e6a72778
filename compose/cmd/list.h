/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - containers of a project with all that `ps`, `images`, `top` and `port` show of them.
 * runs in: client.   owns: struct listed its record and status.   layer: cmd. */
#pragma once
#include "compose/cmd/cmd.h"
#include "compose/state/record.h"

struct listed { struct ctr_record r; struct ctr_status s; };
struct list { struct listed **v; size_t n, cap; };
#define auto_list __attribute__((cleanup(list_done)))

/* Read them, sorted by name. A container that "runs" without a supervisor has ended. */
int  list_read(struct ctx *c, struct list *ret, struct err *e) __attribute__((warn_unused_result));
void list_done(struct list *l);
/* "Up 5 minutes (healthy)", "Exited (1) 3 seconds ago", "Created". ret: caller frees */
char *list_status(const struct listed *l);
/* A row of ports one after the other: on the host from host on (0: not published), in the container from target on. */
struct port_span { const char *ip, *proto; unsigned host, target, n; };     /* texts borrowed from the record and status */
struct port_spans { struct port_span *v; size_t n, cap; };
/* What a container that runs has open, then what it only exposes. ret: caller frees with vec_done */
struct port_spans list_spans(const struct listed *l);
/* "0.0.0.0:8000-8002->8000-8002/tcp, [::]:8080->80/tcp, 443/tcp". ret: caller frees */
char *list_ports(const struct listed *l);
/* err: ERR_USAGE for a name that is neither in the file nor that of a container's service */
int  list_check_names(const struct ctx *c, const struct list *l, char *const *services, struct err *e) __attribute__((warn_unused_result));
bool list_named(char *const *services, const char *service);   /* no names: all */
