// SPDX-License-Identifier: GPL-2.0
/* Resource manager: actions, and other resources that hold one pointer */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/*
 * Allocate a resource that holds one pointer, and add it. The name of a typed
 * action is copied behind it: an owner with a type of its own, such as a DRM
 * device, may outlive the module that added the action. noinline, as it has six
 * callers.
 */
noinline int resmgr_add_pointer(struct resmgr *mgr, enum resmgr_kind kind,
				void *fn, void *data, const char *name,
				size_t size)
{
	size_t len = kind == RESMGR_TYPED_ACTION ? strlen(name) + 1 : 0;
	struct resmgr_action *action;
	int ret;

	/* With a constant size the compiler selects the slab cache. */
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
 * Take the newest resource of @kind with @fn off @mgr whose pointer is @data,
 * ignoring the bits outside @mask. For typed actions take the oldest. Warns if
 * there is none.
 *
 * @op is what the caller is going to do with it. __always_inline so that @op is
 *	constant and only one tracepoint is tested.
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

/* Find a resource as resmgr_take_pointer() does, and release it now. */
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
 * __resmgr_add_action() - add an action with a given name
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
 * __resmgr_add_action_or_reset() - add an action, or call it on failure
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
 * Return: 0; -ENOENT with a WARN if there is none.
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
 * Return: 0; -ENOENT with a WARN if there is none.
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
 * Context: That of @action. Takes and releases the lock of @mgr before the
 * call.
 * Return: 0; -ENOENT with a WARN if there is none, and nothing is called.
 */
int resmgr_release_action(struct resmgr *mgr, resmgr_action_t action, void *data)
{
	return resmgr_release_pointer(mgr, RESMGR_ACTION, (void *)action,
				      data, ~0UL);
}
EXPORT_SYMBOL_GPL(resmgr_release_action);

/**
 * resmgr_add_typed_action() - add an action of the class's function type
 * @mgr: manager of a class that has &resmgr_class.release
 * @fn: function to call at release time, through the class
 * @data: its argument
 * @name: for traces; copied
 *
 * For front ends whose actions get their owner as an argument, such as
 * drmm_add_action().
 *
 * Context: Process context, may sleep (allocates with %GFP_KERNEL).
 * Return: 0; -ENOMEM; -ESHUTDOWN with a WARN after the final release.
 */
int resmgr_add_typed_action(struct resmgr *mgr, void *fn, void *data,
			    const char *name)
{
	/*
	 * The size is that of the argument, as drm_managed has always logged
	 * it.
	 */
	return resmgr_add_pointer(mgr, RESMGR_TYPED_ACTION, fn, data, name,
				  data ? sizeof(data) : 0);
}
EXPORT_SYMBOL_GPL(resmgr_add_typed_action);

/**
 * resmgr_release_typed_action() - call a typed action now, and forget it
 * @mgr: manager
 * @fn: its function
 * @data: its argument; of several equal ones the oldest is taken, unlike in
 *	resmgr_release_action(). With %NULL the oldest action with @fn is taken,
 *	whatever its argument is, and @fn is called with %NULL
 *
 * This is the behaviour that users of drmm_release_action() rely on.
 *
 * Context: That of @fn. Takes and releases the lock of @mgr before the call,
 * and walks the whole list under it.
 * Return: 0; -ENOENT with a WARN if there is none, and nothing is called.
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
 * __resmgr_get_free_pages() - managed __get_free_pages() with a given name
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
 * @addr: address that resmgr_get_free_pages() returned; the order is known
 *
 * Context: Any context that free_pages() allows.
 * Return: 0; -ENOENT with a WARN if they are not of this manager.
 */
int resmgr_free_pages(struct resmgr *mgr, unsigned long addr)
{
	return resmgr_release_pointer(mgr, RESMGR_PAGES, NULL, (void *)addr,
				      PAGE_MASK);
}
EXPORT_SYMBOL_GPL(resmgr_free_pages);

/**
 * __resmgr_alloc_percpu() - managed alloc_percpu() for any size
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
 * @ptr: pointer that resmgr_alloc_percpu() returned
 *
 * Context: Any context that free_percpu() allows.
 * Return: 0; -ENOENT with a WARN if it is not of this manager.
 */
int resmgr_free_percpu(struct resmgr *mgr, void __percpu *ptr)
{
	return resmgr_release_pointer(mgr, RESMGR_PERCPU, NULL,
				      (void *)(__force unsigned long)ptr, ~0UL);
}
EXPORT_SYMBOL_GPL(resmgr_free_percpu);
