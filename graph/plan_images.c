/* SPDX-License-Identifier: Apache-2.0 */
/* plan_images.c - which images to pull and which to build before containers are compared.
 * spec: compose-spec 05-services pull_policy, build; build additional_contexts service:X come first. */
#include "compose/base/str.h"
#include "graph/plan_build.h"

static const struct observed_image *image_of(const struct observed *o, const char *service)
{
	static const struct observed_image none = { "", "", -1 };

	for (size_t i = 0; i < o->n_images; i++)
		if (!strcmp(o->images[i].service, service))
			return &o->images[i];
	return &none;
}

static const char *image_name(struct builder *b, const struct service *s)
{
	return *s->image ? s->image : arena_printf(&b->plan->arena, "%s%c%s", b->want->name, project_sep(b->want), s->name);
}

/* ret: why to build, or NULL */
static const char *build_cause(const struct builder *b, const struct service *s, const char *policy, bool missing)
{
	if (b->goal->verb == GOAL_BUILD)
		return "asked for";
	if (b->goal->no_build)
		return NULL;
	if (b->goal->build)
		return "--build";
	if (str_eq(policy, "build"))
		return "pull_policy: build";
	return missing && s->build ? "image not present" : NULL;
}

/* Which policy counts: `pull` pulls what is there already too, but what the file says is never pulled it leaves alone. */
static const char *policy_of(const struct builder *b, const struct service *s)
{
	if (b->goal->pull && *b->goal->pull)
		return b->goal->pull;
	if (b->goal->verb == GOAL_PULL && ((!s->build && !*s->pull_policy) || s->pull_after_ns >= 0))
		return "always";
	return s->pull_policy;
}

/* ret: why to pull what is there (age_s: as in struct observed_image) or missing; NULL: not at all */
static const char *pull_cause(struct builder *b, const struct service *s, bool missing, int64_t age_s)
{
	const char *policy = policy_of(b, s);
	bool by_age = policy == s->pull_policy && s->pull_after_ns >= 0;

	if (str_eq(policy, "always"))
		return b->goal->verb == GOAL_PULL ? "asked for" : "pull policy: always";
	if (str_eq(policy, "never"))
		return NULL;
	if (missing)
		return "image not present";
	if (!by_age || (age_s >= 0 && age_s <= s->pull_after_ns / 1000000000))
		return NULL;
	return arena_printf(&b->plan->arena, "pull policy: %s", policy);
}

/* The service that builds the image which s only names: then it is built, not pulled. */
static const struct service *builder_of(struct builder *b, const struct service *s)
{
	for (size_t i = 0; !s->build && i < b->want->n_services; i++) {
		const struct service *o = &b->want->services[i];

		if (o->build && str_eq(image_name(b, o), s->image))
			return o;
	}
	return NULL;
}

static bool planned(const struct builder *b, enum op_kind k, const char *object)
{
	for (size_t i = 0; i < b->plan->n_ops; i++)
		if (b->plan->ops[i]->kind == k && str_eq(b->plan->ops[i]->object, object))
			return true;
	return false;
}

static int one_build(struct builder *b, const struct service *s, struct err *e)
{
	const char *name = image_name(b, s), *cause;
	bool missing = !*image_of(b->have, s->name)->image_id;

	if (planned(b, OP_BUILD, name))
		return 0;
	cause = build_cause(b, s, policy_of(b, s), missing);
	if (cause) {
		plan_add(b, OP_BUILD, name, cause)->service = s;
		return 0;
	}
	if (!missing)
		return 0;
	err_set(e, ERR_MISSING, 0, "image %s of service %s is not present, and --no-build was given", name, s->name);
	return err_hint(e, "run `compose build %s`", s->name);
}

static int one_pull(struct builder *b, const struct service *s, struct err *e)
{
	const struct observed_image *have = image_of(b->have, s->name);
	bool missing = !*have->image_id;
	const char *cause = pull_cause(b, s, missing, have->age_s);

	if (!cause && missing && b->goal->verb != GOAL_PULL) {
		err_set(e, ERR_MISSING, 0, "image %s is not present, and the pull policy is never", s->image);
		err_at(e, s->pos, s->name);
		return err_hint(e, "run `compose pull %s`", s->name);
	}
	if (cause && !planned(b, OP_PULL, s->image))     /* several services may share an image: one pull */
		plan_add(b, OP_PULL, s->image, cause)->service = s;
	return 0;
}

static const struct observed_ref *ref_of(const struct observed *o, const char *ref)
{
	static const struct observed_ref none = { "", "", -1 };

	for (size_t i = 0; i < o->n_refs; i++)
		if (str_eq(o->refs[i].ref, ref))
			return &o->refs[i];
	return &none;
}

/* Images that hooks run and mounts show, unless a service of the project builds them. */
static int other_images(struct builder *b, const struct service *s, struct err *e)
{
	const char *ref, *cause;

	for (size_t i = 0; (ref = service_other_image(s, i)); i++) {
		const struct observed_ref *have = ref_of(b->have, ref);
		const struct service other = { .name = s->name, .image = ref }, *maker = builder_of(b, &other);

		if (maker) {
			if (b->goal->verb == GOAL_IMAGES && one_build(b, maker, e) < 0)
				return -1;
			continue;
		}
		if (b->goal->verb == GOAL_BUILD)
			continue;
		cause = pull_cause(b, s, !*have->image_id, have->age_s);
		if (!cause && !*have->image_id && b->goal->verb != GOAL_PULL) {
			err_set(e, ERR_MISSING, 0, "image %s is not present, and the pull policy is never", ref);
			err_at(e, s->pos, s->name);
			return -1;
		}
		if (cause && !planned(b, OP_PULL, ref))
			plan_add(b, OP_PULL, ref, cause)->service = s;
	}
	return 0;
}

static int one_image(struct builder *b, const struct service *s, struct err *e)
{
	const struct service *maker = s->build ? s : builder_of(b, s);

	if (b->goal->verb == GOAL_PULL)
		return maker && (maker != s || !*s->image || b->goal->no_build) ? 0 : one_pull(b, s, e);
	if (maker)
		return b->goal->verb == GOAL_BUILD && maker != s ? 0 : one_build(b, maker, e);
	return b->goal->verb == GOAL_BUILD ? 0 : one_pull(b, s, e);
}

/* A build whose FROM or additional context names another service's image waits for that build. */
static void order_builds(struct builder *b)
{
	for (size_t i = 0; i < b->plan->n_ops; i++) {
		const struct build *bu = b->plan->ops[i]->service->build;

		for (size_t k = 0; bu && k < bu->additional_contexts.n; k++) {
			const char *v = bu->additional_contexts.v[k].val;

			if (!v || !str_starts(v, "service:"))
				continue;
			for (size_t j = 0; j < b->plan->n_ops; j++)
				if (str_eq(b->plan->ops[j]->service->name, v + 8))
					plan_after(b, b->plan->ops[i], b->plan->ops[j]);
		}
	}
}

/* The images that selected builds start from are needed too, whatever depends_on says. */
static void select_contexts(struct builder *b)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < b->deps.n; i++) {
			const struct build *bu = b->want->services[i].build;

			for (size_t k = 0; b->sel[i] && bu && k < bu->additional_contexts.n; k++) {
				const char *v = bu->additional_contexts.v[k].val;
				size_t on = v && str_starts(v, "service:") ? plan_service(b, v + 8) : SIZE_MAX;

				if (on == SIZE_MAX || b->sel[on])
					continue;
				b->sel[on] = more = true;
			}
		}
	}
}

int plan_images(struct builder *b, struct err *e)
{
	if (deps_select(&b->deps, b->goal->services, b->goal->no_deps, b->sel, e) < 0)
		return -1;
	if (b->goal->verb != GOAL_PULL)
		select_contexts(b);
	for (size_t k = 0; k < b->deps.n; k++) {
		size_t i = b->deps.order[k];

		if (b->sel[i] && !b->want->services[i].provider && (one_image(b, &b->want->services[i], e) < 0 || other_images(b, &b->want->services[i], e) < 0))
			return -1;
	}
	order_builds(b);
	return 0;
}

/* spec: docker compose pushes what a file builds and names: image, then build.tags. */
int plan_push(struct builder *b, struct err *e)
{
	if (deps_select(&b->deps, b->goal->services, b->goal->no_deps, b->sel, e) < 0)
		return -1;
	for (size_t k = 0; k < b->deps.n; k++) {
		const struct service *s = &b->want->services[b->deps.order[k]];

		if (!b->sel[b->deps.order[k]] || !s->build || !*s->image)
			continue;
		if (!planned(b, OP_PUSH, s->image))
			plan_add(b, OP_PUSH, s->image, "asked for")->service = s;
		for (size_t i = 0; i < s->build->tags.n; i++)
			if (!planned(b, OP_PUSH, s->build->tags.v[i]))
				plan_add(b, OP_PUSH, s->build->tags.v[i], "build.tags")->service = s;
	}
	return 0;
}
