// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: stat, who has most
 *
 * By owner, by driver, by the function that has added; and the largest and the
 * slowest ones.
 */
#include <inttypes.h>

#include "trace.h"

/* What is summed up under one name. */
struct sum {
	const char	*name;
	uint64_t	count, held, bytes, bytes_held, release;
	bool		timed;
};

struct sums {
	struct sum	*all;
	size_t		n, room;
	size_t		*hash;	/* index + 1, or 0 */
	size_t		slots;
};

static size_t *slot_of(struct sums *s, const char *name)
{
	size_t i = ((uintptr_t)name >> 4) * 0x9e3779b1u;

	for (; ; i++) {
		size_t *slot = &s->hash[i & (s->slots - 1)];

		if (!*slot || s->all[*slot - 1].name == name)
			return slot;
	}
}

/* Names are interned. */
static struct sum *sum_of(struct sums *s, const char *name)
{
	size_t *slot, i;

	if (2 * s->n >= s->slots) {
		free(s->hash);
		s->slots = s->slots ? 2 * s->slots : 64;
		s->hash = xzalloc(s->slots * sizeof(*s->hash));
		for (i = 0; i < s->n; i++)
			*slot_of(s, s->all[i].name) = i + 1;
	}
	slot = slot_of(s, name);
	if (!*slot) {
		grow(s->all, s->n, s->room);
		s->all[s->n] = (struct sum){ .name = name };
		*slot = ++s->n;
	}
	return &s->all[*slot - 1];
}

/* How long the release took; false if that is not known. */
bool release_took(const struct trace *t, const struct resource *r, uint64_t *ns)
{
	if (r->ended == NEVER || !t->events[r->ended].timed)
		return false;
	*ns = t->events[r->ended].duration;
	/* Memory that goes with its neighbours is not timed. */
	return *ns;
}

static void count(const struct trace *t, struct sum *sum, const struct resource *r)
{
	uint64_t ns;

	sum->count++;
	sum->bytes += r->size;
	if (end_of(r) == NEVER) {
		sum->held++;
		sum->bytes_held += r->size;
	}
	if (release_took(t, r, &ns)) {
		sum->release += ns;
		sum->timed = true;
	}
}

static int by_count(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void print_sums(const struct options *o, struct sums *s, const char *what)
{
	size_t i;

	if (!s->n)
		return;
	qsort(s->all, s->n, sizeof(*s->all), by_count);
	printf("\n%s%10s %8s %10s %10s %10s  by %s%s\n", on(BOLD), "resources", "held",
	       "bytes", "held", "release", what, off());
	for (i = 0; i < s->n && i < o->top; i++) {
		const struct sum *sum = &s->all[i];

		printf("%10" PRIu64 " %s%8" PRIu64 "%s %10s %10s %10s  %s\n",
		       sum->count, sum->held ? on(YELLOW) : "", sum->held, off(),
		       show_size(sum->bytes), show_size(sum->bytes_held),
		       sum->timed ? show_span(sum->release) : "-", sum->name);
	}
	if (i < s->n)
		printf("%10s and %zu more\n", "", s->n - i);
}

/* --- the largest and the slowest */

static const struct trace *sorted;

static int by_size(const void *a, const void *b)
{
	const struct resource *x = *(const struct resource * const *)a;
	const struct resource *y = *(const struct resource * const *)b;

	return (x->size < y->size) - (x->size > y->size);
}

static int by_release(const void *a, const void *b)
{
	const struct resource *x = *(const struct resource * const *)a;
	const struct resource *y = *(const struct resource * const *)b;
	uint64_t nx = sorted->events[x->ended].duration;
	uint64_t ny = sorted->events[y->ended].duration;

	return (nx < ny) - (nx > ny);
}

static void print_one(const struct resource *r, const char *value)
{
	printf("%10s  %s %s %s", value, r->manager->owner, r->manager->class, r->name);
	if (r->by)
		printf(" by %s", r->by);
	putchar('\n');
}

/* Sorted in the order of their adds before, so that equal ones keep that. */
static void keep_best(const struct resource **best, size_t *n, size_t top,
		      const struct resource *r,
		      int (*compare)(const void *a, const void *b))
{
	size_t i = *n;

	if (!top || (*n == top && compare(&r, &best[top - 1]) >= 0))
		return;
	if (*n < top)
		++*n;
	else
		i--;
	for (; i && compare(&r, &best[i - 1]) < 0; i--)
		best[i] = best[i - 1];
	best[i] = r;
}

/* "sample_probe+0x17c/0x430 [cdevm_sample]": without the place in the function. */
const char *function_of(const char *by)
{
	const char *plus = strchr(by, '+'), *module = strstr(by, " [");
	char name[256];

	if (!plus)
		return by;
	snprintf(name, sizeof(name), "%.*s%s", (int)(plus - by), by, module ?: "");
	return intern(name, strlen(name));
}

/* Names of devices are unique on a bus. */
static const char *owner_name(const struct owner *owner)
{
	char name[256];
	int len;

	if (!owner->bus)
		return owner->name;
	len = snprintf(name, sizeof(name), "%.120s (%.100s)", owner->name, owner->bus);
	return intern(name, len);
}

void stats(const struct trace *t, const struct options *o)
{
	const char *name;
	struct sums owners = { 0 }, drivers = { 0 }, callers = { 0 };
	const struct resource **large, **slow;
	size_t i, j, n_large = 0, n_slow = 0;
	struct sum all = { 0 };
	uint64_t ns;

	sorted = t;
	large = xzalloc((o->top + 1) * sizeof(*large));
	slow = xzalloc((o->top + 1) * sizeof(*slow));
	for (i = 0; i < t->n_managers; i++) {
		const struct manager *m = t->managers[i];

		if (!wanted_manager(o, m))
			continue;
		name = owner_name(m->device);
		for (j = 0; j < m->n; j++) {
			const struct resource *r = m->resources[j];

			if (!wanted_resource(t, o, r))
				continue;
			count(t, &all, r);
			count(t, sum_of(&owners, name), r);
			if (m->device->driver)
				count(t, sum_of(&drivers, m->device->driver), r);
			if (r->by)
				count(t, sum_of(&callers, function_of(r->by)), r);
			if (r->size)
				keep_best(large, &n_large, o->top, r, by_size);
			if (release_took(t, r, &ns))
				keep_best(slow, &n_slow, o->top, r, by_release);
		}
	}
	if (!all.count)
		die_unwanted(t, o, "resource");
	printf("%s of %s, %s; %" PRIu64 " held, %s\n",
	       show_count(all.count, "resource"), show_count(owners.n, "owner"),
	       show_size(all.bytes), all.held, show_size(all.bytes_held));
	print_sums(o, &owners, "owner");
	print_sums(o, &drivers, "driver");
	print_sums(o, &callers, "caller");
	if (n_large)
		printf("\n%s%10s  largest%s\n", on(BOLD), "bytes", off());
	for (i = 0; i < n_large; i++)
		print_one(large[i], show_size(large[i]->size));
	if (n_slow)
		printf("\n%s%10s  slowest release%s\n", on(BOLD), "took", off());
	for (i = 0; i < n_slow; i++)
		print_one(slow[i], show_span(t->events[slow[i]->ended].duration));
	free(large);
	free(slow);
	free(owners.all);
	free(owners.hash);
	free(drivers.all);
	free(drivers.hash);
	free(callers.all);
	free(callers.hash);
}
