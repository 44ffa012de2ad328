/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Resource manager: an ordered list of resources attached to any owner
 */

/**
 * DOC: overview
 *
 * A driver acquires resources in an order, and has to release them in the
 * reverse order when something ends. What ends differs: the binding of a driver
 * to its device (devm_*), a DRM device (drmm_*), the last open file of a driver
 * (cdevm_*), or an object of yours. The list of resources is the same each
 * time. That list is &struct resmgr. The three interfaces are thin typed front
 * ends over it.
 *
 * A &struct resmgr is embedded in its owner, any object that knows when it
 * ends. Resources are added while the owner is being set up, and are released
 * in the exact reverse of that order when it goes away. The class of the owner
 * says what kind of owner it is, and how to name it in traces::
 *
 *	struct foo {
 *		struct kref	kref;
 *		struct resmgr	mgr;
 *	};
 *
 *	static const struct resmgr_class foo_class = {
 *		.name		= "foo",
 *		.owner_name	= foo_name,
 *	};
 *
 *	resmgr_init(&foo->mgr, &foo_class);
 *	foo->table = resmgr_kcalloc(&foo->mgr, n, sizeof(*foo->table),
 *				    GFP_KERNEL);
 *	...
 *	(the last reference was dropped)
 *	resmgr_release_final(&foo->mgr);
 *
 * For an owner that is only a reference count there is &struct resmgr_object.
 */
#ifndef _LINUX_RESMGR_H
#define _LINUX_RESMGR_H

#include <linux/gfp_types.h>
#include <linux/numa.h>
#include <linux/overflow.h>
#include <linux/rbtree_types.h>
#include <linux/refcount.h>
#include <linux/spinlock_types.h>
#include <linux/stdarg.h>
#include <linux/types.h>

struct device;
struct resmgr;
struct resmgr_node;
struct resmgr_step;

/**
 * typedef resmgr_release_t - release function of an embedded resource
 * @mgr: the manager that the resource was on
 * @node: the resource; the function may free the memory that it is in
 */
typedef void (*resmgr_release_t)(struct resmgr *mgr, struct resmgr_node *node);

/**
 * typedef resmgr_action_t - a function to call at release time
 * @data: argument that was given when the action was added
 */
typedef void (*resmgr_action_t)(void *data);

/**
 * typedef resmgr_match_t - test whether a resource is the wanted one
 * @mgr: the manager that is searched
 * @node: a resource of the kind and with the release function to search for
 * @data: argument of the search function
 *
 * Called with the manager's lock held and interrupts off: must not sleep, and
 * must not call back into the same manager.
 */
typedef bool (*resmgr_match_t)(struct resmgr *mgr, struct resmgr_node *node,
			       const void *data);

/**
 * enum resmgr_kind - what an entry stands for, hence how it is released
 * @RESMGR_NODE: embedded in a struct of its user, see resmgr_node_init();
 *	the release function is a &typedef resmgr_release_t
 * @RESMGR_DATA: a &struct resmgr_data with a release function of the class's
 *	own type; the core frees the memory after the function has run
 * @RESMGR_MEM: a &struct resmgr_data that is plain memory
 * @RESMGR_ACTION: a &struct resmgr_action, see resmgr_add_action()
 * @RESMGR_TYPED_ACTION: a &struct resmgr_action with a function of the class's
 *	own type, see resmgr_add_typed_action()
 * @RESMGR_PAGES: a &struct resmgr_action; data is the address with the page
 *	order in the bits below %PAGE_SHIFT
 * @RESMGR_PERCPU: a &struct resmgr_action; data is the per-CPU pointer
 * @RESMGR_EARLY: a &struct resmgr_early, embedded in a struct of its user; the
 *	release function is a &typedef resmgr_release_t
 * @RESMGR_EARLY_ACTION: a &struct resmgr_action that is called before any other
 *	resource is released, see resmgr_add_early_action()
 * @RESMGR_GROUP_OPEN: opening marker of a group, not a resource. The markers
 *	come last
 * @RESMGR_GROUP_CLOSE: closing marker of a group, not a resource
 */
enum resmgr_kind {
	RESMGR_NODE,
	RESMGR_DATA,
	RESMGR_MEM,
	RESMGR_ACTION,
	RESMGR_TYPED_ACTION,
	RESMGR_PAGES,
	RESMGR_PERCPU,
	RESMGR_EARLY,
	RESMGR_EARLY_ACTION,
	RESMGR_GROUP_OPEN,
	RESMGR_GROUP_CLOSE,
};

/**
 * struct resmgr_node - one entry on a manager: a resource or a group marker
 * @older: the entry that was added before this one; %NULL when this one is on
 *	no manager. Protected by the lock of the manager
 * @fn: release function, of the type that @kind says. Cast back to that type
 *	before it is called, as control flow integrity demands
 * @name: for traces and warnings. A string constant, or a string in the memory
 *	of the node if the core frees that
 * @size: bytes, for traces only; saturates at %U32_MAX
 * @kind: an &enum resmgr_kind
 * @added: with %CONFIG_RESMGR_DEBUG: time of the addition, by
 *	ktime_get_mono_fast_ns()
 * @caller: with %CONFIG_RESMGR_DEBUG: who added it, the first caller outside
 *	the managed interfaces; 0 if unknown
 * @mgr: with %CONFIG_RESMGR_DEBUG: the manager that it is on, if that has a
 *	&resmgr_class.dev
 * @block: with %CONFIG_RESMGR_DEBUG: link in the index of memory that is freed
 *	at unbind, see &resmgr_class.dev. Protected by the lock of the index
 *
 * It is 32 bytes on 64-bit machines without RESMGR_DEBUG. The singly linked
 * list, newest first, keeps it that small. Resources are normally released in
 * the reverse order of their addition, so the common removal is at the head. A
 * removal from the middle walks from the newest entry. devres has always walked
 * the list, as it finds resources by what they hold. Here the walk also proves
 * that the resource is on the manager that the caller named.
 */
struct resmgr_node {
	struct resmgr_node	*older;
	void			*fn;
	const char		*name;
	u32			size;
	u32			kind;
#ifdef CONFIG_RESMGR_DEBUG
	u64			added;
	unsigned long		caller;
	struct resmgr		*mgr;
	struct rb_node		block;
#endif
};

/**
 * struct resmgr_data - a resource with memory behind it
 * @node: the node
 * @data: the memory that the caller gets
 *
 * The node is always right before the data, so that either is found from the
 * other. It is not always at the start of the allocation: where the data needs
 * a larger alignment than this struct has, there is padding before the node. So
 * only resmgr_data_free() and the core free it.
 */
struct resmgr_data {
	struct resmgr_node	node;
	u8 __aligned(__alignof__(unsigned long long)) data[];
};

/**
 * struct resmgr_action - a resource that holds one pointer
 * @node: the node; for an action, its @fn is the function itself
 * @data: argument of the function, or the resource
 */
struct resmgr_action {
	struct resmgr_node	node;
	void			*data;
};

/**
 * struct resmgr_early - a resource with steps that run before any release
 * @node: the node. Its own release comes in its turn in the list
 * @step: does one step; may sleep
 * @steps: number of steps
 * @next: number of the next step. Protected by the lock of the manager
 * @busy: the step in progress, or %NULL. Protected by the lock of the manager
 *
 * A release of several resources, all of a manager or those of a group, begins
 * with the early ones among them: the first step of each, newest first, then
 * the second step of each, and so on; then the early actions, newest first.
 * Only then are the resources released.
 */
struct resmgr_early {
	struct resmgr_node	node;
	void			(*step)(struct resmgr_early *early, unsigned int step);
	unsigned int		steps;
	unsigned int		next;
	struct resmgr_step	*busy;
};

/**
 * enum resmgr_op - what happened to an entry, for &resmgr_class.log
 * @RESMGR_OP_ADD: it was put on a manager
 * @RESMGR_OP_REMOVE: it was taken off without a release
 * @RESMGR_OP_REPLACE: another entry took its place
 * @RESMGR_OP_RELEASE: it was taken off and is about to be released
 */
enum resmgr_op {
	RESMGR_OP_ADD,
	RESMGR_OP_REMOVE,
	RESMGR_OP_REPLACE,
	RESMGR_OP_RELEASE,
};

/**
 * struct resmgr_origin - where an owner comes from, for traces
 * @bus: name of the bus that the device is on; %NULL if none
 * @driver: name of the driver that is bound to the device; %NULL if none
 *
 * Names of devices are unique on a bus only.
 */
struct resmgr_origin {
	const char	*bus;
	const char	*driver;
};

/**
 * struct resmgr_class - a kind of owner
 * @name: short name, as in traces: "devm", "drmm", "cdevm"
 * @owner_name: name of the owner of a manager, for traces and warnings. Called
 *	with or without the manager's lock; must not sleep
 * @release: calls the release function @fn of a %RESMGR_DATA resource, whose
 *	type only the class knows, with its data as @res; or the function of a
 *	%RESMGR_TYPED_ACTION, with its argument as @res. %NULL for a class
 *	without such resources
 * @log: optional; called for each &enum resmgr_op while resmgr_log_get() is in
 *	force, with the manager's lock held and interrupts off
 * @log_switch: optional, for a log with a switch of its own: @log is called
 *	while it is not 0, whatever resmgr_log_get() says
 * @nid: optional; returns the NUMA node that memory of this owner should come
 *	from
 * @mem_name: optional; name of memory in traces
 * @origin: optional; returns the bus and the driver that the owner belongs to,
 *	for traces. Called with or without the manager's lock; must not sleep
 * @dev: optional, for owners whose resources are released when a driver is
 *	unbound: returns the device that it is unbound from. RESMGR_DEBUG warns
 *	of objects in such memory that others can hold for longer
 * @last_put: optional, used by &struct resmgr_object: called when the last
 *	reference has gone, before the resources are released
 * @free: optional, used by &struct resmgr_object: frees the memory of the owner
 *	after its last resource was released
 */
struct resmgr_class {
	const char	*name;
	const char	*(*owner_name)(const struct resmgr *mgr);
	void		(*release)(struct resmgr *mgr, void *fn, void *res);
	void		(*log)(struct resmgr *mgr, const struct resmgr_node *node,
			       enum resmgr_op op);
	const unsigned long *log_switch;
	int		(*nid)(const struct resmgr *mgr);
	const char	*mem_name;
	struct resmgr_origin (*origin)(const struct resmgr *mgr);
	struct device	*(*dev)(const struct resmgr *mgr);
	void		(*last_put)(struct resmgr *mgr);
	void		(*free)(struct resmgr *mgr);
};

/**
 * struct resmgr - the resources of one owner
 * @lock: protects the list, the @older link of every entry on it, @seq,
 *	@releasing and @early. A leaf but for match functions. Never held while
 *	a release function runs
 * @seq: number of trace events so far; each event carries its number. It has 24
 *	bits: 0xffffff is followed by 0
 * @releasing: how many calls of resmgr_release_all() are running: a release
 *	function may call it, too
 * @log: the class has a &resmgr_class.log_switch; constant
 * @early: there may be early resources or actions that have not run
 * @newest: head of the list. %NULL before resmgr_init() and after
 *	resmgr_release_final(), so that additions are refused. Protected by
 *	@lock
 * @class: kind of the owner
 * @live: with %CONFIG_RESMGR_DEBUG: link in the list of the managers that have
 *	resources; see lib/resmgr/debug/debugfs.c
 * @count: with %CONFIG_RESMGR_DEBUG: number of entries on the list. Protected
 *	by @lock
 * @released: with %CONFIG_RESMGR_DEBUG: resmgr_release_all() was called, even
 *	if the list was empty
 *
 * It is 24 bytes on 64-bit machines without lock debugging: the size of a
 * spinlock and a list head.
 */
struct resmgr {
	spinlock_t			lock;	/* list, seq, releasing */
	u32				seq:24;
	u32				releasing:6;
	u32				log:1;
	u32				early:1;
	struct resmgr_node		*newest;
	const struct resmgr_class	*class;
#ifdef CONFIG_RESMGR_DEBUG
	struct list_head		live;
	u32				count;
	bool				released;
#endif
};

void __resmgr_init(struct resmgr *mgr, const struct resmgr_class *class,
		   const char *name, struct lock_class_key *key);

/**
 * resmgr_init() - make a manager ready for use
 * @mgr: the manager, embedded in its owner
 * @class: kind of the owner
 *
 * Each place that calls this gets a lock class of its own for lockdep.
 *
 * Context: Any context.
 */
#define resmgr_init(mgr, class)						\
do {									\
	static struct lock_class_key __resmgr_key;			\
									\
	__resmgr_init(mgr, class, #mgr, &__resmgr_key);			\
} while (0)

int resmgr_release_all(struct resmgr *mgr);
int resmgr_release_final(struct resmgr *mgr);
bool resmgr_empty(const struct resmgr *mgr);
const char *resmgr_owner_name(const struct resmgr *mgr);
struct resmgr_origin resmgr_origin(const struct resmgr *mgr);
struct resmgr_origin resmgr_device_origin(const struct device *dev);

void resmgr_log_get(void);
void resmgr_log_put(void);

/* Resources */
void resmgr_node_init(struct resmgr_node *node, resmgr_release_t release,
		      const char *name, size_t size);
int resmgr_node_add(struct resmgr *mgr, struct resmgr_node *node);
int resmgr_node_remove(struct resmgr *mgr, struct resmgr_node *node);
int resmgr_node_replace(struct resmgr *mgr, struct resmgr_node *old,
			struct resmgr_node *new);

struct resmgr_node *resmgr_find(struct resmgr *mgr, enum resmgr_kind kind,
				void *fn, resmgr_match_t match,
				const void *data);
struct resmgr_node *resmgr_find_or_add(struct resmgr *mgr,
				       struct resmgr_node *new,
				       resmgr_match_t match, const void *data);
struct resmgr_node *resmgr_find_remove(struct resmgr *mgr, enum resmgr_kind kind,
				       void *fn, resmgr_match_t match,
				       const void *data);
int resmgr_find_release(struct resmgr *mgr, enum resmgr_kind kind,
			void *fn, resmgr_match_t match, const void *data);
int resmgr_for_each(struct resmgr *mgr,
		    int (*fn)(struct resmgr *mgr, struct resmgr_node *node,
			      void *data),
		    void *data);

/* Early resources and early actions */
void resmgr_early_init(struct resmgr_early *early,
		       void (*step)(struct resmgr_early *early, unsigned int step),
		       unsigned int steps, resmgr_release_t release,
		       const char *name);
int resmgr_early_add(struct resmgr *mgr, struct resmgr_early *early);
void resmgr_early_finish(struct resmgr *mgr, struct resmgr_early *early);
int resmgr_release_early(struct resmgr *mgr);
int __resmgr_add_early_action(struct resmgr *mgr, resmgr_action_t action,
			      void *data, const char *name);
int resmgr_remove_early_action(struct resmgr *mgr, resmgr_action_t action,
			       void *data);

/**
 * resmgr_add_early_action() - call a function before any resource is released
 * @mgr: manager
 * @action: function to call
 * @data: its argument
 *
 * @action is called before any resource of @mgr, or of the group that it
 *	belongs to, is released. The early actions run newest first, after all
 *	steps of the early resources.
 *
 * Context: Process context, may sleep (allocates with %GFP_KERNEL).
 * Return: as resmgr_add_action().
 */
#define resmgr_add_early_action(mgr, action, data) \
	__resmgr_add_early_action(mgr, action, data, #action)

/* Groups */
void * __must_check __resmgr_open_group(struct resmgr *mgr, void *id,
					unsigned int tag, gfp_t gfp);
void * __must_check resmgr_open_group(struct resmgr *mgr, void *id, gfp_t gfp);
bool resmgr_in_group(struct resmgr *mgr, unsigned int tag);
int resmgr_close_group(struct resmgr *mgr, void *id);
int resmgr_remove_group(struct resmgr *mgr, void *id);
int resmgr_release_group(struct resmgr *mgr, void *id);

/* Actions */
int __resmgr_add_action(struct resmgr *mgr, resmgr_action_t action, void *data,
			const char *name);
int __resmgr_add_action_or_reset(struct resmgr *mgr, resmgr_action_t action,
				 void *data, const char *name);
int resmgr_remove_action(struct resmgr *mgr, resmgr_action_t action, void *data);
int resmgr_release_action(struct resmgr *mgr, resmgr_action_t action, void *data);
int resmgr_add_typed_action(struct resmgr *mgr, void *fn, void *data,
			    const char *name);
int resmgr_release_typed_action(struct resmgr *mgr, void *fn, void *data);

/**
 * resmgr_add_action() - call a function at release time
 * @mgr: manager
 * @action: function to call
 * @data: its argument
 *
 * Context: Process context, may sleep (allocates with %GFP_KERNEL).
 * Return: 0; -ENOMEM; -ESHUTDOWN after the final release. On an error the
 * function has not been called.
 */
#define resmgr_add_action(mgr, action, data) \
	__resmgr_add_action(mgr, action, data, #action)

/**
 * resmgr_add_action_or_reset() - call a function at release time, or at once
 * @mgr: manager
 * @action: function to call
 * @data: its argument
 *
 * Like resmgr_add_action(), but calls the function at once if that fails. So
 * the caller need not undo what the action was to undo.
 *
 * Context: Process context, may sleep.
 * Return: 0; -ENOMEM or -ESHUTDOWN after having called @action.
 */
#define resmgr_add_action_or_reset(mgr, action, data) \
	__resmgr_add_action_or_reset(mgr, action, data, #action)

/* Memory */
struct resmgr_data *__resmgr_data_alloc(enum resmgr_kind kind, void *fn,
					size_t size, gfp_t gfp, int nid,
					const char *name, unsigned long caller);
void resmgr_data_free(struct resmgr_data *data);

void *__resmgr_kmalloc(struct resmgr *mgr, size_t size, gfp_t gfp, int nid,
		       const char *name, unsigned long caller) __alloc_size(2);
void *resmgr_kmalloc(struct resmgr *mgr, size_t size, gfp_t gfp) __alloc_size(2);
void * __must_check resmgr_krealloc(struct resmgr *mgr, void *ptr, size_t size,
				    gfp_t gfp) __realloc_size(3);
int resmgr_kfree(struct resmgr *mgr, const void *ptr);
void *resmgr_kmemdup(struct resmgr *mgr, const void *src, size_t len,
		     gfp_t gfp) __realloc_size(3);
char *resmgr_kstrdup(struct resmgr *mgr, const char *s, gfp_t gfp) __malloc;
const char *resmgr_kstrdup_const(struct resmgr *mgr, const char *s, gfp_t gfp);
char *resmgr_kvasprintf(struct resmgr *mgr, gfp_t gfp, const char *fmt,
			va_list ap) __printf(3, 0) __malloc;
char *resmgr_kasprintf(struct resmgr *mgr, gfp_t gfp, const char *fmt,
		       ...) __printf(3, 4) __malloc;

/**
 * resmgr_kzalloc() - managed kzalloc()
 * @mgr: manager
 * @size: bytes
 * @gfp: allocation flags
 *
 * Context: What @gfp allows.
 * Return: zeroed memory, %ZERO_SIZE_PTR for no bytes, %NULL on failure.
 */
static inline void *resmgr_kzalloc(struct resmgr *mgr, size_t size, gfp_t gfp)
{
	return resmgr_kmalloc(mgr, size, gfp | __GFP_ZERO);
}

/**
 * resmgr_kmalloc_array() - managed kmalloc_array()
 * @mgr: manager
 * @n: number of elements
 * @size: bytes of one element
 * @gfp: allocation flags
 *
 * Context: What @gfp allows.
 * Return: memory, %ZERO_SIZE_PTR for no bytes, %NULL on failure or if the
 * product overflows.
 */
static inline void *resmgr_kmalloc_array(struct resmgr *mgr, size_t n,
					 size_t size, gfp_t gfp)
{
	return resmgr_kmalloc(mgr, size_mul(n, size), gfp);
}

/**
 * resmgr_kcalloc() - managed kcalloc()
 * @mgr: manager
 * @n: number of elements
 * @size: bytes of one element
 * @gfp: allocation flags
 *
 * Context: What @gfp allows.
 * Return: as resmgr_kmalloc_array(), zeroed.
 */
static inline void *resmgr_kcalloc(struct resmgr *mgr, size_t n, size_t size,
				   gfp_t gfp)
{
	return resmgr_kmalloc(mgr, size_mul(n, size), gfp | __GFP_ZERO);
}

/**
 * resmgr_krealloc_array() - managed krealloc_array()
 * @mgr: manager
 * @ptr: memory of this manager, or %NULL
 * @n: new number of elements
 * @size: bytes of one element
 * @gfp: allocation flags
 *
 * Context: What @gfp allows.
 * Return: as resmgr_krealloc(); %NULL if the product overflows.
 */
static inline void * __must_check
resmgr_krealloc_array(struct resmgr *mgr, void *ptr, size_t n, size_t size,
		      gfp_t gfp)
{
	return resmgr_krealloc(mgr, ptr, size_mul(n, size), gfp);
}

unsigned long __resmgr_get_free_pages(struct resmgr *mgr, gfp_t gfp,
				      unsigned int order, const char *name);
int resmgr_free_pages(struct resmgr *mgr, unsigned long addr);
void __percpu *__resmgr_alloc_percpu(struct resmgr *mgr, size_t size,
				     size_t align, const char *name);
int resmgr_free_percpu(struct resmgr *mgr, void __percpu *ptr);

/**
 * resmgr_get_free_pages() - managed __get_free_pages()
 * @mgr: manager
 * @gfp: allocation flags
 * @order: 2^order pages
 *
 * Context: Process context, may sleep.
 * Return: address, 0 on failure.
 */
#define resmgr_get_free_pages(mgr, gfp, order) \
	__resmgr_get_free_pages(mgr, gfp, order, "pages")

/**
 * resmgr_alloc_percpu() - managed alloc_percpu()
 * @mgr: manager
 * @type: type of each CPU's instance
 *
 * Context: Process context, may sleep.
 * Return: zeroed per-CPU memory, %NULL on failure.
 */
#define resmgr_alloc_percpu(mgr, type)					\
	((typeof(type) __percpu *)__resmgr_alloc_percpu(mgr, sizeof(type), \
							 __alignof__(type), "percpu"))

/**
 * struct resmgr_object - a refcounted owner, for code that has none
 * @mgr: its resources. Releasing them is all that its release does
 * @ref: reference count
 *
 * After the last resmgr_object_put() the resources are released and then
 * &resmgr_class.free is called.
 */
struct resmgr_object {
	struct resmgr	mgr;
	refcount_t	ref;
};

/**
 * struct resmgr_holder - the holder of a reference on an object
 * @entry: with %CONFIG_RESMGR_DEBUG: link in the table of all holders
 * @queue: with %CONFIG_RESMGR_DEBUG: link in the search for a circle
 * @by: with %CONFIG_RESMGR_DEBUG: manager of the holder; %NULL if unknown
 * @of: with %CONFIG_RESMGR_DEBUG: manager of the held object
 * @since: with %CONFIG_RESMGR_DEBUG: time when the reference was taken, by
 *	ktime_get_mono_fast_ns()
 * @caller: with %CONFIG_RESMGR_DEBUG: who took it; 0 if unknown
 * @class: with %CONFIG_RESMGR_DEBUG: name of the class of the holder
 * @name: with %CONFIG_RESMGR_DEBUG: name of the holder
 *
 * Embed it in the handle that has the reference. It has no size without
 * RESMGR_DEBUG.
 */
struct resmgr_holder {
#ifdef CONFIG_RESMGR_DEBUG
	struct hlist_node	entry;
	struct list_head	queue;
	const struct resmgr	*by;
	const struct resmgr	*of;
	u64			since;
	unsigned long		caller;
	char			class[16];
	char			name[48];
#endif
};

void __resmgr_object_init(struct resmgr_object *obj,
			  const struct resmgr_class *class, const char *name,
			  struct lock_class_key *key);

/**
 * resmgr_object_init() - initialise an object with one reference
 * @obj: the object
 * @class: kind of owner
 *
 * Context: Any context.
 */
#define resmgr_object_init(obj, class)					\
do {									\
	static struct lock_class_key __resmgr_key;			\
									\
	__resmgr_object_init(obj, class, #obj, &__resmgr_key);		\
} while (0)

void resmgr_object_get(struct resmgr_object *obj);
bool __must_check resmgr_object_tryget(struct resmgr_object *obj);
void resmgr_object_put(struct resmgr_object *obj);
int __must_check resmgr_hold(struct resmgr *child, struct resmgr_object *parent);

#endif /* _LINUX_RESMGR_H */
