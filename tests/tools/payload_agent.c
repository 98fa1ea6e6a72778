/* SPDX-License-Identifier: Apache-2.0 */
/* payload_agent.c - the test payload's part that speaks to the ssh agent behind $SSH_AUTH_SOCK. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "tests/tools/payload.h"

enum { LIST = 11, KEYS = 12, SIGN = 13, SIGNATURE = 14, MESSAGE_MAX = 300 << 10 };

static uint8_t message[MESSAGE_MAX];

static int reach_agent(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *path = getenv("SSH_AUTH_SOCK");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (path == NULL || strlen(path) >= sizeof(a.sun_path))
		fail("SSH_AUTH_SOCK");
	strcpy(a.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail("%s", path);
	return fd;
}

static uint32_t number_at(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint8_t *put_number(uint8_t *at, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(v >> shift);
	return at;
}

static uint8_t *put_text(uint8_t *at, const void *text, uint32_t n)
{
	at = put_number(at, n);
	memcpy(at, text, n);
	return at + n;
}

/* The answer's text at *at, and behind it. */
static const uint8_t *take_text(const uint8_t **at, uint32_t *n)
{
	const uint8_t *text = *at + 4;

	*n = number_at(*at);
	*at = text + *n;
	if (*at > message + sizeof(message))
		fail("a broken answer");
	return text;
}

static size_t read_some(int fd, uint8_t *to, size_t n)
{
	size_t have = 0;
	ssize_t k;

	while (have < n && (k = read(fd, to + have, n - have)) > 0)
		have += (size_t)k;
	return have;
}

/* Send the first n bytes of message as a request, and read the answer over them. ret: its type, 0 when there is none */
static int converse(int fd, size_t n)
{
	uint8_t head[4];
	size_t len;

	put_number(head, (uint32_t)n);
	if (write(fd, head, 4) != 4 || write(fd, message, n) != (ssize_t)n || read_some(fd, head, 4) != 4)
		return 0;
	len = number_at(head);
	if (len == 0 || len > sizeof(message) || read_some(fd, message, len) != len)
		fail("a broken answer of %zu bytes", len);
	return message[0];
}

/* Its keys, TYPE COMMENT each. The first one's blob is left in *blob. */
static void list_keys(int fd, const uint8_t **blob, uint32_t *blob_len)
{
	const uint8_t *at = message + 5;
	uint32_t n;

	message[0] = LIST;
	if (converse(fd, 1) != KEYS)
		fail("no list of keys");
	n = number_at(message + 1);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t len, type_len, comment_len;
		const uint8_t *key = take_text(&at, &len), *comment = take_text(&at, &comment_len), *in = key;
		const uint8_t *type = take_text(&in, &type_len);

		printf("%.*s %.*s\n", (int)type_len, (const char *)type, (int)comment_len, (const char *)comment);
		if (i == 0) {
			*blob = key;
			*blob_len = len;
		}
	}
}

static void print_hex(const uint8_t *b, size_t n)
{
	while (n-- > 0)
		printf("%02x", *b++);
	putchar('\n');
}

/* Sign with the first key, an ed25519 one: the public key and the signature as hexadecimal numbers. */
static void sign(int fd, const char *text)
{
	static uint8_t key[4096];
	const uint8_t *blob = NULL, *at, *type;
	uint32_t len = 0, n;
	uint8_t *end;

	list_keys(fd, &blob, &len);
	if (len < 32 || len > sizeof(key))
		fail("no key");
	memcpy(key, blob, len);
	print_hex(key + len - 32, 32);
	message[0] = SIGN;
	end = put_text(message + 1, key, len);
	end = put_text(end, text, (uint32_t)strlen(text));
	end = put_number(end, 0);
	if (converse(fd, (size_t)(end - message)) != SIGNATURE)
		fail("no signature");
	at = message + 5;
	type = take_text(&at, &n);
	(void)type;
	at = take_text(&at, &n);
	print_hex(at, n);
}

/* Take n connections, half a request on each, and keep them. */
static void hold(long n)
{
	while (n-- > 0)
		if (write(reach_agent(), "\0\0", 2) != 2)
			fail("write");
	puts("held");
	fflush(stdout);
	pause();
}

int cmd_agent(char **argv)
{
	int fd = reach_agent();
	const uint8_t *blob;
	uint32_t len;

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[0], "list") == 0)
		list_keys(fd, &blob, &len);
	else if (strcmp(argv[0], "sign") == 0 && argv[1] != NULL)
		sign(fd, argv[1]);
	else if (strcmp(argv[0], "hold") == 0 && argv[1] != NULL)
		hold(number(argv[1]));
	else if (strcmp(argv[0], "ask") == 0 && argv[1] != NULL) {
		size_t n = argv[2] != NULL ? (size_t)number(argv[2]) : 1;

		message[0] = (uint8_t)number(argv[1]);
		if (n == 0 || n > sizeof(message))
			fail("a request of %zu bytes", n);
		printf("%d\n", converse(fd, n));
	} else {
		fail("agent list|sign TEXT|hold N|ask TYPE [BYTES]");
	}
	close(fd);
	return 0;
}
