// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: diff, what two traces do differently
 *
 * Before and after a patch: the same devices, other addresses, times and tasks. So
 * what is compared is what would be the same again: for each owner its events, in
 * their order, each with what it is about.
 */
#include "trace.h"

/* What one owner did, in a line each. */
struct story {
	const char	*owner;
	const char	**lines;
	size_t		n, room;
};

static const char *event_name(const struct event *e)
{
	static const char * const names[] = {
		[EV_ADD] = "add", [EV_REMOVE] = "take off", [EV_REPLACE] = "replace",
		[EV_RELEASE] = "release", [EV_CREATE] = "create",
		[EV_PUBLISH] = "publish", [EV_UNPUBLISH] = "unpublish",
		[EV_REVOKE] = "revoke", [EV_KICK] = "kick", [EV_DRAIN] = "drain",
		[EV_DRAINED] = "drained", [EV_OPEN] = "open", [EV_CLOSE] = "close",
		[EV_FREE] = "free",
	};

	return e->type < ARRAY_SIZE(names) ? names[e->type] : NULL;
}

/* A line that has no address, no time and no task; %NULL if there is nothing to say. */
const char *plain_line(const struct event *e)
{
	const struct resource *r = e->type <= EV_RELEASED ? e->resource : NULL;
	const char *name = event_name(e);
	char line[512];
	int len;

	if (!name || (r && is_marker(r)))
		return NULL;
	if (!r) {
		len = e->name ? snprintf(line, sizeof(line), "%-10s %s", name, e->name) :
				snprintf(line, sizeof(line), "%s", name);
	} else {
		len = snprintf(line, sizeof(line), "%-10s %-11s %s", name, e->class,
			       r->name);
		if (r->size)
			len += snprintf(line + len, sizeof(line) - len, ", %s",
					show_size(r->size));
		if (e->type == EV_ADD && r->by)
			len += snprintf(line + len, sizeof(line) - len, ", by %s",
					function_of(r->by));
	}
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	return intern(line, len);
}

/* By the index of the owner. */
static struct story *stories_of(const struct trace *t, const struct options *o)
{
	struct story *stories = xzalloc((t->n_owners + 1) * sizeof(*stories)), *s;
	const char *line;
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (!wanted_event(t, o, i))
			continue;
		line = plain_line(&t->events[i]);
		if (!line)
			continue;
		s = &stories[t->events[i].manager->device->index];
		s->owner = t->events[i].owner;
		grow(s->lines, s->n, s->room);
		s->lines[s->n++] = line;
	}
	return stories;
}

#define CONTEXT	2

static void print_line(char sign, const char *line)
{
	printf("%s%c %s%s\n", sign == '-' ? on(RED) : sign == '+' ? on(GREEN) : "", sign,
	       line, off());
}

/* As a line of a unified diff: which of @a, which of @b, or of both. */
struct step {
	char		sign;
	const char	*line;
};

static bool print_story(const char *owner, const struct story *a, const struct story *b)
{
	static const struct story none;
	size_t i = 0, j = 0, n = 0, k, near, shown = 0, *match;
	struct step *steps;
	size_t minus = 0, plus = 0;

	a = a ?: &none;
	b = b ?: &none;
	match = same_lines(a->lines, a->n, b->lines, b->n);
	steps = xzalloc((a->n + b->n + 1) * sizeof(*steps));
	while (i < a->n || j < b->n) {
		if (i < a->n && match[i] == j) {
			steps[n++] = (struct step){ ' ', a->lines[i++] };
			j++;
		} else if (i < a->n && match[i] == NEVER) {
			steps[n++] = (struct step){ '-', a->lines[i++] };
			minus++;
		} else {
			steps[n++] = (struct step){ '+', b->lines[j++] };
			plus++;
		}
	}
	if (minus || plus)
		printf("%s%s: %zu gone, %zu new%s%s\n", on(BOLD), owner, minus, plus,
		       !a->n ? ": not in the first" : !b->n ? ": not in the second" : "",
		       off());
	for (k = 0; k < n && (minus || plus); k++) {
		bool close = false;

		for (near = k > CONTEXT ? k - CONTEXT : 0;
		     near < n && near <= k + CONTEXT; near++)
			close |= steps[near].sign != ' ';
		if (!close)
			continue;
		if (k > shown)
			printf("  ...\n");
		print_line(steps[k].sign, steps[k].line);
		shown = k + 1;
	}
	if ((minus || plus) && shown < n)
		printf("  ...\n");
	free(steps);
	free(match);
	return minus || plus;
}

/*
 * The next story of that owner that was not compared yet. It is looked for from
 * @index on, where it is when owners come in the same order.
 */
static struct story *story_like(struct story *stories, size_t n, const char *owner,
				const bool *done, size_t *index)
{
	size_t i, at;

	for (i = 0; i < n; i++) {
		at = (*index + i) % n;
		if (stories[at].owner == owner && !done[at]) {
			*index = at;
			return &stories[at];
		}
	}
	return NULL;
}

int diff(const struct trace *a, const struct trace *b, const struct options *o)
{
	struct story *before = stories_of(a, o), *after = stories_of(b, o), *s;
	bool *done = xzalloc(b->n_owners + 1);
	size_t i, other = 0, compared = 0, different = 0;

	for (i = 0; i < a->n_owners; i++) {
		if (!before[i].n)
			continue;
		s = story_like(after, b->n_owners, before[i].owner, done, &other);
		if (s)
			done[other] = true;
		different += print_story(before[i].owner, &before[i], s);
		compared++;
	}
	for (i = 0; i < b->n_owners; i++) {
		if (!after[i].n || done[i])
			continue;
		different += print_story(after[i].owner, NULL, &after[i]);
		compared++;
	}
	if (!compared)
		die_unwanted(a, o, "event");
	printf("different: %zu of %s\n", different, show_count(compared, "owner"));
	for (i = 0; i < a->n_owners; i++)
		free(before[i].lines);
	for (i = 0; i < b->n_owners; i++)
		free(after[i].lines);
	free(before);
	free(after);
	free(done);
	return different ? EXIT_FOUND : EXIT_CLEAN;
}
