// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: order, an unbind from revoke to the last free
 *
 * In the order in which things happened, which is newest resource first.
 */
#include "trace.h"

static void print_step(const struct unbind *u, const struct trace *t,
		       const struct event *e, const char *step,
		       enum colour colour)
{
	printf("%12s  +%-9s  %s%-10s%s ", show_time(e->time),
	       show_span(e->time - t->events[u->first].time), on(colour), step,
	       off());
}

static void print_resource(const struct trace *t, const struct event *e)
{
	const struct resource *r = e->resource;

	printf("%-11s  %s", e->class, r->name);
	if (r->size)
		printf(", %s", show_size(r->size));
	if (r->added != NEVER)
		printf(", held for %s",
		       show_span(e->time - t->events[r->added].time));
	if (r->ended != NEVER && t->events[r->ended].timed)
		printf(", took %s", show_span(t->events[r->ended].duration));
	else if (r->released != NEVER && r->ended == NEVER && t->ends &&
		 e->type == EV_RELEASE)
		printf(", %sdid not end%s", on(RED), off());
	putchar('\n');
}

/* No event tells of ->remove(): it is between these two. */
static void print_remove(const struct unbind *u, const struct trace *t,
			 const struct event *e, size_t before)
{
	uint64_t span = e->time - t->events[before].time;

	print_step(u, t, &t->events[before], "remove", PLAIN);
	printf("->remove() of the driver, at most %s\n", show_span(span));
}

static void print_event(const struct trace *t, const struct unbind *u, size_t i,
			size_t before)
{
	const struct event *e = &t->events[i];

	switch (e->type) {
	case EV_REVOKE:
		print_step(u, t, e, "revoke", RED);
		printf("no call gets in any more; %s\n",
		       show_count(e->refs, "reference"));
		break;
	case EV_KICK:
		print_step(u, t, e, "kick", YELLOW);
		printf("sleepers are woken\n");
		break;
	case EV_UNPUBLISH:
		print_step(u, t, e, "unpublish", BLUE);
		printf("%s\n", e->name);
		break;
	case EV_DRAIN:
		print_step(u, t, e, "drain", YELLOW);
		printf("wait for the calls inside\n");
		break;
	case EV_DRAINED:
		print_step(u, t, e, "drained", GREEN);
		if (e->manager->drain != NEVER)
			printf("no call is inside, after %s\n",
			       show_span(e->time -
					 t->events[e->manager->drain].time));
		else
			printf("no call is inside\n");
		break;
	case EV_OPEN:
		print_step(u, t, e, "open", RED);
		printf("%s by %s-%d\n", e->name, e->comm, e->pid);
		break;
	case EV_CLOSE:
		print_step(u, t, e, "close", BLUE);
		printf("%s by %s-%d\n", e->name, e->comm, e->pid);
		break;
	case EV_FREE:
		print_step(u, t, e, "free", GREEN);
		printf("the memory of the scope\n");
		break;
	case EV_ALL_BEGIN:
		if (!strcmp(e->class, "devm") && before != NEVER)
			print_remove(u, t, e, before);
		break;
	case EV_ADD:
		if (is_marker(e->resource))
			break;
		print_step(u, t, e, "add", PLAIN);
		print_resource(t, e);
		break;
	case EV_REMOVE:
		if (is_marker(e->resource))
			break;
		print_step(u, t, e, "take off", PLAIN);
		print_resource(t, e);
		break;
	case EV_RELEASE:
		if (is_marker(e->resource))
			break;
		/* What unpublishes or removes all of that says so itself. */
		if (!strcmp(e->class, "unpublish") || !strcmp(e->class, "cdevm-nodes"))
			break;
		print_step(u, t, e, is_early(e->resource) ? "unpublish" : "release",
			   BOLD);
		print_resource(t, e);
		break;
	default:
		break;
	}
}

/* How many files were open when it began? */
static size_t files_open(const struct unbind *u)
{
	const struct manager *m;
	size_t n, count = 0;

	for (m = u->scopes; m; m = m->next_scope)
		for (n = 0; n < m->n_files; n++)
			count += m->files[n].opened < u->first &&
				 (m->files[n].closed == NEVER ||
				  m->files[n].closed > u->first);
	return count;
}

static void print_unbind(const struct trace *t, const struct unbind *u,
			 const struct options *o)
{
	const struct event *first = &t->events[u->first];
	const struct event *last = &t->events[u->last];
	size_t *befores = xzalloc(u->n_events * sizeof(*befores));
	size_t i, before = NEVER, files = files_open(u);
	const struct manager *m;

	printf("%s%s %s%s, %s .. %s (%s)", on(BOLD), unbind_title(t, u), u->owner,
	       off(), show_time(first->time), show_time(last->time),
	       show_span(last->time - first->time));
	if (files)
		printf(", %s open", show_count(files, "file"));
	putchar('\n');
	for (i = 0; i < u->n_events; i++) {
		befores[i] = before;
		if (strcmp(t->events[u->events[i]].class, "devm"))
			before = u->events[i];
	}
	for (i = 0; i < u->n_events; i++) {
		size_t k = o->reverse ? u->n_events - 1 - i : i;

		print_event(t, u, u->events[k], befores[k]);
	}
	free(befores);

	for (m = u->scopes; m; m = m->next_scope)
		if (m->free == NEVER)
			printf("%26s%snot freed%s  the scope is still there at the end of the trace; resmgr-trace check says why\n",
			       "", on(RED), off());
}

void order(const struct trace *t, const struct options *o)
{
	size_t i, shown = 0;

	for (i = 0; i < t->n_unbinds; i++) {
		if (!wanted(o, t->unbinds[i]->owner))
			continue;
		if (shown++)
			putchar('\n');
		print_unbind(t, t->unbinds[i], o);
	}
	if (!shown)
		die("%s: there is no unbind in it%s%s", t->file,
		    o->owner ? " of " : "", o->owner ?: "");
}
