/* SPDX-License-Identifier: Apache-2.0 */
/* payload.h - what the files of the test payload share. */
#pragma once

/* End with status 1 and a message; the error's name is added when errno is set. */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* A number in C notation, or fail(). */
long number(const char *s);

/* The subcommands of payload_net.c. in: the arguments behind the subcommand, ends with NULL. ret: exit status */
int cmd_dns(char **argv);
int cmd_getent(char **argv);
int cmd_tcp_echo(char **argv);
int cmd_udp_echo(char **argv);
int cmd_http(char **argv);
int cmd_http_who(char **argv);
int cmd_tcp(char **argv);
int cmd_udp(char **argv);
int cmd_ping(char **argv);

/* payload_agent.c */
int cmd_agent(char **argv);
