/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cli/completion.h"
#include <string.h>
#include "compose/base/str.h"

static bool shown(const struct opt *o)
{
	return o->type != OPT_T_REST && o->type != OPT_T_HEAD && o->name && !(o->flags & OPT_HIDDEN);
}

static bool takes_value(const struct opt *o)
{
	return o->type != OPT_T_FLAG;
}

/* What the positional arguments of a command are, for the shell: services, files, or nothing we know. */
static bool wants_services(const struct opt *t)
{
	for (; t->type != OPT_T_END; t++)
		if ((t->type == OPT_T_REST || t->type == OPT_T_HEAD) && str_starts(t->arg, "SERVICE"))
			return true;
	return false;
}

static bool wants_file(const struct opt *o)
{
	return o->arg && (str_eq(o->arg, "FILE") || str_eq(o->arg, "DIR"));
}

/* "--file -f --profile ..." */
static void flags(const struct opt *t, bool only_valued, FILE *f)
{
	const char *gap = "";

	for (; t->type != OPT_T_END; t++) {
		if (!shown(t) || (only_valued && !takes_value(t)))
			continue;
		fprintf(f, "%s--%s", gap, t->name);
		gap = " ";
		if (t->sh)
			fprintf(f, " -%c", t->sh);
	}
}

/* In single quotes for any of the shells. */
static void quoted(const char *s, FILE *f)
{
	for (; *s; s++)
		fputs(*s == '\'' ? "'\\''" : (char[]){ *s, '\0' }, f);
}

/* ---- bash ------------------------------------------------------------------------------------ */

/* Options whose value is one of a few words. */
static void bash_choices(const struct opt *t, const char *cmd, FILE *f)
{
	for (; t->type != OPT_T_END; t++) {
		if (!shown(t) || !(t->choices || wants_file(t)))
			continue;
		fprintf(f, "\t\"%s --%s\"", cmd, t->name);
		if (t->sh)
			fprintf(f, " | \"%s -%c\"", cmd, t->sh);
		if (t->choices)
			fprintf(f, ") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", t->choices);
		else
			fputs(") compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", f);
	}
}

static void bash_tables(const struct completion *c, FILE *f)
{
	fputs("\tcase $cmd in\n\t'') flags='", f);
	flags(c->globals, false, f);
	fputs("'; valued='", f);
	flags(c->globals, true, f);
	fputs("' ;;\n", f);
	for (size_t i = 0; i < c->n_cmds; i++) {
		fprintf(f, "\t%s) flags='", c->cmds[i].name);
		flags(c->cmds[i].opts, false, f);
		fputs("'; valued='", f);
		flags(c->cmds[i].opts, true, f);
		fprintf(f, "'%s ;;\n", wants_services(c->cmds[i].opts) ? "; services=1" : "");
	}
	fputs("\tesac\n\tcase \"$cmd $prev\" in\n", f);
	bash_choices(c->globals, "", f);
	for (size_t i = 0; i < c->n_cmds; i++)
		bash_choices(c->cmds[i].opts, c->cmds[i].name, f);
	fputs("\tesac\n", f);
}

void completion_bash(const struct completion *c, FILE *f)
{
	fputs("# bash completion for compose: source <(compose completion bash)\n"
	      "_compose() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= flags= valued= services= i "
	      "w\n"
	      "\tlocal globals=' ",
	      f);
	flags(c->globals, true, f);
	fputs(" ' before=()\n"
	      "\tCOMPREPLY=()\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tw=${COMP_WORDS[i]}\n"
	      "\t\tif [[ $w != -* ]]; then cmd=$w; break; fi\n"
	      "\t\tbefore+=(\"$w\")\n"
	      "\t\tif [[ $globals == *\" $w \"* ]]; then i=$((i + 1)); before+=(\"${COMP_WORDS[i]}\"); fi\n"
	      "\tdone\n", f);
	bash_tables(c, f);
	fputs("\tif [[ \" $valued \" == *\" $prev \"* ]]; then return; fi\n"
	      "\tif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$flags --help\" -- \"$cur\")); return; fi\n"
	      "\tif [[ -z $cmd ]]; then COMPREPLY=($(compgen -W '", f);
	for (size_t i = 0; i < c->n_cmds; i++)
		fprintf(f, "%s%s", i ? " " : "", c->cmds[i].name);
	fputs("' -- \"$cur\")); return; fi\n"
	      "\tif [[ -n $services ]]; then COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" \"${before[@]}\" config "
	      "--services 2>/dev/null)\" "
	      "-- \"$cur\")); fi\n"
	      "}\n"
	      "complete -o default -F _compose compose\n",
	      f);
}

/* ---- zsh ------------------------------------------------------------------------------------- */

/* Help texts stand in brackets there. */
static void zsh_text(const char *s, FILE *f)
{
	for (; *s; s++) {
		if (strchr("[]:\\", *s))
			fputc('\\', f);
		fputs(*s == '\'' ? "'\\''" : (char[]){ *s, '\0' }, f);
	}
}

static void zsh_spec(const struct opt *o, char sh, FILE *f)
{
	fprintf(f, " '%s%s%s[", o->type == OPT_T_STRS ? "*" : "", sh ? "-" : "--", sh ? (char[]){ sh, '\0' } : o->name);
	zsh_text(o->help, f);
	fputc(']', f);
	if (takes_value(o)) {
		fputc(':', f);
		zsh_text(o->arg ? o->arg : "VALUE", f);
		if (o->choices)
			fprintf(f, ":(%s)", o->choices);
		else
			fputs(wants_file(o) ? ":_files" : ": ", f);
	}
	fputc('\'', f);
}

static void zsh_specs(const struct opt *t, FILE *f)
{
	for (; t->type != OPT_T_END; t++) {
		if (!shown(t))
			continue;
		zsh_spec(t, '\0', f);
		if (t->sh)
			zsh_spec(t, t->sh, f);
	}
}

void completion_zsh(const struct completion *c, FILE *f)
{
	fputs("#compdef compose\n# zsh completion for compose: compose completion zsh > DIRECTORY-OF-FPATH/_compose\n"
	      "_compose_services() { local -a s; s=(${(f)\"$(compose config --services 2>/dev/null)\"}); compadd -a s "
	      "}\n"
	      "_compose() {\n\tlocal context state line\n\ttypeset -A opt_args\n\t_arguments -C",
	      f);
	zsh_specs(c->globals, f);
	fputs(" '1:command:->command' '*::argument:->argument'\n\tcase $state in\n\tcommand)\n\t\tlocal -a "
	      "commands\n\t\tcommands=(",
	      f);
	for (size_t i = 0; i < c->n_cmds; i++) {
		fprintf(f, "\n\t\t\t'%s:", c->cmds[i].name);
		zsh_text(c->cmds[i].summary, f);
		fputc('\'', f);
	}
	fputs(")\n\t\t_describe command commands ;;\n\targument)\n\t\tcase $line[1] in\n", f);
	for (size_t i = 0; i < c->n_cmds; i++) {
		fprintf(f, "\t\t%s) _arguments", c->cmds[i].name);
		zsh_specs(c->cmds[i].opts, f);
		fprintf(f, " '*: :%s' ;;\n", wants_services(c->cmds[i].opts) ? "_compose_services" : "_files");
	}
	fputs("\t\tesac ;;\n\tesac\n}\ncompdef _compose compose\n", f);
}

/* ---- fish ------------------------------------------------------------------------------------ */

static void fish_opts(const struct opt *t, const char *when, FILE *f)
{
	for (; t->type != OPT_T_END; t++) {
		if (!shown(t))
			continue;
		fprintf(f, "complete -c compose -n '%s' -l %s", when, t->name);
		if (t->sh)
			fprintf(f, " -s %c", t->sh);
		if (takes_value(t))
			fputs(wants_file(t) ? " -rF" : " -x", f);
		if (t->choices)
			fprintf(f, " -a '%s'", t->choices);
		fputs(" -d '", f);
		quoted(t->help, f);
		fputs("'\n", f);
	}
}

void completion_fish(const struct completion *c, FILE *f)
{
	fputs("# fish completion for compose: compose completion fish | source\ncomplete -c compose -f\n", f);
	fish_opts(c->globals, "__fish_use_subcommand", f);
	for (size_t i = 0; i < c->n_cmds; i++) {
		auto_free char *when = xasprintf("__fish_seen_subcommand_from %s", c->cmds[i].name);

		fprintf(f, "complete -c compose -n __fish_use_subcommand -a %s -d '", c->cmds[i].name);
		quoted(c->cmds[i].summary, f);
		fputs("'\n", f);
		fish_opts(c->cmds[i].opts, when, f);
		if (wants_services(c->cmds[i].opts))
			fprintf(f, "complete -c compose -n '%s' -a '(compose config --services 2>/dev/null)'\n", when);
	}
}
