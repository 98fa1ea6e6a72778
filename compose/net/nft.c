/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/net/nft.h"
#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include "compose/base/dl.h"
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

enum { ANSWER_MAX = 65536 };

/* The names of libnftables' functions, as in its header. */
static struct {
	struct nft_ctx *(*new)(uint32_t flags);
	void (*output_set_flags)(struct nft_ctx *ctx, unsigned flags);
	int (*buffer_output)(struct nft_ctx *ctx);
	int (*buffer_error)(struct nft_ctx *ctx);
	const char *(*get_output)(struct nft_ctx *ctx);
	const char *(*get_error)(struct nft_ctx *ctx);
	int (*run)(struct nft_ctx *nft, const char *buf);
} lib;

static const struct dl_sym syms[] = {
	{ "nft_ctx_new", &lib.new },
	{ "nft_ctx_output_set_flags", &lib.output_set_flags },
	{ "nft_ctx_buffer_output", &lib.buffer_output },
	{ "nft_ctx_buffer_error", &lib.buffer_error },
	{ "nft_ctx_get_output_buffer", &lib.get_output },
	{ "nft_ctx_get_error_buffer", &lib.get_error },
	{ "nft_run_cmd_from_buffer", &lib.run },
	{ NULL, NULL },
};

/* The context is the child's and goes with it. */
static int context(struct nft_ctx **ret, struct err *e)
{
	struct nft_ctx *c = lib.new(0);

	if (!c || lib.buffer_output(c) || lib.buffer_error(c))
		return err_set(e, ERR_SYS, 0, "start libnftables");
	*ret = c;
	return 0;
}

static int run(struct nft_ctx *c, unsigned output, const char *script, struct err *e)
{
	auto_free char *text = NULL;

	lib.output_set_flags(c, output);
	if (lib.run(c, script) == 0)
		return 0;
	text = str_printable(lib.get_error(c));
	text[strcspn(text, "\n")] = '\0';
	return err_set(e, ERR_SYS, 0, "nft: %s", *text ? text : "failed without a reason");
}

/* A JSON listing. ret: the array of objects, borrowed from *ret */
static const json_t *list(struct nft_ctx *c, const char *cmd, json_t **ret, struct err *e)
{
	const char *out;

	if (run(c, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE, cmd, e) < 0)
		return NULL;
	out = lib.get_output(c);
	if (json_parse(out, strlen(out), "nft list", ret, e) < 0)
		return NULL;
	return json_object_get(*ret, "nftables");
}

/* Names go back into a script: only plain ones, in quotes nothing else is needed. */
static bool plain(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	return n && !s[n];
}

static void remove_ours(struct nft_ctx *c, const struct nft_host *h, const char *where, struct str *script,
			struct err *e)
{
	auto_json json_t *j = NULL;
	auto_free char *cmd = xasprintf("list chain %s", where);
	const json_t *item, *all = list(c, cmd, &j, e);
	size_t i;

	json_array_foreach(all, i, item) {
		const json_t *rule = json_object_get(item, "rule");

		if (rule && str_eq(json_str(rule, "comment", ""), h->comment))
			str_addf(script, "delete rule %s handle %lld\n", where, (long long)json_int(rule, "handle", 0));
	}
}

static bool wanted_family(const struct nft_host *h, const char *family)
{
	bool four = str_eq(family, "ip") || str_eq(family, "inet"), six = str_eq(family, "ip6");

	return h->pass == NFT_PASS_REMOVE ? four || six : h->six ? six : four;
}

static void pass_chain(struct nft_ctx *c, const struct nft_host *h, const json_t *chain, struct str *script,
		       struct str *told, struct err *e)
{
	const char *family = json_str(chain, "family", ""), *table = json_str(chain, "table", "");
	const char *name = json_str(chain, "name", "");
	auto_free char *where = xasprintf("%s %s %s", family, table, name);

	if (!str_eq(json_str(chain, "hook", ""), "forward") || !str_eq(json_str(chain, "type", ""), "filter") ||
	    !wanted_family(h, family) || !plain(table) || !plain(name) || str_starts(table, "compose_"))
		return;
	remove_ours(c, h, where, script, e);
	if (h->pass != NFT_PASS_ADD || !str_eq(json_str(chain, "policy", ""), "drop"))
		return;
	str_addf(script, "insert rule %s iifname \"%s\" accept comment \"%s\"\n", where, h->uplink, h->comment);
	str_addf(script, "insert rule %s oifname \"%s\" ct state established,related accept comment \"%s\"\n", where,
		 h->uplink, h->comment);
	str_addf(told,
		 "the host drops forwarded packets in nft chain %s: two rules for %s were added to it (comment %s)\n",
		 where, h->uplink, h->comment);
}

static int pass(const struct nft_host *h, struct str *told, struct err *e)
{
	auto_json json_t *j = NULL;
	auto_str struct str script = STR_MAX(ANSWER_MAX);
	const json_t *item, *all;
	struct nft_ctx *c;
	size_t i;

	if (context(&c, e) < 0 || !(all = list(c, "list chains", &j, e)))
		return -1;
	json_array_foreach(all, i, item)
		if (json_object_get(item, "chain"))
			pass_chain(c, h, json_object_get(item, "chain"), &script, told, e);
	if (e->kind != ERR_NONE || (script.len && run(c, 0, script.s, e) < 0))
		return err_wrap(e, "let %s through the host's forward chains", h->uplink);
	return 0;
}

static int child_work(const struct nft_job *jobs, size_t n, const struct nft_host *h, struct str *told, struct err *e)
{
	auto_close int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct nft_ctx *c = NULL;

	if (host < 0)
		return err_set(e, ERR_SYS, errno, "open /proc/self/ns/net");
	if (dl_load("libnftables.so.1", "libnftables1", syms, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (setns(jobs[i].netns_fd < 0 ? host : jobs[i].netns_fd, CLONE_NEWNET) < 0)
			return err_set(e, ERR_SYS, errno, "enter a network namespace");
		if (context(&c, e) < 0 || run(c, 0, jobs[i].script, e) < 0)
			return -1;
	}
	if (!h || h->pass == NFT_PASS_NONE)
		return 0;
	if (setns(host, CLONE_NEWNET) < 0)
		return err_set(e, ERR_SYS, errno, "go back to the host's network namespace");
	return pass(h, told, e);
}

/* The answer: one byte, 0 done or 1 failed, then what was told or the failure's chain. */
static void __attribute__((noreturn)) child(int out, const struct nft_job *jobs, size_t n, const struct nft_host *h)
{
	struct str told = STR_MAX(ANSWER_MAX / 2);
	struct err e = { 0 };
	size_t len;
	char *text;

	if (child_work(jobs, n, h, &told, &e) < 0) {
		text = err_encode(&e, &len);
		if (fs_write_all(out, "\1", 1) < 0 || fs_write_all(out, text, len) < 0)
			_exit(1);
	} else if (fs_write_all(out, "\0", 1) < 0 || fs_write_all(out, str_cstr(&told), told.len) < 0) {
		_exit(1);
	}
	_exit(0);
}

static size_t read_all(int fd, char *buf, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, buf + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

static void tell(char *text, struct strv *warn)
{
	for (char *nl; warn && (nl = strchr(text, '\n')); text = nl + 1) {
		*nl = '\0';
		strv_add(warn, text);
	}
}

int nft_start(struct nft_child *ret, const struct nft_job *jobs, size_t n, const struct nft_host *h, struct err *e)
{
	/* no exit signal: the caller's own children are counted by SIGCHLD, this one is none of them */
	struct clone_args args = { .exit_signal = 0 };
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	pid = sys_clone3(&args);
	if (pid == 0)
		child(p[1], jobs, n, h);
	close(p[1]);
	if (pid < 0) {
		err_set(e, ERR_SYS, errno, "start the nft helper");
		close(p[0]);
		return -1;
	}
	*ret = (struct nft_child){ pid, p[0] };
	return 0;
}

int nft_finish(struct nft_child *c, struct strv *warn, struct err *e)
{
	auto_free char *answer = xmalloc(ANSWER_MAX + 1);
	size_t len = read_all(c->out, answer, ANSWER_MAX);
	int status;

	close(c->out);
	while (waitpid(c->pid, &status, __WALL) < 0 && errno == EINTR)
		;
	answer[len] = '\0';
	if (!len)
		return err_set(e, ERR_SYS, 0, "the nft helper died");
	if (*answer == 0) {
		tell(answer + 1, warn);
		return 0;
	}
	err_decode(e, answer + 1, len - 1);
	return -1;
}

int nft_run(const struct nft_job *jobs, size_t n, const struct nft_host *h, struct err *e)
{
	struct nft_child c = { -1, -1 };

	if (nft_start(&c, jobs, n, h, e) < 0)
		return -1;
	return nft_finish(&c, h ? h->warn : NULL, e);
}
