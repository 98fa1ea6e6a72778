/* SPDX-License-Identifier: Apache-2.0 */
/* menu.h - the keys of `up` in the foreground, and the line below the output that names them.
 * runs in: client.   owns: the settings of the user's terminal while it lives.   layer: cmd. */
#pragma once

struct menu;

/* Take single keys from the terminal, unseen. ret: NULL when standard input and output are no terminal of ours (a pipe, a
 * job in the background). Every function takes NULL. */
struct menu *menu_new(void);
/* Readable when a key was typed; -1: none will be. */
int  menu_fd(const struct menu *m);
/* ret: the key, 0 when there is none (any more) */
char menu_key(struct menu *m);
/* The line is there while nothing else is printed. */
void menu_show(struct menu *m, const char *text);
void menu_hide(struct menu *m);
/* The terminal as it was. */
void menu_free(struct menu *m);
static inline void menu_freep(struct menu **m) { menu_free(*m); }
#define auto_menu __attribute__((cleanup(menu_freep)))
