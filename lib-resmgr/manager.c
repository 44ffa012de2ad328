// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: the list and its teardown
 */

/**
 * DOC: teardown
 *
 * A release function may do anything that a driver may do: release another
 * resource of the same owner early, add one, look one up, or drop a reference
 * that releases a whole group. The older lists of devres and drm_managed fix a
 * list of victims beforehand, then walk it, and get some of these cases wrong.
 *
 * Here there is no list of victims. Teardown takes the newest resource off the
 * list under the lock, drops the lock, runs the release function, and looks at
 * the list again until it is empty. Plain memory is taken off in batches of up
 * to 16, since no foreign code runs while it is freed. Whenever foreign code
 * runs, the list is consistent and holds exactly the resources that have not
 * been released. Whoever takes a resource off under the lock is its only owner.
 * So each is released exactly once, even if several tasks release at the same
 * time.
 *
 * An owner that is used again, such as a device at its next bind, stops at an
 * empty list. An owner that goes away finds the list empty and makes the
 * manager refuse additions in the same critical section. So no resource can be
 * added to a manager that nobody will look at again.
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
 * resmgr_log_get() - enable calls of &resmgr_class.log
 *
 * For an older trace or log of one class that has to keep working. Calls nest.
 * While nobody has enabled it, it costs a static branch per operation.
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

/* Slow path of resmgr_event() and resmgr_link(). */
void resmgr_event_slow(struct resmgr *mgr, const struct resmgr_node *node,
		       enum resmgr_op op, unsigned long by)
{
	lockdep_assert_held(&mgr->lock);

	if (resmgr_is_logged(mgr) && mgr->class->log)
		mgr->class->log(mgr, node, op);

	/*
	 * Only an enabled event takes a number, so that a gap means a lost
	 * event. Releasing a marker does nothing: it counts as a removal.
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

/* Replace the entry that @link points to by @new. @by: see resmgr_link() */
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
 * __resmgr_init() - initialise a manager with a given lock class
 * @mgr: the manager, embedded in its owner
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
 * Context: Any context, under rcu_read_lock() or a spinlock: the name of a
 * device may change, and the old one is freed after a grace period.
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
 * Context: Any context, under rcu_read_lock() or a spinlock: the module of a
 * driver is freed a grace period after the driver is unregistered.
 * Return: the names; "-" for one that does not exist.
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
 * Return: the names; %NULL for one that does not exist.
 */
struct resmgr_origin resmgr_device_origin(const struct device *dev)
{
	struct resmgr_origin origin = {};
	const struct device_driver *drv;

	if (!dev)
		return origin;
	if (dev->bus)
		origin.bus = dev->bus->name;
	/* The driver may be unbound at any time. */
	drv = READ_ONCE(dev->driver);
	if (drv)
		origin.driver = drv->name;
	return origin;
}
EXPORT_SYMBOL_GPL(resmgr_device_origin);

/*
 * Report misuse, naming the owner. The operation is refused and the kernel goes
 * on.
 */
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
 * resmgr_empty() - test whether a manager is empty
 * @mgr: manager
 *
 * Context: Any context. Takes no lock: exact only when the caller keeps others
 * from adding and removing.
 * Return: true if it has neither a resource nor a group.
 */
bool resmgr_empty(const struct resmgr *mgr)
{
	return !resmgr_is_node(READ_ONCE(mgr->newest));
}
EXPORT_SYMBOL_GPL(resmgr_empty);

/**
 * resmgr_node_init() - prepare a resource that is embedded in a struct of yours
 * @node: the node
 * @release: called when the resource is released. It is off the manager by
 *	then, and the function may free the memory that it is in
 * @name: for traces and warnings; a string constant
 * @size: size of the resource in bytes; for traces only, may be 0
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
 * resmgr_warn_add() after it has dropped the lock: printing takes the locks of
 * consoles, and consoles may allocate.
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

/* Slow path of resmgr_add_new(). */
noinline int resmgr_add_new_traced(struct resmgr *mgr, struct resmgr_node *node)
{
	/* Check again: a kernel without events has no resmgr_caller(). */
	return __resmgr_add_new(mgr, node, resmgr_caller_if_wanted());
}

/* noinline: an error path that a correct driver never takes. */
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
 * It will be released before all resources that were added earlier. A release
 * function may call this, also for the manager that is being released: the new
 * resource is released next.
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: 0; -EBUSY if @node is on a manager already; -ESHUTDOWN if @mgr was
 * never initialised or has seen its final release. On an error, which comes
 * with a WARN that names owner and resource, nothing has changed.
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

/* Returns the link that points to @node, or %NULL if it is not on @mgr. */
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
 * @node: the resource; the caller owns it afterwards
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr, under
 * which it walks from the newest resource to @node.
 * Return: 0; -ENOENT with a WARN if @node is not on @mgr.
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
 * resmgr_node_replace() - replace a resource by another
 * @mgr: manager
 * @old: resource to take off, without releasing it
 * @new: resource that takes its place in the order of release; on no manager
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: 0; -ENOENT if @old is not on @mgr; -EBUSY if @new is on a manager
 * already. On an error, which comes with a WARN, nothing has changed.
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

/* noinline, or the walk would be duplicated in each search function below. */
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
 * @match: selects among these; %NULL for any
 * @data: passed to @match
 *
 * Nothing keeps the resource on the manager once the lock is dropped: the
 * caller has to know who else may remove it.
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
 * resmgr_find_or_add() - find a resource or add it, atomically
 * @mgr: manager
 * @new: resource to add; its kind and release function are searched for
 * @match: selects among these; %NULL for any
 * @data: passed to @match
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr; @match is
 * called with it held.
 * Return: the newest match, with @new still owned by the caller; or @new, which
 * was added; or %NULL with a WARN if there was no match and @new could not be
 * added, see resmgr_node_add().
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

/* __always_inline so that @op is constant and only one tracepoint is tested. */
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
 * @match: selects among these; %NULL for any
 * @data: passed to @match
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr; @match is
 * called with it held.
 * Return: the resource, which was not released and is now owned by the caller;
 * %NULL if there is none.
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
 * @match: selects among these; %NULL for any
 * @data: passed to @match
 *
 * Context: That of the release function. Takes and releases the lock of @mgr
 * before it is called; @match is called with the lock held.
 * Return: 0; -ENOENT if there is none.
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
 * @fn: the function; any return value but 0 stops the walk. Called with the
 *	lock of @mgr held and interrupts off: must not sleep, and must not call
 *	back into @mgr
 * @data: passed to @fn
 *
 * Group markers are skipped.
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: the return value of the last call of @fn, 0 if there was none.
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

/* The core frees these by the address of the node. */
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

	/* The most common kind, tested first and not left to a jump table. */
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
 * noinline: inlined, this would cost registers and stack even when the event is
 * off.
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
 * Release a resource that the caller has taken off @mgr. Sleeps if the release
 * function does. The caller keeps the owner alive until this returns; the
 * resource may be freed.
 */
void resmgr_release_node(struct resmgr *mgr, struct resmgr_node *node)
{
	/*
	 * Read it now: an embedded node may be freed by its release function.
	 */
	enum resmgr_kind kind = node->kind;

	lockdep_assert_not_held(&mgr->lock);

	if (trace_resmgr_release_end_enabled())
		resmgr_run_release_traced(mgr, node);
	else
		resmgr_run_release(mgr, node);
	if (kind == RESMGR_NODE || kind == RESMGR_EARLY)
		return;
	/* Free it after the event, as the name may be in the same memory. */
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

	/* Markers are not resources. */
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older)
		count += !resmgr_is_marker(*link);
	trace_resmgr_release_all_begin(mgr, count, mgr->seq++);
}

static noinline void resmgr_trace_all_end(struct resmgr *mgr, int count)
{
	lockdep_assert_held(&mgr->lock);

	trace_resmgr_release_all_end(mgr, count, mgr->seq++);
}

/*
 * How many are freed each time the lock is taken. A small number, since
 * interrupts are off while they are unlinked.
 */
#define RESMGR_BATCH	16

/*
 * Take the newest resource, which is plain memory, off @mgr, and the plain
 * memory that follows it. Returns how many were taken; they remain linked.
 * Freeing plain memory runs no foreign code that could look at the list in
 * between. Nor does it take any time worth measuring: the release of each is
 * traced as ending when it begins.
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
 * Returns true if a teardown that has released @count resources goes on without
 * end. @limit starts as RESMGR_CHAIN_MAX. When it is first reached, the
 * remaining entries are counted: a resource that comes after that many and
 * RESMGR_CHAIN_MAX more was added meanwhile.
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
 * Report that there are too many resources like @node, and what happens to
 * them. Drops the lock while printing, see resmgr_add_locked(). It is no WARN:
 * devres has always gone on, and this must too, also with panic_on_warn.
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
 * Finish a teardown that would not end: release each resource that is on @mgr
 * now, and none that is added meanwhile. Those are newer than a marker. It is a
 * closing one, as nobody takes such a marker for the start of a group. Another
 * task that releases everything takes it off, too.
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
		if (unlikely(resmgr_is_early(marker.older)) &&
		    resmgr_wait_if_busy(mgr, marker.older, flags))
			continue;
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
	/*
	 * Nobody will look at them again, so their functions are never called.
	 */
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
			/* A release function has added it. */
			if (unlikely(resmgr_is_early(node)) &&
			    resmgr_early_is_due(mgr, NULL)) {
				count += resmgr_run_early(mgr, NULL, &flags);
				continue;
			}
			/* Steps that do not end were given up. */
			if (unlikely(resmgr_is_early(node)) &&
			    resmgr_wait_if_busy(mgr, node, &flags))
				continue;
		}

		resmgr_unlink(mgr, &mgr->newest);
		resmgr_event(mgr, node, RESMGR_OP_RELEASE);
		if (resmgr_is_marker(node)) {
			resmgr_forget_marker(mgr, node);
			continue;
		}
		spin_unlock_irqrestore(&mgr->lock, flags);

		/* Inlined for the most common kind. */
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
 * Resources that release functions add meanwhile are released, too. The manager
 * is empty afterwards and can be used again. If release functions go on adding
 * resources without end, that is reported in the log and those resources stay.
 *
 * Context: Process context, sleeps if a release function does. Takes and
 * releases the lock of @mgr once per resource at most.
 * Return: number of resources that were released; -ENODEV with a WARN if @mgr
 * was never initialised or has seen its final release.
 */
int resmgr_release_all(struct resmgr *mgr)
{
#ifdef CONFIG_RESMGR_DEBUG
	WRITE_ONCE(mgr->released, true);
#endif
	/* Idle owners skip the lock; NULL goes on, to be reported. */
	if (READ_ONCE(mgr->newest) == RESMGR_LAST)
		return 0;
	return resmgr_teardown(mgr, false);
}
EXPORT_SYMBOL_GPL(resmgr_release_all);

/**
 * resmgr_release_final() - release every resource and refuse new ones
 * @mgr: manager
 *
 * For the end of an owner's life. Additions are refused from the moment that
 * the list is empty, so no resource can be added and lost in between. If
 * release functions go on adding resources without end, that is reported in the
 * log and those resources are lost: they are never released and their memory is
 * not freed.
 *
 * Context: Process context, sleeps if a release function does.
 * Return: number of resources that were released; -ENODEV with a WARN if this
 * was done before.
 */
int resmgr_release_final(struct resmgr *mgr)
{
	return resmgr_teardown(mgr, true);
}
EXPORT_SYMBOL_GPL(resmgr_release_final);
