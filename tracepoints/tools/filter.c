// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: filters, what of a trace is looked at
 *
 * They choose what is shown after everything was read: a trace with holes would be
 * understood wrongly.
 */
#include <fnmatch.h>

#include "trace.h"

static bool matches(const char *glob, const char *s)
{
	return !glob || (s && !fnmatch(glob, s, 0));
}

bool wanted(const struct options *o, const char *owner)
{
	return matches(o->owner, owner);
}

bool wanted_driver(const struct options *o, const struct manager *m)
{
	return matches(o->driver, m->device->driver);
}

bool wanted_manager(const struct options *o, const struct manager *m)
{
	return wanted(o, m->owner) && matches(o->class, m->class) &&
	       wanted_driver(o, m);
}

/* Does what begins and ends with these events reach into the time that is asked for? */
bool wanted_span(const struct trace *t, const struct options *o, size_t first,
		 size_t last)
{
	if (o->to && first != NEVER && t->events[first].time > o->to)
		return false;
	return last == NEVER || t->events[last].time >= o->from;
}

static bool is_by(const struct trace *t, const struct options *o, size_t i)
{
	return i != NEVER && t->events[i].pid == o->pid;
}

/* Of a wanted manager. */
bool wanted_life(const struct trace *t, const struct options *o, size_t first,
		 size_t last)
{
	if (o->pid && !is_by(t, o, first) && !is_by(t, o, last))
		return false;
	return wanted_span(t, o, first, last);
}

bool wanted_event(const struct trace *t, const struct options *o, size_t i)
{
	return wanted_manager(o, t->events[i].manager) && wanted_life(t, o, i, i);
}

size_t end_of(const struct resource *r)
{
	return r->removed != NEVER ? r->removed :
	       r->ended != NEVER ? r->ended : r->released;
}

bool wanted_resource(const struct trace *t, const struct options *o,
		     const struct resource *r)
{
	return !is_marker(r) && wanted_life(t, o, r->added, end_of(r));
}

/* It, or one of its files. */
bool wanted_chardev(const struct trace *t, const struct options *o,
		    const struct manager *m, const struct chardev *c)
{
	size_t i;

	if (wanted_life(t, o, c->published, c->unpublished))
		return true;
	for (i = 0; i < m->n_files; i++)
		if (m->files[i].node == c->name &&
		    wanted_life(t, o, m->files[i].opened, m->files[i].closed))
			return true;
	return false;
}

/* Did a filter leave nothing? Then say which there are. */
void die_unwanted(const struct trace *t, const struct options *o, const char *what)
{
	die("%s: there is no %s in it%s%s%s%s%s%s%s%s", t->file, what,
	    o->owner ? " of owner " : "", o->owner ?: "",
	    o->class ? " of class " : "", o->class ?: "",
	    o->driver ? " of driver " : "", o->driver ?: "",
	    o->pid ? " by that process" : "",
	    o->from || o->to ? " at that time" : "");
}
