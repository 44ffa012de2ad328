// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm as a module: how a scope is bound to its device
 *
 * In a kernel with cdevm a scope is an early resource of its device, and the
 * driver core runs the steps of all early resources before ->remove(). Here the
 * resources of a device are on a list without early ones. So each device with
 * scopes gets a manager of its own for these, and three mechanisms replace the
 * driver core:
 *
 * A notifier of the bus. BUS_NOTIFY_UNBIND_DRIVER comes right before
 * ->remove(), BUS_NOTIFY_DRIVER_NOT_BOUND when a probe has failed, before the
 * managed resources are released. Both run the steps of all scopes of the
 * device.
 *
 * A managed resource for each scope. Its release, in its turn among the others,
 * drops the reference on the scope. The steps have run by then, or run now.
 *
 * A managed resource for each published node. Its release runs the steps of the
 * scope, unless they have run. It is newer than everything that the driver has
 * acquired before it published the node, which is what a call may use. So the
 * order is right even without a notifier: when a devres group is released,
 * which some buses do themselves when a probe has failed, and with
 * DEBUG_TEST_DRIVER_REMOVE.
 */
#include <linux/device.h>
#include <linux/hashtable.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "cdevm/bound.h"
#include "cdevm/internal.h"

/**
 * struct cdevm_device - a device that has scopes
 * @mgr: the scopes
 * @dev: the device. Not held: its managed resources hold this struct
 * @hash: link in cdevm_bound_devices
 * @users: number of resources of scopes, and of tasks that use @mgr. Protected
 *	by cdevm_bound_lock
 */
struct cdevm_device {
	struct resmgr		mgr;
	struct device		*dev;
	struct hlist_node	hash;
	unsigned int		users;
};

/**
 * struct cdevm_bus - a bus whose notifier is registered
 * @nb: the notifier
 * @bus: the bus
 * @link: in cdevm_buses
 */
struct cdevm_bus {
	struct notifier_block	nb;
	const struct bus_type	*bus;
	struct list_head	link;
};

static DEFINE_HASHTABLE(cdevm_bound_devices, 6);
static DEFINE_SPINLOCK(cdevm_bound_lock);

/* Protects cdevm_buses. The lock of a bus's notifiers is taken under it. */
static DEFINE_MUTEX(cdevm_buses_lock);
static LIST_HEAD(cdevm_buses);

static const char *cdevm_device_owner_name(const struct resmgr *mgr)
{
	return dev_name(container_of(mgr, struct cdevm_device, mgr)->dev);
}

static const struct resmgr_class cdevm_device_class = {
	.name		= "cdevm-bound",
	.owner_name	= cdevm_device_owner_name,
};

static struct cdevm_device *cdevm_find_device(const struct device *dev)
{
	struct cdevm_device *found;

	lockdep_assert_held(&cdevm_bound_lock);

	hash_for_each_possible(cdevm_bound_devices, found, hash, (unsigned long)dev)
		if (found->dev == dev)
			return found;
	return NULL;
}

static struct cdevm_device *cdevm_get_device(const struct device *dev)
{
	struct cdevm_device *found;

	spin_lock(&cdevm_bound_lock);
	found = cdevm_find_device(dev);
	if (found)
		found->users++;
	spin_unlock(&cdevm_bound_lock);
	return found;
}

static void cdevm_put_device(struct cdevm_device *device)
{
	bool last;

	spin_lock(&cdevm_bound_lock);
	last = !--device->users;
	if (last)
		hash_del(&device->hash);
	spin_unlock(&cdevm_bound_lock);
	if (last)
		kfree(device);
}

/* Returns the entry of @dev, or a new one. */
static struct cdevm_device *cdevm_make_device(struct device *dev)
{
	struct cdevm_device *made, *found;

	made = kzalloc_obj(*made, GFP_KERNEL);
	if (!made)
		return NULL;
	resmgr_init(&made->mgr, &cdevm_device_class);
	made->dev = dev;

	spin_lock(&cdevm_bound_lock);
	found = cdevm_find_device(dev);
	if (!found) {
		found = made;
		hash_add(cdevm_bound_devices, &made->hash, (unsigned long)dev);
	}
	found->users++;
	spin_unlock(&cdevm_bound_lock);
	if (found != made)
		kfree(made);
	return found;
}

static int cdevm_bus_notify(struct notifier_block *nb, unsigned long action,
			    void *data)
{
	struct cdevm_device *device;

	if (action != BUS_NOTIFY_UNBIND_DRIVER && action != BUS_NOTIFY_DRIVER_NOT_BOUND)
		return NOTIFY_DONE;
	device = cdevm_get_device(data);
	if (!device)
		return NOTIFY_DONE;
	resmgr_release_early(&device->mgr);
	cdevm_put_device(device);
	return NOTIFY_OK;
}

/*
 * Register a notifier of a bus, from the first scope of a device on it until
 * the bus is removed.
 */
static int cdevm_listen(struct device *dev)
{
	struct cdevm_bus *entry;
	int ret = 0;

	if (!dev->bus) {
		dev_err(dev, "cdevm: a device without a bus cannot have a scope: nothing would tell when its driver goes\n");
		return -EINVAL;
	}
	mutex_lock(&cdevm_buses_lock);
	list_for_each_entry(entry, &cdevm_buses, link)
		if (entry->bus == dev->bus)
			goto out;

	ret = -ENOMEM;
	entry = kzalloc_obj(*entry, GFP_KERNEL);
	if (!entry)
		goto out;
	entry->bus = dev->bus;
	/*
	 * Other notifiers may remove what calls use: power, an address
	 * translation.
	 */
	entry->nb.priority = INT_MAX;
	entry->nb.notifier_call = cdevm_bus_notify;
	ret = bus_register_notifier(dev->bus, &entry->nb);
	if (ret)
		kfree(entry);
	else
		list_add(&entry->link, &cdevm_buses);
out:
	mutex_unlock(&cdevm_buses_lock);
	return ret;
}

/**
 * struct cdevm_bound - the managed resource of a scope
 * @device: holds a user
 * @early: the node of the scope
 */
struct cdevm_bound {
	struct cdevm_device	*device;
	struct resmgr_early	*early;
};

static bool cdevm_bound_match(struct resmgr *mgr, struct resmgr_node *node,
			      const void *early)
{
	return container_of(node, struct resmgr_early, node) == early;
}

static void cdevm_published_release(struct device *dev, void *res)
{
	struct cdevm_scope **scope = res;

	cdevm_bound_finish(dev, &(*scope)->bound);
}

static int cdevm_published_match(struct device *dev, void *res, void *early)
{
	struct cdevm_scope **scope = res;

	return &(*scope)->bound == early;
}

static void cdevm_bound_release(struct device *dev, void *res)
{
	struct cdevm_bound *bound = res;
	struct resmgr *mgr = &bound->device->mgr;

	resmgr_early_finish(mgr, bound->early);
	/* Nodes that were published outside the group that is released. */
	while (!devres_destroy(dev, cdevm_published_release, cdevm_published_match,
			       bound->early))
		;
	resmgr_find_release(mgr, RESMGR_EARLY, bound->early->node.fn,
			    cdevm_bound_match, bound->early);
	cdevm_put_device(bound->device);
}

/**
 * cdevm_bound_add() - bind a scope to its device
 * @dev: device
 * @early: node of the scope
 *
 * Context: Process context, may sleep.
 * Return: 0; -ENOMEM; -EINVAL with a message if @dev has no bus.
 */
int cdevm_bound_add(struct device *dev, struct resmgr_early *early)
{
	struct cdevm_bound *bound;
	int ret;

	ret = cdevm_listen(dev);
	if (ret)
		return ret;
	bound = devres_alloc(cdevm_bound_release, sizeof(*bound), GFP_KERNEL);
	if (!bound)
		return -ENOMEM;
	bound->device = cdevm_make_device(dev);
	if (!bound->device) {
		devres_free(bound);
		return -ENOMEM;
	}
	bound->early = early;
	/* Cannot fail: the manager is initialised, and has no final release. */
	resmgr_early_add(&bound->device->mgr, early);
	devres_add(dev, bound);
	return 0;
}

/**
 * cdevm_bound_finish() - run the remaining steps of a scope now
 * @dev: its device
 * @early: its node, which the caller keeps
 *
 * Context: Process context, sleeps.
 */
void cdevm_bound_finish(struct device *dev, struct resmgr_early *early)
{
	struct cdevm_device *device = cdevm_get_device(dev);

	resmgr_early_finish(&device->mgr, early);
	cdevm_put_device(device);
}

/**
 * cdevm_bound_publish() - a node is about to be published
 * @scope: its scope, whose lock is held, and which is not revoked
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int cdevm_bound_publish(struct cdevm_scope *scope)
{
	struct cdevm_scope **res, *part = NULL;

	/*
	 * A node that can be removed alone is in a part, which ends with the
	 * whole.
	 */
	if (scope->parent) {
		part = scope;
		scope = scope->parent;
	}
	/* A scope of no driver is ended explicitly. */
	if (!scope->dev)
		return 0;
	/* One is enough: nodes that come and go do not each add one. */
	if (part && devres_find(scope->dev, cdevm_published_release,
				cdevm_published_match, &scope->bound))
		return 0;
	res = devres_alloc(cdevm_published_release, sizeof(*res), GFP_KERNEL);
	if (!res)
		return -ENOMEM;
	*res = scope;
	devres_add(scope->dev, res);
	return 0;
}

static void cdevm_forget_bus(struct cdevm_bus *entry)
{
	list_del(&entry->link);
	kfree(entry);
}

/**
 * cdevm_bound_forget() - drop the buses that are in a module being removed
 * @mod: the module, whose exit function has run
 *
 * Context: Process context, may sleep.
 */
void cdevm_bound_forget(const struct module *mod)
{
	struct cdevm_bus *entry, *next;

	mutex_lock(&cdevm_buses_lock);
	list_for_each_entry_safe(entry, next, &cdevm_buses, link)
		if (within_module((unsigned long)entry->bus, mod))
			cdevm_forget_bus(entry);
	mutex_unlock(&cdevm_buses_lock);
}

/**
 * cdevm_bound_exit() - unregister all notifiers
 *
 * Context: Process context, may sleep. Only when there are no scopes.
 */
void cdevm_bound_exit(void)
{
	struct cdevm_bus *entry, *next;

	mutex_lock(&cdevm_buses_lock);
	list_for_each_entry_safe(entry, next, &cdevm_buses, link) {
		bus_unregister_notifier(entry->bus, &entry->nb);
		cdevm_forget_bus(entry);
	}
	mutex_unlock(&cdevm_buses_lock);
}
