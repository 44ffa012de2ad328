// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: from events to resources, owners and unbinds
 *
 * Addresses are used again, so what an address means depends on when: a
 * resource is looked up under the manager that it is on at that time, and a
 * scope that was freed makes room for another manager.
 */
#include "trace.h"

/* Released before the others on purpose, by the kernel's design. */
bool is_early(const struct resource *r)
{
	return r->kind && !strncmp(r->kind, "early-action", 12);
}

bool is_marker(const struct resource *r)
{
	if (r->kind)
		return !strncmp(r->kind, "group", 5);
	return !strcmp(r->name, "grp<") || !strcmp(r->name, "grp>");
}

/* Memory of the driver's, as opposed to what stands for something else. */
bool is_memory(const struct resource *r)
{
	if (r->kind)
		return !strcmp(r->kind, "mem");
	return strstr(r->name, "kzalloc") || strstr(r->name, "kmalloc");
}

/* Is the end of each release told? devres_log, which is beside the rest, has none. */
bool has_ends(const struct trace *t, const struct manager *m)
{
	return t->ends && m->addr;
}

/* Was it on its manager right before event @i? */
bool is_live_at(const struct resource *r, size_t i)
{
	if (r->added != NEVER && r->added >= i)
		return false;
	return (r->released == NEVER || r->released >= i) &&
	       (r->removed == NEVER || r->removed >= i);
}

bool is_whole(const struct trace *t, const struct manager *m, size_t from,
	      size_t to)
{
	size_t low = 0, high = m->n_gaps, mid;
	size_t i;

	if (t->stock) {
		for (i = 0; i < t->n_losses; i++)
			if (t->losses[i] > from && t->losses[i] <= to)
				return false;
		return true;
	}
	/* The first gap behind @from. */
	while (low < high) {
		mid = (low + high) / 2;
		if (m->gaps[mid].event > from)
			high = mid;
		else
			low = mid + 1;
	}
	return low == m->n_gaps || m->gaps[low].event > to;
}

uint64_t span_of(const struct trace *t, size_t from, size_t to)
{
	uint64_t a = t->events[from].time, b = t->events[to].time;

	return b > a ? b - a : 0;
}

/* --- hash tables */

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a + 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;

	h ^= h >> 32;
	h = (h + b) * 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 29;
}

/* As large as is good for all that can be in them. */
static size_t buckets;
static struct resource **resource_hash;
static struct manager **manager_hash;
static struct owner **owner_hash;
static struct open_file **file_hash;

static void hash_begin(const struct trace *t)
{
	for (buckets = 256; buckets < t->n / 4; )
		buckets *= 2;
	resource_hash = xzalloc(buckets * sizeof(*resource_hash));
	manager_hash = xzalloc(buckets * sizeof(*manager_hash));
	owner_hash = xzalloc(buckets * sizeof(*owner_hash));
	file_hash = xzalloc(buckets * sizeof(*file_hash));
}

static void hash_end(void)
{
	free(resource_hash);
	free(manager_hash);
	free(owner_hash);
	free(file_hash);
}

static struct resource **hash_head(const struct manager *m, uint64_t node)
{
	return &resource_hash[mix((uintptr_t)m, node) & (buckets - 1)];
}

static void hash_add(struct resource *r)
{
	struct resource **head = hash_head(r->manager, r->node);

	r->next_hash = *head;
	*head = r;
}

static void hash_del(struct resource *r)
{
	struct resource **link = hash_head(r->manager, r->node);

	for (; *link; link = &(*link)->next_hash)
		if (*link == r) {
			*link = r->next_hash;
			return;
		}
}

/* --- managers */

/* Numbers of events are 24 bits wide. */
#define NUMBERS		(1 << 24)

/* As far as is known, clocks of processors disagree by that much. */
static uint64_t skew;

/* And if nothing is known, by no more events than that. */
#define SKEW_EVENTS	64

/*
 * struct numbers - which events of a manager were there
 * @min: number of the first, which counts on where the events' begin anew
 * @max: and of the last
 * @time: of @min
 * @holes: numbers between them that were not there, in order, and the time when that
 *	was seen
 * @cpus: the last number on each processor
 * @moved: some came after a higher one
 * @ended: the last one says that everything was released
 * @over: and that there will be no more
 */
struct numbers {
	int64_t		min, max;
	uint64_t	time;
	struct hole {
		int64_t		begin, end;
		uint64_t	time;
	}		*holes;
	size_t		n_holes, room_holes;
	struct {
		int	cpu;
		int64_t	last;
	}		*cpus;
	size_t		n_cpus, room_cpus;
	bool		moved;
	bool		ended;
	bool		over;
};

/* The same, as far as both are said. Interned. */
static bool may_be(const char *a, const char *b)
{
	return !a || !b || a == b;
}

static struct owner *owner_of(struct trace *t, const struct event *e)
{
	struct owner **head, *o;

	/* Names are interned, so the address tells. */
	head = &owner_hash[mix((uintptr_t)e->owner, 0) & (buckets - 1)];
	for (o = *head; o; o = o->next_hash)
		if (o->name == e->owner && may_be(o->driver, e->driver) &&
		    may_be(o->bus, e->bus))
			return o;
	o = xzalloc(sizeof(*o));
	o->name = e->owner;
	o->index = t->n_owners;
	o->adder = -1;
	o->next_hash = *head;
	*head = o;
	grow(t->owners, t->n_owners, t->room_owners);
	t->owners[t->n_owners++] = o;
	return o;
}

static struct manager *manager_new(struct trace *t, const struct event *e)
{
	struct manager *m = xzalloc(sizeof(*m)), **head;

	m->class = e->class;
	m->owner = e->owner;
	m->addr = e->mgr;
	m->scope = !strcmp(e->class, "cdevm");
	m->create = m->revoke = m->kick = m->drain = m->drained = m->free = NEVER;
	m->oldest_open = m->newest_open = NEVER;
	if (e->mgr)
		m->numbers = xzalloc(sizeof(*m->numbers));
	grow(t->managers, t->n_managers, t->room_managers);
	t->managers[t->n_managers++] = m;
	head = &manager_hash[mix(e->mgr, e->mgr ? 0 : (uintptr_t)e->owner) & (buckets - 1)];
	m->next_hash = *head;
	*head = m;
	return m;
}

/* Which hole is @n in? */
static struct hole *hole_of(const struct numbers *nr, int64_t n)
{
	size_t low = 0, high = nr->n_holes, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (nr->holes[mid].end > n)
			high = mid;
		else
			low = mid + 1;
	}
	return low < nr->n_holes && nr->holes[low].begin <= n ? &nr->holes[low] : NULL;
}

static void hole_add(struct numbers *nr, size_t at, int64_t begin, int64_t end,
		     uint64_t time)
{
	grow(nr->holes, nr->n_holes, nr->room_holes);
	memmove(&nr->holes[at + 1], &nr->holes[at],
		(nr->n_holes - at) * sizeof(*nr->holes));
	nr->holes[at] = (struct hole){ begin, end, time };
	nr->n_holes++;
}

static void hole_fill(struct numbers *nr, struct hole *hole, int64_t n)
{
	if (n == hole->begin) {
		hole->begin++;
	} else if (n == hole->end - 1) {
		hole->end--;
	} else {
		size_t at = hole - nr->holes;

		hole_add(nr, at, hole->begin, n, hole->time);
		nr->holes[at + 1].begin = n + 1;
	}
}

/* The last number of the processor of @e, for this to be changed. */
static int64_t *last_on_cpu(struct numbers *nr, const struct event *e)
{
	size_t i;

	for (i = 0; i < nr->n_cpus; i++)
		if (nr->cpus[i].cpu == e->cpu)
			return &nr->cpus[i].last;
	grow(nr->cpus, nr->n_cpus, nr->room_cpus);
	nr->cpus[nr->n_cpus].cpu = e->cpu;
	nr->cpus[nr->n_cpus].last = INT64_MIN;
	return &nr->cpus[nr->n_cpus++].last;
}

static void number_last(struct numbers *nr, const struct event *e, int64_t n)
{
	nr->max = n;
	nr->over = e->type == EV_FREE;
	nr->ended = nr->over || e->type == EV_ALL_END;
}

/*
 * One that comes before all that were there, and later by its clock: if others have
 * come late by as much it is one that comes late, too. If none has it is the first
 * of another manager, as a rule.
 */
static bool number_fits_first(const struct numbers *nr, const struct event *e,
			      int64_t n)
{
	if (skew)
		return e->time - nr->time <= skew;
	return !nr->ended && nr->min - n <= SKEW_EVENTS;
}

/*
 * Is @e an event of @m, or of another that has its address now, whose numbers begin
 * anew? Events of one processor are in order. Those of several may not be, if their
 * clocks disagree: a number that comes late is one that was not there yet.
 */
static bool number_fits(struct manager *m, const struct event *e, uint64_t *late)
{
	struct numbers *nr = m->numbers;
	uint32_t ahead = (e->seq - (uint32_t)nr->max) & (NUMBERS - 1);
	int64_t n = nr->max + ahead, *last;
	struct hole *hole;

	last = last_on_cpu(nr, e);
	if (ahead && ahead < NUMBERS / 2) {
		if (nr->over || e->type == EV_CREATE || (!e->seq && ahead > 1))
			return false;
		if (ahead > 1)
			hole_add(nr, nr->n_holes, nr->max + 1, n, e->time);
		number_last(nr, e, n);
		*last = n;
		return true;
	}
	if (ahead)
		n -= NUMBERS;
	if (e->cpu >= 0 && *last >= n)
		return false;
	hole = hole_of(nr, n);
	if (hole) {
		if (e->time - hole->time > *late)
			*late = e->time - hole->time;
		hole_fill(nr, hole, n);
	} else if (n < nr->min && number_fits_first(nr, e, n)) {
		if (nr->min - n > 1)
			hole_add(nr, 0, n + 1, nr->min, e->time);
		nr->min = n;
		nr->time = e->time;
	} else {
		return false;
	}
	nr->moved = true;
	*last = n;
	return true;
}

static void number_first(struct manager *m, const struct event *e)
{
	struct numbers *nr = m->numbers;

	nr->min = e->seq & (NUMBERS - 1);
	nr->time = e->time;
	number_last(nr, e, nr->min);
	*last_on_cpu(nr, e) = nr->min;
}

/* The current manager at an address, or of a device if there is no address. */
static struct manager *manager_of(struct trace *t, const struct event *e,
				  uint64_t *late)
{
	struct manager *m;

	m = manager_hash[mix(e->mgr, e->mgr ? 0 : (uintptr_t)e->owner) & (buckets - 1)];
	for (; m; m = m->next_hash) {
		if (m->addr != e->mgr || (!e->mgr && m->owner != e->owner))
			continue;
		if (!e->mgr)
			return m;
		if (m->class == e->class && m->owner == e->owner &&
		    number_fits(m, e, late))
			return m;
		/* An older one's address is not its own any more. */
		break;
	}
	m = manager_new(t, e);
	if (e->mgr)
		number_first(m, e);
	return m;
}

/* --- the order of events */

static int by_time(const void *a, const void *b)
{
	const struct event *ea = a, *eb = b;

	if (ea->time != eb->time)
		return ea->time > eb->time ? 1 : -1;
	return (ea->line > eb->line) - (ea->line < eb->line);
}

static bool is_same(const struct event *a, const struct event *b)
{
	return a->mgr && a->mgr == b->mgr && a->seq == b->seq && a->type == b->type &&
	       a->node == b->node && a->owner == b->owner;
}

/* Of files that overlap: what is there twice, with the same time. */
static void drop_twice(struct trace *t)
{
	size_t i, j, n = 0;
	bool twice;

	for (i = 0; i < t->n; i++) {
		twice = false;
		/* Where clocks tick slowly, many have the same. */
		for (j = n; j && n - j < 256 && !twice; j--) {
			if (t->events[j - 1].time != t->events[i].time)
				break;
			twice = is_same(&t->events[j - 1], &t->events[i]);
		}
		if (!twice)
			t->events[n++] = t->events[i];
	}
	t->n = n;
}

static void sort_by_time(struct trace *t)
{
	size_t i;

	for (i = 1; i < t->n; i++)
		if (t->events[i].time < t->events[i - 1].time)
			break;
	if (i >= t->n)
		return;
	qsort(t->events, t->n, sizeof(*t->events), by_time);
	if (!t->stock)
		drop_twice(t);
}

static int by_number(const void *a, const void *b)
{
	const struct event *ea = a, *eb = b;
	uint32_t ahead = (ea->seq - eb->seq) & (NUMBERS - 1);

	return !ahead ? 0 : ahead < NUMBERS / 2 ? 1 : -1;
}

/*
 * Those of @m, some of which came late, into the order of their numbers. They have
 * the same places and times among the others as before: what clocks say that
 * disagree is not worth more than that.
 */
static void sort_by_number(struct trace *t, struct manager *m)
{
	struct event *sorted = xzalloc(m->n_events * sizeof(*sorted));
	uint64_t time;
	size_t i;

	for (i = 0; i < m->n_events; i++)
		sorted[i] = t->events[m->events[i]];
	qsort(sorted, m->n_events, sizeof(*sorted), by_number);
	for (i = 0; i < m->n_events; i++) {
		struct event *e = &t->events[m->events[i]];

		t->moved += e->seq != sorted[i].seq;
		time = e->time;
		*e = sorted[i];
		e->time = time;
	}
	free(sorted);
}

static void find_gaps(struct trace *t, struct manager *m)
{
	uint32_t ahead, last = 0;
	size_t i;

	for (i = 0; i < m->n_events; i++) {
		const struct event *e = &t->events[m->events[i]];

		ahead = (e->seq - last) & (NUMBERS - 1);
		if (i && ahead != 1) {
			grow(m->gaps, m->n_gaps, m->room_gaps);
			m->gaps[m->n_gaps++] = (struct gap){
				m->events[i], (last + 1) & (NUMBERS - 1), ahead - 1
			};
			t->missing += ahead - 1;
		}
		last = e->seq;
	}
}

/* What devres_log tells of has none. */
static void numbers_free(struct manager *m)
{
	if (!m->numbers)
		return;
	free(m->numbers->holes);
	free(m->numbers->cpus);
	free(m->numbers);
	m->numbers = NULL;
}

static void managers_forget(struct trace *t)
{
	size_t i;

	for (i = 0; i < t->n_managers; i++) {
		numbers_free(t->managers[i]);
		free(t->managers[i]->events);
		free(t->managers[i]);
	}
	t->n_managers = 0;
	memset(manager_hash, 0, buckets * sizeof(*manager_hash));
}

static void managers_assign(struct trace *t, uint64_t *late)
{
	struct manager *m;
	size_t i;

	for (i = 0; i < t->n; i++) {
		m = t->events[i].manager = manager_of(t, &t->events[i], late);
		grow(m->events, m->n_events, m->room_events);
		m->events[m->n_events++] = i;
	}
}

/*
 * Is what came as another manager the beginning of @m, by clocks that are late by
 * more than @m was there? Then their numbers fit exactly, and no processor has events
 * of both: on one that has, the order is certain.
 */
static bool is_beginning(const struct manager *late, const struct manager *m)
{
	const struct numbers *a = late->numbers, *b = m->numbers;
	size_t i, j;

	if (late->class != m->class || late->owner != m->owner || a->min ||
	    a->max + 1 != b->min)
		return false;
	for (i = 0; i < a->n_cpus; i++)
		for (j = 0; j < b->n_cpus; j++)
			if (a->cpus[i].cpu == b->cpus[j].cpu &&
			    b->cpus[j].last != INT64_MIN)
				return false;
	return true;
}

static void managers_join(struct trace *t)
{
	struct manager *m, *late;
	size_t i, j, n = 0;

	for (i = 0; i < t->n_managers; i++) {
		late = t->managers[i];
		for (m = late->next_hash; m; m = m->next_hash)
			if (m->addr == late->addr)
				break;
		if (!m || !late->addr || !is_beginning(late, m)) {
			t->managers[n++] = late;
			continue;
		}
		for (j = 0; j < late->n_events; j++) {
			grow(m->events, m->n_events, m->room_events);
			m->events[m->n_events++] = late->events[j];
			t->events[late->events[j]].manager = m;
		}
		m->numbers->moved = true;
		m->numbers->min = 0;
		late->n_events = 0;
	}
	t->n_managers = n;
}

static void find_managers(struct trace *t)
{
	uint64_t late = 0;
	struct manager *m;
	size_t i;

	skew = 0;
	managers_assign(t, &late);
	/* Once more, knowing how late some come. */
	if (late) {
		skew = 2 * late;
		managers_forget(t);
		managers_assign(t, &late);
	}
	if (!t->stock)
		managers_join(t);
	for (i = 0; i < t->n; i++) {
		t->told |= t->events[i].type == EV_ALL_BEGIN;
		t->ends |= t->events[i].type == EV_RELEASED;
	}
	for (i = 0; i < t->n_managers; i++) {
		m = t->managers[i];
		if (!m->numbers)
			continue;
		if (m->numbers->moved)
			sort_by_number(t, m);
		if (m->numbers->n_holes)
			find_gaps(t, m);
		numbers_free(m);
	}
}

/*
 * Whose managers they are. Devices of one name are on different buses or have
 * different drivers, as far as it is said.
 */
static void find_owners(struct trace *t)
{
	struct manager *m;
	struct event *e;
	struct owner *o;
	size_t i, j;

	for (i = 0; i < t->n_managers; i++) {
		struct event who;

		m = t->managers[i];
		who = t->events[m->events[0]];
		for (j = 0; j < m->n_events && !who.driver; j++) {
			e = &t->events[m->events[j]];
			who.driver = e->driver;
			who.bus = who.bus ?: e->bus;
		}
		o = owner_of(t, &who);
		o->driver = o->driver ?: who.driver;
		o->bus = o->bus ?: who.bus;
		m->device = o;
		if (o->last)
			o->last->next_of_owner = m;
		else
			o->first = m;
		o->last = m;
	}
}

/* --- resources */

static struct resource *resource_new(struct manager *m, const struct event *e)
{
	static struct resource *some;
	static size_t left;
	struct resource *r;

	/* Many at a time, as there are many. Never freed. */
	if (!left) {
		left = 512;
		some = xzalloc(left * sizeof(*some));
	}
	r = &some[--left];
	r->manager = m;
	r->name = e->name;
	r->fn = e->fn;
	r->kind = e->kind;
	r->by = e->by;
	r->node = e->node;
	r->size = e->size;
	r->added = r->released = r->ended = r->removed = NEVER;
	grow(m->resources, m->n, m->room);
	m->resources[m->n++] = r;
	hash_add(r);
	return r;
}

static bool is_over(const struct resource *r)
{
	return r->released != NEVER || r->removed != NEVER;
}

/* The one that is at this address; what is over is not, but for its end. */
static struct resource *hash_find(const struct manager *m, uint64_t node,
				  bool ending)
{
	struct resource *r;

	for (r = *hash_head(m, node); r; r = r->next_hash)
		if (r->manager == m && r->node == node && is_over(r) == ending)
			return r;
	return NULL;
}

/* One that was replaced in a stock kernel, which does not say by what. */
static struct resource *find_hidden(struct manager *m, const struct event *e)
{
	size_t i, left = m->n_hidden;

	for (i = m->n; left && i--; ) {
		if (!m->resources[i]->hidden || is_over(m->resources[i]))
			continue;
		left--;
		if (m->resources[i]->name == e->name)
			return m->resources[i];
	}
	return NULL;
}

/* The resource that an event other than an add is about. */
static struct resource *resource_of(struct manager *m, const struct event *e,
				    uint64_t node)
{
	/* Its end may be told after somebody else has its address. */
	struct resource *r = hash_find(m, node, e->type == EV_RELEASED);

	if (!r && e->type != EV_RELEASED)
		r = find_hidden(m, e);
	return r ?: resource_new(m, e);
}

static void replace(struct manager *m, struct event *e)
{
	uint64_t old = e->mgr ? e->old : e->node;
	struct resource *r = resource_of(m, e, old);

	hash_del(r);
	if (e->mgr) {
		r->node = e->node;
		r->size = e->size;
	} else {
		/* No address is odd. */
		r->node = ~e->node | 1;
		m->n_hidden += !r->hidden;
		r->hidden = true;
	}
	hash_add(r);
	e->resource = r;
}

static void resource_event(const struct trace *t, struct manager *m,
			   struct event *e, size_t i)
{
	struct resource *r;

	if (e->type == EV_REPLACE) {
		replace(m, e);
		return;
	}
	if (e->type == EV_ADD) {
		/* What was there has gone, and nobody has said so. */
		r = hash_find(m, e->node, false);
		if (r)
			hash_del(r);
		r = resource_new(m, e);
		r->added = i;
		e->resource = r;
		return;
	}
	r = resource_of(m, e, e->node);
	if (r->hidden)
		m->n_hidden--;
	r->hidden = false;
	if (e->type == EV_REMOVE)
		r->removed = i;
	else if (e->type == EV_RELEASE)
		r->released = i;
	else
		r->ended = i;
	if (e->type != EV_RELEASE || !has_ends(t, m))
		hash_del(r);
	if (!r->fn)
		r->fn = e->fn;
	e->resource = r;
}

/* --- files */

/* One that is open: by the address of its struct, or by whom and on what. */
struct open_file {
	struct open_file	*next;
	const struct manager	*manager;
	size_t			file;
};

static struct open_file **open_head(const struct manager *m, const struct event *e)
{
	uint64_t h = e->file ?: mix((uintptr_t)e->name, e->pid);

	return &file_hash[mix((uintptr_t)m, h) & (buckets - 1)];
}

void file_opened(struct manager *m, size_t n)
{
	m->files[n].next = NEVER;
	m->files[n].prev = m->newest_open;
	if (m->newest_open != NEVER)
		m->files[m->newest_open].next = n;
	else
		m->oldest_open = n;
	m->newest_open = n;
}

void file_closed(struct manager *m, size_t n)
{
	const struct file *f = &m->files[n];

	if (f->prev != NEVER)
		m->files[f->prev].next = f->next;
	else
		m->oldest_open = f->next;
	if (f->next != NEVER)
		m->files[f->next].prev = f->prev;
	else
		m->newest_open = f->prev;
}

static void open_file(struct manager *m, struct event *e, size_t i)
{
	struct open_file *o = xzalloc(sizeof(*o)), **head = open_head(m, e);

	grow(m->files, m->n_files, m->room_files);
	m->files[m->n_files] = (struct file){
		.node = e->name, .file = e->file, .pid = e->pid, .opened = i,
		.closed = NEVER,
	};
	file_opened(m, m->n_files);
	*o = (struct open_file){ *head, m, m->n_files };
	*head = o;
	e->open = m->n_files++;
}

/*
 * Which one of several it is cannot be told without addresses: one of the same
 * task, or the oldest.
 */
static size_t file_of(const struct manager *m, const struct event *e)
{
	const struct open_file *o;
	size_t n;

	for (o = *open_head(m, e); o; o = o->next) {
		const struct file *f = &m->files[o->file];

		if (o->manager == m && f->closed == NEVER && f->node == e->name &&
		    f->file == e->file && (e->file || f->pid == e->pid))
			return o->file;
	}
	for (n = m->oldest_open; n != NEVER && !e->file; n = m->files[n].next)
		if (m->files[n].node == e->name)
			return n;
	return NEVER;
}

static void close_file(const struct trace *t, struct manager *m, struct event *e,
		       size_t i)
{
	struct open_file **link, *o;
	struct file *f;

	e->open = file_of(m, e);
	if (e->open == NEVER)
		return;
	f = &m->files[e->open];
	f->closed = i;
	file_closed(m, e->open);
	for (link = open_head(m, &t->events[f->opened]); *link; link = &(*link)->next)
		if ((*link)->manager == m && (*link)->file == e->open)
			break;
	o = *link;
	if (o) {
		*link = o->next;
		free(o);
	}
}

bool is_certain(const struct manager *m, const struct file *f)
{
	const struct file *other;

	if (f->file)
		return true;
	for (other = m->files; other < m->files + m->n_files; other++)
		if (other != f && other->node == f->node && other->closed != NEVER &&
		    other->closed > f->opened &&
		    (f->closed == NEVER || other->opened < f->closed))
			return false;
	return true;
}

static void unpublish(struct manager *m, const struct event *e, size_t i)
{
	size_t n;

	for (n = m->n_chardevs; n--; )
		if (m->chardevs[n].name == e->name &&
		    m->chardevs[n].unpublished == NEVER) {
			m->chardevs[n].unpublished = i;
			return;
		}
}

static void scope_event(struct trace *t, struct manager *m, struct event *e,
			size_t i)
{
	switch (e->type) {
	case EV_CREATE:
		m->create = i;
		break;
	case EV_PUBLISH:
		grow(m->chardevs, m->n_chardevs, m->room_chardevs);
		m->chardevs[m->n_chardevs++] = (struct chardev){
			.name = e->name, .object = e->object,
			.published = i, .unpublished = NEVER,
		};
		break;
	case EV_UNPUBLISH:
		unpublish(m, e, i);
		break;
	case EV_REVOKE:
		m->revoke = i;
		break;
	case EV_KICK:
		m->kick = i;
		break;
	case EV_DRAIN:
		m->drain = i;
		break;
	case EV_DRAINED:
		m->drained = i;
		break;
	case EV_OPEN:
		open_file(m, e, i);
		break;
	case EV_CLOSE:
		close_file(t, m, e, i);
		break;
	case EV_FREE:
		m->free = i;
		break;
	default:
		break;
	}
}

/* --- unbinds */

/* The steps of a device's unbind other than the release of its own resources. */
static bool is_part(const char *class)
{
	return !strcmp(class, "unpublish") || !strcmp(class, "cdevm") ||
	       !strcmp(class, "cdevm-nodes") || !strcmp(class, "cdevm-kicks") ||
	       !strcmp(class, "cdevm-stops") || !strcmp(class, "cdevm-file") ||
	       !strcmp(class, "cdevm-memory") || !strcmp(class, "cdevm-bound");
}

/* Of this owner, and not over as far as its own resources go. */
static struct unbind *unbind_current(const struct owner *o)
{
	return o->unbind && !o->unbind->closed ? o->unbind : NULL;
}

static struct unbind *unbind_begin(struct trace *t, struct owner *o, size_t i)
{
	struct unbind *u = unbind_current(o);

	if (u)
		return u;
	u = xzalloc(sizeof(*u));
	u->owner = o->name;
	u->device = o;
	u->first = u->last = i;
	u->devm = NEVER;
	u->same_task = o->adder == t->events[i].pid;
	o->unbind = u;
	grow(t->unbinds, t->n_unbinds, t->room_unbinds);
	t->unbinds[t->n_unbinds++] = u;
	return u;
}

static void unbind_add(struct unbind *u, struct event *e, size_t i)
{
	if (!u || e->unbind)
		return;
	e->unbind = u;
	if (i > u->last)
		u->last = i;
	grow(u->events, u->n_events, u->room_events);
	u->events[u->n_events++] = i;
}

static struct unbind *unbind_scope(struct trace *t, struct manager *m, size_t i)
{
	struct unbind *u = unbind_begin(t, m->device, i);

	if (m->unbind == u)
		return u;
	m->unbind = u;
	m->next_scope = u->scopes;
	u->scopes = m;
	return u;
}

/* What belongs to which unbind, where the kernel says when one begins. */
static void find_unbinds(struct trace *t)
{
	struct unbind *u;
	struct manager *m;
	struct event *e;
	size_t i;

	for (i = 0; i < t->n; i++) {
		e = &t->events[i];
		m = e->manager;
		u = m->scope ? m->unbind : unbind_current(m->device);
		switch (e->type) {
		case EV_REVOKE:
			u = unbind_scope(t, m, i);
			break;
		case EV_CREATE:
			/* Nothing says when all is released: a new probe has begun. */
			u = t->module ? unbind_current(m->device) : NULL;
			if (u)
				u->closed = true;
			u = NULL;
			break;
		case EV_ALL_BEGIN:
			if (!m->scope)
				u = unbind_begin(t, m->device, i);
			else if (!u)
				u = unbind_scope(t, m, i);
			if (!strcmp(e->class, "devm") && u->devm == NEVER)
				u->devm = i;
			break;
		case EV_ADD:
			m->device->adder = e->pid;
			break;
		case EV_OPEN:
			/* As a rule, nobody gets that far before a probe is over. */
			m->device->adder = -1;
			break;
		case EV_RELEASE:
			/* What the driver has asked for, before ->remove(). */
			if (is_early(e->resource))
				u = unbind_begin(t, m->device, i);
			break;
		case EV_ALL_END:
			unbind_add(u, e, i);
			if (u && !is_part(e->class))
				u->closed = true;
			break;
		default:
			break;
		}
		unbind_add(u, e, i);
	}
}

/* Elsewhere it is a sweep. */
static void find_stock_unbinds(struct trace *t)
{
	struct sweep *sweeps;
	struct manager *m;
	struct unbind *u;
	size_t i, j, k, n;

	for (i = 0; i < t->n_managers; i++) {
		m = t->managers[i];
		n = sweeps_of(t, m, false, &sweeps);
		for (j = k = 0; j < n; j++) {
			for (; k < sweeps[j].first; k++)
				if (t->events[m->events[k]].type == EV_ADD)
					m->device->adder = t->events[m->events[k]].pid;
			u = unbind_begin(t, m->device, m->events[sweeps[j].first]);
			for (k = sweeps[j].first; k <= sweeps[j].last; k++)
				unbind_add(u, &t->events[m->events[k]], m->events[k]);
			u->closed = true;
		}
		free(sweeps);
	}
}

static int by_first(const void *a, const void *b)
{
	const struct unbind *ua = *(const struct unbind * const *)a;
	const struct unbind *ub = *(const struct unbind * const *)b;

	return (ua->first > ub->first) - (ua->first < ub->first);
}

/*
 * The end of a DRM device is none. And no event tells of a probe that fails: it may
 * have been one if the task that has added things releases them as well.
 */
const char *unbind_title(const struct trace *t, const struct unbind *u)
{
	const struct event *first = &t->events[u->first], *e;
	bool devm = false, other = false;
	size_t i;

	if (first->manager->scope && first->type == EV_ALL_BEGIN)
		return "end of a scope that was unbound before of";
	for (i = 0; i < u->n_events; i++) {
		e = &t->events[u->events[i]];
		if (!is_part(e->class))
			*(!strcmp(e->class, "devm") ? &devm : &other) = true;
	}
	if (other && !devm)
		return "end of";
	return u->same_task ? "unbind or failed probe of" : "unbind of";
}

void model_build(struct trace *t)
{
	struct event *e;
	size_t i, j;

	hash_begin(t);
	sort_by_time(t);
	find_managers(t);
	find_owners(t);
	for (i = 0; i < t->n; i++) {
		e = &t->events[i];
		if (e->type <= EV_RELEASED)
			resource_event(t, e->manager, e, i);
		else
			scope_event(t, e->manager, e, i);
	}
	hash_end();
	for (i = 0; i < t->n_managers; i++)
		for (j = 0; j < t->managers[i]->n; j++)
			t->managers[i]->resources[j]->live[0] = NULL;
	if (t->stock)
		find_stock_unbinds(t);
	else
		find_unbinds(t);
	if (t->n_unbinds)
		qsort(t->unbinds, t->n_unbinds, sizeof(*t->unbinds), by_first);
}

/* --- sweeps */

static void sweep_add(struct sweep **out, size_t *n, size_t *room,
		      struct sweep s)
{
	grow(*out, *n, *room);
	(*out)[(*n)++] = s;
}

/* Does the release, or the removal, of what was added before event @born end here? */
static bool ends_old(const struct event *e, size_t born)
{
	const struct resource *r = e->resource;

	return (e->type == EV_RELEASE || e->type == EV_REMOVE) && !is_marker(r) &&
	       (r->added == NEVER || r->added < born);
}

/*
 * Without events that say so, it is a row of releases by one task after which
 * nothing is left that was there when it began. The release of a group leaves
 * something, as a rule, and then is none.
 */
static void sweeps_guessed(const struct trace *t, const struct manager *m,
			   struct sweep **out, size_t *n, size_t *room)
{
	const struct event *e, *head;
	size_t i, j, last, live = 0, old;

	/* What the trace does not see added was there before. */
	for (i = 0; i < m->n; i++)
		live += m->resources[i]->added == NEVER &&
			is_over(m->resources[i]) && !is_marker(m->resources[i]);
	for (i = 0; i < m->n_events; i++) {
		head = &t->events[m->events[i]];
		if (head->type == EV_ADD && !is_marker(head->resource))
			live++;
		if (head->type == EV_REMOVE && !is_marker(head->resource))
			live--;
		if (head->type != EV_RELEASE || is_marker(head->resource))
			continue;
		last = i;
		old = live;
		for (j = i; j < m->n_events; j++) {
			e = &t->events[m->events[j]];
			if (e->pid != head->pid)
				break;
			if (e->type == EV_RELEASE)
				last = j;
			if (ends_old(e, m->events[i]) && !--old) {
				sweep_add(out, n, room, (struct sweep){ i, j, true, false });
				break;
			}
		}
		/* What has come and gone meanwhile. */
		for (j = i; j <= last; j++) {
			e = &t->events[m->events[j]];
			if (e->type > EV_RELEASED || is_marker(e->resource))
				continue;
			live += e->type == EV_ADD;
			live -= e->type == EV_RELEASE || e->type == EV_REMOVE;
		}
		i = last;
	}
}

static void sweeps_told(const struct trace *t, const struct manager *m,
			struct sweep **out, size_t *n, size_t *room)
{
	size_t i, first = NEVER, depth = 0;

	for (i = 0; i < m->n_events; i++) {
		switch (t->events[m->events[i]].type) {
		case EV_ALL_BEGIN:
			if (!depth++)
				first = i;
			break;
		case EV_ALL_END:
			if (!depth || --depth)
				break;
			sweep_add(out, n, room, (struct sweep){ first, i, true, false });
			first = NEVER;
			break;
		default:
			break;
		}
	}
	/* The trace ends within it. */
	if (first != NEVER)
		sweep_add(out, n, room,
			  (struct sweep){ first, m->n_events - 1, false, false });
}

/*
 * The release of a group: a row of releases by one task, and then its marker goes.
 * What else is there has been found before.
 */
static void sweeps_of_groups(const struct trace *t, const struct manager *m,
			     struct sweep **out, size_t *n, size_t *room)
{
	size_t i, known = 0, sweeps = *n, first = NEVER;

	for (i = 0; i < m->n_events; i++) {
		const struct event *e = &t->events[m->events[i]];

		if (known < sweeps && i >= (*out)[known].first) {
			i = (*out)[known++].last;
			first = NEVER;
			continue;
		}
		if (e->type > EV_RELEASED)
			continue;
		if (first != NEVER && e->pid != t->events[m->events[first]].pid)
			first = NEVER;
		if (is_marker(e->resource)) {
			if (first != NEVER && e->type != EV_ADD)
				sweep_add(out, n, room, (struct sweep){ first, i, false, true });
			first = NEVER;
		} else if (e->type == EV_RELEASE && first == NEVER) {
			first = i;
		} else if (e->type == EV_ADD) {
			first = NEVER;
		}
	}
}

static int by_begin(const void *a, const void *b)
{
	const struct sweep *sa = a, *sb = b;

	return (sa->first > sb->first) - (sa->first < sb->first);
}

size_t sweeps_of(const struct trace *t, const struct manager *m, bool groups,
		 struct sweep **out)
{
	size_t n = 0, room = 0;

	*out = NULL;
	if (!t->told)
		sweeps_guessed(t, m, out, &n, &room);
	else
		sweeps_told(t, m, out, &n, &room);
	if (groups)
		sweeps_of_groups(t, m, out, &n, &room);
	if (n)
		qsort(*out, n, sizeof(**out), by_begin);
	return n;
}
