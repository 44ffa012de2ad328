// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: order, an unbind from revoke to the last free
 *
 * In the order in which things happened, which is newest resource first. Of two
 * traces, the same unbind side by side, with what both have on the same line.
 */
#include <stdarg.h>

#include "trace.h"

/*
 * struct step - a line of an unbind
 * @event: when
 * @what: it is about
 * @key: the same for what is the same in another trace; interned
 */
struct step {
	size_t		event;
	const char	*name;
	enum colour	colour;
	char		*what;
	const char	*key;
};

struct steps {
	struct step	*all;
	size_t		n, room;
	bool		brief;
};

static void __attribute__((format(printf, 5, 6)))
add_step(struct steps *s, size_t event, const char *name, enum colour colour,
	 const char *fmt, ...)
{
	va_list args;
	char *what;

	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0)
		die("out of memory");
	va_end(args);
	grow(s->all, s->n, s->room);
	s->all[s->n++] = (struct step){
		event, name, colour, what, intern(name, strlen(name)),
	};
}

static void add_resource(struct steps *s, const struct trace *t, size_t i,
			 const char *name, enum colour colour)
{
	const struct event *e = &t->events[i];
	const struct resource *r = e->resource;
	char what[512], key[300];
	uint64_t ns;
	int n;

	n = snprintf(what, sizeof(what), s->brief ? "%s %.200s" : "%-11s  %.200s",
		     e->class, r->name);
	if (r->size)
		n += snprintf(what + n, sizeof(what) - n, ", %s", show_size(r->size));
	if (r->added != NEVER && !s->brief)
		n += snprintf(what + n, sizeof(what) - n, ", held for %s",
			      show_span(span_of(t, r->added, i)));
	if (release_took(t, r, &ns))
		snprintf(what + n, sizeof(what) - n, ", took %s", show_span(ns));
	else if (r->released != NEVER && r->ended == NEVER && has_ends(t, r->manager) &&
		 e->type == EV_RELEASE)
		snprintf(what + n, sizeof(what) - n, ", %sdid not end%s",
			 s->brief ? "" : on(RED), s->brief ? "" : off());
	add_step(s, i, name, colour, "%s", what);
	/* Other kernels may need more or less memory for it. */
	n = snprintf(key, sizeof(key), "%s %.200s", name, r->name);
	s->all[s->n - 1].key = intern(key, n);
}

/* The event before it that is not about the device's own resources: @before. */
static void add_event(struct steps *s, const struct trace *t, size_t i,
		      size_t before)
{
	const struct event *e = &t->events[i];

	switch (e->type) {
	case EV_REVOKE:
		add_step(s, i, "revoke", RED, "no call gets in any more; %s",
			 show_count(e->refs, "reference"));
		break;
	case EV_KICK:
		add_step(s, i, "kick", YELLOW, "sleepers are woken");
		break;
	case EV_UNPUBLISH:
		add_step(s, i, "unpublish", BLUE, "%s", e->name);
		break;
	case EV_DRAIN:
		add_step(s, i, "drain", YELLOW, "wait for the calls inside");
		break;
	case EV_DRAINED:
		if (e->manager->drain != NEVER)
			add_step(s, i, "drained", GREEN, "no call is inside, after %s",
				 show_span(span_of(t, e->manager->drain, i)));
		else
			add_step(s, i, "drained", GREEN, "no call is inside");
		break;
	case EV_OPEN:
		add_step(s, i, "open", RED, "%s by %s-%d", e->name, e->comm, e->pid);
		break;
	case EV_CLOSE:
		add_step(s, i, "close", BLUE, "%s by %s-%d", e->name, e->comm, e->pid);
		break;
	case EV_FREE:
		add_step(s, i, "free", GREEN, "the memory of the scope");
		break;
	case EV_ALL_BEGIN:
		/* No event tells of ->remove(): it is between these two. */
		if (!strcmp(e->class, "devm") && before != NEVER)
			add_step(s, before, "remove", PLAIN,
				 "->remove() of the driver, at most %s",
				 show_span(span_of(t, before, i)));
		break;
	case EV_ADD:
		if (!is_marker(e->resource))
			add_resource(s, t, i, "add", PLAIN);
		break;
	case EV_REMOVE:
		if (!is_marker(e->resource))
			add_resource(s, t, i, "take off", PLAIN);
		break;
	case EV_RELEASE:
		if (is_marker(e->resource))
			break;
		/* What unpublishes or removes all of that says so itself. */
		if (!strcmp(e->class, "unpublish") || !strcmp(e->class, "cdevm-nodes"))
			break;
		add_resource(s, t, i, is_early(e->resource) ? "unpublish" : "release",
			     BOLD);
		break;
	default:
		break;
	}
}

static void add_unbind(struct steps *s, const struct trace *t,
		       const struct unbind *u, const struct options *o)
{
	size_t k, i, before = NEVER;
	const struct manager *m;

	for (k = 0; k < u->n_events; k++) {
		i = u->events[k];
		if (wanted_event(t, o, i))
			add_event(s, t, i, before);
		if (strcmp(t->events[i].class, "devm"))
			before = i;
	}
	for (m = u->scopes; m; m = m->next_scope)
		if (m->free == NEVER)
			add_step(s, NEVER, "not freed", RED, "%s%s",
				 "the scope is still there at the end of the trace",
				 s->brief ? "" : "; resmgr-trace check says why");
}

static void free_steps(struct steps *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->all[i].what);
	free(s->all);
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

static const char *offset(const struct trace *t, const struct unbind *u,
			  const struct step *step)
{
	static char text[2][24];
	static unsigned int turn;
	char *s = text[turn++ % 2];

	if (step->event == NEVER)
		return "";
	snprintf(s, sizeof(text[0]), "+%s", show_span(span_of(t, u->first, step->event)));
	return s;
}

/* The end of an owner that has nothing is none. */
static bool print_unbind(const struct trace *t, const struct unbind *u,
			 const struct options *o, bool first)
{
	size_t i, files = files_open(u);
	struct steps s = { 0 };

	add_unbind(&s, t, u, o);
	if (!s.n)
		return false;
	if (!first)
		putchar('\n');
	printf("%s%s %s%s, %s .. %s (%s)", on(BOLD), unbind_title(t, u), u->owner,
	       off(), show_time(t->events[u->first].time),
	       show_time(t->events[u->last].time), show_span(span_of(t, u->first, u->last)));
	if (files)
		printf(", %s open", show_count(files, "file"));
	putchar('\n');
	for (i = 0; i < s.n; i++) {
		const struct step *step = &s.all[o->reverse ? s.n - 1 - i : i];

		printf("%12s  %-10s  %s%-10s%s %s\n", step->event == NEVER ? "" :
		       show_time(t->events[step->event].time), offset(t, u, step),
		       on(step->colour), step->name, off(), step->what);
	}
	free_steps(&s);
	return true;
}

static bool wanted_unbind(const struct trace *t, const struct options *o,
			  const struct unbind *u)
{
	const struct manager *m = t->events[u->first].manager;

	return wanted(o, u->owner) && wanted_driver(o, m) &&
	       (!o->pid || t->events[u->first].pid == o->pid) &&
	       wanted_span(t, o, u->first, u->last);
}

void order(const struct trace *t, const struct options *o)
{
	size_t i, shown = 0;

	for (i = 0; i < t->n_unbinds; i++)
		if (wanted_unbind(t, o, t->unbinds[i]))
			shown += print_unbind(t, t->unbinds[i], o, !shown);
	if (!shown)
		die_unwanted(t, o, "unbind");
}

/* --- side by side */

#define COLUMN	58

/* One half of a line, in @width columns. */
static void print_half(const struct trace *t, const struct unbind *u,
		       const struct step *step, int width)
{
	int used = 0;

	if (step) {
		used = printf("%-9s ", offset(t, u, step));
		printf("%s%-9s%s ", on(step->colour), step->name, off());
		used += 10 + columns(step->what);
		fputs(step->what, stdout);
	}
	if (width > used)
		printf("%*s", width - used, "");
}

static void print_head(const struct trace *t, const struct unbind *u, bool named,
		       int width)
{
	char text[300] = "no such unbind";
	size_t files;

	if (u) {
		files = files_open(u);
		snprintf(text, sizeof(text), "%.100s: %.60s%s%s%s%s", t->file,
			 named ? u->owner : "", named ? ", " : "", show_span(span_of(t, u->first, u->last)), files ? ", open: " : "",
			 files ? show_count(files, "file") : "");
	}
	printf("%s%s%s", on(BOLD), text, off());
	if (width > columns(text))
		printf("%*s", width - columns(text), "");
}

static int half_width(const struct steps *s)
{
	int width = COLUMN, n;
	size_t i;

	for (i = 0; i < s->n; i++) {
		n = 20 + columns(s->all[i].what);
		if (n > width)
			width = n;
	}
	return width;
}

static void print_pair(const struct trace *a, const struct unbind *ua,
		       const struct trace *b, const struct unbind *ub,
		       const struct options *o, size_t shown)
{
	struct steps left = { .brief = true }, right = { .brief = true };
	const char **keys_a, **keys_b;
	size_t i = 0, j = 0, *match;
	bool named;
	int width;

	if (ua)
		add_unbind(&left, a, ua, o);
	if (ub)
		add_unbind(&right, b, ub, o);
	keys_a = xzalloc((left.n + 1) * sizeof(*keys_a));
	keys_b = xzalloc((right.n + 1) * sizeof(*keys_b));
	for (i = 0; i < left.n; i++)
		keys_a[i] = left.all[i].key;
	for (j = 0; j < right.n; j++)
		keys_b[j] = right.all[j].key;
	match = same_lines(keys_a, left.n, keys_b, right.n);

	width = half_width(&left);
	if (shown)
		putchar('\n');
	named = ua && ub && ua->owner != ub->owner;
	if (!named)
		printf("%s%s%s\n", on(BOLD), ua ? ua->owner : ub->owner, off());
	print_head(a, ua, named, width);
	printf(" | ");
	print_head(b, ub, named, 0);
	putchar('\n');
	for (i = j = 0; i < left.n || j < right.n; ) {
		bool both = i < left.n && match[i] == j;
		bool first = both || (i < left.n && match[i] == NEVER);

		print_half(a, ua, first ? &left.all[i] : NULL, width);
		printf(both || !first ? " | " : " |");
		print_half(b, ub, both || !first ? &right.all[j] : NULL, 0);
		putchar('\n');
		i += first;
		j += both || !first;
	}
	free(match);
	free(keys_a);
	free(keys_b);
	free_steps(&left);
	free_steps(&right);
}

/* An unbind that is wanted, and the one of the other trace that it is beside. */
struct pair {
	const struct unbind	*u;
	struct pair		*other;
};

static int by_owner(const void *a, const void *b)
{
	const struct pair *x = *(struct pair * const *)a;
	const struct pair *y = *(struct pair * const *)b;

	/* Names are interned, and the pairs are in an array in their order. */
	if (x->u->owner != y->u->owner)
		return x->u->owner < y->u->owner ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The end of an owner that has nothing is none. */
static bool has_steps(const struct trace *t, const struct options *o,
		      const struct unbind *u)
{
	struct steps s = { 0 };
	bool any;

	add_unbind(&s, t, u, o);
	any = s.n;
	free_steps(&s);
	return any;
}

static struct pair *pairs_of(const struct trace *t, const struct options *o,
			     size_t *n, struct pair ***sorted)
{
	struct pair *pairs = xzalloc((t->n_unbinds + 1) * sizeof(*pairs));
	size_t i;

	*n = 0;
	*sorted = xzalloc((t->n_unbinds + 1) * sizeof(**sorted));
	for (i = 0; i < t->n_unbinds; i++)
		if (wanted_unbind(t, o, t->unbinds[i]) &&
		    has_steps(t, o, t->unbinds[i])) {
			(*sorted)[*n] = &pairs[*n];
			pairs[(*n)++].u = t->unbinds[i];
		}
	qsort(*sorted, *n, sizeof(**sorted), by_owner);
	return pairs;
}

void order_two(const struct trace *a, const struct trace *b, const struct options *o)
{
	struct pair *left, *right, **sorted_a, **sorted_b;
	bool common = false;
	size_t i, j, n, m;

	left = pairs_of(a, o, &n, &sorted_a);
	right = pairs_of(b, o, &m, &sorted_b);
	/* The first of an owner is beside the first of it, and so on. */
	for (i = j = 0; i < n && j < m; ) {
		const char *x = sorted_a[i]->u->owner, *y = sorted_b[j]->u->owner;

		if (x == y) {
			common = true;
			sorted_a[i]->other = sorted_b[j];
			sorted_b[j]->other = sorted_a[i];
		}
		i += x <= y;
		j += y <= x;
	}
	/* If they have no owner in common, the devices have other names there. */
	for (i = 0; !common && i < n && i < m; i++) {
		left[i].other = &right[i];
		right[i].other = &left[i];
	}
	for (i = 0; i < n; i++)
		print_pair(a, left[i].u, b, left[i].other ? left[i].other->u : NULL, o,
			   i);
	for (j = 0; j < m; j++)
		if (!right[j].other)
			print_pair(a, NULL, b, right[j].u, o, i++);
	if (!i)
		die_unwanted(a, o, "unbind");
	free(left);
	free(right);
	free(sorted_a);
	free(sorted_b);
}
