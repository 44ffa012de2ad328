// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: actions, and the other resources that are one pointer
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "internal.h"
#include "kernel_compat.h"

/* Allocate the node of a resource that is one pointer, and add it. */
static int resmgr_add_pointer(struct resmgr *mgr, enum resmgr_kind kind,
			      void *fn, void *data, const char *name,
			      size_t size)
{
	struct resmgr_action *action;
	int ret;

	action = kmalloc_obj(*action, GFP_KERNEL);
	if (!action)
		return -ENOMEM;

	resmgr_node_setup(&action->node, kind, fn, name, size);
	action->data = data;
	ret = resmgr_node_add(mgr, &action->node);
	if (ret)
		kfree(action);
	return ret;
}

/*
 * Take the newest node of @kind with @fn off @mgr whose pointer is @data, the
 * bits outside @mask apart. Warns when there is none.
 *
 * @op says what the caller is going to do with it. In line, so that it is a
 * constant, and one event all that is asked for.
 */
static __always_inline struct resmgr_action *
resmgr_take_pointer(struct resmgr *mgr, enum resmgr_kind kind, void *fn,
		    const void *data, unsigned long mask, enum resmgr_op op)
{
	struct resmgr_action *action;
	struct resmgr_node **link;
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		if ((*link)->fn != fn || (*link)->kind != kind)
			continue;
		action = container_of(*link, struct resmgr_action, node);
		if (((unsigned long)action->data & mask) != (unsigned long)data)
			continue;
		resmgr_unlink(mgr, link);
		resmgr_event(mgr, &action->node, op);
		spin_unlock_irqrestore(&mgr->lock, flags);
		return action;
	}
	spin_unlock_irqrestore(&mgr->lock, flags);

	resmgr_warn(mgr, "there is no %s %ps(%p)\n",
		    kind == RESMGR_ACTION ? "action" :
		    kind == RESMGR_PAGES ? "pages" : "percpu", fn, data);
	return NULL;
}

/* Find such a node as resmgr_take_pointer() does, and release it now. */
static int resmgr_release_pointer(struct resmgr *mgr, enum resmgr_kind kind,
				  void *fn, const void *data,
				  unsigned long mask)
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
	int ret = __resmgr_add_action(mgr, action, data, name);

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
				      (void __force *)ptr, name, size)) {
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
				      (void __force *)ptr, ~0UL);
}
EXPORT_SYMBOL_GPL(resmgr_free_percpu);
