/* SPDX-License-Identifier: Apache-2.0 */
/* pack.h - files of a log that are written no more, compressed: NNNNNN becomes NNNNNN.gz. Private to compose/logs.
 * layer: logs.   The packed file appears whole, under its name, before the plain one goes: whoever is killed meanwhile loses
 * nothing, and where both are there the plain one counts. libarchive is loaded by those who pack and unpack only. */
#pragma once
#include <stdint.h>

enum { LOG_PACKED_NAME = 32 };
void log_packed_name(uint64_t number, char ret[LOG_PACKED_NAME]);

/* Let a process of its own pack every file of dir but the newest. It is the caller's sibling, so nobody here waits for it; one
 * that is at work already does it all. runs in: supervisor worker, single-threaded. What cannot be packed stays as it is. */
void log_pack_beside(int dir);
/* The same, here and now; returns when done. */
void log_pack(int dir);
/* The content of a packed file. runs in: client. ret: descriptor of a file in memory, or -1 (absent, broken from the start);
 * what is broken later ends there */
int  log_unpack(int dir, uint64_t number);
