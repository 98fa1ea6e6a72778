/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/menu.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

struct menu {
	struct termios saved;
	bool gone;                        /* the terminal was closed */
	bool shown;
};

struct menu *menu_new(void)
{
	struct termios now;
	struct menu *m;

	/* a job in the background is stopped when it changes the terminal */
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
	    str_eq(getenv("TERM"), "dumb") || tcgetattr(STDIN_FILENO, &now) < 0)
		return NULL;
	m = xcalloc(1, sizeof(*m));
	m->saved = now;
	now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);       /* ISIG stays: Ctrl-C is a signal as everywhere */
	now.c_cc[VMIN] = 1;
	now.c_cc[VTIME] = 0;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
	return m;
}

int menu_fd(const struct menu *m)
{
	return m && !m->gone ? STDIN_FILENO : -1;
}

char menu_key(struct menu *m)
{
	char key;

	if (!m || m->gone)
		return 0;
	if (read(STDIN_FILENO, &key, 1) == 1)
		return key;
	m->gone = true;
	return 0;
}

void menu_show(struct menu *m, const char *text)
{
	if (!m || m->shown)
		return;
	m->shown = true;
	printf("\033[2m%s\033[0m", text);
	(void)fflush(stdout);
}

void menu_hide(struct menu *m)
{
	if (!m || !m->shown)
		return;
	m->shown = false;
	(void)fputs("\r\033[K", stdout);
	(void)fflush(stdout);
}

void menu_free(struct menu *m)
{
	if (!m)
		return;
	menu_hide(m);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &m->saved);
	free(m);
}
