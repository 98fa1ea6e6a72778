/* SPDX-License-Identifier: Apache-2.0 */
/* port.c - `compose port`: where a published port is open on this host. */
#include "compose/base/str.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"

struct port_args { const char *protocol, *service; int64_t index; char **rest; };

static const struct opt port_opts[] = {
	OPT_INT(0, "index", struct port_args, index, "N", "replica number"),
	OPT_CHOICE(0, "protocol", struct port_args, protocol, "tcp udp", "default tcp"),
	OPT_HEAD(struct port_args, service, "SERVICE", ""),
	OPT_RESTX(struct port_args, rest, "PORT", OPT_NEED, "port in the container"),
	OPT_END
};

/* "80/tcp, 53/udp": each published port once */
static void add_published(struct str *b, const struct rec_bound *p)
{
	auto_free char *text = xasprintf("%u/%s", p->target, p->proto);

	if (!strstr(str_cstr(b), text))
		str_addf(b, "%s%s", b->len ? ", " : "", text);
}

static int port_run(struct ctx *c, const void *args, struct err *e)
{
	const struct port_args *a = args;
	const char *proto = a->protocol ? a->protocol : "tcp";
	const struct observed_ctr *ctr;
	auto_list struct list l = {0};
	auto_str struct str others = {0};
	uint64_t port;

	if (!str_to_u64(a->rest[0], &port) || !port || port > 65535) {
		err_set(e, ERR_USAGE, 0, "\"%s\" is no port", a->rest[0]);
		return err_hint(e, "write the container's port, a number, and --protocol udp where it is one of UDP");
	}
	ctr = act_ctr(c, a->service, a->index, false, e);
	if (!ctr || list_read(c, &l, e) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		for (size_t k = 0; str_eq(l.v[i]->r.id, ctr->id) && k < l.v[i]->s.bound.n; k++) {
			const struct rec_bound *b = &l.v[i]->s.bound.v[k];
			bool v6 = strchr(b->host_ip, ':');

			add_published(&others, b);
			if (b->target != port || !str_eq(b->proto, proto))
				continue;
			printf("%s%s%s:%u\n", v6 ? "[" : "", b->host_ip, v6 ? "]" : "", b->host_port);
			return 0;
		}
	err_set(e, ERR_MISSING, 0, "no port %d/%s for container %s%s%s", (int)port, proto, ctr->name, others.len ? ": " : "", str_cstr(&others));
	return err_hint(e, "`compose ps` shows the published ports");
}

const struct cmd cmd_port = { .name = "port", .usage = "[OPTION...] SERVICE PORT", .summary = "Print where a published port is open",
	.opts = port_opts, .args_size = sizeof(struct port_args),
	.needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | ALL_PROFILES, .run = port_run };
