/* SPDX-License-Identifier: Apache-2.0 */
/* print_lists.c - names and tables of a project, one a line, for `config --services` and its like. */
#include "compose/base/coll.h"
#include "compose/base/mem.h"
#include "parser/load.h"
#include "parser/print.h"

static void line(struct str *out, const char *s)
{
	str_add(out, s);
	str_addc(out, '\n');
}

struct order {
	const struct project *p;
	bool *done;
	struct str *out;
};

/* Dependencies before s. Depth is bounded by the number of services: cycles were refused. */
static void visit(struct order *o, const struct service *s)
{
	size_t at = (size_t)(s - o->p->services);

	if (o->done[at])
		return;
	o->done[at] = true;
	for (size_t i = 0; i < s->n_deps; i++) {
		const struct service *on = project_service(o->p, s->deps[i].service);
		if (on)
			visit(o, on);
	}
	line(o->out, s->name);
}

void print_services(struct str *out, const struct project *p)
{
	struct order o = {p, xcalloc(p->n_services + 1, sizeof(bool)), out};

	for (size_t i = 0; i < p->n_services; i++)
		visit(&o, &p->services[i]);
	free(o.done);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The texts sorted, each once. v is reordered */
static void print_sorted_texts(struct str *out, const char **v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(v[i - 1], v[i]) != 0)
			line(out, v[i]);
}

static void section_keys(struct str *out, const struct project *p, const char *section)
{
	const struct node *all = node_get(p->tree, section);
	size_t n = all && all->kind == NODE_MAP ? all->n : 0;
	const char **v = xcalloc(n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = all->pairs[i].key;
	print_sorted_texts(out, v, n);
	free(v);
}

void print_volumes(struct str *out, const struct project *p)
{
	section_keys(out, p, "volumes");
}

void print_networks(struct str *out, const struct project *p)
{
	section_keys(out, p, "networks");
}

void print_models(struct str *out, const struct project *p)
{
	section_keys(out, p, "models");
}

void print_images(struct str *out, const struct project *p)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];
		if (*s->image)
			line(out, s->image);
		else if (s->build)
			str_addf(out, "%s%c%s\n", p->name, project_sep(p), s->name);
	}
}

void print_profiles(struct str *out, const struct project *p)
{
	VEC(const char *) all = {0};

	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; k < p->services[i].profiles.n; k++)
			vec_push(&all, p->services[i].profiles.v[k]);
	print_sorted_texts(out, all.v, all.n);
	vec_done(&all);
}

void print_environment(struct str *out, const struct project *p)
{
	VEC(const char *) all = {0};

	for (size_t i = 0; p->load && i < p->load->env.n; i++)
		vec_push(&all, xasprintf("%s=%s", p->load->env.e[i].key, (const char *)p->load->env.e[i].val));
	print_sorted_texts(out, all.v, all.n);
	for (size_t i = 0; i < all.n; i++)
		free((char *)all.v[i]);
	vec_done(&all);
}

static void cell(struct str *out, const char *s, size_t width)
{
	size_t n = strlen(s);

	str_add(out, s);
	for (; n < width; n++)
		str_addc(out, ' ');
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct var *const *)a)->name, (*(const struct var *const *)b)->name);
}

static void json_var(struct str *out, const struct var *v, bool last)
{
	str_add(out, "  ");
	print_json_text(out, v->name, false);
	str_add(out, ": {\n    \"Name\": ");
	print_json_text(out, v->name, false);
	str_add(out, ",\n    \"DefaultValue\": ");
	print_json_text(out, v->dflt, false);
	str_add(out, ",\n    \"PresenceValue\": ");
	print_json_text(out, v->alternate, false);
	str_addf(out, ",\n    \"Required\": %s\n  }%s\n", v->required ? "true" : "false", last ? "" : ",");
}

static size_t widest(const struct var **v, size_t n, const char *head, const char *(*get)(const struct var *))
{
	size_t w = strlen(head);

	for (size_t i = 0; i < n; i++)
		if (strlen(get(v[i])) > w)
			w = strlen(get(v[i]));
	return (w < 17 ? 17 : w) + 3; /* columns are at least 20 wide */
}

static const char *var_name(const struct var *v)
{
	return v->name;
}
static const char *var_required(const struct var *v)
{
	return v->required ? "true" : "false";
}
static const char *var_default(const struct var *v)
{
	return v->dflt;
}
static const char *var_alternate(const struct var *v)
{
	return v->alternate;
}

static void table_vars(struct str *out, const struct var **v, size_t n)
{
	static const struct {
		const char *head;
		const char *(*get)(const struct var *);
	} cols[] = {
		{"NAME", var_name},
		{"REQUIRED", var_required},
		{"DEFAULT VALUE", var_default},
		{"ALTERNATE VALUE", var_alternate},
	};
	size_t width[ARRAY_LEN(cols)];

	for (size_t c = 0; c < ARRAY_LEN(cols); c++) {
		width[c] = c + 1 < ARRAY_LEN(cols) ? widest(v, n, cols[c].head, cols[c].get) : 0;
		cell(out, cols[c].head, width[c]);
	}
	str_addc(out, '\n');
	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c < ARRAY_LEN(cols); c++)
			cell(out, cols[c].get(v[i]), width[c]);
		str_addc(out, '\n');
	}
}

void print_variables(struct str *out, const struct project *p, bool json)
{
	size_t n = p->load ? p->load->vars.n : 0;
	const struct var **v = xcalloc(n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = &p->load->vars.v[i];
	if (n)
		qsort(v, n, sizeof(*v), by_name);
	if (!json)
		table_vars(out, v, n);
	else {
		str_add(out, "{\n");
		for (size_t i = 0; i < n; i++)
			json_var(out, v[i], i + 1 == n);
		str_add(out, "}\n");
	}
	free(v);
}
