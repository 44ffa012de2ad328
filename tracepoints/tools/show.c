// SPDX-License-Identifier: GPL-2.0
/* resmgr-trace: show, a tree of who held what for how long */
#include <fnmatch.h>

#include "trace.h"

bool wanted(const struct options *o, const char *owner)
{
	return !o->owner || !fnmatch(o->owner, owner, 0);
}

static const char *when(const struct trace *t, size_t i, const char *none)
{
	return i == NEVER ? none : show_time(t->events[i].time);
}

/* From @begin to @end, of which either may not be in the trace. */
static void print_life(const struct trace *t, size_t begin, size_t end)
{
	printf("%12s .. %-12s", when(t, begin, "before"),
	       when(t, end, "not yet"));
	if (begin != NEVER && end != NEVER)
		printf(" %9s", show_span(t->events[end].time -
					 t->events[begin].time));
	else
		printf(" %9s", "");
}

static size_t end_of(const struct resource *r)
{
	return r->removed != NEVER ? r->removed :
	       r->ended != NEVER ? r->ended : r->released;
}

/* Of an action, the function is the name. */
static bool same_name(const char *name, const char *fn)
{
	size_t len = strlen(name);

	return !strncmp(name, fn, len) && (!fn[len] || fn[len] == ' ');
}

static void print_resource(const struct trace *t, const struct resource *r,
			   const char *indent, bool last)
{
	size_t end = end_of(r);

	printf("%s%s ", indent, last ? "`--" : "|--");
	print_life(t, r->added, end);
	printf("  %s%s%s", end == NEVER ? on(YELLOW) : on(BOLD), r->name, off());
	if (r->kind)
		printf(" %s", r->kind);
	if (r->size)
		printf(" %s", show_size(r->size));
	if (r->fn && !same_name(r->name, r->fn))
		printf(" fn=%s", r->fn);
	if (r->ended != NEVER && t->events[r->ended].timed)
		printf(", release took %s", show_span(t->events[r->ended].duration));
	if (r->removed != NEVER)
		printf(", taken off");
	if (r->released != NEVER && r->ended == NEVER && t->ends)
		printf(", %srelease has not ended%s", on(RED), off());
	if (r->by)
		printf("%s by %s%s", on(DIM), r->by, off());
	putchar('\n');
}

static void print_chardev(const struct trace *t, const struct manager *m,
			  const struct chardev *c, const char *indent, bool last)
{
	const struct file *f;

	printf("%s%s ", indent, last ? "`--" : "|--");
	print_life(t, c->published, c->unpublished);
	printf("  %s%s%s published\n", on(BLUE), c->name, off());
	for (f = m->files; f < m->files + m->n_files; f++) {
		if (f->node != c->name)
			continue;
		printf("%s%s ", indent, last ? "   " : "|  ");
		print_life(t, f->opened, f->closed);
		printf("  %sopen%s by %s-%d\n",
		       f->closed == NEVER ? on(YELLOW) : "", off(),
		       t->events[f->opened].comm, t->events[f->opened].pid);
	}
}

static void print_manager(const struct trace *t, const struct manager *m,
			  bool last)
{
	const char *indent = last ? "    " : "|   ";
	size_t i, left, released = 0, live = 0;

	for (i = 0; i < m->n; i++) {
		released += m->resources[i]->released != NEVER;
		live += is_live_at(m->resources[i], t->n) &&
			!is_marker(m->resources[i]);
	}
	printf("%s %s%s%s: %zu released, %zu held", last ? "`--" : "|--",
	       on(BOLD), m->class, off(), released, live);
	if (m->revoke != NEVER)
		printf("; revoked %s", when(t, m->revoke, ""));
	if (m->drained != NEVER)
		printf(", drained %s", when(t, m->drained, ""));
	if (m->free != NEVER)
		printf(", freed %s", when(t, m->free, ""));
	putchar('\n');

	left = m->n_chardevs;
	for (i = 0; i < m->n; i++)
		left += !is_marker(m->resources[i]);
	for (i = 0; i < m->n_chardevs; i++)
		print_chardev(t, m, &m->chardevs[i], indent, !--left);
	for (i = 0; i < m->n; i++)
		if (!is_marker(m->resources[i]))
			print_resource(t, m->resources[i], indent, !--left);
}

void show(const struct trace *t, const struct options *o)
{
	const struct manager *m;
	size_t i, shown = 0;

	for (i = 0; i < t->n_owners; i++) {
		if (!wanted(o, t->owners[i]->name))
			continue;
		printf("%s%s%s\n", on(BOLD), t->owners[i]->name, off());
		for (m = t->owners[i]->first; m; m = m->next_of_owner)
			print_manager(t, m, !m->next_of_owner);
		shown++;
	}
	if (!shown)
		die("%s: no owner in it is called %s", t->file, o->owner);
}
