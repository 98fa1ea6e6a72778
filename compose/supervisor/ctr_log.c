/* SPDX-License-Identifier: Apache-2.0 */
/* ctr_log.c - where a container's output goes: the log on disk, and the system's logger when it asks for that. */
#include "compose/base/str.h"
#include "compose/supervisor/ctr.h"
#include "compose/supervisor/io.h"

static void on_room(void *arg)
{
	io_resume(arg);
}

static void on_note(void *owner, struct err *e)
{
	(void)owner;
	worker_note(e, "logging");
}

static void on_over(void *owner)
{
	worker_check_idle(owner);
}

static enum ship_format format_of(const char *name)
{
	static const char *const names[] = { [SHIP_RFC3164] = "rfc3164", [SHIP_RFC5424] = "rfc5424",
		[SHIP_RFC5424_MICRO] = "rfc5424micro", [SHIP_JOURNAL] = "journal" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i] && str_eq(names[i], name))
			return (enum ship_format)i;
	return SHIP_LOCAL;
}

static void open_ship(struct ctr *c)
{
	const struct rec_ship *r = &c->rec.ship;
	const struct ship_calls calls = { .room = on_room, .arg = c, .note = on_note, .over = on_over, .owner = c->w };
	const struct ship_to to = { .address = r->address, .format = format_of(r->format), .facility = r->facility, .host = r->host,
		.tag = r->tag, .fields = r->fields, .name = c->rec.name, .drop = r->drop,
		.buffer_bytes = r->buffer_bytes > 0 ? (size_t)r->buffer_bytes : 0 };

	if (*r->address)
		c->ship = ship_new(c->w->loop, &to, &calls);
}

int ctr_log_open(struct ctr *c, struct err *e)
{
	open_ship(c);
	if (!c->rec.log_elsewhere && !str_eq(c->rec.log_driver, "none")) {
		if (log_writer_open(&c->log, c->dir, c->rec.log_max_bytes, c->rec.log_max_files, e) < 0) {
			c->log = log_writer_none();
			return -1;
		}
		if (c->rec.log_compress)
			log_writer_pack(c->log);
		return 0;
	}
	c->log = log_writer_none();
	return 0;
}

void ctr_log_close(struct ctr *c)
{
	log_writer_close(c->log);
	c->log = NULL;
	ship_end(c->ship);
	c->ship = NULL;
}
