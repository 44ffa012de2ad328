/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of the resource manager
 *
 * Strings are copied into the record, so that tools outside the kernel can
 * print them. Functions are addresses in the record, and are printed as
 * symbols. No symbol is looked up under the manager's lock: the caller that
 * adds a resource is found before.
 *
 * Each event has the next number of its manager, assigned under the manager's
 * lock: the order of a manager's events does not depend on clocks, and a gap
 * shows that one is missing. The number has 24 bits: 0xffffff is followed by 0.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM resmgr

#if !defined(_TRACE_RESMGR_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_RESMGR_H

#include <linux/resmgr.h>
#include <linux/tracepoint.h>

/* Export the values of the names to tools outside the kernel. */
TRACE_DEFINE_ENUM(RESMGR_NODE);
TRACE_DEFINE_ENUM(RESMGR_DATA);
TRACE_DEFINE_ENUM(RESMGR_MEM);
TRACE_DEFINE_ENUM(RESMGR_ACTION);
TRACE_DEFINE_ENUM(RESMGR_TYPED_ACTION);
TRACE_DEFINE_ENUM(RESMGR_PAGES);
TRACE_DEFINE_ENUM(RESMGR_PERCPU);
TRACE_DEFINE_ENUM(RESMGR_EARLY);
TRACE_DEFINE_ENUM(RESMGR_EARLY_ACTION);
TRACE_DEFINE_ENUM(RESMGR_GROUP_OPEN);
TRACE_DEFINE_ENUM(RESMGR_GROUP_CLOSE);

#define resmgr_show_kind(kind)						\
	__print_symbolic(kind,						\
			 { RESMGR_NODE,		"node" },		\
			 { RESMGR_DATA,		"data" },		\
			 { RESMGR_MEM,		"mem" },		\
			 { RESMGR_ACTION,	"action" },		\
			 { RESMGR_TYPED_ACTION,	"action" },		\
			 { RESMGR_PAGES,	"pages" },		\
			 { RESMGR_PERCPU,	"percpu" },		\
			 { RESMGR_EARLY,	"early" },		\
			 { RESMGR_EARLY_ACTION,	"early-action" },	\
			 { RESMGR_GROUP_OPEN,	"group<" },		\
			 { RESMGR_GROUP_CLOSE,	"group>" })

/**
 * resmgr_add - a resource was added to a manager
 * @mgr: manager
 * @node: resource
 * @caller: who added it, the first caller outside the managed interfaces; 0 if
 *	unknown
 * @seq: number of this event on this manager
 */
TRACE_EVENT(resmgr_add,
	TP_PROTO(const struct resmgr *mgr, const struct resmgr_node *node,
		 unsigned long caller, u32 seq),
	TP_ARGS(mgr, node, caller, seq),
	TP_STRUCT__entry(
		__string(class, mgr->class->name)
		__string(owner, resmgr_owner_name(mgr))
		__string(bus, resmgr_origin(mgr).bus)
		__string(driver, resmgr_origin(mgr).driver)
		__string(name, node->name)
		__field(const void *, mgr)
		__field(const void *, node)
		__field(void *, fn)
		__field(void *, caller)
		__field(u32, size)
		__field(u32, kind)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(class);
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__assign_str(name);
		__entry->mgr = mgr;
		__entry->node = node;
		__entry->fn = node->fn;
		__entry->caller = (void *)caller;
		__entry->size = node->size;
		__entry->kind = node->kind;
		__entry->seq = seq;
	),
	TP_printk("%s %s #%u %s size=%u fn=%ps kind=%s bus=%s driver=%s mgr=%p node=%p by=%pS",
		  __get_str(class), __get_str(owner), __entry->seq,
		  __get_str(name), __entry->size, __entry->fn,
		  resmgr_show_kind(__entry->kind), __get_str(bus),
		  __get_str(driver), __entry->mgr, __entry->node,
		  __entry->caller)
);

DECLARE_EVENT_CLASS(resmgr_node_event,
	TP_PROTO(const struct resmgr *mgr, const struct resmgr_node *node, u32 seq),
	TP_ARGS(mgr, node, seq),
	TP_STRUCT__entry(
		__string(class, mgr->class->name)
		__string(owner, resmgr_owner_name(mgr))
		__string(bus, resmgr_origin(mgr).bus)
		__string(driver, resmgr_origin(mgr).driver)
		__string(name, node->name)
		__field(const void *, mgr)
		__field(const void *, node)
		__field(void *, fn)
		__field(u32, size)
		__field(u32, kind)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(class);
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__assign_str(name);
		__entry->mgr = mgr;
		__entry->node = node;
		__entry->fn = node->fn;
		__entry->size = node->size;
		__entry->kind = node->kind;
		__entry->seq = seq;
	),
	TP_printk("%s %s #%u %s size=%u fn=%ps kind=%s bus=%s driver=%s mgr=%p node=%p",
		  __get_str(class), __get_str(owner), __entry->seq,
		  __get_str(name), __entry->size, __entry->fn,
		  resmgr_show_kind(__entry->kind), __get_str(bus),
		  __get_str(driver), __entry->mgr, __entry->node)
);

/**
 * resmgr_remove - a resource was taken off a manager and not released
 * @mgr: manager
 * @node: resource
 * @seq: number of this event on this manager
 */
DEFINE_EVENT(resmgr_node_event, resmgr_remove,
	TP_PROTO(const struct resmgr *mgr, const struct resmgr_node *node, u32 seq),
	TP_ARGS(mgr, node, seq)
);

/**
 * resmgr_replace - a resource replaced another one, which is not released
 * @mgr: manager
 * @old: the old resource
 * @new: the new resource, which has its place in the order of release
 * @seq: number of this event on this manager
 */
TRACE_EVENT(resmgr_replace,
	TP_PROTO(const struct resmgr *mgr, const struct resmgr_node *old,
		 const struct resmgr_node *new, u32 seq),
	TP_ARGS(mgr, old, new, seq),
	TP_STRUCT__entry(
		__string(class, mgr->class->name)
		__string(owner, resmgr_owner_name(mgr))
		__string(bus, resmgr_origin(mgr).bus)
		__string(driver, resmgr_origin(mgr).driver)
		__string(name, new->name)
		__field(const void *, mgr)
		__field(const void *, old)
		__field(const void *, node)
		__field(void *, fn)
		__field(u32, size)
		__field(u32, kind)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(class);
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__assign_str(name);
		__entry->mgr = mgr;
		__entry->old = old;
		__entry->node = new;
		__entry->fn = new->fn;
		__entry->size = new->size;
		__entry->kind = new->kind;
		__entry->seq = seq;
	),
	TP_printk("%s %s #%u %s size=%u fn=%ps kind=%s bus=%s driver=%s mgr=%p old=%p node=%p",
		  __get_str(class), __get_str(owner), __entry->seq,
		  __get_str(name), __entry->size, __entry->fn,
		  resmgr_show_kind(__entry->kind), __get_str(bus),
		  __get_str(driver), __entry->mgr, __entry->old,
		  __entry->node)
);

/**
 * resmgr_release_begin - a resource was taken off and its release begins
 * @mgr: manager
 * @node: resource
 * @seq: number of this event on this manager
 */
DEFINE_EVENT(resmgr_node_event, resmgr_release_begin,
	TP_PROTO(const struct resmgr *mgr, const struct resmgr_node *node, u32 seq),
	TP_ARGS(mgr, node, seq)
);

/**
 * resmgr_release_end - the release of a resource is complete
 * @mgr: manager
 * @node: the former address of the resource; the memory may be freed
 * @was: copy of the node from before the release
 * @duration: nanoseconds since its resmgr_release_begin; 0 for plain memory
 *	that is taken in a batch
 * @seq: number of this event on this manager
 */
TRACE_EVENT(resmgr_release_end,
	TP_PROTO(const struct resmgr *mgr, const void *node,
		 const struct resmgr_node *was, u64 duration, u32 seq),
	TP_ARGS(mgr, node, was, duration, seq),
	TP_STRUCT__entry(
		__string(class, mgr->class->name)
		__string(owner, resmgr_owner_name(mgr))
		__string(bus, resmgr_origin(mgr).bus)
		__string(driver, resmgr_origin(mgr).driver)
		__string(name, was->name)
		__field(const void *, mgr)
		__field(const void *, node)
		__field(void *, fn)
		__field(u64, duration)
		__field(u32, size)
		__field(u32, kind)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(class);
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__assign_str(name);
		__entry->mgr = mgr;
		__entry->node = node;
		__entry->fn = was->fn;
		__entry->duration = duration;
		__entry->size = was->size;
		__entry->kind = was->kind;
		__entry->seq = seq;
	),
	TP_printk("%s %s #%u %s size=%u fn=%ps kind=%s duration=%lluns bus=%s driver=%s mgr=%p node=%p",
		  __get_str(class), __get_str(owner), __entry->seq,
		  __get_str(name), __entry->size, __entry->fn,
		  resmgr_show_kind(__entry->kind), __entry->duration,
		  __get_str(bus), __get_str(driver), __entry->mgr,
		  __entry->node)
);

DECLARE_EVENT_CLASS(resmgr_all_event,
	TP_PROTO(const struct resmgr *mgr, unsigned int count, u32 seq),
	TP_ARGS(mgr, count, seq),
	TP_STRUCT__entry(
		__string(class, mgr->class->name)
		__string(owner, resmgr_owner_name(mgr))
		__string(bus, resmgr_origin(mgr).bus)
		__string(driver, resmgr_origin(mgr).driver)
		__field(const void *, mgr)
		__field(unsigned int, count)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(class);
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__entry->mgr = mgr;
		__entry->count = count;
		__entry->seq = seq;
	),
	TP_printk("%s %s #%u count=%u bus=%s driver=%s mgr=%p", __get_str(class),
		  __get_str(owner), __entry->seq, __entry->count,
		  __get_str(bus), __get_str(driver), __entry->mgr)
);

/**
 * resmgr_release_all_begin - the release of all resources of a manager begins
 * @mgr: manager
 * @count: number of resources that are on it now
 * @seq: number of this event on this manager
 */
DEFINE_EVENT(resmgr_all_event, resmgr_release_all_begin,
	TP_PROTO(const struct resmgr *mgr, unsigned int count, u32 seq),
	TP_ARGS(mgr, count, seq)
);

/**
 * resmgr_release_all_end - no resource is left on a manager
 * @mgr: manager
 * @count: number of resources that were released; more than at the beginning if
 *	release functions added some, fewer if they released some themselves
 * @seq: number of this event on this manager
 */
DEFINE_EVENT(resmgr_all_event, resmgr_release_all_end,
	TP_PROTO(const struct resmgr *mgr, unsigned int count, u32 seq),
	TP_ARGS(mgr, count, seq)
);

#endif /* _TRACE_RESMGR_H */

#include <trace/define_trace.h>
