/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of the resource manager
 *
 * Strings are copied into the record, so that tools outside the kernel can
 * print them; release functions are printed as symbols.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM resmgr

#if !defined(_TRACE_RESMGR_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_RESMGR_H

#include <linux/cdevm.h>
#include <linux/resmgr.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(resmgr_node_event,
	TP_PROTO(const struct resmgr *mgr, const struct resmgr_node *node, u32 seq),
	TP_ARGS(mgr, node, seq),
	TP_STRUCT__entry(
		__string(class, mgr->class->name)
		__string(owner, resmgr_owner_name(mgr))
		__string(name, node->name)
		__field(const void *, mgr)
		__field(const void *, node)
		__field(void *, fn)
		__field(u32, size)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(class);
		__assign_str(owner);
		__assign_str(name);
		__entry->mgr = mgr;
		__entry->node = node;
		__entry->fn = node->fn;
		__entry->size = node->size;
		__entry->seq = seq;
	),
	TP_printk("%s %s #%u %s size=%u fn=%ps mgr=%p node=%p",
		  __get_str(class), __get_str(owner), __entry->seq,
		  __get_str(name), __entry->size, __entry->fn,
		  __entry->mgr, __entry->node)
);

/**
 * resmgr_add - a resource was added to a manager
 * @mgr: manager
 * @node: resource
 * @seq: number of this event on this manager
 */
DEFINE_EVENT(resmgr_node_event, resmgr_add,
	TP_PROTO(const struct resmgr *mgr, const struct resmgr_node *node, u32 seq),
	TP_ARGS(mgr, node, seq)
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
 * resmgr_replace - a resource took the place of another, which is not released
 * @mgr: manager
 * @old: the one that was there
 * @new: the one that has its place in the order of release now
 * @seq: number of this event on this manager
 */
TRACE_EVENT(resmgr_replace,
	TP_PROTO(const struct resmgr *mgr, const struct resmgr_node *old,
		 const struct resmgr_node *new, u32 seq),
	TP_ARGS(mgr, old, new, seq),
	TP_STRUCT__entry(
		__string(class, mgr->class->name)
		__string(owner, resmgr_owner_name(mgr))
		__string(name, new->name)
		__field(const void *, mgr)
		__field(const void *, old)
		__field(const void *, node)
		__field(u32, size)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(class);
		__assign_str(owner);
		__assign_str(name);
		__entry->mgr = mgr;
		__entry->old = old;
		__entry->node = new;
		__entry->size = new->size;
		__entry->seq = seq;
	),
	TP_printk("%s %s #%u %s size=%u mgr=%p old=%p node=%p",
		  __get_str(class), __get_str(owner), __entry->seq,
		  __get_str(name), __entry->size, __entry->mgr,
		  __entry->old, __entry->node)
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
 * @node: the resource's former address; the memory may be gone
 * @name: name of the resource
 * @duration: nanoseconds since its resmgr_release_begin
 * @seq: number of this event on this manager
 */
TRACE_EVENT(resmgr_release_end,
	TP_PROTO(const struct resmgr *mgr, const void *node, const char *name,
		 u64 duration, u32 seq),
	TP_ARGS(mgr, node, name, duration, seq),
	TP_STRUCT__entry(
		__string(class, mgr->class->name)
		__string(owner, resmgr_owner_name(mgr))
		__string(name, name)
		__field(const void *, mgr)
		__field(const void *, node)
		__field(u64, duration)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(class);
		__assign_str(owner);
		__assign_str(name);
		__entry->mgr = mgr;
		__entry->node = node;
		__entry->duration = duration;
		__entry->seq = seq;
	),
	TP_printk("%s %s #%u %s duration=%lluns mgr=%p node=%p",
		  __get_str(class), __get_str(owner), __entry->seq,
		  __get_str(name), __entry->duration,
		  __entry->mgr, __entry->node)
);

#ifdef CONFIG_CDEVM

DECLARE_EVENT_CLASS(cdevm_scope_event,
	TP_PROTO(const struct cdevm_scope *scope),
	TP_ARGS(scope),
	TP_STRUCT__entry(
		__string(owner, scope->name)
		__field(const void *, mgr)
		__field(unsigned int, refs)
	),
	TP_fast_assign(
		__assign_str(owner);
		__entry->mgr = &scope->obj.mgr;
		__entry->refs = refcount_read(&scope->obj.ref);
	),
	TP_printk("cdevm %s refs=%u mgr=%p", __get_str(owner), __entry->refs,
		  __entry->mgr)
);

/**
 * cdevm_create - a scope was created; it holds the reference of the binding
 * @scope: scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_create,
	TP_PROTO(const struct cdevm_scope *scope),
	TP_ARGS(scope)
);

/**
 * cdevm_revoke - the gate of a scope was closed
 * @scope: scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_revoke,
	TP_PROTO(const struct cdevm_scope *scope),
	TP_ARGS(scope)
);

/**
 * cdevm_kick - the sleepers of a scope were woken
 * @scope: scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_kick,
	TP_PROTO(const struct cdevm_scope *scope),
	TP_ARGS(scope)
);

/**
 * cdevm_drain_begin - the wait for the calls inside begins
 * @scope: scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_drain_begin,
	TP_PROTO(const struct cdevm_scope *scope),
	TP_ARGS(scope)
);

/**
 * cdevm_drain_end - no call is inside any more
 * @scope: scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_drain_end,
	TP_PROTO(const struct cdevm_scope *scope),
	TP_ARGS(scope)
);

/**
 * cdevm_free - every resource was released, the memory of the scope goes
 * @scope: scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_free,
	TP_PROTO(const struct cdevm_scope *scope),
	TP_ARGS(scope)
);

DECLARE_EVENT_CLASS(cdevm_ref_event,
	TP_PROTO(const struct cdevm_scope *scope, unsigned long caller),
	TP_ARGS(scope, caller),
	TP_STRUCT__entry(
		__string(owner, scope->name)
		__field(const void *, mgr)
		__field(unsigned int, refs)
		__field(void *, caller)
	),
	TP_fast_assign(
		__assign_str(owner);
		__entry->mgr = &scope->obj.mgr;
		__entry->refs = refcount_read(&scope->obj.ref);
		__entry->caller = (void *)caller;
	),
	TP_printk("cdevm %s refs=%u by=%pS mgr=%p", __get_str(owner),
		  __entry->refs, __entry->caller, __entry->mgr)
);

/**
 * cdevm_get - a reference is about to be taken
 * @scope: scope
 * @caller: by whom
 */
DEFINE_EVENT(cdevm_ref_event, cdevm_get,
	TP_PROTO(const struct cdevm_scope *scope, unsigned long caller),
	TP_ARGS(scope, caller)
);

/**
 * cdevm_put - a reference is about to be dropped
 * @scope: scope
 * @caller: by whom
 */
DEFINE_EVENT(cdevm_ref_event, cdevm_put,
	TP_PROTO(const struct cdevm_scope *scope, unsigned long caller),
	TP_ARGS(scope, caller)
);

DECLARE_EVENT_CLASS(cdevm_node_event,
	TP_PROTO(const struct cdevm_scope *scope, const char *node),
	TP_ARGS(scope, node),
	TP_STRUCT__entry(
		__string(owner, scope->name)
		__string(node, node)
		__field(const void *, mgr)
		__field(unsigned int, refs)
	),
	TP_fast_assign(
		__assign_str(owner);
		__assign_str(node);
		__entry->mgr = &scope->obj.mgr;
		__entry->refs = refcount_read(&scope->obj.ref);
	),
	TP_printk("cdevm %s node=%s refs=%u mgr=%p", __get_str(owner),
		  __get_str(node), __entry->refs, __entry->mgr)
);

/**
 * cdevm_publish - a character device can be opened from now on
 * @scope: scope
 * @node: name of the character device
 */
DEFINE_EVENT(cdevm_node_event, cdevm_publish,
	TP_PROTO(const struct cdevm_scope *scope, const char *node),
	TP_ARGS(scope, node)
);

/**
 * cdevm_unpublish - a character device was removed
 * @scope: scope
 * @node: name of the character device
 */
DEFINE_EVENT(cdevm_node_event, cdevm_unpublish,
	TP_PROTO(const struct cdevm_scope *scope, const char *node),
	TP_ARGS(scope, node)
);

/**
 * cdevm_open - a file was opened
 * @scope: scope
 * @node: name of the character device
 */
DEFINE_EVENT(cdevm_node_event, cdevm_open,
	TP_PROTO(const struct cdevm_scope *scope, const char *node),
	TP_ARGS(scope, node)
);

/**
 * cdevm_close - a file was closed, its ->release() has run
 * @scope: scope
 * @node: name of the character device
 */
DEFINE_EVENT(cdevm_node_event, cdevm_close,
	TP_PROTO(const struct cdevm_scope *scope, const char *node),
	TP_ARGS(scope, node)
);

#endif /* CONFIG_CDEVM */

#endif /* _TRACE_RESMGR_H */

#include <trace/define_trace.h>
