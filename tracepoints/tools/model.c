// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: from events to resources, owners and unbinds
 *
 * Addresses are used again, so what an address means depends on when: a
 * resource is looked up under the manager that it is on at that time, and a
 * scope that was freed makes room for another manager.
 */
#include "trace.h"

struct gap *gaps;
size_t n_gaps;
static size_t room_gaps;

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

/* Was it on its manager right before event @i? */
bool is_live_at(const struct resource *r, size_t i)
{
	if (r->added != NEVER && r->added >= i)
		return false;
	return (r->released == NEVER || r->released >= i) &&
	       (r->removed == NEVER || r->removed >= i);
}

static struct resource *hash[65536];

static struct resource **hash_head(const struct manager *m, uint64_t node)
{
	uint64_t h = (uintptr_t)m / 16 * 31 + node / 8;

	h ^= h >> 16;
	return &hash[h % ARRAY_SIZE(hash)];
}

static void hash_add(struct resource *r)
{
	struct resource **head = hash_head(r->manager, r->node);

	r->next_hash = *head;
	*head = r;
}

/* The one that is, or was last, at this address. */
static struct resource **hash_find(const struct manager *m, uint64_t node)
{
	struct resource **link;

	for (link = hash_head(m, node); *link; link = &(*link)->next_hash)
		if ((*link)->manager == m && (*link)->node == node)
			return link;
	return NULL;
}

static struct manager *manager_new(struct trace *t, const struct event *e)
{
	struct manager *m = xzalloc(sizeof(*m));

	m->class = e->class;
	m->owner = e->owner;
	m->addr = e->mgr;
	m->scope = !strcmp(e->class, "cdevm");
	m->create = m->revoke = m->kick = m->drain = m->drained = m->free = NEVER;
	grow(t->managers, t->n_managers, t->room_managers);
	t->managers[t->n_managers++] = m;
	return m;
}

/*
 * The current manager at an address, or of a device if there is no address.
 * Managers are few, and those looked for are recent.
 */
static struct manager *manager_of(struct trace *t, const struct event *e)
{
	struct manager *m;
	size_t i;

	for (i = t->n_managers; i--; ) {
		m = t->managers[i];
		if (m->addr != e->mgr)
			continue;
		if (!e->mgr && m->owner != e->owner)
			continue;
		if (m->class != e->class || m->owner != e->owner ||
		    m->free != NEVER || e->type == EV_CREATE)
			break;
		return m;
	}
	return manager_new(t, e);
}

static struct resource *resource_new(struct manager *m, const struct event *e)
{
	struct resource *r = xzalloc(sizeof(*r));

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

/* One that was replaced in a stock kernel, which does not say by what. */
static struct resource *find_hidden(struct manager *m, const struct event *e)
{
	size_t i;

	for (i = m->n; i--; )
		if (m->resources[i]->hidden && !is_over(m->resources[i]) &&
		    m->resources[i]->name == e->name)
			return m->resources[i];
	return NULL;
}

/* The resource that an event other than an add is about. */
static struct resource *resource_of(struct manager *m, const struct event *e,
				    uint64_t node)
{
	struct resource **link = hash_find(m, node);
	struct resource *r = link ? *link : NULL;

	/* Its end may be told after somebody else has its address. */
	if (e->type == EV_RELEASED) {
		for (; r; r = r->next_hash)
			if (r->manager == m && r->node == node &&
			    r->released != NEVER && r->ended == NEVER)
				return r;
		return resource_new(m, e);
	}
	if (r && !is_over(r))
		return r;
	r = find_hidden(m, e);
	return r ?: resource_new(m, e);
}

static void replace(struct manager *m, struct event *e)
{
	uint64_t old = e->mgr ? e->old : e->node;
	struct resource **link, *r = resource_of(m, e, old);

	link = hash_find(m, r->node);
	for (; *link != r; link = &(*link)->next_hash)
		;
	*link = r->next_hash;
	if (e->mgr) {
		r->node = e->node;
		r->size = e->size;
	} else {
		/* No address is odd. */
		r->node = ~e->node | 1;
		r->hidden = true;
	}
	hash_add(r);
	e->resource = r;
}

static void resource_event(struct manager *m, struct event *e, size_t i)
{
	struct resource *r;

	if (e->type == EV_REPLACE) {
		replace(m, e);
		return;
	}
	if (e->type == EV_ADD) {
		r = resource_new(m, e);
		r->added = i;
	} else {
		r = resource_of(m, e, e->node);
		if (e->type == EV_REMOVE)
			r->removed = i;
		else if (e->type == EV_RELEASE)
			r->released = i;
		else
			r->ended = i;
		if (!r->fn)
			r->fn = e->fn;
	}
	e->resource = r;
}

static void open_file(struct manager *m, const struct event *e, size_t i)
{
	grow(m->files, m->n_files, m->room_files);
	m->files[m->n_files++] = (struct file){
		.node = e->name, .opened = i, .closed = NEVER,
	};
}

/* Which of several it is cannot be told: that of the same task, or the oldest. */
static void close_file(const struct trace *t, struct manager *m,
		       const struct event *e, size_t i)
{
	struct file *f, *found = NULL;

	for (f = m->files; f < m->files + m->n_files; f++) {
		if (f->closed != NEVER || f->node != e->name)
			continue;
		if (!found)
			found = f;
		if (t->events[f->opened].pid == e->pid) {
			found = f;
			break;
		}
	}
	if (found)
		found->closed = i;
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

static void scope_event(struct trace *t, struct manager *m,
			const struct event *e, size_t i)
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

/* Numbers are 24 bits wide. */
static void check_number(struct manager *m, const struct event *e, size_t i)
{
	const uint32_t mask = 0xffffff;

	if (!e->numbered)
		return;
	if (m->numbered && e->seq != ((m->seq + 1) & mask)) {
		grow(gaps, n_gaps, room_gaps);
		gaps[n_gaps++] = (struct gap){ i, (m->seq + 1) & mask };
	}
	m->numbered = true;
	m->seq = e->seq;
}

/* --- unbinds */

/* The steps of a device's unbind other than the release of its own resources. */
static bool is_part(const char *class)
{
	return !strcmp(class, "unpublish") || !strcmp(class, "cdevm") ||
	       !strcmp(class, "cdevm-nodes") || !strcmp(class, "cdevm-kicks") ||
	       !strcmp(class, "cdevm-stops");
}

/* Of this owner, and not over as far as its own resources go. */
static struct unbind *unbind_current(const struct trace *t, const char *owner)
{
	size_t i;

	for (i = t->n_unbinds; i--; )
		if (t->unbinds[i]->owner == owner)
			return t->unbinds[i]->closed ? NULL : t->unbinds[i];
	return NULL;
}

static struct unbind *unbind_begin(struct trace *t, const char *owner, size_t i)
{
	struct unbind *u = unbind_current(t, owner);

	if (u)
		return u;
	u = xzalloc(sizeof(*u));
	u->owner = owner;
	u->first = u->last = i;
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
		u = m->scope ? m->unbind : unbind_current(t, e->owner);
		switch (e->type) {
		case EV_REVOKE:
			u = m->unbind = unbind_begin(t, e->owner, i);
			break;
		case EV_CREATE:
			/* Nothing says when all is released: a new probe has begun. */
			u = t->module ? unbind_current(t, e->owner) : NULL;
			if (u)
				u->closed = true;
			u = NULL;
			break;
		case EV_ALL_BEGIN:
			if (!m->scope)
				u = unbind_begin(t, e->owner, i);
			else if (!u)
				u = m->unbind = unbind_begin(t, e->owner, i);
			break;
		case EV_RELEASE:
			/* What the driver has asked for, before ->remove(). */
			if (is_early(e->resource))
				u = unbind_begin(t, e->owner, i);
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
		n = sweeps_of(t, m, &sweeps);
		for (j = 0; j < n; j++) {
			u = unbind_begin(t, m->owner, m->events[sweeps[j].first]);
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

void model_build(struct trace *t)
{
	struct manager *m;
	struct event *e;
	size_t i;

	for (i = 0; i < t->n; i++) {
		e = &t->events[i];
		m = manager_of(t, e);
		e->manager = m;
		grow(m->events, m->n_events, m->room_events);
		m->events[m->n_events++] = i;
		check_number(m, e, i);
		t->told |= e->type == EV_ALL_BEGIN;
		t->ends |= e->type == EV_RELEASED;
		if (e->type <= EV_RELEASED)
			resource_event(m, e, i);
		else
			scope_event(t, m, e, i);
	}
	if (t->stock)
		find_stock_unbinds(t);
	else
		find_unbinds(t);
	if (t->n_unbinds)
		qsort(t->unbinds, t->n_unbinds, sizeof(*t->unbinds), by_first);
}

/* --- sweeps */

static bool anything_live(const struct manager *m, size_t after, size_t born)
{
	const struct resource *r;
	size_t i;

	for (i = m->n; i--; ) {
		r = m->resources[i];
		if (!is_marker(r) && is_live_at(r, after + 1) &&
		    (r->added == NEVER || r->added < born))
			return true;
	}
	return false;
}

static void sweep_add(struct sweep **out, size_t *n, size_t *room,
		      struct sweep s)
{
	grow(*out, *n, *room);
	(*out)[(*n)++] = s;
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
	size_t i, j, last;

	for (i = 0; i < m->n_events; i++) {
		head = &t->events[m->events[i]];
		if (head->type != EV_RELEASE || is_marker(head->resource))
			continue;
		last = i;
		for (j = i; j < m->n_events; j++) {
			e = &t->events[m->events[j]];
			if (e->pid != head->pid)
				break;
			if (e->type != EV_RELEASE)
				continue;
			last = j;
			if (!anything_live(m, m->events[j], m->events[i])) {
				sweep_add(out, n, room, (struct sweep){ i, j, true });
				break;
			}
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
			sweep_add(out, n, room, (struct sweep){ first, i, true });
			first = NEVER;
			break;
		default:
			break;
		}
	}
	/* The trace ends within it. */
	if (first != NEVER)
		sweep_add(out, n, room,
			  (struct sweep){ first, m->n_events - 1, false });
}

size_t sweeps_of(const struct trace *t, const struct manager *m,
		 struct sweep **out)
{
	size_t n = 0, room = 0;

	*out = NULL;
	if (!t->told)
		sweeps_guessed(t, m, out, &n, &room);
	else
		sweeps_told(t, m, out, &n, &room);
	return n;
}
