/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h - signal names and numbers.   runs in: client.   layer: engine, pure. */
#pragma once

/* "SIGTERM", "TERM", "sigterm", "15", "SIGRTMIN+3". ret: the number, -1 when s is none */
int signal_number(const char *s);
/* ret: "SIGTERM"; NULL for an unknown number */
const char *signal_name(int sig);
