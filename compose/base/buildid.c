/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/buildid.h"
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

enum { ID_MAX = 32 };
static char text[2 * ID_MAX + 1];

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* A segment of notes: name and content of each are padded to 4 bytes. */
static void look(const char *p, size_t len)
{
	while (len >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) h;
		size_t all;

		memcpy(&h, p, sizeof(h));
		all = sizeof(h) + padded(h.n_namesz) + padded(h.n_descsz);
		if (all > len)
			return;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && !memcmp(p + sizeof(h), "GNU", 4) && h.n_descsz <= ID_MAX)
			for (size_t i = 0; i < h.n_descsz; i++)
				(void)snprintf(text + 2 * i, 3, "%02x", (unsigned char)p[sizeof(h) + 4 + i]);
		p += all;
		len -= all;
	}
}

/* The program itself comes first. */
static int first(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE && info->dlpi_phdr[i].p_align == 4)
			look((const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, info->dlpi_phdr[i].p_memsz);
	return 1;
}

const char *build_id(void)
{
	if (!*text)
		(void)dl_iterate_phdr(first, NULL);
	return text;
}
