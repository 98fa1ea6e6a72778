/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/plan_text.h"

static const char *const wait_names[] = {
	[WAIT_RUNNING] = "running", [WAIT_HEALTHY] = "healthy", [WAIT_COMPLETED] = "completed",
};

void plan_text(const struct plan *p, struct str *out)
{
	for (size_t i = 0; i < p->n_ops; i++) {
		const struct op *op = p->ops[i];

		str_addf(out, "%u %s %s", op->i + 1, op_kind_name(op->kind), op->object);
		if (op->kind == OP_WAIT)
			str_addf(out, " to be %s%s", wait_names[op->wait], op->optional ? ", optional" : "");
		if (op->kind == OP_CTR_KILL)
			str_addf(out, " with %s", *op->signal ? op->signal : "SIGKILL");
		if (op->kind == OP_CTR_REMOVE && op->with_volumes)
			str_add(out, " and its anonymous volumes");
		str_addf(out, " (%s)", op->cause);
		for (size_t k = 0; k < op->n_after; k++)
			str_addf(out, "%s%u", k ? " " : " after ", op->after[k]->i + 1);
		str_addc(out, '\n');
	}
	for (size_t i = 0; i < p->n_unchanged; i++)
		str_addf(out, "unchanged: %s\n", p->unchanged[i]);
	for (size_t i = 0; i < p->n_warnings; i++)
		str_addf(out, "warning: %s\n", p->warnings[i]);
}
