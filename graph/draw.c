/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw.h"
#include "compose/base/coll.h"

static const char *const conditions[] = { [DEP_STARTED] = "started", [DEP_HEALTHY] = "healthy", [DEP_COMPLETED] = "completed" };

struct place { unsigned col, row; };
struct svg { struct place *at; unsigned cols, rows; };

struct canvas {
	struct svg *svg;                      /* DRAW_SVG */
	const struct deps *d;
	const bool *sel;
	const struct draw_opts *o;
	struct str *out;
};

static const struct dep *dep_on(const struct service *s, const char *name)
{
	for (size_t i = 0; i < s->n_deps; i++)
		if (str_eq(s->deps[i].service, name))
			return &s->deps[i];
	return NULL;
}

static char *edge_text(const struct dep *d)
{
	return xasprintf("%s%s%s", conditions[d->condition], d->restart ? ", restart" : "", d->required ? "" : ", optional");
}

/* Call fn for each edge between selected services: from needs on. */
static void each_edge(const struct canvas *c, void (*fn)(const struct canvas *, size_t from, size_t on, const char *text))
{
	for (size_t i = 0; i < c->d->n; i++)
		for (size_t k = 0; c->sel[i] && k < c->d->n_on[i]; k++) {
			size_t on = c->d->on[i][k];
			auto_free char *text = NULL;

			if (!c->sel[on])
				continue;
			text = edge_text(must(dep_on(&c->d->project->services[i], c->d->project->services[on].name)));
			fn(c, i, on, text);
		}
}

static const char *name_of(const struct canvas *c, size_t i)
{
	return c->d->project->services[i].name;
}

/* ---- tree ----------------------------------------------------------------------------------------------------------- */

struct branch { const struct canvas *c; struct str prefix; bool *seen; };

static void tree_below(struct branch *b, size_t i);

static void tree_child(struct branch *b, size_t i, size_t on, bool last)
{
	const struct service *s = &b->c->d->project->services[i];
	auto_free char *text = edge_text(must(dep_on(s, name_of(b->c, on))));
	size_t len = b->prefix.len;

	str_addf(b->c->out, "%s%s%s (%s)%s\n", str_cstr(&b->prefix), last ? "└─ " : "├─ ", name_of(b->c, on), text,
		 b->seen[on] && b->c->d->n_on[on] ? " …" : "");
	if (b->seen[on])
		return;
	str_add(&b->prefix, last ? "   " : "│  ");
	tree_below(b, on);
	str_cut(&b->prefix, len);
}

static void tree_below(struct branch *b, size_t i)
{
	size_t n = 0, k = 0;

	b->seen[i] = true;
	for (size_t j = 0; j < b->c->d->n_on[i]; j++)
		n += b->c->sel[b->c->d->on[i][j]];
	for (size_t j = 0; j < b->c->d->n_on[i]; j++)
		if (b->c->sel[b->c->d->on[i][j]])
			tree_child(b, i, b->c->d->on[i][j], ++k == n);
}

/* Roots are the services that nothing else needs; a branch that was shown before ends with "…". */
static void draw_tree(const struct canvas *c)
{
	struct branch b = { .c = c, .seen = xcalloc(c->d->n, sizeof(bool)) };

	for (size_t i = 0; i < c->d->n; i++) {
		bool needed = false;

		for (size_t k = 0; k < c->d->n_by[i]; k++)
			needed = needed || c->sel[c->d->by[i][k]];
		if (!c->sel[i] || needed)
			continue;
		str_addf(c->out, "%s\n", name_of(c, i));
		tree_below(&b, i);
	}
	str_done(&b.prefix);
	free(b.seen);
}

/* ---- DOT, Mermaid ----------------------------------------------------------------------------------------------------- */

static void indent(const struct canvas *c)
{
	for (unsigned i = 0; i < c->o->indent; i++)
		str_addc(c->out, c->o->spaces ? ' ' : '\t');
}

static void dot_edge(const struct canvas *c, size_t from, size_t on, const char *text)
{
	indent(c);
	str_addf(c->out, "\"%s\" -> \"%s\" [label=\"%s\"];\n", name_of(c, from), name_of(c, on), text);
}

static void dot_node(const struct canvas *c, size_t i)
{
	const struct service *s = &c->d->project->services[i];

	indent(c);
	str_addf(c->out, "\"%s\" [shape=box, label=\"%s", s->name, s->name);
	if (c->o->image && *s->image)
		str_addf(c->out, "\\nimage: %s", s->image);
	for (size_t k = 0; c->o->networks && k < s->n_networks; k++)
		str_addf(c->out, "\\nnetwork: %s", s->networks[k].network);
	for (size_t k = 0; c->o->ports && k < s->n_ports; k++)
		str_addf(c->out, "\\nport: %u:%u/%s", s->ports[k].published, s->ports[k].target, s->ports[k].protocol);
	str_add(c->out, "\"];\n");
}

static void draw_dot(const struct canvas *c)
{
	str_addf(c->out, "digraph \"%s\" {\n", c->d->project->name);
	indent(c);
	str_add(c->out, "rankdir=LR;\n");
	for (size_t i = 0; i < c->d->n; i++)
		if (c->sel[i])
			dot_node(c, i);
	each_edge(c, dot_edge);
	str_add(c->out, "}\n");
}

static void mermaid_edge(const struct canvas *c, size_t from, size_t on, const char *text)
{
	str_addf(c->out, "  s%zu -->|%s| s%zu\n", from, text, on);
}

static void draw_mermaid(const struct canvas *c)
{
	str_add(c->out, "graph LR\n");
	for (size_t i = 0; i < c->d->n; i++)
		if (c->sel[i])
			str_addf(c->out, "  s%zu[\"%s\"]\n", i, name_of(c, i));
	each_edge(c, mermaid_edge);
}

/* ---- SVG: columns by longest way to a service that needs nothing ---------------------------------------------------------- */

enum { BOX_W = 150, BOX_H = 34, GAP_X = 110, GAP_Y = 22, MARGIN = 16 };

static unsigned x_of(const struct canvas *c, size_t i)
{
	return MARGIN + (c->svg->cols - 1 - c->svg->at[i].col) * (BOX_W + GAP_X);
}

static unsigned y_of(const struct canvas *c, size_t i)
{
	return MARGIN + c->svg->at[i].row * (BOX_H + GAP_Y);
}

static void lay_out(const struct canvas *c)
{
	struct svg *svg = c->svg;
	auto_free unsigned *used = xcalloc(c->d->n + 1, sizeof(*used));

	*svg = (struct svg){ .at = xcalloc(c->d->n, sizeof(*svg->at)), .cols = 1, .rows = 1 };
	for (size_t k = 0; k < c->d->n; k++) {
		size_t i = c->d->order[k];

		if (!c->sel[i])
			continue;
		for (size_t j = 0; j < c->d->n_on[i]; j++)
			if (c->sel[c->d->on[i][j]] && svg->at[c->d->on[i][j]].col + 1 > svg->at[i].col)
				svg->at[i].col = svg->at[c->d->on[i][j]].col + 1;
		svg->at[i].row = used[svg->at[i].col]++;
		if (svg->at[i].col + 1 > svg->cols)
			svg->cols = svg->at[i].col + 1;
		if (svg->at[i].row + 1 > svg->rows)
			svg->rows = svg->at[i].row + 1;
	}
}

static void svg_edge(const struct canvas *c, size_t from, size_t on, const char *text)
{
	unsigned x1 = x_of(c, from) + BOX_W, y1 = y_of(c, from) + BOX_H / 2, x2 = x_of(c, on), y2 = y_of(c, on) + BOX_H / 2, mid = (x1 + x2) / 2;

	str_addf(c->out, "<path d=\"M%u,%u C%u,%u %u,%u %u,%u\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#a)\"/>\n", x1, y1, mid, y1, mid,
		 y2, x2, y2);
	str_addf(c->out, "<text x=\"%u\" y=\"%u\" font-size=\"10\" fill=\"#555\" text-anchor=\"middle\">%s</text>\n", mid, (y1 + y2) / 2 - 4, text);
}

static void draw_svg(const struct canvas *c)
{
	unsigned w, h;

	lay_out(c);
	w = 2 * MARGIN + c->svg->cols * BOX_W + (c->svg->cols - 1) * GAP_X;
	h = 2 * MARGIN + c->svg->rows * BOX_H + (c->svg->rows - 1) * GAP_Y;
	str_addf(c->out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" font-family=\"sans-serif\">\n", w, h);
	str_add(c->out, "<defs><marker id=\"a\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\">"
		"<path d=\"M0,0 L8,4 L0,8 z\" fill=\"#555\"/></marker></defs>\n");
	each_edge(c, svg_edge);
	for (size_t i = 0; i < c->d->n; i++) {
		if (!c->sel[i])
			continue;
		str_addf(c->out, "<rect x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" rx=\"5\" fill=\"#eef3fb\" stroke=\"#36c\"/>\n", x_of(c, i), y_of(c, i),
			 BOX_W, BOX_H);
		str_addf(c->out, "<text x=\"%u\" y=\"%u\" font-size=\"13\" text-anchor=\"middle\">%s</text>\n", x_of(c, i) + BOX_W / 2,
			 y_of(c, i) + BOX_H / 2 + 4, name_of(c, i));
	}
	str_add(c->out, "</svg>\n");
	free(c->svg->at);
}

/* Service names are [a-zA-Z0-9._-]+ (parser/check.h), so none of the forms needs escaping. */
void draw(const struct deps *d, const bool *sel, enum draw_form form, const struct draw_opts *o, struct str *out)
{
	struct svg svg = {0};
	const struct canvas c = { &svg, d, sel, o, out };

	switch (form) {
	case DRAW_TREE: draw_tree(&c); break;
	case DRAW_DOT: draw_dot(&c); break;
	case DRAW_MERMAID: draw_mermaid(&c); break;
	case DRAW_SVG: draw_svg(&c); break;
	}
}
