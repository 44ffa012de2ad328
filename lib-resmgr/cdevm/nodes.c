// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: publish and remove character devices
 */

/**
 * DOC: nodes
 *
 * The published nodes are resources of the step that unpublishes. Releasing one
 * removes the node: newest first, each once.
 *
 * The memory of a struct cdev belongs to the driver, and so to the scope. It
 * must stay until the VFS has let go of it: an inode that was opened through
 * the cdev, or a lookup in progress, may hold its kobject long after
 * cdev_del(), and with DEBUG_KOBJECT_RELEASE every kobject lives some seconds
 * longer. So the cdev gets a parent that holds the scope: a kobject without a
 * name or a place in sysfs, or the struct device that is published with it. The
 * parent is put last, after the last access to the memory of the cdev.
 */
#include <linux/anon_inodes.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/hashtable.h>
#include <linux/kdev_t.h>
#include <linux/miscdevice.h>
#include <linux/spinlock.h>

#include "bound.h"
#include "internal.h"

const char cdevm_node_name[] = "cdevm_node";

/*
 * Devices that hold a scope, by address: a struct device has no room for a
 * pointer to its node. cdevm_devices_lock protects the table.
 */
static DEFINE_HASHTABLE(cdevm_devices, 6);
static DEFINE_SPINLOCK(cdevm_devices_lock);

/* Returns the manager of what stays as long as files of a node may use it. */
static struct resmgr *cdevm_node_mgr(struct cdevm_scope *scope, bool listed)
{
	return listed ? &scope->steps[CDEVM_STEP_FREE] : cdevm_mgr(scope);
}

struct cdevm_node *cdevm_node_alloc(struct cdevm_scope *scope, bool listed, gfp_t gfp)
{
	struct resmgr *mgr = cdevm_node_mgr(scope, listed);
	struct cdevm_node *node;

	node = __resmgr_kmalloc(mgr, sizeof(*node), gfp | __GFP_ZERO, NUMA_NO_NODE,
				cdevm_node_name, _RET_IP_);
	if (!node)
		return NULL;
	node->fops.scope = scope;
	node->fops.listed = listed;
	return node;
}

/*
 * Returns true if @p is in the memory of the scope itself, which stays when its
 * resources are released.
 */
static bool cdevm_is_embedded(const struct cdevm_scope *scope, const void *p, size_t size)
{
	scope = cdevm_whole(scope);
	return p >= scope->mem && p + size <= scope->mem + scope->mem_size;
}

/*
 * Allocate a node for @scope: in a part of it if nodes are removed alone,
 * otherwise in the scope itself.
 */
static struct cdevm_node *cdevm_node_new(struct cdevm_scope *scope, gfp_t gfp)
{
	struct cdevm_node *node;
	struct cdevm_scope *part;

	if (scope->ops && scope->ops->nodes_go_alone) {
		part = cdevm_add_part(scope, &node);
		return IS_ERR(part) ? ERR_CAST(part) : node;
	}
	node = cdevm_node_alloc(scope, cdevm_releases_at_unbind(scope), gfp);
	return node ?: ERR_PTR(-ENOMEM);
}

/*
 * Finish publishing with the result @ret. @node may be freed by this.
 */
static int cdevm_node_done(struct cdevm_node *node, int ret)
{
	struct cdevm_scope *scope = node->fops.scope;

	if (!scope->parent)
		return ret;
	/* The reference is that of cdevm_add_part(). */
	if (ret)
		cdevm_drop_part(scope);
	else
		resmgr_object_put(&scope->obj);
	return ret;
}

/*
 * References of the VFS on a node hold the scope; or only its memory, if files
 * of the node let go of the driver.
 */
static void cdevm_node_get(struct cdevm_node *node)
{
	if (node->fops.lets_go)
		cdevm_hold_memory(node->fops.scope);
	else
		cdevm_get(node->fops.scope);
}

static void cdevm_node_put(struct cdevm_node *node)
{
	if (node->fops.lets_go)
		cdevm_put_memory(node->fops.scope);
	else
		cdevm_put(node->fops.scope);
}

/*
 * Whoever finds a node can open it, so a scope of no driver stays for its nodes,
 * also if its owner forgets to withdraw it. A driver is unbound in any case,
 * and until then holds the scope.
 */
static void cdevm_hold_for_nodes(struct cdevm_scope *scope)
{
	lockdep_assert_held(&scope->lock);

	if (!scope->alone || scope->nodes_hold)
		return;
	scope->nodes_hold = true;
	resmgr_object_get(&scope->obj);
}

/*
 * No node is left. Unlocks the scope. The caller has a reference of its own, so
 * this does not drop the last one.
 */
static void cdevm_unlock_and_drop(struct cdevm_scope *scope)
{
	bool held = scope->nodes_hold;

	scope->nodes_hold = false;
	mutex_unlock(&scope->lock);
	if (held)
		resmgr_object_put(&scope->obj);
}

/*
 * Replace the driver's operations at @fops by wrapped ones and publish the node
 * with @add, unless unbinding has begun. The lock makes the two exclude each
 * other: either the unpublish step sees the node, or this sees the revoke.
 */
static int cdevm_publish(struct cdevm_node *node, const char *type,
			 const struct file_operations **fops,
			 int (*add)(struct cdevm_node *node),
			 resmgr_release_t unpublish)
{
	struct cdevm_scope *scope = node->fops.scope;
	int ret = -ENODEV;

	if (WARN(!*fops, "cdevm: %s: %s has no file operations\n", scope->name,
		 node->name))
		return -EINVAL;
	cdevm_fops_init(&node->fops, scope, *fops, node->name, node->type);
	resmgr_node_init(&node->res, unpublish, type, 0);

	mutex_lock(&scope->lock);
	if (!cdevm_is_revoked(scope))
		ret = cdevm_is_zapped(&node->fops) ? cdevm_mapping_init(scope) : 0;
	if (!ret)
		ret = cdevm_bound_publish(scope);
	if (!ret) {
		*fops = &node->fops.fops;
		ret = add(node);
		/*
		 * A cdev with a device could be opened before the device turned
		 * out not to be addable. Such an open() must still find the
		 * wrapped operations in it.
		 */
		if (ret && !node->device)
			*fops = node->fops.orig;
	}
	if (!ret) {
		cdevm_hold_for_nodes(scope);
		/* Cannot fail: the lock keeps the nodes from being released. */
		resmgr_node_add(&scope->steps[CDEVM_STEP_UNPUBLISH], &node->res);
		node->published = true;
		cdevm_trace(publish, scope, node->name,
			    node->misc ? (void *)node->misc : node->cdev);
	}
	mutex_unlock(&scope->lock);
	return ret;
}

void cdevm_unpublish(struct cdevm_scope *scope)
{
	mutex_lock(&scope->lock);
	resmgr_release_final(&scope->steps[CDEVM_STEP_UNPUBLISH]);
	cdevm_unlock_and_drop(scope);
}

static void cdevm_pin_release(struct kobject *kobj)
{
	struct kobject *parent = kobj->parent;

	/* The node may be freed after this. */
	cdevm_node_put(container_of(kobj, struct cdevm_node, pin));
	/*
	 * The pin was never in sysfs, so kobject_put() does not drop its
	 * parent.
	 */
	kobject_put(parent);
}

static const struct kobj_type cdevm_pin_type = {
	.release = cdevm_pin_release,
};

/*
 * Let files of the node let go of the driver, if that is possible. They hold
 * its cdev until they are closed. A cdev that names the module as its owner
 * would hold the module.
 */
static void cdevm_may_let_go(struct cdevm_node *node, struct cdev *cdev, bool may)
{
	struct cdevm_scope *scope = node->fops.scope;

	if (!may || !node->fops.listed || !cdev->ops ||
	    !cdevm_lets_go(scope, NULL, cdev->ops) ||
	    !cdevm_is_embedded(scope, cdev, sizeof(*cdev)))
		return;
	node->fops.lets_go = true;
	cdev->owner = NULL;
}

static int cdevm_do_add_cdev(struct cdevm_node *node)
{
	return cdev_add(node->cdev, node->cdev->dev, node->cdev->count);
}

static void cdevm_remove_cdev(struct resmgr *mgr, struct resmgr_node *res)
{
	struct cdevm_node *node = container_of(res, struct cdevm_node, res);

	cdevm_trace(unpublish, node->fops.scope, node->name);
	cdev_del(node->cdev);
}

/**
 * cdevm_add_cdev() - cdev_add() for a cdev in memory of the scope
 * @scope: scope
 * @cdev: after cdev_init() with the driver's file operations. An open file holds
 *	the module of @scope, whatever their owner is: they must be of that
 *	module, or of one that it depends on
 * @devt: first device number
 * @count: number of consecutive minors
 *
 * The node can be opened at once. It is removed at unbind, before ->remove().
 *
 * Context: Process context, may sleep. Not from a file operation of the scope.
 * Return: 0; -ENOMEM; -ENODEV if unbinding has begun; -EINVAL with a WARN for a
 * cdev without file operations; the error of cdev_add(). On an error the cdev
 * is unchanged.
 */
int cdevm_add_cdev(struct cdevm_scope *scope, struct cdev *cdev, dev_t devt,
		   unsigned int count)
{
	struct kobject *parent = cdev->kobj.parent;
	struct module *owner = cdev->owner;
	struct cdevm_node *node;
	int ret;

	node = cdevm_node_new(scope, GFP_KERNEL);
	if (IS_ERR(node))
		return PTR_ERR(node);
	cdevm_may_let_go(node, cdev, !parent);
	snprintf(node->name, sizeof(node->name), "%u:%u", MAJOR(devt), MINOR(devt));

	/* A parent that the driver has set stays, behind ours. */
	kobject_init(&node->pin, &cdevm_pin_type);
	node->pin.parent = kobject_get(parent);
	cdevm_node_get(node);

	node->cdev = cdev;
	cdev->dev = devt;
	cdev->count = count;
	cdev_set_parent(cdev, &node->pin);

	ret = cdevm_publish(node, "cdev", &cdev->ops, cdevm_do_add_cdev,
			    cdevm_remove_cdev);
	if (ret) {
		cdev->kobj.parent = parent;
		cdev->owner = owner;
	}
	/* The cdev has its own reference now, or needs none. */
	kobject_put(&node->pin);
	return cdevm_node_done(node, ret);
}
EXPORT_SYMBOL_GPL(cdevm_add_cdev);

/*
 * Find the release function of @device. This is done now and not at its end:
 * its class may be gone before the last reference on it.
 */
static void (*cdevm_find_release(const struct device *device))(struct device *)
{
	if (device->release)
		return device->release;
	if (device->type && device->type->release)
		return device->type->release;
	return device->class ? device->class->dev_release : NULL;
}

/* The last reference on the device, and so on its cdev, was dropped. */
static void cdevm_device_release(struct device *device)
{
	struct cdevm_node *node;

	spin_lock(&cdevm_devices_lock);
	hash_for_each_possible(cdevm_devices, node, device_hash,
			       (unsigned long)device)
		if (node->device == device)
			break;
	hash_del(&node->device_hash);
	spin_unlock(&cdevm_devices_lock);

	if (node->device_release)
		node->device_release(device);
	cdevm_node_put(node);
}

/**
 * cdevm_node_hold() - let a device hold the scope until it is released
 * @node: node that is being added
 * @device: after device_initialize(), with its release function set; one for
 *	each node
 *
 * Context: Process context. From the add function of a &struct cdevm_node_type.
 */
void cdevm_node_hold(struct cdevm_node *node, struct device *device)
{
	node->device = device;
	node->device_release = cdevm_find_release(device);
	device->release = cdevm_device_release;
	cdevm_node_get(node);
	spin_lock(&cdevm_devices_lock);
	hash_add(cdevm_devices, &node->device_hash, (unsigned long)device);
	spin_unlock(&cdevm_devices_lock);
}
EXPORT_SYMBOL_GPL(cdevm_node_hold);

static int cdevm_do_add_cdev_device(struct cdevm_node *node)
{
	return cdev_device_add(node->cdev, node->device);
}

static void cdevm_remove_cdev_device(struct resmgr *mgr, struct resmgr_node *res)
{
	struct cdevm_node *node = container_of(res, struct cdevm_node, res);
	struct device *device = node->device;

	cdevm_trace(unpublish, node->fops.scope, node->name);
	cdev_device_del(node->cdev, device);
	put_device(device);
}

/**
 * cdevm_add_cdev_device() - cdev_device_add() for memory of the scope
 * @scope: scope
 * @cdev: after cdev_init() with the driver's file operations
 * @device: after device_initialize(), with devt and name set
 *
 * This takes over the reference on @device that device_initialize() gave the
 * caller, also on an error. @device needs no release function; if it has one,
 * that must not free memory of the scope. After an error @cdev needs another
 * cdev_init() before it is used again.
 *
 * Context: Process context, may sleep. Not from a file operation of the scope.
 * Return: 0; -ENODEV if unbinding has begun; -EINVAL with a WARN for a cdev
 * without file operations; the error of cdev_device_add(). -ESHUTDOWN with a
 * WARN if @scope has seen its final release, which no caller with a reference
 * can see.
 */
int cdevm_add_cdev_device(struct cdevm_scope *scope, struct cdev *cdev,
			  struct device *device)
{
	struct cdevm_node *node = cdevm_node_new(scope, GFP_KERNEL | __GFP_NOFAIL);
	int ret = PTR_ERR_OR_ZERO(node);

	/*
	 * An error cannot be handled without a node: the device is initialised,
	 * its last put may free it later, and only the node can keep the scope
	 * until then. Allocating a part may fail.
	 */
	if (ret)
		node = cdevm_node_alloc(scope, cdevm_releases_at_unbind(scope),
					GFP_KERNEL | __GFP_NOFAIL);
	if (!node)
		return -ESHUTDOWN;
	cdevm_may_let_go(node, cdev, !cdevm_find_release(device) &&
			 cdevm_is_embedded(scope, device, sizeof(*device)));
	strscpy(node->name, dev_name(device));

	node->cdev = cdev;
	cdevm_node_hold(node, device);

	if (!ret)
		ret = cdevm_publish(node, "cdev_device", &cdev->ops,
				    cdevm_do_add_cdev_device, cdevm_remove_cdev_device);
	if (ret)
		put_device(device);
	return cdevm_node_done(node, ret);
}
EXPORT_SYMBOL_GPL(cdevm_add_cdev_device);

static void cdevm_put_misc_device(struct resmgr *mgr, struct resmgr_node *res)
{
	put_device(container_of(res, struct cdevm_node, misc_held)->misc_device);
}

/*
 * A file of a misc device does not hold the device, and drivers use it, if only
 * for dev_err(): in calls, which go on until the drain, and in ->release().
 */
static int cdevm_do_register_misc(struct cdevm_node *node)
{
	struct cdevm_scope *scope = node->fops.scope;
	int ret = misc_register(node->misc);

	if (ret)
		return ret;
	node->misc_device = get_device(node->misc->this_device);
	resmgr_node_init(&node->misc_held, cdevm_put_misc_device, "misc_device", 0);
	/* Cannot fail: the node is of the same manager. */
	return resmgr_node_add(cdevm_node_mgr(scope, node->fops.listed), &node->misc_held);
}

static void cdevm_remove_misc(struct resmgr *mgr, struct resmgr_node *res)
{
	struct cdevm_node *node = container_of(res, struct cdevm_node, res);

	cdevm_trace(unpublish, node->fops.scope, node->name);
	misc_deregister(node->misc);
	/*
	 * misc_open() cannot find it any more, and it may be registered again.
	 */
	node->misc->fops = node->fops.orig;
}

/**
 * cdevm_register_misc() - misc_register() for a misc device of a scope
 * @scope: scope
 * @misc: misc device with the driver's file operations
 *
 * The node can be opened at once. It is removed at unbind, before ->remove().
 *
 * Context: Process context, may sleep. Not from a file operation of the scope,
 * and not from open() of a misc device, which holds misc_mtx.
 * Return: 0; -ENOMEM; -ENODEV if unbinding has begun; -EINVAL with a WARN for a
 * misc device without file operations; -EBUSY if @misc is registered: a call
 * that has taken it back is perhaps not over; the error of misc_register(). On
 * an error the misc device is unchanged.
 */
int cdevm_register_misc(struct cdevm_scope *scope, struct miscdevice *misc)
{
	struct cdevm_node *node;
	bool busy;

	/*
	 * A part that was removed meanwhile is taken off the list under this
	 * lock, before the wrapped operations in it are freed, and after those
	 * of the driver have taken their place.
	 */
	spin_lock(&scope->files_lock);
	busy = misc->fops && cdevm_is_wrapped(READ_ONCE(misc->fops));
	spin_unlock(&scope->files_lock);
	if (busy)
		return -EBUSY;
	node = cdevm_node_new(scope, GFP_KERNEL);
	if (IS_ERR(node))
		return PTR_ERR(node);
	strscpy(node->name, misc->name);
	node->misc = misc;
	/* A file holds nothing of a misc device. */
	node->fops.lets_go = node->fops.listed && misc->fops &&
			     cdevm_lets_go(scope, NULL, misc->fops);

	return cdevm_node_done(node, cdevm_publish(node, "misc", &misc->fops,
						   cdevm_do_register_misc,
						   cdevm_remove_misc));
}
EXPORT_SYMBOL_GPL(cdevm_register_misc);

/*
 * Remove a node that can be removed alone. From inside one of its own calls a
 * work item does it, when the call is over.
 */
static int cdevm_remove_alone(struct cdevm_scope *scope, const struct cdev *cdev,
			      const struct miscdevice *misc)
{
	struct cdevm_scope *part;
	bool found = false;
	int ret = 0;

	spin_lock(&scope->files_lock);
	list_for_each_entry(part, &scope->parts, part) {
		found = cdev ? part->only->cdev == cdev : part->only->misc == misc;
		if (!found)
			continue;
		resmgr_object_get(&part->obj);
		break;
	}
	spin_unlock(&scope->files_lock);
	if (!found) {
		WARN(!cdevm_is_revoked(scope),
		     "cdevm: %s: %ps takes back a node that is not there, or cannot go alone\n",
		     scope->name, __builtin_return_address(0));
		return -ENOENT;
	}
	if (cdevm_own_calls(part)) {
		ret = cdevm_unbind_self(part);
		/* Somebody else is removing it. */
		if (ret == -ENODEV)
			ret = 0;
	} else if (!cdevm_is_closing_file(part)) {
		/* Not in a late ->release(): another task removes it, and waits. */
		cdevm_withdraw(part);
		cdevm_end_part(part);
	}
	resmgr_object_put(&part->obj);
	return ret;
}

/**
 * cdevm_del_cdev() - remove a cdev while its scope stays
 * @scope: scope whose &cdevm_ops.nodes_go_alone is set
 * @cdev: cdev that was published with cdevm_add_cdev() or
 *	cdevm_add_cdev_device()
 *
 * Runs the steps of an unbind for this node alone: calls are refused, its
 * sleepers are woken, it is removed, the calls inside are waited for, and its
 * files are released if &cdevm_ops.release_at_unbind is set. &cdevm_ops.kick is
 * not called. No other node is waited for. From inside a call of the node this
 * is done when the call is over. In a ->release() after the revoke it does
 * nothing: the task that removes the node waits for that release.
 *
 * The memory of @cdev stays in use until the last file is closed: use another
 * cdev to publish a node again.
 *
 * Context: Process context, sleeps. Not while holding a lock that its calls
 * take.
 * Return: 0; -ENOENT if unbinding has removed it already, or with a WARN if it
 * is not a node that can be removed alone; -ENOMEM, only from inside a call of
 * the node.
 */
int cdevm_del_cdev(struct cdevm_scope *scope, struct cdev *cdev)
{
	return cdevm_remove_alone(scope, cdev, NULL);
}
EXPORT_SYMBOL_GPL(cdevm_del_cdev);

/**
 * cdevm_deregister_misc() - remove a misc device while its scope stays
 * @scope: scope whose &cdevm_ops.nodes_go_alone is set
 * @misc: misc device that was published with cdevm_register_misc(); can be
 *	published again
 *
 * Context: As cdevm_del_cdev(), and not from open() of a misc device.
 * Return: as cdevm_del_cdev().
 */
int cdevm_deregister_misc(struct cdevm_scope *scope, struct miscdevice *misc)
{
	return cdevm_remove_alone(scope, NULL, misc);
}
EXPORT_SYMBOL_GPL(cdevm_deregister_misc);

static int cdevm_do_add_node(struct cdevm_node *node)
{
	return node->type->add(node, node->data);
}

static void cdevm_remove_node(struct resmgr *mgr, struct resmgr_node *res)
{
	struct cdevm_node *node = container_of(res, struct cdevm_node, res);

	node->published = false;
	cdevm_trace(unpublish, node->fops.scope, node->name);
	if (node->type->remove)
		node->type->remove(node->data);
}

/**
 * cdevm_publish_node() - publish a node of a subsystem's type
 * @scope: scope
 * @type: kind of node
 * @name: for traces; copied
 * @data: argument of the functions of @type
 *
 * The node can be opened at once. It is removed at unbind, before ->remove().
 *
 * Context: Process context, may sleep. Not from a file operation of the scope.
 * Return: 0; -ENOMEM; -ENODEV if unbinding has begun; the error of the add
 * function of @type.
 */
int cdevm_publish_node(struct cdevm_scope *scope,
		       const struct cdevm_node_type *type, const char *name,
		       void *data)
{
	struct cdevm_node *node = cdevm_node_alloc(scope, false, GFP_KERNEL);
	const struct file_operations *fops = type->fops;
	int ret;

	if (!node)
		return -ENOMEM;
	strscpy(node->name, name);
	node->type = type;
	node->data = data;
	kobject_init(&node->pin, &cdevm_pin_type);
	cdevm_get(scope);

	ret = cdevm_publish(node, type->name, &fops, cdevm_do_add_node,
			    cdevm_remove_node);
	/* The cdev has its own reference now, or needs none. */
	kobject_put(&node->pin);
	return ret;
}
EXPORT_SYMBOL_GPL(cdevm_publish_node);

/**
 * cdevm_publish_dispatched() - publish a node that a subsystem finds by minor
 * @scope: scope
 * @type: kind of node, without file operations. Its add function puts
 *	cdevm_node_fops() into the subsystem's table
 * @fops: file operations of the driver, which differ from node to node
 * @name: for traces; copied
 * @data: argument of the functions of @type
 *
 * For a subsystem that has one cdev for the nodes of many drivers, and whose
 * open() calls that of the driver. It is like cdevm_publish_node(), but the
 * files belong to the driver: they are released at unbind if the scope's
 * &cdevm_ops.release_at_unbind is set.
 *
 * Context: Process context, may sleep. Not from a file operation of the scope.
 * Return: 0; -ENOMEM; -ENODEV if unbinding has begun; -EINVAL with a WARN for a
 * driver without file operations; the error of the add function of @type.
 */
int cdevm_publish_dispatched(struct cdevm_scope *scope,
			     const struct cdevm_node_type *type,
			     const struct file_operations *fops, const char *name,
			     void *data)
{
	struct cdevm_node *node;

	node = cdevm_node_alloc(scope, cdevm_releases_at_unbind(scope), GFP_KERNEL);
	if (!node)
		return -ENOMEM;
	strscpy(node->name, name);
	node->type = type;
	node->data = data;
	/*
	 * A file holds nothing of the node: the cdev belongs to the subsystem.
	 */
	node->fops.lets_go = node->fops.listed && fops &&
			     cdevm_lets_go(scope, type, fops);
	return cdevm_publish(node, type->name, &fops, cdevm_do_add_node,
			     cdevm_remove_node);
}
EXPORT_SYMBOL_GPL(cdevm_publish_dispatched);

/**
 * cdevm_unpublish_node() - remove a node of a subsystem while its scope stays
 * @node: node that was published with cdevm_publish_node()
 *
 * Does nothing if it was removed already. Calls may be inside, and are not
 * waited for. The memory of @node stays with the scope, and so do its files.
 *
 * Context: Process context, may sleep. Not from a file operation of the scope,
 * nor from the functions of a &struct cdevm_node_type.
 */
void cdevm_unpublish_node(struct cdevm_node *node)
{
	struct cdevm_scope *scope = node->fops.scope;
	struct resmgr *nodes = &scope->steps[CDEVM_STEP_UNPUBLISH];

	mutex_lock(&scope->lock);
	if (node->published) {
		resmgr_node_remove(nodes, &node->res);
		cdevm_remove_node(nodes, &node->res);
	}
	if (resmgr_empty(nodes))
		cdevm_unlock_and_drop(scope);
	else
		mutex_unlock(&scope->lock);
}
EXPORT_SYMBOL_GPL(cdevm_unpublish_node);

/**
 * cdevm_node_wrap() - put the gate of the scope in front of a cdev
 * @node: node that is being added
 * @cdev: after cdev_init() or cdev_alloc(), and before it is added. Its file
 *	operations are those of the node's type
 *
 * A parent that the cdev gets later replaces the one that holds the scope, and
 * must then hold it: see cdevm_node_hold().
 *
 * Context: Any context. From the add function of a &struct cdevm_node_type.
 */
void cdevm_node_wrap(struct cdevm_node *node, struct cdev *cdev)
{
	cdev->ops = &node->fops.fops;
	cdev_set_parent(cdev, &node->pin);
}
EXPORT_SYMBOL_GPL(cdevm_node_wrap);

/**
 * cdevm_node_fops() - get the file operations for a subsystem's table
 * @node: node that is being added with cdevm_publish_dispatched()
 *
 * They replace the driver's in the table. The subsystem's open() gets them with
 * fops_get(), sets them with replace_fops(), and calls their open(). From the
 * lookup in the table until that has returned, it excludes the remove function
 * of the node's type, by a lock that both take. After that the file holds the
 * scope, or open() has failed and the file does not refer to @node any more.
 *
 * Context: Any context. From the add function of a &struct cdevm_node_type.
 * Return: the driver's operations behind the scope's gate.
 */
const struct file_operations *cdevm_node_fops(const struct cdevm_node *node)
{
	return &node->fops.fops;
}
EXPORT_SYMBOL_GPL(cdevm_node_fops);

/**
 * cdevm_node_scope() - get the scope of a node
 * @node: node
 *
 * Context: Any context.
 * Return: the scope that it was published through.
 */
struct cdevm_scope *cdevm_node_scope(const struct cdevm_node *node)
{
	return node->fops.scope;
}
EXPORT_SYMBOL_GPL(cdevm_node_scope);

/*
 * Returns the node that wraps @fops for files that are on no node; %NULL if
 * there is none yet.
 */
static struct cdevm_node *cdevm_find_anon(struct cdevm_scope *scope,
					  const struct file_operations *fops)
{
	struct cdevm_node *node;

	/* Pairs with the release below: nodes on the list are complete. */
	for (node = smp_load_acquire(&scope->anon); node; node = node->next)
		if (node->fops.orig == fops)
			break;
	return node;
}

/*
 * A driver has few of them. The list only grows; if two tasks add the same
 * operations, both entries work.
 */
static struct cdevm_node *cdevm_anon_node(struct cdevm_scope *scope, const char *name,
					  const struct file_operations *fops)
{
	struct cdevm_node *node = cdevm_find_anon(scope, fops);
	int ret;

	if (node)
		return node;
	node = cdevm_node_alloc(scope, cdevm_releases_at_unbind(scope), GFP_KERNEL);
	if (!node)
		return ERR_PTR(-ENOMEM);
	strscpy(node->name, name);
	cdevm_fops_init(&node->fops, scope, fops, node->name, NULL);
	node->fops.lets_go = node->fops.listed && cdevm_lets_go(scope, NULL, fops);
	ret = cdevm_is_zapped(&node->fops) ? cdevm_mapping_init(scope) : 0;
	/* The memory of the node stays with the scope. */
	if (ret)
		return ERR_PTR(ret);
	node->next = READ_ONCE(scope->anon);
	while (!try_cmpxchg_release(&scope->anon, &node->next, node))
		;
	return node;
}

static struct file *cdevm_make_file(struct cdevm_fops *wrapped, const char *name,
				    void *priv, int flags)
{
	struct file *file;
	int ret;

	file = anon_inode_getfile(name, &wrapped->fops, priv, flags);
	if (IS_ERR(file))
		return file;
	ret = cdevm_give_file(file, wrapped);
	return ret ? ERR_PTR(ret) : file;
}

/**
 * cdevm_anon_inode_getfd() - anon_inode_getfd() for a file of a scope
 * @scope: scope
 * @name: name of the file, as in anon_inode_getfd()
 * @fops: file operations. open() is not called
 * @priv: for &file.private_data
 * @flags: %O_CLOEXEC, %O_NONBLOCK, and the access mode
 *
 * The file behaves as if a node had been opened: it holds the scope, its calls
 * are gated, and at unbind its pollers are woken and its mappings are zapped.
 * It is released at unbind if the scope's &cdevm_ops.release_at_unbind is set.
 * Its ->release() has to undo what is behind @priv.
 *
 * Another thread may have closed the file as soon as this returns: the caller
 * does not own @priv any more.
 *
 * Context: Process context, may sleep. From a file operation of the scope, or
 * from anywhere with a reference on it.
 * Return: the file descriptor; -ENODEV if unbinding has begun; -ENOMEM; the
 * error of anon_inode_getfd(). On an error ->release() was not called.
 */
int cdevm_anon_inode_getfd(struct cdevm_scope *scope, const char *name,
			   const struct file_operations *fops, void *priv, int flags)
{
	struct cdevm_node *node;
	struct file *file;
	int fd, ret;

	node = cdevm_anon_node(scope, name, fops);
	if (IS_ERR(node))
		return PTR_ERR(node);
	fd = get_unused_fd_flags(flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	/* Inside the gate the module with the file operations is there. */
	ret = -ENODEV;
	if (!cdevm_enter(scope))
		goto err_fd;
	file = cdevm_make_file(&node->fops, name, priv, flags);
	ret = PTR_ERR_OR_ZERO(file);
	cdevm_exit(scope);
	if (ret)
		goto err_fd;
	fd_install(fd, file);
	return fd;

err_fd:
	put_unused_fd(fd);
	return ret;
}
EXPORT_SYMBOL_GPL(cdevm_anon_inode_getfd);

/**
 * cdevm_wrap_files() - put the gate of the scope in front of other files
 * @scope: scope
 * @type: kind of file, without functions; its name is that of the files. No
 *	method of it may map anything: the inode is shared with others, so
 *	nothing would be zapped
 *
 * Call it once for all files of a kind. The file operations stay with the
 * scope.
 *
 * Context: Process context, may sleep.
 * Return: the argument for cdevm_anon_inode_getfile(); %NULL if there is no
 * memory, and with a WARN for files that can be mapped.
 */
struct cdevm_fops *cdevm_wrap_files(struct cdevm_scope *scope,
				    const struct cdevm_node_type *type)
{
	struct cdevm_fops *wrapped;

	wrapped = cdevm_kzalloc(scope, sizeof(*wrapped), GFP_KERNEL);
	if (!wrapped)
		return NULL;
	cdevm_fops_init(wrapped, scope, type->fops, type->name, type);
	if (WARN(cdevm_is_zapped(wrapped), "cdevm: %s: %s can be mapped\n", scope->name,
		 type->name))
		return NULL;
	return wrapped;
}
EXPORT_SYMBOL_GPL(cdevm_wrap_files);

/**
 * cdevm_anon_inode_getfile() - anon_inode_getfile() for a file of a scope
 * @wrapped: what cdevm_wrap_files() returned
 * @priv: private_data of the file
 * @flags: as for anon_inode_getfile()
 *
 * The file holds the scope until after its release method, as the file of a
 * node does. It is not released at unbind, even if &cdevm_ops.release_at_unbind
 * is set.
 *
 * Context: Process context, may sleep. From a file operation of the scope.
 * Return: the file; the error of anon_inode_getfile().
 */
struct file *cdevm_anon_inode_getfile(struct cdevm_fops *wrapped, void *priv,
				      int flags)
{
	return cdevm_make_file(wrapped, wrapped->name, priv, flags);
}
EXPORT_SYMBOL_GPL(cdevm_anon_inode_getfile);

/**
 * cdevm_file_operations() - get the file operations behind the gate
 * @file: file on which the caller has a reference; of a scope or not
 *
 * Context: Any context.
 * Return: its file operations without a gate; compare them to identify the kind
 * of file.
 */
const struct file_operations *cdevm_file_operations(const struct file *file)
{
	if (cdevm_is_wrapped(file->f_op))
		return cdevm_file_fops(file)->orig;
	return file->f_op;
}
EXPORT_SYMBOL_GPL(cdevm_file_operations);
