/* SPDX-License-Identifier: GPL-2.0 */
/* The trace events of one manager, for suites that check which there are, and when */
#ifndef _LIB_RESMGR_TESTS_EVENTS_H
#define _LIB_RESMGR_TESTS_EVENTS_H

#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/resmgr.h>
#include <linux/string.h>
#include <trace/events/resmgr.h>

#include "lib.h"

/* Trace of one manager, of one kind of event each or of all. */
enum trace_op {
	TRACE_ADD,
	TRACE_REMOVE,
	TRACE_REPLACE,
	TRACE_BEGIN,
	TRACE_END,
	TRACE_ALL_BEGIN,
	TRACE_ALL_END,
};

struct trace_event_seen {
	enum trace_op		op;
	const void		*node;
	const void		*old;
	u32			seq;
	u32			kind;
	u32			count;
	u64			duration;
	unsigned long		caller;
	char			name[24];
};

struct trace {
	const struct resmgr	*mgr;
	struct probe		add, remove, replace, begin, end;
	struct probe		all_begin, all_end;
	unsigned int		count;
	struct trace_event_seen	events[4096];
};

/* Probes are called under the lock of the manager, so one at a time. */
static inline void trace_event(struct trace *t, const struct resmgr *mgr,
			       enum trace_op op, const void *node, const char *name,
			       u32 seq, u32 kind, u64 duration)
{
	struct trace_event_seen *e;

	if (mgr != t->mgr)
		return;
	if (t->count < ARRAY_SIZE(t->events)) {
		e = &t->events[t->count];
		e->op = op;
		e->node = node;
		e->old = NULL;
		e->seq = seq;
		e->kind = kind;
		e->duration = duration;
		strscpy(e->name, name);
	}
	t->count++;
}

static inline struct trace_event_seen *trace_last(struct trace *t,
						  const struct resmgr *mgr)
{
	if (mgr != t->mgr || t->count > ARRAY_SIZE(t->events))
		return NULL;
	return &t->events[t->count - 1];
}

static inline void trace_add(void *data, const struct resmgr *mgr,
			     const struct resmgr_node *node, unsigned long caller,
			     u32 seq)
{
	struct trace *t = data;
	struct trace_event_seen *e;

	trace_event(t, mgr, TRACE_ADD, node, node->name, seq, node->kind, 0);
	e = trace_last(t, mgr);
	if (e)
		e->caller = caller;
}

static inline void trace_remove(void *t, const struct resmgr *mgr,
				const struct resmgr_node *node, u32 seq)
{
	trace_event(t, mgr, TRACE_REMOVE, node, node->name, seq, node->kind, 0);
}

static inline void trace_replace(void *data, const struct resmgr *mgr,
				 const struct resmgr_node *old,
				 const struct resmgr_node *new, u32 seq)
{
	struct trace *t = data;
	struct trace_event_seen *e;

	trace_event(t, mgr, TRACE_REPLACE, new, new->name, seq, new->kind, 0);
	e = trace_last(t, mgr);
	if (e)
		e->old = old;
}

static inline void trace_begin(void *t, const struct resmgr *mgr,
			       const struct resmgr_node *node, u32 seq)
{
	trace_event(t, mgr, TRACE_BEGIN, node, node->name, seq, node->kind, 0);
}

static inline void trace_end(void *t, const struct resmgr *mgr, const void *node,
			     const struct resmgr_node *was, u64 duration, u32 seq)
{
	trace_event(t, mgr, TRACE_END, node, was->name, seq, was->kind, duration);
}

static inline void trace_all(struct trace *t, const struct resmgr *mgr,
			     enum trace_op op, unsigned int count, u32 seq)
{
	struct trace_event_seen *e;

	trace_event(t, mgr, op, NULL, "", seq, 0, 0);
	e = trace_last(t, mgr);
	if (e)
		e->count = count;
}

static inline void trace_all_begin(void *t, const struct resmgr *mgr,
				   unsigned int count, u32 seq)
{
	trace_all(t, mgr, TRACE_ALL_BEGIN, count, seq);
}

static inline void trace_all_end(void *t, const struct resmgr *mgr,
				 unsigned int count, u32 seq)
{
	trace_all(t, mgr, TRACE_ALL_END, count, seq);
}

static inline void trace_stop(void *data)
{
	struct trace *t = data;

	probe_unregister(&t->add);
	probe_unregister(&t->remove);
	probe_unregister(&t->replace);
	probe_unregister(&t->begin);
	probe_unregister(&t->end);
	probe_unregister(&t->all_begin);
	probe_unregister(&t->all_end);
}

/* %NULL without tracepoints. */
static inline struct trace *trace_start(struct kunit *test, const struct resmgr *mgr)
{
	struct trace *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	check_trace_callback_type_resmgr_add(trace_add);
	check_trace_callback_type_resmgr_remove(trace_remove);
	check_trace_callback_type_resmgr_replace(trace_replace);
	check_trace_callback_type_resmgr_release_begin(trace_begin);
	check_trace_callback_type_resmgr_release_end(trace_end);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->mgr = mgr;
	t->add = (struct probe){ "resmgr_add", trace_add };
	t->remove = (struct probe){ "resmgr_remove", trace_remove };
	t->replace = (struct probe){ "resmgr_replace", trace_replace };
	t->begin = (struct probe){ "resmgr_release_begin", trace_begin };
	t->end = (struct probe){ "resmgr_release_end", trace_end };

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, trace_stop, t), 0);
	if (!probe_register(&t->add, t) || !probe_register(&t->remove, t) ||
	    !probe_register(&t->replace, t) ||
	    !probe_register(&t->begin, t) || !probe_register(&t->end, t))
		return NULL;
	return t;
}

static inline struct trace *trace_need(struct kunit *test, const struct resmgr *mgr)
{
	struct trace *t = trace_start(test, mgr);

	if (!t)
		kunit_skip(test, "needs TRACEPOINTS");
	return t;
}

/* The release of all of a manager among the events, too. */
static inline struct trace *trace_need_all(struct kunit *test, const struct resmgr *mgr)
{
	struct trace *t = trace_need(test, mgr);

	check_trace_callback_type_resmgr_release_all_begin(trace_all_begin);
	check_trace_callback_type_resmgr_release_all_end(trace_all_end);

	t->all_begin = (struct probe){ "resmgr_release_all_begin", trace_all_begin };
	t->all_end = (struct probe){ "resmgr_release_all_end", trace_all_end };
	KUNIT_ASSERT_TRUE(test, probe_register(&t->all_begin, t));
	KUNIT_ASSERT_TRUE(test, probe_register(&t->all_end, t));
	return t;
}

#endif /* _LIB_RESMGR_TESTS_EVENTS_H */
