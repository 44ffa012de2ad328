// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: actions, and the other resources that are one pointer
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/*
 * Allocate the node of a resource that is one pointer, and add it. The name of a
 * typed action is copied behind it: an owner with a type of its own, such as a
 * DRM device, may outlive the module in which its user is. noinline, as it has
 * six callers.
 */
noinline int resmgr_add_pointer(struct resmgr *mgr, enum resmgr_kind kind,
				void *fn, void *data, const char *name,
				size_t size)
{
	size_t len = kind == RESMGR_TYPED_ACTION ? strlen(name) + 1 : 0;
	struct resmgr_action *action;
	int ret;

	/* For a constant size the compiler knows which slab cache it is. */
	action = len ? kmalloc(sizeof(*action) + len, GFP_KERNEL) :
		       kmalloc_obj(*action, GFP_KERNEL);
	if (!action)
		return -ENOMEM;

	if (len)
		name = memcpy(action + 1, name, len);
	resmgr_node_describe(&action->node, kind, fn, name, size);
	action->data = data;
	ret = resmgr_add_new(mgr, &action->node);
	if (unlikely(ret))
		kfree(action);
	return ret;
}

/*
 * Take the newest node of @kind with @fn off @mgr whose pointer is @data, the
 * bits outside @mask apart; of typed actions the oldest. Warns when there is
 * none.
 *
 * @op says what the caller is going to do with it. In line, so that it is a
 * constant, and one event all that is asked for.
 */
static __always_inline struct resmgr_action *
resmgr_take_pointer(struct resmgr *mgr, enum resmgr_kind kind, void *fn,
		    const void *data, unsigned long mask, enum resmgr_op op)
{
	struct resmgr_node **link, **found = NULL;
	struct resmgr_action *action;
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		if ((*link)->fn != fn || (*link)->kind != kind)
			continue;
		action = container_of(*link, struct resmgr_action, node);
		if (((unsigned long)action->data & mask) != (unsigned long)data)
			continue;
		found = link;
		if (kind != RESMGR_TYPED_ACTION)
			break;
	}
	if (found) {
		action = container_of(resmgr_unlink(mgr, found),
				      struct resmgr_action, node);
		resmgr_event(mgr, &action->node, op);
	}
	spin_unlock_irqrestore(&mgr->lock, flags);

	if (found)
		return action;

	resmgr_warn(mgr, "there is no %s %ps(%p)\n",
		    kind == RESMGR_PAGES ? "pages" :
		    kind == RESMGR_PERCPU ? "percpu" : "action", fn, data);
	return NULL;
}

/* Find such a node as resmgr_take_pointer() does, and release it now. */
static noinline int resmgr_release_pointer(struct resmgr *mgr,
					   enum resmgr_kind kind, void *fn,
					   const void *data, unsigned long mask)
{
	struct resmgr_action *found;

	found = resmgr_take_pointer(mgr, kind, fn, data, mask, RESMGR_OP_RELEASE);
	if (!found)
		return -ENOENT;
	resmgr_release_node(mgr, &found->node);
	return 0;
}

/**
 * __resmgr_add_action() - what resmgr_add_action() does, with a given name
 * @mgr: manager
 * @action: function to call
 * @data: its argument
 * @name: for traces: a string constant
 *
 * Context: Process context, may sleep (allocates with %GFP_KERNEL).
 * Return: 0; -ENOMEM; -ESHUTDOWN with a WARN after the final release.
 */
int __resmgr_add_action(struct resmgr *mgr, resmgr_action_t action, void *data,
			const char *name)
{
	return resmgr_add_pointer(mgr, RESMGR_ACTION, (void *)action, data,
				  name, 0);
}
EXPORT_SYMBOL_GPL(__resmgr_add_action);

/**
 * __resmgr_add_action_or_reset() - the same, calling the action on failure
 * @mgr: manager
 * @action: function to call
 * @data: its argument
 * @name: for traces: a string constant
 *
 * Context: Process context, may sleep (allocates with %GFP_KERNEL).
 * Return: 0; -ENOMEM or -ESHUTDOWN after having called @action.
 */
int __resmgr_add_action_or_reset(struct resmgr *mgr, resmgr_action_t action,
				 void *data, const char *name)
{
	int ret = resmgr_add_pointer(mgr, RESMGR_ACTION, (void *)action, data,
				     name, 0);

	if (ret)
		action(data);
	return ret;
}
EXPORT_SYMBOL_GPL(__resmgr_add_action_or_reset);

/**
 * resmgr_remove_action() - forget an action without calling it
 * @mgr: manager
 * @action: its function
 * @data: its argument; of several equal ones the newest is taken
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: 0; -ENOENT with a WARN when there is none.
 */
int resmgr_remove_action(struct resmgr *mgr, resmgr_action_t action, void *data)
{
	struct resmgr_action *found;

	found = resmgr_take_pointer(mgr, RESMGR_ACTION, (void *)action, data,
				    ~0UL, RESMGR_OP_REMOVE);
	kfree(found);
	return found ? 0 : -ENOENT;
}
EXPORT_SYMBOL_GPL(resmgr_remove_action);

/**
 * resmgr_remove_early_action() - forget an early action without calling it
 * @mgr: manager
 * @action: its function
 * @data: its argument; of several equal ones the newest is taken
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: 0; -ENOENT with a WARN when there is none.
 */
int resmgr_remove_early_action(struct resmgr *mgr, resmgr_action_t action,
			       void *data)
{
	struct resmgr_action *found;

	found = resmgr_take_pointer(mgr, RESMGR_EARLY_ACTION, (void *)action,
				    data, ~0UL, RESMGR_OP_REMOVE);
	kfree(found);
	return found ? 0 : -ENOENT;
}
EXPORT_SYMBOL_GPL(resmgr_remove_early_action);

/**
 * resmgr_release_action() - call an action now, and forget it
 * @mgr: manager
 * @action: its function
 * @data: its argument; of several equal ones the newest is taken
 *
 * Context: That of @action. Takes and releases the lock of @mgr before.
 * Return: 0; -ENOENT with a WARN when there is none; nothing is called then.
 */
int resmgr_release_action(struct resmgr *mgr, resmgr_action_t action, void *data)
{
	return resmgr_release_pointer(mgr, RESMGR_ACTION, (void *)action,
				      data, ~0UL);
}
EXPORT_SYMBOL_GPL(resmgr_release_action);

/**
 * resmgr_add_typed_action() - call a function of the class's type later
 * @mgr: manager of a class that has &resmgr_class.release
 * @fn: function to call at release time, through the class
 * @data: its argument
 * @name: for traces; is copied
 *
 * For fronts whose actions are told of their owner, as those of a DRM device.
 *
 * Context: Process context, may sleep (allocates with %GFP_KERNEL).
 * Return: 0; -ENOMEM; -ESHUTDOWN with a WARN after the final release.
 */
int resmgr_add_typed_action(struct resmgr *mgr, void *fn, void *data,
			    const char *name)
{
	/* The size is that of the argument: drm_managed has always logged it. */
	return resmgr_add_pointer(mgr, RESMGR_TYPED_ACTION, fn, data, name,
				  data ? sizeof(data) : 0);
}
EXPORT_SYMBOL_GPL(resmgr_add_typed_action);

/**
 * resmgr_release_typed_action() - call such an action now, and forget it
 * @mgr: manager
 * @fn: its function
 * @data: its argument; of several equal ones the oldest is taken, unlike by
 *	resmgr_release_action(). %NULL is the oldest whatever its argument is,
 *	and @fn is called with %NULL then
 *
 * Which one it takes is what users of drmm_release_action() are used to.
 *
 * Context: That of @fn. Takes and releases the lock of @mgr before, and walks
 * all of the list meanwhile.
 * Return: 0; -ENOENT with a WARN when there is none; nothing is called then.
 */
int resmgr_release_typed_action(struct resmgr *mgr, void *fn, void *data)
{
	struct resmgr_action *found;

	found = resmgr_take_pointer(mgr, RESMGR_TYPED_ACTION, fn, data,
				    data ? ~0UL : 0, RESMGR_OP_RELEASE);
	if (!found)
		return -ENOENT;
	found->data = data;
	resmgr_release_node(mgr, &found->node);
	return 0;
}
EXPORT_SYMBOL_GPL(resmgr_release_typed_action);

/**
 * __resmgr_get_free_pages() - what resmgr_get_free_pages() does, with a name
 * @mgr: manager
 * @gfp: allocation flags
 * @order: 2^order pages
 * @name: for traces: a string constant
 *
 * Context: Process context, may sleep.
 * Return: address, 0 on failure.
 */
unsigned long __resmgr_get_free_pages(struct resmgr *mgr, gfp_t gfp,
				      unsigned int order, const char *name)
{
	unsigned long addr = __get_free_pages(gfp, order);

	/* An order is far below PAGE_SIZE, and the address is page aligned. */
	if (addr && resmgr_add_pointer(mgr, RESMGR_PAGES, NULL,
				       (void *)(addr | order), name,
				       PAGE_SIZE << order)) {
		free_pages(addr, order);
		return 0;
	}
	return addr;
}
EXPORT_SYMBOL_GPL(__resmgr_get_free_pages);

/**
 * resmgr_free_pages() - free pages early
 * @mgr: manager
 * @addr: what resmgr_get_free_pages() returned; the order is known
 *
 * Context: Any context that free_pages() allows.
 * Return: 0; -ENOENT with a WARN when they are not of this manager.
 */
int resmgr_free_pages(struct resmgr *mgr, unsigned long addr)
{
	return resmgr_release_pointer(mgr, RESMGR_PAGES, NULL, (void *)addr,
				      PAGE_MASK);
}
EXPORT_SYMBOL_GPL(resmgr_free_pages);

/**
 * __resmgr_alloc_percpu() - what resmgr_alloc_percpu() does, for any size
 * @mgr: manager
 * @size: bytes per CPU
 * @align: alignment in bytes
 * @name: for traces: a string constant
 *
 * Context: Process context, may sleep.
 * Return: zeroed per-CPU memory, %NULL on failure.
 */
void __percpu *__resmgr_alloc_percpu(struct resmgr *mgr, size_t size,
				     size_t align, const char *name)
{
	void __percpu *ptr = __alloc_percpu(size, align);

	if (ptr && resmgr_add_pointer(mgr, RESMGR_PERCPU, NULL,
				      (void *)(__force unsigned long)ptr, name, size)) {
		free_percpu(ptr);
		return NULL;
	}
	return ptr;
}
EXPORT_SYMBOL_GPL(__resmgr_alloc_percpu);

/**
 * resmgr_free_percpu() - free per-CPU memory early
 * @mgr: manager
 * @ptr: what resmgr_alloc_percpu() returned
 *
 * Context: Any context that free_percpu() allows.
 * Return: 0; -ENOENT with a WARN when it is not of this manager.
 */
int resmgr_free_percpu(struct resmgr *mgr, void __percpu *ptr)
{
	return resmgr_release_pointer(mgr, RESMGR_PERCPU, NULL,
				      (void *)(__force unsigned long)ptr, ~0UL);
}
EXPORT_SYMBOL_GPL(resmgr_free_percpu);
