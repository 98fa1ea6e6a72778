/* SPDX-License-Identifier: Apache-2.0 */
/* cli_template.c - --format: templates, tables, JSON lines. */
#include "compose/cli/template.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "tests/tap.h"

static json_t *row, *labels, *headers;

static void gives(const char *text, const char *want)
{
	auto_str struct str out = {0};
	auto_err struct err e = {0};
	int r = template_run(text, row, labels, &out, &e);

	is_str(r < 0 ? e.frame[0] : str_cstr(&out), want, "%s", text);
}

static void refused(const char *text, const char *why)
{
	auto_str struct str out = {0};
	auto_err struct err e = {0};
	int r = template_run(text, row, labels, &out, &e);

	ok(r < 0 && e.kind == ERR_USAGE && strstr(e.frame[0], why), "%s is refused: %s", text, r < 0 ? e.frame[0] : str_cstr(&out));
}

static void printed(const char *format, const char *want)
{
	const struct rows_opts o = { .format = format, .columns = "{{.Name}}\t{{.State}}", .headers = headers };
	auto_rows struct rows *rows = NULL;
	auto_err struct err e = {0};
	auto_free char *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	if (rows_new(&rows, &o, &e) == 0 && rows_add(rows, row, labels, &e) == 0 && rows_add(rows, row, labels, &e) == 0)
		rows_print(rows, f);
	fclose(f);
	is_str(e.n ? e.frame[0] : got, want, "format %s", format);
}

static void expressions(void)
{
	gives("{{.Name}}", "demo-web-1");
	gives("a {{ .Name }}={{.State}}\\t.\\n", "a demo-web-1=running\t.\n");
	gives("{{.ExitCode}} {{.Publishers}}", "0 [{\"TargetPort\":80}]");
	gives("{{json .Name}} {{json .Publishers}}", "\"demo-web-1\" [{\"TargetPort\":80}]");
	gives("{{.Name | upper}}{{upper .State}}", "DEMO-WEB-1RUNNING");
	gives("{{title .Words}} {{lower \"ABC\"}}", "Two Words abc");
	gives("{{join (split .Name \"-\") \"/\"}}", "demo/web/1");
	gives("{{\"+\" | join (split .Name \"-\")}}", "demo+web+1");
	gives("[{{pad .State 1 2}}] [{{pad \"\" 1 2}}]", "[ running  ] []");
	gives("{{truncate .Name 4}} {{truncate \"äöü\" 2}} {{truncate .State 99}}", "demo äö running");
	gives("x  {{- .State -}}  y", "xrunningy");
	gives("a{{/* note */}}b", "ab");
	gives("{{.Label \"a.b\"}}|{{.Label \"none\"}}|{{.Label `a.b` | upper}}", "v,1||V,1");
	gives("{{\"a\\tb\\\"\"}}", "a\tb\"");
	gives("{{json .}}", "{\"Name\":\"demo-web-1\",\"State\":\"running\",\"Words\":\"two words\",\"ExitCode\":0,"
			    "\"Publishers\":[{\"TargetPort\":80}]}");
	gives("", "");
}

static void refusals(void)
{
	refused("{{.Nam}}", "no field .Nam");
	refused("{{.Name", "missing");
	refused("{{}}", "nothing");
	refused("{{.Name .State}}", "one value");
	refused("{{nope .Name}}", "no function");
	refused("{{range .Publishers}}x{{end}}", "not supported");
	refused("{{if .Name}}x{{end}}", "\"if\"");
	refused("{{upper .ExitCode}}", "no text");
	refused("{{join .Name \",\"}}", "no list");
	refused("{{truncate .Name}}", "takes 2");
	refused("{{(.Name}}", "parenthesis");
	refused("{{\"abc}}", "does not end");
	refused("{{/* abc}}", "comment");
	refused("{{((((((((((((((((((((.Name))))))))))))))))))))}}", "too many");
	refused("{{pad .Name 1 2 3 4 5 6 7 8 9}}", "");
	refused("{{$x := 1}}", "unexpected");
}

static void forms(void)
{
	printed("", "NAME         STATE\ndemo-web-1   running\ndemo-web-1   running\n");
	printed("table", "NAME         STATE\ndemo-web-1   running\ndemo-web-1   running\n");
	printed("table {{.State}}\\t{{.Name}}", "STATE     NAME\nrunning   demo-web-1\nrunning   demo-web-1\n");
	printed("{{.State}}", "running\nrunning\n");
	printed("{{.Stat}}", "--format: there is no field .Stat");
	printed("table {{.Name}}\t{{.Label \"a.b\"}}", "NAME         b\ndemo-web-1   v,1\ndemo-web-1   v,1\n");
	printed("json", "{\"Name\":\"demo-web-1\",\"State\":\"running\",\"Words\":\"two words\",\"ExitCode\":0,\"Publishers\":[{\"TargetPort\":80}]}\n"
			"{\"Name\":\"demo-web-1\",\"State\":\"running\",\"Words\":\"two words\",\"ExitCode\":0,\"Publishers\":[{\"TargetPort\":80}]}\n");
}

int main(void)
{
	row = json_pack("{s:s,s:s,s:s,s:i,s:[{s:i}]}", "Name", "demo-web-1", "State", "running", "Words", "two words", "ExitCode", 0,
			"Publishers", "TargetPort", 80);
	headers = json_pack("{s:s,s:s,s:s,s:s,s:s}", "Name", "NAME", "State", "STATE", "Words", "WORDS", "ExitCode", "EXIT CODE",
			    "Publishers", "PUBLISHERS");
	labels = json_pack("{s:s}", "a.b", "v,1");
	expressions();
	refusals();
	forms();
	json_decref(row);
	json_decref(headers);
	json_decref(labels);
	done_testing();
}
