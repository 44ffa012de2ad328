// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: the list, and how it is taken down
 *
 * The hard part is the release. A release function may do anything that a
 * driver may do: release another resource of the same owner early, add one,
 * look one up, drop a reference that releases a whole group. Both of the older
 * lists in the kernel walk a list of victims that was fixed beforehand, and get
 * some of these wrong. Here there is no list of victims. Teardown takes the
 * newest node off under the lock, drops the lock, runs its release, and looks
 * again, until nothing is left. Of plain memory it takes several nodes at once,
 * since no foreign code runs when that is freed. At every moment at which some
 * does the list is whole, and holds just what has not been released. Whoever
 * takes a node off under the lock is the only one who has it, so that each is
 * released exactly once, also with several takers at work.
 *
 * An owner that is used again (a device, at its next bind) stops at an empty
 * list. A refcounted owner that goes away finds the list empty and makes it
 * refuse additions in the same critical section, so that no node can be added
 * to a manager that nobody will look at again.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/percpu.h>

#define CREATE_TRACE_POINTS
#include "internal.h"

DEFINE_STATIC_KEY_FALSE(resmgr_log_key);

/**
 * resmgr_log_get() - have &resmgr_class.log called from now on
 *
 * For an older trace or log of one class that has to keep working. Counted.
 * While nobody has asked for it, it costs a static branch per operation.
 *
 * Context: Process context, may sleep.
 */
void resmgr_log_get(void)
{
	static_branch_inc(&resmgr_log_key);
}

/**
 * resmgr_log_put() - undo one resmgr_log_get()
 *
 * Context: Process context, may sleep.
 */
void resmgr_log_put(void)
{
	static_branch_dec(&resmgr_log_key);
}

/* Out of the way of resmgr_event(), which decides whether to come here. */
void resmgr_event_slow(struct resmgr *mgr, const struct resmgr_node *node,
		       enum resmgr_op op, unsigned long by)
{
	lockdep_assert_held(&mgr->lock);

	if (resmgr_is_logged(mgr) && mgr->class->log)
		mgr->class->log(mgr, node, op);

	/*
	 * A number is taken for an event that is on, so that a gap tells of one
	 * that was lost. The release of a marker does nothing: it is a removal.
	 */
	if (op == RESMGR_OP_ADD) {
		if (trace_resmgr_add_enabled() && by != RESMGR_UNASKED)
			trace_resmgr_add(mgr, node, by, mgr->seq++);
	} else if (op == RESMGR_OP_RELEASE && !resmgr_is_marker(node)) {
		if (trace_resmgr_release_begin_enabled())
			trace_resmgr_release_begin(mgr, node, mgr->seq++);
	} else if (trace_resmgr_remove_enabled()) {
		trace_resmgr_remove(mgr, node, mgr->seq++);
	}
}

/* Put @new in the place of the node that @link points to. @by: see resmgr_link() */
void resmgr_replace_link(struct resmgr *mgr, struct resmgr_node **link,
			 struct resmgr_node *new, unsigned long by)
{
	struct resmgr_node *old = *link;

	lockdep_assert_held(&mgr->lock);

	if (resmgr_is_logged(mgr) && mgr->class->log)
		mgr->class->log(mgr, old, RESMGR_OP_REPLACE);
	if (trace_resmgr_replace_enabled())
		trace_resmgr_replace(mgr, old, new, mgr->seq++);

	resmgr_debug_del(mgr, old);
	new->older = old->older;
	WRITE_ONCE(*link, new);
	old->older = NULL;
	resmgr_debug_add(mgr, new, by);
}

/**
 * __resmgr_init() - what resmgr_init() does, with a given lock class
 * @mgr: the manager, in memory of the owner's
 * @class: what kind of owner this is
 * @name: of the lock class
 * @key: of the lock class
 *
 * Context: Any context.
 */
void __resmgr_init(struct resmgr *mgr, const struct resmgr_class *class,
		   const char *name, struct lock_class_key *key)
{
	spin_lock_init(&mgr->lock);
	lockdep_set_class_and_name(&mgr->lock, key, name);
	mgr->newest = RESMGR_LAST;
	mgr->class = class;
	mgr->seq = 0;
	mgr->releasing = 0;
	mgr->log = !!class->log_switch;
	mgr->early = false;
#ifdef CONFIG_RESMGR_DEBUG
	mgr->count = 0;
	mgr->released = false;
#endif
}
EXPORT_SYMBOL_GPL(__resmgr_init);

/**
 * resmgr_owner_name() - name of the owner of a manager
 * @mgr: manager
 *
 * Context: Any context, under rcu_read_lock() or a spinlock: the name of a device
 * may change, and goes a grace period later.
 * Return: the name, never %NULL.
 */
const char *resmgr_owner_name(const struct resmgr *mgr)
{
	const char *name = NULL;

	if (mgr->class && mgr->class->owner_name)
		name = mgr->class->owner_name(mgr);
	return name ?: "(unnamed)";
}
EXPORT_SYMBOL_GPL(resmgr_owner_name);

/**
 * resmgr_origin() - bus and driver that the owner of a manager belongs to
 * @mgr: manager
 *
 * Context: Any context, under rcu_read_lock() or a spinlock: a driver's module goes
 * a grace period later than the driver.
 * Return: the names; "-" for what there is not.
 */
struct resmgr_origin resmgr_origin(const struct resmgr *mgr)
{
	struct resmgr_origin origin = {};

	if (mgr->class->origin)
		origin = mgr->class->origin(mgr);
	origin.bus = origin.bus ?: "-";
	origin.driver = origin.driver ?: "-";
	return origin;
}

/**
 * resmgr_device_origin() - a &resmgr_class.origin for owners that have a device
 * @dev: device, or %NULL
 *
 * Context: As resmgr_origin().
 * Return: the names, each %NULL when there is none.
 */
struct resmgr_origin resmgr_device_origin(const struct device *dev)
{
	struct resmgr_origin origin = {};
	const struct device_driver *drv;

	if (!dev)
		return origin;
	if (dev->bus)
		origin.bus = dev->bus->name;
	/* Unbound at any time. */
	drv = READ_ONCE(dev->driver);
	if (drv)
		origin.driver = drv->name;
	return origin;
}
EXPORT_SYMBOL_GPL(resmgr_device_origin);

/* Misuse is reported with the owner named, and is refused; nothing stops. */
void resmgr_warn(const struct resmgr *mgr, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	rcu_read_lock();
	WARN(1, "resmgr: %s %s: %pV", mgr->class ? mgr->class->name : "?",
	     resmgr_owner_name(mgr), &vaf);
	rcu_read_unlock();
	va_end(args);
}

/**
 * resmgr_empty() - is nothing on a manager?
 * @mgr: manager
 *
 * Context: Any context. Takes no lock: exact only when the caller keeps others
 * from adding and removing.
 * Return: true when there is neither a resource nor a group.
 */
bool resmgr_empty(const struct resmgr *mgr)
{
	return !resmgr_is_node(READ_ONCE(mgr->newest));
}
EXPORT_SYMBOL_GPL(resmgr_empty);

/**
 * resmgr_node_init() - prepare a node that is embedded in a struct of yours
 * @node: the node
 * @release: called when the node is released. It is off the manager then, and
 *	the function may free the memory that the node is in
 * @name: for traces and warnings: a string constant
 * @size: bytes that the resource stands for; for traces only, may be 0
 *
 * Context: Any context.
 */
void resmgr_node_init(struct resmgr_node *node, resmgr_release_t release,
		      const char *name, size_t size)
{
	resmgr_node_setup(node, RESMGR_NODE, (void *)release, name, size);
}
EXPORT_SYMBOL_GPL(resmgr_node_init);

/*
 * Put @node on @mgr as the newest. The caller reports an error with
 * resmgr_warn_add() once it has dropped the lock: printing takes locks of
 * consoles, and those may allocate.
 */
int resmgr_add_locked(struct resmgr *mgr, struct resmgr_node *node,
		      unsigned long by)
{
	lockdep_assert_held(&mgr->lock);

	if (unlikely(!mgr->newest))
		return -ESHUTDOWN;
	if (unlikely(resmgr_is_linked(node)))
		return -EBUSY;

	resmgr_link(mgr, node, by);
	return 0;
}

/* Out of the way of resmgr_add_new(), which decides whether to come here. */
noinline int resmgr_add_new_traced(struct resmgr *mgr, struct resmgr_node *node)
{
	/* Asked again: a kernel without events has no resmgr_caller(). */
	return __resmgr_add_new(mgr, node, resmgr_caller_if_wanted());
}

/* Out of the way, as nobody should come here. */
noinline int resmgr_warn_add(struct resmgr *mgr, const struct resmgr_node *node,
			     int ret)
{
	resmgr_warn(mgr, "cannot add %s: %s\n", node->name, ret == -EBUSY ?
		    "it is on a manager already" :
		    "the owner is not initialised, or was released for good");
	return ret;
}

/**
 * resmgr_node_add() - add a resource
 * @mgr: manager
 * @node: the resource; on no manager
 *
 * It will be released before all that were added earlier. May be called by a
 * release function, for the manager that is being released too: the new
 * resource is released next.
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: 0; -EBUSY when @node is on a manager already; -ESHUTDOWN when @mgr
 * was never initialised or has seen its final release. Errors come with a WARN
 * that names owner and resource; nothing has changed then.
 */
int resmgr_node_add(struct resmgr *mgr, struct resmgr_node *node)
{
	unsigned long flags, by;
	int ret;

	by = resmgr_caller_if_wanted();
	spin_lock_irqsave(&mgr->lock, flags);
	ret = resmgr_add_locked(mgr, node, by);
	spin_unlock_irqrestore(&mgr->lock, flags);

	if (unlikely(ret))
		resmgr_warn_add(mgr, node, ret);
	return ret;
}
EXPORT_SYMBOL_GPL(resmgr_node_add);

/* The link that points to @node, or %NULL when it is not on @mgr. */
noinline struct resmgr_node **resmgr_find_link(struct resmgr *mgr,
					       const struct resmgr_node *node)
{
	struct resmgr_node **link;

	lockdep_assert_held(&mgr->lock);

	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older)
		if (*link == node)
			return link;
	return NULL;
}

/**
 * resmgr_node_remove() - take a resource off its manager without releasing it
 * @mgr: manager
 * @node: the resource; the caller has it to itself afterwards
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr, and walks
 * from the newest resource to @node meanwhile.
 * Return: 0; -ENOENT with a WARN when @node is not on @mgr.
 */
int resmgr_node_remove(struct resmgr *mgr, struct resmgr_node *node)
{
	struct resmgr_node **link;
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	link = resmgr_find_link(mgr, node);
	if (link) {
		resmgr_unlink(mgr, link);
		resmgr_event(mgr, node, RESMGR_OP_REMOVE);
	}
	spin_unlock_irqrestore(&mgr->lock, flags);

	if (unlikely(!link)) {
		resmgr_warn(mgr, "cannot remove %p: it is not here\n", node);
		return -ENOENT;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(resmgr_node_remove);

/**
 * resmgr_node_replace() - put a resource in the place of another
 * @mgr: manager
 * @old: resource to take off, without releasing it
 * @new: resource to put in its place in the order of release; on no manager
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: 0; -ENOENT when @old is not on @mgr; -EBUSY when @new is on a manager
 * already. Errors come with a WARN; nothing has changed then.
 */
int resmgr_node_replace(struct resmgr *mgr, struct resmgr_node *old,
			struct resmgr_node *new)
{
	unsigned long flags, by = resmgr_caller_to_stamp();
	struct resmgr_node **link = NULL;
	int ret = 0;

	spin_lock_irqsave(&mgr->lock, flags);
	if (resmgr_is_linked(new)) {
		ret = -EBUSY;
	} else {
		link = resmgr_find_link(mgr, old);
		if (!link)
			ret = -ENOENT;
	}
	if (link)
		resmgr_replace_link(mgr, link, new, by);
	spin_unlock_irqrestore(&mgr->lock, flags);

	if (unlikely(ret))
		resmgr_warn(mgr, "cannot replace %p by %s: %s\n", old, new->name,
			    ret == -EBUSY ? "the new one is on a manager already" :
			    "the old one is not here");
	return ret;
}
EXPORT_SYMBOL_GPL(resmgr_node_replace);

/* noinline, as the walk would be in each of those below that search. */
static noinline struct resmgr_node **
resmgr_match_link(struct resmgr *mgr, enum resmgr_kind kind, void *fn,
		  resmgr_match_t match, const void *data)
{
	struct resmgr_node **link;

	lockdep_assert_held(&mgr->lock);

	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		struct resmgr_node *node = *link;

		if (node->fn == fn && node->kind == kind &&
		    (!match || match(mgr, node, data)))
			return link;
	}
	return NULL;
}

/**
 * resmgr_find() - find the newest resource that matches
 * @mgr: manager
 * @kind: kind of the resource
 * @fn: its release function
 * @match: which one of these; %NULL for any
 * @data: passed to @match
 *
 * Nothing keeps the resource there once the lock is dropped: that is up to the
 * caller, who knows who else may remove it.
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr; @match is
 * called with it held.
 * Return: the resource or %NULL.
 */
struct resmgr_node *resmgr_find(struct resmgr *mgr, enum resmgr_kind kind,
				void *fn, resmgr_match_t match,
				const void *data)
{
	struct resmgr_node **link, *node;
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	link = resmgr_match_link(mgr, kind, fn, match, data);
	node = link ? *link : NULL;
	spin_unlock_irqrestore(&mgr->lock, flags);

	return node;
}
EXPORT_SYMBOL_GPL(resmgr_find);

/**
 * resmgr_find_or_add() - find a resource, add it if there is none, atomically
 * @mgr: manager
 * @new: resource to add; its kind and release function are what is looked for
 * @match: which one of these; %NULL for any
 * @data: passed to @match
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr; @match is
 * called with it held.
 * Return: the newest match, and @new still is the caller's; or @new, which was
 * added; or %NULL with a WARN when there was no match and @new could not be
 * added, for the reasons that resmgr_node_add() has.
 */
struct resmgr_node *resmgr_find_or_add(struct resmgr *mgr,
				       struct resmgr_node *new,
				       resmgr_match_t match, const void *data)
{
	struct resmgr_node **link, *node = new;
	unsigned long flags, by;
	int ret = 0;

	by = resmgr_caller_if_wanted();
	spin_lock_irqsave(&mgr->lock, flags);
	link = resmgr_match_link(mgr, new->kind, new->fn, match, data);
	if (link)
		node = *link;
	else
		ret = resmgr_add_locked(mgr, new, by);
	spin_unlock_irqrestore(&mgr->lock, flags);

	if (unlikely(ret)) {
		resmgr_warn_add(mgr, new, ret);
		return NULL;
	}
	return node;
}
EXPORT_SYMBOL_GPL(resmgr_find_or_add);

/* In line, so that @op is a constant, and one event all that is asked for. */
static __always_inline struct resmgr_node *
resmgr_take(struct resmgr *mgr, enum resmgr_kind kind, void *fn,
	    resmgr_match_t match, const void *data, enum resmgr_op op)
{
	struct resmgr_node **link, *node = NULL;
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	link = resmgr_match_link(mgr, kind, fn, match, data);
	if (link) {
		node = resmgr_unlink(mgr, link);
		resmgr_event(mgr, node, op);
	}
	spin_unlock_irqrestore(&mgr->lock, flags);

	return node;
}

/**
 * resmgr_find_remove() - find the newest match and take it off, atomically
 * @mgr: manager
 * @kind: kind of the resource
 * @fn: its release function
 * @match: which one of these; %NULL for any
 * @data: passed to @match
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr; @match is
 * called with it held.
 * Return: the resource, which was not released and is the caller's now; %NULL
 * when there is none.
 */
struct resmgr_node *resmgr_find_remove(struct resmgr *mgr, enum resmgr_kind kind,
				       void *fn, resmgr_match_t match,
				       const void *data)
{
	return resmgr_take(mgr, kind, fn, match, data, RESMGR_OP_REMOVE);
}
EXPORT_SYMBOL_GPL(resmgr_find_remove);

/**
 * resmgr_find_release() - find the newest match and release it now
 * @mgr: manager
 * @kind: kind of the resource
 * @fn: its release function
 * @match: which one of these; %NULL for any
 * @data: passed to @match
 *
 * Context: That of the release function. Takes and releases the lock of @mgr
 * before; @match is called with it held.
 * Return: 0; -ENOENT when there is none.
 */
int resmgr_find_release(struct resmgr *mgr, enum resmgr_kind kind,
			void *fn, resmgr_match_t match, const void *data)
{
	struct resmgr_node *node;

	node = resmgr_take(mgr, kind, fn, match, data, RESMGR_OP_RELEASE);
	if (!node)
		return -ENOENT;
	resmgr_release_node(mgr, node);
	return 0;
}
EXPORT_SYMBOL_GPL(resmgr_find_release);

/**
 * resmgr_for_each() - call a function for each resource, newest first
 * @mgr: manager
 * @fn: the function; stops the walk by returning other than 0. Called with the
 *	lock of @mgr held and interrupts off: must not sleep, and must not call
 *	back into @mgr
 * @data: passed to @fn
 *
 * Group markers are left out.
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: what the last call of @fn returned, 0 if there was none.
 */
int resmgr_for_each(struct resmgr *mgr,
		    int (*fn)(struct resmgr *mgr, struct resmgr_node *node,
			      void *data),
		    void *data)
{
	struct resmgr_node **link;
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&mgr->lock, flags);
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		if (resmgr_is_marker(*link))
			continue;
		ret = fn(mgr, *link, data);
		if (ret)
			break;
	}
	spin_unlock_irqrestore(&mgr->lock, flags);

	return ret;
}
EXPORT_SYMBOL_GPL(resmgr_for_each);

/* The core frees what it has allocated. */
static_assert(offsetof(struct resmgr_data, node) == 0);
static_assert(offsetof(struct resmgr_data, data) == sizeof(struct resmgr_data));
static_assert(offsetof(struct resmgr_action, node) == 0);

static __always_inline void resmgr_run_release(struct resmgr *mgr,
					       struct resmgr_node *node)
{
	struct resmgr_data *data = container_of(node, struct resmgr_data, node);
	struct resmgr_action *action = container_of(node, struct resmgr_action,
						    node);
	unsigned long addr;

	/* Not left to a table of jumps: it is what there is most of. */
	if (likely(node->kind == RESMGR_ACTION)) {
		((resmgr_action_t)node->fn)(action->data);
		return;
	}

	switch (node->kind) {
	case RESMGR_EARLY:
		resmgr_early_gone(mgr, node);
		fallthrough;
	case RESMGR_NODE:
		((resmgr_release_t)node->fn)(mgr, node);
		break;
	case RESMGR_EARLY_ACTION:
		((resmgr_action_t)node->fn)(action->data);
		break;
	case RESMGR_DATA:
		mgr->class->release(mgr, node->fn, data->data);
		break;
	case RESMGR_TYPED_ACTION:
		mgr->class->release(mgr, node->fn, action->data);
		break;
	case RESMGR_PAGES:
		addr = (unsigned long)action->data;
		free_pages(addr & PAGE_MASK, addr & ~PAGE_MASK);
		break;
	case RESMGR_PERCPU:
		free_percpu((void __percpu __force *)(unsigned long)action->data);
		break;
	}
}

/*
 * The functions for events that are on are by themselves: in line, the registers
 * and the stack that they need would be paid for when the events are off.
 */
static noinline void resmgr_run_release_traced(struct resmgr *mgr,
					       struct resmgr_node *node)
{
	struct resmgr_node was = *node;
	unsigned long flags;
	u64 begin;

	begin = ktime_get_ns();
	resmgr_run_release(mgr, node);
	begin = ktime_get_ns() - begin;

	spin_lock_irqsave(&mgr->lock, flags);
	trace_resmgr_release_end(mgr, node, &was, begin, mgr->seq++);
	spin_unlock_irqrestore(&mgr->lock, flags);
}

/*
 * Release a node that the caller has taken off @mgr. Sleeps if the release
 * function does. The owner has to be there until this returns; the node is not.
 */
void resmgr_release_node(struct resmgr *mgr, struct resmgr_node *node)
{
	/* Asked now: a node that its user has embedded may be gone afterwards. */
	enum resmgr_kind kind = node->kind;

	lockdep_assert_not_held(&mgr->lock);

	if (trace_resmgr_release_end_enabled())
		resmgr_run_release_traced(mgr, node);
	else
		resmgr_run_release(mgr, node);
	if (kind == RESMGR_NODE || kind == RESMGR_EARLY)
		return;
	/* Not before the event: the name may be in the same memory. */
	if (kind == RESMGR_DATA || kind == RESMGR_MEM)
		node = resmgr_data_start(container_of(node, struct resmgr_data,
						      node));
	kfree(node);
}

static noinline void resmgr_trace_all_begin(struct resmgr *mgr)
{
	struct resmgr_node **link;
	unsigned int count = 0;

	lockdep_assert_held(&mgr->lock);

	/* Markers are no resources. */
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older)
		count += !resmgr_is_marker(*link);
	trace_resmgr_release_all_begin(mgr, count, mgr->seq++);
}

static noinline void resmgr_trace_all_end(struct resmgr *mgr, int count)
{
	lockdep_assert_held(&mgr->lock);

	trace_resmgr_release_all_end(mgr, count, mgr->seq++);
}

/* Freed for one taking of the lock. Few, since interrupts are off meanwhile. */
#define RESMGR_BATCH	16

/*
 * Take the newest off @mgr, which is plain memory, and what follows of that kind.
 * They stay linked to each other. How many they are. Freeing plain memory runs no
 * foreign code that could look at the list in between. Nor is there anything that
 * could take time: the release of each, such as it is, ends when it has begun.
 */
static __always_inline int __resmgr_take_memory(struct resmgr *mgr, bool ends)
{
	struct resmgr_node *node = mgr->newest, *last;
	int count = 0;

	lockdep_assert_held(&mgr->lock);

	do {
		resmgr_debug_del(mgr, node);
		resmgr_event(mgr, node, RESMGR_OP_RELEASE);
		if (ends)
			trace_resmgr_release_end(mgr, node, node, 0, mgr->seq++);
		last = node;
		node = node->older;
		count++;
	} while (resmgr_is_node(node) && node->kind == RESMGR_MEM &&
		 count < RESMGR_BATCH);

	last->older = NULL;
	WRITE_ONCE(mgr->newest, node);
	return count;
}

static noinline int resmgr_take_memory_traced(struct resmgr *mgr)
{
	return __resmgr_take_memory(mgr, true);
}

static int resmgr_take_memory(struct resmgr *mgr)
{
	if (trace_resmgr_release_end_enabled())
		return resmgr_take_memory_traced(mgr);
	return __resmgr_take_memory(mgr, false);
}

static void resmgr_free_memory(struct resmgr_node *node)
{
	while (node) {
		struct resmgr_node *older = node->older;

		resmgr_free_data(node);
		node = older;
	}
}

/*
 * Is a teardown that has released @count resources one without an end? @limit
 * begins as RESMGR_CHAIN_MAX. When it is reached, what is left is counted, once:
 * whatever comes after that, and after RESMGR_CHAIN_MAX more, was added meanwhile.
 */
noinline bool resmgr_is_endless(struct resmgr *mgr, int count, int *limit)
{
	struct resmgr_node **link;

	lockdep_assert_held(&mgr->lock);

	if (*limit > RESMGR_CHAIN_MAX)
		return true;
	*limit = count + RESMGR_CHAIN_MAX;
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older)
		++*limit;
	return false;
}

/*
 * Say that there are too many like @node, and what becomes of them. Drops the lock
 * meanwhile, see resmgr_add_locked(). No WARN: devres has always gone on, so this
 * must, with panic_on_warn.
 */
void resmgr_report_endless(struct resmgr *mgr, const struct resmgr_node *node,
			   const char *what, unsigned long *flags)
{
	char name[48];

	lockdep_assert_held(&mgr->lock);

	strscpy(name, node->name ?: "(unnamed)");
	spin_unlock_irqrestore(&mgr->lock, *flags);
	rcu_read_lock();
	pr_err("resmgr: %s %s: release functions go on adding resources, such as %s: what they add from now on %s\n",
	       mgr->class->name, resmgr_owner_name(mgr), name, what);
	rcu_read_unlock();
	spin_lock_irqsave(&mgr->lock, *flags);
}

/*
 * The end of a teardown that would have none: release each resource that is on
 * @mgr now, and none that comes meanwhile. Those are newer than a marker, which is
 * a closing one, as nobody takes such for the beginning of a group. Somebody else
 * who releases everything takes it off, too.
 */
static noinline int resmgr_teardown_endless(struct resmgr *mgr, bool final,
					    unsigned long *flags)
{
	struct resmgr_node marker, *node;
	int count = 0;

	resmgr_report_endless(mgr, mgr->newest, final ? "is lost" : "stays",
			      flags);
	resmgr_node_setup(&marker, RESMGR_GROUP_CLOSE, NULL, "teardown", 0);
	if (!resmgr_is_node(mgr->newest))
		return 0;
	marker.older = mgr->newest;
	WRITE_ONCE(mgr->newest, &marker);
	resmgr_debug_add(mgr, &marker, 0);
	while (resmgr_is_node(marker.older)) {
		node = resmgr_unlink(mgr, &marker.older);
		resmgr_event(mgr, node, RESMGR_OP_RELEASE);
		if (resmgr_is_marker(node)) {
			resmgr_forget_marker(mgr, node);
			continue;
		}
		spin_unlock_irqrestore(&mgr->lock, *flags);

		resmgr_release_node(mgr, node);
		count++;

		spin_lock_irqsave(&mgr->lock, *flags);
	}
	if (resmgr_is_linked(&marker))
		resmgr_unlink(mgr, resmgr_find_link(mgr, &marker));
	/* Nobody will look at them again, so that their functions cannot run. */
	while (final && resmgr_is_node(mgr->newest))
		resmgr_unlink(mgr, &mgr->newest);
	return count;
}

static int resmgr_teardown(struct resmgr *mgr, bool final)
{
	int count = 0, limit = RESMGR_CHAIN_MAX;
	struct resmgr_node *node;
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	if (unlikely(!mgr->newest)) {
		spin_unlock_irqrestore(&mgr->lock, flags);
		resmgr_warn(mgr, "cannot release: not initialised, or released for good\n");
		return -ENODEV;
	}

	if (trace_resmgr_release_all_begin_enabled())
		resmgr_trace_all_begin(mgr);
	mgr->releasing++;
	count += resmgr_run_early(mgr, NULL, &flags);
	while (resmgr_is_node(mgr->newest)) {
		if (unlikely(count >= limit) &&
		    resmgr_is_endless(mgr, count, &limit)) {
			count += resmgr_teardown_endless(mgr, final, &flags);
			break;
		}
		node = mgr->newest;
		if (node->kind != RESMGR_ACTION) {
			if (node->kind == RESMGR_MEM) {
				count += resmgr_take_memory(mgr);
				spin_unlock_irqrestore(&mgr->lock, flags);

				resmgr_free_memory(node);

				spin_lock_irqsave(&mgr->lock, flags);
				continue;
			}
			/* That a release function has added. */
			if (unlikely(resmgr_is_early(node)) && mgr->early) {
				count += resmgr_run_early(mgr, NULL, &flags);
				continue;
			}
		}

		resmgr_unlink(mgr, &mgr->newest);
		resmgr_event(mgr, node, RESMGR_OP_RELEASE);
		if (resmgr_is_marker(node)) {
			resmgr_forget_marker(mgr, node);
			continue;
		}
		spin_unlock_irqrestore(&mgr->lock, flags);

		/* In line for what there is most of. */
		if (likely(node->kind == RESMGR_ACTION) &&
		    !trace_resmgr_release_end_enabled()) {
			resmgr_run_release(mgr, node);
			kfree(node);
		} else {
			resmgr_release_node(mgr, node);
		}
		count++;

		spin_lock_irqsave(&mgr->lock, flags);
	}
	mgr->releasing--;
	if (trace_resmgr_release_all_end_enabled())
		resmgr_trace_all_end(mgr, count);
	if (final)
		WRITE_ONCE(mgr->newest, NULL);
	spin_unlock_irqrestore(&mgr->lock, flags);

	return count;
}

/**
 * resmgr_release_all() - release every resource, newest first
 * @mgr: manager
 *
 * Also what release functions add meanwhile. The manager is empty afterwards
 * and can be used again. When they go on adding resources and there is no end to
 * it, that is reported in the log, and what they add is left there.
 *
 * Context: Process context, sleeps if a release function does. Takes and
 * releases the lock of @mgr once per resource at most.
 * Return: number of resources that were released; -ENODEV with a WARN when @mgr
 * was never initialised or has seen its final release.
 */
int resmgr_release_all(struct resmgr *mgr)
{
#ifdef CONFIG_RESMGR_DEBUG
	WRITE_ONCE(mgr->released, true);
#endif
	/* Spares idle owners the lock; NULL goes on, to be reported. */
	if (READ_ONCE(mgr->newest) == RESMGR_LAST)
		return 0;
	return resmgr_teardown(mgr, false);
}
EXPORT_SYMBOL_GPL(resmgr_release_all);

/**
 * resmgr_release_final() - release every resource, and accept none any more
 * @mgr: manager
 *
 * For the end of an owner's life. There is no moment between the last release
 * and the refusal at which a resource could be added and be lost. When release
 * functions go on adding resources and there is no end to it, that is reported in
 * the log, and what they add is lost: never released, and its memory not freed.
 *
 * Context: Process context, sleeps if a release function does.
 * Return: number of resources that were released; -ENODEV with a WARN when this
 * was done before.
 */
int resmgr_release_final(struct resmgr *mgr)
{
	return resmgr_teardown(mgr, true);
}
EXPORT_SYMBOL_GPL(resmgr_release_final);
