/* SPDX-License-Identifier: Apache-2.0 */
/* mem.h - scope-bound cleanup, ownership moves, allocation that aborts when memory is out, arenas.
 * runs in: every process.   owns: nothing.   layer: base. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define auto_free  __attribute__((cleanup(mem_freep)))
#define auto_close __attribute__((cleanup(mem_closep)))
#define auto_file  __attribute__((cleanup(mem_fclosep)))

static inline void mem_freep(void *p) { free(*(void **)p); }
/* close() is never retried: on Linux the descriptor is gone even after EINTR. */
static inline void mem_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
static inline void mem_fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

/* Move ownership out of a cleanup variable. */
#define take_ptr(p) ({ __typeof__(p) *p_ = &(p); __typeof__(p) v_ = *p_; *p_ = NULL; v_; })
#define take_fd(fd) ({ int *f_ = &(fd); int v_ = *f_; *f_ = -1; v_; })

/* A pointer that cannot be NULL here, though no reader of this function alone can tell why. */
#define must(p) ({ __typeof__(p) m_ = (p); if (!m_) abort(); m_; })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Allocation: out of memory aborts. Results are free()d by the caller. */
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
/* ret: NULL only for NULL. */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n) __attribute__((returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0), returns_nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((returns_nonnull));

/* Arena: pieces are never freed singly, the whole goes with arena_done(). Zero-initialise. */
struct arena_page;
struct arena { struct arena_page *page; };
/* ret: n zeroed bytes, aligned for any type */
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc, returns_nonnull));
char *arena_strdup(struct arena *a, const char *s);   /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull(2), returns_nonnull));
void  arena_done(struct arena *a);
#define arena_new(a, T) ((T *)arena_alloc((a), sizeof(T)))
