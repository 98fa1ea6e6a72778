/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/usage.h"
#include <fcntl.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/runtime/cgroup.h"

enum { NET_DEV_MAX = 1 << 20 };

struct usage_host { const struct paths *paths; struct cgroup_host *cgroups; };

int usage_open(struct usage_host **ret, const struct paths *p, struct err *e)
{
	struct cgroup_host *c = NULL;

	if (cgroup_host_open(&c, e) < 0)
		return -1;
	*ret = xcalloc(1, sizeof(**ret));
	**ret = (struct usage_host){ p, c };
	return 0;
}

void usage_close(struct usage_host *h)
{
	if (!h)
		return;
	cgroup_host_close(h->cgroups);
	free(h);
}

/* "  eth0: RXBYTES packets errs drop fifo frame compressed multicast TXBYTES ..." */
static void add_interface(char *line, struct usage *u)
{
	unsigned long long f[9] = {0};
	char *colon = strchr(line, ':'), *s, *end;

	line += strspn(line, " ");
	if (!colon || str_starts(line, "lo:"))
		return;
	s = colon + 1;
	for (size_t i = 0; i < ARRAY_LEN(f); i++, s = end) {
		f[i] = strtoull(s, &end, 10);
		if (end == s)
			return;
	}
	u->net_rx_bytes += (int64_t)f[0];
	u->net_tx_bytes += (int64_t)f[8];
}

/* /proc/PID/net shows the network namespace of PID, whoever reads it. */
static void network(const struct ctr_record *r, const struct ctr_status *s, struct usage *u)
{
	auto_free char *path = xasprintf("/proc/%d/net/dev", (int)s->pid), *text = NULL;
	auto_err struct err e = {0};
	char *line, *end;

	u->net_rx_bytes = u->net_tx_bytes = 0;
	if (str_eq(r->network_mode, "host"))
		return;
	if (fs_read(AT_FDCWD, path, NET_DEV_MAX, &text, NULL, &e) < 0 || sys_start_time(s->pid) != s->pid_start) {
		u->net_rx_bytes = u->net_tx_bytes = -1;
		return;
	}
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		add_interface(line, u);
	}
}

static int64_t machine_memory(void)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

void usage_read(struct usage_host *h, const struct ctr_record *r, const struct ctr_status *s, struct usage *ret)
{
	auto_free char *group = record_cgroup(h->paths, r);
	struct cgroup_stats st;
	int64_t all = machine_memory();

	cgroup_stats(h->cgroups, group, &st);
	*ret = (struct usage){.at_ns = sys_mono_ns(),
			      .cpu_ns = st.cpu_ns,
			      .memory_bytes = st.memory_bytes,
			      .pids = st.pids,
			      .memory_limit_bytes = st.memory_limit_bytes > 0 && st.memory_limit_bytes < all
							    ? st.memory_limit_bytes
							    : all,
			      .blk_read_bytes = st.blk_read_bytes,
			      .blk_write_bytes = st.blk_write_bytes};
	if (st.memory_bytes >= 0 && st.memory_cache_bytes > 0 && st.memory_cache_bytes <= st.memory_bytes)
		ret->memory_bytes -= st.memory_cache_bytes;
	network(r, s, ret);
}
