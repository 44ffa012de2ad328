// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: the life of a scope
 *
 * A scope is a refcounted resource manager with a gate. Its references: one of
 * the binding, dropped when the devm resources of the device go; one of each
 * published cdev, until the VFS lets go of it; one of each open file; and those
 * that drivers take. The order of unbinding is in cdevm_unbind().
 *
 * Modules. A scope that held a reference on its module while the driver is
 * merely bound would keep the module from ever being removed. One that holds
 * none can outlive the text of its release functions: open files pin the
 * module, but a cdev that somebody has looked up does not, nor does a
 * cdevm_get(). Hence the removal of a module waits, after its exit function,
 * until no scope of it is left.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "cdevm_internal.h"
#include "kernel_compat.h"

/*
 * After how long a wait is reported to the log, and then again. Long enough for
 * a slow device to finish a request, and well below the 120 s of the hung task
 * detector, whose report does not say what is waited for.
 */
#define CDEVM_REPORT_AFTER	(10 * HZ)

/*
 * After how long calls that still sleep are interrupted, and then how often
 * those are looked for that have gone to sleep again. What was kicked is long
 * back by then; a person who waits for an unbind does not notice.
 */
#define CDEVM_INTERRUPT_AFTER	(HZ / 10)
#define CDEVM_INTERRUPT_AGAIN	HZ

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

static void cdevm_free(struct resmgr *mgr)
{
	struct cdevm_scope *scope = mgr_to_scope(mgr);

	cdevm_trace(free, scope);
	if (scope->ops && scope->ops->released)
		scope->ops->released(scope);
	cdevm_mapping_destroy(scope);
	resmgr_gate_destroy(&scope->gate);
	mutex_destroy(&scope->lock);

	/* The module may go from here on: what is left to do is not its text. */
	spin_lock(&cdevm_live_lock);
	list_del(&scope->live);
	spin_unlock(&cdevm_live_lock);
	wake_up_all(&cdevm_live_wait);

	kfree_const(scope->name);
	kfree(scope->mem);
}

static const struct resmgr_class cdevm_class = {
	.name		= "cdevm",
	.owner_name	= cdevm_owner_name,
	.free		= cdevm_free,
};

static const char *cdevm_nodes_owner_name(const struct resmgr *mgr)
{
	return container_of(mgr, struct cdevm_scope, nodes)->name;
}

static const struct resmgr_class cdevm_nodes_class = {
	.name		= "cdevm-nodes",
	.owner_name	= cdevm_nodes_owner_name,
};

static const char *cdevm_kicks_owner_name(const struct resmgr *mgr)
{
	return container_of(mgr, struct cdevm_scope, kicks)->name;
}

static const struct resmgr_class cdevm_kicks_class = {
	.name		= "cdevm-kicks",
	.owner_name	= cdevm_kicks_owner_name,
};

static const char *cdevm_stops_owner_name(const struct resmgr *mgr)
{
	return container_of(mgr, struct cdevm_scope, stops)->name;
}

static const struct resmgr_class cdevm_stops_class = {
	.name		= "cdevm-stops",
	.owner_name	= cdevm_stops_owner_name,
};

/**
 * struct cdevm_binding - the scopes of one bind of a device
 * @dev: the device
 * @scopes: in order of creation. Protected by the device lock, which probe and
 *	unbind hold
 * @unbound: cdevm_unbind() has run
 */
struct cdevm_binding {
	struct device		*dev;
	struct list_head	scopes;
	bool			unbound;
};

/* Wait until no call is inside. */
static void cdevm_drain(struct cdevm_scope *scope)
{
	unsigned long report = jiffies + CDEVM_REPORT_AFTER;

	cdevm_trace(drain_begin, scope);
	if (resmgr_gate_drain(&scope->gate, CDEVM_INTERRUPT_AFTER))
		goto drained;
	/*
	 * A call that unbinds its own device would wait for itself. Its memory
	 * stays, as its file is open; what it does to the hardware from here on
	 * is its own fault.
	 */
	if (cdevm_warn_self(scope))
		return;
	do {
		bool tell = time_after(jiffies, report);

		cdevm_interrupt_calls(scope, tell);
		if (tell)
			report = jiffies + CDEVM_REPORT_AFTER;
	} while (!resmgr_gate_drain(&scope->gate, CDEVM_INTERRUPT_AGAIN));
drained:
	cdevm_wait_mappers(scope);
	cdevm_trace(drain_end, scope);
}

/* Let no call in any more, and wake who can be woken without the driver. */
static void cdevm_revoke(struct cdevm_scope *scope)
{
	if (resmgr_gate_revoke(&scope->gate))
		cdevm_trace(revoke, scope);
	cdevm_wake_polled(scope);
	__wake_up(&scope->gone, TASK_NORMAL, 0, poll_to_key(EPOLLHUP | EPOLLERR));
}

/*
 * Scopes of devices below one that is unbound are revoked before its own: their
 * calls go through its driver. The rest of their unbind is had when it is their
 * turn, in ->remove() as a rule.
 *
 * From the top down, by the lists of children, and not from each scope's device
 * up: a device that is being deleted may have let go of its parent already.
 */
static int cdevm_revoke_device(struct device *dev, void *unused)
{
	struct cdevm_scope *scope;

	device_for_each_child_reverse(dev, NULL, cdevm_revoke_device);

	spin_lock(&cdevm_live_lock);
	list_for_each_entry_reverse(scope, &cdevm_live, live)
		if (scope->dev == dev)
			cdevm_revoke(scope);
	spin_unlock(&cdevm_live_lock);
	return 0;
}

/*
 * Before ->remove(), and after a probe that failed. Each step is taken for all
 * scopes of the device before the next one is: no call can hide in a scope that
 * was not reached yet, and the grace periods of the gates run side by side.
 *
 * Kick comes before unpublish because misc_deregister() waits for an open() in
 * progress, which may be what sleeps. Drain comes last because only then no
 * open() can be on its way in. Mappings are zapped at once, so that nobody goes
 * on using the device while the rest takes its time, and again when no mmap()
 * and no fault is left that could have brought one back. What calls have begun
 * and what goes on without them is stopped last, when no call can begin it again.
 */
static void cdevm_unbind(void *data)
{
	struct cdevm_binding *binding = data;
	struct cdevm_scope *scope;

	binding->unbound = true;

	device_for_each_child_reverse(binding->dev, NULL, cdevm_revoke_device);
	list_for_each_entry_reverse(scope, &binding->scopes, bound)
		cdevm_revoke(scope);
	list_for_each_entry_reverse(scope, &binding->scopes, bound) {
		cdevm_trace(kick, scope);
		cdevm_zap(scope);
		kill_fasync(&scope->fasync, SIGIO, POLL_HUP);
		if (scope->ops && scope->ops->kick)
			scope->ops->kick(scope);
		resmgr_release_final(&scope->kicks);
	}
	list_for_each_entry_reverse(scope, &binding->scopes, bound)
		cdevm_unpublish(scope);
	list_for_each_entry_reverse(scope, &binding->scopes, bound) {
		cdevm_drain(scope);
		cdevm_zap(scope);
		spin_lock(&cdevm_live_lock);
		scope->dev = NULL;
		spin_unlock(&cdevm_live_lock);
	}
	list_for_each_entry_reverse(scope, &binding->scopes, bound)
		resmgr_release_final(&scope->stops);
}

/* The binding lets go of its scopes, when the devm resources go. */
static void cdevm_binding_release(struct device *dev, void *res)
{
	struct cdevm_binding *binding = res;
	struct cdevm_scope *scope, *older;

	/* A devres group may be released in the middle of probe. */
	if (!binding->unbound) {
		devm_remove_unpublish_action(dev, cdevm_unbind, binding);
		cdevm_unbind(binding);
	}
	list_for_each_entry_safe_reverse(scope, older, &binding->scopes, bound) {
		list_del(&scope->bound);
		cdevm_debug_unbound(scope);
		cdevm_put(scope);
	}
}

static struct cdevm_binding *cdevm_get_binding(struct device *dev)
{
	struct cdevm_binding *binding;
	int ret;

	binding = devres_find(dev, cdevm_binding_release, NULL, NULL);
	if (binding && !binding->unbound)
		return binding;

	binding = devres_alloc(cdevm_binding_release, sizeof(*binding), GFP_KERNEL);
	if (!binding)
		return ERR_PTR(-ENOMEM);
	binding->dev = dev;
	INIT_LIST_HEAD(&binding->scopes);

	ret = devm_add_unpublish_action(dev, cdevm_unbind, binding);
	if (ret) {
		devres_free(binding);
		return ERR_PTR(ret);
	}
	devres_add(dev, binding);
	return binding;
}

/**
 * __devm_cdevm_alloc() - what devm_cdevm_alloc() and devm_cdevm_create() do
 * @dev: device that is being probed
 * @size: bytes to allocate
 * @offset: where in them the scope is
 * @owner: module of the driver
 * @key: lock class of the gate
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: the zeroed memory; ERR_PTR(-ENOMEM), or ERR_PTR(-ENODEV) when @dev
 * was not registered.
 */
void *__devm_cdevm_alloc(struct device *dev, size_t size, size_t offset,
			 struct module *owner, struct lock_class_key *key)
{
	struct cdevm_binding *binding;
	struct cdevm_scope *scope;
	void *mem;

	binding = cdevm_get_binding(dev);
	if (IS_ERR(binding))
		return binding;

	mem = kzalloc_node(size, GFP_KERNEL, dev_to_node(dev));
	if (!mem)
		return ERR_PTR(-ENOMEM);
	scope = mem + offset;
	scope->mem = mem;
	scope->owner = owner;
	scope->dev = dev;

	scope->name = kstrdup_const(dev_name(dev), GFP_KERNEL);
	if (!scope->name)
		goto err_mem;
	if (__resmgr_gate_init(&scope->gate, "cdevm", key))
		goto err_name;

	resmgr_object_init(&scope->obj, &cdevm_class);
	resmgr_init(&scope->nodes, &cdevm_nodes_class);
	resmgr_init(&scope->kicks, &cdevm_kicks_class);
	resmgr_init(&scope->stops, &cdevm_stops_class);
	mutex_init(&scope->lock);
	init_waitqueue_head(&scope->gone);
	INIT_LIST_HEAD(&scope->mappers);
	cdevm_debug_bound(scope);

	spin_lock(&cdevm_live_lock);
	list_add_tail(&scope->live, &cdevm_live);
	spin_unlock(&cdevm_live_lock);

	list_add_tail(&scope->bound, &binding->scopes);
	cdevm_trace(create, scope);
	return mem;

err_name:
	kfree_const(scope->name);
err_mem:
	kfree(mem);
	return ERR_PTR(-ENOMEM);
}
EXPORT_SYMBOL_GPL(__devm_cdevm_alloc);

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
 * @scope: scope on which the caller has a reference already, be it the one of
 *	the binding, or of an open file that it is called for
 *
 * Keeps the memory, not the hardware: that is what cdevm_enter() asks for.
 *
 * Context: Any context.
 */
void cdevm_get(struct cdevm_scope *scope)
{
	cdevm_trace(get, scope, _RET_IP_);
	resmgr_object_get(&scope->obj);
}
EXPORT_SYMBOL_GPL(cdevm_get);

/**
 * cdevm_put() - drop a reference on a scope
 * @scope: scope
 *
 * Context: Process context, may sleep: with the last reference the resources
 * are released.
 */
void cdevm_put(struct cdevm_scope *scope)
{
	cdevm_trace(put, scope, _RET_IP_);
	resmgr_object_put(&scope->obj);
}
EXPORT_SYMBOL_GPL(cdevm_put);

/**
 * struct cdevm_self - an unbind that a driver asked for itself
 * @work: runs when the driver's call may have ended
 * @scope: held; of the binding that is to end
 * @dev: held; the device
 */
struct cdevm_self {
	struct work_struct	work;
	struct cdevm_scope	*scope;
	struct device		*dev;
};

static void cdevm_self_work(struct work_struct *work)
{
	struct cdevm_self *self = container_of(work, struct cdevm_self, work);

	/* Somebody else may have been faster, and have bound it again. */
	if (!cdevm_is_revoked(self->scope))
		device_release_driver(self->dev);
	put_device(self->dev);
	cdevm_put(self->scope);
	kfree(self);
}

/**
 * cdevm_unbind_self() - unbind the device from inside one of its operations
 * @scope: scope
 *
 * device_release_driver() would wait for the call that it is made from. This
 * has it done by somebody else, after the call has ended: return from the
 * operation and do not wait for anything.
 *
 * Context: Process context, may sleep. From inside a file operation, or after
 * cdevm_enter().
 * Return: 0; -ENOMEM; -ENODEV when unbinding has begun already.
 */
int cdevm_unbind_self(struct cdevm_scope *scope)
{
	struct cdevm_self *self;

	if (cdevm_is_revoked(scope))
		return -ENODEV;
	self = kmalloc_obj(*self, GFP_KERNEL);
	if (!self)
		return -ENOMEM;

	/* Inside the gate the binding is there, hence its device. */
	cdevm_get(scope);
	self->scope = scope;
	self->dev = get_device(scope->dev);
	INIT_WORK(&self->work, cdevm_self_work);
	queue_work(system_unbound_wq, &self->work);
	return 0;
}
EXPORT_SYMBOL_GPL(cdevm_unbind_self);

/**
 * cdevm_wait_begin() - have revoke wake this task
 * @scope: scope
 * @waiter: on the stack of the caller, until cdevm_wait_end()
 *
 * The task itself is woken, on whatever queue it sleeps, so the driver's queue
 * need not be known. No wakeup is lost: if the task is queued here before
 * revoke wakes the queue, it is woken; if after, then the lock of the queue has
 * ordered the revoked mark before the task's look at it.
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
 * @waiter: the same
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
 * __cdevm_mutex_init() - what cdevm_mutex_init() does, with a given lock class
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
 * cdevm_workqueue_destroy() - the action of cdevm_alloc_workqueue()
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
 * Is a scope of the module left? The lock keeps it only while it is looked at,
 * so its name is copied.
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
#endif
