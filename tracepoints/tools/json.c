// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: export for Perfetto and chrome://tracing
 *
 * Lifetimes overlap and do not nest, so each is a pair of asynchronous events
 * with an id of its own. An owner is shown as a process, a class as its thread.
 */
#include <inttypes.h>

#include "trace.h"

static struct {
	FILE	*out;
	bool	more;
} state;

static void string(const char *s)
{
	putc('"', state.out);
	while (s && *s) {
		size_t len = utf8_len(s);
		unsigned char c = *s;

		if (!len)
			fputs("\\ufffd", state.out);
		else if (c == '"' || c == '\\')
			fprintf(state.out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(state.out, "\\u%04x", c);
		else
			fwrite(s, 1, len, state.out);
		s += len ?: 1;
	}
	putc('"', state.out);
}

static void begin(const char *name, const char *phase, unsigned int pid,
		  unsigned int tid)
{
	fprintf(state.out, "%s\n{\"name\":", state.more ? "," : "");
	state.more = true;
	string(name);
	fprintf(state.out, ",\"ph\":\"%s\",\"pid\":%u,\"tid\":%u", phase, pid, tid);
}

static void stamp(const struct event *e)
{
	fprintf(state.out, ",\"ts\":%" PRIu64 ".%03u", e->time / 1000,
		(unsigned int)(e->time % 1000));
}

/* @phase "b" or "e" */
static void edge(const char *name, const char *phase, const char *category,
		 unsigned int pid, unsigned int tid, unsigned int id,
		 const struct event *e)
{
	begin(name, phase, pid, tid);
	fprintf(state.out, ",\"cat\":");
	string(category);
	fprintf(state.out, ",\"id\":\"0x%x\"", id);
	stamp(e);
}

static void meta(const char *what, const char *key, const char *value,
		 unsigned int pid, unsigned int tid)
{
	begin(what, "M", pid, tid);
	fprintf(state.out, ",\"args\":{\"%s\":", key);
	string(value);
	fprintf(state.out, "}}");
}

static const struct event *event_at(const struct trace *t, size_t i)
{
	/* What began before the trace is shown from its beginning. */
	return &t->events[i == NEVER ? 0 : i];
}

/* What has no end is shown as going on. */
static void life(const struct trace *t, const char *name, const char *category,
		 unsigned int pid, unsigned int tid, unsigned int id,
		 size_t first, size_t last)
{
	edge(name, "b", category, pid, tid, id, event_at(t, first));
	fprintf(state.out, "}");
	if (last == NEVER)
		return;
	edge(name, "e", category, pid, tid, id, event_at(t, last));
	fprintf(state.out, "}");
}

static void resource_life(const struct trace *t, const struct resource *r,
			  unsigned int pid, unsigned int tid, unsigned int id)
{
	const char *category = r->manager->class;
	size_t end = r->removed != NEVER ? r->removed :
		     r->ended != NEVER ? r->ended : r->released;

	edge(r->name, "b", category, pid, tid, id, event_at(t, r->added));
	fprintf(state.out, ",\"args\":{\"size\":%" PRIu64 ",\"kind\":", r->size);
	string(r->kind);
	fprintf(state.out, ",\"fn\":");
	string(r->fn);
	fprintf(state.out, ",\"by\":");
	string(r->by);
	fprintf(state.out, "}}");
	/* Within it the release, which takes time. */
	if (r->released != NEVER && r->ended != NEVER)
		life(t, "release", category, pid, tid, id, r->released, r->ended);
	if (end == NEVER)
		return;
	edge(r->name, "e", category, pid, tid, id, event_at(t, end));
	fprintf(state.out, "}");
}

static const char *step_name(enum type type)
{
	switch (type) {
	case EV_REVOKE:		return "revoke";
	case EV_KICK:		return "kick";
	case EV_DRAIN:		return "drain begins";
	case EV_DRAINED:	return "drained";
	case EV_FREE:		return "free";
	default:		return NULL;
	}
}

static void export_manager(const struct trace *t, const struct options *o,
			   const struct manager *m, unsigned int pid,
			   unsigned int tid, unsigned int *id)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (wanted_resource(t, o, m->resources[i]))
			resource_life(t, m->resources[i], pid, tid, ++*id);
	for (i = 0; i < m->n_chardevs; i++) {
		const struct chardev *c = &m->chardevs[i];

		if (wanted_life(t, o, c->published, c->unpublished))
			life(t, c->name, "published", pid, tid, ++*id, c->published,
			     c->unpublished);
	}
	for (i = 0; i < m->n_files; i++) {
		const struct file *f = &m->files[i];

		if (wanted_life(t, o, f->opened, f->closed))
			life(t, f->node, "open", pid, tid, ++*id, f->opened, f->closed);
	}
	for (i = 0; i < m->n_events; i++) {
		const struct event *e = &t->events[m->events[i]];

		if (!step_name(e->type) || !wanted_event(t, o, m->events[i]))
			continue;
		begin(step_name(e->type), "i", pid, tid);
		stamp(e);
		fprintf(state.out, ",\"s\":\"p\"}");
	}
}

static void finding(const struct trace *t, const struct finding *f,
		    unsigned int pid, unsigned int tid)
{
	char name[64];

	snprintf(name, sizeof(name), "%s: %s", f->error ? "error" : "warning", f->rule);
	begin(name, "i", pid, tid);
	fprintf(state.out, ",\"cat\":\"finding\"");
	stamp(event_at(t, f->event));
	/* Of the whole trace, where it is of no manager. */
	fprintf(state.out, ",\"s\":\"%s\",\"args\":{\"text\":", f->manager ? "t" : "g");
	string(f->text);
	if (f->resource) {
		fprintf(state.out, ",\"resource\":");
		string(f->resource->name);
	}
	fprintf(state.out, "}}");
}

static int by_manager(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->manager != y->manager)
		return x->manager < y->manager ? -1 : 1;
	return (x->event > y->event) - (x->event < y->event);
}

/* Of @m; they are sorted by the addresses of managers. */
static void export_findings(const struct trace *t, const struct findings *found,
			    const struct manager *m, unsigned int pid, unsigned int tid)
{
	size_t from = 0, to = found->n, at;

	while (from < to) {
		at = from + (to - from) / 2;
		if (found->all[at].manager < m)
			from = at + 1;
		else
			to = at;
	}
	for (; from < found->n && found->all[from].manager == m; from++)
		if (!found->all[from].suppressed)
			finding(t, &found->all[from], pid, tid);
}

void export_json(const struct trace *t, const struct options *o, FILE *out)
{
	bool *named = xzalloc(t->n_owners + 1);
	struct findings found = { 0 };
	unsigned int id = 0, pid, tid;
	size_t i, shown = 0;

	check_run(t, o, &found);
	if (found.n)
		qsort(found.all, found.n, sizeof(*found.all), by_manager);
	state.out = out;
	fprintf(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
	for (i = 0; i < t->n_managers; i++) {
		const struct manager *m = t->managers[i];

		if (!wanted_manager(o, m))
			continue;
		shown++;
		pid = m->device->index + 1;
		tid = i + 1;
		if (!named[m->device->index]) {
			named[m->device->index] = true;
			meta("process_name", "name", m->owner, pid, 0);
			if (m->device->driver)
				meta("process_labels", "labels", m->device->driver, pid,
				     0);
		}
		meta("thread_name", "name", m->class, pid, tid);
		export_manager(t, o, m, pid, tid, &id);
		export_findings(t, &found, m, pid, tid);
	}
	export_findings(t, &found, NULL, 0, 0);
	fprintf(out, "\n]}\n");
	free(named);
	if (!shown)
		die_unwanted(t, o, "event");
}
