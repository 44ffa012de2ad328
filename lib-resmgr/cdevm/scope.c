// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: the life of a scope
 */

/**
 * DOC: life of a scope
 *
 * A scope is a refcounted resource manager with a gate. It is referenced by the
 * binding, until the devm resources of the device are released; by each
 * published cdev, until the VFS lets go of it; by each open file; and by
 * drivers. If there is no binding, its published nodes hold it together.
 *
 * A file that was released at unbind, and has let go of the driver, has no such
 * reference. It needs the memory of its operations and of the gate. That memory
 * is kept for it after all resources are released: see files.c.
 *
 * Ending a scope: a scope is an early resource of its device. So it always ends
 * in the same steps, which run before the first resource is released: at unbind
 * before ->remove(), when a probe has failed, and when the devres group of the
 * scope is released. Each step runs for all scopes that end together before the
 * next step runs for any. cdevm_withdraw() runs them for one scope. The steps
 * are in cdevm_steps.
 *
 * What a subsystem or a driver adds to a step is a resource of that step, see
 * &enum cdevm_step: there is a manager for each, which is released for good in
 * the step, newest resource first. The lock of the manager protects its list.
 * Only the nodes need more: an addition that is in progress when the gate is
 * revoked has to be removed, so &cdevm_scope.lock makes a publish and the
 * unpublish step exclude each other. &cdevm_ops.kick is called before the
 * resources of its step, and &cdevm_ops.released after those of the scope. They
 * are callbacks and no resources, since setting them cannot fail.
 *
 * Modules: a scope that held a reference on its module while the driver is
 * bound would keep the module from being removed. A scope that holds none can
 * outlive the text of its release functions: open files pin the module, but
 * neither a cdev that somebody has looked up nor cdevm_get() does. So the
 * removal of a module waits, after its exit function, until no scope of the
 * module is left.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "bound.h"
#include "internal.h"
#include "../internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/cdevm.h>

DEFINE_SPINLOCK(cdevm_live_lock);
LIST_HEAD(cdevm_live);
static DECLARE_WAIT_QUEUE_HEAD(cdevm_live_wait);

static struct cdevm_scope *mgr_to_scope(const struct resmgr *mgr)
{
	return container_of(mgr, struct cdevm_scope, obj.mgr);
}

static const char *cdevm_owner_name(const struct resmgr *mgr)
{
	return mgr_to_scope(mgr)->name;
}

/*
 * A scope may outlive its device. So the names of the bus and the driver are
 * stored behind its own, in the same memory.
 */
static const char *cdevm_dup_names(const char *name, struct resmgr_origin origin)
{
	return kasprintf(GFP_KERNEL, "%s%c%s%c%s", name, '\0', origin.bus ?: "-", '\0',
			 origin.driver ?: "-");
}

static struct resmgr_origin cdevm_scope_origin(const struct cdevm_scope *scope)
{
	struct resmgr_origin origin;

	origin.bus = scope->name + strlen(scope->name) + 1;
	origin.driver = origin.bus + strlen(origin.bus) + 1;
	return origin;
}

static struct resmgr_origin cdevm_origin(const struct resmgr *mgr)
{
	return cdevm_scope_origin(mgr_to_scope(mgr));
}

/* Drop a hold on the memory of a scope, and free it with the last one. */
void cdevm_put_memory(struct cdevm_scope *scope)
{
	if (!refcount_dec_and_test(&scope->held))
		return;
	if (scope->parent)
		cdevm_put_memory(scope->parent);
	cdevm_mapping_destroy(scope);
	if (!resmgr_empty(&scope->steps[CDEVM_STEP_FREE]))
		resmgr_release_final(&scope->steps[CDEVM_STEP_FREE]);
	resmgr_gate_destroy(&scope->gate);
	mutex_destroy(&scope->lock);
	kfree(scope->name);
	kfree(scope->mem);
}

/*
 * A scope of no driver that was never withdrawn has had no steps. It may have
 * actions on them, which use what the scope has: they come before that goes. It
 * has no node, which would hold it. An action that takes something back from
 * others comes too late here.
 */
static void cdevm_last_put(struct resmgr *mgr)
{
	struct cdevm_scope *scope = mgr_to_scope(mgr);
	enum cdevm_step step;

	for (step = CDEVM_STEP_KICK; step <= CDEVM_STEP_STOP; step++) {
		/* Released for good: the scope was withdrawn. */
		if (!READ_ONCE(scope->steps[step].newest))
			continue;
		WARN(step == CDEVM_STEP_UNPUBLISH && !resmgr_empty(&scope->steps[step]),
		     "cdevm: %s: the last reference has gone before cdevm_withdraw()\n",
		     scope->name);
		resmgr_release_final(&scope->steps[step]);
	}
}

static void cdevm_free(struct resmgr *mgr)
{
	struct cdevm_scope *scope = mgr_to_scope(mgr);

	cdevm_trace(free, scope);
	if (scope->ops && scope->ops->released)
		scope->ops->released(scope);

	/*
	 * The module may be removed from here on: the code that remains is not
	 * in it.
	 */
	spin_lock(&cdevm_live_lock);
	list_del(&scope->live);
	spin_unlock(&cdevm_live_lock);
	wake_up_all(&cdevm_live_wait);
	cdevm_put_memory(scope);
}

static const struct resmgr_class cdevm_class = {
	.name		= "cdevm",
	.owner_name	= cdevm_owner_name,
	.origin		= cdevm_origin,
	.last_put	= cdevm_last_put,
	.free		= cdevm_free,
};

static const struct resmgr_class cdevm_step_classes[CDEVM_STEPS];

/* The managers of the steps lie in the order of their classes. */
static struct cdevm_scope *cdevm_step_scope(const struct resmgr *mgr)
{
	return container_of(mgr - (mgr->class - cdevm_step_classes), struct cdevm_scope,
			    steps[0]);
}

static const char *cdevm_step_owner_name(const struct resmgr *mgr)
{
	return cdevm_step_scope(mgr)->name;
}

static struct resmgr_origin cdevm_step_origin(const struct resmgr *mgr)
{
	return cdevm_scope_origin(cdevm_step_scope(mgr));
}

#define CDEVM_STEP_CLASS(_name) {					\
	.name		= _name,					\
	.owner_name	= cdevm_step_owner_name,			\
	.origin		= cdevm_step_origin,				\
}

static const struct resmgr_class cdevm_step_classes[CDEVM_STEPS] = {
	[CDEVM_STEP_KICK]	= CDEVM_STEP_CLASS("cdevm-kicks"),
	[CDEVM_STEP_UNPUBLISH]	= CDEVM_STEP_CLASS("cdevm-nodes"),
	[CDEVM_STEP_STOP]	= CDEVM_STEP_CLASS("cdevm-stops"),
	[CDEVM_STEP_FREE]	= CDEVM_STEP_CLASS("cdevm-memory"),
};

/*
 * Each step has a lock class of its own: the list in debugfs looks at the nodes
 * under the lock of what their memory is on.
 */
static void cdevm_steps_init(struct cdevm_scope *scope)
{
	static struct lock_class_key keys[CDEVM_STEPS];
	unsigned int i;

	for (i = 0; i < CDEVM_STEPS; i++)
		__resmgr_init(&scope->steps[i], &cdevm_step_classes[i],
			      cdevm_step_classes[i].name, &keys[i]);
}

/* Returns a part that is not revoked yet, with a reference. */
static struct cdevm_scope *cdevm_get_unrevoked_part(struct cdevm_scope *scope)
{
	struct cdevm_scope *part;
	bool found = false;

	spin_lock(&scope->files_lock);
	list_for_each_entry(part, &scope->parts, part) {
		found = !cdevm_is_revoked(part);
		if (!found)
			continue;
		resmgr_object_get(&part->obj);
		break;
	}
	spin_unlock(&scope->files_lock);
	return found ? part : NULL;
}

/*
 * Refuse new calls, and wake everybody who can be woken without the driver. The
 * parts have gates of their own.
 */
static void cdevm_revoke(struct cdevm_scope *scope)
{
	struct cdevm_scope *part;

	if (resmgr_gate_revoke(&scope->gate))
		cdevm_trace(revoke, scope);
	cdevm_wake_polled(scope);
	/*
	 * No key: pollers of nodes of all types are here, and a select() for
	 * exceptions would not be woken by EPOLLHUP | EPOLLERR.
	 */
	__wake_up(&scope->gone, TASK_NORMAL, 0, NULL);

	while ((part = cdevm_get_unrevoked_part(scope))) {
		cdevm_revoke(part);
		resmgr_object_put(&part->obj);
	}
}

/*
 * Returns the newest scope of @dev that is not revoked yet, with a reference.
 */
static struct cdevm_scope *cdevm_get_unrevoked(const struct device *dev)
{
	struct cdevm_scope *scope;
	bool found = false;

	spin_lock(&cdevm_live_lock);
	list_for_each_entry_reverse(scope, &cdevm_live, live) {
		found = scope->dev == dev && !cdevm_is_revoked(scope) &&
			resmgr_object_tryget(&scope->obj);
		if (found)
			break;
	}
	spin_unlock(&cdevm_live_lock);
	return found ? scope : NULL;
}

/*
 * Scopes of devices below one that is unbound are revoked before its own: their
 * calls go through its driver. The remaining steps run when the child is
 * unbound, normally in ->remove() of the parent.
 *
 * This walks down the lists of children, and not up from the device of each
 * scope: a device that is being deleted may have dropped its parent already.
 */
static int cdevm_revoke_device(struct device *dev, void *unused)
{
	struct cdevm_scope *scope;

	device_for_each_child_reverse(dev, NULL, cdevm_revoke_device);

	/* One at a time, as waking the pollers can take long. */
	while ((scope = cdevm_get_unrevoked(dev))) {
		cdevm_revoke(scope);
		resmgr_object_put(&scope->obj);
	}
	return 0;
}

/*
 * Skipped when a probe fails, and for a group or a single scope: the devices
 * below, if any, are bound then and go on working.
 */
static void cdevm_step_revoke(struct cdevm_scope *scope)
{
	if (scope->dev && scope->dev->links.status == DL_DEV_UNBINDING)
		device_for_each_child_reverse(scope->dev, NULL, cdevm_revoke_device);
	cdevm_revoke(scope);
	cdevm_watch_begin(scope);
}

/*
 * This comes before the nodes are removed: misc_deregister() waits for an
 * open() in progress, which may be what sleeps. Mappings are zapped at once, so
 * that nobody goes on using the device while the later steps take their time.
 */
static void cdevm_step_kick(struct cdevm_scope *scope)
{
	cdevm_trace(kick, scope);
	cdevm_zap(scope);
	kill_fasync(&scope->fasync, SIGIO, POLL_HUP);
	if (scope->ops && scope->ops->kick)
		scope->ops->kick(scope);
	resmgr_release_final(&scope->steps[CDEVM_STEP_KICK]);
}

/*
 * A call that ends its own scope is not waited for; all others are. What it
 * does to the hardware afterwards is its own fault, so the warning names the
 * function to use instead. If two such calls wait for each other, the watch
 * reports it.
 */
static unsigned int cdevm_set_aside_own(struct cdevm_scope *scope)
{
	unsigned int own = cdevm_own_calls(scope);
	const struct cdevm_call *call;

	if (!own)
		return 0;
	call = cdevm_own_call(scope);
	pr_warn("cdevm: %s: unbound by %s of its own driver (%pS), which should use cdevm_unbind_self()\n",
		scope->name, call->method, call->fn);
	resmgr_gate_set_aside(&scope->gate, own);
	return own;
}

/*
 * Runs when no node can be opened. Mappings are zapped again at the end, when
 * no mmap() and no fault is left that could bring one back.
 */
static void cdevm_step_drain(struct cdevm_scope *scope)
{
	/*
	 * The caller may be inside another scope, perhaps of the same lock
	 * class.
	 */
	unsigned int subclass = cdevm_is_in_some_call() ? SINGLE_DEPTH_NESTING : 0;
	unsigned int own;

	cdevm_trace(drain_begin, scope);
	own = cdevm_set_aside_own(scope);
	/*
	 * The watch reports the calls inside. A timeout keeps the hung task
	 * detector quiet.
	 */
	while (!resmgr_gate_drain_nested(&scope->gate, subclass, CDEVM_REPORT_AFTER))
		;
	cdevm_wait_mappers(scope);
	if (own)
		resmgr_gate_take_back(&scope->gate, own);
	cdevm_watch_end(scope);
	cdevm_trace(drain_end, scope);

	cdevm_zap(scope);
}

/*
 * Stop what calls have started and what continues without them: no call can
 * start it again.
 */
static void cdevm_step_stop(struct cdevm_scope *scope)
{
	resmgr_release_final(&scope->steps[CDEVM_STEP_STOP]);
}

/* The last step: cdevm_withdraw() has nothing to wait for after it. */
static void cdevm_step_release(struct cdevm_scope *scope)
{
	cdevm_close_files(scope);
	spin_lock(&cdevm_live_lock);
	scope->dev = NULL;
	spin_unlock(&cdevm_live_lock);
}

static const struct {
	const char	*name;
	void		(*run)(struct cdevm_scope *scope);
} cdevm_steps[] = {
	{ "revoke",	cdevm_step_revoke },
	{ "kick",	cdevm_step_kick },
	{ "unpublish",	cdevm_unpublish },
	{ "drain",	cdevm_step_drain },
	{ "stop",	cdevm_step_stop },
	{ "release",	cdevm_step_release },
};

/* Returns the newest part that this step has not run for, with a reference. */
static struct cdevm_scope *cdevm_next_part(struct cdevm_scope *scope, unsigned int step)
{
	struct cdevm_scope *part;
	bool found = false;

	spin_lock(&scope->files_lock);
	list_for_each_entry(part, &scope->parts, part) {
		found = part->passed <= step;
		if (!found)
			continue;
		part->passed = step + 1;
		resmgr_object_get(&part->obj);
		break;
	}
	spin_unlock(&scope->files_lock);
	return found ? part : NULL;
}

/*
 * Run a step for the parts of a scope. A part that is being ended alone is
 * waited for. None is added after the revoke: see cdevm_add_part().
 */
static void cdevm_step_parts(struct cdevm_scope *scope, unsigned int step)
{
	struct cdevm_scope *part;

	while ((part = cdevm_next_part(scope, step))) {
		resmgr_early_advance(&part->steps[CDEVM_STEP_FREE], &part->bound, step + 1);
		if (step + 1 == part->bound.steps)
			cdevm_end_part(part);
		resmgr_object_put(&part->obj);
	}
}

static void cdevm_step(struct resmgr_early *early, unsigned int step)
{
	struct cdevm_scope *scope = container_of(early, struct cdevm_scope, bound);

	/*
	 * A step may do anything, even release the resources that the scope
	 * belongs to.
	 */
	resmgr_object_get(&scope->obj);
	WRITE_ONCE(scope->step, cdevm_steps[step].name);
	WRITE_ONCE(scope->ender, current);
	cdevm_steps[step].run(scope);
	cdevm_step_parts(scope, step);
	resmgr_object_put(&scope->obj);
}

/*
 * Drop the reference of the binding, in the turn of the scope among the devm
 * resources.
 */
static void cdevm_release_bound(struct resmgr *mgr, struct resmgr_node *node)
{
	struct cdevm_scope *scope = container_of(node, struct cdevm_scope, bound.node);

	cdevm_debug_unbound(scope);
	cdevm_put(scope);
}

/**
 * cdevm_withdraw() - end a scope now
 * @scope: scope
 *
 * Runs all the steps that run before ->remove(), in the same order: calls are
 * refused, sleepers are woken, the nodes are removed, the calls inside are
 * waited for, and what they have started is stopped. The scope and its memory
 * stay until the devm resources are released and the last file is closed.
 *
 * For a probe that undoes by hand what it has done: call this before undoing
 * the first thing that a call may use. A probe that leaves everything to devm
 * and cdevm does not need it. No step runs twice, neither in a second call nor
 * when the probe has failed. No node can be published through the scope
 * afterwards.
 *
 * A scope of no driver ends in no other way. A concurrent caller also returns
 * only when all steps are done, unless it is inside a call of the scope, or in
 * the release or a late unlock of one of its files: the steps wait for these, so
 * it returns at once. From inside a call that comes first this waits for all
 * other calls; use cdevm_unbind_self() there.
 *
 * Context: Process context, sleeps. Under the device lock, as in probe and
 * remove; for a scope of no driver with a reference on it.
 */
void cdevm_withdraw(struct cdevm_scope *scope)
{
	struct device *dev;

	if (scope->alone) {
		/* A task that ends the scope waits for calls and releases. */
		if (cdevm_is_in_call_of(scope) || cdevm_is_closing_file(scope))
			resmgr_early_try_finish(&scope->steps[CDEVM_STEP_FREE],
						&scope->bound);
		else
			resmgr_early_finish(&scope->steps[CDEVM_STEP_FREE],
					    &scope->bound);
		return;
	}
	spin_lock(&cdevm_live_lock);
	dev = scope->dev;
	spin_unlock(&cdevm_live_lock);
	/* The device lock keeps the scope from being ended meanwhile. */
	if (!dev)
		return;
	/* A step may release the group that the scope is in. */
	resmgr_object_get(&scope->obj);
	cdevm_bound_finish(dev, &scope->bound);
	resmgr_object_put(&scope->obj);
}
EXPORT_SYMBOL_GPL(cdevm_withdraw);

/* Find the first device below @dev that is being probed. */
static int cdevm_find_probed(struct device *dev, void *data)
{
	struct device **found = data;

	if (dev->links.status == DL_DEV_PROBING) {
		*found = get_device(dev);
		return 1;
	}
	return device_for_each_child(dev, data, cdevm_find_probed);
}

/*
 * Check that the scope is requested from the probe of @dev. A common mistake,
 * in USB drivers and in drivers of MFD cells, is to pass the parent: such a
 * scope would not end when the probed driver is unbound. Also valid is a bound
 * device in a devres group that was opened later, as component_bind() does; or
 * a bound device outside any probe.
 *
 * PCI runs probes in a worker, where the probed device is not recorded. It is
 * then enough that @dev is being probed, or that no device below it is.
 */
static int cdevm_check_device(struct device *dev)
{
	struct device *probed = cdevm_own_probe();

	if (!device_is_registered(dev))
		return -ENODEV;
	if (dev == probed || cdevm_bound_is_late(dev))
		return 0;
	if (probed) {
		get_device(probed);
	} else {
		if (dev->links.status == DL_DEV_PROBING)
			return 0;
		device_for_each_child(dev, &probed, cdevm_find_probed);
		if (!probed && dev->driver)
			return 0;
	}
	WARN(1, "cdevm: %s is not being probed, and its scope would not end when it has to%s%s%s\n",
	     dev_name(dev), probed ? "; was " : "", probed ? dev_name(probed) : "",
	     probed ? " meant?" : "");
	put_device(probed);
	return -EINVAL;
}

/*
 * Allocate memory with a scope at @offset, with one reference. It is not on any
 * list yet.
 */
static struct cdevm_scope *cdevm_scope_new(const char *name, struct resmgr_origin origin,
					   size_t size, size_t offset, int node,
					   struct module *owner, struct lock_class_key *keys)
{
	struct cdevm_scope *scope;
	void *mem;

	mem = kzalloc_node(size, GFP_KERNEL, node);
	if (!mem)
		return NULL;
	scope = mem + offset;
	scope->mem = mem;
	scope->mem_size = size;
	scope->owner = owner;

	scope->name = cdevm_dup_names(name, origin);
	if (!scope->name)
		goto err_mem;
	if (__resmgr_gate_init(&scope->gate, "cdevm", keys))
		goto err_name;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	scope->keys = keys;
	lockdep_init_map(&scope->put_map, "cdevm_put", &keys[1], 0);
#endif

	resmgr_object_init(&scope->obj, &cdevm_class);
	cdevm_steps_init(scope);
	refcount_set(&scope->held, 1);
	mutex_init(&scope->lock);
	mutex_init(&scope->fasync_lock);
	spin_lock_init(&scope->files_lock);
	scope->files = RB_ROOT;
	INIT_LIST_HEAD(&scope->open_files);
	INIT_LIST_HEAD(&scope->closing_files);
	INIT_LIST_HEAD(&scope->late_calls);
	INIT_LIST_HEAD(&scope->parts);
	init_waitqueue_head(&scope->gone);
	INIT_LIST_HEAD(&scope->mappers);
	resmgr_early_init(&scope->bound, cdevm_step, ARRAY_SIZE(cdevm_steps),
			  cdevm_release_bound, "cdevm_scope");
	return scope;

err_name:
	kfree(scope->name);
err_mem:
	kfree(mem);
	return NULL;
}

static void cdevm_scope_begins(struct cdevm_scope *scope)
{
	cdevm_debug_begins(scope);
	spin_lock(&cdevm_live_lock);
	list_add_tail(&scope->live, &cdevm_live);
	spin_unlock(&cdevm_live_lock);
}

/**
 * __devm_cdevm_alloc() - allocate memory that contains a scope
 * @dev: device that is being probed
 * @size: bytes to allocate
 * @offset: offset of the scope in them
 * @owner: module of the driver
 * @keys: lock classes
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: the zeroed memory; ERR_PTR(-ENOMEM); ERR_PTR(-ENODEV) if @dev is not
 * registered; ERR_PTR(-EINVAL) with a WARN if it has no driver and is not being
 * probed, or if this is the probe of another device, which probably was meant.
 */
void *__devm_cdevm_alloc(struct device *dev, size_t size, size_t offset,
			 struct module *owner, struct lock_class_key *keys)
{
	struct cdevm_scope *scope;
	int ret;

	ret = cdevm_check_device(dev);
	if (ret)
		return ERR_PTR(ret);

	scope = cdevm_scope_new(dev_name(dev), resmgr_device_origin(dev), size, offset,
				dev_to_node(dev), owner, keys);
	if (!scope)
		return ERR_PTR(-ENOMEM);
	scope->dev = dev;
	cdevm_debug_bound(scope);

	ret = cdevm_bound_add(dev, &scope->bound);
	if (ret) {
		cdevm_put_memory(scope);
		return ERR_PTR(ret);
	}
	cdevm_scope_begins(scope);
	cdevm_trace(create, scope);
	return scope->mem;
}
EXPORT_SYMBOL_GPL(__devm_cdevm_alloc);

/**
 * __cdevm_alloc() - allocate memory that contains a scope of no driver
 * @name: name of the scope
 * @size: bytes to allocate
 * @offset: offset of the scope in them
 * @owner: module of the caller
 * @keys: lock classes
 *
 * Context: Process context, may sleep.
 * Return: the zeroed memory; ERR_PTR(-ENOMEM).
 */
void *__cdevm_alloc(const char *name, size_t size, size_t offset,
		    struct module *owner, struct lock_class_key *keys)
{
	struct cdevm_scope *scope;

	scope = cdevm_scope_new(name, (struct resmgr_origin){}, size, offset,
				NUMA_NO_NODE, owner, keys);
	if (!scope)
		return ERR_PTR(-ENOMEM);
	scope->alone = true;
	cdevm_scope_begins(scope);
	cdevm_trace(create, scope);
	return scope->mem;
}
EXPORT_SYMBOL_GPL(__cdevm_alloc);

/**
 * cdevm_add_part() - add a part to a scope, for a node to be removed alone
 * @scope: the scope
 * @only: set to the memory of the node
 *
 * A part is a scope of no driver that holds @scope. It has a gate of its own,
 * and each step of @scope also runs for it, unless it was ended before.
 *
 * Context: Process context, may sleep.
 * Return: the part, with a reference of the caller's, to be dropped with
 * cdevm_drop_part() if the node is not published; ERR_PTR(-ENOMEM);
 * ERR_PTR(-ENODEV) if unbinding has begun.
 */
struct cdevm_scope *cdevm_add_part(struct cdevm_scope *scope, struct cdevm_node **only)
{
	static const struct cdevm_ops plain, early = { .release_at_unbind = true };
	struct lock_class_key *keys = NULL;
	struct cdevm_scope *part;

#ifdef CONFIG_DEBUG_LOCK_ALLOC
	keys = scope->keys;
#endif
	part = cdevm_scope_new(scope->name, cdevm_scope_origin(scope), sizeof(*part), 0,
			       NUMA_NO_NODE, scope->owner, keys);
	if (!part)
		return ERR_PTR(-ENOMEM);
	part->alone = true;
	part->parent = scope;
	part->ops = cdevm_releases_at_unbind(scope) ? &early : &plain;
	cdevm_hold_memory(scope);
	cdevm_scope_begins(part);
	cdevm_trace(create, part);
	if (resmgr_hold(cdevm_mgr(part), &scope->obj))
		goto err_part;
	part->only = cdevm_node_alloc(part, cdevm_releases_at_unbind(part), GFP_KERNEL);
	if (!part->only)
		goto err_part;
	*only = part->only;
	/* Once the part is on the list, another task may end it. */
	resmgr_object_get(&part->obj);

	spin_lock(&scope->files_lock);
	list_add(&part->part, &scope->parts);
	spin_unlock(&scope->files_lock);
	/*
	 * Add first, check second: either the revoke finds the part, or the
	 * revoke is seen here.
	 */
	smp_mb();
	if (!cdevm_is_revoked(scope))
		return part;
	cdevm_drop_part(part);
	return ERR_PTR(-ENODEV);

err_part:
	cdevm_put(part);
	return ERR_PTR(-ENOMEM);
}

/**
 * cdevm_drop_part() - end a part whose node was not published
 * @part: the part, with the reference from cdevm_add_part(); may be freed by
 *	this
 *
 * The steps of the scope may have begun for it. The later ones take back what
 * the first ones have set up, and find a part only while it is on the list.
 *
 * Context: Process context, sleeps.
 */
void cdevm_drop_part(struct cdevm_scope *part)
{
	resmgr_early_finish(&part->steps[CDEVM_STEP_FREE], &part->bound);
	cdevm_end_part(part);
	resmgr_object_put(&part->obj);
}

/**
 * cdevm_end_part() - take a part that was ended off the list
 * @part: the part; may be freed by this
 *
 * Context: Process context, may sleep.
 */
void cdevm_end_part(struct cdevm_scope *part)
{
	struct cdevm_scope *scope = part->parent;
	bool linked;

	spin_lock(&scope->files_lock);
	linked = !list_empty(&part->part);
	list_del_init(&part->part);
	spin_unlock(&scope->files_lock);
	/* The reference from its creation. */
	if (linked)
		cdevm_put(part);
}

/**
 * cdevm_set_ops() - set the callbacks of a driver
 * @scope: scope
 * @ops: constant callbacks
 *
 * Context: Any context. From probe, before the first node is published.
 */
void cdevm_set_ops(struct cdevm_scope *scope, const struct cdevm_ops *ops)
{
	scope->ops = ops;
}
EXPORT_SYMBOL_GPL(cdevm_set_ops);

/**
 * cdevm_get() - keep the memory of a scope
 * @scope: scope on which the caller already has a reference: that of the
 *	binding, or that of an open file that it is called for
 *
 * This keeps the memory, not the hardware: use cdevm_enter() for that.
 *
 * Context: Any context.
 */
void cdevm_get(struct cdevm_scope *scope)
{
	cdevm_trace(get, scope, _RET_IP_);
	resmgr_object_get(&scope->obj);
}
EXPORT_SYMBOL_GPL(cdevm_get);

/*
 * Dropping the last reference takes locks of the driver. Tell lockdep that any
 * cdevm_put() may be the last one. The map is copied, as the scope may be freed
 * meanwhile.
 */
static void cdevm_drop(struct cdevm_scope *scope)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map map;

	lockdep_copy_map(&map, &scope->put_map);
	lock_map_acquire(&map);
#endif
	resmgr_object_put(&scope->obj);
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	lock_map_release(&map);
#endif
}

/**
 * cdevm_put() - drop a reference on a scope
 * @scope: scope
 *
 * The last reference releases the resources. So the caller must not hold any
 * lock that a release function takes, even if it does not drop the last
 * reference: lockdep reports the first such call.
 *
 * Context: Process context, may sleep.
 */
void cdevm_put(struct cdevm_scope *scope)
{
	/* might_sleep() only for debugging: this should not give up the CPU. */
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP))
		might_sleep();
	cdevm_trace(put, scope, _RET_IP_);
	cdevm_drop(scope);
}
EXPORT_SYMBOL_GPL(cdevm_put);

/**
 * struct cdevm_self - request to end a scope from inside one of its calls
 * @work: runs when the driver's call may have ended
 * @scope: the scope to end; held
 * @dev: the device, or %NULL for a scope of no driver; held
 * @parent: its parent, or %NULL; held
 */
struct cdevm_self {
	struct work_struct	work;
	struct cdevm_scope	*scope;
	struct device		*dev;
	struct device		*parent;
};

static void cdevm_self_work(struct work_struct *work)
{
	struct cdevm_self *self = container_of(work, struct cdevm_self, work);

	/*
	 * An interface driver of USB relies on this lock, which sysfs takes,
	 * too.
	 */
	struct device *locked = self->dev && self->dev->type &&
				self->dev->type->need_parent_lock ? self->parent : NULL;

	if (locked)
		device_lock(locked);
	/*
	 * Somebody else may have unbound the device meanwhile. If the device is
	 * unbound and bound again after this test, and before the next function
	 * has the device lock, that binding is ended. A write to "unbind" in
	 * sysfs can do the same.
	 */
	if (self->scope->alone)
		cdevm_withdraw(self->scope);
	else if (!cdevm_is_revoked(self->scope))
		device_release_driver(self->dev);
	if (locked)
		device_unlock(locked);
	if (self->scope->parent)
		cdevm_end_part(self->scope);
	put_device(self->parent);
	put_device(self->dev);
	cdevm_put(self->scope);
	kfree(self);
}

/**
 * cdevm_unbind_self() - unbind the device from inside one of its operations
 * @scope: scope
 *
 * device_release_driver() would wait for the call that it is made from. This
 * does it from a work item, after the call has ended: return from the operation
 * and do not wait for anything. A scope of no driver is withdrawn in the same
 * way; the reference from its creation stays.
 *
 * Context: Process context, may sleep. From inside a file operation, or after
 * cdevm_enter().
 * Return: 0; -ENOMEM; -ENODEV if unbinding has begun already.
 */
int cdevm_unbind_self(struct cdevm_scope *scope)
{
	struct device *dev = READ_ONCE(scope->dev);
	struct cdevm_self *self;

	if (cdevm_is_revoked(scope))
		return -ENODEV;
	self = kmalloc_obj(*self, GFP_KERNEL);
	if (!self)
		return -ENOMEM;

	/* Inside the gate the device is bound, so @dev is valid. */
	cdevm_get(scope);
	self->scope = scope;
	self->dev = get_device(dev);
	self->parent = get_device(dev ? dev->parent : NULL);
	INIT_WORK(&self->work, cdevm_self_work);
	queue_work(system_dfl_wq, &self->work);
	return 0;
}
EXPORT_SYMBOL_GPL(cdevm_unbind_self);

/**
 * cdevm_waiting_scope() - get the scope whose end wakes a sleeper
 * @scope: scope that the driver names
 *
 * Context: Process context.
 * Return: the part of @scope, if the current task is in a call of a node that
 * can be removed alone, valid while the call is inside; otherwise @scope.
 */
struct cdevm_scope *cdevm_waiting_scope(struct cdevm_scope *scope)
{
	const struct cdevm_call *call = cdevm_innermost_call();

	return call && call->scope && call->scope->parent == scope ?
	       (struct cdevm_scope *)call->scope : scope;
}
EXPORT_SYMBOL_GPL(cdevm_waiting_scope);

/**
 * cdevm_wait_begin() - let the revoke wake this task
 * @scope: scope
 * @waiter: on the stack of the caller, until cdevm_wait_end()
 *
 * The task itself is woken, whatever queue it sleeps on, so the driver's queue
 * need not be known. No wakeup is lost. If the task is queued here before the
 * revoke wakes the queue, it is woken. If it is queued later, the lock of the
 * queue has ordered the revoked mark before the task's check of it.
 *
 * Context: Process context.
 */
void cdevm_wait_begin(struct cdevm_scope *scope, struct cdevm_waiter *waiter)
{
	init_wait_entry(&waiter->entry, 0);
	waiter->entry.func = default_wake_function;
	add_wait_queue(&scope->gone, &waiter->entry);
}
EXPORT_SYMBOL_GPL(cdevm_wait_begin);

/**
 * cdevm_wait_end() - undo cdevm_wait_begin()
 * @scope: scope
 * @waiter: the waiter
 *
 * Context: Process context.
 */
void cdevm_wait_end(struct cdevm_scope *scope, struct cdevm_waiter *waiter)
{
	remove_wait_queue(&scope->gone, &waiter->entry);
}
EXPORT_SYMBOL_GPL(cdevm_wait_end);

static void cdevm_mutex_destroy(void *mutex)
{
	mutex_destroy(mutex);
}

/**
 * __cdevm_mutex_init() - initialise a managed mutex with a given lock class
 * @scope: scope
 * @mutex: the mutex, in memory of the scope
 * @name: of the lock class
 * @key: of the lock class
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int __cdevm_mutex_init(struct cdevm_scope *scope, struct mutex *mutex,
		       const char *name, struct lock_class_key *key)
{
	__mutex_init(mutex, name, key);
	return cdevm_add_action_or_reset(scope, cdevm_mutex_destroy, mutex);
}
EXPORT_SYMBOL_GPL(__cdevm_mutex_init);

/**
 * cdevm_workqueue_destroy() - destroy a workqueue; for cdevm_alloc_workqueue()
 * @wq: &struct workqueue_struct
 *
 * Context: Process context, may sleep.
 */
void cdevm_workqueue_destroy(void *wq)
{
	destroy_workqueue(wq);
}
EXPORT_SYMBOL_GPL(cdevm_workqueue_destroy);

#ifdef CONFIG_MODULES
/*
 * Returns true if a scope of the module is left. The lock keeps the scope only
 * while it is held, so the name is copied.
 */
static bool cdevm_module_has_scope(const struct module *mod, char *name,
				   size_t len, unsigned int *refs)
{
	struct cdevm_scope *scope;
	bool found = false;

	spin_lock(&cdevm_live_lock);
	list_for_each_entry(scope, &cdevm_live, live) {
		if (scope->owner != mod)
			continue;
		*refs = refcount_read(&scope->obj.ref);
		strscpy(name, scope->name, len);
		found = true;
		break;
	}
	spin_unlock(&cdevm_live_lock);
	return found;
}

static int cdevm_module_notify(struct notifier_block *nb, unsigned long state,
			       void *data)
{
	struct module *mod = data;
	unsigned int refs;
	char name[64];

	if (state != MODULE_STATE_GOING)
		return NOTIFY_DONE;

	while (!wait_event_timeout(cdevm_live_wait,
				   !cdevm_module_has_scope(mod, name, sizeof(name),
							   &refs),
				   CDEVM_REPORT_AFTER))
		pr_warn("cdevm: removal of module %s waits for the scope of %s, which has %u references\n",
			mod->name, name, refs);
	return NOTIFY_OK;
}

static struct notifier_block cdevm_module_nb = {
	.notifier_call = cdevm_module_notify,
};

static int __init cdevm_init(void)
{
	return register_module_notifier(&cdevm_module_nb);
}
core_initcall(cdevm_init);

static void __exit cdevm_unload(void)
{
	unregister_module_notifier(&cdevm_module_nb);
}

__exitcall(cdevm_unload);
#endif
