/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - libyaml's events of a file and nothing else: what reading YAML costs at least.   usage: events FILE */
#include <err.h>
#include <stdio.h>
#include <yaml.h>

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	yaml_parser_t p;
	yaml_event_t ev;
	yaml_event_type_t type;

	if (!f || !yaml_parser_initialize(&p))
		err(1, "%s", argc == 2 ? argv[1] : "usage: events FILE");
	yaml_parser_set_input_file(&p, f);
	do {
		if (!yaml_parser_parse(&p, &ev))
			errx(1, "%s: no YAML", argv[1]);
		type = ev.type;
		yaml_event_delete(&ev);
	} while (type != YAML_STREAM_END_EVENT);
	yaml_parser_delete(&p);
	(void)fclose(f);
	return 0;
}
