/* SPDX-License-Identifier: Apache-2.0 */
/* Pull: manifest, configuration, then the layers, several at once, each straight into its directory. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/image/import.h"
#include "compose/image/ingest.h"
#include "compose/image/registry.h"

enum { PARALLEL = 3 };
#define REPORT_NS 100000000LL

struct pull {
	struct store *s;
	const struct pull_opts *o;
	struct imageref ref;
	struct platform platform;
	struct registry *reg;
	/* what the registry says */
	char  *text;                 /* manifest */
	size_t text_len;
	char   digest[DIGEST_SIZE];  /* of the manifest */
	char   named[DIGEST_SIZE];   /* of what the tag names: the manifest or an index */
	struct manifest m;
	char  *config;
	size_t config_len;
	struct image *image;         /* of the configuration alone */
	/* the layers; under mutex */
	pthread_mutex_t mutex;
	size_t next, fetched;
	struct err first;            /* failure */
};

struct job { struct pull *p; size_t i; int64_t told_ns; };

/* -- progress -- */

static void tell(struct pull *p, enum pull_state state, size_t i, uint64_t done, const char *note)
{
	const struct blob_desc *d = i < p->m.layers.n ? &p->m.layers.v[i] : NULL;
	char hex[13] = "";
	struct pull_progress pr = { .state = state, .layer = hex, .index = i, .n_layers = p->m.layers.n,
				    .done_bytes = done, .total_bytes = d ? (uint64_t)d->size : 0, .note = note };

	if (!p->o->progress)
		return;
	if (d)
		(void)snprintf(hex, sizeof(hex), "%.12s", d->digest + strlen("sha256:"));
	(void)pthread_mutex_lock(&p->mutex);
	p->o->progress(p->o->arg, &pr);
	(void)pthread_mutex_unlock(&p->mutex);
}

static void on_bytes(void *arg, uint64_t done)
{
	struct job *j = arg;
	int64_t now = sys_mono_ns();

	if (now - j->told_ns < REPORT_NS && done < (uint64_t)j->p->m.layers.v[j->i].size)
		return;
	j->told_ns = now;
	tell(j->p, PULL_FETCH, j->i, done, "");
}

static void on_retry(void *arg, const char *why)
{
	struct job *j = arg;

	tell(j->p, PULL_RETRY, j->i, 0, why);
}

/* -- layers -- */

/* ret: 0 fetched, 1 it was there, -1 */
static int pull_layer(struct pull *p, size_t i, struct err *e)
{
	const struct blob_desc *d = &p->m.layers.v[i];
	const char *diff_id = p->image->layers.v[i];
	const struct ingest_opts o = { .digest = d->digest, .size = d->size, .diff_id = diff_id, .blob_type = d->type };
	struct job j = { .p = p, .i = i };
	const struct fetch_watch w = { on_bytes, on_retry, &j };
	struct ingest *g;
	int rc;

	if (!store_layer_exists(p->s, diff_id) && blob_exists(p->s, d->digest))
		return unpack_blob(p->s, d, diff_id, e);
	rc = ingest_begin(&g, p->s, &o, e);
	if (rc != 0)
		return rc;
	tell(p, PULL_FETCH, i, ingest_offset(g), "");
	if (registry_layer(p->reg, d, g, &w, e) < 0) {
		ingest_abort(g);
		return -1;
	}
	return ingest_end(g, NULL, e);
}

/* Does an earlier layer have the same content? It is fetched once; the later place finds it there. */
static bool same_as_earlier(const struct pull *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(p->image->layers.v[k], p->image->layers.v[i]))
			return true;
	return false;
}

static void one_layer(struct pull *p, size_t i)
{
	struct err e = {0};
	int rc = same_as_earlier(p, i) ? 1 : pull_layer(p, i, &e);

	if (rc >= 0) {
		tell(p, rc ? PULL_EXISTS : PULL_DONE, i, (uint64_t)p->m.layers.v[i].size, "");
		(void)pthread_mutex_lock(&p->mutex);
		p->fetched += rc == 0;
		(void)pthread_mutex_unlock(&p->mutex);
		return;
	}
	err_wrap(&e, "layer %.12s", p->m.layers.v[i].digest + strlen("sha256:"));
	(void)pthread_mutex_lock(&p->mutex);
	if (!p->first.n) {                       /* the others fail because of it */
		err_move(&p->first, &e);
		registry_stop(p->reg);
	}
	(void)pthread_mutex_unlock(&p->mutex);
	err_done(&e);
}

static void *layers_thread(void *arg)
{
	struct pull *p = arg;

	for (;;) {
		size_t i;

		(void)pthread_mutex_lock(&p->mutex);
		i = p->first.n ? p->m.layers.n : p->next++;
		(void)pthread_mutex_unlock(&p->mutex);
		if (i >= p->m.layers.n)
			return NULL;
		one_layer(p, i);
	}
}

/* This thread works too, so that a failure to start others only makes it slower. */
static int pull_layers(struct pull *p, struct err *e)
{
	pthread_t thread[PARALLEL - 1];
	size_t n = 0, missing = 0;
	sigset_t all, old;

	for (size_t i = 0; i < p->m.layers.n; i++) {
		missing += !store_layer_exists(p->s, p->image->layers.v[i]);
		tell(p, PULL_WAIT, i, 0, "");
	}
	(void)sigfillset(&all);                  /* signals are the main thread's */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (n < ARRAY_LEN(thread) && n + 1 < missing && pthread_create(&thread[n], NULL, layers_thread, p) == 0)
		n++;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)layers_thread(p);
	while (n)
		(void)pthread_join(thread[--n], NULL);
	if (!p->first.n)
		return 0;
	err_move(e, &p->first);
	return -1;
}

/* -- manifest and configuration -- */

static int pull_manifest(struct pull *p, struct err *e)
{
	const char *want = p->ref.digest ? p->ref.digest : p->ref.tag;
	auto_free char *name = imageref_familiar(&p->ref), *index = NULL;
	struct blob_desc child = {0};
	size_t index_len;
	int rc;

	if (registry_manifest(p->reg, want, &p->text, &p->text_len, p->named, e) < 0)
		return -1;
	memcpy(p->digest, p->named, sizeof(p->digest));
	rc = manifest_parse(p->text, p->text_len, name, &p->m, e);
	if (rc <= 0)
		return rc;
	index = take_ptr(p->text);
	index_len = p->text_len;
	if (manifest_pick(index, index_len, name, &p->platform, &child, e) < 0)
		return -1;
	rc = registry_manifest(p->reg, child.digest, &p->text, &p->text_len, p->digest, e);
	blob_desc_done(&child);
	if (rc == 0)
		rc = manifest_parse(p->text, p->text_len, name, &p->m, e);
	return rc > 0 ? err_set(e, ERR_SYS, 0, "%s: an index within an index", name) : rc;
}

static int pull_config(struct pull *p, struct err *e)
{
	const char *digest = p->m.config.digest;

	if (strstr(p->m.config.type, "json") == NULL && *p->m.config.type)
		return err_set(e, ERR_SYS, 0, "it is not a container image but %.100s", p->m.config.type);
	if (blob_exists(p->s, digest) ? blob_read(p->s, digest, CONFIG_MAX, &p->config, &p->config_len, e) < 0 :
	    registry_blob(p->reg, &p->m.config, CONFIG_MAX, &p->config, &p->config_len, e) < 0)
		return -1;
	p->image = xcalloc(1, sizeof(*p->image));
	if (config_parse(p->config, p->config_len, "configuration", p->image, e) < 0)
		return -1;
	if (p->image->layers.n != p->m.layers.n)
		return err_set(e, ERR_SYS, 0, "the manifest has %zu layers and the configuration %zu", p->m.layers.n,
			       p->image->layers.n);
	return 0;
}

/* The configuration says what the image is for; a tag without an index says nothing before. */
static int check_platform(const struct pull *p, struct err *e)
{
	if (!*p->image->arch || (str_eq(p->image->arch, p->platform.arch) && str_eq(p->image->os, p->platform.os)))
		return 0;
	if (p->o->platform && *p->o->platform)
		return err_set(e, ERR_MISSING, 0, "the image is made for %.30s/%.30s, not for %s/%s", p->image->os,
			       p->image->arch, p->platform.os, p->platform.arch);
	return 0;        /* as docker: it comes, and a wrong architecture shows when it is run */
}

/* -- the whole -- */

static int keep(struct pull *p, struct err *e)
{
	auto_free char *base = imageref_name(&p->ref, false),
		       *name = p->ref.digest ? NULL : imageref_canonical(&p->ref);
	auto_free char *repo = xasprintf("%s@%s", base, p->named);
	char digest[DIGEST_SIZE];

	if (blob_put(p->s, p->config, p->config_len, digest, e) < 0 ||
	    blob_put(p->s, p->text, p->text_len, digest, e) < 0)
		return -1;
	return store_name(p->s, p->digest, p->text_len, p->m.type, name, repo, e);
}

static int pull(struct pull *p, struct err *e)
{
	int rc;

	tell(p, PULL_RESOLVE, (size_t)-1, 0, "");
	if (registry_open(&p->reg, &p->ref, e) < 0 || pull_manifest(p, e) < 0 || pull_config(p, e) < 0 ||
	    check_platform(p, e) < 0 || pull_layers(p, e) < 0)
		return -1;
	rc = keep(p, e);
	if (rc < 0)
		return -1;
	tell(p, PULL_DONE, (size_t)-1, 0, "");
	return rc > 0 && !p->fetched ? 1 : 0;
}

static void pull_done(struct pull *p)
{
	registry_free(p->reg);
	imageref_done(&p->ref);
	manifest_done(&p->m);
	image_free(p->image);
	err_done(&p->first);
	(void)pthread_mutex_destroy(&p->mutex);
	free(p->text);
	free(p->config);
}

static bool complete(struct store *s, const struct image *i, const struct pull *p)
{
	for (size_t n = 0; n < i->layers.n; n++)
		if (!store_layer_exists(s, i->layers.v[n]))
			return false;
	return !p->o->platform || (str_eq(i->arch, p->platform.arch) && str_eq(i->os, p->platform.os));
}

/* ret: 1 when the store's image will do, 0 when it must be fetched, -1 */
static int have_it(struct pull *p, const char *ref, struct image **ret, struct err *e)
{
	auto_image struct image *i = NULL;
	auto_err struct err why = {0};
	int rc;

	if (p->o->policy == PULL_ALWAYS)
		return 0;
	rc = image_open(p->s, ref, &i, &why);
	if (rc == 0 && (p->o->policy == PULL_NEVER || complete(p->s, i, p))) {
		if (ret)
			*ret = take_ptr(i);
		return 1;
	}
	if (p->o->policy == PULL_MISSING)
		return 0;                        /* absent, or damaged: fetching it mends it */
	if (rc < 0) {
		err_move(e, &why);
		return -1;
	}
	err_set(e, ERR_MISSING, 0, "no such image: %s", ref);
	return err_hint(e, "the pull policy is never: pull, build or import it first");
}

static int fetch(struct pull *p, const char *ref, struct image **ret, struct err *e)
{
	auto_free char *shown = imageref_familiar(&p->ref);
	int rc;

	if (store_pin(p->s, e) < 0)
		return -1;
	rc = pull(p, e);
	if (rc == 0 && ret && image_open(p->s, ref, ret, e) != 0)
		rc = e->n ? -1 : err_set(e, ERR_MISSING, 0, "%s was removed while it was pulled", shown);
	store_unpin(p->s);
	return rc;
}

int image_pull(struct store *s, const char *ref, const struct pull_opts *o, struct image **ret, struct err *e)
{
	struct pull p = { .s = s, .o = o };
	int rc;

	(void)pthread_mutex_init(&p.mutex, NULL);
	if (imageref_parse(&p.ref, ref, e) < 0 || platform_parse(&p.platform, o->platform, e) < 0)
		rc = -1;
	else
		rc = have_it(&p, ref, ret, e);
	if (rc == 0)
		rc = fetch(&p, ref, ret, e);
	pull_done(&p);
	return rc;
}
