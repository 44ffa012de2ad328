// SPDX-License-Identifier: GPL-2.0
/* Resource manager: a refcounted owner, and references between owners */
#include <linux/export.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * __resmgr_object_init() - initialise an object with a given lock class
 * @obj: the object
 * @class: kind of owner
 * @name: of the lock class
 * @key: of the lock class
 *
 * Context: Any context.
 */
void __resmgr_object_init(struct resmgr_object *obj,
			  const struct resmgr_class *class, const char *name,
			  struct lock_class_key *key)
{
	__resmgr_init(&obj->mgr, class, name, key);
	refcount_set(&obj->ref, 1);
}
EXPORT_SYMBOL_GPL(__resmgr_object_init);

/**
 * resmgr_object_get() - take a reference
 * @obj: object on which the caller already has a reference
 *
 * Context: Any context.
 */
void resmgr_object_get(struct resmgr_object *obj)
{
	refcount_inc(&obj->ref);
}
EXPORT_SYMBOL_GPL(resmgr_object_get);

/**
 * resmgr_object_tryget() - take a reference, unless the last one was dropped
 * @obj: object whose memory is kept by a lock or by RCU
 *
 * Context: Any context.
 * Return: true if a reference was taken.
 */
bool resmgr_object_tryget(struct resmgr_object *obj)
{
	return refcount_inc_not_zero(&obj->ref);
}
EXPORT_SYMBOL_GPL(resmgr_object_tryget);

/**
 * resmgr_object_put() - drop a reference
 * @obj: object
 *
 * When the last one is dropped, the resources are released, newest first, and
 * the class frees the object.
 *
 * Context: Process context, sleeps if a release function does and this is the
 * last reference.
 */
void resmgr_object_put(struct resmgr_object *obj)
{
	if (!refcount_dec_and_test(&obj->ref))
		return;

	if (obj->mgr.class->last_put)
		obj->mgr.class->last_put(&obj->mgr);
	resmgr_release_final(&obj->mgr);
	if (obj->mgr.class->free)
		obj->mgr.class->free(&obj->mgr);
}
EXPORT_SYMBOL_GPL(resmgr_object_put);

/**
 * struct resmgr_held - a reference that is a resource of the one that holds
 * @node: on the manager of the one that holds
 * @object: what is held
 * @holder: for RESMGR_DEBUG
 */
struct resmgr_held {
	struct resmgr_node	node;
	struct resmgr_object	*object;
	struct resmgr_holder	holder;
};

static void resmgr_unhold(struct resmgr *child, struct resmgr_node *node)
{
	struct resmgr_held *held = container_of(node, struct resmgr_held, node);

	resmgr_holder_del(&held->holder);
	resmgr_object_put(held->object);
	kfree(held);
}

/**
 * resmgr_hold() - keep an object alive until another owner's release
 * @child: manager of the owner that needs @parent
 * @parent: object on which the caller has a reference
 *
 * Takes a reference on @parent and adds it to @child as a resource: it is
 * dropped after everything that @child gets later has been released. Two owners
 * that hold each other are never freed; RESMGR_DEBUG reports them.
 *
 * Context: Process context, may sleep.
 * Return: 0; -ENOMEM, or -ESHUTDOWN if @child has seen its final release. On an
 * error no reference is held.
 */
int resmgr_hold(struct resmgr *child, struct resmgr_object *parent)
{
	struct resmgr_held *held = kmalloc_obj(*held, GFP_KERNEL);
	int ret;

	if (!held)
		return -ENOMEM;
	resmgr_node_init(&held->node, resmgr_unhold, "resmgr_hold", 0);
	held->object = parent;
	resmgr_object_get(parent);
	/* Before the reference is a resource, which may go as soon as it is one. */
	resmgr_holder_add(&held->holder, child, &parent->mgr);
	ret = resmgr_add_new(child, &held->node);
	if (ret)
		resmgr_unhold(child, &held->node);
	return ret;
}
EXPORT_SYMBOL_GPL(resmgr_hold);
