// SPDX-License-Identifier: GPL-2.0
/* resmgr-trace: show, a tree of who held what for how long */
#include "trace.h"

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
	uint64_t ns;

	printf("%s%s ", indent, last ? "`--" : "|--");
	print_life(t, r->added, end);
	printf("  %s%s%s", end == NEVER ? on(YELLOW) : on(BOLD), r->name, off());
	if (r->kind)
		printf(" %s", r->kind);
	if (r->size)
		printf(" %s", show_size(r->size));
	if (r->fn && !same_name(r->name, r->fn))
		printf(" fn=%s", r->fn);
	if (release_took(t, r, &ns))
		printf(", release took %s", show_span(ns));
	if (r->removed != NEVER)
		printf(", taken off");
	if (r->released != NEVER && r->ended == NEVER && has_ends(t, r->manager))
		printf(", %srelease has not ended%s", on(RED), off());
	if (r->by)
		printf("%s by %s%s", on(DIM), r->by, off());
	putchar('\n');
}

static void print_chardev(const struct trace *t, const struct options *o,
			  const struct manager *m, const struct chardev *c,
			  const char *indent, bool last)
{
	const struct file *f;

	printf("%s%s ", indent, last ? "`--" : "|--");
	print_life(t, c->published, c->unpublished);
	printf("  %s%s%s published\n", on(BLUE), c->name, off());
	for (f = m->files; f < m->files + m->n_files; f++) {
		if (f->node != c->name || !wanted_life(t, o, f->opened, f->closed))
			continue;
		printf("%s%s ", indent, last ? "   " : "|  ");
		print_life(t, f->opened, f->closed);
		printf("  %sopen%s by %s-%d\n",
		       f->closed == NEVER ? on(YELLOW) : "", off(),
		       t->events[f->opened].comm, t->events[f->opened].pid);
	}
}

static void print_manager(const struct trace *t, const struct options *o,
			  const struct manager *m, bool last)
{
	const char *indent = last ? "    " : "|   ";
	size_t i, left = 0, released = 0, live = 0;

	for (i = 0; i < m->n; i++) {
		const struct resource *r = m->resources[i];

		/* The markers of a group are released, and are no resources. */
		released += r->released != NEVER && wanted_life(t, o, r->added, end_of(r));
		if (!wanted_resource(t, o, r))
			continue;
		live += is_live_at(r, t->n);
		left++;
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

	for (i = 0; i < m->n_chardevs; i++)
		left += wanted_chardev(t, o, m, &m->chardevs[i]);
	for (i = 0; i < m->n_chardevs; i++)
		if (wanted_chardev(t, o, m, &m->chardevs[i]))
			print_chardev(t, o, m, &m->chardevs[i], indent, !--left);
	for (i = 0; i < m->n; i++)
		if (wanted_resource(t, o, m->resources[i]))
			print_resource(t, m->resources[i], indent, !--left);
}

static void print_owner(const struct owner *owner)
{
	printf("%s%s%s", on(BOLD), owner->name, off());
	if (owner->bus)
		printf(", on bus %s", owner->bus);
	if (owner->driver)
		printf(", driver %s", owner->driver);
	putchar('\n');
}

void show(const struct trace *t, const struct options *o)
{
	const struct manager *m, *last;
	size_t i, shown = 0;

	for (i = 0; i < t->n_owners; i++) {
		last = NULL;
		for (m = t->owners[i]->first; m; m = m->next_of_owner)
			if (wanted_manager(o, m) &&
			    wanted_span(t, o, m->events[0], m->events[m->n_events - 1]))
				last = m;
		if (!last)
			continue;
		print_owner(t->owners[i]);
		for (m = t->owners[i]->first; m; m = m->next_of_owner)
			if (wanted_manager(o, m) &&
			    wanted_span(t, o, m->events[0], m->events[m->n_events - 1]))
				print_manager(t, o, m, m == last);
		shown++;
	}
	if (!shown)
		die_unwanted(t, o, "resource");
}

/* --- live: one event, of which nothing else is known */

static const struct {
	const char	*name;
	enum colour	colour;
} steps[] = {
	[EV_ADD]	= { "add",		PLAIN },
	[EV_REMOVE]	= { "take off",		PLAIN },
	[EV_REPLACE]	= { "replace",		PLAIN },
	[EV_RELEASE]	= { "release",		BOLD },
	[EV_RELEASED]	= { "released",		DIM },
	[EV_ALL_BEGIN]	= { "all begins",	BOLD },
	[EV_ALL_END]	= { "all ended",	DIM },
	[EV_CREATE]	= { "create",		GREEN },
	[EV_PUBLISH]	= { "publish",		BLUE },
	[EV_UNPUBLISH]	= { "unpublish",	BLUE },
	[EV_REVOKE]	= { "revoke",		RED },
	[EV_KICK]	= { "kick",		YELLOW },
	[EV_DRAIN]	= { "drain",		YELLOW },
	[EV_DRAINED]	= { "drained",		GREEN },
	[EV_GET]	= { "get",		DIM },
	[EV_PUT]	= { "put",		DIM },
	[EV_OPEN]	= { "open",		YELLOW },
	[EV_CLOSE]	= { "close",		BLUE },
	[EV_FREE]	= { "free",		GREEN },
};

void show_event(const struct event *e)
{
	printf("%12s  %s%-10s%s  %-11s  %s", show_time(e->time), on(steps[e->type].colour),
	       steps[e->type].name, off(), e->class, e->owner);
	if (e->name)
		printf("  %s", e->name);
	if (e->type <= EV_RELEASED && e->size)
		printf(", %s", show_size(e->size));
	if (e->timed)
		printf(", took %s", show_span(e->duration));
	if (e->type == EV_ALL_BEGIN || e->type == EV_ALL_END)
		printf("  %s", show_count(e->count, "resource"));
	else if (e->type > EV_ALL_END)
		printf(", %s", show_count(e->refs, "reference"));
	printf("%s  by %s%s%s-%d%s\n", on(DIM), e->by ?: "", e->by ? ", " : "", e->comm,
	       e->pid, off());
}
