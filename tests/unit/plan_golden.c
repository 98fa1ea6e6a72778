/* SPDX-License-Identifier: Apache-2.0 */
/* plan_golden.c - tests/golden/plan/NAME.test: what a file asks for, what exists, a goal, and the plan that leads
 *there.
 *
 *	@PROJECT            a Compose file; the project's name is demo unless it gives another
 *	@OBSERVED           one thing that exists a line, # begins a comment:
 *	    ctr NAME SERVICE NUMBER STATE [WORD...]     state: created, running, paused, restarting, exited, dead
 *	        healthy | starting | unhealthy          has a healthcheck, and is
 *	        oneoff                                  made by `run`
 *	        image=ID                                made from it (default: what its service's image means today)
 *	        was=YAML                                the service as it was then: these keys over today's; last on its line
 *	        lost                                    its configuration differs, and nothing is known of the old one
 *	        nets=A,B vols=A,B                       attached to, mounts (default: what its service asks for)
 *	        shares=NAME                             lives in that container's namespaces; "gone": in one that is not there
 *	    net NAME KEY [WORD...] | vol NAME KEY [WORD...]
 *	        other                                   another project's
 *	        hash=X                                  made for another configuration, of which nothing is known
 *	        was=YAML                                the same, of which this is known, as with ctr
 *	        used=CTR@PROJECT, used=stopped:CTR@PROJECT   a container of another project is on it
 *	        anonymous                               (vol)
 *	    image SERVICE ID                            what the service's image means today; `image SERVICE -`: not present
 *	                                                (default: sha256:SERVICE)
 *	    image SERVICE ID SECONDS                    the same, pulled so long ago; -1: nobody knows (default: 0)
 *	@GOAL               a verb and its options, as the command line has them; several @GOAL @EXPECT may follow each
 *other
 *	@EXPECT             the plan as --dry-run prints it, or "error STATUS TEXT" with its position and hint behind it
 *
 * usage: plan_golden [--fix] [FILE...]; --fix writes what came out into the files */
#include <dirent.h>
#include <fcntl.h>
#include "compose/base/coll.h"
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "graph/hash.h"
#include "graph/plan.h"
#include "graph/plan_text.h"
#include "parser/project.h"
#include "tests/unit/parser_help.h"

enum { FILE_MAX_BYTES = 1 << 20, WORDS_MAX = 32 };

struct fixture {
	struct arena arena;
	struct project *project;
	struct observed *have;
};

static bool fix;

/* ---- small readers ------------------------------------------------------------------------------------------------
 */

/* Cut line into words in place; was=... goes to its end. ret: how many */
static size_t split(char *line, char **ret)
{
	size_t n = 0;

	while (n < WORDS_MAX) {
		line += strspn(line, " \t");
		if (!*line)
			break;
		ret[n++] = line;
		line += str_starts(line, "was=") ? strlen(line) : strcspn(line, " \t");
		if (*line)
			*line++ = '\0';
	}
	ret[n] = NULL;
	return n;
}

/* Take the next line off *text. ret: NULL at its end */
static char *next_line(char **text)
{
	char *line = *text, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end++ = '\0';
	*text = end;
	return line;
}

static const char *const *commas(struct arena *a, const char *s, size_t *ret_n)
{
	const char **v = arena_alloc(a, (strlen(s) + 2) * sizeof(*v));

	*ret_n = 0;
	for (; *s; s += *s == ',') {
		size_t len = strcspn(s, ",");

		if (len)
			v[(*ret_n)++] = arena_strndup(a, s, len);
		s += len;
	}
	return v;
}

/* ---- the project ----------------------------------------------------------------------------------------------------
 */

static struct project *load(struct arena *a, const char *yaml, const char *const *profiles)
{
	static const char *const none[] = {NULL};
	const char **files = arena_alloc(a, 5 * sizeof(*files));
	struct load_io *io = arena_new(a, struct load_io);
	struct project_opts o = {.cwd = "/demo", .environ_kv = none, .io = io, .profiles = profiles};
	auto_errs struct errs errs = {0};
	struct project *p = NULL;

	files[0] = "/demo/compose.yaml";
	files[1] = arena_strdup(a, yaml);
	files[2] = "/demo";
	*io = (struct load_io){.ctx = files, .read = mem_read, .kind = mem_kind};
	if (project_load(&p, &o, &errs) == 0)
		return p;
	for (size_t i = 0; i < errs.n; i++)
		diag("@PROJECT: %s (%s)", errs.v[i].frame[0], errs.v[i].at ? errs.v[i].at : "no place");
	project_free(p);
	return NULL;
}

/* ---- what exists
 * ----------------------------------------------------------------------------------------------------- */

static enum ctr_state state_of(const char *name)
{
	for (enum ctr_state s = CTR_CREATED; s <= CTR_DEAD; s++)
		if (!strcmp(ctr_state_name(s), name))
			return s;
	diag("no state %s", name);
	return CTR_DEAD;
}

static json_t *json_of(const struct node *n)
{
	json_t *j = n->kind == NODE_MAP ? json_object() : json_array();

	if (n->kind == NODE_MAP || n->kind == NODE_LIST) {
		for (size_t i = 0; i < n->n; i++)
			if (n->kind == NODE_MAP)
				(void)json_object_set_new(j, n->pairs[i].key, json_of(n->pairs[i].val));
			else
				(void)json_array_append_new(j, json_of(n->items[i]));
		return j;
	}
	json_decref(j);
	return n->kind == NODE_NULL    ? json_null()
	       : n->kind == NODE_BOOL  ? json_boolean(n->b)
	       : n->kind == NODE_INT   ? json_integer(n->i)
	       : n->kind == NODE_FLOAT ? json_real(n->f)
				       : json_string(n->text);
}

/* A configuration with the keys of was (a YAML map) replaced; null takes a key away. j is consumed. */
static const char *as_it_was(struct arena *a, json_t *config, const char *was)
{
	auto_errs struct errs errs = {0};
	struct node *over = parse(a, was, &errs);
	auto_json json_t *j = config;
	auto_free char *text = NULL;

	for (size_t i = 0; over && over->kind == NODE_MAP && i < over->n; i++)
		if (over->pairs[i].val->kind == NODE_NULL)
			(void)json_object_del(j, over->pairs[i].key);
		else
			(void)json_object_set_new(j, over->pairs[i].key, json_of(over->pairs[i].val));
	text = json_dumps(j, JSON_COMPACT);
	return arena_strdup(a, text);
}

static void defaults_of_service(struct fixture *f, const struct service *s, struct observed_ctr *c)
{
	struct arena *a = &f->have->arena;
	const char **nets = arena_alloc(a, (s->n_networks + 1) * sizeof(*nets)),
		   **vols = arena_alloc(a, (s->n_mounts + 1) * sizeof(*vols));
	char *hash = arena_alloc(a, 65);

	service_hash(s, hash);
	c->config_hash = hash;
	for (size_t i = 0; i < s->n_networks; i++)
		nets[c->n_networks++] = project_network(f->project, s->networks[i].network)->name;
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct volume *v =
			s->mounts[i].kind == MOUNT_VOLUME ? project_volume(f->project, s->mounts[i].source) : NULL;

		if (v)
			vols[c->n_volumes++] = v->name;
	}
	c->networks = nets;
	c->volumes = vols;
}

static void health(struct observed_ctr *c, enum ctr_health h)
{
	c->has_healthcheck = true;
	c->health = h;
}

/* One word behind the state of a ctr line. */
static void ctr_word(struct fixture *f, struct observed_ctr *c, const struct service *s, const char *w)
{
	struct arena *a = &f->have->arena;

	if (!strcmp(w, "healthy"))
		health(c, HEALTH_HEALTHY);
	else if (!strcmp(w, "starting"))
		health(c, HEALTH_STARTING);
	else if (!strcmp(w, "unhealthy"))
		health(c, HEALTH_UNHEALTHY);
	else if (!strcmp(w, "oneoff"))
		c->oneoff = true;
	else if (!strcmp(w, "hook"))
		c->oneoff = c->hook = true;
	else if (!strcmp(w, "hooks=run"))
		c->hooks = HOOKS_RUN;
	else if (!strcmp(w, "hooks=failed"))
		c->hooks = HOOKS_FAILED;
	else if (str_starts(w, "image="))
		c->image_id = arena_strdup(a, w + 6);
	else if (str_starts(w, "was=") && s) {
		c->config = as_it_was(a, service_config(s), w + 4);
		c->config_hash = "0";
	} else if (!strcmp(w, "lost"))
		c->config_hash = "0";
	else if (str_starts(w, "nets="))
		c->networks = commas(a, w + 5, &c->n_networks);
	else if (str_starts(w, "vols="))
		c->volumes = commas(a, w + 5, &c->n_volumes);
	else if (!strcmp(w, "on-its-way"))
		c->starting = true;
	else if (!strcmp(w, "stopping"))
		c->stopping = true;
	else if (!strcmp(w, "share-gone"))
		c->share_gone = true;
	else if (str_starts(w, "share-newer="))
		c->share_newer = arena_strdup(a, w + 12);
	else
		diag("@OBSERVED: what is %s?", w);
}

static void add_ctr(struct fixture *f, char **w, size_t n)
{
	struct arena *a = &f->have->arena;
	const struct service *s = project_service(f->project, w[2]);
	struct observed_ctr *c = &f->have->ctrs[f->have->n_ctrs++];

	*c = (struct observed_ctr){.id = arena_printf(a, "id-%s", w[1]),
				   .name = arena_strdup(a, w[1]),
				   .service = arena_strdup(a, w[2]),
				   .number = (unsigned)strtoul(w[3], NULL, 10),
				   .state = state_of(w[4]),
				   .config_hash = "",
				   .image_id = arena_printf(a, "sha256:%s", w[2])};
	if (s)
		defaults_of_service(f, s, c);
	for (size_t i = 5; i < n; i++)
		ctr_word(f, c, s, w[i]);
}

/* The words behind the key of a net or vol line. */
struct about { const char *hash, *config; bool other, anonymous; struct observed_users users; };

static void used_by(struct arena *a, struct about *r, const char *w)
{
	struct observed_user *u = arena_alloc(a, sizeof(*u));
	bool runs = !str_starts(w, "stopped:");

	w += runs ? 0 : strlen("stopped:");
	*u = (struct observed_user){arena_strndup(a, w, strcspn(w, "@")), "svc", arena_strdup(a, w + strcspn(w, "@") + 1), runs};
	r->users = (struct observed_users){u, 1};
}

static struct about about_resource(struct fixture *f, char **w, size_t n)
{
	struct arena *a = &f->have->arena;
	const struct network *net = !strcmp(w[0], "net") ? project_network(f->project, w[2]) : NULL;
	const struct volume *vol = !strcmp(w[0], "vol") ? project_volume(f->project, w[2]) : NULL;
	char *hash = arena_alloc(a, 65);
	struct about r = {.hash = hash};

	if (net)
		network_hash(net, hash);
	if (vol)
		volume_hash(vol, hash);
	for (size_t i = 3; i < n; i++)
		if (str_starts(w[i], "hash=")) {
			r.hash = arena_strdup(a, w[i] + 5);
		} else if (str_starts(w[i], "used=")) {
			used_by(a, &r, w[i] + 5);
		} else if (str_starts(w[i], "was=") && (net || vol)) {
			r.config = as_it_was(a, net ? network_config(net) : volume_config(vol), w[i] + 4);
			r.hash = "0";
		} else if (!strcmp(w[i], "other")) {
			r.other = true;
		} else if (!strcmp(w[i], "anonymous")) {
			r.anonymous = true;
		} else {
			diag("@OBSERVED: what is %s?", w[i]);
		}
	return r;
}

static void add_resource(struct fixture *f, char **w, size_t n)
{
	struct arena *a = &f->have->arena;
	const char *name = arena_strdup(a, w[1]), *key = arena_strdup(a, w[2]);
	struct about r = about_resource(f, w, n);

	if (!strcmp(w[0], "net"))
		f->have->nets[f->have->n_nets++] = (struct observed_net){name, key, r.hash, !r.other, r.config, r.users};
	else
		f->have->vols[f->have->n_vols++] = (struct observed_vol){name, key, r.hash, !r.other, r.anonymous, r.config, r.users};
}

static void set_image(struct fixture *f, const char *service, const char *id, const char *age)
{
	struct observed *o = f->have;

	for (size_t i = 0; i < o->n_images; i++)
		if (!strcmp(o->images[i].service, service)) {
			o->images[i].image_id = arena_strdup(&o->arena, strcmp(id, "-") ? id : "");
			o->images[i].age_s = age ? strtol(age, NULL, 10) : 0;
		}
}

static void observe_text(struct fixture *f, char *text)
{
	struct observed *o = xcalloc(1, sizeof(*o));
	size_t room = 2;
	char *line, *w[WORDS_MAX + 1];

	for (const char *c = text; *c; c++)
		room += *c == '\n';
	f->have = o;
	o->ctrs = arena_alloc(&o->arena, room * sizeof(*o->ctrs));
	o->nets = arena_alloc(&o->arena, room * sizeof(*o->nets));
	o->vols = arena_alloc(&o->arena, room * sizeof(*o->vols));
	o->images = arena_alloc(&o->arena, (f->project->n_services + 1) * sizeof(*o->images));
	for (size_t i = 0; i < f->project->n_services; i++)
		o->images[o->n_images++] =
			(struct observed_image){f->project->services[i].name,
						arena_printf(&o->arena, "sha256:%s", f->project->services[i].name), 0};
	while ((line = next_line(&text))) {
		size_t n = split(line, w);

		if (!n || w[0][0] == '#')
			continue;
		if (!strcmp(w[0], "ctr") && n >= 5)
			add_ctr(f, w, n);
		else if ((!strcmp(w[0], "net") || !strcmp(w[0], "vol")) && n >= 3)
			add_resource(f, w, n);
		else if (!strcmp(w[0], "image") && (n == 3 || n == 4))
			set_image(f, w[1], w[2], n == 4 ? w[3] : NULL);
		else
			diag("@OBSERVED: what is %s?", w[0]);
	}
}

/* ---- the goal
 * ---------------------------------------------------------------------------------------------------------- */

struct wish {
	struct goal goal;
	char *services[WORDS_MAX + 1];
	struct goal_scale scale[WORDS_MAX];
	const char *renew[WORDS_MAX];
	size_t n_services;
	bool no_file; /* -p NAME alone */
};

static const struct {
	const char *word;
	enum goal_verb verb;
} verbs[] = {
	{"images", GOAL_IMAGES},   {"build", GOAL_BUILD},     {"pull", GOAL_PULL},   {"push", GOAL_PUSH},   {"up", GOAL_UP},
	{"create", GOAL_CREATE},   {"run", GOAL_RUN},	      {"start", GOAL_START}, {"stop", GOAL_STOP},
	{"restart", GOAL_RESTART}, {"kill", GOAL_KILL},	      {"rm", GOAL_REMOVE},   {"down", GOAL_DOWN},
	{"provide", GOAL_PROVIDE}, {"pause", GOAL_PAUSE},	   {"unpause", GOAL_UNPAUSE},
};

/* ret: false when the word is no option */
static bool flag(struct goal *g, const char *w)
{
	bool rm = g->verb == GOAL_REMOVE;
	const struct {
		const char *word;
		bool *on;
	} flags[] = {
		{"--no-deps", &g->no_deps},
		{"--always-recreate-deps", &g->always_recreate_deps},
		{"-V", &g->renew_anon_volumes},
		{"--remove-orphans", &g->remove_orphans},
		{"--build", &g->build},
		{"--no-build", &g->no_build},
		{"-v", &g->volumes},
		{"--wait", &g->wait_healthy},
		{rm ? "-s" : "--stop-first", &g->stop_first},
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (!strcmp(flags[i].word, w))
			return *flags[i].on = true;
	if (!strcmp(w, "--force-recreate"))
		g->recreate = RECREATE_FORCE;
	else if (!strcmp(w, "--no-recreate"))
		g->recreate = RECREATE_NEVER;
	else
		return false;
	return true;
}

/* ret: words taken, 0 when it is no option with a value */
static size_t valued(struct wish *wish, char **w)
{
	struct goal *g = &wish->goal;
	char *eq = w[1] ? strchr(w[1], '=') : NULL;

	if (!w[1])
		return 0;
	if (!strcmp(w[0], "--scale") && eq) {
		*eq = '\0';
		wish->scale[g->n_scale++] = (struct goal_scale){w[1], (unsigned)strtoul(eq + 1, NULL, 10)};
	} else if (!strcmp(w[0], "--renew")) {
		wish->renew[g->n_renew_volumes++] = w[1];
	} else if (!strcmp(w[0], "--rmi")) {
		g->rmi = w[1];
	} else if (!strcmp(w[0], "--pull")) {
		g->pull = w[1];
	} else if (!strcmp(w[0], "-s")) {
		g->signal = w[1];
	} else {
		return 0;
	}
	return 2;
}

static void read_goal(char *line, struct wish *wish)
{
	char *w[WORDS_MAX + 1];
	size_t n = split(line, w), i = 1;

	*wish = (struct wish){.goal = {.timeout_ns = -1}};
	for (size_t k = 0; n && k < ARRAY_LEN(verbs); k++)
		if (!strcmp(w[0], verbs[k].word))
			wish->goal.verb = verbs[k].verb;
	while (i < n) {
		size_t took = 1;

		if (!strcmp(w[i], "--no-file"))
			wish->no_file = true;
		else if (!flag(&wish->goal, w[i]) && !(took = valued(wish, &w[i]))) {
			wish->services[wish->n_services++] = w[i];
			took = 1;
		}
		i += took;
	}
	wish->goal.services = wish->services;
	wish->goal.scale = wish->scale;
	wish->goal.renew_volumes = wish->renew;
}

/* ---- one file
 * ---------------------------------------------------------------------------------------------------------- */

static void tell_error(const struct err *e, struct str *out)
{
	str_addf(out, "error %d %s\n", err_status(e), e->n ? e->frame[0] : "");
	if (e->at)
		str_addf(out, "at: %s\n", e->at);
	if (e->hint)
		str_addf(out, "hint: %s\n", e->hint);
}

/* Every operation stands behind those it waits for, and both ends of an edge know it. */
static bool sound(const struct plan *p)
{
	size_t after = 0, next = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		if (p->ops[i]->i != i)
			return false;
		after += p->ops[i]->n_after;
		next += p->ops[i]->n_next;
		for (size_t k = 0; k < p->ops[i]->n_after; k++)
			if (p->ops[i]->after[k]->i >= i)
				return false;
	}
	return after == next;
}

static void run_goal(const struct fixture *f, const char *name, const char *line, struct str *out)
{
	auto_free char *copy = xstrdup(line);
	auto_err struct err e = {0};
	auto_plan struct plan *p = NULL;
	struct wish wish;

	read_goal(copy, &wish);
	if (plan_make(&p, wish.no_file ? NULL : f->project, f->have, &wish.goal, &e) < 0) {
		tell_error(&e, out);
		return;
	}
	plan_text(p, out);
	if (!out->len)
		str_add(out, "nothing\n");
	if (!sound(p))
		ok(false, "%s, %s: the order of the plan", name, line);
}

/* Cut off the part up to the next line that begins with @. ret: its name; *ret_body: its text, without blank lines at
 * the end */
static char *next_part(char **text, char **ret_body)
{
	char *head = next_line(text), *body = *text, *at, *end;

	if (!head || *head != '@')
		return NULL;
	*ret_body = body ? body : head + strlen(head);
	at = body && *body == '@' ? body : body ? strstr(body, "\n@") : NULL;
	if (at == body && at) {
		*ret_body = head + strlen(head);
		return head + 1;
	}
	if (at) {
		*at = '\0';
		*text = at + 1;
	} else {
		*text = NULL;
	}
	if (body)
		for (end = body + strlen(body); end > body && end[-1] == '\n'; end--)
			end[-1] = '\0';
	return head + 1;
}

static bool set_up(struct fixture *f, const char *yaml, char *observed)
{
	static const char *const none[] = {"", NULL};

	observed_free(f->have);         /* a file may have several projects, one after the other */
	project_free(f->project);
	f->have = NULL;
	f->project = load(&f->arena, yaml, none);
	if (f->project)
		observe_text(f, observed);
	return f->project != NULL;
}

static void write_back(const char *path, const struct str *text)
{
	auto_err struct err e = {0};

	if (fs_write(AT_FDCWD, path, text->s, text->len, 0644, false, &e) < 0)
		diag("%s", e.frame[0]);
}

static void one_file(const char *path)
{
	auto_err struct err e = {0};
	auto_free char *text = NULL;
	auto_str struct str fixed = {0};
	struct fixture f = {0};
	const char *base = strrchr(path, '/'), *goal = NULL, *yaml = NULL;
	char *rest, *part, *body;

	base = base ? base + 1 : path;
	if (!ok(fs_read(AT_FDCWD, path, FILE_MAX_BYTES, &text, NULL, &e) == 0, "%s can be read", base))
		return;
	for (rest = text; (part = next_part(&rest, &body));) {
		if (!strcmp(part, "PROJECT")) {
			yaml = arena_printf(&f.arena, "%s\n", body);
		} else if (!strcmp(part, "OBSERVED")) {
			str_addf(&fixed, "@PROJECT\n%s@OBSERVED\n%s%s", yaml ? yaml : "", body, *body ? "\n" : "");
			if (!ok(yaml && set_up(&f, yaml, body), "%s: the project is sound", base))
				break;
		} else if (!strcmp(part, "GOAL")) {
			goal = body;
		} else if (!strcmp(part, "EXPECT") && goal && f.have) {
			auto_str struct str got = {0};
			auto_free char *want = xasprintf("%s\n", body);

			run_goal(&f, base, goal, &got);
			if (!fix)
				is_str(str_cstr(&got), want, "%s: %s", base, goal);
			str_addf(&fixed, "@GOAL\n%s\n@EXPECT\n%s", goal, str_cstr(&got));
		} else {
			ok(false, "%s: @%s is out of place", base, part);
		}
	}
	if (fix)
		write_back(path, &fixed);
	observed_free(f.have);
	project_free(f.project);
	arena_done(&f.arena);
}

static int is_test(const struct dirent *d)
{
	return str_ends(d->d_name, ".test");
}

int main(int argc, char **argv)
{
	struct dirent **list = NULL;
	int n;

	if (argc > 1 && !strcmp(argv[1], "--fix")) {
		fix = true;
		argc--;
		argv++;
	}
	for (int i = 1; i < argc; i++)
		one_file(argv[i]);
	if (argc > 1)
		return done_testing();
	n = scandir("tests/golden/plan", &list, is_test, alphasort);
	ok(n > 0, "tests/golden/plan is there (run from the top)");
	for (int i = 0; i < n; i++) {
		auto_free char *path = xasprintf("tests/golden/plan/%s", list[i]->d_name);

		one_file(path);
		free(list[i]);
	}
	free(list);
	return done_testing();
}
