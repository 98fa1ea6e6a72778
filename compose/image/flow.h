/* SPDX-License-Identifier: Apache-2.0 */
/* flow.h - bytes from one thread to others: a bounded queue of shared chunks.
 * runs in: client (threads of a pull or import).   owns: the chunks it holds.   layer: image. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK_SIZE = 256 << 10, FLOW_SLOTS = 12 };

struct chunk { int refs; size_t len; unsigned char data[CHUNK_SIZE]; };
struct chunk *chunk_new(void);                /* one reference */
struct chunk *chunk_ref(struct chunk *c);
void chunk_unref(struct chunk *c);            /* NULL is fine */

struct flow {
	pthread_mutex_t mutex;
	pthread_cond_t  changed;
	struct chunk   *slot[FLOW_SLOTS];
	unsigned        first, n;
	bool            ended;        /* the writer has no more */
	bool            cut;          /* the writer failed: what was read is not the whole */
	bool            deaf;         /* the reader wants no more */
};
void flow_init(struct flow *f);
void flow_done(struct flow *f);
/* Give a reference to the reader; waits while the queue is full. ret: 0, or -1 when the reader wants no more */
int  flow_put(struct flow *f, struct chunk *c);
/* ret: 1 and a reference in *ret, 0 at the end, -1 when the writer failed */
int  flow_get(struct flow *f, struct chunk **ret);
void flow_end(struct flow *f, bool whole);
/* The reader stops: the writer's next put fails. */
void flow_close(struct flow *f);

/* The writer's side: collects small pieces into chunks and gives each to up to two readers. */
struct flow_out { struct flow *to[2]; struct chunk *open; };
int  flow_write(struct flow_out *o, const void *buf, size_t len);      /* ret: -1 when the first reader wants no more */
int  flow_flush(struct flow_out *o);
void flow_out_end(struct flow_out *o, bool whole);

/* The reader's side, for libarchive: keeps the chunk that was handed out last. */
struct flow_in { struct flow *from; struct chunk *held; };
/* ret: length of the next piece at *buf, 0 at the end, -1 when the writer failed */
long flow_read(struct flow_in *i, const void **buf);
void flow_in_done(struct flow_in *i);
