/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm: resources that live until the last close of all nodes of a driver
 */

/**
 * DOC: overview
 *
 * Many drivers are written like this::
 *
 *	struct foo {
 *		struct miscdevice misc;
 *		wait_queue_head_t wait;
 *	};
 *
 *	static int foo_probe(struct platform_device *pdev)
 *	{
 *		struct foo *foo = devm_kzalloc(&pdev->dev, sizeof(*foo),
 *					       GFP_KERNEL);
 *		...
 *		return misc_register(&foo->misc);
 *	}
 *
 *	static void foo_remove(struct platform_device *pdev)
 *	{
 *		misc_deregister(&foo->misc);
 *	}	(BUG: foo is freed now, files may be open)
 *
 * misc_deregister() keeps new files from being opened. It does nothing about
 * files that are open. Their ->read(), ->poll() and ->release() are still
 * called, with a freed foo. A user who can open the node and have the device
 * unbound can use freed memory by calling close().
 *
 * Freeing foo in ->release() is no fix, either. A driver with two nodes does
 * not know which release is the last; a reader may sleep on foo->wait; and the
 * hardware is gone already, while the driver is still being called.
 *
 * With a scope, foo is freed after unbind and the last close of every node. After
 * unbind only ->release() is called, and what undoes something, such as an
 * unlock::
 *
 *	struct foo {
 *		struct cdevm_scope scope;
 *		struct miscdevice misc;
 *		wait_queue_head_t wait;
 *	};
 *
 *	static int foo_probe(struct platform_device *pdev)
 *	{
 *		struct foo *foo = devm_cdevm_alloc(&pdev->dev, struct foo,
 *						   scope);
 *
 *		if (IS_ERR(foo))
 *			return PTR_ERR(foo);
 *		...
 *		return cdevm_register_misc(&foo->scope, &foo->misc);
 *	}
 *
 * The rule: hardware is devm, what a file operation uses is cdevm. There is no
 * cdevm_ioremap(), because hardware must not be accessed after unbind, and need
 * not be.
 */
#ifndef _LINUX_CDEVM_H
#define _LINUX_CDEVM_H

#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
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
 * struct cdevm_ops - callbacks and options of a driver
 * @kick: optional; called once, after the gate was revoked and before the wait
 *	for the calls inside. Wake tasks that sleep in the driver here, unless
 *	they use the cdevm_wait_event_*() family. May sleep
 * @released: optional; called after every resource of the scope has been
 *	released, just before the memory of the scope is freed. May sleep
 * @release_at_unbind: ->release() is called at unbind for files that are open
 *	then: after the calls inside have left, before ->remove(), newest file
 *	first. It is called once, and what it gives back, such as a runtime PM
 *	reference, is still there. No method is called for the file afterwards
 * @nodes_go_alone: nodes can be removed one by one, with cdevm_del_cdev() and
 *	the like. Each node then has a gate of its own
 * @mappings_stay: mappings only map memory that they keep themselves, or that
 *	nobody frees, and never registers. They are left alone at unbind, as
 *	without a scope. If files are released at unbind, such a mapping can have
 *	no methods
 */
struct cdevm_ops {
	void (*kick)(struct cdevm_scope *scope);
	void (*released)(struct cdevm_scope *scope);
	bool release_at_unbind;
	bool nodes_go_alone;
	bool mappings_stay;
};

/**
 * enum cdevm_step - a step of the end of a scope that resources can be added to
 * @CDEVM_STEP_KICK: wake calls that sleep in the driver. The gate was revoked;
 *	calls are inside
 * @CDEVM_STEP_UNPUBLISH: remove nodes, and whatever else leads to the driver.
 *	Calls are inside
 * @CDEVM_STEP_STOP: stop what calls have started. No call is inside any more,
 *	and the hardware is still there
 *
 * The steps run in this order, before ->remove(). The resources of a step are
 * released newest first.
 */
enum cdevm_step {
	CDEVM_STEP_KICK,
	CDEVM_STEP_UNPUBLISH,
	CDEVM_STEP_STOP,
	/* private: memory that is freed with the memory of the scope */
	CDEVM_STEP_FREE,
	CDEVM_STEPS,
};

/**
 * struct cdevm_scope - memory and gate of the character devices of a driver
 * @obj: references and resources. One reference is held by the binding, or by
 *	all published nodes of a scope of no driver; one by each open file, each
 *	published cdev and each cdevm_get()
 * @gate: counts calls inside the driver; revoked at unbind
 * @steps: resources of each &enum cdevm_step. Those of %CDEVM_STEP_UNPUBLISH
 *	are the published character devices: @lock serialises additions with the
 *	step. Those of %CDEVM_STEP_FREE stay as long as @mem, even if those of
 *	@obj are released before
 * @lock: serialises publishing with unpublishing. Taken under the device lock,
 *	and outside misc_mtx. No file operation takes it
 * @gone: sleepers of cdevm_wait_event_*(), of poll() and of select(), and
 *	pollers for which no queue of the driver is remembered; woken by the
 *	revoke
 * @fasync_lock: makes a change of the driver's list of files that want SIGIO and
 *	the same change of @fasync one
 * @fasync: files that get SIGIO at the revoke. Protected by locks of its own,
 *	see fasync_helper()
 * @inode: its address space holds all mappings; %NULL while nothing can be
 *	mapped. Written once, before there are mappings
 * @vm_ops: wrapped operations of mappings. Grows without a lock
 * @files: files with a record, by address; see cdevm/files.c. Protected by
 *	@files_lock
 * @open_files: files that nobody has claimed, newest first. Protected by
 *	@files_lock
 * @closing_files: files that are being closed. Protected by @files_lock
 * @late_calls: calls that undo something and are in the driver after the
 *	revoke, of files with a record. Protected by @files_lock
 * @files_lock: protects the four above, @parts, and each record; a leaf
 * @tracked: there is or was something to search for when a file is closed.
 *	Never cleared
 * @polled: a poller is or was on a queue of the driver that it may stay on, as
 *	one of epoll. Never cleared
 * @sticky: some mapping refers to the driver in a way that the gate cannot
 *	guard. Never cleared
 * @mappers: tasks inside mmap(). Protected by a lock of cdevm/mmap.c, which is
 *	taken under the mmap_lock
 * @dev: the device, %NULL once unbound. Valid inside the gate, otherwise
 *	protected by cdevm_live_lock
 * @ops: callbacks of the driver, or %NULL; set by cdevm_set_ops()
 * @owner: module whose text the release functions and file operations are in;
 *	its removal waits for this scope
 * @name: name of the device, copied as the scope may outlive it. Behind it in
 *	the same memory are the names of its bus and its driver, for traces
 * @mem: start of the memory that holds the scope
 * @mem_size: size of that memory in bytes
 * @held: number of holds on @mem: one for all references in @obj together, and
 *	one for each file and cdev that has let go of the driver
 * @alone: a scope of no driver, ended only by cdevm_withdraw(). Constant
 * @nodes_hold: such a scope has a reference for its published nodes. Protected
 *	by @lock
 * @parent: scope that this one is a part of, for a node that can be removed
 *	alone; or %NULL. Held. Constant
 * @parts: such parts of this scope, newest first. Protected by @files_lock
 * @part: link in @parts of @parent
 * @only: the node of a part. Constant once the part is in @parts
 * @passed: number of steps that @parent has run for this part. Used by its
 *	steps only
 * @bound: early resource of the device: its steps end the scope, and its
 *	release drops the reference of the binding
 * @step: the current step that ends the scope, for reports
 * @ender: the task that runs the step, which is not waited for
 * @leaving: link in the list of the scopes that are waited for. This and the
 *	next three are protected by a lock of cdevm/watch.c
 * @left_at: when the wait began, in jiffies
 * @stir_at: when the tasks inside are interrupted next
 * @tell_at: when they are reported next
 * @anon: wrapped file operations of files that are on no node. Grows without a
 *	lock
 * @keys: lock classes of @gate and @put_map. Constant
 * @put_map: lockdep map for the locks that the last cdevm_put() takes
 * @live: link in the list of all scopes. Protected by cdevm_live_lock
 * @id: with %CONFIG_RESMGR_DEBUG: number of the scope, constant
 * @bind_ref: with %CONFIG_RESMGR_DEBUG: the binding holds its reference
 *
 * All fields are private to cdevm.
 */
struct cdevm_scope {
	struct resmgr_object	obj;
	struct resmgr_gate	gate;
	struct resmgr		steps[CDEVM_STEPS];
	struct mutex		lock;	/* publish against unpublish */
	wait_queue_head_t	gone;
	struct mutex		fasync_lock;	/* both lists of SIGIO */
	struct fasync_struct	*fasync;
	struct inode		*inode;
	struct cdevm_vm_ops	*vm_ops;
	struct rb_root		files;
	struct list_head	open_files;
	struct list_head	closing_files;
	struct list_head	late_calls;
	spinlock_t		files_lock;	/* the four above, and each record */
	bool			tracked;
	bool			polled;
	bool			sticky;
	struct list_head	mappers;
	struct device		*dev;
	const struct cdevm_ops	*ops;
	struct module		*owner;
	const char		*name;
	void			*mem;
	size_t			mem_size;
	refcount_t		held;
	bool			alone;
	bool			nodes_hold;
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

/* Lock classes of a scope: of its gate, and of its last cdevm_put(). */
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
 * The scope belongs to the devres group that is open, as any devm resource
 * does, and ends when the group is released. @dev has to be the device whose
 * driver is being probed, not its parent: see __devm_cdevm_alloc().
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
 * devm_cdevm_create() - create a bare scope that is not embedded
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
 * @name: name of the scope, for traces and the log; copied
 * @type: type of the struct
 * @member: name of the &struct cdevm_scope in it
 *
 * For objects that come and go while a driver is bound, or without any driver:
 * for example a device that is created by an ioctl of a control node.
 * cdevm_withdraw() ends the scope. After that the creator drops its reference
 * with cdevm_put(). Before the first node is published, cdevm_put() alone is
 * enough. A published node holds the scope: if it is never withdrawn, the
 * removal of the module waits for it, and says so.
 *
 * A scope that uses something of a device has to end before that is released,
 * in ->remove() at the latest.
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
 * Whichever comes first, and once. At unbind it is called after the calls
 * inside have left, and before ->remove(). The actions of a file run newest
 * first, and before its ->release(). They also run if an open() that has added
 * them fails. An unlock, or another call that undoes something, does not run
 * beside them. One that comes later still reaches the driver, unless the
 * ->release() was called at unbind, too.
 *
 * Context: Process context, may sleep. From a file operation, or after
 * cdevm_enter() with a reference on @file.
 * Return: 0; -ENOMEM; -ENODEV if unbinding has begun or the file is being
 * closed; -EINVAL with a WARN if the file is not of a scope. On an error the
 * function has not been called.
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
 * struct cdevm_node_type - a kind of node that a subsystem creates
 * @name: for traces
 * @fops: file operations of such nodes without a scope; %NULL if each driver
 *	has its own
 * @add: make the node visible. It has to call cdevm_node_wrap() with the cdev
 *	of the node before it adds that; and cdevm_node_hold() with the struct
 *	device of the node. If many nodes share one cdev, it puts
 *	cdevm_node_fops() into the table in which the node is looked up. May
 *	sleep. %NULL for files that are not nodes
 * @remove: make it invisible; %NULL if that is done later, in ->remove() or as
 *	a devm resource. Calls may be inside. May sleep
 * @hangup: what poll() reports when the device is gone; 0 for EPOLLHUP |
 *	EPOLLERR
 * @mappings_stay: as in &struct cdevm_ops, for nodes of this type
 */
struct cdevm_node_type {
	const char *name;
	const struct file_operations *fops;
	int (*add)(struct cdevm_node *node, void *data);
	void (*remove)(void *data);
	__poll_t hangup;
	bool mappings_stay;
};

/* For subsystems with their own functions to publish a node. */
int cdevm_publish_node(struct cdevm_scope *scope,
		       const struct cdevm_node_type *type, const char *name,
		       void *data);
int cdevm_publish_dispatched(struct cdevm_scope *scope,
			     const struct cdevm_node_type *type,
			     const struct file_operations *fops, const char *name,
			     void *data);
void cdevm_unpublish_node(struct cdevm_node *node);
void cdevm_node_wrap(struct cdevm_node *node, struct cdev *cdev);
void cdevm_node_hold(struct cdevm_node *node, struct device *device);
const struct file_operations *cdevm_node_fops(const struct cdevm_node *node);
struct cdevm_scope *cdevm_node_scope(const struct cdevm_node *node);

/* For subsystems whose nodes create files that are not nodes. */
struct cdevm_fops;

struct cdevm_fops *cdevm_wrap_files(struct cdevm_scope *scope,
				    const struct cdevm_node_type *type);
struct file *cdevm_anon_inode_getfile(struct cdevm_fops *wrapped, void *priv,
				      int flags);
const struct file_operations *cdevm_file_operations(const struct file *file);

/**
 * cdevm_add_step_action() - add an action to a step of the end of a scope
 * @s: scope
 * @step: the &enum cdevm_step
 * @action: function to call; may sleep
 * @data: its argument
 *
 * The action is called once, in that step.
 *
 * Context: Process context, may sleep. From probe, under the device lock.
 * Return: as resmgr_add_action().
 */
#define cdevm_add_step_action(s, step, action, data) \
	resmgr_add_action(&(s)->steps[step], action, data)

/**
 * cdevm_add_kick_action() - add an action that wakes sleepers at unbind
 * @s: scope
 * @action: function to call
 * @data: its argument
 *
 * For helpers of a subsystem, as &cdevm_ops.kick is for a driver: an action of
 * %CDEVM_STEP_KICK.
 *
 * Context: As cdevm_add_step_action().
 * Return: as resmgr_add_action().
 */
#define cdevm_add_kick_action(s, action, data) \
	cdevm_add_step_action(s, CDEVM_STEP_KICK, action, data)

/**
 * cdevm_add_stop_action() - add an action that stops activity at unbind
 * @s: scope
 * @action: function to call
 * @data: its argument
 *
 * For activity that continues after the call that started it has returned, such
 * as streaming: an action of %CDEVM_STEP_STOP. A ->release() that began after
 * the revoke may run at the same time: use a lock that both take.
 *
 * Context: As cdevm_add_step_action().
 * Return: as resmgr_add_action().
 */
#define cdevm_add_stop_action(s, action, data) \
	cdevm_add_step_action(s, CDEVM_STEP_STOP, action, data)

/**
 * cdevm_enter() - begin a call into the driver
 * @scope: scope
 *
 * For work items, timers and in-kernel callers that access the hardware. File
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
 * cdevm_is_revoked() - test whether unbinding has begun
 * @scope: scope
 *
 * Context: Any context.
 * Return: true once the revoke has begun; see resmgr_gate_is_revoked().
 */
static inline bool cdevm_is_revoked(const struct cdevm_scope *scope)
{
	return resmgr_gate_is_revoked(&scope->gate);
}

/**
 * cdevm_device() - get the device of a scope
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
 * The statement is skipped if the device is being unbound; leaving it by
 * return, break or goto exits the gate.
 *
 * Context: As cdevm_enter().
 */
#define cdevm_scoped_enter(_scope)					\
	for (CLASS(cdevm_entered, __entered)(_scope), *__left = NULL;	\
	     __entered && !__left; __left = (void *)1)

/**
 * struct cdevm_waiter - a task that sleeps in a driver
 * @entry: on &cdevm_scope.gone, so that the revoke wakes the task itself,
 *	whatever wait queue it sleeps on
 */
struct cdevm_waiter {
	struct wait_queue_entry entry;
};

struct cdevm_scope *cdevm_waiting_scope(struct cdevm_scope *scope);
void cdevm_wait_begin(struct cdevm_scope *scope, struct cdevm_waiter *waiter);
void cdevm_wait_end(struct cdevm_scope *scope, struct cdevm_waiter *waiter);

/* Common part of the family below: @wait is the kernel's macro that waits. */
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
 * cdevm_wait_event_interruptible() - wait_event_interruptible() ended by unbind
 * @scope: scope
 * @wq: wait queue of the driver
 * @condition: what to wait for
 *
 * Context: Process context, may sleep. From inside a file operation, or after
 * cdevm_enter().
 * Return: 0 if @condition became true; -ERESTARTSYS on a signal; -ENODEV if the
 * device is being unbound, whatever the value of @condition.
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
 * An ordinary wake_up() of @wq wakes one such sleeper; an unbind wakes all.
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
 * Return: 0 if @condition became true; -ERESTARTSYS on a fatal signal; -ENODEV
 * if the device is being unbound.
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
 * Return: remaining jiffies, at least 1, if @condition became true; 0 on
 * timeout; -ERESTARTSYS on a signal; -ENODEV if the device is being unbound.
 */
#define cdevm_wait_event_interruptible_timeout(scope, wq, condition, timeout) \
	__cdevm_wait_event(scope, long, wait_event_interruptible_timeout, \
			   (wq), (condition) || cdevm_is_revoked(__scope), timeout)

/**
 * cdevm_wait_event_timeout() - the same, ignoring signals
 * @scope: scope
 * @wq: wait queue of the driver
 * @condition: what to wait for
 * @timeout: jiffies
 *
 * Context: Process context, may sleep. From inside a file operation, or after
 * cdevm_enter().
 * Return: remaining jiffies, at least 1, if @condition became true; 0 on
 * timeout; -ENODEV if the device is being unbound.
 */
#define cdevm_wait_event_timeout(scope, wq, condition, timeout)		\
	__cdevm_wait_event(scope, long, wait_event_timeout,		\
			   (wq), (condition) || cdevm_is_revoked(__scope), timeout)

/*
 * Memory and actions: resmgr_*() with the scope as the owner. Arguments and
 * return values are documented there. The type of the first argument keeps a
 * devm lifetime from being mistaken for a cdevm one.
 *
 * There is no cdevm_ioremap() and no cdevm_request_irq(), on purpose: hardware
 * is gone at unbind, so use devm_*() for it.
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
#define cdevm_kmemdup_array(s, src, n, size, gfp) \
	resmgr_kmemdup(cdevm_mgr(s), src, size_mul(n, size), gfp)
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
 * cdevm_alloc_workqueue() - allocate a workqueue destroyed with the scope
 * @s: scope
 * @fmt: printf format of the name
 * @flags: %WQ_* flags
 * @max_active: as for alloc_workqueue()
 *
 * Its work items may run after unbind: they must use cdevm_enter() before they
 * access hardware. None of them may drop the last reference on the scope, since
 * the workqueue would wait for itself.
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
