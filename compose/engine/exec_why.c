/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/exec_why.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"

enum { HEAD = 4096 };

static const struct { unsigned machine; const char *name;
} machines[] = {
	{EM_X86_64, "x86-64"}, {EM_AARCH64, "ARM64"}, {EM_ARM, "32-bit ARM"}, {EM_386, "i386"},
	{EM_RISCV, "RISC-V"},  {EM_PPC64, "POWER"},   {EM_S390, "s390x"},
};

static const char *machine_name(unsigned m)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (machines[i].machine == m)
			return machines[i].name;
	return "another processor";
}

static ssize_t head_of(int fd, unsigned char buf[HEAD])
{
	ssize_t n;

	do {
		n = pread(fd, buf, HEAD, 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* The machine that this program was made for. */
static unsigned our_machine(void)
{
	auto_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	unsigned char buf[HEAD];

	return fd >= 0 && head_of(fd, buf) >= (ssize_t)sizeof(Elf64_Ehdr)
		       ? ((const Elf64_Ehdr *)(const void *)buf)->e_machine
		       : EM_NONE;
}

/* A path of the container; also one in what is mounted there, although it does not run. */
static int open_inside(const struct ctr_root *c, const char *path, int flags)
{
	const struct spec_mount *m = ctr_root_hidden(c, path);
	auto_close int source = -1;
	const char *rest;

	if (!m || !str_eq(m->type, "bind") || !m->source)
		return fs_open_in(c->fd, path, flags, 0);
	rest = path + strlen(m->dest);
	source = open(m->source, O_PATH | O_CLOEXEC);
	if (source < 0 || *rest)
		return source < 0 ? -1 : fs_open_in(source, rest, flags, 0);
	return open(m->source, flags | O_CLOEXEC);
}

static bool is_there(const struct ctr_root *c, const char *path)
{
	auto_close int fd = open_inside(c, path, O_PATH);

	return fd >= 0;
}

static char *script(const struct ctr_root *c, const char *text)
{
	const char *s = text + 2 + strspn(text + 2, " \t");
	size_t line = strcspn(s, "\n"), len = strcspn(s, " \t\r\n");
	auto_free char *path = xstrndup(s, len), *shown = str_printable(path);

	if (line && s[line - 1] == '\r')
		return xasprintf(
			"its first line, #!%s, ends with a carriage return, as on Windows: save it with Unix line ends",
			shown);
	if (*path == '/' && !is_there(c, path))
		return xasprintf("it is a script for %s, which is not there", shown);
	return NULL;
}

static char *loader(const struct ctr_root *c, const unsigned char *buf, size_t n)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)(const void *)buf;

	for (size_t i = 0; i < h->e_phnum; i++) {
		size_t at = h->e_phoff + i * sizeof(Elf64_Phdr);
		Elf64_Phdr p;
		auto_free char *path = NULL, *shown = NULL;

		if (h->e_phoff > n || at + sizeof(p) > n)
			return NULL;
		memcpy(&p, buf + at, sizeof(p));
		if (p.p_type != PT_INTERP)
			continue;
		if (p.p_offset >= n || p.p_filesz > n - p.p_offset)
			return NULL;
		path = xstrndup((const char *)buf + p.p_offset, p.p_filesz);
		shown = str_printable(path);
		if (*path == '/' && !is_there(c, path))
			return xasprintf("its loader %s is not there: it was built for another C library (glibc or "
					 "musl) than the image has",
					 shown);
	}
	return NULL;
}

static char *program(const struct ctr_root *c, const unsigned char *buf, size_t n)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)(const void *)buf;

	if (n < sizeof(*h))
		return NULL;
	if (h->e_machine != our_machine())
		return xasprintf("it is a program for %s, and this machine is %s", machine_name(h->e_machine),
				 machine_name(our_machine()));
	return h->e_ident[EI_CLASS] == ELFCLASS64 ? loader(c, buf, n) : NULL;
}

char *exec_why(const struct ctr_root *c, const char *path)
{
	auto_close int fd = open_inside(c, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	unsigned char buf[HEAD + 1] __attribute__((aligned(8)));
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	n = head_of(fd, buf);
	if (n == 0)
		return xstrdup("it is empty");
	if (n < 4)
		return NULL;
	buf[n] = '\0';
	if (!memcmp(buf, "#!", 2))
		return script(c, (const char *)buf);
	if (!memcmp(buf, ELFMAG, SELFMAG))
		return program(c, buf, (size_t)n);
	return xstrdup("it is neither a program nor a script with a #! line");
}
