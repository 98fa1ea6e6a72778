/* SPDX-License-Identifier: Apache-2.0 */
/* COPY, ADD and WORKDIR: what ends up where, and that nothing leaves the image's root or the context. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/time.h>
#include "compose/build/add_url.h"
#include "tests/unit/build_help.h"

static struct bench b;

static void files(void)
{
	b_file(&b, "a.txt", "A");
	b_file(&b, "b.txt", "B");
	b_file(&b, "d/x", "X");
	b_file(&b, "d/sub/y", "Y");
	b_link(&b, "d/rel", "sub/y");
	b_link(&b, "d/abs", "/etc/passwd");
	b_link(&b, "link", "a.txt");
	b_link(&b, "out", "/etc/passwd");
	b_link(&b, "up", "../../../../etc/passwd");
	b_link(&b, "dlink", "d");
	b_file(&b, "[odd] name", "odd");
}

static void places(void)
{
	b_good(&b,
	       "FROM scratch\nCOPY a.txt /f\nCOPY a.txt /dir/\nCOPY a.txt b.txt two/\nCOPY *.txt /w/\nCOPY d "
	       "/whole\nCOPY d/ /dir\n"
	       "COPY a.txt /whole\nWORKDIR /w\nCOPY b.txt .\nCOPY b.txt deep/er/name\nCOPY link /followed\nCOPY dlink "
	       "/viadlink\n"
	       "COPY [\"[[]odd] name\", \"/sp ace\"]\nCOPY ../../a.txt /clamped\nCOPY /b.txt /rooted\n",
	       "a file of many COPYs builds");
	is_str(b_text(&b, "/f"), "A", "a file to a new name");
	is_str(b_text(&b, "/dir/a.txt"), "A", "a file into a directory written with a slash");
	is_str(b_text(&b, "/two/b.txt"), "B", "several into one");
	is_str(b_text(&b, "/w/b.txt"), "B", "a wildcard");
	is_str(b_text(&b, "/whole/x"), "X", "a directory's content");
	is_str(b_text(&b, "/whole/sub/y"), "Y", "all the way down");
	is_str(b_text(&b, "/dir/x"), "X", "merged into an existing directory");
	is_str(b_text(&b, "/whole/a.txt"), "A", "a file into an existing directory without a slash");
	is_str(b_stat(&b, "/whole/rel"), "l sub/y", "links in a tree stay links");
	is_str(b_stat(&b, "/whole/abs"), "l /etc/passwd", "wherever they point");
	is_str(b_text(&b, "/w/deep/er/name"), "B", "relative to WORKDIR, parents made");
	is_str(b_text(&b, "/followed"), "A", "a link that is named is followed");
	is_str(b_text(&b, "/viadlink/sub/y"), "Y", "to a directory too");
	is_str(b_text(&b, "/sp ace"), "odd", "JSON form with blanks");
	is_str(b_text(&b, "/clamped"), "A", "a source above the context is clamped");
	is_str(b_text(&b, "/rooted"), "B", "an absolute source is the context's");
	is_str(b_stat(&b, "/f"), "f 644 0:0", "owner and mode of a file");
	is_str(b_stat(&b, "/whole"), "d 755 0:0", "of a new directory");
}

static void whole_context(void)
{
	b_file(&b, ".dockerignore", "*\n!d\nd/sub\n!a.txt\n");
	b_good(&b, "FROM scratch\nCOPY . /all\n", "COPY . with a .dockerignore");
	is_str(b_text(&b, "/all/a.txt"), "A", "what is taken back in");
	is_str(b_text(&b, "/all/d/x"), "X", "and below");
	is_str(b_stat(&b, "/all/d/sub"), "none", "what is left out again");
	is_str(b_stat(&b, "/all/b.txt"), "none", "what is left out");
	is_str(b_stat(&b, "/all"), "d 755 0:0", "the context's own mode (0700 here) does not matter");
	b_bad(&b, "FROM scratch\nCOPY b.txt /\n", "not found in the build context", "dockerfile_inline:2:1");
	is_str(b.errs.v[0].hint, "it is there, but .dockerignore leaves it out", "the hint says why");
	b_link(&b, "sneaky", "b.txt");
	b_file(&b, ".dockerignore", "b.txt\n");
	b_bad(&b, "FROM scratch\nCOPY sneaky /x\n", "not found in the build context", NULL);
	b_file(&b, ".dockerignore", "");
}

static void parents(void)
{
	char path[256];

	b_file(&b, "src/a.txt", "a");
	b_file(&b, "src/x/b.txt", "b");
	b_file(&b, "src/x/y/c.txt", "c");
	b_file(&b, "src/x/y/c.bin", "c");
	b_link(&b, "src/x/loop", "..");
	b_path(&b, "src/x", path, sizeof(path));
	(void)chmod(path, 0711);
	b_good(&b,
	       "FROM scratch AS one\nCOPY --parents ./src/x/b.txt src/a.txt /one/\n"
	       "COPY --parents ./src/./x/y/*.txt /pivot\nCOPY --parents src/**/*.txt /deep/\nCOPY --parents **/c.bin /any/\n"
	       "COPY --parents src/x/y /dir/\nCOPY --parents src/./** /all/\n"
	       "COPY --parents --chmod=750 --chown=5:6 src/x/b.txt /over/\nCOPY --parents=false src/a.txt /no/\n"
	       "FROM scratch\nCOPY --from=one --parents /over/./src/x/b.txt /kept/\n"
	       "COPY --from=one / /\n",
	       "--parents builds");
	is_str(b_text(&b, "/one/src/x/b.txt"), "b", "a file under its own path");
	is_str(b_text(&b, "/one/src/a.txt"), "a", "several sources");
	is_str(b_stat(&b, "/one/src/x"), "d 711 0:0", "directories on the way are as in the source");
	is_str(b_text(&b, "/pivot/x/y/c.txt"), "c", "only what is behind ./");
	is_str(b_stat(&b, "/pivot/src"), "none", "and nothing before it");
	is_str(b_text(&b, "/deep/src/a.txt"), "a", "** is no directory");
	is_str(b_text(&b, "/deep/src/x/y/c.txt"), "c", "or many");
	is_str(b_stat(&b, "/deep/src/x/loop"), "none", "links are not entered");
	is_str(b_text(&b, "/any/src/x/y/c.bin"), "c", "** in front");
	is_str(b_text(&b, "/dir/src/x/y/c.bin"), "c", "a directory with all that is in it");
	is_str(b_text(&b, "/all/x/y/c.bin"), "c", "** alone is everything");
	is_str(b_stat(&b, "/over/src/x"), "d 750 5:6", "--chmod and --chown count for the directories too");
	is_str(b_text(&b, "/no/a.txt"), "a", "--parents=false");
	is_str(b_stat(&b, "/kept/src/x"), "d 750 5:6", "a stage's owners are kept");
	b_bad(&b, "FROM scratch\nCOPY --parents src/nosuch /x/\n", "not found in the build context", "dockerfile_inline:2:1");
}

static void url_names(void)
{
	static const struct { const char *url, *name; } of[] = {
		{ "http://h/a/b.tgz", "b.tgz" }, { "https://h/a/b?x=/y", "b" }, { "http://h/a/b/#f/g", "b" }, { "http://h", "__unnamed__" },
		{ "http://h/", "__unnamed__" }, { "http://h?q=/x", "__unnamed__" }, { "http://h/..", "__unnamed__" }, { "http://h/%2e%2e", "__unnamed__" },
		{ "http://h/a%2fb", "__unnamed__" }, { "http://h/a%00b", "__unnamed__" }, { "http://h/a%20b", "a b" }, { "http://h/100%", "100%" },
		{ "http://h/%4", "%4" }, { "http://h/a%zz", "a%zz" },
	};

	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		auto_free char *name = url_file_name(of[i].url);

		is_str(name, of[i].name, "the file of %s", of[i].url);
	}
}

static void owners(void)
{
	b_file(&b, "passwd", "root:x:0:0::/:\napp:x:1000:1001::/home/app:\nbad:x:99999999999:1::/:\n");
	b_file(&b, "group", "root:x:0:\nstaff:x:50:\n");
	b_good(&b,
	       "FROM scratch\nCOPY passwd group /etc/\nCOPY --chown=app d /n\nCOPY --chown=app:staff --chmod=600 a.txt "
	       "/p/q/r\n"
	       "COPY --chown=7 a.txt /seven\nCOPY --chown=:staff a.txt /grp\nCOPY --chown=nobody a.txt /unknown\n"
	       "COPY --chmod=0750 d /modes\nUSER app\nWORKDIR /made/by/app\nCOPY a.txt /stillroot\n",
	       "chown and chmod build");
	is_str(b_stat(&b, "/n/sub/y"), "f 644 1000:1001", "a user by name brings its group");
	is_str(b_stat(&b, "/n"), "d 755 1000:1001", "the new directory belongs to it too");
	is_str(b_stat(&b, "/p/q/r"), "f 600 1000:50", "a group by name, and a mode");
	is_str(b_stat(&b, "/p/q"), "d 600 1000:50", "made parents too");
	is_str(b_stat(&b, "/seven"), "f 644 7:7", "a number alone is the group as well");
	is_str(b_stat(&b, "/grp"), "f 644 0:50", "only a group");
	is_str(b_stat(&b, "/unknown"), "f 644 0:0", "an unknown name is 0");
	ok(strstr(str_cstr(&b.log), "no `nobody`") != NULL, "and a warning says so");
	is_str(b_stat(&b, "/modes/sub/y"), "f 750 0:0", "a mode for files below");
	is_str(b_stat(&b, "/modes/sub"), "d 750 0:0", "and directories");
	is_str(b_stat(&b, "/modes/abs"), "l /etc/passwd", "links have none");
	is_str(b_stat(&b, "/made/by/app"), "d 755 1000:1001", "WORKDIR belongs to the user");
	is_str(b_stat(&b, "/stillroot"), "f 644 0:0", "COPY does not care for USER");
	b_good(&b,
	       "FROM scratch\nARG M=go-rwx,u+X\nCOPY --chmod=${M} d /sym\nCOPY --chmod=u=rwx,go=rX a.txt /made/one\n"
	       "COPY --chmod=a=r <<E /doc\nx\nE\n",
	       "symbolic modes build");
	is_str(b_stat(&b, "/sym/sub/y"), "f 600 0:0", "a clause takes away from what the file has; X is not for plain files");
	is_str(b_stat(&b, "/sym/sub"), "d 700 0:0", "but for directories");
	is_str(b_stat(&b, "/made/one"), "f 755 0:0", "clauses that set, one after the other");
	is_str(b_stat(&b, "/made"), "d 755 0:0", "made parents too");
	is_str(b_stat(&b, "/doc"), "f 444 0:0", "and files written here");
	b_bad(&b, "FROM scratch\nCOPY --chown=4294967296 a.txt /x\n", "no user or group number",
	      "dockerfile_inline:2:1");
	b_bad(&b, "FROM scratch\nCOPY --chown=4294967295 a.txt /x\n", "no user or group number", NULL);
}

static void from_stage(void)
{
	b_good(&b,
	       "FROM scratch AS one\nCOPY --chown=5:6 --chmod=711 a.txt /a\nCOPY d /d\nFROM scratch\nCOPY --from=one "
	       "/a /x\n"
	       "COPY --from=0 /d/. /y\nCOPY --from=one / /all\n",
	       "COPY --from a stage");
	is_str(b_stat(&b, "/x"), "f 711 5:6", "keeps owner and mode");
	is_str(b_text(&b, "/y/sub/y"), "Y", "by number, a directory");
	is_str(b_text(&b, "/all/a"), "A", "the whole root");
}

static void merge(void)
{
	b_good(&b,
	       "FROM scratch\nCOPY --chmod=700 --chown=9:9 d/x /t/x\nCOPY d /t\nCOPY a.txt /t/x\nRUN [\"write\", "
	       "\"/t/keep\", \"k\"]\n"
	       "COPY d /t/\n",
	       "COPY over what is there");
	is_str(b_stat(&b, "/t"), "d 700 9:9", "the destination keeps its own owner and mode");
	is_str(b_text(&b, "/t/x"), "X", "files are replaced, the last one wins");
	is_str(b_text(&b, "/t/keep"), "k", "others stay");
	b_bad(&b, "FROM scratch\nCOPY a.txt /f\nCOPY d /f\n", "Not a directory", "dockerfile_inline:3:1");
	b_bad(&b, "FROM scratch\nCOPY a.txt /t/sub/z\nCOPY a.txt b.txt /t/sub/z\n", "must be a directory and end with",
	      "dockerfile_inline:3:1");
	b_bad(&b, "FROM scratch\nCOPY nosuch /\n", "`nosuch`: not found", "dockerfile_inline:2:1");
	b_good(&b, "FROM scratch\nCOPY a.txt /a\nCOPY *.nothing /x/\n", "a wildcard without a match builds");
	ok(strstr(str_cstr(&b.log), "matches nothing") != NULL, "with a warning");
	is_int(b_leftovers(&b), 0, "nothing half-made is left");
}

static void docs(void)
{
	static const struct build_kv args[] = { { "WHO", "world" } };

	b.o.args = args;
	b.o.n_args = 1;
	b_good(&b,
	       "FROM scratch\nARG WHO\nCOPY <<one <<-\"two\" a.txt /h/\nhello $WHO \\$x \"q\"\none\n\traw $WHO\n\ttwo\n"
	       "COPY --chmod=755 --chown=3:4 <<E /script\n#!/bin/x\nE\n",
	       "heredocs build");
	b.o.n_args = 0;
	is_str(b_text(&b, "/h/one"), "hello world $x \"q\"\n", "variables are expanded, quotes stay");
	is_str(b_text(&b, "/h/two"), "raw $WHO\n", "unless the name is quoted");
	is_str(b_text(&b, "/h/a.txt"), "A", "beside a plain source");
	is_str(b_stat(&b, "/h/one"), "f 644 0:0", "mode of such a file");
	is_str(b_stat(&b, "/script"), "f 755 3:4", "with its own");
	b_bad(&b, "FROM scratch\nCOPY <<../x /d/\nE\n../x\n", "is no file name", "dockerfile_inline:2:1");
}

static void exclude(void)
{
	b_good(&b, "FROM scratch\nCOPY --exclude=sub --exclude=re* d /e\n", "--exclude builds");
	is_str(b_text(&b, "/e/x"), "X", "what is not excluded is there");
	is_str(b_stat(&b, "/e/sub"), "none", "a directory is left out");
	is_str(b_stat(&b, "/e/rel"), "none", "a wildcard too");
}

static void times(void)
{
	const struct timeval old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	char path[200];
	struct stat st = {0};

	b_path(&b, "a.txt", path, sizeof(path));
	ok(utimes(path, old) == 0, "an old file");
	b_good(&b, "FROM scratch\nCOPY a.txt /o/a\n", "builds");
	{
		auto_close int root = b_view(&b), fd = fs_open_in(root, "/o/a", O_PATH | O_CLOEXEC, 0),
			       dir = fs_open_in(root, "/o", O_PATH | O_CLOEXEC, 0);

		ok(fd >= 0 && fstat(fd, &st) == 0, "is there");
		is_int(st.st_mtime, 1000000000, "a file keeps its time");
		ok(dir >= 0 && fstat(dir, &st) == 0 && st.st_mtime > 1000000000, "a made directory is new");
	}
}

/* -- hostile -- */

static void inside(void)
{
	struct stat st;
	char host[128];

	snprintf(host, sizeof(host), "%s/victim", b.dir);
	ok(mkdir(host, 0755) == 0, "a host directory to aim at");
	b_link(&b, "evil", host);
	b_file(&b, "evildir/x", "x");
	b_good(&b, "FROM scratch\nCOPY evildir /\nFROM scratch\nWORKDIR /\nCOPY a.txt /f\n", "a plain start");
	/* links in a lower layer: to an absolute directory, upward, and one that is the destination itself */
	b_file(&b, "trap/etc-is-here", "");
	{
		char path[200];

		b_path(&b, "trap/abs", path, sizeof(path));
		ok(symlink(host, path) == 0, "an absolute link");
		b_path(&b, "trap/up", path, sizeof(path));
		ok(symlink("../../../../../../../../etc", path) == 0, "an upward link");
		b_path(&b, "trap/file", path, sizeof(path));
		ok(symlink("/etc/ctbuild-planted", path) == 0, "a dangling one");
	}
	b_good(&b,
	       "FROM scratch\nCOPY trap /\nRUN [\"print\", \"x\"]\nCOPY a.txt /abs/planted\nCOPY a.txt "
	       "/up/ctbuild-planted2\nCOPY a.txt /file\n"
	       "COPY d /up/tree\nWORKDIR /up/wd\n",
	       "destinations through links");
	ok(stat("/etc/ctbuild-planted", &st) < 0 && stat("/etc/ctbuild-planted2", &st) < 0 &&
		   stat("/etc/tree", &st) < 0 && stat("/etc/wd", &st) < 0,
	   "nothing is written to the host's /etc");
	snprintf(host, sizeof(host), "%s/victim/planted", b.dir);
	ok(stat(host, &st) < 0, "nor through an absolute link");
	is_str(b_text(&b, "/etc/ctbuild-planted2"), "A", "an upward link ends at the image's root");
	is_str(b_text(&b, "/etc/ctbuild-planted"), "A", "a dangling one is followed inside");
	is_str(b_text(&b, "/etc/tree/x"), "X", "a tree as well");
	is_str(b_stat(&b, "/etc/wd"), "d 755 0:0", "WORKDIR as well");
	b_bad(&b, "FROM scratch\nCOPY evil /x\n", "not found in the build context", NULL);
	b_bad(&b, "FROM scratch\nCOPY out /x\n", "not found in the build context", NULL);
	b_bad(&b, "FROM scratch\nCOPY up /x\n", "not found in the build context", NULL);
	b_bad(&b, "FROM scratch AS s\nCOPY trap /\nFROM scratch\nCOPY --from=s /abs /x\n", "not found in s", NULL);
	b_bad(&b, "FROM scratch\nCOPY evil/* /x/\nCOPY evil/planted /y\n", "not found", NULL);
}

/* /etc/passwd of the image as a link, a FIFO, a giant: CVE-2024-9676, CVE-2026-47262 */
static void passwd_traps(void)
{
	char path[200];
	int fd;

	b_link(&b, "pw", "/proc/self/environ");
	b_file(&b, "p1/etc/group", "");
	b_path(&b, "p1/etc/passwd", path, sizeof(path));
	ok(mkfifo(path, 0644) == 0, "a FIFO as passwd");
	b_good(&b, "FROM scratch\nCOPY p1 /\nCOPY --chown=app a.txt /x\n", "does not hang");
	is_str(b_stat(&b, "/x"), "f 644 0:0", "and has no names");
	b_file(&b, "p2/etc/group", "");
	b_path(&b, "p2/etc/passwd", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ok(fd >= 0 && ftruncate(fd, 1LL << 30) == 0, "a passwd of 1 GiB");
	mem_closep(&fd);
	b_bad(&b, "FROM scratch\nCOPY p2 /\nCOPY --chown=app a.txt /x\n", "larger than", NULL);
	(void)unlink(path);
}

/* -- ADD of archives -- */

static void tar_entry(struct str *s, const char *name, char type, const char *text, const char *link)
{
	unsigned char h[512] = {0};
	size_t n = strlen(text);
	unsigned sum = 0;

	snprintf((char *)h, 100, "%s", name);
	snprintf((char *)h + 100, 8, "%07o", type == '5' ? 0755u : 0640u);
	snprintf((char *)h + 108, 8, "%07o", 12u);
	snprintf((char *)h + 116, 8, "%07o", 34u);
	snprintf((char *)h + 124, 12, "%011o", (unsigned)n);
	snprintf((char *)h + 136, 12, "%011o", 1000000000u);
	memset(h + 148, ' ', 8);
	h[156] = (unsigned char)type;
	if (link)
		snprintf((char *)h + 157, 100, "%s", link);
	memcpy(h + 257, "ustar\0" "00", 8);
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	str_addn(s, (char *)h, 512);
	str_addn(s, text, n);
	for (; s->len % 512;)
		str_addc(s, '\0');
}

static void put(const char *rel, const char *p, size_t n)
{
	char path[200];
	int fd;

	b_path(&b, rel, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || fs_write_all(fd, p, n) < 0)
		diag("cannot write %s", path);
	mem_closep(&fd);
}

/* gzip with stored blocks: enough for a test, no library needed */
static void gzip(const struct str *in, struct str *out)
{
	unsigned crc = 0xffffffff;

	str_addn(out, "\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
	for (size_t at = 0; at < in->len;) {
		size_t n = in->len - at < 60000 ? in->len - at : 60000;
		const char head[5] = { at + n == in->len, (char)(n & 255), (char)(n >> 8), (char)(~n & 255),
				       (char)(~n >> 8 & 255) };

		str_addn(out, head, 5);
		str_addn(out, in->s + at, n);
		at += n;
	}
	for (size_t i = 0; i < in->len; i++) {
		crc ^= (unsigned char)in->s[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	crc = ~crc;
	str_addn(out, (char *)&crc, 4);
	str_addn(out, (char *)&(unsigned){ (unsigned)in->len }, 4);
}

static void archives(void)
{
	auto_str struct str tar = {0}, gz = {0}, plain = {0}, notar = {0};

	tar_entry(&tar, "top/", '5', "", NULL);
	tar_entry(&tar, "top/file", '0', "from the tar", NULL);
	tar_entry(&tar, "tmp/", '5', "", NULL);
	tar_entry(&tar, "esc", '2', "", "/tmp");
	tar_entry(&tar, "esc/ctbuild-escaped", '0', "kept inside", NULL);
	for (int i = 0; i < 1024; i++)
		str_addc(&tar, '\0');
	gzip(&tar, &gz);
	str_add(&plain, "only text");
	gzip(&plain, &notar);
	put("t.tar", tar.s, tar.len);
	put("t.bin", gz.s, gz.len);
	put("text.gz", notar.s, notar.len);
	b_good(&b,
	       "FROM scratch\nADD t.tar /p\nADD t.bin /g/\nADD --chown=8:9 t.tar /c\nADD text.gz /\nADD --unpack=false "
	       "t.tar /raw\nCOPY t.tar /copied\n"
	       "ADD a.txt /plain\nADD d /tree\n",
	       "ADD builds");
	is_str(b_text(&b, "/p/top/file"), "from the tar", "a tar is unpacked");
	is_str(b_text(&b, "/p/tmp/ctbuild-escaped"), "kept inside", "a link in it leads inside");
	is_str(b_stat(&b, "/p/top/file"), "f 640 12:34", "with its owners and modes");
	is_str(b_text(&b, "/g/top/file"), "from the tar", "a gzipped one too, whatever its name");
	is_str(b_stat(&b, "/c/top/file"), "f 640 8:9", "--chown counts for its content");
	is_str(b_stat(&b, "/text.gz"), "f 644 0:0", "gzip without a tar inside is a file");
	is_str(b_stat(&b, "/raw"), "f 644 0:0", "--unpack=false leaves it alone");
	is_str(b_stat(&b, "/copied"), "f 644 0:0", "COPY never unpacks");
	is_str(b_text(&b, "/plain"), "A", "a plain file");
	is_str(b_text(&b, "/tree/sub/y"), "Y", "a directory");
	ok(access("/tmp/ctbuild-escaped", F_OK) < 0, "a link in a tar leads nowhere on the host");
	tar.s[600] ^= 1;
	put("broken.tar", tar.s, 512 + 100);
	b_bad(&b, "FROM scratch\nADD broken.tar /x\n", "unpack broken.tar", "dockerfile_inline:2:1");
	is_int(b_leftovers(&b), 0, "nothing half-made is left");
}

/* A store on a small tmpfs, in a mount namespace of this test's own. */
static void disk_full(void)
{
	auto_free char *dir = xasprintf("%s/small", b.dir), *big = xmalloc(3 << 20);
	struct bench small = b;
	auto_err struct err e = {0};

	memset(big, 'x', (3 << 20) - 1);
	big[(3 << 20) - 1] = '\0';
	b_file(&b, "big", big);
	if (!ok(mkdir(dir, 0700) == 0 && unshare(CLONE_NEWNS) == 0 &&
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
			mount("ctbuild", dir, "tmpfs", 0, "size=2m") == 0,
		"a file system of 2 MiB"))
		return;
	small.id = NULL;
	small.errs = (struct errs){0};
	small.log = (struct str){0};
	small.o.progress_arg = small.env.ctx = &small;
	snprintf(small.root, sizeof(small.root), "%s", dir);
	if (!ok(store_open(&small.store, small.root, &e) == 0, "a store on it"))
		return;
	b_bad(&small, "FROM scratch\nCOPY big /\n", "No space left on device", "dockerfile_inline:2:1");
	is_int(b_leftovers(&small), 0, "nothing half-made is left");
	b_good(&small, "FROM scratch\nCOPY a.txt /\n", "a smaller build still works");
	b_forget(&small);
	store_free(small.store);
	ok(umount2(dir, MNT_DETACH) == 0, "unmounted");
}

int main(void)
{
	b_need_root();
	b_init(&b);
	files();
	places();
	whole_context();
	parents();
	url_names();
	owners();
	from_stage();
	merge();
	docs();
	exclude();
	times();
	inside();
	passwd_traps();
	archives();
	disk_full();
	b_done(&b);
	return done_testing();
}
