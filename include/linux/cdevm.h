/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm: resources that live until the last close of all nodes of a driver
 *
 * See Documentation/driver-api/driver-model/cdevm.rst.
 */
#ifndef _LINUX_CDEVM_H
#define _LINUX_CDEVM_H

#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rbtree_types.h>
#include <linux/refcount.h>
#include <linux/resmgr.h>
#include <linux/resmgr_gate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct cdev;
struct cdevm_node;
struct cdevm_vm_ops;
struct device;
struct fasync_struct;
struct inode;
struct miscdevice;
struct module;
struct cdevm_scope;

/**
 * struct cdevm_ops - what a driver wants to be told
 * @kick: optional; called once, after the gate was revoked and before the wait
 *	for the calls inside. Wake whoever sleeps in the driver here, if it does
 *	not use the cdevm_wait_event_*() family. May sleep
 * @released: optional; called when every resource of the scope has been
 *	released, just before the memory of the scope goes. May sleep
 * @release_at_unbind: ->release() is called at unbind for files that are open then:
 *	after the calls inside have left, before ->remove(), newest file first. It
 *	is called once, and what it gives back, such as a runtime PM reference, is
 *	still there. No method is called for the file afterwards
 * @nodes_go_alone: nodes can be taken back one by one, with cdevm_del_cdev() and the
 *	like. Each has a gate of its own then
 */
struct cdevm_ops {
	void (*kick)(struct cdevm_scope *scope);
	void (*released)(struct cdevm_scope *scope);
	bool release_at_unbind;
	bool nodes_go_alone;
};

/**
 * struct cdevm_scope - memory and gate of the character devices of a driver
 * @obj: references and resources. One reference is the binding's, one is held
 *	by each open file, each published cdev and each cdevm_get()
 * @gate: counts calls inside the driver; revoked at unbind
 * @nodes: the published character devices; unpublished newest first.
 *	Additions are serialised with the unpublishing by @lock
 * @lock: serialises publishing with unpublishing. Taken under the device lock,
 *	taken over misc_mtx. Not taken by any file operation
 * @gone: cdevm_wait_event_*() sleepers, those in poll() and select(), and pollers
 *	that no queue of the driver's is remembered for; woken at revoke
 * @fasync: files that want SIGIO; told at revoke. Protected by locks of its own,
 *	see fasync_helper()
 * @inode: has the address space that all mappings are in; %NULL while nothing
 *	can be mapped. Written once, before there are mappings
 * @vm_ops: wrapped operations of mappings. Grows without a lock
 * @files: files with a record, by address; see cdevm/files.c. Protected by @files_lock
 * @open_files: those that nobody has claimed, newest first. Protected by @files_lock
 * @closing_files: those that are being closed. Protected by @files_lock
 * @files_lock: a leaf
 * @tracked: there is or was something to look for when a file is closed. Never
 *	cleared
 * @sticky: some mapping names the driver in a way that the gate cannot be put before.
 *	Never cleared
 * @mappers: tasks that are in mmap(). Protected by a lock of cdevm/mmap.c, which
 *	is taken under the mmap_lock
 * @kicks: what wakes sleepers at unbind; see cdevm_add_kick_action()
 * @stops: what ends that calls have begun; see cdevm_add_stop_action()
 * @dev: the device, %NULL once unbound. Valid inside the gate; else protected
 *	by cdevm_live_lock
 * @ops: callbacks of the driver, or %NULL; set by cdevm_set_ops()
 * @owner: module whose text the release functions and file operations are in;
 *	its removal waits for this scope
 * @name: name of the device, which may be gone before the scope is. Behind it in
 *	the same memory are those of its bus and its driver, for traces
 * @mem: start of the memory that the scope is in
 * @mem_size: bytes of it
 * @memory: what has to be there as long as @mem, though the resources may go before
 * @held: who needs @mem: all with a reference in @obj together, and files and cdevs
 *	that have let go of the driver
 * @alone: it is of no driver, and ended by cdevm_withdraw() only. Constant
 * @parent: scope that this one is a part of, for a node that can go alone; or %NULL.
 *	Held. Constant
 * @parts: such parts of this scope, newest first. Protected by @files_lock
 * @part: link in @parts of @parent
 * @only: the node of a part. Constant once the part is in @parts
 * @passed: how many steps @parent has seen to. Used by its steps only
 * @bound: among the managed resources of the device: its steps end the scope, its
 *	release drops the reference of the binding
 * @step: what is being done to end the scope, for reports
 * @ender: the task that does it, which is not waited for
 * @leaving: link in the list of the scopes that are being left. This and the next
 *	three are protected by a lock of cdevm/watch.c
 * @left_at: in jiffies, when that began
 * @stir_at: when those inside are interrupted next
 * @tell_at: when they are named next
 * @anon: file operations of files that are on no node, wrapped. Grows without a lock
 * @keys: lock classes of @gate and @put_map. Constant
 * @put_map: what the last cdevm_put() does, for lockdep
 * @live: link in the list of all scopes. Protected by cdevm_live_lock
 * @id: with %CONFIG_RESMGR_DEBUG: number of the scope, constant
 * @bind_ref: with %CONFIG_RESMGR_DEBUG: the reference of the binding is held
 *
 * All fields are private to cdevm.
 */
struct cdevm_scope {
	struct resmgr_object	obj;
	struct resmgr_gate	gate;
	struct resmgr		nodes;
	struct mutex		lock;	/* publish against unpublish */
	wait_queue_head_t	gone;
	struct fasync_struct	*fasync;
	struct inode		*inode;
	struct cdevm_vm_ops	*vm_ops;
	struct rb_root		files;
	struct list_head	open_files;
	struct list_head	closing_files;
	spinlock_t		files_lock;	/* the three above, and each record */
	bool			tracked;
	bool			sticky;
	struct list_head	mappers;
	struct resmgr		kicks;
	struct resmgr		stops;
	struct device		*dev;
	const struct cdevm_ops	*ops;
	struct module		*owner;
	const char		*name;
	void			*mem;
	size_t			mem_size;
	struct resmgr		memory;
	refcount_t		held;
	bool			alone;
	struct cdevm_scope	*parent;
	struct list_head	parts;
	struct list_head	part;
	struct cdevm_node	*only;
	unsigned int		passed;
	struct resmgr_early	bound;
	const char		*step;
	struct task_struct	*ender;
	struct list_head	leaving;
	unsigned long		left_at;
	unsigned long		stir_at;
	unsigned long		tell_at;
	struct cdevm_node	*anon;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lock_class_key	*keys;
	struct lockdep_map	put_map;
#endif
	struct list_head	live;
#ifdef CONFIG_RESMGR_DEBUG
	u64			id;
	bool			bind_ref;
#endif
};

/* Of the gate, and of what the last cdevm_put() does. */
#define CDEVM_KEYS	2

void *__devm_cdevm_alloc(struct device *dev, size_t size, size_t offset,
			 struct module *owner, struct lock_class_key *keys);
void *__cdevm_alloc(const char *name, size_t size, size_t offset,
		    struct module *owner, struct lock_class_key *keys);

/**
 * devm_cdevm_alloc() - allocate a driver's private struct with a scope in it
 * @dev: device that is being probed
 * @type: type of the private struct
 * @member: name of the &struct cdevm_scope in it
 *
 * The memory is zeroed and belongs to the scope: it is freed after unbind *and*
 * the last close of every node published through the scope, and after the last
 * cdevm_put(). Never free it.
 *
 * The scope belongs to the devres group that is open, as any devm resource does,
 * and ends when that is released. @dev has to be the device whose driver is being
 * probed, not its parent: see __devm_cdevm_alloc().
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: pointer to the private struct; on failure as __devm_cdevm_alloc().
 */
#define devm_cdevm_alloc(dev, type, member)				\
({									\
	static struct lock_class_key __cdevm_keys[CDEVM_KEYS];		\
									\
	(type *)__devm_cdevm_alloc(dev, sizeof(type),			\
				   offsetof(type, member), THIS_MODULE,	\
				   __cdevm_keys);			\
})

/**
 * devm_cdevm_create() - create a bare scope, where embedding does not fit
 * @dev: device that is being probed
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: the scope; on failure as __devm_cdevm_alloc().
 */
#define devm_cdevm_create(dev)						\
({									\
	static struct lock_class_key __cdevm_keys[CDEVM_KEYS];		\
									\
	(struct cdevm_scope *)__devm_cdevm_alloc(dev,			\
				   sizeof(struct cdevm_scope), 0,	\
				   THIS_MODULE, __cdevm_keys);		\
})

/**
 * cdevm_alloc() - allocate a struct with a scope of no driver in it
 * @name: of the scope, for traces and the log; copied
 * @type: type of the struct
 * @member: name of the &struct cdevm_scope in it
 *
 * For what comes and goes while a driver is bound, or without any: a device that an
 * ioctl of a control node makes. It ends when it is told to, by cdevm_withdraw().
 * After that whoever made it drops the reference that this gives, with cdevm_put().
 * Until the first node is published, cdevm_put() alone takes it back.
 *
 * If it uses something of a device, it has to end before that goes, in ->remove() at
 * the latest.
 *
 * Context: Process context, may sleep.
 * Return: pointer to the zeroed struct; ERR_PTR(-ENOMEM).
 */
#define cdevm_alloc(name, type, member)					\
({									\
	static struct lock_class_key __cdevm_keys[CDEVM_KEYS];		\
									\
	(type *)__cdevm_alloc(name, sizeof(type), offsetof(type, member), \
			      THIS_MODULE, __cdevm_keys);		\
})

void cdevm_set_ops(struct cdevm_scope *scope, const struct cdevm_ops *ops);
void cdevm_get(struct cdevm_scope *scope);
void cdevm_put(struct cdevm_scope *scope);
int cdevm_unbind_self(struct cdevm_scope *scope);
void cdevm_withdraw(struct cdevm_scope *scope);

/* Open files */
int __cdevm_file_add_action(struct file *file, resmgr_action_t action, void *data,
			    const char *name);
int cdevm_file_remove_action(struct file *file, resmgr_action_t action, void *data);

/**
 * cdevm_file_add_action() - call a function when a file is closed, or at unbind
 * @file: file of a node of a scope
 * @action: function to call
 * @data: its argument
 *
 * Whichever is first, and once. At unbind after the calls inside have left, and
 * before ->remove(). Actions of a file run newest first, and before its
 * ->release(). Those that an open() has added that fails are run, too.
 *
 * Context: Process context, may sleep. From a file operation, or after
 * cdevm_enter() with a reference on @file.
 * Return: 0; -ENOMEM; -ENODEV when unbinding has begun or the file is being closed;
 * -EINVAL with a WARN for a file of something else. On an error the function has not
 * been called.
 */
#define cdevm_file_add_action(file, action, data) \
	__cdevm_file_add_action(file, action, data, #action)

/* Character devices */
int cdevm_add_cdev(struct cdevm_scope *scope, struct cdev *cdev, dev_t devt,
		   unsigned int count);
int cdevm_add_cdev_device(struct cdevm_scope *scope, struct cdev *cdev,
			  struct device *device);
int cdevm_register_misc(struct cdevm_scope *scope, struct miscdevice *misc);
int cdevm_del_cdev(struct cdevm_scope *scope, struct cdev *cdev);
int cdevm_deregister_misc(struct cdevm_scope *scope, struct miscdevice *misc);
int cdevm_anon_inode_getfd(struct cdevm_scope *scope, const char *name,
			   const struct file_operations *fops, void *priv, int flags);

/**
 * struct cdevm_node_type - a kind of node that a subsystem makes
 * @name: for traces
 * @fops: file operations of such nodes, as they are without a scope
 * @add: make the node visible. It has to call cdevm_node_wrap() with the cdev
 *	that it makes, before it adds that; and cdevm_node_hold() with the
 *	struct device that stands for the node. May sleep
 *	%NULL for files that are no nodes
 * @remove: make it invisible; %NULL when that is done later, in ->remove() or
 *	as a devm resource. Calls may be inside. May sleep
 * @hangup: what poll() reports when the device is gone, if that is not
 *	EPOLLHUP | EPOLLERR
 * @mappings_stay: what is mapped is memory that its mappings keep, and never a
 *	register. Mappings are left alone at unbind then, as without a scope
 */
struct cdevm_node_type {
	const char *name;
	const struct file_operations *fops;
	int (*add)(struct cdevm_node *node, void *data);
	void (*remove)(void *data);
	__poll_t hangup;
	bool mappings_stay;
};

/* For subsystems that have functions of their own to publish a node. */
int cdevm_publish_node(struct cdevm_scope *scope,
		       const struct cdevm_node_type *type, const char *name,
		       void *data);
void cdevm_unpublish_node(struct cdevm_node *node);
void cdevm_node_wrap(struct cdevm_node *node, struct cdev *cdev);
void cdevm_node_hold(struct cdevm_node *node, struct device *device);
struct cdevm_scope *cdevm_node_scope(const struct cdevm_node *node);

/* For subsystems whose nodes have files made that are no nodes themselves. */
struct cdevm_fops;

struct cdevm_fops *cdevm_wrap_files(struct cdevm_scope *scope,
				    const struct cdevm_node_type *type);
struct file *cdevm_anon_inode_getfile(struct cdevm_fops *wrapped, void *priv,
				      int flags);
const struct file_operations *cdevm_file_operations(const struct file *file);

/**
 * cdevm_add_kick_action() - have sleepers woken at unbind
 * @s: scope
 * @action: function to call
 * @data: its argument
 *
 * As the driver's own &cdevm_ops.kick, for helpers of a subsystem: called after
 * the gate was revoked and before the wait for the calls inside, newest first.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: as resmgr_add_action().
 */
#define cdevm_add_kick_action(s, action, data) \
	resmgr_add_action(&(s)->kicks, action, data)

/**
 * cdevm_add_stop_action() - have something ended at unbind that calls have begun
 * @s: scope
 * @action: function to call
 * @data: its argument
 *
 * For what goes on when the call that began it has returned, such as streaming.
 * Called when no call is inside any more, before ->remove(), with the hardware
 * still there; newest first. A ->release() may run at the same time, if it
 * began after the revoke: a lock that both take keeps them apart.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: as resmgr_add_action().
 */
#define cdevm_add_stop_action(s, action, data) \
	resmgr_add_action(&(s)->stops, action, data)

/**
 * cdevm_enter() - begin a call into the driver
 * @scope: scope
 *
 * For work items, timers and in-kernel callers that touch the hardware. File
 * operations of nodes published through the scope are wrapped already. In
 * ->release() it tells whether the hardware is still there.
 *
 * Context: Any context but NMI. The caller has a reference on the scope.
 * Return: true when inside, to be followed by cdevm_exit(); false once the
 * device is being unbound.
 */
static inline bool __must_check cdevm_enter(struct cdevm_scope *scope)
{
	return resmgr_gate_enter(&scope->gate);
}

/**
 * cdevm_exit() - end a call into the driver
 * @scope: scope
 *
 * Context: Any context but NMI.
 */
static inline void cdevm_exit(struct cdevm_scope *scope)
{
	resmgr_gate_exit(&scope->gate);
}

/**
 * cdevm_is_revoked() - has unbinding begun?
 * @scope: scope
 *
 * Context: Any context.
 * Return: true once no new call is let in; see resmgr_gate_is_revoked().
 */
static inline bool cdevm_is_revoked(const struct cdevm_scope *scope)
{
	return resmgr_gate_is_revoked(&scope->gate);
}

/**
 * cdevm_device() - the device that a scope is of
 * @scope: scope
 *
 * Context: Where the device cannot be unbound: from probe, or inside the gate.
 * Return: the device that __devm_cdevm_alloc() was called with.
 */
static inline struct device *cdevm_device(const struct cdevm_scope *scope)
{
	return scope->dev;
}

DEFINE_CLASS(cdevm_entered, struct cdevm_scope *, if (_T) cdevm_exit(_T),
	     cdevm_enter(scope) ? scope : NULL, struct cdevm_scope *scope)

/**
 * cdevm_scoped_enter() - run the statement that follows inside the gate
 * @_scope: scope
 *
 * The statement is skipped when the device is being unbound; leaving it by
 * return, break or goto exits the gate.
 *
 * Context: As cdevm_enter().
 */
#define cdevm_scoped_enter(_scope)					\
	for (CLASS(cdevm_entered, __entered)(_scope), *__left = NULL;	\
	     __entered && !__left; __left = (void *)1)

/**
 * struct cdevm_waiter - a task that sleeps in a driver
 * @entry: on &cdevm_scope.gone, so that revoke wakes the task itself, whatever
 *	wait queue it sleeps on
 */
struct cdevm_waiter {
	struct wait_queue_entry entry;
};

struct cdevm_scope *cdevm_waiting_scope(struct cdevm_scope *scope);
void cdevm_wait_begin(struct cdevm_scope *scope, struct cdevm_waiter *waiter);
void cdevm_wait_end(struct cdevm_scope *scope, struct cdevm_waiter *waiter);

/* What the family below has in common: @wait is the kernel's macro that waits. */
#define __cdevm_wait_event(scope, type, wait, ...)			\
({									\
	struct cdevm_scope *__scope = cdevm_waiting_scope(scope);	\
	struct cdevm_waiter __waiter;					\
	type __wait_ret;						\
									\
	cdevm_wait_begin(__scope, &__waiter);				\
	__wait_ret = wait(__VA_ARGS__);					\
	cdevm_wait_end(__scope, &__waiter);				\
	cdevm_is_revoked(__scope) ? -ENODEV : __wait_ret;		\
})

/**
 * cdevm_wait_event_interruptible() - wait_event_interruptible() that ends at unbind
 * @scope: scope
 * @wq: wait queue of the driver
 * @condition: what to wait for
 *
 * Context: Process context, may sleep. From inside a file operation, or after
 * cdevm_enter().
 * Return: 0 when @condition came true; -ERESTARTSYS on a signal; -ENODEV when
 * the device is being unbound, whatever @condition says.
 */
#define cdevm_wait_event_interruptible(scope, wq, condition)		\
	__cdevm_wait_event(scope, int, wait_event_interruptible,	\
			   (wq), (condition) || cdevm_is_revoked(__scope))

/**
 * cdevm_wait_event_interruptible_exclusive() - the same, waking one at a time
 * @scope: scope
 * @wq: wait queue of the driver
 * @condition: what to wait for
 *
 * An ordinary wake_up() of @wq wakes one such sleeper; the unbind wakes all.
 *
 * Context: Process context, may sleep. From inside a file operation, or after
 * cdevm_enter().
 * Return: as cdevm_wait_event_interruptible().
 */
#define cdevm_wait_event_interruptible_exclusive(scope, wq, condition)	\
	__cdevm_wait_event(scope, int, wait_event_interruptible_exclusive, \
			   (wq), (condition) || cdevm_is_revoked(__scope))

/**
 * cdevm_wait_event_killable() - the same, for fatal signals only
 * @scope: scope
 * @wq: wait queue of the driver
 * @condition: what to wait for
 *
 * Context: Process context, may sleep. From inside a file operation, or after
 * cdevm_enter().
 * Return: 0 when @condition came true; -ERESTARTSYS on a fatal signal; -ENODEV
 * when the device is being unbound.
 */
#define cdevm_wait_event_killable(scope, wq, condition)			\
	__cdevm_wait_event(scope, int, wait_event_killable,		\
			   (wq), (condition) || cdevm_is_revoked(__scope))

/**
 * cdevm_wait_event_interruptible_timeout() - the same with a timeout
 * @scope: scope
 * @wq: wait queue of the driver
 * @condition: what to wait for
 * @timeout: jiffies
 *
 * Context: Process context, may sleep. From inside a file operation, or after
 * cdevm_enter().
 * Return: remaining jiffies, at least 1, when @condition came true; 0 on
 * timeout; -ERESTARTSYS on a signal; -ENODEV when the device is being unbound.
 */
#define cdevm_wait_event_interruptible_timeout(scope, wq, condition, timeout) \
	__cdevm_wait_event(scope, long, wait_event_interruptible_timeout, \
			   (wq), (condition) || cdevm_is_revoked(__scope), timeout)

/**
 * cdevm_wait_event_timeout() - the same, without regard to signals
 * @scope: scope
 * @wq: wait queue of the driver
 * @condition: what to wait for
 * @timeout: jiffies
 *
 * Context: Process context, may sleep. From inside a file operation, or after
 * cdevm_enter().
 * Return: remaining jiffies, at least 1, when @condition came true; 0 on
 * timeout; -ENODEV when the device is being unbound.
 */
#define cdevm_wait_event_timeout(scope, wq, condition, timeout)		\
	__cdevm_wait_event(scope, long, wait_event_timeout,		\
			   (wq), (condition) || cdevm_is_revoked(__scope), timeout)

/*
 * The memory family and the actions: resmgr_*() with the scope as the owner.
 * What each takes and returns is documented there. The type of the first
 * argument is what keeps a devm lifetime from being taken for a cdevm one.
 *
 * There is no cdevm_ioremap() and no cdevm_request_irq(), on purpose: hardware
 * goes at unbind, which is what devm_*() is for.
 */
static inline struct resmgr *cdevm_mgr(struct cdevm_scope *scope)
{
	return &scope->obj.mgr;
}

#define cdevm_kmalloc(s, size, gfp)	resmgr_kmalloc(cdevm_mgr(s), size, gfp)
#define cdevm_kzalloc(s, size, gfp)	resmgr_kzalloc(cdevm_mgr(s), size, gfp)
#define cdevm_kmalloc_array(s, n, size, gfp) \
	resmgr_kmalloc_array(cdevm_mgr(s), n, size, gfp)
#define cdevm_kcalloc(s, n, size, gfp)	resmgr_kcalloc(cdevm_mgr(s), n, size, gfp)
#define cdevm_krealloc(s, p, size, gfp)	resmgr_krealloc(cdevm_mgr(s), p, size, gfp)
#define cdevm_krealloc_array(s, p, n, size, gfp) \
	resmgr_krealloc_array(cdevm_mgr(s), p, n, size, gfp)
#define cdevm_kmemdup(s, src, len, gfp)	resmgr_kmemdup(cdevm_mgr(s), src, len, gfp)
#define cdevm_kstrdup(s, str, gfp)	resmgr_kstrdup(cdevm_mgr(s), str, gfp)
#define cdevm_kstrdup_const(s, str, gfp) \
	resmgr_kstrdup_const(cdevm_mgr(s), str, gfp)
#define cdevm_kvasprintf(s, gfp, fmt, ap) \
	resmgr_kvasprintf(cdevm_mgr(s), gfp, fmt, ap)
#define cdevm_kasprintf(s, gfp, fmt, ...) \
	resmgr_kasprintf(cdevm_mgr(s), gfp, fmt, ##__VA_ARGS__)
#define cdevm_kfree(s, p)		resmgr_kfree(cdevm_mgr(s), p)
#define cdevm_alloc_percpu(s, type)	resmgr_alloc_percpu(cdevm_mgr(s), type)
#define cdevm_free_percpu(s, p)		resmgr_free_percpu(cdevm_mgr(s), p)
#define cdevm_get_free_pages(s, gfp, order) \
	resmgr_get_free_pages(cdevm_mgr(s), gfp, order)
#define cdevm_free_pages(s, addr)	resmgr_free_pages(cdevm_mgr(s), addr)

#define cdevm_add_action(s, action, data) \
	resmgr_add_action(cdevm_mgr(s), action, data)
#define cdevm_add_action_or_reset(s, action, data) \
	resmgr_add_action_or_reset(cdevm_mgr(s), action, data)
#define cdevm_remove_action(s, action, data) \
	resmgr_remove_action(cdevm_mgr(s), action, data)
#define cdevm_release_action(s, action, data) \
	resmgr_release_action(cdevm_mgr(s), action, data)

/* Objects that file operations use */
int __cdevm_mutex_init(struct cdevm_scope *scope, struct mutex *mutex,
		       const char *name, struct lock_class_key *key);
void cdevm_workqueue_destroy(void *wq);

/**
 * cdevm_mutex_init() - initialise a mutex that is destroyed with the scope
 * @s: scope
 * @mutex: the mutex, in memory of the scope
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
#define cdevm_mutex_init(s, mutex)					\
({									\
	static struct lock_class_key __cdevm_mutex_key;			\
									\
	__cdevm_mutex_init(s, mutex, #mutex, &__cdevm_mutex_key);	\
})

/**
 * cdevm_alloc_workqueue() - allocate a workqueue that is destroyed with the scope
 * @s: scope
 * @fmt: printf format of the name
 * @flags: %WQ_* flags
 * @max_active: as for alloc_workqueue()
 *
 * Its work items may run after unbind: they must use cdevm_enter() before they
 * touch hardware. The last reference on the scope must not be dropped from one
 * of them, since the workqueue would wait for itself.
 *
 * Context: Process context, may sleep.
 * Return: the workqueue, %NULL on failure.
 */
#define cdevm_alloc_workqueue(s, fmt, flags, max_active, ...)		\
({									\
	struct workqueue_struct *__wq;					\
									\
	__wq = alloc_workqueue(fmt, flags, max_active, ##__VA_ARGS__);	\
	if (__wq && resmgr_add_action_or_reset(cdevm_mgr(s),		\
					       cdevm_workqueue_destroy, __wq)) \
		__wq = NULL;						\
	__wq;								\
})

#endif /* _LINUX_CDEVM_H */
