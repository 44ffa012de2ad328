/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of cdevm scopes, their nodes and files
 *
 * They are in the trace system of the resource manager, and are numbered with
 * its events: see trace/events/resmgr.h.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM resmgr

#if !defined(_TRACE_CDEVM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_CDEVM_H

#include <linux/cdevm.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(cdevm_scope_event,
	TP_PROTO(const struct cdevm_scope *scope, u32 seq),
	TP_ARGS(scope, seq),
	TP_STRUCT__entry(
		__string(owner, scope->name)
		__string(bus, resmgr_origin(&scope->obj.mgr).bus)
		__string(driver, resmgr_origin(&scope->obj.mgr).driver)
		__field(const void *, mgr)
		__field(unsigned int, refs)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__entry->mgr = &scope->obj.mgr;
		__entry->refs = refcount_read(&scope->obj.ref);
		__entry->seq = seq;
	),
	TP_printk("cdevm %s #%u refs=%u bus=%s driver=%s mgr=%p",
		  __get_str(owner), __entry->seq, __entry->refs,
		  __get_str(bus), __get_str(driver), __entry->mgr)
);

/**
 * cdevm_create - a scope was created, with its first reference
 * @scope: scope
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_create,
	TP_PROTO(const struct cdevm_scope *scope, u32 seq),
	TP_ARGS(scope, seq)
);

/**
 * cdevm_revoke - the gate of a scope was closed
 * @scope: scope
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_revoke,
	TP_PROTO(const struct cdevm_scope *scope, u32 seq),
	TP_ARGS(scope, seq)
);

/**
 * cdevm_kick - the sleepers of a scope were woken
 * @scope: scope
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_kick,
	TP_PROTO(const struct cdevm_scope *scope, u32 seq),
	TP_ARGS(scope, seq)
);

/**
 * cdevm_drain_begin - the wait for the calls inside begins
 * @scope: scope
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_drain_begin,
	TP_PROTO(const struct cdevm_scope *scope, u32 seq),
	TP_ARGS(scope, seq)
);

/**
 * cdevm_drain_end - no call is inside any more
 * @scope: scope
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_drain_end,
	TP_PROTO(const struct cdevm_scope *scope, u32 seq),
	TP_ARGS(scope, seq)
);

/**
 * cdevm_free - every resource was released, the memory is about to be freed
 * @scope: scope
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_scope_event, cdevm_free,
	TP_PROTO(const struct cdevm_scope *scope, u32 seq),
	TP_ARGS(scope, seq)
);

DECLARE_EVENT_CLASS(cdevm_ref_event,
	TP_PROTO(const struct cdevm_scope *scope, unsigned long caller,
		 u32 seq),
	TP_ARGS(scope, caller, seq),
	TP_STRUCT__entry(
		__string(owner, scope->name)
		__string(bus, resmgr_origin(&scope->obj.mgr).bus)
		__string(driver, resmgr_origin(&scope->obj.mgr).driver)
		__field(const void *, mgr)
		__field(unsigned int, refs)
		__field(u32, seq)
		__field(void *, caller)
	),
	TP_fast_assign(
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__entry->mgr = &scope->obj.mgr;
		__entry->refs = refcount_read(&scope->obj.ref);
		__entry->seq = seq;
		__entry->caller = (void *)caller;
	),
	TP_printk("cdevm %s #%u refs=%u by=%pS bus=%s driver=%s mgr=%p",
		  __get_str(owner), __entry->seq, __entry->refs, __entry->caller,
		  __get_str(bus), __get_str(driver), __entry->mgr)
);

/**
 * cdevm_get - a reference is about to be taken
 * @scope: scope
 * @caller: who takes it
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_ref_event, cdevm_get,
	TP_PROTO(const struct cdevm_scope *scope, unsigned long caller,
		 u32 seq),
	TP_ARGS(scope, caller, seq)
);

/**
 * cdevm_put - a reference is about to be dropped
 * @scope: scope
 * @caller: who drops it
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_ref_event, cdevm_put,
	TP_PROTO(const struct cdevm_scope *scope, unsigned long caller,
		 u32 seq),
	TP_ARGS(scope, caller, seq)
);

/**
 * cdevm_publish - a node was published: it can be opened from now on
 * @scope: scope
 * @node: name of the node
 * @object: the driver's struct for it, which must stay as long as the scope
 * @seq: number of this event on the manager of the scope
 */
TRACE_EVENT(cdevm_publish,
	TP_PROTO(const struct cdevm_scope *scope, const char *node,
		 const void *object, u32 seq),
	TP_ARGS(scope, node, object, seq),
	TP_STRUCT__entry(
		__string(owner, scope->name)
		__string(bus, resmgr_origin(&scope->obj.mgr).bus)
		__string(driver, resmgr_origin(&scope->obj.mgr).driver)
		__string(node, node)
		__field(const void *, mgr)
		__field(const void *, object)
		__field(unsigned int, refs)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__assign_str(node);
		__entry->mgr = &scope->obj.mgr;
		__entry->object = object;
		__entry->refs = refcount_read(&scope->obj.ref);
		__entry->seq = seq;
	),
	TP_printk("cdevm %s #%u node=%s refs=%u bus=%s driver=%s mgr=%p object=%p",
		  __get_str(owner), __entry->seq, __get_str(node),
		  __entry->refs, __get_str(bus), __get_str(driver),
		  __entry->mgr, __entry->object)
);

/**
 * cdevm_unpublish - a node is being removed
 * @scope: scope
 * @node: name of the node
 * @seq: number of this event on the manager of the scope
 */
TRACE_EVENT(cdevm_unpublish,
	TP_PROTO(const struct cdevm_scope *scope, const char *node, u32 seq),
	TP_ARGS(scope, node, seq),
	TP_STRUCT__entry(
		__string(owner, scope->name)
		__string(bus, resmgr_origin(&scope->obj.mgr).bus)
		__string(driver, resmgr_origin(&scope->obj.mgr).driver)
		__string(node, node)
		__field(const void *, mgr)
		__field(unsigned int, refs)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__assign_str(node);
		__entry->mgr = &scope->obj.mgr;
		__entry->refs = refcount_read(&scope->obj.ref);
		__entry->seq = seq;
	),
	TP_printk("cdevm %s #%u node=%s refs=%u bus=%s driver=%s mgr=%p",
		  __get_str(owner), __entry->seq, __get_str(node),
		  __entry->refs, __get_str(bus), __get_str(driver),
		  __entry->mgr)
);

DECLARE_EVENT_CLASS(cdevm_file_event,
	TP_PROTO(const struct cdevm_scope *scope, const char *node,
		 const struct file *file, u32 seq),
	TP_ARGS(scope, node, file, seq),
	TP_STRUCT__entry(
		__string(owner, scope->name)
		__string(bus, resmgr_origin(&scope->obj.mgr).bus)
		__string(driver, resmgr_origin(&scope->obj.mgr).driver)
		__string(node, node)
		__field(const void *, mgr)
		__field(const void *, file)
		__field(unsigned int, refs)
		__field(u32, seq)
	),
	TP_fast_assign(
		__assign_str(owner);
		__assign_str(bus);
		__assign_str(driver);
		__assign_str(node);
		__entry->mgr = &scope->obj.mgr;
		__entry->file = file;
		__entry->refs = refcount_read(&scope->obj.ref);
		__entry->seq = seq;
	),
	TP_printk("cdevm %s #%u node=%s refs=%u bus=%s driver=%s mgr=%p file=%p",
		  __get_str(owner), __entry->seq, __get_str(node),
		  __entry->refs, __get_str(bus), __get_str(driver),
		  __entry->mgr, __entry->file)
);

/**
 * cdevm_open - a file was opened
 * @scope: scope
 * @node: name of the node
 * @file: the file, which may have several descriptors
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_file_event, cdevm_open,
	TP_PROTO(const struct cdevm_scope *scope, const char *node,
		 const struct file *file, u32 seq),
	TP_ARGS(scope, node, file, seq)
);

/**
 * cdevm_close - a file was closed, and its ->release() has run
 * @scope: scope
 * @node: name of the node
 * @file: the file, as in its cdevm_open; its memory is about to be reused
 * @seq: number of this event on the manager of the scope
 */
DEFINE_EVENT(cdevm_file_event, cdevm_close,
	TP_PROTO(const struct cdevm_scope *scope, const char *node,
		 const struct file *file, u32 seq),
	TP_ARGS(scope, node, file, seq)
);

#endif /* _TRACE_CDEVM_H */

#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE cdevm
#include <trace/define_trace.h>
