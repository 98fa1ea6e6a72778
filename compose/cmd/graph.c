/* SPDX-License-Identifier: Apache-2.0 */
/* graph.c - `compose graph`: who depends on whom, as a tree, DOT, Mermaid or SVG. */
#include "compose/base/str.h"
#include "compose/cmd/cmd.h"
#include "graph/draw.h"

struct graph_args { const char *format; bool image, networks, ports, spaces, no_deps; int64_t indent; char **services; };

enum { INDENT_DEFAULT = 1, INDENT_MAX = 16 };

static const struct opt graph_opts[] = {
	OPT_CHOICE(0, "format", struct graph_args, format, "tree dot mermaid svg", "output form"),
	OPT_FLAG(0, "image", struct graph_args, image, "show image names (implies --format dot, as those below)"),
	OPT_FLAG(0, "networks", struct graph_args, networks, "show networks"),
	OPT_FLAG(0, "ports", struct graph_args, ports, "show ports"),
	OPT_INT(0, "indentation-size", struct graph_args, indent, "N", "indent width"),
	OPT_FLAG(0, "spaces", struct graph_args, spaces, "indent with spaces"),
	OPT_FLAG(0, "no-deps", struct graph_args, no_deps, "only the named services"),
	OPT_REST(struct graph_args, services, "SERVICE", "services (default: all); with their dependencies"),
	OPT_END
};

static void graph_defaults(void *args)
{
	((struct graph_args *)args)->indent = -1;
}

/* What only one form has asks for that form. */
static int pick_form(const struct graph_args *a, enum draw_form *ret, struct err *e)
{
	const char *only_dot = a->image ? "--image" : a->networks ? "--networks" : a->ports ? "--ports" : a->spaces ? "--spaces" :
		a->indent >= 0 ? "--indentation-size" : NULL;

	if (only_dot && a->format && !str_eq(a->format, "dot"))
		return err_set(e, ERR_USAGE, 0, "%s is of --format dot", only_dot);
	*ret = only_dot || str_eq(a->format, "dot") ? DRAW_DOT : str_eq(a->format, "mermaid") ? DRAW_MERMAID :
		str_eq(a->format, "svg") ? DRAW_SVG : DRAW_TREE;
	return 0;
}

static int graph_run(struct ctx *c, const void *args, struct err *e)
{
	const struct graph_args *a = args;
	const struct draw_opts o = { .networks = a->networks, .ports = a->ports, .image = a->image,
		.indent = a->indent < 0 ? INDENT_DEFAULT : a->indent > INDENT_MAX ? INDENT_MAX : (unsigned)a->indent, .spaces = a->spaces };
	enum draw_form form = DRAW_TREE;
	auto_str struct str out = {0};
	auto_free bool *sel = xcalloc(c->project->n_services + 1, sizeof(*sel));
	struct deps d;
	int r;

	if (pick_form(a, &form, e) < 0)
		return -1;
	if (deps_make(&d, c->project, e) < 0)
		return -1;
	r = deps_select(&d, a->services, a->no_deps, sel, e);
	if (r == 0) {
		draw(&d, sel, form, &o, &out);
		fputs(str_cstr(&out), stdout);
	}
	deps_done(&d);
	return r;
}

const struct cmd cmd_graph = { .name = "graph", .usage = "[OPTION...] [SERVICE...]", .summary = "Show who depends on whom", .opts = graph_opts,
	.args_size = sizeof(struct graph_args), .defaults = graph_defaults, .services_off = offsetof(struct graph_args, services),
	.needs = ONLY_LOOKS | NEED_PROJECT, .run = graph_run, .alias = "viz" };
