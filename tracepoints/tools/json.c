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
	for (; s && *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			fprintf(state.out, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			fprintf(state.out, "\\u%04x", c);
		else
			putc(c, state.out);
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

static void meta(const char *what, const char *name, unsigned int pid,
		 unsigned int tid)
{
	begin(what, "M", pid, tid);
	fprintf(state.out, ",\"args\":{\"name\":");
	string(name);
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

void export_json(const struct trace *t, const struct options *o, FILE *out)
{
	unsigned int id = 0, pid, tid;
	size_t i, j;

	state.out = out;
	fprintf(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
	for (i = 0; i < t->n_managers; i++) {
		const struct manager *m = t->managers[i];

		if (!wanted(o, m->owner))
			continue;
		pid = m->device->index + 1;
		tid = i + 1;
		if (m == m->device->first)
			meta("process_name", m->owner, pid, 0);
		meta("thread_name", m->class, pid, tid);
		for (j = 0; j < m->n; j++)
			if (!is_marker(m->resources[j]))
				resource_life(t, m->resources[j], pid, tid, ++id);
		for (j = 0; j < m->n_chardevs; j++)
			life(t, m->chardevs[j].name, "published", pid, tid, ++id,
			     m->chardevs[j].published, m->chardevs[j].unpublished);
		for (j = 0; j < m->n_files; j++)
			life(t, m->files[j].node, "open", pid, tid, ++id,
			     m->files[j].opened, m->files[j].closed);
		for (j = 0; j < m->n_events; j++) {
			const struct event *e = &t->events[m->events[j]];

			if (!step_name(e->type))
				continue;
			begin(step_name(e->type), "i", pid, tid);
			stamp(e);
			fprintf(out, ",\"s\":\"p\"}");
		}
	}
	fprintf(out, "\n]}\n");
}
