/* SPDX-License-Identifier: Apache-2.0 */
/* RUN, stages, the image's configuration, mounts, failures. Containers are played by the runner of build_help.h. */
#include "compose/base/intr.h"
#include "tests/unit/build_help.h"
#include <poll.h>
#include <signal.h>

static struct bench b;

/* The image's layers have /etc, so that files can be put there by the runner. */
#define START "FROM scratch\nCOPY seed /\n"

static void shells(void)
{
	b_good(&b, START "RUN echo $A  \"b\" \\\n   && c\n", "shell form");
	is_str(b_text(&b, "/sh"), "/bin/sh|-c|echo $A  \"b\"    && c", "goes to /bin/sh -c untouched");
	b_good(&b, START "SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN x\nCMD y\n", "SHELL");
	is_str(b_text(&b, "/sh"), "/bin/bash|-o|pipefail|-c|x", "is used by RUN");
	b_good(&b, START "RUN <<EOF\none\ntwo $x\nEOF\n", "a heredoc alone");
	is_str(b_text(&b, "/sh"), "/bin/sh|-c|one\ntwo $x\n", "is the script");
	b_good(&b, START "RUN cat <<A - <<-B >f\na\nA\n\tb\n\tB\n", "a command with heredocs");
	is_str(b_text(&b, "/sh"), "/bin/sh|-c|cat <<A - <<-B >f\na\nA\n\tb\n\tB\n", "goes to the shell as a whole");
	b_good(&b, START "RUN <<prog\n#!/bin/python\nprint(1)\nprog\nRUN [\"mounts\"]\n", "a heredoc with #!");
	is_str(b_text(&b, "/sh"), "/dev/pipes/prog", "is run as a program");
}

static void environment(void)
{
	static const struct build_kv args[] = {
		{ "GIVEN", "g" }, { "OVER", "o" }, { "NOT_DECLARED", "n" }, { "https_proxy", "http://p:1" }
	};

	b.o.args = args;
	b.o.n_args = 4;
	b_good(&b,
	       "ARG GLOBAL=glob\nARG HIDDEN=hid\n" START
	       "ARG GIVEN\nARG OVER=default\nARG PLAIN=p$GIVEN\nARG UNSET\nARG GLOBAL\nARG "
	       "HIDDEN2=${HIDDEN:-none}\nARG TARGETPLATFORM\nARG TARGETOS\n"
	       "ENV A=1 B=$A\nENV C=$A D=\"x y\" GIVEN=env\nENV A=2\nUSER me:us\nWORKDIR /w\nWORKDIR sub/../dir\nRUN "
	       "[\"env\"]\n",
	       "variables");
	b.o.n_args = 0;
	{
		const char *env = b_text(&b, "/env");

		ok(strstr(env, "A=2\n") && strstr(env, "C=1\n") && strstr(env, "D=x y\n"), "ENV");
		ok(strstr(env, "B=\n") != NULL, "values of one line see what was before it");
		ok(strstr(env, "GIVEN=env\n") && !strstr(env, "GIVEN=g"), "ENV hides ARG");
		ok(strstr(env, "OVER=o\n") && strstr(env, "PLAIN=pg\n"), "ARG: given, default");
		ok(!strstr(env, "UNSET") && !strstr(env, "NOT_DECLARED"),
		   "what is not set or not declared is not there");
		ok(strstr(env, "GLOBAL=glob\n") && strstr(env, "HIDDEN2=none\n"),
		   "a global one only where declared again");
		ok(strstr(env, "TARGETOS=linux\n") && strstr(env, "TARGETPLATFORM=linux/"), "the platform's");
		ok(strstr(env, "https_proxy=http://p:1\n") != NULL, "proxies without a declaration");
		ok(strstr(env, "PATH=/usr/local/sbin:") != NULL, "PATH");
		ok(strstr(env, "cwd /w/dir user me:us network default\n") != NULL, "directory, user, network");
	}
	{
		auto_image struct image *i = b_image(&b, b.id);
		bool proxy = false;

		for (size_t k = 0; k < i->history.n; k++)
			proxy |= strstr(i->history.v[k].created_by, "p:1") != NULL;
		ok(!proxy, "proxies are not in the history");
		is_str(i->history.v[i->history.n - 1].created_by[0] == 'R' ? "RUN" : "", "RUN",
		       "the last history entry is the RUN");
	}
}

static bool has(const struct strv *v, const char *s) { return strv_has(v, s); }

static void config(void)
{
	auto_image struct image *i = NULL;
	static const struct build_kv labels[] = { { "l1", "from options" } };
	static const char *const tags[] = { "me/app:1", "me/app:2" };

	b.o.labels = labels;
	b.o.n_labels = 1;
	b.o.tags = tags;
	b.o.n_tags = 2;
	b_good(&b,
	       START "ENV P=90\nLABEL l1=a \"l 2\"='b c'\nEXPOSE $P 53/udp 8000-8001\nVOLUME /v1 /v2\nVOLUME "
		     "[\"/v1\"]\nUSER $P:$P\nWORKDIR /w\n"
		     "STOPSIGNAL SIGUSR1\nHEALTHCHECK --interval=5s --timeout=1m --start-period=2s --start-interval=1s "
		     "--retries=4 CMD curl x\n"
		     "ENTRYPOINT [\"/e\", \"a\"]\nCMD c d\nONBUILD RUN x\nMAINTAINER me\nSHELL [\"/s\", \"-c\"]\n",
	       "every instruction");
	b.o.n_labels = b.o.n_tags = 0;
	i = b_image(&b, "me/app:2");
	if (!ok(i != NULL, "has its second tag"))
		return;
	is_str(i->id, b.id, "and the id that was told");
	ok(has(&i->conf.ports, "90/tcp") && has(&i->conf.ports, "53/udp") && has(&i->conf.ports, "8001/tcp") &&
		   i->conf.ports.n == 4,
	   "EXPOSE");
	ok(i->conf.volumes.n == 2 && has(&i->conf.volumes, "/v2"), "VOLUME");
	is_str(i->conf.user, "90:90", "USER");
	is_str(i->conf.workdir, "/w", "WORKDIR");
	is_str(i->conf.stop_signal, "SIGUSR1", "STOPSIGNAL");
	is_str(i->author, "me", "MAINTAINER");
	ok(i->conf.labels.n == 2 && str_eq(i->conf.labels.v[0].val, "from options") &&
		   str_eq(i->conf.labels.v[1].key, "l 2") && str_eq(i->conf.labels.v[1].val, "b c"),
	   "LABEL, with those of the options on top");
	ok(i->conf.health && i->conf.health->test.n == 2 && str_eq(i->conf.health->test.v[0], "CMD-SHELL") &&
		   i->conf.health->retries == 4 && i->conf.health->interval_ns == 5000000000 &&
		   i->conf.health->start_interval_ns == 1000000000,
	   "HEALTHCHECK");
	ok(i->conf.entrypoint.n == 2 && i->conf.cmd.n == 3 && str_eq(i->conf.cmd.v[2], "c d"), "ENTRYPOINT and CMD");
	ok(i->conf.onbuild.n == 1 && i->conf.shell.n == 2, "ONBUILD and SHELL");
	is_int((int)i->layers.n, 2, "two layers: COPY and WORKDIR");
}

static void inheritance(void)
{
	auto_image struct image *i = NULL;
	static const char *const tag[] = { "parent:1" };

	b.o.tags = tag;
	b.o.n_tags = 1;
	b_good(&b,
	       START "ENV A=1\nCMD [\"old\"]\nHEALTHCHECK CMD x\nONBUILD ARG WHAT=w\nONBUILD COPY a.txt "
		     "/onbuild\nONBUILD ENV T=$WHAT\n",
	       "a parent");
	b.o.n_tags = 0;
	b_good(&b, "FROM parent:1\nENTRYPOINT [\"e\"]\nHEALTHCHECK NONE\nRUN [\"env\"]\n", "a child");
	i = b_image(&b, b.id);
	ok(i->conf.cmd.n == 0 && i->conf.entrypoint.n == 1, "ENTRYPOINT clears the parent's CMD");
	ok(i->conf.health && str_eq(i->conf.health->test.v[0], "NONE"), "HEALTHCHECK NONE");
	is_str(b_text(&b, "/onbuild"), "A", "triggers of the parent are run");
	ok(strstr(b_text(&b, "/env"), "T=w\n") != NULL, "in order, with their variables");
	is_int((int)i->conf.onbuild.n, 0, "and are gone");
	b_good(&b, "FROM parent:1\nCMD [\"new\"]\nENTRYPOINT [\"e\"]\n", "CMD before ENTRYPOINT");
	image_free(i);
	i = b_image(&b, b.id);
	is_int((int)i->conf.cmd.n, 1, "stays");
	b_bad(&b, "FROM nosuch:1\nRUN x\n", "get image nosuch:1", "dockerfile_inline:1:1");
	b_bad(&b, "FROM --platform=linux/sparc parent:1\n", "not supported yet", "dockerfile_inline:1:1");
	b_good(&b, "FROM --platform=$BUILDPLATFORM parent:1\n", "this machine's own platform");
	b_bad(&b, "ARG X\nFROM ${X}\n", "empty after expansion", "dockerfile_inline:2:1");
	b_good(&b, "ARG X=parent\nFROM ${X}:${Y:-1}\n", "a base by variables");
}

static void stages(void)
{
	static const char text[] = "FROM scratch AS a\nCOPY seed /\nRUN [\"write\", \"/a\", \"a\"]\n"
		"FROM scratch AS unused\nCOPY nosuchfile /\nFROM a AS B\nRUN [\"write\", \"/b\", \"b\"]\n"
		"FROM scratch\nCOPY --from=b /b /b\nCOPY --from=a /a /a\n";

	b_good(&b, text, "stages");
	is_str(b_text(&b, "/b"), "b", "the last one takes from the others");
	b.o.target = "b";
	b_good(&b, text, "a target");
	is_str(b_text(&b, "/a"), "a", "is the stage of that name");
	b.o.target = "unuse";
	b_bad(&b, text, "could not be found", NULL);
	is_str(b.errs.v[0].hint, "did you mean `unused`?", "with a suggestion");
	b.o.target = "unused";
	b_bad(&b, text, "`nosuchfile`: not found", "dockerfile_inline:5:1");
	b.o.target = NULL;
	b_good(&b,
	       "FROM scratch AS x\nCOPY seed /\nRUN [\"write\", \"/1\", \"1\"]\nFROM scratch AS x2\nCOPY seed /\nRUN "
	       "[\"write\", \"/2\", \"2\"]\n"
	       "FROM scratch\nCOPY --from=x /1 /\nCOPY --from=x2 /2 /\n",
	       "two stages side by side");
	ok(strstr(str_cstr(&b.log), "step [x 2/3] COPY seed /") != NULL, "steps are named");
	b_bad(&b, "FROM scratch AS x\nCOPY seed /\nRUN [\"exit\", \"7\"]\nFROM scratch\nCOPY --from=x /1 /\n",
	      "exit code 7", "dockerfile_inline:3:1");
	is_int((int)b.errs.n, 1, "a stage that waited for a failed one adds nothing");
}

static void failures(void)
{
	char *id = NULL;

	b_bad(&b, START "RUN [\"exit\", \"3\"]\nRUN [\"write\", \"/x\", \"1\"]\n", "exit code 3",
	      "dockerfile_inline:3:1");
	ok(strstr(b.errs.v[0].frame[0], "about to fail\nwith 3") != NULL, "the last lines of the output are told");
	is_str(b.errs.v[0].frame[b.errs.v[0].n - 1], "RUN [\"exit\", \"3\"]", "with the instruction");
	is_int(err_status(&b.errs.v[0]), 1, "exit status 1");
	ok(strstr(str_cstr(&b.log), "out about to fail") != NULL, "and were shown as they came");
	is_int(b_leftovers(&b), 0, "nothing half-made is left");
	ok(b.id == id, "no image");
	b_bad(&b, START "RUN [\"exit\", \"3\"]\n", "exit code 3", NULL);
	is_int((int)b.runs, 1, "a failed step is not in the cache");
	b_bad(&b, "FROM scratch\nFOO\nBAR\n", "unknown instruction", "dockerfile_inline:2:1");
	is_int((int)b.errs.n, 2, "mistakes come together");
	b_bad(&b, START "RUN --network=host x\n", "not allowed", "dockerfile_inline:3:1");
	b_bad(&b, START "ENV A=\"${B?must be set}\"\n", "B: must be set", "dockerfile_inline:3:1");
	b_bad(&b, START "EXPOSE ${P:-x}\n", "invalid container port", "dockerfile_inline:3:1");
	b_bad(&b, START "STOPSIGNAL ${P:-x}\n", "invalid signal", "dockerfile_inline:3:1");
	b.o.context = "/nonexistent/ctbuild";
	b_bad(&b, START, "open the build context", NULL);
	b.o.context = b.ctx;
	b.o.dockerfile = "No.such";
	b_bad(&b, NULL, "the Dockerfile", NULL);
	is_int(err_status(&b.errs.v[0]), 3, "a Dockerfile that is not there is a mistake of the files");
	b.o.dockerfile = NULL;
}

static void dockerfiles(void)
{
	b_file(&b, "dockerfile", "FROM scratch\nCOPY a.txt /lower\n");
	b_good(&b, NULL, "dockerfile in lower case");
	b_file(&b, "Dockerfile", "FROM scratch\nCOPY . /all\n");
	b_file(&b, "Dockerfile.dockerignore", "seed\n");
	b_file(&b, ".dockerignore", "a.txt\n");
	b_good(&b, NULL, "Dockerfile");
	is_str(b_stat(&b, "/all/seed"), "none", "its own ignore file is taken");
	is_str(b_text(&b, "/all/a.txt"), "A", "instead of the general one");
	b_file(&b, ".dockerignore", "");
}

static void mounts(void)
{
	static const struct build_secret secrets[] = { { .id = "tok", .file = "/tmp/ctbuild-none" } };
	struct build_secret real[] = { { .id = "tok" } };
	auto_free char *path = xasprintf("%s/secret", b.dir), *victim = xasprintf("%s/keep", b.dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ok(fd >= 0 && write(fd, "s3cret", 6) == 6, "a secret");
	mem_closep(&fd);
	real[0].file = path;
	b.o.secrets = real;
	b.o.n_secrets = 1;
	b_good(&b,
	       "FROM scratch AS src\nCOPY d /tree\nFROM scratch\nCOPY seed /\nWORKDIR /w\n"
	       "RUN --mount=type=bind,source=d/sub,target=ctx --mount=type=bind,from=src,source=/tree/x,target=/one,rw "
	       "--mount=type=tmpfs,target=/t "
	       "--mount=type=cache,target=/c --mount=type=secret,id=tok,mode=0440,uid=7 --mount=type=secret,id=none "
	       "[\"mounts\"]\n",
	       "mounts");
	is_str(b_text(&b, "/mounts"),
	       "bind /w/ctx ro y\nbind /one rw {X} 644 0\ntmpfs /t rw\nbind /c rw\nbind /run/secrets/tok ro {s3cret} "
	       "440 7\n",
	       "each as it was asked for");
	b_good(&b,
	       START "RUN --mount=type=cache,id=k,target=/c [\"put\", \"f\", \"kept\"]\nRUN "
		     "--mount=type=cache,target=/other,id=k [\"mounts\"]\n",
	       "a cache");
	is_str(b_text(&b, "/mounts"), "bind /other rw f\n", "lives from step to step, by id");
	b_good(&b, START "RUN --mount=target=/m,rw [\"put\", \"a.txt\", \"changed\"]\nCOPY a.txt /a\n",
	       "a bind of the context is writable");
	is_str(b_text(&b, "/a"), "A", "and the context stays as it is");
	b_good(&b, START "RUN --mount=type=cache,target=/x,id=../../../../keep [\"put\", \"f\", \"x\"]\n",
	       "a cache id with dots");
	ok(access(victim, F_OK) < 0, "is no path");
	b_good(&b, START "RUN --mount=type=secret,id=tok,env=TOK [\"env\"]\n", "a secret as a variable");
	ok(strstr(b_text(&b, "/env"), "TOK=s3cret\n") != NULL, "is there");
	b.o.secrets = secrets;
	b_bad(&b, START "RUN --mount=type=secret,id=tok x\n", "read secret `tok`", "dockerfile_inline:3:1");
	b.o.n_secrets = 0;
	b_bad(&b, START "RUN --mount=type=secret,id=tok,required=true x\n", "required and not given",
	      "dockerfile_inline:3:1");
	b_link(&b, "escape", "/etc");
	b_bad(&b, START "RUN --mount=type=bind,source=escape,target=/m x\n", "is not in the build context",
	      "dockerfile_inline:3:1");
	b_bad(&b,
	      "FROM scratch AS s\nCOPY escdir /\n"
	      "FROM scratch\nCOPY seed /\nRUN --mount=type=bind,from=s,source=/.rootdir/etc/passwd,target=/m x\n",
	      "is not in s", "dockerfile_inline:5:1");
	b_good(&b,
	       "FROM scratch AS s\nCOPY escdir /\n" START
	       "RUN --mount=type=bind,from=s,source=/.rootdir,target=/m [\"mounts\"]\n",
	       "a stage's link to / as a source");
	is_str(b_text(&b, "/mounts"), "bind /m ro mark\n", "is that stage's root, not the host's");
	b_bad(&b, START "RUN --mount=type=bind,source=nosuch,target=/m x\n", "is not in the build context",
	      "dockerfile_inline:3:1");
}

static void stubs(void)
{
	b_good(&b, START "RUN --mount=type=tmpfs,target=/deep/er/mnt [\"stubs\"]\n", "a runtime makes mount points");
	is_str(b_stat(&b, "/dev"), "none", "they are not in the layer");
	is_str(b_stat(&b, "/deep"), "none", "with their parents");
	is_str(b_stat(&b, "/etc/hosts"), "none", "files too");
	is_str(b_stat(&b, "/etc/kept"), "f 644 0:0", "other empty files are the step's own");
	b_good(&b, "FROM scratch\nCOPY seed /\nCOPY seed /dev/\nRUN [\"stubs\"]\n", "an image with its own /dev");
	is_str(b_text(&b, "/dev/seed"), "s", "keeps it");
}

static int interrupted_run(void *ctx, const struct run_step *s, int out_fd, int err_fd, int *ret_exit, struct err *e)
{
	struct pollfd p = { .fd = s->cancel_fd, .events = POLLIN };

	(void)ctx, (void)out_fd, (void)err_fd, (void)ret_exit;
	(void)kill(getpid(), SIGINT);
	while (poll(&p, 1, -1) < 0)
		;
	return err_set(e, ERR_INTR, 0, "interrupted");
}

/* Last: the count of signals cannot be taken back. */
static void ctrl_c(void)
{
	intr_install();
	b.env.run = interrupted_run;
	ok(b_build(&b, START "RUN [\"never\"]\n") < 0, "Ctrl-C ends a build");
	is_int((int)b.errs.n, 1, "with one error");
	is_int(b.errs.n ? (int)b.errs.v[0].kind : 0, ERR_INTR, "that says interrupted");
	is_int(b_leftovers(&b), 0, "nothing half-made is left");
}

int main(void)
{
	b_need_root();
	b_init(&b);
	b_file(&b, "seed", "s");
	b_file(&b, "a.txt", "A");
	b_file(&b, "d/x", "X");
	b_file(&b, "d/sub/y", "Y");
	b_file(&b, "escdir/mark", "m");
	b_link(&b, "escdir/.rootdir", "/");
	shells();
	environment();
	config();
	inheritance();
	stages();
	failures();
	dockerfiles();
	mounts();
	stubs();
	ctrl_c();
	b_done(&b);
	return done_testing();
}
