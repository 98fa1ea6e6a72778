/* SPDX-License-Identifier: Apache-2.0 */
/* nft.h - nft scripts, run by libnftables in a short-lived child: about 5 ms, and its 2 MB go with the child.
 * runs in: supervisor worker (parent).   owns: nothing that lasts.   layer: net. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"

struct nft_job { int netns_fd; const char *script; };    /* netns_fd -1: the host's namespace */

/* A chain of the host that drops what it does not know cannot be overruled from a table of ours: in nftables an accept
 * ends one base chain, a drop ends the packet. Where the host has such a forward chain (Docker's, ufw's), two accept
 * rules for our uplink are put on top of it, with our table's name as comment, and removed with the router. This is the
 * only thing done to a table that is not ours. Chains of iptables-legacy are not visible here. */
enum nft_pass { NFT_PASS_NONE, NFT_PASS_ADD, NFT_PASS_REMOVE };
struct nft_host {
	enum nft_pass pass;
	const char *uplink, *comment;
	struct strv *warn;         /* one line per chain that was changed; may be NULL */
	bool six;                  /* NFT_PASS_ADD: only chains of family ip6; otherwise those of ip and inet */
};

/* The same in two halves, so that the caller can work meanwhile: after a removal the kernel lets the child go only when
 * a grace period of 15 ms is over. Each started one is finished. */
struct nft_child { int pid, out; };
int nft_start(struct nft_child *ret, const struct nft_job *jobs, size_t n, const struct nft_host *h, struct err *e)
	__attribute__((warn_unused_result));
int nft_finish(struct nft_child *c, struct strv *warn, struct err *e) __attribute__((warn_unused_result));

/* Run the jobs in order, each one transaction, then the host's part (h may be NULL). */
int nft_run(const struct nft_job *jobs, size_t n, const struct nft_host *h, struct err *e)
	__attribute__((warn_unused_result));
