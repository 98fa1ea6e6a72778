/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/flow.h"
#include <string.h>
#include "compose/base/mem.h"

struct chunk *chunk_new(void)
{
	struct chunk *c = xmalloc(sizeof(*c));

	c->refs = 1;
	c->len = 0;
	return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
	(void)__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void chunk_unref(struct chunk *c)
{
	if (c && __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(c);
}

void flow_init(struct flow *f)
{
	memset(f, 0, sizeof(*f));
	(void)pthread_mutex_init(&f->mutex, NULL);
	(void)pthread_cond_init(&f->changed, NULL);
}

void flow_done(struct flow *f)
{
	for (; f->n; f->n--, f->first = (f->first + 1) % FLOW_SLOTS)
		chunk_unref(f->slot[f->first]);
	(void)pthread_cond_destroy(&f->changed);
	(void)pthread_mutex_destroy(&f->mutex);
}

int flow_put(struct flow *f, struct chunk *c)
{
	bool deaf;

	(void)pthread_mutex_lock(&f->mutex);
	while (f->n == FLOW_SLOTS && !f->deaf)
		(void)pthread_cond_wait(&f->changed, &f->mutex);
	deaf = f->deaf;
	if (!deaf) {
		f->slot[(f->first + f->n++) % FLOW_SLOTS] = chunk_ref(c);
		(void)pthread_cond_broadcast(&f->changed);
	}
	(void)pthread_mutex_unlock(&f->mutex);
	return deaf ? -1 : 0;
}

int flow_get(struct flow *f, struct chunk **ret)
{
	int rc = 1;

	(void)pthread_mutex_lock(&f->mutex);
	while (!f->n && !f->ended)
		(void)pthread_cond_wait(&f->changed, &f->mutex);
	if (f->n) {
		*ret = f->slot[f->first];
		f->first = (f->first + 1) % FLOW_SLOTS;
		f->n--;
		(void)pthread_cond_broadcast(&f->changed);
	} else {
		rc = f->cut ? -1 : 0;
	}
	(void)pthread_mutex_unlock(&f->mutex);
	return rc;
}

void flow_end(struct flow *f, bool whole)
{
	(void)pthread_mutex_lock(&f->mutex);
	f->ended = true;
	f->cut = !whole;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->mutex);
}

void flow_close(struct flow *f)
{
	(void)pthread_mutex_lock(&f->mutex);
	f->deaf = true;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->mutex);
}

int flow_flush(struct flow_out *o)
{
	int rc = 0;

	if (!o->open)
		return 0;
	if (o->open->len) {
		rc = flow_put(o->to[0], o->open);
		if (o->to[1])
			(void)flow_put(o->to[1], o->open);
	}
	chunk_unref(o->open);
	o->open = NULL;
	return rc;
}

int flow_write(struct flow_out *o, const void *buf, size_t len)
{
	const unsigned char *p = buf;

	while (len) {
		size_t n;

		if (!o->open)
			o->open = chunk_new();
		n = CHUNK_SIZE - o->open->len;
		if (n > len)
			n = len;
		memcpy(o->open->data + o->open->len, p, n);
		o->open->len += n;
		p += n;
		len -= n;
		if (o->open->len == CHUNK_SIZE && flow_flush(o) < 0)
			return -1;
	}
	return 0;
}

void flow_out_end(struct flow_out *o, bool whole)
{
	if (whole)
		(void)flow_flush(o);
	chunk_unref(o->open);
	o->open = NULL;
	for (size_t i = 0; i < ARRAY_LEN(o->to); i++)
		if (o->to[i])
			flow_end(o->to[i], whole);
}

long flow_read(struct flow_in *i, const void **buf)
{
	int rc;

	flow_in_done(i);
	rc = flow_get(i->from, &i->held);
	if (rc <= 0)
		return rc;
	*buf = i->held->data;
	return (long)i->held->len;
}

void flow_in_done(struct flow_in *i)
{
	chunk_unref(i->held);
	i->held = NULL;
}
