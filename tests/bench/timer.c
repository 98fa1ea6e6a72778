/* SPDX-License-Identifier: Apache-2.0 */
/* timer.c - run commands alternately and tell the medians.
 *
 * usage: timer REPETITIONS <ROWS
 *
 * A row is LABEL TAB COMMAND TAB AFTER. Each repetition runs every row's COMMAND once, so that what else happens on the
 * machine meets all of them alike; a COMMAND is split at blanks and started without a shell, its output dropped. AFTER is
 * run by sh and not timed. A LABEL that begins with @ has a COMMAND that prints its own milliseconds.
 * Output: LABEL TAB MEDIAN TAB LEAST TAB MOST, in milliseconds; a command that fails ends everything. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROWS_MAX = 16, WORDS_MAX = 64, REPETITIONS_MAX = 1000 };

struct row { char *label, *words[WORDS_MAX + 1], *after; double ms[REPETITIONS_MAX]; };

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int await(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			err(1, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ret: milliseconds; *ret_status: how it ended */
static double run(char *const *words, int out, int *ret_status)
{
	double began = now_ms();
	pid_t pid = vfork();

	if (pid < 0)
		err(1, "vfork");
	if (pid == 0) {
		(void)dup2(out, STDOUT_FILENO);
		(void)dup2(out, STDERR_FILENO);
		execv(words[0], words);
		_exit(127);
	}
	*ret_status = await(pid);
	return now_ms() - began;
}

static double printed(char *const *words, int *ret_status)
{
	char text[64] = "";
	FILE *f = tmpfile();

	if (!f)
		err(1, "tmpfile");
	(void)run(words, fileno(f), ret_status);
	rewind(f);
	if (!fgets(text, sizeof(text), f))
		*ret_status = 1;
	(void)fclose(f);
	return strtod(text, NULL);
}

static void once(struct row *r, size_t i, int null)
{
	int status;
	pid_t pid;

	r->ms[i] = *r->label == '@' ? printed(r->words, &status) : run(r->words, null, &status);
	if (status)
		errx(1, "%s ends with %d (%s %s ...)", r->label, status, r->words[0], r->words[1] ? r->words[1] : "");
	if (!r->after || !*r->after)
		return;
	pid = fork();
	if (pid == 0) {
		(void)dup2(null, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", r->after, NULL);
		_exit(127);
	}
	if (await(pid))
		errx(1, "after %s: %s fails", r->label, r->after);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static bool read_row(struct row *r, char *line)
{
	char *save = NULL, *command;
	size_t n = 0;

	line[strcspn(line, "\n")] = '\0';
	r->label = strsep(&line, "\t");
	command = strsep(&line, "\t");
	r->after = line;
	for (char *w = command ? strtok_r(command, " ", &save) : NULL; w && n < WORDS_MAX; w = strtok_r(NULL, " ", &save))
		r->words[n++] = w;
	return n > 0;
}

int main(int argc, char **argv)
{
	static struct row rows[ROWS_MAX];
	static char lines[ROWS_MAX][4096];
	size_t n = 0, times = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (!times || times > REPETITIONS_MAX || null < 0)
		errx(2, "usage: timer REPETITIONS <ROWS");
	while (n < ROWS_MAX && fgets(lines[n], sizeof(lines[n]), stdin))
		n += read_row(&rows[n], lines[n]);
	for (size_t i = 0; i < times; i++)
		for (size_t k = 0; k < n; k++)
			once(&rows[k], i, null);
	for (size_t k = 0; k < n; k++) {
		qsort(rows[k].ms, times, sizeof(double), by_size);
		printf("%s\t%.2f\t%.2f\t%.2f\n", rows[k].label + (*rows[k].label == '@'), rows[k].ms[times / 2], rows[k].ms[0],
		       rows[k].ms[times - 1]);
	}
	return 0;
}
